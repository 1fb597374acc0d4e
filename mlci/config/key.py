"""What a key of mlci.yml says about itself: the metadata that loader, schema, command line and reference all read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field
from typing import Any, Literal

# Who decides a key on a change: the branch it would be merged to, or the change itself.
Owner = Literal["base", "head"]

# Names that end up in branch names, folders and registry aliases: nothing that could leave a folder or start an option.
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
NAMED: dict[str, Any] = {
    "pattern": NAME,
    "pattern_help": "letters, digits, '.', '_' and '-', starting with a letter or a digit",
}


@dataclass(frozen=True, kw_only=True)
class Key:
    """The facts about one key.

    Attributes:
        help: what the key means, as one or two sentences.
        minimum: smallest allowed number.
        maximum: largest allowed number.
        exclusive: whether minimum and maximum themselves are refused.
        pattern: what a text must match as a whole.
        pattern_help: the same in words.
        repeated: whether a text that does not match is repeated in the message; not where it may hold a credential.
        names: what the entries of a mapping are named after: metrics, or names of the user's own.
        names_alone: whether a plain list of names is accepted for a mapping.
        one_alone: whether a single value is accepted for a list of one.
        of_metric: whether the number is a value of the metric that the enclosing entry names.
        gain: whether a tolerance's text is a gain that is asked for, and not a loss that is accepted.
        example: a value as it would be written in YAML.
        required: whether an item of a list must have it; no key of another block is.
        owner: who decides the key on a change, and every key below it that says nothing; None is as the key above.
    """

    help: str
    minimum: float | None = None
    maximum: float | None = None
    exclusive: bool = False
    pattern: str | None = None
    pattern_help: str | None = None
    repeated: bool = True
    names: str | None = None
    names_alone: bool = False
    one_alone: bool = False
    of_metric: bool = False
    gain: bool = False
    example: str | None = None
    required: bool = False
    owner: Owner | None = None


def key(*, default: Any = MISSING, factory: Callable[[], Any] | None = None, **facts: Any) -> Any:
    """Declare one key; the arguments besides default and factory are those of Key."""
    metadata = {"key": Key(**facts)}
    if factory is not None:
        return field(default_factory=factory, metadata=metadata)
    return field(default=default, metadata=metadata)


def key_of(declared: Field[Any]) -> Key:
    """The facts that a field of the model was declared with."""
    facts = declared.metadata["key"]
    assert isinstance(facts, Key)  # noqa: S101 - a model field without key() is a mistake in this package
    return facts


def spelled(declared: Field[Any]) -> str:
    """The key as it stands in mlci.yml: a field that would be a Python keyword ends in an underscore there."""
    return declared.name.rstrip("_")

"""What a command is: its parameters, outputs, exits and permissions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mlci.config.model import Config
from mlci.config.shape import Shape, main_keys, shape_at, shapes
from mlci.errors import Exit
from mlci.surface.spelling import spell

Kind = Literal["path", "text", "number", "boolean", "choice", "names", "tolerance"]
ForgeName = Literal["github", "gitlab"]

_KINDS: dict[str, Kind] = {
    "text": "text", "number": "number", "integer": "number", "boolean": "boolean", "choice": "choice",
    "tolerance": "tolerance", "duration": "text", "date": "text", "list": "names", "mapping": "names",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Param:
    """One parameter of a command.

    Attributes:
        name: the flag without its dashes; inputs of actions and components carry the same name.
        kind: what its value is.
        help: what it means, as one or two sentences.
        required: whether the command refuses to start without it.
        unless: another parameter that makes up for it, where it is required.
        default: what holds when it is not given; None where there is no such thing, or where the resolver applies it.
        choices: the words that a choice takes.
        overrides: the key of mlci.yml that it overrides; None for a parameter of its own.
        only: the forge that alone has what it is about; the other's actions or components do not offer it.
        component: its name as an input of its component, where the job has an input of the name already; else empty.
    """

    name: str
    kind: Kind
    help: str
    required: bool = False
    unless: str | None = None
    default: str | None = None
    choices: tuple[str, ...] = ()
    overrides: str | None = None
    only: ForgeName | None = None
    component: str = ""

    @property
    def flag(self) -> str:
        """How the parameter is written on the command line."""
        return f"--{self.name}"

    @property
    def shape(self) -> Shape:
        """The shape of the key that is overridden."""
        if self.overrides is None:
            raise TypeError(f"{self.flag} overrides nothing")
        return shape_at(Config, self.overrides)


def overrides(path: str, *, name: str | None = None, note: str = "") -> Param:
    """A parameter that stands for a key of mlci.yml and takes kind, help and choices from there.

    Args:
        path: the key path.
        name: the flag, where it is not the last part of the path.
        note: a sentence to add to the key's help, for what only the flag does.
    """
    shape = shape_at(Config, path)
    scalar = shapes(shape.dataclass)[main_keys(shape.dataclass)[0]] if shape.kind == "block" else shape
    return Param(
        name=name or spell(path.rpartition(".")[2], "kebab"),
        kind=_KINDS[scalar.kind],
        help=f"{shape.key.help} {note}".strip(),
        choices=scalar.choices,
        overrides=path,
    )


@dataclass(frozen=True, kw_only=True)
class Output:
    """One value that a command hands to the steps after it."""

    name: str
    help: str


@dataclass(frozen=True, kw_only=True)
class Permission:
    """One thing the token of a step must be allowed on the forge.

    Attributes:
        scope: GitHub's name of it, such as pull-requests.
        level: read or write.
        why: what the step does with it.
        optional: whether the verdict and the exit are the same without it.
        param: the parameter that asks for it; None where the step needs it whatever it is given.
        value: of that parameter, where it asks.
    """

    scope: str
    level: Literal["read", "write"]
    why: str
    optional: bool = False
    param: Param | None = None
    value: str = "true"

    @property
    def asked_by(self) -> tuple[str, str, str] | None:
        """The parameter that asks for it, its default and the value that asks; None where it is always needed."""
        return None if self.param is None else (self.param.name, self.param.default or "", self.value)


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command: what it is called, what it takes, what it gives and how it can end.

    Attributes:
        name: words separated by spaces where it belongs to a group; otherwise the name of the step everywhere.
        title: a heading.
        summary: one line.
        description: what a reader must know before using it, as paragraphs.
        params: in the order a reader needs them.
        outputs: what later steps can use.
        exits: every exit it can end with, except that of a reader who stops reading.
        extras: parts of the package it needs besides the core.
        permissions: what its token must be allowed on the forge; empty for a step that needs no token.
        at_hand: whether only a person at a machine starts it, so that no action offers it.
        on_github: what is otherwise on GitHub, as a paragraph; empty where nothing is.
        on_gitlab: the same of GitLab.
    """

    name: str
    title: str
    summary: str
    description: tuple[str, ...]
    params: tuple[Param, ...]
    outputs: tuple[Output, ...] = ()
    exits: tuple[Exit, ...]
    extras: tuple[str, ...] = ()
    permissions: tuple[Permission, ...] = ()
    at_hand: bool = False
    on_github: str = ""
    on_gitlab: str = ""

    @property
    def explained(self) -> tuple[str, ...]:
        """The whole description: what holds everywhere, and what is otherwise on each forge."""
        return (*self.description, *filter(None, (self.on_github, self.on_gitlab)))

    def told(self, forge: ForgeName) -> tuple[str, ...]:
        """The description for those who are on a forge."""
        return (*self.description, *filter(None, (self.on_github if forge == "github" else self.on_gitlab,)))

    @cached_property
    def by_name(self) -> dict[str, Param]:
        """The parameters by their flags' names."""
        return {param.name: param for param in self.params}

    def offered(self, forge: ForgeName) -> tuple[Param, ...]:
        """The parameters that mean something on a forge."""
        return tuple(param for param in self.params if param.only in (None, forge))

    def variable(self, param: Param) -> str:
        """The environment variable that gives a parameter, such as MLCI_GATE_COMPARE_TOLERANCE."""
        return f"{self.variable_prefix}{spell(param.name, 'upper')}"

    @property
    def variable_prefix(self) -> str:
        """What the names of all variables of this command begin with."""
        return f"MLCI_{spell(self.name, 'upper')}_"

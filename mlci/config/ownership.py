"""Whose word counts on a change: the keys that the branch to merge to decides, and the keys that the change does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

from mlci.config.key import Owner
from mlci.config.load import Loaded
from mlci.config.model import Config
from mlci.config.quote import printable, without_credentials
from mlci.config.settings import Setting, Settings, as_written, assemble, branch
from mlci.config.shape import Shape, fields_by_key, shapes
from mlci.domain.ownership import Changed

# What nobody marked is the base's: a mark that was forgotten must not hand the gate to the change.
UNMARKED: Owner = "base"


@dataclass(frozen=True)
class Composed:
    """The configuration of a change, put together from two.

    Attributes:
        deciding: what the change is judged by, for ``resolve``; None where neither side has a file.
        proposed: the change's own file, for ``resolve``; None where it has none.
        changed: keys that the base owns and the change would set otherwise, in the order of the model.
        not_yet_merged: whether the change's own file decides because the base has none.
    """

    deciding: Loaded | None
    proposed: Loaded | None
    changed: tuple[Changed, ...] = ()
    not_yet_merged: bool = False


def composed(head: Loaded | None, base: Loaded | None) -> Composed:
    """Let the base decide its keys and the change the others.

    Args:
        head: the change's file; None where it has none.
        base: the file of the commit it would be merged to; None where that commit has none. A base that could not be
            read is no such case, and must not be given as None.
    """
    if base is None:
        return Composed(head, head, not_yet_merged=head is not None)
    proposed = head.settings if head is not None else {}
    deciding = Loaded(base.path, _picked(Config, UNMARKED, base.settings, proposed))
    sides = _Side(assemble(Config(), base.settings), base.settings), _Side(assemble(Config(), proposed), proposed)
    return Composed(deciding, head, tuple(_Comparison(gone=head is None).block(Config, UNMARKED, "", *sides)))


def owners(shape: Shape, inherited: Owner) -> Set[Owner]:
    """Who decides a key and the keys below it: one of the two, or both."""
    owner = shape.key.owner or inherited
    if shape.kind != "block":
        return {owner}
    return {one for below in shapes(shape.dataclass).values() for one in owners(below, owner)}


def _picked(block: type[Any], inherited: Owner, base: Settings, head: Settings) -> Settings:
    settings: Settings = {}
    for name, shape in shapes(block).items():
        owner = shape.key.owner or inherited
        if shape.kind == "block":
            settings[name] = _picked(shape.dataclass, owner, branch(base, name), branch(head, name))
        elif name in (owned := base if owner == "base" else head):
            settings[name] = owned[name]
    return settings


@dataclass(frozen=True)
class _Side:
    """One of two configurations at one key: what holds there, and what was set there, if anything."""

    content: Any
    given: Setting | Settings | None

    def below(self, name: str, content: Any) -> _Side:
        return _Side(content, self.given.get(name) if isinstance(self.given, dict) else None)

    @property
    def shown(self) -> str | None:
        """The reference that a value was written as; references are compared as written, not only by their value."""
        return self.given.shown if isinstance(self.given, Setting) else None

    @property
    def text(self) -> str | None:
        if self.given is None:
            return None if self.content in (None, ()) else f"{_spelled(self.content)} (default)"
        return _text(self.given)


@dataclass(frozen=True)
class _Comparison:
    """Walks two configurations side by side; where the change has no file, whatever the base sets is gone."""

    gone: bool

    def block(self, block: type[Any], inherited: Owner, path: str, base: _Side, head: _Side) -> Iterator[Changed]:
        for name, shape in shapes(block).items():
            inside = fields_by_key(block)[name].name
            sides = [side.below(name, getattr(side.content, inside)) for side in (base, head)]
            yield from self._key(shape, shape.key.owner or inherited, path + name, *sides)

    def _key(self, shape: Shape, owner: Owner, path: str, base: _Side, head: _Side) -> Iterator[Changed]:
        if shape.kind == "block":
            yield from self.block(shape.dataclass, owner, f"{path}.", base, head)
        elif owner == "head":
            return
        elif shape.kind == "mapping":
            yield from self._mapping(shape, owner, path, base, head)
        elif self.gone and base.given is not None:
            yield Changed(path, base.text, None)
        elif (base.content, base.shown) != (head.content, head.shown):
            yield Changed(path, base.text, head.text)

    def _mapping(self, shape: Shape, owner: Owner, path: str, base: _Side, head: _Side) -> Iterator[Changed]:
        for name in dict.fromkeys([*base.content, *head.content]):
            inside = f"{path}.{printable(name)}"
            sides = [side.below(name, side.content.get(name)) for side in (base, head)]
            if name in base.content and name in head.content:
                yield from self._key(shape.inner, owner, inside, *sides)
            else:
                # An entry counts by being there: a metric without limits of its own is judged all the same.
                yield Changed(inside, *(None if side.given is None else side.text for side in sides))


def _text(given: Setting | Settings) -> str:
    """What was set, as mlci.yml could spell it on one line; what came from the environment as it is written."""
    if isinstance(given, Setting):
        return printable(without_credentials(given.shown)) if given.shown is not None else _spelled(given.value)
    return f"{{{', '.join(f'{printable(name)}: {_text(below)}' for name, below in given.items())}}}"


def _spelled(value: Any) -> str:
    written = as_written(value)
    text = written if isinstance(written, str) else json.dumps(written, ensure_ascii=False)
    return printable(without_credentials(text))

"""Flag before environment before file before default, and for every value which of them it was."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlci.config.consistency import contradictions
from mlci.config.load import Loaded
from mlci.config.model import Config
from mlci.config.problems import raise_all
from mlci.config.quote import printable
from mlci.config.reader import metric_name
from mlci.config.scalar import Refused, Written, parse
from mlci.config.settings import Setting, Settings, Value, assemble, branch, effective
from mlci.config.shape import Shape, main_keys, shape_at, shapes
from mlci.config.source import Source
from mlci.errors import DuplicateKey, MlciError

_NAMES = re.compile(r"(?:\[[^][]*\]|[^,])+")
# A key path, the text that was given for it, and where: the flag or the variable.
Override = tuple[str, str, Source]


@dataclass(frozen=True)
class Resolved:
    """The configuration that holds.

    Attributes:
        config: complete and typed.
        values: every value with its source, by key path, in the order of the model.
    """

    config: Config
    values: Mapping[str, Value] = field(repr=False)


def resolve(loaded: Loaded | None, overrides: Sequence[Override]) -> Resolved:
    """Put flags and environment on top of a file, and the file on top of the defaults.

    On a change the file is what ``ownership.composed`` lets decide. Flags and environment still hold before it: they
    are what the workflow hands to its own step, and who may change a workflow is for the platform to protect.

    Args:
        loaded: what the file sets; None without one.
        overrides: what flags and environment give.

    Raises:
        MlciError: an override cannot be understood, or the values contradict each other; all problems together.
    """
    settings: Settings = loaded.settings if loaded is not None else {}
    problems: list[MlciError] = []
    for path, text, source in sorted(overrides, key=lambda override: override[2].kind == "flag"):
        if not text.strip(" \t\r\n,"):
            continue
        try:
            settings = _overlaid(settings, path.split("."), _given(shape_at(Config, path), path, text.strip(), source))
        except MlciError as problem:
            problems.append(problem)
    raise_all([*problems, *contradictions(settings)])
    config = assemble(Config(), settings)
    return Resolved(config, dict(effective(config, settings)))


def names_in(text: str) -> list[str]:
    """The names in a list given as text: one per line or separated by commas, blanks dropped.

    A comma within brackets is part of a name, as in that of a leg of a matrix: ``train: [north, 2]``.
    """
    return [name.strip() for line in text.splitlines() for name in _NAMES.findall(line) if name.strip()]


def _given(shape: Shape, path: str, text: str, source: Source) -> Setting | Settings:
    if shape.kind == "mapping":
        return {name: {} for name in _names(path, [metric_name(name) for name in names_in(text)], source)}
    if shape.kind == "list":
        return Setting(tuple(_names(path, names_in(text), source)), source)
    if shape.kind == "block":
        main = main_keys(shape.dataclass)
        return dict.fromkeys(main, _scalar(shapes(shape.dataclass)[main[0]], path, text, source))
    return _scalar(shape, path, text, source)


def _scalar(shape: Shape, path: str, text: str, source: Source) -> Setting:
    try:
        return Setting(parse(shape, Written(text)), source)
    except Refused as problem:
        raise problem.error(f"{path} {problem.what}", place=source.where, help=problem.hint) from problem


def _names(path: str, names: list[str], source: Source) -> list[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DuplicateKey(f"{path} names {printable(name)} twice", place=source.where)
        seen.add(name)
    return names


def _overlaid(settings: Settings, path: list[str], given: Setting | Settings) -> Settings:
    name, *rest = path
    if rest:
        return {**settings, name: _overlaid(branch(settings, name), rest, given)}
    if isinstance(given, dict) and any(isinstance(below, dict) for below in given.values()):
        # Names alone choose which entries hold; what the file says about an entry that is chosen stays.
        given = {entry: branch(settings, name).get(entry, below) for entry, below in given.items()}
    return {**settings, name: given}

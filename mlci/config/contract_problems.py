"""Keys of a contract that are each allowed and contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlci.config.quote import printable
from mlci.config.settings import Setting, Settings, branch
from mlci.errors import Contradiction, MlciError, Place, RequiredMissing

# Keys of which a rule has one at least.
_ASKING = ("columns", "unique", "different", "equal", "greater", "at_least", "sum", "check", "sql", "expectation")
_BOUNDED = ("length", "mean", "median", "stdev", "sum", "smallest", "largest", "distinct", "distinct_share")
# What nothing but a number or a time has an order of.
_ORDERED = ("integer", "number", "date", "timestamp")


def contradictions(settings: Settings) -> Iterator[MlciError]:
    """Every contradiction in what was set; what is wrong by itself is left to reader and vocabulary."""
    yield from _bounds(branch(settings, "rows"), "rows")
    for block, names in (("images", ("width", "height")), ("texts", ("chars", "words", "messages"))):
        for name in names:
            yield from _bounds(branch(branch(settings, block), name), f"{block}.{name}")
    for name in branch(settings, "columns"):
        yield from _column(branch(branch(settings, "columns"), name), f"columns.{printable(name)}")
    for name in branch(settings, "rules"):
        yield from _rule(branch(branch(settings, "rules"), name), f"rules.{printable(name)}", settings)


def place_of(settings: Settings, path: tuple[str, ...]) -> Place | None:
    """Where the key of a path stands, or whatever of it stands somewhere."""
    found: Setting | Settings = settings
    for name in path:
        below = found.get(name) if isinstance(found, dict) else None
        if below is None:
            break
        found = below
    return _first(found)


def _first(found: Setting | Settings) -> Place | None:
    if isinstance(found, Setting):
        return found.source.where
    return next((place for below in found.values() if (place := _first(below)) is not None), None)


def _setting(settings: Settings, name: str) -> Setting | None:
    found = settings.get(name)
    return found if isinstance(found, Setting) else None


def _bounds(entry: Settings, path: str) -> Iterator[MlciError]:
    for side, strict in (("min", "above"), ("max", "below")):
        first, second = _setting(entry, side), _setting(entry, strict)
        if first is not None and second is not None:
            cause = f"{path} has both {side} and {strict}, set at {first.source}"
            yield Contradiction(cause, place=second.source.where, help="keep one of the two")
    exactly = _setting(entry, "is")
    others = [one for name, one in entry.items() if name != "is" and isinstance(one, Setting)]
    if exactly is not None and others:
        cause = f"{path} is said exactly at {exactly.source}, and once more otherwise"
        yield Contradiction(cause, place=others[0].source.where, help="keep one of the two")


def _column(entry: Settings, path: str) -> Iterator[MlciError]:
    yield from _bounds(entry, path)
    for name in _BOUNDED:
        yield from _bounds(branch(entry, name), f"{path}.{name}")
    for name in branch(entry, "quantiles"):
        bounds = branch(branch(entry, "quantiles"), name)
        yield from _bounds(bounds, f"{path}.quantiles.{printable(name)}")
        for strict in ("above", "below"):
            if strict in bounds:
                cause = f"{path}.quantiles.{printable(name)} takes min and max, not {strict}"
                yield Contradiction(cause, place=_first(bounds))
    nullable, missing = _setting(entry, "nullable"), _setting(entry, "max_missing")
    if nullable is not None and nullable.value is False and missing is not None and missing.value > 0:
        cause = f"{path}.max_missing is above 0, but nullable is false, set at {nullable.source}"
        yield Contradiction(cause, place=missing.source.where, help="keep one of the two")
    kind = _setting(entry, "type")
    for name in ("min", "max", "above", "below"):
        bound = _setting(entry, name)
        if kind is not None and bound is not None and not _fits(kind.value, bound.value):
            cause = f"{path}.{name} is no bound of a column of type {kind.value}"
            yield Contradiction(cause, place=bound.source.where, help=_FITTING.get(kind.value))


_FITTING = {
    "integer": "write a number", "number": "write a number", "date": "write a date such as 2026-01-31",
    "timestamp": "write a time such as 2026-01-31T12:00:00",
}  # fmt: skip


def _fits(kind: str, bound: Any) -> bool:
    if kind == "string":
        return isinstance(bound, str)
    if kind not in _ORDERED:
        return False
    number = isinstance(bound, (int, float)) and not isinstance(bound, bool)
    return number if kind in ("integer", "number") else isinstance(bound, str)


def _rule(entry: Settings, path: str, settings: Settings) -> Iterator[MlciError]:
    place = _first(entry) or place_of(settings, ("rules",))
    asking = [name for name in _ASKING if name in entry]
    if not asking:
        cause = f"{path} asks for nothing"
        yield RequiredMissing(cause, place=place, help=f"its keys that ask are {', '.join(_ASKING)}")
    for name in branch(entry, "columns"):
        yield from _column(branch(branch(entry, "columns"), name), f"{path}.columns.{printable(name)}")
        if not branch(branch(entry, "columns"), name):
            yield RequiredMissing(f"{path}.columns.{printable(name)} asks for nothing", place=place)
    yield from _several(entry, path)
    yield from _together(entry, path, place)


def _several(entry: Settings, path: str) -> Iterator[MlciError]:
    """Rules over too few columns, or too many."""
    for name in ("greater", "at_least"):
        pair = _setting(entry, name)
        if pair is not None and len(pair.value) != 2:
            yield Contradiction(f"{path}.{name} must name two columns", place=pair.source.where)
    for name in ("unique", "different", "equal"):
        several = _setting(entry, name)
        if several is not None and len(several.value) < 2:
            cause = f"{path}.{name} must name two columns at least"
            yield Contradiction(cause, place=several.source.where, help="what is asked of one column stands in columns")


def _together(entry: Settings, path: str, place: Place | None) -> Iterator[MlciError]:
    """Keys that need another one beside them, or none."""
    added = branch(entry, "sum")
    if "sum" in entry and not ("columns" in added and "is" in added):
        yield RequiredMissing(f"{path}.sum needs columns and is", place=place)
    if "kwargs" in entry and "expectation" not in entry:
        yield RequiredMissing(f"{path} has kwargs and no expectation", place=place)
    if "when" in entry and ("sql" in entry or "check" in entry):
        cause = f"{path} has when beside SQL, which must say itself which rows it is about"
        yield Contradiction(cause, place=place_of(entry, ("when",)) or place)

"""A contract that a dataset meets today, with room: what is suggested for each column, and why."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any, Literal

from mlci.domain.dataset.contract import Type, Value
from mlci.domain.figures import count, percent, several

# Room on each side of a range, as a share of it; and as a share of the way from the mean to that side, because the
# next rows of a column with a long tail reach further out than these.
_ROOM = 0.1
_ROOM_OF_TAIL = 0.5
# The same contract is held to the holdout, which may be this much smaller: 5 % of all rows are one in 19 of the others.
_SMALLER = 20
# A set of values is suggested for so many different ones, each of which stands so often on average.
MOST_CATEGORIES = 20
_OFTEN = 10
_MOST_CODES = 5
_LONGEST_CATEGORY = 60
# Fewer rows say nothing of uniqueness.
_FEWEST = 20
_TWO_DIGITS = Context(prec=400)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was counted of one column.

    Attributes:
        name: its name.
        type: what it holds; other where there is no word for it.
        rows: of the table.
        present: rows with a value.
        distinct: different values; None where they were not counted.
        low: the smallest value, of a text its length; None where there is none.
        high: the largest, likewise.
        mean: of numbers; None where it is not known.
        values: every value, sorted, where there are few; else None.
    """

    name: str
    type: Type | Literal["other"]
    rows: int
    present: int
    distinct: int | None = None
    low: Any = None
    high: Any = None
    mean: Any = None
    values: tuple[Any, ...] | None = None


@dataclass(frozen=True)
class Suggestion:
    """One key of a column, what it is set to, and the reason beside it."""

    key: str
    value: Any
    why: str


def suggestions(facts: Facts) -> list[Suggestion]:
    """What is suggested for a column; nothing for one without a value, of which nothing can be known."""
    if facts.present == 0:
        return []
    found = [] if facts.type == "other" else [Suggestion("type", facts.type, "what every value is today")]
    found.append(_missing(facts))
    unique = _is_unique(facts)
    if unique:
        found.append(Suggestion("unique", value=True, why=f"all {count(facts.present)} values differ today"))
    listed = _set(facts)
    if listed is not None:
        found.append(listed)
    elif facts.type in ("integer", "number") and not unique:
        found += _range(facts)
    elif facts.type in ("date", "timestamp"):
        found += _since(facts)
    elif facts.type == "string":
        found += _length(facts)
    return [one for one in found if one.value is not None]


def fewest_rows(rows: int) -> Suggestion:
    """The least number of rows."""
    why = f"{several(rows, 'row')} today; a twentieth, so that a smaller holdout meets it, too"
    return Suggestion("min", max(1, rows // _SMALLER), why)


def names_rows(facts: Facts) -> bool:
    """Whether a column can name a row: it never misses, and no value stands twice."""
    return facts.present == facts.rows and _is_unique(facts)


def _is_unique(facts: Facts) -> bool:
    likely = facts.type in ("integer", "string") and facts.present >= _FEWEST
    return likely and facts.distinct == facts.present


def _missing(facts: Facts) -> Suggestion:
    missing = facts.rows - facts.present
    if missing == 0:
        return Suggestion("nullable", value=False, why="no value is missing today")
    share = missing / facts.rows
    accepted = math.ceil(150 * share + 1) / 100
    why = f"{percent(share)} are missing today"
    return Suggestion("max_missing", accepted if accepted < 1 else None, why)


def _set(facts: Facts) -> Suggestion | None:
    """The values themselves, where there are few and each stands often."""
    if facts.values is None or facts.type not in ("string", "integer"):
        return None
    few = _MOST_CODES if facts.type == "integer" else MOST_CATEGORIES
    if not 0 < len(facts.values) <= few or facts.present < _OFTEN * len(facts.values):
        return None
    if not all(is_writable(one) for one in facts.values):
        return None
    many = len(facts.values)
    why = "the only value today" if many == 1 else f"the {many} values of today; add those that may come"
    return Suggestion("values", list(facts.values), why)


def is_writable(one: Value) -> bool:
    """Whether a value can stand in a contract and be read by a person."""
    return not isinstance(one, str) or (len(one) <= _LONGEST_CATEGORY and (one.isprintable() or one == ""))


def _range(facts: Facts) -> Iterator[Suggestion]:
    low, high = _number(facts.low), _number(facts.high)
    if low is None or high is None:
        return
    span = high - low
    room = (span or abs(high) or Decimal(1)) * Decimal(str(_ROOM))
    mean = _number(facts.mean)
    below, above = room, room
    if mean is not None and low <= mean <= high:
        below = max(room, (mean - low) * Decimal(str(_ROOM_OF_TAIL)))
        above = max(room, (high - mean) * Decimal(str(_ROOM_OF_TAIL)))
    whole = facts.type == "integer"
    least = Decimal(0) if low >= 0 and low - below < 0 else _outward(low - below, ROUND_FLOOR)
    most = Decimal(0) if high <= 0 and high + above > 0 else _outward(high + above, ROUND_CEILING)
    yield Suggestion("min", _written(least, whole=whole), f"smallest today {_shown(low)}")
    yield Suggestion("max", _written(most, whole=whole), f"largest today {_shown(high)}")


def _number(one: Any) -> Decimal | None:
    if isinstance(one, bool) or not isinstance(one, (int, float, Decimal)):
        return None
    exact = Decimal(one)
    return exact if exact.is_finite() else None


def _outward(one: Decimal, rounding: str) -> Decimal:
    """A number with two digits, on the far side of it."""
    if one == 0:
        return one
    step = Decimal(1).scaleb(one.adjusted() - 1)
    return (one / step).quantize(Decimal(1), rounding, _TWO_DIGITS) * step


def _written(one: Decimal, *, whole: bool) -> int | float | None:
    if whole:
        return int(one)
    number = float(one)
    return number if math.isfinite(number) else None


def _shown(one: Decimal) -> str:
    return f"{float(one):.6g}" if abs(one) < Decimal("1e300") else f"{one:.6g}"


def _since(facts: Facts) -> Iterator[Suggestion]:
    """The first day; the last one grows, and its age is for a person to say."""
    first, last = _moment(facts.low), _moment(facts.high)
    if first is None or last is None:
        return
    try:
        start = first - (last - first) * _ROOM
    except OverflowError:
        return
    day = date(start.year, start.month, start.day).isoformat()
    yield Suggestion("min", Day(day), f"first today {first.date().isoformat()}")


class Day(str):
    """A day, which needs no quotes."""

    __slots__ = ()


def _moment(one: Any) -> datetime | None:
    if isinstance(one, datetime):
        # A day earlier makes up for any zone.
        return one.replace(tzinfo=None) - timedelta(days=1) if one.tzinfo is not None and one.year > 1 else one
    return datetime(one.year, one.month, one.day) if isinstance(one, date) else None


def _length(facts: Facts) -> Iterator[Suggestion]:
    if isinstance(facts.high, int) and facts.high > 0:
        most = int(_outward(Decimal(2 * facts.high), ROUND_CEILING))
        yield Suggestion("length", {"max": most}, f"the longest has {count(facts.high)} characters today")

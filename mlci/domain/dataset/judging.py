"""Counts → how a rule came out. The one place that judges, so that every engine comes to the same verdict.

Shares are compared as fractions of whole numbers and the decimal number that was written: 19 of 20 are exactly 0.95,
whatever a float would make of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

from mlci.domain.dataset.contract import Rule
from mlci.domain.dataset.measured import Judged, Measured, Outcome
from mlci.domain.dataset.vocabulary import EXPECTATIONS, Expectation, argument
from mlci.domain.dataset.wording import columns, listed, sentence, shown, value
from mlci.domain.figures import count, percent, several

# The largest whole number that evidence can carry (RFC 8785).
_LARGEST = 2**53 - 1
# Engines add in different orders, so that the last of the 16 digits of what is computed differ. Verdicts may not.
_DIGITS = 12
_COMPUTED = ("mean", "median", "stdev", "sum")
_NOTHING = "there is no value to look at"

_MOMENT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<clock>[0-9]{2}:[0-9]{2}(?P<seconds>:[0-9]{2})?)(?:[.](?P<fraction>[0-9]{1,9}))?"
    r" ?(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)

_Found = tuple[Outcome, str, Any]


def of_table(rule: Rule, present: Mapping[str, str], rows: int) -> Measured:
    """Count what a rule on the table asks for, from what the table is known by.

    Args:
        rule: of level table, without a condition.
        present: type of each column, by name and in order.
        rows: how many rows the table has.
    """
    short = EXPECTATIONS[rule.expectation].short
    observed: Any = {"rows": rows, "width": len(present)}.get(short, list(present))
    return Measured(rule=rule.id, observed=observed)


def judge(rule: Rule, measured: Measured) -> Judged:
    """Say whether a rule holds.

    A rule for which nothing was there to look at is an error and no pass: nothing speaks for it.
    """
    outcome, found, observed = _found(rule, measured)
    return Judged(
        rule=rule.id,
        expectation=rule.expectation,
        outcome=outcome,
        severity=rule.severity,
        message=f"{sentence(rule)}: {found}",
        columns=rule.columns,
        evaluated=measured.evaluated,
        unexpected=measured.unexpected,
        observed=observed,
    )


def unrun(rule: Rule, why: str) -> Judged:
    """A rule that could not run."""
    return judge(replace(rule, trouble=why), Measured(rule=rule.id))


def _found(rule: Rule, measured: Measured) -> _Found:
    why = rule.trouble or measured.trouble
    if why is not None:
        return "error", f"could not run, {why}", None
    known = EXPECTATIONS.get(rule.expectation)
    if known is None:
        return "error", "could not run, nothing here knows this expectation", None
    if known.level == "sql":
        return _of_query(measured)
    if known.on_rows:
        return _of_rows(rule, known, measured)
    if measured.observed is None:
        return "error", f"could not run, {_NOTHING}", None
    return _JUDGES.get(rule.expectation, _of_bounds)(rule, measured.observed)


def _of_query(measured: Measured) -> _Found:
    rows = measured.unexpected
    if rows is None:
        return "error", "could not run, the query was not counted", None
    if rows == 0:
        return "pass", "no row breaks it", None
    return "fail", f"{count(rows)} rows break it" if rows != 1 else "one row breaks it", None


def _of_rows(rule: Rule, known: Expectation, measured: Measured) -> _Found:
    evaluated, unexpected = measured.evaluated, measured.unexpected
    if evaluated is None or unexpected is None:
        return "error", "could not run, it was not counted", None
    things = "values" if known.level == "rows" and not known.short.endswith("null") else "rows"
    if evaluated == 0:
        none = "there is no row to look at"
        if measured.rows:
            none = f"none of {count(measured.rows)} rows has a value" if measured.rows > 1 else "the row has no value"
        return "error", f"could not run, {none}", None
    least = exact(rule.mostly)
    if unexpected == 0:
        held = f"all {count(evaluated)} {things}" if evaluated != 1 else f"the only {things.removesuffix('s')}"
        return "pass", f"it holds for {held}", measured.observed
    share = percent(unexpected / evaluated)
    breaking = "breaks" if unexpected == 1 else "break"
    found = f"{count(unexpected)} of {several(evaluated, things.removesuffix('s'))} {breaking} it ({_not_none(share)})"
    found += f", {_accepted(least)}"
    if measured.observed is not None:
        found += f"; the column is {shown(measured.observed)}"
    holds = evaluated - unexpected >= least * evaluated
    return "pass" if holds else "fail", found, measured.observed


def _not_none(share: str) -> str:
    return "less than 0.01 %" if share == "0.00 %" else share


def _accepted(least: Fraction) -> str:
    if least == 1:
        return "none is accepted"
    most = float((1 - least) * 100)
    return f"up to {most:.6g} % are accepted"


def exact(number: float | int | Decimal) -> Fraction:
    """A number as it was written: 0.1 is one tenth."""
    return Fraction(str(number)) if isinstance(number, float) else Fraction(number)


def _of_bounds(rule: Rule, observed: Any) -> _Found:
    """A single number, time or share between two bounds."""
    if isinstance(observed, (list, tuple)):
        part, whole = observed
        if not whole:
            return "error", f"could not run, {_NOTHING}", None
        share = Fraction(int(part), int(whole))
        said = f"it is {percent(float(share))} ({count(int(part))} of {count(int(whole))})"
        return _outcome(_within(share, rule.kwargs)), said, _carried(float(share))
    if isinstance(observed, (float, Decimal)) and observed != observed:
        return "error", "could not run, what was computed is not a number", None
    if isinstance(observed, float) and EXPECTATIONS[rule.expectation].short in _COMPUTED:
        observed = float(f"{observed:.{_DIGITS}g}")
    try:
        holds = _within(observed, rule.kwargs)
    except (TypeError, ValueError, ArithmeticError):
        return "error", "could not run, the column holds something else than its bounds", None
    if _is_private(observed):
        # The smallest name of a list of names is a name.
        return _outcome(holds), "it is" if holds else "it is not", None
    return _outcome(holds), f"it is {_said(observed)}", _carried(observed)


def _outcome(holds: bool) -> Outcome:
    return "pass" if holds else "fail"


def _within(found: Any, kwargs: Mapping[str, Any]) -> bool:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    ranked = _ranked(found)
    if low is not None:
        bound = _ranked(low)
        if not (ranked > bound if kwargs.get("strict_min") else ranked >= bound):
            return False
    if high is not None:
        bound = _ranked(high)
        return bool(ranked < bound if kwargs.get("strict_max") else ranked <= bound)
    return True


def _ranked(one: Any) -> Any:
    """What can be compared: numbers exactly, times as times of UTC, other texts as texts.

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(one, bool) or one is None:
        raise TypeError(one)
    if isinstance(one, float) and one in (float("inf"), float("-inf")):
        return one
    if isinstance(one, (int, float, Decimal, Fraction)):
        return exact(one) if not isinstance(one, Fraction) else one
    if isinstance(one, datetime):
        return _utc(one)
    if isinstance(one, date):
        return datetime(one.year, one.month, one.day)
    if isinstance(one, str):
        return moment(one) or one
    raise TypeError(one)


def moment(text: str) -> datetime | None:
    """A date or time in the form of ISO 8601, as a time of UTC; None for any other text.

    >>> moment("2026-01-31"), moment("north")
    (datetime.datetime(2026, 1, 31, 0, 0), None)
    """
    written = _MOMENT.fullmatch(text)
    if written is None:
        return None
    # Python 3.10 reads no Z, and a fraction only of three or of six digits.
    fraction = (written["fraction"] or "")[:6].ljust(6, "0")
    clock = f"{written['clock'] or '00:00'}{':00' if not written['seconds'] else ''}"
    zone = "+00:00" if written["zone"] in ("Z", "z") else written["zone"] or ""
    zone = f"{zone}:00" if len(zone) == 3 else f"{zone[:3]}:{zone[3:]}" if len(zone) == 5 else zone
    try:
        return _utc(datetime.fromisoformat(f"{written['day']}T{clock}.{fraction}{zone}"))
    except (ValueError, OverflowError):
        return None


def _utc(one: datetime) -> datetime:
    return one.astimezone(timezone.utc).replace(tzinfo=None) if one.tzinfo is not None else one


def _is_private(one: Any) -> bool:
    return isinstance(one, str) and moment(one) is None


def _said(one: Any) -> str:
    if isinstance(one, bool):
        return value(one)
    if isinstance(one, int):
        return count(one)
    return shown(one) if isinstance(one, (str, date)) else value(float(one))


def _carried(one: Any) -> Any:
    """A value as evidence can carry it."""
    if isinstance(one, bool) or one is None or isinstance(one, str):
        return one
    if isinstance(one, date):
        return one.isoformat()
    if isinstance(one, int):
        return one if abs(one) <= _LARGEST else float(one)
    number = float(one)
    return number if abs(number) != float("inf") else str(number)


def _of_columns(rule: Rule, observed: Any) -> _Found:
    """The names of the columns."""
    kwargs, present = rule.kwargs, [str(name) for name in observed]
    if rule.expectation == "expect_column_to_exist":
        return _of_existence(rule, present)
    if rule.expectation == "expect_table_columns_to_match_ordered_list":
        wanted = list(map(str, kwargs["column_list"]))
        if wanted == present:
            return "pass", "they are", present
        said = _differing(wanted, present, exact_match=True) or f"the order is {columns(present)}"
        return "fail", said, present
    exact_match = bool(argument(rule.expectation, kwargs, "exact_match"))
    said = _differing(list(map(str, kwargs["column_set"])), present, exact_match=exact_match)
    return ("fail", said, present) if said else ("pass", "they are", present)


def _differing(wanted: list[str], present: list[str], *, exact_match: bool) -> str:
    absent = [name for name in wanted if name not in present]
    more = [name for name in present if name not in wanted] if exact_match else []
    parts = [f"{columns(absent)} {'is' if len(absent) == 1 else 'are'} missing"] if absent else []
    parts += [f"{columns(more)} {'is' if len(more) == 1 else 'are'} not asked for"] if more else []
    return ", and ".join(parts)


def _of_existence(rule: Rule, present: list[str]) -> _Found:
    name, at = str(rule.kwargs["column"]), rule.kwargs.get("column_index")
    if name not in present:
        return "fail", "it is not", None
    found = present.index(name)
    if at is not None and found != at:
        return "fail", f"it is number {found + 1}", None
    return "pass", "it is", None


def _of_count(rule: Rule, observed: Any) -> _Found:
    """The number of rows or of columns."""
    kwargs = rule.kwargs
    limits = {"min_value": kwargs["value"], "max_value": kwargs["value"]} if "value" in kwargs else kwargs
    return (
        _outcome(_within(int(observed), limits)),
        f"there {'is' if observed == 1 else 'are'} {count(int(observed))}",
        int(observed),
    )


def _of_quantiles(rule: Rule, observed: Any) -> _Found:
    ranges = rule.kwargs["quantile_ranges"]
    broken, found = [], [one for one in observed if one is not None]
    if len(found) != len(ranges["quantiles"]):
        return "error", f"could not run, {_NOTHING}", None
    try:
        for share, (low, high), one in zip(ranges["quantiles"], ranges["value_ranges"], found, strict=True):
            if not _within(one, {"min_value": low, "max_value": high}):
                broken.append(f"{value(share)} is {_said(one)}")
    except (TypeError, ValueError, ArithmeticError):
        return "error", "could not run, the column holds something else than its bounds", None
    carried = [_carried(one) for one in found]
    return ("fail", listed(broken, str), carried) if broken else ("pass", "they are", carried)


def _of_distinct(rule: Rule, observed: Any) -> _Found:
    outside, absent = int(observed["outside"]), list(observed["absent"])
    parts = []
    if outside and not rule.expectation.endswith("contain_set"):
        parts.append(f"{count(outside)} other {'value is' if outside == 1 else 'values are'} there")
    if absent and not rule.expectation.endswith("be_in_set"):
        parts.append(f"{listed(absent)} {'is' if len(absent) == 1 else 'are'} not there")
    kept = {"outside": outside, "absent": [_carried(one) for one in absent[:100]]}
    return ("fail", ", and ".join(parts), kept) if parts else ("pass", "it does", kept)


def _of_most_common(rule: Rule, observed: Any) -> _Found:
    ties, inside = (int(one) for one in observed)
    if ties == 0:
        return "error", f"could not run, {_NOTHING}", None
    holds = inside > 0 if argument(rule.expectation, rule.kwargs, "ties_okay") else ties == inside == 1
    said = f"{count(inside)} of its {count(ties)} most common values are" if ties > 1 else "it is not"
    return _outcome(holds), "it is" if holds and ties == 1 else said, None


_JUDGES: dict[str, Callable[[Rule, Any], _Found]] = {
    "expect_column_to_exist": _of_columns,
    "expect_table_columns_to_match_set": _of_columns,
    "expect_table_columns_to_match_ordered_list": _of_columns,
    "expect_table_row_count_to_be_between": _of_count,
    "expect_table_row_count_to_equal": _of_count,
    "expect_table_column_count_to_be_between": _of_count,
    "expect_table_column_count_to_equal": _of_count,
    "expect_column_quantile_values_to_be_between": _of_quantiles,
    "expect_column_distinct_values_to_be_in_set": _of_distinct,
    "expect_column_distinct_values_to_contain_set": _of_distinct,
    "expect_column_distinct_values_to_equal_set": _of_distinct,
    "expect_column_most_common_value_to_be_in_set": _of_most_common,
}

"""Rules as expectations that Great Expectations counts, and its results as counts.

Only what it counts by the meaning of ``domain.dataset.vocabulary`` is handed to it. On some engine or other it counts
by another one, or not at all, and there the same SELECT counts that DuckDB would run:

- A quantile is interpolated on pandas and approximate on Spark.
- On SQL a compound key with a missing value is never there twice, and on SQL and Spark a row with one missing value
  breaks no rule on two columns, while it does on pandas.
- Sets of different values are fetched as a whole, however many they are.
- Types are asked of the column on SQL and Spark, and of the Python objects on pandas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from mlci.adapters.datasets.gx.regexes import Flavour, Untranslatable, translated
from mlci.domain.dataset.contract import Rule, Type
from mlci.domain.dataset.measured import Measured
from mlci.domain.dataset.vocabulary import argument

Backend = Literal["pandas", "sql", "spark"]
Results = Sequence[Mapping[str, Any]]
_Kwargs = dict[str, Any]

_PRESENT = "expect_column_values_to_not_be_null"
_NUMBERS = ("integer", "number")
_TIMES = ("date", "timestamp")
_REGEX = {
    "expect_column_values_to_match_regex": "regex", "expect_column_values_to_not_match_regex": "regex",
    "expect_column_values_to_match_regex_list": "regex_list",
    "expect_column_values_to_not_match_regex_list": "regex_list",
}  # fmt: skip
_ROWS = {
    "expect_column_values_to_be_null", _PRESENT, "expect_column_values_to_be_unique",
    "expect_column_values_to_be_between", "expect_column_values_to_be_in_set", "expect_column_values_to_not_be_in_set",
    "expect_column_value_lengths_to_equal", "expect_column_value_lengths_to_be_between", *_REGEX,
}  # fmt: skip
_COUNTED = ("expect_column_unique_value_count_to_be_between", "expect_column_proportion_of_unique_values_to_be_between")
_ONE_NUMBER = {
    "expect_column_min_to_be_between", "expect_column_max_to_be_between", "expect_column_mean_to_be_between",
    "expect_column_median_to_be_between", "expect_column_stdev_to_be_between", "expect_column_sum_to_be_between",
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What is asked of Great Expectations for one rule.

    Attributes:
        asked: expectations by name, with their arguments.
        read: their results, in that order, as counts.
    """

    asked: tuple[tuple[str, _Kwargs], ...]
    read: Callable[[Results], Measured]


class NotCounted(Exception):
    """Great Expectations does not count a rule by our meaning here."""


def planned(rule: Rule, columns: Mapping[str, str], aliases: Mapping[str, str], backend: Backend) -> Plan:
    """What to ask for a rule.

    Args:
        rule: on rows, pairs, several columns or an aggregate; its columns are there.
        columns: what each column holds.
        aliases: what each column is called in the table that Great Expectations looks at.
        backend: what it counts on.

    Raises:
        NotCounted: another way has to count it.
    """
    name = rule.expectation
    if name in _ROWS:
        return _on_rows(rule, columns, aliases, backend)
    if name.startswith("expect_column_pair_values_"):
        return _on_pairs(rule, columns, aliases)
    if name == "expect_compound_columns_to_be_unique":
        return _on_several(rule, aliases, backend)
    if name in _ONE_NUMBER or name in _COUNTED or name == "expect_column_proportion_of_non_null_values_to_be_between":
        return _aggregated(rule, columns, aliases)
    if name == "expect_table_row_count_to_be_between" or name == "expect_table_row_count_to_equal":
        return Plan(
            (("expect_table_row_count_to_be_between", {"min_value": 0}),), lambda found: _table_rows(rule, found)
        )
    raise NotCounted


def _table_rows(rule: Rule, found: Results) -> Measured:
    rows = int(found[0]["observed_value"])
    return Measured(rule=rule.id, rows=rows, observed=rows)


def _on_rows(rule: Rule, columns: Mapping[str, str], aliases: Mapping[str, str], backend: Backend) -> Plan:
    column = str(rule.kwargs["column"])
    held = columns[column]
    kwargs: _Kwargs = {"column": aliases[column]}
    if "between" in rule.expectation and "length" not in rule.expectation:
        if held not in (*_NUMBERS, *_TIMES):
            raise NotCounted
        kwargs |= {key: _bound(rule.kwargs[key], held) for key in _BOUNDS if rule.kwargs.get(key) is not None}
        kwargs |= _given(rule, "strict_min", "strict_max")
    elif rule.expectation.endswith("in_set"):
        kwargs["value_set"] = _set(rule.kwargs["value_set"], held)
    elif "length" in rule.expectation:
        _only("string", held)
        kwargs |= _given(rule, "min_value", "max_value", "strict_min", "strict_max", "value")
    elif rule.expectation in _REGEX:
        _only("string", held)
        key = _REGEX[rule.expectation]
        patterns = rule.kwargs[key]
        kwargs[key] = (
            _pattern(patterns, backend) if isinstance(patterns, str) else [_pattern(one, backend) for one in patterns]
        )
        kwargs |= _given(rule, "match_on")
    elif held == "other":
        raise NotCounted
    return Plan(((rule.expectation, kwargs),), lambda found: _rows_of(rule, found[0]))


_BOUNDS = ("min_value", "max_value")


def _given(rule: Rule, *names: str) -> _Kwargs:
    return {name: rule.kwargs[name] for name in names if rule.kwargs.get(name) is not None}


def _only(wanted: str, held: str) -> None:
    if held != wanted:
        raise NotCounted


def _pattern(pattern: str, backend: Backend) -> str:
    flavours: dict[Backend, Flavour] = {"pandas": "python", "sql": "postgres", "spark": "java"}
    try:
        return translated(pattern, flavours[backend])
    except Untranslatable:
        raise NotCounted from None


def _bound(value: Any, held: str) -> Any:
    if held in _TIMES:
        found = _moment(value)
        if found is None:
            raise NotCounted
        return found
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotCounted
    return value


def _moment(value: Any) -> datetime | None:
    """A time without a zone, in UTC."""
    from mlci.domain.dataset.judging import moment

    if isinstance(value, str):
        return moment(value)
    if isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else None


def _set(values: Sequence[Any], held: str) -> list[Any]:
    """The values of a set that a column of this type can hold; a set of which it can hold none is counted elsewhere."""
    found: list[Any] = []
    for value in values:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if (
            (held in _NUMBERS and is_number)
            or (held == "string" and isinstance(value, str))
            or (held == "boolean" and isinstance(value, bool))
        ):
            found.append(value)
        elif held in _TIMES and (at := _moment(value)) is not None:
            found.append(at)
        else:
            raise NotCounted
    if not found:
        raise NotCounted
    return found


def _rows_of(rule: Rule, result: Mapping[str, Any]) -> Measured:
    rows, unexpected = int(result["element_count"] or 0), int(result["unexpected_count"] or 0)
    missing = 0 if rule.expectation.endswith("null") else int(result.get("missing_count") or 0)
    return Measured(rule=rule.id, rows=rows, missing=missing, unexpected=unexpected)


def _on_pairs(rule: Rule, columns: Mapping[str, str], aliases: Mapping[str, str]) -> Plan:
    first, second = str(rule.kwargs["column_A"]), str(rule.kwargs["column_B"])
    held = {columns[first], columns[second]}
    comparable = held <= set(_NUMBERS) or held <= set(_TIMES) or (held == {"string"} and "equal" in rule.expectation)
    if argument(rule.expectation, rule.kwargs, "ignore_row_if") != "either_value_is_missing" or not comparable:
        raise NotCounted
    kwargs = {"column_A": aliases[first], "column_B": aliases[second], **_given(rule, "or_equal", "ignore_row_if")}
    if "value_pairs_set" in rule.kwargs:
        raise NotCounted
    return Plan(((rule.expectation, kwargs),), lambda found: _rows_of(rule, found[0]))


def _on_several(rule: Rule, aliases: Mapping[str, str], backend: Backend) -> Plan:
    if backend != "pandas" and argument(rule.expectation, rule.kwargs, "ignore_row_if") != "any_value_is_missing":
        raise NotCounted
    kwargs = {"column_list": [aliases[one] for one in rule.kwargs["column_list"]], **_given(rule, "ignore_row_if")}
    return Plan(((rule.expectation, kwargs),), lambda found: _rows_of(rule, found[0]))


def _aggregated(rule: Rule, columns: Mapping[str, str], aliases: Mapping[str, str]) -> Plan:
    column = str(rule.kwargs["column"])
    held, name = columns[column], rule.expectation
    if held == "other" or (name in _ONE_NUMBER and held not in _NUMBERS and "min" not in name and "max" not in name):
        raise NotCounted
    if name in _ONE_NUMBER and held not in (*_NUMBERS, *_TIMES):
        raise NotCounted
    present = (_PRESENT, {"column": aliases[column]})
    if "non_null" in name:
        return Plan((present,), lambda found: _aggregate(rule, found, held))
    counted = _COUNTED[0] if name in _COUNTED else name
    # Something has to be asked of it, though nothing but what it observes is looked at.
    bound = {"max_value": 0} if held not in _TIMES else {"max_value": datetime(1970, 1, 1, 0, 0, 1)}
    return Plan((present, (counted, {"column": aliases[column], **bound})), lambda found: _aggregate(rule, found, held))


def _aggregate(rule: Rule, found: Results, held: str) -> Measured:
    rows, missing = int(found[0]["element_count"] or 0), int(found[0]["unexpected_count"] or 0)
    present = rows - missing
    observed: Any = None
    if "non_null" in rule.expectation:
        observed = [present, rows]
    elif present:
        observed = found[1].get("observed_value")
        observed = [int(observed), present] if "proportion" in rule.expectation else value_of(observed, held)
        whole = "unique_value_count" in rule.expectation or ("sum" in rule.expectation and held == "integer")
        observed = int(observed) if whole and observed is not None else observed
    return Measured(rule=rule.id, rows=rows, missing=missing, observed=observed)


def value_of(observed: Any, held: Type | str) -> Any:
    """A value as the standard library has it; None for NaN."""
    if observed is None or observed != observed:
        return None
    if hasattr(observed, "to_pydatetime"):
        observed = observed.to_pydatetime()
    if hasattr(observed, "item"):
        observed = observed.item()
    if isinstance(observed, datetime):
        observed = observed.date() if held == "date" else observed.replace(tzinfo=None)
    return observed.isoformat() if isinstance(observed, date) else observed

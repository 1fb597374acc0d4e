"""What a rule asks for, in words. Names and values come from outside: each stands on one line, and never too long."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from mlci.domain.dataset.contract import Condition, Rule
from mlci.domain.dataset.vocabulary import EXPECTATIONS, Expectation
from mlci.domain.figures import count

_LONGEST = 80
_MOST = 5

_COMPARED = {
    "=": "is", "!=": "is not", "<": "is below", "<=": "is at most", ">": "is above", ">=": "is at least",
    "in": "is one of", "not in": "is none of", "is null": "has no value", "is not null": "has a value",
}  # fmt: skip


def shown(text: object, limit: int = _LONGEST) -> str:
    """A name or value from outside: on one line, nothing in it that does not print, and not too long.

    >>> shown("a\\nb")
    'a\\\\nb'
    """
    raw = str(text)[: 2 * limit]
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in raw)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def value(one: Any) -> str:
    """A value of a rule, texts in quotes so that an empty one can be seen.

    >>> value(0.10), value("a"), value(True)
    ('0.1', "'a'", 'true')
    """
    if isinstance(one, bool):
        return "true" if one else "false"
    if isinstance(one, int):
        return str(one)
    if isinstance(one, float):
        return f"{one:.12g}"
    if isinstance(one, str):
        return f"'{shown(one)}'"
    if isinstance(one, dict) and "$PARAMETER" in one:
        return f"the parameter {shown(one['$PARAMETER'])}"
    return shown(json.dumps(one, default=str))


def listed(values: Iterable[Any], say: Callable[[Any], str] = value, most: int = _MOST) -> str:
    """Values as one list, a long one cut.

    >>> listed([1, 2, 3], most=2)
    '1, 2 and 1 more'
    """
    every = list(values)
    text = ", ".join(say(one) for one in every[:most])
    return f"{text} and {len(every) - most} more" if len(every) > most else text


def bounds(kwargs: dict[str, Any], say: Callable[[Any], str] | None = None) -> str:
    """The two bounds of a rule, whichever are set.

    >>> bounds({"min_value": 0, "max_value": 9, "strict_max": True})
    'at least 0 and below 9'
    """
    say = say or _bound
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    parts = []
    if low is not None:
        parts.append(f"{'above' if kwargs.get('strict_min') else 'at least'} {say(low)}")
    if high is not None:
        parts.append(f"{'below' if kwargs.get('strict_max') else 'at most'} {say(high)}")
    if low is not None and low == high and not kwargs.get("strict_min") and not kwargs.get("strict_max"):
        return say(low)
    return " and ".join(parts)


def _bound(one: Any) -> str:
    # Dates and times read better without quotes.
    return shown(one) if isinstance(one, str) else value(one)


def columns(names: Iterable[Any]) -> str:
    """Names of columns."""
    return listed(names, shown, 8)


def condition(where: Iterable[Condition]) -> str:
    """The rows a rule is about, in words; empty for every row."""
    return " and ".join(_condition(one) for one in where)


def _condition(one: Condition) -> str:
    said = f"{shown(one.column)} {_COMPARED[one.operator]}"
    if one.value is None:
        return said
    return f"{said} {listed(one.value) if isinstance(one.value, tuple) else value(one.value)}"


def subject(rule: Rule) -> str:
    """The column, or the columns, that a rule speaks of."""
    return columns(rule.columns)


def asked(rule: Rule) -> str:
    """What a rule asks for, to follow what it speaks of, such as ``must be at least 0``."""
    known = EXPECTATIONS.get(rule.expectation)
    if known is None or rule.trouble is not None:
        return f"must meet {shown(rule.expectation)}"
    kwargs = rule.kwargs
    if rule.expectation in _ASKED:
        return f"must {_ASKED[rule.expectation](kwargs)}"
    return f"must {_by_short(known, kwargs)}"


def _by_short(known: Expectation, kwargs: dict[str, Any]) -> str:
    if known.level == "aggregate":
        return f"be {bounds(kwargs)}"
    if known.short == "type":
        return f"be {listed([kwargs['type_']] if 'type_' in kwargs else kwargs['type_list'], shown)}"
    return known.short.replace("_", " ")


def _several(sign: str) -> Callable[[dict[str, Any]], str]:
    return lambda kwargs: f"{sign} {listed(kwargs['value_set'])}"


def _patterns(kwargs: dict[str, Any]) -> str:
    return f"{kwargs.get('match_on', 'any')} of the patterns {listed(kwargs['regex_list'])}"


def _length(kwargs: dict[str, Any]) -> str:
    said = value(kwargs["value"]) if "value" in kwargs else bounds(kwargs)
    return f"have {said} characters"


def _quantiles(kwargs: dict[str, Any]) -> str:
    ranges = kwargs["quantile_ranges"]
    pairs = zip(ranges["quantiles"], ranges["value_ranges"], strict=False)
    said = [f"{value(q)} {bounds({'min_value': low, 'max_value': high})}" for q, (low, high) in pairs]
    return f"have the quantiles {listed(said, str)}"


_ASKED: dict[str, Callable[[dict[str, Any]], str]] = {
    "expect_column_to_exist": lambda kwargs: (
        "be there" if kwargs.get("column_index") is None else f"be there, as number {kwargs['column_index'] + 1}"
    ),
    "expect_table_columns_to_match_set": lambda kwargs: (
        f"{'be' if kwargs.get('exact_match', True) else 'include'} {columns(kwargs['column_set'])}"
    ),
    "expect_table_columns_to_match_ordered_list": lambda kwargs: f"be, in this order, {columns(kwargs['column_list'])}",
    "expect_table_row_count_to_be_between": lambda kwargs: f"be {bounds(kwargs, count)}",
    "expect_table_row_count_to_equal": lambda kwargs: f"be {count(kwargs['value'])}",
    "expect_table_column_count_to_be_between": lambda kwargs: f"be {bounds(kwargs, count)}",
    "expect_table_column_count_to_equal": lambda kwargs: f"be {count(kwargs['value'])}",
    "expect_column_values_to_not_be_null": lambda _: "have a value",
    "expect_column_values_to_be_null": lambda _: "have no value",
    "expect_column_values_to_be_between": lambda kwargs: f"be {bounds(kwargs)}",
    "expect_column_values_to_be_in_set": _several("be one of"),
    "expect_column_values_to_not_be_in_set": _several("be none of"),
    "expect_column_values_to_match_regex": lambda kwargs: f"match {value(kwargs['regex'])}",
    "expect_column_values_to_not_match_regex": lambda kwargs: f"not match {value(kwargs['regex'])}",
    "expect_column_values_to_match_regex_list": lambda kwargs: f"match {_patterns(kwargs)}",
    "expect_column_values_to_not_match_regex_list": lambda kwargs: f"match none of {listed(kwargs['regex_list'])}",
    "expect_column_value_lengths_to_be_between": _length,
    "expect_column_value_lengths_to_equal": _length,
    "expect_column_values_to_be_unique": lambda _: "be unique",
    "expect_column_pair_values_a_to_be_greater_than_b": lambda kwargs: (
        f"be {'at least' if kwargs.get('or_equal') else 'greater than'} {shown(kwargs['column_B'])}"
    ),
    "expect_column_pair_values_to_be_equal": lambda kwargs: f"equal {shown(kwargs['column_B'])}",
    "expect_column_pair_values_to_be_in_set": lambda kwargs: f"be one of the pairs {listed(kwargs['value_pairs_set'])}",
    "expect_compound_columns_to_be_unique": lambda _: "be unique together",
    "expect_select_column_values_to_be_unique_within_record": lambda _: "differ from each other in each row",
    "expect_multicolumn_values_to_be_equal": lambda _: "be equal in each row",
    "expect_multicolumn_sum_to_equal": lambda kwargs: f"add up to {value(kwargs['sum_total'])} in each row",
    "expect_column_quantile_values_to_be_between": _quantiles,
    "expect_column_distinct_values_to_be_in_set": lambda kwargs: f"hold nothing but {listed(kwargs['value_set'])}",
    "expect_column_distinct_values_to_contain_set": lambda kwargs: f"hold {listed(kwargs['value_set'])}",
    "expect_column_distinct_values_to_equal_set": lambda kwargs: f"hold {listed(kwargs['value_set'])} and nothing else",
    "expect_column_most_common_value_to_be_in_set": lambda kwargs: (
        f"have its most common value among {listed(kwargs['value_set'])}"
    ),
    "unexpected_rows_expectation": lambda kwargs: f"give no row: {shown(kwargs['unexpected_rows_query'], 120)}",
}

# What an aggregate is called, before "of" and the column.
NAMED = {
    "min": "the smallest value", "max": "the largest value", "mean": "the mean", "median": "the median",
    "stdev": "the standard deviation", "sum": "the sum", "distinct": "the number of different values",
    "distinct_share": "the share of different values", "present": "the share of rows with a value",
}  # fmt: skip


# What the key check of a contract becomes.
_CHECK = re.compile(r"SELECT \* FROM \{batch\} WHERE NOT \(\n(.*)\n\)", re.DOTALL)


def sentence(rule: Rule) -> str:
    """The whole rule, without what was found."""
    known = EXPECTATIONS.get(rule.expectation)
    check = _CHECK.fullmatch(str(rule.kwargs.get("unexpected_rows_query")))
    if check is not None and rule.trouble is None:
        return f"{shown(check[1], 120)} must be true in each row"
    if known is None or known.level == "sql":
        start = "the query" if known is not None else subject(rule) or "the table"
    elif rule.expectation.startswith("expect_table_"):
        start = {"rows": "the number of rows", "width": "the number of columns"}.get(known.short, "the columns")
    elif known.level == "pair":
        start = shown(rule.kwargs.get("column_A"))
    elif known.short in NAMED and known.level == "aggregate":
        start = f"{NAMED[known.short]} of {subject(rule)}"
    else:
        start = subject(rule)
    narrowed = condition(rule.where)
    return f"{start} {asked(rule)}" + (f" where {narrowed}" if narrowed else "")

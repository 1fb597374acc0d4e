"""Rules on rows in SQL: which rows break one, which are left out, and which it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from mlci.adapters.datasets.duck_table import Table, literal, quoted
from mlci.adapters.datasets.duck_types import Held
from mlci.adapters.datasets.duck_values import (
    Impossible,
    between,
    comparable,
    condition,
    kind_of,
    literal_number,
    operand,
    plural,
    within,
)
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.contract import Rule
from mlci.domain.dataset.vocabulary import argument, type_named


@dataclass(frozen=True, kw_only=True)
class OnRows:
    """A rule on rows.

    Attributes:
        about: SQL that is true for the rows it is about, never NULL; empty for all.
        present: SQL that is true where a row is looked at, never NULL; empty for all.
        broken: SQL that is true where a row that is looked at breaks it; may be NULL. Empty where rows break it by
            what stands in other rows: those that are alike in ``alike``.
        alike: columns in which no two rows may be alike.
        compares: whether ``broken`` is never true where a row is not looked at.
        observed: what the column holds, for a rule on types.
    """

    about: str
    present: str
    broken: str = ""
    alike: tuple[str, ...] = ()
    compares: bool = False
    observed: str | None = None

    @property
    def looked_at(self) -> str:
        """SQL that is true for the rows that are looked at."""
        return " AND ".join(one for one in (self.about, self.present) if one) or "true"


def on_rows(table: Table, rule: Rule) -> OnRows:
    """A rule of the levels rows, pair and compound in SQL.

    Raises:
        Impossible: it cannot be counted, and why.
    """
    about = condition(table.columns, rule.where)
    name = rule.expectation
    if name in _ON_VALUES:
        column = rule.columns[0]
        kind = kind_of(table.columns, column)
        broken = _ON_VALUES[name](column, kind, rule)
        return OnRows(about=about, present=f"{quoted(column)} IS NOT NULL", broken=broken, compares=True)
    if name in _ON_NULLS:
        kind_of(table.columns, rule.columns[0])
        return OnRows(about=about, present="", broken=f"{quoted(rule.columns[0])} IS {_ON_NULLS[name]}", compares=True)
    if name == "expect_column_values_to_be_unique":
        kind_of(table.columns, rule.columns[0])
        return OnRows(about=about, present=f"{quoted(rule.columns[0])} IS NOT NULL", alike=rule.columns)
    if "_type" in name:
        return _of_type(table, rule, about)
    return _on_several(table, rule, about)


def _of_type(table: Table, rule: Rule, about: str) -> OnRows:
    column = rule.columns[0]
    kind = kind_of(table.columns, column)
    named = rule.kwargs.get("type_list", [rule.kwargs.get("type_")])
    asked = {type_named(str(one)) for one in named}
    if asked == {None}:
        raise Impossible(f"nothing here knows the type {one_line(', '.join(map(str, named)), 60)}")
    fits = kind in asked or (kind == "integer" and "number" in asked)
    stray = table.strays.get(column)
    present = f"({quoted(column)} IS NOT NULL OR {stray} IS NOT NULL)" if stray else f"{quoted(column)} IS NOT NULL"
    broken = (f"{stray} IS NOT NULL" if stray else "false") if fits else "true"
    return OnRows(about=about, present=present, broken=broken, observed=None if kind == "other" else kind)


def _on_several(table: Table, rule: Rule, about: str) -> OnRows:
    kinds = [kind_of(table.columns, column) for column in rule.columns]
    names = [quoted(column) for column in rule.columns]
    ignored = str(argument(rule.expectation, dict(rule.kwargs), "ignore_row_if"))
    missing = [f"{name} IS NULL" for name in names]
    if ignored in ("both_values_are_missing", "all_values_are_missing"):
        present = f"NOT ({' AND '.join(missing)})"
    elif ignored in ("either_value_is_missing", "any_value_is_missing"):
        present = f"NOT ({' OR '.join(missing)})"
    else:
        present = ""
    if rule.expectation == "expect_compound_columns_to_be_unique":
        return OnRows(about=about, present=present, alike=rule.columns)
    return OnRows(about=about, present=present, broken=_ON_SEVERAL[rule.expectation](rule, kinds))


def _in_set(column: str, kind: Held, rule: Rule) -> str:
    return f"NOT {within(column, kind, rule.kwargs['value_set'])}"


def _not_in_set(column: str, kind: Held, rule: Rule) -> str:
    return within(column, kind, rule.kwargs["value_set"])


def _bounds(column: str, kind: Held, rule: Rule) -> str:
    return between(column, kind, rule.kwargs)


def _text(column: str, kind: Held) -> str:
    if kind != "string":
        raise Impossible(f"column {one_line(column, 60)} holds {plural(kind)} and no texts")
    return quoted(column)


def _pattern(column: str, kind: Held, rule: Rule) -> str:
    return f"NOT {_matches(_text(column, kind), rule.kwargs['regex'])}"


def _no_pattern(column: str, kind: Held, rule: Rule) -> str:
    return _matches(_text(column, kind), rule.kwargs["regex"])


def _patterns(column: str, kind: Held, rule: Rule) -> str:
    every = argument(rule.expectation, dict(rule.kwargs), "match_on") == "all"
    name = _text(column, kind)
    return f"NOT ({(' AND ' if every else ' OR ').join(_matches(name, one) for one in rule.kwargs['regex_list'])})"


def _no_patterns(column: str, kind: Held, rule: Rule) -> str:
    name = _text(column, kind)
    return f"({' OR '.join(_matches(name, one) for one in rule.kwargs['regex_list'])})"


def _matches(name: str, regex: Any) -> str:
    return f"regexp_matches({name}, {literal(str(regex))})"


def patterns_of(rule: Rule) -> list[str]:
    """The regular expressions of a rule."""
    one = rule.kwargs.get("regex")
    return [str(each) for each in ([one] if one is not None else rule.kwargs.get("regex_list") or [])]


def _length(column: str, kind: Held, rule: Rule) -> str:
    name = f"length({_text(column, kind)})"
    kwargs = rule.kwargs
    if "value" in kwargs:
        return f"{name} <> {literal_number(kwargs['value'])}"
    parts = []
    for key, strict, signs in (("min_value", "strict_min", ("<", "<=")), ("max_value", "strict_max", (">", ">="))):
        if kwargs.get(key) is not None:
            parts.append(f"{name} {signs[1 if kwargs.get(strict) else 0]} {literal_number(kwargs[key])}")
    return f"({' OR '.join(parts)})"


def _greater(rule: Rule, kinds: list[Held]) -> str:
    sign = ">=" if rule.kwargs.get("or_equal") else ">"
    return _compared(rule, kinds, sign)


def _equal(rule: Rule, kinds: list[Held]) -> str:
    return _compared(rule, kinds, "=")


def _compared(rule: Rule, kinds: list[Held], sign: str) -> str:
    one, other = rule.columns
    if not comparable(*kinds):
        shown = f"{one_line(one, 60)} and {one_line(other, 60)}"
        raise Impossible(f"{shown} hold {plural(kinds[0])} and {plural(kinds[1])}, which cannot be compared")
    return f"NOT coalesce({operand(one, kinds[0])} {sign} {operand(other, kinds[1])}, false)"


def _pairs(rule: Rule, kinds: list[Held]) -> str:
    one, other = rule.columns
    pairs = [
        f"({within(one, kinds[0], [first])} AND {within(other, kinds[1], [second])})"
        for first, second in rule.kwargs["value_pairs_set"]
    ]
    return f"NOT coalesce({' OR '.join(pairs) or 'false'}, false)"


def _same(names: tuple[str, str], kinds: Mapping[str, Held]) -> str:
    one, other = names
    if comparable(kinds[one], kinds[other]):
        return f"{operand(one, kinds[one])} IS NOT DISTINCT FROM {operand(other, kinds[other])}"
    return f"({quoted(one)} IS NULL AND {quoted(other)} IS NULL)"


def _within_record(rule: Rule, kinds: list[Held]) -> str:
    by_name = dict(zip(rule.columns, kinds, strict=True))
    return f"({' OR '.join(_same(pair, by_name) for pair in combinations(rule.columns, 2)) or 'false'})"


def _all_equal(rule: Rule, kinds: list[Held]) -> str:
    by_name = dict(zip(rule.columns, kinds, strict=True))
    pairs = zip(rule.columns, rule.columns[1:], strict=False)
    return f"NOT ({' AND '.join(_same(pair, by_name) for pair in pairs) or 'true'})"


def _sum(rule: Rule, kinds: list[Held]) -> str:
    for column, kind in zip(rule.columns, kinds, strict=True):
        if kind not in ("integer", "number"):
            raise Impossible(f"column {one_line(column, 60)} holds {plural(kind)}, which have no sum")
    wide = "HUGEINT" if set(kinds) == {"integer"} else "DOUBLE"
    added = " + ".join(f"CAST({quoted(column)} AS {wide})" for column in rule.columns)
    return f"coalesce({added} <> {literal_number(rule.kwargs['sum_total'])}, true)"


_ON_NULLS = {"expect_column_values_to_not_be_null": "NULL", "expect_column_values_to_be_null": "NOT NULL"}
_ON_VALUES: dict[str, Callable[[str, Held, Rule], str]] = {
    "expect_column_values_to_be_between": _bounds,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_values_to_match_regex": _pattern,
    "expect_column_values_to_not_match_regex": _no_pattern,
    "expect_column_values_to_match_regex_list": _patterns,
    "expect_column_values_to_not_match_regex_list": _no_patterns,
    "expect_column_value_lengths_to_be_between": _length,
    "expect_column_value_lengths_to_equal": _length,
}
_ON_SEVERAL: dict[str, Callable[[Rule, list[Held]], str]] = {
    "expect_column_pair_values_a_to_be_greater_than_b": _greater,
    "expect_column_pair_values_to_be_equal": _equal,
    "expect_column_pair_values_to_be_in_set": _pairs,
    "expect_select_column_values_to_be_unique_within_record": _within_record,
    "expect_multicolumn_values_to_be_equal": _all_equal,
    "expect_multicolumn_sum_to_equal": _sum,
}

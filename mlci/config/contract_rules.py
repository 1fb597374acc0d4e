"""The keys of a contract file → its rules, each a published expectation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from mlci.config.contract_bounds import Bounds
from mlci.config.contract_media import Media
from mlci.config.contract_media_rules import columns_of
from mlci.config.contract_model import Column, ContractFile, TableRule, When
from mlci.config.quote import printable
from mlci.domain.dataset.contract import Condition, Operator, Severity
from mlci.domain.dataset.parameters import oldest
from mlci.domain.dataset.suite_reading import rule_id

# Where a key stands: names from the root of the document, as the settings are nested.
Path = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Drafted:
    """A rule before it has its name, and where it was written; ``spelled`` says where each argument was."""

    expectation: str
    kwargs: dict[str, Any]
    short: str
    path: Path
    severity: Severity
    where: tuple[Condition, ...] = ()
    named: str | None = None
    spelled: dict[str, Path] = field(default_factory=dict)


def rules_of(file: ContractFile) -> list[Drafted]:
    """Every rule of a contract, in the order in which it is read."""
    found: list[Drafted] = []
    if file.columns:
        exact = file.extra_columns == "refuse"
        kwargs = {"column_set": list(file.columns), "exact_match": exact}
        expectation = "expect_table_columns_to_match_set"
        found.append(_drafted(expectation, kwargs, "columns", ("columns",), file.severity))
    if _is_set(file.rows):
        found += _of_bounds("expect_table_row_count_to_be_between", {}, file.rows, "rows", ("rows",), file.severity)
    for block, media in (("images", file.images), ("texts", file.texts)):
        found += _of_media(media, (block,), media.severity or file.severity)
    for name, column in file.columns.items():
        found += _of_column(name, column, ("columns", name), column.severity or file.severity, None)
    for name, rule in file.rules.items():
        found += _of_rule(name, rule, rule.severity or file.severity)
    return found


def _drafted(expectation: str, kwargs: dict[str, Any], short: str, path: Path, severity: Severity) -> Drafted:
    return Drafted(expectation=expectation, kwargs=kwargs, short=short, path=path, severity=severity)


def _is_set(bounds: Bounds) -> bool:
    return bounds != Bounds()


def limits(bounds: Bounds | Column | When) -> dict[str, Any]:
    """The arguments of two bounds."""
    exactly = getattr(bounds, "is_", None)
    if exactly is not None and isinstance(bounds, Bounds):
        return {"min_value": exactly, "max_value": exactly}
    found: dict[str, Any] = {}
    for side, (loose, strict) in {"min": ("min", "above"), "max": ("max", "below")}.items():
        if getattr(bounds, loose) is not None:
            found[f"{side}_value"] = getattr(bounds, loose)
        elif getattr(bounds, strict) is not None:
            found[f"{side}_value"] = getattr(bounds, strict)
            found[f"strict_{side}"] = True
    return found


def _spelled(path: Path, bounds: Bounds | Column) -> dict[str, Path]:
    exactly = isinstance(bounds, Bounds) and bounds.is_ is not None
    low = "is" if exactly else "min" if bounds.min is not None else "above"
    high = "is" if exactly else "max" if bounds.max is not None else "below"
    return {"min_value": (*path, low), "max_value": (*path, high)}


def _of_bounds(
    expectation: str, kwargs: dict[str, Any], bounds: Bounds, short: str, path: Path, severity: Severity
) -> Iterator[Drafted]:
    yield Drafted(
        expectation=expectation, kwargs={**kwargs, **limits(bounds)}, short=short, path=path, severity=severity,
        spelled=_spelled(path, bounds),
    )  # fmt: skip


# Bounds on what is computed of the whole column: key, expectation and the end of the rule's name.
_AGGREGATES = {
    "mean": "mean", "median": "median", "stdev": "stdev", "sum": "sum", "smallest": "min", "largest": "max",
    "distinct": "unique_value_count", "distinct_share": "proportion_of_unique_values",
}  # fmt: skip


def _of_column(name: str, column: Column, path: Path, severity: Severity, mostly: float | None) -> Iterator[Drafted]:
    enough = column.mostly if column.mostly is not None else mostly
    share = {} if enough is None else {"mostly": enough}
    of = {"column": name}
    if limits(column):
        kwargs, spelled = {**of, **limits(column), **share}, _spelled(path, column)
        at = spelled["min_value"] if "min_value" in kwargs else spelled["max_value"]
        yield Drafted(
            expectation="expect_column_values_to_be_between", kwargs=kwargs, short="between", path=at,
            severity=severity, spelled=spelled,
        )  # fmt: skip
    for key, expectation, argument, given in _of_values(column, share):
        yield Drafted(
            expectation=f"expect_column_{expectation}", kwargs={**of, **given}, short=_SHORT.get(key, key),
            path=(*path, key), severity=severity, spelled={argument: (*path, key)} if argument else {},
        )  # fmt: skip
    if _is_set(column.length):
        expectation = "expect_column_value_lengths_to_be_between"
        yield from _of_bounds(expectation, {**of, **share}, column.length, "length", (*path, "length"), severity)
    yield from _of_aggregates(name, column, path, severity)


def _of_media(media: Media, path: Path, severity: Severity) -> Iterator[Drafted]:
    """Rules on the table of facts of images or texts."""
    for key, column, asked in columns_of(media):
        for one in _of_column(column, asked, (*path, key), severity, None):
            yield replace(one, path=(*path, key), spelled=_within(one.spelled, path, key))
    if media.min_per_class is not None:
        few = f"SELECT label FROM {{batch}} GROUP BY label HAVING count(*) < {media.min_per_class}"  # noqa: S608
        yield Drafted(
            expectation="unexpected_rows_expectation", kwargs={"unexpected_rows_query": few}, short="min_per_class",
            path=(*path, "min_per_class"), severity=severity, named="label.min_per_class",
        )  # fmt: skip


def _within(spelled: dict[str, Path], path: Path, key: str) -> dict[str, Path]:
    """Where arguments stand: a bound below its key, and everything else as the key itself."""
    deeper = ("min", "max", "above", "below", "is")
    return {name: (*path, key, at[-1]) if at[-1] in deeper else (*path, key) for name, at in spelled.items()}


# The end of a rule's name where it is not the key.
_SHORT = {
    "values": "in_set", "not_values": "not_in_set", "max_age": "fresh", "nullable": "not_null",
    "max_missing": "not_null",
}  # fmt: skip


def _of_values(column: Column, share: dict[str, Any]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Key, expectation, the argument that the key is, and the arguments, for every key with one value."""
    missing = _missing(column)
    if missing is not None:
        yield "nullable" if column.max_missing is None else "max_missing", "values_to_not_be_null", "", missing
    age = oldest(column.max_age.seconds) if column.max_age is not None else None
    single: tuple[tuple[str, str, str, Any, dict[str, Any]], ...] = (
        ("type", "values_to_be_of_type", "type_", column.type, share),
        ("values", "values_to_be_in_set", "value_set", list(column.values), share),
        ("not_values", "values_to_not_be_in_set", "value_set", list(column.not_values), share),
        ("pattern", "values_to_match_regex", "regex", column.pattern, share),
        ("not_pattern", "values_to_not_match_regex", "regex", column.not_pattern, share),
        ("contains", "distinct_values_to_contain_set", "value_set", list(column.contains), {}),
        ("most_common", "most_common_value_to_be_in_set", "value_set", list(column.most_common), {"ties_okay": True}),
        ("max_age", "max_to_be_between", "min_value", age, {}),
    )
    for key, expectation, argument, given, rest in single:
        if given:
            yield key, expectation, argument, {argument: given, **rest}
    if column.unique:
        yield "unique", "values_to_be_unique", "", share


def _missing(column: Column) -> dict[str, float] | None:
    """The arguments of the rule on missing values; None where nothing is said of them."""
    if column.max_missing is not None and column.max_missing < 1:
        # In decimals, because 1 - 0.1 must be 0.9 and not the float beside it.
        return {"mostly": float(1 - Decimal(repr(column.max_missing)))} if column.max_missing else {}
    return {} if column.nullable is False else None


def _of_aggregates(name: str, column: Column, path: Path, severity: Severity) -> Iterator[Drafted]:
    of = {"column": name}
    for key, metric in _AGGREGATES.items():
        bounds = getattr(column, key)
        if _is_set(bounds):
            yield from _of_bounds(f"expect_column_{metric}_to_be_between", of, bounds, key, (*path, key), severity)
    if column.quantiles:
        ranges = [(limits(bounds).get("min_value"), limits(bounds).get("max_value")) for bounds in (
            column.quantiles.values())]  # fmt: skip
        shares = [_share(written) for written in column.quantiles]
        yield Drafted(
            expectation="expect_column_quantile_values_to_be_between", short="quantiles",
            kwargs={**of, "quantile_ranges": {"quantiles": shares, "value_ranges": [list(pair) for pair in ranges]}},
            path=(*path, "quantiles"), severity=severity, spelled={"quantile_ranges": (*path, "quantiles")},
        )  # fmt: skip


def _share(written: str) -> Any:
    """The share that a quantile is called by; the text itself where it is none, for the check to refuse."""
    try:
        return float(written)
    except ValueError:
        return written


def _of_rule(name: str, rule: TableRule, severity: Severity) -> Iterator[Drafted]:
    where = tuple(one for column, when in rule.when.items() for one in conditions(column, when))
    found = [*_of_several(rule, ("rules", name), severity)]
    for column, asked in rule.columns.items():
        path = ("rules", name, "columns", column)
        found += _of_column(column, asked, path, asked.severity or severity, rule.mostly)
    for one in found:
        inner = rule_id(one.short, one.kwargs)
        yield Drafted(
            expectation=one.expectation, kwargs=one.kwargs, short=one.short, path=one.path, severity=one.severity,
            where=where, named=printable(name) if len(found) == 1 else f"{printable(name)}.{inner}",
            spelled=one.spelled,
        )  # fmt: skip


def _of_several(rule: TableRule, path: Path, severity: Severity) -> Iterator[Drafted]:
    share = {} if rule.mostly is None else {"mostly": rule.mostly}
    # A missing value says nothing here; whether it may be missing is a rule of its column.
    several = {"ignore_row_if": "any_value_is_missing", **share}
    pair = {"ignore_row_if": "either_value_is_missing", **share}

    def one(key: str, expectation: str, short: str, argument: str, kwargs: dict[str, Any]) -> Drafted:
        return Drafted(
            expectation=expectation, kwargs=kwargs, short=short, path=(*path, key), severity=severity,
            spelled={argument: (*path, key)},
        )  # fmt: skip

    for key, expectation in {
        "unique": "expect_compound_columns_to_be_unique",
        "different": "expect_select_column_values_to_be_unique_within_record",
        "equal": "expect_multicolumn_values_to_be_equal",
    }.items():
        names = list(getattr(rule, key))
        if names:
            yield one(key, expectation, key, "column_list", {"column_list": names, **several})
    for key, two in {"greater": rule.greater, "at_least": rule.at_least}.items():
        if len(two) == 2:
            equal = {"or_equal": True} if key == "at_least" else {}
            kwargs = {"column_A": two[0], "column_B": two[1], **equal, **pair}
            yield one(key, "expect_column_pair_values_a_to_be_greater_than_b", key, "column_A", kwargs)
    if rule.sum.columns and rule.sum.is_ is not None:
        kwargs = {"column_list": list(rule.sum.columns), "sum_total": rule.sum.is_, **several}
        yield one("sum", "expect_multicolumn_sum_to_equal", "sum", "column_list", kwargs)
    if rule.check is not None:
        # On a line of its own, so that a comment at the end of it hides nothing.
        query = f"SELECT * FROM {{batch}} WHERE NOT (\n{rule.check}\n)"  # noqa: S608 - it is the owner's own SQL
        yield one("check", "unexpected_rows_expectation", "check", "unexpected_rows_query",
                  {"unexpected_rows_query": query})  # fmt: skip
    if rule.sql is not None:
        query = rule.sql.strip().rstrip(";")
        yield one("sql", "unexpected_rows_expectation", "sql", "unexpected_rows_query",
                  {"unexpected_rows_query": query})  # fmt: skip
    if rule.expectation is not None:
        given = {**rule.kwargs, **share}
        yield Drafted(
            expectation=rule.expectation, kwargs=given, short="expectation", path=(*path, "expectation"),
            severity=severity, spelled={name: (*path, "kwargs", name) for name in rule.kwargs},
        )  # fmt: skip


def conditions(column: str, when: When) -> Iterator[Condition]:
    """The conditions on one column."""
    compared: tuple[tuple[Operator, Any], ...] = (
        ("=", when.is_), ("!=", when.not_), (">=", when.min), ("<=", when.max), (">", when.above), ("<", when.below),
        ("in", when.values or None), ("not in", when.not_values or None),
    )  # fmt: skip
    for operator, value in compared:
        if value is not None:
            yield Condition(column=column, operator=operator, value=value)
    if when.missing is not None:
        yield Condition(column=column, operator="is null" if when.missing else "is not null")

"""A small table with everything in it that engines read differently, and what every rule finds there.

Each line of ``ASKED`` is a rule and its counts: rows, missing, unexpected or what is observed. They were worked out by
hand from the table.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from mlci.domain.dataset.contract import Condition, Rule

ODD = 'we ird"n;:x %s'
COLUMNS = {
    "id": "bigint", "n": "bigint", "x": "double precision", "s": "text", ODD: "text", "d": "date", "t": "timestamp",
    "b": "boolean", "void": "text",
}  # fmt: skip
_NAN = float("nan")


def _day(number: int | None) -> date | None:
    return None if number is None else date(2024, 2, number)


def _at(hour: int) -> datetime:
    return datetime(2024, 2, 28, hour, 30)


ROWS: list[tuple[Any, ...]] = [
    (1, 1, 0.5, "a1", "A", _day(1), _at(1), True, None),
    (2, 2, 1.5, "a2", "A", _day(2), _at(2), False, None),
    (3, 2, None, "Zoë", "B", _day(2), _at(3), True, None),
    (4, None, _NAN, "北京市", "B", None, _at(4), None, None),
    (5, 5, 2.5, "", "it's", _day(29), _at(5), True, None),
    (6, None, 1.5, None, "A", _day(6), _at(6), False, None),
    (7, 7, -3.0, "a\nb", None, None, _at(7), True, None),
    (8, 7, 10.0, "A1", "A", _day(8), _at(8), None, None),
    (9, 9, 4.5, "a10", None, _day(9), _at(9), True, None),
    (10, None, None, "%_\\", None, _day(10), _at(10), False, None),
]

_E = "expect_column_"
_POSITIVE = (Condition(column="x", operator=">", value=0),)
_B_TRUE = (Condition(column="b", operator="=", value=True),)
_LATE = (Condition(column="d", operator=">=", value="2024-02-08"), Condition(column=ODD, operator="is not null"))
_NONE = (Condition(column="id", operator=">", value=100),)

# Name, where, arguments → rows, missing, unexpected.
_ON_ROWS: list[tuple[str, tuple[Condition, ...], dict[str, Any], tuple[int, int, int]]] = [
    (_E + "values_to_not_be_null", (), {"column": "x"}, (10, 0, 3)),
    (_E + "values_to_not_be_null", (), {"column": "void"}, (10, 0, 10)),
    (_E + "values_to_be_null", (), {"column": "x"}, (10, 0, 7)),
    (_E + "values_to_be_null", _B_TRUE, {"column": "n"}, (5, 0, 5)),
    (_E + "values_to_be_between", (), {"column": "x", "min_value": 0.5, "max_value": 4.5}, (10, 3, 2)),
    (
        _E + "values_to_be_between", (),
        {"column": "x", "min_value": 0.5, "max_value": 4.5, "strict_min": True, "strict_max": True}, (10, 3, 4),
    ),
    (_E + "values_to_be_between", (), {"column": "n", "min_value": 1.5}, (10, 3, 1)),
    (_E + "values_to_be_between", _POSITIVE, {"column": "n", "max_value": 5}, (6, 1, 2)),
    (
        _E + "values_to_be_between", (), {"column": "d", "min_value": "2024-02-02", "max_value": "2024-02-09"},
        (10, 2, 3),
    ),
    (_E + "values_to_be_between", (), {"column": "d", "min_value": "2024-02-02T00:00:01"}, (10, 2, 3)),
    (_E + "values_to_be_between", (), {"column": "t", "max_value": "2024-02-28T05:30:00"}, (10, 0, 5)),
    (
        _E + "values_to_be_between", (), {"column": "t", "max_value": "2024-02-28T05:30:00", "strict_max": True},
        (10, 0, 6),
    ),
    (_E + "values_to_be_between", (), {"column": "s", "min_value": "a", "max_value": "b"}, (10, 1, 5)),
    (_E + "values_to_be_between", (), {"column": "void", "min_value": "a"}, (10, 10, 0)),
    (_E + "values_to_be_in_set", (), {"column": "s", "value_set": ["a1", "Zoë", "北京市", ""]}, (10, 1, 5)),
    (_E + "values_to_be_in_set", (), {"column": "n", "value_set": [1, 2.0, 7.5, "7"]}, (10, 3, 4)),
    (_E + "values_to_be_in_set", (), {"column": "b", "value_set": [True]}, (10, 2, 3)),
    (_E + "values_to_be_in_set", (), {"column": "d", "value_set": ["2024-02-02", "2024-02-29"]}, (10, 2, 5)),
    (_E + "values_to_be_in_set", (), {"column": ODD, "value_set": ["it's", "%s"]}, (10, 3, 6)),
    (_E + "values_to_be_in_set", _LATE, {"column": ODD, "value_set": ["A"]}, (2, 0, 1)),
    (_E + "values_to_not_be_in_set", (), {"column": "s", "value_set": ["%_\\", "a1"]}, (10, 1, 2)),
    (_E + "values_to_not_be_in_set", (), {"column": "n", "value_set": ["x"]}, (10, 3, 0)),
    (_E + "values_to_match_regex", (), {"column": "s", "regex": r"^a\d$"}, (10, 1, 7)),
    (_E + "values_to_match_regex", (), {"column": "s", "regex": r"(?i)^a\d$"}, (10, 1, 6)),
    (_E + "values_to_match_regex", (), {"column": "s", "regex": "a.b"}, (10, 1, 9)),
    (_E + "values_to_match_regex", (), {"column": "s", "regex": r"^\w+$"}, (10, 1, 5)),
    (_E + "values_to_match_regex", (), {"column": "s", "regex": r"^.{3}$"}, (10, 1, 5)),
    (_E + "values_to_match_regex", (), {"column": "s", "regex": r"\\"}, (10, 1, 8)),
    (_E + "values_to_match_regex", (), {"column": "s", "regex": r"[[:alpha:]]\d|^(?:x)*$"}, (10, 1, 4)),
    (_E + "values_to_match_regex", (), {"column": ODD, "regex": "^(?P<first>[A-Z])$"}, (10, 3, 1)),
    (_E + "values_to_not_match_regex", (), {"column": "s", "regex": "1"}, (10, 1, 3)),
    (_E + "values_to_match_regex_list", (), {"column": "s", "regex_list": ["^a", "1"]}, (10, 1, 4)),
    (_E + "values_to_match_regex_list", (), {"column": "s", "regex_list": ["^a", "1"], "match_on": "all"}, (10, 1, 7)),
    (_E + "values_to_not_match_regex_list", (), {"column": "s", "regex_list": ["^a", "1"]}, (10, 1, 5)),
    (_E + "value_lengths_to_be_between", (), {"column": "s", "min_value": 1, "max_value": 2}, (10, 1, 6)),
    (_E + "value_lengths_to_equal", (), {"column": "s", "value": 3}, (10, 1, 4)),
    (_E + "values_to_be_unique", (), {"column": "n"}, (10, 3, 4)),
    (_E + "values_to_be_unique", (), {"column": "x"}, (10, 3, 2)),
    (_E + "values_to_be_unique", (), {"column": "id"}, (10, 0, 0)),
    (_E + "values_to_be_unique", _B_TRUE, {"column": "n"}, (5, 0, 0)),
    (_E + "values_to_be_unique", (), {"column": "void"}, (10, 10, 0)),
    (_E + "values_to_be_unique", (), {"column": "d"}, (10, 2, 2)),
    (_E + "values_to_be_of_type", (), {"column": "n", "type_": "int64"}, (10, 3, 0)),
    (_E + "values_to_be_of_type", (), {"column": "n", "type_": "FLOAT"}, (10, 3, 0)),
    (_E + "values_to_be_of_type", (), {"column": "n", "type_": "str"}, (10, 3, 7)),
    (_E + "values_to_be_in_type_list", (), {"column": "d", "type_list": ["DATE", "str"]}, (10, 2, 0)),
    (_E + "values_to_be_in_type_list", (), {"column": "d", "type_list": ["datetime64"]}, (10, 2, 8)),
    (_E + "pair_values_a_to_be_greater_than_b", (), {"column_A": "n", "column_B": "x"}, (10, 2, 3)),
    (
        _E + "pair_values_a_to_be_greater_than_b", (),
        {"column_A": "n", "column_B": "x", "ignore_row_if": "either_value_is_missing"}, (10, 4, 1),
    ),
    (
        _E + "pair_values_a_to_be_greater_than_b", (),
        {"column_A": "t", "column_B": "d", "or_equal": True, "ignore_row_if": "neither"}, (10, 0, 3),
    ),
    (_E + "pair_values_to_be_equal", (), {"column_A": "n", "column_B": "id"}, (10, 0, 5)),
    (
        _E + "pair_values_to_be_equal", (),
        {"column_A": "n", "column_B": "id", "ignore_row_if": "either_value_is_missing"}, (10, 3, 2),
    ),
    (
        _E + "pair_values_to_be_in_set", (),
        {"column_A": "s", "column_B": ODD, "value_pairs_set": [["a1", "A"], ["", "it's"]]}, (10, 0, 8),
    ),
    ("expect_compound_columns_to_be_unique", (), {"column_list": ["n", "void"]}, (10, 3, 4)),
    (
        "expect_compound_columns_to_be_unique", (),
        {"column_list": ["n", "void"], "ignore_row_if": "never"}, (10, 0, 7),
    ),
    (
        "expect_compound_columns_to_be_unique", (),
        {"column_list": ["n", "d"], "ignore_row_if": "any_value_is_missing"}, (10, 4, 2),
    ),
    ("expect_select_column_values_to_be_unique_within_record", (), {"column_list": ["id", "n"]}, (10, 0, 5)),
    ("expect_multicolumn_values_to_be_equal", (), {"column_list": ["id", "n"]}, (10, 0, 5)),
    ("expect_multicolumn_sum_to_equal", (), {"column_list": ["id", "n"], "sum_total": 4}, (10, 0, 9)),
    (
        "expect_multicolumn_sum_to_equal", (),
        {"column_list": ["n", "x"], "sum_total": 1.5, "ignore_row_if": "any_value_is_missing"}, (10, 4, 5),
    ),
    (_E + "values_to_be_unique", _NONE, {"column": "n"}, (0, 0, 0)),
    (_E + "values_to_be_in_set", _NONE, {"column": "s", "value_set": ["a"]}, (0, 0, 0)),
]  # fmt: skip

# Name, where, arguments → rows, missing, what is observed.
_AGGREGATES: list[tuple[str, tuple[Condition, ...], dict[str, Any], tuple[int, int, Any]]] = [
    (_E + "min_to_be_between", (), {"column": "x", "max_value": 0}, (10, 3, -3.0)),
    (_E + "max_to_be_between", (), {"column": "x", "max_value": 10}, (10, 3, 10.0)),
    (_E + "max_to_be_between", (), {"column": "n", "max_value": 10}, (10, 3, 9)),
    (_E + "min_to_be_between", (), {"column": "d", "min_value": "2024-01-01"}, (10, 2, "2024-02-01")),
    (_E + "max_to_be_between", (), {"column": "t", "min_value": "2024-02-28"}, (10, 0, "2024-02-28T10:30:00")),
    (_E + "min_to_be_between", (), {"column": "s", "min_value": "A"}, (10, 1, "")),
    (_E + "max_to_be_between", (), {"column": "s", "min_value": "A"}, (10, 1, "北京市")),
    (_E + "max_to_be_between", (), {"column": "void", "min_value": "A"}, (10, 10, None)),
    (_E + "mean_to_be_between", (), {"column": "x", "min_value": 0}, (10, 3, 2.5)),
    (_E + "mean_to_be_between", _POSITIVE, {"column": "n", "min_value": 0}, (6, 1, 4.8)),
    (_E + "mean_to_be_between", _NONE, {"column": "n", "min_value": 0}, (0, 0, None)),
    (_E + "median_to_be_between", (), {"column": "x", "min_value": 0}, (10, 3, 1.5)),
    (_E + "median_to_be_between", _POSITIVE, {"column": "x", "min_value": 0}, (6, 0, 2.0)),
    (_E + "stdev_to_be_between", _B_TRUE, {"column": "n", "min_value": 0}, (5, 0, 3.3466401061363023)),
    (_E + "sum_to_be_between", (), {"column": "n", "min_value": 0}, (10, 3, 33)),
    (_E + "sum_to_be_between", (), {"column": "x", "min_value": 0}, (10, 3, 17.5)),
    (_E + "unique_value_count_to_be_between", (), {"column": "n", "min_value": 1}, (10, 3, 5)),
    (_E + "unique_value_count_to_be_between", (), {"column": ODD, "min_value": 1}, (10, 3, 3)),
    (_E + "proportion_of_unique_values_to_be_between", (), {"column": "n", "min_value": 0.5}, (10, 3, [5, 7])),
    (_E + "proportion_of_non_null_values_to_be_between", (), {"column": "x", "min_value": 0.5}, (10, 3, [7, 10])),
    (
        _E + "quantile_values_to_be_between", (),
        {"column": "x", "quantile_ranges": {"quantiles": [0, 0.3, 0.5, 1], "value_ranges": [[None, 9]] * 4}},
        (10, 3, [-3.0, 1.5, 1.5, 10.0]),
    ),
    (
        _E + "quantile_values_to_be_between", (),
        {"column": "d", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [["2024-02-01", None]]}},
        (10, 2, ["2024-02-06"]),
    ),
    (
        _E + "distinct_values_to_be_in_set", (), {"column": ODD, "value_set": ["A", "Q"]},
        (10, 3, {"outside": 2, "absent": ["Q"]}),
    ),
    (
        _E + "distinct_values_to_contain_set", _B_TRUE, {"column": "n", "value_set": [1, 8]},
        (5, 0, {"outside": 4, "absent": [8]}),
    ),
    (
        _E + "distinct_values_to_equal_set", (), {"column": "b", "value_set": [True, False]},
        (10, 2, {"outside": 0, "absent": []}),
    ),
    (_E + "most_common_value_to_be_in_set", (), {"column": "n", "value_set": [2, 3]}, (10, 3, [2, 1])),
    (_E + "most_common_value_to_be_in_set", (), {"column": "void", "value_set": ["2"]}, (10, 10, None)),
]  # fmt: skip

# A query → how many rows it gives.
_QUERIES: list[tuple[str, int]] = [
    ('SELECT * FROM {batch} WHERE "x" > 1 AND "n" % 2 = 1', 3),
    ('SELECT "n", count(*) AS many FROM {batch} GROUP BY "n" HAVING count(*) > 1', 3),
    ('WITH texts AS (SELECT "s" FROM {batch} WHERE "s" LIKE \'a%\') SELECT * FROM texts WHERE "s" <> \':x {y} %s\'', 4),
    ("SELECT * FROM {batch} WHERE regexp_matches(\"s\", '^a\\d') -- a comment", 3),
    ('SELECT * FROM {batch} AS a JOIN {batch} AS b ON a."id" = b."n"', 7),
]


def rules() -> list[tuple[Rule, dict[str, Any]]]:
    """Every rule, with what is to be measured."""
    found: list[tuple[Rule, dict[str, Any]]] = []
    for name, where, kwargs, (rows, missing, unexpected) in _ON_ROWS:
        said = {"rows": rows, "missing": missing, "unexpected": unexpected}
        found.append((Rule(id=f"rows-{len(found)}", expectation=name, kwargs=kwargs, where=where), said))
    for name, where, kwargs, (rows, missing, observed) in _AGGREGATES:
        said = {"rows": rows, "missing": missing, "observed": observed}
        found.append((Rule(id=f"aggregate-{len(found)}", expectation=name, kwargs=kwargs, where=where), said))
    for query, many in _QUERIES:
        kwargs = {"unexpected_rows_query": query}
        rule = Rule(id=f"query-{len(found)}", expectation="unexpected_rows_expectation", kwargs=kwargs)
        found.append((rule, {"rows": None, "unexpected": many}))
    between = "expect_table_row_count_to_be_between"
    found.append((Rule(id="all", expectation=between, kwargs={"min_value": 1}), {"observed": 10}))
    found.append(
        (Rule(id="some", expectation=between, kwargs={"min_value": 1}, where=_POSITIVE), {"rows": 6, "observed": 6})
    )
    exists = Rule(id="exists", expectation="expect_column_to_exist", kwargs={"column": ODD})
    found.append((exists, {"observed": list(COLUMNS)}))
    return found

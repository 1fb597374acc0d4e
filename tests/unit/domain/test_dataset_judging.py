"""How counts are judged: shares exactly, nothing looked at is no pass, and the arithmetic stands in the message."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
import rfc8785

from mlci.domain.dataset.contract import Condition, Rule
from mlci.domain.dataset.judging import judge, of_table
from mlci.domain.dataset.measured import Measured
from mlci.domain.dataset.vocabulary import EXPECTATIONS, query_of, type_named
from mlci.domain.dataset.wording import sentence
from mlci.domain.report import plain


def rule(expectation: str, **kwargs: Any) -> Rule:
    return Rule(id="r", expectation=expectation, kwargs=kwargs)


def counted(rows: int | None = None, missing: int = 0, unexpected: int | None = None, observed: Any = None) -> Measured:
    return Measured(rule="r", rows=rows, missing=missing, unexpected=unexpected, observed=observed)


BETWEEN = {"column": "age", "min_value": 0, "max_value": 120}


@pytest.mark.parametrize(
    ("mostly", "evaluated", "unexpected", "outcome"),
    [
        (1.0, 10, 0, "pass"), (1.0, 10**9, 1, "fail"),
        (0.95, 20, 1, "pass"), (0.95, 20, 2, "fail"),
        # In floats (1 - 0.9) * 10 is less than 1, and 0.7 * 10 is more than 7.
        (0.9, 10, 1, "pass"), (0.7, 10, 3, "pass"), (0.29, 100, 71, "pass"), (0.29, 100, 72, "fail"),
        (0.999999, 10**9, 1000, "pass"), (0.999999, 10**9, 1001, "fail"),
    ],
)  # fmt: skip
def test_a_share_is_judged_exactly(mostly: float, evaluated: int, unexpected: int, outcome: str) -> None:
    asked = rule("expect_column_values_to_be_between", **BETWEEN, mostly=mostly)
    assert judge(asked, counted(rows=evaluated + 5, missing=5, unexpected=unexpected)).outcome == outcome


def test_the_message_has_the_arithmetic() -> None:
    asked = Rule(
        id="r", expectation="expect_column_values_to_be_between", kwargs={**BETWEEN, "mostly": 0.99},
        where=(Condition(column="plan", operator="=", value="pro"),),
    )  # fmt: skip
    judged = judge(asked, counted(rows=1010, missing=10, unexpected=30))
    assert judged.message == (
        "age must be at least 0 and at most 120 where plan is 'pro': 30 of 1 000 values break it (3.00 %), "
        "up to 1 % are accepted"
    )
    assert (judged.outcome, judged.evaluated, judged.unexpected, judged.columns) == ("fail", 1000, 30, ("age",))


@pytest.mark.parametrize(
    ("asked", "measured"),
    [
        (rule("expect_column_values_to_be_between", **BETWEEN), counted(rows=0, unexpected=0)),
        (rule("expect_column_values_to_be_between", **BETWEEN), counted(rows=9, missing=9, unexpected=0)),
        (rule("expect_column_values_to_not_be_null", column="age"), counted(rows=0, unexpected=0)),
        (rule("expect_column_values_to_be_unique", column="age"), counted()),
        (rule("expect_column_mean_to_be_between", column="age", min_value=0), counted(rows=0)),
        (rule("expect_column_mean_to_be_between", column="age", min_value=0), counted(rows=2, observed=float("nan"))),
        (rule("expect_column_mean_to_be_between", column="age", min_value=0), counted(rows=2, observed="north")),
        (rule("expect_column_proportion_of_unique_values_to_be_between", column="age"), counted(observed=[0, 0])),
        (rule("expect_column_most_common_value_to_be_in_set", column="a", value_set=[1]), counted(observed=[0, 0])),
        (rule("unexpected_rows_expectation", unexpected_rows_query="SELECT 1"), counted()),
        (rule("expect_the_moon"), counted(rows=3, unexpected=0)),
        (Rule(id="r", expectation="expect_column_values_to_be_unique", kwargs={"column": "a"}, trouble="no way"),
         counted(rows=3, unexpected=0)),
        (rule("expect_column_values_to_be_unique", column="a"), Measured(rule="r", rows=3, unexpected=0, trouble="no")),
    ],
)  # fmt: skip
def test_nothing_looked_at_is_no_pass(asked: Rule, measured: Measured) -> None:
    judged = judge(asked, measured)
    assert judged.outcome == "error"
    assert "could not run, " in judged.message


def test_an_all_null_column_breaks_the_rule_on_missing_values() -> None:
    asked = rule("expect_column_values_to_not_be_null", column="age", mostly=0.5)
    assert judge(asked, counted(rows=8, unexpected=8)).outcome == "fail"
    assert judge(asked, counted(rows=8, unexpected=4)).outcome == "pass"


@pytest.mark.parametrize(
    ("kwargs", "observed", "outcome"),
    [
        ({"min_value": 1, "max_value": 2}, 2, "pass"),
        ({"min_value": 1, "max_value": 2, "strict_max": True}, 2, "fail"),
        ({"min_value": 1, "strict_min": True}, 1, "fail"),
        ({"max_value": 0.3}, Decimal("0.3"), "pass"),
        ({"max_value": 2**53}, 2**53 + 1, "fail"),
        ({"max_value": 10}, float("inf"), "fail"),
        ({"min_value": "2026-01-31"}, datetime.date(2026, 1, 31), "pass"),
        ({"min_value": "2026-01-31"}, "2026-01-30T23:59:59", "fail"),
        ({"min_value": "2026-01-31T00:00:00"}, "2026-01-31T00:30:00+01:00", "fail"),
        ({"min_value": 5}, "2026-01-30", "error"),
        ({"min_value": "b"}, "a", "fail"),
    ],
)
def test_bounds(kwargs: dict[str, Any], observed: Any, outcome: str) -> None:
    assert judge(rule("expect_column_max_to_be_between", column="a", **kwargs), counted(observed=observed)).outcome == (
        outcome
    )


def test_the_smallest_text_is_not_told() -> None:
    judged = judge(rule("expect_column_min_to_be_between", column="a", min_value="b"), counted(observed="Ada Secret"))
    assert "Secret" not in json.dumps(plain(judged))


def test_a_share_of_different_values_is_a_fraction() -> None:
    asked = rule("expect_column_proportion_of_unique_values_to_be_between", column="a", min_value=0.1, max_value=0.3)
    judged = judge(asked, counted(observed=[3, 10]))
    assert judged.outcome == "pass"
    assert judged.message == (
        "the share of different values of a must be at least 0.1 and at most 0.3: it is 30.00 % (3 of 10)"
    )


@pytest.mark.parametrize(
    ("asked", "outcome", "found"),
    [
        (rule("expect_column_to_exist", column="b"), "pass", "it is"),
        (rule("expect_column_to_exist", column="b", column_index=0), "fail", "it is number 2"),
        (rule("expect_column_to_exist", column="z"), "fail", "it is not"),
        (rule("expect_table_columns_to_match_set", column_set=["b", "a"]), "pass", "they are"),
        (rule("expect_table_columns_to_match_set", column_set=["a", "z"]), "fail",
         "z is missing, and b is not asked for"),
        (rule("expect_table_columns_to_match_set", column_set=["a"], exact_match=False), "pass", "they are"),
        (rule("expect_table_columns_to_match_ordered_list", column_list=["b", "a"]), "fail", "the order is a, b"),
        (rule("expect_table_columns_to_match_ordered_list", column_list=["a", "b"]), "pass", "they are"),
        (rule("expect_table_row_count_to_be_between", min_value=1000), "fail", "there are 0"),
        (rule("expect_table_row_count_to_equal", value=0), "pass", "there are 0"),
        (rule("expect_table_column_count_to_equal", value=2), "pass", "there are 2"),
        (rule("expect_table_column_count_to_be_between", max_value=1), "fail", "there are 2"),
    ],
)  # fmt: skip
def test_the_table(asked: Rule, outcome: str, found: str) -> None:
    judged = judge(asked, of_table(asked, {"a": "integer", "b": "string"}, 0))
    assert (judged.outcome, judged.message.rsplit(": ", 1)[1]) == (outcome, found)


@pytest.mark.parametrize(
    ("name", "observed", "outcome"),
    [
        ("be_in_set", {"outside": 0, "absent": ["a"]}, "pass"), ("be_in_set", {"outside": 1, "absent": []}, "fail"),
        ("contain_set", {"outside": 9, "absent": []}, "pass"), ("contain_set", {"outside": 0, "absent": ["a"]}, "fail"),
        ("equal_set", {"outside": 0, "absent": []}, "pass"), ("equal_set", {"outside": 1, "absent": ["a"]}, "fail"),
    ],
)  # fmt: skip
def test_different_values(name: str, observed: Any, outcome: str) -> None:
    asked = rule(f"expect_column_distinct_values_to_{name}", column="a", value_set=["a"])
    assert judge(asked, counted(observed=observed)).outcome == outcome


@pytest.mark.parametrize(
    ("ties_okay", "observed", "outcome"),
    [(False, [1, 1], "pass"), (False, [2, 1], "fail"), (True, [2, 1], "pass"), (True, [2, 0], "fail")],
)
def test_the_most_common_value(ties_okay: bool, observed: list[int], outcome: str) -> None:
    asked = rule(
        "expect_column_most_common_value_to_be_in_set", column="a", value_set=["x"], ties_okay=ties_okay
    )  # fmt: skip
    assert judge(asked, counted(observed=observed)).outcome == outcome


def test_quantiles() -> None:
    asked = rule(
        "expect_column_quantile_values_to_be_between", column="a",
        quantile_ranges={"quantiles": [0.1, 0.9], "value_ranges": [[0, 1], [None, 5]]},
    )  # fmt: skip
    assert judge(asked, counted(observed=[1, 5])).outcome == "pass"
    judged = judge(asked, counted(observed=[2, 9.5]))
    assert (
        judged.message == "a must have the quantiles 0.1 at least 0 and at most 1, 0.9 at most 5: 0.1 is 2, 0.9 is 9.5"
    )
    assert judge(asked, counted(observed=[None, None])).outcome == "error"


def test_a_query_gives_no_row() -> None:
    asked = rule("unexpected_rows_expectation", unexpected_rows_query="SELECT * FROM {batch} WHERE {0} {batch}")
    assert judge(asked, counted(unexpected=0)).outcome == "pass"
    assert judge(asked, counted(unexpected=1)).outcome == "fail"
    check = rule("unexpected_rows_expectation", unexpected_rows_query="SELECT * FROM {batch} WHERE NOT (\na < b\n)")
    assert judge(check, counted(unexpected=2)).message == "a < b must be true in each row: 2 rows break it"
    assert query_of(asked.kwargs, '"train"') == 'SELECT * FROM "train" WHERE {0} "train"'


@pytest.mark.parametrize("observed", [2**70, float("-inf"), Decimal("1e400"), datetime.date(2026, 1, 1)])
def test_whatever_is_observed_can_be_written_as_evidence(observed: Any) -> None:
    judged = judge(rule("expect_column_max_to_be_between", column="a", max_value=1), counted(observed=observed))
    rfc8785.dumps(plain(judged, exact=True))


def test_a_name_from_outside_stays_on_its_line() -> None:
    said = sentence(rule("expect_column_values_to_be_unique", column="a\n::error::\x1b[31m" + "x" * 500))
    assert said.isprintable()
    assert len(said) < 200


SAMPLES: dict[str, Any] = {
    "column": "a", "columns": ["a", "b"], "share": 0.5, "bound": 1, "number": 1, "count": 1, "value": "x",
    "values": ["x"], "flag": True, "regex": "^a", "regexes": ["^a"], "pairs": [["x", 1]], "type": "integer",
    "quantiles": {"quantiles": [0.5], "value_ranges": [[1, None]]}, "types": ["integer"],
    "sql": "SELECT * FROM {batch}",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(EXPECTATIONS))
def test_every_expectation_has_words(name: str) -> None:
    known = EXPECTATIONS[name]
    kwargs = {key: SAMPLES.get(one.kind, one.default) for key, one in known.arguments.items()}
    said = sentence(rule(name, **kwargs))
    assert " must " in said
    assert "None" not in said
    assert "expect_" not in said


def test_arguments_are_those_of_great_expectations() -> None:
    core = pytest.importorskip("great_expectations.expectations.core")
    published = {getattr(one, "expectation_type", None): one for one in vars(core).values() if isinstance(one, type)}
    for known in EXPECTATIONS.values():
        fields = published[known.name].__fields__
        assert set(known.arguments) <= set(fields), known.name
        assert {name for name, one in known.arguments.items() if one.required} <= set(fields)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("int64", "integer"), ("BIGINT", "integer"), ("VARCHAR(20)", "string"), ("DECIMAL(18,2)", "number"),
        ("datetime64[ns]", "timestamp"), ("DateType", "date"), ("complex128", None), ("integer", "integer"),
        ("boolean", "boolean"), ("number", "number"), ("string", "string"), ("date", "date"),
        ("timestamp", "timestamp"),
    ],
)  # fmt: skip
def test_the_types_of_other_systems(name: str, kind: str | None) -> None:
    assert type_named(name) == kind

"""Suites of Great Expectations: read as they are, and nothing of them is dropped."""

from __future__ import annotations

from typing import Any

import pytest

from mlci.domain.dataset.conditions import NotReadable, read
from mlci.domain.dataset.contract import Condition, Rule
from mlci.domain.dataset.judging import unrun
from mlci.domain.dataset.suite import expectation_of, row_condition
from mlci.domain.dataset.suite_reading import is_suite, key_of, rules_of, types_of

BETWEEN = "expect_column_values_to_be_between"


def rule(written: Any) -> Rule:
    return rules_of({"expectations": [written]})[0]


def asked(**kwargs: Any) -> dict[str, Any]:
    return {"type": BETWEEN, "kwargs": {"column": "age", "min_value": 1, **kwargs}}


def test_an_expectation_as_gx_writes_it() -> None:
    found = rule({**asked(mostly=0.9), "severity": "warning", "meta": {"owner": "us"}, "notes": "n", "id": None})
    assert (found.id, found.expectation, found.severity, found.trouble) == ("age.between", BETWEEN, "warn", None)
    assert found.kwargs == {"column": "age", "min_value": 1, "mostly": 0.9}


def test_an_expectation_of_an_older_suite() -> None:
    found = rule({"expectation_type": BETWEEN, "kwargs": {"column": "age", "max_value": 1}, "meta": {}})
    assert (found.expectation, found.severity) == (BETWEEN, "fail")


@pytest.mark.parametrize(
    ("severity", "expected"), [("critical", "fail"), ("info", "warn"), (None, "fail"), (7, "fail")]
)
def test_severities(severity: Any, expected: str) -> None:
    assert rule({**asked(), "severity": severity}).severity == expected


@pytest.mark.parametrize(
    ("written", "trouble"),
    [
        ({"type": "expect_the_moon", "kwargs": {"column": "a"}}, "nothing here knows the expectation expect_the_moon"),
        (asked(min_vale=3), "min_vale is no argument of it"),
        (asked(min_value="", max_value=3), "min_value must not be empty"),
        (asked(mostly="all"), "mostly must be a number"),
        (asked(mostly=float("nan")), "mostly must be a finite number"),
        ({"type": BETWEEN, "kwargs": {"column": "a"}}, "it has neither min_value nor max_value"),
        ({"type": BETWEEN, "kwargs": {"min_value": 1}}, "it has no column"),
        ({"type": BETWEEN, "kwargs": [1]}, "it has no type, or kwargs that are no block"),
        ({"kwargs": {}}, "it has no type"),
        (asked(row_condition={"type": "or", "conditions": []}), "its row_condition says or"),
        (asked(row_condition="age > 3 or plan == 'x'"), "more than comparisons joined by and"),
        ("a text", "it is no expectation"),
        ({"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": "ab"}}, "must be a list"),
        ({"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "a", "value_set": [None]}}, "has an item"),
        ({"type": "expect_column_values_to_be_of_type", "kwargs": {"column": "a", "type_": "complex128"}}, "of a type"),
        ({"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": "DELETE FROM {batch}"}}, "SELECT"),
    ],
)  # fmt: skip
def test_what_is_not_understood_stays_as_a_rule_that_could_not_run(written: Any, trouble: str) -> None:
    found = rule(written)
    assert found.trouble is not None
    assert trouble in found.trouble
    judged = unrun(found, found.trouble)
    assert judged.outcome == "error"
    assert trouble in judged.message


def test_arguments_that_say_nothing_of_the_data_are_left_out() -> None:
    found = rule(asked(batch_id="x", result_format="COMPLETE", catch_exceptions=True, condition_parser="pandas"))
    assert (found.trouble, set(found.kwargs)) == (None, {"column", "min_value"})


def test_every_rule_has_a_name_of_its_own() -> None:
    named = {**asked(), "meta": {"mlci": {"id": "mine"}}}
    found = rules_of({"expectations": [asked(), asked(), named, named, {**asked(), "meta": {"mlci": {"id": "\n"}}}]})
    assert [one.id for one in found] == ["age.between", "age.between#2", "mine", "mine#2", "age.between#3"]


def test_types_are_those_of_the_rules_on_types() -> None:
    kind = {
        "type": "expect_column_values_to_be_in_type_list",
        "kwargs": {"column": "a", "type_list": ["INTEGER", "int"]},
    }
    narrow = {**kind, "kwargs": {**kind["kwargs"], "column": "b", "row_condition": "a > 1"}}  # type: ignore[dict-item]
    assert types_of(rules_of({"expectations": [kind, narrow]})) == {"a": "integer"}


CONDITIONS = [
    ('col("plan") == "pro"', (Condition(column="plan", operator="=", value="pro"),)),
    ("plan=='pro' and age >= 18", (
        Condition(column="plan", operator="=", value="pro"), Condition(column="age", operator=">=", value=18),
    )),
    ("`my plan` != \"a and b\"", (Condition(column="my plan", operator="!=", value="a and b"),)),
    ('(age < 3.5) & (ok == True)', (
        Condition(column="age", operator="<", value=3.5), Condition(column="ok", operator="=", value=True),
    )),
    ('col("age").notNull()', (Condition(column="age", operator="is not null"),)),
    ("age IS NULL AND b = -2", (
        Condition(column="age", operator="is null"), Condition(column="b", operator="=", value=-2),
    )),
    ({"type": "pass_through", "pass_through_filter": "age > 1"}, (Condition(column="age", operator=">", value=1),)),
    (None, ()),
]  # fmt: skip


@pytest.mark.parametrize(("written", "expected"), CONDITIONS)
def test_older_conditions(written: Any, expected: tuple[Condition, ...]) -> None:
    assert read(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        "age > 1 or b > 2", "age > b", "not age > 1", "len(age) > 1", "age > 1; b", "(age > 1", "age in [1]",
        "x" * 3000, "age", 7, {"type": "comparison"}, {"type": "comparison", "column": {"name": "a"}, "operator": "~"},
        {"type": "comparison", "column": {"name": "a"}, "operator": "IN", "parameter": []},
        {"type": "comparison", "column": {"name": "a"}, "operator": "==", "parameter": {"a": 1}},
        {"type": "and", "conditions": [{"type": "or"}]}, {"type": "and", "conditions": [{"type": "nullity"}] * 200},
        " " * 1999, "(" * 1999, "a" * 999 + " " * 999,
    ],
)  # fmt: skip
def test_conditions_that_are_more_than_comparisons(written: Any) -> None:
    with pytest.raises(NotReadable):
        read(written)


def test_conditions_are_written_as_they_are_read() -> None:
    several = (
        Condition(column="a", operator="=", value="x"), Condition(column="b", operator="not in", value=(1, 2)),
        Condition(column="c", operator="is null"), Condition(column="d", operator="<=", value=1.5),
    )  # fmt: skip
    assert read(row_condition(several)) == several
    assert read(row_condition(several[:1])) == several[:1]


def test_a_day_bounds_a_timestamp_as_a_time() -> None:
    day = Rule(id="x", expectation=BETWEEN, kwargs={"column": "t", "min_value": "2026-01-31"})
    assert expectation_of(day, {"t": "timestamp"})["kwargs"]["min_value"] == "2026-01-31T00:00:00"
    assert expectation_of(day, {"t": "date"})["kwargs"]["min_value"] == "2026-01-31"


def test_what_is_a_suite() -> None:
    assert is_suite({"expectations": []})
    assert not is_suite({"expectations": {}})
    assert not is_suite([])
    assert key_of({"meta": {"mlci": {"key": ["a"]}}}) == ("a",)
    assert key_of({"meta": {"mlci": {"key": [1]}}}) == ()

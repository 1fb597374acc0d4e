"""Contract files: every key becomes a published expectation, every mistake is named where it stands."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mlci.config.contract import load, read_contract
from mlci.config.problems import flat
from mlci.domain.dataset.arguments import problems
from mlci.domain.dataset.contract import Condition, Contract, Rule
from mlci.domain.dataset.contract_text import as_file, is_expressible, quoted
from mlci.domain.dataset.parameters import at
from mlci.domain.dataset.suite import suite_of
from mlci.errors import MlciError
from mlci.surface.config_schema import contract_schema

NOW = datetime.datetime(2026, 12, 1, 12, tzinfo=datetime.timezone.utc)
VALIDATOR = jsonschema.Draft202012Validator(contract_schema())


def read(text: str) -> Contract:
    return read_contract(text.encode(), "train.yml")


def rules(text: str) -> dict[str, Rule]:
    return {rule.id: rule for rule in read(text).rules}


def refused(text: str | bytes) -> list[tuple[str, int | None, str]]:
    """Id, line and cause of every problem."""
    with pytest.raises(MlciError) as caught:
        read_contract(text if isinstance(text, bytes) else text.encode(), "train.yml")
    return [(one.id, one.place.line if one.place else None, one.cause) for one in flat([caught.value])]


COLUMN = [
    ("integer", "type", "expect_column_values_to_be_of_type", {"type_": "integer"}),
    ("{type: date}", "type", "expect_column_values_to_be_of_type", {"type_": "date"}),
    ("{nullable: false}", "not_null", "expect_column_values_to_not_be_null", {}),
    ("{max_missing: 0.1}", "not_null", "expect_column_values_to_not_be_null", {"mostly": 0.9}),
    ("{max_missing: 0}", "not_null", "expect_column_values_to_not_be_null", {}),
    ("{min: 1, max: 2}", "between", "expect_column_values_to_be_between", {"min_value": 1, "max_value": 2}),
    ("{above: 0.5}", "between", "expect_column_values_to_be_between", {"min_value": 0.5, "strict_min": True}),
    ("{min: 2026-01-31, mostly: 0.9}", "between", "expect_column_values_to_be_between",
     {"min_value": "2026-01-31", "mostly": 0.9}),
    ("{values: [a, 1, '', 'no']}", "in_set", "expect_column_values_to_be_in_set",
     {"value_set": ["a", 1, "", "no"]}),
    ("{values: one}", "in_set", "expect_column_values_to_be_in_set", {"value_set": ["one"]}),
    ("{not_values: [0]}", "not_in_set", "expect_column_values_to_not_be_in_set", {"value_set": [0]}),
    ("{pattern: '^[$]{2}${x}$'}", "pattern", "expect_column_values_to_match_regex", {"regex": "^[$]{2}${x}$"}),
    ("{not_pattern: x}", "not_pattern", "expect_column_values_to_not_match_regex", {"regex": "x"}),
    ("{length: 3}", "length", "expect_column_value_lengths_to_be_between", {"min_value": 3, "max_value": 3}),
    ("{length: {below: 9}}", "length", "expect_column_value_lengths_to_be_between",
     {"max_value": 9, "strict_max": True}),
    ("{unique: true}", "unique", "expect_column_values_to_be_unique", {}),
    ("{mean: {min: 1}}", "mean", "expect_column_mean_to_be_between", {"min_value": 1}),
    ("{median: {min: 1}}", "median", "expect_column_median_to_be_between", {"min_value": 1}),
    ("{stdev: {min: 1}}", "stdev", "expect_column_stdev_to_be_between", {"min_value": 1}),
    ("{sum: {min: 1}}", "sum", "expect_column_sum_to_be_between", {"min_value": 1}),
    ("{smallest: {min: 1}}", "smallest", "expect_column_min_to_be_between", {"min_value": 1}),
    ("{largest: {max: 1}}", "largest", "expect_column_max_to_be_between", {"max_value": 1}),
    ("{distinct: {max: 7}}", "distinct", "expect_column_unique_value_count_to_be_between", {"max_value": 7}),
    ("{distinct_share: {min: 0.5}}", "distinct_share", "expect_column_proportion_of_unique_values_to_be_between",
     {"min_value": 0.5}),
    ("{quantiles: {0.5: {min: 1}, 0.9: {max: 3}}}", "quantiles", "expect_column_quantile_values_to_be_between",
     {"quantile_ranges": {"quantiles": [0.5, 0.9], "value_ranges": [[1, None], [None, 3]]}}),
    ("{contains: [a]}", "contains", "expect_column_distinct_values_to_contain_set", {"value_set": ["a"]}),
    ("{most_common: [a]}", "most_common", "expect_column_most_common_value_to_be_in_set",
     {"value_set": ["a"], "ties_okay": True}),
    ("{max_age: 7d}", "max_age", "expect_column_max_to_be_between",
     {"min_value": {"$PARAMETER": "now_minus_604800_seconds"}}),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "short", "expectation", "kwargs"), COLUMN)
def test_each_key_of_a_column(asked: str, short: str, expectation: str, kwargs: dict[str, Any]) -> None:
    found = [rule for id, rule in rules(f"columns:\n  age: {asked}\n").items() if id != "columns"]
    assert [(rule.expectation, rule.kwargs) for rule in found] == [(expectation, {"column": "age", **kwargs})]
    assert found[0].id == f"age.{'fresh' if short == 'max_age' else short}"
    assert problems(found[0].expectation, found[0].kwargs) == []


RULES = [
    ("{unique: [a, b]}", "expect_compound_columns_to_be_unique",
     {"column_list": ["a", "b"], "ignore_row_if": "any_value_is_missing"}),
    ("{different: [a, b]}", "expect_select_column_values_to_be_unique_within_record",
     {"column_list": ["a", "b"], "ignore_row_if": "any_value_is_missing"}),
    ("{equal: [a, b]}", "expect_multicolumn_values_to_be_equal",
     {"column_list": ["a", "b"], "ignore_row_if": "any_value_is_missing"}),
    ("{greater: [a, b]}", "expect_column_pair_values_a_to_be_greater_than_b",
     {"column_A": "a", "column_B": "b", "ignore_row_if": "either_value_is_missing"}),
    ("{at_least: [a, b], mostly: 0.5}", "expect_column_pair_values_a_to_be_greater_than_b",
     {"column_A": "a", "column_B": "b", "or_equal": True, "ignore_row_if": "either_value_is_missing", "mostly": 0.5}),
    ("{sum: {columns: [a, b], is: 1}}", "expect_multicolumn_sum_to_equal",
     {"column_list": ["a", "b"], "sum_total": 1.0, "ignore_row_if": "any_value_is_missing"}),
    ("{check: a < b}", "unexpected_rows_expectation",
     {"unexpected_rows_query": "SELECT * FROM {batch} WHERE NOT (\na < b\n)"}),
    ("{sql: 'SELECT * FROM {batch} WHERE a < 0 ;'}", "unexpected_rows_expectation",
     {"unexpected_rows_query": "SELECT * FROM {batch} WHERE a < 0 "}),
    ("{expectation: expect_column_values_to_be_in_type_list, kwargs: {column: a, type_list: [int64, float64]}}",
     "expect_column_values_to_be_of_type", {"column": "a", "type_": "number"}),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "expectation", "kwargs"), RULES)
def test_each_rule(asked: str, expectation: str, kwargs: dict[str, Any]) -> None:
    rule = rules(f"rules:\n  mine: {asked}\n")["mine"]
    assert (rule.expectation, rule.kwargs) == (expectation, kwargs)


def test_conditions_severities_and_names() -> None:
    found = rules(
        """
severity: warn
rows: 10
extra_columns: refuse
columns: {plan: , age: {min: 0, severity: fail}}
rules:
  adults:
    when: {plan: pro, age: {min: 18, below: 99}, region: {not_values: [x, y]}, left: {missing: true}}
    columns: {discount: {min: 0.1, nullable: false}}
"""
    )
    assert list(found) == [
        "columns", "rows", "age.between", "adults.discount.between", "adults.discount.not_null",
    ]  # fmt: skip
    assert found["columns"].kwargs == {"column_set": ["plan", "age"], "exact_match": True}
    assert found["rows"].kwargs == {"min_value": 10, "max_value": 10}
    assert (found["age.between"].severity, found["rows"].severity) == ("fail", "warn")
    assert found["adults.discount.not_null"].where == (
        Condition(column="plan", operator="=", value="pro"),
        Condition(column="age", operator=">=", value=18),
        Condition(column="age", operator="<", value=99),
        Condition(column="region", operator="not in", value=("x", "y")),
        Condition(column="left", operator="is null"),
    )


def test_types_and_keys_reach_the_engine() -> None:
    contract = read("key: id\ncolumns: {id: integer, day: {type: date}, b: {min: 0}}\n")
    assert contract.types == {"id": "integer", "day": "date"}
    assert contract.key == ("id",)


def test_an_age_is_counted_from_when_it_is_judged() -> None:
    contract = at(read("columns: {t: {max_age: 36h}}"), NOW)
    assert contract.rules[-1].kwargs == {"column": "t", "min_value": "2026-11-30T00:00:00"}


def test_a_parameter_is_given_or_the_rule_could_not_run() -> None:
    suite = {"expectations": [{
        "type": "expect_column_max_to_be_between", "kwargs": {"column": "a", "max_value": {"$PARAMETER": "limit"}},
    }]}  # fmt: skip
    contract = read(json.dumps(suite))
    assert at(contract, NOW).rules[0].trouble == "nobody gives its parameter limit"
    assert at(contract, NOW, {"limit": 3}).rules[0].kwargs["max_value"] == 3


INVALID = [
    ("", "C007", None, "the contract asks for nothing"),
    ("[a]", "C003", 1, "must be a block"),
    ("colums: {}", "C002", 1, "there is no key colums"),
    ("columns:\n  a: integr", "C004", 2, "got 'integr'"),
    ("columns:\n  a: {min: 1, above: 0}", "C008", 2, "both min and above"),
    ("columns:\n  a: {length: {is: 1, max: 2}}", "C008", 2, "once more otherwise"),
    ("columns:\n  a: {nullable: false, max_missing: 0.1}", "C008", 2, "nullable is false"),
    ("columns:\n  a: {type: string, min: 3}", "C008", 2, "no bound of a column of type string"),
    ("columns:\n  a: {type: integer, max: 2026-01-01}", "C008", 2, "no bound of a column of type integer"),
    ("columns:\n  a: {type: boolean, max: 1}", "C008", 2, "no bound of a column of type boolean"),
    ("columns:\n  a:\n    min: 5\n    max: 2", "C004", 3, "min is above max_value"),
    ("columns:\n  a:\n    min: true", "C004", 3, "must be a number"),
    ("columns:\n  a:\n    mostly: 2", "C004", 3, "between 0 and 1"),
    ("columns:\n  a:\n    values: [yes]", "C003", 3, "read differently by different readers"),
    ("columns:\n  a:\n    quantiles: {x: {min: 1}}", "C004", 3, "must be a number"),
    ("columns:\n  a:\n    quantiles: {0.5: {above: 1}}", "C008", 3, "takes min and max"),
    ("columns:\n  a:\n    length: {min: -1}", "C004", 3, "at least 0"),
    ("columns:\n  a:\n    max_age: 7", "C003", 3, "a time longer than zero"),
    ("columns:\n  a:\n    pattern: " + "a" * 1001, "C004", 3, "at most 1000 characters"),
    ("rules:\n  x: {}", "C007", None, "asks for nothing"),
    ("rules:\n  x: {columns: {a: }}", "C007", None, "asks for nothing"),
    ("rules:\n  x: {unique: [a]}", "C008", 2, "two columns at least"),
    ("rules:\n  x: {greater: [a, b, c]}", "C008", 2, "two columns"),
    ("rules:\n  x: {sum: {columns: [a, b]}}", "C007", 2, "needs columns and is"),
    ("rules:\n  x: {kwargs: {a: 1}}", "C007", 2, "asks for nothing"),
    ("rules:\n  x: {check: a > 1, when: {b: 1}}", "C008", 2, "which rows it is about"),
    ("rules:\n  x: {sql: DROP TABLE x}", "C004", 2, "must be a SELECT"),
    ("rules:\n  x: {sql: SELECT 1}", "C004", 2, "must name the table {batch}"),
    ("rules:\n  x: {expectation: expect_column_to_exsist}", "C004", 2, "nothing here knows"),
    ("rules:\n  x:\n    expectation: expect_column_to_exist\n    kwargs:\n      colum: a", "C004", 5, "no argument"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "id", "line", "cause"), INVALID)
def test_a_mistake_is_named_where_it_stands(text: str, id: str, line: int | None, cause: str) -> None:
    found = refused(text)
    assert any(each[0] == id and cause in each[2] and (line is None or each[1] == line) for each in found), found


def test_all_mistakes_are_told_at_once_with_what_was_meant() -> None:
    text = "colums: {}\ncolumns:\n  a: {min: 5, max: 2}\nrules:\n  x: {unique: [a]}\n"
    assert [each[0] for each in refused(text)] == ["C002", "C008"]
    text = "columns:\n  a: {min: 5, max: 2}\nrules:\n  x: {unique: [a]}\n"
    assert [each[0] for each in refused(text)] == ["C004", "C008"]
    with pytest.raises(MlciError) as caught:
        read("rules: {x: {expectation: expect_column_to_exsist}}")
    assert any(one.help == "did you mean expect_column_to_exist?" for one in flat([caught.value]))


HOSTILE = [
    b"a: &a [x, x]\n" + b"".join(b"b%d: &b%d [*a, *a, *a, *a, *a, *a, *a, *a]\n" % (n, n) for n in range(9)),
    b"columns:\n" + b"  a: {values: [" + b"1, " * 400_000 + b"]}",
    b"[" * 10_000,
    b"{" * 10_000,
    b'{"expectations": ' + b"[" * 100_000,
    b"\xff\xfe",
    b"columns: {a: !!python/object/apply:os.system ['true']}",
    b"columns:\n  \x00: {}",
    b"x: " + b"y" * (1 << 20),
    json.dumps({"expectations": [{"type": "x" * 100_000, "kwargs": {}}] * 3})[:-1].encode(),
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_files_are_refused_in_a_moment(content: bytes) -> None:
    with pytest.raises(MlciError):
        read_contract(content, "train.yml")


def test_every_valid_file_is_valid_by_the_schema_and_unknown_keys_are_not() -> None:
    documents = [f"columns:\n  age: {row[0]}\n" for row in COLUMN] + [f"rules:\n  x: {row[0]}\n" for row in RULES]
    for text in documents:
        plain = json.loads(json.dumps(yaml.safe_load(text), default=str))
        # A number as the name of a quantile is a text in JSON.
        assert [one.message for one in VALIDATOR.iter_errors(plain)] == [], text
    for text in ("colums: {}", "columns: {a: integr}", "columns: {a: {mostly: 2}}", "rules: {x: {uniqe: [a]}}"):
        assert list(VALIDATOR.iter_errors(yaml.safe_load(text))), text
        refused(text)


def test_a_missing_file_says_its_name(tmp_path: Path) -> None:
    with pytest.raises(MlciError, match=re.escape("no.yml does not exist")):
        load(str(tmp_path / "no.yml"), "no.yml")


NAMES = [
    'a"b',
    "a'b",
    "no",
    "1",
    "null",
    "a: b",
    "#x",
    "ä ö",
    "<<",
    "{batch}",
    "$x",
    "${HOME}",
    "-",
    "a, b",
    "*x",
    "&x",
]


@pytest.mark.parametrize("name", NAMES)
def test_whatever_a_column_is_called_it_is_read_as_it_was_written(name: str) -> None:
    contract = read(f"key: {quoted(name)}\ncolumns:\n  {quoted(name)}: {{values: [{quoted(name)}]}}\n")
    assert contract.key == (name,)
    assert contract.rules[1].kwargs == {"column": name, "value_set": [name]}


def everything() -> Contract:
    lines = [f"  c{number}: {row[0]}" for number, row in enumerate(COLUMN)]
    more = [f"  r{number}: {row[0]}" for number, row in enumerate(RULES)]
    last = "  w: {when: {a: 1, b: {missing: false}}, columns: {c: {min: 2020-01-01}}, severity: warn}"
    return read("\n".join(["key: c0", "columns:", *lines, "rules:", *more, last]) + "\n")


def test_a_contract_survives_being_a_suite_and_being_a_file_again() -> None:
    contract = everything()
    again = read_contract(json.dumps(suite_of(contract)).encode(), "suite.json")
    assert [rule.trouble for rule in again.rules if rule.trouble] == []
    assert again.rules == contract.rules
    assert again.key == contract.key
    assert all(is_expressible(rule) for rule in again.rules)
    # A parameter and a set of columns are written as they are; a file in GX's words says the same again.
    third = read(as_file(again, "https://example.org/contract.schema.json"))
    assert third.rules == contract.rules
    assert third.key == contract.key


def test_every_contract_of_the_pages_is_one() -> None:
    pages = [page.read_text() for page in (Path(__file__).parents[2] / "docs").glob("*.md")]
    shown = [
        (name, body)
        for page in pages
        for name, body in re.findall(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", page, re.DOTALL)
        if re.search(r"^(columns|rules):", body, re.MULTILINE)
    ]
    assert {"customers.yml", "orders.yml"} <= {name for name, _ in shown}
    for name, body in shown:
        assert read_contract(body.encode(), name).rules

"""Every rule that DuckDB counts, against pandas and plain Python on the same rows."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlci.adapters.datasets import duck_alike, duck_ranks
from mlci.adapters.datasets.duck import DuckEngine
from mlci.domain.dataset.contract import Condition, Rule
from mlci.domain.dataset.measured import Measured
from mlci.domain.dataset.vocabulary import EXPECTATIONS
from mlci.ports import DataSource, Opened

ROWS = 5_000


def made() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    score = rng.normal(size=ROWS).round(3)
    score[rng.random(ROWS) < 0.1] = math.nan
    score[:4] = [math.inf, -math.inf, -0.0, 0.0]
    names = np.array([f"N{number % 37:03d}" for number in range(ROWS)], dtype=object)
    names[rng.random(ROWS) < 0.05] = None
    words = np.array(["é" * (number % 7) + "x" for number in range(ROWS)], dtype=object)
    day = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 400, ROWS), unit="D")
    late = np.where(rng.random(ROWS) < 0.3, 0, rng.integers(0, 86_400, ROWS))
    whole = pd.array(rng.integers(-50, 50, ROWS), dtype="Int64")
    whole[::17] = pd.NA
    other = whole.copy()
    other[::5] = 7
    other[::19] = pd.NA
    return pd.DataFrame(
        {
            "id": np.arange(ROWS) + 10**12,
            "again": np.arange(ROWS) // 2 * 2 + (np.arange(ROWS) % 2) * (np.arange(ROWS) % 100 > 1),
            "score": score,
            "name": names,
            "word": words,
            "day": day.date,
            "at": day + pd.to_timedelta(late, unit="s"),
            "whole": whole,
            "other": other,
            "flag": rng.random(ROWS) < 0.3,
            "small": pd.array(rng.integers(0, 4, ROWS), dtype="Int16"),
            "nothing": pd.array([pd.NA] * ROWS, dtype="Float64"),
        }
    )


FRAME = made()


@pytest.fixture(scope="module")
def at_hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DuckEngine, Opened]]:
    folder = tmp_path_factory.mktemp("rules")
    FRAME.to_parquet(folder / "rows.parquet", row_group_size=700)
    engine = DuckEngine(memory="300MB", folder=str(folder / "spill"))
    yield engine, engine.open(DataSource(role="train", name="rows", path=str(folder / "rows.parquet")), {})
    engine.close()


def rule(expectation: str, *where: Condition, **kwargs: Any) -> Rule:
    return Rule(id="it", expectation=expectation, kwargs=kwargs, where=where)


def missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)) or value is pd.NaT


def values(column: str, keep: Callable[[dict[str, Any]], bool] = lambda row: True) -> list[Any]:
    return [row[column] for row in RECORDS if keep(row)]


RECORDS = FRAME.to_dict("records")
DAY, NOON = dt.date(2026, 6, 1), pd.Timestamp("2026-06-01 12:00")

ON_VALUES: list[tuple[str, str, dict[str, Any], Callable[[Any], bool]]] = [
    ("values_to_be_between", "score", {"min_value": -1, "max_value": 1.5}, lambda x: -1 <= x <= 1.5),
    ("values_to_be_between", "score", {"min_value": 0, "strict_min": True}, lambda x: x > 0),
    ("values_to_be_between", "whole", {"min_value": -10.5, "max_value": 10.5}, lambda x: -10.5 <= x <= 10.5),
    ("values_to_be_between", "whole", {"max_value": 10, "strict_max": True}, lambda x: x < 10),
    ("values_to_be_between", "whole", {"max_value": 9.5, "strict_max": True}, lambda x: x < 9.5),
    ("values_to_be_between", "id", {"min_value": 10**12 + 1, "max_value": 10**30}, lambda x: x >= 10**12 + 1),
    ("values_to_be_between", "day", {"min_value": "2026-06-01"}, lambda x: x >= DAY),
    ("values_to_be_between", "at", {"max_value": "2026-06-01T12:00:00"}, lambda x: x <= NOON),
    ("values_to_be_between", "name", {"min_value": "N010"}, lambda x: x >= "N010"),
    ("values_to_be_in_set", "name", {"value_set": ["N001", "N002", 5]}, lambda x: x in ("N001", "N002")),
    ("values_to_be_in_set", "small", {"value_set": [0, 1.0, "2", 2.5]}, lambda x: x in (0, 1)),
    ("values_to_be_in_set", "score", {"value_set": [0, 0.5, -0.25]}, lambda x: x in (0, 0.5, -0.25)),
    ("values_to_be_in_set", "flag", {"value_set": [True]}, lambda x: x is True),
    ("values_to_be_in_set", "day", {"value_set": ["2026-06-01"]}, lambda x: x == DAY),
    ("values_to_be_in_set", "name", {"value_set": [1]}, lambda x: False),
    ("values_to_not_be_in_set", "name", {"value_set": ["N001"]}, lambda x: x != "N001"),
    ("values_to_match_regex", "name", {"regex": "^N0[0-2]"}, lambda x: re.search("^N0[0-2]", x)),
    ("values_to_match_regex", "name", {"regex": "3$"}, lambda x: x.endswith("3")),
    ("values_to_not_match_regex", "name", {"regex": "'|7"}, lambda x: "7" not in x),
    ("values_to_match_regex_list", "name", {"regex_list": ["1", "2"]}, lambda x: "1" in x or "2" in x),
    (
        "values_to_match_regex_list", "name", {"regex_list": ["1", "2"], "match_on": "all"},
        lambda x: "1" in x and "2" in x,
    ),
    ("values_to_not_match_regex_list", "name", {"regex_list": ["1", "2"]}, lambda x: "1" not in x and "2" not in x),
    ("value_lengths_to_be_between", "word", {"min_value": 2, "max_value": 5}, lambda x: 2 <= len(x) <= 5),
    ("value_lengths_to_be_between", "word", {"max_value": 5, "strict_max": True}, lambda x: len(x) < 5),
    ("value_lengths_to_equal", "word", {"value": 3}, lambda x: len(x) == 3),
    ("values_to_be_between", "nothing", {"min_value": 0}, lambda x: True),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(ON_VALUES)))
@pytest.mark.parametrize("narrowed", [False, True], ids=["all", "where"])
def test_rules_on_values(at_hand: tuple[DuckEngine, Opened], number: int, narrowed: bool) -> None:
    name, column, kwargs, holds = ON_VALUES[number]
    where = (Condition(column="small", operator=">", value=1),) if narrowed else ()
    (found,) = at_hand[0].measure(at_hand[1], [rule(f"expect_column_{name}", *where, column=column, **kwargs)])
    about = [row[column] for row in RECORDS if not narrowed or row["small"] > 1]
    present = [value for value in about if not missing(value)]
    broken = sum(not holds(value) for value in present)
    assert found == Measured(rule="it", rows=len(about), missing=len(about) - len(present), unexpected=broken)


def test_the_cases_hold_and_break() -> None:
    for _, column, _, holds in ON_VALUES[:-1]:
        present = [value for value in FRAME[column] if not missing(value)]
        assert any(not holds(value) for value in present), column


@pytest.mark.parametrize("column", ["score", "name", "id", "nothing"])
def test_missing_values(at_hand: tuple[DuckEngine, Opened], column: str) -> None:
    gone = sum(map(missing, values(column)))
    both = [
        rule("expect_column_values_to_not_be_null", column=column),
        rule("expect_column_values_to_be_null", column=column),
    ]
    assert at_hand[0].measure(at_hand[1], both) == (
        Measured(rule="it", rows=ROWS, unexpected=gone),
        Measured(rule="it", rows=ROWS, unexpected=ROWS - gone),
    )


def repeated(column: str, keep: Callable[[dict[str, Any]], bool] = lambda row: True) -> int:
    counts = Counter(value for value in values(column, keep) if not missing(value))
    return sum(count for count in counts.values() if count > 1)


@pytest.mark.parametrize("column", ["id", "again", "name", "score", "day", "nothing"])
@pytest.mark.parametrize("small", [True, False], ids=["grouped", "hashed"])
def test_unique(at_hand: tuple[DuckEngine, Opened], column: str, small: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not small:
        # As with many rows: bits and hashes, in several passes.
        monkeypatch.setattr(duck_alike, "_SMALL", 0)
        monkeypatch.setattr(duck_alike, "_AT_ONCE", 700)
    (found,) = at_hand[0].measure(at_hand[1], [rule("expect_column_values_to_be_unique", column=column)])
    gone = sum(map(missing, values(column)))
    assert found == Measured(rule="it", rows=ROWS, missing=gone, unexpected=repeated(column))


def test_unique_among_some_rows(at_hand: tuple[DuckEngine, Opened]) -> None:
    where = Condition(column="flag", operator="=", value=True)
    (found,) = at_hand[0].measure(at_hand[1], [rule("expect_column_values_to_be_unique", where, column="again")])
    assert found.rows == sum(values("flag"))
    assert found.unexpected == repeated("again", lambda row: row["flag"])
    assert 0 < found.unexpected < repeated("again")


@pytest.mark.parametrize("ignored", ["all_values_are_missing", "any_value_is_missing", "never"])
@pytest.mark.parametrize("small", [True, False], ids=["grouped", "hashed"])
def test_compound_unique(
    at_hand: tuple[DuckEngine, Opened], ignored: str, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not small:
        monkeypatch.setattr(duck_alike, "_SMALL", 0)
    columns = ["name", "whole"]
    asked = rule("expect_compound_columns_to_be_unique", column_list=columns, ignore_row_if=ignored)
    rows = [tuple(None if missing(row[one]) else row[one] for one in columns) for row in RECORDS]
    seen = [row for row in rows if not left_out(row, ignored)]
    counts = Counter(seen)
    expected = sum(count for count in counts.values() if count > 1)
    assert expected > 100
    (found,) = at_hand[0].measure(at_hand[1], [asked])
    assert found == Measured(rule="it", rows=ROWS, missing=ROWS - len(seen), unexpected=expected)


def left_out(row: tuple[Any, ...], ignored: str) -> bool:
    gone = [value is None for value in row]
    if ignored in ("all_values_are_missing", "both_values_are_missing"):
        return all(gone)
    return any(gone) if ignored in ("any_value_is_missing", "either_value_is_missing") else False


PAIRS = {("N001", 1), ("N002", 2)}
ON_SEVERAL: list[tuple[str, list[str], dict[str, Any], Callable[..., bool]]] = [
    ("column_pair_values_a_to_be_greater_than_b", ["whole", "other"], {}, lambda a, b: a > b),
    ("column_pair_values_a_to_be_greater_than_b", ["whole", "other"], {"or_equal": True}, lambda a, b: a >= b),
    ("column_pair_values_a_to_be_greater_than_b", ["whole", "score"], {}, lambda a, b: a > b),
    ("column_pair_values_a_to_be_greater_than_b", ["day", "at"], {"or_equal": True}, lambda a, b: pd.Timestamp(a) >= b),
    ("column_pair_values_to_be_equal", ["whole", "other"], {}, lambda a, b: a == b),
    (
        "column_pair_values_to_be_in_set", ["name", "small"],
        {"value_pairs_set": [["N001", 1], ["N002", 2], ["N003", "3"]]}, lambda a, b: (a, b) in PAIRS,
    ),
    ("multicolumn_sum_to_equal", ["whole", "other", "small"], {"sum_total": 9}, lambda *row: sum(row) == 9),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(ON_SEVERAL)))
@pytest.mark.parametrize("ignored", [0, 1, 2])
def test_rules_on_several_columns(at_hand: tuple[DuckEngine, Opened], number: int, ignored: int) -> None:
    name, columns, kwargs, holds = ON_SEVERAL[number]
    choices = EXPECTATIONS[f"expect_{name}"].arguments["ignore_row_if"].choices
    named = dict(zip(("column_A", "column_B"), columns, strict=True)) if "pair" in name else {"column_list": columns}
    asked = rule(f"expect_{name}", **named, **kwargs, ignore_row_if=choices[ignored])
    rows = [tuple(None if missing(row[one]) else row[one] for one in columns) for row in RECORDS]
    seen = [row for row in rows if not left_out(row, choices[ignored])]
    broken = sum(None in row or not holds(*row) for row in seen)
    assert 0 < broken < len(seen)
    (found,) = at_hand[0].measure(at_hand[1], [asked])
    assert found == Measured(rule="it", rows=ROWS, missing=ROWS - len(seen), unexpected=broken)


def test_within_a_record_a_missing_value_is_like_a_missing_one(at_hand: tuple[DuckEngine, Opened]) -> None:
    columns = ["whole", "other", "small"]
    rows = [tuple(None if missing(row[one]) else row[one] for one in columns) for row in RECORDS]
    different = rule("expect_select_column_values_to_be_unique_within_record", column_list=columns)
    equal = rule("expect_multicolumn_values_to_be_equal", column_list=["whole", "other"])
    found = at_hand[0].measure(at_hand[1], [different, equal])
    assert found[0].unexpected == sum(len(set(row)) < 3 for row in rows if set(row) != {None})
    assert found[1].unexpected == sum(row[0] != row[1] for row in rows if row[:2] != (None, None))


@pytest.mark.parametrize(
    ("column", "asked", "broken"),
    [
        ("whole", "INTEGER", False), ("whole", "float64", False), ("score", "int64", True), ("day", "date", False),
        ("day", "timestamp", True), ("at", "timestamp", False), ("name", "str", False), ("flag", "bool", False),
        ("name", "bool", True),
    ],
)  # fmt: skip
def test_types(at_hand: tuple[DuckEngine, Opened], column: str, asked: str, broken: bool) -> None:
    present = ROWS - sum(map(missing, values(column)))
    one = rule("expect_column_values_to_be_of_type", column=column, type_=asked)
    several = rule("expect_column_values_to_be_in_type_list", column=column, type_list=["nonsense", asked])
    for found in at_hand[0].measure(at_hand[1], [one, several]):
        assert (found.missing, found.unexpected) == (ROWS - present, present if broken else 0)
        assert found.observed == at_hand[1].columns[column]


def present_of(column: str) -> list[Any]:
    return [value for value in values(column) if not missing(value)]


def finite(column: str = "score") -> list[float]:
    return [value for value in present_of(column) if math.isfinite(value)]


FINITE = (
    Condition(column="score", operator="<", value=1e9),
    Condition(column="score", operator=">", value=-1e9),
)


def test_aggregates(at_hand: tuple[DuckEngine, Opened]) -> None:
    def asked(name: str, column: str, *where: Condition, **kwargs: Any) -> Any:
        found = at_hand[0].measure(
            at_hand[1],
            [rule(f"expect_column_{name}", *where, column=column, **kwargs), rule("expect_table_row_count_to_equal")],
        )[0]
        assert found.trouble is None
        return found.observed

    score, whole = finite(), [int(value) for value in present_of("whole")]
    assert asked("min_to_be_between", "score") == -math.inf
    assert asked("max_to_be_between", "whole") == max(whole)
    assert asked("min_to_be_between", "day") == min(values("day")).isoformat()
    assert asked("max_to_be_between", "at") == max(values("at")).isoformat()
    assert asked("mean_to_be_between", "score", *FINITE) == pytest.approx(np.mean(score), rel=1e-13)
    assert asked("mean_to_be_between", "whole") == sum(whole) / len(whole)
    assert asked("sum_to_be_between", "whole") == sum(whole)
    assert asked("sum_to_be_between", "score", *FINITE) == pytest.approx(math.fsum(score), rel=1e-13)
    assert asked("stdev_to_be_between", "score", *FINITE) == pytest.approx(np.std(score, ddof=1), rel=1e-12)
    assert asked("median_to_be_between", "score", *FINITE) == np.median(score)
    assert asked("median_to_be_between", "whole") == np.median(whole)
    assert asked("unique_value_count_to_be_between", "name") == len(set(present_of("name")))
    assert asked("proportion_of_unique_values_to_be_between", "score") == [
        len(set(present_of("score"))),
        len(present_of("score")),
    ]
    assert asked("proportion_of_non_null_values_to_be_between", "name") == [len(present_of("name")), ROWS]
    assert asked("min_to_be_between", "nothing") is None
    assert asked("median_to_be_between", "nothing") is None


SHARES = [0, 0.05, 0.1, 0.25, 0.5, 0.9, 1]


@pytest.mark.parametrize("at_once", [4_000_000, 50])
@pytest.mark.parametrize("column", ["score", "whole", "id", "at", "day", "small"])
def test_quantiles(
    at_hand: tuple[DuckEngine, Opened], column: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duck_ranks, "_AT_ONCE", at_once)
    asked = rule(
        "expect_column_quantile_values_to_be_between", column=column,
        quantile_ranges={"quantiles": SHARES, "value_ranges": [[None, None]] * len(SHARES)},
    )  # fmt: skip
    in_order = sorted(present_of(column))
    expected = [in_order[max(1, math.ceil(round(share * len(in_order), 6))) - 1] for share in SHARES]
    (found,) = at_hand[0].measure(at_hand[1], [asked])
    plain = [one.isoformat() if hasattr(one, "isoformat") else one for one in expected]
    assert found.observed == plain


def test_sets_of_a_column(at_hand: tuple[DuckEngine, Opened]) -> None:
    asked = [
        rule("expect_column_distinct_values_to_be_in_set", column="small", value_set=[0, 1, 2]),
        rule("expect_column_distinct_values_to_equal_set", column="small", value_set=[0, 1, 2, 3, 9, "x"]),
        rule("expect_column_distinct_values_to_contain_set", column="nothing", value_set=[1]),
    ]
    found = at_hand[0].measure(at_hand[1], asked)
    assert [one.observed for one in found] == [
        {"outside": 1, "absent": []}, {"outside": 0, "absent": [9, "x"]}, None,
    ]  # fmt: skip


def test_most_common_value(at_hand: tuple[DuckEngine, Opened]) -> None:
    counts = Counter(int(value) for value in present_of("small"))
    top = [value for value, count in counts.items() if count == max(counts.values())]
    asked = rule("expect_column_most_common_value_to_be_in_set", column="small", value_set=[top[0], 99])
    assert at_hand[0].measure(at_hand[1], [asked])[0].observed == [len(top), 1]


def test_row_count_under_a_condition(at_hand: tuple[DuckEngine, Opened]) -> None:
    asked = [
        rule("expect_table_row_count_to_be_between", Condition(column="name", operator="is null"), min_value=1),
        rule("expect_table_row_count_to_be_between", min_value=1),
    ]
    found = at_hand[0].measure(at_hand[1], asked)
    assert [one.observed for one in found] == [sum(map(missing, values("name"))), ROWS]


@pytest.mark.parametrize(
    ("condition", "keep"),
    [
        (Condition(column="name", operator="=", value="N001"), lambda row: row["name"] == "N001"),
        (Condition(column="name", operator="!=", value="N001"), lambda row: row["name"] not in ("N001", None)),
        (Condition(column="name", operator="in", value=("N001", "N002")), lambda row: row["name"] in ("N001", "N002")),
        (Condition(column="small", operator="not in", value=(1,)), lambda row: row["small"] != 1),
        (Condition(column="name", operator="is not null"), lambda row: row["name"] is not None),
        (Condition(column="score", operator="is null"), lambda row: math.isnan(row["score"])),
        (Condition(column="day", operator=">=", value="2026-06-01"), lambda row: row["day"] >= DAY),
        (Condition(column="flag", operator="=", value=True), lambda row: row["flag"]),
    ],
)
def test_conditions(at_hand: tuple[DuckEngine, Opened], condition: Condition, keep: Callable[[Any], bool]) -> None:
    found = at_hand[0].measure(at_hand[1], [rule("expect_column_values_to_not_be_null", condition, column="id")])
    expected = sum(
        bool(keep({k: None if k == "name" and missing(v) else v for k, v in row.items()})) for row in RECORDS
    )
    assert found[0].rows == expected
    assert 0 < expected < ROWS


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (rule("expect_column_values_to_be_unique", column="none"), "there is no column none"),
        (rule("expect_column_values_to_match_regex", column="name", regex="(?=a)"), "RE2"),
        (rule("expect_column_values_to_match_regex", column="name", regex="(a"), "RE2"),
        (rule("expect_column_values_to_match_regex", column="whole", regex="1"), "holds integers and no texts"),
        (rule("expect_column_values_to_be_between", column="name", min_value=1), "a number cannot bound"),
        (rule("expect_column_values_to_be_between", column="day", min_value="soon"), "a text cannot bound"),
        (rule("expect_column_mean_to_be_between", column="name", min_value=1), "which have no mean"),
        (rule("expect_column_values_to_be_of_type", column="name", type_="complex"), "nothing here knows the type"),
        (
            rule("expect_column_pair_values_to_be_equal", column_A="name", column_B="whole"),
            "strings and integers, which cannot be compared",
        ),
        (
            rule("expect_column_values_to_be_null", Condition(column="no", operator="is null"), column="id"),
            "no column no",
        ),
        (rule("expect_what_nobody_knows", column="id"), "nothing here knows this expectation"),
    ],
)
def test_a_rule_that_cannot_be_counted_says_why_and_leaves_the_others_alone(
    at_hand: tuple[DuckEngine, Opened], asked: Rule, why: str
) -> None:
    fine = rule("expect_column_values_to_not_be_null", column="id")
    found = at_hand[0].measure(at_hand[1], [fine, asked, fine])
    assert why in str(found[1].trouble)
    assert found[1].unexpected is None
    assert found[0] == found[2] == Measured(rule="it", rows=ROWS, unexpected=0)


def test_every_expectation_is_counted(at_hand: tuple[DuckEngine, Opened]) -> None:
    given: dict[str, Any] = {
        "column": "whole", "columns": ["whole", "other"], "share": 0.5, "bound": 1, "number": 1, "count": 1,
        "values": [1], "flag": True, "regex": "a", "regexes": ["a"], "pairs": [[1, 1]],
        "quantiles": {"quantiles": [0.5], "value_ranges": [[0, 1]]}, "type": "int", "types": ["int"],
        "sql": "SELECT * FROM {batch} WHERE whole > 3",
    }  # fmt: skip
    for name, known in EXPECTATIONS.items():
        text = {"column": "name"} if "regex" in name or "length" in name else {}
        kwargs = {key: given[one.kind] for key, one in known.arguments.items() if one.kind in given}
        (found,) = at_hand[0].measure(at_hand[1], [rule(name, **{**kwargs, **text})])
        assert found.trouble is None, name

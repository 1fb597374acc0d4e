"""Rules that are counted and rules that cannot be: what a reader is told, and in which order."""

# ruff: noqa: ARG002 - the engine here has the shape of a real one

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mlci.config.data import Data
from mlci.domain.dataset.contract import Condition, Contract, Rule
from mlci.domain.dataset.measured import Measured, Offenders
from mlci.domain.verdict import Verdict, worst
from mlci.ports import DataSource, Opened
from mlci.steps.checking import ruling


class Counting:
    """An engine that gives the counts it was made with, and remembers what it was asked."""

    name, version = "counting", "1"

    def __init__(self, counts: Mapping[str, Measured]) -> None:
        self.counts, self.asked, self.looked_up = counts, list[str](), list[str]()

    def open(self, source: DataSource, types: Mapping[str, Any]) -> Opened:
        raise NotImplementedError

    def measure(self, opened: Opened, rules: Sequence[Rule]) -> tuple[Measured, ...]:
        self.asked = [rule.id for rule in rules]
        return tuple(self.counts[rule.id] for rule in rules if rule.id in self.counts)

    def offenders(self, opened: Opened, rule: Rule, keys: Sequence[str], most: int, *, values: bool) -> Offenders:
        self.looked_up.append(rule.id)
        return Offenders(
            keys=tuple(keys) or ("row",), rows=(("7",), ("9",))[:most], values=(("-1",),) if values else ()
        )

    def quarantine(self, opened: Opened, rules: Sequence[Rule], path: str) -> int:
        return 0

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return []

    def close(self) -> None:
        pass


def opened(rows: int = 10) -> Opened:
    return Opened(
        source=DataSource(role="train", name="train.csv"), relation="train",
        columns={"id": "integer", "age": "integer"}, rows=rows,
    )  # fmt: skip


def between(id: str, column: str = "age", **rest: Any) -> Rule:
    return Rule(
        id=id, expectation="expect_column_values_to_be_between", kwargs={"column": column, "min_value": 0}, **rest
    )


def run(rules: Sequence[Rule], *counts: Measured, rows: int = 10, settings: Data | None = None, **contract: Any) -> Any:
    engine = Counting({one.rule: one for one in counts})
    held = Contract(name="train.yml", digest="0" * 64, rules=tuple(rules), **contract)
    return engine, ruling.run(engine, opened(rows), held, settings or Data())


def verdict(ruled: ruling.Ruled) -> Verdict:
    return worst([one.verdict for one in ruled.part.findings])


def test_rules_that_hold_are_one_finding() -> None:
    _, ruled = run([between("a"), between("b")], *(Measured(rule=id, rows=10, unexpected=0) for id in "ab"))
    assert [one.message for one in ruled.part.findings] == ["all 2 rules of train.yml hold of train.csv (10 rows)"]
    assert verdict(ruled) is Verdict.PASS
    assert ruled.part.sections[0].figures == {"rules": 2, "rules_fail": 0, "rules_error": 0, "rules_pass": 2}


def test_one_of_anything_is_told_in_the_singular() -> None:
    _, held = run([between("a")], Measured(rule="a", rows=1, unexpected=0), rows=1)
    _, mixed = run(
        [between("a"), between("b")], Measured(rule="a", rows=9, unexpected=0),
        Measured(rule="b", rows=9, unexpected=1),
    )  # fmt: skip

    assert held.part.findings[0].message == "the only rule of train.yml holds of train.csv (1 row)"
    assert held.judged[0].message == "age must be at least 0: it holds for the only value"
    broken, rest = mixed.part.findings
    assert broken.message.startswith("train.csv: age must be at least 0: 1 of 9 values breaks it")
    assert rest.message == "1 of 2 rules of train.yml holds of train.csv (10 rows)"
    assert mixed.part.sections[0].sentences == ("2 rules of train.yml: 1 holds, 1 broken, 0 could not run.",)


def test_a_rule_that_does_not_hold_stands_where_it_was_written() -> None:
    rules = [between("a", line=7), between("b", "gone", line=9)]
    counts = Measured(rule="a", rows=9, unexpected=1)
    _, known = run(rules, counts, file="contracts/train.yml")
    _, elsewhere = run(rules, counts)

    assert [(one.file, one.line) for one in known.part.findings if one.id == "contract:train:a"] == [
        ("contracts/train.yml", 7)
    ]
    assert {(one.file, one.line) for one in elsewhere.part.findings} == {(None, None)}


@pytest.mark.parametrize(("severity", "expected"), [("fail", Verdict.FAIL), ("warn", Verdict.WARN)])
def test_a_broken_rule_blocks_by_its_severity(severity: Any, expected: Verdict) -> None:
    _, ruled = run([between("a", severity=severity)], Measured(rule="a", rows=10, unexpected=2), key=("id",))
    finding = ruled.part.findings[0]
    assert (verdict(ruled), finding.reason, finding.n) == (expected, "violated", 10)
    assert finding.message == ("train.csv: age must be at least 0: 2 of 10 values break it (20.00 %), none is accepted")
    assert finding.explanation is not None
    assert ruled.judged[0].sample == (("7",), ("9",))
    offenders = ruled.part.sections[1]
    assert offenders.rows == (("a", "id 7"), ("a", "id 9"))


def test_values_are_shown_only_where_somebody_asked_for_them() -> None:
    rules, counts = [between("a")], Measured(rule="a", rows=10, unexpected=2)
    _, hidden = run(rules, counts)
    assert "-1" not in str(hidden)
    _, told = run(rules, counts, settings=replace(Data(), show_values=True))
    assert told.part.sections[1].rows[0] == ("a", "row 7", "-1")


def test_no_row_is_looked_up_where_none_is_wanted_or_the_rule_holds() -> None:
    counts = Measured(rule="a", rows=10, unexpected=2)
    engine, _ = run([between("a")], counts, settings=replace(Data(), sample=0))
    assert engine.looked_up == []
    rule = between("a")
    engine, ruled = run([replace(rule, kwargs={**rule.kwargs, "mostly": 0.5})], counts)
    assert (engine.looked_up, verdict(ruled)) == ([], Verdict.PASS)


def test_a_missing_column_fails_and_its_rules_could_not_run() -> None:
    rules = [between("a", "gone"), between("b", where=(Condition(column="lost", operator="=", value=1),)), between("c")]
    engine, ruled = run(rules, Measured(rule="c", rows=10, unexpected=0))
    assert engine.asked == ["c"]
    assert [one.outcome for one in ruled.judged] == ["error", "error", "pass"]
    assert [(one.verdict, one.reason) for one in ruled.part.findings] == [
        (Verdict.FAIL, "schema"), (Verdict.FAIL, "schema"), (Verdict.INCONCLUSIVE, "unrun"), (Verdict.PASS, None),
    ]  # fmt: skip
    assert "gone" in ruled.part.findings[0].message


def test_a_missing_column_that_a_rule_asks_for_is_told_once() -> None:
    exists = Rule(id="e", expectation="expect_column_to_exist", kwargs={"column": "gone"})
    _, ruled = run([exists, between("a", "gone")])
    assert [one.reason for one in ruled.part.findings] == ["schema", "unrun"]


def test_an_empty_table_passes_nothing_and_says_so_once() -> None:
    rows = Rule(id="rows", expectation="expect_table_row_count_to_be_between", kwargs={"min_value": 1})
    rules, counts = [between("a"), between("b")], [Measured(rule=id, rows=0, unexpected=0) for id in "ab"]
    _, ruled = run(rules, *counts, rows=0)
    assert [(one.verdict, one.reason) for one in ruled.part.findings] == [(Verdict.INCONCLUSIVE, "empty")]
    assert "2 of 2 rules could not run" in ruled.part.findings[0].message
    _, ruled = run([*rules, rows], *counts, rows=0)
    assert verdict(ruled) is Verdict.FAIL


def test_an_empty_table_without_a_contract_is_told_too() -> None:
    assert verdict(ruling.run(Counting({}), opened(0), None, Data())) is Verdict.INCONCLUSIVE
    assert ruling.run(Counting({}), opened(), None, Data()).part.findings == ()


@pytest.mark.parametrize(
    "rule",
    [
        Rule(id="a", expectation="expect_the_moon", kwargs={"column": "age", "x": {}}),
        between("a", trouble="it says or"),
        Rule(id="a", expectation="expect_column_max_to_be_between",
             kwargs={"column": "age", "min_value": {"$PARAMETER": "limit"}}),
        between("a"),
    ],
)  # fmt: skip
def test_a_rule_nobody_counted_could_not_run(rule: Rule) -> None:
    _, ruled = run([rule])
    assert verdict(ruled) is Verdict.INCONCLUSIVE
    assert ruled.part.findings[0].reason == "unrun"
    _, warned = run([replace(rule, severity="warn")])
    assert verdict(warned) is Verdict.WARN


def test_a_query_over_no_rows_is_not_asked() -> None:
    query = Rule(id="q", expectation="unexpected_rows_expectation", kwargs={"unexpected_rows_query": "SELECT {batch}"})
    engine, ruled = run([query], rows=0)
    assert (engine.asked, verdict(ruled)) == ([], Verdict.INCONCLUSIVE)


def test_a_contract_without_rules_passes_nothing() -> None:
    _, ruled = run([])
    assert verdict(ruled) is Verdict.INCONCLUSIVE


def test_rules_on_the_table_never_reach_the_engine_but_with_a_condition() -> None:
    rows = Rule(id="rows", expectation="expect_table_row_count_to_equal", kwargs={"value": 10})
    where = (Condition(column="age", operator=">", value=1),)
    engine, ruled = run([rows, replace(rows, id="old", where=where)], Measured(rule="old", rows=4, observed=4))
    assert engine.asked == ["old"]
    assert [one.outcome for one in ruled.judged] == ["pass", "fail"]

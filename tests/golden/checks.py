"""Reports on data and on code, worded by what words the real ones, from counts and endings written down here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlci.config.contract import read_contract
from mlci.domain.checks import Check, Problem, Ran, Tests
from mlci.domain.dataset.evidence import Checked, DatasetVersion, Identity
from mlci.domain.dataset.findings import most_important_first, reason_of
from mlci.domain.dataset.judging import judge
from mlci.domain.dataset.measured import Measured, Offenders
from mlci.domain.dataset.wording import sentence
from mlci.domain.finding import Finding
from mlci.domain.report import Report, Subject
from mlci.domain.verdict import Verdict, worst
from mlci.steps import code_ci, data_check
from mlci.steps.checking.ruled import Told, findings_of, sections_of
from mlci.steps.code_scans import Scans

CONTRACT = read_contract(
    b"""key: trip
rows: {min: 3}
columns:
  trip: {type: integer, nullable: false}
  miles: {type: number, min: 0, max: 200}
  late: {type: integer, values: [0, 1]}
rules:
  fare-covers-toll: {at_least: [fare, toll], mostly: 0.99, severity: warn}
""",
    "trips.yml",
)
IDENTITY = Identity(
    name="train.csv",
    digest="3f5a9c0e7d41b2866a1f0c95e2d7b8431c6f5e0a9d8b7c6e5f4a3b2c1d0e9f88",
    rows=12_000,
    version=DatasetVersion(system="content", id="3f5a9c0e7d41"),
)
COLUMNS = ("trip", "miles", "late", "fare", "toll")


def _data(rows: int, broken: dict[str, int], offenders: dict[str, Offenders] | None = None) -> Report:
    """The report on a table of which each rule on rows is broken by so many."""
    judged = []
    for rule in CONTRACT.rules:
        of_table = rule.expectation.startswith("expect_table")
        observed: Any = (rows if "row_count" in rule.expectation else list(COLUMNS)) if of_table else None
        count = None if of_table else broken.get(rule.id, 0)
        about = None if of_table else rows
        judged.append(judge(rule, Measured(rule=rule.id, rows=about, unexpected=count, observed=observed)))
    told = Told(
        role="train", dataset="train.csv", rows=rows, contract="trips.yml", judged=tuple(judged),
        asked={rule.id: sentence(rule) for rule in CONTRACT.rules}, offenders=offenders or {},
    )  # fmt: skip
    findings = most_important_first(findings_of(told))
    verdict = worst([one.verdict for one in findings])
    checked = (Checked(role="train", identity=IDENTITY, rules=tuple(judged)),)
    return Report(
        step="data-check",
        verdict=verdict,
        reason=reason_of(findings, verdict, checked),
        findings=findings,
        model="late-trips",
        candidate=Subject(name="train.csv", digest=IDENTITY.digest),
        examples=rows,
        assumptions=(
            "there is no production model yet, so that the data are compared with nothing and drift was not looked at",
        ),
        sections=sections_of(told),
    )


def data_passing() -> Report:
    return _data(12_000, {})


def data_failing() -> Report:
    rows = Offenders(keys=("trip",), rows=((7,), (4_031,)), values=())
    return _data(12_000, {"miles.between": 2, "late.in_set": 1, "fare-covers-toll": 400}, {"miles.between": rows})


def data_of_one_row() -> Report:
    return _data(1, {})


def data_inconclusive() -> Report:
    """A table of whose rules none had a value to look at, but the ones on the table itself."""
    judged = [
        judge(rule, Measured(rule=rule.id, rows=12_000, missing=12_000, unexpected=0))
        for rule in CONTRACT.rules
        if rule.id == "miles.between"
    ]
    told = Told(
        role="train", dataset="train.csv", rows=12_000, contract="trips.yml", judged=tuple(judged),
        asked={rule.id: sentence(rule) for rule in CONTRACT.rules},
    )  # fmt: skip
    findings = most_important_first(findings_of(told))
    verdict = worst([one.verdict for one in findings])
    checked = (Checked(role="train", identity=IDENTITY, rules=tuple(judged)),)
    return Report(
        step="data-check", verdict=verdict, reason=reason_of(findings, verdict, checked), findings=findings,
        model="late-trips", candidate=Subject(name="train.csv", digest=IDENTITY.digest), examples=12_000,
        sections=sections_of(told),
    )  # fmt: skip


def data_unreadable() -> Report:
    finding = Finding(
        id="data:unreadable[train]",
        rule="data",
        verdict=Verdict.FAIL,
        reason="unreadable",
        message="the training data cannot be checked: train.csv is a pointer of Git LFS, and not the data it stands "
        "for",
        explanation="What cannot be read whole cannot be trained on, and nothing else about it is known. Run git lfs "
        "pull, or check out with LFS: actions/checkout takes lfs: true.",
    )
    checked = (Checked(role="train", identity=IDENTITY),)
    report = data_check.unreadable(checked, [finding], engine="duckdb 1", model="late-trips", policy="0" * 64).report
    return replace(report, evidence={})  # its digest is another one with each version of mlci


TIMING = code_ci.Timing(budget=300.0, wall=41.2, jobs=2)
LINT = Ran(check=Check(name="lint", kind="lint", command="ruff check ."), how="passed", said="passed", seconds=0.8)


def code_passing() -> Report:
    unit = Ran(
        check=Check(name="unit", kind="tests", command="pytest -q"), how="passed", said="passed", seconds=41.0,
        tests=Tests(run=212, failed=0, skipped=3, slowest=(("tests/test_fares.py::test_tolls", 12.5),)),
    )  # fmt: skip
    return code_ci.run([LINT, unit], Scans(), TIMING, model="late-trips")


def code_failing() -> Report:
    unit = Ran(
        check=Check(name="unit", kind="tests", command="pytest -q"), how="failed", said="ended with exit status 1",
        seconds=41.0, lines=("1 failed, 211 passed in 40.10s",),
        problems=(Problem(file="tests/test_fares.py", line=12, what="test_tolls", message="assert 3 == 4"),),
        tests=Tests(run=212, failed=1, skipped=0), log=".mlci/report/code-ci/unit.log",
    )  # fmt: skip
    return code_ci.run([LINT, unit], Scans(), TIMING, model="late-trips")


def code_cut() -> Report:
    unit = Ran(
        check=Check(name="unit", kind="tests", command="pytest -q"), how="cut",
        said="was cut off because the budget was spent", seconds=300.4, log=".mlci/report/code-ci/unit.log",
    )  # fmt: skip
    types = Ran(
        check=Check(name="types", kind="types", command="mypy ."), how="waiting",
        said="never began because the budget was spent",
    )  # fmt: skip
    timing = code_ci.Timing(budget=300.0, wall=300.4, jobs=1)
    return code_ci.run([LINT, unit, types], Scans(), timing, model="late-trips")


ALL = {
    "data-pass": data_passing,
    "data-fail": data_failing,
    "data-one-row": data_of_one_row,
    "data-inconclusive": data_inconclusive,
    "data-unreadable": data_unreadable,
    "code-pass": code_passing,
    "code-fail": code_failing,
    "code-cut": code_cut,
}

"""Findings about a line of a file stand there, in annotations and in the Code Quality report."""

from __future__ import annotations

import json

from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.render.annotations import annotations
from mlci.render.codequality import codequality
from mlci.render.junit import junit


def report(**more: object) -> Report:
    fields: dict[str, object] = {
        "id": "code:lint:src/a.py:3:F401", "rule": "code", "verdict": Verdict.FAIL, "reason": "failed",
        "message": "src/a.py:3: F401: unused", "file": "src/a.py", "line": 3,
    }  # fmt: skip
    finding = Finding(**(fields | more))  # type: ignore[arg-type]
    return Report(step="code-ci", verdict=Verdict.FAIL, reason="lint failed", findings=(finding,))


def test_an_annotation_stands_at_its_line() -> None:
    line = annotations(report()).splitlines()[1]
    assert line.startswith("::error file=src/a.py,line=3,title=")
    assert line.endswith("::src/a.py:3: F401: unused")


def test_a_hostile_name_of_a_file_stays_a_name() -> None:
    line = annotations(report(file="a,line=1::error::b%0A\n::error::c.py")).splitlines()
    assert len(line) == 2
    assert line[1].startswith("::error file=a%2Cline=1%3A%3Aerror%3A%3Ab%250A %3A%3Aerror%3A%3Ac.py,line=3,title=")


def test_a_code_quality_report_names_the_file_and_the_line() -> None:
    [issue] = json.loads(codequality(report(), "mlci.yml"))
    assert issue["location"] == {"path": "src/a.py", "lines": {"begin": 3}}
    [issue] = json.loads(codequality(report(file=None, line=None), "mlci.yml"))
    assert issue["location"] == {"path": "mlci.yml", "lines": {"begin": 1}}


def test_the_time_of_a_test_stands_in_the_junit_file() -> None:
    written = junit(report(seconds=1.25))
    assert 'time="1.250"' in written
    assert 'file="src/a.py"' in written

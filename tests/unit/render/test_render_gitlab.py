"""The faces that GitLab reads: Code Quality issues and OpenMetrics, held to what their formats say."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from golden import reports

from mlci.domain.verdict import Verdict
from mlci.render.codequality import codequality
from mlci.render.openmetrics import openmetrics

# A sample as the OpenMetrics text format has it.
_SAMPLE = re.compile(r'[a-z_]+\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,(?!\})|(?=\})))+\} \S+')


@pytest.mark.parametrize("name", reports.ALL)
def test_issues_have_what_gitlab_asks_for_and_none_is_a_pass(name: str) -> None:
    report = reports.ALL[name]()
    issues = json.loads(codequality(report, "models/a/mlci.yml"))
    assert len(issues) == sum(finding.verdict is not Verdict.PASS for finding in report.findings)
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert issue["location"] == {"path": "models/a/mlci.yml", "lines": {"begin": 1}}
        assert issue["description"].isprintable()
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)


def test_a_finding_keeps_its_fingerprint_when_its_numbers_change() -> None:
    report = reports.failing()
    other = replace(report, findings=tuple(replace(one, message="other numbers") for one in report.findings))
    before, after = json.loads(codequality(report, "mlci.yml")), json.loads(codequality(other, "mlci.yml"))
    assert [one["fingerprint"] for one in before] == [one["fingerprint"] for one in after]
    renamed = json.loads(codequality(replace(report, model="another"), "mlci.yml"))
    assert not {one["fingerprint"] for one in before} & {one["fingerprint"] for one in renamed}


@pytest.mark.parametrize("name", reports.ALL)
def test_metrics_are_open_metrics_whose_series_stand_there_once(name: str) -> None:
    lines = openmetrics(reports.ALL[name]()).splitlines()
    assert lines[-1] == "# EOF"
    samples = [line for line in lines if not line.startswith("#")]
    assert all(_SAMPLE.fullmatch(line) for line in samples)
    assert len({line.rpartition(" ")[0] for line in samples}) == len(samples)
    for line in samples:
        float(line.rpartition(" ")[2])


def test_a_slice_that_ends_a_label_begins_no_other() -> None:
    report = reports.failing()
    hostile = replace(report.findings[0], metric="f1", candidate=0.5, slice='a"} 9\n# EOF\\')
    [line] = [
        line
        for line in openmetrics(replace(report, findings=(hostile,))).splitlines()
        if line.startswith("mlci_candidate{")
    ]
    assert _SAMPLE.fullmatch(line), line
    assert line.endswith("} 0.5")


def test_what_is_no_number_is_no_sample() -> None:
    report = reports.failing()
    nan = replace(report.findings[0], metric="f1", candidate=float("nan"), baseline=None, difference=float("inf"))
    assert openmetrics(replace(report, findings=(nan,))) == "# EOF\n"

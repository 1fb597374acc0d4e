"""The faces that machines read: JUnit, annotations, JSON."""

from __future__ import annotations

import json as standard
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from golden import reports
from golden.reports import compared, report
from lxml import etree

from mlci.domain.report import Report, as_json
from mlci.domain.verdict import Verdict
from mlci.render import escape
from mlci.render.annotations import annotations
from mlci.render.json import json
from mlci.render.junit import junit

PASSED = compared("f1", 0.9, 0.89, 0.001)
FAILED = compared("f1", 0.8, 0.89, 0.001)
UNSURE = compared("f1", 0.88, 0.89, 0.01)
WARNED = compared("f1", 0.9, 0.89, 0.001, verdict=Verdict.WARN)
ASIDE = replace(FAILED, advisory=True)


def outcomes(shown: Report) -> list[str]:
    cases = ElementTree.fromstring(junit(shown)).iter("testcase")
    return [next((child.tag for child in case if child.tag != "system-out"), "passed") for case in cases]


@pytest.mark.parametrize(
    ("verdict", "finding", "outcome"),
    [
        (Verdict.PASS, PASSED, "passed"),
        (Verdict.WARN, WARNED, "passed"),
        (Verdict.FAIL, FAILED, "failure"),
        (Verdict.INCONCLUSIVE, UNSURE, "error"),
        (Verdict.FAIL, UNSURE, "error"),
        (Verdict.WARN, UNSURE, "passed"),
        (Verdict.PASS, UNSURE, "passed"),
        (Verdict.PASS, ASIDE, "skipped"),
        (Verdict.PASS, replace(PASSED, advisory=True), "skipped"),
    ],
)
def test_each_verdict_has_its_word_in_junit(verdict: Verdict, finding: object, outcome: str) -> None:
    assert outcomes(report(verdict, "Because.", finding)) == [outcome]  # type: ignore[arg-type]


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE])
@pytest.mark.parametrize("findings", [(), (PASSED,), (ASIDE,)])
def test_a_report_that_did_not_get_through_is_never_green(verdict: Verdict, findings: tuple[object, ...]) -> None:
    shown = outcomes(report(verdict, "Because.", *findings))  # type: ignore[arg-type]
    assert shown[0] == ("failure" if verdict is Verdict.FAIL else "error")
    assert len(shown) == len(findings) + 1


def test_a_softened_doubt_says_so_in_its_output() -> None:
    tree = ElementTree.fromstring(junit(report(Verdict.WARN, "Because.", UNSURE)))
    assert (tree.findtext(".//system-out") or "").startswith("inconclusive: f1 0.8800 vs production 0.8900")


@pytest.mark.parametrize("name", [*reports.ALL, "many"])
def test_the_counts_of_a_suite_are_those_of_its_cases(name: str) -> None:
    tree = etree.fromstring(junit((reports.ALL | {"many": reports.many})[name]()).encode())
    suite = tree.find("testsuite")
    assert suite is not None
    for attribute, path in (
        ("tests", "testcase"),
        ("failures", "*/failure"),
        ("errors", "*/error"),
        ("skipped", "*/skipped"),
    ):
        assert suite.get(attribute) == tree.get(attribute) == str(len(suite.findall(path)))


def test_hostile_text_survives_in_junit_as_data() -> None:
    tree = etree.fromstring(junit(reports.hostile()).encode())
    tags = {
        "testsuites",
        "testsuite",
        "properties",
        "property",
        "testcase",
        "failure",
        "error",
        "skipped",
        "system-out",
    }
    assert {element.tag for element in tree.iter()} <= tags
    assert tree.findall(".//failure")[0].text == escape.xml(reports.HOSTILE)
    assert "##[" not in junit(reports.hostile())


def test_case_names_are_stable_and_unique() -> None:
    cases = ElementTree.fromstring(junit(reports.sliced())).iter("testcase")
    names = [case.get("name") for case in cases]
    assert names[:2] == ["compare:f1", "compare:accuracy"]
    assert len(set(names)) == len(names)


COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\n]*)::(.*)")


def commands(shown: Report) -> list[tuple[str, str, str]]:
    written = annotations(shown)
    assert written.endswith("\n")
    found = [COMMAND.fullmatch(line) for line in written.splitlines()]
    assert all(found), written
    return [match.group(1, 2, 3) for match in found if match]


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [(Verdict.PASS, "notice"), (Verdict.WARN, "warning"), (Verdict.INCONCLUSIVE, "error"), (Verdict.FAIL, "error")],
)
def test_the_verdict_is_annotated_first(verdict: Verdict, kind: str) -> None:
    assert commands(report(verdict, "Because, 100 %.")) == [
        (kind, f"gate-compare%3A {verdict.value}", "Because, 100 %25.")
    ]


@pytest.mark.parametrize(
    ("verdict", "finding", "kind"),
    [
        (Verdict.FAIL, FAILED, "error"),
        (Verdict.INCONCLUSIVE, UNSURE, "error"),
        (Verdict.FAIL, UNSURE, "warning"),
        (Verdict.WARN, UNSURE, "warning"),
        (Verdict.PASS, UNSURE, "warning"),
        (Verdict.WARN, WARNED, "warning"),
    ],
)
def test_each_finding_is_annotated_by_what_it_did_to_the_job(verdict: Verdict, finding: object, kind: str) -> None:
    titles = {title: kind for kind, title, _ in commands(report(verdict, "Because.", finding))}  # type: ignore[arg-type]
    assert titles[f"gate-compare%3A {finding.verdict.value}%3A f1"] == kind  # type: ignore[attr-defined]


def test_the_worst_is_annotated_first() -> None:
    found = commands(report(Verdict.FAIL, "No.", replace(WARNED, metric="a"), replace(UNSURE, metric="b"), FAILED))
    assert [title.split()[-1] for _, title, _ in found] == ["fail", "f1", "b", "a"]


def test_passes_and_findings_that_are_not_counted_raise_no_alarm() -> None:
    found = commands(report(Verdict.PASS, "Fine.", PASSED, ASIDE, replace(ASIDE, id="b")))
    assert [kind for kind, _, _ in found] == ["notice", "notice"]
    assert found[1][2] == "2 findings are listed in the report and not counted."


def test_no_more_than_ten_of_a_kind_and_the_rest_is_counted() -> None:
    found = commands(reports.many())
    errors = [message for kind, _, message in found if kind == "error"]
    assert len(errors) == 10
    assert errors[-1] == "93 more in the report."
    nine = report(Verdict.FAIL, "No.", *[replace(FAILED, id=str(place)) for place in range(9)])
    assert len(commands(nine)) == 10
    assert not [message for _, _, message in commands(nine) if "more in the report" in message]


def test_hostile_text_cannot_start_a_command_of_its_own() -> None:
    assert len(commands(reports.hostile())) == 5
    assert "##[" not in annotations(reports.hostile())
    long = report(Verdict.FAIL, "%" * 10_000)
    assert len(commands(long)[0][2]) <= 4096


@pytest.mark.parametrize("name", reports.ALL)
def test_json_is_the_published_shape_in_its_own_order(name: str) -> None:
    written = json(reports.ALL[name]())
    assert written.isascii()
    assert written.endswith("}\n")
    read = standard.loads(written)
    assert read == as_json(reports.ALL[name]())
    assert list(read)[:5] == ["schema", "step", "verdict", "reason", "findings"]
    assert "##[" not in written


def test_json_refuses_a_number_that_json_has_no_word_for() -> None:
    with pytest.raises(ValueError, match="cannot carry nan"):
        json(report(Verdict.FAIL, "No.", replace(FAILED, candidate=float("nan"))))

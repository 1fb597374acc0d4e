"""The words and figures that every face shares, and the order in which findings are read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from golden import reports
from golden.reports import compared, limited, report
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.render import wording
from mlci.render.outline import outline

BARE = Finding(id="input", rule="input", verdict=Verdict.INCONCLUSIVE, message="unreadable")
F1 = compared("f1", 0.87431, 0.88329, 0.002)
LATENCY = compared("latency_ms", 21.4123, 20.0, 0.01, better="lower", scale="relative", margin=0.1)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_counted_finding_is_called_by_its_verdict(verdict: Verdict) -> None:
    assert wording.state(replace(F1, verdict=verdict)) == verdict.value


@pytest.mark.parametrize(
    ("verdict", "word", "label"),
    [
        (Verdict.PASS, "not judged", "not judged, insufficient"),
        (Verdict.INCONCLUSIVE, "not judged", "not judged, insufficient"),
        (Verdict.WARN, "not counted", "warn, not counted, insufficient"),
        (Verdict.FAIL, "not counted", "fail, not counted, insufficient"),
    ],
)
def test_a_finding_set_aside_never_reads_as_a_pass(verdict: Verdict, word: str, label: str) -> None:
    aside = replace(F1, verdict=verdict, advisory=True, reason="insufficient")
    assert wording.state(aside) == word
    assert wording.label(aside) == label


def test_figures_are_rounded_against_the_candidate() -> None:
    assert wording.candidate(F1) == "0.8743"
    assert wording.difference(F1) == "-0.0090"
    worse = replace(F1, candidate=0.87439, difference=-0.00894, interval=(-0.01223, -0.00569))
    assert wording.candidate(worse) == "0.8743"
    assert wording.difference(worse) == "-0.0090"
    assert wording.bounds(worse) == "[-0.0123,\u00a0-0.0057]"
    error = replace(worse, better="lower", candidate=0.12341, difference=0.00894)
    assert wording.candidate(error) == "0.1235"
    assert wording.difference(error) == "+0.0090"


def test_equal_values_read_as_equal() -> None:
    same = compared("f1", 0.87435, 0.87435, 0.001)
    assert wording.candidate(same) == wording.baseline(same) == "0.8743"


def test_relative_differences_are_per_cents_and_never_break() -> None:
    assert wording.difference(LATENCY) == "+7.07\u00a0%"
    assert wording.asked(LATENCY) == "10\u00a0%"
    assert wording.bounds(LATENCY) == "[+5.42\u00a0%,\u00a0+8.71\u00a0%]"
    for words in (wording.compared(LATENCY), wording.asked(LATENCY), wording.detectable(LATENCY)):
        assert " " not in words


def test_margins_and_limits_stand_as_somebody_wrote_them() -> None:
    assert wording.asked(replace(F1, margin=0.005)) == "0.005"
    assert wording.asked(limited("f1", 0.9, 0.88)) == "≥\u00a00.88"
    assert wording.asked(replace(limited("f1", 0.9, 0.88), rule="maximum")) == "≤\u00a00.88"
    assert wording.asked(BARE) == "–"


def test_the_heading_over_what_was_asked_says_what_stands_below() -> None:
    assert wording.asked_of([F1, LATENCY]) == "margin"
    assert wording.asked_of([limited("f1", 0.9, 0.88)]) == "limit"
    assert wording.asked_of([F1, limited("f1", 0.9, 0.88)]) == "margin or limit"


def test_what_does_not_apply_is_a_dash_and_never_zero() -> None:
    for write in (
        wording.candidate,
        wording.baseline,
        wording.difference,
        wording.asked,
        wording.detectable,
        wording.examples,
        wording.rows_needed,
        wording.error,
    ):
        assert write(BARE) == "–"
    assert wording.bounds(BARE) == wording.candidate_bounds(BARE) == wording.remark(BARE) == ""
    assert wording.probability(None) == "–"


def test_the_candidates_own_bounds_are_shown_only_without_a_comparison() -> None:
    bounds = (0.86512, 0.88349)
    assert wording.candidate(replace(limited("f1", 0.8743, 0.8), candidate_interval=bounds)) == (
        "0.8743 [0.8651,\u00a00.8834]"
    )
    assert wording.candidate(replace(F1, candidate_interval=bounds)) == "0.8743"


def test_examples_say_what_they_are_worth() -> None:
    assert wording.examples(replace(F1, n=12_000)) == "12 000"
    assert wording.examples(replace(F1, n=12_000, clusters=45)) == "12 000 in 45 groups"
    assert wording.examples(replace(F1, n=12_000, effective_n=1234.9)) == "12 000 worth 1 234"


@pytest.mark.parametrize(
    ("value", "words"), [(0.21, "0.2100"), (0.04999, "0.0500"), (0.0001, "0.0001"), (0.00009, "<\u00a00.0001")]
)
def test_p_values_are_rounded_up_and_tiny_ones_are_only_bounded(value: float, words: str) -> None:
    assert wording.probability(value) == words


def test_known_metrics_have_a_title_and_a_column_keeps_its_name() -> None:
    assert wording.title(compared("roc_auc", 0.9, 0.9, 0.1)) == "ROC AUC"
    assert wording.title(compared("revenue", 0.9, 0.9, 0.1)) == "revenue"
    assert wording.title(BARE) == wording.subject(BARE) == "input"
    assert wording.subject(replace(F1, slice="region=north")) == "f1 [region=north]"


def test_a_loss_that_cannot_be_ruled_out_is_told_for_slices_alone() -> None:
    near = compared("f1", 0.85, 0.87, 0.02, slice="a=b", margin=0.03, verdict=Verdict.PASS)
    assert wording.remark(near) == "may lose 0.0529"
    assert wording.remark(replace(near, slice=None)) == ""
    assert wording.remark(replace(near, margin=0.06)) == ""
    assert wording.remark(replace(near, verdict=Verdict.FAIL)) == ""
    assert wording.remark(replace(near, advisory=True)) == ""
    slower = compared("rmse", 12.0, 11.9, 0.5, slice="a=b", better="lower", margin=0.3, verdict=Verdict.PASS)
    assert wording.remark(slower) == "may lose 0.923"


def test_the_interval_is_named_by_its_one_sided_level() -> None:
    assert wording.level(report(Verdict.PASS, "", confidence=0.95)) == "one-sided 95 %"
    assert wording.level(report(Verdict.PASS, "", confidence=0.975)) == "one-sided 97.5 %"
    assert wording.level(report(Verdict.PASS, "", confidence=None)) is None


def test_a_digest_is_short_with_or_without_its_algorithm() -> None:
    assert wording.short("sha256:9d8b7c6e5f4a3b2c") == wording.short("9d8b7c6e5f4a3b2c") == "9d8b7c6e5f4a"


def test_each_finding_has_its_place() -> None:
    missing = Finding(id="compare:f1", rule="compare", verdict=Verdict.INCONCLUSIVE, message="no f1", metric="f1")
    bad = compared("f1", 0.7, 0.9, 0.001, slice="a=b")
    good = compared("f1", 0.9, 0.9, 0.001, slice="a=c")
    aside = replace(bad, advisory=True)
    found = outline(report(Verdict.FAIL, "No.", aside, good, bad, F1, missing, BARE))
    assert found.notices == (missing, BARE)
    assert found.overall == (F1,)
    assert found.attention == (bad,)
    assert found.settled == (good,)
    assert found.aside == (aside,)


def test_what_did_not_pass_is_read_worst_first_and_otherwise_in_order() -> None:
    unsure = replace(F1, id="unsure", verdict=Verdict.INCONCLUSIVE)
    warned, failed, again = (replace(F1, id=name, verdict=verdict) for name, verdict in VERDICTS)
    found = outline(report(Verdict.FAIL, "No.", warned, unsure, failed, again))
    assert [finding.id for finding in found.unsettled] == ["failed", "again", "unsure", "warned"]


VERDICTS = (("warned", Verdict.WARN), ("failed", Verdict.FAIL), ("again", Verdict.FAIL))


@settings(deadline=None)
@given(st.permutations(reports.sliced(12).findings))
def test_no_finding_is_lost_or_shown_twice(findings: list[Finding]) -> None:
    shown = Report(step="gate-compare", verdict=Verdict.FAIL, reason="", findings=tuple(findings))
    found = outline(shown)
    placed = [*found.notices, *found.overall, *found.attention, *found.settled, *found.aside]
    assert sorted(finding.id for finding in placed) == sorted(finding.id for finding in findings)


def test_a_comparison_with_the_anchor_does_not_read_as_one_with_production() -> None:
    assert wording.subject(replace(F1, rule="anchor", id="anchor:f1")) == "f1 (anchor)"


def test_how_many_examples_would_do_is_said_once() -> None:
    open_ = replace(F1, verdict=Verdict.INCONCLUSIVE, rows_needed=12_366, explanation="About 12 366 examples would do.")
    assert wording.undecided(open_)
    assert not wording.unsaid(open_)
    assert wording.unsaid(replace(open_, explanation=None))

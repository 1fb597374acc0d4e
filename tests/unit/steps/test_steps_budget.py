"""A budget of looks makes passing harder, blocking no easier to escape, and ends when it is spent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judging import classifier, finding, given, policy, with_columns

from mlci.adapters.evidence.gate import read_gate
from mlci.domain.policy import GatePolicy, HoldoutPolicy
from mlci.domain.report import Report
from mlci.domain.wear import Look, Looks
from mlci.steps.beside import Beside
from mlci.steps.gate_compare import Outcome, run
from mlci.steps.report import rejudge

BASE = classifier(4000, 1)
# The loss in points of a candidate that differs from BASE where it loses, and nowhere else.


def losing(points: float) -> dict[str, object]:
    labels = [*BASE["pred"]]
    right = [row for row in range(4000) if labels[row] == BASE["y"][row]][: round(points * 40)]
    for row in right:
        labels[row] = 1 - labels[row]
    return with_columns(BASE, pred=labels)


def asked(steps: int | None = 32, reuse: str = "none", **more: object) -> GatePolicy:
    holdout = None if steps is None else HoldoutPolicy(steps=steps, reuse=reuse)  # type: ignore[arg-type]
    return replace(policy("accuracy", tolerance=0.01, **more), holdout=holdout)  # type: ignore[arg-type]


def judged(points: float, policy: GatePolicy, looks: Looks | None = Looks()) -> Outcome:  # noqa: B008
    candidate, production = given(losing(points), "candidate"), given(BASE, "production")
    return run(candidate, production, policy, beside=Beside(looks=looks))


def of(outcome: Outcome | Report) -> tuple[str, str | None]:
    found = finding(outcome, "compare:accuracy")
    return found.verdict.value, found.reason


def test_what_passes_once_must_be_shown_harder_where_many_may_try() -> None:
    assert of(judged(0.6, asked(None))) == ("pass", None)
    assert of(judged(0.6, asked(1))) == ("pass", None)
    assert of(judged(0.6, asked(32))) == ("inconclusive", "interval")
    assert judged(0.6, asked(32)).report.confidence == 0.99844
    assert "(one-sided 99.844 %)" in finding(judged(0.6, asked(32)), "compare:accuracy").message


def test_what_is_blocked_without_a_budget_is_blocked_with_any() -> None:
    for steps in (None, 1, 32, 10_000):
        assert of(judged(1.2, asked(steps))) == ("fail", "regression")


def test_a_loss_that_is_shown_at_the_usual_level_alone_is_blocked_with_a_budget_too() -> None:
    """400 examples lost and 340 gained: p is about 0.014, which a look of 32 could not show."""
    right = [row for row in range(4000) if BASE["pred"][row] == BASE["y"][row]][:400]
    wrong = [row for row in range(4000) if BASE["pred"][row] != BASE["y"][row]][:340]
    changed = {*right, *wrong}
    labels = [1 - label if row in changed else label for row, label in enumerate(BASE["pred"])]
    for steps in (None, 32):
        outcome = run(
            given(with_columns(BASE, pred=labels), "candidate"),
            given(BASE, "production"),
            asked(steps),
            beside=Beside(looks=Looks()),
        )
        found = finding(outcome, "compare:accuracy")
        assert (found.verdict.value, found.reason) == ("fail", "regression")
        assert 0.05 / 32 < (found.p_worse or 0) < 0.05


def test_when_the_budget_is_spent_nothing_passes_and_no_policy_softens_it() -> None:
    looks = Looks()
    for _ in range(2):
        outcome = judged(0.0, asked(2), looks)
        assert outcome.report.verdict.value == "pass"
        looks = outcome.looks or Looks()
    looks = judged(0.1, asked(2), looks).looks or Looks()
    third = judged(0.2, asked(2, on_inconclusive="pass"), looks)
    assert (third.report.verdict.value, finding(third, "policy:holdout").reason) == ("inconclusive", "worn")
    again = judged(0.0, asked(2), third.looks)
    assert again.report.verdict.value == "pass"  # the very same candidate is no new look


def test_a_budget_that_nobody_keeps_is_missing_and_not_passed_over() -> None:
    assert finding(judged(0.0, asked(32), None), "policy:holdout").reason == "missing"


def test_a_retired_holdout_takes_no_further_candidate() -> None:
    first = judged(0.0, asked(9, "first-change"))
    at = read_gate(first.evidence, "here")
    looks = (first.looks or Looks()).accepted(
        Look(evaluation_set=at.evaluation_set or "", candidate=at.candidate.digest)
    )
    assert judged(0.0, asked(9, "first-change"), looks).report.verdict.value == "pass"
    assert finding(judged(0.1, asked(9, "first-change"), looks), "policy:holdout").reason == "worn"
    assert judged(0.1, asked(9, "full"), looks).report.verdict.value == "pass"


@pytest.mark.parametrize("points", [0.2, 1.2])
def test_full_reuse_tells_pass_or_not_and_no_figure(points: float) -> None:
    report = judged(points, asked(32, "full")).report
    found = finding(report, "compare:accuracy")
    assert (found.candidate, found.difference, found.interval, found.p_worse) == (None,) * 4
    assert found.verdict is finding(judged(points, asked(32)), "compare:accuracy").verdict
    assert "withheld" in report.reason or report.verdict.value == "pass"
    assert {each.id for each in report.sections} <= {"wear", "baseline"}


def test_full_reuse_shows_the_figures_of_what_is_clearly_better() -> None:
    outcome = run(
        given(BASE, "candidate"),
        given(losing(1.0), "production"),
        asked(32, "full"),
        beside=Beside(looks=Looks()),
    )
    assert finding(outcome, "compare:accuracy").difference == pytest.approx(0.01)


def test_the_evidence_carries_the_look_and_is_judged_the_same_again() -> None:
    for looks, steps in ((Looks(), 32), (judged(0.0, asked(1)).looks, 1)):
        outcome = judged(0.3, asked(steps), looks)
        again = rejudge(read_gate(outcome.evidence, "here"), asked(steps))
        assert of(again) == of(outcome)
        assert again.sections == outcome.report.sections
        kept = [each.id for each in outcome.report.findings]
        assert [each.id for each in again.findings][: len(kept)] == kept

"""The candidate against the anchor: blocked for a loss shown to be beyond the tolerance, at a tenth of alpha."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from judging import Rows, finding, given, ids, policy, rows_of, with_columns

from mlci.adapters.evidence.gate import read_gate
from mlci.domain import anchor, sentence
from mlci.domain.finding import Finding
from mlci.domain.policy import GatePolicy, Tolerance
from mlci.domain.verdict import Verdict
from mlci.errors import ArtifactRefused
from mlci.steps.beside import Beside
from mlci.steps.gate_compare import Outcome, run
from mlci.steps.report import rejudge

N = 4000
BEST = {"id": ids(N), "y": [1, 0] * (N // 2), "pred": [1, 0] * (N // 2)}


def worse(share: float) -> Rows:
    """As good as the best, and wrong on the first so many of a hundred examples."""
    wrong = round(share * N / 100)
    return with_columns(BEST, pred=[*(1 - label for label in BEST["pred"][:wrong]), *BEST["pred"][wrong:]])


def judged(candidate: Rows, production: Rows, best: Rows | None, asked: GatePolicy | None = None) -> Outcome:
    beside = Beside(anchor=None if best is None else given(best, "best"))
    return run(given(candidate, "candidate"), given(production, "production"), asked or POLICY, beside=beside)


POLICY = policy("accuracy", tolerance=0.01)


def test_a_loss_shown_to_be_beyond_twice_the_tolerance_fails_though_production_lost_it_first() -> None:
    outcome = judged(worse(3.2), worse(3.0), BEST)
    assert finding(outcome, "compare:accuracy").verdict is Verdict.PASS
    found = finding(outcome, "anchor:accuracy")
    assert (found.verdict, found.reason, found.margin) == (Verdict.FAIL, "drifted", 0.02)
    assert outcome.report.reason.startswith("accuracy is worse than the anchor: -")
    hidden = replace(found, difference=None, message="accuracy (anchor): fail, figures withheld")
    assert sentence.why(hidden) == hidden.message
    assert "(one-sided 99.5 %)" in found.message


def test_a_loss_that_may_be_within_is_no_failure_and_is_said() -> None:
    found = finding(judged(worse(2.2), worse(2.0), BEST), "anchor:accuracy")
    assert found.verdict is Verdict.PASS
    assert "cannot be ruled out" in (found.explanation or "")


def test_a_tolerance_of_its_own_holds_for_the_anchor() -> None:
    tight = replace(POLICY, anchor_tolerance=Tolerance(0.005))
    assert finding(judged(worse(2.2), worse(2.0), BEST, tight), "anchor:accuracy").verdict is Verdict.FAIL
    loose = replace(POLICY, anchor_tolerance=Tolerance(0.3))
    assert finding(judged(worse(9.0), worse(9.0), BEST, loose), "anchor:accuracy").verdict is Verdict.PASS


def test_production_that_is_the_anchor_is_compared_once_and_at_the_whole_rate() -> None:
    alone, same = judged(worse(1.0), BEST, None), judged(worse(1.0), BEST, BEST)
    assert same.evidence == alone.evidence
    other = finding(judged(worse(1.0), BEST, worse(0.5)), "compare:accuracy")
    assert other.p_adjusted == pytest.approx((other.p_worse or 0) / 0.9)


ELSEWHERE: list[Rows] = [
    rows_of(BEST, range(N - 1)),
    with_columns(BEST, y=[0, 1] * (N // 2)),
    {"id": ["other"], "y": [1], "pred": [1]},
]


@pytest.mark.parametrize("best", ELSEWHERE)
def test_an_anchor_of_another_holdout_cannot_be_judged_and_nothing_softens_that(best: Rows) -> None:
    outcome = judged(BEST, BEST, best, replace(POLICY, on_inconclusive="pass"))
    found = finding(outcome, "input:anchor")
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "other-holdout")
    assert outcome.report.verdict is Verdict.INCONCLUSIVE


def test_an_anchor_of_fewer_examples_is_of_another_holdout_although_common_ones_may_be_compared() -> None:
    lenient = replace(POLICY, reading=replace(POLICY.reading, missing="intersect"))
    outcome = judged(BEST, worse(0.1), rows_of(worse(0.2), range(N - 5)), lenient)
    assert finding(outcome, "input:anchor").reason == "other-holdout"


def test_the_evidence_is_judged_the_same_again_and_a_forged_one_is_refused() -> None:
    for best in (BEST, rows_of(BEST, range(9))):
        outcome = judged(worse(3.2), worse(3.0), best)
        again = rejudge(read_gate(outcome.evidence, "here"), POLICY)
        own = {each.id: each for each in again.findings}
        assert all(own[each.id] == each for each in outcome.report.findings)
    forged = json.loads(judged(worse(3.2), worse(3.0), BEST).evidence)
    for change in ({"n": 5}, {"candidate": 0.5}, {"slice": "a=b", "slice_column": "a"}, {"lost": -1}):
        content = json.loads(json.dumps(forged))
        content["predicate"]["anchor"]["statistics"][0].update(change)
        with pytest.raises(ArtifactRefused):
            read_gate(json.dumps(content).encode(), "here")


def test_relative_tolerances_and_metrics_that_fall_are_judged_in_their_own_direction() -> None:
    random = np.random.default_rng(5)
    truth = random.normal(10, 3, N)
    noise = random.normal(0, 1, N)
    best, production, candidate = (
        {"id": ids(N), "y": truth, "pred": truth + noise * scale} for scale in (1.0, 1.05, 1.055)
    )
    asked = policy("rmse", tolerance=Tolerance(0.01, relative=True))
    found = finding(judged(candidate, production, best, asked), "anchor:rmse")
    assert (found.verdict, found.margin, found.scale) == (Verdict.FAIL, 0.02, "relative")
    assert finding(judged(best, production, candidate, asked), "anchor:rmse").verdict is Verdict.PASS


def bounds(*intervals: tuple[float, float] | None, better: str = "higher") -> list[Finding]:
    return [
        Finding(
            id=f"anchor:{number}", rule="anchor", verdict=Verdict.PASS, message="", interval=interval,
            better=better,  # type: ignore[arg-type]
        )
        for number, interval in enumerate(intervals)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        (bounds((0.001, 0.01)), True),
        (bounds((-0.001, 0.01)), False),
        (bounds((0.001, 0.01), (-0.02, 0.001)), True),
        (bounds((0.001, 0.01), (-0.02, -0.001)), False),
        (bounds((-0.02, -0.001), better="lower"), True),
        (bounds((0.001, 0.01), None), False),
        ([], False),
    ],
)
def test_the_anchor_moves_to_what_is_shown_to_be_better_and_nowhere_worse(
    findings: list[Finding], *, expected: bool
) -> None:
    assert anchor.surpasses(findings) is expected


def test_what_says_nothing_of_the_answers_does_not_hold_the_anchor_where_it_is() -> None:
    """Neither how a model runs, which may be counted and have no bounds, nor groups, nor a remark on slices."""
    better = replace(bounds((0.001, 0.01))[0], id="compare:accuracy", rule="compare", metric="accuracy")
    others = [
        replace(better, interval=None, metric="model_size_mb"),
        replace(better, interval=None, reason="reversal"),
        replace(better, interval=None, metric="demographic_parity_difference"),
        replace(better, interval=(-0.4, -0.3), metric="latency_p50_ms"),
    ]
    assert anchor.surpasses(anchor.comparisons([better, *others]))
    assert not anchor.surpasses(anchor.comparisons([better, replace(better, interval=None, metric="f1"), *others]))

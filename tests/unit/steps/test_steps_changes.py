"""What changed beyond averages: counts that hold together, a limit on flips, and sections that name no example."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from judging import classifier, finding, ids, judged, policy, regression, report, rows_of, with_columns

from mlci.adapters.evidence.gate import read_gate
from mlci.domain.changes import Changes
from mlci.domain.evidence import GatePredicate
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.domain.report import Report, Section
from mlci.domain.verdict import Verdict
from mlci.stats.proportions import wilson
from mlci.stats.student import normal_quantile
from mlci.steps.gate_compare import Outcome
from mlci.steps.report import rejudge


def pair(n: int = 400, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    mine, theirs = (with_columns(classifier(n, seed, scores=True), **more) for seed in (1, 2))
    return mine, theirs


def limited(metric: str, maximum: float, **how: Any) -> GatePolicy:
    return policy("accuracy", MetricRule(metric=metric, compare=False, maximum=maximum), **how)


def read(outcome: Outcome) -> GatePredicate:
    return read_gate(outcome.evidence, "gate.json")


def changes(outcome: Outcome) -> Changes:
    found = read(outcome).changes
    assert found is not None
    return found


def section(of: Report, id: str) -> Section:
    [found] = [each for each in of.sections if each.id == id]
    return found


def right(columns: dict[str, Any]) -> Any:
    return np.asarray(columns["pred"]) == np.asarray(columns["y"])


def test_flips_are_those_of_the_rows_and_swapping_the_models_mirrors_them() -> None:
    mine, theirs = pair()
    found, mirrored = (
        changes(judged(one, other, policy("accuracy"))).labels for one, other in ((mine, theirs), (theirs, mine))
    )
    assert found is not None
    assert mirrored is not None
    assert found.newly_wrong == np.count_nonzero(right(theirs) & ~right(mine)) == mirrored.newly_right > 0
    assert found.changed == np.count_nonzero(np.asarray(mine["pred"]) != np.asarray(theirs["pred"])) == mirrored.changed
    assert (found.newly_right, found.right_both, found.wrong_alike) == (
        mirrored.newly_wrong, mirrored.right_both, mirrored.wrong_alike
    )  # fmt: skip
    assert found.n == 400


def test_the_section_says_rates_with_wilsons_bounds_and_no_id() -> None:
    mine, theirs = pair()
    outcome = judged(mine, theirs, policy("accuracy"))
    labels = changes(outcome).labels
    assert labels is not None
    shown = section(outcome.report, "changes")
    assert shown.figures["negative_flip_rate"] == labels.newly_wrong / 400
    assert shown.figures["backward_trust_compatibility"] == labels.right_both / (labels.right_both + labels.newly_wrong)
    low, high = wilson(labels.newly_wrong, 400, normal_quantile(0.95))
    assert f"bounds [{100 * low:.2f} %, {100 * high:.2f} %]" in shown.sentences[0]
    assert not any(name in repr(outcome.report.sections) for name in ids(400))


def test_slices_are_listed_by_their_share_of_newly_wrong_answers() -> None:
    mine, theirs = pair(slice_plan=[f"p{row % 3}" for row in range(400)])
    shown = section(report(mine, theirs, policy("f1", "accuracy")), "changes")
    shares = [int(row[2]) / int(row[1]) for row in shown.rows]
    assert len(shown.rows) == 3
    assert shares == sorted(shares, reverse=True)
    assert sum(int(row[2]) for row in shown.rows) == shown.figures["newly_wrong"]


def test_groups_leave_counts_and_take_the_bounds() -> None:
    mine, theirs = pair(group=[f"g{row % 50}" for row in range(400)])
    shown = section(report(mine, theirs, policy("accuracy")), "changes")
    assert not any("bounds [" in sentence for sentence in shown.sentences)
    assert any("no bounds are given" in sentence for sentence in shown.sentences)


def test_weights_take_the_shares_because_a_share_of_examples_says_little() -> None:
    mine, theirs = pair(weight=[1 + row % 7 for row in range(400)])
    shown = section(report(mine, theirs, policy("accuracy")), "changes")
    assert "newly_wrong" in shown.figures
    assert "negative_flip_rate" not in shown.figures
    assert not any("%" in sentence for sentence in shown.sentences)
    assert any("no shares are given" in sentence for sentence in shown.sentences)


def test_calibration_is_that_of_the_brier_score_that_is_judged() -> None:
    mine, theirs = pair()
    outcome = judged(mine, theirs, policy("brier"))
    shown = section(outcome.report, "calibration")
    judged_brier = finding(outcome, "compare:brier")
    assert shown.figures["candidate_brier"] == pytest.approx(judged_brier.candidate)
    assert shown.figures["production_brier"] == pytest.approx(judged_brier.baseline)
    assert shown.figures["candidate_uncertainty"] == shown.figures["production_uncertainty"]
    assert len(section(outcome.report, "reliability-curve").rows) == 10


def test_several_classes_are_calibrated_by_the_likeliest() -> None:
    def model(seed: int) -> dict[str, Any]:
        columns, random = classifier(300, seed, classes=3), np.random.default_rng(seed)
        chances = random.dirichlet((1, 1, 1), 300)
        return with_columns(columns, **{f"y_score_{name}": chances[:, name] for name in range(3)})

    outcome = judged(model(1), model(2), policy("accuracy"))
    scores = changes(outcome).scores
    assert scores is not None
    assert scores.candidate is not None
    assert scores.of == "top"
    assert scores.candidate.bins[0].score > 1 / 3
    assert "likeliest" in section(outcome.report, "calibration").sentences[0]


def test_scores_that_are_no_probabilities_shift_and_have_no_calibration() -> None:
    mine, theirs = (with_columns(each, score=np.asarray(each["score"]) * 7 - 3) for each in pair())
    outcome = judged(mine, theirs, policy("roc_auc"))
    scores = changes(outcome).scores
    assert scores is not None
    assert (scores.of, scores.candidate) == ("other", None)
    assert [each.id for each in outcome.report.sections if each.id == "calibration"] == []


@pytest.mark.parametrize(("factor", "there"), [(1e308, False), (1e140, True), (1e-310, True), (0.0, True)])
def test_scores_of_any_size_are_counted_or_left_out(factor: float, there: bool) -> None:
    mine, theirs = (with_columns(each, score=np.asarray(each["score"]) * factor) for each in pair())
    scores = changes(judged(mine, theirs, policy("accuracy"))).scores
    assert (scores is not None) is there
    assert scores is None or sum(scores.candidate_counts) == 400


def test_scores_that_one_model_lacks_are_left_out_of_both() -> None:
    mine, theirs = pair()
    gaps = [with_columns(mine, score=[None if row < 30 else score for row, score in enumerate(mine["score"])]), theirs]
    scores = changes(judged(*gaps, policy("accuracy"))).scores
    assert scores is not None
    assert scores.n == 370


def test_a_regression_says_on_how_many_examples_the_error_grew() -> None:
    mine, theirs = regression(200, 1, noise=2.0), regression(200, 2, noise=1.0)
    outcome = judged(mine, theirs, policy("rmse"))
    values = changes(outcome).values
    errors = [np.abs(np.asarray(each["pred"]) - np.asarray(each["y"])) for each in (mine, theirs)]
    assert values is not None
    assert values.grew == np.count_nonzero(errors[0] > errors[1]) > 100
    assert values.candidate_slope is not None
    assert values.candidate_slope < (values.production_slope or 0)
    assert f"grew on {values.grew} of 200" in section(outcome.report, "changes").sentences[0]


def test_identical_models_changed_nothing_and_the_evidence_holds() -> None:
    mine, _ = pair()
    outcome = judged(mine, mine, policy("accuracy"))
    assert [each.id for each in outcome.report.sections if each.id == "changes"] == []
    assert changes(outcome).labels is not None
    assert read(outcome).coverage is not None


@pytest.mark.parametrize(
    ("maximum", "thresholds", "verdict"),
    [
        (0.5, "point", Verdict.PASS),
        (0.5, "interval", Verdict.PASS),
        (0.01, "point", Verdict.FAIL),
        (0.01, "interval", Verdict.FAIL),
        (0.12, "interval", Verdict.INCONCLUSIVE),
    ],
)
def test_a_limit_on_negative_flips_is_judged_by_value_or_interval(
    maximum: float, thresholds: str, verdict: Verdict
) -> None:
    outcome = judged(*pair(), limited("negative_flip_rate", maximum, thresholds=thresholds))
    found = finding(outcome, "maximum:negative_flip_rate")
    labels = changes(outcome).labels
    assert labels is not None
    assert found.verdict is verdict
    assert found.candidate == labels.newly_wrong / 400
    assert found.candidate_interval == pytest.approx(wilson(labels.newly_wrong, 400, normal_quantile(0.95)))
    assert not any(each.id == "compare:negative_flip_rate" for each in outcome.report.findings)


def test_a_limit_on_churn_holds_whoever_is_right_and_under_weights() -> None:
    mine, theirs = pair()
    churn = float(np.mean(np.asarray(mine["pred"]) != np.asarray(theirs["pred"])))
    assert (
        finding(judged(mine, theirs, limited("prediction_churn", 0.5)), "maximum:prediction_churn").candidate == churn
    )
    heavy = [with_columns(each, weight=[1 + row % 5 for row in range(400)]) for each in (mine, theirs)]
    found = finding(judged(*heavy, limited("prediction_churn", 0.5)), "maximum:prediction_churn")
    changed = np.asarray(mine["pred"]) != np.asarray(theirs["pred"])
    assert found.candidate == pytest.approx(np.average(changed, weights=1 + np.arange(400) % 5))


def test_without_production_a_limit_on_flips_warns_and_does_not_hold_up_the_first_model() -> None:
    mine, _ = pair()
    outcome = judged(mine, None, limited("negative_flip_rate", 0.1))
    found = finding(outcome, "maximum:negative_flip_rate")
    assert (found.verdict, found.reason) == (Verdict.WARN, "no-baseline")
    assert read(outcome).changes is None


def test_judged_again_from_the_evidence_the_sections_are_the_same() -> None:
    mine, theirs = pair(slice_plan=[f"p{row % 3}" for row in range(400)])
    asked = limited("negative_flip_rate", 0.1)
    outcome = judged(mine, theirs, asked)
    assert rejudge(read(outcome), asked).sections == outcome.report.sections


def test_the_order_of_rows_moves_nothing() -> None:
    mine, theirs = pair()
    shuffled = rows_of(mine, np.random.default_rng(3).permutation(400))
    assert changes(judged(mine, theirs, policy("accuracy"))) == changes(judged(shuffled, theirs, policy("accuracy")))

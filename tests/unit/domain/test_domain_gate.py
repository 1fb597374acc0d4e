"""The gate's decisions on estimates made up for the purpose: every rule, and both sides of every border."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from mlci.domain import coverage, gate
from mlci.domain.estimate import FEW_CLUSTERS, TOO_FEW_CLUSTERS, Estimate
from mlci.domain.finding import Finding
from mlci.domain.metric import metric_named
from mlci.domain.policy import GatePolicy, MetricRule, SlicePolicy, Tolerance
from mlci.domain.verdict import Verdict, worst

PASS, WARN, INCONCLUSIVE, FAIL = Verdict


def estimate(
    difference: float, error: float, *, metric: str = "f1", margin: float = 0.01, p: float | None = None, **more: Any
) -> Estimate:
    """A normal estimate: bounds at 1.645 standard errors, and its one-sided p-value unless one is given."""
    from statistics import NormalDist

    known = metric_named(metric)
    gain = difference if known.better == "higher" else -difference
    p_worse = NormalDist().cdf(gain / error) if p is None else p
    reach = 1.6448536269514722 * error
    fields: dict[str, Any] = {
        "metric": known, "n": 1000, "margin": margin, "candidate": 0.8 + difference, "baseline": 0.8,
        "difference": difference,
        "standard_error": error, "interval": (difference - reach, difference + reach), "p_worse": p_worse,
        "p_adjusted": p_worse, "method": "influence function, t", "discordant": 100,
    }  # fmt: skip
    return Estimate(**{**fields, **more})


def overall(made: Estimate, **policy: Any) -> tuple[Verdict, str | None]:
    found = gate.compare_overall(made, GatePolicy(**policy))
    return found.verdict, found.reason


def sliced(made: Estimate, looks: float = 1.0, require: Any = "harm") -> Finding:
    return gate.compare_slice(replace(made, slice="region=x"), GatePolicy(slices=SlicePolicy(require=require)), looks)


@pytest.mark.parametrize(("difference", "error", "expected"), [
    (0.02, 0.001, (PASS, "better")),
    (0.0, 0.001, (PASS, None)),
    (-0.005, 0.001, (PASS, None)),
    (0.0, 0.02, (INCONCLUSIVE, "interval")),
    (-0.009, 0.001, (INCONCLUSIVE, "interval")),
    (-0.02, 0.02, (INCONCLUSIVE, "interval")),
    (-0.02, 0.005, (FAIL, "regression")),
    (-0.5, 0.001, (FAIL, "regression")),
])  # fmt: skip
def test_overall_verdicts_where_higher_is_better_and_mirrored_where_lower_is(
    difference: float, error: float, expected: tuple[Verdict, str | None]
) -> None:
    assert overall(estimate(difference, error)) == expected
    assert overall(estimate(-difference, error, metric="brier")) == expected


def test_a_significant_loss_within_the_margin_is_no_failure() -> None:
    assert overall(estimate(-0.008, 0.0001)) == (PASS, None)
    assert overall(estimate(-0.0099, 0.001, p=1e-9))[0] is not FAIL


def test_a_loss_beyond_the_margin_that_is_not_significant_is_no_failure() -> None:
    assert overall(estimate(-0.05, 0.01, p=0.051))[0] is INCONCLUSIVE
    assert overall(estimate(-0.05, 0.01, p=0.049))[0] is FAIL


def test_the_corrected_p_decides_and_not_the_raw_one() -> None:
    assert overall(estimate(-0.05, 0.01, p_adjusted=0.2))[0] is INCONCLUSIVE


@pytest.mark.parametrize(("shift", "expected"), [
    (-2e-9, (INCONCLUSIVE, "interval")), (-9e-10, (INCONCLUSIVE, "boundary")), (0.0, (INCONCLUSIVE, "boundary")),
    (9e-10, (INCONCLUSIVE, "boundary")), (2e-9, (PASS, None)),
])  # fmt: skip
def test_a_bound_on_the_margin_to_the_ninth_digit_is_inconclusive(shift: float, expected: Any) -> None:
    assert overall(replace(estimate(0.0, 0.004), interval=(-0.01 + shift, 0.01))) == expected


@pytest.mark.parametrize("scale", [1e-7, 1.0, 1e9])
def test_how_close_is_too_close_goes_by_the_size_of_what_is_compared(scale: float) -> None:
    def rmse(shift: float) -> Estimate:
        return replace(
            estimate(0.0, 0.004 * scale, metric="rmse", margin=0.01 * scale, p=0.5), candidate=scale, baseline=scale,
            interval=(-0.01 * scale, (0.01 + shift) * scale),
        )  # fmt: skip

    assert overall(rmse(-9e-10)) == overall(rmse(9e-10)) == (INCONCLUSIVE, "boundary")
    assert overall(rmse(-2e-9)) == (PASS, None)
    assert overall(rmse(2e-9)) == (INCONCLUSIVE, "interval")


def test_without_noise_a_loss_of_exactly_the_margin_is_accepted_and_one_as_good_as_it_is_not_judged() -> None:
    def shifted(by: float) -> tuple[Verdict, str | None]:
        return overall(replace(estimate(-0.01 + by, 0.0, p=1e-9), interval=(-0.01 + by, -0.01 + by)))

    assert shifted(0.0) == shifted(-1e-17) == (PASS, None)
    assert shifted(-5e-10) == shifted(5e-10) == (INCONCLUSIVE, "boundary")
    assert shifted(-2e-9) == (FAIL, "regression")


@pytest.mark.parametrize("shift", [-9e-10, 0.0, 9e-10])
def test_a_p_value_of_alpha_to_the_ninth_digit_is_inconclusive(shift: float) -> None:
    assert overall(estimate(-0.05, 0.01, p=0.05 + shift), confidence=0.95) == (INCONCLUSIVE, "boundary")


@pytest.mark.parametrize("shift", [-9e-10, 0.0, 9e-10])
def test_a_shown_loss_of_the_margin_to_the_ninth_digit_is_inconclusive(shift: float) -> None:
    assert overall(estimate(-0.01 + shift, 0.004, p=1e-6)) == (INCONCLUSIVE, "boundary")
    assert overall(estimate(-0.01 - 2e-9, 0.004, p=1e-6)) == (FAIL, "regression")


@pytest.mark.parametrize(("value", "expected"), [
    (90 / 100, (PASS, None)), (1 - 10 / 100, (PASS, None)), (0.1 + 0.8, (PASS, None)),
    (0.9 + 5e-10, (INCONCLUSIVE, "boundary")),
    (0.9 - 5e-10, (INCONCLUSIVE, "boundary")), (0.9 + 2e-9, (PASS, None)), (0.9 - 2e-9, (FAIL, "threshold")),
])  # fmt: skip
def test_a_limit_reached_exactly_is_met_and_one_as_good_as_reached_is_not_judged(value: float, expected: Any) -> None:
    made = Estimate(metric=metric_named("accuracy"), n=100, candidate=value, candidate_interval=(value, value))
    for thresholds in ("point", "interval"):
        found = gate.threshold(made, GatePolicy(thresholds=thresholds), 0.9, lower=True)
        assert (found.verdict, found.reason) == expected
    error = replace(made, metric=metric_named("error_rate"), candidate=1 - value)
    found = gate.threshold(error, GatePolicy(), 0.1, lower=False)
    assert (found.verdict, found.reason) == expected


def test_a_tolerance_of_zero_asks_whether_a_regression_is_demonstrated() -> None:
    assert overall(estimate(0.0, 0.01, margin=0.0)) == (WARN, "interval")
    assert overall(estimate(0.02, 0.001, margin=0.0)) == (PASS, "better")
    assert overall(estimate(-0.02, 0.001, margin=0.0)) == (FAIL, "regression")
    assert overall(estimate(0.0, 0.0, margin=0.0, p=1.0, discordant=0)) == (WARN, "interval")


@pytest.mark.parametrize(("n", "more", "expected"), [
    (300, {}, (PASS, "no-difference")),
    (299, {}, (INCONCLUSIVE, "interval")),
    (9999, {"clusters": 299}, (INCONCLUSIVE, "interval")),
    (9999, {"clusters": 300}, (PASS, "no-difference")),
    (9999, {"smallest_class": 299}, (INCONCLUSIVE, "interval")),
    (9999, {"relative": True}, (INCONCLUSIVE, "interval")),
    (9999, {"metric": "rmse"}, (INCONCLUSIVE, "interval")),
    (9999, {"effective_n": 299.0}, (INCONCLUSIVE, "interval")),
    (5, {"method": gate.IDENTICAL}, (PASS, "identical")),
    (4, {"method": gate.IDENTICAL}, (INCONCLUSIVE, "insufficient")),
    (5, {"method": gate.IDENTICAL, "clusters": 1}, (PASS, "identical")),
])  # fmt: skip
def test_nothing_discordant_is_judged_by_the_rule_of_three(n: int, more: dict[str, Any], expected: Any) -> None:
    assert overall(estimate(0.0, 0.0, p=1.0, n=n, discordant=0, **more)) == expected


@pytest.mark.parametrize(("clusters", "expected"), [
    (TOO_FEW_CLUSTERS - 1, (INCONCLUSIVE, "clusters")), (TOO_FEW_CLUSTERS, (WARN, "clusters")),
    (FEW_CLUSTERS - 1, (WARN, "clusters")), (FEW_CLUSTERS, (PASS, None)),
])  # fmt: skip
def test_few_clusters_qualify_a_pass(clusters: int, expected: Any) -> None:
    assert overall(estimate(0.0, 0.001, clusters=clusters)) == expected


def test_too_few_clusters_qualify_a_failure_too() -> None:
    assert overall(estimate(-0.5, 0.001, clusters=4)) == (INCONCLUSIVE, "clusters")
    assert overall(estimate(-0.5, 0.001, clusters=5)) == (FAIL, "regression")


@pytest.mark.parametrize(("metric", "smallest", "expected"), [
    ("f1", 19, (WARN, "few-positives")), ("f1", 20, (PASS, None)),
    ("roc_auc", 9, (WARN, "few-positives")), ("roc_auc", 10, (PASS, None)),
])  # fmt: skip
def test_few_of_the_rarer_class_qualify_a_pass(metric: str, smallest: int, expected: Any) -> None:
    assert overall(estimate(0.0, 0.001, metric=metric, smallest_class=smallest)) == expected


@pytest.mark.parametrize(("n", "expected"), [(4, INCONCLUSIVE), (5, PASS)])
def test_fewer_than_five_examples_show_nothing(n: int, expected: Verdict) -> None:
    assert overall(estimate(0.02, 0.0001, n=n))[0] is expected


@pytest.mark.parametrize(("difference", "error", "more", "leaning"), [
    (0.0, 0.02, {}, "ok"), (-0.01, 0.02, {}, "ok"), (-0.011, 0.02, {}, "worse"), (-0.05, 0.001, {}, None),
    (0.05, 0.001, {}, None), (0.005, 0.01, {"margin": 0.0}, "ok"), (-0.001, 0.01, {"margin": 0.0}, "worse"),
    (-0.05, 0.001, {"clusters": 4}, "worse"), (0.0, 0.001, {"clusters": 10}, None),
])  # fmt: skip
def test_what_is_left_open_says_which_way_it_leans(
    difference: float, error: float, more: dict[str, Any], leaning: str | None
) -> None:
    assert gate.compare_overall(estimate(difference, error, **more), GatePolicy()).leaning == leaning
    assert gate.compare_overall(estimate(-difference, error, metric="brier", **more), GatePolicy()).leaning == leaning


@pytest.mark.parametrize(("value", "lower", "leaning"), [
    (0.88, True, "ok"), (0.879, True, "worse"), (0.88, False, "ok"), (0.881, False, "worse"),
])  # fmt: skip
def test_a_limit_that_its_interval_does_not_prove_leans_by_the_value(value: float, lower: bool, leaning: str) -> None:
    made = replace(estimate(0.0, 0.01), candidate=value, candidate_interval=(0.8, 0.95))
    found = gate.threshold(made, GatePolicy(thresholds="interval"), 0.88, lower=lower)
    assert (found.verdict, found.leaning) == (INCONCLUSIVE, leaning)
    assert gate.threshold(made, GatePolicy(), 0.88, lower=lower).leaning is None


def test_no_interval_is_inconclusive_and_never_a_pass() -> None:
    made = replace(estimate(0.0, 0.001), interval=None, standard_error=None)
    assert overall(made) == (INCONCLUSIVE, "insufficient")


def test_an_undefined_estimate_is_inconclusive_with_its_cause() -> None:
    found = gate.compare_overall(Estimate(metric=metric_named("f1"), n=3, undefined="only one class"), GatePolicy())
    assert (found.verdict, found.reason, found.advisory) == (INCONCLUSIVE, "undefined", False)
    assert found.message == "f1 has no value: only one class"


@pytest.mark.parametrize(("difference", "error", "verdict"), [
    (0.02, 0.001, PASS), (0.0, 0.05, PASS), (-0.02, 0.05, PASS), (-0.02, 0.001, FAIL),
])  # fmt: skip
def test_a_slice_is_tested_for_harm_only(difference: float, error: float, verdict: Verdict) -> None:
    assert sliced(estimate(difference, error)).verdict is verdict


@pytest.mark.parametrize(
    ("discordant", "looks", "listed"),
    [(5, 1, False), (4, 1, True), (8, 10, False), (7, 10, True), (9, 20, False), (8, 20, True)],
)
def test_a_slice_needs_enough_disagreement_for_every_look(discordant: int, looks: int, listed: bool) -> None:
    """ceil(log2(S / 0.05)) discordant examples: 5 for one look, 8 for ten, 9 for twenty."""
    found = sliced(estimate(0.0, 0.05, discordant=discordant), looks)
    assert (found.verdict, found.reason, found.advisory) == (
        (INCONCLUSIVE, "insufficient", True) if listed else (PASS, None, False)
    )


@pytest.mark.parametrize(("smallest", "listed"), [(9, True), (10, False)])
def test_a_slice_needs_ten_of_each_class(smallest: int, listed: bool) -> None:
    assert sliced(estimate(0.0, 0.05, metric="roc_auc", smallest_class=smallest)).advisory is listed


@pytest.mark.parametrize(("clusters", "difference", "advisory", "verdict"), [
    (4, -0.5, True, INCONCLUSIVE), (5, -0.5, False, FAIL), (19, 0.0, True, INCONCLUSIVE), (20, 0.0, False, PASS),
])  # fmt: skip
def test_a_slice_of_few_clusters_neither_blames_nor_clears(
    clusters: int, difference: float, advisory: bool, verdict: Verdict
) -> None:
    found = sliced(estimate(difference, 0.05, clusters=clusters))
    assert (found.advisory, found.verdict) == (advisory, verdict)


@pytest.mark.parametrize(("made", "verdict"), [
    (estimate(0.0, 0.05), INCONCLUSIVE), (estimate(0.0, 0.001), PASS), (estimate(-0.5, 0.01), FAIL),
    (estimate(0.0, 0.001, clusters=10), WARN), (estimate(0.0, 0.05, discordant=1), INCONCLUSIVE),
])  # fmt: skip
def test_a_slice_that_must_be_shown_is_judged_like_the_whole(made: Estimate, verdict: Verdict) -> None:
    found = sliced(made, require="shown")
    assert (found.verdict, found.advisory) == (verdict, False)


def test_a_slice_on_the_border_of_significance_is_inconclusive() -> None:
    assert sliced(estimate(-0.05, 0.01, p=0.05)).reason == "boundary"


def test_slices_share_the_error_rate_and_get_what_the_whole_cannot_spend() -> None:
    policy = GatePolicy()
    assert gate.error_shares([], policy, sliced=False) == gate.ErrorShares(1.0, 0.0)
    assert gate.error_shares([], policy, sliced=True) == gate.ErrorShares(0.8, 1.0)
    noisy = [estimate(0.0, 1.0)]
    assert gate.error_shares(noisy, policy, sliced=True).slices == pytest.approx(0.2)
    sharp = gate.error_shares([estimate(0.0, 0.004)], policy, sliced=True)
    assert 0.8 < sharp.slices < 1.0


LIMITS = [(0.90, PASS, PASS), (0.80, PASS, INCONCLUSIVE), (0.79, FAIL, INCONCLUSIVE), (0.70, FAIL, FAIL)]


@pytest.mark.parametrize(("value", "by_point", "by_interval"), LIMITS)
def test_a_minimum_is_met_by_the_point_or_proved_by_the_interval(
    value: float, by_point: Verdict, by_interval: Verdict
) -> None:
    made = Estimate(metric=metric_named("f1"), n=100, candidate=value, candidate_interval=(value - 0.05, value + 0.05))
    assert gate.threshold(made, GatePolicy(), 0.8, lower=True).verdict is by_point
    assert gate.threshold(made, GatePolicy(thresholds="interval"), 0.8, lower=True).verdict is by_interval


@pytest.mark.parametrize(("value", "by_point", "by_interval"), LIMITS)
def test_a_maximum_mirrors_a_minimum(value: float, by_point: Verdict, by_interval: Verdict) -> None:
    value = 1.6 - value
    made = Estimate(
        metric=metric_named("rmse"), n=100, candidate=value, candidate_interval=(value - 0.05, value + 0.05)
    )
    assert gate.threshold(made, GatePolicy(), 0.8, lower=False).verdict is by_point
    assert gate.threshold(made, GatePolicy(thresholds="interval"), 0.8, lower=False).verdict is by_interval


def test_a_limit_without_value_or_without_interval_is_inconclusive() -> None:
    nothing = Estimate(metric=metric_named("f1"), n=3, undefined="only one class")
    assert gate.threshold(nothing, GatePolicy(), 0.8, lower=True).verdict is INCONCLUSIVE
    bare = Estimate(metric=metric_named("f1"), n=0, candidate=0.99)
    assert gate.threshold(bare, GatePolicy(thresholds="interval"), 0.8, lower=True).verdict is INCONCLUSIVE


@pytest.mark.parametrize(("candidate", "baseline", "verdict"), [(0, 0, None), (1, 1, WARN), (0, 1, WARN), (2, 1, FAIL)])
def test_lost_predictions_fail_the_candidate_that_loses_more(
    candidate: int, baseline: int, verdict: Verdict | None
) -> None:
    found = coverage.lost_predictions(candidate, baseline, 10)
    assert (None if found is None else found.verdict) is verdict


@pytest.mark.parametrize(
    ("alone", "common", "verdict"), [(0, 100, None), (1, 99, WARN), (1, 98, INCONCLUSIVE), (2, 198, WARN)]
)
def test_more_than_one_in_a_hundred_dropped_is_inconclusive(alone: int, common: int, verdict: Verdict | None) -> None:
    found = coverage.dropped(alone, 0, common, "")
    assert (None if found is None else found.verdict) is verdict
    mirrored = coverage.dropped(0, alone, common, "")
    assert (None if mirrored is None else mirrored.verdict) is verdict


def made_finding(verdict: Verdict, reason: Any = None, **more: Any) -> Finding:
    return Finding(
        id="x", rule="compare", verdict=verdict, reason=reason, message=f"said {reason}", metric="f1", **more
    )


@pytest.mark.parametrize("policy", ["pass", "warn", "approve", "fail"])
@pytest.mark.parametrize(
    "reason",
    [
        "clusters",
        "dropped",
        "insufficient",
        "lost-predictions",
        "missing",
        "undefined",
        "unsupported",
    ],
)
def test_missing_evidence_is_never_softened(reason: str, policy: Any) -> None:
    assert gate.softened(made_finding(INCONCLUSIVE, reason), policy) is INCONCLUSIVE


@pytest.mark.parametrize(
    ("policy", "expected"), [("pass", PASS), ("warn", WARN), ("approve", INCONCLUSIVE), ("fail", INCONCLUSIVE)]
)
@pytest.mark.parametrize("reason", ["interval", "boundary"])
def test_noise_is_softened_as_policy_says(reason: str, policy: Any, expected: Verdict) -> None:
    assert gate.softened(made_finding(INCONCLUSIVE, reason), policy) is expected


def test_two_bare_numbers_are_at_best_a_warning_whatever_policy_accepts() -> None:
    found = made_finding(INCONCLUSIVE, "unverified")
    assert [gate.softened(found, policy) for policy in ("pass", "warn", "approve")] == [WARN, WARN, INCONCLUSIVE]


@pytest.mark.parametrize("policy", ["pass", "warn"])
@pytest.mark.parametrize("reason", ["interval", "regression", "threshold"])
def test_a_failure_is_never_softened(reason: str, policy: Any) -> None:
    assert gate.softened(made_finding(FAIL, reason), policy) is FAIL


def test_nothing_judged_is_inconclusive_and_advice_is_nothing_judged() -> None:
    assert gate.compose([], "pass") == (INCONCLUSIVE, "nothing was judged")
    assert gate.compose([made_finding(PASS, advisory=True)], "pass")[0] is INCONCLUSIVE


def test_advice_counts_neither_way() -> None:
    assert gate.compose([made_finding(PASS), made_finding(FAIL, "regression", advisory=True)], "warn")[0] is PASS


def test_the_reason_is_that_of_a_finding_that_decides_and_counts_the_others() -> None:
    findings = [made_finding(PASS), made_finding(INCONCLUSIVE, "missing"), made_finding(INCONCLUSIVE, "undefined")]
    assert gate.compose(findings, "warn") == (INCONCLUSIVE, "said missing (and 1 more)")


@pytest.mark.parametrize("verdicts", list(itertools.product(Verdict, repeat=2)))
def test_the_fold_is_the_worse_of_two_whatever_the_order(verdicts: tuple[Verdict, Verdict]) -> None:
    assert worst(verdicts) is worst(reversed(verdicts))
    assert worst(verdicts).rank == max(each.rank for each in verdicts)
    assert [each.value for each in sorted(Verdict, key=lambda each: each.rank)] == [
        "pass",
        "warn",
        "inconclusive",
        "fail",
    ]


@pytest.mark.parametrize(("within", "demanded", "expected"), [
    (True, False, WARN), (False, False, INCONCLUSIVE), (True, True, FAIL), (False, True, FAIL),
])  # fmt: skip
def test_two_bare_numbers_never_pass_and_never_prove_a_loss(within: bool, demanded: bool, expected: Verdict) -> None:
    made = Estimate(
        metric=metric_named("f1"), n=0, margin=0.01, candidate=0.9, baseline=0.9, difference=-0.01 if within else -0.02
    )
    found = gate.unverified(made, GatePolicy(require_predictions=demanded))
    assert (found.verdict, found.reason) == (expected, "unverified")
    assert found.message.endswith(f": {expected.value}")


def test_tolerance_is_the_slices_own_then_the_rules_then_the_policys_then_the_usual_one() -> None:
    own, common, of_slices = Tolerance(0.03), Tolerance(0.02), Tolerance(0.05)
    rule = MetricRule(metric="f1", tolerance=own)
    policy = GatePolicy(tolerance=common, slices=SlicePolicy(tolerance=of_slices))
    f1, rmse = metric_named("f1"), metric_named("rmse")
    assert gate.tolerance_for(f1, rule, policy, sliced=True) is of_slices
    assert gate.tolerance_for(f1, rule, policy) is own
    assert gate.tolerance_for(f1, MetricRule(metric="f1"), policy) is common
    assert gate.tolerance_for(f1, rule, GatePolicy(), sliced=True) is own
    assert gate.tolerance_for(f1, MetricRule(metric="f1"), GatePolicy()) == Tolerance(0.01)
    assert gate.tolerance_for(rmse, MetricRule(metric="rmse"), GatePolicy()) == Tolerance(0.01, relative=True)


def test_the_message_carries_the_whole_arithmetic() -> None:
    found = gate.compare_overall(estimate(-0.0092, 0.003, margin=0.005), GatePolicy())
    assert found.message == (
        "f1 0.7908 vs production 0.8000: difference -0.0092, "
        "bounds [-0.0142, -0.0043] (one-sided 95 %), margin 0.005: fail"
    )


def test_a_ranking_metric_on_a_slice_with_few_of_one_class_is_listed_even_when_it_looks_terrible() -> None:
    auc = replace(estimate(-0.3, 0.01, slice="a=b"), metric=metric_named("roc_auc"), p_adjusted=1e-9, smallest_class=9)
    found = gate.compare_slice(auc, GatePolicy(), 1.0)
    assert (found.verdict, found.reason, found.advisory) == (INCONCLUSIVE, "insufficient", True)
    assert gate.compare_slice(replace(auc, smallest_class=10), GatePolicy(), 1.0).verdict is FAIL


def test_without_slices_nothing_of_the_error_rate_is_divided() -> None:
    wide = estimate(0.0, 0.01)
    assert gate.error_shares([wide], GatePolicy(), sliced=False) == gate.ErrorShares(1.0, 0.0)
    shares = gate.error_shares([wide], GatePolicy(), sliced=True)
    assert shares.overall == gate.OVERALL_SHARE
    assert shares.slices == pytest.approx(1 - gate.OVERALL_SHARE)


def test_what_all_examples_cannot_spend_goes_to_the_slices() -> None:
    narrow = estimate(0.0, 0.01 / 3)  # a margin of three standard errors: 0.00135 of 0.05 can be spent
    assert gate.error_shares([narrow], GatePolicy(), sliced=True).slices == pytest.approx(1 - 0.00135 / 0.05, abs=1e-4)
    both = gate.error_shares([narrow, narrow], GatePolicy(), sliced=True).slices
    assert both == pytest.approx(1 - 2 * 0.00135 / 0.05, abs=1e-4)

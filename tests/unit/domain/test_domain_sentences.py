"""What a finding says: the sentence for every reason, and the words that must not be there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlci.domain import anchor, gate, sentence
from mlci.domain.estimate import Estimate
from mlci.domain.finding import Finding, Reason
from mlci.domain.metric import metric_named
from mlci.domain.policy import GatePolicy
from mlci.domain.verdict import Verdict

PASS, WARN, INCONCLUSIVE, FAIL = Verdict


def estimate(metric: str = "f1", **more: Any) -> Estimate:
    known: dict[str, Any] = {
        "n": 1000, "margin": 0.01, "candidate": 0.88, "baseline": 0.9, "difference": -0.02, "interval": (-0.03, -0.01),
        "p_adjusted": 0.012, "discordant": 40,
    }  # fmt: skip
    return Estimate(metric=metric_named(metric), **{**known, **more})


def finding(verdict: Verdict = PASS, **more: Any) -> Finding:
    known: dict[str, Any] = {"id": "compare:f1", "rule": "compare", "message": "as it is", "metric": "f1"}
    return Finding(**{"verdict": verdict, **known, **more})


def explained(reason: Reason | None, verdict: Verdict = INCONCLUSIVE, **more: Any) -> str:
    return sentence.explanation(estimate(**more), verdict, reason) or ""


def test_a_comparison_without_interval_says_no_bounds() -> None:
    assert sentence.arithmetic(estimate(interval=None), 0.95, WARN) == (
        "f1 0.8800 vs production 0.9000: difference -0.0200, margin 0.01: warn"
    )


def test_a_comparison_names_its_level_and_its_slice() -> None:
    assert sentence.arithmetic(estimate(slice="region=north"), 0.975, FAIL) == (
        "f1 [region=north] 0.8800 vs production 0.9000: difference -0.0200, bounds [-0.0300, -0.0100] "
        "(one-sided 97.5 %), margin 0.01: fail"
    )


def test_a_relative_comparison_speaks_in_per_cent_of_production() -> None:
    text = sentence.arithmetic(estimate("rmse", relative=True, difference=0.0123, interval=(0.0, 0.025)), 0.9, WARN)
    assert text.endswith("difference +1.23 %, bounds [0.00 %, +2.50 %] (one-sided 90 %), margin 1 %: warn")


@pytest.mark.parametrize(
    ("p_value", "words"),
    [(0.00009, "p < 0.0001"), (0.0001, "p = 0.0001"), (0.0123, "p = 0.0123"), (None, "p = 1.0000")],
)
def test_a_regression_says_how_surprising_it_is(p_value: float | None, words: str) -> None:
    text = explained("regression", FAIL, p_adjusted=p_value)
    assert (
        f"the candidate loses 0.0200, more than the accepted 0.01, and so large a loss is not noise ({words})" in text
    )


@pytest.mark.parametrize(("slice", "words"), [(None, "On the holdout "), ("region=north", "On region=north ")])
def test_a_regression_says_where(slice: str | None, words: str) -> None:
    assert explained("regression", FAIL, slice=slice).startswith(words)


def test_a_loss_of_a_cost_is_a_positive_number_too() -> None:
    assert "loses 0.0200" in explained("regression", FAIL, metric="log_loss", difference=0.02)


@pytest.mark.parametrize(("gain", "words"), [(-0.01, "looks acceptable"), (-0.0101, "looks worse"), (0, "acceptable")])
def test_noise_says_how_the_candidate_looks_with_the_margin_itself_acceptable(gain: float, words: str) -> None:
    text = explained("interval", difference=gain)
    assert text.startswith("1 000 examples cannot tell a loss of 0.01 from noise; the candidate ")
    assert words in text


@pytest.mark.parametrize(
    ("needed", "words"),
    [(1001, "About 1 001 examples would decide"), (1000, "More examples, or a wider"), (None, "More examples, or")],
)
def test_examples_are_asked_for_only_where_more_than_these_are_needed(needed: int | None, words: str) -> None:
    assert words in explained("interval", rows_needed=needed)


def test_what_would_decide_is_counted_in_examples_in_labels_and_as_a_tolerance() -> None:
    text = explained("interval", rows_needed=12_366, labels_needed=619, detectable=0.03211)
    assert text.endswith(
        "About 12 366 examples (619 labels, if only those get one on which the models differ) would decide, "
        "or a tolerance of 0.0322 that these examples can show."
    )


def test_a_lone_example_is_one_example() -> None:
    assert explained("interval", n=1).startswith("1 example cannot tell")


def test_too_few_differences_are_named_as_such() -> None:
    assert explained("insufficient").startswith("Too few of the 1 000 examples differ between the two models")


def test_few_groups_and_few_of_a_class_are_named_instead_of_examples() -> None:
    groups = explained("insufficient", clusters=6, discordant=0, difference=0.0, margin=0.05)
    assert groups.startswith("1 000 examples in 6 groups are too few groups")
    assert groups.endswith("at least 20 groups.")
    rare = explained("insufficient", smallest_class=3, discordant=0, difference=0.0, margin=0.05)
    assert rare.startswith("3 of 1 000 examples are of the rarer class")
    assert "without a difference" not in rare


def test_a_candidate_that_no_example_tells_from_the_anchor_has_lost_nothing() -> None:
    same = estimate(interval=None, difference=0.0, discordant=0)
    found = anchor.compare(same, 0.95)
    assert (found.verdict, found.reason) == (Verdict.PASS, "no-difference")
    assert anchor.compare(replace(same, difference=-0.02), 0.95).verdict is INCONCLUSIVE


def test_no_difference_among_few_examples_says_how_many_would_do() -> None:
    text = explained("interval", discordant=0, n=100, difference=0.0, margin=0.007)
    assert text.endswith("About 429 examples without a difference would.")
    assert "noise" not in text


def test_a_tolerance_of_zero_is_explained_by_itself_and_not_by_noise() -> None:
    text = explained("interval", WARN, margin=0.0)
    assert "a tolerance of 0 can only be proved by a candidate that is better" in text
    assert "noise" not in text


def test_few_groups_few_positives_and_the_border_each_say_what_would_help() -> None:
    grouped = explained("clusters", WARN, clusters=12, effective_clusters=6.6)
    assert "come in 12 groups that count as 7 equal ones" in grouped
    assert grouped.endswith("at least 20 groups.")
    assert explained("few-positives", WARN, smallest_class=7).endswith("at least 20 in all.")
    assert explained("few-positives", WARN, metric="roc_auc", smallest_class=7).endswith("at least 10 in all.")
    assert "to the ninth digit" in explained("boundary")


@pytest.mark.parametrize("slice", [None, "region=north"])
def test_a_plain_pass_needs_no_explanation(slice: str | None) -> None:
    assert sentence.explanation(estimate(slice=slice, interval=(-0.01, 0.02)), PASS, None) is None


def test_a_slice_that_passes_for_want_of_harm_says_what_it_could_hide() -> None:
    text = explained(None, PASS, slice="region=north", interval=(-0.0512, 0.02))
    assert text == "No significant harm; a loss of up to 0.0512 cannot be ruled out with 1 000 examples."


@pytest.mark.parametrize(("n", "share"), [(300, "1.00 %"), (2, "100.00 %"), (30_000, "0.01 %"), (7, "42.86 %")])
def test_identical_models_could_differ_on_three_in_n_rounded_up_and_never_on_more_than_all(n: int, share: str) -> None:
    assert f"at most {share} of all examples could differ" in explained("identical", PASS, n=n)


def test_limits_are_worded_by_their_direction() -> None:
    made = estimate(candidate=0.87999, candidate_interval=(0.85, 0.9))
    assert sentence.limit_arithmetic(made, 0.95, 0.88, lower=True) == (
        "f1 0.8799, at least 0.88 asked, bounds [0.8500, 0.9000] (one-sided 95 %)"
    )
    bare = estimate("rmse", candidate=0.12001)
    assert sentence.limit_arithmetic(bare, 0.95, 0.12, lower=False) == "rmse 0.1201, at most 0.12 asked"
    assert "is 0.8799, below the limit of 0.88." in (sentence.limit_explanation(made, 0.88, FAIL, lower=True) or "")
    assert "is 0.1201, above the limit of 0.12." in (sentence.limit_explanation(bare, 0.12, FAIL, lower=False) or "")
    assert "reaches past 0.88" in (sentence.limit_explanation(made, 0.88, INCONCLUSIVE, lower=True) or "")
    assert "to the ninth digit" in (sentence.limit_explanation(made, 0.88, INCONCLUSIVE, "boundary", lower=True) or "")
    assert sentence.limit_explanation(made, 0.88, PASS, lower=True) is None


def test_a_pass_sums_up_what_was_shown_in_one_order() -> None:
    findings = [
        finding(metric="f1"), finding(metric="accuracy", reason="better"), finding(INCONCLUSIVE, metric="brier"),
        finding(slice="a=1"), finding(slice="a=2"), finding(rule="minimum"),
    ]  # fmt: skip
    assert sentence.why_pass(findings, 3) == (
        "no worse than production on f1, accuracy; undecided on brier, which policy accepts; no harm shown in 2 slice "
        "comparisons; 3 slice comparisons with too few examples to judge; 1 absolute limit met"
    )
    assert sentence.why_pass([finding(rule="minimum"), finding(rule="maximum")], 0) == "2 absolute limits met"
    assert sentence.why_pass([], 0) == "everything asked was met"


def test_models_predict_the_same_only_if_every_metric_says_so() -> None:
    same = finding(reason="identical")
    assert sentence.why_pass([same, same], 0) == "the two models predict the same"
    assert sentence.why_pass([same, finding(metric="brier")], 0) == "no worse than production on f1, brier"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"reason": "regression", "slice": "a=1"}, "f1 is worse than production on a=1: -0.0200, margin 0.01"),
        ({"reason": "interval"}, "1 000 examples cannot show that f1 loses no more than 0.01"),
        ({"reason": "insufficient", "slice": "a=1"}, "1 000 examples cannot show that f1 on a=1 loses no more than"),
        ({"reason": "interval", "margin": 0.0}, "no regression of f1 is demonstrated, but a tolerance of 0 cannot"),
        ({"reason": "unverified"}, "f1 changes by -0.0200 (margin 0.01), and no examples show whether that is noise"),
        ({"reason": "regression", "scale": "relative"}, "f1 is worse than production: -2.00 %, margin 1 %"),
        ({"reason": "interval", "rule": "minimum"}, "as it is"),
        ({"reason": "undefined"}, "as it is"),
    ],
)
def test_a_finding_gives_the_verdicts_reason_with_its_figures(more: dict[str, Any], words: str) -> None:
    known = {"n": 1000, "difference": -0.02, "margin": 0.01, "candidate": 0.88, "baseline": 0.9, "better": "higher"}
    assert sentence.why(finding(INCONCLUSIVE, **{**known, **more})).startswith(words)


def test_a_met_limit_of_a_bare_number_never_says_pass() -> None:
    met = gate.threshold(estimate(interval=None), GatePolicy(), 0.88, lower=True)
    assert met.verdict is PASS
    bare = gate.unverified_limit(met, GatePolicy())
    assert (bare.verdict, bare.reason) == (WARN, "unverified")
    assert bare.message == "f1 0.8800, at least 0.88 asked, by a bare number: warn"
    assert gate.unverified_limit(met, GatePolicy(require_predictions=True)).message.endswith("number: fail")
    missed = gate.threshold(estimate(interval=None), GatePolicy(), 0.8801, lower=True)
    assert gate.unverified_limit(missed, GatePolicy()) is missed


def test_the_reason_prefers_the_whole_over_a_slice_and_counts_the_rest() -> None:
    found = [finding(FAIL, reason="undefined", slice="a=1", message="slice"), finding(FAIL, message="whole")]
    assert gate.compose(found, "warn") == (FAIL, "whole (and 1 more)")
    assert gate.compose(found[:1], "warn") == (FAIL, "slice")
    assert gate.compose([], "warn") == (INCONCLUSIVE, "nothing was judged")

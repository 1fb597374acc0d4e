"""Two models on the same examples: bounds, what they rest on, and what the examples could show at all."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.stats.bounds import quantile
from mlci.stats.influence import Score, Undefined, mean_score
from mlci.stats.measure import Outputs, Truth, measure
from mlci.stats.paired import Contrast, Design, Discordance, contrast, discordance_of, own_interval, paired
from mlci.stats.proportions import wilson
from mlci.stats.student import normal_quantile, t_quantile

Z = normal_quantile(0.95)
NOISE = np.random.default_rng(3).normal(size=(2, 40))
NOISY = 1 + 0.1 * np.sin(np.arange(300.0))
VALUES = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=2, max_size=30)


def compared(candidate: Any, baseline: Any, design: Design | None = None, **asked: Any) -> Contrast:
    """Two models by the mean of a quantity, higher being better unless said otherwise."""
    mine, theirs = np.asarray(candidate, dtype=float), np.asarray(baseline, dtype=float)
    design = design or Design(len(mine), 0.95)
    higher = asked.pop("higher_is_better", True)
    gain = mine - theirs if higher else theirs - mine
    scores = mean_score(mine, design.weights), mean_score(theirs, design.weights)
    asked = {"relative": False, "is_share": False, "discordance": discordance_of(gain), **asked}
    return contrast(*scores, design, higher_is_better=higher, **asked)


@settings(deadline=None)
@given(VALUES)
def test_exchanging_the_models_mirrors_every_number(pairs: list[tuple[int, int]]) -> None:
    mine, theirs = zip(*pairs, strict=True)
    one, other = compared(mine, theirs), compared(theirs, mine)
    assert one.difference == pytest.approx(-other.difference)
    assert one.standard_error == pytest.approx(other.standard_error)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), nan_ok=True)
    if one.standard_error > 1e-12:
        assert one.p_worse + other.p_worse == pytest.approx(1)


@settings(deadline=None)
@given(VALUES)
def test_turning_a_gain_into_a_cost_keeps_how_surprising_the_loss_is(pairs: list[tuple[int, int]]) -> None:
    mine, theirs = np.array(pairs, dtype=float).T
    gain, cost = compared(mine, theirs), compared(-mine, -theirs, higher_is_better=False)
    assert cost.p_worse == pytest.approx(gain.p_worse)
    assert (cost.low, cost.high) == pytest.approx((-gain.high, -gain.low), nan_ok=True)


def test_a_mean_is_judged_by_the_paired_t_test() -> None:
    mine, theirs = NOISE
    found = compared(mine, theirs)
    change = mine - theirs
    error = change.std(ddof=1) / math.sqrt(40)
    assert found.standard_error == pytest.approx(error)
    assert found.low == pytest.approx(change.mean() - t_quantile(0.95, 39) * error)
    assert found.high == pytest.approx(change.mean() + t_quantile(0.95, 39) * error)
    assert found.method == "influence function, t"
    assert found.bounded


def test_the_lower_bound_above_zero_and_a_p_below_alpha_are_the_same_statement() -> None:
    mine, theirs = NOISE
    limit = compared(mine, theirs).high
    assert compared(mine - limit, theirs).p_worse == pytest.approx(0.05)


def test_a_ratio_is_bounded_on_the_log_scale_and_follows_no_unit() -> None:
    mine, theirs = 5 + NOISE[0], 6 + NOISE[1]
    one, other = compared(mine, theirs, relative=True), compared(1000 * mine, 1000 * theirs, relative=True)
    assert one.difference == pytest.approx(mine.mean() / theirs.mean() - 1)
    assert (one.low, one.high, one.p_worse) == pytest.approx((other.low, other.high, other.p_worse))
    logarithm = mine / mine.mean() - theirs / theirs.mean()
    assert one.standard_error == pytest.approx((1 + one.difference) * logarithm.std(ddof=1) / math.sqrt(40))
    centre = (1 + one.low) * (1 + one.high)
    assert centre == pytest.approx((1 + one.difference) ** 2)
    assert one.method == "influence function, t on the log ratio"


@pytest.mark.parametrize(("mine", "theirs"), [([0.0, 0.0], [1.0, 2.0]), ([1.0, 2.0], [-1.0, 1.0])])
def test_a_ratio_needs_values_above_zero_on_both_sides(mine: list[float], theirs: list[float]) -> None:
    with pytest.raises(Undefined, match="positive values on both sides"):
        compared(mine, theirs, relative=True)


def test_a_share_of_independent_examples_is_judged_by_tango_and_any_other_design_is_not() -> None:
    mine, theirs = np.tile([1.0, 0.0, 1.0, 1.0], 10), np.tile([1.0, 1.0, 1.0, 0.0], 10)
    groups = np.arange(40) // 2
    weights = np.tile([0.5, 1.5], 20)
    plain = compared(mine, theirs, is_share=True)
    assert plain.method == "Tango score interval, exact McNemar mid-p"
    assert (plain.discordance.gained, plain.discordance.lost, plain.discordance.total) == (10, 10, 20)
    ratio = compared(mine, theirs, is_share=True, relative=True)
    assert ratio.method == "influence function, t on the log ratio, exact McNemar mid-p"
    assert ratio.p_worse == plain.p_worse  # whether it is worse at all is one question on either scale
    weighted = compared(mine, theirs, Design(40, 0.95, weights=weights), is_share=True)
    assert weighted.method == "influence function, t"
    clustered = compared(mine, theirs, Design(40, 0.95, clusters=groups, groups=20), is_share=True)
    assert clustered.method == "clustered influence function, t"


def test_a_column_of_ones_and_zeros_is_judged_as_the_share_that_it_is() -> None:
    production = np.array([1.0] * 280 + [0.0] * 20)
    candidate = production.copy()
    candidate[:3], candidate[-1] = 0.0, 1.0
    share = compared(candidate, production, is_share=True)
    assert compared(candidate, production) == share
    assert "Tango" in share.method
    wrong = compared(1 - candidate, 1 - production, higher_is_better=False)
    assert (wrong.low, wrong.high, wrong.p_worse) == pytest.approx((-share.high, -share.low, share.p_worse))
    for other in (compared(candidate / 2, production / 2), compared(candidate, production, Design(300, 0.95, NOISY))):
        assert "Tango" not in other.method


@pytest.mark.parametrize(("n", "margin"), [(300, 0.01), (400, 0.01), (500, 0.01), (1000, 0.003), (1000, 0.008)])
@pytest.mark.parametrize("step", [1.0, 0.5])
def test_a_loss_of_the_margin_on_few_examples_is_seldom_taken_for_none(n: int, margin: float, step: float) -> None:
    production = np.ones(n)
    passed = 0.0
    for lost in range(1, round(n * margin) + 1):
        candidate = np.where(np.arange(n) < lost, 1.0 - step, 1.0)
        if compared(candidate, production).low > -margin * step:
            passed += math.comb(n, lost) * margin**lost * (1 - margin) ** (n - lost)
    # Wald's bound passes up to one in five. Where no example differs the rule of three decides.
    assert passed < (0.05 if step == 1.0 else 0.11)


def test_wrong_answers_are_bounded_as_right_ones_the_other_way_round() -> None:
    truth = Truth(codes=np.tile([0, 1], 60), classes=2, positive=1)
    random = np.random.default_rng(3)
    mine, theirs = (Outputs(labels=np.where(random.random(120) < 0.8, truth.codes, 1 - truth.codes)) for _ in range(2))

    def judged(name: str, higher: bool) -> Contrast:
        both = [measure(name, truth, outputs) for outputs in (mine, theirs)]
        found = discordance_of(both[0].goodness - both[1].goodness)
        return contrast(
            both[0].score, both[1].score, Design(120, 0.95), higher_is_better=higher, relative=False, is_share=True,
            discordance=found,
        )  # fmt: skip

    right, wrong = judged("accuracy", True), judged("error_rate", False)
    assert (wrong.low, wrong.high) == pytest.approx((-right.high, -right.low), abs=1e-12)
    assert (wrong.p_worse, wrong.discordance) == (right.p_worse, right.discordance)
    assert wrong.difference == pytest.approx(-right.difference, abs=1e-15)


@pytest.mark.parametrize(("n", "bounded", "p_worse"), [(3, False, 2**-4), (4, True, 2**-5), (9, True, 2**-10)])
def test_the_same_loss_on_every_example_is_bounded_once_the_sign_test_can_show_it(
    n: int, bounded: bool, p_worse: float
) -> None:
    found = compared([1.0] * n, [1.5] * n)
    assert found.bounded is bounded
    assert found.p_worse == pytest.approx(p_worse)
    assert found.method == "no spread; exact sign test"
    assert not bounded or (found.low, found.high) == (-0.5, -0.5)


def test_the_same_gain_on_every_example_is_bounded_and_no_loss() -> None:
    found = compared([1.5] * 6, [1.0] * 6)
    assert (found.low, found.high) == (0.5, 0.5)
    assert found.p_worse > 0.95


def test_what_differs_without_weight_or_in_one_group_is_no_proof_that_nothing_was_lost() -> None:
    production = np.ones(400)
    candidate = np.where(np.arange(400) < 60, 0.0, 1.0)
    weighed = compared(candidate, production, Design(400, 0.95, np.where(np.arange(400) < 390, 0.0, 40.0)))
    assert not weighed.bounded
    assert weighed.p_worse == 1.0
    groups = np.arange(400) // 150
    alike = compared(production - 0.5, production, Design(400, 0.95, clusters=groups, groups=3))
    assert not alike.bounded  # three groups cannot be surprising
    assert compared(production - 0.5, production).bounded


def test_no_example_that_differs_gives_no_bound_and_no_suspicion() -> None:
    found = compared([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (found.difference, found.p_worse, found.bounded) == (0.0, 1.0, False)
    assert found.method == "no example differs; rule of three"


def test_one_example_or_one_group_has_no_error_and_accuses_nobody() -> None:
    alone = compared([1.0], [9.0])
    grouped = compared([1.0, 2.0], [9.0, 7.0], Design(2, 0.95, clusters=np.zeros(2, dtype=int), groups=1))
    for found in (alone, grouped):
        assert (found.p_worse, found.bounded) == (1.0, False)
        assert found.method == "too few examples for a standard error"


def test_weights_that_lean_on_few_examples_widen_the_bounds() -> None:
    weights = np.where(np.arange(40) < 4, 8.2, 0.2)
    design = Design(40, 0.95, weights=weights)
    assert design.size == pytest.approx(40**2 / (weights @ weights))
    assert quantile(design.confidence, design.size) > t_quantile(0.95, 39)
    found = compared(*NOISE, design)
    assert found.high - found.low == pytest.approx(2 * t_quantile(0.95, design.size - 1) * found.standard_error)


def test_groups_count_by_what_they_carry_and_equal_ones_in_full() -> None:
    design = Design(40, 0.95, clusters=np.arange(40) // 4, groups=10)
    assert design.size_for(np.ones(40)) == pytest.approx(10)
    assert design.size_for(np.where(np.arange(40) < 4, 1.0, 0.0)) == pytest.approx(1)
    assert design.size_for(np.zeros(40)) == 10


def test_the_detectable_loss_is_that_of_eighty_per_cent_power_and_grows_with_confidence() -> None:
    found = compared(*NOISE)
    assert found.detectable(0.95) == pytest.approx(2.4864748605243863 * found.standard_error)
    assert found.detectable(0.99) > found.detectable(0.95) > found.detectable(0.8)


def test_half_the_margin_needs_four_times_the_examples() -> None:
    found = compared(*NOISE)
    detectable = found.detectable(0.95)
    assert found.rows_needed(0.95, detectable * (1 + 1e-9)) == 40
    assert found.rows_needed(0.95, detectable / 2 * (1 + 1e-9)) == 160
    assert found.rows_needed(0.95, detectable * 0.999) == 41


def test_no_number_of_examples_is_promised_where_none_answers() -> None:
    found = compared(*NOISE)
    assert found.rows_needed(0.95, 0.0) is None
    assert found.rows_needed(0.95, found.detectable(0.95) * 1e-5) is None
    assert compared([1.0, 2.0], [1.0, 2.0]).rows_needed(0.95, 0.01) is None


def test_disagreement_is_counted_by_direction_and_ties_and_absent_values_are_none() -> None:
    found = discordance_of(np.array([0.5, -1.0, 0.0, np.nan, 2.0]))
    assert found == Discordance(gained=2, lost=1)
    assert found.total == 3


def test_a_share_has_wilsons_interval_unless_examples_are_weighted() -> None:
    right = np.array([1.0] * 18 + [0.0] * 2)
    assert own_interval(mean_score(right), Design(20, 0.95), is_share=True) == wilson(18, 20, Z)
    weights = np.tile([0.5, 1.5], 10)
    weighted = own_interval(mean_score(right, weights), Design(20, 0.95, weights=weights), is_share=True)
    assert weighted is not None
    assert weighted != wilson(18, 20, Z)


def test_a_perfect_score_leaves_the_room_wilson_leaves_and_no_bound_passes_the_metrics_own() -> None:
    perfect = Score(1.0, np.zeros(50))
    low, high = own_interval(perfect, Design(50, 0.95), is_share=False, low=0.0, high=1.0) or (0.0, 0.0)
    assert high == 1.0
    assert low == pytest.approx(wilson(50, 50, Z)[0])
    fewer = own_interval(perfect, Design(50, 0.95), is_share=False, support=7, low=0.0, high=1.0)
    assert fewer == pytest.approx((wilson(7, 7, Z)[0], 1.0))
    more = own_interval(perfect, Design(50, 0.95), is_share=False, support=70, low=0.0, high=1.0)
    assert more == (low, high)


def test_a_score_without_spread_on_an_open_scale_has_no_interval() -> None:
    assert own_interval(Score(0.0, np.zeros(50)), Design(50, 0.95), is_share=False, low=0.0) is None


def test_an_interval_stops_where_the_metric_does() -> None:
    score = Score(0.97, np.tile([0.9, -0.9], 5))
    low, high = own_interval(score, Design(10, 0.95), is_share=False, low=0.5, high=1.0) or (0.0, 0.0)
    assert (low, high) == (0.5, 1.0)


def test_one_example_has_no_interval() -> None:
    assert own_interval(Score(0.5, np.zeros(1)), Design(1, 0.95), is_share=False, high=1.0) is None


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("confidence", [0.6, 0.95, 0.999])
def test_the_numbers_alone_say_at_any_level_and_on_either_scale_what_the_examples_say(
    confidence: float, relative: bool
) -> None:
    mine, theirs = 5 + NOISE[0], 6 + NOISE[1]
    design = Design(40, 0.95, weights=np.tile([0.5, 1.5], 20))
    counts = discordance_of(mine - theirs)
    numbers = paired(mean_score(mine, design.weights), mean_score(theirs, design.weights), design, counts)
    again = numbers.contrast(confidence, higher_is_better=True, relative=relative, is_share=False)
    other = Design(40, confidence, weights=design.weights)
    assert again == compared(mine, theirs, other, relative=relative)


def test_an_error_too_large_for_a_number_is_written_as_one_and_refused() -> None:
    huge = Score(1e308, np.array([1e308, -1e308])), Score(1e307, np.array([-1e308, 1e308]))
    numbers = paired(*huge, Design(2, 0.95), Discordance(1, 1))
    assert math.isfinite(numbers.plain_error)
    with pytest.raises(Undefined, match="too large to compare"):
        numbers.contrast(0.95, higher_is_better=True, relative=False, is_share=False)

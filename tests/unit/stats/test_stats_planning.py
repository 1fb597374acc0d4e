"""Rows that an answer takes: the design's tables, R's power functions, and what ease.ml/ci has published."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlci.stats.planning import (
    Looks,
    auc_error,
    bennett,
    bennett_labels,
    detectable,
    hoeffding,
    normal_difference,
    normal_share,
    reach,
    rows_for,
    rows_for_auc,
    rows_for_mean,
    whole,
)

REACH = reach(0.05, 0.8)
ROWS = {
    0.02: (30_913, 4_947, 1_237, 310),
    0.05: (77_282, 12_366, 3_092, 773),
    0.1: (154_564, 24_731, 6_183, 1_546),
    0.2: (309_128, 49_461, 12_366, 3_092),
}
DETECTABLE = {
    0.02: (1.57, 1.11, 0.50, 0.35, 0.16),
    0.05: (2.49, 1.76, 0.79, 0.56, 0.25),
    0.1: (3.52, 2.49, 1.11, 0.79, 0.35),
    0.2: (4.97, 3.52, 1.57, 1.11, 0.50),
}
# The grid of the paper's Figure 2, 32 looks: by reliability and margin, one share and the difference of two.
MARGINS = (0.1, 0.05, 0.025, 0.01)
FIGURE_2 = {
    0.99: ((404, 1_615, 6_457, 40_355), (1_340, 5_358, 21_429, 133_930),
           (1_753, 7_012, 28_045, 175_282), (5_496, 21_984, 87_933, 549_581)),
    0.999: ((519, 2_075, 8_299, 51_868), (1_455, 5_818, 23_271, 145_443),
            (2_214, 8_854, 35_414, 221_333), (5_957, 23_826, 95_302, 595_633)),
    0.9999: ((634, 2_536, 10_141, 63_381), (1_570, 6_279, 25_113, 156_956),
             (2_674, 10_696, 42_782, 267_385), (6_417, 25_668, 102_670, 641_684)),
    0.99999: ((749, 2_996, 11_983, 74_894), (1_685, 6_739, 26_955, 168_469),
              (3_135, 12_538, 50_150, 313_437), (6_878, 27_510, 110_038, 687_736)),
}  # fmt: skip


@pytest.mark.parametrize("discordance", ROWS)
def test_rows_needed_are_those_of_the_table(discordance: float) -> None:
    needed = [whole(rows_for(math.sqrt(discordance), margin, REACH)) for margin in (0.002, 0.005, 0.01, 0.02)]

    assert tuple(needed) == ROWS[discordance]


@pytest.mark.parametrize("discordance", DETECTABLE)
def test_detectable_losses_are_those_of_the_table(discordance: float) -> None:
    shown = [100 * detectable(math.sqrt(discordance), rows, REACH) for rows in (500, 1_000, 5_000, 10_000, 50_000)]

    assert shown == pytest.approx(DETECTABLE[discordance], abs=0.005)


def test_labels_of_disagreements_alone_are_rows_times_discordance() -> None:
    assert whole(0.1 * rows_for(math.sqrt(0.1), 0.01, REACH)) == 619
    assert whole(0.05 * rows_for(math.sqrt(0.05), 0.005, REACH)) == 619


@pytest.mark.parametrize("reliability", FIGURE_2)
def test_figure_2_of_ease_ml_ci_is_reproduced(reliability: float) -> None:
    none, full = Looks(32), Looks(32, "full")
    columns = [
        tuple(whole(hoeffding(margin, 1 - reliability, looks, variables=variables)) for margin in MARGINS)
        for variables, looks in ((1, none), (1, full), (2, none), (2, full))
    ]

    assert tuple(columns) == FIGURE_2[reliability]


def test_published_sample_sizes_of_ease_ml_ci_are_reproduced() -> None:
    none, full = Looks(32), Looks(32, "full")

    assert hoeffding(0.01, 1e-4, Looks()) == pytest.approx(46_051.7, abs=0.05)  # "46K"
    assert hoeffding(0.01, 1e-4, none) == pytest.approx(63_380.4, abs=0.05)  # "63K"
    assert hoeffding(0.01, 1e-4, full) == pytest.approx(156_955.25, abs=0.01)  # 156,955
    assert hoeffding(0.05, 1e-4, full) == pytest.approx(6_278.2, abs=0.05)  # 6,279
    assert bennett(0.01, 1e-4, none, 0.1) == pytest.approx(29_047.3, abs=0.05)  # "29K"
    assert bennett(0.01, 1e-4, full, 0.1) == pytest.approx(67_705.03, abs=0.01)  # "67K"
    assert bennett_labels(0.01, 1e-4, 0.1) == pytest.approx(2_188.85, abs=0.005)  # 2,188 per commit
    assert hoeffding(0.02, 0.002, Looks(7), variables=2) == pytest.approx(44_268.33, abs=0.01)  # SemEval, 44,268
    assert hoeffding(0.02, 0.002, Looks(7, "full"), variables=2) == pytest.approx(58_798.93, abs=0.01)  # "58K"
    assert whole(hoeffding(0.1, 0.01, full, variables=2)) == 5_496


def test_the_normal_distribution_asks_for_less_than_the_bounds() -> None:
    assert normal_difference(0.01, 1e-4, Looks(32), 0.1) == pytest.approx(23_100, rel=0.005)
    assert normal_difference(0.01, 1e-4, Looks(32, "full"), 0.1) == pytest.approx(59_600, rel=0.005)
    assert 0.1 * normal_difference(0.01, 1e-4, Looks(), 0.1) == pytest.approx(1_645, rel=0.005)
    assert normal_share(0.01, 1e-4, Looks()) < hoeffding(0.01, 1e-4, Looks())


def test_means_have_the_power_that_r_gives_a_paired_t_test() -> None:
    # power.t.test(delta = 0.01, sd = 0.25, power = 0.8, type = "paired", alternative = "one.sided")
    assert rows_for_mean(0.25, 0.01, 0.05, 0.8) == pytest.approx(3_865.4514, abs=0.01)


def test_first_change_costs_what_none_does_and_full_what_all_histories_do() -> None:
    assert Looks(32, "first-change").logarithm == Looks(32).logarithm == math.log(32)
    assert Looks(32).share(0.05) == pytest.approx(0.05 / 32)
    assert Looks(32, "full").share(0.05) == pytest.approx(0.05 / 2**32)
    assert math.isfinite(normal_difference(0.01, 1e-5, Looks(1000, "full"), 0.1))


def test_the_error_of_an_auc_is_hanley_and_mcneils() -> None:
    by_hand = (0.7 * 0.3 + 49 * (0.7 / 1.3 - 0.49) + 49 * (0.98 / 1.7 - 0.49)) / 2500
    assert auc_error(0.7, 50, 50, 0.5) == pytest.approx(math.sqrt(by_hand))
    assert auc_error(0.7, 50, 50, 0.0) == pytest.approx(math.sqrt(2) * auc_error(0.7, 50, 50, 0.5))


@given(st.floats(0.55, 0.99), st.floats(0.01, 0.99), st.floats(0.0, 0.95), st.floats(0.001, 0.2))
def test_the_rows_that_an_auc_needs_can_just_show_the_margin(auc: float, share: float, r: float, margin: float) -> None:
    rows = rows_for_auc(auc, share, r, margin, REACH)

    assert REACH * auc_error(auc, share * rows, (1 - share) * rows, r) <= margin * (1 + 1e-9)
    if rows > 1.01 / min(share, 1 - share):
        assert REACH * auc_error(auc, share * rows * 0.99, (1 - share) * rows * 0.99, r) > margin


@given(st.floats(0.001, 1.0), st.floats(0.0005, 0.5), st.floats(0.5, 0.99))
def test_rows_and_detectable_loss_are_each_others_inverse(discordance: float, margin: float, power: float) -> None:
    far = reach(0.05, power)
    rows = rows_for(math.sqrt(discordance), margin, far)

    assert detectable(math.sqrt(discordance), rows, far) == pytest.approx(margin)

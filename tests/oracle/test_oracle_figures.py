"""Agreement with R, its packages and published figures.

The figures are R 4.2.2's (pROC 1.18.0, boot 1.3-28.1, sandwich, stats) on the data set of ``minstd``, or from the paper
that is named. They stand here as literals, so agreement is tested anywhere; the complete oracle file, where there is
one, is compared with them and with us.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from minstd import examples, outputs, probabilities, truth, uniforms
from scipy import stats
from sklearn.metrics import average_precision_score

from mlci.stats.influence import standard_error
from mlci.stats.measure import Measured, measure
from mlci.stats.multiplicity import holm
from mlci.stats.paired import Contrast, Design, contrast, discordance_of
from mlci.stats.planning import Looks, bennett, bennett_labels, hoeffding, whole
from mlci.stats.proportions import tango, tango_statistic, wilson
from mlci.stats.student import normal_quantile, sign_test, t_quantile, t_tail

# R prints 15 significant digits; what both sides compute in closed form agrees to 12.
CLOSED = 1e-12
# boot::empinf differentiates numerically.
NUMERIC_IN_R = 1e-4

DELONG = {
    "auc_a": 0.908353858784893, "auc_b": 0.935036945812808, "var_a": 0.000369042117197452,
    "var_b": 0.000254136491535228, "cov": 0.000231941510136125, "se_diff": 0.0126212356154391,
    "Z_b_minus_a": 2.11414221562222, "p_two_sided": 0.0345031224755917,
    "ci95": [0.00194591978125961, 0.0514202542745695], "NI_z_margin_0.02": 3.69877311939321,
}  # fmt: skip
ACCURACY = {
    "diff": 0.04, "a_right_b_wrong": 11, "a_wrong_b_right": 19, "exact_two_sided_p": 0.200488422065973,
    "exact_one_sided_b_worse_p": 0.950631426647305, "se_HC0": 0.0272396769437525, "se_HC1": 0.0273080325768094,
    "tango_z_margin_0.005": 1.63643024598313, "tango_ci90": [-0.005241337149156855, 0.08698650848427313],
    "tango_ci95": [-0.0144032181866501, 0.09673675070201913], "NFR": 0.055,
    "NFR_wilson95": [0.0309853417034588, 0.0957869987723084],
}  # fmt: skip
INFLUENCE = {"f1": [0.0401495625657966, 0.0327788019220368], "precision": [0.069843633655994, 0.0402142433064707]}
AVERAGE_PRECISION = {"a": 0.8907412554335733, "b": 0.9234140951062112, "se_diff_influence_own": 0.015060522258837876}
LOG_LOSS = {"mean": 0.0278017992951541, "t": 2.35351796726796, "ci95": [0.00450733508263131, 0.051096263507677]}
# Benjamini and Hochberg 1995, J. R. Statist. Soc. B 57:289, table 1; adjusted by stats::p.adjust.
BH1995 = [
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.324,
    0.4262,
    0.5719,
    0.6528,
    0.759,
    1.0,
]
HOLM = [0.0015, 0.0056, 0.0247, 0.114, 0.2211, 0.278, 0.278, 0.278, 0.3213, 1, 1, 1, 1, 1, 1]
# Table, and stats::binom.test's two-sided p of its discordant cells; the second is Agresti's approval ratings.
MCNEMAR = [([[101, 121], [59, 33]], 4.43444926375516e-06), ([[794, 150], [86, 570]], 3.71593613957e-05)]
TANGO_12_2_50 = [0.061112404953388245, 0.3447087494789141]
WILSON_8_10 = [0.490162471537, 0.943317848546]


def measured(name: str, model: str, as_probabilities: bool = False) -> Measured:
    _, production, candidate = examples()
    scores = {"a": production, "b": candidate}[model]
    return measure(name, truth(), probabilities(scores) if as_probabilities else outputs(scores))


def compared(
    name: str, *, share: bool = False, confidence: float = 0.975, clusters: Any = None, **how: bool
) -> Contrast:
    mine, production = (measured(name, model, **how) for model in ("b", "a"))
    groups = None if clusters is None else int(clusters.max()) + 1
    return contrast(
        mine.score, production.score, Design(200, confidence, None, clusters, groups), higher_is_better=True,
        relative=False, is_share=share, discordance=discordance_of(mine.goodness - production.goodness),
    )  # fmt: skip


def test_the_data_set_is_the_one_the_figures_are_of() -> None:
    assert uniforms()[:4] == pytest.approx([0.0966165285076092, 0.83399462738726, 0.94770249768519, 0.0358785949814499])
    y, production, candidate = examples()
    assert y.sum() == 84
    cells = np.bincount(4 * y + 2 * (production > 0.75) + (candidate > 0.75), minlength=8)
    assert cells.tolist() == [90, 5, 12, 9, 13, 7, 6, 58]


def test_auc_its_variances_and_their_covariance_are_delongs() -> None:
    production, candidate = measured("roc_auc", "a").score, measured("roc_auc", "b").score
    assert production.value == pytest.approx(DELONG["auc_a"], rel=CLOSED)
    assert candidate.value == pytest.approx(DELONG["auc_b"], rel=CLOSED)
    variances = [standard_error(score.influence, positives=score.positives) ** 2 for score in (production, candidate)]
    assert variances == pytest.approx([DELONG["var_a"], DELONG["var_b"]], rel=CLOSED)
    error = compared("roc_auc").standard_error
    assert (variances[0] + variances[1] - error**2) / 2 == pytest.approx(DELONG["cov"], rel=CLOSED)


def test_auc_difference_is_delongs_paired_test() -> None:
    result = compared("roc_auc")
    assert result.standard_error == pytest.approx(DELONG["se_diff"], rel=CLOSED)
    assert result.difference / result.standard_error == pytest.approx(DELONG["Z_b_minus_a"], rel=CLOSED)
    assert (result.difference + 0.02) / result.standard_error == pytest.approx(DELONG["NI_z_margin_0.02"], rel=CLOSED)
    # DeLong takes the normal quantile, we Student's: the same interval, a little wider.
    half = (DELONG["ci95"][1] - DELONG["ci95"][0]) / 2
    widening = (result.high - result.low) / (2 * half)
    assert 1 < t_quantile(0.975, 199) / normal_quantile(0.975) < widening < 1.02
    half *= widening
    assert (result.low, result.high) == pytest.approx((result.difference - half, result.difference + half), rel=1e-10)


def test_accuracy_difference_has_sandwich_hc1_error() -> None:
    result = compared("accuracy", share=True)
    assert result.difference == pytest.approx(ACCURACY["diff"], abs=1e-15)
    assert result.standard_error == pytest.approx(ACCURACY["se_HC1"], rel=CLOSED)
    assert result.standard_error * math.sqrt(199 / 200) == pytest.approx(ACCURACY["se_HC0"], rel=CLOSED)
    assert (result.discordance.gained, result.discordance.lost) == (
        ACCURACY["a_wrong_b_right"],
        ACCURACY["a_right_b_wrong"],
    )


def test_accuracy_interval_and_statistic_are_tangos() -> None:
    wide, narrow = compared("accuracy", share=True), compared("accuracy", share=True, confidence=0.95)
    assert (wide.low, wide.high) == pytest.approx(ACCURACY["tango_ci95"], abs=1e-9)
    assert (narrow.low, narrow.high) == pytest.approx(ACCURACY["tango_ci90"], abs=1e-9)
    assert tango_statistic(19, 11, 200, -0.005) == pytest.approx(ACCURACY["tango_z_margin_0.005"], rel=CLOSED)
    assert tango(12, 2, 50, normal_quantile(0.975)) == pytest.approx(TANGO_12_2_50, abs=2e-9)


def test_tango_bounds_are_where_the_statistic_reaches_the_quantile() -> None:
    for gained, lost, n in ((0, 0, 30), (5, 0, 30), (0, 5, 30), (7, 9, 100), (30, 0, 30), (0, 30, 30), (1, 0, 1)):
        low, high = tango(gained, lost, n, 1.6448536269514722)
        assert -1 <= low <= (gained - lost) / n <= high <= 1
        if low > -1:
            assert tango_statistic(gained, lost, n, low) == pytest.approx(1.6448536269514722, abs=1e-6)
        if high < 1:
            assert tango_statistic(gained, lost, n, high) == pytest.approx(-1.6448536269514722, abs=1e-6)


def test_one_sided_mcnemar_mid_p_is_the_exact_p_less_half_the_point() -> None:
    mid_p = compared("accuracy", share=True).p_worse
    exact = stats.binom.sf(10, 30, 0.5)
    assert exact == pytest.approx(ACCURACY["exact_one_sided_b_worse_p"], rel=CLOSED)
    assert mid_p == pytest.approx(exact - 0.5 * stats.binom.pmf(11, 30, 0.5), rel=1e-11)


@pytest.mark.parametrize(("table", "two_sided"), MCNEMAR)
def test_published_mcnemar_tables_have_their_exact_p(table: list[list[int]], two_sided: float) -> None:
    more, fewer = max(table[0][1], table[1][0]), min(table[0][1], table[1][0])
    point = stats.binom.pmf(more, more + fewer, 0.5)
    assert 2 * (sign_test(more, fewer) + 0.5 * point) == pytest.approx(two_sided, rel=1e-9)


def test_wilsons_interval_is_rs() -> None:
    assert wilson(8, 10, normal_quantile(0.975)) == pytest.approx(WILSON_8_10, abs=1e-11)
    assert wilson(11, 200, normal_quantile(0.975)) == pytest.approx(ACCURACY["NFR_wilson95"], abs=1e-12)


def test_holms_adjustment_is_rs_and_keeps_the_order_given() -> None:
    assert holm(BH1995) == pytest.approx(HOLM, abs=1e-12)
    shuffled = np.random.default_rng(1).permutation(15)
    assert holm([BH1995[index] for index in shuffled]) == pytest.approx([HOLM[index] for index in shuffled], abs=1e-12)
    assert holm([]) == []


@pytest.mark.parametrize("name", ["f1", "precision"])
def test_differences_of_label_metrics_have_the_empirical_influence_error_of_boot(name: str) -> None:
    result = compared(name)
    difference, error = INFLUENCE[name]
    assert result.difference == pytest.approx(difference, rel=1e-12)
    # R's is with divisor n, ours with n - 1.
    assert result.standard_error * math.sqrt(199 / 200) == pytest.approx(error, rel=NUMERIC_IN_R)


def test_log_loss_difference_is_the_paired_t_test() -> None:
    result = compared("log_loss", as_probabilities=True)
    assert result.difference == pytest.approx(LOG_LOSS["mean"], rel=CLOSED)
    assert result.difference / result.standard_error == pytest.approx(LOG_LOSS["t"], rel=CLOSED)
    assert (result.low, result.high) == pytest.approx(LOG_LOSS["ci95"], rel=1e-10)


def test_average_precision_is_scikit_learns_and_its_error_the_stored_one() -> None:
    result = compared("pr_auc")
    assert (result.baseline, result.candidate) == pytest.approx(
        (AVERAGE_PRECISION["a"], AVERAGE_PRECISION["b"]), rel=CLOSED
    )
    y, production, _ = examples()
    assert result.baseline == pytest.approx(average_precision_score(y, production), rel=CLOSED)
    assert result.standard_error == pytest.approx(AVERAGE_PRECISION["se_diff_influence_own"], rel=0.003)


def test_clustered_error_is_that_of_the_cluster_sums() -> None:
    clusters = np.repeat(np.arange(40), 5)
    y, production, candidate = examples()
    gain = ((candidate > 0.75) == y).astype(float) - ((production > 0.75) == y)
    sums = np.bincount(clusters, weights=gain - gain.mean())
    # sandwich::vcovCL type HC0 with cadjust: G/(G-1) times the sum of squared cluster sums.
    expected = math.sqrt((sums**2).sum() * 40 / 39) / 200
    assert compared("accuracy", share=True, clusters=clusters).standard_error == pytest.approx(expected, rel=CLOSED)


@pytest.mark.parametrize("freedom", [1, 1.5, 2, 3, 7.3, 30, 199, 12_345, 999_999])
@pytest.mark.parametrize("probability", [0.5001, 0.6, 0.9, 0.95, 0.975, 0.999, 0.9999999])
def test_students_quantiles_are_scipys(probability: float, freedom: float) -> None:
    # In standard errors; with a million degrees of freedom the logarithms of the gamma function cancel nine digits.
    assert t_quantile(probability, freedom) == pytest.approx(stats.t.ppf(probability, freedom), rel=1e-9, abs=1e-7)
    assert t_quantile(1 - probability, freedom) == pytest.approx(-t_quantile(probability, freedom), rel=1e-8)


@pytest.mark.parametrize("freedom", [1, 2, 4.5, 40, 5000, 900_000])
@pytest.mark.parametrize("x", [-30.0, -2.0, -0.3, 0.0, 0.01, 1.0, 6.0, 30.0])
def test_students_tails_are_scipys(x: float, freedom: float) -> None:
    assert t_tail(x, freedom) == pytest.approx(stats.t.sf(x, freedom), rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("x", [-3.0, 0.0, 1.0, 3.0])
def test_above_a_million_degrees_of_freedom_the_normal_tail_serves(x: float) -> None:
    assert t_tail(x, 1_000_000) == pytest.approx(stats.t.sf(x, 1_000_000), rel=5e-5)
    assert t_quantile(0.95, 1e6) == pytest.approx(stats.t.ppf(0.95, 1e6), abs=2e-6)


@pytest.mark.parametrize(
    ("worse", "better"), [(0, 1), (1, 0), (3, 3), (12, 2), (2, 12), (60, 41), (900, 1000), (50_000, 49_000)]
)
def test_sign_test_is_scipys_binomial_with_half_the_point(worse: int, better: int) -> None:
    exact = stats.binomtest(worse, worse + better, 0.5, alternative="greater").pvalue
    expected = exact - 0.5 * stats.binom.pmf(worse, worse + better, 0.5)
    assert sign_test(worse, better) == pytest.approx(expected, rel=1e-8, abs=1e-300)


def test_no_discordant_example_is_no_surprise_at_all() -> None:
    assert sign_test(0, 0) == 1.0


@pytest.fixture(scope="module")
def oracle() -> dict[str, Any]:
    folder = os.environ.get("MLCI_ORACLES", str(Path(__file__).parents[2] / ".." / "shared" / "oracles"))
    file = Path(folder) / "gate.json"
    if not file.is_file():
        pytest.skip(f"there is no {file.name}; MLCI_ORACLES names the folder it is in")
    return dict(json.loads(file.read_text()))


def test_the_literals_are_those_of_the_oracle_file(oracle: dict[str, Any]) -> None:
    data = oracle["dataset_minstd200"]
    pairs = (
        (DELONG, data["delong"]), (ACCURACY, data["accuracy"]), (INFLUENCE, data["influence_se"]),
        (AVERAGE_PRECISION, data["average_precision_sklearn"]), (LOG_LOSS, data["logloss_diff_t"]),
    )  # fmt: skip
    for ours, theirs in pairs:
        assert ours == {name: theirs[name] for name in ours}
    assert oracle["p_adjust_BH1995"]["p"] == BH1995
    assert oracle["p_adjust_BH1995"]["holm"] == HOLM
    assert oracle["tango_12_2_n50_ci95"] == TANGO_12_2_50
    assert oracle["intervals_8_of_10"]["wilson95"] == WILSON_8_10
    assert [each["table"] for each in oracle["mcnemar"] if "exact_p" in each] == [table for table, _ in MCNEMAR]


def test_rows_needed_follow_the_published_power_of_a_paired_t_test(oracle: dict[str, Any]) -> None:
    """power.t.test(delta = 0.01, sd = 0.25, one-sided, paired) for 80 %; ours is its large-sample form."""
    psi = np.tile([0.25, -0.25], 500)
    from mlci.stats.influence import Score

    result = contrast(
        Score(0.5, psi), Score(0.5, np.zeros(1000)), Design(1000, 0.95), higher_is_better=True, relative=False,
        is_share=False, discordance=discordance_of(psi),
    )  # fmt: skip
    expected = oracle["power"]["paired_t_one_sided_d.01_sd.25_.8"]
    assert result.rows_needed(0.95, 0.01) == pytest.approx(expected, rel=0.002)


def test_sample_sizes_are_those_that_ease_ml_ci_has_published(oracle: dict[str, Any]) -> None:
    none, full = Looks(32), Looks(32, "full")
    assert oracle["easeml_ci"] | {"cite": ""} == {
        "single_hoeffding_eps.01_delta1e-4": pytest.approx(hoeffding(0.01, 1e-4, Looks()), abs=0.05),
        "H32_none": pytest.approx(hoeffding(0.01, 1e-4, none), abs=0.01),
        "H32_full": pytest.approx(hoeffding(0.01, 1e-4, full), abs=0.01),
        "H32_full_eps.05": pytest.approx(hoeffding(0.05, 1e-4, full), abs=0.05),
        "bennett_p.1_none": pytest.approx(bennett(0.01, 1e-4, none, 0.1), abs=0.05),
        "bennett_full": pytest.approx(bennett(0.01, 1e-4, full, 0.1), abs=0.01),
        "active_labels_per_commit": pytest.approx(bennett_labels(0.01, 1e-4, 0.1), abs=0.01),
        "semeval_hoeffding_eps.02_delta.002_H7": pytest.approx(hoeffding(0.02, 0.002, Looks(7), variables=2), abs=0.01),
        "semeval_full": pytest.approx(hoeffding(0.02, 0.002, Looks(7, "full"), variables=2), abs=0.01),
        "repo_notebook_n-o_eps.1_rel.99_full_steps32": whole(hoeffding(0.1, 0.01, full, variables=2)),
        "cite": "",
    }

"""Agreement of metrics and errors with statsmodels, scipy, R's boot and published tables, figure by figure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from minstd import examples, outputs, probabilities, truth
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa

from mlci.stats.influence import ratio_score, standard_error
from mlci.stats.measure import Outputs, Truth, measure
from mlci.stats.proportions import tango_statistic
from mlci.stats.student import normal_tail

# boot::city (R): populations of ten cities in 1920 and 1930, and the ratio of their sums.
CITY_1920 = [138, 93, 61, 179, 48, 37, 29, 23, 30, 2]
CITY_1930 = [143, 104, 69, 260, 75, 63, 50, 48, 111, 50]
CITY_RATIO = 1.5203125
# Agresti's approval ratings and the data set of ``minstd``: McNemar's statistic without correction, and its p-value.
APPROVAL = (150, 86, 1600, 17.3559322034)
MINSTD_P = 0.144127034816016
CLUSTERS = np.repeat(np.arange(40), 5)
WEIGHTS = np.tile([0.5, 1.0, 1.5, 2.0, 2.5], 40) / 1.5


def rows(name: str) -> np.ndarray:
    """Per example, candidate minus production, of a metric that is a mean."""
    y, production, candidate = examples()
    if name == "accuracy":
        return ((candidate > 0.75) == y).astype(float) - ((production > 0.75) == y)
    chances = [probabilities(each).scores for each in (candidate, production)]
    of_truth = [np.where(y == 1, chance, 1 - chance) for chance in chances]
    cost = {"log_loss": lambda p: -np.log(p), "brier": lambda p: (1 - p) ** 2}[name]
    return np.asarray(cost(of_truth[0]) - cost(of_truth[1]))


def influence(name: str, weights: Any = None) -> np.ndarray:
    _, production, candidate = examples()
    made = outputs if name == "accuracy" else probabilities
    mine, theirs = (measure(name, truth(), made(each), weights).score for each in (candidate, production))
    return mine.influence - theirs.influence


def test_a_ratio_of_sums_is_that_of_boots_city_data() -> None:
    score = ratio_score(np.array(CITY_1930, dtype=float), np.array(CITY_1920, dtype=float))
    assert score.value == pytest.approx(CITY_RATIO, rel=1e-12)
    # boot::empinf of a ratio is (x - ratio u) / mean(u); its variance is the linear one that abc.ci starts from.
    linear = (np.array(CITY_1930) - CITY_RATIO * np.array(CITY_1920)) / np.mean(CITY_1920)
    assert score.influence == pytest.approx(linear, abs=1e-12)


def test_tangos_statistic_for_no_difference_is_mcnemars() -> None:
    gained, lost, n, statistic = APPROVAL
    assert tango_statistic(gained, lost, n, 0.0) ** 2 == pytest.approx(statistic, rel=1e-11)
    assert 2 * normal_tail(tango_statistic(19, 11, 200, 0.0)) == pytest.approx(MINSTD_P, rel=1e-11)


@pytest.mark.parametrize("name", ["accuracy", "brier", "log_loss"])
def test_clustered_errors_are_the_sandwich_of_statsmodels(name: str) -> None:
    fitted = sm.OLS(rows(name), np.ones(200)).fit(cov_type="cluster", cov_kwds={"groups": CLUSTERS})
    assert standard_error(influence(name), clusters=CLUSTERS) == pytest.approx(fitted.bse[0], rel=1e-11)


@pytest.mark.parametrize("name", ["accuracy", "brier", "log_loss"])
def test_weighted_errors_are_the_sandwich_of_statsmodels(name: str) -> None:
    fitted = sm.WLS(rows(name), np.ones(200), weights=WEIGHTS).fit(cov_type="HC1")
    assert standard_error(influence(name, WEIGHTS)) == pytest.approx(fitted.bse[0], rel=1e-11)
    both = sm.WLS(rows(name), np.ones(200), weights=WEIGHTS).fit(cov_type="cluster", cov_kwds={"groups": CLUSTERS})
    assert standard_error(influence(name, WEIGHTS), clusters=CLUSTERS) == pytest.approx(both.bse[0], rel=1e-11)


@pytest.mark.parametrize("model", [1, 2])
def test_kappa_and_its_error_are_those_of_fleiss_cohen_and_everitt_as_statsmodels_has_them(model: int) -> None:
    y, labels = examples()[0], (examples()[model] > 0.75).astype(int)
    expected = cohens_kappa(np.histogram2d(y, labels, bins=2)[0])
    score = measure("kappa", truth(), Outputs(labels=labels)).score
    assert score.value == pytest.approx(expected.kappa, rel=1e-12)
    # Fleiss, Cohen and Everitt divide by n, ours by n - 1.
    assert standard_error(score.influence) * math.sqrt(199 / 200) == pytest.approx(expected.std_kappa, rel=1e-10)


def test_a_calibration_slope_has_the_heteroscedastic_error_of_statsmodels() -> None:
    random = np.random.default_rng(1)
    predicted = random.normal(3, 2, 400)
    values = 0.8 * predicted + random.normal(0, 1 + np.abs(predicted) / 4)
    fitted = sm.OLS(values, sm.add_constant(predicted)).fit(cov_type="HC0")
    score = measure("calibration_slope", Truth(values=values), Outputs(values=predicted)).score
    assert score.value == pytest.approx(fitted.params[1], rel=1e-11)
    assert standard_error(score.influence) * math.sqrt(399 / 400) == pytest.approx(fitted.bse[1], rel=1e-11)


def test_a_correlation_has_the_error_of_a_normal_sample_where_the_sample_is_normal() -> None:
    random = np.random.default_rng(2)
    one = random.normal(size=40_000)
    other = 0.6 * one + 0.8 * random.normal(size=40_000)
    score = measure("pearson", Truth(values=one), Outputs(values=other)).score
    assert score.value == pytest.approx(stats.pearsonr(one, other).statistic, rel=1e-12)
    assert standard_error(score.influence) == pytest.approx((1 - score.value**2) / math.sqrt(40_000), rel=0.02)


def test_a_median_has_the_error_that_the_bootstrap_gives_it() -> None:
    random = np.random.default_rng(3)
    truths = random.normal(size=2000)
    predicted = truths + random.standard_t(4, 2000)
    score = measure("median_absolute_error", Truth(values=truths), Outputs(values=predicted)).score
    found = stats.bootstrap((np.abs(predicted - truths),), np.median, n_resamples=999, method="percentile", rng=4)
    assert standard_error(score.influence) == pytest.approx(found.standard_error, rel=0.15)


def test_the_literals_are_those_of_the_oracle_file() -> None:
    import json
    import os
    from pathlib import Path

    folder = os.environ.get("MLCI_ORACLES", str(Path(__file__).parents[2] / ".." / "shared" / "oracles"))
    file = Path(folder) / "gate.json"
    if not file.is_file():
        pytest.skip(f"there is no {file.name}; MLCI_ORACLES names the folder it is in")
    oracle = json.loads(file.read_text())
    city = oracle["boot_city_ratio_abc95"]
    assert (city["u"], city["x"], city["ratio"]) == (CITY_1920, CITY_1930, CITY_RATIO)
    [approval] = [each for each in oracle["mcnemar"] if "nocc_stat" in each]
    assert (approval["table"][0][1], approval["table"][1][0], approval["nocc_stat"]) == (*APPROVAL[:2], APPROVAL[3])
    assert oracle["dataset_minstd200"]["accuracy"]["mcnemar_nocc_p"] == MINSTD_P

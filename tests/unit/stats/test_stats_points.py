"""Every metric's value against scikit-learn's, on real data and on arrays that nobody would choose."""

from __future__ import annotations

import warnings
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import AVERAGED, BINARY, QUANTILE, VALUE, WHOLE
from sklearn import metrics as theirs

from mlci.stats.influence import Undefined
from mlci.stats.measure import Outputs, Truth, measure

EXACT = 1e-12


def sklearn_label(name: str, truth: Any, predicted: Any, weights: Any, positive: int | None) -> float:
    """scikit-learn's value; its warnings about 0/0 are what ``zero_division=0`` answers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "accuracy":
            return float(theirs.accuracy_score(truth, predicted, sample_weight=weights))
        if name == "balanced_accuracy":
            return float(theirs.balanced_accuracy_score(truth, predicted, sample_weight=weights))
        if name == "mcc":
            return float(theirs.matthews_corrcoef(truth, predicted, sample_weight=weights))
        if name == "error_rate":
            return float(theirs.zero_one_loss(truth, predicted, sample_weight=weights))
        if name == "kappa":
            return float(theirs.cohen_kappa_score(truth, predicted, sample_weight=weights))
        if name in ("specificity", "npv"):
            name, positive = {"specificity": "recall", "npv": "precision"}[name], 1 - positive
        base, _, average = name.partition("_")
        scorer = {"f1": theirs.f1_score, "precision": theirs.precision_score, "recall": theirs.recall_score,
                  "jaccard": theirs.jaccard_score, "f2": partial(theirs.fbeta_score, beta=2),
                  "f0.5": partial(theirs.fbeta_score, beta=0.5)}[base]  # fmt: skip
        chosen = {"average": average} if average else {"average": "binary", "pos_label": positive}
        return float(scorer(truth, predicted, sample_weight=weights, zero_division=0, **chosen))


def sklearn_value(name: str, truth: Any, predicted: Any, weights: Any) -> float:
    errors = np.abs(predicted - truth)
    return float({
        "rmse": lambda: theirs.root_mean_squared_error(truth, predicted, sample_weight=weights),
        "mse": lambda: theirs.mean_squared_error(truth, predicted, sample_weight=weights),
        "explained_variance": lambda: theirs.explained_variance_score(truth, predicted, sample_weight=weights),
        "pearson": lambda: _covariance(truth, predicted, weights)[2],
        "calibration_slope": lambda: np.polyfit(predicted, truth, 1, w=None if weights is None else weights**0.5)[0],
        "pinball_0.9": lambda: theirs.mean_pinball_loss(truth, predicted, sample_weight=weights, alpha=0.9),
        "median_absolute_error": lambda: theirs.median_absolute_error(truth, predicted, sample_weight=weights),
        "p90_absolute_error": lambda: _quantile(errors, 0.9, weights),
        "mae": lambda: theirs.mean_absolute_error(truth, predicted, sample_weight=weights),
        "r2": lambda: theirs.r2_score(truth, predicted, sample_weight=weights),
        "mape": lambda: theirs.mean_absolute_percentage_error(truth, predicted, sample_weight=weights),
        "smape": lambda: np.average(2 * errors / (np.abs(truth) + np.abs(predicted)), weights=weights),
        "wape": lambda: np.average(errors, weights=weights) / np.average(np.abs(truth), weights=weights),
    }[name]())  # fmt: skip


def _covariance(truth: Any, predicted: Any, weights: Any) -> tuple[float, float, float]:
    matrix = np.cov(truth, predicted, aweights=weights, ddof=0)
    return matrix[0, 0], matrix[1, 1], matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1])


def _quantile(values: Any, part: float, weights: Any) -> float:
    if weights is None:
        return float(np.quantile(values, part, method="averaged_inverted_cdf"))
    low = np.quantile(values, part, weights=weights, method="inverted_cdf")
    return float(low)


def scaled(weights: Any) -> Any:
    return None if weights is None else weights * (len(weights) / weights.sum())


def ours(name: str, truth: Truth, outputs: Outputs, weights: Any = None) -> float:
    return measure(name, truth, outputs, scaled(weights)).score.value


@lru_cache(maxsize=1)
def digits() -> tuple[Any, Any, Any]:
    """Handwritten digits judged by a logistic regression trained on half of them."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    images, truth = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=400).fit(images[::2] / 16, truth[::2])
    return truth[1::2], model.predict(images[1::2] / 16), model.predict_proba(images[1::2] / 16)


@lru_cache(maxsize=1)
def doctor_visits() -> tuple[Any, Any]:
    """RAND Health Insurance Experiment: did a person see a doctor that year, from plan, age and health."""
    import statsmodels.api as sm
    from sklearn.linear_model import LogisticRegression

    frame = sm.datasets.randhie.load_pandas().data
    truth = (frame["mdvis"] > 0).astype(int).to_numpy()
    features = frame.drop(columns="mdvis").to_numpy()
    model = LogisticRegression(max_iter=1000).fit(features[::4], truth[::4])
    return truth[1::4], model.predict_proba(features[1::4])[:, 1]


@lru_cache(maxsize=1)
def diabetes() -> tuple[Any, Any]:
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import LinearRegression

    features, truth = load_diabetes(return_X_y=True)
    return truth[1::2], LinearRegression().fit(features[::2], truth[::2]).predict(features[1::2])


def weights_for(n: int, weighted: bool) -> Any:
    return np.random.default_rng(7).uniform(0.1, 4.0, n) if weighted else None


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", [*WHOLE, *AVERAGED])
def test_ten_digits_are_measured_as_scikit_learn_measures_them(name: str, weighted: bool) -> None:
    truth, predicted, _ = digits()
    weights = weights_for(len(truth), weighted)
    value = ours(name, Truth(codes=truth, classes=10), Outputs(labels=predicted), weights)
    assert value == pytest.approx(sklearn_label(name, truth, predicted, weights, None), abs=EXACT)


@pytest.mark.parametrize("weighted", [False, True])
def test_losses_over_ten_digits_are_scikit_learns(weighted: bool) -> None:
    truth, _, scores = digits()
    weights = weights_for(len(truth), weighted)
    ours_log = ours("log_loss", Truth(codes=truth, classes=10), Outputs(scores=scores), weights)
    assert ours_log == pytest.approx(theirs.log_loss(truth, scores, sample_weight=weights), rel=1e-9)
    ours_brier = ours("brier", Truth(codes=truth, classes=10), Outputs(scores=scores), weights)
    assert ours_brier == pytest.approx(
        np.average(((scores - np.eye(10)[truth]) ** 2).sum(axis=1), weights=weights), abs=EXACT
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("decimals", [2, 16])
def test_doctor_visits_are_measured_as_scikit_learn_measures_them(decimals: int, weighted: bool) -> None:
    codes, scores = doctor_visits()
    scores, weights = np.round(scores, decimals), weights_for(len(codes), weighted)
    truth = Truth(codes=codes, classes=2, positive=1)
    labels = (scores >= 0.75).astype(int)
    for name in (*WHOLE, *BINARY, *AVERAGED):
        expected = sklearn_label(name, codes, labels, weights, 1)
        assert ours(name, truth, Outputs(labels=labels), weights) == pytest.approx(expected, abs=EXACT), name
    expected = {
        "roc_auc": theirs.roc_auc_score(codes, scores, sample_weight=weights),
        "pr_auc": theirs.average_precision_score(codes, scores, sample_weight=weights),
        "log_loss": theirs.log_loss(codes, scores, sample_weight=weights),
        "brier": theirs.brier_score_loss(codes, scores, sample_weight=weights),
    }
    for name, value in expected.items():
        assert ours(name, truth, Outputs(scores=scores), weights) == pytest.approx(value, abs=1e-11), name


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", [*VALUE, *QUANTILE])
def test_diabetes_progression_is_measured_as_scikit_learn_measures_it(name: str, weighted: bool) -> None:
    truth, predicted = diabetes()
    weights = weights_for(len(truth), weighted)
    value = ours(name, Truth(values=truth), Outputs(values=predicted), weights)
    assert value == pytest.approx(sklearn_value(name, truth, predicted, weights), rel=1e-11)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_labels_of_any_kind_are_measured_as_scikit_learn_measures_them(data: st.DataObject) -> None:
    """Few examples, absent classes, classes never predicted, weights over three orders of magnitude."""
    n, classes = data.draw(st.integers(2, 30)), data.draw(st.integers(2, 5))
    codes = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)))
    predicted = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)))
    weights = data.draw(st.none() | st.lists(st.floats(0.01, 10), min_size=n, max_size=n).map(np.array))
    truth = Truth(codes=codes, classes=classes, positive=1 if classes == 2 else None)
    for name in (*WHOLE, *AVERAGED, *(BINARY if classes == 2 else ())):
        try:
            value = ours(name, truth, Outputs(labels=predicted), weights)
        except Undefined:
            one_class = len(set(codes.tolist())) == 1
            assert one_class or (name in BINARY and 1 not in codes), name
            continue
        assert value == pytest.approx(sklearn_label(name, codes, predicted, weights, 1), abs=1e-9), name


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_scores_with_ties_and_weights_are_measured_as_scikit_learn_measures_them(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 40))
    codes = np.array(data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    scores = np.array(
        data.draw(st.lists(st.sampled_from((0.0, 0.1, 0.25, 0.5, 0.50000001, 0.9, 1.0)), min_size=n, max_size=n))
    )
    weights = data.draw(st.none() | st.lists(st.floats(0.01, 10), min_size=n, max_size=n).map(np.array))
    truth = Truth(codes=codes, classes=2, positive=1)
    if len(set(codes.tolist())) == 1:
        for name in ("roc_auc", "pr_auc"):
            with pytest.raises(Undefined, match="only one class"):
                ours(name, truth, Outputs(scores=scores), weights)
        return
    assert ours("roc_auc", truth, Outputs(scores=scores), weights) == pytest.approx(
        theirs.roc_auc_score(codes, scores, sample_weight=weights), abs=1e-9
    )
    assert ours("pr_auc", truth, Outputs(scores=scores), weights) == pytest.approx(
        theirs.average_precision_score(codes, scores, sample_weight=weights), abs=1e-9
    )


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_values_of_any_size_are_measured_as_scikit_learn_measures_them(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 30))
    number = st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-3)
    truth, predicted = (np.array(data.draw(st.lists(number, min_size=n, max_size=n))) for _ in range(2))
    weights = data.draw(st.none() | st.lists(st.floats(0.01, 10), min_size=n, max_size=n).map(np.array))
    for name in ("rmse", "mse", "mae", "mape", "smape", "wape", "pinball_0.9", "median_absolute_error"):
        expected = sklearn_value(name, truth, predicted, weights)
        assert ours(name, Truth(values=truth), Outputs(values=predicted), weights) == pytest.approx(
            expected, rel=1e-9, abs=1e-9
        )
    if np.ptp(truth) > 1e-3 * np.abs(truth).max():
        expected = sklearn_value("r2", truth, predicted, weights)
        assert ours("r2", Truth(values=truth), Outputs(values=predicted), weights) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", ["mcc", "balanced_accuracy", "accuracy", "recall_macro"])
def test_an_absent_prediction_counts_as_a_class_that_is_never_right(name: str, classes: int) -> None:
    random = np.random.default_rng(3)
    codes, predicted = random.integers(0, classes, 60), random.integers(0, classes, 60)
    predicted[:9] = classes
    value = ours(name, Truth(codes=codes, classes=classes, positive=None), Outputs(labels=predicted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        present = {"recall_macro": lambda: theirs.recall_score(
            codes, predicted, labels=range(classes), average="macro", zero_division=0
        )}  # fmt: skip
        expected = present[name]() if name in present else sklearn_label(name, codes, predicted, None, None)
    assert value == pytest.approx(expected, abs=EXACT)


def test_weight_two_is_the_same_point_as_the_row_twice() -> None:
    random = np.random.default_rng(4)
    codes, labels, scores = random.integers(0, 2, 80), random.integers(0, 2, 80), np.round(random.random(80), 1)
    weights = random.integers(1, 4, 80)
    again = np.repeat(np.arange(80), weights)
    truth, outputs = Truth(codes=codes, classes=2, positive=1), Outputs(labels=labels, scores=scores)
    for name in (*WHOLE, *BINARY, *AVERAGED, "roc_auc", "pr_auc", "brier", "log_loss"):
        weighted = ours(name, truth, outputs, weights.astype(float))
        assert weighted == pytest.approx(ours(name, truth.take(again), outputs.take(again)), abs=1e-11), name


@pytest.mark.parametrize("name", ["roc_auc", "pr_auc"])
@pytest.mark.parametrize("change", [lambda s: s + 3.0, lambda s: 8 * s - 1, np.exp])
def test_a_rising_change_of_the_scores_leaves_rankings_byte_identical(name: str, change: Any) -> None:
    random = np.random.default_rng(5)
    truth, scores = Truth(codes=random.integers(0, 2, 90), classes=2, positive=1), random.integers(0, 16, 90) / 16
    before, after = (measure(name, truth, Outputs(scores=each)).score for each in (scores, change(scores)))
    assert before.value == after.value
    assert np.array_equal(before.influence, after.influence)


def test_log_loss_counts_a_probability_of_zero_as_the_clip_and_not_as_infinite() -> None:
    truth = Truth(codes=np.array([1, 0]), classes=2, positive=1)
    assert ours("log_loss", truth, Outputs(scores=np.array([0.0, 0.0]))) == pytest.approx(-np.log(1e-15) / 2)


@pytest.mark.parametrize("scores", [[-0.1, 0.5], [0.5, 1.1]])
@pytest.mark.parametrize("name", ["log_loss", "brier"])
def test_scores_that_are_no_probabilities_have_no_probability_loss(name: str, scores: list[float]) -> None:
    with pytest.raises(Undefined, match="not probabilities"):
        ours(name, Truth(codes=np.array([0, 1]), classes=2, positive=1), Outputs(scores=np.array(scores)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["roc_auc", "pr_auc", "log_loss", "brier"])
def test_a_score_that_is_not_finite_leaves_score_metrics_undefined(name: str, bad: float) -> None:
    with pytest.raises(Undefined, match="missing or not finite"):
        ours(name, Truth(codes=np.array([0, 1]), classes=2, positive=1), Outputs(scores=np.array([0.5, bad])))


@pytest.mark.parametrize("name", ["mape"])
def test_mape_refuses_a_truth_of_zero_and_names_what_is_defined_there(name: str) -> None:
    with pytest.raises(Undefined, match="1 examples have a truth of 0; smape and wape"):
        ours(name, Truth(values=np.array([0.0, 1.0])), Outputs(values=np.array([1.0, 1.0])))


def test_smape_of_zero_predicted_as_zero_is_zero_and_wape_of_only_zeros_is_undefined() -> None:
    truth = Truth(values=np.zeros(3))
    assert ours("smape", truth, Outputs(values=np.zeros(3))) == 0.0
    with pytest.raises(Undefined, match="every truth is 0"):
        ours("wape", truth, Outputs(values=np.ones(3)))


@pytest.mark.parametrize("name", ["f1", "precision", "recall"])
def test_binary_metrics_of_several_classes_name_the_averages_instead(name: str) -> None:
    truth = Truth(codes=np.array([0, 1, 2]), classes=3)
    with pytest.raises(Undefined, match=f"name {name}_macro, {name}_micro or {name}_weighted"):
        ours(name, truth, Outputs(labels=np.array([0, 1, 2])))


@pytest.mark.parametrize("name", ["accuracy", "roc_auc", "log_loss", "rmse", "no_such_metric"])
def test_a_model_without_the_needed_output_has_no_value(name: str) -> None:
    with pytest.raises(Undefined):
        ours(name, Truth(codes=np.array([0, 1]), classes=2, positive=1), Outputs())

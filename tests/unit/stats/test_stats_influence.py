"""Every influence function against the derivative it claims to be, and every standard error against other ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from samples import BINARY, SCORE, VALUE, Sample, defined_for, distributed, labelled, scored, valued
from scipy import stats

from mlci.stats import counts, influence
from mlci.stats.influence import Undefined, degrees_of_freedom, effective_n, mean_score, standard_error
from mlci.stats.measure import Outputs, Truth, measure
from mlci.stats.moments import compared as moments_compared
from mlci.stats.moments import moments
from mlci.stats.paired import Design, Discordance, contrast, discordance_of, paired

STEP = 1e-5


def numeric_influence(name: str, truth: Truth, outputs: Outputs, weights: np.ndarray) -> np.ndarray:
    """psi by definition: how the value moves when one example's weight does, all weights summing to the same."""
    n = len(weights)

    def value(moved: np.ndarray) -> float:
        return measure(name, truth, outputs, moved * (n / moved.sum())).score.value

    slopes = np.empty(n)
    for row in range(n):
        shift = np.zeros(n)
        shift[row] = STEP
        slopes[row] = (value(weights + shift) - value(weights - shift)) / (2 * STEP)
    return n * slopes * weights


def assert_is_derivative(name: str, sample: Sample) -> None:
    weights = np.ones(len(sample.candidate.labels if sample.candidate.labels is not None else _first(sample)))
    weights = weights if sample.weights is None else sample.weights
    score = measure(name, sample.truth, sample.candidate, sample.weights).score
    expected = numeric_influence(name, sample.truth, sample.candidate, weights)
    np.testing.assert_allclose(score.influence, expected, atol=1e-6 * max(1.0, np.abs(expected).max()))
    assert abs(score.influence.mean()) < 1e-12 * max(1.0, np.abs(expected).max())


def _first(sample: Sample) -> np.ndarray:
    return sample.candidate.scores if sample.candidate.scores is not None else sample.candidate.values


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("unanswered", [0, 4])
@pytest.mark.parametrize(("classes", "name"), [(k, name) for k in (2, 3, 5) for name in defined_for(k)])
def test_influence_of_label_metrics_is_the_numeric_derivative(
    classes: int, name: str, unanswered: int, weighted: bool
) -> None:
    assert_is_derivative(name, labelled(36, classes, weighted=weighted, unanswered=unanswered))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("name", SCORE)
def test_influence_of_score_metrics_is_the_numeric_derivative_with_and_without_ties(
    name: str, decimals: int | None, weighted: bool
) -> None:
    assert_is_derivative(name, scored(36, weighted=weighted, decimals=decimals))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["log_loss", "brier"])
def test_influence_of_losses_over_several_classes_is_the_numeric_derivative(name: str, weighted: bool) -> None:
    assert_is_derivative(name, distributed(36, 4, weighted=weighted))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", VALUE)
def test_influence_of_value_metrics_is_the_numeric_derivative(name: str, weighted: bool) -> None:
    assert_is_derivative(name, valued(36, weighted=weighted))


@settings(max_examples=25, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10_000))
def test_influence_is_the_numeric_derivative_for_any_sample(data: st.DataObject, seed: int) -> None:
    n, weighted = data.draw(st.integers(12, 24)), data.draw(st.booleans())
    kind = data.draw(st.sampled_from(("labels", "scores", "values")))
    if kind == "labels":
        classes = data.draw(st.integers(2, 4))
        sample, names = (
            labelled(n, classes, weighted=weighted, seed=seed, rare=data.draw(st.booleans())),
            defined_for(classes),
        )
    elif kind == "scores":
        share = data.draw(st.sampled_from((0.1, 0.5, 0.9)))
        sample, names = (
            scored(n, weighted=weighted, decimals=data.draw(st.sampled_from((0, 1, 6))), share=share, seed=seed),
            SCORE,
        )
    else:
        sample, names = valued(n, weighted=weighted, seed=seed), VALUE
    name = data.draw(st.sampled_from(names))
    try:
        measure(name, sample.truth, sample.candidate, sample.weights)
    except Undefined:
        return
    assert_is_derivative(name, sample)


ALL = [
    *((name, labelled(400, 2, seed=7)) for name in defined_for(2)),
    *((name, labelled(400, 4, seed=8)) for name in defined_for(4)),
    *((name, scored(300, decimals=2, seed=9)) for name in SCORE),
    *((name, valued(400, seed=10)) for name in VALUE),
]


@pytest.mark.parametrize(("name", "sample"), ALL, ids=[f"{name}-{index}" for index, (name, _) in enumerate(ALL)])
def test_standard_error_of_a_difference_agrees_with_the_jackknife(name: str, sample: Sample) -> None:
    every = np.arange(len(sample.truth.codes if sample.truth.codes is not None else sample.truth.values))

    def difference(rows: np.ndarray) -> float:
        truth = sample.truth.take(rows)
        mine, theirs = (measure(name, truth, out.take(rows)).score for out in (sample.candidate, sample.baseline))
        return mine.value - theirs.value

    left_out = np.array([difference(np.delete(every, row)) for row in every])
    n = len(every)
    jackknife = np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())
    mine, theirs = (measure(name, sample.truth, out).score for out in (sample.candidate, sample.baseline))
    ours = standard_error(mine.influence - theirs.influence, positives=mine.positives)
    assert ours == pytest.approx(jackknife, rel=0.025)


@pytest.mark.parametrize(("name", "sample"), [
    ("f1", labelled(400, 2, seed=11)), ("mcc", labelled(400, 4, seed=12)), ("f1_macro", labelled(400, 4, seed=13)),
    ("roc_auc", scored(300, seed=14)), ("pr_auc", scored(300, seed=15)), ("r2", valued(400, seed=16)),
    ("rmse", valued(400, seed=17)), ("wape", valued(400, seed=18)),
])  # fmt: skip
def test_standard_error_of_a_difference_agrees_with_the_bootstrap(name: str, sample: Sample) -> None:
    every = np.arange(len(sample.truth.codes if sample.truth.codes is not None else sample.truth.values))

    def difference(rows: np.ndarray) -> float:
        truth = sample.truth.take(rows)
        mine, theirs = (measure(name, truth, out.take(rows)).score for out in (sample.candidate, sample.baseline))
        return mine.value - theirs.value

    result = stats.bootstrap(
        (every,), difference, n_resamples=800, vectorized=False, method="percentile", rng=np.random.default_rng(5)
    )
    mine, theirs = (measure(name, sample.truth, out).score for out in (sample.candidate, sample.baseline))
    ours = standard_error(mine.influence - theirs.influence, positives=mine.positives)
    # 800 resamples know a standard error to 2.5 %; the rest is the curvature that the first order leaves out.
    assert ours == pytest.approx(result.standard_error, rel=0.10)


@pytest.mark.parametrize("name", ["f1", "mcc", "roc_auc", "pr_auc", "log_loss"])
def test_clustered_error_agrees_with_the_jackknife_over_clusters(name: str) -> None:
    sample, groups = scored(400, seed=20), np.repeat(np.arange(100), 4)
    labels = [
        Outputs(labels=(out.scores > 0.5).astype(int), scores=out.scores) for out in (sample.candidate, sample.baseline)
    ]

    def difference(rows: np.ndarray) -> float:
        truth = sample.truth.take(rows)
        mine, theirs = (measure(name, truth, out.take(rows)).score.value for out in labels)
        return mine - theirs

    left_out = np.array([difference(np.flatnonzero(groups != group)) for group in range(100)])
    jackknife = np.sqrt(99 / 100 * ((left_out - left_out.mean()) ** 2).sum())
    mine, theirs = (measure(name, sample.truth, out).score.influence for out in labels)
    assert standard_error(mine - theirs, clusters=groups) == pytest.approx(jackknife, rel=0.025)


def test_each_example_as_its_own_cluster_gives_the_error_without_clusters() -> None:
    psi = np.random.default_rng(1).normal(size=50)
    assert standard_error(psi, clusters=np.arange(50)) == pytest.approx(standard_error(psi), rel=1e-14)


def test_one_example_or_one_cluster_has_no_standard_error() -> None:
    assert np.isnan(standard_error(np.zeros(1)))
    assert np.isnan(standard_error(np.zeros(5), clusters=np.zeros(5, dtype=int)))
    assert np.isnan(standard_error(np.zeros(5), positives=np.array([True, False, False, False, False])))


def test_relative_error_is_the_delta_method_on_the_log_ratio() -> None:
    sample = valued(3000, seed=30)
    mine, theirs = (measure("rmse", sample.truth, out) for out in (sample.candidate, sample.baseline))
    result = contrast(
        mine.score, theirs.score, Design(3000, 0.95), higher_is_better=False, relative=True, is_share=False,
        discordance=discordance_of(mine.goodness - theirs.goodness),
    )  # fmt: skip
    squares = [(out.values - sample.truth.values) ** 2 for out in (sample.candidate, sample.baseline)]
    ratio = np.sqrt(squares[0].mean() / squares[1].mean())
    each = 0.5 * squares[0] / squares[0].mean() - 0.5 * squares[1] / squares[1].mean()
    log_error = np.std(each, ddof=1) / np.sqrt(3000)
    assert result.difference == pytest.approx(ratio - 1, rel=1e-12)
    assert result.standard_error == pytest.approx(ratio * log_error, rel=1e-12)
    reach = stats.t.ppf(0.95, 2999) * log_error
    assert (result.low, result.high) == pytest.approx((ratio * np.exp(-reach) - 1, ratio * np.exp(reach) - 1), rel=1e-9)


@pytest.mark.parametrize(
    ("influence", "clusters", "freedom"),
    [
        (np.repeat([1.0, -1.0], 50), None, 99.0),  # as even as can be: all that the design allows
        (np.where(np.arange(100) < 4, [1.0, -1.0] * 50, 0.0), None, 8 / (1 - 4 / 100)),  # two for each that differs
        (np.zeros(100), None, 99.0),
        (np.repeat([1.0, -1.0], 50), np.arange(100) // 2, 49.0),  # pairs that agree
        (np.repeat([1e200, -1e200], 50), None, 99.0),  # whose fourth power no float holds
        (np.array([0.0, 0.0, 1e-3]), None, 2.0),
    ],
)
def test_degrees_of_freedom_follow_from_how_evenly_examples_carry_the_error(
    influence: NDArray[np.float64], clusters: NDArray[np.intp] | None, freedom: float
) -> None:
    most = (len(influence) if clusters is None else 50) - 1
    assert degrees_of_freedom(influence, clusters=clusters, most=most) == pytest.approx(freedom)


def test_a_metric_that_leans_on_a_dozen_positives_has_few_degrees_of_freedom() -> None:
    codes = (np.arange(600) < 12).astype(np.intp)
    truth = Truth(codes=codes, classes=2, positive=1)
    one, other = (Outputs(labels=codes ^ (np.arange(600) % 9 == at)) for at in (1, 4))
    both = [measure("recall", truth, out).score for out in (one, other)]
    assert paired(*both, Design(600, 0.95), Discordance(1, 2)).freedom < 2 * 12


@pytest.mark.parametrize(("differing", "freedom"), [(1, 2 / (1 - 1 / 600)), (30, 60 / (1 - 30 / 600)), (600, 599)])
def test_a_mean_that_two_models_differ_on_by_few_examples_has_two_degrees_of_freedom_for_each(
    differing: int, freedom: float
) -> None:
    gain = np.where(np.arange(600) < differing, 0.5, 0.0) * np.where(np.arange(600) % 2, 1, -1)
    scores = mean_score(gain), mean_score(np.zeros(600))
    found = Discordance(differing // 2, differing - differing // 2)
    assert paired(*scores, Design(600, 0.95), found).freedom == pytest.approx(freedom)
    # Groups count by how much each carries as well, and the smaller number holds.
    grouped = paired(*scores, Design(600, 0.95, clusters=np.arange(600), groups=600), found)
    assert max(1, min(differing - 1, freedom)) <= grouped.freedom * (1 + 1e-9) <= freedom * (1 + 2e-9)
    whole = gain + 1.0
    assert moments_compared("mean", moments(whole, np.ones(600))).pair.freedom == pytest.approx(freedom)


def test_effective_number_of_examples_is_kishs() -> None:
    assert effective_n(np.array([1.0, 1.0, 1.0, 1.0]), 4) == 4.0
    assert effective_n(np.array([4.0, 0.0, 0.0, 0.0]), 4) == 1.0
    assert effective_n(None, 7) == 7.0


@pytest.mark.parametrize("name", ["rmse", "mae", "wape", "smape", "r2", "mape"])
@pytest.mark.parametrize("huge", [1e200, 1.7e308])
def test_values_too_large_to_square_are_undefined_and_never_infinite(name: str, huge: float) -> None:
    truth = Truth(values=np.array([1.0, 2.0, -1e300, 4.0]))
    try:
        score = measure(name, truth, Outputs(values=np.array([1.0, huge, huge, -huge]))).score
    except Undefined:
        return
    assert np.isfinite(score.value)
    assert np.isfinite(score.influence).all()


def test_relative_change_beyond_all_floats_is_undefined() -> None:
    mine, theirs = (influence.mean_score(np.array([1.0, 1.1]) * scale) for scale in (1e153, 1e-300))
    with pytest.raises(Undefined, match="too large to compare"):
        contrast(
            mine, theirs, Design(2, 0.95), higher_is_better=False, relative=True, is_share=False,
            discordance=discordance_of(np.array([-1, -1])),
        )  # fmt: skip


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 1e6])
def test_r2_does_not_depend_on_the_unit(scale: float) -> None:
    sample = valued(50)
    plain = measure("r2", sample.truth, sample.candidate).score.value
    truth, outputs = Truth(values=sample.truth.values * scale), Outputs(values=sample.candidate.values * scale)
    assert measure("r2", truth, outputs).score.value == pytest.approx(plain, rel=1e-9)


def test_r2_in_a_tiny_unit_still_has_a_value() -> None:
    truth = np.array([1.0, 2.0, 3.0, 5.0]) * 1e-14
    assert measure("r2", Truth(values=truth), Outputs(values=truth * 1.01)).score.value > 0.9


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e-9, 3.3e7])
def test_r2_of_a_constant_truth_is_undefined(constant: float) -> None:
    with pytest.raises(Undefined, match="same for every example"):
        measure("r2", Truth(values=np.full(7, constant)), Outputs(values=np.arange(7.0)))


@pytest.mark.parametrize("name", ["roc_auc", "pr_auc"])
def test_examples_of_weight_zero_change_nothing(name: str) -> None:
    scores, codes = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), np.array([0, 1, 0, 1, 1, 0])
    weights = np.array([0.0, 1.0, 2.0, 1.0, 1.0, 1.0])
    whole = measure(name, Truth(codes=codes, classes=2, positive=1), Outputs(scores=scores), weights).score
    part = measure(
        name, Truth(codes=codes[1:], classes=2, positive=1), Outputs(scores=scores[1:]), weights[1:] * 5 / 6
    ).score
    assert whole.value == pytest.approx(part.value, rel=1e-14)
    assert whole.influence[0] == 0.0
    assert np.isfinite(whole.influence).all()


@pytest.mark.parametrize("name", ["roc_auc", "pr_auc"])
def test_a_class_that_weighs_nothing_is_no_class(name: str) -> None:
    truth = Truth(codes=np.array([0, 1, 0, 1]), classes=2, positive=1)
    with pytest.raises(Undefined, match="only one class"):
        measure(name, truth, Outputs(scores=np.array([0.1, 0.2, 0.3, 0.4])), np.array([2.0, 0.0, 2.0, 0.0]))


@pytest.mark.parametrize("name", BINARY)
def test_no_example_of_the_class_asked_about_leaves_binary_metrics_undefined(name: str) -> None:
    which = 1 if name in ("specificity", "npv") else 0
    truth = Truth(codes=np.full(4, which), classes=2, positive=1)
    with pytest.raises(Undefined, match=f"no example of the {'negative' if which else 'positive'} class"):
        measure(name, truth, Outputs(labels=np.array([0, 1, 0, 0])))


@pytest.mark.parametrize("name", ["accuracy", "f1_macro", "f1_weighted", "recall_macro", "mcc", "balanced_accuracy"])
@pytest.mark.parametrize("weighted", [False, True])
def test_many_classes_are_counted_without_a_table_and_to_the_same_end(
    name: str, weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(11)
    truth = random.integers(0, 300, 2000)
    predicted = np.where(random.random(2000) < 0.6, truth, random.integers(0, 301, 2000))
    weights = random.random(2000) + 0.5 if weighted else None
    weights = None if weights is None else weights / weights.mean()
    looked_up = counts.label_score(name, truth, predicted, 300, weights=weights)
    monkeypatch.setattr(counts, "_LARGEST_TABLE", 1 << 20)
    tabled = counts.label_score(name, truth, predicted, 300, weights=weights)
    assert looked_up.value == pytest.approx(tabled.value, abs=1e-14)
    np.testing.assert_allclose(looked_up.influence, tabled.influence, atol=1e-12)


def test_a_hundred_thousand_classes_need_no_memory_of_their_square() -> None:
    codes = np.arange(100_000)
    assert counts.label_score("f1_macro", codes, codes, 100_000).value == 1.0

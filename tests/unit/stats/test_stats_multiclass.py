"""Order of scores for several classes: scikit-learn's values, and influences that are their derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from samples import distributed
from sklearn import metrics as theirs
from test_stats_influence import assert_is_derivative

from mlci.stats.influence import Undefined, standard_error
from mlci.stats.measure import Outputs, Truth, measure
from mlci.stats.paired import discordance_of

NAMES = (
    "roc_auc_ovr", "roc_auc_ovr_weighted", "roc_auc_ovo", "roc_auc_ovo_weighted", "pr_auc_macro", "pr_auc_weighted",
)  # fmt: skip


def sklearns(name: str, codes: np.ndarray, scores: np.ndarray, weights: np.ndarray | None) -> float:
    average = "weighted" if name.endswith("weighted") else "macro"
    if name.startswith("pr_auc"):
        return float(theirs.average_precision_score(codes, scores, average=average, sample_weight=weights))
    way = "ovr" if "ovr" in name else "ovo"
    return float(theirs.roc_auc_score(codes, scores, multi_class=way, average=average, sample_weight=weights))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("decimals", [1, 16])
@pytest.mark.parametrize("classes", [3, 5])
@pytest.mark.parametrize("name", NAMES)
def test_values_are_scikit_learns_with_ties_weights_and_rare_classes(
    name: str, classes: int, decimals: int, weighted: bool
) -> None:
    random = np.random.default_rng(classes)
    codes = random.choice(classes, 400, p=np.linspace(1, 0.1, classes) / np.linspace(1, 0.1, classes).sum())
    codes[:classes] = np.arange(classes)
    raw = np.round(random.random((400, classes)) + np.eye(classes)[codes] * 0.6, decimals) + 1e-3
    scores = raw / raw.sum(axis=1, keepdims=True)
    weights = random.uniform(0.2, 3.0, 400) if weighted and "ovo" not in name else None
    ours = measure(name, Truth(codes=codes, classes=classes), Outputs(scores=scores),
                   None if weights is None else weights * (400 / weights.sum()))  # fmt: skip
    assert ours.score.value == pytest.approx(sklearns(name, codes, scores, weights), abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_influence_is_the_numeric_derivative(name: str, weighted: bool) -> None:
    assert_is_derivative(name, distributed(36, 4, weighted=weighted))


@pytest.mark.parametrize("name", NAMES)
def test_the_error_of_a_difference_agrees_with_the_jackknife(name: str) -> None:
    sample = distributed(300, 3, seed=5)
    every = np.arange(300)

    def difference(rows: np.ndarray) -> float:
        mine, other = (
            measure(name, sample.truth.take(rows), each.take(rows)).score.value
            for each in (sample.candidate, sample.baseline)
        )
        return mine - other

    left_out = np.array([difference(np.delete(every, row)) for row in every])
    jackknife = np.sqrt(299 / 300 * ((left_out - left_out.mean()) ** 2).sum())
    mine, other = (measure(name, sample.truth, each).score for each in (sample.candidate, sample.baseline))
    assert standard_error(mine.influence - other.influence) == pytest.approx(jackknife, rel=0.03)


def test_a_class_without_an_example_leaves_an_average_over_classes_undefined() -> None:
    codes = np.array([0, 1, 0, 1])
    for name in NAMES:
        with pytest.raises(Undefined, match="a class has no example"):
            measure(name, Truth(codes=codes, classes=3), Outputs(scores=np.full((4, 3), 1 / 3)))
    with pytest.raises(Undefined, match="a score of every class"):
        measure("top_2_accuracy", Truth(codes=codes, classes=2, positive=1), Outputs(scores=np.full(4, 0.5)))


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_top_k_accuracy_is_scikit_learns_and_a_tie_names_nobody(k: int) -> None:
    sample = distributed(500, 4, seed=6)
    scores = sample.candidate.scores
    ours = measure(f"top_{k}_accuracy", sample.truth, sample.candidate)
    expected = theirs.top_k_accuracy_score(sample.truth.codes, scores, k=k) if k < 4 else 1.0
    assert ours.score.value == pytest.approx(expected, abs=1e-15)
    flat = measure(f"top_{k}_accuracy", sample.truth, Outputs(scores=np.full((500, 4), 0.25)))
    assert flat.score.value == (1.0 if k == 4 else 0.0)
    assert discordance_of(ours.goodness - flat.goodness).gained == (0 if k == 4 else round(500 * ours.score.value))

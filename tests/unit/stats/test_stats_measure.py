"""From a metric's name and a model's outputs to a value: which outputs give none, and who says so."""

from __future__ import annotations

import numpy as np
import pytest

from mlci.domain.metric import METRICS
from mlci.stats.facts import is_share
from mlci.stats.influence import Undefined
from mlci.stats.measure import Outputs, Truth, measure

CODES = np.array([0, 1, 1, 0])
BINARY = Truth(codes=CODES, classes=2, positive=1)
THREE = Truth(codes=np.array([0, 1, 2, 0]), classes=3)
VALUES = Truth(values=np.array([1.0, 2.0, 3.0, 5.0]))


@pytest.mark.parametrize(
    ("name", "truth", "outputs", "because"),
    [
        ("latency", BINARY, Outputs(columns={"latency": np.array([1, 2, np.nan, 4])}), "column has missing values"),
        ("latency", BINARY, Outputs(columns={"latency": np.array([1, 2, np.inf, 4])}), "column has missing values"),
        ("roc_auc", THREE, Outputs(scores=np.full((4, 3), 1 / 3)), "roc_auc needs two classes"),
        ("pr_auc", BINARY, Outputs(scores=np.full((4, 2), 0.5)), "pr_auc needs two classes"),
        ("brier", VALUES, Outputs(scores=np.full(4, 0.5)), "there are no classes"),
        ("log_loss", THREE, Outputs(scores=np.full((4, 3), 0.5)), "do not sum to 1"),
        ("rmse", VALUES, Outputs(values=np.array([1, 2, np.nan, 4])), "a prediction is missing or not finite"),
        ("r2", BINARY, Outputs(values=np.ones(4)), "there are no predicted values"),
        ("f1", VALUES, Outputs(labels=CODES), "there are no predicted labels"),
        ("lift", VALUES, Outputs(values=np.ones(4)), "lift is neither a metric nor a column of both files"),
    ],
)
def test_outputs_that_give_no_value_say_why(name: str, truth: Truth, outputs: Outputs, because: str) -> None:
    with pytest.raises(Undefined, match=because):
        measure(name, truth, outputs)


def test_a_users_column_goes_before_a_metric_of_the_same_name() -> None:
    outputs = Outputs(labels=CODES, columns={"accuracy": np.array([0.0, 0.0, 1.0, 0.0])})
    assert measure("accuracy", BINARY, outputs).score.value == 0.25


@pytest.mark.parametrize("name", [name for name in METRICS if is_share(name)])
def test_a_share_is_the_plain_share_of_right_answers(name: str) -> None:
    labels = np.array([0, 1, 0, 2])
    assert measure(name, THREE, Outputs(labels=labels)).score.value == 0.5


def test_goodness_is_higher_where_a_model_is_nearer_to_right() -> None:
    near, far = np.array([0.1, 0.9, 0.8, 0.2]), np.array([0.4, 0.6, 0.3, 0.9])
    for name in ("log_loss", "brier"):
        good, bad = (measure(name, BINARY, Outputs(scores=scores)).goodness for scores in (near, far))
        assert (good > bad).all()
    for name in ("mae", "rmse", "r2", "smape", "mape", "wape"):
        assert VALUES.values is not None
        good, bad = (measure(name, VALUES, Outputs(values=VALUES.values + error)).goodness for error in (0.1, -0.7))
        assert (good > bad).all()
    assert measure("f1", BINARY, Outputs(labels=np.array([0, 0, 1, 2]))).goodness.tolist() == [1, 0, 1, 0]


def test_a_row_of_zeros_costs_the_most_and_is_no_fault_of_the_file() -> None:
    scores = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=float)
    assert measure("brier", THREE, Outputs(scores=scores)).goodness.tolist() == [0, 0, 0, -1]
    assert measure("log_loss", THREE, Outputs(scores=scores)).goodness[3] == pytest.approx(np.log(1e-15))


@pytest.mark.parametrize(("off", "accepted"), [(0.0009, True), (-0.0009, True), (0.0011, False), (-0.0011, False)])
def test_class_scores_may_be_rounded_and_not_more(off: float, accepted: bool) -> None:
    outputs = Outputs(scores=np.tile([0.5, 0.3, 0.2 + off], (4, 1)))
    if accepted:
        assert measure("log_loss", THREE, outputs).score.value > 0
        return
    with pytest.raises(Undefined, match="sum to 1"):
        measure("log_loss", THREE, outputs)


def test_models_are_the_same_only_if_they_say_the_same_of_everything() -> None:
    one = Outputs(labels=CODES, scores=np.array([0.1, np.nan, 0.5, 0.2]), columns={"cost": np.arange(4.0)})
    again = Outputs(labels=CODES.copy(), scores=one.scores, columns={"cost": np.arange(4.0)})
    assert one.same_as(again)
    assert not one.same_as(Outputs(labels=CODES, columns=one.columns))
    assert not one.same_as(Outputs(labels=CODES, scores=one.scores))
    assert not one.same_as(Outputs(labels=1 - CODES, scores=one.scores, columns=one.columns))
    assert not one.same_as(Outputs(labels=CODES, scores=one.scores, columns={"cost": np.ones(4)}))
    assert not one.same_as(Outputs(labels=CODES, scores=one.scores, columns={"price": np.arange(4.0)}))


def test_some_of_the_examples_are_the_same_examples_everywhere() -> None:
    rows = np.array([2, 0])
    outputs = Outputs(labels=CODES, scores=np.arange(4.0), values=np.arange(4.0) * 2, columns={"cost": np.arange(4.0)})
    part = outputs.take(rows)
    assert part.labels is not None
    assert part.scores is not None
    assert part.values is not None
    assert part.labels.tolist() == [1, 0]
    assert part.scores.tolist() == part.columns["cost"].tolist() == [2, 0]
    assert part.values.tolist() == [4, 0]
    assert BINARY.take(rows).is_positive.tolist() == [True, False]
    assert Outputs().take(rows).same_as(Outputs())

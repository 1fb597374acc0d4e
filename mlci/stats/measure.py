"""From a metric's name to its value on one model's outputs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats import auc, counts, influence, placements
from mlci.stats.facts import is_share
from mlci.stats.influence import Array, Score, Undefined, effective_n
from mlci.stats.multiclass import is_multiclass_ranking, multiclass_score
from mlci.stats.queries import is_query_metric, query_score
from mlci.stats.values import error_rows, value_score

# Probabilities this close to 0 or 1 are clipped for the log loss, the bound scikit-learn used for years.
CLIP = 1e-15
_TOP = re.compile(r"top_([1-9][0-9]{0,3})_accuracy")
# Class probabilities written with a few digits still sum to 1 within this.
_SUM_TO_ONE = 1e-3


@dataclass(frozen=True)
class Truth:
    """What the holdout says of each example.

    Attributes:
        codes: class codes, shape (n,), for classification.
        values: target values, shape (n,), for regression.
        classes: number of classes.
        positive: code of the positive class when there are two.
        grades: the number that each class stands for as a relevance, shape (classes,); None where it stands for none.
    """

    codes: NDArray[Any] | None = None
    values: Array | None = None
    classes: int = 0
    positive: int | None = None
    grades: Array | None = None

    @property
    def relevance(self) -> Array:
        """How relevant each example is to its query, shape (n,).

        Raises:
            Undefined: the target is neither a number nor one of two classes.
        """
        if self.values is not None:
            return self.values
        if self.codes is None or self.grades is None:
            raise Undefined("the target is no relevance: it must be a number, or one of two classes")
        return np.asarray(self.grades[self.codes])

    def take(self, rows: NDArray[Any] | slice) -> Truth:
        """The same for some of the examples."""
        return replace(self, codes=_taken(self.codes, rows), values=_taken(self.values, rows))

    @property
    def is_positive(self) -> NDArray[np.bool_]:
        """Which examples are of the positive class, shape (n,)."""
        return np.asarray(self.codes == self.positive)


@dataclass(frozen=True)
class Outputs:
    """What one model said of each example.

    Attributes:
        labels: predicted class codes, shape (n,); the number of classes stands for "no prediction".
        scores: probability of the positive class, shape (n,), or of every class, shape (n, classes).
        values: predicted values, shape (n,).
        columns: the user's own per-example columns by name, each of shape (n,); of shape (n, 2) where their sums are
            divided.
        samples: all that was said of each example, where that is more than once; the rest is then of one sample.
    """

    labels: NDArray[Any] | None = None
    scores: NDArray[Any] | None = None
    values: Array | None = None
    columns: dict[str, Array] = field(default_factory=dict)
    samples: Samples | None = None

    def take(self, rows: NDArray[Any] | slice) -> Outputs:
        """The same for some of the examples."""
        return Outputs(
            _taken(self.labels, rows),
            _taken(self.scores, rows),
            _taken(self.values, rows),
            {name: column[rows] for name, column in self.columns.items()},
            None if self.samples is None else self.samples.take(rows),
        )

    def same_as(self, other: Outputs) -> bool:
        """Whether both models said exactly the same of every example."""
        pairs = ((self.labels, other.labels), (self.scores, other.scores), (self.values, other.values))
        return (
            all(_equal(mine, theirs) for mine, theirs in pairs)
            and self.samples is None
            and other.samples is None
            and self.columns.keys() == other.columns.keys()
            and all(_equal(mine, other.columns[name]) for name, mine in self.columns.items())
        )


@dataclass(frozen=True)
class Samples:
    """Everything that a model said of examples it was asked about several times.

    Attributes:
        outputs: of every sample.
        of: which example each is of, shape (samples,).
    """

    outputs: Outputs
    of: NDArray[np.intp]

    def take(self, rows: NDArray[Any] | slice) -> Samples:
        """The samples of some of the examples."""
        examples = np.full(int(self.of.max()) + 1, -1, dtype=np.intp)
        chosen = np.arange(len(examples))[rows]
        examples[chosen] = np.arange(len(chosen))
        of = examples[self.of]
        kept = np.flatnonzero(of >= 0)
        return Samples(self.outputs.take(kept), of[kept])

    def averaged(self, values: Array) -> Array:
        """The mean of each example's samples, added in the order of the values themselves and not of any file."""
        order = np.lexsort((values, self.of))
        return np.bincount(self.of[order], weights=values[order]) / np.bincount(self.of)


@dataclass(frozen=True)
class Measured:
    """A metric of one model, and how good each single example is (higher is better), to count disagreements by."""

    score: Score
    goodness: NDArray[Any]


def _taken(values: NDArray[Any] | None, rows: NDArray[Any] | slice) -> NDArray[Any] | None:
    return None if values is None else values[rows]


def _equal(mine: NDArray[Any] | None, theirs: NDArray[Any] | None) -> bool:
    if mine is None or theirs is None:
        return mine is theirs
    return bool(np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f"))


@np.errstate(over="ignore", invalid="ignore")
def measure(
    name: str, truth: Truth, outputs: Outputs, weights: Array | None = None, groups: NDArray[Any] | None = None
) -> Measured:
    """Value, influence and per-example goodness of one metric of one model.

    Args:
        name: a metric of ``mlci.domain.metric``, or the name of a column of ``outputs``.
        truth: what the holdout says.
        outputs: what the model said, on the same examples in the same order.
        weights: shape (n,), mean 1; None for equal weights.
        groups: group codes 0 … G-1, shape (n,); None where every example is drawn by itself.

    Raises:
        Undefined: these examples or these outputs give the metric no value.
    """
    measured = _measured(name, truth, outputs, weights, groups)
    score = measured.score
    if not np.isfinite(score.value) or not np.isfinite((score.influence * score.influence).sum()):
        raise Undefined("the numbers are too large to compute with")
    return measured


def _measured(
    name: str, truth: Truth, outputs: Outputs, weights: Array | None, groups: NDArray[Any] | None
) -> Measured:
    if outputs.samples is not None:
        return _of_samples(name, truth, outputs.samples, weights)
    if name in outputs.columns:
        return _of_column(outputs.columns[name], weights)
    if counts.is_label_metric(name):
        return _of_labels(name, truth, outputs, weights)
    if name in ("roc_auc", "pr_auc"):
        return _of_ranking(name, truth, outputs, weights)
    if is_multiclass_ranking(name) or _TOP.fullmatch(name):
        return _of_class_scores(name, truth, outputs, weights)
    if is_query_metric(name):
        return _of_queries(name, truth, outputs, weights, groups)
    if name in ("log_loss", "brier"):
        loss = probability_loss(name, *chance_of_truth(truth, outputs))
        return _mean(loss, weights, "a score is missing", falling=True)
    return _of_values(name, truth, outputs, weights, groups)


def _of_column(values: Array, weights: Array | None) -> Measured:
    if values.ndim == 1:
        return _mean(values, weights, "the column has missing values")
    above, below = values.T
    if not np.isfinite(values).all() or (below < 0).any():
        raise Undefined("a column of the ratio has missing values, or the one below the line has values below 0")
    each = np.divide(above, below, out=above.copy(), where=below > 0)
    return Measured(influence.ratio_score(above, below, weights), each)


def _of_samples(name: str, truth: Truth, samples: Samples, weights: Array | None) -> Measured:
    """A metric that is a mean, of examples that were answered several times: each counts by the mean of its answers."""
    rows, falling = _rows(name, truth.take(samples.of), samples.outputs)
    if not np.isfinite(rows).all():
        raise Undefined("an answer is missing or not finite")
    return _mean(samples.averaged(rows), weights, "an answer is missing", falling=falling)


def _rows(name: str, truth: Truth, outputs: Outputs) -> tuple[Array, bool]:
    """What each row has by itself of a metric that is the mean of that, and whether less of it is better."""
    column = outputs.columns.get(name)
    if column is not None and column.ndim == 1:
        return column, False
    if name in ("log_loss", "brier"):
        return probability_loss(name, *chance_of_truth(truth, outputs)), True
    if truth.values is not None and outputs.values is not None:
        errors = error_rows(name, truth.values, outputs.values - truth.values)
        if errors is not None:
            return errors, True
    if is_share(name) and not (name.startswith("top_") and truth.codes is None):
        goodness = _measured(name, truth, outputs, None, None).goodness.astype(np.float64)
        return (1.0 - goodness, True) if name == "error_rate" else (goodness, False)
    raise Undefined(f"of several answers to one example only means are taken, and {name} is none")


def _mean(values: Array, weights: Array | None, missing: str, *, falling: bool = False) -> Measured:
    if not np.isfinite(values).all():
        raise Undefined(missing)
    return Measured(influence.mean_score(values, weights), -values if falling else values)


def _of_labels(name: str, truth: Truth, outputs: Outputs, weights: Array | None) -> Measured:
    if outputs.labels is None or truth.codes is None:
        raise Undefined("there are no predicted labels")
    score = counts.label_score(
        name, truth.codes, outputs.labels, truth.classes, positive=truth.positive, weights=weights
    )
    return Measured(score, (truth.codes == outputs.labels).view(np.int8))


def finite_scores(outputs: Outputs) -> NDArray[Any]:
    """The scores of one model.

    Raises:
        Undefined: there are none, or one of them is missing.
    """
    if outputs.scores is None:
        raise Undefined("there are no scores")
    if not np.isfinite(outputs.scores).all():
        raise Undefined("a score is missing or not finite")
    return outputs.scores


def _of_ranking(name: str, truth: Truth, outputs: Outputs, weights: Array | None) -> Measured:
    scores = finite_scores(outputs)
    if truth.positive is None or scores.ndim != 1:
        raise Undefined(f"{name} needs two classes")
    if name == "roc_auc":
        score = auc.roc_auc(auc.ranked(scores), truth.is_positive, weights)
        # Compared as integers: a placement that both models give is no difference, however it is rounded.
        return Measured(score, placements.halves(scores, truth.is_positive))
    score = auc.average_precision(auc.ranked(scores), truth.is_positive, weights)
    # Influence alone is all zero for a perfect ranking and for a perfectly wrong one; the value tells them apart.
    return Measured(score, score.influence + score.value)


def _of_class_scores(name: str, truth: Truth, outputs: Outputs, weights: Array | None) -> Measured:
    scores = finite_scores(outputs)
    if truth.codes is None or scores.ndim != 2:
        raise Undefined(f"{name} needs a score of every class")
    top = _TOP.fullmatch(name)
    if top is None:
        score = multiclass_score(name, truth.codes, scores, weights)
        return Measured(score, score.influence + score.value)
    # A score shared with other classes names the true one only where all of them are named.
    of_truth = scores[np.arange(len(scores)), truth.codes]
    right = (scores >= of_truth[:, None]).sum(axis=1) <= int(top[1])
    return Measured(influence.mean_score(right.astype(np.float64), weights), right.view(np.int8))


def _of_queries(
    name: str, truth: Truth, outputs: Outputs, weights: Array | None, groups: NDArray[Any] | None
) -> Measured:
    scores = outputs.values if outputs.scores is None else outputs.scores
    if scores is None or scores.ndim != 1:
        raise Undefined("there are no scores to rank by")
    if not np.isfinite(scores).all():
        raise Undefined("a score is missing or not finite")
    if groups is None:
        raise Undefined(f"{name} needs the column of the query as group: a query is a group of examples")
    return Measured(*query_score(name, truth.relevance, scores, groups, weights))


def chance_of_truth(truth: Truth, outputs: Outputs) -> tuple[NDArray[Any], Array]:
    """A model's probabilities, and the one it gives to what is true of each example, shape (n,).

    Raises:
        Undefined: the scores are no probabilities, or one is missing.
    """
    scores = finite_scores(outputs).astype(np.float64, copy=False)
    if scores.min() < 0 or scores.max() > 1:
        raise Undefined("the scores are not probabilities between 0 and 1")
    if truth.codes is None:
        raise Undefined("there are no classes")
    # A row of zeros gives no class any chance and costs the most; every other row must be a distribution.
    if scores.ndim == 2 and bool(((np.abs(scores.sum(axis=1) - 1) > _SUM_TO_ONE) & scores.any(axis=1)).any()):
        raise Undefined("the scores of an example's classes do not sum to 1")
    of_truth: Array = (
        np.where(truth.is_positive, scores, 1.0 - scores)
        if scores.ndim == 1
        else scores[np.arange(len(scores)), truth.codes]
    )
    return scores, of_truth


def probability_loss(name: str, scores: NDArray[Any], of_truth: Array) -> Array:
    """Log loss or Brier score of each example, shape (n,).

    Args:
        name: ``log_loss`` or ``brier``.
        scores: probability of the positive class, shape (n,), or of every class, shape (n, classes).
        of_truth: probability of what is true, shape (n,).
    """
    if name == "log_loss":
        return np.asarray(-np.log(np.maximum(of_truth, CLIP)))
    if scores.ndim == 1:
        return np.asarray((1.0 - of_truth) ** 2)
    brier: Array = (scores * scores).sum(axis=1) - 2 * of_truth + 1.0
    return brier


def _of_values(
    name: str, truth: Truth, outputs: Outputs, weights: Array | None, groups: NDArray[Any] | None
) -> Measured:
    if outputs.values is None or truth.values is None:
        raise Undefined("there are no predicted values")
    errors = outputs.values - truth.values
    if not np.isfinite(errors).all():
        raise Undefined("a prediction is missing or not finite")
    rows = error_rows(name, truth.values, errors)
    if rows is not None:
        return _mean(rows, weights, "an error is too large to compute with", falling=True)
    pieces = effective_n(weights, len(errors)) if groups is None else float(groups.max() + 1)
    return Measured(value_score(name, truth.values, errors, weights, pieces), -np.abs(errors))

"""sample-size: how many examples and labels a wanted answer takes, and what the examples there are can show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlci.domain.sizing import Guarantee, Need, Question, SampleSize
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

# What is shown where nobody knows on how many examples the models will disagree.
USUAL_DISCORDANCE = (0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True, kw_only=True)
class Classes:
    """What is known of a ROC AUC beforehand.

    Attributes:
        auc: of both models, strictly between 0 and 1.
        positives: examples of the positive class in a holdout of this kind; their share is what counts.
        negatives: examples of the other class.
        correlation: between the two models' estimates; those of one family often have 0.8 to 0.95.
    """

    auc: float
    positives: int
    negatives: int
    correlation: float

    @property
    def share(self) -> float:
        """Share of the positive class."""
        return self.positives / (self.positives + self.negatives)


def run(
    question: Question,
    *,
    discordances: Sequence[float] = USUAL_DISCORDANCE,
    spread: float | None = None,
    classes: Classes | None = None,
    notes: Sequence[str] = (),
) -> SampleSize:
    """Answer.

    Args:
        question: what is to be shown, and how surely; of a mean ``spread`` and of an AUC ``classes`` must be given.
        discordances: of a share: on how many examples the two models may disagree, each strictly between 0 and 1.
        spread: of a mean: standard deviation of the per-example difference of the two models.
        classes: of an AUC.
        notes: what was measured or assumed, a sentence each.
    """
    looks = Looks(question.steps, question.adaptivity)
    alpha = looks.share(1 - question.confidence)
    if classes is not None:
        needs = [_of_auc(question, classes, alpha)]
    elif spread is not None:
        needs = [_of_mean(question, spread, alpha)]
    else:
        needs = [_of_share(question, each, alpha) for each in discordances]
    guarantees = tuple(_guarantees(question, looks, discordances)) if question.kind == "share" else ()
    return SampleSize(question=question, alpha=alpha, needs=tuple(needs), guarantees=guarantees, notes=tuple(notes))


def _of_share(question: Question, discordance: float, alpha: float) -> Need:
    spread, far = math.sqrt(discordance), reach(alpha, question.power)
    rows = None if question.margin is None else rows_for(spread, question.margin, far)
    return Need(
        spread=spread,
        discordance=discordance,
        rows=None if rows is None else whole(rows),
        labels=None if rows is None else whole(discordance * rows),
        detectable=None if question.rows is None else detectable(spread, question.rows, far),
    )


def _of_mean(question: Question, spread: float, alpha: float) -> Need:
    far = reach(alpha, question.power)
    margin = question.margin
    return Need(
        spread=spread,
        rows=None if margin is None else whole(rows_for_mean(spread, margin, alpha, question.power)),
        detectable=None if question.rows is None else detectable(spread, question.rows, far),
    )


def _of_auc(question: Question, classes: Classes, alpha: float) -> Need:
    far, margin, rows = reach(alpha, question.power), question.margin, question.rows
    needed = None
    if margin is not None:
        needed = whole(rows_for_auc(classes.auc, classes.share, classes.correlation, margin, far))
    shown = None
    if rows is not None:
        positives = classes.share * rows
        shown = far * auc_error(classes.auc, positives, rows - positives, classes.correlation)
    return Need(spread=classes.auc, rows=needed, detectable=shown)


def _guarantees(question: Question, looks: Looks, discordances: Sequence[float]) -> Iterator[Guarantee]:
    margin, delta = question.margin, 1 - question.reliability
    if margin is None:
        return
    yield Guarantee(
        clause="n",
        bound="Hoeffding",
        rows=whole(hoeffding(margin, delta, looks)),
        normal=whole(normal_share(margin, delta, looks)),
    )
    yield Guarantee(clause="n - o", bound="Hoeffding", rows=whole(hoeffding(margin, delta, looks, variables=2)))
    for discordance in discordances:
        yield Guarantee(
            clause=f"n - o, where d is at most {discordance:.4g}",
            bound="Bennett",
            rows=whole(bennett(margin, delta, looks, discordance)),
            normal=whole(normal_difference(margin, delta, looks, discordance)),
            labels=whole(bennett_labels(margin, delta, discordance)),
            normal_labels=whole(discordance * normal_difference(margin, delta, Looks(), discordance)),
        )

"""Calibration of both models, for a reader: what was said beside what happened."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from mlci.domain.changes import Bin, Calibration, ScoreChanges, decomposed, error_of_calibrated, expected_error
from mlci.domain.evidence import Numbers
from mlci.domain.figures import count, figure
from mlci.domain.policy import GatePolicy
from mlci.domain.report import Section

_PARTS = (
    "The Brier score is reliability (what was said against what happened; less is better) minus resolution (how well "
    "the examples are told apart; more is better) plus uncertainty, which is the truth's own, and what the bins leave."
)


def calibration(numbers: Numbers, policy: GatePolicy) -> Iterator[Section]:
    """Two sections, where the scores of both models are probabilities: the decomposed Brier score, and the curve."""
    del policy  # described, whatever is asked
    scores = numbers.changes.scores if numbers.changes is not None else None
    if scores is None or scores.candidate is None or scores.production is None:
        return
    pairs = (("production", scores.production), ("candidate", scores.candidate))
    yield Section(
        id="calibration",
        title="Calibration",
        sentences=(*_about(scores), _PARTS, _bias(scores.candidate, scores.production)),
        columns=("", "Brier score", "reliability", "resolution", "uncertainty", "left by bins", "ECE"),
        rows=tuple(_row(name, model) for name, model in pairs),
        figures={f"{name}_{what}": value for name, model in pairs for what, value in _figures(model)},
    )
    yield Section(
        id="reliability-curve",
        title="Reliability curve",
        sentences=(f"{count(scores.n)} examples in bins of about as many, by score, each model in bins of its own.",),
        columns=("bin", "production said", "happened", "examples", "candidate said", "happened", "examples"),
        rows=tuple(_curve(scores.production.bins, scores.candidate.bins)),
    )


def _about(scores: ScoreChanges) -> Iterator[str]:
    if scores.of == "top":
        yield "Of several classes: the probability of the class that is thought the likeliest, and whether it was."


def _bias(candidate: Calibration, production: Calibration) -> str:
    noise = [figure(error_of_calibrated(each)) for each in (production, candidate)]
    return (
        f"ECE, the mean distance in the bins, is shown and never judged: noise alone gives a perfectly calibrated "
        f"model {noise[0]} (production's bins) and {noise[1]} (the candidate's) here. Judge brier or log_loss."
    )


def _figures(model: Calibration) -> Iterator[tuple[str, float]]:
    parts = decomposed(model)
    yield "brier", model.brier
    yield "reliability", parts.reliability
    yield "resolution", parts.resolution
    yield "uncertainty", parts.uncertainty
    yield "ece", expected_error(model)


def _row(name: str, model: Calibration) -> tuple[str, ...]:
    parts = decomposed(model)
    values = (
        model.brier, parts.reliability, parts.resolution, parts.uncertainty, parts.within, expected_error(model)
    )  # fmt: skip
    return (name, *(figure(value) for value in values))


def _curve(production: tuple[Bin, ...], candidate: tuple[Bin, ...]) -> Iterator[tuple[str, ...]]:
    for number, pair in enumerate(itertools.zip_longest(production, candidate), 1):
        yield (str(number), *itertools.chain.from_iterable(_cells(each) for each in pair))


def _cells(each: Bin | None) -> tuple[str, str, str]:
    return ("–", "–", "–") if each is None else (figure(each.score), figure(each.happened / each.n), count(each.n))

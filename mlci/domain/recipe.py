"""Is this model worse, or is this way of training? Models of several seeds, and what they say of the recipe.

The same recipe gives another model with every seed, and the difference between two of them is often larger than what a
change is suspected of (Bouthillier et al., MLSys 2021). So a comparison says which of two questions it answers: that of
the *artefact* is about the very model that was trained, that of the *recipe* about the mean over seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mlci.domain.report import Subject

# What a comparison with production answers.
Question = Literal["artefact", "recipe"]
MOST_SEEDS = 20


@dataclass(frozen=True, kw_only=True)
class SeedRun:
    """A further model of the same recipe: its predictions lie beside the candidate's, it itself does not."""

    seed: int = field(metadata={"help": "The seed that training was handed."})
    artifact: str = field(metadata={"help": "sha256 of the manifest of its files and its code."})
    key: str = field(metadata={"help": "Its inputs key, which differs from the candidate's by the seed alone."})
    file: Subject = field(metadata={"help": "Name and digest of the file of predictions."})
    holdout: str = field(metadata={"help": "sha256 of the holdout it was scored on."})
    evaluator: str = field(metadata={"help": "sha256 of everything else its predictions depend on."})


@dataclass(frozen=True, kw_only=True)
class SeedRuns:
    """The further models of a hand-over, in the order of their seeds."""

    runs: tuple[SeedRun, ...] = field(metadata={"help": "One for each seed but the candidate's own."})


@dataclass(frozen=True, kw_only=True)
class OverSeeds:
    """One metric of every seed's model beside production, with the error that the examples leave in their mean."""

    metric: str = field(metadata={"help": "Name of the metric or of the user's column."})
    values: tuple[float, ...] = field(metadata={"help": "The value of each model, the candidate's first."})
    baseline: float = field(metadata={"help": "Production's value."})
    plain_error: float | None = field(
        default=None, metadata={"help": "Error from examples of the mean value minus production's."}
    )
    freedom: float | None = field(default=None, metadata={"help": "Degrees of freedom of plain_error."})
    log_error: float | None = field(
        default=None, metadata={"help": "Error from examples of the mean logarithm minus production's."}
    )
    log_freedom: float | None = field(default=None, metadata={"help": "Degrees of freedom of log_error."})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What the models of several seeds say of the way of training."""

    seeds: int = field(metadata={"help": "Models, the candidate included."})
    metrics: tuple[OverSeeds, ...] = field(metadata={"help": "Every metric that all of them have."})

    def of(self, metric: str) -> OverSeeds | None:
        """What is known of a metric."""
        return next((each for each in self.metrics if each.metric == metric), None)


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean, summed exactly."""
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.fsum(value / len(values) for value in values)


def deviation(values: Sequence[float]) -> float:
    """Standard deviation of one seed's value, with the usual correction; 0 of a single one."""
    if len(values) < 2:
        return 0.0
    middle = mean(values)
    # The squares of what is not too large by itself can be.
    largest = max(abs(value - middle) for value in values)
    if not 0 < largest < math.inf:
        return largest
    return largest * math.sqrt(math.fsum(((value - middle) / largest) ** 2 for value in values) / (len(values) - 1))


def components(values: Sequence[float], error: float) -> tuple[float, float]:
    """The two parts of the variance of the mean over seeds: s²/k of the seeds, and e² of the examples.

    s² is the variance between the k seeds' values and has some of the examples' noise in it too, so the sum of the two
    is rather too large than too small.

    Args:
        values: of each seed, on the scale of the comparison; k of them.
        error: e, of their mean against production, from the examples.
    """
    spread = deviation(values)
    return spread * spread / len(values), error * error

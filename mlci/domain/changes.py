"""What changed between two models on the same examples, beyond averages: counts that a report is made from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

# What the scores are that two models are compared by: the probability of the positive class, the largest of an
# example's class probabilities, or a score on a scale of its own.
Scored = Literal["positive", "top", "other"]


@dataclass(frozen=True, kw_only=True)
class LabelChanges:
    """Every example by whether each model answers it right: the five add up to all examples."""

    right_both: int = field(metadata={"help": "Examples that both models answer right."})
    newly_wrong: int = field(metadata={"help": "Examples that production answers right and the candidate wrong."})
    newly_right: int = field(metadata={"help": "Examples that production answers wrong and the candidate right."})
    wrong_alike: int = field(metadata={"help": "Examples that both answer wrong, with the same answer."})
    wrong_otherwise: int = field(metadata={"help": "Examples that both answer wrong, each in its own way."})

    @property
    def n(self) -> int:
        """All examples."""
        return self.right_before + self.newly_right + self.wrong_alike + self.wrong_otherwise

    @property
    def right_before(self) -> int:
        """Examples that production answers right."""
        return self.right_both + self.newly_wrong

    @property
    def changed(self) -> int:
        """Examples on which the answers differ at all."""
        return self.newly_wrong + self.newly_right + self.wrong_otherwise


@dataclass(frozen=True, kw_only=True)
class ValueChanges:
    """Every example by whether the candidate's predicted value is farther off: the three add up to all examples."""

    grew: int = field(metadata={"help": "Examples on which the candidate is farther off than production."})
    shrank: int = field(metadata={"help": "Examples on which it is nearer."})
    unchanged: int = field(metadata={"help": "Examples on which both are equally far off."})
    candidate_slope: float | None = field(
        default=None, metadata={"help": "Slope of the true values on the candidate's, 1 where it is calibrated."}
    )
    production_slope: float | None = field(default=None, metadata={"help": "The same of production's."})

    @property
    def n(self) -> int:
        """All examples."""
        return self.grew + self.shrank + self.unchanged


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Examples of about the same score."""

    n: int = field(metadata={"help": "Examples."})
    happened: int = field(metadata={"help": "Of these, how many are of the class that was scored."})
    score: float = field(metadata={"help": "Their mean score."})


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """One model's probabilities beside what happened, in bins of about as many examples each, lowest first."""

    brier: float = field(metadata={"help": "Mean squared distance of the scores from what happened, unbinned."})
    bins: tuple[Bin, ...] = field(metadata={"help": "The bins; equal scores are never parted."})


@dataclass(frozen=True, kw_only=True)
class ScoreChanges:
    """The scores of both models on the examples that both have a usable score of."""

    of: Scored = field(metadata={"help": "What the scores are: positive, top (of several classes) or other."})
    n: int = field(metadata={"help": "Examples with a usable score of both models."})
    candidate_mean: float = field(metadata={"help": "The candidate's mean score."})
    production_mean: float = field(metadata={"help": "Production's mean score."})
    candidate_counts: tuple[int, ...] = field(
        metadata={"help": "The candidate's scores in bins that each hold about as many of production's."}
    )
    production_counts: tuple[int, ...] = field(metadata={"help": "Production's scores in the same bins."})
    kolmogorov_smirnov: float = field(
        metadata={"help": "Largest distance between the two cumulative distributions of scores."}
    )
    wasserstein: float = field(metadata={"help": "Area between the two cumulative distributions of scores."})
    candidate: Calibration | None = field(
        default=None, metadata={"help": "The candidate's calibration; absent where the scores are no probabilities."}
    )
    production: Calibration | None = field(default=None, metadata={"help": "Production's."})


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What changed on all examples; each example counts once, whatever its weight."""

    independent: bool = field(metadata={"help": "Whether the examples are drawn one by one and of equal weight."})
    weighted: bool = field(
        default=False, metadata={"help": "Whether they carry weights, so that a share of the examples says little."}
    )
    labels: LabelChanges | None = field(default=None, metadata={"help": "Of predicted labels."})
    values: ValueChanges | None = field(default=None, metadata={"help": "Of predicted values."})
    scores: ScoreChanges | None = field(default=None, metadata={"help": "Of scores."})


@dataclass(frozen=True)
class Decomposed:
    """The Brier score taken apart (Murphy 1973): reliability - resolution + uncertainty, and what binning leaves.

    Attributes:
        reliability: mean squared distance between what was said and what happened, bin by bin; 0 is calibrated.
        resolution: how far what happened in the bins lies from the average; larger tells the examples better apart.
        uncertainty: of the truth itself, the same for every model.
        within: what the variation of the scores inside the bins adds (Stephenson et al. 2008).
    """

    reliability: float
    resolution: float
    uncertainty: float
    within: float


def decomposed(calibration: Calibration) -> Decomposed:
    """Take a Brier score of two outcomes apart by its bins. Murphy 1973, J. Appl. Meteor. 12:595."""
    n = sum(each.n for each in calibration.bins)
    base = sum(each.happened for each in calibration.bins) / n
    reliability = math.fsum(each.n * (each.score - each.happened / each.n) ** 2 for each in calibration.bins) / n
    resolution = math.fsum(each.n * (each.happened / each.n - base) ** 2 for each in calibration.bins) / n
    uncertainty = base * (1 - base)
    return Decomposed(
        reliability, resolution, uncertainty, calibration.brier - (reliability - resolution + uncertainty)
    )


def expected_error(calibration: Calibration) -> float:
    """Expected calibration error: mean absolute distance between what was said and what happened, bin by bin."""
    n = sum(each.n for each in calibration.bins)
    return math.fsum(abs(each.n * each.score - each.happened) for each in calibration.bins) / n


def error_of_calibrated(calibration: Calibration) -> float:
    """The expected calibration error that a perfectly calibrated model would show in these bins, by noise alone.

    The mean absolute value of a normal variable of the bin's binomial spread, sqrt(2 s (1 - s) / (pi n)).
    """
    n = sum(each.n for each in calibration.bins)
    spreads = (math.sqrt(2 * each.n * max(0.0, each.score * (1 - each.score)) / math.pi) for each in calibration.bins)
    return math.fsum(spreads) / n


def population_stability(candidate: tuple[int, ...], production: tuple[int, ...]) -> float:
    """Population stability index of two counts in the same bins; half an example in each keeps empty ones finite."""
    shares = zip(_shares(candidate), _shares(production), strict=True)
    return math.fsum((p - q) * math.log(p / q) for p, q in shares)


def jensen_shannon(candidate: tuple[int, ...], production: tuple[int, ...]) -> float:
    """Jensen-Shannon divergence of the same two, in bits: 0 where they are alike, 1 where they share no bin."""
    total = 0.0
    n, m = sum(candidate), sum(production)
    for mine, theirs in zip(candidate, production, strict=True):
        p, q = mine / n, theirs / m
        middle = (p + q) / 2
        total += sum(share * math.log2(share / middle) / 2 for share in (p, q) if share > 0)
    return max(0.0, total)


def _shares(counts: tuple[int, ...]) -> list[float]:
    total = sum(counts) + len(counts) / 2
    return [(number + 0.5) / total for number in counts]

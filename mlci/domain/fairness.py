"""Fairness between groups: the measures that are known, what is asked of them, and the numbers they follow from.

Every measure compares a rate between groups; its value is the largest difference (or the smallest ratio) of two groups,
as fairlearn's ``method="between_groups"`` has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mlci.domain.figures import Better
from mlci.domain.policy import FairnessRule
from mlci.domain.slices import Folded

RateName = Literal["selected", "true_positives", "false_positives", "precision", "calibration"]

# The rates whose values are shares of examples, between 0 and 1; calibration is a mean between -1 and 1.
SHARES: frozenset[str] = frozenset({"selected", "true_positives", "false_positives", "precision"})
# Examples, or what weights and groups leave of them, below which a rate says nothing of a group.
FEWEST = 10
# A column with more groups than this is not one that fairness can be judged by: the largest are compared.
MOST_GROUPS = 20


@dataclass(frozen=True)
class Measure:
    """A fairness measure.

    Attributes:
        name: the spelling in configuration and reports.
        rates: the rates that are compared between groups; the worst counts.
        ratio: whether the smaller rate is divided by the larger one, instead of subtracted from it.
    """

    name: str
    rates: tuple[RateName, ...]
    ratio: bool = False

    @property
    def title(self) -> str:
        """How a person reads it."""
        return self.name.replace("_", " ").capitalize()

    @property
    def better(self) -> Better:
        """Which way the measure is better."""
        return "higher" if self.ratio else "lower"


MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("demographic_parity_difference", ("selected",)),
        Measure("demographic_parity_ratio", ("selected",), ratio=True),
        Measure("equal_opportunity_difference", ("true_positives",)),
        Measure("equalized_odds_difference", ("true_positives", "false_positives")),
        Measure("predictive_parity_difference", ("precision",)),
        Measure("calibration_within_groups", ("calibration",)),
    )
}

IN_WORDS: dict[str, str] = {
    "selected": "predicted positive",
    "true_positives": "positives found",
    "false_positives": "negatives taken for positive",
    "precision": "right where predicted positive",
    "calibration": "score minus truth, mean",
}


@dataclass(frozen=True, kw_only=True)
class GroupRate:
    """One rate of one group, of both models."""

    column: str = field(metadata={"help": "The sensitive column."})
    group: str = field(metadata={"help": "The group, as column=value."})
    rate: RateName = field(metadata={"help": "Which rate."})
    n: int = field(metadata={"help": "Examples of the group."})
    differing: int = field(metadata={"help": "Those of them, or their clusters, that the models answer differently."})
    candidate: float | None = field(default=None, metadata={"help": "The candidate's rate; absent where it has none."})
    baseline: float | None = field(default=None, metadata={"help": "Production's rate; absent where it has none."})
    candidate_of: int = field(metadata={"help": "Examples that the candidate's rate is a share of."})
    baseline_of: int = field(metadata={"help": "The same for production."})
    candidate_error: float | None = field(default=None, metadata={"help": "Standard error of the candidate's rate."})
    baseline_error: float | None = field(default=None, metadata={"help": "Standard error of production's rate."})
    correlation: float = field(default=0.0, metadata={"help": "Correlation of the errors of the two rates."})
    candidate_size: float = field(
        metadata={"help": "Independent pieces of information behind the candidate's rate: examples, or what weights "
                  "and groups leave of them."}
    )  # fmt: skip
    baseline_size: float = field(metadata={"help": "The same for production."})
    clustered: bool = field(default=False, metadata={"help": "Whether examples come in groups that belong together."})
    weighted: bool = field(default=False, metadata={"help": "Whether examples have weights."})


@dataclass(frozen=True, kw_only=True)
class Link:
    """Correlations between the rates of two groups, where some customers have examples in both."""

    column: str = field(metadata={"help": "The sensitive column."})
    rate: RateName = field(metadata={"help": "Which rate."})
    one: str = field(metadata={"help": "The first group."})
    other: str = field(metadata={"help": "The second group."})
    candidate: float = field(metadata={"help": "Of the candidate's rates in both."})
    baseline: float = field(default=0.0, metadata={"help": "Of production's rates in both."})
    candidate_baseline: float = field(
        default=0.0, metadata={"help": "Of the candidate's rate in the first and production's in the second."}
    )
    baseline_candidate: float = field(
        default=0.0, metadata={"help": "Of production's rate in the first and the candidate's in the second."}
    )


@dataclass(frozen=True, kw_only=True)
class Disparities:
    """The rates of every group of the sensitive columns, enough to judge any measure of them."""

    columns: tuple[str, ...] = field(default=(), metadata={"help": "Sensitive columns of production's file."})
    rates: tuple[GroupRate, ...] = field(default=(), metadata={"help": "Every rate of every group, in order."})
    links: tuple[Link, ...] = field(default=(), metadata={"help": "Groups whose rates are not independent."})
    folded: tuple[Folded, ...] = field(
        default=(), metadata={"help": "Groups that were not compared, because their column has too many."}
    )


def rates_asked(rules: Sequence[FairnessRule]) -> tuple[RateName, ...]:
    """The rates that the rules need, each once."""
    return tuple(
        dict.fromkeys(rate for rule in rules if rule.measure in MEASURES for rate in MEASURES[rule.measure].rates)
    )


def is_judged(rule: FairnessRule) -> bool:
    """Whether a rule asks what can be judged: a known measure, and a limit on the side where it can do harm."""
    measure = MEASURES.get(rule.measure)
    if measure is None or (rule.tolerance is not None and rule.tolerance.relative):
        return False
    return (rule.maximum if measure.ratio else rule.minimum) is None

"""What changed, for a reader: flips, answers and scores, in counts and shares with their bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlci.domain.changes import (
    LabelChanges,
    ScoreChanges,
    ValueChanges,
    jensen_shannon,
    population_stability,
)
from mlci.domain.evidence import Numbers, Statistic
from mlci.domain.figures import count, figure, percent
from mlci.domain.metric import METRICS
from mlci.domain.policy import GatePolicy
from mlci.domain.report import Section
from mlci.domain.sentence import level
from mlci.stats.proportions import wilson
from mlci.stats.student import normal_quantile

# Slices listed, those with the largest share of newly wrong answers first.
_MOST_SLICES = 10
_GROUPED = "Examples come in groups; here each counts once, so no bounds are given."
_WEIGHTED = (
    "Examples carry weights; here each counts once, so no shares are given. A limit on negative_flip_rate or "
    "prediction_churn weighs them."
)


@dataclass(frozen=True)
class _Share:
    """Some of so many examples, with Wilson's bounds where examples are independent."""

    part: int
    whole: int
    z: float | None

    @property
    def value(self) -> float:
        return self.part / self.whole

    def __str__(self) -> str:
        text = percent(self.value)
        if self.z is None:
            return text
        low, high = wilson(self.part, self.whole, self.z)
        return f"{text}, bounds [{percent(low)}, {percent(high)}]"


def changes(numbers: Numbers, policy: GatePolicy) -> Iterator[Section]:
    """One section, where two models are not the same."""
    found = numbers.changes
    if found is None or (numbers.coverage is not None and numbers.coverage.identical):
        return
    z = normal_quantile(policy.confidence) if found.independent else None
    sentences: list[str] = []
    figures: dict[str, float] = {}
    if found.labels is not None:
        _say_labels(found.labels, z, sentences, figures, shares=not found.weighted)
    if found.values is not None:
        _say_values(found.values, z, sentences, figures, shares=not found.weighted)
    if found.labels is not None or found.values is not None:
        bounded = _GROUPED if z is None else f"Bounds are {level(policy.confidence)}."
        sentences.append(_WEIGHTED if found.weighted else bounded)
    if found.scores is not None:
        _say_scores(found.scores, sentences, figures)
    rows = _slices(numbers) if found.labels is not None else ()
    yield Section(
        id="changes",
        title="What changed",
        sentences=tuple(sentences),
        columns=("slice", "examples", "newly wrong", "newly right") if rows else (),
        rows=rows,
        figures=figures,
    )


def _say_labels(
    labels: LabelChanges, z: float | None, sentences: list[str], figures: dict[str, float], *, shares: bool
) -> None:
    flipped, churn = _Share(labels.newly_wrong, labels.n, z), _Share(labels.changed, labels.n, z)
    said = (
        f"{count(labels.newly_wrong)} of {count(labels.n)} examples are newly wrong and {count(labels.newly_right)} "
        "newly right"
    )
    figures |= {"newly_wrong": labels.newly_wrong, "newly_right": labels.newly_right, "changed": labels.changed}
    if not shares:
        sentences.append(f"{said}; the answer changed on {count(labels.changed)}.")
        return
    sentences.append(f"{said}; the negative-flip rate is {flipped}.")
    figures |= {"negative_flip_rate": flipped.value, "prediction_churn": churn.value}
    if labels.right_before > 0:
        kept = _Share(labels.right_both, labels.right_before, z)
        sentences.append(
            f"Of the answers that production gets right the candidate keeps {kept} (backward trust compatibility)."
        )
        figures["backward_trust_compatibility"] = kept.value
    sentences.append(f"Churn, the share of all answers that changed at all, is {churn}.")


def _say_values(
    values: ValueChanges, z: float | None, sentences: list[str], figures: dict[str, float], *, shares: bool
) -> None:
    share = f" ({_Share(values.grew, values.n, z)})" if shares else ""
    sentences.append(
        f"The error grew on {count(values.grew)} of {count(values.n)} examples{share} and shrank on "
        f"{count(values.shrank)}."
    )
    figures |= {"error_grew": values.grew, "error_shrank": values.shrank}
    if values.candidate_slope is not None and values.production_slope is not None:
        sentences.append(
            f"The calibration slope, 1 where predictions neither exaggerate nor hold back, goes from "
            f"{figure(values.production_slope)} to {figure(values.candidate_slope)}."
        )
        figures |= {"slope": values.candidate_slope, "production_slope": values.production_slope}


def _say_scores(scores: ScoreChanges, sentences: list[str], figures: dict[str, float]) -> None:
    stability = population_stability(scores.candidate_counts, scores.production_counts)
    divergence = jensen_shannon(scores.candidate_counts, scores.production_counts)
    sentences.append(
        f"The mean score goes from {figure(scores.production_mean)} to {figure(scores.candidate_mean)}. The two "
        f"distributions of scores are at most {figure(scores.kolmogorov_smirnov)} apart (Kolmogorov-Smirnov) with "
        f"{figure(scores.wasserstein)} between them (Wasserstein); PSI {figure(stability)}, Jensen-Shannon "
        f"{figure(divergence)} bit."
    )
    figures |= {
        "mean_score": scores.candidate_mean,
        "production_mean_score": scores.production_mean,
        "kolmogorov_smirnov": scores.kolmogorov_smirnov,
        "wasserstein": scores.wasserstein,
        "psi": stability,
        "jensen_shannon": divergence,
    }


def _slices(numbers: Numbers) -> tuple[tuple[str, ...], ...]:
    """Slices with newly wrong answers; every metric of labels counts the same flips, so one of them tells."""
    seen: dict[str, Statistic] = {}
    for found in numbers.statistics:
        metric = METRICS.get(found.metric or "")
        if found.slice is not None and metric is not None and metric.needs == "label" and found.lost > 0:
            seen.setdefault(found.slice, found)
    worst = sorted(seen.values(), key=lambda each: (-each.lost / each.n, str(each.slice)))[:_MOST_SLICES]
    return tuple((str(each.slice), count(each.n), count(each.lost), count(each.gained)) for each in worst)

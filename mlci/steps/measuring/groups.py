"""The rates that fairness compares, of every group and both models, with the errors of their influence values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.fairness import MOST_GROUPS, Disparities, GroupRate, Link, RateName, rates_asked
from mlci.domain.policy import GatePolicy
from mlci.domain.slices import NAMED, Folded, missing_name, slice_name
from mlci.ports import Texts
from mlci.stats.grouped import Cells, Flags, Floats, Rates, Rows, as_they_are, by_kind, covariance, rates
from mlci.steps.holdout import Holdout


@dataclass(frozen=True)
class _Groups:
    """A sensitive column: each example's group, those left out being the last one, and what the groups are called."""

    column: str
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    codes: NDArray[np.intp]


@dataclass(frozen=True)
class _Examples:
    """What rates are taken of: labels by kind where examples are independent, scores always as they are."""

    holdout: Holdout
    labels: Rows | None
    scores: Rows | None


def disparities(holdout: Holdout, policy: GatePolicy) -> Disparities | None:
    """Measure every rate that the policy's fairness rules need; None where there are none."""
    asked = rates_asked(policy.fairness)
    if not asked:
        return None
    every: list[GroupRate] = []
    links: list[Link] = []
    folded: list[Folded] = []
    for column, words in holdout.sensitive.items():
        groups, left = _grouped(column, words, is_pair=column in holdout.pairs)
        folded += left
        examples = _examples(holdout, groups, asked)
        for rate in asked:
            found, bound = _measured(examples, groups, rate)
            every += found
            links += bound
    return Disparities(columns=tuple(holdout.sensitive), rates=tuple(every), links=tuple(links), folded=tuple(folded))


def _grouped(column: str, words: Texts, *, is_pair: bool) -> tuple[_Groups, list[Folded]]:
    sizes = np.bincount(words.codes + 1, minlength=len(words.values) + 1)
    values = (missing_name(words.values), *words.values)
    names = values if is_pair else tuple(slice_name(column, value) for value in values)
    largest = sorted(np.flatnonzero(sizes).tolist(), key=lambda place: (-int(sizes[place]), names[place]))
    kept, left = sorted(largest[:MOST_GROUPS], key=lambda place: names[place]), largest[MOST_GROUPS:]
    ranks = np.full(len(names), len(kept), dtype=np.intp)
    ranks[kept] = np.arange(len(kept))
    own = tuple(int(sizes[place]) for place in kept)
    groups = _Groups(column, tuple(names[place] for place in kept), own, ranks[words.codes + 1])
    if not left:
        return groups, []
    n, most = int(sizes[left].sum()), int(sizes[left[0]])
    some = tuple(names[place] for place in left[:NAMED])
    return groups, [Folded(column=column, slices=len(left), n=n, largest=most, names=some)]


def _examples(holdout: Holdout, groups: _Groups, asked: Sequence[RateName]) -> _Examples:
    truth = holdout.truth
    if truth.positive is None or truth.codes is None:
        return _Examples(holdout, None, None)
    code = truth.positive
    mine, theirs = (
        None if side is None or side.labels is None else np.asarray(side.labels == code)
        for side in (holdout.candidate, holdout.baseline)
    )
    common = (groups.codes, len(groups.names), truth.is_positive, (mine, theirs), holdout.weights)
    if holdout.clusters is not None:
        rows = as_they_are(*common, holdout.clusters)
        return _Examples(holdout, rows, rows)
    of_scores = as_they_are(*common, None) if "calibration" in asked else None
    return _Examples(holdout, by_kind(*common) if set(asked) - {"calibration"} else None, of_scores)


def _measured(examples: _Examples, groups: _Groups, rate: RateName) -> tuple[list[GroupRate], list[Link]]:
    rows = examples.scores if rate == "calibration" else examples.labels
    parts = [None, None] if rows is None else [_parts(examples, rows, side, rate) for side in (0, 1)]
    candidate, baseline = (None if rows is None or each is None else rates(rows, *each) for each in parts)
    names = range(len(groups.names))
    differing, together = np.zeros(len(names)), np.zeros(len(names))
    if rows is not None and candidate is not None and baseline is not None:
        differing, together = rows.count(_differ(*parts)), covariance(rows, candidate, baseline)
    found = [
        GroupRate(
            column=groups.column,
            group=groups.names[place],
            rate=rate,
            n=groups.sizes[place],
            differing=int(differing[place]),
            **_of_side("candidate", candidate, place),
            **_of_side("baseline", baseline, place),
            correlation=_correlation(candidate, baseline, together, place),
            clustered=examples.holdout.clusters is not None,
            weighted=examples.holdout.weights is not None,
        )
        for place in names
    ]
    if rows is None or rows.cells is None or candidate is None:
        return found, []
    return found, list(_links(groups, rate, candidate, baseline, rows.cells))


def _of_side(whose: str, side: Rates | None, place: int) -> dict[str, Any]:
    if side is None or not side.of[place]:
        return {f"{whose}_of": 0, f"{whose}_size": 0.0}
    error = float(side.error[place])
    return {
        whose: float(side.value[place]),
        f"{whose}_error": error if np.isfinite(error) else None,
        f"{whose}_of": int(side.of[place]),
        f"{whose}_size": float(side.size[place]),
    }


def _parts(examples: _Examples, rows: Rows, side: int, rate: RateName) -> tuple[NDArray[Any], Flags] | None:
    """What is averaged, and among which examples; None where the model does not give what the rate needs."""
    everybody = np.ones(len(rows.positive), dtype=bool)
    if rate == "calibration":
        outputs = (examples.holdout.candidate, examples.holdout.baseline)[side]
        scores = None if outputs is None else outputs.scores
        if scores is None or scores.ndim != 1 or not bool(((scores >= 0) & (scores <= 1)).all()):
            return None
        return scores - rows.positive, everybody
    chosen = rows.chosen[side]
    if chosen is None:
        return None
    if rate == "precision":
        return rows.positive, chosen
    among = {"selected": everybody, "true_positives": rows.positive, "false_positives": ~rows.positive}[rate]
    return chosen, among


def _differ(one: tuple[NDArray[Any], Flags] | None, other: tuple[NDArray[Any], Flags] | None) -> Flags:
    """Which examples the two models answer differently as far as the rate can see."""
    if one is None or other is None:
        raise TypeError("only two rates can differ")
    return np.asarray((one[0] != other[0]) & one[1] & other[1] | (one[1] != other[1]))


def _correlation(one: Rates | None, other: Rates | None, together: Floats, place: int) -> float:
    if one is None or other is None:
        return 0.0
    return _bounded(float(together[place]), float(one.error[place]) * float(other.error[place]))


def _bounded(product: float, errors: float) -> float:
    return max(-1.0, min(1.0, product / errors)) if errors > 0 and np.isfinite(errors) else 0.0


def _product(one: Floats, other: Floats) -> float:
    # Not by the linear algebra library, whose threads would move the last digits.
    return float((one * other).sum())


def _links(groups: _Groups, rate: RateName, candidate: Rates, baseline: Rates | None, cells: Cells) -> Iterator[Link]:
    """Pairs of groups that have clusters in common; a customer's examples may lie in two regions."""
    both = np.abs(candidate.influence) + (0.0 if baseline is None else np.abs(baseline.influence))
    shared = cells.crossing(both) > 0
    mine = cells.crossing(candidate.influence, both)
    theirs = np.zeros_like(mine) if baseline is None else cells.crossing(baseline.influence, both)
    one, other = (candidate, mine), (baseline, theirs)
    for left, right in combinations(range(len(groups.names)), 2):
        if not np.any(shared[left] & shared[right]):
            continue
        found = [
            0.0
            if a is None or b is None
            else _bounded(_product(of_a[left], of_b[right]), float(a.error[left] * b.error[right]))
            for (a, of_a), (b, of_b) in ((one, one), (other, other), (one, other), (other, one))
        ]
        yield Link(
            column=groups.column,
            rate=rate,
            one=groups.names[left],
            other=groups.names[right],
            candidate=found[0],
            baseline=found[1],
            candidate_baseline=found[2],
            baseline_candidate=found[3],
        )

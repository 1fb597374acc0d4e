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
from mlci.stats.measure import Outputs
from mlci.steps.holdout import Holdout

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Groups:
    """A sensitive column: each example's group, those left out being the last one, and what the groups are called."""

    column: str
    names: tuple[str, ...]
    codes: NDArray[np.intp]

    def sums(self, values: _Floats | NDArray[np.bool_]) -> _Floats:
        """Sum of the values in each named group, shape (groups,)."""
        whole = len(self.names) + 1
        weights = None if values.dtype == bool else values
        codes = self.codes[values] if weights is None else self.codes
        return np.asarray(np.bincount(codes, weights=weights, minlength=whole)[:-1], dtype=np.float64)


@dataclass(frozen=True)
class _Sides:
    """One rate of one model in every group: value, error and what it is a share of; influence of every example."""

    value: _Floats
    error: _Floats
    of: _Floats
    size: _Floats
    influence: _Floats


def disparities(holdout: Holdout, policy: GatePolicy) -> Disparities | None:
    """Measure every rate that the policy's fairness rules need; None where there are none."""
    asked = rates_asked(policy.fairness)
    if not asked:
        return None
    rates: list[GroupRate] = []
    links: list[Link] = []
    folded: list[Folded] = []
    for column, words in holdout.sensitive.items():
        groups, left = _grouped(column, words, is_pair=column in holdout.pairs)
        folded += left
        for rate in asked:
            found, bound = _measured(holdout, groups, rate)
            rates += found
            links += bound
    return Disparities(columns=tuple(holdout.sensitive), rates=tuple(rates), links=tuple(links), folded=tuple(folded))


def _grouped(column: str, words: Texts, *, is_pair: bool) -> tuple[_Groups, list[Folded]]:
    sizes = np.bincount(words.codes + 1, minlength=len(words.values) + 1)
    values = (missing_name(words.values), *words.values)
    names = values if is_pair else tuple(slice_name(column, value) for value in values)
    largest = sorted(np.flatnonzero(sizes).tolist(), key=lambda place: (-int(sizes[place]), names[place]))
    kept, left = sorted(largest[:MOST_GROUPS], key=lambda place: names[place]), largest[MOST_GROUPS:]
    ranks = np.full(len(names), len(kept), dtype=np.intp)
    ranks[kept] = np.arange(len(kept))
    groups = _Groups(column, tuple(names[place] for place in kept), ranks[words.codes + 1])
    if not left:
        return groups, []
    n, most = int(sizes[left].sum()), int(sizes[left[0]])
    some = tuple(names[place] for place in left[:NAMED])
    return groups, [Folded(column=column, slices=len(left), n=n, largest=most, names=some)]


def _measured(holdout: Holdout, groups: _Groups, rate: RateName) -> tuple[list[GroupRate], list[Link]]:
    candidate = _sides(holdout, groups, holdout.candidate, rate)
    baseline = None if holdout.baseline is None else _sides(holdout, groups, holdout.baseline, rate)
    cells = None if holdout.clusters is None else _Cells(groups, holdout.clusters)
    together = _product(groups, candidate, baseline, cells)
    sizes, differing = groups.sums(np.ones(holdout.n, dtype=bool)), groups.sums(_differ(holdout, rate))
    if cells is not None:
        differing = cells.by_group(cells.sums(_differ(holdout, rate).astype(np.float64)) > 0)
    found = [
        GroupRate(
            column=groups.column,
            group=name,
            rate=rate,
            n=int(sizes[place]),
            differing=int(differing[place]),
            **_of_side("candidate", candidate, place),
            **_of_side("baseline", baseline, place),
            correlation=_correlation(candidate, baseline, together, place),
            clustered=holdout.clusters is not None,
            weighted=holdout.weights is not None,
        )
        for place, name in enumerate(groups.names)
    ]
    return found, [] if cells is None or candidate is None else list(_links(groups, rate, candidate, baseline, cells))


def _of_side(whose: str, side: _Sides | None, place: int) -> dict[str, Any]:
    if side is None or not side.of[place]:
        return {f"{whose}_of": 0, f"{whose}_size": 0.0}
    error = float(side.error[place])
    return {
        whose: float(side.value[place]),
        f"{whose}_error": error if np.isfinite(error) else None,
        f"{whose}_of": int(side.of[place]),
        f"{whose}_size": float(side.size[place]),
    }


def _sides(holdout: Holdout, groups: _Groups, outputs: Outputs, rate: RateName) -> _Sides | None:
    """One model's rate in every group; None where the model does not give what the rate needs."""
    parts = _parts(holdout, outputs, rate)
    if parts is None:
        return None
    counted, among = parts
    weights = np.ones(holdout.n) if holdout.weights is None else holdout.weights
    inside = weights * among
    whole = groups.sums(inside)
    value = _divided(groups.sums(inside * counted), whole)
    padded, below = np.append(value, 0.0), np.append(_divided(np.ones_like(whole), whole), 0.0)
    influence = inside * (counted - padded[groups.codes]) * below[groups.codes]
    # A weight of 0 is no example: it is not what a rate is a share of.
    of = groups.sums(among & (weights > 0))
    if holdout.clusters is None:
        squares, count = groups.sums(influence * influence), of
        size = _divided(whole * whole, groups.sums(inside * inside))
    else:
        cells = _Cells(groups, holdout.clusters)
        sums = cells.sums(influence)
        squares, count = cells.by_group(sums * sums), cells.by_group(cells.sums(inside) > 0)
        size = _effective(cells, inside)
    # Corrected for the value taken from the same examples, so that two equal models have no error between them.
    correction = np.sqrt(_divided(count, count - 1))
    error = np.where(count > 1, np.sqrt(squares) * correction, np.nan)
    return _Sides(value, error, of, size, influence * np.append(correction, 0.0)[groups.codes])


def _parts(holdout: Holdout, outputs: Outputs, rate: RateName) -> tuple[_Floats, NDArray[np.bool_]] | None:
    """What is averaged, and among which examples, each of shape (n,)."""
    if holdout.truth.positive is None or holdout.truth.codes is None:
        return None
    positive, everybody = holdout.truth.is_positive, np.ones(holdout.n, dtype=bool)
    if rate == "calibration":
        scores = outputs.scores
        if scores is None or scores.ndim != 1 or not bool(((scores >= 0) & (scores <= 1)).all()):
            return None
        return scores - positive, everybody
    if outputs.labels is None:
        return None
    chosen = np.asarray(outputs.labels == holdout.truth.positive)
    if rate == "precision":
        return positive.astype(np.float64), chosen
    among = {"selected": everybody, "true_positives": positive, "false_positives": ~positive}[rate]
    return chosen.astype(np.float64), among


def _differ(holdout: Holdout, rate: RateName) -> NDArray[np.bool_]:
    """Which examples the two models answer differently as far as the rate can see."""
    if holdout.baseline is None:
        return np.zeros(holdout.n, dtype=bool)
    one, other = _parts(holdout, holdout.candidate, rate), _parts(holdout, holdout.baseline, rate)
    if one is None or other is None:
        return np.zeros(holdout.n, dtype=bool)
    return np.asarray((one[0] != other[0]) & one[1] & other[1] | (one[1] != other[1]))


class _Cells:
    """The meetings of groups and clusters: sums within each, and sums of those by group."""

    def __init__(self, groups: _Groups, clusters: NDArray[Any]) -> None:
        self.width = int(clusters.max()) + 1
        self.keys, self._codes = np.unique(groups.codes * self.width + clusters, return_inverse=True)
        self._group, self._groups = self.keys // self.width, len(groups.names)

    def sums(self, values: _Floats) -> _Floats:
        return np.asarray(np.bincount(self._codes, weights=values, minlength=len(self.keys)), dtype=np.float64)

    def by_group(self, sums: NDArray[Any]) -> _Floats:
        whole = np.bincount(self._group, weights=sums, minlength=self._groups + 1)
        return np.asarray(whole[:-1], dtype=np.float64)

    def crossing(self, sums: _Floats) -> _Floats:
        """Sums as a table of shape (groups, clusters), of those clusters alone that have examples in several groups."""
        named = self._group < self._groups
        cluster = self.keys % self.width
        several = np.bincount(cluster[named], minlength=self.width) > 1
        chosen = named & several[cluster]
        table = np.zeros((self._groups, int(several.sum())))
        table[self._group[chosen], (np.cumsum(several) - 1)[cluster[chosen]]] = sums[chosen]
        return table


def _effective(cells: _Cells, inside: _Floats) -> _Floats:
    """Groups of examples by how much of a rate's examples each carries, (sum)² / sum of squares."""
    sums = cells.sums(inside)
    return _divided(cells.by_group(sums) ** 2, cells.by_group(sums * sums))


def _divided(above: _Floats, below: _Floats) -> _Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)


def _product(groups: _Groups, one: _Sides | None, other: _Sides | None, cells: _Cells | None) -> _Floats:
    """Sum of the products of two models' influence in every group."""
    if one is None or other is None:
        return np.zeros(len(groups.names))
    if cells is None:
        return groups.sums(one.influence * other.influence)
    return cells.by_group(cells.sums(one.influence) * cells.sums(other.influence))


def _correlation(one: _Sides | None, other: _Sides | None, together: _Floats, place: int) -> float:
    if one is None or other is None:
        return 0.0
    return _bounded(float(together[place]), float(one.error[place]) * float(other.error[place]))


def _bounded(product: float, errors: float) -> float:
    return max(-1.0, min(1.0, product / errors)) if errors > 0 and np.isfinite(errors) else 0.0


def _links(
    groups: _Groups, rate: RateName, candidate: _Sides, baseline: _Sides | None, cells: _Cells
) -> Iterator[Link]:
    """Pairs of groups that have clusters in common; a customer's examples may lie in two regions."""
    mine = cells.crossing(cells.sums(candidate.influence))
    theirs = np.zeros_like(mine) if baseline is None else cells.crossing(cells.sums(baseline.influence))
    pairs = list(combinations(range(len(groups.names)), 2)) if mine.shape[1] else []
    for one, other in pairs:
        if not np.any((mine[one] != 0) & (mine[other] != 0)) and not np.any((theirs[one] != 0) & (theirs[other] != 0)):
            continue
        both: Sequence[tuple[_Floats, _Sides | None, _Floats, _Sides | None]] = (
            (mine, candidate, mine, candidate),
            (theirs, baseline, theirs, baseline),
            (mine, candidate, theirs, baseline),
            (theirs, baseline, mine, candidate),
        )
        found = [
            0.0
            if left is None or right is None
            else _bounded(float(a[one] @ b[other]), float(left.error[one] * right.error[other]))
            for a, left, b, right in both
        ]
        yield Link(
            column=groups.column,
            rate=rate,
            one=groups.names[one],
            other=groups.names[other],
            candidate=found[0],
            baseline=found[1],
            candidate_baseline=found[2],
            baseline_candidate=found[3],
        )

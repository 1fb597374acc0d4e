"""When a label, a source or a far-off group of rows is more than chance: decided from counts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

# Each question put to clean data may be answered wrongly once in a hundred times.
ALPHA = 0.01

# Fewer events than this in all are judged by their exact law.
_FEW = 200

# Half octaves of the distance that must be as good as empty between a cluster and what is nearer.
_GAP = 2
# What "as good as empty" is, as a share of the cluster's rows.
_STRAY = 0.02
# Half octaves that a cluster may reach over; what reaches further is a tail.
_WIDEST = 6


@dataclass(frozen=True, kw_only=True)
class More:
    """One share against another.

    Attributes:
        share: what was found.
        chance: what it is held against.
        p: probability of so much or more if both were one.
        low: lower bound of the difference.
    """

    share: float
    chance: float
    p: float
    low: float

    def shown(self, alpha: float, limit: float) -> bool:
        """Whether the difference is beyond chance, and beyond a limit."""
        return self.p < alpha and self.low > limit


def more(events: int, of: int, before: int, of_before: int, alpha: float) -> More:
    """Whether events are more frequent than they were before.

    Few events are judged by the binomial law that they have given how many there are in all; many by the normal one.
    """
    share, chance = events / of, before / of_before
    pooled = (events + before) / (of + of_before)
    error = math.sqrt(pooled * (1 - pooled) * (1 / of + 1 / of_before))
    z = NormalDist().inv_cdf(1 - alpha)
    own = math.sqrt(share * (1 - share) / of + chance * (1 - chance) / of_before)
    total = events + before
    if total < _FEW:
        here = of / (of + of_before)
        p = math.fsum(math.comb(total, k) * here**k * (1 - here) ** (total - k) for k in range(events, total + 1))
    else:
        p = 1 - NormalDist().cdf((share - chance) / error) if error else 1.0
    return More(share=share, chance=chance, p=min(p, 1.0), low=share - chance - z * own)


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How often each value of a column stands there.

    Attributes:
        rows: in all.
        values: rows by value, the most frequent ones.
        others: rows with a value that is not among them.
    """

    rows: int
    values: Mapping[str, int]
    others: int = 0

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return max(0, self.rows - sum(self.values.values()) - self.others)


@dataclass(frozen=True, kw_only=True)
class Jump:
    """A share that is another than it was.

    Attributes:
        value: whose share it is; None for missing values.
        before: rows with it, of how many.
        now: the same today.
        least: what it moved by at the least, as the check can show.
    """

    value: str | None
    before: tuple[int, int]
    now: tuple[int, int]
    least: float

    @property
    def change(self) -> float:
        """How far it moved."""
        return self.now[0] / self.now[1] - self.before[0] / self.before[1]


def jumps(before: Shares, now: Shares, alpha: float) -> list[Jump]:
    """How far the share of each value moved, what moved most first; every value is a question, and all share alpha.

    A value of today's that was too rare to be listed before is given the whole share of those that were.
    """
    if not before.rows or not now.rows:
        return []
    names = sorted({*before.values, *now.values})
    counts: list[tuple[str | None, int, int]] = [(None, before.missing, now.missing)]
    for name in names:
        listed = before.values.get(name)
        if name not in now.values and now.others:
            continue
        counts.append(
            (
                name,
                listed if listed is not None else min(before.others, now.values.get(name, 0)),
                now.values.get(name, 0),
            )
        )
    z = NormalDist().inv_cdf(1 - alpha / 2 / len(counts))
    found = []
    for value, was, is_now in counts:
        one, other = was / before.rows, is_now / now.rows
        error = math.sqrt(_variance(was, before.rows) + _variance(is_now, now.rows))
        found.append(
            Jump(value=value, before=(was, before.rows), now=(is_now, now.rows), least=abs(other - one) - z * error)
        )
    return sorted(found, key=lambda one: (-one.least, one.value or ""))


def _variance(events: int, of: int) -> float:
    """Of a share; with two events and two others more, so that none out of few is not taken for certain."""
    share = (events + 2) / (of + 4)
    return share * (1 - share) / (of + 4)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Rows that are all far out on one side of one measure, with nothing between them and the rest.

    Attributes:
        rows: how many.
        label: the label that most of them have.
        labelled: how many of them have it.
        share: of that label among all rows.
        near: how far out the nearest of them is at the least, in robust standard deviations.
    """

    rows: int
    label: str
    labelled: int
    share: float
    near: float


def clusters(rings: Mapping[int, Mapping[str, int]], labels: Mapping[str, int], alpha: float) -> Iterable[Cluster]:
    """Clusters on one side of one measure that lean to one label.

    Args:
        rings: rows by label in each half octave of the distance: 0 up to four robust standard deviations, 1 from four
            to ``4 · √2``, and so on.
        labels: rows by label, of all rows.
        alpha: of the lower bound of the share of a label within a cluster.
    """
    counts = {ring: sum(by.values()) for ring, by in rings.items()}
    total = sum(labels.values())
    for start in sorted(ring for ring in counts if ring > _GAP and counts[ring]):
        inside = [ring for ring in counts if ring >= start]
        rows = sum(counts[ring] for ring in inside)
        between = sum(counts.get(ring, 0) for ring in range(start - _GAP, start))
        if between > _STRAY * rows:
            continue
        core = sum(counts[ring] for ring in inside if ring < start + _WIDEST)
        if core < 0.9 * rows:
            continue
        by_label: dict[str, int] = {}
        for ring in inside:
            for label, n in rings[ring].items():
                by_label[label] = by_label.get(label, 0) + n
        label, labelled = max(sorted(by_label.items()), key=lambda item: item[1])
        share = labels[label] / total
        if _wilson(labelled, rows, alpha) >= share + (1 - share) / 2:
            yield Cluster(rows=rows, label=label, labelled=labelled, share=share, near=4 * 2 ** ((start - 1) / 2))
        return


def _wilson(events: int, of: int, alpha: float) -> float:
    """Lower bound of a share."""
    z = NormalDist().inv_cdf(1 - alpha)
    share = events / of
    centre = share + z * z / (2 * of)
    return (centre - z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))) / (1 + z * z / of)

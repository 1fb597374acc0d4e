"""Metrics that are means, or smooth functions of means, from moments: counts, means and products of deviations.

With a and b the two models' losses of an example, d = a - b, and s what a metric is scaled by (the squared deviation of
the truth for R², the absolute truth for WAPE), every paired error is a quadratic form in the covariances of d, b and s
(delta method). Written in d, not in a, nothing cancels where two models agree almost everywhere. Means and sums of
products of deviations are what numpy, SQL databases and Spark all compute without losing digits (Chan, Golub and
LeVeque 1983, Am. Stat. 37:242).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.stats.bounds import Discordance, Undefined
from mlci.stats.comparing import Compared, finite, paired_of
from mlci.stats.influence import freedom_of_few

Array = NDArray[np.float64]

# How each metric reads the means of its losses: as they are, under a root, or as a share of what it is scaled by.
ROOTS = frozenset({"rmse"})
SHARED = frozenset({"r2", "wape"})
# A sum of squares and products this small beside its squares has no digits left.
_CANCELLED = 1e-12
# So many examples are multiplied at once.
_BLOCK = 1 << 14


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Sums over independent examples of equal weight; each product is the sum of products of deviations.

    Attributes:
        n: examples.
        a: mean loss of the candidate.
        b: mean loss of production.
        s: mean of what the metric is scaled by; 1 where by nothing.
        gained: examples on which the candidate's loss is smaller.
        lost: examples on which production's is.
    """

    n: int
    a: float
    b: float
    aa: float
    bb: float
    dd: float
    db: float
    gained: int
    lost: int
    s: float = 1.0
    ss: float = 0.0
    sa: float = 0.0
    sb: float = 0.0
    sd: float = 0.0

    @property
    def discordance(self) -> Discordance:
        """On how many examples one of the two is nearer to right."""
        return Discordance(self.gained, self.lost)


def moments(a: Array, b: Array, s: Array | None = None, nearer: tuple[Array, Array] | None = None) -> Moments:
    """Moments of two models' losses.

    Args:
        a: the candidate's losses, shape (n,), finite.
        b: production's.
        s: what the metric is scaled by, shape (n,).
        nearer: losses by which an example counts as gained or lost, where these are others.
    """
    first, second = nearer or (a, b)
    found = {"a": float(a.mean()), "b": float(b.mean())}
    if s is not None:
        found["s"] = float(s.mean())
    sums = [_products(found, a[rows], b[rows], None if s is None else s[rows]) for rows in _blocks(len(a))]
    found |= {name: math.fsum(part[name] for part in sums) for name in sums[0]}
    gained, lost = int(np.count_nonzero(first < second)), int(np.count_nonzero(first > second))
    return Moments(n=len(a), gained=gained, lost=lost, **found)


def _blocks(n: int) -> list[slice]:
    """A part at a time stays in the processor's cache."""
    return [slice(start, start + _BLOCK) for start in range(0, n, _BLOCK)]


def _products(means: dict[str, float], a: Array, b: Array, s: Array | None) -> dict[str, float]:
    of_a, of_b = a - means["a"], b - means["b"]
    of_d = (a - b) - (means["a"] - means["b"])
    products = {"aa": (of_a, of_a), "bb": (of_b, of_b), "dd": (of_d, of_d), "db": (of_d, of_b)}
    if s is not None:
        of_s = s - means["s"]
        products |= {"ss": (of_s, of_s), "sa": (of_s, of_a), "sb": (of_s, of_b), "sd": (of_s, of_d)}
    # np.sum adds in pairs, the same way whatever the number of threads; a dot product does not promise that.
    return {name: float((x * y).sum()) for name, (x, y) in products.items()}


@dataclass(frozen=True)
class _Linear:
    """A value and its influence, which is a combination of the deviations of the model's own loss and of s."""

    value: float
    by_loss: float
    by_s: float = 0.0


def compared(name: str, of: Moments) -> Compared:
    """One metric of both models.

    Args:
        name: ``rmse``, ``r2``, ``wape``; any other is the mean loss itself.
        of: moments of the losses, which are squared errors for ``rmse`` and ``r2``, absolute ones for ``wape``.

    Raises:
        Undefined: the numbers are too large to compute with.
    """
    mine, theirs = _read(name, of.a, of.s), _read(name, of.b, of.s)
    candidate, baseline = mine.value, theirs.value
    own = _own(of, mine)
    if not (math.isfinite(candidate) and math.isfinite(baseline) and math.isfinite(own + _own(of, theirs, of.bb))):
        raise Undefined("the numbers are too large to compute with")
    freedom = freedom_of_few(of.discordance.total, of.n, of.n - 1.0)
    log = math.nan
    if candidate > 0 and baseline > 0:
        log = _error(of, _scaled(mine, candidate), _scaled(theirs, baseline))
    pair = paired_of(
        candidate,
        baseline,
        plain_error=_error(of, mine, theirs),
        log_error=log,
        discordance=of.discordance,
        n=of.n,
        freedom=freedom,
        log_freedom=freedom,
    )
    return Compared(
        pair=pair,
        own_error=_root(own, of.n),
        own_freedom=max(1.0, of.n - 1.0),
        own_size=float(of.n),
        differing=of.gained + of.lost,
    )


def _read(name: str, mean: float, s: float) -> _Linear:
    if name in ROOTS:
        root = math.sqrt(mean)
        return _Linear(root, 0.5 / root if root > 0 else 0.0)
    if name not in SHARED:
        return _Linear(mean, 1.0)
    ratio = mean / s
    return _Linear(1.0 - ratio, -1.0 / s, ratio / s) if name == "r2" else _Linear(ratio, 1.0 / s, -ratio / s)


def _scaled(of: _Linear, by: float) -> _Linear:
    return _Linear(1.0, of.by_loss / by, of.by_s / by)


def _own(of: Moments, one: _Linear, own: float | None = None) -> float:
    """The sum of squared influences of one model's value."""
    squares, with_s = (of.aa, of.sa) if own is None else (own, of.sb)
    return one.by_loss**2 * squares + 2 * one.by_loss * one.by_s * with_s + one.by_s**2 * of.ss


def _error(of: Moments, mine: _Linear, theirs: _Linear) -> float:
    """Standard error of the difference of two values, in terms of d, b and s."""
    d, b, s = mine.by_loss, mine.by_loss - theirs.by_loss, mine.by_s - theirs.by_s
    squares = d * d * of.dd + b * b * of.bb + s * s * of.ss
    total = squares + 2 * (d * b * of.db + d * s * of.sd + b * s * of.sb)
    # One loss a multiple of the other, or nearly: what is left of the squares is their rounding, not a spread.
    return _root(total if total > _CANCELLED * squares else 0.0, of.n)


def _root(squares: float, n: int) -> float:
    """Standard error from a sum of squared influences; NaN for fewer than two examples."""
    if n < 2:
        return math.nan
    return finite(math.sqrt(max(0.0, squares) * n / (n - 1)) / n)


def spread(values: Array) -> Any:
    """Squared deviations from the mean, shape (n,)."""
    centred = values - float(values.mean())
    return centred * centred

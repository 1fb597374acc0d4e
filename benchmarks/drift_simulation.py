"""How often the drift check errs: its findings on simulated tables of known change, beside what others use.

Every replicate draws a reference and new data, profiles both and hands them to the very functions that judge a dataset.
Columns are independent and standard normal, moved by so many standard deviations. Three rules are counted on the same
draws: ours (the two-part rule with Holm's correction over all columns and comparisons), and a fixed threshold of 0.1 or
0.2 on the population stability index in the reference's deciles, as is usual.

A profile is counts in bins and nothing else, so counts are drawn from their exact distribution, and a million rows cost
no more than a thousand: the reference's own edges are order statistics of its n rows, whose positions are beta
distributed, and the counts of new data between given edges are multinomial.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from multiprocessing import Pool
from statistics import NormalDist

import numpy as np
from measure import table
from numpy.typing import NDArray

from mlci.config.data import Drift
from mlci.domain.dataset.drift import corrected_for_all
from mlci.domain.dataset.profile import ColumnProfile
from mlci.stats.divergence import psi
from mlci.stats.multiplicity import holm
from mlci.steps.checking.drifting import compared

Array = NDArray[np.float64]

ROWS = (1_000, 3_000, 10_000, 100_000, 1_000_000)
# 0.1414 standard deviations are an index of 0.02, the default limit itself.
SHIFTS = (0.0, 0.02, 0.1414, 0.3)
FOLK = (0.1, 0.2)
BINS = 20
_NORMAL = NormalDist()


def edges_of(n: int, random: np.random.Generator) -> tuple[Array, NDArray[np.intp]]:
    """Edges at the quantiles of n standard normal values, and the ranks of the values that they are."""
    ranks = np.concatenate(([1], np.ceil(np.arange(1, BINS) * n / BINS), [n])).astype(np.intp)
    gaps = np.diff(np.concatenate(([0], ranks, [n + 1])))
    parts = random.standard_gamma(gaps)
    below = np.cumsum(parts)[:-1] / parts.sum()
    return np.array([_NORMAL.inv_cdf(min(max(each, 1e-15), 1 - 1e-15)) for each in below]), ranks


def column(name: str, edges: Array, counts: NDArray[np.intp]) -> ColumnProfile:
    """A profile with these counts."""
    return ColumnProfile(
        name=name, type="number", kind="number", missing=0, edges=tuple(map(float, edges)),
        counts=tuple(map(int, counts)), minimum=float(edges[0]), maximum=float(edges[-1]), mean=0.0, deviation=1.0,
    )  # fmt: skip


def drawn(name: str, n: int, m: int, shift: float, random: np.random.Generator) -> tuple[ColumnProfile, ColumnProfile]:
    """A column of the reference and the same of new data, at the reference's edges."""
    edges, ranks = edges_of(n, random)
    # Bins are closed to the left, the last one to both sides.
    inside = np.diff(ranks)
    inside[-1] += 1
    before = np.concatenate(([0], inside, [0]))
    below = np.array([_NORMAL.cdf(float(edge) - shift) for edge in edges])
    shares = np.diff(np.concatenate(([0.0], below, [1.0])))
    return column(name, edges, before), column(name, edges, random.multinomial(m, shares))


def deciles(before: ColumnProfile, now: ColumnProfile) -> float:
    """The plain index in ten bins, those outside with the outermost, as it is usually computed."""
    sides = []
    for side in (before, now):
        inner = np.array(side.counts[1:-1], dtype=np.float64)
        inner[0] += side.counts[0]
        inner[-1] += side.counts[-1]
        sides.append(inner.reshape(-1, 2).sum(axis=1))
    return psi(*sides).value


def counted(setting: tuple[int, int, int, float, int, int]) -> dict[str, float]:
    """Shares of columns, and of tables, that each rule calls drifted."""
    n, m, columns, shift, times, seed = setting
    random = np.random.default_rng([seed, n, m, columns, round(1_000 * shift)])
    settings = Drift()
    any_of = dict.fromkeys(("ours", *map(str, FOLK)), 0)
    each_of = dict(any_of)
    for _ in range(times):
        pairs = [drawn(f"c{number}", n, m, shift, random) for number in range(columns)]
        found = tuple(compared(before, now, (n, m), settings) for before, now in pairs)
        found = corrected_for_all(found, holm([one.p for each in found for one in each.moved]))
        plain = [deciles(before, now) for before, now in pairs]
        ours = sum(bool(each.beyond(settings.confidence)) for each in found)
        for name, alarms in (("ours", ours), *((str(limit), sum(each > limit for each in plain)) for limit in FOLK)):
            each_of[name] += alarms
            any_of[name] += alarms > 0
    shares = {f"{name} column": alarms / (times * columns) for name, alarms in each_of.items()}
    return shares | {f"{name} table": alarms / times for name, alarms in any_of.items()}


def rows_of(settings: list[tuple[int, int, int, float, int, int]], workers: int) -> Iterator[tuple[str, ...]]:
    """A row of the table for each setting."""
    with Pool(workers) as pool:
        for setting, found in zip(settings, pool.imap(counted, settings), strict=True):
            n, m, columns, shift, times, _ = setting
            shown = [
                f"{100 * found[f'{rule} {what}']:.2f}"
                for rule in ("ours", *map(str, FOLK))
                for what in ("column", "table")
            ]
            yield (f"{n:,}", f"{m:,}", str(columns), f"{shift:g}", str(times), *shown)


HEADS = (
    "Reference rows", "New rows", "Columns", "Shift, sd", "Tables", "ours, % of columns", "ours, % of tables",
    "PSI > 0.1, % of columns", "% of tables", "PSI > 0.2, % of columns", "% of tables",
)  # fmt: skip


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=400, help="simulated tables for each line")
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20_260_801)
    own = parser.parse_args()
    sizes = [(n, n) for n in ROWS] + [(10_000, 100), (10_000, 200), (100_000, 1_000), (1_000_000, 1_000)]
    settings = [(n, m, own.columns, shift, own.tables, own.seed) for shift in SHIFTS for n, m in sizes]
    # One column alone: the power of the rule where nothing is corrected for but its two comparisons.
    settings += [(n, m, 1, SHIFTS[-1], 5 * own.tables, own.seed) for n, m in [(200, 200), (500, 500), *sizes]]
    print(table(HEADS, list(rows_of(settings, own.workers))))


if __name__ == "__main__":
    main()

"""How often data-check takes chance for copied rows, and how many copied rows it needs to see them.

The rows that repeat come from the real data of ``statsmodels`` (randhie: 20 190 rows of which 11 065 repeat) and from
laws that repeat more or less. Each trial splits them at random into training and holdout, which is clean by
construction, and once more with a share of the holdout replaced by rows of training. The figures are those of the
domain's judgement on counts made by numpy, the same as the engine's.

    python benchmarks/leakage_simulation.py [--trials 400]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from mlci.domain.dataset.leakage import ALPHA, Repeats, excess_of


@dataclass(frozen=True)
class Population:
    """What rows are drawn from: a number for each content.

    Attributes:
        name: in words.
        draw: so many rows.
    """

    name: str
    draw: Callable[[np.random.Generator, int], np.ndarray]


def populations() -> Iterator[Population]:
    yield Population("hardly a row repeats", lambda rng, n: rng.integers(0, 200_000_000, n))
    yield Population("few rows repeat", lambda rng, n: rng.integers(0, 2_000_000, n))
    yield Population("some contents are common (Zipf 1.3)", lambda rng, n: rng.zipf(1.3, n))
    yield Population("coarse, 20 000 contents", lambda rng, n: rng.geometric(1 / 5000, n))
    yield Population("coarse, 300 contents", lambda rng, n: rng.geometric(1 / 60, n))
    randhie = _randhie()
    yield Population("randhie", lambda rng, n: rng.permutation(randhie)[:n])


def _randhie() -> np.ndarray:
    from statsmodels.datasets import randhie

    table = randhie.load_pandas().data.to_numpy()
    return np.unique(table, axis=0, return_inverse=True)[1].ravel()


def repeats(train: np.ndarray, holdout: np.ndarray) -> Repeats:
    """Count as the engine does."""
    contents, times = np.unique(train, return_counts=True)
    pairs = np.unique(holdout, return_counts=True)[1]
    return Repeats(
        holdout=len(holdout), inside=int(np.isin(holdout, contents).sum()), train=len(train),
        once=int((times == 1).sum()), twice=int((times == 2).sum()),
        holdout_pairs=int((pairs * (pairs - 1) // 2).sum()),
    )  # fmt: skip


def alarms(population: Population, n: int, m: int, copied: float, trials: int, *, naive: bool = False) -> float:
    """Share of trials that find a leak at the level of the check."""
    found = 0
    for seed in range(trials):
        rng = np.random.default_rng([seed, n, m])
        rows = population.draw(rng, n + m)
        train, holdout = rows[:n], rows[n:].copy()
        k = round(copied * m)
        holdout[:k] = train[rng.choice(n, k, replace=k > n)]
        counted = repeats(train, holdout)
        found += counted.inside > 0 if naive else excess_of(counted, ALPHA).shown(ALPHA, 0.0)
    return found / trials


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=400)
    trials = parser.parse_args().trials
    print("| rows | training / holdout | chance | any equal row | clean | 0.5 % copied | 1 % | 2 % | 5 % |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for population in populations():
        for n, m in ((1000, 300), (4000, 1000), (14_000, 6000), (100_000, 20_000)):
            if population.name == "randhie" and n + m > 20_190:
                continue
            rng = np.random.default_rng(1)
            rows = population.draw(rng, n + m)
            chance = excess_of(repeats(rows[:n], rows[n:]), ALPHA).chance
            naive = alarms(population, n, m, 0, trials, naive=True)
            cells = [alarms(population, n, m, copied, trials) for copied in (0, 0.005, 0.01, 0.02, 0.05)]
            shown = " | ".join(f"{100 * cell:.1f} %" for cell in cells)
            print(f"| {population.name} | {n:,} / {m:,} | {100 * chance:.2f} % | {100 * naive:.0f} % | {shown} |")


if __name__ == "__main__":
    main()

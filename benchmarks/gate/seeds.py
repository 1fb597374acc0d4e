"""How often the bounds of a mean over seeds are missed: by how many seeds there are, and how much the seed moves them.

Every draw has the noise of the examples that all seeds share, the noise of the examples that each seed has by itself,
and what the seed itself does. The true mean over seeds equals production's, so a one-sided bound of 95 % is to be
missed in at most 5 % of draws. Beside the gate's bounds stand those by Satterthwaite's degrees of freedom,
those that take the seeds as fixed, and those of the first seed's model alone, which answer another question.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from measure import table

from mlci.domain.recipe import components
from mlci.stats.mixed import TwoSources
from mlci.stats.student import normal_quantile, t_quantile

LEVEL = 0.95
SHARED, OWN = 0.8, 0.6
EXAMPLES = 2000


def missed(random: np.random.Generator, seeds: int, spread: float, draws: int) -> tuple[float, ...]:
    """In what share of draws the lower bound lies above the truth: four ways to bound, in the order of the table."""
    z, counts = normal_quantile(LEVEL), np.zeros(4)
    examples = (SHARED**2 + OWN**2 / seeds) ** 0.5
    for _ in range(draws):
        values = SHARED * random.normal() + OWN * random.normal(size=seeds) + spread * random.normal(size=seeds)
        between, within = components([float(value) for value in values], examples)
        sources, middle = TwoSources(between, seeds - 1.0, within, EXAMPLES - 1.0), float(values.mean())
        counts += (
            middle - sources.quantile(LEVEL) * sources.error > 0,
            middle - t_quantile(LEVEL, _satterthwaite(sources)) * sources.error > 0,
            middle - z * examples > 0,
            values[0] - z * (SHARED**2 + OWN**2) ** 0.5 > 0,
        )
    return tuple(float(count) for count in counts / draws)


def _satterthwaite(of: TwoSources) -> float:
    parts = of.first**2 / of.first_freedom + of.second**2 / of.second_freedom
    return max(1.0, (of.first + of.second) ** 2 / parts)


def rows(draws: int) -> Iterator[list[str]]:
    """One row for each number of seeds and each spread between them, in errors of one model's examples."""
    for seeds in (2, 3, 5, 10):
        for spread in (0.0, 0.5, 1.0, 2.0, 4.0):
            found = missed(np.random.default_rng(5), seeds, spread, draws)
            yield [str(seeds), f"{spread:g}", *(f"{100 * share:.1f} %" for share in found)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20_000)
    draws = parser.parse_args().draws
    print(f"{draws} draws; three standard errors of 5 % are {300 * (0.0475 / draws) ** 0.5:.1f} points\n")
    head = [
        "seeds",
        "spread between seeds",
        "the gate",
        "Satterthwaite",
        "seeds taken as fixed",
        "one model for the recipe",
    ]
    print(table(head, list(rows(draws))))


if __name__ == "__main__":
    main()

"""Whether the bounds of a user's function hold: a delete-block jackknife beside the bootstrap, at what number of calls.

Pairs of models are drawn again and again, the difference of a function between them is bounded, and it is counted how
often the true difference lies beyond each bound. A one-sided bound of 95 % is to be missed in 5 % of draws, on each
side. The functions are such as users write: what a decision earns for what it costs, and F1 as a black box.

``width`` is the mean distance between the bounds, ``noise`` the relative spread of that distance: with few blocks the
error is right on average and wrong in a single run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from measure import table

from mlci.stats.jackknife import blocks_of, error_of
from mlci.stats.student import t_quantile

Array = NDArray[Any]
LEVEL = 0.95


@dataclass(frozen=True)
class Case:
    """A function of the user's as one of sums, so that leaving rows out is a subtraction.

    Attributes:
        name: of the row in the table.
        draw: random generator and number of examples to the summands of both models, shape (n, k) each.
        value: of sums, shape (…, k).
        groups: examples in a group that share their noise; 1 for independent ones.
    """

    name: str
    draw: Callable[[np.random.Generator, int], tuple[Array, Array]]
    value: Callable[[Array], Array]
    groups: int = 1


def earned(random: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Gain and cost of each decision: costs are skewed, and both models decide on the same customers."""
    cost = random.lognormal(0.0, 1.0, n)
    shared = random.normal(0.0, 1.0, n)
    gains = [0.5 * cost + 0.8 * shared + 0.6 * random.normal(0.0, 1.0, n) for _ in range(2)]
    return np.column_stack((gains[0], cost)), np.column_stack((gains[1], cost))


def cells(random: np.random.Generator, n: int) -> tuple[Array, Array]:
    """True positives and errors at one positive in ten."""
    positive = random.random(n) < 0.1
    hard = random.normal(0.0, 1.0, n)
    sides = []
    for _ in range(2):
        said = positive * 2.2 + 0.86 * hard + 0.5 * random.normal(0.0, 1.0, n) > 1.4
        sides.append(np.column_stack((said & positive, said ^ positive)).astype(float))
    return sides[0], sides[1]


def grouped(random: np.random.Generator, n: int) -> tuple[Array, Array]:
    """The same gain for cost, where ten decisions of one customer share half of their noise."""
    size = 10
    cost = random.lognormal(0.0, 1.0, n)
    gains = [
        0.5 * cost + 0.7 * np.repeat(random.normal(0, 1, n // size), size) + 0.7 * random.normal(0.0, 1.0, n)
        for _ in range(2)
    ]
    return np.column_stack((gains[0], cost)), np.column_stack((gains[1], cost))


CASES = (
    Case("earned for cost", earned, lambda sums: sums[..., 0] / sums[..., 1]),
    Case("F1, a tenth positive", cells, lambda sums: 2 * sums[..., 0] / (2 * sums[..., 0] + sums[..., 1])),
    Case("earned for cost, groups of 10", grouped, lambda sums: sums[..., 0] / sums[..., 1], groups=10),
)


def jackknife(case: Case, sides: tuple[Array, Array], blocks: int) -> tuple[float, float]:
    """The bounds of the gate."""
    n = len(sides[0])
    clusters = np.arange(n) // case.groups if case.groups > 1 else None
    codes, count = blocks_of(n, clusters, blocks)
    rest = []
    for side in sides:
        parts = np.stack([np.bincount(codes, column, minlength=count) for column in side.T], axis=1)
        rest.append(case.value(side.sum(axis=0) - parts))
    estimate = float(case.value(sides[0].sum(axis=0)) - case.value(sides[1].sum(axis=0)))
    reach = t_quantile(LEVEL, count - 1) * error_of(rest[0] - rest[1])
    return estimate - reach, estimate + reach


def bootstrap(case: Case, sides: tuple[Array, Array], random: np.random.Generator, draws: int) -> tuple[float, float]:
    """Percentiles of the paired bootstrap, whole groups drawn."""
    units = len(sides[0]) // case.groups
    parts = [side.reshape(units, case.groups, -1).sum(axis=1) for side in sides]
    drawn = random.integers(0, units, (draws, units))
    times = np.stack([np.bincount(row, minlength=units) for row in drawn]).astype(float)
    away = case.value(times @ parts[0]) - case.value(times @ parts[1])
    low, high = np.quantile(away, (1 - LEVEL, LEVEL))
    return float(low), float(high)


def rows(trials: int, sizes: tuple[int, ...]) -> Iterator[list[str]]:
    """One row for each function, number of examples and way to bound."""
    for case in CASES:
        for n in sizes:
            # Both models are drawn alike, so that the true difference is 0 whatever the function.
            ways: dict[str, tuple[int, Callable[[Any, Any], tuple[float, float]]]] = {
                "jackknife, 100 blocks": (101, lambda sides, _, case=case: jackknife(case, sides, 100)),
                "jackknife, 20 blocks": (21, lambda sides, _, case=case: jackknife(case, sides, 20)),
                "bootstrap, 1 000": (1001, lambda sides, random, case=case: bootstrap(case, sides, random, 1000)),
            }
            for name, (calls, way) in ways.items():
                random = np.random.default_rng(11)
                bounds = np.array([way(case.draw(random, n), random) for _ in range(trials)])
                width = bounds[:, 1] - bounds[:, 0]
                yield [
                    case.name, f"{n:,}".replace(",", " "), name, f"{calls:,}".replace(",", " "),
                    f"{100 * (bounds[:, 0] > 0).mean():.1f} / {100 * (bounds[:, 1] < 0).mean():.1f} %",
                    f"{width.mean():.4f}", f"{100 * width.std() / width.mean():.0f} %",
                ]  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=4000)
    parser.add_argument("--rows", type=int, nargs="+", default=[500, 2000])
    asked = parser.parse_args()
    margin = 300 * (0.0475 / asked.trials) ** 0.5
    print(f"{asked.trials} draws; three standard errors of a share of 5 % are {margin:.1f} points\n")
    head = ["function", "examples", "bounds", "calls a model", "missed below / above", "width", "noise"]
    print(table(head, list(rows(asked.trials, tuple(asked.rows)))))


if __name__ == "__main__":
    main()

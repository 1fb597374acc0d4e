"""How often each kind of metric misleads: candidates of known quality, judged by the code that judges a pull request.

For every kind of metric and every number of examples three candidates are drawn again and again:

- *unchanged*: the true difference is 0. One that fails is a **false block**. With a margin of 0 nothing holds a block
  back, so there the rate is to be alpha itself; with the margin of the table it is to be at most alpha.
- *at the margin*: the true loss is exactly the margin. One that passes is a **false pass**, to be alpha at most.
- *twice the margin*: worse than agreed. One that passes is a false pass that hurts.

The margin of a kind is the true loss of the second candidate, so that no rate leans on a margin that happens to suit.
Beside the gate stand three rules that are common: the *point* rule blocks where the estimate is beyond the margin,
the *zero* rule where the estimate is worse at all, and the *p < 0.05* rule where a paired test is significant.

The generator of classes is the one of ``simulation.py``: exact probabilities from normal evidence, so that all metrics
fall together. Values are a signal plus Student noise of 5 degrees of freedom. In groups, a share of the evidence is the
same for all examples of a group.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from holdouts import held
from measure import table

from mlci.domain.evidence import Numbers
from mlci.domain.finding import Finding
from mlci.domain.metric import Metric, metric_named
from mlci.domain.policy import GatePolicy, MetricRule, Tolerance
from mlci.domain.verdict import Verdict
from mlci.stats.measure import Outputs, Truth, measure
from mlci.stats.student import t_tail
from mlci.steps.holdout import Holdout
from mlci.steps.judging import judge
from mlci.steps.measuring import measured

ALPHA = 1 - GatePolicy().confidence
ROWS = (500, 1_000, 2_000, 5_000, 10_000, 50_000)
# Correlation of the two models' noise: they share most of what they get wrong.
_SHARED = 0.86
# Examples from which the true loss of a candidate is taken.
_TRUTH_ROWS = 1_000_000
# Examples of one cell and candidate, over all its holdouts.
_MOST_EXAMPLES = 4_000_000
_GROUP_SIZE = 20
_ICC = 0.3

Array = NDArray[Any]


@dataclass(frozen=True)
class World:
    """Where examples come from, and the metrics that are looked at there.

    Attributes:
        name: how the table calls it.
        kinds: metrics by name.
        task: what is predicted.
        positives: share of the positive class.
        ties: whether scores are written with two decimals.
        grouped: whether examples come in groups.
        losses: strength of production's evidence, the candidate's at the margin, and at about twice the margin.
    """

    name: str
    kinds: tuple[str, ...]
    task: Any = "binary"
    positives: float = 0.2
    ties: bool = False
    grouped: bool = False
    losses: tuple[float, float, float] = (1.2, 1.14, 1.08)


_BINARY = (
    "accuracy",
    "balanced_accuracy",
    "f1",
    "precision",
    "recall",
    "mcc",
    "roc_auc",
    "pr_auc",
    "log_loss",
    "brier",
)
WORLDS = (
    World("two classes, 20 % positive", _BINARY),
    World("two classes, ties", _BINARY, ties=True),
    World("two classes, 2 % positive", _BINARY, positives=0.02),
    World("two classes, groups of 20", _BINARY, grouped=True),
    World(
        "five classes",
        ("accuracy", "f1_macro", "f1_weighted", "mcc", "kappa", "roc_auc_ovr", "pr_auc_macro", "log_loss", "brier"),
        task="multiclass",
    ),
    World("ranked lists of 20", ("ndcg", "map", "mrr"), grouped=True),
    World(
        "values",
        ("rmse", "mae", "r2", "pearson", "p90_absolute_error", "smape", "wape"),
        task="regression",
        losses=(1.0, 1.03, 1.06),
    ),
    World("values, groups of 20", ("rmse", "mae"), task="regression", losses=(1.0, 1.03, 1.06), grouped=True),
)


def _noise(n: int, random: np.random.Generator, groups: Array | None) -> Array:
    """Standard normal noise; within groups a share of it is common."""
    own = random.standard_normal(n)
    if groups is None:
        return own
    common = random.standard_normal(int(groups[-1]) + 1)[groups]
    mixed: Array = math.sqrt(_ICC) * common + math.sqrt(1 - _ICC) * own
    return mixed


def _two_classes(world: World, positive: Array, noise: Array, strength: float) -> Outputs:
    prior = math.log(world.positives / (1 - world.positives))
    scores = 1 / (1 + np.exp(-(2 * strength * (strength * np.where(positive, 1.0, -1.0) + noise) + prior)))
    if world.ties:
        scores = np.round(scores, 2)
    return Outputs(labels=(scores >= 0.5).astype(np.intp), scores=scores)


def _five_classes(codes: Array, noise: Array, strength: float) -> Outputs:
    evidence = noise + strength * np.eye(5)[codes]
    weights = np.exp(strength * evidence)
    return Outputs(labels=evidence.argmax(axis=1), scores=weights / weights.sum(axis=1, keepdims=True))


def draw(world: World, n: int, strength: float, random: np.random.Generator, *, shared: float = _SHARED) -> Holdout:
    """One holdout, production of the world's usual strength and a candidate of this one."""
    groups = np.arange(n) // _GROUP_SIZE if world.grouped else None
    production = world.losses[0]
    if world.task == "multiclass":
        codes = random.choice(5, n, p=(0.35, 0.25, 0.2, 0.15, 0.05))
        common, mine, theirs = (random.standard_normal((n, 5)) for _ in range(3))
    else:
        codes = (random.random(n) < world.positives).astype(np.intp)
        common, mine, theirs = (_noise(n, random, groups) for _ in range(3))
    both = [math.sqrt(shared) * common + math.sqrt(1 - shared) * own for own in (mine, theirs)]
    if world.task == "regression":
        heavy = np.sqrt(5 / random.chisquare(5, n))  # Student noise of 5 degrees of freedom, the tail shared
        values = 10 + 2 * random.standard_normal(n)
        truth = Truth(values=values)
        outputs = [
            Outputs(values=values + size * heavy * e) for size, e in zip((strength, production), both, strict=True)
        ]
    elif world.task == "multiclass":
        truth = Truth(codes=codes, classes=5)
        outputs = [_five_classes(codes, e, size) for size, e in zip((strength, production), both, strict=True)]
    else:
        truth = Truth(codes=codes, classes=2, positive=1, grades=np.array([0.0, 1.0]))
        outputs = [
            _two_classes(world, codes == 1, e, size) for size, e in zip((strength, production), both, strict=True)
        ]
    return held(n, world.task, truth, outputs[0], outputs[1], clusters=groups)


@cache
def true_loss(world: World, kind: str, which: int) -> float:
    """How much worse the candidate of the given strength truly is.

    A model's true value does not depend on what the other one sees, so both are given the same noise here: a million
    examples then give the difference to about a tenth of its error on 50 000 independent ones.
    """
    found = draw(world, _TRUTH_ROWS, world.losses[which], np.random.default_rng(7), shared=1.0)
    sides = [
        measure(kind, found.truth, side or Outputs(), groups=found.clusters).score.value
        for side in (found.candidate, found.baseline)
    ]
    better = metric_named(kind).better
    return sides[1] - sides[0] if better == "higher" else sides[0] - sides[1]


# The gate, and what others do.


def _policy(kind: str, margin: float) -> GatePolicy:
    return GatePolicy(rules=(MetricRule(metric=kind, tolerance=Tolerance(margin)),))


def the_gate(numbers: Numbers, kind: str, margin: float) -> tuple[Verdict, Finding]:
    """The verdict on one kind of metric alone."""
    finding = judge(numbers, _policy(kind, margin)).findings[0]
    return finding.verdict, finding


def _gain(metric: Metric, finding: Finding) -> float:
    return (finding.difference or 0.0) * (1 if metric.better == "higher" else -1)


def others(finding: Finding, metric: Metric, margin: float) -> Iterator[str]:
    """Which of the common rules block."""
    gain, error = _gain(metric, finding), finding.standard_error
    if gain < -margin:
        yield "point"
    if gain < 0:
        yield "zero"
    if error and gain < 0 and 2 * t_tail(-gain / error, (finding.n or 2) - 1) < 0.05:
        yield "p < 0.05"


@dataclass(frozen=True)
class Cell:
    """One number of examples of one world."""

    world: World
    n: int
    replicates: int


Key = tuple[str, str, int]


def _batch(job: tuple[Cell, int, int]) -> dict[Key, Counter[str]]:
    cell, first, last = job
    world = cell.world
    counts: dict[Key, Counter[str]] = {(world.name, kind, cell.n): Counter() for kind in world.kinds}
    everything = GatePolicy(rules=tuple(MetricRule(metric=kind) for kind in world.kinds))
    for replicate in range(first, last):
        for which, name in enumerate(("unchanged", "margin", "twice")):
            seed = (WORLDS.index(world), cell.n, which, replicate)
            holdout = draw(world, cell.n, world.losses[which], np.random.default_rng(seed))
            numbers = measured(holdout, everything.rules, everything)
            for kind in world.kinds:
                counts[world.name, kind, cell.n].update(_told(numbers, kind, true_loss(world, kind, 1), name))
    return counts


def _told(numbers: Numbers, kind: str, margin: float, name: str) -> Iterator[str]:
    verdict, finding = the_gate(numbers, kind, margin)
    yield f"{name} {_word(verdict, finding)}"
    metric = metric_named(kind)
    yield from (f"{name} {rule}" for rule in others(finding, metric, margin))
    if name == "unchanged":
        yield f"nothing {the_gate(numbers, kind, 0.0)[0].value}"


def _word(verdict: Verdict, finding: Finding) -> str:
    """A pass that warns of a small sample is counted by itself: it says that its bound is not to be trusted fully."""
    shown = verdict is Verdict.WARN and finding.reason in ("clusters", "few-positives")
    return "warned" if shown else verdict.value


def drawn(n: int, asked: int) -> int:
    """How many holdouts of this size are drawn: fewer of large ones, which cost the most and vary the least."""
    return min(asked, max(100, _MOST_EXAMPLES // n))


def _error(replicates: int) -> float:
    return math.sqrt(ALPHA * (1 - ALPHA) / replicates)


def run(cells: Sequence[Cell], processes: int, batch: int = 25) -> dict[Key, Counter[str]]:
    """Judge every replicate of every cell."""
    for cell in cells:  # known before the processes part, so that none of them draws it again
        for kind in cell.world.kinds:
            true_loss(cell.world, kind, 1)
    jobs = [
        (cell, first, min(first + batch, cell.replicates))
        for cell in sorted(cells, key=lambda cell: -cell.n)
        for first in range(0, cell.replicates, batch)
    ]
    totals: dict[Key, Counter[str]] = {}
    with Pool(processes) as pool:
        for counts in pool.imap_unordered(_batch, jobs):
            for key, count in counts.items():
                totals.setdefault(key, Counter()).update(count)
    return totals


_HEADS = (
    "metric", "rows", "margin",
    "false block, margin 0", "false block", "inconclusive", "false pass at the margin", "with a warning",
    "false pass at twice the margin",
    "point: false block", "point: false pass", "zero: false block", "p < 0.05: false block", "p < 0.05: false pass",
)  # fmt: skip


def _row(world: World, kind: str, n: int, count: Counter[str], asked: int) -> list[object]:
    replicates = drawn(n, asked)

    def share(*names: str) -> str:
        return f"{100 * sum(count[name] for name in names) / replicates:.1f}"

    def unblocked(rule: str) -> str:
        return f"{100 * (1 - count[f'margin {rule}'] / replicates):.0f}"

    return [
        kind, n, f"{true_loss(world, kind, 1):.4f}",
        share("nothing fail"), share("unchanged fail"), share("unchanged inconclusive", "unchanged warn"),
        share("margin pass"), share("margin warned"), share("twice pass"),
        share("unchanged point"), unblocked("point"), share("unchanged zero"), share("unchanged p < 0.05"),
        unblocked("p < 0.05"),
    ]  # fmt: skip


def report(totals: dict[Key, Counter[str]], worlds: Sequence[World], replicates: int) -> str:
    """One table a world, per cent of replicates."""
    parts = []
    for world in worlds:
        keys = sorted((world.kinds.index(kind), n) for name, kind, n in totals if name == world.name)
        rows = [_row(world, world.kinds[at], n, totals[world.name, world.kinds[at], n], replicates) for at, n in keys]
        parts.append(f"### {world.name.capitalize()}\n\n{table(_HEADS, rows)}")
    return "\n\n".join(parts)


def summary(totals: dict[Key, Counter[str]], replicates: int) -> str:
    """The worst cells, and how many lie beyond what chance explains."""
    lines = []
    for name, event in (
        ("false block with a margin of 0", "nothing fail"),
        ("false block", "unchanged fail"),
        ("false pass at the margin", "margin pass"),
    ):
        shares = {key: count[event] / drawn(key[2], replicates) for key, count in totals.items()}
        worst = max(shares, key=lambda each: shares[each])
        beyond = sum(share > ALPHA + 3 * _error(drawn(key[2], replicates)) for key, share in shares.items())
        lines.append(
            f"- {name}: mean {100 * sum(shares.values()) / len(shares):.1f} %, highest {100 * shares[worst]:.1f} % "
            f"({worst[1]}, {worst[0]}, {worst[2]} rows); {beyond} of {len(shares)} cells more than three standard "
            f"errors above {100 * ALPHA:.0f} %"
        )
    return "\n".join(lines)


# Many looks at one holdout.


def looks(steps: int, n: int, holdouts: int, spend: Callable[[float, int], float]) -> float:
    """The share of holdouts on which at least one of so many candidates, each worse by the margin, passes."""
    world = WORLDS[0]
    margin, level = true_loss(world, "accuracy", 1), spend(ALPHA, steps)
    policy = replace(_policy("accuracy", margin), confidence=1 - level)
    fooled = 0
    for number in range(holdouts):
        random = np.random.default_rng((99, steps, n, number))
        state = random.bit_generator.state
        passed = False
        for look in range(steps):
            # The same examples and production each time, another candidate.
            random.bit_generator.state = state
            holdout = _look(world, n, random, look)
            numbers = measured(holdout, policy.rules, policy)
            passed = passed or judge(numbers, policy).findings[0].verdict is Verdict.PASS
        fooled += passed
    return fooled / holdouts


def _look(world: World, n: int, random: np.random.Generator, look: int) -> Holdout:
    codes = (random.random(n) < world.positives).astype(np.intp)
    shared, theirs = random.standard_normal(n), random.standard_normal(n)
    mine = np.random.default_rng((int(1e9 * random.random()), look)).standard_normal(n)
    both = [math.sqrt(_SHARED) * shared + math.sqrt(1 - _SHARED) * own for own in (mine, theirs)]
    outputs = [
        _two_classes(world, codes == 1, e, size)
        for size, e in zip((world.losses[1], world.losses[0]), both, strict=True)
    ]
    return held(
        n, "binary", Truth(codes=codes, classes=2, positive=1, grades=np.array([0.0, 1.0])), outputs[0], outputs[1]
    )


def looks_table(holdouts: int, rows: Sequence[int] = (2_000, 10_000), steps: Sequence[int] = (1, 10, 32)) -> str:
    """Whether alpha is spent on the looks, or not."""
    lines = [
        [n, number, f"{100 * looks(number, n, holdouts, lambda alpha, _: alpha):.1f}",
         f"{100 * looks(number, n, holdouts, lambda alpha, taken: alpha / taken):.1f}"]
        for n in rows for number in steps
    ]  # fmt: skip
    return table(("rows", "looks", "each at alpha", "alpha spent on the looks"), lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few replicates of small holdouts, in seconds")
    parser.add_argument("--replicates", type=int, default=1_000, help="holdouts of each cell and candidate")
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS, help="sizes of the holdout")
    parser.add_argument("--worlds", nargs="*", help="only worlds whose name has one of these words")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    rows, replicates = ((500,), 10) if given.quick else (given.rows, given.replicates)
    worlds = [world for world in WORLDS if not given.worlds or any(word in world.name for word in given.worlds)]
    totals = run([Cell(world, n, drawn(n, replicates)) for world in worlds for n in rows], given.processes)
    print(report(totals, worlds, replicates))
    print()
    print(summary(totals, replicates))
    print("\n### Many looks at one holdout\n")
    print(looks_table(max(5, replicates // 5), *(((500,), (1, 4)) if given.quick else ())))


if __name__ == "__main__":
    main()

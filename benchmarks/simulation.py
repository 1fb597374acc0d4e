"""How often the gate errs: the composed verdict under its default policy, on simulated candidates of known quality.

Every replicate draws a holdout, hands it to the very functions that judge a pull request and counts the verdicts. A
candidate that is no worse on any metric and any slice is *harmless*; the share of those that fail is the false-block
rate. Other ways to share alpha between overall metrics and slices are counted on the same draws.

The generator: a label is positive with probability 0.2; a model sees evidence x = m (2y - 1) + e, e standard normal,
and states the exact probability that follows from x, so every metric falls together as m falls. Errors e of the two
models are correlated so that they disagree on about 6 % of the labels. With equal m the two are exchangeable, so the
true difference is exactly 0 for every metric on every slice. m is solved for the accuracy that is asked for.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing import Pool
from statistics import NormalDist

import numpy as np
from holdouts import held
from measure import table
from numpy.typing import NDArray

from mlci.domain import gate
from mlci.domain.finding import Finding
from mlci.domain.policy import GatePolicy, MetricRule, SlicePolicy, Tolerance
from mlci.domain.verdict import Verdict
from mlci.ports import Texts
from mlci.stats.measure import Outputs, Truth
from mlci.stats.multiplicity import holm
from mlci.stats.student import normal_tail
from mlci.steps.holdout import Holdout
from mlci.steps.judging import judge
from mlci.steps.measuring import measured

ALPHA = 1 - GatePolicy().confidence
POSITIVE_SHARE = 0.2
ACCURACY = 0.90
# Gives a discordance of 6 % between two models of 90 % accuracy at this share of positives.
CORRELATION = 0.86
METRICS = {1: ("accuracy",), 4: ("accuracy", "f1", "roc_auc", "brier")}
SLICES = (0, 5, 10, 20, 50)
ROWS = (2_000, 5_000, 10_000, 20_000, 50_000)


@dataclass(frozen=True)
class Scenario:
    """The candidate's true change of accuracy, everywhere or on the first slice alone."""

    name: str
    change: float
    harmless: bool
    one_slice: bool = False


SCENARIOS = (
    Scenario("no change", 0.0, harmless=True),
    Scenario("+0.005 everywhere", 0.005, harmless=True),
    Scenario("-0.01 everywhere", -0.01, harmless=False),
    Scenario("-0.02 everywhere", -0.02, harmless=False),
    Scenario("-0.03 everywhere", -0.03, harmless=False),
    Scenario("-0.05 on one slice", -0.05, harmless=False, one_slice=True),
)


def strength(accuracy: float) -> float:
    """The m with which thresholding the exact probability at one half is right with this probability."""
    normal, prior = NormalDist(), math.log(POSITIVE_SHARE / (1 - POSITIVE_SHARE))
    low, high = 0.1, 5.0
    for _ in range(60):
        m = (low + high) / 2
        offset = prior / (2 * m)
        right = POSITIVE_SHARE * normal.cdf(m + offset) + (1 - POSITIVE_SHARE) * normal.cdf(m - offset)
        low, high = (m, high) if right < accuracy else (low, m)
    return m


def _outputs(positive: NDArray[np.bool_], error: NDArray[np.float64], m: NDArray[np.float64] | float) -> Outputs:
    prior = math.log(POSITIVE_SHARE / (1 - POSITIVE_SHARE))
    log_odds = 2 * m * (m * np.where(positive, 1.0, -1.0) + error) + prior
    scores = 1 / (1 + np.exp(-log_odds))
    return Outputs(labels=(scores >= 0.5).astype(np.intp), scores=scores)


def draw(scenario: Scenario, n: int, slices: int, random: np.random.Generator) -> Holdout:
    """One holdout with both models' outputs, slices of (nearly) equal size."""
    positive = random.random(n) < POSITIVE_SHARE
    shared = math.sqrt(CORRELATION) * random.standard_normal(n)
    own = math.sqrt(1 - CORRELATION)
    of_candidate, of_baseline = (shared + own * random.standard_normal(n) for _ in range(2))
    codes = np.arange(n) % max(1, slices)
    m, changed = strength(ACCURACY), strength(ACCURACY + scenario.change)
    of_each = np.where(codes == 0, changed, m) if scenario.one_slice else changed
    words = {"region": Texts(tuple(f"r{number:02d}" for number in range(slices)), codes)} if slices else {}
    return held(
        n,
        "binary",
        Truth(codes=positive.astype(np.intp), classes=2, positive=1),
        _outputs(positive, of_candidate, of_each),
        _outputs(positive, of_baseline, m),
        slices=words,
    )


# Ways to share alpha: each gives findings their adjusted p-values.

Scheme = Callable[[Sequence[Finding]], list[float]]


def _apart(findings: Sequence[Finding]) -> list[float]:
    """Holm over the overall metrics and, separately, over metric x slice, each at alpha."""
    overall = holm([finding.p_worse or 0.0 for finding in findings if finding.slice is None])
    return overall + holm([finding.p_worse or 0.0 for finding in findings if finding.slice is not None])


def _weighted(overall_share: float) -> Scheme:
    def adjust(findings: Sequence[Finding]) -> list[float]:
        slices = sum(finding.slice is not None for finding in findings)
        if not slices:
            return holm([finding.p_worse or 0.0 for finding in findings])
        whole = overall_share / (len(findings) - slices)
        weights = [whole if finding.slice is None else (1 - overall_share) / slices for finding in findings]
        return weighted_holm([finding.p_worse or 0.0 for finding in findings], weights)

    return adjust


def weighted_holm(p_values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Holm's procedure where hypotheses have unequal shares of alpha (Holm 1979, section 4)."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index] / weights[index])
    adjusted, running, left = [1.0] * len(p_values), 0.0, sum(weights)
    for index in order:
        running = max(running, min(1.0, p_values[index] / weights[index] * left))
        adjusted[index] = running
        left -= weights[index]
    return adjusted


def _spending(overall_share: float) -> Scheme:
    """What the gate does, for any share: slices also take what the overall metrics cannot spend."""

    def adjust(findings: Sequence[Finding]) -> list[float]:
        overall = [finding for finding in findings if finding.slice is None]
        if len(overall) == len(findings):
            return holm([finding.p_worse or 0.0 for finding in findings])
        reachable = sum(normal_tail((f.margin or 0.0) / f.standard_error) for f in overall if f.standard_error)
        left = 1 - min(overall_share, reachable / ALPHA)
        whole = holm([finding.p_worse or 0.0 for finding in overall])
        sliced = holm([finding.p_worse or 0.0 for finding in findings if finding.slice is not None])
        return [p_value / overall_share for p_value in whole] + [p_value / left for p_value in sliced]

    return adjust


SCHEMES: dict[str, Scheme] = {
    "apart": _apart,
    "weighted 80/20": _weighted(0.8),
    "weighted 50/50": _weighted(0.5),
    "shipped": _spending(gate.OVERALL_SHARE),
    "unspent 50/50": _spending(0.5),
    "one Holm": lambda findings: holm([finding.p_worse or 0.0 for finding in findings]),
}


def blocks(findings: Sequence[Finding], scheme: Scheme) -> tuple[bool, bool]:
    """Whether any overall metric, and whether any slice, is a shown regression under a scheme."""
    judged = [finding for finding in findings if finding.p_worse is not None]
    failed = [
        finding
        for finding, p_value in zip(judged, scheme(judged), strict=True)
        if p_value < ALPHA and _loss(finding) > (finding.margin or 0.0) + 1e-12
    ]
    return any(f.slice is None for f in failed), any(f.slice is not None for f in failed)


def _loss(finding: Finding) -> float:
    return -(finding.difference or 0.0) if finding.better == "higher" else finding.difference or 0.0


def judged(holdout: Holdout, metrics: int, policy: GatePolicy) -> Counter[str]:
    """The shipped verdict on one holdout, and under every scheme whether it blocks."""
    policy = replace(policy, rules=tuple(MetricRule(metric=name) for name in METRICS[metrics]))
    policy = replace(policy, slices=SlicePolicy(columns=tuple(holdout.slices)))
    findings = judge(measured(holdout, policy.rules, policy), policy).findings
    verdict, _ = gate.compose(findings, policy.on_inconclusive)
    count = Counter([verdict.value])
    for name, scheme in SCHEMES.items():
        overall, sliced = blocks(findings, scheme)
        count.update({name: overall or sliced, f"{name}, overall": overall})
    return count


@dataclass(frozen=True)
class Cell:
    """What is drawn; each number of metrics that judges it is one line of the table."""

    scenario: Scenario
    slices: int
    n: int
    replicates: int
    policy: GatePolicy


Counts = dict[tuple[Cell, int], "Counter[str]"]


def grid(rows: Sequence[int], harmless: int, harmful: int, policy: GatePolicy) -> Iterator[Cell]:
    """Every cell, the most expensive first, so that all processes end together."""
    for n in sorted(rows, reverse=True):
        for slices in sorted(SLICES, reverse=True):
            for scenario in SCENARIOS:
                replicates = harmless if scenario.harmless else harmful
                if replicates and (slices or not scenario.one_slice):
                    yield Cell(scenario, slices, n, replicates, policy)


def _batch(job: tuple[Cell, int, int]) -> Counts:
    cell, first, last = job
    counts: Counts = {(cell, metrics): Counter() for metrics in METRICS}
    number = SCENARIOS.index(cell.scenario)
    for replicate in range(first, last):
        random = np.random.default_rng((number, cell.slices, cell.n, replicate))
        holdout = draw(cell.scenario, cell.n, cell.slices, random)
        for metrics in METRICS:
            counts[cell, metrics] += judged(holdout, metrics, cell.policy)
    return counts


def run(cells: Sequence[Cell], processes: int) -> Counts:
    """Judge every replicate of every cell."""
    jobs = [
        (cell, first, min(first + 50, cell.replicates)) for cell in cells for first in range(0, cell.replicates, 50)
    ]
    totals: Counts = {(cell, metrics): Counter() for cell in cells for metrics in METRICS}
    with Pool(processes) as pool:
        for counts in pool.imap_unordered(_batch, jobs):
            for key, count in counts.items():
                totals[key] += count
    return totals


def _percent(count: int, of: int) -> str:
    return f"{100 * count / of:.1f}"


def report(totals: Counts) -> str:
    """The table, in per cent of replicates, with the standard error of the share that fails."""
    rows = []
    for (cell, metrics), count in sorted(totals.items(), key=lambda item: _place(*item[0])):
        of = cell.replicates
        share = count["fail"] / of
        error = 100 * math.sqrt(max(share * (1 - share), 1 / of / 4) / of)
        shown = [_percent(count[verdict.value], of) for verdict in Verdict]
        schemes = [_percent(count[name], of) for name in SCHEMES]
        rows.append([
            cell.scenario.name, metrics, cell.slices, cell.n, *shown, f"± {error:.1f}",
            _percent(count["shipped, overall"], of), *schemes, of,
        ])  # fmt: skip
    verdicts = [verdict.value for verdict in Verdict]
    header = ["candidate", "metrics", "slices", "rows", *verdicts, "SE", "overall", *SCHEMES, "replicates"]
    return table(header, rows)


def _place(cell: Cell, metrics: int) -> tuple[int, int, int, int]:
    return SCENARIOS.index(cell.scenario), metrics, cell.slices, cell.n


def highest(totals: Counts) -> str:
    """The highest false-block rate of each way to share alpha, in one line."""
    harmless = {key: count for key, count in totals.items() if key[0].scenario.harmless}
    parts = []
    for name in SCHEMES:
        (cell, metrics), count = max(harmless.items(), key=lambda item: item[1][name] / item[0][0].replicates)
        rate = _percent(count[name], cell.replicates)
        parts.append(f"{name} {rate} % ({metrics} metrics, {cell.slices} slices, n = {cell.n})")
    return "Highest false-block rate: " + "; ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few replicates of small holdouts, in seconds")
    parser.add_argument("--harmless", type=int, default=1_000, help="replicates of each harmless cell")
    parser.add_argument("--harmful", type=int, default=200, help="replicates of each harmful cell")
    parser.add_argument("--rows", type=int, nargs="*", help="only these holdout sizes")
    parser.add_argument("--tolerance", type=float, help="instead of the default of one point")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    policy = GatePolicy(tolerance=None if given.tolerance is None else Tolerance(given.tolerance))
    rows = given.rows or ([2_000] if given.quick else ROWS)
    harmless, harmful = (20, 20) if given.quick else (given.harmless, given.harmful)
    totals = run(list(grid(rows, harmless, harmful, policy)), given.processes)
    print(report(totals))
    print()
    print(highest(totals))


if __name__ == "__main__":
    main()

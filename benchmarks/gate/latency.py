"""How often a verdict on latency is wrong: two models called in turns, and one after the other, as scripts do it.

    python benchmarks/gate/latency.py --trials 20 --pairs 1000

All ways call the same two models as often, each in a process of its own, on this machine with whatever else it does.
In turns is what model-ci does and gate-compare judges, each block of pairs by processes of its own; in turns by one
start, the same number of pairs of two processes is cut into as many blocks; one after the other, the medians or 95th
percentiles are divided and held against the tolerance.
"""

from __future__ import annotations

import argparse
import os
import pickle
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from mlci.adapters.disk.files import sha256
from mlci.adapters.models.operating import machine, timings
from mlci.adapters.models.payload import find_payload
from mlci.adapters.scoring import Asked, HoldoutFile, Interpreter
from mlci.adapters.scoring.timing import Plan, Seat, call
from mlci.domain.evidence import Numbers
from mlci.domain.operation import BLOCKS, Operations
from mlci.domain.policy import GatePolicy, MetricRule, Tolerance
from mlci.steps.judging import judge

TOLERANCE = 0.05
METRICS = {"latency_p50_ms": 0.5, "latency_p95_ms": 0.95}
# Work of about a millisecond that a slower model does more of; no library, so that a process starts at once.
MODEL = """
class Model:
    def __init__(self, rounds):
        self.rounds = rounds

    def predict(self, rows):
        total = 0.0
        for number in range(self.rounds):
            total += number * 0.5
        return [total] * len(rows["x"])
"""
ROUNDS = 12_000


def seat(folder: Path, name: str, rounds: int) -> Seat:
    """A model that does so much work."""
    (folder / name).mkdir()
    sys.path.insert(0, str(folder))
    from worked import Model  # type: ignore[import-not-found] - written by main

    (folder / name / "model.pkl").write_bytes(pickle.dumps(Model(rounds)))
    interpreter = Interpreter(
        python=sys.executable, cwd=str(folder), environ={"PATH": os.environ["PATH"]}, timeout=120.0,
        log=str(folder / "score.log"),
    )  # fmt: skip
    return Seat(payload=find_payload(str(folder / name), None, False), interpreter=interpreter)


def in_turns(seats: tuple[Seat, Seat], holdout: HoldoutFile, plan: Plan) -> tuple[dict[str, str], list[float]]:
    """The verdict on each metric, and how much larger each is of the first than of the second."""
    called = call(seats, holdout, Asked(), plan, lambda _: None)
    if plan.starts == 1:
        length = plan.pairs // BLOCKS
        cut = (slice(start, start + length) for start in range(0, length * BLOCKS, length))
        called = replace(called, times=tuple(tuple(calls[part] for calls in called.times[0]) for part in cut))
    policy = GatePolicy(rules=tuple(MetricRule(metric=name, tolerance=Tolerance(TOLERANCE, True)) for name in METRICS))
    numbers = Numbers(compared=True, examples=None, operations=Operations(timings=timings(called, 1)))
    found = [each for each in judge(numbers, policy).findings if each.metric in METRICS]
    return {str(each.metric): each.verdict.value for each in found}, [each.difference or 0.0 for each in found]


def one_after_the_other(seats: tuple[Seat, Seat], holdout: HoldoutFile, pairs: int) -> list[float]:
    """How much larger median and 95th percentile of the first are, each model called by itself."""
    plan = Plan(pairs=pairs, batch=1, budget=600.0, starts=1)
    times = [sorted(call((each,), holdout, Asked(), plan, lambda _: None).times[0][0]) for each in seats]
    cuts = [int(share * pairs) for share in METRICS.values()]
    return [times[0][cut] / times[1][cut] - 1 for cut in cuts]


def main() -> None:
    """Print a table: per true slowdown and way, how often each verdict was given."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--starts", type=int, default=BLOCKS)
    parser.add_argument("--slower", type=float, nargs="*", default=[0.0, 0.1, 0.2])
    asked = parser.parse_args()
    started = time.monotonic()
    print(f"{machine()}; tolerance {TOLERANCE:.0%}, {asked.pairs} pairs, {asked.trials} trials each\n")
    print("| true slowdown | metric | way | pass | inconclusive | fail | sd of the ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "worked.py").write_text(MODEL)
        (folder / "holdout.csv").write_text("id,y,x\n" + "".join(f"{row},0,{row}\n" for row in range(100)))
        holdout = HoldoutFile(path=str(folder / "holdout.csv"), digest=sha256(str(folder / "holdout.csv")))
        production = seat(folder, "production", ROUNDS)
        for slower in asked.slower:
            candidate = seat(folder, f"candidate-{slower}", round(ROUNDS * (1 + slower)))
            verdicts: Counter[tuple[str, str, str]] = Counter()
            ratios: dict[tuple[str, str], list[float]] = {}
            for _ in range(asked.trials):
                for way, starts in (("in turns", asked.starts), ("in turns by one start", 1)):
                    plan = Plan(pairs=asked.pairs, batch=1, budget=600.0, starts=starts)
                    given, found = in_turns((candidate, production), holdout, plan)
                    for place, metric in enumerate(METRICS):
                        verdicts[metric, way, given[metric]] += 1
                        ratios.setdefault((metric, way), []).append(found[place])
                way, found = "one after the other", one_after_the_other((candidate, production), holdout, asked.pairs)
                for place, metric in enumerate(METRICS):
                    verdicts[metric, way, "pass" if found[place] <= TOLERANCE else "fail"] += 1
                    ratios.setdefault((metric, way), []).append(found[place])
            for (metric, way), values in ratios.items():
                counts = [verdicts[metric, way, verdict] for verdict in ("pass", "inconclusive", "fail")]
                shares = " | ".join(f"{100 * number / asked.trials:.0f} %" for number in counts)
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                print(f"| +{slower:.0%} | {metric} | {way} | {shares} | {100 * spread:.1f} % |", flush=True)
    print(f"\n{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()

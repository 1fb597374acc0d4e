"""Seven metrics of both models on fifty slices: ours with standard errors, scikit-learn's points alone."""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

sys.path.insert(0, str(Path(__file__).parents[1]))

from holdouts import held
from measure import table, times

from mlci.domain.policy import GatePolicy, MetricRule, SlicePolicy
from mlci.ports import Texts
from mlci.stats.measure import Outputs, Truth
from mlci.steps.judging import judge
from mlci.steps.measuring import measured

METRICS = ("accuracy", "f1", "precision", "recall", "log_loss", "brier", "roc_auc")
_PEERS = {
    "accuracy": metrics.accuracy_score,
    "f1": metrics.f1_score,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "log_loss": metrics.log_loss,
    "brier": metrics.brier_score_loss,
    "roc_auc": metrics.roc_auc_score,
}


def binary(n: int) -> tuple[Truth, tuple[Outputs, Outputs]]:
    """Two models that are right nine times in ten and mostly agree."""
    random = np.random.default_rng(11)
    positive = random.random(n) < 0.2
    shared = random.standard_normal(n)
    models = []
    for _ in range(2):
        evidence = 1.1 * (2 * positive - 1) + 0.93 * shared + 0.37 * random.standard_normal(n)
        scores = 1 / (1 + np.exp(-(2.2 * evidence - 1.39)))
        models.append(Outputs(labels=(scores >= 0.5).astype(np.intp), scores=scores, values=scores))
    codes = positive.astype(np.intp)
    return Truth(codes=codes, values=codes.astype(np.float64), classes=2, positive=1), (models[0], models[1])


def scores_of(metric: str, model: Outputs) -> NDArray[Any]:
    """What the peer's metric is computed from."""
    chosen = model.labels if metric in ("accuracy", "f1", "precision", "recall") else model.scores
    assert chosen is not None
    return chosen


def ours(truth: Truth, models: tuple[Outputs, Outputs], codes: NDArray[np.intp], slices: int) -> int:
    """Compare on all examples and on every slice, judged; returns the number of findings."""
    holdout = held(
        len(codes), "binary", truth, models[0], models[1],
        slices={"region": Texts(tuple(f"r{number}" for number in range(slices)), codes)},
    )  # fmt: skip
    rules = tuple(MetricRule(metric=name) for name in METRICS)
    policy = GatePolicy(rules=rules, slices=SlicePolicy(columns=("region",)))
    return len(judge(measured(holdout, rules, policy), policy).findings)


def theirs(truth: Truth, models: tuple[Outputs, Outputs], codes: NDArray[np.intp], slices: int) -> int:
    """Point values on every slice, rows of a slice gathered once."""
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(slices + 1))
    number = 0
    for first, last in itertools.pairwise(edges):
        part = truth.take(order[first:last])
        for model in (each.take(order[first:last]) for each in models):
            for name, peer in _PEERS.items():
                peer(part.codes, scores_of(name, model))
                number += 1
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--slices", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    truth, models = binary(given.rows)
    codes = np.random.default_rng(12).integers(0, given.slices, given.rows)
    best = [float("inf"), float("inf")]
    for _ in range(given.rounds):
        for index, work in enumerate((ours, theirs)):
            start = time.process_time()
            work(truth, models, codes, given.slices)
            best[index] = min(best[index], time.process_time() - start)
    line = [given.slices, len(METRICS), f"{best[0]:.2f} s", f"{best[1]:.2f} s", times(best[1], best[0]), "≥ 20×"]
    print(table(["slices", "metrics", "mlci, with errors", "scikit-learn, points", "ratio", "target"], [line]))


if __name__ == "__main__":
    main()

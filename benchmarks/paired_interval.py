"""Value and standard error of a difference, beside a bootstrap of scikit-learn's metric, in one process.

The bootstrap draws rows with ``np.random.choice`` and computes the metric of both models on them, B = 1000 times. Few
of the B are run and the time is scaled up, which the (x) says.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from measure import table, times
from sklearn import metrics
from slices import binary, scores_of

from mlci.stats.measure import Outputs, Truth, measure
from mlci.stats.paired import Design, contrast, discordance_of

B = 1_000
PEERS: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": metrics.accuracy_score,
    "f1": metrics.f1_score,
    "roc_auc": metrics.roc_auc_score,
    "pr_auc": metrics.average_precision_score,
    "log_loss": metrics.log_loss,
    "brier": metrics.brier_score_loss,
    "rmse": metrics.root_mean_squared_error,
}
TARGETS = {
    "accuracy": "≥ 100 000×",
    "f1": "≥ 100 000×",
    "roc_auc": "≥ 10 000×",
    "pr_auc": "≥ 3 000×",
    "rmse": "≥ 10 000×",
}


def seconds(work: Callable[[], object], repeat: int) -> float:
    """The best of several runs."""
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def paired(name: str, truth: Truth, models: tuple[Outputs, Outputs], n: int) -> float:
    """Ours: both values, their difference, its standard error, bounds and p-value."""
    candidate, baseline = (measure(name, truth, model) for model in models)
    result = contrast(
        candidate.score,
        baseline.score,
        Design(n, 0.95),
        higher_is_better=True,
        relative=False,
        is_share=name == "accuracy",
        discordance=discordance_of(candidate.goodness - baseline.goodness),
    )
    return result.standard_error


def bootstrapped(name: str, truth: Truth, models: tuple[Outputs, Outputs], n: int) -> None:
    """One of the B rounds of the peer."""
    rows = np.random.choice(n, n)
    target = truth.values if name == "rmse" else truth.codes
    assert target is not None
    for model in models:
        PEERS[name](target[rows], scores_of(name, model)[rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the bootstrap that are really run")
    given = parser.parse_args()
    truth, models = binary(given.rows)
    rows = []
    for name in PEERS:
        ours = seconds(partial(paired, name, truth, models, given.rows), 5)
        theirs = seconds(partial(bootstrapped, name, truth, models, given.rows), given.rounds) * B
        scaled = f"{theirs:,.0f} s (x)".replace(",", " ")
        rows.append([name, f"{1000 * ours:.3g} ms", scaled, times(theirs, ours), TARGETS.get(name, "–")])
    print(table(["metric", "mlci", "bootstrap, B = 1000", "ratio", "target"], rows))


if __name__ == "__main__":
    main()

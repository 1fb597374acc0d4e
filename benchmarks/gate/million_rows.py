"""Two files of a million predictions, judged by a cold process, beside the script that a data scientist would write."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from measure import JUDGED, in_turns, megabytes, process, table, times

METRICS = "accuracy,f1,roc_auc,log_loss,brier"
COLUMNS = ["id", "y_true", "y_pred", "y_score"]


def make(folder: Path, rows: int) -> None:
    """Write candidate and baseline: in order of id, in an order of its own, and as CSV; and the size of the columns."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    random = np.random.default_rng(7)
    ids = np.char.add("customer-", np.char.zfill(np.arange(rows).astype(str), 8))
    positive = random.random(rows) < 0.2
    shared = random.standard_normal(rows)
    for name in ("candidate", "baseline"):
        evidence = 1.1 * (2 * positive - 1) + 0.93 * shared + 0.37 * random.standard_normal(rows)
        score = 1 / (1 + np.exp(-(2.2 * evidence - 1.39)))
        whole = pa.table([ids, positive.astype(np.int64), (score >= 0.5).astype(np.int64), score], names=COLUMNS)
        pq.write_table(whole, folder / f"{name}.sorted.parquet")
        pq.write_table(whole.take(random.permutation(rows)), folder / f"{name}.shuffled.parquet")
        pa.csv.write_csv(whole, folder / f"{name}.csv")
    (folder / "bytes").write_text(str(2 * whole.nbytes))


def points(candidate: str, baseline: str) -> None:
    """The usual script: read what is needed, merge on the id, compute five metrics of both; no intervals."""
    import pandas as pd
    from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, log_loss, roc_auc_score

    if candidate.endswith(".csv"):
        left, right = (pd.read_csv(path, usecols=COLUMNS) for path in (candidate, baseline))
    else:
        left, right = (pd.read_parquet(path, columns=COLUMNS) for path in (candidate, baseline))
    both = left.merge(right, on="id", suffixes=("_candidate", "_baseline"), validate="one_to_one")
    truth = both["y_true_baseline"].to_numpy()
    if not (truth == both["y_true_candidate"].to_numpy()).all():
        raise SystemExit("the labels differ")
    for model in ("candidate", "baseline"):
        labels, scores = both[f"y_pred_{model}"].to_numpy(), both[f"y_score_{model}"].to_numpy()
        print(model, accuracy_score(truth, labels), f1_score(truth, labels))
        print(roc_auc_score(truth, scores), log_loss(truth, scores), brier_score_loss(truth, scores))


def measured(folder: Path, kind: str, ending: str, rounds: int) -> list[str]:
    """One line of the table."""
    given = [str(folder / f"{name}.{ending}") for name in ("candidate", "baseline")]
    commands = {
        "mlci": [
            sys.executable, "-m", "mlci", "gate-compare",
            "--candidate", given[0], "--baseline", given[1], "--metrics", METRICS,
        ],
        "script": [sys.executable, __file__, "--points", *given],
    }  # fmt: skip
    runs = in_turns(commands, rounds, folder=folder, exits=JUDGED)
    idle = process([sys.executable, "-c", "import numpy, pyarrow.parquet, mlci.steps.gate_compare"])
    columns = int((folder / "bytes").read_text())
    ours, theirs = runs["mlci"], runs["script"]
    return [
        kind,
        f"{ours.median_s:.2f} s",
        times(theirs.median_s, ours.median_s),
        times(theirs.least_s, ours.least_s),
        times(theirs.cpu_s, ours.cpu_s),
        megabytes(ours.peak),
        megabytes(theirs.peak),
        times(ours.peak, columns),
        times(max(1, ours.peak - idle.peak), columns),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--points", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        return make(given.make, given.rows)
    if given.points:
        return points(*given.points)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process([sys.executable, __file__, "--make", name, "--rows", str(given.rows)])
        kinds = {
            "Parquet, same order": "sorted.parquet",
            "Parquet, each in its own order": "shuffled.parquet",
            "CSV": "csv",
        }
        lines = [measured(folder, kind, ending, given.rounds) for kind, ending in kinds.items()]
    header = [
        "files",
        "mlci, median",
        "script / mlci, median",
        "script / mlci, best",
        "script / mlci, processor time",
        "peak of mlci",
    ]
    print(table([*header, "peak of script", "peak / columns read", "the same without imports"], lines))
    return None


if __name__ == "__main__":
    main()

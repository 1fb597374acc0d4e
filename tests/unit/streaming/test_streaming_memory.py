"""An engine's memory does not grow with the files: what is beyond its limit goes to disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

_PEAK = """
import resource, sys
from mlci.cli.main import main
sys.argv = ["mlci", *sys.argv[1:]]
try:
    main()
except SystemExit as ended:
    assert ended.code in (0, 3, 11), ended.code
# Of this process alone; what started it may have been larger. KiB, but bytes on macOS.
line = [line for line in open("/proc/self/status") if line.startswith("VmHWM")][0]
print("peak", int(line.split()[1]))
"""


def _files(folder: Path, rows: int) -> list[str]:
    holdout, paths = np.random.default_rng(1), []
    truth = holdout.integers(0, 2, rows)
    for seed, name in enumerate(("candidate", "production")):
        random = np.random.default_rng(seed)
        score = random.beta(2 + 3 * truth, 3)
        ids = np.char.add("customer-with-a-long-name-", random.permutation(rows).astype(str))
        order = np.argsort(np.argsort(ids))
        table = {"id": ids, "y_true": holdout_of(order), "y_pred": (score > 0.5).astype(int), "y_score": score}
        paths.append(str(folder / f"{name}.{rows}.parquet"))
        pq.write_table(pa.table(table), paths[-1])
    return paths


def holdout_of(order: np.ndarray) -> np.ndarray:
    """The same label for the same id, whatever the order of rows."""
    return (order * 2654435761 % 97 < 40).astype(np.int64)


def _peak(folder: Path, rows: int, engine: str) -> int:
    candidate, baseline = _files(folder, rows)
    command = ["gate-compare", "--candidate", candidate, "--baseline", baseline, "--engine", engine]
    command += [
        "--metrics",
        "accuracy,f1,roc_auc,log_loss",
        "--evidence",
        f"{folder}/e.json",
        "--report",
        f"{folder}/r.json",
    ]
    environ = {**os.environ, "MLCI_DUCKDB_MEMORY": "64MB"}
    ran = subprocess.run(
        [sys.executable, "-c", _PEAK, *command], env=environ, capture_output=True, text=True, check=True
    )
    return int(ran.stdout.split()[-1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_four_times_the_rows_take_hardly_more_memory(tmp_path: Path) -> None:
    few, many = (_peak(tmp_path, rows, "duckdb") for rows in (60_000, 240_000))
    in_memory = [_peak(tmp_path, rows, "memory") for rows in (60_000, 240_000)]
    grown, grown_in_memory = many - few, in_memory[1] - in_memory[0]
    assert grown < 0.5 * grown_in_memory, (few, many, in_memory)

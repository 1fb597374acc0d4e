"""Peak memory and time of one judgement, in memory and by DuckDB under a limit, as the files grow."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from measure import JUDGED, megabytes, process, table

METRICS = "accuracy,f1,roc_auc,log_loss,brier"
LIMIT = "256MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[500_000, 1_000_000, 2_000_000])
    given = parser.parse_args()
    os.environ["MLCI_DUCKDB_MEMORY"] = LIMIT
    lines = []
    for rows in given.rows:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            maker = str(Path(__file__).with_name("million_rows.py"))
            process([sys.executable, maker, "--make", name, "--rows", str(rows)])
            files = [str(folder / f"{side}.shuffled.parquet") for side in ("candidate", "baseline")]
            line = [f"{rows:,}".replace(",", " "), megabytes(int((folder / "bytes").read_text()))]
            for engine in ("memory", "duckdb"):
                command = [sys.executable, "-m", "mlci", "gate-compare", "--engine", engine, "--metrics", METRICS]
                ran = process([*command, "--candidate", files[0], "--baseline", files[1]], folder=folder, exits=JUDGED)
                line += [megabytes(ran.peak), f"{ran.cpu_s:.1f} s"]
            lines.append(line)
    header = ["rows", "columns read", "memory: peak", "processor time", f"duckdb, {LIMIT}: peak", "processor time"]
    print(table(header, lines))


if __name__ == "__main__":
    main()

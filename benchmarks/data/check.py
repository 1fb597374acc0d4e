"""Forty rules on a table of twenty columns: data-check beside others, whole processes in turns."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from measure import in_turns, megabytes, process, table, times

HERE = Path(__file__).parent
CONFIG = "model: bench\ndata:\n  train: {path: rows.parquet, contract: suite.json}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--peers", type=Path, help="an environment with requirements.txt; without it these are left out"
    )
    parser.add_argument("--spark", action="store_true", help="Great Expectations on Spark as well, which takes minutes")
    parser.add_argument("--alone", action="store_true", help="mlci and the bare decode alone")
    parser.add_argument("--folder", type=Path, help="where the table is, or is made; else a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        if not (folder / "rows.parquet").exists():
            process([sys.executable, str(HERE / "rows.py"), "--folder", str(folder), "--rows", str(given.rows)])
        (folder / "mlci.yml").write_text(CONFIG)
        print(_measured(folder, given))


def _measured(folder: Path, given: argparse.Namespace) -> str:
    def peer(name: str, python: str = sys.executable) -> list[str]:
        return [python, str(HERE / "peers.py"), name, str(folder)]

    commands = {
        "mlci data-check": [sys.executable, "-m", "mlci", "data-check", "--format", "json"],
        "its engine alone": peer("engine"),
        "DuckDB: bare decode": peer("decode"),
    }
    if not given.alone:
        commands["GX on pandas"] = peer("gx_pandas")
    if given.peers is not None:
        python = str(given.peers / "bin" / "python")
        commands["pandera on pandas"] = peer("pandera_pandas", python)
        commands["pandera on polars"] = peer("pandera_polars", python)
    if given.spark:
        commands["GX on Spark, local[2]"] = peer("gx_spark")
    found = in_turns(commands, given.rounds, folder=folder, exits=(0, 3, 10))
    whole, engine, floor = (found[name] for name in list(commands)[:3])
    rows = [
        [
            name, f"{one.median_s:.1f} s", f"{one.cpu_s:.1f} s", times(one.median_s, whole.median_s),
            times(one.median_s, engine.median_s), times(one.cpu_s, floor.cpu_s), megabytes(one.peak),
        ]
        for name, one in found.items()
    ]  # fmt: skip
    header = [
        f"{given.rows:,} rows".replace(",", " "), "wall", "processor", "wall / data-check", "wall / engine",
        "processor / decode", "peak memory",
    ]  # fmt: skip
    return table(header, rows)


if __name__ == "__main__":
    main()

"""Drift of a wide table against production's profile, whole processes: mlci beside Evidently's drift preset.

Evidently reads both files, because it compares rows; mlci reads the new one beside the profile that stands in the
evidence of the last check. Both ways of Evidently are run: its preset as it comes (Wasserstein distance and
Jensen-Shannon), and with the index (psi). It needs an interpreter of its own that has it (pandas before 3.1)::

    uv venv evidently && uv pip install --python evidently evidently "pandas<3.1" pyarrow
    python benchmarks/data/drift.py --evidently evidently/bin/python
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from measure import Runs, process, table

OURS = """
import json, sys
from contextlib import closing
import msgspec
from mlci.adapters.datasets.duck import DuckEngine
from mlci.config.data import Data
from mlci.domain.dataset.profile import Profile
from mlci.domain.report import plain
from mlci.ports import DataSource
from mlci.steps.checking import Material, Reference, drifting, profiling
new, kept = sys.argv[1:]
with closing(DuckEngine(memory="500MB", folder=kept + ".spill")) as engine:
    train = engine.open(DataSource(role="train", name=new, path=new), {})
    try:
        with open(kept, "rb") as stream:
            reference = Reference(name="production", profile=msgspec.json.decode(stream.read(), type=Profile))
    except FileNotFoundError:
        reference = None
    material = Material(
        engine=engine, train=train, holdout=None, reference=reference, settings=Data(), target=None, id=None
    )
    profiled = profiling.run(material)
    if reference is None:
        with open(kept, "w") as stream:
            json.dump(plain(profiled.profile, exact=True), stream)
    for finding in drifting.run(material, profiled).findings:
        print(finding.message)
"""

THEIRS = """
import sys
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
old, new, method = sys.argv[1:]
preset = DataDriftPreset() if method == "default" else DataDriftPreset(method=method)
result = Report([preset]).run(pd.read_parquet(new), pd.read_parquet(old))
print(len(result.dict()["metrics"]))
"""


def make(path: Path, rows: int, seed: float, shift: float) -> None:
    """Write a table of ten real, three whole and three word columns, and one of days."""
    import duckdb

    columns = [f"(random() + random() + random()) * {n + 1} + {shift if n == 0 else 0} AS real_{n}" for n in range(10)]
    columns += [f"CAST(floor(random() * {10 ** (n + 1)}) AS BIGINT) AS whole_{n}" for n in range(3)]
    columns += [f"'word ' || CAST(floor(random() * {5 + 15 * n}) AS INTEGER) AS word_{n}" for n in range(3)]
    columns += ["CAST(random() > 0.3 AS BOOLEAN) AS flag"]
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"SELECT setseed({seed})")
        connection.execute(f"COPY (SELECT {', '.join(columns)} FROM range({rows})) TO '{path}' (FORMAT parquet)")


def main() -> None:
    """Run everything in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--evidently", help="a python that has evidently; left out, only mlci is measured")
    own = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        old, new, kept = (Path(folder, name) for name in ("old.parquet", "new.parquet", "profile.json"))
        # In processes of their own: what this one holds would count as the peak of what it starts.
        for path, seed, shift in ((old, 0.1, 0.0), (new, 0.2, 0.2)):
            code = f"import drift, pathlib; drift.make(pathlib.Path({str(path)!r}), {own.rows}, {seed}, {shift})"
            process([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); {code}"])
        commands = {
            "mlci, first profile": [sys.executable, "-c", OURS, str(old), f"{kept}.new"],
            "mlci, drift beside a stored profile": [sys.executable, "-c", OURS, str(new), str(kept)],
        }
        process([sys.executable, "-c", OURS, str(old), str(kept)])
        if own.evidently:
            for method in ("psi", "default"):
                commands[f"Evidently, {method}"] = [own.evidently, "-c", THEIRS, str(old), str(new), method]
        runs: dict[str, list[object]] = {name: [] for name in commands}
        for _ in range(own.rounds):
            for name, command in commands.items():
                Path(f"{kept}.new").unlink(missing_ok=True)
                runs[name].append(process(command))
        measured = {name: Runs(tuple(each)) for name, each in runs.items()}  # type: ignore[arg-type]
        ours = measured["mlci, drift beside a stored profile"]
        rows = [
            (
                name, f"{each.median_s:.2f}", f"{each.least_s:.2f}", f"{each.cpu_s:.2f}",
                f"{max(run.peak for run in each.runs) / 2**20:.0f}", f"{each.median_s / ours.median_s:.1f}",
                f"{each.cpu_s / ours.cpu_s:.1f}",
            )
            for name, each in measured.items()
        ]  # fmt: skip
    print(f"{own.rows:,} rows x 17 columns, {own.rounds} rounds")
    print(table(("", "median s", "least s", "cpu s", "peak MiB", "times mlci, wall", "times mlci, cpu"), rows))


if __name__ == "__main__":
    main()

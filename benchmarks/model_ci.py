"""What ``mlci model-ci`` adds to the bare training command, what takes how long, and what a reused result takes."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import phases
from measure import Runs, process, table, times

PYTHON = sys.executable
MODEL_CI = [PYTHON, "-m", "mlci", "model-ci"]
BARE, FIRST, LATER = "the training command alone", "first model, new registry", "later model, registered"
CHANGE, REUSED, NOTHING = "later model, not registered", "nothing changed: reused", "make, with nothing to do"
COLUMNS = 10
# Half of a training's time it computes, half it waits, as one does that reads data or uses an accelerator.
TRAIN = """import hashlib, os, time
from pathlib import Path
import joblib, numpy as np
from sklearn.linear_model import LogisticRegression

time.sleep({wait})
hashlib.pbkdf2_hmac("sha256", b"", b"", {work})
random = np.random.default_rng(1)
features = random.standard_normal((2000, {columns}))
# Rounding is what makes one version's model another than the last one's.
model = LogisticRegression().fit(features, features.sum(axis=1) > {shift})
joblib.dump(model, Path(os.environ["MLCI_TRAIN_OUTPUT"], "model.joblib"))
"""
SETTINGS = f"""model: churn
data: {{holdout: holdout.csv}}
train: {{command: "{PYTHON} train.py", python: {PYTHON}}}
evaluate: {{id: row, target: label}}
"""
MAKE = """out/model.joblib: train.py
\tMLCI_TRAIN_OUTPUT=out {python} train.py
"""
PROMOTE = """from mlflow import MlflowClient
MlflowClient("sqlite:///.mlci/mlflow.db").set_registered_model_alias("churn", "production", 1)
"""
REST = "start, imports and the rest"
_IDENTITY = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@example.invalid", "-c", "commit.gpgsign=false"]


@dataclass(frozen=True)
class Training:
    """A training of a certain length.

    Attributes:
        wait: seconds asleep.
        work: rounds of hashing.
    """

    wait: float
    work: int

    @classmethod
    def lasting(cls, seconds: float) -> Training:
        """Half waiting, half computing on a processor that nobody else uses; imports come on top."""
        rounds, start = 200_000, time.process_time()
        hashlib.pbkdf2_hmac("sha256", b"", b"", rounds)
        return cls(seconds / 2, max(1, int(rounds * seconds / 2 / (time.process_time() - start))))

    def script(self, number: int) -> str:
        """The training script of a commit; each trains another model."""
        return TRAIN.format(wait=self.wait, work=self.work, columns=COLUMNS, shift=number / 100)


class Repository:
    """A user's repository, one for each way to train, so that none finds what another left."""

    def __init__(self, folder: Path, holdout: Path, training: Training) -> None:
        self.folder, self.training, self.number = folder, training, 0
        (folder / "out").mkdir(parents=True)
        (folder / "mlci.yml").write_text(SETTINGS)
        (folder / "Makefile").write_text(MAKE.format(python=PYTHON))
        (folder / ".gitignore").write_text("holdout.csv\n.mlci/\nmlci-model/\nout/\n")
        shutil.copyfile(holdout, folder / "holdout.csv")
        self._git("init", "-q")
        self.commit()

    def commit(self) -> None:
        """A commit that makes another model."""
        self.number += 1
        (self.folder / "train.py").write_text(self.training.script(self.number))
        self._git("add", "-A")
        self._git(*_IDENTITY, "commit", "-qm", "Another model")

    def forget(self) -> None:
        """Remove what earlier runs left."""
        for name in (".mlci", "mlci-model"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def _git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)


def holdout(path: Path, rows: int) -> None:
    """Write a holdout of random examples; the standard library is enough, and keeps this process small."""
    import random

    drawn = random.Random(3)
    with path.open("w") as stream:
        print("row", *(f"x{column}" for column in range(COLUMNS)), "label", sep=",", file=stream)
        for row in range(rows):
            values = [drawn.gauss(0, 1) for _ in range(COLUMNS)]
            print(row, *values, sum(values) > 0, sep=",", file=stream)


class Bench:
    """The ways to train: alone, into nothing, and in a repository that has a production model already."""

    def __init__(self, folder: Path, rows: int, *, has_production: bool = True) -> None:
        """Make the repositories in a folder, with a training that is over at once."""
        training = Training(0, 1)
        self._parts = folder / "parts.json"
        holdout(folder / "holdout.csv", rows)
        alone, new, old = (
            Repository(folder / name, folder / "holdout.csv", training) for name in ("alone", "new", "old")
        )
        # Each way finds what the one before it left in the same repository.
        self._repositories = {BARE: alone, NOTHING: alone, FIRST: new, CHANGE: old, LATER: old, REUSED: old}
        process(MODEL_CI, folder=old.folder)
        if has_production:
            process([PYTHON, "-c", PROMOTE], folder=old.folder)
            process(MODEL_CI, folder=old.folder)  # Production's predictions are kept from now on.

    def command(self, way: str) -> tuple[list[str], Path]:
        """Set a way up as it has to be before each run; what is run, and where."""
        repository = self._repositories[way]
        if way in (LATER, CHANGE):
            repository.commit()
        if way == FIRST:
            repository.forget()
        if way == NOTHING:
            (repository.folder / "out" / "model.joblib").touch()
        commands = {
            BARE: ["env", "MLCI_TRAIN_OUTPUT=out", PYTHON, "train.py"],
            CHANGE: [*MODEL_CI, "--register", "false"],
            NOTHING: ["make"],
        }
        return commands.get(way, MODEL_CI), repository.folder

    def timed(self, ways: Sequence[str], training: Training, rounds: int) -> dict[str, Runs]:
        """Every way once a round, with this training."""
        for repository in self._repositories.values():
            repository.training = training
            repository.commit()
        found: dict[str, Runs] = dict.fromkeys(ways, Runs(()))
        for _ in range(rounds):
            for way in ways:
                command, folder = self.command(way)
                found[way] = Runs((*found[way].runs, process(command, folder=folder)))
        return found

    def parts(self, ways: Sequence[str], rounds: int) -> dict[str, dict[str, float]]:
        """Median seconds of each part of a way."""
        found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way in ways:
                command, folder = self.command(way)
                program = [PYTHON, phases.__file__, str(self._parts), *command[len(MODEL_CI) - 1 :]]
                run = process(program, folder=folder)
                spent = json.loads(self._parts.read_text())
                found[way].append({**spent, REST: run.wall_s - sum(spent.values())})
        return {way: _medians(runs) for way, runs in found.items()}


def _medians(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: statistics.median(run.get(name, 0.0) for run in runs) for name in names}


def added(runs: dict[str, Runs], bare: Runs, title: str) -> Iterator[list[object]]:
    """One row a way: beside the bare command of the same rounds."""
    for way, each in runs.items():
        walls = [run.wall_s - alone.wall_s for run, alone in zip(each.runs, bare.runs, strict=True)]
        yield [
            title,
            way,
            f"{each.least_s:.2f} s",
            f"{each.median_s:.2f} s",
            f"{each.cpu_s:.2f} s",
            f"{statistics.median(walls):+.2f} s",
            times(each.least_s, bare.least_s),
            times(each.median_s, bare.median_s),
        ]


def report(folder: Path, ways: Sequence[str], lengths: Sequence[float], rows: int, rounds: int) -> None:
    """Print both tables; a training that is longer than the first only shows that what is added stays the same."""
    first, *longer = lengths
    bench = Bench(folder, rows, has_production=LATER in ways)
    runs = bench.timed(ways, Training.lasting(first), rounds)
    lines = list(added(runs, runs[BARE], f"{first:g} s"))
    taken_apart = bench.parts([way for way in (LATER, REUSED) if way in ways], rounds)
    for seconds in longer:
        runs = bench.timed([BARE, LATER], Training.lasting(seconds), min(rounds, 2))
        lines += added(runs, runs[BARE], f"{seconds:g} s")
    header = ["training", "way", "best", "median", "processor", "added, median", "/ command, best", "/ command, median"]
    print(table(header, lines))
    names = dict.fromkeys((phases.TRAINING, *phases.PARTS.values(), REST))
    cells = [[name, *(f"{1000 * each.get(name, 0.0):.0f}" for each in taken_apart.values())] for name in names]
    print("\n" + table(["part, in ms", *taken_apart], cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, nargs="+", default=[1.0, 20.0], help="lengths of training")
    parser.add_argument("--quick", action="store_true", help="one round of almost nothing")
    given = parser.parse_args()
    ways = [BARE, FIRST, CHANGE, LATER, REUSED, NOTHING]
    if given.quick:
        ways = [BARE, REUSED]
        given.rounds, given.rows, given.seconds = 1, 200, [0.01]
    # What is measured is a developer's machine, wherever this is run.
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "GITLAB_", "CI_", "MLCI_", "MLFLOW_"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as name:
        report(Path(name), ways, given.seconds, given.rows, given.rounds)


if __name__ == "__main__":
    main()

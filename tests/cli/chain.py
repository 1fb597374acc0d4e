"""A small repository of a user's: a model that is a class of its own, trained in no time, judged on 400 rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlci.cli.main import run

CONFIG = """\
model: {name}
data: {{train: data/train.csv, holdout: data/holdout.csv}}
train: {{command: python train.py, params: params.json, seed: 3{more}}}
evaluate: {{id: row, target: late}}
validation: {{compare_to: production, tolerance: 0.05, metrics: {{accuracy: {{}}}}}}
"""

MODEL = """\
class Threshold:
    def __init__(self, at):
        self.at = at

    def predict(self, rows):
        return [int(miles > self.at) for miles in rows["miles"]]

    feature_names_in_ = ["miles"]
"""

TRAIN = """\
import json, os, pickle
from model import Threshold

params = json.load(open(os.environ["MLCI_TRAIN_PARAMS"]))
print("training with seed", os.environ["MLCI_TRAIN_SEED"])
with open(os.path.join(os.environ["MLCI_TRAIN_OUTPUT"], "model.pkl"), "wb") as stream:
    pickle.dump(Threshold(params["at"]), stream)
with open("trained.log", "a") as log:
    log.write("once\\n")
"""


def rows(first: int, count: int) -> str:
    """Trips: long ones are late, but for one in ten."""
    lines = (
        f"trip-{at},{at * 37 % 100},{int((at * 37 % 100 > 50) != (at % 10 == 0))}" for at in range(first, first + count)
    )
    return "row,miles,late\n" + "\n".join(lines) + "\n"


@dataclass
class Repository:
    """A repository with a model in a folder of it."""

    root: Path
    folder: Path

    def git(self, *words: str) -> str:
        """Run git in it, by nobody's own settings."""
        environ = {
            **os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
            **{f"GIT_{who}_{what}": "a@b.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }  # fmt: skip
        done = subprocess.run(["git", *words], cwd=self.root, env=environ, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, message: str = "change") -> str:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD")

    def mlci(self, *words: str, **environ: str) -> int:
        """Run a command in the model's folder, in this process."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            return int(run(list(words), {**os.environ, "PATH": path, **environ}))
        finally:
            os.chdir(before)

    def report(self, step: str) -> dict[str, Any]:
        """The report that a step left."""
        found: dict[str, Any] = json.loads((self.folder / ".mlci" / "report" / f"{step}.json").read_text())
        return found

    def evidence(self, kind: str) -> dict[str, Any]:
        """The predicate that a step left."""
        found: dict[str, Any] = json.loads((self.folder / ".mlci" / "evidence" / f"{kind}.json").read_text())
        return dict(found["predicate"])

    @property
    def trainings(self) -> int:
        """How often training ran."""
        log = self.folder / "trained.log"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def set(self, at: int) -> None:
        """The one hyper-parameter."""
        (self.folder / "params.json").write_text(json.dumps({"at": at}))


def repository(root: Path, *, inside: str = ".", name: str = "late-trips", more: str = "") -> Repository:
    """A committed repository with one model on its branch main; in one that is there, one more model."""
    found = Repository(root, root / inside)
    (found.folder / "data").mkdir(parents=True)
    (found.folder / "mlci.yml").write_text(CONFIG.format(name=name, more=more))
    (found.folder / "model.py").write_text(MODEL)
    (found.folder / "train.py").write_text(TRAIN)
    (found.folder / "data" / "train.csv").write_text(rows(0, 400))
    (found.folder / "data" / "holdout.csv").write_text(rows(1000, 400))
    (root / ".gitignore").write_text(".mlci/\nmlci-model/\nmlci-keep/\ntrained.log\n__pycache__/\n")
    found.set(50)
    if not (root / ".git").exists():
        found.git("init", "-q", "-b", "main")
    found.commit("a model")
    return found

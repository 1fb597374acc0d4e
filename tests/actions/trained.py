"""A user's repository whose model is trained by model.yml: a number in a file, wrong on every so many examples."""

from __future__ import annotations

import re
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from consumer import EVENTS, ROOT, for_act

if TYPE_CHECKING:
    from forge.github import GitHub
    from outcome import Outcome

PLACE = ".github/workflows/mlci.yml"
CALLER = (ROOT / "workflows-templates/github/mlci-model.yml").read_text().replace("$default-branch", "main")

# Standard library only: loading others takes seconds. No process from this one up to the runner may hold a token of a
# registry where a change is trained, because the change's code could read it there.
TRAIN = """
import os, pathlib
assert os.environ["MLCI_TRAIN_DATA"].endswith("/train.csv")
tokens = [name for name in os.environ if "TOKEN" in name]
assert not tokens, tokens
process = os.getppid()
while process > 1 and os.environ.get("GITHUB_EVENT_NAME") == "pull_request":
    held = pathlib.Path(f"/proc/{process}/environ").read_bytes().split(b"\\0")
    assert not [name for name in held if name.startswith(b"MLFLOW_TRACKING_TOKEN=") and name[22:]], process
    stat = pathlib.Path(f"/proc/{process}/stat").read_text()
    process = int(stat.rpartition(")")[2].split()[1])
with open("TRACE", "a") as trace:
    trace.write("trained\\n")
output = pathlib.Path(os.environ["MLCI_TRAIN_OUTPUT"])
(output / ".hidden").write_text("a part of the model like any other")
(output / "model.txt").write_text(pathlib.Path("quality.txt").read_text())
"""
SCORE = """
import csv, os, pathlib
every = int(pathlib.Path(os.environ["MLCI_MODEL"], "model.txt").read_text())
with open(os.environ["MLCI_HOLDOUT"]) as given, open(os.environ["MLCI_PREDICTIONS"], "w", newline="") as wanted:
    rows = csv.writer(wanted)
    rows.writerow(["id", "y_pred"])
    for i, row in enumerate(csv.DictReader(given)):
        rows.writerow([row["id"], row["label"] if i % every else 1 - int(row["label"])])
"""
# A linter of a few lines, which says what is wrong as all of them do.
CHECK = """
import sys
for name in ("train.py", "score.py"):
    try:
        compile(open(name).read(), name, "exec")
    except SyntaxError as problem:
        sys.exit(f"{name}:{problem.lineno}:{problem.offset}: E999 SyntaxError: {problem.msg}")
"""
CONFIG = """
model: churn
code: {checks: {syntax: PYTHON check.py}}
data: {train: {path: train.csv, contract: contract.yml}, holdout: holdout.csv}
train: {command: python train.py, python: PYTHON}
evaluate: {command: python score.py, target: label, id: id}
validation: {compare_to: production, tolerance: -0.02, metrics: [accuracy]}
"""
CONTRACT = """
columns:
  id: {unique: true}
  x: {type: integer, nullable: false, min: 0}
  label: {values: [0, 1]}
"""


def rows(first: int) -> str:
    """A table of as many examples as the others, none of them alike."""
    return "id,x,label\n" + "".join(f"{i},{i},{i * 7919 % 2}\n" for i in range(first, first + 2000))


ROWS = rows(0)


@dataclass(frozen=True)
class Training:
    """Where models are trained.

    Attributes:
        python: interpreter of the training environment.
        trace: gets a line for every training that ran to its end.
    """

    python: Path
    trace: Path

    @property
    def count(self) -> int:
        """How often a model was trained."""
        return len(self.trace.read_text().splitlines()) if self.trace.exists() else 0

    def files(self, config: str = CONFIG) -> dict[str, str]:
        """The repository as init leaves it."""
        return {
            PLACE: CALLER, "train.py": TRAIN.replace("TRACE", str(self.trace)), "score.py": SCORE, "check.py": CHECK,
            "quality.txt": "50\n", "docs/index.md": "a model\n", "mlci.yml": config.replace("PYTHON", str(self.python)),
            "train.csv": rows(2000), "holdout.csv": ROWS, "contract.yml": CONTRACT,
        }  # fmt: skip


@pytest.fixture(name="training", scope="module")
def _training(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """An environment to train in."""
    folder = tmp_path_factory.mktemp("training")
    venv.create(folder / "environment", symlinks=True)
    return Training(folder / "environment/bin/python", folder / "trace")


def jobs_within(name: str, **inputs: Any) -> dict[str, Any]:
    """The jobs of a reusable workflow of ours with its inputs put in, because act ends where such a workflow fails."""
    described = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())
    known = described[True]["workflow_call"]["inputs"]
    given = {key: value["default"] for key, value in known.items() if "default" in value}
    given |= {key.replace("_", "-"): value for key, value in inputs.items()}

    def literal(found: re.Match[str]) -> str:
        value = given[found[1]]
        return f"'{value}'" if isinstance(value, str) else str(value).lower()

    def filled(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: filled(value) for key, value in node.items()}
        if isinstance(node, list):
            return [filled(value) for value in node]
        return re.sub(r"\binputs\.([\w-]+)", literal, node) if isinstance(node, str) else node

    done: dict[str, Any] = filled(described["jobs"])
    return {id: for_act(job) for id, job in done.items()}


def in_one_file(**inputs: Any) -> str:
    """What a caller of model.yml runs, as one workflow whose checks have the names that the caller's have."""
    jobs = {id: {**job, "name": f"model / {job['name']}"} for id, job in jobs_within("model", **inputs).items()}
    return yaml.safe_dump({"name": "Model", "on": EVENTS, "permissions": {}, "jobs": jobs})


def proposed(github: GitHub, branch: str, **files: str) -> int:
    """A pull request that changes these files."""
    github.commit(files, branch)
    return github.open_pull_request(branch).number


def results(outcome: Outcome) -> dict[str, str]:
    """How each job that ran ended, by the name of its check."""
    return {job.name.removeprefix("model / "): job.result for job in outcome.jobs}


def accepted(github: GitHub, left: Mapping[str, bytes]) -> None:
    """A run of the default branch that was accepted, and what it left."""
    run = github.add_run(branch="main")
    for name, packed in left.items():
        github.put_artifact(run, name, packed)

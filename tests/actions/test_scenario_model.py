"""The pipeline that is one call of model.yml, under a real runner: what mlci init writes does what it says."""

from __future__ import annotations

import venv

import pytest
from consumer import ROOT, seen

PLACE = ".github/workflows/mlci.yml"
CALLER = (ROOT / "workflows-templates/github/mlci-model.yml").read_text().replace("$default-branch", "main")

# A model that is a number: wrong on every so many examples. Standard library only: loading others takes seconds.
TRAIN = """
import os, pathlib
assert os.environ["MLCI_TRAIN_DATA"].endswith("/train.csv")
tokens = [name for name in os.environ if "TOKEN" in name]
assert not tokens, tokens
output = pathlib.Path(os.environ["MLCI_TRAIN_OUTPUT"])
(output / ".hidden").write_text("a part of the model like any other")
(output / "model.txt").write_text(open("quality.txt").read())
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
CONFIG = """
model: churn
data: {train: train.csv, holdout: holdout.csv}
train: {command: python train.py, python: PYTHON}
evaluate: {command: python score.py, target: label, id: id}
validation: {compare_to: production, tolerance: -0.02, metrics: [accuracy]}
"""
ROWS = "id,x,label\n" + "".join(f"{i},{i},{i * 7919 % 2}\n" for i in range(2000))


@pytest.fixture(name="consumer")
def _consumer(github, tmp_path):
    """A repository as init leaves it, with an environment to train in."""
    venv.create(tmp_path / "training", symlinks=True)
    github.add_repository(
        files={
            PLACE: CALLER, "train.py": TRAIN, "score.py": SCORE, "quality.txt": "50\n", "docs/index.md": "a model\n",
            "mlci.yml": CONFIG.replace("PYTHON", str(tmp_path / "training/bin/python")),
            "train.csv": ROWS, "holdout.csv": ROWS,
        }
    )  # fmt: skip
    github.protect("main", ["model / conclude"])
    return github


def proposed(github, branch: str, **files: str) -> int:
    github.commit(files, branch)
    return github.open_pull_request(branch).number


def results(outcome) -> dict[str, str]:
    """How each job that ran ended, by the name of its check."""
    return {job.name.removeprefix("model / "): job.result for job in outcome.jobs}


def test_a_change_is_trained_and_judged_against_the_last_merge_and_documentation_is_green_at_once(consumer, act):
    first = act.run(PLACE, event="push")
    assert first.code == 0, first.log
    assert results(first) == dict.fromkeys(("plan", "model", "gate", "conclude"), "success")

    good = proposed(consumer, "good", **{"quality.txt": "60\n"})
    outcome = act.run(PLACE, pull=good)
    assert outcome.code == 0, outcome.log
    (comment,) = consumer.comments(good)
    assert "no worse than production on accuracy" in seen(comment)
    assert "artifact mlci-gate-churn of run" in seen(comment)
    assert consumer.merge(good)[0] == 200

    words = proposed(consumer, "words", **{"docs/index.md": "a better model\n"})
    outcome = act.run(PLACE, pull=words)
    assert outcome.code == 0, outcome.log
    assert results(outcome) == {"plan": "success", "conclude": "success"}
    assert consumer.merge(words)[0] == 200

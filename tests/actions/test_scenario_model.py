"""The pipeline that is one call of model.yml, under a real runner."""

from __future__ import annotations

import sys

import pytest
from consumer import ROOT, seen

PLACE = ".github/workflows/mlci.yml"
CALLER = (ROOT / "workflows-templates/github/mlci-model.yml").read_text().replace("$default-branch", "main")

# Wrong on every so many examples, learned from the training data; a stand-in for a library that takes seconds to load.
TRAIN = """
import os
every = int(open("quality.txt").read())
from sklearn.dummy import DummyClassifier
import csv, joblib
from sklearn.tree import DecisionTreeClassifier
rows = list(csv.DictReader(open(os.environ["MLCI_TRAIN_DATA"])))
labels = [int(row["label"]) if i % every else 1 - int(row["label"]) for i, row in enumerate(rows)]
model = DecisionTreeClassifier(random_state=0).fit([[float(row["x"])] for row in rows], labels)
joblib.dump(model, os.path.join(os.environ["MLCI_TRAIN_OUTPUT"], "model.joblib"))
"""
ROWS = "id,x,label\n" + "".join(f"{i},{i},{i * 7919 % 2}\n" for i in range(2000))
CONFIG = f"""
model: churn
data: {{train: data.csv, holdout: holdout.csv}}
train: {{command: "{sys.executable} train.py", python: "{sys.executable}"}}
evaluate: {{target: label, id: id, features: [x]}}
validation: {{compare_to: production, tolerance: -0.02, metrics: [accuracy]}}
"""
FILES = {
    PLACE: CALLER, "train.py": TRAIN, "quality.txt": "1000\n", "mlci.yml": CONFIG, "data.csv": ROWS,
    "holdout.csv": ROWS, "docs/index.md": "a model\n",
}  # fmt: skip


@pytest.fixture(name="consumer")
def _consumer(github):
    github.add_repository(files=FILES)
    github.protect("main", ["model / conclude"])
    return github


def results(outcome) -> dict[str, str]:
    """How each job that ran ended, by the name of its check."""
    return {job.name: job.result for job in outcome.jobs}


def test_a_change_of_the_documentation_is_green_without_training(consumer, act):
    consumer.commit({"docs/index.md": "a better model\n"}, "words")
    number = consumer.open_pull_request("words").number

    outcome = act.run(PLACE, pull=number)

    assert outcome.code == 0, outcome.log
    assert results(outcome) == {"model / plan": "success", "model / conclude": "success"}
    assert consumer.merge(number)[0] == 200


def test_a_merge_is_trained_and_a_change_is_judged_against_it(consumer, act):
    first = act.run(PLACE, event="push")
    print(first.log)
    print(results(first))
    assert first.code == 0, first.log

    consumer.commit({"quality.txt": "900\n"}, "good")
    good = consumer.open_pull_request("good").number
    outcome = act.run(PLACE, pull=good)
    print(outcome.log)
    assert outcome.code == 0, outcome.log
    (comment,) = consumer.comments(good)
    print(seen(comment))
    assert consumer.merge(good)[0] == 200

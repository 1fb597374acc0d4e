"""A recipe of three seeds: trained once each, handed over together, judged as one, registered as the first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from chain import Repository, repository

from mlci.adapters.models import handover
from mlci.errors import ArtifactRefused, FileMissing, MlciError, ModelAltered

# The seed moves the threshold, as it moves any model.
TRAIN = """\
import os, pickle
from model import Threshold

seed = int(os.environ["MLCI_TRAIN_SEED"])
with open(os.path.join(os.environ["MLCI_TRAIN_OUTPUT"], "model.pkl"), "wb") as stream:
    pickle.dump(Threshold(50 + 2 * (seed - 3)), stream)
with open("trained.log", "a") as log:
    log.write("once\\n")
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    found = repository(tmp_path_factory.mktemp("seeds"), more=", seeds: 3")
    (found.folder / "train.py").write_text(TRAIN)
    found.commit("a seed that counts")
    assert found.mlci("model-ci") == 0
    return found


def test_each_seed_is_trained_once_and_the_first_is_the_candidate(trained: Repository) -> None:
    assert trained.trainings == 3
    held = handover.read(str(trained.folder / "mlci-model"))
    assert held.model.provenance.seed == 3
    assert [run.seed for run, _ in held.seeds] == [4, 5]
    assert len({held.model.inputs.key, *(run.key for run, _ in held.seeds)}) == 3
    assert trained.mlci("model-ci") == 0
    assert trained.trainings == 3


def test_more_seeds_train_only_those_that_are_new(trained: Repository) -> None:
    config = trained.folder / "mlci.yml"
    config.write_text(config.read_text().replace("seeds: 3", "seeds: 4"))
    assert trained.mlci("model-ci") == 0
    assert trained.trainings == 4
    message = next(each["message"] for each in trained.report("model-ci")["findings"] if each["id"] == "model:seeds")
    assert "(4, 5, 6), 1 of them new" in message
    config.write_text(config.read_text().replace("seeds: 4", "seeds: 3"))
    assert trained.mlci("model-ci") == 0


def test_the_gate_answers_for_the_recipe(trained: Repository) -> None:
    production = trained.folder / "mlci-model" / "candidate.csv"
    copy = trained.folder / "production.csv"
    copy.write_bytes(production.read_bytes())
    assert trained.mlci("gate-compare", "--candidate", "mlci-model", "--baseline", "production.csv") == 0
    report, evidence = trained.report("gate-compare"), trained.evidence("gate")
    assert report["question"] == evidence["question"] == "recipe"
    assert evidence["recipe"]["seeds"] == 3
    found = next(each for each in report["findings"] if each["id"] == "compare:accuracy")
    # Production is the first seed's own model, and the recipe is judged by the others, too.
    assert found["difference"] < 0
    assert "3 seeds" in found["method"]
    copy.unlink()


@pytest.mark.parametrize(("wrong", "error"), [
    (lambda folder: (folder / "seed-4.csv").write_text("row,y\n"), ModelAltered),
    (lambda folder: (folder / "seed-4.csv").unlink(), ArtifactRefused),
    (lambda folder: (folder / "seeds.json").write_text('{"runs": []}'), ArtifactRefused),
    (lambda folder: (folder / "seeds.json").write_text("{"), ArtifactRefused),
    (lambda folder: (folder / "seed-x.csv").write_text(""), ArtifactRefused),
])  # fmt: skip
def test_seeds_that_were_tampered_with_are_refused(
    trained: Repository, tmp_path: Path, wrong: Callable[[Path], object], error: type[MlciError]
) -> None:
    shutil.copytree(trained.folder / "mlci-model", tmp_path / "copy")
    wrong(tmp_path / "copy")
    with pytest.raises((error, FileMissing)):
        handover.read(str(tmp_path / "copy"))

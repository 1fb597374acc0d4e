"""The chain on a developer's machine: train once, judge, register, and show what a pull request would show."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from chain import Repository, repository, rows


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository whose first model is registered, and so in production."""
    found = repository(tmp_path_factory.mktemp("registered"))
    assert found.mlci("run") == 0
    return found


@pytest.fixture
def copied(registered: Repository, tmp_path: Path) -> Repository:
    """A copy of it that a test may change."""
    shutil.copytree(registered.root, tmp_path / "copy", symlinks=True)
    return Repository(tmp_path / "copy", tmp_path / "copy")


def asked(database: Path, question: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(database)) as opened:
        return [tuple(map(str, row)) for row in opened.execute(question)]


# The first version that is accepted is production, and so the best production there was.
FIRST = [("anchor", "1"), ("production", "1")]


def test_the_first_model_is_registered_and_becomes_production(registered: Repository) -> None:
    database = registered.folder / ".mlci" / "mlflow.db"
    tags = dict(asked(database, "select key, value from model_version_tags"))
    evidence = registered.folder / ".mlci" / "evidence"

    assert asked(database, "select version from model_versions") == [("1",)]
    assert asked(database, "select alias, version from registered_model_aliases order by alias") == FIRST
    assert tags["mlci.commit"] == registered.git("rev-parse", "HEAD")
    assert tags["mlci.evidence"] == hashlib.sha256((evidence / "model.json").read_bytes()).hexdigest()
    assert tags["mlci.gate"] == hashlib.sha256((evidence / "gate.json").read_bytes()).hexdigest()
    assert tags["mlci.verdict"] == "warn"
    assert tags["mlci.metric.accuracy"].startswith("0.9000 [")
    assert (tags["mlci.dirty"], tags["mlci.seed"], tags["mlci.data.path"]) == ("false", "3", "data/train.csv")
    assert asked(database, "select key, value from params") == [("at", "50")]
    assert {"accuracy", "accuracy.low", "accuracy.high"} <= {
        key for (key,) in asked(database, "select key from metrics")
    }


def test_the_evidence_names_what_made_the_model(registered: Repository) -> None:
    predicate = registered.evidence("model")
    holdout = (registered.folder / "data" / "holdout.csv").read_bytes()

    assert predicate["provenance"]["params"] == {"at": 50}
    assert predicate["provenance"]["data"]["digest"] == hashlib.sha256(
        (registered.folder / "data" / "train.csv").read_bytes()
    ).hexdigest()  # fmt: skip
    assert predicate["predictions"]["holdout"]["digest"] == hashlib.sha256(holdout).hexdigest()
    assert [each["path"] for each in predicate["files"]] == ["model.pkl"]
    assert registered.evidence("gate")["model"] == hashlib.sha256(
        (registered.folder / "mlci-model" / "model.json").read_bytes()
    ).hexdigest()  # fmt: skip


def test_nothing_is_trained_twice_and_no_second_version_is_made(copied: Repository) -> None:
    before = (copied.folder / "mlci-model" / "model.json").read_bytes()

    assert copied.mlci("run") == 0

    assert copied.trainings == 1
    assert (copied.folder / "mlci-model" / "model.json").read_bytes() == before
    assert copied.report("model-ci")["findings"][0]["reason"] == "reused"
    assert asked(copied.folder / ".mlci" / "mlflow.db", "select version from model_versions") == [("1",)]


def test_a_result_that_this_machine_lost_comes_from_the_registry(copied: Repository) -> None:
    shutil.rmtree(copied.folder / ".mlci" / "models")
    shutil.rmtree(copied.folder / "mlci-model")

    assert copied.mlci("model-ci") == 0

    assert copied.trainings == 1
    assert "version 1 in the registry" in copied.report("model-ci")["reason"]


@pytest.mark.parametrize("name", ["README.md", "docs/method.md", "tests/test_model.py"])
def test_documents_and_tests_make_no_new_model(copied: Repository, name: str) -> None:
    (copied.folder / name).parent.mkdir(exist_ok=True)
    (copied.folder / name).write_text("nothing that training reads\n")

    assert copied.mlci("model-ci", "--dry-run", "true") == 0
    assert "would be taken" in copied.report("model-ci")["reason"]


@pytest.mark.parametrize("name", ["train.py", "params.json", "data/train.csv", "requirements.txt", "new.py"])
def test_code_parameters_data_and_the_lock_make_a_new_model(copied: Repository, name: str) -> None:
    with (copied.folder / name).open("a") as stream:
        stream.write("\n")

    assert copied.mlci("model-ci", "--dry-run", "true") == 0
    assert "would be trained" in copied.report("model-ci")["reason"]
    assert copied.trainings == 1


def test_a_worse_change_is_blocked_and_its_comment_written(
    copied: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    copied.git("checkout", "-qb", "worse")
    copied.set(70)
    copied.commit()

    assert copied.mlci("run", "--base", "main") == 11

    shown = capsys.readouterr().out
    comment = (copied.folder / ".mlci" / "comment.md").read_text()
    assert "Fail: accuracy is worse than production" in shown
    assert "Fail: accuracy is worse than production" in comment
    assert "late-trips version 1" in comment
    assert (copied.folder / ".mlci" / "report" / "gate-compare.html").is_file()
    model = (copied.folder / "mlci-keep" / "model.json").read_bytes()
    assert hashlib.sha256(model).hexdigest() == copied.evidence("gate")["model"], "what was judged, without the model"
    assert asked(copied.folder / ".mlci" / "mlflow.db", "select version from model_versions") == [("1",)]


def test_a_better_change_passes_and_is_registered_only_once_it_is_merged(copied: Repository) -> None:
    copied.git("checkout", "-qb", "better")
    # The labels of every tenth trip are turned, so nothing is better than 0.9; the same model is no worse.
    copied.set(49)
    copied.commit()

    assert copied.mlci("run", "--base", "main") == 0
    assert asked(copied.folder / ".mlci" / "mlflow.db", "select version from model_versions") == [("1",)]

    copied.git("checkout", "-q", "main")
    copied.git("merge", "-q", "better")
    assert copied.mlci("run") == 0
    assert copied.trainings == 2, "what the change trained is taken after the merge"
    database = copied.folder / ".mlci" / "mlflow.db"
    assert asked(database, "select alias, version from registered_model_aliases order by alias") == FIRST
    assert [number for (number,) in asked(database, "select version from model_versions order by version")] == [
        "1",
        "2",
    ]


def test_a_change_is_judged_by_the_policy_of_the_branch_it_goes_to(copied: Repository) -> None:
    copied.git("checkout", "-qb", "worse")
    copied.set(70)
    config = copied.folder / "mlci.yml"
    config.write_text(config.read_text().replace("tolerance: 0.05", "tolerance: 0.4"))
    copied.commit()

    assert copied.mlci("run", "--base", "main") == 11
    assert any(each.get("reason") == "gate-changed" for each in copied.report("gate-compare")["findings"])


def test_a_change_of_the_holdout_is_never_judged_green(copied: Repository) -> None:
    copied.git("checkout", "-qb", "easier")
    (copied.folder / "data" / "holdout.csv").write_text(
        (copied.folder / "data" / "holdout.csv").read_text().replace("trip-1", "trap-1")
    )
    copied.commit()

    assert copied.mlci("run", "--base", "main") == 3
    [found] = [each for each in copied.report("gate-compare")["findings"] if each["id"] == "policy:holdout-changed"]
    assert "data/holdout.csv" in found["message"]


def ridden(found: Repository) -> None:
    """Another holdout, so that production has to be scored again; and a class that answers 1 whatever it is asked."""
    holdout, model = found.folder / "data" / "holdout.csv", found.folder / "model.py"
    holdout.write_text(holdout.read_text().replace("trip-1", "ride-1"))
    model.write_text(model.read_text().replace("miles > self.at", "True"))
    found.commit()


def assert_production_was_scored_by_its_own_code(found: Repository) -> None:
    metric = next(each for each in found.report("gate-compare")["findings"] if each["rule"] == "compare")
    assert metric["baseline"] == pytest.approx(0.9)
    assert metric["candidate"] < 0.6
    assert "scored on this holdout" in " ".join(each["message"] for each in found.report("model-ci")["findings"])


def test_production_is_scored_again_on_another_holdout_by_the_code_that_was_kept_with_it(copied: Repository) -> None:
    assert [each["path"] for each in copied.evidence("model")["code"]] == ["model.py"]
    before = copied.evidence("model")["files"]
    ridden(copied)

    assert copied.mlci("run", PYTHONPATH=str(copied.folder)) == 11

    assert_production_was_scored_by_its_own_code(copied)
    # The very same bytes of a pickle, and another model.
    versions = dict(
        asked(
            copied.folder / ".mlci" / "mlflow.db",
            "select version, value from model_version_tags where key = 'mlci.artifact'",
        )
    )
    assert set(versions) == {"1", "2"}
    assert len(set(versions.values())) == 2
    assert copied.evidence("model")["files"] == before


def test_production_made_from_what_was_never_committed_is_scored_by_that(tmp_path: Path) -> None:
    found = repository(tmp_path)
    # The model that is right is not the one of the commit, and the commit goes, as after a squash.
    (found.folder / "model.py").write_text((found.folder / "model.py").read_text().replace("miles > self.at", "True"))
    found.git("commit", "-qam", "wrong")
    (found.folder / "model.py").write_text((found.folder / "model.py").read_text().replace("True", "miles > self.at"))
    assert found.mlci("run") == 0
    assert found.evidence("model")["provenance"]["dirty"]
    found.git("reset", "-q", "--soft", "HEAD~1")
    found.git("reflog", "expire", "--expire=now", "--all")
    found.git("gc", "-q", "--prune=now")
    ridden(found)

    assert found.mlci("run") == 11

    assert_production_was_scored_by_its_own_code(found)


def test_a_profile_trains_by_its_sample_and_registers_nothing(tmp_path: Path) -> None:
    found = repository(tmp_path, more=", profiles: {smoke: {sample: 0.02, timeout: 1m}}")
    with (found.folder / "train.py").open("a") as script:
        script.write('open("sample.log", "w").write(os.environ["MLCI_TRAIN_SAMPLE"])\n')

    assert found.mlci("model-ci", "--profile", "smoke") == 0
    assert (found.folder / "sample.log").read_text() == "0.02"
    assert not (found.folder / ".mlci" / "mlflow.db").exists()
    assert found.mlci("model-ci", "--profile", "smok") == 2


def test_two_models_of_one_repository_do_not_know_of_each_other(tmp_path: Path) -> None:
    late = repository(tmp_path, inside="models/late", name="late-trips")
    lost = repository(tmp_path, inside="models/lost", name="lost-luggage")

    assert (late.mlci("run"), lost.mlci("run")) == (0, 0)

    for each, name in ((late, "late-trips"), (lost, "lost-luggage")):
        database = each.folder / ".mlci" / "mlflow.db"
        assert asked(database, "select name, version from model_versions") == [(name, "1")]
        assert each.report("gate-compare")["model"] == name
    late.set(51)
    assert late.mlci("model-ci", "--dry-run", "true") == 0
    assert "would be trained" in late.report("model-ci")["reason"]
    assert lost.mlci("model-ci", "--dry-run", "true") == 0


def test_without_a_configuration_the_others_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = repository(tmp_path, inside="models/late")

    assert Repository(found.root, found.root).mlci("run") == 2
    assert "name one with --config: models/late/mlci.yml" in capsys.readouterr().err


def test_a_configuration_elsewhere_is_run_from_anywhere(tmp_path: Path) -> None:
    found = repository(tmp_path, inside="models/late")

    assert Repository(found.root, found.root).mlci("run", "--config", "models/late/mlci.yml") == 0
    assert (found.folder / ".mlci" / "mlflow.db").is_file()
    assert found.trainings == 1


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("train: python train.py\n", "model is not set"),
        ("model: m\n", "train is not set"),
        ("model: m\ntrain: python train.py\n", "data.holdout is not set"),
    ],
)
def test_what_the_configuration_lacks_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, missing: str
) -> None:
    (tmp_path / "mlci.yml").write_text(text)

    assert Repository(tmp_path, tmp_path).mlci("model-ci") == 2
    assert missing in capsys.readouterr().err


def test_a_version_of_the_registry_is_judged_against_another(copied: Repository) -> None:
    copied.set(70)
    copied.commit()
    assert copied.mlci("run") == 11
    shutil.rmtree(copied.folder / "mlci-model")

    assert copied.mlci("gate-compare", "--version", "2", "--against", "production") == 11
    assert copied.report("gate-compare")["baseline"]["name"] == "late-trips version 1"
    assert copied.mlci("gate-compare", "--version", "1", "--against", "2") == 0
    tags = dict(
        asked(copied.folder / ".mlci" / "mlflow.db", "select key, value from model_version_tags where version = 2")
    )
    assert tags["mlci.verdict"] == "fail"


@pytest.mark.parametrize("words", [("--version", "9"), ("--version", "1", "--against", "nobody")])
def test_a_version_that_is_not_there_is_one_clear_error(copied: Repository, words: tuple[str, ...]) -> None:
    assert copied.mlci("gate-compare", *words) == 2


def test_a_folder_of_another_model_is_refused(copied: Repository) -> None:
    config = copied.folder / "mlci.yml"
    config.write_text(config.read_text().replace("late-trips", "early-trips"))

    assert copied.mlci("gate-compare", "--candidate", "mlci-model") == 2


def test_a_model_of_another_version_is_refused(copied: Repository) -> None:
    copied.set(70)
    copied.commit()
    assert copied.mlci("run") == 11

    assert copied.mlci("gate-compare", "--candidate", "mlci-model", "--version", "1") == 5


def test_training_again_says_that_the_very_same_model_came_out(copied: Repository) -> None:
    assert copied.mlci("model-ci", "--reuse", "false") == 0

    assert copied.trainings == 2
    [again] = [each for each in copied.report("model-ci")["findings"] if each["id"] == "model:again"]
    assert "the very same model (on this machine)" in again["message"]
    assert asked(copied.folder / ".mlci" / "mlflow.db", "select version from model_versions") == [("1",)]


def test_production_is_compared_by_predictions_on_the_candidates_own_holdout_or_not_at_all(copied: Repository) -> None:
    holdout = copied.folder / "data" / "holdout.csv"
    holdout.write_text(holdout.read_text().replace("trip-1", "ride-1"))
    # A change's own run may not add to the registry what it scored.
    copied.git("checkout", "-qb", "elsewhere")
    copied.commit()
    assert copied.mlci("run", "--base", "main") == 3
    assert copied.mlci("gate-compare", "--candidate", "mlci-model", "--against", "production") == 2

    copied.git("checkout", "-q", "main")
    copied.git("merge", "-q", "elsewhere")
    assert copied.mlci("model-ci") == 0
    assert copied.mlci("gate-compare", "--candidate", "mlci-model", "--against", "production") == 0


def test_before_anything_is_promoted_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    found = repository(tmp_path)
    assert found.mlci("model-ci") == 0

    assert found.mlci("gate-compare", "--candidate", "mlci-model", "--against", "production") == 0
    assert found.report("gate-compare")["verdict"] == "warn"
    assert found.mlci("gate-compare", "--candidate", "mlci-model", "--against", "prodution") == 2


def test_a_failed_run_leaves_no_older_candidate_for_the_gate_to_judge(copied: Repository) -> None:
    (copied.folder / "train.py").write_text("raise SystemExit(3)\n")

    assert copied.mlci("model-ci") == 14
    assert copied.mlci("gate-compare", "--candidate", "mlci-model") == 2


def test_a_variable_that_training_is_given_by_name_makes_a_new_model(tmp_path: Path) -> None:
    found = repository(tmp_path, more=", env: [SHIFT, DB_PASSWORD]")
    assert found.mlci("model-ci", "--register", "false", SHIFT="0", DB_PASSWORD="one") == 0

    for changed, trainings in (({"SHIFT": "0", "DB_PASSWORD": "two"}, 1), ({"SHIFT": "1", "DB_PASSWORD": "one"}, 2)):
        assert found.mlci("model-ci", "--register", "false", **changed) == 0
        assert found.trainings == trainings


@pytest.mark.parametrize("name", ["MLFLOW_TRACKING_TOKEN", "MLCI_TOKEN", "GITHUB_TOKEN"])
def test_what_mlci_itself_holds_is_not_handed_to_training(tmp_path: Path, name: str) -> None:
    assert repository(tmp_path, more=f", env: [{name}]").mlci("model-ci", "--register", "false") == 2


def test_a_model_that_a_script_writes_beside_itself_is_none_of_its_inputs(tmp_path: Path) -> None:
    found = repository(tmp_path, more=", model: best.pkl")
    script = found.folder / "train.py"
    script.write_text(
        script.read_text().replace('os.path.join(os.environ["MLCI_TRAIN_OUTPUT"], "model.pkl")', '"best.pkl"')
    )
    found.commit()

    assert (found.mlci("run"), found.mlci("run")) == (0, 0)
    assert found.trainings == 1


def test_a_model_that_reads_a_file_of_its_repository_is_never_scored_without_it(tmp_path: Path) -> None:
    found = repository(tmp_path)
    # The rows that are late are those beyond the threshold plus what stands in the file; without it, plus nothing.
    (found.folder / "model.py").write_text(
        "import json, pathlib\n\n\nclass Threshold:\n    feature_names_in_ = ['miles']\n\n"
        "    def __init__(self, at):\n        self.at = at\n\n    def predict(self, rows):\n"
        "        beside = pathlib.Path(__file__).with_name('more.json')\n"
        "        more = json.loads(beside.read_text()) if beside.exists() else 0\n"
        "        return [int(miles > self.at + more) for miles in rows['miles']]\n"
    )
    (found.folder / "more.json").write_text("30")
    found.set(20)
    found.commit()
    assert found.mlci("run") == 0
    database = found.folder / ".mlci" / "mlflow.db"
    tags = dict(asked(database, "select key, value from model_version_tags"))
    assert tags["mlci.alone"] == "false"

    # On main the candidate is production, whatever the holdout, and what it says is kept for changes.
    (found.folder / "data" / "holdout.csv").write_text(rows(5000, 400))
    found.commit()
    assert found.mlci("run") == 0
    assert found.report("gate-compare")["verdict"] == "pass"

    found.git("checkout", "-qb", "worse")
    found.set(5)
    found.commit()
    assert found.mlci("run", "--base", "main") == 11
    [compared] = [each for each in found.report("gate-compare")["findings"] if each["id"] == "compare:accuracy"]
    assert compared["baseline"] == pytest.approx(0.9)

    # Where nobody kept what it says, nobody knows.
    (found.folder / "data" / "holdout.csv").write_text(rows(9000, 400))
    found.commit()
    assert found.mlci("model-ci", "--register", "false") == 3
    assert "it reads files that were not kept with it" in found.report("model-ci")["reason"]

"""The chain with a registry in GitLab: versions are kept there, and production is the last accepted run."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chain import Repository, repository
from cli.running import World, on_main, proposed, zipped
from registry.gitlab_ml import GitLabMl
from registry.gitlab_records import Token
from registry.gitlab_serving import served

TOKEN = "glpat-1"
JUDGE = ("gate-compare", "--candidate", "mlci-model")


@pytest.fixture(name="gitlab")
def _gitlab() -> Iterator[GitLabMl]:
    with served(GitLabMl(tokens={TOKEN: Token(), "reads": Token(("read_api",), "reporter")})) as gitlab:
        yield gitlab


@pytest.fixture(name="found")
def _found(gitlab: GitLabMl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    found = repository(tmp_path / "repository")
    with (found.folder / "mlci.yml").open("a") as config:
        config.write(f"registry: {gitlab.endpoint}\n")
    found.commit("a registry")
    return found


def version(gitlab: GitLabMl, at: int = 0) -> Any:
    return gitlab.models["late-trips"].versions[at]


def late(gitlab: GitLabMl, at: int = 0) -> dict[str, str]:
    """What was learnt of a version after it was made."""
    return {name.partition("@")[0]: value for name, value in version(gitlab, at).run.tags.items() if "@" in name}


def test_a_model_is_a_version_with_its_facts_and_what_the_gate_said(
    found: Repository, gitlab: GitLabMl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert found.mlci("run") == 0

    evidence = found.folder / ".mlci" / "evidence"
    tags = version(gitlab).tags
    assert (version(gitlab).name, tags["mlci.commit"]) == ("1.0.0", found.git("rev-parse", "HEAD"))
    assert tags["mlci.evidence"] == hashlib.sha256((evidence / "model.json").read_bytes()).hexdigest()
    assert (late(gitlab)["mlci.gate"], late(gitlab)["mlci.verdict"]) == (
        hashlib.sha256((evidence / "gate.json").read_bytes()).hexdigest(), "warn",
    )  # fmt: skip
    assert version(gitlab).run.params == {"at": "50"}
    assert {"accuracy", "accuracy.low", "accuracy.high"} <= {one["key"] for one in version(gitlab).run.metrics}
    said = capsys.readouterr().err
    assert "the registry has no aliases" in said
    assert "recorded with late-trips version 1: warn" in said


def test_a_result_that_this_machine_lost_comes_from_gitlab_to_who_may_only_read(
    found: Repository, gitlab: GitLabMl
) -> None:
    assert found.mlci("run") == 0
    shutil.rmtree(found.folder / ".mlci")
    shutil.rmtree(found.folder / "mlci-model")
    found.git("checkout", "-qb", "change")

    assert found.mlci("model-ci", "--register", "false", MLFLOW_TRACKING_TOKEN="reads") == 0
    assert found.trainings == 1
    assert "version 1 in the registry" in found.report("model-ci")["reason"]
    assert found.mlci("model-ci", "--register", "false", "--reuse", "false", MLFLOW_TRACKING_TOKEN="reads") == 0
    assert len(gitlab.models["late-trips"].versions) == 1


def test_a_version_is_compared_with_another_by_its_number_and_with_production_not_at_all(
    found: Repository, gitlab: GitLabMl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert found.mlci("run") == 0
    found.set(70)
    found.commit("worse")
    assert found.mlci("run") == 0, "there is nothing to compare with here"
    assert version(gitlab, 1).name == "2.0.0"

    assert found.mlci("gate-compare", "--version", "2", "--against", "1") == 11
    assert found.report("gate-compare")["baseline"]["name"] == "late-trips version 1"
    assert found.mlci("gate-compare", "--version", "2", "--against", "production") == 2
    assert "take production from the last accepted run" in capsys.readouterr().err
    assert late(gitlab, 1)["mlci.verdict"] == "warn", "a look records nothing"


def judged(world: World, found: Repository, patch: pytest.MonkeyPatch, *words: str) -> int:
    """The gate in a pipeline, told to compare with production."""
    with patch.context() as entered:
        world.entered(entered, "gate_compare")
        return found.mlci(*JUDGE, "--against", "production", "--comment", "false", "--status", "false", *words,
                          **world.environ)  # fmt: skip


def test_in_a_pipeline_production_is_the_last_accepted_run_of_the_default_branch(
    found: Repository, gitlab: GitLabMl, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = (found.folder / "mlci.yml").read_text()
    main = on_main(policy)
    assert found.mlci("model-ci") == 0
    assert judged(main, found, monkeypatch, "--version", "1") == 0
    assert late(gitlab)["mlci.verdict"] == "warn"
    kept = {path.name: path.read_bytes() for path in (found.folder / "mlci-keep").iterdir()}
    assert sorted(kept) == ["gate.json", "kept.json", "predictions.csv"]

    change = proposed(policy, own=policy, id=200)
    change.memory.runs.leave("mlci-gate-late-trips", zipped(kept), run=100)
    found.set(70)
    assert found.mlci("model-ci", "--register", "false") == 0
    capsys.readouterr()

    assert judged(change, found, monkeypatch) == 11
    assert "the last accepted run of the default branch is production" in capsys.readouterr().err
    assert found.report("gate-compare")["baseline"]["name"] == "artifact mlci-gate-late-trips of run 100"
    assert len(gitlab.models["late-trips"].versions) == 1

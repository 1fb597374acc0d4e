"""A project of GitLab on the loopback, and its registry, for the tests of what is GitLab's alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from registries import FILES, below, opened
from registry.gitlab_ml import GitLabMl
from registry.gitlab_records import Run, Token
from registry.gitlab_serving import served

from mlci.ports import Registry

TOKEN = "glpat-1"


@pytest.fixture(name="gitlab")
def _gitlab() -> Iterator[GitLabMl]:
    tokens = {
        TOKEN: Token(),
        "reads": Token(("read_api",), "reporter"),
        "reporter": Token(("api",), "reporter"),
        "narrow": Token(("read_user",)),
        "stranger": Token(role="none"),
        "of-the-job": Token(of_job=True),
    }
    with served(GitLabMl(tokens=tokens, jobs={"4711"}), "/root") as gitlab:
        yield gitlab


@pytest.fixture(name="registry")
def _registry(gitlab: GitLabMl, tmp_path: Path) -> Registry:
    return opened(gitlab.endpoint, tmp_path, MLFLOW_TRACKING_TOKEN=TOKEN)


def runs_of(gitlab: GitLabMl, model: str = "churn") -> list[Run]:
    return gitlab.models[model].runs


def names_of(gitlab: GitLabMl, model: str = "churn") -> list[str]:
    return [version.name for version in gitlab.models[model].versions] if model in gitlab.models else []


def assert_one(gitlab: GitLabMl, registry: Registry, folder: Path, model: str = "churn") -> None:
    """One version, whole, and no other run than its own."""
    (version,) = registry.tagged(model, "mlci.artifact", "a" * 64)
    assert registry.fetch(version, "", str(folder))
    assert below(folder) == FILES
    (run,) = runs_of(gitlab, model)
    assert run.version is not None
    assert (run.status, run.version.name, run.params) == ("FINISHED", "1.0.0", {"model.depth": "3"})


@pytest.fixture(name="client")
def _client(gitlab: GitLabMl, monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow's own, which knows nothing of mlci."""
    for name, value in (("MLFLOW_DISABLE_TELEMETRY", "true"), ("DO_NOT_TRACK", "true"),
                        ("MLFLOW_TRACKING_URI", gitlab.endpoint), ("MLFLOW_TRACKING_TOKEN", TOKEN),
                        ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0"),
                        ("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")):  # fmt: skip
        monkeypatch.setenv(name, value)
    from mlflow import MlflowClient

    return MlflowClient(gitlab.endpoint, gitlab.endpoint)

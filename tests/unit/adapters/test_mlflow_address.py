"""An address of a registry is understood or refused before anything is sent or written."""

from __future__ import annotations

import importlib.util
import os
import stat
from pathlib import Path

import pytest

from mlci.adapters.mlflow import open_registry
from mlci.errors import ExtraMissing, MlciError, OutOfRange, RegistryEphemeral

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "mlruns",
        "databricks://profile",
        "databricks",
        "file:///srv/mlruns",
        "mysql://host/db",
        "postgresql://host/db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a.db?mode=ro",
        "sqlite:///folder/",
        "sqlite:///a\n.db",
        "https://",
        "https://host/?x=1",
        "https://ho st",
        "http://[::1",
        "https://host:99999",
        "https://hôst",
        f"https://user:{SECRET}@host",
        f"https://{SECRET}@host",
        f"postgresql://user:{SECRET}@host/db",
        f"mysql:user:{SECRET}@host",
    ],
)
def test_what_is_no_address_of_a_registry_is_refused_with_the_ways_that_work(tmp_path: Path, uri: str) -> None:
    with pytest.raises(OutOfRange) as refused:
        open_registry(uri, {}, folder=str(tmp_path), writing=False)
    assert refused.value.help is not None
    assert "sqlite:///" in refused.value.help or "MLFLOW_TRACKING_TOKEN" in refused.value.help
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "environ",
    [{"MLFLOW_TRACKING_TOKEN": SECRET}, {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": SECRET}],
)
def test_credentials_never_go_over_the_network_in_the_clear(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(OutOfRange, match="in the clear") as refused:
        open_registry("http://registry.invalid", environ, folder=str(tmp_path), writing=True)
    assert SECRET not in str(refused.value)
    for uri in ("https://registry.invalid", "http://127.0.0.1:5000", "http://localhost:5000", "http://[::1]:5000/x/"):
        assert open_registry(uri, environ, folder=str(tmp_path), writing=True).address == uri.rstrip("/")


@pytest.mark.parametrize(
    ("environ", "path", "lost"),
    [
        ({}, "work/mlflow.db", False),
        ({"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "github-hosted"}, "elsewhere/mlflow.db", True),
        ({"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "self-hosted"}, "work/.mlci/mlflow.db", True),
        ({"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "self-hosted"}, "link/mlflow.db", True),
        ({"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "self-hosted"}, "work/../kept/mlflow.db", False),
        ({"GITHUB_ACTIONS": "true"}, "work/mlflow.db", True),
        ({"GITLAB_CI": "true"}, "work/mlflow.db", True),
        ({"GITLAB_CI": "true"}, "kept/mlflow.db", False),
        ({"GITLAB_CI": "true", "CI_DISPOSABLE_ENVIRONMENT": "true"}, "work/mlflow.db", True),
    ],
)
def test_a_database_that_goes_with_the_runner_is_refused_for_writing_and_may_be_read(
    tmp_path: Path, environ: dict[str, str], path: str, lost: bool
) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "link").symlink_to("work")
    environ = {**environ, "GITHUB_WORKSPACE": str(tmp_path / "work"), "CI_PROJECT_DIR": str(tmp_path / "work")}
    uri = f"sqlite:///{tmp_path}/{path}"

    assert open_registry(uri, environ, folder=str(tmp_path), writing=False).aliased("m", "production") is None
    if not lost:
        assert open_registry(uri, environ, folder=str(tmp_path), writing=True).address == uri
        return
    with pytest.raises(RegistryEphemeral) as refused:
        open_registry(uri, environ, folder=str(tmp_path), writing=True)
    assert refused.value.help is not None
    assert all(way in refused.value.help for way in ("server", "absolute path", "--register false"))


def test_in_a_container_that_goes_with_the_job_only_a_volume_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"GITLAB_CI": "true", "CI_DISPOSABLE_ENVIRONMENT": "true", "CI_PROJECT_DIR": "/builds/project"}
    uri, real = f"sqlite:///{tmp_path}/kept/mlflow.db", Path.stat
    for device, lasts in ((1, False), (2, True)):

        def told(path: Path, device: int = device, **words: bool) -> os.stat_result:
            there = list(real(path, **words))
            there[stat.ST_DEV] = device if path.is_relative_to(tmp_path) else 1
            return os.stat_result(there)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "stat", told)
            if lasts:
                assert open_registry(uri, environ, folder=str(tmp_path), writing=True).address == uri
            else:
                with pytest.raises(RegistryEphemeral):
                    open_registry(uri, environ, folder=str(tmp_path), writing=True)


def test_reading_a_database_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    registry = open_registry("sqlite:///.mlci/mlflow.db", {}, folder=str(tmp_path), writing=False)

    assert (registry.aliased("m", "production"), registry.numbered("m", "1")) == (None, None)
    assert list(registry.tagged("m", "mlci.inputs", "k")) == []
    assert list(tmp_path.iterdir()) == []


def test_a_missing_mlflow_is_named_with_the_extra_and_is_not_needed_for_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ExtraMissing) as missing:
        open_registry("sqlite:///m.db", {}, folder=str(tmp_path), writing=True)
    assert 'pip install "mlci[mlflow]"' in str(missing.value.help)
    assert open_registry("https://registry.invalid", {}, folder=str(tmp_path), writing=True).address


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(MlciError, match="cannot be a database"):
        open_registry("sqlite:///.", {}, folder=str(tmp_path), writing=False)

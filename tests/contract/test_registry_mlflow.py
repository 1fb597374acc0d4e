"""What only a registry in MLflow can show: MLflow's own view of it, killed writers, lost answers, odd servers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from registries import FILES, a_model, an_entry, below, opened
from registry import killing
from registry.faulty import MODES, Faulty, in_front_of
from registry.servers import Servers, _servers  # noqa: F401 - a fixture is found by its name
from worlds import impatient

from mlci.adapters.mlflow import open_registry
from mlci.errors import MlciError, ServiceFailed, ServiceRefused
from mlci.ports import Registry, Version

# MLflow's own client is what these tests compare with, and it warns of what SQLAlchemy will no longer do.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

TOKEN = "token-that-nobody-may-see"


@pytest.fixture(name="database", scope="session")
def _database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry") / "mlflow.db"


@pytest.fixture(name="uri", params=["sqlite", "server"])
def _uri(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in (("MLFLOW_DISABLE_TELEMETRY", "true"), ("DO_NOT_TRACK", "true")):
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('database')}"
    url: str = request.getfixturevalue("servers").url
    return url


@pytest.fixture(name="proxy")
def _proxy(servers: Servers) -> Iterator[Faulty]:
    with in_front_of(servers.url) as faulty:
        yield faulty


def through(proxy: Faulty, folder: Path, **environ: str) -> Registry:
    return open_registry(proxy.url, environ, folder=str(folder), writing=True, clock=impatient())


def client_of(uri: str) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(uri, uri)


def runs_of(uri: str, model: str, *, deleted: bool = False) -> list[Any]:
    from mlflow.entities import ViewType

    client = client_of(uri)
    view = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
    return list(client.search_runs([client.get_experiment_by_name(model).experiment_id], run_view_type=view))


def assert_one(uri: str, registry: Registry, model: str, digest: str, folder: Path) -> Version:
    """One version of the digest, whole, and no other run than its own."""
    (version,) = registry.tagged(model, "mlci.artifact", digest)
    assert registry.fetch(version, "", str(folder))
    assert below(folder) == FILES
    (run,) = runs_of(uri, model)
    assert run.info.status == "FINISHED"
    assert client_of(uri).get_model_version(model, version.number).run_id == run.info.run_id
    return version


def test_who_opens_only_mlflow_sees_the_whole_history(uri: str, tmp_path: Path) -> None:
    model, registry = a_model(), opened(uri, tmp_path)
    version = registry.register(model, an_entry(tmp_path / "entry", params={"größe(x)": "1"}))
    registry.annotate(version, {"mlci.gate": "pass"}, {"auc": 0.5}, {})
    client = client_of(uri)
    seen = client.get_model_version(model, version.number)
    run = client.get_run(seen.run_id)

    assert (seen.description, seen.tags["mlci.artifact"], seen.tags["mlci.gate"]) == (
        "**Better** by 0.02", "a" * 64, "pass",
    )  # fmt: skip
    assert (run.info.status, run.data.params, run.data.metrics) == (
        "FINISHED", {"größe_x_": "1"}, {"f1": 0.875, "auc": 0.5},
    )  # fmt: skip
    assert {item.path for item in client.list_artifacts(run.info.run_id)} == {"mlci", "model"}
    assert client.get_model_version_download_uri(model, version.number) == f"{run.info.artifact_uri}/model"
    assert not (tmp_path / "mlruns").exists()


def test_the_model_of_a_version_that_another_program_registered_is_found(uri: str, tmp_path: Path) -> None:
    model, client = a_model(), client_of(uri)
    run = client.create_run(client.create_experiment(model, artifact_location=None))
    (tmp_path / "weights").write_bytes(b"1")
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    root = run.info.artifact_uri
    get_artifact_repository(root, tracking_uri=uri).log_artifact(str(tmp_path / "weights"), "net/inner")
    client.create_registered_model(model)
    client.create_model_version(model, f"runs:/{run.info.run_id}/net", run_id=run.info.run_id)
    registry = opened(uri, tmp_path)
    found = registry.numbered(model, "1")

    assert found is not None
    assert registry.fetch(found, "model", str(tmp_path / "out"))
    assert below(tmp_path / "out") == {"model/inner/weights": b"1"}
    assert not registry.fetch(found, "mlci", str(tmp_path / "out"))


def test_a_job_killed_before_any_step_of_registering_leaves_no_half_version(uri: str, tmp_path: Path) -> None:
    model, folder = a_model(), tmp_path / "entry"
    entry = an_entry(folder, "d", params={"a": "1"}, metrics={"m": 0.5})
    shutil.rmtree(folder / "model")
    files = below(folder)
    ran = subprocess.run(
        [sys.executable, killing.__file__, uri, str(tmp_path), str(folder), model],
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    lived = int(ran.stdout)
    assert lived > 10
    registry = opened(uri, tmp_path)

    for count in range(1, lived):
        left = registry.tagged(f"{model}-{count}", "mlci.artifact", "d" * 64)
        for version in left:
            assert registry.fetch(version, "", str(tmp_path / f"left-{count}"))
            assert below(tmp_path / f"left-{count}") == files
        version = registry.register(f"{model}-{count}", entry)
        assert [*registry.tagged(f"{model}-{count}", "mlci.artifact", "d" * 64)] == [version]
        (run,) = runs_of(uri, f"{model}-{count}")
        assert (run.info.status, run.data.params, run.data.metrics) == ("FINISHED", {"a": "1"}, {"m": 0.5})


@pytest.mark.parametrize("mode", MODES)
def test_every_request_that_fails_once_is_mended_and_done_once(proxy: Faulty, tmp_path: Path, mode: str) -> None:
    model = a_model()
    proxy.mode = mode
    registry = through(proxy, tmp_path)
    version = registry.register(model, an_entry(tmp_path / "entry"))
    registry.annotate(version, {"t": "1"}, {"m": 1.0}, {})
    registry.point(version, "production")

    assert len({path for method, path in proxy.seen if method != "GET"}) > 10
    found = assert_one(proxy.url, registry, model, "a" * 64, tmp_path / "out")
    assert (found.number, found.aliases, found.tags["t"]) == ("1", ("production",), "1")
    assert len(runs_of(proxy.url, model, deleted=True)) == 1


@pytest.mark.parametrize(("mode", "only"), [("lost", "model-versions"), ("500", "artifacts"), ("half", "runs/")])
def test_a_server_that_goes_on_failing_is_an_error_and_the_next_try_ends_with_one(
    proxy: Faulty, tmp_path: Path, mode: str, only: str
) -> None:
    model, entry = a_model(), an_entry(tmp_path / "entry")
    registry = through(proxy, tmp_path, MLFLOW_TRACKING_TOKEN=TOKEN)
    registry.register(model, an_entry(tmp_path / "entry", "b"))
    proxy.mode, proxy.only, proxy.every = mode, only, True
    with pytest.raises(ServiceFailed) as failed:
        registry.register(model, entry)
    proxy.mode = None

    assert TOKEN not in f"{failed.value} {failed.value.__cause__!r}"
    registry = through(proxy, tmp_path)
    registry.register(model, entry)
    assert len(registry.tagged(model, "mlci.artifact", "a" * 64)) == 1
    assert len([run for run in runs_of(proxy.url, model) if run.data.tags["mlci.artifact"] == "a" * 64]) == 1


def test_a_version_whose_creation_was_never_answered_is_found_by_the_next_try(proxy: Faulty, tmp_path: Path) -> None:
    model, entry = a_model(), an_entry(tmp_path / "entry")
    proxy.mode, proxy.only, proxy.every = "502 after", "model-versions/create", True
    version = through(proxy, tmp_path).register(model, entry)

    assert [path for _, path in proxy.seen].count("/api/2.0/mlflow/model-versions/create") == 1
    assert_one(proxy.url, through(proxy, tmp_path), model, "a" * 64, tmp_path / "out")
    assert version.number == "1"


def test_a_second_version_of_a_digest_goes_unless_somebody_points_at_it(uri: str, tmp_path: Path) -> None:
    registry, client = opened(uri, tmp_path), client_of(uri)
    for pointed in (False, True):
        model = a_model()
        version = registry.register(model, an_entry(tmp_path / "entry"))
        known = client.get_model_version(model, version.number)
        twin = client.create_model_version(model, known.source, run_id=known.run_id, tags=dict(version.tags))
        if pointed:
            client.set_registered_model_alias(model, "production", str(twin.version))
        again = registry.register(model, an_entry(tmp_path / "entry"))

        assert again.number == version.number
        assert (registry.numbered(model, str(twin.version)) is not None) is pointed


@pytest.mark.parametrize(
    ("environ", "sent"),
    [
        ({"MLFLOW_TRACKING_TOKEN": TOKEN}, f"Bearer {TOKEN}"),
        ({"MLFLOW_TRACKING_USERNAME": "us", "MLFLOW_TRACKING_PASSWORD": "pä ss"}, "Basic dXM6cMOkIHNz"),
        ({}, None),
    ],
)
def test_credentials_come_from_the_environment(
    proxy: Faulty, tmp_path: Path, environ: dict[str, str], sent: str | None
) -> None:
    assert through(proxy, tmp_path, **environ).aliased(a_model(), "production") is None
    assert proxy.authorizations == {sent}


@pytest.mark.parametrize("kept", ["s3", "file", "dbfs"])
def test_files_that_the_server_does_not_hand_on_are_reached_directly_or_refused(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    for name, value in (("ENDPOINT_URL", servers.s3), ("ACCESS_KEY_ID", "key"), ("SECRET_ACCESS_KEY", "secret")):
        monkeypatch.setenv(f"AWS_{name}", value)
    model = a_model()
    roots = {"s3": f"s3://models/direct/{model}", "file": (tmp_path / "kept").as_uri(), "dbfs": "dbfs:/models"}
    client_of(servers.url).create_experiment(model, artifact_location=roots[kept])
    registry = opened(servers.url, tmp_path)
    if kept == "dbfs":
        with pytest.raises(ServiceRefused, match="dbfs"):
            registry.register(model, an_entry(tmp_path / "entry"))
        assert registry.numbered(model, "1") is None
        return
    registry.register(model, an_entry(tmp_path / "entry"))

    assert_one(servers.url, registry, model, "a" * 64, tmp_path / "out")


def test_an_experiment_that_was_deleted_is_named(uri: str, tmp_path: Path) -> None:
    model, client = a_model(), client_of(uri)
    client.delete_experiment(client.create_experiment(model))

    with pytest.raises(MlciError, match="was deleted"):
        opened(uri, tmp_path).register(model, an_entry(tmp_path / "entry"))

"""promote.verify against MLflow's own scoring server, and mlci serve of a model that MLflow saved."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from chain import Repository, repository
from served import serving

from mlci.adapters.mlflow import open_registry
from mlci.cli.serving import serving_of
from mlci.config.load import load
from mlci.config.resolve import resolve

TRAIN = """\
import csv, json, os
import mlflow.sklearn, numpy, pandas
from sklearn.linear_model import LogisticRegression

data = pandas.read_csv(os.environ["MLCI_TRAIN_DATA"])
model = LogisticRegression().fit(data[["miles"]] - json.load(open(os.environ["MLCI_TRAIN_PARAMS"]))["at"], data["late"])
example = data[["miles"]].head(3).astype(float)
mlflow.sklearn.save_model(model, os.path.join(os.environ["MLCI_TRAIN_OUTPUT"], "model"), input_example=example)
"""


@pytest.fixture(name="made", scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Two versions that MLflow saved, of which the second thinks that every trip is late."""
    found = repository(tmp_path_factory.mktemp("mlflow") / "r")
    (found.folder / "train.py").write_text(TRAIN)
    for at in (0, -100):
        found.set(at)
        found.commit()
        assert found.mlci("model-ci") == 0
    return found


@contextlib.contextmanager
def mlflow_server(model: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model), "-p", f"{port}", "--env-manager=local"],
        env={**os.environ, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 180
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/ping", timeout=5):
                break
            time.sleep(0.3)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def test_mlflows_server_is_known_by_what_it_predicts(made: Repository) -> None:
    registry = open_registry("sqlite:///.mlci/mlflow.db", {}, folder=str(made.folder), writing=False)
    versions = [registry.numbered("late-trips", number) for number in ("1", "2")]
    models = sorted((made.folder / ".mlci" / "artifacts").rglob("model/MLmodel"), key=lambda path: path.stat().st_mtime)
    said: list[str] = []
    with mlflow_server(models[0].parent) as url:
        file = made.folder / "mlci.yml"
        file.write_text(file.read_text() + f"promote: {{verify: {{production: {{url: '{url}', timeout: 3s}}}}}}\n")
        config = resolve(load(str(file), {}, required=True), []).config
        found = serving_of(
            config, "production", registry=registry, environ={}, file=str(file), say=said.append
        )  # fmt: skip
        assert found is not None
        right, wrong = (found.wrong(each, each.tags["mlci.artifact"]) for each in versions if each is not None)
    assert right is None
    assert any("names no version" in line for line in said)
    assert wrong is not None
    assert "where the version says" in wrong


def test_a_model_that_mlflow_saved_is_served_and_says_its_probabilities(made: Repository) -> None:
    registry = open_registry("sqlite:///.mlci/mlflow.db", {}, folder=str(made.folder), writing=True)
    version = registry.numbered("late-trips", "1")
    assert version is not None
    registry.point(version, "production")
    with serving(made) as server:
        server.serves("1")
        assert server.get()[1]["checked"] is True
        status, document, _ = server.ask(90, 5)
        assert (status, document) == (200, {"predictions": [1, 0]})

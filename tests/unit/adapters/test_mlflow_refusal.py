"""A registry that will not answer whoever asks: the error names the credentials of a registry, and repeats none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mlci.adapters.mlflow import open_registry
from mlci.errors import ServiceRefused

SECRET = "hunter2-hunter2"


@pytest.fixture(name="address", params=[401, 403])
def _address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of a server that refuses everything with one status, and not as MLflow's own answers look."""

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(request.param)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"no")

        def log_message(self, format: str, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "environ",
    [{}, {"MLFLOW_TRACKING_TOKEN": SECRET}, {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": SECRET}],
)
def test_a_refusal_names_the_variables_and_the_secrets_of_the_workflow(
    address: str, environ: dict[str, str], tmp_path: Path
) -> None:
    registry = open_registry(address, environ, folder=str(tmp_path), writing=False)

    with pytest.raises(ServiceRefused, match=r"registered-models/alias: answered 40[13]\n") as refused:
        registry.aliased("churn", "production")

    help = refused.value.help or ""
    names = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    assert all(name in help for name in (*names, "registry-token", "registry-read-token"))
    assert "token of a job" not in help
    assert SECRET not in str(refused.value) + help

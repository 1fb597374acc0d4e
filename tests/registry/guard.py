"""An MLflow server on PostgreSQL and S3 on the loopback, for as long as the process that asked for it lives.

Run as a program of its own, so that all workers of one test run share it and none of them has to end it:
``python guard.py FOLDER PID``. FOLDER/ready.json says where everything is, or why it could not be started.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import IO

_PATIENCE = 120.0


class Missing(Exception):
    """A program that is needed is not on this machine."""


def main(folder: str, owner: int) -> None:
    # A server outlives no signal, and the interrupt that ends the tests is not for it.
    if os.getsid(0) != os.getpid():
        os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    root = Path(tempfile.mkdtemp(prefix="mlci-registry-"))
    root.chmod(0o755)
    children: list[subprocess.Popen[bytes]] = []
    with (root / "log").open("wb") as log:
        try:
            try:
                said = start(root, children, log)
            except Missing as missing:
                said = {"missing": str(missing)}
            except Exception as error:  # noqa: BLE001 - whatever it is, the tests are told
                log.flush()
                said = {"failed": f"{error!r}\n{(root / 'log').read_text(errors='replace')[-4000:]}"}
            announced = Path(folder, "ready.json")
            announced.with_suffix(".new").write_text(json.dumps(said))
            announced.with_suffix(".new").replace(announced)
            while "url" in said and lives(owner):
                time.sleep(0.3)
        finally:
            for child in reversed(children):
                # PostgreSQL gives its shared memory back only when it is asked to end.
                child.send_signal(signal.SIGINT)
                try:
                    child.wait(5)
                except subprocess.TimeoutExpired:
                    child.kill()
            shutil.rmtree(root, ignore_errors=True)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.killpg(0, signal.SIGTERM)


def start(root: Path, children: list[subprocess.Popen[bytes]], log: IO[bytes]) -> dict[str, str]:
    try:
        import mlflow  # noqa: F401
        import psycopg2  # noqa: F401
        from moto.server import ThreadedMotoServer
    except ImportError as error:
        raise Missing(f"{error.name} is not installed") from error
    database = postgres(root, children, log)
    objects = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    objects.start()
    s3 = "http://{}:{}".format(*objects.get_host_and_port())
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request"}
    urllib.request.urlopen(urllib.request.Request(f"{s3}/models", method="PUT", headers=signed), timeout=10).close()
    port = free()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "AWS_", "PYTEST"))}
    environ |= {
        "MLFLOW_S3_ENDPOINT_URL": s3, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true",
    }  # fmt: skip
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", database, "--artifacts-destination", "s3://models/proxied"]
    children.append(subprocess.Popen(command, cwd=root, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
    answers(f"http://127.0.0.1:{port}/health", children[-1])
    return {"url": f"http://127.0.0.1:{port}", "s3": s3, "root": str(root), "database": database}


def postgres(root: Path, children: list[subprocess.Popen[bytes]], log: IO[bytes]) -> str:
    """Start PostgreSQL; it refuses to run as root, and then runs as its own user."""
    initdb, server = program("initdb"), program("postgres")
    user = "postgres" if os.geteuid() == 0 else None
    data = root / "data"
    data.mkdir()
    if user is not None:
        shutil.chown(data, user)
    port = free()
    environ = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    how = {"cwd": root, "env": environ, "user": user, "stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
    new = [initdb, "-D", str(data), "-A", "trust", "-U", "mlci", "-E", "UTF8", "--no-sync"]
    subprocess.run(new, check=True, **how)  # type: ignore[call-overload]
    settings = [f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={data}", "fsync=off"]
    command = [server, "-D", str(data), *(word for setting in settings for word in ("-c", setting))]
    children.append(subprocess.Popen(command, **how))  # type: ignore[call-overload]
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end or children[-1].poll() is not None:
                raise
            time.sleep(0.05)
        else:
            return f"postgresql+psycopg2://mlci@127.0.0.1:{port}/postgres"


def program(name: str) -> str:
    """A program of PostgreSQL; Debian keeps them off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise Missing(f"{name} of PostgreSQL is not on this machine")
    return path


def free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def answers(url: str, child: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            if time.monotonic() > end or child.poll() is not None:
                raise
            time.sleep(0.1)
        else:
            return


def lives(process: int) -> bool:
    """Whether a process runs; one that ended and that nobody asked for its status does not."""
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except OSError:
        return True  # No /proc, as on macOS.


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

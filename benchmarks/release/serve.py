"""Predictions over HTTP: ``mlci serve`` beside ``mlflow models serve``, the same model, the same requests, in turns.

Both answer on this machine with one process of the model. A round asks one of them for some seconds over connections
that stay open, then the other, and whoever was first is second in the next round. While ``mlci serve`` is asked without
a break, its stage is moved back and forth: how long until the other version answers, and how many requests failed; in
turns with a process that does nothing but import what the model needs, which any way of swapping has to wait for.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from measure import REPOSITORY, table

OURS, PEER = "mlci serve", "mlflow models serve"
COLUMNS = 20
MODEL = "churn"
CONFIG = """\
model: churn
data: {train: train.csv, holdout: holdout.csv}
train: {command: python train.py, params: params.json, seed: 3}
evaluate: {id: id, target: y}
"""
TRAIN = """\
import csv, json, os
import joblib, mlflow.sklearn, pandas
from sklearn.linear_model import LogisticRegression

params = json.load(open(os.environ["MLCI_TRAIN_PARAMS"]))
data = pandas.read_csv(os.environ["MLCI_TRAIN_DATA"])
model = LogisticRegression(C=params["C"], max_iter=500).fit(data.drop(columns=["id", "y"]), data["y"])
joblib.dump(model, os.path.join(os.environ["MLCI_TRAIN_OUTPUT"], "model.joblib"))
if not os.path.exists("peer"):
    mlflow.sklearn.save_model(model, "peer")
"""


@dataclass
class Seen:
    """What clients saw of one server.

    Attributes:
        times: seconds of each request.
        seconds: that each round took.
        failed: requests without an answer of 200.
        versions: how often each version answered.
    """

    times: list[float] = field(default_factory=list)
    seconds: float = 0.0
    failed: int = 0
    versions: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.times) / self.seconds

    def quantile(self, share: float) -> float:
        """Milliseconds that this share of the requests stayed below."""
        return sorted(self.times)[min(int(share * len(self.times)), len(self.times) - 1)] * 1000


def environ() -> dict[str, str]:
    """The environment of everything that is started here."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    return {**os.environ, **quiet, "PATH": path, "PYTHONPATH": str(REPOSITORY)}


def make(folder: Path) -> None:
    """Two versions in a registry, and the first of them as MLflow saves it."""
    import numpy as np

    draw = np.random.default_rng(7)
    for name, rows in (("train.csv", 4000), ("holdout.csv", 2000)):
        features = draw.standard_normal((rows, COLUMNS))
        labels = (features[:, :5].sum(axis=1) + draw.standard_normal(rows) > 0).astype(int)
        head = ",".join(["id", *(f"f{at}" for at in range(COLUMNS)), "y"])
        lines = (
            f"{at},{','.join(f'{cell:.5f}' for cell in row)},{label}"
            for at, (row, label) in enumerate(zip(features, labels, strict=True))
        )
        (folder / name).write_text("\n".join([head, *lines]) + "\n")
    (folder / "mlci.yml").write_text(CONFIG)
    (folder / "train.py").write_text(TRAIN)
    for strength in (1.0, 0.01):
        (folder / "params.json").write_text(json.dumps({"C": strength}))
        subprocess.run(
            [sys.executable, "-m", "mlci", "model-ci"], cwd=folder, env=environ(), check=True, capture_output=True
        )


def point(folder: Path, number: str) -> None:
    """Move the stage."""
    from mlci.adapters.mlflow import open_registry

    registry = open_registry("sqlite:///.mlci/mlflow.db", {}, folder=str(folder), writing=True)
    version = registry.numbered(MODEL, number)
    assert version is not None
    registry.point(version, "production")


@contextlib.contextmanager
def served(folder: Path, name: str) -> Iterator[tuple[int, int]]:
    """A server: its process and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = {
        OURS: ["-m", "mlci", "serve", "--port", port, "--every", "0.2s"],
        PEER: ["-m", "mlflow", "models", "serve", "-m", "peer", "-p", port, "--env-manager", "local"],
    }[name]
    process = subprocess.Popen(
        [sys.executable, *words], cwd=folder, env=environ(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        until(lambda: health(int(port)) is not None, 300)
        yield process.pid, int(port)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def health(port: int) -> str | None:
    """What /health says, once it says that all is well."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
        return str(answer.read().decode())
    return None


def until(is_so: Callable[[], bool], seconds: float) -> float:
    """Wait for something; how long it took."""
    started = time.perf_counter()
    while not is_so():
        if time.perf_counter() - started > seconds:
            raise SystemExit("a server did not come up, or did not follow")
        time.sleep(0.02)
    return time.perf_counter() - started


def request_of(rows: int) -> bytes:
    """One request, ready to be sent."""
    data = [[round(0.1 * column - row, 3) for column in range(COLUMNS)] for row in range(rows)]
    columns = [f"f{at}" for at in range(COLUMNS)]
    body = json.dumps({"dataframe_split": {"columns": columns, "data": data}}).encode()
    head = (
        "POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def ask(connection: socket.socket, request: bytes) -> tuple[bool, str]:
    """Send a request and read its answer: whether it is one, and the version that it names."""
    connection.sendall(request)
    found = b""
    while b"\r\n\r\n" not in found:
        found += received(connection)
    head, _, body = found.partition(b"\r\n\r\n")
    fields = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in head.splitlines())
    }
    while len(body) < int(fields[b"content-length"]):
        body += received(connection)
    return head.split(b" ", 2)[1] == b"200", fields.get(b"x-mlci-version", b"").decode()


def received(connection: socket.socket) -> bytes:
    """The next bytes; the end of the connection is an error."""
    block = connection.recv(1 << 16)
    if not block:
        raise ConnectionError("the connection was closed")
    return block


def hammer(port: int, request: bytes, clients: int, is_over: Callable[[], bool], seen: Seen) -> None:
    """Ask from several clients at once until it is over."""
    lock = threading.Lock()

    def client() -> None:
        times, failed, versions = [], 0, dict[str, int]()
        with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not is_over():
                started = time.perf_counter()
                good, version = ask(connection, request)
                times.append(time.perf_counter() - started)
                failed += not good
                versions[version] = versions.get(version, 0) + 1
        with lock:
            seen.times += times
            seen.failed += failed
            for version, count in versions.items():
                seen.versions[version] = seen.versions.get(version, 0) + count

    started = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen.seconds += time.perf_counter() - started


def resident(pid: int) -> float:
    """MiB that a process and all below it hold; Linux alone says so."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += [child for child, parent in parents.items() if parent == found[-1]]
    held = 0.0
    for each in found:
        with contextlib.suppress(OSError, IndexError):
            # Shared pages are counted once: https://docs.kernel.org/filesystems/proc.html
            text = Path(f"/proc/{each}/smaps_rollup").read_text()
            held += int(text.partition("\nPss:")[2].split()[0]) / 1024
    return held


def compared(folder: Path, rounds: int, seconds: float, sizes: Sequence[tuple[int, int]]) -> None:
    """Rate and times of both, in turns."""
    lines, memory = [], {}
    with served(folder, OURS) as ours, served(folder, PEER) as peer:
        servers = {OURS: ours, PEER: peer}
        for rows, clients in sizes:
            request = request_of(rows)
            seen = {name: Seen() for name in servers}
            for name, (_, port) in servers.items():
                over = time.monotonic() + 1.0
                hammer(port, request, clients, lambda over=over: time.monotonic() > over, Seen())  # type: ignore[misc]
                del name
            for round_ in range(rounds):
                for name in (OURS, PEER) if round_ % 2 == 0 else (PEER, OURS):
                    over = time.monotonic() + seconds
                    port = servers[name][1]
                    hammer(port, request, clients, lambda over=over: time.monotonic() > over, seen[name])  # type: ignore[misc]
            lines += [row_of(rows, clients, name, seen[name], seen[PEER]) for name in (OURS, PEER)]
        memory = {name: resident(pid) for name, (pid, _) in servers.items()}
    print(table(("rows", "clients", "server", "requests/s", "ratio", "p50 ms", "p99 ms", "failed"), lines))
    print(table(("server", "memory, MiB"), [(name, f"{held:.0f}") for name, held in memory.items()]))


def row_of(rows: int, clients: int, name: str, seen: Seen, peer: Seen) -> tuple[str, ...]:
    """One line of the table."""
    return (
        str(rows), str(clients), name, f"{seen.rate:.0f}", f"{seen.rate / peer.rate:.2f}",
        f"{seen.quantile(0.5):.2f}", f"{seen.quantile(0.99):.2f}", str(seen.failed),
    )  # fmt: skip


def swapped(folder: Path, swaps: int) -> None:
    """How long the stage is ahead of what answers, and what fails meanwhile."""
    with served(folder, OURS) as (_, port):
        over, seen, took, imports = threading.Event(), Seen(), list[float](), list[float]()
        asking = threading.Thread(target=hammer, args=(port, request_of(1), 2, over.is_set, seen))
        asking.start()
        for swap in range(swaps):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", "import pandas, sklearn.linear_model"], env=environ(), check=True)
            imports.append(time.perf_counter() - started)
            number = "2" if swap % 2 == 0 else "1"
            point(folder, number)
            took.append(until(lambda number=number: f'"version":"{number}"' in (health(port) or ""), 300))  # type: ignore[misc]
        over.set()
        asking.join()
    median, least = statistics.median(took), statistics.median(imports)
    head = ("swaps", "median s", "longest s", "imports alone, median s", "ratio", "requests meanwhile", "failed")
    line = (
        str(swaps), f"{median:.1f}", f"{max(took):.1f}", f"{least:.1f}", f"{median / least:.1f}",
        str(len(seen.times)), str(seen.failed),
    )  # fmt: skip
    print(table(head, [line]))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--swaps", type=int, default=6)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        make(folder)
        point(folder, "1")
        if given.rounds:
            compared(folder, given.rounds, given.seconds, ((1, 1), (1, 4), (100, 4)))
        swapped(folder, given.swaps)


if __name__ == "__main__":
    main()

"""A PostgreSQL server and a Spark session for the tests of one process, where they are installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_PATIENCE_S = 60.0


@dataclass
class Postgres:
    """A server that takes anybody.

    Attributes:
        url: of its database.
        run: executes one statement.
    """

    url: str
    run: Callable[[str], None]
    tables: list[str] = field(default_factory=list)

    def table(self, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> str:
        """Make a table, and give the query that reads all of it."""
        import sqlalchemy as sa

        name = f"t{len(self.tables)}"
        self.tables.append(name)
        quoted = [(one.replace('"', '""'), kind) for one, kind in columns.items()]
        described = ", ".join(f'"{one}" {kind}' for one, kind in quoted)
        self.run(f"CREATE TABLE {name} ({described})")
        engine = sa.create_engine(self.url.replace("postgresql:", "postgresql+pg8000:"))
        marks = ", ".join(f"CAST(:v{at} AS {kind})" for at, (_, kind) in enumerate(quoted))
        with engine.begin() as connection:
            for start in range(0, len(rows), 500):
                part = [{f"v{at}": value for at, value in enumerate(row)} for row in rows[start : start + 500]]
                connection.execute(sa.text(f"INSERT INTO {name} VALUES ({marks})"), part)
        engine.dispose()
        return f"SELECT * FROM {name}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    pytest.importorskip("pg8000")
    sa = pytest.importorskip("sqlalchemy")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    if initdb is None:
        pytest.skip("PostgreSQL is not on this machine")
    root = Path(tempfile.mkdtemp(prefix="mlci-postgres-"))
    root.chmod(0o755)
    data = root / "data"
    data.mkdir()
    # It refuses to run as root, and then runs as its own user.
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(data, user)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    how: dict[str, Any] = {
        "cwd": root, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}, "user": user, "stdin": subprocess.DEVNULL,
        "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
    }  # fmt: skip
    subprocess.run([initdb, "-D", str(data), "-A", "trust", "-U", "mlci", "-E", "UTF8", "--no-sync"], check=True, **how)
    settings = [f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={data}", "fsync=off"]
    command = [str(Path(initdb).with_name("postgres")), "-D", str(data)]
    server = subprocess.Popen([*command, *(word for each in settings for word in ("-c", each))], **how)
    engine = sa.create_engine(f"postgresql+pg8000://mlci@127.0.0.1:{port}/postgres")

    def run(sql: str) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(sql)

    end = time.monotonic() + _PATIENCE_S
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                run("SELECT 1")
            except (sa.exc.SQLAlchemyError, OSError):
                if time.monotonic() > end or server.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                break
        yield Postgres(f"postgresql://mlci@127.0.0.1:{port}/postgres", run)
    finally:
        engine.dispose()
        server.send_signal(signal.SIGINT)
        server.wait(20)
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """The session that the engine spark finds; two cores, few parts."""
    pytest.importorskip("pyspark")
    if shutil.which("java") is None:
        pytest.skip("there is no java on this machine")
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .appName("tests")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.memory", "1g")
        .getOrCreate()
    )
    yield session
    session.stop()

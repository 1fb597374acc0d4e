"""A promotion and a rollback are done when what serves has followed, and nobody who asks it meanwhile notices."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from chain import Repository, repository
from served import Hammer, Running, serving

# By number of the version; what is asked tells them apart.
AT, ASKED = {"1": 50, "2": 49}, (50, 10, 90)
POLICY = """\
promote:
  require: {{production: [gate]}}
  relax: {{production: [locked-environment]}}
  verify: {{production: {{url: 'http://127.0.0.1:{port}', timeout: {timeout}}}}}
"""


@pytest.fixture(name="gated", scope="module")
def _gated(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Version 1 in production by being the first, version 2 gated and no worse."""
    found = repository(tmp_path_factory.mktemp("served") / "r")
    assert found.mlci("run") == 0
    found.set(AT["2"])
    found.commit()
    assert found.mlci("run") == 0
    return found


def verified_at(found: Repository, port: int, timeout: str = "3m") -> None:
    config = found.folder / "mlci.yml"
    before = config.read_text().partition("promote:")[0]
    config.write_text(before + POLICY.format(port=port, timeout=timeout))
    found.commit()


def alias(found: Repository) -> str:
    with closing(sqlite3.connect(found.folder / ".mlci" / "mlflow.db")) as opened:
        row = opened.execute("select version from registered_model_aliases where alias = 'production'").fetchone()
    return str(row[0])


def receipts(found: Repository) -> list[dict[str, Any]]:
    names = found.git("ls-tree", "-r", "--name-only", "mlci/ledger").split()
    entries = [json.loads(found.git("show", f"mlci/ledger:{name}")) for name in sorted(names) if "evidence" not in name]
    return [entry["receipt"] for entry in entries if "receipt" in entry]


def test_a_promotion_and_a_rollback_fail_no_request_and_a_server_that_does_not_follow_undoes_a_promotion(
    gated: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(gated) as server:
        server.serves("1")
        verified_at(gated, server.port)
        clients = Hammer(server, AT, ASKED, clients=4)
        try:
            assert gated.mlci("promote", "--version", "2", "--to", "production") == 0
            # Not a moment later: the command ends when the server has followed.
            assert server.get()[1]["version"] == "2"
            assert gated.mlci("rollback", "--stage", "production", "--reason", "a test") == 0
            assert server.get()[1]["version"] == "1"
        finally:
            seen = clients.stop()
        assert set(seen) == {("right", "1"), ("right", "2")}, seen
        assert min(seen.values()) > 20
        _stays_where_it_was(gated, server)


def _stays_where_it_was(gated: Repository, server: Running) -> None:
    """What serves is gone: the stage goes back to where it was, and the ledger says why."""
    server.stop()
    verified_at(gated, server.port, "1s")
    again = ("--reason", "the rollback was a test")
    assert gated.mlci("promote", "--version", "2", "--to", "production", *again) == 13
    assert alias(gated) == "1"
    said = receipts(gated)
    assert any("nothing answers there" in each["said"] for each in said[-2:]), said
    assert Path(gated.folder / ".mlci" / "report" / "promote.json").exists()

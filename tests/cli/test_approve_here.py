"""approve on a machine without a forge: the word of git's user.email, and of nobody who wrote the commits."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.running import predictions

from mlci.cli.main import run

POLICY = "model: churn\nvalidation: {min_accuracy: 0.5}\napproval: {high: {approvals: 1}}\n"
EVIDENCE = Path(".mlci/evidence/approval.json")
Here = Callable[..., int]


def git(*words: str) -> None:
    subprocess.run(["git", *words], check=True, capture_output=True)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    """A repository whose commit alice wrote, judged; bob works there."""
    monkeypatch.chdir(tmp_path)
    Path("mlci.yml").write_text(POLICY)
    Path("c.csv").write_text(predictions())
    git("init", "-q")
    git("config", "user.email", "Alice@example.com")
    git("config", "user.name", "alice")
    git("add", ".")
    git("commit", "-qm", "first")
    git("config", "user.email", "bob@example.com")
    assert run(("gate-compare", "--candidate", "c.csv"), {}) == 0
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return lambda *more: run(("approve", *more), environ)


def digest() -> str:
    import hashlib

    return hashlib.sha256(Path(".mlci/evidence/gate.json").read_bytes()).hexdigest()


def test_somebody_else_accepts_the_digest_and_is_named(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    assert here() == 12
    assert here("--accept", f"sha256:{digest()}") == 0
    found = json.loads(EVIDENCE.read_text())["predicate"]
    (bob,) = found["approvers"]
    assert (bob["login"], bob["where"], "id" in bob) == ("bob@example.com", "local", False)
    assert found["gate"] == digest()
    assert "the word of this machine alone" in capsys.readouterr().err
    assert here() == 0


def test_whoever_wrote_the_commit_accepts_in_vain(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    git("config", "user.email", "alice@EXAMPLE.com")
    assert here("--accept", digest()[:12]) == 12
    said = "warning: what alice@example.com accepts does not count: this person wrote what is checked out"
    assert said in capsys.readouterr().err


def test_another_record_is_not_the_accepted_one(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    assert here("--accept", "sha256:" + "0" * 64) == 12
    assert "H001" in capsys.readouterr().err
    assert not Path(".mlci/approvals").exists()
    assert here("--accept", digest()) == 0
    Path("c.csv").write_text(predictions(wrong=11))
    assert run(("gate-compare", "--candidate", "c.csv"), {}) == 0
    assert here() == 12


@pytest.mark.parametrize("given", ["", "sha256:12", "yes", "sha1:" + "0" * 40, "sha256:" + "0" * 65])
def test_what_is_no_digest_is_accepted_by_nobody(given: str, here: Here) -> None:
    assert here("--accept", given) == (12 if given == "" else 2)


def test_a_dry_run_writes_nothing_down(here: Here) -> None:
    assert here("--accept", digest(), "--dry-run", "true") == 12
    assert not Path(".mlci/approvals").exists()


@pytest.mark.parametrize("content", [b"{}", b"\xff", b'{"gate": "x", "email": "a@b.c", "at": "now"}', b"[" * 9000])
def test_a_file_that_is_no_approval_is_refused(content: bytes, here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".mlci/approvals").mkdir()
    Path(".mlci/approvals/x.json").write_bytes(content)
    assert here() == 3
    assert "A001" in capsys.readouterr().err


def test_a_link_is_no_approval(here: Here, tmp_path: Path) -> None:
    assert here("--accept", digest()) == 0
    (found,) = Path(".mlci/approvals").iterdir()
    target = tmp_path / "elsewhere.json"
    found.rename(target)
    found.symlink_to(target)
    assert here() == 3


def test_the_address_may_be_one_that_policy_names_and_a_forges_names_are_not(here: Here) -> None:
    for named, exit in (("bob@example.com", 0), ("carol@example.com", 12), ("'@acme/ml-risk'", 12)):
        Path("mlci.yml").write_text(POLICY.replace("approvals: 1", f"approvals: 1, from: [{named}]"))
        assert here("--accept", digest()) == exit


def test_it_needs_a_record_a_repository_and_an_address(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    assert here("--gate", "none.json") == 2
    assert here("--change", "3") == 2
    git("config", "user.email", "not an address")
    assert here("--accept", digest()) == 2
    assert "git does not say who you are" in capsys.readouterr().err


def test_nobody_is_needed_where_policy_asks_nobody(here: Here) -> None:
    Path("mlci.yml").write_text(POLICY.replace("approvals: 1", "approvals: 0"))
    assert here() == 0

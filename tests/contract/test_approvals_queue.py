"""Who agreed to a version that a merge queue merged together with other changes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from approving import Scene, scene

from mlci.adapters.evidence.gate import read_gate
from mlci.adapters.evidence.model import read_model
from mlci.cli import approvals
from mlci.cli.forge import forge_of
from mlci.config.load import load
from mlci.config.policy import gate_policy
from mlci.config.resolve import resolve
from mlci.steps import approve
from mlci.steps.approve import Before


@pytest.fixture(name="queued")
def _queued(github: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Scene, str, str]:
    """Change 1, which bob agreed to, and behind it change 2 of words; the branch before and after both."""
    monkeypatch.chdir(tmp_path)
    made = scene(github, tmp_path)
    github.add_comment(1, made.line, "bob")
    github.commit({"docs/words.md": "words\n"}, "words", author="carol")
    github.open_pull_request("words", author="carol")
    before = github.repository().tip("main")
    first = github.enqueue(1, method="squash")
    second = github.enqueue(2, first, method="squash")
    assert [github.dequeue(each) for each in (first, second)] == [None, None]
    return made, before, second.sha


def counted(made: Scene, before: str, commit: str) -> Any:
    forge = forge_of(made.environ("push", before=before))
    assert forge is not None
    (made.folder / "mlci.yml").write_bytes(forge.commits.file("mlci.yml", commit) or b"")
    config = resolve(load(str(made.folder / "mlci.yml"), {}), ()).config
    gate, model = read_gate(made.gate, "gate"), made.model or b""
    case = approve.judged(gate, made.digest, gate_policy(config), "2026-01-01", read_model(model, "model"))
    version = approvals.Version(
        case=replace(case, digest="f" * 64), model=hashlib.sha256(model).hexdigest(), commit=commit, stage="production"
    )
    known = Before(model=read_model(model, "model"), commit=before)
    return approvals._proposals(version, known, config, forge, "churn")


def test_the_change_that_made_the_model_is_found_behind_the_last_of_a_queue(queued: tuple[Scene, str, str]) -> None:
    made, before, commit = queued
    found = {proposal.number: records for proposal, records in counted(made, before, commit)}
    assert found == {2: (), 1: (made.digest,)}

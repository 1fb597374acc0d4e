"""A run on GitHub as a command sees it: the runner's environment, or a forge in memory in its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from mlci.cli.forge import Forge
from mlci.domain.run import Change, Run, Triggering
from mlci.testing.forge import MemoryForge

REPOSITORY = "owner/repository"
NUMBER = 5
SILENT = ("--comment", "false", "--status", "false")


def pushed(folder: Path, **more: str) -> dict[str, str]:
    """What the runner tells a step about a push to the default branch; nothing of it can reach a forge."""
    folder.mkdir(parents=True, exist_ok=True)
    payload = folder / "event.json"
    before = "0" * 40
    payload.write_text(
        json.dumps({"before": before, "repository": {"default_branch": "main", "full_name": REPOSITORY}})
    )
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": "http://127.0.0.1:1",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": str(payload),
        "GITHUB_OUTPUT": str(folder / "outputs.txt"),
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_RUN_ID": "100",
        "GITHUB_SERVER_URL": "https://forge.invalid",
        "GITHUB_SHA": "a" * 40,
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        **more,
    }


def predictions(n: int = 200, *, wrong: int = 10, start: int = 0, header: str = "id,y,pred") -> str:
    """Labels of which the first so many are wrong, from one row on."""
    rows = (f"e{row},{row % 2},{row % 2 ^ (start <= row < start + wrong)}" for row in range(n))
    return "\n".join((header, *rows)) + "\n"


def zipped(members: Mapping[str, bytes]) -> bytes:
    """An artifact as the forge hands it out."""
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


@dataclass
class World:
    """A forge in memory with one repository, and a run on it.

    Attributes:
        memory: what the forge keeps.
        run: whose environment the command finds.
        base: the commit of the default branch.
        head: the commit that is proposed.
    """

    memory: MemoryForge
    run: Run
    base: str
    head: str
    environ: dict[str, str] = field(default_factory=lambda: {"GITHUB_ACTIONS": "true"})

    @property
    def forge(self) -> Forge:
        memory = self.memory
        return Forge(self.run, memory.conversation, memory.commits, memory.runs)

    @property
    def comments(self) -> list[str]:
        return [comment.body for comment in self.memory.conversation.comments(NUMBER)]

    def states(self, commit: str | None = None) -> dict[str, tuple[str, str]]:
        """State and description of the commit's newest status, by context."""
        said = self.memory.commits.statuses.get(commit or self.head, [])
        return {status.context: (status.state, status.description) for status in said}

    def entered(self, patch: pytest.MonkeyPatch, *modules: str) -> World:
        """Let these commands find themselves on this forge."""
        for module in modules or ("gate_compare", "report", "plan"):
            patch.setattr(f"mlci.cli.{module}.forge_of", lambda *_: self.forge)
        for module in ("delivery", "gate_compare"):
            patch.setattr(f"mlci.cli.{module}.job_of", lambda *_: self.memory.job)
        return self

    def later(self, **changed: Any) -> World:
        """The same forge, and another run."""
        if "id" in changed:
            changed = {"url": _page(changed["id"]), **changed}
        return replace(self, run=replace(self.run, **changed))


def proposed(policy: str | None = None, *, own: str | None = None, fork: bool = False, **more: Any) -> World:
    """A run for pull request 5, whose branch to merge to has this mlci.yml, and which brings along one of its own."""
    memory = MemoryForge()
    base = memory.commits.commit({"train.py": b"1", **_file(policy)})
    memory.commits.branches["main"] = base
    head = memory.commits.commit({"train.py": b"2", **_file(own)}, base)
    change = Change(number=NUMBER, head=head, base=base, base_branch="main", fork=fork)
    return World(memory, _run("pull_request", head, None, change=change, **more), base, head)


def elsewhere(world: World, branch: str, policy: str | None) -> World:
    """The same commit, proposed to another branch, which has this mlci.yml."""
    commits, change = world.memory.commits, world.run.change
    assert change is not None
    commits.branches[branch] = commits.commit({"train.py": b"3", **_file(policy)})
    return world.later(change=replace(change, base=commits.branches[branch], base_branch=branch))


def on_branch(world: World, branch: str = "feature", before: str | None = None) -> World:
    """A push of the proposed commit to a branch that is not the default one."""
    return world.later(event="push", branch=branch, before=before, change=None)


def on_main(policy: str | None = None, **more: Any) -> World:
    """A run on the default branch."""
    memory = MemoryForge()
    base = memory.commits.commit({"train.py": b"1", **_file(policy)})
    memory.commits.branches["main"] = base
    return World(memory, _run("push", base, "main", **more), base, base)


def after(world: World, *, event: str = "pull_request") -> World:
    """The run that the end of this world's run starts, on the default branch."""
    ended = Triggering(
        id=world.run.id, attempt=1, event=event, head=world.head, head_branch="feature",
        head_repository="stranger/repository", url=world.run.url,
    )  # fmt: skip
    if world.run.change is not None:
        world.memory.runs.changes = [world.run.change]
    run = _run("workflow_run", world.base, "main", id=world.run.id + 1, triggered_by=ended)
    return World(world.memory, run, world.base, world.head)


def _file(policy: str | None) -> Mapping[str, bytes]:
    return {} if policy is None else {"mlci.yml": policy.encode()}


def _run(event: str, commit: str, branch: str | None, **more: Any) -> Run:
    facts: dict[str, Any] = {"id": 100, "attempt": 1, **more}
    facts.setdefault("url", _page(facts["id"]))
    return Run(repository=REPOSITORY, event=event, commit=commit, branch=branch, default_branch="main", **facts)


def _page(run: int) -> str:
    return f"https://forge.invalid/{REPOSITORY}/actions/runs/{run}"

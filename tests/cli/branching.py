"""A repository whose default branch and changes are judged one after the other, by gate-compare as a command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli.running import World, after, on_main, predictions, zipped

from mlci.cli.main import run
from mlci.domain.run import Change

REPORT, KEEP = Path(".mlci/report"), Path("mlci-keep")


class Branch:
    """A repository whose default branch and changes are judged one after the other."""

    def __init__(self, patch: pytest.MonkeyPatch, policy: str, source: str = "artifacts") -> None:
        self.world, self._patch, self._source = on_main(policy), patch, source
        self._number = 100
        Path("mlci.yml").write_text(policy)

    def run(
        self, wrong: int, *, of: int = 200, change: bool = False, upload: bool = True, fork: bool = False
    ) -> dict[str, Any]:
        """Judge a model that is wrong on so many examples of a holdout of that size; its report."""
        Path("c.csv").write_text(predictions(of, wrong=wrong))
        self._number += 1
        at = self._changing(fork) if change else self.world.later(id=self._number)
        run(("gate-compare", "--candidate", "c.csv", "--baseline-from", self._source), at.entered(self._patch).environ)
        if upload and KEEP.exists():
            self.leave({path.name: path.read_bytes() for path in KEEP.iterdir()}, change=change)
        return self.report()

    def leave(self, files: dict[str, bytes], *, change: bool) -> None:
        event, branch = ("pull_request", "feature") if change else ("push", "main")
        self.world.memory.runs.leave("mlci-gate-churn", zipped(files), run=self._number, event=event, branch=branch)

    def reported(self) -> dict[str, Any]:
        """The trusted report on the last change, which is a fork's."""
        world = after(self._changing(fork=True))
        run(("report", "--baseline-from", self._source), world.entered(self._patch).environ)
        return self.report("report")

    def report(self, step: str = "gate-compare") -> dict[str, Any]:
        return dict(json.loads((REPORT / f"{step}.json").read_text()))

    def _changing(self, fork: bool) -> World:
        base = self.world.base
        head = self.world.memory.commits.commit({"train.py": b"2"}, base)
        change = Change(number=5, head=head, base=base, base_branch="main", fork=fork)
        at = replace(self.world.run, id=self._number, event="pull_request", commit=head, branch=None, change=change)
        return World(self.world.memory, at, base, head)

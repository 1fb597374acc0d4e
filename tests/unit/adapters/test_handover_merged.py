"""The candidate of a merged change: taken where the inputs are the same and a run for exactly its head left it."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from handed import INPUTS, KEY, laid
from test_handover_earlier import same

from mlci.adapters.models.earlier import FolderEarlier
from mlci.adapters.models.merged import MergedEarlier
from mlci.domain.run import Change, Run
from mlci.domain.training import Inputs
from mlci.errors import ServiceRefused
from mlci.testing.forge import MemoryRuns

HEAD, MERGED, BASE = "a" * 40, "c" * 40, "b" * 40
NAME = "mlci-model-churn"
PUSH = Run(
    repository="owner/repository", id=9, attempt=1, url="https://forge.invalid/9", event="push", commit=MERGED,
    branch="main", default_branch="main",
)  # fmt: skip


class Found:
    """A merge of change 5, what its run left, and what is made of it."""

    def __init__(self, folder: Path, inputs: Inputs | None = None, *, fork: bool = False) -> None:
        self.folder, self.said, self.runs = folder, list[str](), MemoryRuns()
        change = Change(number=5, head=HEAD, base=BASE, base_branch="main", fork=fork)
        self.runs.merged[MERGED] = [change]
        self.inputs = inputs or INPUTS
        kept = FolderEarlier(str(folder / "models"), self.said.append)
        self.earlier = MergedEarlier(self.runs, PUSH, NAME, self.inputs, kept)

    def left(self, run: int = 7, *, head: str = HEAD, event: str = "pull_request", altered: str | None = None) -> Path:
        """Let a run leave a candidate; the folder it is packed from."""
        made = laid(self.folder)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for file in sorted(path for path in made.rglob("*") if path.is_file()):
                name = file.relative_to(made).as_posix()
                archive.writestr(name, b"other" if name == altered else file.read_bytes())
        self.runs.leave(NAME, packed.getvalue(), run=run, head=head, branch="feature", event=event)
        return made


def test_what_the_merged_change_trained_is_taken_with_its_very_bytes(tmp_path: Path) -> None:
    found = Found(tmp_path)
    folder = found.left()
    trained = found.earlier.with_inputs("churn", KEY)
    assert same(trained, folder, tmp_path / "again")
    assert trained is not None
    assert trained.origin == "artifact mlci-model-churn of run 7, for change 5"
    assert (found.said, found.earlier.notes) == ([], [])


def test_what_the_queue_trained_for_this_very_commit_is_taken_first(tmp_path: Path) -> None:
    found = Found(tmp_path)
    found.left()
    found.left(8, head=MERGED, event="merge_group")
    trained = found.earlier.with_inputs("churn", KEY)
    assert trained is not None
    assert trained.origin == "artifact mlci-model-churn of run 8, for this very commit"


def test_what_a_fork_trained_is_never_taken_and_that_is_said(tmp_path: Path) -> None:
    found = Found(tmp_path, fork=True)
    found.left()
    assert found.earlier.with_inputs("churn", KEY) is None
    assert found.earlier.notes == ["change 5 comes from a fork, whose candidate is always trained again"]


@pytest.mark.parametrize(
    ("part", "named"), [("code", "the code"), ("data", "the training data"), ("environment", "the locked environment")]
)
def test_where_the_merge_changed_an_input_it_is_said_which(tmp_path: Path, part: str, named: str) -> None:
    found = Found(tmp_path, replace(INPUTS, key="9" * 64, **{part: "8" * 64}))
    found.left()
    assert found.earlier.with_inputs("churn", "9" * 64) is None
    [note] = found.earlier.notes
    assert note == f"the candidate of change 5 was trained from other inputs than this commit has: {named}"


@pytest.mark.parametrize("altered", ["model/model.joblib", "candidate.csv", "model.json"])
def test_what_is_not_what_its_evidence_says_is_passed_over_aloud(tmp_path: Path, altered: str) -> None:
    found = Found(tmp_path)
    found.left(altered=altered)
    assert found.earlier.with_inputs("churn", KEY) is None
    assert "an earlier result is not used" in found.said[0]


@pytest.mark.parametrize("event", ["workflow_dispatch", "schedule", "issue_comment"])
def test_what_another_kind_of_run_left_for_that_head_is_not_looked_at(tmp_path: Path, event: str) -> None:
    found = Found(tmp_path)
    found.left(event=event)
    assert found.earlier.with_inputs("churn", KEY) is None
    assert found.earlier.notes == ["change 5 left no candidate that can still be read"]


def test_another_model_and_another_commit_are_not_it(tmp_path: Path) -> None:
    found = Found(tmp_path)
    found.left(head="d" * 40)
    assert found.earlier.with_inputs("churn", KEY) is None
    found.left()
    assert found.earlier.with_inputs("fraud", KEY) is None
    assert found.earlier.notes == ["the candidate of change 5 is of the model churn"]


def test_a_forge_that_refuses_is_said_and_the_model_is_trained(tmp_path: Path) -> None:
    found = Found(tmp_path)
    found.left()
    found.runs.error = ServiceRefused("GET …: answered 403", help="the token needs pull-requests: read")
    assert found.earlier.with_inputs("churn", KEY) is None
    assert any("pull-requests: read" in line for line in found.said)

"""The forge of a machine without one: commits of the local repository, and a comment that is a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from mlci.adapters.disk import files
from mlci.adapters.git.repository import Repository
from mlci.domain.run import LOCAL, Change, ChangedFiles, Run, Triggering
from mlci.errors import ServiceRefused, UsageError
from mlci.ports import Artifact, Check, Comment, Status

_UNCHANGED = "the working copy has no commit yet"


def local_run(repository: Repository, base: str) -> Run:
    """What is checked out, as a change to a branch.

    Args:
        repository: that is checked out.
        base: branch, or any other name of a commit, that it would be merged to.

    Raises:
        UsageError: there is no such branch or commit, or no commit is checked out.
    """
    head, target = repository.commit(), repository.resolve(base)
    if head is None:
        raise UsageError(_UNCHANGED, help="commit the state that the change is to be compared with")
    if target is None:
        raise UsageError(f"--base names no branch and no commit: {base[:100]!a}", help="fetch it, or name another")
    change = Change(number=0, head=head, base=target, base_branch=base, fork=False)
    folder = Path(repository.top)
    return Run(
        repository=folder.name, id=0, attempt=1, url=folder.as_uri(), event=LOCAL, commit=head, branch=None,
        default_branch=base, change=change,
    )  # fmt: skip


class LocalConversation:
    """The one comment on a change, kept as a file of Markdown."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def comments(self, number: int) -> list[Comment]:  # noqa: ARG002 - the port's shape
        """What an earlier run left."""
        return [self._comment(self._path.read_text(encoding="utf-8"))] if self._path.is_file() else []

    def add_comment(self, number: int, body: str) -> Comment:  # noqa: ARG002
        """Write it."""
        files.write(str(self._path), body.encode())
        return self._comment(body)

    def edit_comment(self, number: int, comment: int, body: str) -> Comment:  # noqa: ARG002
        """Write it anew."""
        return self.add_comment(number, body)

    def remove_comment(self, number: int, comment: int) -> None:  # noqa: ARG002
        """Remove the file."""
        files.remove(str(self._path))

    def _comment(self, body: str) -> Comment:
        return Comment(id=1, body=body, mine=True, url=self._path.absolute().as_uri())


class LocalCommits:
    """The commits of the repository on this machine; what would be said of one is printed, and set nowhere."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def file(self, path: str, commit: str) -> bytes | None:
        """A file as that commit has it."""
        return self._repository.file(path, commit)

    def tip(self, branch: str) -> str:
        """The commit a branch is at."""
        return self._repository.resolve(branch) or self._repository.tip(branch)

    def changed_files(self, base: str, head: str) -> ChangedFiles:  # noqa: ARG002 - what is checked out may be more
        """What the files on this machine change since the commit that is checked out left base."""
        return self._repository.changed_since(base)

    def status(self, commit: str, context: str) -> Status | None:  # noqa: ARG002
        """None: nobody sets one here."""
        return None

    def set_status(self, commit: str, status: Status) -> None:
        """Nothing to set."""

    def unheld(self, branch: str, context: str) -> str | None:  # noqa: ARG002
        """Nothing on this machine holds a merge back."""
        return "nothing holds a merge back on this machine"

    def set_check(self, commit: str, check: Check) -> None:
        """Nothing to create."""


class NoRuns:
    """No run has left anything on a machine without a forge."""

    def artifacts_of_branch(self, name: str, branch: str) -> NoReturn:  # noqa: ARG002
        """Refuse: there are no artifacts here."""
        raise ServiceRefused("artifacts of runs are the forge's, and there is none on this machine")

    def artifacts_of_runs(self, name: str) -> Iterator[Artifact]:  # noqa: ARG002
        """None."""
        return iter(())

    def artifact_of_run(self, name: str, run: int) -> Artifact | None:  # noqa: ARG002
        """None."""
        return None

    def artifact_of_commit(self, name: str, head: str, *, base: str | None = None) -> Artifact | None:  # noqa: ARG002
        """None."""
        return None

    def content(self, artifact: Artifact, limit: int) -> NoReturn:  # noqa: ARG002
        """Refuse: there are no artifacts here."""
        raise ServiceRefused("artifacts of runs are the forge's, and there is none on this machine")

    def changes_in(self, run: Run) -> list[Change]:  # noqa: ARG002
        """None."""
        return []

    def changes_of(self, run: Triggering) -> list[Change]:  # noqa: ARG002
        """None."""
        return []

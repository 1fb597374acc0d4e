"""The ledger on a branch of the repository on this machine, written by plumbing alone.

Neither the work tree nor the index nor HEAD is looked at, no hook runs, and nobody's name or key is used. What is
written cannot be seen before ``update-ref`` has moved the branch from the commit that was read: that is the
compare-and-swap, and git's own.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlci.adapters.git.call import Git
from mlci.adapters.ledger import layout
from mlci.adapters.ledger.layout import BRANCH, REF
from mlci.adapters.ledger.objects import Objects, writing
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.patience import Clock
from mlci.errors import LedgerBroken, ServiceFailed, UsageError
from mlci.ports.release import Head

_FETCHED = f"refs/remotes/origin/{BRANCH}"
# git holds the lock of a branch for milliseconds. One as old as this, in seconds, is of a git that was killed.
_FORGOTTEN = 30.0
_PATIENCE = 120.0
_LONGEST_WAIT = 1.0


@dataclass(frozen=True)
class _Tip:
    """Where a branch is: the commit, and the name of the branch."""

    commit: str
    ref: str


class GitLedger:
    """ports.Ledger over a repository on this machine."""

    def __init__(self, git: Git, *, clock: Clock | None = None) -> None:
        """Nothing is asked yet.

        Args:
            git: the program, in the repository.
            clock: waits, and draws how long.
        """
        self._git = writing(git)
        self._objects = Objects(self._git)
        self._clock = clock or Clock()
        self.place = f"the branch {BRANCH} of {one_line(git.folder, 300)}"

    def head(self, model: str) -> Head | None:
        """The newest entry of a model; None where it has none."""
        tip = self._tip()
        return self._objects.head(tip.commit, layout.checked(model)) if tip is not None else None

    def entry(self, model: str, number: int) -> bytes | None:
        """The bytes of one entry; None where there is none."""
        tip = self._tip()
        return self._objects.entry(tip.commit, layout.checked(model), number) if tip is not None else None

    def entries(self, model: str) -> Iterator[tuple[int, bytes]]:
        """Every entry by its number."""
        tip = self._tip()
        return self._objects.entries(tip.commit, layout.checked(model)) if tip is not None else iter(())

    def file(self, model: str, digest: str) -> bytes | None:
        """A piece of evidence; None where there is none."""
        tip = self._tip()
        return self._objects.evidence(tip.commit, layout.checked(model), digest) if tip is not None else None

    def several(self, model: str, digests: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Pieces of evidence that are there."""
        tip = self._tip()
        return self._objects.several(tip.commit, layout.checked(model), digests) if tip is not None else iter(())

    def models(self) -> Sequence[str]:
        """The models that have entries, by name."""
        tip = self._tip()
        return self._objects.models(tip.commit) if tip is not None else ()

    def append(self, model: str, number: int, content: bytes, files: Mapping[str, bytes], after: str | None) -> None:
        """Add one entry and its files, all or nothing.

        Raises:
            LedgerMoved: the head is another by now.
            UsageError: the ledger of this repository is kept on its forge.
            ServiceFailed: git failed, or something else holds the lock of the branch.
        """
        layout.checked(model)
        end = self._clock.monotonic() + _PATIENCE
        longest = 0.02
        while True:
            tip = self._tip()
            if tip is not None and tip.ref != REF:
                raise UsageError(
                    f"the ledger of this repository is on its forge ({tip.ref.removeprefix('refs/remotes/')}), and a "
                    "decision of this machine alone would not be in it",
                    help="decide in a job of the forge",
                )
            commit = tip.commit if tip is not None else None
            if self._objects.holds(commit, model, number, content, after):
                return
            new = self._objects.grown(commit, model, number, content, files)
            # Nothing for the old value means that there must be none.
            said = f"mlci: {model} {number}"
            answer = self._git.ask("update-ref", "--no-deref", "--create-reflog", "-m", said, REF, new, commit or "")
            if not answer.code:
                return
            if self._tip() == tip:
                self._take_away_forgotten_lock()
                if self._clock.monotonic() > end:
                    raise self._stuck(answer.error)
            self._clock.sleep(longest * self._clock.chance())
            longest = min(_LONGEST_WAIT, 2 * longest)

    def _tip(self) -> _Tip | None:
        """Where the branch is here, or else where it was on the forge when it was last fetched.

        Raises:
            LedgerBroken: it names a commit that is not there.
        """
        for ref in (REF, _FETCHED):
            answer = self._git.ask("rev-parse", "--verify", "--quiet", ref)
            commit = answer.output.decode("ascii", "replace").strip()
            if answer.code:
                # A file of the branch that is empty or garbled reads like none.
                broken = self._git.ask("for-each-ref", "--format=%(objectname)", ref)
                if broken.error.strip() or broken.code:
                    raise _unreadable(ref, broken.error)
                continue
            there = self._git.ask("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}")
            if there.code:
                raise _unreadable(ref, there.error)
            return _Tip(commit, ref)
        return None

    def _take_away_forgotten_lock(self) -> None:
        """Remove the lock of a git that was killed while it moved the branch.

        One at a time, or the second would take away the lock of a writer that came after the first.
        """
        common = Path(self._git.folder, os.fsdecode(self._git.run("rev-parse", "--git-common-dir").strip()))
        lock = common / f"{REF}.lock"
        if not _is_forgotten(lock):
            return
        try:
            alone = os.open(common / "mlci-ledger.lock", os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except OSError:
            return
        try:
            fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_forgotten(lock):
                lock.unlink(missing_ok=True)
        except OSError:
            # Another process is at it, or may and this one may not.
            return
        finally:
            os.close(alone)

    def _stuck(self, said: str) -> ServiceFailed:
        why = one_line(said, 300)
        help = "a branch of the name mlci would be in its way, or something else holds the lock of the branch"
        return ServiceFailed(f"git cannot move the branch {BRANCH}: {why}", help=help)


def _is_forgotten(lock: Path) -> bool:
    try:
        # Files are dated by the clock of the system.
        return time.time() - lock.lstat().st_mtime > _FORGOTTEN
    except OSError:
        return False


def _unreadable(ref: str, said: str) -> LedgerBroken:
    why = one_line(said, 200)
    return LedgerBroken(
        f"the branch {ref.removeprefix('refs/heads/').removeprefix('refs/remotes/')} cannot be read"
        + (f": {why}" if why else ": it names no commit that is there"),
        help="git fsck says what is missing; the reflog of the branch has where it was before",
    )

"""The ledger on a branch of a forge that takes pushes: built in a temporary repository, and pushed without force.

The checkout of the job is not looked at. The newest lists of files are fetched, and of the files only those that are
read. A push that is refused because the branch has moved is the lost race, and settled by reading again.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from mlci.adapters.git.call import Answer, Git
from mlci.adapters.git.fetching import Remote
from mlci.adapters.ledger import layout
from mlci.adapters.ledger.layout import BRANCH, REF
from mlci.adapters.ledger.objects import Objects, writing
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.patience import Clock, Patience
from mlci.errors import MlciError, ServiceFailed, ServiceRefused
from mlci.ports.release import Head

_TIP = "refs/mlci/tip"
_DEAF = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
_OVERRIDES = (
    # Told of a commit that is here, the forge would take all of its files to be here, too.
    "fetch.negotiationAlgorithm=noop",
    # A forge that says nothing for a minute is lost.
    "http.lowSpeedLimit=1", "http.lowSpeedTime=60", "credential.helper=", "gc.auto=0", "maintenance.auto=false",
)  # fmt: skip
_LONG = 300.0
# Several jobs can push at once, each about a model of its own, and each of them has its turn.
_PATIENCE = Patience(attempts=40, budget=180.0, first=0.5, longest=8.0)
_ABSENT = re.compile(r"couldn't find remote ref|Remote branch .* not found", re.IGNORECASE)
_RACE = re.compile(
    r"non-fast-forward|fetch first|stale info|failed to update ref|cannot lock ref|reference already exists|"
    r"incorrect old value|is at [0-9a-f]+ but expected|remote ref updated since checkout|already up[- ]to[- ]date",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"Authentication failed|could not read (Username|Password)|returned error: 40[134]|not found|Access denied"
    r"|hook declined|protected branch|not allowed to push|denied|forbidden|deny updating|shallow update not allowed",
    re.IGNORECASE,
)


class PushedLedger:
    """ports.Ledger over a repository that is fetched from and pushed to."""

    def __init__(
        self,
        git: Git,
        remote: Remote,
        *,
        needed: str,
        may_push: bool = True,
        options: Sequence[str] = (),
        patience: Patience = _PATIENCE,
        clock: Clock | None = None,
    ) -> None:
        """Nothing is asked yet.

        Args:
            git: the program.
            remote: the repository, and the token for it.
            needed: what to do where the forge refuses.
            may_push: whether the token may be tried for that.
            options: of a push, which the forge understands.
            patience: for a forge that is lost, and for races.
            clock: waits, and draws how long.
        """
        self._program = git
        self._remote = remote
        self._needed = needed
        self._may_push = may_push
        self._options = [word for option in options for word in ("-o", option)]
        self._patience = patience
        self._clock = clock or Clock()
        self.place = f"the branch {BRANCH} of {one_line(remote.url, 300)}"

    def head(self, model: str) -> Head | None:
        """The newest entry of a model; None where it has none."""
        layout.checked(model)
        tip = self._tip()
        return self._objects.head(tip, model) if tip is not None else None

    def entry(self, model: str, number: int) -> bytes | None:
        """The bytes of one entry; None where there is none."""
        layout.checked(model)
        tip = self._tip()
        return self._objects.entry(tip, model, number) if tip is not None else None

    def entries(self, model: str) -> Iterator[tuple[int, bytes]]:
        """Every entry by its number."""
        layout.checked(model)
        tip = self._tip()
        return self._objects.entries(tip, model) if tip is not None else iter(())

    def file(self, model: str, digest: str) -> bytes | None:
        """A piece of evidence; None where there is none."""
        layout.checked(model)
        tip = self._tip()
        return self._objects.evidence(tip, model, digest) if tip is not None else None

    def several(self, model: str, digests: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Pieces of evidence that are there."""
        layout.checked(model)
        tip = self._tip()
        return self._objects.several(tip, model, digests) if tip is not None else iter(())

    def models(self) -> Sequence[str]:
        """The models that have entries, by name."""
        tip = self._tip()
        return self._objects.models(tip) if tip is not None else ()

    def append(self, model: str, number: int, content: bytes, files: Mapping[str, bytes], after: str | None) -> None:
        """Add one entry and its files, all or nothing.

        Raises:
            LedgerMoved: the head is another by now.
            ServiceRefused: the token may not push to the branch.
            ServiceFailed: the forge did not answer, or too many others pushed at the same time.
        """
        layout.checked(model)
        if not self._may_push:
            raise ServiceRefused(f"nothing can be pushed to {BRANCH} without a token that may", help=self._needed)
        began = self._clock.monotonic()
        for attempt in range(1, self._patience.attempts + 1):
            # After a push whose answer was lost this finds the entry where it arrived.
            tip = self._tip()
            if self._objects.holds(tip, model, number, content, after):
                return
            new = self._objects.grown(tip, model, number, content, files)
            error = self._pushed(new)
            if error is None:
                return
            wait = self._patience.drawn(min(attempt, 5), self._clock.chance())
            if self._clock.monotonic() - began + wait > self._patience.budget:
                raise error
            self._clock.sleep(wait)
        raise error or ServiceFailed("nothing was tried")

    @cached_property
    def _git(self) -> Git:
        """git in the temporary repository, deaf to the settings of this machine."""
        folder = tempfile.mkdtemp(prefix="mlci-ledger-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        git = writing(self._program.at(folder).having(**_DEAF, GIT_DIR=folder))
        git.run("init", "--quiet", "--bare", "--template=", folder)
        return replace(git, overrides=(*git.overrides, *_OVERRIDES))

    @cached_property
    def _settings(self) -> bytes:
        """Settings of the temporary repository, as it was made."""
        return Path(self._git.folder, "config").read_bytes()

    @property
    def _objects(self) -> Objects:
        return Objects(self._git, self._bring)

    def _tip(self) -> str | None:
        """Fetch the newest lists of files: the commit that the branch is at, None where there is no such branch."""
        answer = self._fetched(f"+{REF}:{_TIP}", options=("--depth=1",))
        if answer.code:
            return None
        return self._git.run("rev-parse", "--verify", _TIP).decode().strip()

    def _bring(self, ids: Sequence[str]) -> None:
        """Fetch the files that are not here yet."""
        asked = self._git.ask("cat-file", "--batch-check", given="".join(f"{each}\n" for each in ids).encode())
        missing = [line.split()[0] for line in asked.output.decode().splitlines() if line.endswith(" missing")]
        if missing:
            self._fetched(*missing)

    def _fetched(self, *wanted: str, options: Sequence[str] = ()) -> Answer:
        """The answer of a fetch that worked, or of one that found no such branch.

        Raises:
            ServiceFailed, ServiceRefused: anything else went wrong, after bounded retries.
        """
        words = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", *options, "--stdin")
        settings = self._settings
        for attempt in range(1, 6):
            answer = self._asked(*words, self._remote.url, given="".join(f"{each}\n" for each in wanted).encode())
            # git notes that what is missing can be had from there, and would then go there by itself.
            Path(self._git.folder, "config").write_bytes(settings)
            if not answer.code or _ABSENT.search(answer.error):
                return answer
            error = self._error(answer)
            if isinstance(error, ServiceRefused):
                raise error
            self._clock.sleep(self._patience.drawn(attempt, self._clock.chance()))
        raise error

    def _pushed(self, commit: str) -> MlciError | None:
        """Push without force; what went wrong, where it may go better the next time.

        Raises:
            ServiceRefused: the forge refuses it for good.
        """
        answer = self._asked(
            "push", "--quiet", "--porcelain", "--no-verify", "--no-signed", "--no-follow-tags",
            "--recurse-submodules=no", *self._options, self._remote.url, f"{commit}:{REF}",
        )  # fmt: skip
        if not answer.code:
            return None
        error = self._error(answer)
        if isinstance(error, ServiceRefused):
            raise error
        return error

    def _asked(self, *words: str, given: bytes = b"") -> Answer:
        return self._git.having(**self._remote.settings).ask(*words, given=given, timeout=_LONG)

    def _error(self, answer: Answer) -> MlciError:
        said = self._remote.without_secrets(f"{answer.output.decode('utf-8', 'replace')}\n{answer.error}")
        lines = [line for line in said.splitlines() if line.strip() and not line.startswith(("To ", "Done", "hint:"))]
        why = one_line("; ".join(lines), 400)
        cause = f"git {answer.words[0]} of {BRANCH} failed: {why}"
        if _RACE.search(said):
            return ServiceFailed(cause, help="others pushed to it at the same time; run the job again")
        if _REFUSED.search(said):
            return ServiceRefused(cause, help=self._needed)
        return ServiceFailed(cause, help="run the job again when the forge is up")

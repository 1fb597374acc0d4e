"""People on a machine without a forge: who wrote commits by git's word, and approvals that are files in ``.mlci``.

It is the word of this machine alone: whoever can write to the folder can write what they like.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from mlci.adapters.disk import files
from mlci.adapters.git.call import Git
from mlci.adapters.oneline import one_line
from mlci.domain.release.people import Person, Proposal, Said, Word
from mlci.errors import ArtifactRefused, Place, UsageError

FOLDER = ".mlci/approvals"
_LARGEST, _MOST = 64 << 10, 1_000
_DIGEST = re.compile(r"[0-9a-f]{64}")
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_EMAIL = re.compile(r"[^\s<>@]{1,100}@[^\s<>@]{1,150}")


class _Approval(msgspec.Struct, forbid_unknown_fields=True):
    gate: str
    email: str
    at: str


class LocalPeople:
    """ports.People of a repository on this machine. There are no changes, and nobody says anything but in files."""

    def __init__(self, git: Git, folder: str) -> None:
        """Nothing is read yet.

        Args:
            git: of the repository.
            folder: of the configuration, in which approvals are kept.
        """
        self._git = git
        self._folder = Path(folder, FOLDER)

    def proposal(self, number: int) -> Proposal:
        """Refuse: there are no changes here."""
        raise UsageError(f"there is no forge that has a change #{number}", help="leave --change out")

    def proposals_of(self, commit: str) -> Sequence[Proposal]:  # noqa: ARG002 - the port's shape
        """None."""
        return ()

    def open_for(self, branch: str) -> Sequence[int]:  # noqa: ARG002
        """None."""
        return ()

    def words(self, proposal: Proposal) -> Sequence[Word]:  # noqa: ARG002
        """None."""
        return ()

    def words_of_run(self, run: int) -> Sequence[Word]:  # noqa: ARG002
        """None."""
        return ()

    def said(self, commit: str, context: str) -> Sequence[Said]:  # noqa: ARG002
        """Nothing: no status is set here."""
        return ()

    def person(self, login: str) -> Person | None:
        """Whoever goes by that address."""
        return Person(id=0, login=login.casefold())

    def may_approve(self, person: Person, who: str | None) -> bool:
        """Whether policy names the address; logins and teams are a forge's."""
        return who is None or who.casefold() == person.login.casefold()

    def makers(self, commit: str | None) -> Sequence[Person]:
        """Author and committer of a commit, and of what is checked out, by their addresses."""
        found: dict[str, Person] = {}
        for one in dict.fromkeys(("HEAD", commit or "HEAD")):
            answer = self._git.ask("show", "--no-patch", "--format=%ae%n%ce", "--end-of-options", one)
            for email in answer.output.decode("utf-8", "replace").split("\n") if answer.code == 0 else ():
                if email.strip():
                    found[email.strip().casefold()] = Person(id=0, login=email.strip().casefold())
        return tuple(found.values())

    def head(self) -> str | None:
        """The commit that is checked out; None before the first."""
        answer = self._git.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return answer.output.decode("ascii", "replace").strip() or None if answer.code == 0 else None

    def me(self) -> Person:
        """Who works here, by git's user.email.

        Raises:
            UsageError: git has no address.
        """
        email = self._git.ask("config", "--get", "user.email").output.decode("utf-8", "replace").strip()
        if not _EMAIL.fullmatch(email):
            raise UsageError("git does not say who you are", help="git config user.email you@example.com")
        return Person(id=0, login=email.casefold())

    def approve(self, digest: str, at: str) -> Word:
        """Write down that whoever works here approves a record of the gate."""
        person = self.me()
        content = msgspec.json.encode(_Approval(gate=digest, email=person.login, at=at))
        path = self._folder / f"{digest[:12]}-{hashlib.sha256(person.login.encode()).hexdigest()[:12]}.json"
        files.write(str(path), content)
        return _word(_Approval(gate=digest, email=person.login, at=at), path)

    def approvals(self) -> Sequence[Word]:
        """Everything that was approved here.

        Raises:
            ArtifactRefused: a file of the folder is none of ours.
        """
        paths = sorted(self._folder.glob("*.json"))[:_MOST] if self._folder.is_dir() else []
        return tuple(_word(_read(path), path) for path in paths)


def _read(path: Path) -> _Approval:
    place = Place(one_line(path, 200))
    try:
        if path.is_symlink() or not path.is_file():
            raise ArtifactRefused("an approval must be a plain file", place=place)
        with path.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
        found: Any = msgspec.json.decode(content[:_LARGEST], type=_Approval)
    except (OSError, ValueError, msgspec.MsgspecError):
        raise ArtifactRefused("an approval cannot be read", place=place, help="remove it and approve again") from None
    if not (_DIGEST.fullmatch(found.gate) and _AT.fullmatch(found.at) and _EMAIL.fullmatch(found.email)):
        raise ArtifactRefused("an approval names no record, person or time", place=place, help="remove it")
    return _Approval(gate=found.gate, email=found.email.casefold(), at=found.at)


def _word(found: _Approval, path: Path) -> Word:
    person = Person(id=0, login=found.email)
    return Word(person=person, agrees=True, where="local", at=found.at, digest=found.gate, page=str(path))

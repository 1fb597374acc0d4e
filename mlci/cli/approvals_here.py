"""Approvals on a machine without a forge: whom git names, and whose word is kept in this folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.domain.release.approval import About, Count, Who, who
from mlci.errors import UsageError
from mlci.steps import approve

if TYPE_CHECKING:
    from mlci.adapters.git.people import LocalPeople
    from mlci.cli.delivery import Delivery
    from mlci.domain.release.tier import Tier
    from mlci.steps.approve import Case


def local_people(file: str, environ: Mapping[str, str]) -> LocalPeople:
    """The people of the repository on this machine.

    Raises:
        UsageError: there is no repository.
    """
    from mlci.adapters.git.call import Git
    from mlci.adapters.git.people import LocalPeople
    from mlci.adapters.git.repository import Repository

    folder = str(Path(file).absolute().parent)
    repository = Repository.find(folder, environ)
    git = Git.installed(repository.top, environ) if repository is not None else None
    if git is None:
        raise UsageError("approving needs a repository of git, and git itself", help="git init")
    return LocalPeople(git, folder)


def counted_here(people: LocalPeople, case: Case, risk: Tier, commit: str | None, seen: str) -> Count:
    """Count what was approved on this machine; whoever wrote the commits does not count."""
    made: dict[Who, str] = {who(person): "this person wrote what is checked out" for person in people.makers(commit)}
    about = About(records=(case.digest,))
    spoken = [(word, about) for word in people.approvals()]
    return approve.counted(people, spoken, approve.named(risk, made), risk.allowed, seen)


def say_in_vain(delivery: Delivery, people: LocalPeople, case: Case, total: Count) -> None:
    """Say why what whoever works here accepted does not count; nothing where it does."""
    me = people.me().login
    for word, why in total.passed_over:
        if word.person.login == me and word.digest is not None and case.digest.startswith(word.digest):
            delivery.say("warning", f"what {me} accepts does not count: {why}")

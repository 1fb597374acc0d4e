"""Whether people agreed to a version: what ``promote`` asks, and what ``approve`` is made of.

No status is believed. The level of risk is worked out from evidence and files, and every word is read from the forge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.adapters.evidence.ledger import read_approval, read_entry
from mlci.adapters.evidence.model import read_model
from mlci.cli.policy import in_repository
from mlci.domain.release.approval import About, Count, Who, count, who
from mlci.domain.run import ChangedFiles
from mlci.errors import ArtifactRefused, CannotTell, MlciError, UsageError
from mlci.steps import approve
from mlci.steps.approve import Before, Case, without_files

if TYPE_CHECKING:
    from mlci.adapters.git.people import LocalPeople
    from mlci.cli.forge import Forge
    from mlci.config.model import Config
    from mlci.domain.release.evidence import ApprovalPredicate
    from mlci.domain.release.tier import Tier
    from mlci.ports import Ledger


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version that somebody wants to promote, with the chain it stands on, verified.

    Attributes:
        case: the gate's record of it, judged again, with what the evidence of the model says.
        model: sha256 of the evidence of the model.
        commit: of the default branch that it was made from; None where none is known.
        stage: it is to be promoted to, which is also the environment whose approval counts.
    """

    case: Case
    model: str
    commit: str | None
    stage: str


def approval_of(
    version: Version, *, config: Config, file: str, forge: Forge | None, ledger: Ledger, environ: Mapping[str, str]
) -> tuple[ApprovalPredicate, bytes]:
    """Who agreed to a version: on the changes that it was merged with, in this very run, or on this machine.

    Whether they are enough is what the predicate says; nothing is raised where they are not.

    Args:
        version: what it is about.
        config: the default branch's.
        file: the configuration file, a path of this machine.
        forge: whose people are asked; None on a machine without one.
        ledger: that says what the last stage is at.
        environ: of the process.

    Returns:
        what it comes to, and the bytes of the statement that says so.

    Raises:
        CannotTell: something that matters for the count cannot be read.
        ServiceFailed, ServiceRefused: the forge or the ledger does not answer.
    """
    before = before_of(ledger, config)
    changed = since(before, version.commit, forge, file, environ)
    risk = risk_of(version.case, before, changed, config, file, environ)
    seen = now()
    if risk.needed == 0:
        total = count((), approve.named(risk, {}), {}, seen)
    elif forge is None:
        total = _local(version, risk, file, environ, seen)
    else:
        raise UsageError("the people of a forge cannot be asked yet")
    _raise_doubt(total)
    return approve.outcome(
        version.case, risk, total, policy=config.approval, head=version.commit, change=None, model=version.model
    )


def _raise_doubt(total: Count) -> None:
    if total.doubt is not None:
        raise CannotTell(f"whether enough people approved cannot be told: {total.doubt}")


# What is at risk.


def before_of(ledger: Ledger, config: Config) -> Before:
    """What the last stage is at, by the ledger; what of it cannot be read is said, and counts as the worst.

    Raises:
        ServiceFailed, ServiceRefused: the ledger does not answer.
        LedgerBroken: its entries are none.
    """
    model, stages = config.model, config.promote.stages
    if model is None or not stages:
        return Before(why="the configuration names no model, or no stage")
    head = ledger.head(model)
    standing = read_entry(head.content, f"{model}, entry {head.number}").standing(stages[-1]) if head else None
    if standing is None:
        return Before()
    content = ledger.entry(model, standing.decided)
    decision = read_entry(content, f"{model}, entry {standing.decided}").decision if content is not None else None
    digest = decision.evidence.get("model") if decision is not None else None
    evidence = ledger.file(model, digest) if digest is not None else None
    if decision is None or evidence is None:
        return Before(why=f"the ledger has no evidence of the model that {stages[-1]} is at")
    try:
        found = read_model(evidence, f"the evidence of the model that {stages[-1]} is at")
        given = ledger.file(model, decision.evidence["approval"]) if "approval" in decision.evidence else None
        head_then = read_approval(given, "its approval").head if given is not None else None
    except ArtifactRefused as error:
        return Before(why=error.cause)
    return Before(model=found, commit=head_then or found.provenance.commit)


def since(
    before: Before, commit: str | None, forge: Forge | None, file: str, environ: Mapping[str, str]
) -> ChangedFiles:
    """The files that are other than where production comes from."""
    if before.model is None:
        # Whatever changed, what is new counts as the worst already.
        return ChangedFiles(paths=(), complete=True)
    if before.commit is None or commit is None:
        return without_files("nobody knows which commit production, or this version, was made from")
    if forge is not None:
        return forge.commits.changed_files(before.commit, commit)
    from mlci.adapters.git.repository import Repository

    repository = Repository.find(str(Path(file).parent), environ)
    if repository is None:
        return without_files("there is no repository of git")
    try:
        return repository.changed_files(before.commit, commit)
    except MlciError as error:
        return without_files(error.cause)


def risk_of(
    case: Case,
    before: Before,
    files: ChangedFiles,
    config: Config,
    file: str,
    environ: Mapping[str, str],
    *,
    fork: bool = False,
) -> Tier:
    """How much is at risk, by the policy of the default branch."""
    inside = in_repository(file, environ)
    reads = approve.reading(config, inside)
    folder = str(Path(inside).parent) if "/" in inside else ""
    return approve.risk_of(case, before, files, reads, approve.policy_of(config.approval, folder), fork=fork)


# On a machine without a forge.


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


def _local(version: Version, risk: Tier, file: str, environ: Mapping[str, str], seen: str) -> Count:
    return counted_here(local_people(file, environ), version.case, risk, version.commit, seen)


def counted_here(people: LocalPeople, case: Case, risk: Tier, commit: str | None, seen: str) -> Count:
    """Count what was approved on this machine; whoever wrote the commits does not count."""
    made: dict[Who, str] = {who(person): "this person wrote what is checked out" for person in people.makers(commit)}
    about = About(records=(case.digest,))
    spoken = [(word, about) for word in people.approvals()]
    return approve.counted(people, spoken, approve.named(risk, made), risk.allowed, seen)


def now() -> str:
    """The time in UTC, as 2026-12-31T23:59:59Z."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

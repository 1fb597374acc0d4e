"""Whether people agreed to a version: what ``promote`` asks, and what ``approve`` is made of.

No status is believed. The level of risk is worked out from evidence and files, and every word is read from the forge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.adapters.baselines.layout import GATE, LARGEST_GATE, MODEL
from mlci.adapters.disk.archive import NoMember, only_member
from mlci.adapters.evidence.gate import read_gate
from mlci.adapters.evidence.ledger import read_approval, read_entry
from mlci.adapters.evidence.model import LARGEST_EVIDENCE, read_model
from mlci.cli.approvals_here import counted_here, local_people
from mlci.cli.forge import key_of
from mlci.cli.invocation import now, today
from mlci.cli.kept import artifact_name
from mlci.cli.policy import in_repository
from mlci.config.policy import gate_policy
from mlci.domain.release.approval import About, Count, Spoken, count
from mlci.domain.run import ChangedFiles
from mlci.errors import ArtifactRefused, CannotTell, ChainBroken, MlciError, UsageError
from mlci.steps import approve
from mlci.steps.approve import Before, Case, without_files

if TYPE_CHECKING:
    from mlci.cli.forge import Forge
    from mlci.config.model import Config
    from mlci.domain.evidence import GatePredicate
    from mlci.domain.release.evidence import ApprovalPredicate
    from mlci.domain.release.people import Proposal
    from mlci.domain.release.tier import Tier
    from mlci.domain.training import ModelPredicate
    from mlci.ports import Ledger, People

# The job of the component that judges, whose artifacts go by its name.
# A record of the gate, the evidence of a model, and of what is kept beside them nothing that is large.
_LARGEST_ARTIFACT = 64 << 20


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version that somebody wants to promote, with the chain it stands on, verified.

    Attributes:
        case: the gate's record of it, judged again, with what the evidence of the model says.
        model: sha256 of the evidence of the model.
        commit: of the default branch whose changes made it: the registry's tag ``mlci.gate.commit``, else that of this
            run where it has the same inputs; None where none is known.
        stage: it is to be promoted to, which is also the environment whose approval counts.
        made: commit that the evidence of the model says it was made from. The registry's tag is the word of whoever
            writes there, so what changed with this commit, and who made that, counts besides.
        named: whether the run was told which version; else it may find another one when it is run again.
    """

    case: Case
    model: str
    commit: str | None
    stage: str
    made: str | None = None
    named: bool = False


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
    changed = since(before, version.commit, forge, file, environ, made=version.made)
    risk = risk_of(version.case, before, changed, config, file, environ)
    seen = now()
    if forge is None:
        people = local_people(file, environ)
        total = counted_here(people, version.case, risk, version.commit, seen)
    else:
        total = _on_forge(version, risk, before, config, forge, seen)
    raise_doubt(total)
    return approve.outcome(
        version.case, risk, total, policy=config.approval, head=version.commit, change=None, model=version.model
    )


def nobody(risk: Tier, seen: str) -> Count:
    """No word at all, where nobody is needed."""
    return count((), approve.named(risk, {}), {}, seen)


def raise_doubt(total: Count) -> None:
    """Nothing is counted while what is not known could decide.

    Raises:
        CannotTell: it could.
    """
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
    before: Before,
    commit: str | None,
    forge: Forge | None,
    file: str,
    environ: Mapping[str, str],
    *,
    made: str | None = None,
) -> ChangedFiles:
    """The files that are other than where production comes from."""
    if before.model is None:
        # Whatever changed, what is new counts as the worst already.
        return ChangedFiles(paths=(), complete=True)
    if before.commit is None or commit is None:
        return without_files("nobody knows which commit production, or this version, was made from")
    if forge is not None:
        either = _either_way(forge.commits.changed_files, before.commit, commit)
        return either if made is None or made == commit else _both(either, _proposed(forge, before.commit, made))
    from mlci.adapters.git.repository import Repository

    repository = Repository.find(str(Path(file).parent), environ)
    if repository is None:
        return without_files("there is no repository of git")
    try:
        return _either_way(repository.changed_files, before.commit, commit)
    except MlciError as error:
        return without_files(error.cause)


def _proposed(forge: Forge, before: str, made: str) -> ChangedFiles:
    """What the commit that a model was made from changes; one that is gone from the forge counts as the worst."""
    try:
        return forge.commits.changed_files(before, made)
    except MlciError as error:
        return without_files(error.cause)


def _either_way(changed: Callable[[str, str], ChangedFiles], one: str, other: str) -> ChangedFiles:
    """What each of two commits has that the other has not.

    A list of changed files begins where the two parted, and for a commit that the other one came after it is empty.
    """
    return _both(changed(one, other), changed(other, one))


def _both(one: ChangedFiles, other: ChangedFiles) -> ChangedFiles:
    return ChangedFiles(
        paths=tuple(dict.fromkeys((*one.paths, *other.paths))),
        complete=one.complete and other.complete,
        why=one.why or other.why,
    )


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


# Who agreed.


def people_of(forge: Forge) -> People:
    """The people of a forge.

    Raises:
        UsageError: this forge knows of nobody.
    """
    if forge.people is None:
        raise UsageError("there is nobody to ask here who approved", help="run it in a job of GitHub or GitLab")
    return forge.people


def _on_forge(version: Version, risk: Tier, before: Before, config: Config, forge: Forge, seen: str) -> Count:
    people, key = people_of(forge), key_of(None, config.model, None)
    proposals = _proposals(version, before, config, forge, key)
    if not proposals and risk.needed == 0:
        return nobody(risk, seen)
    if not proposals:
        raise CannotTell(
            "no merged change has the commit that this version was made from, so who made it is not known",
            help="release what was merged by a change, or let policy ask for no approval (approval.<level>.approvals)",
        )
    spoken: list[Spoken] = []
    for proposal, records in proposals:
        spoken += words_on(people, proposal, (version.case.digest, *records), key)
    environments = frozenset({version.stage})
    again = forge.run.attempt > 1 and not version.named
    about = About(records=(version.case.digest,), run=forge.run.id, again=again, environments=environments)
    spoken += [(word, about) for word in people.words_of_run(forge.run.id)]
    ask = approve.named(risk, approve.made_by([proposal for proposal, _ in proposals]))
    return approve.counted(people, spoken, ask, risk.allowed, seen)


def _proposals(
    version: Version, before: Before, config: Config, forge: Forge, key: str
) -> list[tuple[Proposal, tuple[str, ...]]]:
    """The merged changes that a version is from, each with the records by which it was approved.

    A queue merges several at once, and the model need not be of the last one: where that has no record of it, those
    that were merged since production are asked, and the ones that have count too.
    """
    people, default, commit = people_of(forge), forge.run.default_branch, version.commit
    if commit is None:
        return []
    listed = {each.number: each for each in people.proposals_of(commit)}
    if version.made is not None:
        # One that is gone from the forge is of nobody there; the level is the highest then (``since``).
        with suppress(CannotTell):
            listed |= {each.number: each for each in people.proposals_of(version.made)}
    merged = [each for each in listed.values() if each.merged and each.base_branch == default]
    found = [(each, _earlier(each, version, config, forge, key)) for each in merged]
    if before.commit is None or any(records for _, records in found):
        return found
    since = replace(forge.run, event="push", before=before.commit, commit=commit, branch=default, change=None)
    known = {each.number for each in merged}
    for change in forge.runs.changes_in(since):
        if change.number is not None and change.number not in known:
            proposal = people.proposal(change.number)
            records = _earlier(proposal, version, config, forge, key)
            found += [(proposal, records)] if records else []
    return found


def words_on(people: People, proposal: Proposal, records: Sequence[str], key: str) -> list[Spoken]:
    """What was said on a change, with what it may be about."""
    said = tuple(people.said(proposal.head, f"mlci/gate/{key}" if key else "mlci/gate"))
    about = About(records=tuple(records), head=proposal.head, said=said)
    return [(word, about) for word in people.words(proposal)]


def _earlier(proposal: Proposal, version: Version, config: Config, forge: Forge, key: str) -> tuple[str, ...]:
    """The record that the change itself was approved by, where it is of this very model and no better."""
    found = record_of(forge, key, proposal)
    if found is None or found.gate.model != version.model:
        return ()
    then = case_of(found, config)
    return (found.digest,) if then.verdict.rank >= version.case.verdict.rank else ()


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the gate left for a commit.

    Attributes:
        gate: what it recorded.
        digest: sha256 of that record.
        model: bytes of the evidence of the model beside it; None where there is none.
    """

    gate: GatePredicate
    digest: str
    model: bytes | None = None


def record_of(forge: Forge, key: str, proposal: Proposal) -> Record | None:
    """What the gate left for the head of a change; None where no run of this repository left anything for it.

    Raises:
        ArtifactRefused: what was left is none of ours, or code of another branch can have made it.
    """
    # On GitLab what a job leaves goes by the job's own name.
    name = artifact_name("gate", key, replace(forge, job=forge.gate_job) if forge.is_gitlab else forge)
    artifact = forge.runs.artifact_of_commit(name, proposal.head, base=proposal.base_branch)
    if artifact is None:
        return None
    packed = forge.runs.content(artifact, _LARGEST_ARTIFACT)
    content = only_member(packed, GATE, LARGEST_GATE, nested=artifact.nested)
    try:
        model: bytes | None = only_member(packed, MODEL, LARGEST_EVIDENCE, nested=artifact.nested)
    except NoMember:
        model = None
    return Record(gate=read_gate(content, name), digest=hashlib.sha256(content).hexdigest(), model=model)


def case_of(record: Record, config: Config) -> Case:
    """A record judged again by the policy that holds, with what the evidence of its model says.

    Raises:
        ChainBroken: the evidence beside it is not the evidence that it names.
    """
    policy = gate_policy(config, baseline_given=record.gate.baseline is not None)
    return approve.judged(record.gate, record.digest, policy, today(), model_of(record.gate, record.model))


def model_of(record: GatePredicate, evidence: bytes | None) -> ModelPredicate | None:
    """What the evidence beside a record says; None where there is none, or the record names none.

    Raises:
        ChainBroken: it is not the evidence that the record names.
    """
    if evidence is None or record.model is None:
        return None
    if hashlib.sha256(evidence).hexdigest() != record.model:
        raise ChainBroken("the evidence of the model is not the one that the gate's record names")
    return read_model(evidence, MODEL)

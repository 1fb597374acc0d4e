"""``mlci approve``: find the change, what the gate recorded of it and who agreed; set the status on its head.

Nothing of the change is run or read from a checkout. Every event counts anew, so nobody has to wait on a runner.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.adapters.baselines.layout import LARGEST_GATE, MODEL
from mlci.adapters.disk import files
from mlci.adapters.evidence.gate import read_gate
from mlci.adapters.evidence.model import LARGEST_EVIDENCE
from mlci.cli import approvals, approvals_here
from mlci.cli.approvals import Record, case_of, people_of, record_of, risk_of, words_on
from mlci.cli.delivery import Delivery, delivery_of, unjudged
from mlci.cli.forge import Forge, forge_of, key_of, on_github
from mlci.cli.invocation import Invocation, now
from mlci.cli.policy import base_file, base_of, in_repository
from mlci.config.resolve import resolve
from mlci.domain.release.approval import SHORT, About, record_in
from mlci.domain.run import Change, Run
from mlci.domain.verdict import Verdict
from mlci.errors import (
    ApprovalMissing,
    ArtifactRefused,
    CannotTell,
    ChainBroken,
    Exit,
    MlciError,
    Place,
    UsageError,
)
from mlci.ports import Status
from mlci.steps import approve, approving, plan

if TYPE_CHECKING:
    from mlci.adapters.git.people import LocalPeople
    from mlci.config.model import Config
    from mlci.domain.release.approval import Count
    from mlci.domain.release.evidence import ApprovalPredicate
    from mlci.domain.release.people import Proposal
    from mlci.domain.release.tier import Tier
    from mlci.domain.report import Report
    from mlci.domain.run import ChangedFiles
    from mlci.ports import State
    from mlci.steps.approve import Before, Case

_DIGEST = re.compile(rf"(?:sha256:)?(?P<hex>[0-9a-f]{{{SHORT},64}})")
_STATES: dict[Verdict, State] = {Verdict.PASS: "success", Verdict.INCONCLUSIVE: "pending", Verdict.FAIL: "failure"}
# After these the status says so; after others nothing is known, and it stays as it is.
_SAID = (CannotTell, ArtifactRefused, ChainBroken)


@dataclass(frozen=True)
class Session:
    """One run of approve on a forge.

    Attributes:
        invocation: of the command.
        forge: that it runs on.
        config: the default branch's.
        delivery: of the report.
    """

    invocation: Invocation
    forge: Forge
    config: Config
    delivery: Delivery

    @property
    def key(self) -> str:
        """Which report this is among those on a change."""
        return key_of(self.invocation.own["key"], self.config.model, None)

    @property
    def file(self) -> str:
        """The configuration file."""
        return str(self.invocation.own["config"])

    def apart(self, suffix: str) -> Session:
        """The same for one of several changes."""
        return Session(self.invocation, self.forge, self.config, self.delivery.apart(suffix))


def run(invocation: Invocation) -> Exit:
    """Count who agreed, and say it."""
    delivery = delivery_of(invocation)
    forge = forge_of(invocation.environ, None, invocation.own["config"])
    if forge is None:
        return _here(invocation, delivery)
    if invocation.own["accept"] is not None:
        raise UsageError(
            "--accept is for a machine without a forge", place=Place("--accept"),
            help="write it as a comment on the change: /mlci approve sha256:…",
        )  # fmt: skip
    forge = replace(forge, gate_job=invocation.own["gate_job"])
    session = Session(invocation, forge, _policy(invocation, forge), delivery)
    proposals = _proposals(session)
    ends: list[Exit] = []
    problems: list[MlciError] = []
    if not proposals:
        delivery.say("notice", "there is no change to count for")
    for proposal in proposals:
        one = session if len(proposals) == 1 else session.apart(f"-{proposal.number}")
        try:
            ends.append(_counted(one, proposal))
        except MlciError as error:
            problems.append(error)
    if problems:
        raise problems[0]
    return next((end for end in ends if end is not Exit.PASS), Exit.PASS)


def _policy(invocation: Invocation, forge: Forge) -> Config:
    """The default branch's policy; where it has none, the defaults, and never the change's."""
    path = in_repository(invocation.own["config"], invocation.environ)
    base = base_file(forge.commits, path, base_of(forge), invocation.environ)
    return resolve(base, invocation.overrides).config


# Which change this is about.


def _proposals(session: Session) -> Sequence[Proposal]:
    """The changes to count for, as the forge has them now; those of another branch are left alone, and it is said."""
    people, default = people_of(session.forge), session.forge.run.default_branch
    found: list[Proposal] = []
    for number in _numbers(session):
        proposal = people.proposal(number)
        if proposal.merged:
            session.delivery.say("notice", f"#{number} is merged already; what is promoted is counted by mlci promote")
        elif proposal.base_branch != default:
            # A status lies on the commit, and would count for whatever else it is proposed to.
            said = f"#{number} is for {proposal.base_branch[:80]!a} and not for {default}, so its status is left alone"
            session.delivery.say("warning", said)
        else:
            found.append(proposal)
    return found


def _numbers(session: Session) -> Sequence[int]:
    own, run = session.invocation.own, session.forge.run
    if own["change"] is not None:
        if not re.fullmatch(r"[1-9]\d{0,17}", own["change"].strip()):
            raise UsageError(
                f"--change must be the number of a change, got {own['change'][:40]!a}", place=Place("--change")
            )
        return (int(own["change"]),)
    if run.change is not None and run.change.number is not None:
        return (run.change.number,)
    if run.triggered_by is not None:
        group = _group(run)
        # The group is for the first of them; those ahead of it have groups of their own.
        changes = session.forge.runs.changes_in(group)[:1] if group else session.forge.runs.changes_of(run.triggered_by)
        return [each.number for each in changes if each.number is not None]
    if run.on_default_branch:
        # A clock, or a person who names none: GitLab starts no pipeline when somebody agrees.
        return people_of(session.forge).open_for(run.default_branch)
    number = _named(session)
    if number is None and run.event not in ("issue_comment", "merge_group"):
        raise UsageError("it is not said which change is meant", place=Place("--change"), help="name it with --change")
    return () if number is None else (number,)


def _group(run: Run) -> Run | None:
    """The run of a merge queue that this one is, or whose end started it; None where it is about no group."""
    ended = run.triggered_by
    if ended is None or ended.event != "merge_group":
        return run if run.event == "merge_group" else None
    branch = run.default_branch
    return replace(run, change=Change(number=None, head=ended.head, base=ended.head, base_branch=branch, fork=False))


def _named(session: Session) -> int | None:
    if not on_github(session.invocation.environ):
        return None
    from mlci.adapters.github.event import number_named

    return number_named(session.invocation.environ)


# One change.


def _counted(session: Session, proposal: Proposal) -> Exit:
    """Count for one change, deliver and set the status."""
    try:
        record = _record(session, proposal)
        if record is None:
            return _without_record(session, proposal)
        return _approved(session, proposal, case_of(record, session.config))
    except _SAID as error:
        report = unjudged(approve.STEP, error, session.config.model, environ=session.invocation.environ)
        session.delivery.deliver(report, {"approved": "false", "tier": "", "evidence": ""})
        _set(session, proposal, "pending" if isinstance(error, CannotTell) else "failure", error.cause)
        raise


def _record(session: Session, proposal: Proposal) -> Record | None:
    given = session.invocation.own["gate"]
    if given is None:
        return record_of(session.forge, session.key, proposal)
    record = _given(given)
    said = people_of(session.forge).said(proposal.head, _context("gate", session.key))
    current = record_in(said[-1].description) if said else None
    if current is not None and not record.digest.startswith(current):
        raise ArtifactRefused(
            f"the gate's status of the newest commit of #{proposal.number} is of another record ({current})",
            place=Place(given), help="leave --gate out, or let gate-compare run again",
        )  # fmt: skip
    return record


def _given(path: str) -> Record:
    """A record that is a file of this machine, with the evidence of the model where it lies beside it."""
    content = _read(path, LARGEST_GATE)
    beside = Path(path).with_name(MODEL)
    model = _read(str(beside), LARGEST_EVIDENCE) if beside.is_file() else None
    gate = read_gate(content, path)
    # What lies beside it may be of another model.
    same = model is not None and hashlib.sha256(model).hexdigest() == gate.model
    return Record(gate=gate, digest=hashlib.sha256(content).hexdigest(), model=model if same else None)


def _read(path: str, limit: int) -> bytes:
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise files.unread(path, error) from None
    if len(content) > limit:
        raise ArtifactRefused(f"it has more than {limit:,} bytes", place=Place(path))
    return content


def _without_record(session: Session, proposal: Proposal) -> Exit:
    """Nothing was judged: nothing is to be approved where the change leaves the model alone, else it waits."""
    changed = _changed(session, proposal)
    reads = approve.reading(session.config, in_repository(session.file, session.invocation.environ))
    found, touches = plan.run(changed, reads, session.forge.run.event)
    if touches or proposal.fork:
        report = approving.not_judged(session.config.model, proposal.number, fork=proposal.fork)
        session.delivery.deliver(report, {"approved": "false", "tier": "", "evidence": ""})
        _set(session, proposal, "pending", report.reason)
        return Exit.UNDECIDED
    report = plan.untouched(approve.STEP, session.config.model, found.reason)
    session.delivery.deliver(report, {"approved": "true", "tier": "low", "evidence": ""})
    _set(session, proposal, "success", "nothing to approve: the change touches nothing of the model")
    return Exit.PASS


def _changed(session: Session, proposal: Proposal) -> ChangedFiles:
    return session.forge.commits.changed_files(base_of(session.forge), proposal.head)


def _approved(session: Session, proposal: Proposal, case: Case) -> Exit:
    config, environ = session.config, session.invocation.environ
    before = _before(session.invocation, session.forge, config)
    changed = _changed(session, proposal)
    risk = risk_of(case, before, changed, config, session.file, environ, fork=proposal.fork)
    total = _count(session, proposal, case, risk)
    # Before anything is written: evidence that is not sure of itself would be taken for an answer.
    approvals.raise_doubt(total)
    found, content = approve.outcome(
        case, risk, total, policy=config.approval, head=proposal.head, change=proposal.number, model=case.gate.model
    )
    report = _delivered(session.invocation, session.delivery, config, found, content, total, risk)
    state = _STATES[report.verdict]
    _set(session, proposal, state, f"{report.reason} [gate {case.digest[:SHORT]}]")
    return _end(report, f"#{proposal.number}")


def _end(report: Report, what: str) -> Exit:
    if report.verdict is Verdict.PASS:
        return Exit.PASS
    raise ApprovalMissing(f"{what}: {report.reason}", help=report.findings[0].explanation)


def _delivered(
    invocation: Invocation,
    delivery: Delivery,
    config: Config,
    found: ApprovalPredicate,
    content: bytes,
    total: Count,
    risk: Tier,
) -> Report:
    digest = hashlib.sha256(content).hexdigest()
    files.write(invocation.own["evidence"], content)
    local = bool(total.approvers and total.approvers[0].where == "local") or not delivery.job
    report = approving.report_on(found, total, risk.by, config.model, digest, local=local)
    approved = report.verdict is Verdict.PASS
    outputs = {"approved": "true" if approved else "false", "tier": found.tier, "evidence": digest}
    delivery.deliver(report, outputs)
    return report


def _before(invocation: Invocation, forge: Forge | None, config: Config) -> Before:
    from mlci.cli.ledger import ledger_of

    try:
        return approvals.before_of(ledger_of(forge, invocation.environ, invocation.own["config"]), config)
    except UsageError as error:
        return approve.Before(why=error.cause)


def _count(session: Session, proposal: Proposal, case: Case, risk: Tier) -> Count:
    seen = now()
    people, run = people_of(session.forge), session.forge.run
    spoken = words_on(people, proposal, (case.digest,), session.key)
    if risk.needed == 0:
        return approve.counted(people, spoken, approve.named(risk, {}), risk.allowed, seen)
    if run.commit == proposal.head:
        # A run for another commit says nothing of this one, whoever let it go on.
        said = tuple(people.said(proposal.head, _context("gate", session.key)))
        names = frozenset({approve.ENVIRONMENT, f"{approve.ENVIRONMENT}/{session.key}"})
        about = About(records=(case.digest,), head=proposal.head, said=said, run=run.id, environments=names)
        spoken += [(word, about) for word in people.words_of_run(run.id)]
    ask = approve.named(risk, approve.made_by((proposal,)))
    return approve.counted(people, spoken, ask, risk.allowed, seen)


def _context(kind: str, key: str) -> str:
    return f"mlci/{kind}" + (f"/{key}" if key else "")


def _set(session: Session, proposal: Proposal, state: State, said: str) -> None:
    """Set the status on the head, and on what the merge queue tests; what cannot be set is said and changes no exit."""
    run, context = session.forge.run, _context("approval", session.key)
    if not session.invocation.wants("status"):
        return
    group = _group(run)
    commit = group.change.head if group is not None and group.change is not None else proposal.head
    if session.invocation.wants("dry_run"):
        session.delivery.say("notice", f"dry run: would set {context} to {state} on {commit[:12]}")
        return
    try:
        # Whatever is there, and whoever says that they set it: one that somebody planted must not stay.
        status = Status(context=context, state=state, description=_short(said), url=run.url)
        session.forge.commits.set_status(commit, status)
    except MlciError as error:
        help = f" ({error.help})" if error.help else ""
        session.delivery.say("warning", f"the status was not set: {error.cause}{help}")


def _short(said: str) -> str:
    """At most what a status holds; which record it is about stays."""
    from mlci.render import escape

    text, mark, record = said.rpartition(" [gate ")
    end = mark + record if mark else ""
    return escape.cleaned(text if mark else said, 140 - len(end)) + end


# A machine without a forge.


def _here(invocation: Invocation, delivery: Delivery) -> Exit:
    """Count what was approved on this machine, after what is approved now was written down."""
    own, config, environ = invocation.own, invocation.resolved.config, invocation.environ
    if own["change"] is not None:
        raise UsageError("there is no forge here that has changes", place=Place("--change"), help="leave it out")
    case = case_of(_given(own["gate"] or ".mlci/evidence/gate.json"), config)
    people = approvals_here.local_people(own["config"], environ)
    if own["accept"] is not None:
        _accept(invocation, people, case)
    delivery.say("notice", "without a forge an approval is the word of this machine alone")
    before = _before(invocation, None, config)
    head = people.head()
    changed = approvals.since(before, head, None, own["config"], environ)
    risk = risk_of(case, before, changed, config, own["config"], environ)
    total = approvals_here.counted_here(people, case, risk, head, now())
    approvals_here.say_in_vain(delivery, people, case, total)
    found, content = approve.outcome(
        case, risk, total, policy=config.approval, head=head, change=None, model=case.gate.model
    )
    return _end(_delivered(invocation, delivery, config, found, content, total, risk), config.model or "the model")


def _accept(invocation: Invocation, people: LocalPeople, case: Case) -> None:
    given = invocation.own["accept"]
    wanted = _DIGEST.fullmatch(given.strip())
    if wanted is None:
        raise UsageError(
            f"--accept must be sha256: and at least {SHORT} hexadecimal digits, got {given[:80]!a}",
            place=Place("--accept"),
        )
    if not case.digest.startswith(wanted["hex"]):
        raise ApprovalMissing(
            f"this is not the record that you accept: its sha256 is {case.digest}", place=Place("--accept"),
            help="read what the gate says now, and accept that",
        )  # fmt: skip
    if not invocation.wants("dry_run"):
        people.approve(case.digest, now())

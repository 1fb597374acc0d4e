"""approve: how much is at risk, who agreed to exactly this verdict, and what both come to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import rfc8785

from mlci import REPOSITORY, __version__
from mlci.config.model import Approval, Config, Tier
from mlci.domain import gate as gates
from mlci.domain.evidence import GatePredicate, statement
from mlci.domain.inputs import Reading
from mlci.domain.policy import GatePolicy
from mlci.domain.release.approval import Ask, Count, Spoken, Who, count, heard, who
from mlci.domain.release.evidence import LEVELS, ApprovalPredicate
from mlci.domain.release.people import Person, Proposal
from mlci.domain.release.tier import Facts, File, LevelPolicy, TierPolicy, differences, tier_of
from mlci.domain.release.tier import Tier as Risk
from mlci.domain.report import plain
from mlci.domain.run import ChangedFiles
from mlci.domain.training import ModelPredicate
from mlci.domain.verdict import Verdict, worst
from mlci.errors import CannotTell
from mlci.ports import People
from mlci.steps import plan
from mlci.steps.report import findings_of

STEP = "approve"
# The environment of GitHub, or of GitLab, whose approval lets the job that runs this step go on.
ENVIRONMENT = "mlci-approval"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A verdict that people may be asked to agree to.

    Attributes:
        gate: what the gate recorded.
        digest: sha256 of that record.
        verdict: judged again by the policy that holds, and no better than what the record says.
        waived: ids of findings that somebody waived.
        model: what the evidence of the model says; None where the record is of predictions alone.
    """

    gate: GatePredicate
    digest: str
    verdict: Verdict
    waived: tuple[str, ...] = ()
    model: ModelPredicate | None = None


@dataclass(frozen=True, kw_only=True)
class Before:
    """What the last stage is at.

    Attributes:
        model: the evidence of that model; None where nothing was promoted yet, or it cannot be read.
        commit: of the default branch that it was promoted from, or else that it was made from.
        why: why its evidence cannot be read; None where it can, and where nothing was promoted yet.
    """

    model: ModelPredicate | None = None
    commit: str | None = None
    why: str | None = None


def judged(
    gate: GatePredicate, digest: str, policy: GatePolicy, today: str, model: ModelPredicate | None = None
) -> Case:
    """A record of the gate, judged again; its own word is believed only where it is worse."""
    findings = findings_of(gate, policy, today)
    own, _ = gates.compose(findings, policy.on_inconclusive_promote)
    waived = tuple(finding.id for finding in findings if finding.waived is not None)
    return Case(gate=gate, digest=digest, verdict=worst((own, gate.verdict)), waived=waived, model=model)


# How much is at risk.


def policy_of(approval: Approval, folder: str) -> TierPolicy:
    """What a configuration says of risk.

    Args:
        approval: the block.
        folder: of the configuration, from the top of the repository, which its patterns are relative to.

    Raises:
        OutOfRange: a pattern cannot be understood.
    """
    tiers = {"low": approval.low, "medium": approval.medium, "high": approval.high}
    return TierPolicy(
        levels={level: _level(tiers[level], folder, f"approval.{level}.changed") for level in LEVELS},
        otherwise=approval.otherwise,
        regulated=approval.regulated,
    )


def _level(tier: Tier, folder: str, key: str) -> LevelPolicy:
    return LevelPolicy(
        changed=plan.patterns(tier.changed, folder, key), params=tier.params, approvals=tier.approvals,
        allowed=tier.from_, by=tier.by,
    )  # fmt: skip


def risk_of(
    case: Case, before: Before, files: ChangedFiles, reads: Reading, policy: TierPolicy, *, fork: bool = False
) -> Risk:
    """The level of risk.

    Args:
        case: what is to be approved.
        before: what it would take the place of.
        files: that changed.
        reads: what training and judging read.
        policy: what holds.
        fork: whether the numbers were measured by code of a fork.
    """
    held = [path for path in files.paths if "holdout" in reads.parts_of(path)]
    structure = [f"the change alters the holdout: {held[0]!a}"] if held else []
    unknown = list(_unknown_files(files))
    params: tuple[str, ...] = ()
    if fork:
        unknown.append("the numbers were measured by a fork")
    if case.model is None:
        unknown.append("what the model was made from: the gate's record comes without the evidence of a model")
    elif before.why is not None:
        unknown.append(f"what production is: {before.why}")
    elif before.model is None:
        structure.append("the ledger knows of no model in production, so that everything about this one is new")
    else:
        found = differences(case.model, before.model)
        params, structure = found.params, [*structure, *found.structure]
        unknown += found.unknown
    facts = Facts(
        files=tuple(File(path=path, touches=bool(reads.parts_of(path))) for path in files.paths),
        params=params,
        structure=tuple(structure),
        verdict=case.verdict,
        waived=case.waived,
        unknown=tuple(unknown),
    )
    return tier_of(policy, facts)


def _unknown_files(files: ChangedFiles) -> Sequence[str]:
    if files.why is not None:
        return (f"which files changed: {files.why}",)
    return () if files.complete else ("every file that changed: the forge cut the list",)


# Who agreed.


def made_by(proposals: Sequence[Proposal]) -> dict[Who, str]:
    """Who made changes, and so does not approve them.

    Raises:
        CannotTell: the forge does not say who pushed.
    """
    found: dict[Who, str] = {}
    for proposal in proposals:
        if proposal.pushers is None:
            raise CannotTell(
                f"who pushed to #{proposal.number} is not known, so nobody's approval can be told from their own",
                help=proposal.why,
            )
        for person in proposal.pushers:
            found[who(person)] = f"this person wrote or pushed commits of #{proposal.number}"
        found[who(proposal.author)] = f"this person proposed #{proposal.number}"
    return found


def counted(people: People, spoken: Sequence[Spoken], ask: Ask, allowed: Sequence[str], seen: str) -> Count:
    """Count what was said, and ask the forge of whose word matters whether they may approve.

    Args:
        people: of the forge.
        spoken: everything that was said, with what it may be about.
        ask: who is asked.
        allowed: who may, as policy names them; none is anybody who may write.
        seen: when this was read, in UTC.
    """
    last, _ = heard(spoken, ask)
    may = {each.who: _may(people, each.word.person, allowed) for each in last}
    return count(spoken, ask, may, seen)


def _may(people: People, person: Person, allowed: Sequence[str]) -> bool | str:
    """Whether somebody may approve; a sentence where that cannot be told."""
    doubts = []
    for one in allowed or (None,):
        try:
            if people.may_approve(person, one):
                return True
        except CannotTell as error:
            doubts.append(f"{error.cause}" + (f": {error.help}" if error.help else ""))
    return doubts[0] if doubts else False


def outcome(
    case: Case, risk: Risk, total: Count, *, policy: Approval, head: str | None, change: int | None, model: str | None
) -> tuple[ApprovalPredicate, bytes]:
    """What it all comes to, and the statement that says so, in RFC 8785 form.

    Args:
        case: what was to be approved.
        risk: how much is at risk.
        total: who agreed.
        policy: the block that decided.
        head: the commit; None without one.
        change: number of the change; None without one.
        model: sha256 of the evidence of the model; None where the gate names none.
    """
    predicate = ApprovalPredicate(
        candidate=case.gate.candidate,
        model=model,
        gate=case.digest,
        head=head,
        change=change,
        verdict=case.verdict,
        tier=risk.level,
        why=risk.why,
        needed=risk.needed,
        allowed=risk.allowed,
        approvers=total.approvers,
        refused=total.refused,
        satisfied=total.satisfied,
        waivers=case.waived,
        policy_digest=hashlib.sha256(rfc8785.dumps(plain(policy, exact=True))).hexdigest(),
        mlci=__version__,
    )
    return predicate, rfc8785.dumps(statement(REPOSITORY, "approval", case.gate.candidate, predicate))


def reading(config: Config, file: str) -> Reading:
    """What training and judging read, by the file of the default branch."""
    return plan.reading(config, file)


def named(risk: Risk, made: Mapping[Who, str]) -> Ask:
    """Who is asked at a level of risk."""
    return Ask(needed=risk.needed, by=risk.by, made_by=made)


def without_files(why: str) -> ChangedFiles:
    """No list of files, and why there is none."""
    return replace(ChangedFiles(paths=(), complete=False), why=why)

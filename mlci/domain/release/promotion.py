"""What a stage asks of a version, and where a stage can go back to. Facts come in, requirements and versions go out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mlci.domain.dataset.evidence import DataPredicate
from mlci.domain.dataset.links import not_passed, unchecked_holdout
from mlci.domain.inputs import NOTHING
from mlci.domain.policy import OnInconclusive
from mlci.domain.release.evidence import ApprovalPredicate, Requirement
from mlci.domain.release.ledger import Decision, Entry, Pointed
from mlci.domain.training import ModelPredicate
from mlci.domain.verdict import Verdict

GATE, APPROVAL, DATA, MERGED, SIGNED = "gate", "approval", "data", "merged", "signed"
# What the last stage asks for besides the kinds of evidence.
OF_THE_LAST = ("clean-tree", "data-version", "locked-environment", "reproducible", "predictions")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What one stage asks for.

    Attributes:
        kinds: of evidence, such as gate and approval.
        of_the_last: names of what the last stage asks for besides.
        relaxed: names that policy lets go for this stage.
        on_inconclusive: what an inconclusive verdict does to a promotion.
        merged: whether the version must be made from what the default branch has.
        signed: whether the evidence must be signed.
    """

    kinds: tuple[str, ...]
    of_the_last: tuple[str, ...] = ()
    relaxed: tuple[str, ...] = ()
    on_inconclusive: OnInconclusive = "approve"
    merged: bool = False
    signed: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was found of one version.

    Attributes:
        model: what its evidence says.
        merged: why it is made from what the default branch has; None where it is not, or where that is not known.
        unmerged: why it is not, or why nobody can tell.
        verdict: of the gate, judged again; None where nothing could be judged.
        reason: of the verdict.
        measured: whether it was measured again from predictions.
        approval: who agreed; None where nobody was asked.
        unapproved: why nobody's word was counted; None where it was.
        unsigned: what is not signed, or by nobody whose word counts; None where everything is.
        data: what the check of its training data found; None where its evidence names none.
    """

    model: ModelPredicate
    merged: str | None = None
    unmerged: str = ""
    verdict: Verdict | None = None
    reason: str = ""
    measured: bool = False
    approval: ApprovalPredicate | None = None
    unapproved: str | None = None
    unsigned: str | None = None
    data: DataPredicate | None = None


def asked_of(
    stage: str,
    stages: Sequence[str],
    require: Mapping[str, tuple[str, ...]],
    relax: Mapping[str, tuple[str, ...]],
    on_inconclusive: OnInconclusive,
    *,
    merged: bool,
    signed: bool = False,
) -> Asked:
    """What policy asks for a stage; the last one asks for people and for a model that could be made again."""
    is_last = stage == stages[-1]
    return Asked(
        kinds=require.get(stage, (GATE, APPROVAL) if is_last else (GATE,)),
        of_the_last=OF_THE_LAST if is_last else (),
        relaxed=relax.get(stage, ()),
        on_inconclusive=on_inconclusive,
        merged=merged,
        signed=signed,
    )


def requirements(asked: Asked, facts: Facts) -> tuple[Requirement, ...]:
    """Everything that is asked for, each with whether it is so; what policy lets go is listed and said all the same."""
    return tuple(_all(asked, facts))


def _all(asked: Asked, facts: Facts) -> Iterator[Requirement]:
    for kind in asked.kinds:
        if kind == GATE:
            yield _gate(asked, facts)
        elif kind == APPROVAL:
            yield _approval(facts)
        elif kind == DATA:
            yield _data(facts)
        else:
            yield Requirement(
                name=kind, held=False, said=f"there is no evidence of the kind {kind} that mlci can check"
            )
    if GATE not in asked.kinds and facts.verdict is Verdict.FAIL:
        # Nobody who leaves the gate out of the list means that a shown regression may go on.
        yield _gate(asked, facts)
    if asked.merged:
        said = facts.merged if facts.merged is not None else facts.unmerged
        yield Requirement(name=MERGED, held=facts.merged is not None, said=said)
    if asked.signed:
        said = facts.unsigned if facts.unsigned is not None else "its evidence is signed with a key that counts"
        yield Requirement(name=SIGNED, held=facts.unsigned is None, said=said)
    found = {**dict(_of_the_model(facts.model, facts.data)), "predictions": _measured(asked, facts)}
    for name in asked.of_the_last:
        wrong, right = found[name]
        said = wrong if wrong is not None else right
        yield Requirement(name=name, held=wrong is None, relaxed=name in asked.relaxed, said=said)


def _gate(asked: Asked, facts: Facts) -> Requirement:
    verdict = facts.verdict
    if verdict is None:
        return Requirement(name=GATE, held=False, said=facts.reason or "nothing was judged")
    said = f"judged again, the verdict is {verdict.value}: {facts.reason}"
    if verdict.rank <= Verdict.WARN.rank:
        return Requirement(name=GATE, held=True, said=said)
    if verdict is Verdict.FAIL or asked.on_inconclusive != "approve":
        return Requirement(name=GATE, held=False, said=said)
    approval = facts.approval
    people = approval.approvers if approval is not None and approval.satisfied else ()
    if people:
        return Requirement(name=GATE, held=True, said=f"{said}; accepted by {_named(approval)}")
    return Requirement(name=GATE, held=False, said=f"{said}; nobody has accepted that")


def _approval(facts: Facts) -> Requirement:
    approval = facts.approval
    if approval is None:
        return Requirement(name=APPROVAL, held=False, said=facts.unapproved or "nobody was asked")
    if approval.refused:
        who = ", ".join(person.login for person in approval.refused)
        return Requirement(name=APPROVAL, held=False, said=f"refused by {who}")
    given = len(approval.approvers)
    if not approval.satisfied or given < approval.needed:
        some = f" ({_named(approval)})" if approval.approvers else ""
        said = f"{given} of {approval.needed} approvals that the level {approval.tier} needs{some}"
        return Requirement(name=APPROVAL, held=False, said=said)
    if not approval.needed and not given:
        return Requirement(name=APPROVAL, held=True, said=f"the level is {approval.tier}, which needs nobody")
    return Requirement(name=APPROVAL, held=True, said=f"approved by {_named(approval)} (level {approval.tier})")


def _data(facts: Facts) -> Requirement:
    data = facts.data
    if data is None:
        return Requirement(name=DATA, held=False, said="nothing says that the data it was trained on were checked")
    wrong = not_passed(data) or unchecked_holdout(facts.model, data)
    return Requirement(name=DATA, held=wrong is None, said=wrong or f"its data passed: {data.reason}")


def _named(approval: ApprovalPredicate | None) -> str:
    return ", ".join(person.login for person in approval.approvers) if approval is not None else ""


def _of_the_model(model: ModelPredicate, checked: DataPredicate | None) -> Iterator[tuple[str, tuple[str | None, str]]]:
    """Each name with what is wrong, if anything is, and what is said where nothing is."""
    made = model.provenance
    commit = made.commit
    dirty = "no commit is known that it was made from" if commit is None else None
    if commit is not None and made.dirty:
        dirty = f"it was made from commit {commit[:12]} with changes that no commit has"
    yield "clean-tree", (dirty, f"made from commit {(commit or '')[:12]}, with nothing changed")
    data = made.data
    unversioned = "its evidence names no training data" if data is None or model.inputs.data == NOTHING else None
    yield "data-version", (unversioned, f"its data is {data.digest[:12]}{_kept(checked)}" if data is not None else "")
    yield "locked-environment", (_unlocked(model), f"its environment is pinned ({model.inputs.environment[:12]})")
    again = dirty or unversioned
    if made.profile is not None:
        again = "it was trained by a profile, on a part of the data"
    yield "reproducible", (again, f"commit, data and seed {made.seed} are known")


def _kept(checked: DataPredicate | None) -> str:
    """Under which name somebody else keeps the data, too; a digest alone finds nothing again."""
    train = checked.of("train") if checked is not None else None
    if train is None or train.identity.version.system in ("content", "query"):
        return ""
    version = train.identity.version
    return f", which {version.system} keeps as {version.id[:40]}"


def _measured(asked: Asked, facts: Facts) -> tuple[str | None, str]:
    """Numbers that only evidence tells, whoever may write to the registry can make up; a signature says who did not."""
    if asked.signed and facts.unsigned is None:
        return None, "the evidence that the verdict stands on is signed"
    wrong = None if facts.measured else "the verdict stands on numbers in evidence alone, which nobody signed"
    return wrong, "the verdict was measured again, from the predictions that the registry keeps"


def _unlocked(model: ModelPredicate) -> str | None:
    environment = model.provenance.environment
    if model.inputs.environment == NOTHING:
        return "no file pins the environment that it was trained in"
    if environment.unlocked:
        shown = ", ".join(environment.unlocked[:3])
        more = f" and {len(environment.unlocked) - 3} more" if len(environment.unlocked) > 3 else ""
        return f"its environment has distributions that no index has: {shown}{more}"
    return None


# The way back.


@dataclass(frozen=True, kw_only=True)
class Way:
    """A version that a stage was at, and that served it.

    Attributes:
        pointed: the version.
        number: of the decision.
        decision: what it says.
    """

    pointed: Pointed
    number: int
    decision: Decision


@dataclass
class _Walk:
    """What was seen of a stage on the way back from the head."""

    done: set[int] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)


def ways_back(entries: Iterable[Entry], stage: str, now: Pointed | None) -> Iterator[Way]:
    """The versions that a stage can go back to, the last one first, each once.

    Such a version was decided on, and seen to serve. One that was rolled back from since is none until it is promoted
    again: whoever left it had a reason. Nor is one that somebody moved the alias to by hand: nothing was ever asked of
    it. What the ledger of the stage began with is, or there would be no way back from the first promotion.

    Args:
        entries: newest first.
        stage: that goes back.
        now: the version that it is at, which is no way back.
    """
    walk = _Walk(told={now.version} if now is not None else set())
    for entry in entries:
        if entry.receipt is not None and entry.receipt.outcome == "done":
            walk.done.add(entry.receipt.of)
        decision = entry.decision
        if decision is None or decision.stage != stage:
            continue
        if decision.action == "rollback" and decision.before is not None:
            walk.left.add(decision.before.version)
        if decision.action == "adopt" and decision.before is not None:
            continue
        version = decision.target.version
        if entry.number in walk.done and version not in walk.left | walk.told:
            walk.told.add(version)
            yield Way(pointed=decision.target, number=entry.number, decision=decision)

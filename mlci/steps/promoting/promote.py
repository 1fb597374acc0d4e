"""promote: judge again, decide, and see that alias and serving follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mlci.domain.release.evidence import Requirement
from mlci.domain.release.ledger import Decision, Pointed, Standing
from mlci.domain.report import Section
from mlci.domain.verdict import Verdict
from mlci.errors import LedgerMoved, Place
from mlci.steps.ledger import Known
from mlci.steps.promoting.following import Ended, Release, carry_out
from mlci.steps.promoting.records import kind_of, written
from mlci.steps.promoting.settling import settle

# What a version lacks that was rolled back from, until somebody wants it back and says why.
LEFT = "rolled-back"
# Others may add entries about other stages while this one is decided; that takes nothing away from it.
_MOST_ROUNDS = 50


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be promoted.

    Attributes:
        stage: the stage.
        target: the version.
        reason: why, as a sentence.
        adopt: whether an alias that was moved by hand is agreed to.
        compared: the stage whose version the target is compared with; may be the same.
        dry_run: whether nothing is changed anywhere.
        knowingly: whether the version was named and a reason given, which a pipeline that runs again does not.
    """

    stage: str
    target: Pointed
    reason: str
    adopt: bool = False
    compared: str
    dry_run: bool = False
    knowingly: bool = False


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the chain of evidence says of the target.

    Attributes:
        chain: sha256 of each piece of evidence, by kind.
        files: these pieces, by their sha256.
        verdict: judged again; None where nothing could be judged.
        requirements: what the stage asks for.
        sections: what is worth reading beside it.
    """

    chain: Mapping[str, str]
    files: Mapping[str, bytes]
    verdict: Verdict | None
    requirements: Sequence[Requirement]
    sections: Sequence[Section] = ()

    @property
    def missing(self) -> list[Requirement]:
        """What is asked for, is not so, and was not let go."""
        return [each for each in self.requirements if not each.held and not each.relaxed]


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """How it ended.

    Attributes:
        wanted: what was asked.
        before: the version that the stage was at; None where it was at none.
        judged: None where the stage was at the version already.
        page: the decision; None where nothing was decided.
        evidence: bytes of the statement about it; None where nothing was decided.
        ended: how the stage stands; None where nothing was decided.
    """

    wanted: Wanted
    before: Pointed | None
    judged: Judged | None = None
    page: Known | None = None
    evidence: bytes | None = None
    ended: Ended | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)


Judge = Callable[[Standing | None], Judged]


def promote(release: Release, wanted: Wanted, judge: Judge) -> Promoted:
    """Promote a version, or say what it lacks.

    Args:
        release: the world.
        wanted: what is asked.
        judge: reads and judges the chain of the target, against the version that the compared stage is at.

    Raises:
        LedgerMoved: somebody else decided about the stage meanwhile; nothing was written.
        AliasMoved: the alias was moved past the ledger.
        MlciError: the chain does not hold, or a service does not answer.
    """
    if wanted.dry_run:
        page = release.book.head()
    else:
        page = settle(release, wanted.stage, adopt=wanted.adopt, reason=wanted.reason)
    standing = _standing(page, wanted.stage)
    if page is not None and standing is not None and _is_there(release, page, standing, wanted.target):
        return Promoted(wanted=wanted, before=standing.at)
    compared = _standing(page, wanted.compared)
    before = standing.at if standing is not None else None
    judged = judge(compared)
    judged = replace(judged, requirements=(*judged.requirements, *_left(release, wanted, page, standing)))
    if judged.missing or wanted.dry_run:
        return Promoted(wanted=wanted, before=before, judged=judged)
    decision, files = written(
        Decision(
            action="promote", stage=wanted.stage, target=wanted.target, before=before, reason=wanted.reason,
            evidence=dict(judged.chain), actor=release.actor,
        ),
        release.model, verdict=judged.verdict, requirements=judged.requirements,
    )  # fmt: skip
    page = _append(release, wanted, page, decision, {**judged.files, **files})
    ended = carry_out(release, wanted.stage, page)
    [evidence] = files.values()
    return Promoted(
        wanted=wanted, before=before, judged=judged, page=page, evidence=evidence, ended=ended,
        kinds={kind_of(decision): decision.evidence[kind_of(decision)]},
    )  # fmt: skip


def _is_there(release: Release, page: Known, standing: Standing, target: Pointed) -> bool:
    """Whether a stage is at a version already, and not only because somebody moved its alias there by hand."""
    if standing.at != target or standing.outcome == "not-serving":
        return False
    decision = release.book.of(page, standing.decided).entry.decision
    return decision is None or decision.action != "adopt" or decision.before is None


def _left(release: Release, wanted: Wanted, page: Known | None, standing: Standing | None) -> Iterator[Requirement]:
    """Whether a person has just rolled back from this version: a pipeline that runs again must not bring it back."""
    if page is None or standing is None:
        return
    decision = release.book.of(page, standing.decided).entry.decision
    if decision is None or decision.action != "rollback" or decision.undoes is not None:
        return
    if decision.before == wanted.target:
        said = f"version {wanted.target.version} was left in entry {standing.decided} of the ledger: {decision.reason}"
        yield Requirement(name=LEFT, held=wanted.knowingly, said=said)


def _append(
    release: Release, wanted: Wanted, page: Known | None, decision: Decision, files: Mapping[str, bytes]
) -> Known:
    stages = (wanted.stage, wanted.compared)
    for _ in range(_MOST_ROUNDS):
        try:
            return release.book.append(page, decision, files)
        except LedgerMoved:
            again = release.book.head()
            if any(_standing(page, each) != _standing(again, each) for each in stages):
                raise _decided(release, wanted, again) from None
            page = again
    raise _decided(release, wanted, page)


def _decided(release: Release, wanted: Wanted, page: Known | None) -> LedgerMoved:
    at = _standing(page, wanted.stage)
    now = f": {wanted.stage} is at version {at.at.version} now" if at is not None else ""
    return LedgerMoved(
        f"somebody else decided about {release.model} meanwhile{now}; nothing was written",
        place=Place(release.book.place),
        help="gate again, against what the stage is at now, and promote then",
    )


def _standing(page: Known | None, stage: str) -> Standing | None:
    return page.entry.standing(stage) if page is not None else None

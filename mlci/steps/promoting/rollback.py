"""rollback: the last version of a stage that served it, decided on again from the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlci.domain.release.ledger import Decision, Pointed
from mlci.domain.release.promotion import Way, ways_back
from mlci.errors import LedgerMoved, Place, PromotionRefused
from mlci.steps.ledger import Known
from mlci.steps.promoting.following import Ended, Release, carry_out
from mlci.steps.promoting.records import written
from mlci.steps.promoting.settling import finish


@dataclass(frozen=True, kw_only=True)
class Back:
    """What is asked.

    Attributes:
        stage: the stage.
        to: number of the version; None for the one before.
        reason: why, as a sentence.
        dry_run: whether nothing is changed anywhere.
    """

    stage: str
    to: str | None
    reason: str
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class RolledBack:
    """How it ended.

    Attributes:
        back: what was asked.
        before: the version that the stage was at.
        way: the version that it goes back to, and the decision that it was promoted by.
        page: the decision; None where nothing was decided.
        evidence: bytes of the statement about it; None where nothing was decided.
        ended: how the stage stands; None where nothing was decided.
        moved: number of the version that somebody had moved the alias to by hand; None where nobody had.
    """

    back: Back
    before: Pointed
    way: Way
    page: Known | None = None
    evidence: bytes | None = None
    ended: Ended | None = None
    moved: str | None = None


def rollback(release: Release, back: Back, verify: Callable[[Way], None]) -> RolledBack:
    """Go back to a version that served before.

    Args:
        release: the world.
        back: what is asked.
        verify: sees that evidence and files of the version are those that were promoted; raises where they are not.

    Raises:
        PromotionRefused: there is no such version.
        LedgerMoved: somebody else decided about the stage meanwhile; nothing was written.
        MlciError: the version is not what it was, or a service does not answer.
    """
    first = release.book.head()
    page = first if back.dry_run else finish(release, back.stage)
    standing = page.entry.standing(back.stage) if page is not None else None
    if first is not None and page is not None and (found := _done_already(release, back, first, page)) is not None:
        return found
    if page is None or standing is None:
        raise _no_way(release, f"the ledger knows of no version that {back.stage} of {release.model} was ever at")
    moved = _moved(release, back.stage, standing.at)
    way = _way(release, page, back, standing.at, moved)
    verify(way)
    found = RolledBack(back=back, before=standing.at, way=way, moved=moved)
    if back.dry_run:
        return found
    chain = {kind: each for kind, each in way.decision.evidence.items() if kind not in ("promotion", "rollback")}
    decision, files = written(
        Decision(
            action="rollback", stage=back.stage, target=way.pointed, before=standing.at, reason=back.reason,
            evidence=chain, actor=release.actor,
        ),
        release.model,
    )  # fmt: skip
    try:
        page = release.book.append(page, decision, files)
    except LedgerMoved:
        raise LedgerMoved(
            f"somebody else decided about {release.model} meanwhile; nothing was written",
            place=Place(release.book.place),
            help="see with mlci history what it is at now, and roll back again if that is still wrong",
        ) from None
    ended = carry_out(release, back.stage, page)
    [evidence] = files.values()
    return RolledBack(back=back, before=standing.at, way=way, page=page, evidence=evidence, ended=ended, moved=moved)


def _done_already(release: Release, back: Back, first: Known, page: Known) -> RolledBack | None:
    """A rollback that was only to be finished, or that this very run decided before it was run again.

    Once more would be one version too far.
    """
    before, now = first.entry.standing(back.stage), page.entry.standing(back.stage)
    if before is None or now is None or back.to not in (None, now.at.version):
        return None
    made = release.book.of(page, now.decided)
    decision, run = made.entry.decision, release.actor.run
    if decision is None or decision.action != "rollback" or decision.before is None:
        return None
    finished = before.is_open or before.decided != now.decided
    if not finished and (run is None or decision.actor.run != run):
        return None
    way = Way(pointed=now.at, number=now.decided, decision=decision)
    said = f"entry {now.receipt} of the ledger says how it ended: {now.outcome}"
    ended = Ended(page=page, standing=now, said=said, served=now.outcome == "done")
    return RolledBack(back=back, before=decision.before, way=way, page=made, ended=ended)


def _moved(release: Release, stage: str, at: Pointed) -> str | None:
    if not release.registry.has_aliases:
        return None
    there = release.registry.aliased(release.model, stage)
    return there.number if there is not None and there.number != at.version else None


def _way(release: Release, page: Known, back: Back, at: Pointed, moved: str | None) -> Way:
    entries = release.book.back(page)
    # From an alias that was moved by hand the way back may be to what the ledger says.
    now = None if moved is not None and back.to == at.version else at
    ways = ways_back((each.entry for each in entries), back.stage, now)
    found = next((way for way in ways if back.to in (None, way.pointed.version)), None)
    if found is not None:
        return found
    if back.to == at.version:
        raise _no_way(release, f"{back.stage} is at version {back.to} already")
    which = f"version {back.to}" if back.to is not None else "any version before this one"
    raise _no_way(
        release,
        f"{back.stage} cannot go back to {which}: it was never seen to serve there, or was left for a reason since",
    )


def _no_way(release: Release, cause: str) -> PromotionRefused:
    return PromotionRefused(
        cause, place=Place(release.book.place), help="mlci history says which versions there were; promote one"
    )

"""Before a decision: what others left open is finished, and the alias is what the ledger says, or somebody agrees."""

from __future__ import annotations

import time

from mlci.domain.release.ledger import Decision, Pointed, Standing
from mlci.errors import AliasMoved, LedgerMoved, Place
from mlci.ports import Version
from mlci.steps.ledger import Known
from mlci.steps.promoting.following import Release, carry_out, restore
from mlci.steps.promoting.records import written

# A writer that woke up late sets the alias right in this very moment; what is still wrong after that, a person moved.
_ROUNDS, _PAUSE = 3, 0.3


def settle(release: Release, stage: str, *, adopt: bool = False, reason: str = "") -> Known | None:
    """Finish what is open, and begin the ledger of a stage whose alias was there before it.

    Args:
        release: the world.
        stage: that is about to move.
        adopt: whether an alias that was moved past the ledger is agreed to.
        reason: why, for the entry that says so.

    Returns:
        the head; None where nothing was decided yet and nothing is there.

    Raises:
        AliasMoved: the alias was moved past the ledger, and nobody agrees to it.
    """
    page = finish(release, stage)
    for last in (False,) * (_ROUNDS - 1) + (True,):
        there, standing = _there(release, stage, page)
        if there is None and standing is None:
            return page
        if standing is not None and there is not None and _pointed(release, there) == standing.at:
            return page
        if standing is not None and not release.registry.has_aliases:
            return page
        again = release.book.head()
        if (again.digest if again else None) != (page.digest if page else None):
            # The alias was moved by a decision that came between the two readings.
            page = finish(release, stage)
        elif standing is None and there is not None:
            said = f"the alias {stage} was at version {there.number} before the ledger began"
            release.say("notice", f"{said}: that is its first entry about {stage}")
            page = _adopted(release, stage, page, there, said)
        elif last and adopt and there is not None:
            return _adopted(release, stage, page, there, reason or f"somebody moved the alias {stage} by hand")
        elif last and standing is not None:
            raise moved_by_hand(release, stage, there, standing)
        else:
            time.sleep(_PAUSE)
    return page


def finish(release: Release, stage: str) -> Known | None:
    """Finish a decision about this stage that nobody finished, whoever made it; answers the head."""
    page = release.book.head()
    standing = page.entry.standing(stage) if page is not None else None
    if page is None or standing is None:
        return page
    if standing.is_open:
        release.say(
            "notice", f"entry {standing.decided} of the ledger was left without a receipt, and is finished first"
        )
        return carry_out(release, stage, page).page
    if standing.outcome == "not-serving":
        return restore(release, stage, page) or page
    return page


def moved_by_hand(release: Release, stage: str, there: Version | None, standing: Standing) -> AliasMoved:
    """What to raise for an alias that is not where the ledger says."""
    where = f"at version {there.number}" if there is not None else "gone"
    return AliasMoved(
        f"the alias {stage} of {release.model} is {where}, and the ledger says version {standing.at.version}: somebody "
        "moved it by hand",
        place=Place(release.registry.address),
        help="promote with --adopt if that is meant, with --reason; else roll back, or set the alias back",
    )


def _there(release: Release, stage: str, page: Known | None) -> tuple[Version | None, Standing | None]:
    standing = page.entry.standing(stage) if page is not None else None
    registry = release.registry
    return registry.aliased(release.model, stage) if registry.has_aliases else None, standing


def _pointed(release: Release, version: Version) -> Pointed:
    return Pointed(version=version.number, artifact=release.artifact(version))


def _adopted(release: Release, stage: str, page: Known | None, there: Version, reason: str) -> Known | None:
    standing = page.entry.standing(stage) if page is not None else None
    decision, files = written(
        Decision(
            action="adopt", stage=stage, target=_pointed(release, there),
            before=standing.at if standing is not None else None, reason=reason, actor=release.actor,
        ),
        release.model,
    )  # fmt: skip
    try:
        page = release.book.append(page, decision, files)
    except LedgerMoved:
        return finish(release, stage)
    return carry_out(release, stage, page).page

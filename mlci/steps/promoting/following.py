"""After a decision: the alias follows the ledger's head, what serves is asked, and a receipt says what came of it.

Every part of this may be done by whoever comes next, and by two at once. Whoever sets the alias reads the head again
afterwards and goes on until the two agree, so that a writer that slept over somebody else's decision repairs what it
did when it wakes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlci.domain.release.ledger import Actor, Decision, Outcome, Pointed, Receipt, Standing
from mlci.errors import LedgerBroken, LedgerMoved, Place, ServiceFailed
from mlci.steps.ledger import Known
from mlci.steps.promoting.book import Book
from mlci.steps.promoting.records import written

if TYPE_CHECKING:
    from mlci.ports import DeploymentState, Registry, Serving, Version

# Tag of a version that no stage is at any more, with the day; "false" once one is again: tags cannot be taken away.
ARCHIVED = "mlci.archived"
# Only others that decide about the same model at the same time make one more round necessary.
_MOST_ROUNDS = 50


@dataclass(frozen=True, kw_only=True)
class Release:
    """Everything that a move of a stage needs of the world.

    Attributes:
        book: the ledger of the model.
        registry: that has its versions.
        actor: who started this run.
        serving: what serves a stage; None where nobody said how to ask.
        record: tells the forge how a decision stands among its deployments.
        moved: called once the alias of a stage has followed.
        artifact: sha256 of a version's artifact.
        say: a line for the log, with how loud it is.
    """

    book: Book
    registry: Registry
    actor: Actor
    serving: Callable[[str], Serving | None]
    record: Callable[[Known, DeploymentState, str], None]
    moved: Callable[[str, Version], None]
    artifact: Callable[[Version], str]
    say: Callable[[str, str], None]

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.book.model


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a stage stands once everything that was decided about it is done.

    Attributes:
        page: the newest entry that was read.
        standing: of the stage there.
        said: what was seen of the decision that was carried out, as a sentence.
        served: whether what serves followed; where nothing did, the version before was decided on again.
        mine: whether the decision is still the one that holds.
    """

    page: Known
    standing: Standing
    said: str
    served: bool
    mine: bool = True


def carry_out(release: Release, stage: str, page: Known) -> Ended:
    """Do what an open decision says: alias, serving, receipt; where nothing serves, go back to the version before.

    Args:
        release: the world.
        stage: that the decision is about.
        page: an entry in whose standing the decision is open.
    """
    decided = _standing(page, stage).decided
    release.record(release.book.of(page, decided), "in_progress", f"decided in entry {decided} of the ledger")
    page, version = follow(release, stage)
    now = _standing(page, stage)
    if now.decided != decided:
        said = f"entry {now.decided} of the ledger has decided otherwise since"
        return Ended(page=page, standing=now, said=said, served=True, mine=False)
    if version is None:
        wrong: str | None = f"the registry has no version {now.at.version} of the artifact {now.at.artifact[:12]} now"
    else:
        _archive(release, page, decided, version)
        wrong = _not_serving(release, stage, version, now.at.artifact)
    served = wrong is None
    if served and version is not None:
        release.moved(stage, version)
    said = wrong if wrong is not None else _well(release, stage, now)
    page = _receipt(release, stage, decided, "done" if served else "not-serving", said)
    now = _standing(page, stage)
    release.record(release.book.of(page, decided), "success" if served else "failure", said)
    if served or now.decided != decided:
        return Ended(page=page, standing=now, said=said, served=served, mine=now.decided == decided)
    page = restore(release, stage, page) or page
    return Ended(page=page, standing=_standing(page, stage), said=said, served=False, mine=False)


def follow(release: Release, stage: str) -> tuple[Known, Version | None]:
    """Set the alias to what the head says until it is so after the head was read again; a registry without any has
    nothing to set.

    Returns:
        the head, and the version that the stage is at; None where the registry has no such version any more.

    Raises:
        ServiceFailed: somebody else goes on moving the alias.
    """  # fmt: skip
    registry, model = release.registry, release.model
    for _ in range(_MOST_ROUNDS):
        page = _head(release)
        now = _standing(page, stage)
        version = registry.numbered(model, now.at.version)
        if version is None or release.artifact(version) != now.at.artifact:
            return page, None
        if not registry.has_aliases:
            return page, version
        if not _is_at(release, stage, now.at):
            registry.point(version, stage)
        again = _head(release)
        if _standing(again, stage).decided == now.decided and _is_at(release, stage, now.at):
            return again, version
    raise ServiceFailed(
        f"the alias {stage} of {model} does not stay where the ledger says", place=Place(registry.address),
        help="see who else moves it; then run this again, which finishes what was decided",
    )  # fmt: skip


def restore(release: Release, stage: str, page: Known) -> Known | None:
    """Go back from a version that did not serve to the one before it; None where there is none to go back to.

    Only once: where the version before does not serve either, the fault is not in the version.

    Args:
        release: the world.
        stage: that goes back.
        page: in whose standing the receipt says that nothing served.
    """
    standing = _standing(page, stage)
    failed = release.book.of(page, standing.decided).entry.decision
    if failed is None or failed.before is None or failed.undoes is not None or failed.before == standing.at:
        return None
    target = failed.before
    reason = f"version {standing.at.version} did not serve, as entry {standing.receipt} of the ledger says"
    decision, files = written(
        Decision(
            action="rollback", stage=stage, target=target, before=standing.at, reason=reason,
            evidence=kept_evidence(release.book, page, stage, target), actor=release.actor, undoes=standing.decided,
        ),
        release.model,
    )  # fmt: skip
    try:
        page = release.book.append(page, decision, files)
    except LedgerMoved:
        return follow(release, stage)[0]
    release.say("warning", f"{stage} goes back to version {target.version}: {reason}")
    return carry_out(release, stage, page).page


def kept_evidence(book: Book, page: Known, stage: str, target: Pointed) -> dict[str, str]:
    """What the ledger keeps of the version's way to this stage, by kind; nothing where it never knew more."""
    for found in book.back(page):
        decision = found.entry.decision
        if decision is not None and decision.stage == stage and decision.target == target and decision.evidence:
            return {kind: each for kind, each in decision.evidence.items() if kind not in ("promotion", "rollback")}
    return {}


def _standing(page: Known, stage: str) -> Standing:
    standing = page.entry.standing(stage)
    if standing is None:
        raise LedgerBroken(f"entry {page.entry.number} of the ledger knows nothing of {stage}, which was decided on")
    return standing


def _head(release: Release) -> Known:
    page = release.book.head()
    if page is None:
        raise LedgerBroken(f"the ledger of {release.model} is gone", place=Place(release.book.place))
    return page


def _is_at(release: Release, stage: str, pointed: Pointed) -> bool:
    there = release.registry.aliased(release.model, stage)
    return there is not None and there.number == pointed.version


def _not_serving(release: Release, stage: str, version: Version, artifact: str) -> str | None:
    serving = release.serving(stage)
    return None if serving is None else serving.wrong(version, artifact)


def _well(release: Release, stage: str, now: Standing) -> str:
    where = f"the alias {stage} is at version {now.at.version}" if release.registry.has_aliases else (
        f"the ledger says version {now.at.version}, and this registry has no aliases"
    )  # fmt: skip
    asked = release.serving(stage) is not None
    return f"{where}, and what serves answers with it" if asked else f"{where}; nobody said what serves it"


def _archive(release: Release, page: Known, decided: int, version: Version) -> None:
    """Mark the version that was left, where no stage is at it any more; take the mark off one that is back."""
    model, registry = release.model, release.registry
    if version.tags.get(ARCHIVED, "false") != "false":
        registry.annotate(version, {ARCHIVED: "false"}, {}, {})
    decision = release.book.of(page, decided).entry.decision
    before = decision.before if decision is not None else None
    if before is None or any(each.at.version == before.version for each in page.entry.standings):
        return
    left = registry.numbered(model, before.version)
    if left is not None and left.tags.get(ARCHIVED, "false") == "false":
        registry.annotate(left, {ARCHIVED: release.book.clock()[:10]}, {}, {})


def _receipt(release: Release, stage: str, decided: int, outcome: Outcome, said: str) -> Known:
    """Append the receipt of a decision, unless somebody else did; answers the newest entry that was read."""
    for _ in range(_MOST_ROUNDS):
        page = _head(release)
        now = _standing(page, stage)
        if now.decided != decided or not now.is_open:
            return page
        try:
            return release.book.append(page, Receipt(of=decided, outcome=outcome, said=said), {})
        except LedgerMoved:
            continue
    raise ServiceFailed(
        f"the ledger of {release.model} moves all the time", place=Place(release.book.place),
        help="run this again, which finishes what was decided",
    )  # fmt: skip

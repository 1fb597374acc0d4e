"""A stage moves: the ledger decides, the alias follows, what serves is asked, and whoever comes next finishes it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from mlci.adapters.evidence.ledger import read_entry
from mlci.domain.release.evidence import Requirement
from mlci.domain.release.ledger import Action, Actor, Decision, Entry, Pointed, breaks
from mlci.domain.verdict import Verdict
from mlci.errors import AliasMoved, LedgerBroken, LedgerMoved, PromotionRefused
from mlci.ports import Entry as Kept
from mlci.ports import Version
from mlci.steps.ledger import Book as Entries
from mlci.steps.promoting.book import Book
from mlci.steps.promoting.following import Ended, Release, carry_out
from mlci.steps.promoting.promote import Judged, Promoted, Wanted, promote
from mlci.steps.promoting.rollback import Back, RolledBack, rollback
from mlci.testing.ledger import MemoryLedger
from mlci.testing.registry import MemoryRegistry

MODEL, STAGE = "churn", "production"


@dataclass
class Served:
    """What serves a stage: sick versions never answer."""

    sick: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def wrong(self, version: Version, artifact: str) -> str | None:
        assert artifact == version.tags["mlci.artifact"]
        self.asked.append(version.number)
        return f"version {version.number} did not answer" if version.number in self.sick else None


@dataclass
class World:
    ledger: MemoryLedger
    registry: MemoryRegistry
    served: Served = field(default_factory=Served)
    recorded: list[tuple[int, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    drawn: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def release(self, registry: MemoryRegistry | None = None) -> Release:
        drawn = f"{next(self.drawn):032x}"
        entries = Entries(self.ledger, MODEL, read_entry, lambda: drawn)
        book = Book(entries=entries, clock=lambda: "2026-12-01T12:00:00Z")
        return Release(
            book=book, registry=registry or self.registry, actor=Actor(where="local", login="alice"),
            serving=lambda _: self.served, record=lambda page, state, _: self.recorded.append(
                (page.entry.number, state)
            ),
            moved=lambda *_: None, artifact=lambda version: version.tags["mlci.artifact"],
            say=lambda _, line: self.said.append(line),
        )  # fmt: skip

    def promote(self, number: str, stage: str = STAGE, **more: object) -> Promoted:
        wanted = Wanted(stage=stage, target=pointed(number), reason="it is better", compared=STAGE)
        return promote(self.release(), replace(wanted, **more), lambda _: judged())  # type: ignore[arg-type]

    def rollback(self, to: str | None = None, **more: object) -> RolledBack:
        back = Back(stage=STAGE, to=to, reason="it was worse")
        return rollback(self.release(), replace(back, **more), lambda _: None)  # type: ignore[arg-type]

    @property
    def entries(self) -> list[Entry]:
        return [read_entry(content, "an entry") for _, content in self.ledger.entries(MODEL)]

    def story(self) -> list[str]:
        """What each entry says, briefly."""
        return [
            f"{one.decision.action} {one.decision.stage} {one.decision.target.version}"
            if one.decision is not None
            else f"{one.receipt.outcome} {one.receipt.of}" if one.receipt is not None else "nothing"
            for one in self.entries
        ]  # fmt: skip

    def at(self, stage: str = STAGE) -> str | None:
        """The version that ledger and alias agree on."""
        standing = self.entries[-1].standing(stage)
        there = self.registry.aliased(MODEL, stage)
        assert (standing.at.version if standing else None) == (there.number if there else None)
        return there.number if there else None

    def whole(self) -> bool:
        import hashlib

        read = [(one, hashlib.sha256(each).hexdigest()) for one, (_, each) in
                zip(self.entries, self.ledger.entries(MODEL), strict=True)]  # fmt: skip
        return not list(breaks(read, MODEL))


def pointed(number: str) -> Pointed:
    return Pointed(version=number, artifact=digest(number))


def digest(number: str) -> str:
    return f"{int(number):064x}"


def judged(*requirements: Requirement) -> Judged:
    return Judged(chain={}, files={}, verdict=Verdict.PASS, requirements=requirements)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A registry with five versions, and no ledger yet."""
    registry = MemoryRegistry()
    for number in "12345":
        entry = Kept(digest=digest(number), folder=str(tmp_path), tags={}, params={}, metrics={}, description="")
        registry.register(MODEL, entry)
    return World(MemoryLedger(), registry)


def test_a_promotion_is_a_decision_an_alias_and_a_receipt(world: World) -> None:
    found = world.promote("1")

    assert world.story() == ["promote production 1", "done 1"]
    assert world.at() == "1"
    assert world.whole()
    assert found.ended is not None
    assert found.ended.served
    assert world.served.asked == ["1"]
    assert world.recorded == [(1, "in_progress"), (1, "success")]


def test_what_a_stage_is_at_already_is_not_decided_again(world: World) -> None:
    world.promote("1")

    assert world.promote("1").page is None
    assert world.story() == ["promote production 1", "done 1"]


def test_what_is_not_met_is_said_and_nothing_is_written(world: World) -> None:
    lacking = judged(Requirement(name="clean-tree", held=False, said="it is dirty"))
    wanted = Wanted(stage=STAGE, target=pointed("1"), reason="r", compared=STAGE)

    found = promote(world.release(), wanted, lambda _: lacking)

    assert [each.name for each in found.judged.missing] == ["clean-tree"] if found.judged else False
    assert (world.ledger.kept, world.registry.pointed) == ({}, {})


def test_a_dry_run_writes_nothing_anywhere(world: World) -> None:
    world.registry.point(version(world, "2"), STAGE)
    before = dict(world.registry.pointed)

    found = world.promote("1", dry_run=True)

    assert found.judged is not None
    assert (world.ledger.kept, world.registry.pointed, world.recorded) == ({}, before, [])


def test_an_alias_that_was_there_first_begins_the_ledger(world: World) -> None:
    world.registry.point(version(world, "2"), STAGE)

    world.promote("3")

    assert world.story() == ["adopt production 2", "done 1", "promote production 3", "done 3"]
    assert world.entries[2].decision is not None
    assert world.entries[2].decision.before == pointed("2")


def test_an_alias_that_was_moved_by_hand_is_settled_by_a_person_alone(world: World) -> None:
    world.promote("1")
    world.registry.point(version(world, "4"), STAGE)

    with pytest.raises(AliasMoved, match="at version 4, and the ledger says version 1"):
        world.promote("2")
    assert len(world.entries) == 2

    world.promote("2", adopt=True)
    assert world.story()[2:] == ["adopt production 4", "done 3", "promote production 2", "done 5"]
    assert world.at() == "2"


def test_no_rollback_goes_to_a_version_of_which_nothing_was_asked_but_that_an_alias_be_moved(world: World) -> None:
    world.promote("1")
    world.registry.point(version(world, "4"), STAGE)
    world.promote("2", adopt=True)

    with pytest.raises(PromotionRefused, match="version 4"):
        world.rollback("4")
    assert world.rollback().way.pointed.version == "1"
    assert world.at() == "1"


def test_agreeing_to_an_alias_promotes_nothing_that_lacks_what_the_stage_asks_for(world: World) -> None:
    world.promote("1")
    world.registry.point(version(world, "4"), STAGE)
    lacking = judged(Requirement(name="approval", held=False, said="nobody approved"))
    wanted = Wanted(stage=STAGE, target=pointed("4"), reason="r", compared=STAGE, adopt=True)

    found = promote(world.release(), wanted, lambda _: lacking)
    assert found.judged is not None
    assert [each.name for each in found.judged.missing] == ["approval"]

    assert world.promote("4").page is not None
    assert world.story()[2:] == ["adopt production 4", "done 3", "promote production 4", "done 5"]
    assert world.whole()


def test_an_alias_that_was_taken_away_is_nothing_to_agree_to(world: World) -> None:
    world.promote("1")
    del world.registry.pointed[MODEL, STAGE]

    with pytest.raises(AliasMoved, match="gone"):
        world.promote("2", adopt=True)


def test_a_rollback_settles_what_was_moved_by_hand(world: World) -> None:
    world.promote("1")
    world.promote("2")
    world.registry.point(version(world, "4"), STAGE)

    assert world.rollback("2").moved == "4"
    assert world.at() == "2"


def test_an_open_decision_is_finished_by_whoever_comes_next(world: World) -> None:
    leave_open(world, "1")

    assert world.promote("1").page is None
    assert world.story() == ["promote production 1", "done 1"]
    assert world.at() == "1"
    assert any("without a receipt" in line for line in world.said)


def test_an_open_decision_is_finished_before_another_is_taken(world: World) -> None:
    leave_open(world, "1")

    world.promote("2")

    assert world.story() == ["promote production 1", "done 1", "promote production 2", "done 3"]
    assert world.at() == "2"


def test_a_version_that_does_not_serve_gives_way_to_the_one_before(world: World) -> None:
    world.promote("1")
    world.served.sick = {"2"}

    found = world.promote("2")

    assert found.ended is not None
    assert not found.ended.served
    assert world.story()[2:] == ["promote production 2", "not-serving 3", "rollback production 1", "done 5"]
    assert world.entries[4].decision is not None
    assert world.entries[4].decision.undoes == 3
    assert world.at() == "1"
    assert world.served.asked == ["1", "2", "1"]
    assert world.recorded[2:] == [(3, "in_progress"), (3, "failure"), (5, "in_progress"), (5, "success")]


def test_where_nothing_serves_at_all_nobody_goes_round_in_circles(world: World) -> None:
    world.promote("1")
    world.served.sick = {"1", "2"}

    world.promote("2")

    assert world.story()[2:] == ["promote production 2", "not-serving 3", "rollback production 1", "not-serving 5"]
    assert world.at() == "1"


def test_a_first_version_that_does_not_serve_stays_and_may_be_tried_again(world: World) -> None:
    world.served.sick = {"1"}
    world.promote("1")
    assert (world.story(), world.at()) == (["promote production 1", "not-serving 1"], "1")

    world.served.sick = set()
    world.promote("1")
    assert world.story()[2:] == ["promote production 1", "done 3"]


def test_a_run_that_was_killed_between_not_serving_and_going_back_is_finished(world: World) -> None:
    world.promote("1")
    world.served.sick = {"2"}
    world.promote("2")
    for number in (5, 6):
        del world.ledger.kept[MODEL][number]
    world.registry.point(version(world, "2"), STAGE)

    world.promote("3")

    assert world.story()[4:] == ["rollback production 1", "done 5", "promote production 3", "done 7"]


def test_a_version_that_the_registry_lost_is_one_that_does_not_serve(world: World) -> None:
    world.promote("1")
    leave_open(world, "2")
    del world.registry.stored[MODEL]["2"]

    world.promote("3")

    assert world.story()[2:6] == ["promote production 2", "not-serving 3", "rollback production 1", "done 5"]
    assert world.at() == "3"


def test_a_pipeline_that_runs_again_does_not_bring_back_what_a_person_rolled_back_from(world: World) -> None:
    for number in ("1", "2"):
        world.promote(number)
    world.rollback()

    again = world.promote("2")

    assert again.judged is not None
    [left] = again.judged.missing
    assert (left.name, left.said) == ("rolled-back", "version 2 was left in entry 5 of the ledger: it was worse")
    assert world.at() == "1"
    world.promote("2", knowingly=True)
    assert world.at() == "2"


def test_of_two_that_decide_at_once_one_is_told_to_gate_again(world: World) -> None:
    world.promote("1")
    wanted = Wanted(stage=STAGE, target=pointed("2"), reason="r", compared=STAGE)

    def meanwhile(_: object) -> Judged:
        world.promote("3")
        return judged()

    with pytest.raises(LedgerMoved, match="production is at version 3 now"):
        promote(world.release(), wanted, meanwhile)
    assert world.at() == "3"
    assert len(world.entries) == 4


def test_a_decision_about_another_stage_takes_nothing_away(world: World) -> None:
    world.promote("1")
    wanted = Wanted(stage=STAGE, target=pointed("2"), reason="r", compared=STAGE)

    def meanwhile(_: object) -> Judged:
        world.promote("3", "staging")
        return judged()

    promote(world.release(), wanted, meanwhile)
    assert (world.at(), world.at("staging")) == ("2", "3")
    assert world.whole()


def test_a_stage_whose_baseline_moved_meanwhile_is_judged_again(world: World) -> None:
    world.promote("1")
    wanted = Wanted(stage="staging", target=pointed("2"), reason="r", compared=STAGE)

    def meanwhile(_: object) -> Judged:
        world.promote("3")
        return judged()

    with pytest.raises(LedgerMoved):
        promote(world.release(), wanted, meanwhile)


@dataclass
class Asleep(MemoryRegistry):
    """A registry whose caller falls asleep right before the alias is set, and wakes after somebody else was at it."""

    meanwhile: Callable[[], object] | None = None

    def point(self, version: Version, alias: str) -> None:
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        super().point(version, alias)


def asleep(world: World, meanwhile: Callable[[], object]) -> Asleep:
    there = world.registry
    return Asleep(stored=there.stored, pointed=there.pointed, notes=there.notes, meanwhile=meanwhile)


def test_a_writer_that_slept_over_another_decision_sets_what_the_head_says(world: World) -> None:
    world.promote("1")
    sleeping = world.release(asleep(world, lambda: world.promote("3")))

    found = promote(sleeping, Wanted(stage=STAGE, target=pointed("2"), reason="r", compared=STAGE), lambda _: judged())

    assert world.at() == "3"
    assert world.story()[2:] == ["promote production 2", "done 3", "promote production 3", "done 5"]
    assert isinstance(found.ended, Ended)
    assert not found.ended.mine


def test_what_is_left_is_archived_and_what_is_back_is_not(world: World) -> None:
    world.promote("1", "staging")
    world.promote("1")
    world.promote("2")
    assert archived(world) == {}, "staging is still at version 1"

    world.promote("2", "staging")
    assert archived(world) == {"1": "2026-12-01"}

    world.rollback()
    assert archived(world) == {"1": "false"}


def test_a_rollback_goes_to_the_last_other_version_that_served(world: World) -> None:
    world.promote("1")
    world.promote("2")
    world.served.sick = {"3"}
    world.promote("3")
    world.served.sick = set()

    assert world.rollback().way.pointed == pointed("1")
    assert world.at() == "1"
    with pytest.raises(PromotionRefused, match="any version before"):
        world.rollback()


def test_a_version_that_was_left_for_a_reason_is_no_way_back_until_it_is_promoted_again(world: World) -> None:
    for number in ("1", "2", "3"):
        world.promote(number)
    assert [world.rollback().way.pointed.version for _ in range(2)] == ["2", "1"]

    with pytest.raises(PromotionRefused, match="version 3"):
        world.rollback("3")
    world.promote("3")
    world.promote("4")
    assert world.rollback().way.pointed == pointed("3")


def test_a_version_that_never_served_is_no_way_back(world: World) -> None:
    world.served.sick = {"1"}
    world.promote("1")
    world.served.sick = set()
    world.promote("2")

    with pytest.raises(PromotionRefused, match="any version before"):
        world.rollback()
    assert world.at() == "2"


def test_a_named_version_is_one_that_served(world: World) -> None:
    for number in ("1", "2", "3"):
        world.promote(number)

    with pytest.raises(PromotionRefused, match="never seen to serve"):
        world.rollback("4")
    with pytest.raises(PromotionRefused, match="already"):
        world.rollback("3")
    assert world.rollback("1").way.pointed == pointed("1")
    assert world.at() == "1"


def test_a_rollback_that_finds_a_failed_promotion_open_goes_back_once(world: World) -> None:
    world.promote("1")
    world.promote("2")
    leave_open(world, "3")
    world.served.sick = {"3"}

    found = world.rollback()

    assert world.at() == "2"
    assert found.way.pointed == pointed("2")
    assert world.story()[-2:] == ["rollback production 2", "done 7"]


def test_a_rollback_that_was_killed_is_finished_and_not_done_once_more(world: World) -> None:
    for number in ("1", "2", "3"):
        world.promote(number)
    leave_open(world, "2", "rollback")

    found = world.rollback()

    assert (world.at(), found.way.pointed, found.before) == ("2", pointed("2"), pointed("3"))
    assert world.story()[6:] == ["rollback production 2", "done 7"]


def test_a_run_that_is_run_again_does_not_go_back_once_more(world: World) -> None:
    for number in ("1", "2", "3"):
        world.promote(number)
    page = "https://forge.invalid/runs/7"

    for _ in range(2):
        release = replace(world.release(), actor=Actor(where="github", login="alice", run=page))
        rollback(release, Back(stage=STAGE, to=None, reason="r"), lambda _: None)

    assert world.at() == "2"
    assert len(world.entries) == 8


def test_a_stage_that_the_ledger_does_not_know_has_no_way_back(world: World) -> None:
    with pytest.raises(PromotionRefused, match="no version"):
        world.rollback()


def test_a_registry_without_aliases_is_told_nothing(world: World) -> None:
    world.registry.has_aliases = False

    world.promote("1")
    world.promote("2")
    world.rollback()

    assert world.registry.pointed == {}
    standing = world.entries[-1].standing(STAGE)
    assert standing is not None
    assert standing.at == pointed("1")


@pytest.mark.parametrize("spoil", ["removed", "edited"])
def test_a_ledger_that_was_changed_is_not_written_on(world: World, spoil: str) -> None:
    world.promote("1")
    world.promote("2")
    entries = world.ledger.kept[MODEL]
    if spoil == "removed":
        del entries[3]
    else:
        entries[3] = entries[3].replace(b"it is better", b"it is bitter")

    with pytest.raises(LedgerBroken):
        world.promote("3")
    assert world.registry.pointed[MODEL, STAGE] == "2"


def version(world: World, number: str) -> Version:
    found = world.registry.numbered(MODEL, number)
    assert found is not None
    return found


def archived(world: World) -> dict[str, str]:
    stored = world.registry.stored[MODEL]
    tags = {number: one.version.tags.get("mlci.archived") for number, one in stored.items()}
    return {number: day for number, day in tags.items() if day is not None}


def leave_open(world: World, number: str, action: Action = "promote") -> None:
    """A run that decided, and was killed before the alias moved."""
    book = world.release().book
    head = book.head()
    standing = head.entry.standing(STAGE) if head is not None else None
    book.append(
        head,
        Decision(
            action=action, stage=STAGE, target=pointed(number), before=standing.at if standing else None,
            reason="killed", actor=Actor(where="local", login="bob"),
        ),
        {},
    )  # fmt: skip


def test_carrying_out_twice_changes_nothing(world: World) -> None:
    leave_open(world, "1")
    page = world.release().book.head()
    assert page is not None
    carry_out(world.release(), STAGE, page)

    ended = carry_out(world.release(), STAGE, page)

    assert (ended.served, ended.mine) == (True, True)
    assert world.story() == ["promote production 1", "done 1"]


class Killed(BaseException):
    """Nothing of the process goes on."""


@dataclass
class Doomed:
    """Ends the run before one of its writes, counted over ledger and registry alike; 0 lets it live."""

    at: int
    writes: int = 0

    def __call__(self) -> None:
        self.writes += 1
        if self.writes == self.at:
            raise Killed


@dataclass
class DoomedLedger(MemoryLedger):
    doom: Callable[[], None] = lambda: None

    def append(self, model: str, number: int, content: bytes, files: Mapping[str, bytes], after: str | None) -> None:
        self.doom()
        super().append(model, number, content, files, after)


@dataclass
class DoomedRegistry(MemoryRegistry):
    doom: Callable[[], None] = lambda: None

    def point(self, version: Version, alias: str) -> None:
        self.doom()
        super().point(version, alias)

    def annotate(
        self, version: Version, tags: Mapping[str, str], metrics: Mapping[str, float], files: Mapping[str, str]
    ) -> None:
        self.doom()
        super().annotate(version, tags, metrics, files)


def doomed(tmp_path: Path, act: Callable[[World], object], at: int, *, before: Sequence[str], sick: str) -> World:
    """A world in which an act was killed before one of its writes; the doom of it says how many there were."""
    registry, ledger = DoomedRegistry(), DoomedLedger()
    for number in "12345":
        entry = Kept(digest=digest(number), folder=str(tmp_path), tags={}, params={}, metrics={}, description="")
        registry.register(MODEL, entry)
    found = World(ledger, registry)
    found.registry.point(version(found, "1"), STAGE)
    for number in before:
        found.promote(number)
    found.served.sick = set(sick)
    doom = Doomed(at)
    ledger.doom = registry.doom = doom
    try:
        act(found)
    except Killed:
        assert at
    ledger.doom = registry.doom = lambda: None
    found.said.append(f"{doom.writes} writes")
    return found


ACTS: dict[str, tuple[Callable[[World], object], list[str], str, list[str], str]] = {
    "a first promotion": (
        lambda world: world.promote("2"), [], "", ["adopt production 1", "promote production 2"], "2",
    ),
    "a promotion": (lambda world: world.promote("3"), ["2"], "", ["promote production 3"], "3"),
    "a rollback": (lambda world: world.rollback(), ["2", "3"], "", ["rollback production 2"], "2"),
    "a promotion that fails to serve": (
        lambda world: world.promote("3"), ["2"], "3", ["promote production 3", "rollback production 2"], "2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTS)
def test_killed_before_any_write_the_next_run_ends_as_if_nothing_had_happened(tmp_path: Path, name: str) -> None:
    act, before, sick, decisions, at = ACTS[name]
    whole = doomed(tmp_path, act, 0, before=before, sick=sick)
    writes = int(whole.said[-1].split()[0])
    assert writes >= 4
    for number in range(1, writes + 1):
        found = doomed(tmp_path, act, number, before=before, sick=sick)
        assert found.whole(), number
        with suppress(PromotionRefused):
            act(found)
        told = [one for one in found.story() if one.split()[0] in ("adopt", "promote", "rollback")]
        assert told[-len(decisions) :] == decisions, (number, told)
        assert (found.at(), found.whole()) == (at, True), number
        standing = found.entries[-1].standing(STAGE)
        assert standing is not None
        assert not standing.is_open
        assert archived(found) == archived(whole) or sick, number
        # What does not serve may be tried once more, where the first try was ended by whoever finished it.
        assert found.story() == whole.story() or sick, number

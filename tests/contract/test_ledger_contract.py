"""In memory, in a repository, pushed to GitLab, through GitHub's API: an entry is added once, after its head."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from ledgers import KINDS, LedgerWorld, files, fill, opened, sha256

from mlci.errors import LedgerMoved, UsageError


@pytest.fixture(name="world", params=KINDS)
def _world(request: pytest.FixtureRequest, tmp_path: Path) -> LedgerWorld:
    return opened(request, tmp_path)


def test_a_ledger_that_nobody_began_is_empty(world: LedgerWorld) -> None:
    ledger = world.opened()

    assert ledger.head("churn") is None
    assert (list(ledger.entries("churn")), list(ledger.models())) == ([], [])
    assert (ledger.entry("churn", 1), ledger.file("churn", "a" * 64)) == (None, None)


def test_an_entry_is_read_back_byte_for_byte_with_its_files(world: LedgerWorld) -> None:
    content, evidence = b'{"a":"\xc3\xa9\\n"}', b"\x00\xff evidence"

    world.opened().append("churn", 1, content, files(evidence), None)

    again = world.opened()
    head = again.head("churn")
    assert head is not None
    assert (head.number, head.content, head.digest) == (1, content, sha256(content))
    assert again.entry("churn", 1) == content
    assert again.file("churn", sha256(evidence)) == evidence
    assert list(again.models()) == ["churn"]


def test_what_is_not_there_is_none(world: LedgerWorld) -> None:
    world.opened().append("churn", 1, b"one", files(b"evidence"), None)
    ledger = world.opened()

    assert (ledger.head("other"), ledger.entry("churn", 2), ledger.entry("other", 1)) == (None, None, None)
    assert [ledger.file("churn", name) for name in ("a" * 64, "../../main", "")] == [None] * 3
    assert ledger.file("other", sha256(b"evidence")) is None


def test_several_pieces_of_evidence_come_at_once_and_what_is_not_there_is_left_out(world: LedgerWorld) -> None:
    pieces = [b"one", b"two " * 1000, b"\x00three\n"]
    world.opened().append("churn", 1, b"entry", files(*pieces), None)
    digests = [sha256(each) for each in pieces]
    ledger = world.opened()

    assert dict(ledger.several("churn", [*digests, "a" * 64, "../x"])) == dict(zip(digests, pieces, strict=True))
    assert [*ledger.several("churn", [])] == []
    assert [*ledger.several("other", digests)] == []


def test_entries_come_in_the_order_of_their_numbers(world: LedgerWorld) -> None:
    contents = [f"entry {number}".encode() for number in range(1, 13)]
    fill(world.opened(), "churn", contents)

    assert list(world.opened().entries("churn")) == list(enumerate(contents, 1))


def test_an_entry_after_an_older_head_is_refused_and_leaves_nothing(world: LedgerWorld) -> None:
    first, ledger = sha256(b"one"), world.opened()
    fill(ledger, "churn", [b"one", b"two"])

    for after in (first, None, sha256(b"never")):
        with pytest.raises(LedgerMoved, match="somebody else decided about churn meanwhile"):
            ledger.append("churn", 2, b"late", files(b"evidence of the late"), after)

    again = world.opened()
    assert list(again.entries("churn")) == [(1, b"one"), (2, b"two")]
    assert again.file("churn", sha256(b"evidence of the late")) is None


def test_an_entry_that_names_a_head_where_there_is_none_is_refused(world: LedgerWorld) -> None:
    with pytest.raises(LedgerMoved):
        world.opened().append("churn", 2, b"two", {}, sha256(b"one"))

    assert world.opened().head("churn") is None


def test_an_entry_that_is_there_is_not_added_twice(world: LedgerWorld) -> None:
    ledger = world.opened()
    fill(ledger, "churn", [b"one", b"two"])

    # As after an answer that was lost, and before and after others went on.
    ledger.append("churn", 2, b"two", {}, sha256(b"one"))
    ledger.append("churn", 1, b"one", {}, None)

    assert list(world.opened().entries("churn")) == [(1, b"one"), (2, b"two")]


def test_models_do_not_get_in_the_way_of_each_other(world: LedgerWorld) -> None:
    one, two = world.opened(), world.opened()
    fill(one, "churn", [b"one"])
    fill(two, "fraud.v2", [b"eins", b"zwei"])
    one.append("churn", 2, b"two", files(b"shared"), sha256(b"one"))

    again = world.opened()
    assert list(again.models()) == ["churn", "fraud.v2"]
    assert [list(again.entries(model)) for model in again.models()] == [
        [(1, b"one"), (2, b"two")],
        [(1, b"eins"), (2, b"zwei")],
    ]
    assert again.file("fraud.v2", sha256(b"shared")) is None


def test_evidence_that_is_there_stays(world: LedgerWorld) -> None:
    ledger = world.opened()
    ledger.append("churn", 1, b"one", files(b"a", b"b"), None)
    ledger.append("churn", 2, b"two", files(b"b", b"c"), sha256(b"one"))

    assert [world.opened().file("churn", sha256(each)) for each in (b"a", b"b", b"c")] == [b"a", b"b", b"c"]


def test_evidence_that_is_not_what_it_is_called_is_not_written(world: LedgerWorld) -> None:
    with pytest.raises(ValueError, match="not what it is called"):
        world.opened().append("churn", 1, b"one", {"a" * 64: b"something else"}, None)

    assert world.opened().head("churn") is None


@pytest.mark.parametrize("model", ["", ".", "..", "../main", "a/b", ".hidden", "a\nb", "a" * 101])
def test_a_model_that_cannot_be_a_folder_is_refused(world: LedgerWorld, model: str) -> None:
    with pytest.raises(UsageError, match="cannot keep a model of the name"):
        world.opened().append(model, 1, b"one", {}, None)


def test_of_many_writers_on_one_head_exactly_one_wins(world: LedgerWorld) -> None:
    fill(world.opened(), "churn", [b"one"])
    outcomes: list[str] = []

    def write(mark: int) -> None:
        try:
            world.opened().append("churn", 2, f"two by {mark}".encode(), {}, sha256(b"one"))
            outcomes.append(f"two by {mark}")
        except LedgerMoved:
            outcomes.append("moved")

    writers = [threading.Thread(target=write, args=(mark,)) for mark in range(8)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()

    (won,) = [each for each in outcomes if each != "moved"]
    assert len(outcomes) == 8
    assert list(world.opened().entries("churn")) == [(1, b"one"), (2, won.encode())]


def test_writers_about_other_models_all_win(world: LedgerWorld) -> None:
    failed: list[BaseException] = []

    def write(mark: int) -> None:
        try:
            world.opened().append(f"model-{mark}", 1, b"one", files(b"evidence"), None)
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)

    writers = [threading.Thread(target=write, args=(mark,)) for mark in range(6)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()

    assert failed == []
    assert list(world.opened().models()) == [f"model-{mark}" for mark in range(6)]

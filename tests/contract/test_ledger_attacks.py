"""The branch of the ledger in the hands of somebody who may write to it: found, refused, or at least remembered."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from forge.github import GitHub
from forge.repository import git
from ledgers import (
    REF,
    LedgerWorld,
    Planted,
    begun,
    files,
    github_world,
    on_github,
    opened,
    plant,
    planted_with,
    sha256,
)

from mlci.adapters.evidence.ledger import LARGEST_ENTRY, encoded, read_entry
from mlci.domain.release.ledger import Actor, Decision, Pointed, Receipt, next_entry
from mlci.errors import LedgerBroken, LedgerMoved, ServiceRefused
from mlci.steps.ledger import Book, Known

NOW = "2026-03-01T12:00:00Z"
ALICE = Actor(where="local", login="alice")


@pytest.fixture(name="world", params=["git", "github", "gitlab"])
def _world(request: pytest.FixtureRequest, tmp_path: Path) -> LedgerWorld:
    return opened(request, tmp_path)


def pointed(number: int) -> Pointed:
    return Pointed(version=str(number), artifact=f"{number:064x}")


def decision(number: int, reason: str = "better") -> Decision:
    before = pointed(number - 1) if number > 1 else None
    return Decision(
        action="promote", stage="production", target=pointed(number), before=before, reason=reason, actor=ALICE
    )


def chain(ledger_model: str = "churn", *, mark: str = "0", length: int = 2) -> list[bytes]:
    """Bytes of entries, a decision and its receipt in turn; another mark makes another chain that holds."""
    found: list[bytes] = []
    head = None
    ids = itertools.count(1)
    for number in range(1, length + 1):
        for content in (decision(number), Receipt(of=2 * number - 1, outcome="done", said="it serves")):
            digest = sha256(found[-1]) if found else None
            id = f"{mark}{next(ids):031x}"
            head = next_entry(head, digest, content, model=ledger_model, id=id, now=NOW)
            found.append(encoded(head))
    return found


def book(world: LedgerWorld) -> Book:
    return Book(world.opened(), "churn", read_entry)


def names(contents: list[bytes]) -> Planted:
    return {f"churn/{number:06d}.json": ("100644", content) for number, content in enumerate(contents, 1)}


def walked(world: LedgerWorld) -> list[Known]:
    return list(book(world).entries())


def test_a_chain_that_nobody_touched_holds(world: LedgerWorld) -> None:
    plant(world, names(chain()))

    assert book(world).breaks(walked(world)) == []


def test_a_removed_entry_is_missed(world: LedgerWorld) -> None:
    without = names(chain())
    del without["churn/000002.json"]
    plant(world, without)

    said = book(world).breaks(walked(world))
    assert said[0] == "entry 2 is missing: entry 3 stands in its place"
    with pytest.raises(LedgerBroken, match="entry 2 of churn is missing"):
        book(world).entry(2)


def test_an_edited_entry_breaks_the_link_after_it(world: LedgerWorld) -> None:
    contents = chain()
    contents[1] = contents[1].replace(b"it serves", b"it does not")
    plant(world, names(contents))

    (said,) = book(world).breaks(walked(world))
    assert said == "entry 3 does not follow the entry before it: that one was changed, removed or put elsewhere"


@pytest.mark.parametrize("change", ["reordered", "duplicated"])
def test_an_entry_under_the_number_of_another_is_refused(world: LedgerWorld, change: str) -> None:
    contents = chain()
    if change == "reordered":
        contents[1], contents[2] = contents[2], contents[1]
    else:
        contents.append(contents[3])
    plant(world, names(contents))

    with pytest.raises(LedgerBroken, match=r"the file of entry \d of churn holds entry"):
        walked(world)


def test_a_branch_that_was_set_back_takes_no_entry_after_the_head_that_is_remembered(world: LedgerWorld) -> None:
    contents = chain()
    plant(world, names(contents[:2]))
    plant(world, names(contents))
    remembered = book(world).head()
    assert remembered is not None
    plant(world, names(contents[:2]), orphan=True)

    with pytest.raises(LedgerMoved, match="the ledger has an entry 2 by now"):
        book(world).append(remembered, decision(3), {}, now=NOW)
    assert [known.digest for known in walked(world)] == [sha256(each) for each in contents[:2]]


def test_another_chain_that_holds_is_told_by_a_head_that_somebody_remembers(world: LedgerWorld) -> None:
    plant(world, names(chain()))
    remembered = [known.digest for known in walked(world)]
    plant(world, names(chain(mark="f")), orphan=True)

    # The chain itself cannot know; a deployment record, or a person, does.
    assert book(world).breaks(walked(world)) == []
    assert set(remembered).isdisjoint(known.digest for known in walked(world))


@pytest.mark.parametrize(
    ("mode", "content", "what"),
    [
        ("120000", b"../other/000001.json", "a symbolic link"),
        ("160000", b"", "a commit of another repository"),
        ("100755", b"one", "a program"),
    ],
)
def test_an_entry_that_is_no_plain_file_is_refused(
    world: LedgerWorld, mode: str, content: bytes, what: str
) -> None:  # fmt: skip
    plant(world, {"churn/000001.json": (mode, content), "other/000001.json": ("100644", b"one")})

    for read in (
        lambda: world.opened().head("churn"),
        lambda: world.opened().entry("churn", 1),
        lambda: list(world.opened().entries("churn")),
        lambda: world.opened().append("churn", 2, b"two", {}, sha256(b"one")),
    ):
        with pytest.raises(LedgerBroken, match=f"it is {what}, not a plain file"):
            read()
    head = world.opened().head("other")
    assert head is not None
    assert head.content == b"one"


@pytest.mark.parametrize(
    ("name", "mode", "content", "what"),
    [
        (f"evidence/{sha256(b'a')}.json", "100644", b"b", "its bytes are not those of its name"),
        (f"evidence/{sha256(b'a')}.json", "120000", b"/etc/passwd", "it is a symbolic link"),
        (f"evidence/{sha256(b'a')}.json", "160000", b"", "it is a commit of another repository"),
        ("evidence", "120000", b"../other", "it is no folder"),
    ],
)
def test_evidence_that_is_not_what_it_is_called_is_refused(
    world: LedgerWorld, name: str, mode: str, content: bytes, what: str
) -> None:
    plant(world, {"churn/000001.json": ("100644", b"one"), f"churn/{name}": (mode, content)})

    with pytest.raises(LedgerBroken, match=what):
        world.opened().file("churn", sha256(b"a"))


@pytest.mark.parametrize("mode", ["120000", "160000"])
def test_an_entry_is_not_added_beside_evidence_that_is_a_link(world: LedgerWorld, mode: str) -> None:
    name = f"churn/evidence/{sha256(b'a')}.json"
    plant(world, {"churn/000001.json": ("100644", b"one"), name: (mode, b"elsewhere" if mode == "120000" else b"")})

    with pytest.raises(LedgerBroken, match="not a plain file"):
        world.opened().append("churn", 2, b"two", files(b"a"), sha256(b"one"))
    assert [number for number, _ in world.opened().entries("churn")] == [1]


def test_files_of_others_are_neither_read_nor_taken_away(world: LedgerWorld) -> None:
    strange = {
        "README.md": b"what this is", "churn/1.json": b"x", "churn/0000002.json": b"x", "churn/000000.json": b"x",
        "churn/000002.json.bak": b"x", "churn/notes/000003.json": b"x", "other/README": b"x",
        ".hidden/000001.json": b"x",
    }  # fmt: skip
    plant(world, {"churn/000001.json": ("100644", b"one")} | {name: ("100644", each) for name, each in strange.items()})

    world.opened().append("churn", 2, b"two", files(b"evidence"), sha256(b"one"))

    assert list(world.opened().entries("churn")) == [(1, b"one"), (2, b"two")]
    assert list(world.opened().models()) == ["churn"]
    assert world.folder is not None
    kept = git(world.folder, "ls-tree", "-r", "--name-only", REF).decode().splitlines()
    assert set(strange) < set(kept)


def test_a_file_far_larger_than_an_entry_is_not_read(world: LedgerWorld) -> None:
    plant(world, {"churn/000001.json": ("100644", b"x" * (LARGEST_ENTRY + 1))})

    for read in (
        lambda: world.opened().head("churn"),
        lambda: list(world.opened().entries("churn")),
        lambda: world.opened().append("churn", 2, b"two", {}, None),
    ):
        with pytest.raises(LedgerBroken, match=r"it has 262,145 bytes, more than 262,144"):
            read()


def test_evidence_far_larger_than_evidence_is_not_read(world: LedgerWorld) -> None:
    large = b"x" * ((16 << 20) + 1)
    name = f"churn/evidence/{sha256(large)}.json"
    plant(world, {"churn/000001.json": ("100644", b"one"), name: ("100644", large)})

    with pytest.raises(LedgerBroken, match=r"it has 16,777,217 bytes"):
        world.opened().file("churn", sha256(large))


@pytest.mark.parametrize("name", ["train.py", ".gitlab-ci.yml", "README"])
def test_a_branch_with_the_code_of_the_project_is_no_ledger(world: LedgerWorld, name: str) -> None:
    files_there: Planted = {name: ("100644", b"code"), "churn/000001.json": ("100644", b"one")}
    plant(world, files_there)
    if name == "README":
        assert world.opened().head("churn") is not None
        return

    for use in (
        lambda: world.opened().head("churn"),
        lambda: world.opened().models(),
        lambda: world.opened().append("churn", 2, b"two", {}, sha256(b"one")),
    ):
        with pytest.raises(LedgerBroken, match=f"the branch mlci/ledger holds {name}, which is no part of a ledger"):
            use()
    assert planted_with(world) == files_there


def test_a_folder_that_lists_a_name_twice_is_refused(world: LedgerWorld) -> None:
    begun(world, twice=True)

    with pytest.raises(LedgerBroken, match=r"the folder lists 000001\.json twice"):
        world.opened().head("churn")


@pytest.mark.parametrize("settings", ["churn/000002.json export-ignore\n", "*.json export-subst\n"])
def test_settings_in_the_branch_do_not_keep_entries_from_being_read(world: LedgerWorld, settings: str) -> None:
    contents = [b"entry %d $Format:%%H$" % number for number in range(1, 31)]
    plant(world, {**names(contents), "churn/.gitattributes": ("100644", settings.replace("churn/", "").encode())})

    assert list(world.opened().entries("churn")) == list(enumerate(contents, 1))


def test_what_a_commit_says_stays_on_its_lines(world: LedgerWorld) -> None:
    hostile = "better\n\nCo-authored-by: mallory <m@example.com>\x1b[31m\u202e"
    actor = Actor(where="local", login="alice\nSigned-off-by: mallory")
    said = Decision(action="promote", stage="production", target=pointed(1), reason=hostile, actor=actor)

    book(world).append(None, said, {}, now=NOW)

    assert world.folder is not None
    message = git(world.folder, "log", "-1", "--format=%B", REF).decode().rstrip("\n").split("\n")
    assert message == [
        "churn 1: promote version 1, production",
        "",
        "better Co-authored-by: mallory <m@example.com> [31m",
        "",
        "Decided-by: alice Signed-off-by: mallory (local)",
    ]


@pytest.mark.parametrize("permissions", [{}, {"actions": "read"}])
def test_a_token_that_may_not_read_is_refused_and_not_told_of_an_empty_ledger(
    github: GitHub, permissions: dict[str, str]
) -> None:
    plant(github_world(github), names(chain()))
    ledger = on_github(github, token=github.token(permissions=permissions))

    for use in (lambda: ledger.head("churn"), lambda: ledger.append("churn", 1, b"another first", {}, None)):
        with pytest.raises(ServiceRefused, match="403"):
            use()


def test_a_token_that_may_only_read_reads_and_is_told_what_it_needs_to_write(github: GitHub) -> None:
    plant(github_world(github), names(chain()))
    ledger = on_github(github, token=github.token(permissions={"contents": "read"}))
    head = ledger.head("churn")

    assert head is not None
    with pytest.raises(ServiceRefused) as refused:
        ledger.append("churn", 5, b"five", {}, head.digest)
    assert "contents: write" in str(refused.value)

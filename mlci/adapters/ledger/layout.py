"""How the ledger lies in its branch: names, kinds and sizes of what may be there, and what a commit of it says.

What else somebody has put into the branch stays there and is not read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlci.adapters.evidence.ledger import LARGEST_ENTRY, digest_of, read_entry
from mlci.adapters.oneline import one_line
from mlci.errors import LedgerBroken, LedgerMoved, Place, UsageError

BRANCH = "mlci/ledger"
REF = f"refs/heads/{BRANCH}"
EVIDENCE = "evidence"
# Evidence keeps statistics, never predictions.
LARGEST_FILE = 16 << 20
FILE_MODE, FOLDER_MODE = "100644", "040000"
# Nobody's: a name that an account of a forge could have would make that account the author.
AUTHOR, ADDRESS = "mlci", "noreply@mlci.invalid"

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ENTRY = re.compile(r"([0-9]{6}|[1-9][0-9]{6,11})\.json")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_README = re.compile(r"readme(\.[a-z]{1,10})?", re.IGNORECASE)
_HELP = f"see what changed it in the history of the branch {BRANCH}, and put back what was there"


@dataclass(frozen=True)
class Item:
    """What a folder of the branch lists under a name.

    Attributes:
        mode: of git, in octal.
        kind: blob, tree or commit.
        id: of the object.
        size: in bytes; None where the list does not say.
    """

    mode: str
    kind: str
    id: str
    size: int | None = None


@dataclass(frozen=True)
class Folder:
    """The folder of a model.

    Attributes:
        entries: files of entries by number.
        evidence: the folder of evidence; None where there is none yet.
    """

    entries: Mapping[int, Item]
    evidence: Item | None


def checked(model: str) -> str:
    """The name of a model, which is that of its folder.

    Raises:
        UsageError: no folder can have it.
    """
    if not _MODEL.fullmatch(model):
        raise UsageError(
            f"the ledger cannot keep a model of the name {one_line(repr(model), 120)}",
            help="letters, digits, '.', '_' and '-' make a name, and it begins with a letter or a digit",
        )
    return model


def named(number: int) -> str:
    """Name of the file of an entry."""
    return f"{number:06d}.json"


def listed(items: Iterable[tuple[str, Item]], where: str) -> dict[str, Item]:
    """A folder by name; git itself makes none that lists a name twice.

    Raises:
        LedgerBroken: it does.
    """
    found: dict[str, Item] = {}
    for name, item in items:
        if name in found:
            raise broken(f"the folder lists {one_line(name, 100)} twice", where)
        found[name] = item
    return found


def models_in(root: Mapping[str, Item]) -> dict[str, Item]:
    """Folders of the branch that can be those of models.

    Raises:
        LedgerBroken: files lie beside them, as in a branch that was made from one with code.
    """
    for name, item in sorted(root.items()):
        if item.kind != "tree" and not _README.fullmatch(name):
            raise LedgerBroken(
                f"the branch {BRANCH} holds {one_line(name, 100)}, which is no part of a ledger",
                help="mlci begins this branch by itself, without files of another: rename the one that is there",
            )
    return {name: item for name, item in root.items() if item.kind == "tree" and _MODEL.fullmatch(name)}


def folder_of(items: Mapping[str, Item], model: str) -> Folder:
    """The entries and the evidence of a model's folder.

    Raises:
        LedgerBroken: an entry is no plain file, or evidence no folder.
    """
    entries: dict[int, Item] = {}
    for name, item in items.items():
        match = _ENTRY.fullmatch(name)
        number = int(match[1]) if match is not None else 0
        if number:
            entries[number] = plain_file(item, f"{model}/{name}")
    evidence = items.get(EVIDENCE)
    if evidence is not None and evidence.kind != "tree":
        raise broken("it is no folder", f"{model}/{EVIDENCE}")
    return Folder(dict(sorted(entries.items())), evidence)


def evidence_in(items: Mapping[str, Item], digest: str, model: str) -> Item | None:
    """The file of a piece of evidence; None where there is none."""
    name = f"{digest}.json"
    item = items.get(name) if _DIGEST.fullmatch(digest) else None
    return plain_file(item, f"{model}/{EVIDENCE}/{name}") if item is not None else None


def is_evidence(items: Mapping[str, Item], digest: str) -> bool:
    """Whether a piece of evidence lies there as a plain file."""
    item = items.get(f"{digest}.json") if _DIGEST.fullmatch(digest) else None
    return item is not None and (item.kind, item.mode) == ("blob", FILE_MODE)


def plain_file(item: Item, where: str) -> Item:
    """A file that is neither a link nor a program nor a commit of another repository.

    Raises:
        LedgerBroken: it is.
    """
    if item.kind != "blob" or item.mode != FILE_MODE:
        kinds = {"120000": "a symbolic link", "160000": "a commit of another repository", "100755": "a program"}
        raise broken(f"it is {kinds.get(item.mode, 'a folder')}, not a plain file", where)
    return item


def within(size: int, limit: int, where: str) -> int:
    """The size of a file, if mlci can have written it.

    Raises:
        LedgerBroken: it is larger.
    """
    if size > limit:
        raise broken(f"it has {size:,} bytes, more than {limit:,}", where)
    return size


def evidence_matches(content: bytes, digest: str, model: str) -> bytes:
    """The bytes of evidence, if they are those of its name.

    Raises:
        LedgerBroken: they are others.
    """
    if digest_of(content) != digest:
        raise broken("its bytes are not those of its name", f"{model}/{EVIDENCE}/{digest}.json")
    return content


def broken(cause: str, where: str) -> LedgerBroken:
    """The error of a file of the branch that cannot be."""
    path = one_line(where, 300)
    return LedgerBroken(f"a file of the ledger cannot be used: {cause}", place=Place(f"{BRANCH}:{path}"), help=_HELP)


def moved(model: str, number: int | None) -> LedgerMoved:
    """The error of a writer that came second, by the number of the newest entry."""
    now = f"the ledger has an entry {number} by now" if number is not None else "the ledger has no entry any more"
    return LedgerMoved(
        f"somebody else decided about {model} meanwhile: {now}",
        help="nothing was written: run the gate again, against what the stage is at now, and decide again",
    )


def checked_files(files: Mapping[str, bytes], content: bytes) -> None:
    """Whether a writer may put these into the branch.

    Raises:
        ValueError: it may not; whoever appends has made a mistake.
    """
    for digest, each in files.items():
        if digest_of(each) != digest or len(each) > LARGEST_FILE:
            raise ValueError(f"evidence {digest} is not what it is called, or too large")
    if len(content) > LARGEST_ENTRY:
        raise ValueError("an entry is too large")


def message(model: str, number: int, content: bytes) -> str:
    """What a commit says: the model, the number and what was decided."""
    said = f"{model} {number}"
    try:
        entry = read_entry(content, named(number))
    except LedgerBroken:
        return f"{said}\n"
    if entry.receipt is not None:
        return (
            f"{said}: receipt of {entry.receipt.of}, {entry.receipt.outcome}\n\n{one_line(entry.receipt.said, 500)}\n"
        )
    if entry.decision is None:
        return f"{said}\n"
    decision = entry.decision
    stage, version = one_line(decision.stage, 100), one_line(decision.target.version, 20)
    who = one_line(decision.actor.login, 100)
    title = f"{said}: {decision.action} version {version}, {stage}"
    return f"{title}\n\n{one_line(decision.reason, 500)}\n\nDecided-by: {who} ({decision.actor.where})\n"


def git_id(content: bytes, *, like: str) -> str:
    """The id that git gives a file, in the form of another id of the repository."""
    algorithm = "sha1" if len(like) == 40 else "sha256"
    return hashlib.new(algorithm, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()

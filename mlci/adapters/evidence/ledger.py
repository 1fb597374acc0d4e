"""Entries of the ledger and evidence of releases, as bytes: written once in RFC 8785 form, read strictly."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime

from mlci import REPOSITORY
from mlci.adapters.evidence.statement import DIGEST, Statement, decoded
from mlci.domain.evidence import STATEMENT, predicate_type
from mlci.domain.release.evidence import ApprovalPredicate, PromotionPredicate
from mlci.domain.release.ledger import SCHEMA, Entry
from mlci.domain.report import plain
from mlci.errors import ArtifactRefused, LedgerBroken, Place

# An entry names evidence and holds none.
LARGEST_ENTRY = 256 << 10
LARGEST_RELEASE = 1 << 20
_ID = re.compile(r"[0-9a-f]{32}")
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_NUMBER = re.compile(r"[0-9]{1,18}")
_KIND = re.compile(r"[a-z][a-z0-9-]{0,39}")


def encoded(entry: Entry) -> bytes:
    """The bytes of an entry, which are written once and never again."""
    import rfc8785

    return rfc8785.dumps(plain(entry, exact=True))


def digest_of(content: bytes) -> str:
    """How the next entry, and whoever remembers a head, names these bytes."""
    return hashlib.sha256(content).hexdigest()


def read_entry(content: bytes, place: str) -> Entry:
    """An entry, believed in nothing but its form: whether the chain holds is for ``ledger.breaks``.

    Raises:
        LedgerBroken: the bytes are no entry.
    """
    try:
        entry = decoded(content, Entry, Place(place), what="the entry of the ledger", limit=LARGEST_ENTRY, help=None)
    except ArtifactRefused as error:
        raise LedgerBroken(error.cause, place=error.place, help=_HELP) from error
    for cause in _wrong(entry):
        raise LedgerBroken(f"an entry of the ledger cannot be used: {cause}", place=Place(place), help=_HELP)
    return entry


_HELP = "see what changed it in the history of the branch mlci/ledger, and put back what was there"


def _wrong(entry: Entry) -> Iterator[str]:
    if entry.schema != SCHEMA:
        yield "its shape is of a version that this mlci does not know"
    if not _ID.fullmatch(entry.id) or entry.number < 1 or not is_time(entry.at):
        yield "its id, number or time is none"
    if (entry.decision is None) == (entry.receipt is None):
        yield "it is neither a decision nor a receipt"
    digests = [each.at.artifact for each in entry.standings]
    digests += [entry.previous] if entry.previous is not None else []
    numbers = [each.at.version for each in entry.standings]
    if entry.decision is not None:
        pointed = (entry.decision.target, entry.decision.before)
        digests += [each.artifact for each in pointed if each is not None] + list(entry.decision.evidence.values())
        numbers += [each.version for each in pointed if each is not None]
        if not all(_KIND.fullmatch(kind) for kind in entry.decision.evidence):
            yield "a kind of evidence is none"
    if not all(DIGEST.fullmatch(digest) for digest in digests):
        yield "a digest is not 64 hexadecimal digits"
    if not all(_NUMBER.fullmatch(number) for number in numbers):
        yield "a version is no number"


def is_time(text: str) -> bool:
    """Whether a text is a time in UTC as entries write it."""
    try:
        return _AT.fullmatch(text) is not None and datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ") is not None
    except ValueError:
        return False


def read_approval(content: bytes, place: str) -> ApprovalPredicate:
    """The evidence of an approval, believed in nothing but its form.

    Raises:
        ArtifactRefused: it is malformed, or of another kind.
    """
    kind = Statement[ApprovalPredicate]
    statement = decoded(content, kind, Place(place), what="the evidence", limit=LARGEST_RELEASE, help=None)
    if statement.type != STATEMENT or statement.predicate_type != predicate_type(REPOSITORY, "approval"):
        raise ArtifactRefused("this is not the evidence of an approval", place=Place(place))
    if [each.digest for each in statement.subject] != [{"sha256": statement.predicate.candidate.digest}]:
        raise ArtifactRefused("the evidence is not about the candidate it names", place=Place(place))
    return statement.predicate


def read_promotion(content: bytes, place: str) -> PromotionPredicate:
    """The evidence of a promotion or a rollback, believed in nothing but its form.

    Raises:
        ArtifactRefused: it is malformed, or of another kind.
    """
    kind = Statement[PromotionPredicate]
    statement = decoded(content, kind, Place(place), what="the evidence", limit=LARGEST_RELEASE, help=None)
    kinds = [predicate_type(REPOSITORY, name) for name in ("promotion", "rollback")]
    if statement.type != STATEMENT or statement.predicate_type not in kinds:
        raise ArtifactRefused("this is not the evidence of a promotion", place=Place(place))
    if [each.digest for each in statement.subject] != [{"sha256": statement.predicate.target.artifact}]:
        raise ArtifactRefused("the evidence is not about the version it names", place=Place(place))
    return statement.predicate

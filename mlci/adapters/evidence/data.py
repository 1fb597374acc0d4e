"""Evidence of checked data, read as what it is: another job's file, until its digests have been compared."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mlci import REPOSITORY
from mlci.adapters.evidence.statement import DIGEST, Statement, decoded
from mlci.domain.dataset.evidence import Checked, DataPredicate
from mlci.domain.dataset.measured import Judged
from mlci.domain.dataset.profile import ColumnProfile, Profile
from mlci.domain.evidence import STATEMENT, predicate_type
from mlci.domain.verdict import Verdict, worst
from mlci.errors import ArtifactRefused, Place

# A profile of a thousand columns with a hundred categories each, and the findings on them.
LARGEST = 32 << 20
LONGEST_NAME = 400
_LONGEST_TEXT = 20_000
_MOST_RULES = 20_000
_MOST_FINDINGS = 20_000
_MOST_COLUMNS = 20_000
_MOST_BINS = 100_000
_HELP = "run mlci data-check again, with this version"

# Every major version that there has been; one that is added stays readable.
_TYPES = frozenset({predicate_type(REPOSITORY, "data")})


def read_data(content: bytes, place: str) -> DataPredicate:
    """The evidence of checked data, believed in nothing but its form: what it says may still be a lie.

    Args:
        content: bytes of an in-toto Statement.
        place: names the evidence in an error.

    Raises:
        ArtifactRefused: the content is too large or malformed, is of another kind, or contradicts itself.
    """
    where, kind = Place(place), Statement[DataPredicate]
    statement = decoded(content, kind, where, what="the evidence", limit=LARGEST, help=_HELP)
    for cause in _wrong(statement):
        raise ArtifactRefused(cause, place=where, help=_HELP)
    return statement.predicate


def _wrong(statement: Statement[DataPredicate]) -> Iterator[str]:
    predicate = statement.predicate
    if statement.type != STATEMENT or statement.predicate_type not in _TYPES:
        yield "this is not the evidence of checked data"
    if [one.role for one in predicate.datasets] not in (["train"], ["train", "holdout"]):
        yield "the evidence is not about training data, or about a dataset twice"
        return
    train = predicate.datasets[0].identity
    if [(subject.name, subject.digest) for subject in statement.subject] != [(train.name, {"sha256": train.digest})]:
        yield "the evidence is not about the data it names"
    if not all(DIGEST.fullmatch(digest) for digest in _digests(predicate)):
        yield "a digest is not 64 hexadecimal digits"
    if len(predicate.findings) > _MOST_FINDINGS or any(len(one.rules) > _MOST_RULES for one in predicate.datasets):
        yield f"the evidence has more than {_MOST_FINDINGS} findings or {_MOST_RULES} rules"
    if any(len(name) > LONGEST_NAME for name in _names(predicate)):
        yield f"a name has more than {LONGEST_NAME} characters"
    if any(len(text) > _LONGEST_TEXT for text in _texts(predicate)):
        yield f"a text has more than {_LONGEST_TEXT} characters"
    for dataset in predicate.datasets:
        yield from _wrong_counts(dataset)
    if predicate.profile is not None:
        yield from _wrong_profile(predicate.profile)
    yield from _wrong_verdict(predicate)


def _wrong_verdict(predicate: DataPredicate) -> Iterator[str]:
    """The verdict must follow from the findings, and these from the rules: who edits one of them edits all."""
    counted = [one for one in predicate.findings if not one.advisory]
    if predicate.verdict is not worst([one.verdict for one in counted] or [Verdict.PASS]):
        yield "the verdict is not that of its findings"
    said = [one.message for one in counted if one.verdict is predicate.verdict]
    if predicate.verdict is not Verdict.PASS and predicate.reason not in said:
        yield "the reason is none of its findings"
    for rule in (rule for dataset in predicate.datasets for rule in dataset.rules):
        if predicate.verdict.rank < _least(rule).rank:
            yield "a rule came out worse than the verdict says"
            return


def _least(rule: Judged) -> Verdict:
    if rule.outcome == "pass":
        return Verdict.PASS
    if rule.severity == "warn":
        return Verdict.WARN
    return Verdict.FAIL if rule.outcome == "fail" else Verdict.INCONCLUSIVE


def _wrong_counts(dataset: Checked) -> Iterator[str]:
    identity = dataset.identity
    numbers = [identity.size, identity.files, identity.rows]
    numbers += [number for rule in dataset.rules for number in (rule.evaluated, rule.unexpected)]
    if any(number is not None and number < 0 for number in numbers):
        yield "a count is negative"
    if any((rule.unexpected or 0) > rule.evaluated for rule in dataset.rules if rule.evaluated is not None):
        yield "more rows break a rule than were looked at"
    if len({rule.rule for rule in dataset.rules}) < len(dataset.rules):
        yield "a rule stands twice"
    if len(dataset.columns) > _MOST_COLUMNS:
        yield f"a dataset has more than {_MOST_COLUMNS} columns"


def _wrong_profile(profile: Profile) -> Iterator[str]:
    if profile.rows < 0 or len(profile.columns) > _MOST_COLUMNS:
        yield "the profile has too many columns, or a negative number of rows"
    if len({column.name for column in profile.columns}) < len(profile.columns):
        yield "a column stands twice in the profile"
    for column in profile.columns:
        if not all(_is_sound(column, profile.rows)):
            yield "the profile of a column contradicts itself"
            return


def _is_sound(column: ColumnProfile, rows: int) -> Iterator[bool]:
    counts = [*column.counts, *column.categories.values(), column.others, column.missing]
    yield min(counts) >= 0 and sum(counts) <= rows
    yield len(column.counts) in (0, len(column.edges) + 1) and len(counts) <= _MOST_BINS
    yield all(one <= other for one, other in zip(column.edges, column.edges[1:], strict=False))
    numbers = (*column.edges, column.minimum, column.maximum, column.mean, column.deviation)
    yield all(math.isfinite(number) for number in numbers if number is not None)


def _digests(predicate: DataPredicate) -> Iterator[str]:
    yield predicate.policy
    for dataset in predicate.datasets:
        yield dataset.identity.digest
        yield from (digest for digest in (dataset.contract, dataset.identity.query) if digest is not None)
    if predicate.since is not None and predicate.since.digest is not None:
        yield predicate.since.digest


def _names(predicate: DataPredicate) -> Iterator[str]:
    yield from (predicate.model or "", predicate.engine, predicate.mlci)
    for dataset in predicate.datasets:
        yield from (dataset.identity.name, dataset.identity.version.id, dataset.identity.version.where or "")
        yield from dataset.columns
        yield from (rule.rule for rule in dataset.rules)
    if predicate.profile is not None:
        yield from (column.name for column in predicate.profile.columns)


def _texts(predicate: DataPredicate) -> Iterator[str]:
    yield predicate.reason
    for finding in predicate.findings:
        yield from (finding.id, finding.message, finding.explanation or "")
    yield from (rule.message for dataset in predicate.datasets for rule in dataset.rules)
    if predicate.profile is not None:
        yield from (value for column in predicate.profile.columns for value in column.categories)

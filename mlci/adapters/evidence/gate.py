"""Evidence of another run, read as what it is: a stranger's file. Strict types, bounded sizes, numbers that agree."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from itertools import chain

from mlci import REPOSITORY
from mlci.adapters.evidence.contradictions import contradictions
from mlci.adapters.evidence.statement import DIGEST, Statement, decoded
from mlci.domain.evidence import STATEMENT, GatePredicate, NoValue, Statistic, predicate_type
from mlci.domain.fairness import Disparities
from mlci.errors import ArtifactRefused, Place

# A file of ten mebibytes carries some thousand comparisons with everything said of them.
LARGEST = 10 * 1024 * 1024
MOST_NUMBERS = 20_000
LONGEST_NAME = 400
_HELP = "let the run that made it run again, with this version"


def read_gate(content: bytes, place: str, *, limit: int = LARGEST, most: int = MOST_NUMBERS) -> GatePredicate:
    """The gate's evidence, believed in nothing but its form: what it says may still be a lie.

    Args:
        content: bytes of an in-toto Statement.
        place: names the evidence in an error.
        limit: largest size in bytes.
        most: most comparisons, and most measurements.

    Raises:
        ArtifactRefused: the content is too large or malformed, is of another kind, or contradicts itself.
    """
    where = Place(place)
    kind = Statement[GatePredicate]
    statement = decoded(content, kind, where, what="the evidence", limit=limit, help=_HELP)
    for cause in _wrong(statement, most):
        raise ArtifactRefused(cause, place=where, help=_HELP)
    return statement.predicate


def _wrong(statement: Statement[GatePredicate], most: int) -> Iterator[str]:
    predicate = statement.predicate
    if statement.type != STATEMENT or statement.predicate_type != predicate_type(REPOSITORY, "gate"):
        yield "this is not the evidence of a gate"
    candidate = predicate.candidate
    named = [(subject.name, subject.digest) for subject in statement.subject]
    if named != [(candidate.name, {"sha256": candidate.digest})]:
        yield "the evidence is not about the candidate it names"
    digested = (candidate, predicate.baseline, *predicate.functions)
    if any(not DIGEST.fullmatch(each.digest) for each in digested if each is not None):
        yield "a digest is not 64 hexadecimal digits"
    if any(len(numbers) > most for numbers in _lists(predicate)):
        yield f"the evidence has more than {most} numbers of one kind"
    if any(len(name) > LONGEST_NAME for name in _names(predicate)):
        yield f"a name has more than {LONGEST_NAME} characters"
    yield from contradictions(predicate)


def _lists(predicate: GatePredicate) -> Iterator[Sized]:
    yield from (predicate.findings, predicate.statistics, predicate.undefined, predicate.measurements)
    yield predicate.functions
    if predicate.anchor is not None:
        yield from (predicate.anchor.statistics, predicate.anchor.undefined)
    if predicate.recipe is not None:
        yield predicate.recipe.metrics
    if predicate.bare is not None:
        yield from (predicate.bare.candidate, predicate.bare.baseline or {})
    if predicate.coverage is not None:
        covered = predicate.coverage
        yield from (covered.slices, covered.slice_columns, covered.thinned, covered.folded, covered.scores)
        yield from (each.names for each in covered.folded)
    yield predicate.confirmations
    if predicate.discovery is not None:
        yield from (predicate.discovery.columns, predicate.discovery.left, predicate.discovery.found)
    if predicate.fairness is not None:
        fairness = predicate.fairness
        yield from (fairness.columns, fairness.rates, fairness.links, fairness.folded)
        yield from (each.names for each in fairness.folded)


def _of_anchor(predicate: GatePredicate) -> Iterator[str]:
    if predicate.anchor is not None:
        yield predicate.anchor.name
        every: list[Statistic | NoValue] = [*predicate.anchor.statistics, *predicate.anchor.undefined]
        yield from (each.metric for each in every if each.metric is not None)


def _names(predicate: GatePredicate) -> Iterator[str]:
    """Every text of the evidence that a report made from it may show."""
    yield predicate.candidate.name
    if predicate.baseline is not None:
        yield predicate.baseline.name
    comparisons: list[Statistic | NoValue] = [*predicate.statistics, *predicate.undefined, *predicate.confirmations]
    yield from _of_anchor(predicate)
    for each in comparisons:
        yield from (name for name in (each.metric, each.slice_column, each.slice) if name is not None)
    yield from (measurement.metric for measurement in predicate.measurements)
    yield from (text for each in predicate.functions for text in (each.metric, each.call))
    yield from (each.metric for each in (predicate.recipe.metrics if predicate.recipe is not None else ()))
    if predicate.bare is not None:
        yield from chain(predicate.bare.candidate, predicate.bare.baseline or ())
    if predicate.coverage is not None:
        yield from predicate.coverage.slice_columns
        yield from (score.name for score in predicate.coverage.scores)
        yield from (thinned.slice for thinned in predicate.coverage.thinned)
        for slice_ in predicate.coverage.slices:
            yield from (slice_.column, slice_.name)
        for folded in predicate.coverage.folded:
            yield from (folded.column, *folded.names)
    if predicate.discovery is not None:
        found = predicate.discovery
        yield from (*found.columns, *found.left, found.metric or "")
        for hidden in found.found:
            yield from (hidden.column, hidden.slice)
    if predicate.fairness is not None:
        yield from _names_of_groups(predicate.fairness)


def _names_of_groups(found: Disparities) -> Iterator[str]:
    yield from found.columns
    for rate in found.rates:
        yield from (rate.column, rate.group)
    for link in found.links:
        yield from (link.column, link.one, link.other)
    for folded in found.folded:
        yield from (folded.column, *folded.names)

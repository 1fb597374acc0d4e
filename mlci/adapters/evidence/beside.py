"""Whether what evidence says beside its comparison can be true: of looks and of the anchor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mlci.adapters.evidence.statement import DIGEST
from mlci.domain.evidence import Anchored, GatePredicate, NoValue, Statistic
from mlci.domain.health import Health

# No holdout has had more looks.
_MOST = 10**12

Wrong = Callable[[Statistic], Iterable[str]]


def wrong_beside(predicate: GatePredicate, of_statistic: Wrong) -> Iterator[str]:
    """What cannot be true, one clause each.

    Args:
        predicate: the evidence.
        of_statistic: what is wrong with one comparison by itself.
    """
    wear, health, anchor = predicate.wear, predicate.health, predicate.anchor
    if wear is not None and not 0 < wear.look <= wear.looks <= _MOST:
        yield "a look is none of those that were counted"
    if health is not None:
        yield from _of_health(health, predicate)
    if anchor is not None:
        yield from (f"the anchor: {what}" for what in _of_anchor(anchor, predicate, of_statistic))


def _of_health(of: Health, predicate: GatePredicate) -> Iterator[str]:
    if predicate.baseline is None:
        yield "the health of a baseline is told, and there is none"
    if (of.age is not None and not 0 <= of.age <= _MOST) or (of.examples is not None and not 0 < of.examples <= _MOST):
        yield "the age or the examples of the baseline are none that can be"
    if of.policy is not None and not DIGEST.fullmatch(of.policy):
        yield "the digest of the baseline's policy is not 64 hexadecimal digits"


def _of_anchor(anchor: Anchored, predicate: GatePredicate, of_statistic: Wrong) -> Iterator[str]:
    every: list[Statistic | NoValue] = [*anchor.statistics, *anchor.undefined]
    if predicate.baseline is None or predicate.bare is not None:
        yield "it is compared where production is not"
    if (anchor.digest is None and anchor.same_holdout) or (anchor.digest and not DIGEST.fullmatch(anchor.digest)):
        yield "its digest is not 64 hexadecimal digits"
    if every and not anchor.same_holdout:
        yield "it was not scored on these examples and is compared on them"
    names = [each.metric for each in every]
    if None in names or len(set(names)) < len(names):
        yield "a comparison has no metric or is there twice"
    if any(each.slice is not None or each.slice_column is not None or each.n != predicate.examples for each in every):
        yield "a comparison is not of all examples"
    for statistic in anchor.statistics:
        yield from of_statistic(statistic)
    own = {each.metric: each.value for each in predicate.measurements}
    if any(own.get(str(each.metric), each.candidate) != each.candidate for each in anchor.statistics):
        yield "the candidate has two values of one metric"

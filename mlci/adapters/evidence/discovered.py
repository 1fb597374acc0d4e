"""Whether a search for slices, and what confirms it, can be true together."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.discovery import MOST_COLUMNS, MOST_FOUND, Discovery
from mlci.domain.evidence import GatePredicate

# No search looks at more slices.
_MOST = 10**9


def of_discovery(predicate: GatePredicate, found: Discovery | None) -> Iterator[str]:
    """Every way in which they contradict each other, one clause each, without any text of theirs."""
    n = predicate.examples or 0
    if found is not None and not (0 <= found.searched <= n and _fit(found.slices) and _fit(found.small)):
        yield "more examples were searched than there are"
    known = {} if found is None else {each.slice: each for each in found.found}
    for each in predicate.confirmations:
        slice_ = known.get(each.slice or "")
        if found is None or slice_ is None or (each.slice_column, each.metric) != (slice_.column, found.metric):
            yield "a slice is confirmed that was not found"
        elif each.n > n - found.searched:
            yield "a slice has more examples in the other half than there are"
    if len({each.slice for each in predicate.confirmations}) != len(predicate.confirmations):
        yield "a slice is confirmed twice"
    if found is None:
        return
    if len(known) != len(found.found) or len(known) > min(MOST_FOUND, found.slices):
        yield "more slices were found than there can be"
    if len(found.columns) > MOST_COLUMNS or (found.found and found.metric is None):
        yield "more columns were searched than there can be"
    if any(not 0 < each.n <= found.searched or not each.loss > 0 for each in found.found):
        yield "a slice was found where there is none"


def _fit(slices: int) -> bool:
    return 0 <= slices <= _MOST

"""The candidate measured against the anchor, so that numbers alone say what was lost since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mlci.domain.evidence import Anchored, Coverage, Numbers
from mlci.domain.policy import GatePolicy, SlicePolicy
from mlci.errors import MlciError

if TYPE_CHECKING:
    from mlci.steps.beside import Beside
    from mlci.steps.gate_compare import Given, Measured

Measure = Callable[["Given", "Given", GatePolicy], "Measured"]


def with_anchor(
    numbers: Numbers, candidate: Given, baseline: Given | None, policy: GatePolicy, beside: Beside, measure: Measure
) -> Numbers:
    """The numbers, with those against the anchor where there is one that is not production itself.

    Args:
        numbers: of the comparison with production.
        candidate: what is judged.
        baseline: production.
        policy: what is asked.
        beside: knows the anchor.
        measure: turns two files into numbers.
    """
    if baseline is None or numbers.bare is not None:
        return numbers
    if beside.anchor is None:
        return numbers if beside.unscored is None else replace(numbers, anchor=_unscored(beside.unscored))
    name, digest = beside.anchor.subject.name, beside.anchor.subject.digest
    if digest == baseline.subject.digest:
        return numbers
    # Slices are judged against production; here the sum of many steps is, on all examples.
    asked = replace(policy, slices=SlicePolicy(), sensitive=())
    try:
        found = measure(candidate, beside.anchor, asked).numbers
    except MlciError:
        return replace(numbers, anchor=_unscored(name, digest))
    if not _same_examples(numbers, found):
        return replace(numbers, anchor=_unscored(name, digest))
    anchored = Anchored(
        name=name, digest=digest, same_holdout=True, statistics=found.statistics, undefined=found.undefined
    )
    return replace(numbers, anchor=anchored)


def _unscored(name: str, digest: str | None = None) -> Anchored:
    return Anchored(name=name, digest=digest, same_holdout=False)


def _same_examples(one: Numbers, other: Numbers) -> bool:
    """Whether two comparisons of one candidate are on the same examples: reading has compared their ids and truth."""
    return one.examples == other.examples and _alone(one.coverage) == _alone(other.coverage)


def _alone(covered: Coverage | None) -> tuple[int, ...]:
    return () if covered is None else tuple(each.rows for each in covered.alone)

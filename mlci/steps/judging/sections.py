"""What is worth knowing beside the findings, made from the numbers alone, each part in a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlci.domain.evidence import Numbers
from mlci.domain.policy import GatePolicy
from mlci.domain.report import Section

# In the order a reader meets them.
_PARTS: tuple[Callable[[Numbers, GatePolicy], Iterator[Section]], ...] = ()


def sections(numbers: Numbers, policy: GatePolicy) -> Iterator[Section]:
    """Every section that these numbers fill."""
    for part in _PARTS:
        yield from part(numbers, policy)

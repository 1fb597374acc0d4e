"""How two models run, as a stranger says it: whatever could not have been measured contradicts itself."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.operation import MOST_BLOCKS, MOST_PAIRS, Footprint, Operations, Timings

LONGEST_HARDWARE = 400
# Ten thousand seconds: no call that is waited for takes longer.
_LONGEST_CALL = 10**13
_LARGEST = 1 << 50
_MOST_STARTS = 100
_LARGEST_BATCH = 1 << 20


def of_operations(given: Operations | None) -> Iterator[str]:
    """Every way in which the numbers cannot be, one clause each, without any text of theirs."""
    if given is None:
        return
    if given.hardware is not None and len(given.hardware) > LONGEST_HARDWARE:
        yield f"the machine is described in more than {LONGEST_HARDWARE} characters"
    for footprint in (given.candidate, given.production):
        if footprint is not None:
            yield from _of_footprint(footprint)
    if given.timings is not None:
        yield from _of_timings(given.timings)


def _of_footprint(of: Footprint) -> Iterator[str]:
    if not 0 < of.size <= _LARGEST or not all(0 < each <= _LARGEST for each in of.memory):
        yield "the size of a model is none that can be"
    if len(of.memory) > _MOST_STARTS:
        yield f"a model was started more than {_MOST_STARTS} times"


def _of_timings(of: Timings) -> Iterator[str]:
    if not of.blocks or any(not block.candidate for block in of.blocks):
        yield "there is a block without a call"
    if of.pairs > MOST_PAIRS or len(of.blocks) > MOST_BLOCKS or not 1 <= of.batch <= _LARGEST_BATCH:
        yield "there are more calls than were made"
    partners = {len(block.production) - len(block.candidate) if block.production else None for block in of.blocks}
    if partners not in ({0}, {None}) and of.blocks:
        yield "a call of one model has no partner"
    if any(not 0 < time <= _LONGEST_CALL for block in of.blocks for time in (*block.candidate, *block.production)):
        yield "the time of a call is none that can be"

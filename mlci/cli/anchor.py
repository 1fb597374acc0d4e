"""The anchor in a registry: the version that the alias ``anchor`` points at, the best that was production so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mlci.domain.anchor import comparisons, surpasses
from mlci.domain.policy import GatePolicy, SlicePolicy

if TYPE_CHECKING:
    from mlci.ports import Registry, Version
    from mlci.publish import Loudness
    from mlci.steps.gate_compare import Given

ANCHOR = "anchor"


def anchor_of(registry: Registry, production: Version) -> Version | None:
    """The version that is the anchor; None where there is none yet, and where production itself is.

    Args:
        registry: that has aliases.
        production: the version that is compared with.
    """
    found = registry.aliased(production.model, ANCHOR)
    return None if found is None or found.number == production.number else found


def settle(
    registry: Registry, production: Version, against: Callable[[], tuple[Given, Given] | None], policy: GatePolicy
) -> Iterator[tuple[Loudness, str]]:
    """Let the alias point at production where that is shown to be better than the anchor, or is the first.

    Whatever makes a version production calls this afterwards, or leaves it to the next run of the gate: a person who
    moves ``production`` need not think of the anchor.

    Args:
        registry: that has aliases.
        production: the version that is production now.
        against: predictions of production and of the anchor on one holdout; None where one has none.
        policy: which metrics count, the first of which decides.

    Yields:
        how loud it is and a line, where the alias was moved.

    Raises:
        MlciError: the two cannot be compared.
    """
    before = registry.aliased(production.model, ANCHOR)
    if before is None:
        registry.point(production, ANCHOR)
        yield "notice", f"{production.model} version {production.number} is the anchor of later ones"
        return
    both = against() if before.number != production.number else None
    if both is not None and _is_better(*both, policy):
        registry.point(production, ANCHOR)
        yield (
            "notice",
            f"{production.model} version {production.number} is shown to be better than version {before.number}, and "
            "is the anchor now",
        )


def _is_better(production: Given, anchor: Given, policy: GatePolicy) -> bool:
    from mlci.steps.gate_compare import measure
    from mlci.steps.judging import judge

    asked = replace(policy, compare=True, holdout=None, slices=SlicePolicy(), sensitive=())
    return surpasses(comparisons(judge(measure(production, anchor, asked).numbers, asked).findings))

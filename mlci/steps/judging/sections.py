"""What is worth knowing beside the findings, made from the numbers alone, each part in a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlci.domain.budget import HARMLESS
from mlci.domain.evidence import Numbers
from mlci.domain.policy import GatePolicy
from mlci.domain.report import Section
from mlci.steps.judging.budget import baseline, wear
from mlci.steps.judging.calibration import calibration
from mlci.steps.judging.changes import changes
from mlci.steps.judging.discovery import searched
from mlci.steps.judging.groups import group_rates
from mlci.steps.judging.recipe import which_question

# In the order a reader meets them.
_PARTS: tuple[Callable[[Numbers, GatePolicy], Iterator[Section]], ...] = (
    which_question,
    group_rates,
    searched,
    changes,
    calibration,
    wear,
    baseline,
)


def sections(numbers: Numbers, policy: GatePolicy) -> Iterator[Section]:
    """Every section that these numbers fill."""
    for part in _PARTS:
        for each in part(numbers, policy):
            # What describes a candidate tells how good it is, as its figures do.
            if policy.holdout is None or policy.holdout.reuse != "full" or each.id in HARMLESS:
                yield each

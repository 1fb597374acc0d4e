"""What is known of a comparison beside the two files, in time to be judged with it: looks, anchor, baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlci.domain.evidence import Numbers
from mlci.domain.health import Health
from mlci.domain.wear import Look, Looks

if TYPE_CHECKING:
    from mlci.steps.gate_compare import Given


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What trusted code brings to a comparison.

    Attributes:
        looks: that are remembered; None where nobody remembers any.
        found: looks of runs that the memory does not hold yet.
        at_least: whether there may be more that could not be counted.
        anchor: its predictions; None where there is no anchor, or none that can be compared with.
        health: of the baseline, but for whether it was judged on these examples; None where nobody looked.
        evaluation_set: digest of the examples that the baseline was judged on; None where that is not known.
        unscored: name of an anchor that was not scored on this holdout; None where there is none such.
    """

    looks: Looks | None = None
    found: Sequence[Look] = ()
    at_least: bool = False
    anchor: Given | None = None
    unscored: str | None = None
    health: Health | None = None
    evaluation_set: str | None = None

    def after(self, evaluation_set: str | None, candidate: str) -> Looks | None:
        """The memory with what was found and with this look, for whoever keeps it.

        Args:
            evaluation_set: digest of the examples that were compared; None where there are none.
            candidate: digest of the candidate's predictions.
        """
        if self.looks is None or evaluation_set is None:
            return self.looks
        look = Look(evaluation_set=evaluation_set, candidate=candidate)
        return self.looks.seen((*self.found, look), evaluation_set)

    def with_wear(self, numbers: Numbers, evaluation_set: str | None, candidate: str) -> Numbers:
        """The numbers, with how often their holdout was looked at."""
        after = self.after(evaluation_set, candidate)
        if after is None or evaluation_set is None:
            return numbers
        look = Look(evaluation_set=evaluation_set, candidate=candidate)
        return replace(numbers, wear=after.wear(look, at_least=self.at_least))

    def with_health(self, numbers: Numbers, evaluation_set: str | None) -> Numbers:
        """The numbers, with what is known of the baseline they compare with."""
        if self.health is None or not numbers.compared:
            return numbers
        known = self.evaluation_set is not None and evaluation_set is not None
        same = self.evaluation_set == evaluation_set if known else None
        return replace(numbers, health=replace(self.health, same_holdout=same))

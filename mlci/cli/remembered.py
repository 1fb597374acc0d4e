"""What a run of the gate remembers of earlier ones, and what it leaves for later ones to remember."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from mlci.domain.baseline import may_become_baseline, may_keep
from mlci.domain.wear import Look, Looks
from mlci.errors import ServiceFailed, ServiceRefused

if TYPE_CHECKING:
    from mlci.adapters.baselines import Chosen, Found
    from mlci.adapters.models.looks import RegistryLooks
    from mlci.cli.forge import Forge
    from mlci.cli.sides import Sides
    from mlci.ports import Baselines
    from mlci.publish import Loudness
    from mlci.steps.beside import Beside
    from mlci.steps.gate_compare import Outcome

Say = Callable[["Loudness", str], None]


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """The looks at holdouts, as far as they are known before this run.

    Attributes:
        before: as they are remembered; None where nobody remembers any.
        found: those of other runs that the memory does not hold yet; None where nobody looked for them.
        at_least: whether there may be more that could not be counted.
        registry: that remembers them; None where it is the default branch's runs.
    """

    before: Looks | None = None
    found: Found | None = None
    at_least: bool = False
    registry: RegistryLooks | None = None

    @property
    def beside(self) -> Beside:
        """What the gate is told of it."""
        from mlci.steps.beside import Beside

        looks = self.found.looks if self.found is not None else ()
        return Beside(looks=self.before, found=looks, at_least=self.at_least)

    def after(self, outcome: Outcome) -> Looks:
        """What is to be remembered after this run."""
        looks = outcome.looks or Looks()
        report = outcome.report
        compared = report.baseline is not None and report.candidate != report.baseline
        if compared and report.candidate is not None and outcome.evaluation_set is not None and is_accepted(outcome):
            looks = looks.accepted(Look(evaluation_set=outcome.evaluation_set, candidate=report.candidate.digest))
        return looks if self.found is None else self.found.into(looks)

    def tell(self, outcome: Outcome) -> None:
        """Let the registry remember this run."""
        if self.registry is not None and self.before is not None:
            self.registry.remember(self.after(outcome), self.before)


def is_accepted(outcome: Outcome) -> bool:
    """Whether what was judged may become what later candidates are compared with."""
    return may_become_baseline(outcome.report.verdict, outcome.report.findings) is None


def remembered(
    forge: Forge | None, artifact: str, *, budget: bool, baselines: Baselines | None, sides: Sides, say: Say
) -> Remembered:
    """Find out what is known of the looks at holdouts.

    Args:
        forge: that this runs on.
        artifact: name of what runs of the gate leave there.
        budget: whether policy allows only so many looks. Then a change counts those of other changes too, so that the
            budget holds from one merge to the next; else that is left to the runs of the default branch.
        baselines: where runs of the default branch are kept, once they were looked through.
        sides: what is compared, and the registry.
        say: tells the reader of the log.

    Raises:
        ServiceFailed, ServiceRefused: they cannot be counted, and policy has a budget of them.
        ArtifactRefused: what is remembered cannot be read.
    """
    memory = _memory(baselines, sides)
    if memory.before is None or forge is None:
        return memory
    if not (budget or may_keep(forge.run)):
        return replace(memory, at_least=True)
    from mlci.adapters.baselines import looks_of

    try:
        found = looks_of(forge.runs, artifact, memory.before.read)
    except (ServiceFailed, ServiceRefused) as error:
        if budget:
            raise
        say("notice", f"looks of changes at the holdout could not be counted: {error.cause}")
        return replace(memory, at_least=True)
    return replace(memory, found=found, at_least=not found.complete)


def _memory(baselines: Baselines | None, sides: Sides) -> Remembered:
    if baselines is not None:
        from mlci.adapters.baselines import KEPT, joined

        return Remembered(before=joined(baselines.memories(), KEPT))
    model = sides.model_name
    if sides.registry is None or not sides.registry.has_aliases or model is None:
        return Remembered()
    from mlci.adapters.models.looks import RegistryLooks

    registry = RegistryLooks(sides.registry, model)
    return Remembered(before=registry.looks(), registry=registry)


def kept_with(outcome: Outcome | None, looks: Looks, chosen: Chosen | None) -> dict[str, bytes]:
    """What lies beside what a run of the default branch keeps.

    Args:
        outcome: of this run; None where it judged nothing and hands the baseline on.
        looks: at holdouts, after this run.
        chosen: the baseline so far.
    """
    from mlci.adapters.baselines import KEPT, Memory, encoded

    since = chosen.memory.since if chosen is not None else None
    if outcome is not None and is_accepted(outcome):
        again = chosen is not None and outcome.report.candidate is not None and (
            outcome.report.candidate.digest == chosen.candidate.digest
        )  # fmt: skip
        since = since if again else f"{datetime.now(timezone.utc):%Y-%m-%d}"
    return {KEPT: encoded(Memory(since=since, looks=looks))}

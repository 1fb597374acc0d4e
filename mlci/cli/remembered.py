"""What a run of the gate remembers of earlier ones, and what it leaves for later ones to remember."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from mlci.cli.health import health_of
from mlci.domain.anchor import comparisons, surpasses
from mlci.domain.baseline import may_become_baseline, may_keep
from mlci.domain.wear import Look, Looks
from mlci.errors import ServiceFailed, ServiceRefused

if TYPE_CHECKING:
    from mlci.adapters.baselines import Chosen, Found
    from mlci.adapters.models.looks import RegistryLooks
    from mlci.cli.forge import Forge
    from mlci.cli.sides import Sides
    from mlci.domain.health import Health
    from mlci.ports import Baselines
    from mlci.publish import Loudness
    from mlci.steps.beside import Beside
    from mlci.steps.gate_compare import Given, Outcome

Say = Callable[["Loudness", str], None]


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """What is known before this run: the looks at holdouts, and the anchor.

    Attributes:
        before: as they are remembered; None where nobody remembers any.
        found: those of other runs that the memory does not hold yet; None where nobody looked for them.
        at_least: whether there may be more that could not be counted.
        registry: that remembers them; None where it is the default branch's runs.
        anchor: its predictions; None where there is none to compare with.
        health: of the baseline; None where nobody looked.
        evaluation_set: digest of the examples that the baseline was judged on; None where that is not known.
        unscored: name of an anchor that was not scored on this holdout; None where there is none such.
    """

    before: Looks | None = None
    found: Found | None = None
    at_least: bool = False
    registry: RegistryLooks | None = None
    anchor: Given | None = None
    unscored: str | None = None
    health: Health | None = None
    evaluation_set: str | None = None

    @property
    def beside(self) -> Beside:
        """What the gate is told of it."""
        from mlci.steps.beside import Beside

        looks = self.found.looks if self.found is not None else ()
        return Beside(
            looks=self.before,
            found=looks,
            at_least=self.at_least,
            anchor=self.anchor,
            unscored=self.unscored,
            health=self.health,
            evaluation_set=self.evaluation_set,
        )

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
    forge: Forge | None,
    artifact: str,
    *,
    budget: bool,
    baselines: Baselines | None,
    chosen: Chosen | None,
    sides: Sides,
    say: Say,
) -> Remembered:
    """Find out what is known of the looks at holdouts, the anchor and the baseline.

    Args:
        forge: that this runs on.
        artifact: name of what runs of the gate leave there.
        budget: whether policy allows only so many looks. Then a change counts those of other changes too, so that the
            budget holds from one merge to the next; else that is left to the runs of the default branch.
        baselines: where runs of the default branch are kept, once they were looked through.
        chosen: the baseline that was found there; None where there is none.
        sides: what is compared, and the registry.
        say: tells the reader of the log.

    Raises:
        ServiceFailed, ServiceRefused: they cannot be counted, and policy has a budget of them.
        ArtifactRefused: what is remembered cannot be read.
    """
    memory = replace(_memory(baselines, sides), **_known_anchor(chosen, sides))
    health, evaluation_set = health_of(forge, chosen, sides)
    memory = replace(memory, health=health, evaluation_set=evaluation_set)
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


def _known_anchor(chosen: Chosen | None, sides: Sides) -> dict[str, Any]:
    if chosen is None:
        return {"anchor": sides.anchor, "unscored": sides.unscored}
    if chosen.anchor is None:
        return {}
    from mlci.cli.sides import given

    return {"anchor": given(chosen.anchor.path, f"the anchor beside {chosen.origin}")}


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
    anchor = _anchor(outcome, chosen) if chosen is not None else {}
    return {KEPT: encoded(Memory(since=since, looks=looks)), **anchor}


def _anchor(outcome: Outcome | None, chosen: Chosen) -> dict[str, bytes]:
    """The anchor's evidence and predictions, where the baseline that is kept is not the anchor itself."""
    accepted = outcome is not None and is_accepted(outcome)
    if chosen.anchor is None and not accepted:
        return {}
    evidence, path, digest = chosen.evidence, chosen.path, chosen.candidate.digest
    if chosen.anchor is not None:
        evidence, path, digest = chosen.anchor.evidence, chosen.anchor.path, chosen.anchor.digest
    if accepted and outcome is not None:
        again = outcome.report.candidate is not None and outcome.report.candidate.digest == digest
        if again or surpasses(comparisons(outcome.report.findings)):
            return {}
    from mlci.adapters.baselines.layout import ANCHOR_GATE, anchor_name, content_of

    return {ANCHOR_GATE: evidence, anchor_name(path, path): content_of(path)}

"""What the gate decided, recorded with a version of the registry; what that makes production, and the anchor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.cli.anchor import settle
from mlci.cli.sides import PRODUCTION
from mlci.domain import card
from mlci.domain.baseline import may_become_baseline
from mlci.domain.verdict import Verdict

if TYPE_CHECKING:
    from mlci.cli.sides import Sides
    from mlci.domain.policy import GatePolicy
    from mlci.ports import Registry, Version
    from mlci.publish import Loudness
    from mlci.steps.gate_compare import Given, Outcome


def record(
    registry: Registry, sides: Sides, outcome: Outcome, evidence: str, policy: GatePolicy, commit: str | None = None
) -> Iterator[tuple[Loudness, str]]:
    """Record the gate's word with the candidate's version; the first one that is accepted becomes production.

    Args:
        registry: that has the version.
        sides: what was compared; ``sides.recorded`` holds.
        outcome: of the gate.
        evidence: path of the gate's evidence.
        policy: that decided.
        commit: of the default branch that this is a run for; None on a developer's machine.

    Yields:
        how loud it is and a line, for each thing that was done or is amiss.
    """
    version, model = sides.version, sides.model
    if version is None or model is None:
        return
    holdout = model.predictions.holdout.digest
    tags, metrics = card.judged(outcome.report, outcome.report.evidence["gate"], holdout, _day(version))
    if commit is not None and card.GATE_COMMIT not in version.tags:
        tags = {**tags, card.GATE_COMMIT: commit}
    registry.annotate(version, tags, metrics, {"mlci/gate.json": evidence, **_scored_again(version, sides)})
    yield "notice", f"recorded with {version.model} version {version.number}: {outcome.report.verdict.value}"
    if not registry.has_aliases:
        # Production is the last accepted run of the default branch, which keeps itself.
        return
    yield from _as_production(registry, version, outcome)
    production = registry.aliased(version.model, PRODUCTION)
    if production is not None:
        yield from settle(registry, production, lambda: _against_anchor(sides, production), policy)


def _scored_again(version: Version, sides: Sides) -> dict[str, str]:
    """The evidence that was judged, where it is not the one that the version was registered with."""
    from mlci.adapters.models.chain import JUDGED
    from mlci.adapters.models.checked import DATA, data_name
    from mlci.adapters.models.handover import EVIDENCE

    if not sides.handed or sides.candidate.model == version.tags.get(card.EVIDENCE):
        return {}
    checked = sides.model.data if sides.model is not None else None
    data = {f"mlci/{data_name(checked)}": str(Path(sides.path).with_name(DATA))} if checked is not None else {}
    return {JUDGED: str(Path(sides.path).with_name(EVIDENCE)), **data}


def _day(version: Version) -> str:
    """The day of the verdict; where the version was accepted before, that of the first time."""
    accepted = version.tags.get(card.VERDICT) in (Verdict.PASS.value, Verdict.WARN.value)
    return (version.tags.get(card.VERDICT_DAY) if accepted else None) or f"{datetime.now(timezone.utc):%Y-%m-%d}"


def _against_anchor(sides: Sides, production: Version) -> tuple[Given, Given] | None:
    """Predictions of production and of the anchor on the candidate's holdout; None where one of them has none."""
    is_it = sides.production is not None and sides.production.number == production.number
    return (sides.baseline, sides.anchor) if is_it and sides.baseline is not None and sides.anchor is not None else None


def _as_production(registry: Registry, version: Version, outcome: Outcome) -> Iterator[tuple[Loudness, str]]:
    """Let a version be production where it is the first that was accepted."""
    accepted = may_become_baseline(outcome.report.verdict, outcome.report.findings) is None
    if not accepted or registry.aliased(version.model, PRODUCTION) is not None:
        return
    before = _accepted_before(registry, version)
    if before is not None:
        # Whoever took the alias away meant something by it; what it pointed at is not known here.
        yield (
            "warning",
            f"no version of {version.model} has the alias {PRODUCTION}, although version {before} was accepted before: "
            "nothing is compared until somebody sets it (docs/registry.md, Production)",
        )
        return
    # Until there is a production model there is nothing that a promotion could be weighed against.
    registry.point(version, PRODUCTION)
    yield "notice", f"{version.model} version {version.number} is the first that was accepted, and so is production"


def _accepted_before(registry: Registry, version: Version) -> str | None:
    """Number of another version that the gate accepted; None where this is the first."""
    accepted = (
        one.number
        for verdict in (Verdict.PASS, Verdict.WARN)
        for one in registry.tagged(version.model, card.VERDICT, verdict.value)
    )
    return next((number for number in accepted if number != version.number), None)

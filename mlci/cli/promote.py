"""``mlci promote``: find the version, read its chain, count who agreed, decide, and say what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlci.adapters.disk import files
from mlci.cli.delivery import Delivery, delivery_of, unjudged
from mlci.cli.invocation import Invocation
from mlci.cli.origin import version_of
from mlci.cli.papers import papers
from mlci.cli.promotable import judged
from mlci.cli.releasing import Desk, desk_of
from mlci.cli.sides import PRODUCTION
from mlci.domain.release.ledger import Pointed
from mlci.domain.release.promotion import APPROVAL
from mlci.domain.verdict import Verdict
from mlci.errors import (
    ApprovalMissing,
    Exit,
    MlciError,
    NotServing,
    PromotionRefused,
    RequiredMissing,
)

if TYPE_CHECKING:
    from mlci.domain.release.evidence import Requirement
    from mlci.steps.promoting.promote import Promoted

_SHOWN = (Exit.UNDECIDED, Exit.SERVICE, Exit.INTEGRITY, Exit.APPROVAL, Exit.PROMOTION)


def run(invocation: Invocation) -> Exit:
    """Promote, deliver the report, and end as it says."""
    delivery = delivery_of(invocation)
    model = invocation.resolved.config.model
    try:
        desk = desk_of(invocation, delivery.say)
        model = desk.config.model
        found = _promoted(desk)
    except MlciError as error:
        if error.exit in _SHOWN:
            delivery.deliver(unjudged("promote", error, model, environ=invocation.environ), {"promoted": "false"})
        raise
    return _delivered(desk, found, delivery)


def _promoted(desk: Desk) -> Promoted:
    from mlci.steps.promoting.promote import Wanted, promote

    stages = desk.config.promote.stages
    if desk.invocation.wants("adopt") and not desk.own["reason"]:
        raise RequiredMissing("promote --adopt needs --reason", help="say who moved the alias, and why that is meant")
    stage = desk.stage(desk.own["to"], desk.config.validation.promote_on_pass)
    version = version_of(desk)
    # Before production every stage is compared with what users have now; production with what it is at.
    compared = PRODUCTION if PRODUCTION in stages and stage != stages[-1] else stage
    wanted = Wanted(
        stage=stage,
        target=Pointed(version=version.number, artifact=desk.artifact(version)),
        reason=desk.reason(f"version {version.number} meets what {stage} asks for"),
        adopt=desk.invocation.wants("adopt"),
        compared=compared,
        dry_run=desk.dry_run,
        knowingly=desk.own["version"] is not None and desk.own["reason"] is not None,
    )
    return promote(desk.release(), wanted, lambda at: judged(desk, stage, version, compared, at))


def _delivered(desk: Desk, found: Promoted, delivery: Delivery) -> Exit:
    from mlci.steps.promoting.reporting import outputs_of, report_on

    report = report_on(found, desk.model)
    report = replace(report, sections=(*report.sections, *papers(desk, found)))
    if found.evidence is not None:
        files.write(desk.own["evidence"], found.evidence)
    ended = found.ended
    at = ended.standing.at.version if ended is not None else found.before.version if found.before is not None else ""
    moved = ended is not None and ended.served
    outputs = {**outputs_of(found.page, at, found.wanted.stage), "promoted": "true" if moved else "false"}
    delivery.deliver(report, outputs)
    missing = found.judged.missing if found.judged is not None else []
    if missing:
        raise _refused(found, missing)
    if ended is not None and not ended.served:
        raise NotServing(
            f"{found.wanted.stage} was not promoted: {ended.said}",
            help="the version before was decided on again; see in the log of what serves why it did not follow",
        )
    return Exit.PASS


def _refused(found: Promoted, missing: list[Requirement]) -> MlciError:
    from mlci.steps.promoting.reporting import help_with

    said = "; ".join(f"{each.name}: {each.said}" for each in missing)
    cause = f"version {found.wanted.target.version} is not promoted to {found.wanted.stage}: {said}"
    only_people = all(each.name == APPROVAL or _waits(found, each) for each in missing)
    if only_people:
        return ApprovalMissing(cause, help="mlci approve says who may approve, and how; then promote again")
    return PromotionRefused(cause, help="\n".join(f"{each.name}: {help_with(each)}" for each in missing))


def _waits(found: Promoted, each: Requirement) -> bool:
    """Whether a person's word would do."""
    return each.name == "gate" and found.judged is not None and found.judged.verdict is Verdict.INCONCLUSIVE

"""``mlci rollback``: the way back from the ledger, the version verified, and what came of it said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlci.adapters.disk import files
from mlci.cli.delivery import delivery_of, unjudged
from mlci.cli.invocation import Invocation
from mlci.cli.releasing import Desk, desk_of
from mlci.domain import card
from mlci.errors import ChainBroken, Exit, MlciError, NotServing, Place

if TYPE_CHECKING:
    from mlci.domain.release.promotion import Way
    from mlci.steps.promoting.rollback import RolledBack

_SHOWN = (Exit.SERVICE, Exit.INTEGRITY, Exit.PROMOTION)


def run(invocation: Invocation) -> Exit:
    """Roll back, deliver the report, and end as it says."""
    from mlci.steps.promoting.reporting import outputs_of, report_back

    delivery = delivery_of(invocation)
    model = invocation.resolved.config.model
    try:
        desk = desk_of(invocation, delivery.say)
        model = desk.config.model
        found = _rolled_back(desk)
    except MlciError as error:
        if error.exit in _SHOWN:
            delivery.deliver(unjudged("rollback", error, model, environ=invocation.environ), {})
        raise
    report = report_back(found, desk.model)
    if found.evidence is not None:
        files.write(desk.own["evidence"], found.evidence)
    ended = found.ended
    at = ended.standing.at.version if ended is not None else found.before.version
    delivery.deliver(report, outputs_of(found.page, at, found.back.stage))
    if ended is not None and not ended.served:
        raise NotServing(
            f"{found.back.stage} was not rolled back: {ended.said}",
            help="see in the log of what serves why it did not follow",
        )
    return Exit.PASS


def _rolled_back(desk: Desk) -> RolledBack:
    from mlci.steps.promoting.rollback import Back, rollback

    stage = desk.stage(desk.own["stage"], desk.config.promote.stages[-1])
    back = Back(stage=stage, to=desk.own["to_version"], reason=desk.reason(""), dry_run=desk.dry_run)
    return rollback(desk.release(), back, lambda way: _verify(desk, way))


def _verify(desk: Desk, way: Way) -> None:
    """See that the version is still the one that was promoted: its digest, its evidence, its files.

    Raises:
        ChainBroken: it is not.
    """
    from mlci.adapters.models.chain import artifact_of, chain_of, verify_files

    registry, pointed = desk.registry, way.pointed
    version = registry.numbered(desk.model, pointed.version)
    if version is None:
        raise _broken(desk, pointed.version, "the registry has it no more")
    desk.prepare(way.decision.stage, version)
    if card.ARTIFACT not in version.tags:
        if artifact_of(version, registry) != pointed.artifact:
            raise _broken(desk, pointed.version, "its files are not those that the ledger names")
        return
    chain = chain_of(version, registry)
    if chain.model[1].artifact != pointed.artifact:
        raise _broken(desk, pointed.version, "its artifact is not the one that the ledger names")
    named = way.decision.evidence.get("model")
    if named is not None and chain.digests["model"] != named:
        raise _broken(desk, pointed.version, "its evidence is not the one that the ledger names")
    verify_files(chain, registry)


def _broken(desk: Desk, number: str, cause: str) -> ChainBroken:
    return ChainBroken(
        f"version {number} cannot be gone back to: {cause}",
        place=Place(desk.registry.address),
        help="roll back to another version with --to-version, and see who wrote to the registry",
    )

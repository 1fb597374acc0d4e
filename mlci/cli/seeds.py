"""Models of further seeds: the same recipe, trained again with the seeds that follow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlci.domain.recipe import SeedRun
from mlci.domain.report import Subject

if TYPE_CHECKING:
    from mlci.cli.model_ci import Session
    from mlci.ports import Candidate
    from mlci.steps.model_ci import Wanted


def further_seeds(session: Session, first: Candidate) -> tuple[tuple[tuple[SeedRun, str], ...], int]:
    """Models of the seeds that follow, each with the path of its predictions, and how many were trained now.

    Each is found again by an inputs key of its own, which differs from the first one's by the seed alone. By a profile,
    which is a look at a part of the data, there are none.

    Args:
        session: of the first seed.
        first: its model, which is the candidate.
    """
    order = session.order
    if order.profile is not None:
        return (), 0
    found, trained = [], 0
    for number in range(1, order.config.train.seeds):
        run, path, is_new = _another(_of_seed(session, order.config.train.seed + number), first)
        found.append((run, path))
        trained += is_new
    return tuple(found), trained


def _of_seed(session: Session, seed: int) -> Session:
    order, work = session.order, session.work / "seeds" / str(seed)
    work.mkdir(parents=True, exist_ok=True)
    config = replace(order.config, train=replace(order.config.train, seed=seed))
    return replace(session, order=replace(order, config=config), work=work)


def _another(session: Session, first: Candidate) -> tuple[SeedRun, str, bool]:
    """The model of this session's seed: among those that the first one came with, found by its own key, or trained."""
    from mlci.adapters.models import handover
    from mlci.adapters.models.earlier import FolderEarlier
    from mlci.adapters.models.seeds import seed_name
    from mlci.steps import model_ci

    wanted, workshop = session.prepared()
    known = _came_with(first, wanted) if wanted.fresh is None else None
    if known is not None:
        return (*known, False)
    candidate = model_ci.of_another_seed(wanted, workshop)
    folder = str(session.work / "made")
    handover.lay(
        folder,
        evidence=candidate.evidence,
        candidate=candidate.predictions,
        payload=candidate.payload,
        environment=candidate.environment,
        baseline=None,
        data=candidate.data,
    )
    FolderEarlier(str(session.shelf / "models"), session.say).keep(folder, wanted.inputs.key)
    path, seed, of = handover.read(folder).candidate, session.order.config.train.seed, candidate.predicate
    run = SeedRun(
        seed=seed,
        artifact=of.artifact,
        key=of.inputs.key,
        file=Subject(name=seed_name(seed, path), digest=of.predictions.file.digest),
        holdout=of.predictions.holdout.digest,
        evaluator=of.predictions.evaluator,
    )
    return run, path, candidate.origin is None


def _came_with(first: Candidate, wanted: Wanted) -> tuple[SeedRun, str] | None:
    """What an earlier result of the first seed brought along, where it answers what is asked now."""
    asked = (wanted.inputs.key, wanted.holdout.digest, wanted.evaluator)
    return next(((run, path) for run, path in first.seeds if (run.key, run.holdout, run.evaluator) == asked), None)

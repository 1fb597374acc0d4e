"""The evidence of a move of a stage, written once and named by the decision that it is kept with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import rfc8785

from mlci import REPOSITORY, __version__
from mlci.domain.evidence import statement
from mlci.domain.release.evidence import PromotionPredicate, Requirement
from mlci.domain.release.ledger import Decision
from mlci.domain.report import Subject
from mlci.domain.verdict import Verdict


def written(
    decision: Decision,
    model: str,
    *,
    verdict: Verdict | None = None,
    requirements: Sequence[Requirement] = (),
) -> tuple[Decision, dict[str, bytes]]:
    """The decision naming its own evidence besides the chain, and that evidence by its sha256.

    Args:
        decision: whose ``evidence`` is the chain that it stands on.
        model: name of the model.
        verdict: judged again; None where nothing was judged.
        requirements: what the stage asks for.
    """
    predicate = PromotionPredicate(
        model=model,
        action=decision.action,
        stage=decision.stage,
        before=decision.before,
        target=decision.target,
        chain=decision.evidence,
        verdict=verdict,
        requirements=tuple(requirements),
        reason=decision.reason,
        actor=decision.actor,
        mlci=__version__,
    )
    kind = kind_of(decision)
    content = rfc8785.dumps(
        statement(REPOSITORY, kind, Subject(name=model, digest=decision.target.artifact), predicate)
    )
    digest = hashlib.sha256(content).hexdigest()
    return replace(decision, evidence={**decision.evidence, kind: digest}), {digest: content}


def kind_of(decision: Decision) -> str:
    """Under which kind of evidence a decision is kept."""
    return "rollback" if decision.action == "rollback" else "promotion"

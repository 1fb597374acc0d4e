"""The links between a decision and its evidence: which digests and names must be the same, and what may differ.

ledger entry ──▶ promotion ──▶ approval ──▶ gate ──▶ model ──▶ artifact, data
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlci.domain.dataset.evidence import DataPredicate
from mlci.domain.dataset.links import wrong_data
from mlci.domain.evidence import GatePredicate
from mlci.domain.release.evidence import ApprovalPredicate, PromotionPredicate
from mlci.domain.release.ledger import Decision
from mlci.domain.training import ModelPredicate

# Under which kinds a decision keeps the evidence of itself.
OWN = ("promotion", "rollback")
# A signature of a piece of evidence is kept under the kind of that piece and this ending.
SIGNATURE = "-signature"


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The evidence of one decision, as far as it is there and can be read.

    Attributes:
        digests: sha256 of each piece by kind, as the decision names them.
        own: of the decision itself.
        own_kind: the kind that says it is, by its predicate type.
        approval: who agreed.
        gate: what was judged.
        model: what the version is made from.
        data: what the data passed that it was trained on.
    """

    digests: Mapping[str, str]
    own: PromotionPredicate | None = None
    own_kind: str | None = None
    approval: ApprovalPredicate | None = None
    gate: GatePredicate | None = None
    model: ModelPredicate | None = None
    data: DataPredicate | None = None


def is_signature(kind: str) -> bool:
    """Whether what a decision keeps under this kind is a signature of another piece."""
    return kind.endswith(SIGNATURE)


def wrong_links(decision: Decision, chain: Chain, name: str) -> Iterator[str]:
    """Every link that does not hold, a clause each; what is not there is not asked for here.

    Args:
        decision: whose evidence it is.
        chain: the evidence.
        name: of the model whose ledger has the decision.
    """
    if chain.own is not None:
        yield from _of_own(decision, chain.own, chain, name)
    if chain.model is not None:
        yield from _of_model(decision, chain.model, name)
        yield from _of_data(chain.model, chain)
    if chain.gate is not None:
        yield from _of_gate(chain.gate, chain)
    if chain.approval is not None:
        yield from _of_approval(chain.approval, chain)


def _of_own(decision: Decision, own: PromotionPredicate, chain: Chain, name: str) -> Iterator[str]:
    kind = "rollback" if decision.action == "rollback" else "promotion"
    if chain.own_kind != kind:
        yield f"the evidence of a {kind} is that of another kind of decision"
    said = (own.model, own.action, own.stage, own.before, own.target, own.reason, own.actor)
    if said != (
        name, decision.action, decision.stage, decision.before, decision.target, decision.reason, decision.actor,
    ):  # fmt: skip
        yield "its own evidence says something else than the entry"
    if dict(own.chain) != {each: digest for each, digest in decision.evidence.items() if each not in OWN}:
        yield "its own evidence names another chain than the entry"
    for asked in own.requirements:
        if not asked.held and not asked.relaxed:
            yield f"it was decided although {asked.name[:40]} was not as the stage asks for"
        elif asked.held and asked.name in ("gate", "approval", "data") and asked.name not in decision.evidence:
            yield f"the {asked.name} is said to be as the stage asks for, and there is no evidence of it"


def _of_model(decision: Decision, model: ModelPredicate, name: str) -> Iterator[str]:
    if model.model != name:
        yield "the evidence of the model is of another model"
    if model.artifact != decision.target.artifact:
        yield "the evidence of the model is of another version: its artifact is not the one that was decided on"


def _of_data(model: ModelPredicate, chain: Chain) -> Iterator[str]:
    if chain.digests.get("data") != model.data:
        yield "the evidence of the data is not the one that the evidence of the model names"
    elif chain.data is not None:
        yield from wrong_data(model, chain.data)


def _of_gate(gate: GatePredicate, chain: Chain) -> Iterator[str]:
    digest = chain.digests.get("model")
    if digest is not None and gate.model != digest:
        yield "the gate judged another model than the evidence of the model is of"
    if chain.model is not None and gate.candidate.digest != chain.model.predictions.file.digest:
        yield "the gate judged other predictions than those that the evidence of the model names"


def _of_approval(approval: ApprovalPredicate, chain: Chain) -> Iterator[str]:
    model, gate = chain.digests.get("model"), chain.digests.get("gate")
    if approval.model is not None and model is not None and approval.model != model:
        yield "the approval is of another model"
    if gate is not None and approval.gate != gate:
        yield from _of_another_gate(approval, chain)
    elif chain.gate is not None and not _is_of(approval, chain.gate, chain.own):
        yield "the approval says something else of the gate than the gate's evidence"
    enough = approval.satisfied and len(approval.approvers) >= approval.needed and not approval.refused
    if not enough:
        yield "not enough people approved, or somebody refused"
    if len({each.id if each.id is not None else each.login for each in approval.approvers}) < len(approval.approvers):
        yield "somebody is counted twice among those who approved"


def _is_of(approval: ApprovalPredicate, gate: GatePredicate, own: PromotionPredicate | None) -> bool:
    """Whether an approval is of this gate's verdict, or of the one that promote judged again before it asked."""
    verdicts = {gate.verdict, own.verdict if own is not None else gate.verdict}
    return approval.candidate == gate.candidate and approval.verdict in verdicts


def _of_another_gate(approval: ApprovalPredicate, chain: Chain) -> Iterator[str]:
    """Production moved since, and the same model was judged again: the approval holds where that is no worse."""
    if approval.model is None or approval.model != chain.digests.get("model"):
        yield "the approval is of another verdict, and not of this model"
    elif chain.gate is not None and chain.gate.verdict.rank > approval.verdict.rank:
        yield "the approval is of a better verdict than the one that was promoted on"

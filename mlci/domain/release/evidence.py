"""Evidence of a release: who agreed to exactly which verdict, and what was promoted on exactly which chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mlci.domain.release.ledger import Action, Actor, Pointed
from mlci.domain.release.people import Approver
from mlci.domain.report import Subject
from mlci.domain.verdict import Verdict

# The levels of risk, from lowest to highest.
Level = Literal["low", "medium", "high"]
LEVELS: tuple[Level, ...] = ("low", "medium", "high")


@dataclass(frozen=True, kw_only=True)
class ApprovalPredicate:
    """Who agreed to a verdict, bound to the digests of what was judged, of the verdict and of the commit."""

    candidate: Subject = field(metadata={"help": "The predictions that were judged, as the gate names them."})
    model: str | None = field(
        default=None, metadata={"help": "sha256 of the evidence of the model; absent where the gate names none."}
    )
    gate: str = field(metadata={"help": "sha256 of the gate's evidence."})
    head: str | None = field(default=None, metadata={"help": "The commit; absent where there is none."})
    change: int | None = field(default=None, metadata={"help": "Number of the change; absent without one."})
    verdict: Verdict = field(metadata={"help": "The gate's, judged again from its numbers."})
    tier: Level = field(metadata={"help": "How much is at risk."})
    why: tuple[str, ...] = field(metadata={"help": "What makes it so, a sentence each."})
    needed: int = field(metadata={"help": "How many people must agree."})
    allowed: tuple[str, ...] = field(
        default=(), metadata={"help": "Who may, as policy names them; none is anybody who may write."}
    )
    approvers: tuple[Approver, ...] = field(default=(), metadata={"help": "Who did."})
    refused: tuple[Approver, ...] = field(default=(), metadata={"help": "Who said no, and has not said yes since."})
    satisfied: bool = field(metadata={"help": "Whether enough people agreed and nobody refused."})
    waivers: tuple[str, ...] = field(default=(), metadata={"help": "Findings that somebody waived, by id."})
    policy_digest: str = field(metadata={"help": "sha256 of the approval policy in RFC 8785 form."})
    mlci: str = field(metadata={"help": "Version of mlci that counted."})


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One thing that a stage asks for."""

    name: str = field(metadata={"help": "What, such as clean-tree."})
    held: bool = field(metadata={"help": "Whether it is so."})
    relaxed: bool = field(default=False, metadata={"help": "Whether policy lets it go for this stage, by name."})
    said: str = field(metadata={"help": "What was found, as a sentence."})


@dataclass(frozen=True, kw_only=True)
class PromotionPredicate:
    """A move of a stage: from what, to what, on which chain of evidence, by whom. A rollback has the same shape."""

    model: str = field(metadata={"help": "Name of the model."})
    action: Action = field(metadata={"help": "promote, rollback or adopt."})
    stage: str = field(metadata={"help": "The stage."})
    before: Pointed | None = field(default=None, metadata={"help": "The version it was at; absent for the first."})
    target: Pointed = field(metadata={"help": "The version it is to be at."})
    chain: dict[str, str] = field(metadata={"help": "sha256 of each piece of evidence it stands on, by kind."})
    verdict: Verdict | None = field(
        default=None, metadata={"help": "Judged again against what the stage was at; absent where nothing was judged."}
    )
    requirements: tuple[Requirement, ...] = field(default=(), metadata={"help": "What the stage asks for."})
    reason: str = field(metadata={"help": "Why, as a sentence."})
    actor: Actor = field(metadata={"help": "Who started the run."})
    mlci: str = field(metadata={"help": "Version of mlci that decided."})

"""Evidence as in-toto Statements (v1): what was judged, bound to digests, with the numbers a replay needs.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mlci.domain.finding import Finding
from mlci.domain.report import Subject, plain
from mlci.domain.verdict import Verdict

STATEMENT = "https://in-toto.io/Statement/v1"


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """The sufficient statistics of one comparison, in full precision: enough to decide it again without examples."""

    id: str = field(metadata={"help": "The finding these numbers belong to."})
    candidate: float = field(metadata={"help": "The candidate's value."})
    baseline: float = field(metadata={"help": "Production's value."})
    difference: float = field(
        metadata={"help": "Candidate minus baseline, or their ratio minus one on scale relative."}
    )
    standard_error: float | None = field(
        default=None, metadata={"help": "Standard error of the difference, same scale."}
    )
    size: float = field(
        metadata={"help": "Independent pieces of information: examples, effective examples, or groups."}
    )
    gained: int = field(metadata={"help": "Examples on which only the candidate is right, or nearer to right."})
    lost: int = field(metadata={"help": "Examples on which only production is."})
    differing: int = field(metadata={"help": "Examples on which the two models differ at all."})
    n: int = field(metadata={"help": "Examples."})
    groups: int | None = field(default=None, metadata={"help": "Independent groups, where examples are grouped."})
    smallest_class: int | None = field(
        default=None, metadata={"help": "Examples of the rarer class, where the error estimate leans on it."}
    )
    method: str = field(metadata={"help": "How bounds and p-value follow from the numbers above."})
    relative: bool = field(metadata={"help": "Whether the difference is judged on the ratio scale."})


@dataclass(frozen=True, kw_only=True)
class GatePredicate:
    """What the gate decided, on what, by which policy."""

    candidate: Subject = field(metadata={"help": "What was judged."})
    baseline: Subject | None = field(default=None, metadata={"help": "What it was compared with."})
    evaluation_set: str | None = field(
        default=None,
        metadata={"help": "sha256 over ids, truth, weights and slices of the examples both were scored on."},
    )
    policy_digest: str = field(metadata={"help": "sha256 of the policy in RFC 8785 form."})
    policy: dict[str, Any] = field(metadata={"help": "The policy that decided."})
    verdict: Verdict = field(metadata={"help": "The worst counted finding, after policy."})
    reason: str = field(metadata={"help": "The verdict's one reason."})
    examples: int | None = field(default=None, metadata={"help": "Examples both were scored on."})
    findings: tuple[Finding, ...] = field(metadata={"help": "Every finding with its arithmetic."})
    statistics: tuple[Statistic, ...] = field(metadata={"help": "The sufficient statistics of every comparison."})
    assumptions: tuple[str, ...] = field(default=(), metadata={"help": "What had to be assumed."})
    mlci: str = field(metadata={"help": "Version of mlci that decided."})


def predicate_type(repository: str, kind: str) -> str:
    """The predicate type of one kind of evidence, below the repository's own URL."""
    return f"{repository}/evidence/{kind}/v1"


def statement(repository: str, kind: str, subject: Subject, predicate: Any) -> dict[str, Any]:
    """An in-toto Statement as JSON values, ready to be written in canonical form."""
    return {
        "_type": STATEMENT,
        "subject": [{"name": subject.name, "digest": {"sha256": subject.digest}}],
        "predicateType": predicate_type(repository, kind),
        "predicate": plain(predicate, exact=True),
    }

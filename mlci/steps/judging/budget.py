"""The budget of looks at a holdout: error rate spent on each, the end of it, and what may be learnt from a look.

Ease.ml/ci (Renggli et al., SysML 2019) states the modes; the Ladder (Blum and Hardt, ICML 2015) what may be shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mlci.domain import budget, health
from mlci.domain.evidence import Numbers
from mlci.domain.fairness import MEASURES
from mlci.domain.finding import Finding
from mlci.domain.policy import GatePolicy
from mlci.domain.report import Section
from mlci.domain.verdict import Verdict


def spent(policy: GatePolicy) -> GatePolicy:
    """The policy with the level of each bound raised to what one look of the budget has to spend."""
    if policy.holdout is None:
        return policy
    return replace(policy, confidence=budget.level(policy.confidence, policy.holdout.steps))


def stricter(usual: Sequence[Finding], spending: Sequence[Finding], policy: GatePolicy) -> list[Finding]:
    """Of the same findings at the usual level and at that of one look, the ones that hold.

    The budget is there for what passes: a bad candidate that tries often enough must not get through. What a candidate
    is blocked for is shown at the usual level, as without a budget, so that a budget never makes the gate milder.

    Args:
        usual: every finding at the policy's own level of confidence.
        spending: the same findings, in the same order, at the level of one look.
        policy: says what a slice has to prove.
    """
    return [one if _harm_alone(one, policy) else other for one, other in zip(usual, spending, strict=True)]


def _harm_alone(finding: Finding, policy: GatePolicy) -> bool:
    """Whether the budget has nothing to say of it: it is blocked, or never had to be shown to be good."""
    proved = finding.slice is None or policy.slices.require == "shown" or finding.metric in MEASURES
    to_show = finding.rule in ("minimum", "maximum") or (finding.rule == "compare" and proved)
    return finding.verdict is Verdict.FAIL or not to_show


def worn(numbers: Numbers, policy: GatePolicy) -> Iterator[Finding]:
    """Say that the budget is spent, or that nobody counts what it is a budget of."""
    if policy.holdout is not None:
        found = budget.judged(numbers.wear, policy.holdout)
        if found is not None:
            yield found


def shown(findings: Sequence[Finding], policy: GatePolicy) -> list[Finding]:
    """The findings as far as those who make candidates may see them: in mode ``full`` without most figures."""
    if policy.holdout is None or policy.holdout.reuse != "full":
        return list(findings)
    return budget.withheld(findings)


def wear(numbers: Numbers, policy: GatePolicy) -> Iterator[Section]:
    """How much of the holdout is left."""
    if numbers.wear is not None:
        yield budget.section(numbers.wear, policy.holdout, policy.confidence)


def baseline(numbers: Numbers, policy: GatePolicy) -> Iterator[Section]:  # noqa: ARG001 - the shape of every part
    """What is known of production besides its predictions."""
    if numbers.health is not None:
        yield health.section(numbers.health)

"""The findings on a dataset in the order of their weight, and the one reason that stands first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlci.domain.dataset.evidence import Checked
from mlci.domain.figures import several
from mlci.domain.finding import Finding
from mlci.domain.verdict import Verdict

# What makes everything after it meaningless stands first: data nobody can read, columns that are not there, no rows.
_REASONS = (
    "unreadable", "hostile", "schema", "empty", "leakage", "overlap", "time", "poisoned", "violated", "drifted",
    "outlier", "unrun",
)  # fmt: skip


def most_important_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By verdict, the worst first; among equals by what makes the others meaningless; else as they came."""
    return tuple(sorted(findings, key=lambda one: (one.advisory, -one.verdict.rank, _rank(one))))


def _rank(finding: Finding) -> int:
    return _REASONS.index(finding.reason) if finding.reason in _REASONS else len(_REASONS)


def reason_of(findings: Sequence[Finding], verdict: Verdict, checked: Sequence[Checked]) -> str:
    """The one most important reason, as a sentence."""
    if verdict is Verdict.PASS:
        rules = sum(len(one.rules) for one in checked)
        rows = checked[0].identity.rows
        held = (
            f"{several(rules, 'rule')} {'holds' if rules == 1 else 'hold'}" if rules else "nothing speaks against them"
        )
        return f"{held}: {several(rows, 'row')} of training data" if rows is not None else held
    return next(one.message for one in findings if one.verdict is verdict and not one.advisory)

"""Which runs of the default branch become what later changes are compared with."""

from __future__ import annotations

from collections.abc import Iterable

from mlci.domain.finding import Finding
from mlci.domain.run import Run
from mlci.domain.verdict import Verdict

# What starts a run about the branch itself. Others run on the default branch too, for what somebody else proposes: a
# workflow that another one's end starts, or a comment.
# A person starts one as workflow_dispatch on GitHub and as web on GitLab.
OF_ITS_BRANCH = frozenset({"push", "schedule", "workflow_dispatch", "web"})


def may_keep(run: Run) -> bool:
    """Whether what this run finds may become the baseline of others: only the default branch's own runs."""
    return run.on_default_branch and run.event in OF_ITS_BRANCH


def may_become_baseline(verdict: Verdict, findings: Iterable[Finding]) -> str | None:
    """Say why a run may not become the baseline; None where it may.

    A run that policy let through although a comparison was not decided leaves the older baseline in place: were every
    such run the next baseline, losses too small to be shown one by one would add up unseen. So does a run with a loss
    that somebody waived: as the baseline it would make the accepted loss the new measure, and the day on which the
    waiver expires would bring nothing back.

    Args:
        verdict: of the report, after policy.
        findings: of the same report.
    """
    if verdict.rank > Verdict.WARN.rank:
        return f"the verdict is {verdict.value}"
    for finding in findings:
        if finding.waived is not None:
            return f"{finding.id} is {finding.waived.verdict.value}, waived until {finding.waived.expires}"
        if not finding.advisory and _leaves_open(finding):
            return f"{finding.id} is {finding.verdict.value}" + (f" ({finding.reason})" if finding.reason else "")
    return None


def _leaves_open(finding: Finding) -> bool:
    """Whether a loss may hide behind it; with a tolerance of 0 a comparison that shows nothing is a warning only."""
    not_shown = finding.rule == "compare" and finding.reason == "interval" and finding.verdict is not Verdict.PASS
    return not_shown or finding.verdict.rank > Verdict.WARN.rank

"""Look at a set-up and say whether a worse model could still be merged. Reads facts, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.domain.setup.github.facts import Setup as OnGitHub
from mlci.domain.setup.github.findings import findings as on_github
from mlci.domain.setup.gitlab.facts import Setup as OnGitLab
from mlci.domain.setup.gitlab.findings import findings as on_gitlab
from mlci.domain.setup.words import finding, shown
from mlci.domain.verdict import Verdict, worst

MOST_FINDINGS = 200

Setup = OnGitHub | OnGitLab


def run(setup: Setup) -> Report:
    """Judge every part of a set-up.

    What is unknown is *inconclusive* and never counts as right; a *fail* is a way around the gate, or a gate that does
    not work.
    """
    # Two ways to one job say the same of it once.
    found = dict.fromkeys(on_gitlab(setup) if isinstance(setup, OnGitLab) else on_github(setup))
    findings = sorted(found, key=lambda one: (one.advisory, -one.verdict.rank))
    counted = [one for one in findings if not one.advisory]
    verdict = worst(one.verdict for one in counted)
    return Report(
        step="doctor",
        verdict=verdict,
        reason=_reason(setup, verdict, counted),
        findings=(*findings[:MOST_FINDINGS], *_cut(len(findings) - MOST_FINDINGS)),
        assumptions=(_assumption(setup),),
    )


def _cut(left: int) -> Iterator[Finding]:
    if left > 0:
        yield finding("more", Verdict.PASS, f"{left} more findings, none worse than these, are left out", advisory=True)


def _assumption(setup: Setup) -> str:
    if isinstance(setup, OnGitHub):
        return "The workflows are those of the working copy, not of a branch."
    if setup.pipeline is None:
        return "The pipeline was not read."
    where = f"of {shown(setup.branch)}" if setup.pipeline.whole else "of the working copy, not of a branch"
    return f"The pipeline is that {where}; a merge request may bring another one along."


def _reason(setup: Setup, verdict: Verdict, counted: list[Finding]) -> str:
    if verdict is Verdict.PASS:
        return f"nothing was found by which a worse model could be merged to {shown(setup.branch)}"
    deciding = [one for one in counted if one.verdict is verdict]
    more = f" (and {len(deciding) - 1} more)" if len(deciding) > 1 else ""
    return f"{deciding[0].message}{more}"

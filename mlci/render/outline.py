"""What a report shows first, and what it folds away: the same reading order in every face."""

from __future__ import annotations

from dataclasses import dataclass

from mlci.domain.fairness import MEASURES
from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.domain.verdict import Verdict


@dataclass(frozen=True)
class Outline:
    """The findings of a report by where they stand.

    Attributes:
        notices: findings with a sentence and no number: an unreadable file, a rule that cannot be judged.
        overall: findings over all examples, and fairness, which is about all of them however a pair of groups is named.
        attention: slices that did not pass.
        settled: slices that passed.
        aside: findings that are listed and not counted.
    """

    notices: tuple[Finding, ...]
    overall: tuple[Finding, ...]
    attention: tuple[Finding, ...]
    settled: tuple[Finding, ...]
    aside: tuple[Finding, ...]

    @property
    def unsettled(self) -> tuple[Finding, ...]:
        """Every counted finding that is not a pass, the worst first."""
        counted = (*self.notices, *self.overall, *self.attention)
        return tuple(sorted((f for f in counted if f.verdict is not Verdict.PASS), key=lambda f: -f.verdict.rank))


def outline(report: Report) -> Outline:
    """Sort the findings of a report, keeping their order within each place."""
    places: dict[str, list[Finding]] = {"notices": [], "overall": [], "attention": [], "settled": [], "aside": []}
    for finding in report.findings:
        places[_place(finding)].append(finding)
    return Outline(**{name: tuple(found) for name, found in places.items()})


def _place(finding: Finding) -> str:
    if finding.advisory:
        return "aside"
    if finding.metric is None or (finding.candidate is None and finding.baseline is None and finding.slice is None):
        return "notices"
    if finding.slice is None or finding.metric in MEASURES:
        return "overall"
    return "settled" if finding.verdict is Verdict.PASS else "attention"

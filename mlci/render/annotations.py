"""The report as GitHub workflow commands: what shows beside the run and on the pull request."""

from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.render import escape, wording
from mlci.render.outline import outline

# GitHub shows ten annotations of each kind per step and drops the rest without a word.
_PER_KIND = 10

_KINDS = {Verdict.PASS: "notice", Verdict.WARN: "warning", Verdict.INCONCLUSIVE: "error", Verdict.FAIL: "error"}


def annotations(report: Report) -> str:
    """One line for the verdict, then one per counted finding that is not a pass, the worst first.

    A failed finding is an error. An inconclusive one is an error where it decided the verdict and a warning where
    policy softened it or something worse decided. Findings that are not counted are summed up in one notice.
    """
    found = outline(report)
    lines: dict[str, list[str]] = {"error": [], "warning": [], "notice": []}
    kind = _KINDS[report.verdict]
    lines[kind].append(_command(kind, f"{report.step}: {report.verdict.value}", report.reason))
    rest: dict[str, int] = {}
    for finding in found.unsettled:
        kind = _kind(finding, report.verdict)
        # The last place of a kind is kept for the line that says how many were left out.
        if len(lines[kind]) < _PER_KIND - 1:
            about = f"{report.step}: {finding.verdict.value}: {wording.subject(finding)}"
            lines[kind].append(_command(kind, about, wording.why(finding)))
        else:
            rest[kind] = rest.get(kind, 0) + 1
    for kind, left in rest.items():
        lines[kind].append(_command(kind, report.step, f"{left} more in the report."))
    if found.aside:
        lines["notice"].append(_command("notice", report.step, _aside(found.aside)))
    return "".join(f"{line}\n" for kind in ("error", "warning", "notice") for line in lines[kind])


def _kind(finding: Finding, verdict: Verdict) -> str:
    if finding.verdict is Verdict.FAIL:
        return "error"
    decided = finding.verdict is Verdict.INCONCLUSIVE and verdict is Verdict.INCONCLUSIVE
    return "error" if decided else "warning"


def _aside(findings: tuple[Finding, ...]) -> str:
    listed = "1 finding is" if len(findings) == 1 else f"{len(findings)} findings are"
    return f"{listed} listed in the report and not counted."


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={escape.command_property(title)}::{escape.command_data(message)}"

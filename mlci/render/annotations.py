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
    lines[kind].append(workflow_command(kind, f"{report.step}: {report.verdict.value}", report.reason))
    for finding in found.unsettled:
        kind = _kind(finding, report.verdict)
        about = f"{report.step}: {finding.verdict.value}: {wording.subject(finding)}"
        lines[kind].append(workflow_command(kind, about, _said(finding), finding.file, finding.line))
    if found.aside:
        lines["notice"].append(workflow_command("notice", report.step, _aside(found.aside)))
    shown = [line for kind in lines for line in _within(lines[kind], kind, report.step)]
    return "".join(f"{line}\n" for line in shown)


def _within(lines: list[str], kind: str, step: str) -> list[str]:
    if len(lines) <= _PER_KIND:
        return lines
    kept = lines[: _PER_KIND - 1]
    return [*kept, workflow_command(kind, step, f"{len(lines) - len(kept)} more in the report.")]


def _kind(finding: Finding, verdict: Verdict) -> str:
    if finding.verdict is Verdict.FAIL:
        return "error"
    decided = finding.verdict is Verdict.INCONCLUSIVE and verdict is Verdict.INCONCLUSIVE
    return "error" if decided else "warning"


def _aside(findings: tuple[Finding, ...]) -> str:
    listed = "1 finding is" if len(findings) == 1 else f"{len(findings)} findings are"
    return f"{listed} listed in the report and not counted."


def _said(finding: Finding) -> str:
    """At a line of a file what is wrong there; anywhere else why, and what would change it."""
    return finding.message if finding.file is not None else wording.why(finding)


def workflow_command(kind: str, title: str, message: str, file: str | None = None, line: int | None = None) -> str:
    """One annotation as the runner reads it from the log, at a line of a file where it is about one."""
    place = "" if file is None else f"file={escape.command_property(file, escape.MESSAGE)},"
    place += "" if file is None or line is None else f"line={line},"
    return f"::{kind} {place}title={escape.command_property(title)}::{escape.command_data(message)}"

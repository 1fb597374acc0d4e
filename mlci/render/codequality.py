"""The report as a Code Quality report, which GitLab shows on a merge request.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.render import escape

_SEVERITIES = {Verdict.FAIL: "critical", Verdict.INCONCLUSIVE: "major", Verdict.WARN: "minor"}


def codequality(report: Report, path: str) -> str:
    """One issue for every finding that is not a pass; one that is not counted is *info*.

    GitLab compares the reports of two branches by their fingerprints, so that a finding keeps its own whatever its
    numbers are.

    Args:
        report: what to show.
        path: of the configuration file in the repository, where GitLab is told that findings are that name no file.
    """
    issues = [_issue(report, finding, path) for finding in report.findings if finding.verdict is not Verdict.PASS]
    return json.dumps(issues, indent=2, ensure_ascii=False) + "\n"


def _issue(report: Report, finding: Finding, path: str) -> dict[str, Any]:
    identity = "\0".join((report.step, report.model or "", finding.id))
    return {
        "description": escape.cleaned(finding.message, escape.MESSAGE),
        "check_name": escape.cleaned(f"mlci.{report.step}.{finding.rule}", escape.CELL),
        "fingerprint": hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest(),
        "severity": "info" if finding.advisory else _SEVERITIES[finding.verdict],
        "location": {
            "path": escape.cleaned(finding.file or path, escape.MESSAGE),
            "lines": {"begin": finding.line or 1},
        },
    }

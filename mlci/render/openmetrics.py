"""The report's numbers as OpenMetrics text, which GitLab compares between a merge request and its target branch.

https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.render import escape

_ESCAPED = re.compile(r'[\\"\n]')
# The name of each family, its help, and the field of a finding that holds its values.
_FAMILIES = (
    ("mlci_candidate", "The candidate's value.", "candidate"),
    ("mlci_production", "Production's value on the same examples.", "baseline"),
    ("mlci_difference", "Candidate minus production.", "difference"),
)


def openmetrics(report: Report) -> str:
    """A gauge for the candidate's, production's and the compared value of every metric and slice, and each figure."""
    lines = [line for family in _FAMILIES for line in _family(report, *family)]
    lines += _figures(report)
    return "".join(f"{line}\n" for line in (*lines, "# EOF"))


def _family(report: Report, name: str, help: str, field: str) -> Iterator[str]:
    samples: dict[str, float] = {}
    for finding in report.findings:
        value: float | None = getattr(finding, field)
        # A comparison and a limit of one metric have the same value; a series may stand there once.
        if finding.metric is not None and value is not None and math.isfinite(value):
            samples.setdefault(_labels(report, finding), float(value))
    if samples:
        yield f"# TYPE {name} gauge"
        yield f"# HELP {name} {help}"
    yield from (f"{name}{labels} {number!r}" for labels, number in samples.items())


def _figures(report: Report) -> Iterator[str]:
    """The figures of every section; the name of one is a label, because anything may stand in a label."""
    samples: dict[str, float] = {}
    for section in report.sections:
        for name, value in section.figures.items():
            if math.isfinite(value):
                named = {"model": report.model, "section": section.id, "figure": name}
                samples.setdefault(_labelled(named), float(value))
    if samples:
        yield "# TYPE mlci_figure gauge"
        yield "# HELP mlci_figure A number that is described and not judged."
    yield from (f"mlci_figure{labels} {number!r}" for labels, number in samples.items())


def _labels(report: Report, finding: Finding) -> str:
    return _labelled({"model": report.model, "metric": finding.metric, "slice": finding.slice})


def _labelled(named: Mapping[str, str | None]) -> str:
    pairs = (f'{label}="{_quoted(text)}"' for label, text in named.items() if text is not None)
    return "{" + ",".join(pairs) + "}"


def _quoted(text: str) -> str:
    line = escape.cleaned(text, escape.CELL)
    return _ESCAPED.sub(lambda found: {"\\": "\\\\", '"': '\\"', "\n": "\\n"}[found[0]], line)

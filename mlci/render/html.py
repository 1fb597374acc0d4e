"""The report as one HTML file that needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING

from mlci.domain.figures import count
from mlci.domain.finding import Finding
from mlci.domain.report import Report, Section
from mlci.render import escape, forest, histogram, interval, wording
from mlci.render.outline import Outline, outline
from mlci.render.sections import numeric

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

_MARKS = {"pass": "✓", "warn": "!", "inconclusive": "?", "fail": "✕"}
_LINK = re.compile(r"https?://[^\s\"'<>\\]{1,1500}")
_NAMED = 20
# A browser opens a page of this many rows at once; the JSON report beside it always holds every finding.
MOST_ROWS = 1_000


def html(report: Report) -> str:
    """Write the report as a self-contained page."""
    found = outline(report)
    noticed = {id(f) for f in found.notices}
    written = _template().render(
        report=report,
        found=found,
        level=wording.level(report),
        tally=_tally(report),
        aside_count=f"{len(found.aside)} more listed, not counted" if found.aside else "",
        tables=_tables(found),
        folds=_folds(found),
        drawn=any(f.difference is not None for f in (*found.overall, *found.attention)),
        gains=any(f.improvement is not None for f in found.overall),
        bounded=any(f.interval for f in (*found.overall, *found.attention)),
        smallest=_named(found.overall, "detectable", wording.detectable),
        needed=_named([f for f in found.unsettled if wording.unsaid(f)], "rows_needed", wording.rows_needed),
        settled_by=wording.settled_by([f for f in found.unsettled if wording.unsaid(f)]),
        explained=_shown([f for f in found.unsettled if id(f) not in noticed]),
        arithmetic=_shown(
            [f for f in (*found.overall, *found.attention, *found.settled, *found.aside) if f.method or f.n]
        ),
        cut=_cut(len(report.findings)),
        evidence=_evidence(report),
        sections=[_section(number, section) for number, section in enumerate(report.sections, 1)],
        links=[(title, target, bool(_LINK.fullmatch(target))) for title, target in report.links.items()],
        w=wording,
        marks=_MARKS,
        css=_css(),
    )
    # The same text to a browser, and no command to a log collector.
    return written.replace("##[", "#&#35;[")


def _shown(findings: Sequence[Finding]) -> Sequence[Finding]:
    """As many findings as a page holds, the worst first when some must go."""
    if len(findings) <= MOST_ROWS:
        return findings
    return sorted(findings, key=lambda finding: -finding.verdict.rank)[:MOST_ROWS]


def _cut(number: int) -> str:
    if number <= MOST_ROWS:
        return ""
    return f"The first {count(MOST_ROWS)} of {count(number)}, the worst first; the JSON report holds them all."


def _tally(report: Report) -> str:
    counts = Counter(finding.verdict for finding in report.findings if not finding.advisory)
    order = sorted(counts, key=lambda verdict: -verdict.rank)
    return ", ".join(f"{count(counts[verdict])} {verdict.value}" for verdict in order) or "nothing"


def _named(findings: Iterable[Finding], field: str, write: Callable[[Finding], str]) -> str:
    named = [f"{escape.cleaned(wording.subject(f), 60)} {write(f)}" for f in findings if getattr(f, field) is not None]
    return ", ".join(named[:_NAMED])


def _evidence(report: Report) -> list[tuple[str, str]]:
    return [(f"{name} {subject.name}", subject.digest) for name, subject in wording.subjects(report) if subject] + [
        *report.evidence.items()
    ]


def _tables(found: Outline) -> list[_Table]:
    return [
        _table("overall", "All examples", found.overall, "What was asked of the candidate over all examples."),
        _table(
            "attention", "Slices that did not pass", found.attention, "Groups of examples on which something is wrong."
        ),
    ]


def _folds(found: Outline) -> list[_Table]:
    return [
        _table("settled", "Slices that passed", found.settled, "A slice passes unless harm is shown on it."),
        _table("aside", "Listed, not counted", found.aside, "These took no part in the verdict; none is a pass."),
    ]


@dataclass(frozen=True)
class _Row:
    finding: Finding
    plot: forest.Plot | None


@dataclass(frozen=True)
class _Group:
    rows: list[_Row]
    axis: forest.Axis | None
    caption: str


@dataclass(frozen=True)
class _Table:
    key: str
    title: str
    note: str
    groups: list[_Group]
    count: int
    compared: bool
    sliced: bool
    asked: str


def _table(key: str, title: str, findings: tuple[Finding, ...], note: str) -> _Table:
    axes = forest.axes(findings)
    groups = []
    for name, members in groupby(_shown(findings), key=lambda f: interval.group(f) if interval.span(f) else ""):
        axis = axes.get(name)
        rows = [_Row(finding, forest.plot(finding, axis) if axis else None) for finding in members]
        groups.append(_Group(rows, axis, axis.caption if axis else ""))
    return _Table(
        key,
        title,
        f"{note} {_cut(len(findings))}".rstrip(),
        groups,
        count=len(findings),
        compared=any(f.difference is not None or f.baseline is not None for f in findings),
        sliced=all(f.slice for f in findings),
        asked=wording.asked_of(findings).capitalize(),
    )


@dataclass(frozen=True)
class _Described:
    number: int
    section: Section
    classes: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    cut: str
    drawings: tuple[histogram.Drawing, ...]


def _section(number: int, section: Section) -> _Described:
    left = len(section.rows) - MOST_ROWS
    cut = f"The first {count(MOST_ROWS)} of {count(len(section.rows))}; the JSON report holds them all."
    classes = tuple("number" if right else "" for right in numeric(section))
    drawings = tuple(histogram.drawing(one) for one in section.histograms)
    return _Described(number, section, classes, section.rows[:MOST_ROWS], cut if left > 0 else "", drawings)


@cache
def _template() -> Template:
    # Loaded here: a command that renders no page should not pay for the template engine.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mlci.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = escape.cleaned
    environment.filters["prose"] = lambda text: escape.cleaned(text, escape.PROSE)
    environment.filters["about"] = lambda finding: escape.cleaned(wording.subject(finding))
    environment.filters["path"] = _breakable
    return environment.get_template("report.html.j2")


def _breakable(text: str) -> Markup:
    from markupsafe import Markup
    from markupsafe import escape as escaped

    return escaped(escape.cleaned(text)).replace("/", Markup("/<wbr>"))


@cache
def _css() -> Markup:
    from markupsafe import Markup

    # Our own file and nothing else: the one text that goes into the page as it is.
    return Markup(files("mlci.render").joinpath("templates/report.css").read_text(encoding="utf-8"))  # noqa: S704

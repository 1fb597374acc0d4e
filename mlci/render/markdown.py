"""The report as Markdown: the comment on a change and the summary of a job."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlci.domain.figures import count
from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.render import escape, interval, wording
from mlci.render.fit import Block, Row, fitted
from mlci.render.outline import Outline, outline
from mlci.render.sections import line as _line
from mlci.render.sections import opened as _opened
from mlci.render.sections import section_block

SHORTEST = 4_000

_MARKS = {"pass": "✅", "warn": "⚠️", "inconclusive": "❓", "fail": "❌"}
_ASIDE_MARK = "⚪"
_LINK = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]{1,1500}")


def markdown(report: Report, *, limit: int = 60_000, whole: str | None = None) -> str:
    """Write the report as Markdown of at most ``limit`` characters.

    Args:
        report: what to show.
        limit: forges cut or refuse longer texts; what is left out is counted, and ``whole`` says where it stands.
        whole: link or path of the whole report.

    Raises:
        ValueError: the limit leaves no room for a report.
    """
    if limit < SHORTEST:
        raise ValueError(f"limit must be at least {SHORTEST}, got {limit}")
    found = outline(report)
    blocks = [
        Block(opening=_head(report)),
        _notices(found.notices),
        _table("", found.overall),
        _table(f"#### Slices that did not pass ({count(len(found.attention))})", found.attention),
        _reasons(found),
        _legend(report, found),
        *(section_block(section) for section in report.sections if not section.folded),
        _assumptions(report),
        *(section_block(section) for section in report.sections if section.folded),
        _fold(f"{count(len(found.settled))} slices passed", found.settled, share=0.5),
        _fold(f"{count(len(found.aside))} listed, not counted", found.aside, share=0.6),
        _arithmetic(found),
        _foot(report),
    ]
    return fitted(blocks, limit, _pointer(whole))


def headline(report: Report) -> str:
    """The verdict and its one reason, short even where every letter of it needs escaping."""
    reason = escape.within(escape.markdown, report.reason, 300, 600)
    return f"{_MARKS[report.verdict.value]} {report.verdict.value.capitalize()}: {reason}"


def _head(report: Report) -> str:
    # The head is never cut to fit, hence the short one.
    lines = [f"### {headline(report)}", ""]
    parts = [wording.context(report)]
    if report.model is not None:
        parts.append(f"model {_name(report.model)}")
    for name, subject in wording.subjects(report):
        if subject is not None:
            parts.append(f"{name} {_name(subject.name)}")
    return "\n".join([*lines, " · ".join(parts)])


def _name(text: str) -> str:
    return escape.within(escape.code, text, 60, 200)


def _mark(finding: Finding) -> str:
    return _ASIDE_MARK if finding.advisory else _MARKS[finding.verdict.value]


def _notices(findings: Sequence[Finding]) -> Block:
    rows = [Row(f"- {_mark(f)} **{wording.state(f)}** {escape.markdown(f.message)}", f.verdict.rank) for f in findings]
    return Block(rows=rows, share=0.5)


def _table(title: str, findings: Sequence[Finding], share: float = 0.7) -> Block:
    if not findings:
        return Block()
    compared = any(f.difference is not None or f.baseline is not None for f in findings)
    bounds = " [bounds]" if any(finding.interval for finding in findings) else ""
    middle = ("Production", f"Difference{bounds}<br>worse ◂ ▸ better") if compared else ()
    heads = [
        "Slice" if findings[0].slice else "Metric",
        "Candidate",
        *middle,
        wording.asked_of(findings).capitalize().split()[0],
    ]
    rules = [":--", "--:", *(("--:", ":-:") if compared else ()), "--:", ":--"]
    opening = "\n".join([*([title, ""] if title else []), _line([*heads, "Verdict"]), _line(rules)])
    reaches = interval.reaches(findings)
    return Block(opening, [Row(_row(f, reaches, compared), f.verdict.rank) for f in findings], share=share)


def _row(finding: Finding, reaches: dict[str, float], compared: bool) -> str:
    name = escape.code(wording.name(finding), 100)
    if finding.slice is not None:
        name += f"<br>{escape.code(finding.slice, 100)}"
    cells = [name, wording.candidate(finding).replace(" ", "<br>")]
    if compared:
        span = interval.span(finding)
        # Below the numbers, not beside them: a comment is too narrow for one more column.
        drawn = f"<br>`{interval.draw(span, reaches[interval.group(finding)])}`" if span else ""
        cells += [wording.baseline(finding), wording.compared(finding) + drawn]
    return _line([*cells, wording.asked(finding), f"{_mark(finding)}\u00a0{wording.label(finding)}"])


def _reasons(found: Outline) -> Block:
    rows = [
        Row(f"- {_mark(f)} {escape.code(wording.subject(f))}: {escape.markdown(why)}", f.verdict.rank)
        for f, why in wording.said_once(found.unsettled)
        if why
    ]
    return Block("#### Why, and what would change it\n" if rows else "", rows, share=0.6)


def _legend(report: Report, found: Outline) -> Block:
    shown = (*found.overall, *found.attention, *found.settled)
    sentences = []
    level = wording.level(report)
    if level and any(finding.interval for finding in shown):
        sentences.append(f"Bounds: {level} each.")
    if any(finding.difference is not None for finding in shown):
        sentences.append(f"Drawn: {interval.legend(gains=any(f.improvement is not None for f in shown))}.")
    smallest = [f"{_name(wording.subject(f))} {wording.detectable(f)}" for f in found.overall if f.detectable]
    if smallest:
        sentences.append(f"Smallest loss these examples can show: {', '.join(smallest[:20])}.")
    open_ = [f for f in found.unsettled if wording.unsaid(f)][:20]
    if open_:
        needed = ", ".join(f"{_name(wording.subject(f))} {wording.rows_needed(f)}" for f in open_)
        sentences.append(f"{wording.settled_by(open_)}: {needed}.")
    return Block(f"<sub>{' '.join(sentences)}</sub>" if sentences else "")


def _assumptions(report: Report) -> Block:
    rows = [Row(f"- {escape.markdown(sentence)}") for sentence in report.assumptions]
    return Block("Assumed, because nothing said otherwise:\n" if rows else "", rows, share=0.3)


def _fold(summary: str, findings: Sequence[Finding], share: float) -> Block:
    table = _table("", findings, share)
    if not findings:
        return table
    return Block(_opened(summary, table.opening), table.rows, "\n</details>", share)


def _arithmetic(found: Outline) -> Block:
    counted = [f for f in (*found.overall, *found.attention, *found.aside) if f.method or f.n]
    if not counted:
        return Block()
    heads = (
        "",
        "Examples",
        "Standard error",
        "p worse",
        "p adjusted",
        "Smallest loss shown",
        "Examples needed",
        "Method",
    )
    opening = _opened("The arithmetic", "\n".join((_line(heads), _line([":--", *["--:"] * 6, ":--"]))))
    return Block(opening, [Row(_arithmetic_row(f), f.verdict.rank) for f in counted], "\n</details>", 0.8)


def _arithmetic_row(f: Finding) -> str:
    cells = [escape.code(wording.subject(f), 120), wording.examples(f), wording.error(f)]
    cells += [wording.probability(f.p_worse), wording.probability(f.p_adjusted)]
    cells += [wording.detectable(f), wording.rows_needed(f), escape.markdown(f.method or wording.NONE, 80)]
    return _line(cells)


def _foot(report: Report) -> Block:
    rows = [
        Row(f"- {name} {_name(subject.name)} sha256 {escape.code(wording.short(subject.digest), 12)}")
        for name, subject in wording.subjects(report)
        if subject is not None
    ]
    rows += [
        Row(f"- {_name(kind)} {escape.code(wording.short(digest), 12)}") for kind, digest in report.evidence.items()
    ]
    rows += [Row(f"- {_linked(title, target)}") for title, target in report.links.items()]
    return Block(_opened("Evidence", "").rstrip("\n") + "\n", rows, "\n</details>", 1.0) if rows else Block()


def _linked(title: str, target: str) -> str:
    if _LINK.fullmatch(target):
        return f"[{escape.markdown(title, 80)}](<{target}>)"
    return f"{escape.markdown(title, 80)}: {escape.code(target)}"


def _pointer(whole: str | None) -> str:
    if whole is None:
        return "The report is longer than fits here; the whole one is among the run's artifacts."
    place = _linked("the whole report", whole) if _LINK.fullmatch(whole) else f"the whole report: {escape.code(whole)}"
    return f"The report is longer than fits here; {place}."

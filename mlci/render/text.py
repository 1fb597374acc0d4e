"""The report on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.render import escape, interval, wording
from mlci.render.outline import Outline, outline
from mlci.render.pen import Pen, as_ascii, columns_of
from mlci.render.sections import section_lines

_NAME = 40
_ATTENTION_SHOWN = 50
_SETTLED_SHOWN = 20
_ASIDE_SHOWN = 10


def text(report: Report, *, width: int = 100, colour: bool = False, unicode: bool = True) -> str:
    """Write the report for a terminal of ``width`` columns; ``unicode=False`` keeps to ASCII."""
    pen = Pen(width, colour, unicode)
    found = outline(report)
    tables = [
        _table(found.overall, pen, "metric"),
        _attention(found.attention, pen),
        _settled(found.settled, pen),
    ]
    drawn = any("──" in line or (not unicode and "--" in line) for table in tables for line in table)
    blocks = [
        _head(report, pen),
        _notices(found.notices, pen),
        *tables[:2],
        _reasons(found, pen),
        tables[2],
        _aside(found.aside, pen),
        _legend(report, found, pen, drawn),
        _listed("assumed", report.assumptions, pen),
        *(section_lines(section, pen) for section in report.sections),
        _listed("evidence", [f"{kind} {digest}" for kind, digest in report.evidence.items()], pen),
        _listed("links", [f"{title} {target}" for title, target in report.links.items()], pen),
    ]
    lines = [line for block in blocks if block for line in (*block, "")][:-1]
    written = "\n".join(escape.log_line(line.replace("\u00a0", " ").rstrip()) for line in lines) + "\n"
    return written if unicode else as_ascii(written)


def _head(report: Report, pen: Pen) -> list[str]:
    word = f"{pen.mark(report.verdict)} {report.verdict.value}"
    first, *more = pen.wrap(f"{word}: {escape.terminal(report.reason, escape.PROSE)}", later="  ")
    lines = [first.replace(word, pen.paint(word, report.verdict), 1), *more, ""]
    parts = [wording.context(report)]
    if report.model is not None:
        parts.append(f"model {escape.terminal(report.model)}")
    lines += pen.wrap(" · ".join(parts))
    for name, subject in wording.subjects(report):
        if subject is not None:
            lines += pen.wrap(
                f"{name:<12}{escape.terminal(subject.name)}  sha256 {wording.short(escape.terminal(subject.digest))}",
                later=" " * 12,
            )
    return lines


def _notices(findings: tuple[Finding, ...], pen: Pen) -> list[str]:
    lines: list[str] = []
    for finding in findings:
        lines += _verdict_line(finding, escape.terminal(finding.message, escape.PROSE), pen)
    return lines


def _verdict_line(finding: Finding, words: str, pen: Pen) -> list[str]:
    word = f"{pen.mark(finding.verdict)} {finding.verdict.value}"
    first, *more = pen.wrap(f"{word}: {words}", later="  ")
    return [first.replace(word, pen.paint(word, finding.verdict), 1), *more]


@dataclass(frozen=True)
class _Column:
    title: str
    cells: list[str]
    right: bool = False

    @cached_property
    def width(self) -> int:
        return max(columns_of(cell) for cell in (self.title, *self.cells))


def _table(findings: tuple[Finding, ...], pen: Pen, title: str) -> list[str]:
    if not findings:
        return []
    columns = _fitted(findings, pen, title)
    if columns is None:
        return [line for finding in findings for line in _stacked(finding, pen)]
    *columns, verdicts = columns
    lines = [_row([column.title for column in columns], columns) + f"  {verdicts.title}"]
    for place, finding in enumerate(findings):
        row = _row([column.cells[place] for column in columns], columns)
        lines.append(f"{row}  {pen.paint(verdicts.cells[place], finding.verdict)}")
    return lines


def _fitted(findings: tuple[Finding, ...], pen: Pen, title: str) -> list[_Column] | None:
    """The columns that fit: the reasons go first, then the drawing shrinks, then it goes; else no table at all."""

    def column(name: str, write: Callable[[Finding], str], *, right: bool = False) -> _Column:
        cells = [write(finding) for finding in findings]
        return _Column(name, cells if pen.unicode else [as_ascii(cell) for cell in cells], right)

    # Beside a comparison the candidate's own bounds would cost the drawing; the message and the page have them.
    compared = any(finding.difference is not None for finding in findings)
    full = [
        column(title, lambda f: escape.terminal(wording.subject(f), _NAME)),
        column("candidate", wording.candidate_value if compared else wording.candidate, right=True),
        column("production", wording.baseline, right=True),
        column("difference [bounds]", wording.compared),
        column(wording.asked_of(findings).split()[0], wording.asked, right=True),
    ]
    columns = [item for item in full if any(cell.strip(wording.NONE) for cell in item.cells)]
    reasons = column("verdict", lambda f: f"{pen.mark(f.verdict)} {wording.label(f)}")
    words = column("verdict", lambda f: f"{pen.mark(f.verdict)} {wording.state(f)}")
    drawings = [
        [_Column(heading, _drawings(findings, pen.unicode, drawn))] if drawn else []
        for drawn, heading in ((interval.WIDTH, "worse     0    better"), (15, "worse  0 better"), (0, ""))
    ]
    drawings = [drawn if any(any(item.cells) for item in drawn) else [] for drawn in drawings]
    for drawn, verdicts in ((0, reasons), (0, words), (1, words), (2, reasons), (2, words)):
        kept = [*columns[:-1], *drawings[drawn], *columns[-1:], verdicts]
        if sum(item.width + 2 for item in kept) - 2 <= pen.width:
            return kept
    return None


def _drawings(findings: Iterable[Finding], unicode: bool, width: int = interval.WIDTH) -> list[str]:
    shown = list(findings)
    reaches = interval.reaches(shown)
    spans = [(interval.span(finding), reaches.get(interval.group(finding), 1.0)) for finding in shown]
    return [interval.draw(span, reach, width=width, unicode=unicode) if span else "" for span, reach in spans]


def _stacked(finding: Finding, pen: Pen) -> list[str]:
    lines = _verdict_line(finding, escape.terminal(wording.subject(finding)), pen)
    facts = [f"candidate {wording.candidate(finding)}", f"production {wording.baseline(finding)}"]
    if finding.difference is not None:
        facts.append(f"difference {wording.compared(finding)}")
    facts.append(f"{wording.asked_of([finding])} {wording.asked(finding)}")
    drawn = _drawings([finding], pen.unicode)[0]
    return [*lines, *pen.wrap(", ".join(facts), "  ", "  "), *([f"  {drawn}"] if drawn else [])]


def _row(cells: list[str], columns: list[_Column]) -> str:
    return "  ".join(_padded(cell, column) for cell, column in zip(cells, columns, strict=True))


def _padded(cell: str, column: _Column) -> str:
    room = " " * (column.width - columns_of(cell))
    return room + cell if column.right else cell + room


def _reasons(found: Outline, pen: Pen) -> list[str]:
    explained = [(finding, why) for finding, why in wording.said_once(found.unsettled) if why]
    lines: list[str] = []
    for finding, why in explained[:_ATTENTION_SHOWN]:
        words = f"{escape.terminal(wording.subject(finding))}: {escape.terminal(why, escape.PROSE)}"
        lines += pen.wrap(words, f"{pen.mark(finding.verdict)} ", "  ")
    left = len(explained) - _ATTENTION_SHOWN
    if left > 0:
        lines.append(f"and {left} more")
    return ["why, and what would change it", *lines] if lines else []


def _attention(findings: tuple[Finding, ...], pen: Pen) -> list[str]:
    left = len(findings) - _ATTENTION_SHOWN
    if left <= 0:
        return _table(findings, pen, "slices that did not pass")
    worst = sorted(findings, key=lambda finding: -finding.verdict.rank)[:_ATTENTION_SHOWN]
    return [*_table(tuple(worst), pen, "slices that did not pass"), f"and {left} more slices that did not pass"]


def _settled(findings: tuple[Finding, ...], pen: Pen) -> list[str]:
    if not findings:
        return []
    lines = _table(findings[:_SETTLED_SHOWN], pen, "slices that passed")
    left = len(findings) - _SETTLED_SHOWN
    return [*lines, f"and {left} more slices that passed"] if left > 0 else lines


def _aside(findings: tuple[Finding, ...], pen: Pen) -> list[str]:
    if not findings:
        return []
    lines = [f"listed, not counted: {len(findings)}"]
    for finding in findings[:_ASIDE_SHOWN]:
        words = f"{escape.terminal(wording.subject(finding))}: {wording.label(finding)}. "
        lines += pen.wrap(words + escape.terminal(wording.why(finding), escape.PROSE), "  ", "    ")
    left = len(findings) - _ASIDE_SHOWN
    return [*lines, f"  and {left} more"] if left > 0 else lines


def _legend(report: Report, found: Outline, pen: Pen, drawn: bool) -> list[str]:
    shown = (*found.overall, *found.attention, *found.settled)
    level = wording.level(report)
    sentences = [f"Bounds: {level} each."] if level and any(finding.interval for finding in shown) else []
    if drawn:
        sentences.append(
            f"Drawn: {interval.legend(unicode=pen.unicode, gains=any(f.improvement is not None for f in shown))}."
        )
    lines = pen.wrap(" ".join(sentences)) if sentences else []
    smallest = [f"{escape.terminal(wording.subject(f))} {wording.detectable(f)}" for f in found.overall if f.detectable]
    if smallest:
        lines += pen.wrap(f"Smallest loss these examples can show (80 % power): {', '.join(smallest)}.")
    open_ = [f for f in found.unsettled if wording.unsaid(f)][:_ASIDE_SHOWN]
    if open_:
        needed = ", ".join(f"{escape.terminal(wording.subject(f))} {wording.rows_needed(f)}" for f in open_)
        lines += pen.wrap(f"{wording.settled_by(open_)}: {needed}.")
    return lines


def _listed(title: str, entries: Iterable[str], pen: Pen) -> list[str]:
    lines = [line for entry in entries for line in pen.wrap(escape.terminal(entry, escape.PROSE), "  ", "    ")]
    return [title, *lines] if lines else []

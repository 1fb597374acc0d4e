"""What stands beside the findings, as Markdown and on a terminal: sentences, and a table where there is one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlci.domain.figures import count
from mlci.domain.report import Section
from mlci.render import escape
from mlci.render.fit import Block, Row
from mlci.render.histogram import bars, top_of
from mlci.render.pen import Pen, columns_of

_SHARE = 0.4
_CELL = 80
_SHOWN = 12
_NAME = 16
# A number with its sign, unit and bounds, or the dash for none: what stands best at the right of its column.
_NUMBER = re.compile(r"[-+−<>≤≥]?\s?\d.*|[–-]?")


def numeric(section: Section) -> tuple[bool, ...]:
    """Which columns of the table hold figures only; the first names its row and never does."""
    return tuple(
        place > 0 and all(_NUMBER.fullmatch(row[place].strip()) for row in section.rows)
        for place in range(len(section.columns))
    )


def line(cells: Sequence[str]) -> str:
    """One row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def opened(summary: str, content: str) -> str:
    """What opens a fold of Markdown, up to where its rows begin."""
    return f"<details>\n<summary>{summary}</summary>\n\n{content}"


def section_block(section: Section) -> Block:
    """A section as Markdown, folded or below a heading of its own; its table is cut like any other."""
    title = escape.within(escape.cell, section.title, 100, 300)
    # As a list: a line that begins with a name could begin with what a forge takes for a command.
    said = [f"- {escape.within(escape.markdown, each, escape.PROSE, 2 * escape.PROSE)}" for each in section.sentences]
    opening = opened(title, "") if section.folded else f"#### {title}\n\n"
    rows = [Row(sentence) for sentence in said]
    said += _drawn(section)
    if section.rows:
        heads = [escape.cell(name, _CELL) for name in section.columns]
        rules = ["--:" if right else ":--" for right in numeric(section)]
        opening += "\n".join([*said, *([""] if said else []), line(heads), line(rules)])
        rows = [Row(line([escape.cell(cell, _CELL) for cell in row])) for row in section.rows]
    else:
        opening = opening.removesuffix("\n")
        rows += [Row(each) for each in _drawn(section)]
    return Block(opening, rows, "\n</details>" if section.folded else "", _SHARE)


def _drawn(section: Section) -> list[str]:
    """A table of the histograms, in letters."""
    if not section.histograms:
        return []
    heads = [line(["Rows by value", "before", "now"]), line([":--"] * 3)]
    return ["", *heads] + [
        line([escape.cell(one.title, _CELL), bars(one.before, top_of(one)), bars(one.now, top_of(one))])
        for one in section.histograms
    ]


def _drawn_lines(section: Section, pen: Pen) -> list[str]:
    names = [pen.cell(escape.terminal(one.title, _NAME)) for one in section.histograms]
    room = max(map(columns_of, names), default=0)
    left = max(1, pen.width - room - len("    before    "))
    lines = []
    for name, one in zip(names, section.histograms, strict=True):
        for when, shares in (("before", one.before), ("now   ", one.now)):
            lead = _padded(name if when == "before" else "", room, False)
            lines.append(f"  {lead}  {when}  {bars(shares[:left], top_of(one), unicode=pen.unicode)}".rstrip())
    return lines


def section_lines(section: Section, pen: Pen) -> list[str]:
    """A section on a terminal, which cannot fold: its sentences, and the first rows of a table that is not folded."""
    lines = pen.wrap(escape.terminal(section.title))
    for sentence in section.sentences:
        lines += pen.wrap(escape.terminal(sentence, escape.PROSE), "  ", "  ")
    if section.rows and section.folded and section.sentences:
        rows = "1 row is" if len(section.rows) == 1 else f"{count(len(section.rows))} rows are"
        lines += pen.wrap(f"{rows} in the report as HTML or Markdown", "  ", "  ")
    elif section.rows:
        lines += _table(section, section.rows[:_SHOWN], pen)
        left = len(section.rows) - _SHOWN
        lines += [f"  and {left} more"] if left > 0 else []
    if not section.folded:
        lines += _drawn_lines(section, pen)
    return lines


def _table(section: Section, rows: Sequence[tuple[str, ...]], pen: Pen) -> list[str]:
    cells = [[pen.cell(escape.terminal(cell, _CELL // 2)) for cell in row] for row in (section.columns, *rows)]
    widths = [max(columns_of(row[place]) for row in cells) for place in range(len(section.columns))]
    if sum(widths) + 2 * len(widths) > pen.width:
        return [line for row in cells[1:] for line in _stacked(cells[0], row, pen)]
    right = numeric(section)
    return [
        "  " + "  ".join(_padded(cell, width, at) for cell, width, at in zip(row, widths, right, strict=True)).rstrip()
        for row in cells
    ]


def _padded(cell: str, width: int, right: bool) -> str:
    room = " " * (width - columns_of(cell))
    return room + cell if right else cell + room


def _stacked(heads: Sequence[str], row: Sequence[str], pen: Pen) -> list[str]:
    """One row below the other, for a terminal too narrow for the table."""
    facts = ", ".join(f"{head} {cell}" for head, cell in zip(heads[1:], row[1:], strict=True))
    return pen.wrap(f"{row[0]}: {facts}" if facts else row[0], "  ", "    ")

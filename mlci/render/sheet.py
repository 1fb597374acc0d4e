"""Sections by themselves, as text or Markdown: for a command that describes and judges nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from mlci.domain.report import Section
from mlci.render import escape


def text(sections: Iterable[Section], *, width: int = 100, unicode: bool = True) -> str:
    """Each section as its title, its sentences and its table; wide words stay whole."""
    shown = "\n\n".join("\n".join(_lines(section, width)) for section in sections) + "\n"
    return shown if unicode else shown.replace("–", "-").replace("±", "+/-")


def _lines(section: Section, width: int) -> Iterator[str]:
    yield escape.terminal(section.title)
    for sentence in section.sentences:
        yield from textwrap.wrap(escape.terminal(sentence, 4096), width, break_on_hyphens=False)
    if not section.rows:
        return
    rows = [tuple(escape.terminal(cell) for cell in row) for row in (section.columns, *section.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(section.columns))]
    yield ""
    for row in rows:
        first, *others = (_padded(cell, widths[place], place) for place, cell in enumerate(row))
        yield "  ".join((first, *others)).rstrip()


def _padded(cell: str, width: int, place: int) -> str:
    """What a row is about stands to the left, its numbers to the right."""
    return cell.ljust(width) if place == 0 else cell.rjust(width)


def markdown(sections: Iterable[Section]) -> str:
    """The same in Markdown."""
    return "\n".join(f"{line}" for section in sections for line in _markdown(section))


def _markdown(section: Section) -> Iterator[str]:
    yield f"### {escape.markdown(section.title)}\n"
    for sentence in section.sentences:
        yield f"{escape.markdown(sentence, 4096)}\n"
    if section.rows:
        yield _row(section.columns)
        yield _row(tuple("---" if place == 0 else "---:" for place in range(len(section.columns))), raw=True)
        yield from (_row(row) for row in section.rows)
        yield ""


def _row(cells: tuple[str, ...], *, raw: bool = False) -> str:
    return f"| {' | '.join(cell if raw else escape.markdown(cell) for cell in cells)} |"

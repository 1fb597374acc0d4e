"""A page of a release as Markdown: the model card and the release notes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlci.domain.release.card import Page
from mlci.domain.report import Section
from mlci.render import escape
from mlci.render.sections import line, numeric

_LINK = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]{1,1500}")
_SENTENCE = 1000


def page(found: Page) -> str:
    """Write a page as Markdown; whatever a name or sentence of it says stays text."""
    return "\n".join((f"# {escape.markdown(found.title)}", "", *_links(found), *_sections(found))).rstrip() + "\n"


def _links(found: Page) -> Iterator[str]:
    plain = {title: url for title, url in found.links.items() if _LINK.fullmatch(url)}
    if plain:
        yield " · ".join(f"[{escape.cell(title, 60)}](<{url}>)" for title, url in plain.items())
        yield ""


def _sections(found: Page) -> Iterator[str]:
    for section in found.sections:
        yield f"## {escape.markdown(section.title)}"
        yield ""
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    # As a list: a line that begins with a name could begin with what a forge takes for a command.
    said = [f"- {escape.markdown(each, _SENTENCE)}" for each in section.sentences]
    yield from (*said, *([""] if said else []))
    if section.rows:
        yield line([escape.cell(name) for name in section.columns])
        yield line(["--:" if right else ":--" for right in numeric(section)])
        yield from (line([escape.cell(cell) for cell in row]) for row in section.rows)
        yield ""

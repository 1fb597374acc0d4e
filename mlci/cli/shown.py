"""What a command that judges nothing prints: sections, for a terminal or a page."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mlci.domain.report import Section


def show(found: Sequence[Section], format: str) -> None:
    """Print sections to stdout, as text that fits the terminal or as Markdown."""
    from mlci.render import sheet

    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    width = max(60, min(140, shutil.get_terminal_size((100, 24)).columns))
    shown = sheet.markdown(found) if format == "markdown" else sheet.text(found, width=width, unicode=unicode)
    click.echo(shown, nl=False)

"""The one place that renders a report and puts its faces where people and machines look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from mlci.domain.report import Report
from mlci.errors import UsageError

Format = Literal["text", "markdown", "json", "html"]
Write = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Faces:
    """Where each face of a report is written: beside the report itself, under the same name."""

    json: str
    markdown: str
    html: str
    junit: str

    @classmethod
    def beside(cls, report: str) -> Faces:
        """The faces of a report at this path.

        Raises:
            UsageError: the path does not end in .json, so a face could overwrite the report.
        """
        path = PurePath(report)
        if path.suffix != ".json":
            raise UsageError(f"--report must end in .json, got {report}", help="the other faces are written beside it")
        return cls(report, *(str(path.with_suffix(ending)) for ending in (".md", ".html", ".junit.xml")))

    @property
    def all(self) -> tuple[str, ...]:
        """Every path."""
        return self.json, self.markdown, self.html, self.junit


def publish(report: Report, faces: Faces, write: Write) -> None:
    """Write every face; the machine-readable report last, so that its presence means the others are there."""
    from mlci.render.html import html
    from mlci.render.json import json
    from mlci.render.junit import junit
    from mlci.render.markdown import markdown

    write(faces.markdown, markdown(report, whole=PurePath(faces.html).name).encode())
    write(faces.html, html(report).encode())
    write(faces.junit, junit(report).encode())
    write(faces.json, json(report).encode())


def shown(report: Report, format: Format, *, width: int = 100, colour: bool = False, unicode: bool = True) -> str:
    """The report in the format a person or program asked to see."""
    if format == "markdown":
        from mlci.render.markdown import markdown

        return markdown(report)
    if format == "html":
        from mlci.render.html import html

        return html(report)
    if format == "json":
        from mlci.render.json import json

        return json(report)
    from mlci.render.text import text

    return text(report, width=width, colour=colour, unicode=unicode)


def annotated(report: Report) -> str:
    """The report as workflow commands, which GitHub shows beside the run."""
    from mlci.render.annotations import annotations

    return annotations(report)

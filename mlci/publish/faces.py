"""The faces of a report: where each is written, in which order, and what a person or a job is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from mlci.domain.report import Report
from mlci.errors import UsageError
from mlci.ports import Job, MoreFace
from mlci.publish.audience import Loudness

Format = Literal["text", "markdown", "json", "html"]
Write = Callable[[str, bytes], None]

# A job's page takes 1 MiB; a character takes at most four bytes.
_SUMMARY = 200_000


@dataclass(frozen=True)
class Faces:
    """Where each face of a report is written: beside the report itself, under the same name.

    The list of flipped examples lies there, too, and is no face: it is made from rows, and not every reader may see it.
    """

    json: str
    markdown: str
    html: str
    junit: str
    codequality: str
    metrics: str
    flips: str

    @classmethod
    def beside(cls, report: str) -> Faces:
        """The faces of a report at this path.

        Raises:
            UsageError: the path does not end in .json, so a face could overwrite the report.
        """
        path = PurePath(report)
        if path.suffix != ".json":
            raise UsageError(f"--report must end in .json, got {report}", help="the other faces are written beside it")
        endings = (".md", ".html", ".junit.xml", ".codequality.json", ".metrics.txt", ".flips.csv")
        return cls(report, *(str(path.with_suffix(ending)) for ending in endings))

    @property
    def always(self) -> tuple[str, ...]:
        """The path of every face that is written wherever the step runs."""
        return self.json, self.markdown, self.html, self.junit

    @property
    def all(self) -> tuple[str, ...]:
        """The path of every face, those included that only one forge reads."""
        return (*self.always, self.codequality, self.metrics)

    @property
    def files(self) -> tuple[str, ...]:
        """Every path that a run may write beside its report."""
        return (*self.all, self.flips)


def publish(
    report: Report, faces: Faces, write: Write, more: Sequence[MoreFace] = (), config: str = "mlci.yml"
) -> None:
    """Write every face; the machine-readable report last, so that its presence means the others are there.

    Args:
        report: what to write.
        faces: where.
        write: writes the bytes of one file.
        more: the faces besides that the forge reads.
        config: the configuration file, which is where a forge that asks for a place is told the findings are.
    """
    from mlci.render.html import html
    from mlci.render.json import json
    from mlci.render.junit import junit
    from mlci.render.markdown import markdown

    write(faces.markdown, markdown(report, whole=PurePath(faces.html).name).encode())
    write(faces.html, html(report).encode())
    write(faces.junit, junit(report).encode())
    if "codequality" in more:
        from mlci.render.codequality import codequality

        write(faces.codequality, codequality(report, config).encode())
    if "metrics" in more:
        from mlci.render.openmetrics import openmetrics

        write(faces.metrics, openmetrics(report).encode())
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


def remark(kind: Loudness, text: str, *, annotated: bool, title: str = "mlci") -> str:
    """A line for the log; where a runner reads the log, as a workflow command."""
    from mlci.render import escape
    from mlci.render.annotations import workflow_command

    if annotated:
        return workflow_command(kind, title, text)
    return f"{kind}: {escape.terminal(text, 4096)}"


def summarise(report: Report, job: Job) -> None:
    """Put the report on the job's page."""
    from mlci.render.markdown import markdown

    job.summary(markdown(report, limit=_SUMMARY))

"""Where the results of a command go: files, terminal, job, comment, status; and what an earlier run left, away.

Every command delivers its report here, so that none forgets a place or an order.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlci import publish
from mlci.adapters.disk import files
from mlci.cli.forge import job_of, on_github, workspace_of
from mlci.cli.redact import redact
from mlci.config.model import DEFAULT_FILE
from mlci.config.quote import one_line
from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.errors import Exit, MlciError, SeveralErrors, UsageError
from mlci.render.escape import log_line

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.ports import Job
    from mlci.surface.command import Command

EXITS = {
    Verdict.PASS: Exit.PASS,
    Verdict.WARN: Exit.PASS,
    Verdict.INCONCLUSIVE: Exit.UNDECIDED,
    Verdict.FAIL: Exit.GATE,
}


def exit_of(verdict: Verdict, own: Mapping[str, Any]) -> Exit:
    """The exit of a verdict; that of a warning is its own where it was asked for."""
    return Exit.WARNED if verdict is Verdict.WARN and own.get("exit_on_warn") == "true" else EXITS[verdict]


# Parameters that name files a command writes; every other path is read.
_WRITTEN = ("report", "evidence", "quarantine")
# What a command in a help begins with.
_PROGRAMS = ("git", "mlci", "mlflow", "pip")


@dataclass(frozen=True)
class Delivery:
    """How one run of a command delivers.

    Attributes:
        command: its name.
        own: the command's own parameters by their snake names.
        faces: where the report's faces are written.
        environ: the environment, for colours and annotations.
        job: the job this runs in; None on a developer's machine.
    """

    command: str
    own: Mapping[str, Any]
    faces: publish.Faces
    environ: Mapping[str, str]
    job: Job | None = None

    def apart(self, suffix: str) -> Delivery:
        """The same for one of several reports, whose name ends otherwise."""
        report = Path(self.own["report"])
        own = {**self.own, "report": str(report.with_name(f"{report.stem}{suffix}{report.suffix}"))}
        job = job_of(self.environ, self.command, own["report"])
        return replace(self, own=own, faces=publish.Faces.beside(own["report"]), job=job)

    def write(self, report: Report) -> None:
        """Write the faces, and nothing else."""
        more = self.job.faces if self.job is not None else ()
        config = self.from_workspace(self.own.get("config") or DEFAULT_FILE)
        publish.publish(report, self.faces, files.write, more, config)

    def deliver(self, report: Report, outputs: Mapping[str, str], audience: publish.Audience | None = None) -> None:
        """Write, show, summarise, hand on and post; what cannot be posted is said and changes nothing."""
        self.write(report)
        self._show(report)
        said = publish.Said()
        verdict = {
            "verdict": report.verdict.value,
            "reason": report.reason,
            "report": self.from_workspace(self.faces.json),
        }
        if self.job is not None:
            self._summarise(report, self.job)
            self.job.outputs({**verdict, **outputs})
        if audience is not None:
            said = publish.post(report, audience)
        for kind, line in said.lines:
            self.say(kind, line)
        if self.job is not None and said.comment:
            self.job.outputs({"comment": said.comment})

    def from_workspace(self, path: str) -> str:
        """A path as a later step finds it: the others start at the workspace, whatever folder this one runs in."""
        workspace = workspace_of(self.environ)
        return os.path.relpath(path, workspace) if workspace else path

    def _summarise(self, report: Report, job: Job) -> None:
        try:
            publish.summarise(report, job)
        except MlciError as error:
            self.say("warning", f"the job's page was not written: {error.cause}")

    def say(self, kind: publish.Loudness, line: str) -> None:
        """One line for the log, as an annotation where a runner reads it."""
        click.echo(publish.remark(kind, line, annotated=self._annotated), err=True)

    @property
    def _annotated(self) -> bool:
        return on_github(self.environ)

    def _show(self, report: Report) -> None:
        """The report to stdout, in the format asked for; where the files are, and annotations, to stderr."""
        unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        colour = sys.stdout.isatty() and "NO_COLOR" not in self.environ
        width = max(60, min(140, shutil.get_terminal_size((100, 24)).columns))
        format = self.own["format"]
        click.echo(publish.shown(report, format, width=width, colour=colour, unicode=unicode), nl=False, color=colour)
        if self._annotated:
            click.echo(publish.annotated(report), nl=False, err=True)
        written = f"report: {one_line(self.faces.json)}, .md, .html, .junit.xml"
        if self.own.get("evidence") and report.evidence:
            written += f"; evidence: {one_line(self.own['evidence'])}"
        click.echo(log_line(written), err=True)
        if format == "text" and self.job is None:
            click.echo(f"open {Path(self.faces.html).resolve().as_uri()}", err=True)


def delivery_of(invocation: Invocation) -> Delivery:
    """How a command delivers, after what an earlier run left in the places of its results is gone.

    Raises:
        MlciError: a result would overwrite an input or another result, or what is there cannot be removed.
    """
    own, environ = invocation.own, invocation.environ
    faces = discard(invocation.command, own)
    job = job_of(environ, invocation.command.name, own["report"])
    for path in job.written if job is not None else ():
        files.remove(path)
    return Delivery(invocation.command.name, own, faces, environ, job)


def discard(command: Command, own: Mapping[str, Any]) -> publish.Faces:
    """Remove what an earlier run left where this run's results belong, and say where that is.

    If this run is killed, no stale verdict lies where its own belongs.

    Raises:
        MlciError: a result would overwrite an input or another result, or cannot be removed.
    """
    faces = publish.Faces.beside(own["report"])
    _refuse_overwriting(command, own, faces)
    _refuse_clearing(command, own)
    for path in (*faces.files, *(own[name] for name in _WRITTEN[1:] if own.get(name))):
        files.remove(path)
    return faces


def _refuse_overwriting(command: Command, own: Mapping[str, Any], faces: publish.Faces) -> None:
    """A result written over an input, or over another result, would destroy what it was made from.

    Raises:
        UsageError: two paths name one file, or a path is not text and so cannot stand in a report.
    """
    named = [(param.name, own.get(param.name.replace("-", "_"))) for param in command.params if param.kind == "path"]
    results = [(f"--{name}", path) for name, path in named if name in _WRITTEN[1:] and path]
    inputs = [(f"--{name}", path) for name, path in named if name not in (*_WRITTEN, "keep") and path]
    seen: dict[str, str] = {}
    for flag, path in [*(("--report", path) for path in faces.files), *results, *inputs]:
        if not _is_utf8(path):
            raise UsageError(f"{flag} is not UTF-8 text: {path!a}", help="rename the file")
        real, is_input = os.path.realpath(path), (flag, path) in inputs
        if real in seen and not is_input:
            raise UsageError(f"{seen[real]} and {flag} would write the same file {path}")
        if real in seen:
            raise UsageError(
                f"{seen[real]} would overwrite {path}, which {flag} names", help=f"name another {seen[real]}"
            )
        if not is_input:
            seen[real] = flag


def _refuse_clearing(command: Command, own: Mapping[str, Any]) -> None:
    """The folder that is kept is emptied first, and an input in it would be gone before it is read.

    Raises:
        UsageError: an input lies in that folder.
    """
    if not own.get("keep"):
        return
    folder = Path(os.path.realpath(own["keep"]))
    inputs = [param for param in command.params if param.kind == "path" and param.name not in (*_WRITTEN, "keep")]
    for param in inputs:
        path = own.get(param.name.replace("-", "_"))
        if path and Path(os.path.realpath(path)).is_relative_to(folder):
            raise UsageError(f"--keep would empty {own['keep']}, where --{param.name} lies", help="name another --keep")


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def unjudged(
    step: str, error: MlciError, model: str | None = None, *, environ: Mapping[str, str] | None = None
) -> Report:
    """A report for what cannot be judged, so that a pull request shows the error and not an old verdict.

    An error may quote what a command of the user's printed, so the secrets of ``environ`` are taken out of it.
    """
    known = environ or {}
    problems = error.problems if isinstance(error, SeveralErrors) else [error]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Report(
        step=step,
        verdict=Verdict.INCONCLUSIVE,
        reason=redact(f"{problems[0].cause}{more}", known),
        findings=tuple(_problem(problem, known) for problem in problems),
        model=model,
    )


def _problem(error: MlciError, environ: Mapping[str, str]) -> Finding:
    message = f"{error.id}: {error.cause}" + (f" ({error.place})" if error.place is not None else "")
    return Finding(
        id=f"input:{error.id}",
        rule="input",
        verdict=Verdict.INCONCLUSIVE,
        reason="input-error",
        message=redact(message, environ),
        explanation=redact(f"{error.title} {_as_sentence(error.help or '')}".strip(), environ),
    )


def _as_sentence(help: str) -> str:
    """What to do, as it begins after a full stop; what begins with code stays as it is written."""
    first = help.partition(" ")[0].rstrip(",;")
    return help if not first.isalpha() or first in _PROGRAMS else f"{help[0].upper()}{help[1:]}"

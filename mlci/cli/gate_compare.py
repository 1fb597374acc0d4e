"""``mlci gate-compare``: open what was named, run the step, write its evidence and faces, choose the exit."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlci import publish
from mlci.adapters import files
from mlci.config.policy import gate_policy
from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.errors import Exit, ExtraMissing, MlciError, RequiredMissing, UsageError

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.steps.gate_compare import Given, Outcome

EXITS = {
    Verdict.PASS: Exit.PASS,
    Verdict.WARN: Exit.PASS,
    Verdict.INCONCLUSIVE: Exit.UNDECIDED,
    Verdict.FAIL: Exit.GATE,
}


def run(invocation: Invocation) -> Exit:
    """Judge, publish and return the exit code of the verdict.

    What an earlier run left is removed first: if this run is killed, no stale verdict lies where its own belongs.
    """
    own = invocation.own
    faces = discard(own)
    try:
        outcome = _judge(invocation)
    except MlciError as error:
        if error.exit is Exit.UNDECIDED:
            publish.publish(_unjudged(error), faces, files.write)
        raise
    files.write(own["evidence"], outcome.evidence)
    publish.publish(outcome.report, faces, files.write)
    _show(outcome.report, own, faces)
    return EXITS[outcome.report.verdict]


def discard(own: dict[str, Any]) -> publish.Faces:
    """Remove what an earlier run left where this run's results belong, and say where that is.

    Raises:
        MlciError: a result would overwrite an input or another result, or cannot be removed.
    """
    faces = publish.Faces.beside(own["report"])
    _refuse_overwriting(own, faces)
    for path in (*faces.all, own["evidence"]):
        files.remove(path)
    return faces


def _refuse_overwriting(own: dict[str, str | None], faces: publish.Faces) -> None:
    """A result written over an input, or over another result, would destroy what it was made from.

    Raises:
        UsageError: two paths name one file, or a path is not text and so cannot stand in a report.
    """
    paths = [("--report", path) for path in faces.all]
    paths += [(f"--{name}", path) for name in ("evidence", "candidate", "baseline", "config") if (path := own[name])]
    seen: dict[str, str] = {}
    for flag, path in paths:
        if not _is_utf8(path):
            raise UsageError(f"{flag} is not UTF-8 text: {path!a}", help="rename the file")
        real, is_input = os.path.realpath(path), flag not in ("--report", "--evidence")
        if real in seen and not is_input:
            raise UsageError(f"{seen[real]} and {flag} would write the same file {path}")
        if real in seen:
            raise UsageError(
                f"{seen[real]} would overwrite {path}, which {flag} names", help=f"name another {seen[real]}"
            )
        if not is_input:
            seen[real] = flag


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _judge(invocation: Invocation) -> Outcome:
    own, config = invocation.own, invocation.resolved.config
    if own["candidate"] is None:
        raise RequiredMissing("gate-compare needs --candidate", help="name the candidate's predictions file")
    try:
        import numpy  # noqa: F401 - asked for here so that its absence is one clear error
    except ImportError as error:
        raise ExtraMissing("judging needs numpy", help='pip install "mlci[gate]"') from error
    from mlci.steps import gate_compare

    candidate = _given(own["candidate"])
    baseline = _given(own["baseline"]) if own["baseline"] is not None else None
    policy = gate_policy(config, baseline_given=baseline is not None)
    return gate_compare.run(candidate, baseline, policy, config.model)


def _given(path: str) -> Given:
    from mlci.adapters.tables import open_table
    from mlci.domain.report import Subject
    from mlci.steps.gate_compare import Given

    if path.lower().endswith(".json"):
        metrics, holdout = files.read_metrics(path)
        return Given(Subject(name=path, digest=files.sha256(path)), metrics=metrics, holdout=holdout)
    table = open_table(path)
    return Given(Subject(name=path, digest=files.sha256(path)), table=table)


def _unjudged(error: MlciError) -> Report:
    """A report for input that cannot be judged, so that a pull request shows the error and not an old verdict."""
    finding = Finding(
        id=f"input:{error.id}",
        rule="input",
        verdict=Verdict.INCONCLUSIVE,
        reason="input-error",
        message=f"{error.id}: {error.cause}" + (f" ({error.place})" if error.place is not None else ""),
        explanation=f"{error.title} {error.help or ''}".strip(),
    )
    return Report(step="gate-compare", verdict=Verdict.INCONCLUSIVE, reason=error.cause, findings=(finding,))


def _show(report: Report, own: dict[str, str], faces: publish.Faces) -> None:
    """The report to stdout, in the format asked for; where the files are, and annotations, to stderr."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    width = max(60, min(140, shutil.get_terminal_size((100, 24)).columns))
    format = own["format"]
    written = publish.shown(report, format, width=width, colour=colour, unicode=unicode)  # type: ignore[arg-type]
    click.echo(written, nl=False, color=colour)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        click.echo(publish.annotated(report), nl=False, err=True)
    click.echo(f"report: {faces.json}, .md, .html, .junit.xml; evidence: {own['evidence']}", err=True)
    if format == "text":
        click.echo(f"open {Path(faces.html).resolve().as_uri()}", err=True)

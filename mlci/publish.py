"""The one place that renders a report and puts it where people and machines look: files, job, comment, status."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import Literal

from mlci import __version__
from mlci.domain.report import Report
from mlci.domain.run import Run
from mlci.domain.verdict import Verdict
from mlci.errors import MlciError, ServiceRefused, UsageError
from mlci.ports import Check, Comment, Commits, Conversation, Job, State, Status

Format = Literal["text", "markdown", "json", "html"]
Write = Callable[[str, bytes], None]
# Something to say in the log, and how loudly.
Loudness = Literal["notice", "warning", "error"]
Line = tuple[Loudness, str]


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


def remark(kind: Loudness, text: str, *, annotated: bool, title: str = "mlci") -> str:
    """A line for the log; where a runner reads the log, as a workflow command."""
    from mlci.render import escape
    from mlci.render.annotations import workflow_command

    if annotated:
        return workflow_command(kind, title, text)
    return f"{kind}: {escape.terminal(text, 4096)}"


# Posting: what is posted never changes a verdict, and what cannot be posted is said and passed over.

# A job's page takes 1 MiB; a character takes at most four bytes.
_SUMMARY = 200_000
# A comment takes 65,536 characters; the marker and the foot need some of them.
_COMMENT = 59_000
_DESCRIPTION = 140


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who is told about a report, and as what.

    Attributes:
        run: the run that reports.
        key: which report on the change this is; empty for the only one.
        commit: what status and check run belong to.
        number: the pull request that is commented on; None for none.
        conversation: None where no comment is wanted.
        commits: None where neither status nor check run is wanted.
        status: whether a status is wanted.
        check: whether a check run is wanted.
        advisory: the numbers are not from trusted code; nothing of this report may turn a status green.
        dry_run: say what would be posted, and post nothing.
    """

    run: Run
    key: str
    commit: str
    number: int | None
    conversation: Conversation | None
    commits: Commits | None
    status: bool = True
    check: bool = False
    advisory: bool = False
    dry_run: bool = False

    @property
    def context(self) -> str:
        """The name of the status."""
        return "mlci/gate" + (f"/{self.key}" if self.key else "")

    @property
    def untrusted(self) -> bool:
        """Whether code that nobody here has reviewed measured the numbers, however much the token may do."""
        return self.advisory or (self.run.change is not None and self.run.change.fork)


@dataclass(frozen=True)
class Said:
    """What came of posting: the comment's address, and a line for each thing that is worth saying."""

    comment: str = ""
    lines: tuple[Line, ...] = ()


def summarise(report: Report, job: Job) -> None:
    """Put the report on the job's page."""
    from mlci.render.markdown import markdown

    job.summary(markdown(report, limit=_SUMMARY))


def post(report: Report, audience: Audience) -> Said:
    """Post the comment, then the status, then the check run, each whether or not the one before went well."""
    lines: list[Line] = []
    address = ""
    for what, summary, act in _acts(report, audience, lines.append):
        if audience.dry_run:
            lines.append(("notice", f"dry run: would {summary}"))
            continue
        try:
            done = act()
        except MlciError as error:
            lines.append(_unposted(what, error, audience))
        else:
            address = done if isinstance(done, str) else address
    return Said(address, tuple(lines))


def _acts(
    report: Report, audience: Audience, say: Callable[[Line], None]
) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """Everything that is wanted: its name, what it would do, and doing it."""
    conversation, commits, number = audience.conversation, audience.commits, audience.number
    if conversation is not None and number is not None:
        body = _body(report, audience)
        yield "the comment", f"comment on #{number}", partial(_stick, conversation, number, body, audience, say)
    if commits is not None and audience.status:
        status = _status(report, audience)
        what = f"set {status.context} to {status.state}"
        yield "the status", what, partial(_set, commits, status, audience, say)
    if commits is not None and audience.check:
        check = _check(report, audience)
        what = f"add the check run {check.name}: {check.conclusion}"
        yield "the check run", what, partial(commits.set_check, audience.commit, check)


def _unposted(what: str, error: MlciError, audience: Audience) -> Line:
    run = audience.run
    if not audience.advisory and run.change is not None and run.change.fork and isinstance(error, ServiceRefused):
        why = (
            "the token of a change from a fork may only read. The report is on the page of this job; a workflow that "
            "runs the report step can post it"
        )
        return "notice", f"{what} was not posted: {why}"
    return "warning", f"{what} was not posted: {error.cause}" + (f" ({error.help})" if error.help else "")


# The sticky comment. Its first line, which no reader sees, says whose it is and how new.

_MARKER = re.compile(
    r"<!-- mlci:report key=(?P<key>[A-Za-z0-9._-]*) run=(?P<run>\d{1,19}) attempt=(?P<attempt>\d{1,9})"
    r" commit=[0-9a-f]{40,64} -->"
)


@dataclass(frozen=True)
class _Stuck:
    """A comment of ours that carries our marker."""

    comment: Comment
    age: tuple[int, int]

    @property
    def text(self) -> str:
        """What a reader sees."""
        return self.comment.body.partition("\n")[2].replace("\r\n", "\n").strip()


def _body(report: Report, audience: Audience) -> str:
    from mlci.render import escape
    from mlci.render.markdown import markdown

    run = audience.run
    marker = f"<!-- mlci:report key={audience.key} run={run.id} attempt={run.attempt} commit={audience.commit} -->"
    parts = [f"commit {audience.commit[:12]}", f"[run {run.id}](<{run.url}>)", f"mlci {__version__}"]
    if audience.key:
        parts.insert(0, f"report {audience.key}")
    if run.matrix is not None:
        parts.insert(1, f"matrix {escape.within(escape.code, run.matrix, 120, 400)}")
    foot = f"<sub>{' · '.join(parts)}</sub>"
    return f"{marker}\n{markdown(report, limit=_COMMENT, whole=run.url)}\n{foot}\n"


def _stick(conversation: Conversation, number: int, body: str, audience: Audience, say: Callable[[Line], None]) -> str:
    """Bring the one comment of this report up to date; return its address."""
    found = _stuck(conversation.comments(number), audience.key)
    if not found:
        made = conversation.add_comment(number, body)
        # Another run may have seen no comment at the same time; the elder of the two stays.
        found = _stuck(conversation.comments(number), audience.key)
        if len(found) < 2:
            return made.url
    elder, *younger = found
    newest = max(each.age for each in found)
    if newest > audience.run.age:
        say(("notice", f"the comment was left alone: run {newest[0]}, attempt {newest[1]}, is newer than this one"))
        if elder.age == newest:
            _remove(conversation, younger)
        return elder.comment.url
    if elder.text != body.partition("\n")[2].strip():
        conversation.edit_comment(elder.comment.id, body)
    _remove(conversation, younger)
    return elder.comment.url


def _stuck(comments: Sequence[Comment], key: str) -> list[_Stuck]:
    """Comments of ours with this key, the eldest first; one that only quotes the marker is not ours."""
    found = []
    for comment in comments:
        marker = _MARKER.fullmatch(comment.body.partition("\n")[0].rstrip("\r")) if comment.mine else None
        if marker is not None and marker["key"] == key:
            found.append(_Stuck(comment, (int(marker["run"]), int(marker["attempt"]))))
    return sorted(found, key=lambda each: each.comment.id)


def _remove(conversation: Conversation, comments: Sequence[_Stuck]) -> None:
    for each in comments:
        conversation.remove_comment(each.comment.id)


# What the description of a status begins with where nobody who is trusted has measured.
_ADVISORY = "advisory "
_STATES: dict[Verdict, State] = {
    Verdict.PASS: "success", Verdict.WARN: "success", Verdict.INCONCLUSIVE: "failure", Verdict.FAIL: "failure",
}  # fmt: skip


def _status(report: Report, audience: Audience) -> Status:
    state, said = _STATES[report.verdict], f"{report.verdict.value}: {report.reason}"
    if audience.untrusted:
        state = "pending" if state == "success" else state
        said = f"{_ADVISORY}{said}"
    return Status(context=audience.context, state=state, description=_short(said), url=audience.run.url)


def _set(commits: Commits, status: Status, audience: Audience, say: Callable[[Line], None]) -> None:
    """Set the status, unless a newer run has, or this one is advisory and a trusted run has."""
    before = commits.status(audience.commit, status.context)
    if before is not None and _number(before.url) > _number(status.url):
        say(("notice", f"the status was left alone: a newer run has set it ({before.url})"))
    elif before is not None and audience.untrusted and not before.description.startswith(_ADVISORY):
        say(("notice", "the status was left alone: a run that is not advisory has set it"))
    else:
        commits.set_status(audience.commit, status)


def _number(url: str) -> int:
    """The number of a run, with which its page's address ends; a later run has a higher one."""
    last = url.rstrip("/").rpartition("/")[2]
    return int(last) if re.fullmatch(r"\d{1,19}", last) else 0


def _short(text: str) -> str:
    from mlci.render import escape

    return escape.cleaned(text, _DESCRIPTION)


_CONCLUSIONS: dict[Verdict, Literal["success", "neutral", "failure", "action_required"]] = {
    Verdict.PASS: "success", Verdict.WARN: "neutral", Verdict.INCONCLUSIVE: "action_required", Verdict.FAIL: "failure",
}  # fmt: skip


def _check(report: Report, audience: Audience) -> Check:
    from mlci.render.markdown import markdown

    conclusion = _CONCLUSIONS[report.verdict]
    return Check(
        # Not the status's name: GitHub would require both where one is required.
        name=f"mlci report{' ' + audience.key if audience.key else ''}",
        external_id=f"mlci:{audience.run.id}:{audience.key}",
        conclusion="action_required" if audience.untrusted and conclusion in ("success", "neutral") else conclusion,
        title=_short(f"{report.verdict.value}: {report.reason}"),
        summary=markdown(report, limit=_COMMENT, whole=audience.run.url),
        url=audience.run.url,
    )

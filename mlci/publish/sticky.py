"""The one comment of a report on a change. Its first line, which no reader sees, says whose it is and how new."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlci import __version__
from mlci.domain.release.command import command_for
from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.ports import Comment, Conversation
from mlci.publish.audience import Audience, Line
from mlci.publish.mark import Mark, marked, read_mark

# A comment takes 65,536 characters; the marker and the foot need some of them.
LONGEST = 59_000


@dataclass(frozen=True)
class _Stuck:
    """A comment of ours that carries our marker."""

    comment: Comment
    mark: Mark

    @property
    def text(self) -> str:
        """What a reader sees."""
        return self.comment.body.partition("\n")[2].replace("\r\n", "\n").strip()


def body_of(report: Report, audience: Audience) -> str:
    """The whole comment, its marker first."""
    from mlci.render import escape
    from mlci.render.markdown import markdown

    run = audience.run
    parts = [f"commit {audience.commit[:12]}", f"[run {run.id}](<{run.url}>)", f"mlci {__version__}"]
    if audience.key:
        parts.insert(0, f"report {audience.key}")
    if run.matrix is not None:
        parts.insert(1, f"matrix {escape.within(escape.code, run.matrix, 120, 400)}")
    gate = report.evidence.get("gate")
    if gate is not None and not audience.untrusted:
        # In full: whoever approves this verdict by a comment copies it from here.
        parts.append(f"gate `sha256:{gate}`")
    foot = f"<sub>{' · '.join(parts)}</sub>"
    if gate is not None and not audience.untrusted and report.verdict is Verdict.INCONCLUSIVE:
        said = "Where policy leaves this to a person, a comment with this one line approves this very verdict"
        foot = f"{said}: `{command_for(gate)}`\n\n{foot}"
    return f"{marked('report', audience)}\n{markdown(report, limit=LONGEST, whole=run.url)}\n{foot}\n"


def stick(conversation: Conversation, number: int, body: str, audience: Audience, say: Callable[[Line], None]) -> str:
    """Bring the one comment of this report up to date; return its address."""
    ours = _ours(conversation.comments(number))
    _remove(conversation, number, [each for each in ours if each.mark.is_left_behind(audience)])
    found = _of(ours, audience)
    if not found and audience.quiet:
        return ""
    if not found:
        made = conversation.add_comment(number, body)
        # Another run may have seen no comment at the same time; the elder of the two stays.
        found = _of(_ours(conversation.comments(number)), audience)
        if len(found) < 2:
            return made.url
    elder, *younger = found
    standing = _standing(found, audience)
    if standing is not None:
        say(("notice", f"the comment was left alone: {standing.why(audience)}"))
        if elder.mark.age == standing.age:
            _remove(conversation, number, younger)
        return elder.comment.url
    if elder.text != body.partition("\n")[2].strip() and not elder.mark.repeats(audience):
        conversation.edit_comment(number, elder.comment.id, body)
    _remove(conversation, number, younger)
    return elder.comment.url


def standing(conversation: Conversation, number: int, audience: Audience) -> Mark | None:
    """The mark of a comment that this report leaves alone; None where there is none."""
    return _standing(_of(_ours(conversation.comments(number)), audience), audience)


def _standing(found: Sequence[_Stuck], audience: Audience) -> Mark | None:
    left_alone = [each.mark for each in found if each.mark.outlasts(audience)]
    return max(left_alone, key=lambda each: each.age, default=None)


def _ours(comments: Sequence[Comment]) -> list[_Stuck]:
    """Comments of ours, the eldest first; one that only quotes the mark is not ours."""
    marks = [(each, read_mark("report", each.body) if each.mine else None) for each in comments]
    found = [_Stuck(comment, mark) for comment, mark in marks if mark is not None]
    return sorted(found, key=lambda each: each.comment.id)


def _of(ours: Sequence[_Stuck], audience: Audience) -> list[_Stuck]:
    return [each for each in ours if each.mark.key == audience.key]


def _remove(conversation: Conversation, number: int, comments: Sequence[_Stuck]) -> None:
    for each in comments:
        conversation.remove_comment(number, each.comment.id)

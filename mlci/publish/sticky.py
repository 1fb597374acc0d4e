"""The one comment of a report on a change. Its first line, which no reader sees, says whose it is and how new."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlci import __version__
from mlci.domain.report import Report
from mlci.ports import Comment, Conversation
from mlci.publish.audience import Audience, Line

# A comment takes 65,536 characters; the marker and the foot need some of them.
LONGEST = 59_000

_MARKER = re.compile(
    r"<!-- mlci:report key=(?P<key>[A-Za-z0-9._-]*) run=(?P<run>\d{1,19}) attempt=(?P<attempt>\d{1,19})"
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


def body_of(report: Report, audience: Audience) -> str:
    """The whole comment, its marker first."""
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
    return f"{marker}\n{markdown(report, limit=LONGEST, whole=run.url)}\n{foot}\n"


def stick(conversation: Conversation, number: int, body: str, audience: Audience, say: Callable[[Line], None]) -> str:
    """Bring the one comment of this report up to date; return its address."""
    found = _stuck(conversation.comments(number), audience.key)
    if not found and audience.quiet:
        return ""
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
            _remove(conversation, number, younger)
        return elder.comment.url
    if elder.text != body.partition("\n")[2].strip():
        conversation.edit_comment(number, elder.comment.id, body)
    _remove(conversation, number, younger)
    return elder.comment.url


def _stuck(comments: Sequence[Comment], key: str) -> list[_Stuck]:
    """Comments of ours with this key, the eldest first; one that only quotes the marker is not ours."""
    found = []
    for comment in comments:
        marker = _MARKER.fullmatch(comment.body.partition("\n")[0].rstrip("\r")) if comment.mine else None
        if marker is not None and marker["key"] == key:
            found.append(_Stuck(comment, (int(marker["run"]), int(marker["attempt"]))))
    return sorted(found, key=lambda each: each.comment.id)


def _remove(conversation: Conversation, number: int, comments: Sequence[_Stuck]) -> None:
    for each in comments:
        conversation.remove_comment(number, each.comment.id)

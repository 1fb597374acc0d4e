"""What is said on a merge request: notes, and threads that can hold the merge back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from mlci.adapters.gitlab.api import Access, User, project
from mlci.adapters.remote.http import Api
from mlci.ports import Comment, Thread

# A line that begins so is carried out with the rights of whoever writes it: /merge, /approve, /close.
# https://docs.gitlab.com/user/project/quick_actions/
_COMMAND = re.compile(r"^(\s*)/", re.MULTILINE)
_WRITE = "write on a merge request"


class _Note(msgspec.Struct):
    id: int
    body: str
    author: User | None = None
    system: bool = False
    resolvable: bool = False
    resolved: bool = False


class _Discussion(msgspec.Struct):
    id: str
    notes: list[_Note]


class GitLabConversation:
    """ports.Conversation over the notes of merge requests. https://docs.gitlab.com/api/notes/

    The token of a job may read notes; writing takes a project access token with the scope api.
    """

    def __init__(self, access: Access, number: int, page: str) -> None:
        """Nothing is asked yet.

        Args:
            access: what GitLab is asked with.
            number: of the project that changes are proposed to.
            page: its address.
        """
        self._access, self._project, self._page = access, number, page

    def comments(self, number: int) -> Sequence[Comment]:
        """Every note that a person or program wrote, oldest first, all pages."""
        order = {"sort": "asc", "order_by": "created_at"}
        with self._access.reading() as api:
            found: list[_Note] = list(api.paginate(self._notes(number), order, shape=_Note))
        return [self._comment(number, note) for note in sorted(found, key=lambda each: each.id) if not note.system]

    def add_comment(self, number: int, body: str) -> Comment:
        """Add one; when the answer is lost, look whether it is there before trying again."""
        api, text = self._writer(), _harmless(body)

        def there() -> _Note | None:
            notes: list[_Note] = list(api.paginate(self._notes(number), shape=_Note))
            same = [each for each in notes if _is(each, text) and _is_mine(self._access, each.author)]
            return max(same, key=lambda each: each.id, default=None)

        made = api.post_once(self._notes(number), {"body": text}, there, shape=_Note)
        return self._comment(number, made)

    def edit_comment(self, number: int, comment: int, body: str) -> Comment:
        """Replace the text of one."""
        path = f"{self._notes(number)}/{comment}"
        return self._comment(number, self._writer().put(path, {"body": _harmless(body)}, shape=_Note))

    def remove_comment(self, number: int, comment: int) -> None:
        """Remove one; one that is gone already is no error."""
        self._writer().delete(f"{self._notes(number)}/{comment}")

    def _writer(self) -> Api:
        return self._access.writer(_WRITE)

    def _notes(self, number: int) -> str:
        return project(self._project, "merge_requests", number, "notes")

    def _comment(self, number: int, note: _Note) -> Comment:
        url = f"{self._page}/-/merge_requests/{number}#note_{note.id}"
        return Comment(id=note.id, body=note.body, mine=_is_mine(self._access, note.author), url=url)


class GitLabThreads:
    """ports.Threads over the discussions of merge requests. https://docs.gitlab.com/api/discussions/

    Takes a project access token with the scope api, for reading too.
    """

    def __init__(self, access: Access, number: int) -> None:
        """Nothing is asked yet; ``number`` is that of the project that changes are proposed to."""
        self._access, self._project = access, number

    def threads(self, number: int) -> Sequence[Thread]:
        """Every thread that can be resolved, oldest first, all pages."""
        begun = self._begun(self._writer(), number)
        return [self._thread(each) for each in sorted(begun, key=lambda each: each.notes[0].id)]

    def open_thread(self, number: int, body: str) -> Thread:
        """Begin one; when the answer is lost, look whether it is there before trying again."""
        api, text = self._writer(), _harmless(body)

        def there() -> _Discussion | None:
            same = [each for each in self._begun(api, number) if _is(each.notes[0], text)]
            mine = [each for each in same if _is_mine(self._access, each.notes[0].author)]
            return max(mine, key=lambda each: each.notes[0].id, default=None)

        return self._thread(api.post_once(self._at(number), {"body": text}, there, shape=_Discussion))

    def edit_thread(self, number: int, thread: str, body: str, *, resolved: bool) -> None:
        """Replace the text of its first note, and resolve it or open it again."""
        api, text = self._writer(), _harmless(body)
        path = f"{self._at(number)}/{thread}"
        first = api.get(path, shape=_Discussion).notes[0]
        if not _is(first, text):
            note = project(self._project, "merge_requests", number, "notes", first.id)
            api.put(note, {"body": text}, shape=Any)
        if first.resolved is not resolved:
            api.put(path, {"resolved": resolved}, shape=Any)

    def _begun(self, api: Api, number: int) -> list[_Discussion]:
        """Threads alone: GitLab lists every note as a discussion of its own."""
        found: list[_Discussion] = list(api.paginate(self._at(number), shape=_Discussion))
        return [each for each in found if each.notes and each.notes[0].resolvable]

    def _writer(self) -> Api:
        return self._access.writer(_WRITE)

    def _at(self, number: int) -> str:
        return project(self._project, "merge_requests", number, "discussions")

    def _thread(self, found: _Discussion) -> Thread:
        first = found.notes[0]
        return Thread(
            id=found.id, body=first.body, mine=_is_mine(self._access, first.author), resolved=first.resolved
        )  # fmt: skip


def _is_mine(access: Access, author: User | None) -> bool:
    """Whether the identity we write with is that author; without a token to write with, nobody is."""
    return author is not None and author.id == access.me


def _harmless(body: str) -> str:
    """A text of which no line is a command; what a reader sees is the same."""
    return _COMMAND.sub(r"\1&#47;", body)


def _is(note: _Note, text: str) -> bool:
    return note.body.replace("\r\n", "\n").strip() == text.strip()

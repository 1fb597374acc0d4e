"""The comments on a pull request."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mlci.adapters.github.api import at
from mlci.adapters.remote.http import Api
from mlci.errors import ServiceRefused
from mlci.ports import Comment

# The author of what the token of a workflow writes, here and on Enterprise Server; nobody can register that login.
_WORKFLOW = "github-actions[bot]"


class _User(msgspec.Struct):
    id: int
    login: str
    type: str


class _Comment(msgspec.Struct):
    id: int
    html_url: str
    body: str | None = ""
    user: _User | None = None


class GitHubConversation:
    """ports.Conversation over the issue comments of one repository.

    Permission: pull-requests: write (read to list). https://docs.github.com/rest/issues/comments
    """

    def __init__(self, api: Api, repository: str) -> None:
        """Nothing is asked yet."""
        self._api = api
        self._repository = repository
        self._known = False
        self._me: int | None = None

    def comments(self, number: int) -> Sequence[Comment]:
        """Every comment, oldest first, all pages."""
        path = at(self._repository, "issues", number, "comments")
        try:
            listed = list(self._api.paginate(path, shape=_Comment))
        except ServiceRefused as error:
            # Reading is refused first; a token that may read alone would be refused next.
            raise ServiceRefused(error.cause, help="the token needs pull-requests: write") from None
        found = sorted(listed, key=lambda each: each.id)
        return [self._comment(each) for each in found]

    def add_comment(self, number: int, body: str) -> Comment:
        """Add one; when the answer is lost, look whether it is there before trying again."""
        path = at(self._repository, "issues", number, "comments")

        def there() -> _Comment | None:
            written: list[_Comment] = list(self._api.paginate(path, shape=_Comment))
            same = [each for each in written if _text(each.body) == _text(body) and self._is_mine(each.user)]
            return max(same, key=lambda each: each.id, default=None)

        made = self._api.post_once(path, {"body": body}, there, shape=_Comment)
        # The author of what was just written is us, whatever kind of token this is: the token of an App cannot ask.
        if made.user is not None:
            self._known, self._me = True, made.user.id
        return self._comment(made)

    def edit_comment(self, number: int, comment: int, body: str) -> Comment:  # noqa: ARG002 - the port's shape
        """Replace the text of one."""
        path = at(self._repository, "issues", "comments", comment)
        edited: _Comment = self._api.patch(path, {"body": body}, shape=_Comment)
        return self._comment(edited)

    def remove_comment(self, number: int, comment: int) -> None:  # noqa: ARG002
        """Remove one; one that is gone already is no error."""
        self._api.delete(at(self._repository, "issues", "comments", comment))

    def _comment(self, found: _Comment) -> Comment:
        return Comment(id=found.id, body=found.body or "", mine=self._is_mine(found.user), url=found.html_url)

    def _is_mine(self, author: _User | None) -> bool:
        if author is None:
            return False
        if not self._known:
            self._me, self._known = self._asked(), True
        if self._me is not None:
            return author.id == self._me
        return author.login == _WORKFLOW and author.type == "Bot"

    def _asked(self) -> int | None:
        """Our own id; None where the token is a workflow's, which may not ask."""
        user = self._api.find("/user", absent=(403,), shape=_User)
        return None if user is None else user.id


def _text(body: str | None) -> str:
    """A comment as it was meant: GitHub may give line ends back in another form."""
    return (body or "").replace("\r\n", "\n").strip()

"""Comments and who is asking."""

from __future__ import annotations

from typing import Any

from forge import objects
from forge.exchange import Answer, Refused, Request, invalid
from forge.routing import serves
from forge.shapes import shaped
from forge.state import Comment

LONGEST_COMMENT = 65_536


def _checked(body: str) -> str:
    if not body.strip():
        raise invalid("IssueComment", "body", "Body cannot be blank")
    if len(body) > LONGEST_COMMENT:
        raise invalid("IssueComment", "data", f"Body is too long (maximum is {LONGEST_COMMENT} characters)")
    return body


def _comment(request: Request) -> Comment:
    return request.one_of(request.repository.comments, "comment_id")


def _may_change(request: Request, comment: Comment) -> None:
    """A person may change their own comments; whoever may push may change anyone's."""
    token = request.author
    own = comment.author == token.account
    role = request.repository.roles.get(token.account.login, "write")
    if not own and token.app is None and role == "read":
        raise Refused(403, "Must have admin rights to Repository.")


@serves("GET", "/issues/{issue_number}/comments")
def list_comments(request: Request) -> Answer:
    """Comments of an issue or a pull request, oldest first."""
    number = int(request.values["issue_number"])
    if number not in request.repository.pulls:
        raise Refused(404, "Not Found")
    shown = [objects.comment(request, each) for each in request.repository.comments.values() if each.issue == number]
    return request.listing(shown)


@serves("POST", "/issues/{issue_number}/comments")
def add_comment(request: Request) -> Answer:
    """Add a comment."""
    number = int(request.values["issue_number"])
    if number not in request.repository.pulls:
        raise Refused(404, "Not Found")
    token, now = request.author, request.state.now()
    made = Comment(request.state.next_id(), number, _checked(request.body["body"]), token.account, token.app, now, now)
    request.repository.comments[made.id] = made
    shown = objects.comment(request, made)
    return Answer(201, shown, {"Location": shown["url"]})


@serves("GET", "/issues/comments/{comment_id}")
def show_comment(request: Request) -> Answer:
    """One comment."""
    return Answer(200, objects.comment(request, _comment(request)))


@serves("PATCH", "/issues/comments/{comment_id}")
def edit_comment(request: Request) -> Answer:
    """Replace the text of a comment."""
    found = _comment(request)
    _may_change(request, found)
    found.body = _checked(request.body["body"])
    found.updated_at = request.state.now()
    return Answer(200, objects.comment(request, found))


@serves("DELETE", "/issues/comments/{comment_id}")
def remove_comment(request: Request) -> Answer:
    """Remove a comment."""
    found = _comment(request)
    _may_change(request, found)
    del request.repository.comments[found.id]
    return Answer(204)


@serves("GET", "//user")
def who_am_i(request: Request) -> Answer:
    """The person behind a token; an installation has none."""
    token = request.author
    if token.app is not None:
        raise Refused(403, "Resource not accessible by integration")
    account = objects.user(request, token.account)
    shown: dict[str, Any] = shaped("public-user", request.base, user_view_type="public")
    return Answer(200, shown | {key: value for key, value in account.items() if key in shown})


@serves("GET", "/collaborators/{username}/permission")
def role(request: Request) -> Answer:
    """What a person may do with the repository."""
    login = request.values["username"]
    account = request.state.accounts.get(login)
    if account is None or account.type != "User":
        raise Refused(404, f"{login} is not a user")
    held = request.repository.roles.get(login, "none")
    legacy = {"maintain": "write", "triage": "read"}.get(held, held)
    shown = shaped("repository-collaborator-permission", request.base, permission=legacy, role_name=held)
    shown["user"] = objects.user(request, account) | {"role_name": held}
    return Answer(200, shown)

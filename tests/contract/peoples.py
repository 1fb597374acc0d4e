"""The same change on each forge, and people who talk about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from worlds import impatient

from mlci.adapters.github.api import connect as connect_github
from mlci.adapters.github.people import GitHubPeople
from mlci.adapters.gitlab.api import connect
from mlci.adapters.gitlab.people import GitLabPeople
from mlci.ports import People

if TYPE_CHECKING:
    from forge.github import GitHub
    from forge.state import Comment
    from gitlab_server.gitlab import GitLab
    from gitlab_server.state import Note

GATE = "mlci/gate"


class PeopleWorld(Protocol):
    """A forge with change 1 by alice, of one commit; bob and carol may write, mallory may not.

    Attributes:
        people: whom is asked.
    """

    people: People

    def head(self) -> str: ...
    def push(self, login: str, *, by: str = "user") -> str: ...
    def approve(self, login: str) -> None: ...
    def refuse(self, login: str) -> None: ...
    def say(self, login: str, body: str, *, bot: bool = False) -> int: ...
    def edit(self, comment: int, body: str) -> None: ...
    def rename(self, login: str, to: str) -> None: ...
    def status(self, description: str) -> None: ...
    def merge(self) -> str: ...
    def team(self, name: str, *logins: str) -> str: ...


class PeopleOfGitLab:
    """A GitLab on the loopback."""

    def __init__(self, gitlab: GitLab) -> None:
        self.gitlab = gitlab
        self.project = gitlab.add_project()
        for login in ("alice", "bob", "carol"):
            gitlab.user(login, "developer")
        gitlab.user("mallory", "reporter")
        gitlab.commit({"train.py": "one\n"}, "feature", pushed_by="alice")
        gitlab.open_merge_request("feature", author="alice")
        self.token = gitlab.token()
        self.people = self.asked_with(self.token)
        self._notes: dict[int, Note] = {}

    def asked_with(self, token: str | None, **variables: str) -> GitLabPeople:
        environ = {"CI_API_V4_URL": self.gitlab.url, **({"MLCI_TOKEN": token} if token else {}), **variables}
        access = connect(environ, clock=impatient())
        return GitLabPeople(access, self.project.id, self.project.path, f"{self.gitlab.server_url}/group/churn", "main")

    def head(self) -> str:
        return self.gitlab.merge_request(1).sha

    def push(self, login: str, *, by: str = "user") -> str:
        text = f"{len(self.project.pushes)}\n"
        return self.gitlab.commit({"train.py": text}, "feature", pushed_by=login, by=by)

    def approve(self, login: str) -> None:
        self.gitlab.approve(1, login)

    def refuse(self, login: str) -> None:
        self.gitlab.request_changes(1, login)

    def say(self, login: str, body: str, *, bot: bool = False) -> int:
        self.gitlab.state.user(login, bot)
        note = self.gitlab.say(1, body, login)
        self._notes[note.id] = note
        return note.id

    def edit(self, comment: int, body: str) -> None:
        self.gitlab.edit(self._notes[comment], body)

    def rename(self, login: str, to: str) -> None:
        self.gitlab.rename(login, to)

    def status(self, description: str) -> None:
        self.set_status(description)

    def set_status(self, description: str, state: str = "success", token: str | None = None) -> None:
        import requests

        body = {"state": state, "name": GATE, "description": description}
        at = f"{self.gitlab.url}/projects/{self.project.id}/statuses/{self.head()}"
        requests.post(at, json=body, headers={"PRIVATE-TOKEN": token or self.token}, timeout=10).raise_for_status()

    def merge(self) -> str:
        assert self.gitlab.merge(1)[0] == 200
        return self.project.tip("main") or ""

    def team(self, name: str, *logins: str) -> str:
        ours = self.gitlab.state.tokens[self.token].user.username
        self.gitlab.add_group(f"group/{name}", {ours: "guest", **dict.fromkeys(logins, "developer")})
        return f"@group/{name}"


class PeopleOfGitHub:
    """A GitHub on the loopback."""

    def __init__(self, github: GitHub) -> None:
        self.github = github
        self.repository = github.add_repository(files={"train.py": "first\n"})
        self.repository.roles |= {"alice": "write", "bob": "write", "carol": "write", "mallory": "read"}
        for login in ("alice", "bob", "carol", "mallory"):
            github.state.account(login)
        github.commit({"train.py": "one\n"}, "feature", author=None, pusher="alice")
        github.open_pull_request("feature", author="alice")
        reading = ("pull-requests", "contents", "actions", "statuses", "members")
        self.people = self.asked_with(github.token(permissions=dict.fromkeys(reading, "read")))
        self._comments: dict[int, Comment] = {}

    def asked_with(self, token: str) -> GitHubPeople:
        environ = {"GITHUB_API_URL": self.github.url, "GITHUB_TOKEN": token}
        return GitHubPeople(connect_github(environ, clock=impatient()), self.repository.name)

    def head(self) -> str:
        return self.github.pull(1).head_sha

    def push(self, login: str, *, by: str = "user") -> str:
        text = f"{len(self.repository.activity)}\n"
        author = None if by == "user" else by
        return self.github.commit({"train.py": text}, "feature", author=author, pusher=login)

    def approve(self, login: str) -> None:
        self.github.review(1, login)

    def refuse(self, login: str) -> None:
        self.github.review(1, login, "CHANGES_REQUESTED")

    def say(self, login: str, body: str, *, bot: bool = False) -> int:
        made = self.github.add_comment(1, body, f"{login}[bot]" if bot else login)
        self._comments[made.id] = made
        return made.id

    def edit(self, comment: int, body: str) -> None:
        held = self._comments[comment]
        held.body, held.updated_at = body, self.github.state.now()

    def rename(self, login: str, to: str) -> None:
        self.github.rename(login, to)

    def status(self, description: str) -> None:
        api = connect_github({"GITHUB_API_URL": self.github.url, "GITHUB_TOKEN": self.github.token()})
        body = {"state": "success", "context": GATE, "description": description, "target_url": ""}
        api.post(f"/repos/{self.repository.name}/statuses/{self.head()}", body)

    def merge(self) -> str:
        status, body = self.github.merge(1)
        assert status == 200
        return str(body["sha"])

    def team(self, name: str, *logins: str) -> str:
        self.github.state.teams["acme", name] = dict.fromkeys(logins, "active")
        return f"@acme/{name}"

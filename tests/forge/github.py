"""The loopback GitHub as a test holds it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forge import changes, verdicts
from forge.contract import contract_for
from forge.operations import OPERATIONS
from forge.pipelines import zipped
from forge.repository import Content, Objects
from forge.server import ENTERPRISE, Front
from forge.state import (
    ACTIONS_APP,
    BOT,
    Activity,
    Artifact,
    CheckRun,
    Comment,
    Protection,
    Pull,
    Repository,
    Review,
    State,
    Status,
    Token,
    WorkflowRun,
)
from forge.wire import ApiHandler, BlobHandler, Loopback, Traffic, started

NAME = "owner/repository"
EVERYTHING = dict.fromkeys(
    ("contents", "pull_requests", "issues", "statuses", "checks", "actions", "administration", "deployments"), "write"
)
SECONDARY = {
    "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
}


@dataclass(frozen=True)
class MergeGroup:
    """Pull requests on their way through the merge queue."""

    number: int
    sha: str
    base: str
    ref: str
    base_branch: str
    commits: tuple[str, ...] = ()


class GitHub(Loopback):
    """A GitHub on the loopback; see the package's docstring for what it knows.

    Attributes:
        url: address of the API.
        enterprise_url: the same, as GitHub Enterprise Server spells it.
        server_url: address of the pages.
        requests: every request to the API, in order.
        downloads: headers of every request to the blob store.
        violations: what broke the contract so far; ``check`` fails where there is any.
    """

    title = "GitHub"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = State()
        self.traffic = Traffic()
        contract = contract_for(frozenset(template for _, template in OPERATIONS))
        self.front = Front(self.state, contract, self.traffic)
        self.servers = [started(ApiHandler, self.front), started(BlobHandler, self.front)]
        api, blobs = (server.server_address[1] for server, _ in self.servers)
        self.url = self.server_url = self.front.server = f"http://127.0.0.1:{api}"
        self.enterprise_url = self.url + ENTERPRISE
        # Another name for the loopback is another host to every client.
        self.front.blobs = f"http://localhost:{blobs}"

    # What came in.

    def used(self, token: str) -> dict[str, str]:
        """Permissions that requests with a token were let through by, the highest level of each; metadata left out."""
        found: dict[str, str] = {}
        for each in self.requests:
            if each.token is not None and each.token.value == token and each.used and each.used[0] != "metadata":
                name, level = each.used
                found[name] = max(found.get(name, "read"), level)
        return found

    # What there is.

    def add_repository(
        self,
        name: str = NAME,
        *,
        files: Mapping[str, Content] | None = None,
        default_branch: str = "main",
        private: bool = True,
        fork_of: str | None = None,
    ) -> Repository:
        """A repository with one commit, or a fork of one."""
        if fork_of is not None:
            parent = self.state.repositories[fork_of]
            objects = parent.objects
        else:
            objects = Objects.empty(self.folder / f"{name.replace('/', '-')}.git", default_branch)
        made = Repository(self.state.next_id(), name, default_branch, private, objects, fork_of)
        self.state.repositories[name] = made
        if fork_of is not None:
            objects.point(made.ref(default_branch), parent.tip(default_branch) or "")
        else:
            objects.commit(made.ref(default_branch), files or {"README.md": "# A model\n"}, "first", None)
        return made

    def repository(self, name: str | None = None) -> Repository:
        """A repository by name; the first one without."""
        if name is None:
            if not self.state.repositories:
                self.add_repository()
            return next(iter(self.state.repositories.values()))
        return self.state.repositories[name]

    def token(
        self,
        login: str = BOT,
        permissions: Mapping[str, str] | None = None,
        *,
        app: int | None = None,
        role: str | None = None,
        repositories: Sequence[str] | None = None,
    ) -> str:
        """A credential; the workflow's own unless a login says otherwise.

        Args:
            login: whom comments are by; a login that ends in ``[bot]`` is an app.
            permissions: permission to level, spelled as in workflows or as in the API; None grants everything.
            app: number of the app; that of GitHub Actions for its bot.
            role: what the person is in the first repository (read, triage, write, maintain, admin).
            repositories: names of those it reaches; None for all.
        """
        if app is None and login.endswith("[bot]"):
            app = ACTIONS_APP if login == BOT else self.state.next_id()
        held = EVERYTHING if permissions is None else permissions
        value = ("ghs_" if app else "ghp_") + secrets.token_hex(18)
        reach = None if repositories is None else frozenset(repositories)
        spelled = {name.replace("-", "_"): level for name, level in held.items()}
        self.state.tokens[value] = Token(value, self.state.account(login), spelled, app, reach)
        if role is not None:
            self.repository().roles[login] = role
        return value

    def commit(
        self,
        files: Mapping[str, Content],
        branch: str = "main",
        *,
        repository: str | None = None,
        message: str = "change",
        parent: str | None = None,
        author: str | None = "contributor",
        committer: str | None = None,
        pusher: str | None = None,
    ) -> str:
        """Commit files (None removes one) to a branch, made from the default branch where it is new.

        Author, committer and pusher are logins; the author commits and pushes unless others do, and None as the author
        is an address that belongs to no account.
        """
        there = self.repository(repository)
        ref = there.ref(branch)
        before = there.tip(branch)
        onto = parent or before or there.tip(there.default_branch)
        made = there.objects.commit(ref, files, message, onto)
        self.state.writers[made] = (author, committer or author)
        kind = "push" if before else "branch_creation"
        actor = self.state.account(pusher or committer or author or "contributor")
        there.activity.append(
            Activity(
                self.state.next_id(), before or "0" * 40, made, f"refs/heads/{branch}", kind, actor, self.state.now()
            )
        )
        root = self.repository(there.fork_of) if there.fork_of else there
        changes.refresh(self.state, root)
        return made

    def open_pull_request(
        self,
        head: str,
        base: str = "main",
        *,
        title: str = "A change",
        body: str = "",
        fork: str | None = None,
        repository: str | None = None,
        author: str = "contributor",
        draft: bool = False,
    ) -> Pull:
        """Open a pull request from a branch of the repository, or of a fork (owner/name)."""
        there = self.repository(repository)
        source = self.repository(fork) if fork else there
        head_sha, base_sha = source.tip(head), there.tip(base)
        if head_sha is None or base_sha is None:
            raise LookupError(f"no branch {head} or {base}")
        number = len(there.pulls) + 1
        pull = Pull(
            number, title, body, self.state.account(author), head, source.name, source.owner, base, head_sha, base_sha,
            draft=draft, created_at=self.state.now(),
        )  # fmt: skip
        there.pulls[number] = pull
        changes.refresh(self.state, there)
        return pull

    def pull(self, number: int) -> Pull:
        """A pull request as it stands."""
        changes.refresh(self.state, self.repository())
        return self.repository().pulls[number]

    def retarget(self, number: int, base: str) -> None:
        """Let a pull request be for another branch."""
        changes.retarget(self.state, self.repository(), self.pull(number), base)

    def comments(self, number: int) -> list[Comment]:
        """Comments on a pull request, oldest first."""
        return [each for each in self.repository().comments.values() if each.issue == number]

    def add_comment(self, number: int, body: str, login: str = "contributor") -> Comment:
        """A comment by somebody else."""
        now, app = self.state.now(), ACTIONS_APP if login == BOT else None
        made = Comment(self.state.next_id(), number, body, self.state.account(login), app, now, now)
        self.repository().comments[made.id] = made
        return made

    def statuses(self, sha: str) -> dict[str, Status]:
        """The newest status of each context of a commit."""
        return {each.context: each for each in verdicts.latest_statuses(self.repository(), sha)}

    def checks(self, sha: str) -> dict[str, CheckRun]:
        """The newest check run of each name of a commit."""
        return {each.name: each for each in self.repository().checks.values() if each.sha == sha}

    # People.

    def review(
        self, number: int, login: str = "reviewer", state: str = "APPROVED", *, commit: str | None = None
    ) -> Review:
        """Review a pull request at its head, or at another commit; whoever reviews may write."""
        pull = self.pull(number)
        made = Review(
            self.state.next_id(), self.state.account(login), state, commit or pull.head_sha, self.state.now()
        )  # fmt: skip
        pull.reviews.append(made)
        return made

    def rename(self, login: str, to: str) -> None:
        """Rename an account; its number stays, and the old name is free."""
        account = self.state.accounts.pop(login)
        known = replace(account, login=to)
        self.state.accounts[to] = known
        for there in self.state.repositories.values():
            there.roles = {to if name == login else name: role for name, role in there.roles.items()}
            for row in there.comments.values():
                row.author = known if row.author.id == known.id else row.author
            for pull in there.pulls.values():
                pull.author = known if pull.author.id == known.id else pull.author
                for review in pull.reviews:
                    review.author = known if review.author.id == known.id else review.author
            there.activity = [
                replace(each, actor=known) if each.actor and each.actor.id == known.id else each
                for each in there.activity
            ]
        for team in self.state.teams.values():
            if login in team:
                team[to] = team.pop(login)
        self.state.writers = {
            sha: (to if one == login else one, to if other == login else other)
            for sha, (one, other) in self.state.writers.items()
        }

    # Protection and merging.

    def protect(
        self,
        branch: str = "main",
        contexts: Sequence[str] | Mapping[str, int | None] = (),
        *,
        kind: str = "ruleset",
        merge_queue: bool = False,
        strict: bool = False,
        rules: Sequence[dict[str, Any]] = (),
    ) -> None:
        """Require checks of a branch: names, or names with the app each must come from."""
        wanted = dict(contexts) if isinstance(contexts, Mapping) else dict.fromkeys(contexts)
        self.repository().protections[branch] = Protection(wanted, kind, merge_queue, strict, list(rules))

    def job_result(self, sha: str, name: str, conclusion: str | None) -> None:
        """Register how a job of a workflow ended on a commit; None while it runs."""
        fields = {
            "status": "completed" if conclusion else "in_progress",
            "conclusion": conclusion,
            "external_id": "",
            "details_url": None,
            "started_at": self.state.now(),
            "completed_at": self.state.now() if conclusion else None,
        }
        made = CheckRun(self.state.next_id(), sha, name, ACTIONS_APP, fields)
        self.repository().checks[made.id] = made

    def merge(self, number: int, token: str | None = None, *, method: str = "merge") -> tuple[int, dict[str, Any]]:
        """Ask to merge, as a maintainer unless a token says otherwise: status and body of the answer.

        ``method`` is merge, squash or rebase.
        """
        token = token or self.token("maintainer")
        whole = f"/repos/{self.repository().name}/pulls/{number}/merge"
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "tests", "Content-Type": "application/json"}
        body = json.dumps({"merge_method": method} if method != "merge" else {}).encode()
        answer, _ = self.front.answer("PUT", whole, headers, body)
        return answer.status, json.loads(answer.data())

    def enqueue(self, number: int, onto: MergeGroup | None = None, *, method: str = "merge") -> MergeGroup:
        """Put a pull request into the merge queue, behind a group where one is given.

        The group's commit is on a branch of its own, which is gone once the group is merged.
        """
        pull, there = self.pull(number), self.repository()
        base = onto.sha if onto is not None else pull.base_sha
        commits = changes.made_of(there, pull, method, base)
        if not commits:
            raise LookupError("the pull request conflicts with its base")
        ref = f"refs/heads/gh-readonly-queue/{pull.base_branch}/pr-{number}-{base}"
        there.objects.point(ref, commits[-1])
        return MergeGroup(number, commits[-1], base, ref, pull.base_branch, tuple(commits))

    def dequeue(self, group: MergeGroup) -> str | None:
        """Let the queue decide about a group: None where it was merged, else why it was not."""
        pull, there = self.pull(group.number), self.repository()
        why = changes.refusal(there, pull, group.sha, queued=True)
        if why is None:
            changes.land(self.state, there, pull, *group.commits)
            there.objects.drop(group.ref)
        return why

    # Runs and artifacts.

    def add_run(
        self,
        *,
        event: str = "push",
        branch: str | None = "main",
        sha: str | None = None,
        head_repository: str | None = None,
        pull: Pull | None = None,
        name: str = "model",
        conclusion: str | None = "success",
        attempt: int = 1,
        id: int | None = None,
    ) -> WorkflowRun:
        """A run of a workflow; for a pull request, give it, and a fork's run is told from the others."""
        there = self.repository()
        if pull is not None:
            event = "pull_request" if event == "push" else event
            branch, sha, head_repository = pull.head_branch, sha or pull.head_sha, pull.head_repository
        source = self.repository(head_repository) if head_repository else there
        own = pull is not None and source.name == there.name
        made = WorkflowRun(
            id=id or self.state.next_id(), name=name, path=f".github/workflows/{name}.yml", event=event,
            head_branch=branch, head_sha=sha or source.tip(branch or "main") or "", head_repository=source.name,
            head_repository_id=source.id, number=len(there.runs) + 1, attempt=attempt,
            status="completed" if conclusion else "in_progress", conclusion=conclusion,
            pulls=(pull.number,) if pull and own else (), created_at=self.state.now(),
        )  # fmt: skip
        there.runs[made.id] = made
        return made

    def put_artifact(
        self,
        run: WorkflowRun | int,
        name: str,
        content: Mapping[str, bytes] | bytes,
        *,
        expired: bool = False,
        digest: str | None = "right",
        size: int | None = None,
    ) -> Artifact:
        """Leave an artifact: members to be packed, or the packed bytes as they are.

        Args:
            digest: "right" for the true one, else what the API claims, or None for none.
            size: what the API claims; None for the truth.
        """
        packed = content if isinstance(content, bytes) else zipped(content)
        if digest == "right":
            digest = "sha256:" + hashlib.sha256(packed).hexdigest()
        number = run if isinstance(run, int) else run.id
        made = Artifact(self.state.next_id(), name, number, packed, digest, self.state.now(), expired, size)
        self.repository().artifacts[made.id] = made
        return made

    # What goes wrong.

    def secondary_limit(self, method: str = ".*", path: str = "", *, times: int = 1, retry_after: int = 1) -> None:
        """Answer with the secondary rate limit."""
        headers = {"Retry-After": str(retry_after)}
        self.fault(method, path, times=times, status=403, headers=headers, body=SECONDARY)

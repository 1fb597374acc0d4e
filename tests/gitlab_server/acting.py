"""What people do in a GitLab, as a test lets them: approve, ask for changes, edit, play, move to another name."""

from __future__ import annotations

from gitlab_server.projects import Projects
from gitlab_server.state import ROLES, Deployment, Group, Job, Note, User


class Acting(Projects):
    """What there is in a GitLab, and people who act in it."""

    def approve(self, iid: int, username: str, *, project: str | None = None) -> Note:
        """Approve a merge request, which GitLab notes."""
        self.merge_request(iid, project).approvals[self.state.user(username)] = self.state.now()
        return self.say(iid, "approved this merge request", username, system=True, project=project)

    def unapprove(self, iid: int, username: str, *, project: str | None = None) -> Note:
        """Take an approval back."""
        del self.merge_request(iid, project).approvals[self.state.user(username)]
        return self.say(iid, "unapproved this merge request", username, system=True, project=project)

    def request_changes(self, iid: int, username: str, *, project: str | None = None) -> Note:
        """Ask for changes, as a reviewer."""
        self.merge_request(iid, project).reviewers[self.state.user(username)] = "requested_changes"
        return self.say(iid, "requested changes", username, system=True, project=project)

    def edit(self, note: Note, body: str) -> None:
        """Change the text of a note."""
        note.body, note.updated_at = body, self.state.now()

    def rename(self, username: str, to: str) -> User:
        """Give a user another name."""
        return self.state.rename(username, to)

    def email(self, username: str, address: str | None = None) -> None:
        """An address whose commits are a user's; without one, that of ``by`` of the same name."""
        self.state.emails[address or f"{username}@example.com"] = self.state.user(username)

    def add_group(self, path: str, members: dict[str, str] | None = None, *, visibility: str = "private") -> Group:
        """A group, and the roles of its own members."""
        made = Group(self.state.next_id(), path, visibility)
        for username, role in (members or {}).items():
            made.members[self.state.user(username).id] = ROLES[role]
        self.state.groups[path] = made
        return made

    def play(self, job: Job, username: str) -> None:
        """Start a manual job."""
        job.user, job.status, job.started_at = self.state.user(username), "running", self.state.now()

    def deploy(self, job: Job, environment: str, status: str = "blocked") -> Deployment:
        """A deployment by a job, which waits for approval unless told otherwise."""
        there, now = job.pipeline.project, self.state.now()
        there.environments.setdefault(environment, (self.state.next_id(), None))
        made = Deployment(
            self.state.next_id(), len(there.deployments) + 1, environment, job.pipeline.ref, job.pipeline.sha,
            job.user, status, now, now, job=job,
        )  # fmt: skip
        there.deployments[made.id] = made
        return made

    def approve_deployment(self, deployment: Deployment, username: str, status: str = "approved") -> None:
        """Approve or reject a deployment."""
        deployment.approvals.append((self.state.user(username), status, self.state.now()))

"""Pull requests, and what a branch asks for before one is merged."""

from __future__ import annotations

from typing import Any

from forge import contents, objects
from forge.exchange import Answer, Refused, Request
from forge.routing import serves
from forge.shapes import shaped
from forge.state import IssueEvent, Protection, Pull, Repository, State
from forge.verdicts import latest_statuses


def refresh(state: State, repository: Repository) -> None:
    """Move the open pull requests along with their branches, as GitHub does after a push."""
    for pull in repository.pulls.values():
        if pull.state != "open":
            continue
        there = state.repositories.get(pull.head_repository or "")
        head = (there and there.tip(pull.head_branch)) or pull.head_sha
        base = repository.tip(pull.base_branch) or pull.base_sha
        if pull.merged_of == (head, base):
            continue
        pull.head_sha, pull.base_sha = pull.merged_of = head, base
        repository.objects.point(f"refs/pull/{pull.number}/head", pull.head_sha)
        message = f"Merge {pull.head_sha} into {pull.base_sha}"
        ref = f"refs/pull/{pull.number}/merge"
        pull.merge_sha = repository.objects.merged(ref, pull.base_sha, pull.head_sha, message)


def unmet(repository: Repository, protection: Protection, sha: str) -> list[str]:
    """Required checks that a commit lacks: every status and every check run of that name has to be good."""
    missing = []
    for context, app in protection.contexts.items():
        good = [
            each.state == "success"
            for each in latest_statuses(repository, sha)
            if each.context.casefold() == context.casefold() and app in (None, each.app)
        ]
        newest = {each.app: each for each in repository.checks.values() if (each.sha, each.name) == (sha, context)}
        good += [each.lets_through for number, each in newest.items() if app in (None, number)]
        if not good or not all(good):
            missing.append(context)
    return missing


def refusal(repository: Repository, pull: Pull, sha: str, *, queued: bool = False) -> str | None:
    """Why the branch does not take this commit for a pull request; None where it does."""
    if pull.state != "open" or pull.draft or pull.merge_sha is None:
        return "Pull Request is not mergeable"
    protection = repository.protections.get(pull.base_branch)
    if protection is None:
        return None
    reasons = [f'Required status check "{context}" is expected.' for context in unmet(repository, protection, sha)]
    if protection.merge_queue and not queued:
        reasons.append("Changes must be made through the merge queue")
    if protection.strict and repository.objects.merge_base(pull.base_sha, pull.head_sha) != pull.base_sha:
        reasons.append("Head branch is not up to date with the base branch")
    if not reasons:
        return None
    return "Repository rule violations found\n\n" + "\n".join(reasons)


def land(state: State, repository: Repository, pull: Pull, *commits: str) -> None:
    """Point the base branch at the last of the commits that the pull request became, and close it."""
    repository.objects.point(repository.ref(pull.base_branch), commits[-1])
    pull.state, pull.merged, pull.merge_sha = "closed", True, commits[-1]
    pull.merged_at, pull.landed = state.now(), commits
    refresh(state, repository)


def made_of(repository: Repository, pull: Pull, method: str, onto: str) -> list[str]:
    """The commits that a pull request becomes on top of one, oldest first; none where they conflict."""
    objects_, ref = repository.objects, f"refs/pull/{pull.number}/merge"
    if method == "merge":
        made = objects_.merged(ref, onto, pull.head_sha, f"Merge pull request #{pull.number}")
        return [] if made is None else [made]
    if method == "squash":
        made = objects_.squashed(ref, onto, pull.head_sha, f"{pull.title} (#{pull.number})")
        return [] if made is None else [made]
    root = objects_.merge_base(onto, pull.head_sha) or onto
    done: list[str] = []
    for commit in objects_.between(root, pull.head_sha):
        made = objects_.squashed(ref, done[-1] if done else onto, commit, objects_.message(commit))
        if made is None:
            return []
        done.append(made)
    return done


def _pull(request: Request) -> Pull:
    refresh(request.state, request.repository)
    return request.one_of(request.repository.pulls, "pull_number")


@serves("GET", "/pulls")
def list_pulls(request: Request) -> Answer:
    """Pull requests, newest first; open ones unless others are asked for."""
    refresh(request.state, request.repository)
    query = request.query
    found = sorted(request.repository.pulls.values(), key=lambda pull: pull.number, reverse=True)
    if query.get("direction") == "asc":
        found.reverse()
    state = query.get("state", "open")
    found = [pull for pull in found if state in ("all", pull.state)]
    head = query.get("head", "")
    # GitHub ignores a head that names no owner.
    if ":" in head:
        found = [pull for pull in found if f"{pull.head_owner}:{pull.head_branch}" == head]
    if "base" in query:
        found = [pull for pull in found if pull.base_branch == query["base"]]
    return request.listing([objects.pull(request, pull, "pull-request-simple") for pull in found])


@serves("GET", "/pulls/{pull_number}")
def show_pull(request: Request) -> Answer:
    """One pull request."""
    return Answer(200, objects.pull(request, _pull(request)))


@serves("GET", "/pulls/{pull_number}/files")
def list_files(request: Request) -> Answer:
    """Files a pull request changes; at most 3,000."""
    pull, repository = _pull(request), request.repository.objects
    root = repository.merge_base(pull.base_sha, pull.head_sha)
    found = repository.differences(root or pull.base_sha, pull.head_sha)[:3000]
    return request.listing([contents.changed_file(request, each, pull.head_sha) for each in found])


@serves("GET", "/commits/{commit_sha}/pulls")
def pulls_of_commit(request: Request) -> Answer:
    """Pull requests that hold a commit: merged ones for a commit of the default branch, else open ones."""
    refresh(request.state, request.repository)
    repository = request.repository
    sha = repository.objects.resolve(request.values["commit_sha"])
    if sha is None:
        raise Refused(422, f"No commit found for SHA: {request.values['commit_sha']}")
    found = []
    for pull in repository.pulls.values():
        root = repository.objects.merge_base(pull.base_of, pull.head_sha) or pull.base_of
        if sha in (pull.head_sha, *pull.landed) or sha in repository.objects.between(root, pull.head_sha):
            found.append(objects.pull(request, pull, "pull-request-simple"))
    return request.listing(found)


@serves("GET", "/issues/{issue_number}/events")
def list_events(request: Request) -> Answer:
    """What happened to a pull request, oldest first."""
    pull = request.one_of(request.repository.pulls, "issue_number")
    return request.listing([_event(request, each) for each in pull.events])


def _event(request: Request, found: IssueEvent) -> dict[str, Any]:
    return shaped(
        # The description names some kinds of events only; this one has the fields that all of them have.
        "converted-note-to-issue-issue-event",
        request.base,
        id=found.id,
        node_id=f"E_{found.id}",
        url=request.url(f"/issues/events/{found.id}"),
        event=found.event,
        created_at=found.created_at,
        commit_id=None,
        commit_url=None,
        performed_via_github_app=None,
        actor=objects.user(request, found.actor),
    )


def retarget(state: State, repository: Repository, pull: Pull, base: str) -> None:
    """Let a pull request be for another branch."""
    pull.base_branch = base
    pull.events.append(IssueEvent(state.next_id(), "base_ref_changed", pull.author, state.now()))
    refresh(state, repository)


@serves("PUT", "/pulls/{pull_number}/merge")
def merge(request: Request) -> Answer:
    """Merge, where the branch's protection lets it."""
    pull, repository = _pull(request), request.repository
    wanted = request.body.get("sha")
    if wanted is not None and wanted != pull.head_sha:
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    why = refusal(repository, pull, pull.head_sha)
    if why is not None:
        answer = Refused(405, why).answer
        answer.body.pop("status")
        return answer
    commits = made_of(repository, pull, request.body.get("merge_method", "merge"), pull.base_sha)
    if not commits:
        raise Refused(409, "Merge conflict")
    land(request.state, repository, pull, *commits)
    return Answer(200, {"sha": commits[-1], "merged": True, "message": "Pull Request successfully merged"})

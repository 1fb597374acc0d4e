"""Merge requests, and merging."""

from __future__ import annotations

from forge.exchange import Answer

from gitlab_server import access, mergeability, objects
from gitlab_server.exchange import Refused, Request, shown, unauthorized
from gitlab_server.routing import NUMBERS, PAGES, TEXT, YES, Access, one_of, serves
from gitlab_server.shapes import CHANGE, PIPELINE, WHOLE_CHANGE, every
from gitlab_server.state import MergeRequest, Project, State, User, Version

ONE = "/merge_requests/{merge_request_iid}"
# lib/api/merge_requests.rb: a job's token is looked at for the list and for one, not for the pipelines.
READ = Access("read_merge_request", job_token=True)
WHOLE = {"allOf": [CHANGE, WHOLE_CHANGE]}


def refresh(state: State) -> None:
    """Move the open merge requests along with their source branches, as GitLab does after a push."""
    for project in state.projects.values():
        for change in project.merge_requests.values():
            tip = change.source.tip(change.source_branch)
            if change.state == "opened" and tip is not None and tip != change.sha:
                moved(state, change, tip)


def moved(state: State, change: MergeRequest, tip: str) -> None:
    """A new head of a merge request: it is fetched into the project, and where the branches parted is found anew."""
    project = change.project
    ref = f"refs/merge-requests/{change.iid}/head"
    if change.is_fork:
        project.objects.fetch(change.source.objects, tip, ref)
    else:
        project.objects.point(ref, tip)
    change.sha = tip
    change.start_sha = project.tip(change.target_branch) or tip
    change.base_sha = project.objects.merge_base(change.start_sha, tip) or change.start_sha
    change.updated_at = state.now()
    change.versions.append(Version(state.next_id(), tip, change.base_sha, change.start_sha, change.updated_at))
    if project.approvals["reset_approvals_on_push"] and change.state == "opened":
        change.approvals.clear()


@serves(
    "GET", "/merge_requests", "lib/api/merge_requests.rb", READ, shape=every(CHANGE),
    query={**PAGES, "state": one_of("opened", "closed", "locked", "merged", "all"), "iids": NUMBERS,
           "source_branch": TEXT, "target_branch": TEXT, "author_username": TEXT, "view": one_of("simple"),
           "scope": one_of("all"), "order_by": one_of("created_at", "updated_at"), "sort": one_of("asc", "desc")},
)  # fmt: skip
def list_merge_requests(request: Request) -> Answer:
    """Merge requests, newest first unless told otherwise; those of every state unless one is named."""
    asked = request.params
    found = [
        each for each in request.project.merge_requests.values() if asked.get("state", "all") in ("all", each.state)
    ]
    if "iids" in asked:
        found = [each for each in found if each.iid in asked["iids"]]
    for name in ("source_branch", "target_branch"):
        found = [each for each in found if asked.get(name, getattr(each, name)) == getattr(each, name)]
    if "author_username" in asked:
        found = [each for each in found if each.author.username == asked["author_username"]]
    order = asked.get("order_by", "created_at")
    found.sort(key=lambda each: (getattr(each, order), each.id), reverse=asked.get("sort", "desc") == "desc")
    page, headers = request.page(found)
    return shown([objects.merge_request(request, each) for each in page], headers=headers)


@serves("GET", ONE, "lib/api/merge_requests.rb", READ, shape=WHOLE)
def show_merge_request(request: Request) -> Answer:
    """One merge request."""
    return shown(objects.whole_merge_request(request, request.merge_request))


@serves(
    "GET", ONE + "/pipelines", "lib/api/merge_requests.rb", Access("read_merge_request"), query=PAGES,
    shape=every(PIPELINE),
)  # fmt: skip
def list_pipelines(request: Request) -> Answer:
    """Pipelines of a merge request that the caller can see: those of the fork only for whom the fork is visible."""
    who = access.Caller(request.token, request.user)

    def readable(project: Project) -> bool:
        try:
            return access.allowed(access.visible(project, who), who, "read_pipeline")
        except Refused:
            return False

    found = [each for each in mergeability.pipelines_of(request.state, request.merge_request) if readable(each.project)]
    return request.listing([objects.pipeline(request, each) for each in found])


@serves(
    "PUT", ONE + "/merge", "lib/api/merge_requests.rb", Access("read_merge_request", signed_in=True), shape=WHOLE,
    body={"sha": TEXT, "merge_commit_message": TEXT, "should_remove_source_branch": YES, "squash": YES},
)  # fmt: skip
def merge(request: Request) -> Answer:
    """Merge, where nothing is in the way: 401 for whom may not, 409 where the head has moved, 405 else."""
    change = request.merge_request
    if not access.may_update(change.project, request.level, change.target_branch):
        raise unauthorized()
    if request.params.get("sha", change.sha) != change.sha:
        raise Refused(409, {"message": f"SHA does not match HEAD of source branch: {change.sha}"})
    if mergeability.detailed_status(request.state, change) != "mergeable":
        raise Refused(405, {"message": "405 Method Not Allowed"})
    message, squash = request.params.get("merge_commit_message"), request.params.get("squash", False)
    land(request.state, change, request.author, message, squash=squash is True)
    return shown(objects.whole_merge_request(request, change))


def land(state: State, change: MergeRequest, by: User, message: str | None = None, *, squash: bool = False) -> str:
    """Merge in git, and close the merge request: the commit.

    A squash lands as it does where a project fast-forwards: as one commit, without another that merges it.
    """
    project = change.project
    said = message or f"Merge branch '{change.source_branch}' into '{change.target_branch}'\n\n{change.title}"
    ref, base = f"refs/heads/{change.target_branch}", project.tip(change.target_branch) or change.start_sha
    put = project.objects.squashed if squash else project.objects.merged
    made = put(ref, base, change.sha, said)
    if made is None:
        raise LookupError("the branches conflict")
    change.state, change.merged_by, change.merged_at = "merged", by, state.now()
    if squash:
        change.squash_sha = made
    else:
        change.merge_sha = made
    refresh(state)
    return made


def temporary(change: MergeRequest, event: str) -> tuple[str, str, str | None, str | None]:
    """Ref, commit, source commit and target commit of a merge request's pipeline; a merge commit is made for it.

    app/models/ci/pipeline.rb, merge_request_event_type: detached, merged_result or merge_train.
    """
    stem = f"refs/merge-requests/{change.iid}"
    if event == "detached":
        return f"{stem}/head", change.sha, None, None
    ref = f"{stem}/{'merge' if event == 'merged_result' else 'train'}"
    target = change.project.tip(change.target_branch) or change.start_sha
    made = change.project.objects.merged(ref, target, change.sha, f"Merge {change.sha} into {target}")
    if made is None:
        raise LookupError("the branches conflict")
    return ref, made, change.sha, target

"""Files, branches and commits."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from forge.exchange import Answer
from forge.repository import Entry

from gitlab_server import access, mergeability, objects
from gitlab_server.exchange import Request, not_found, shown
from gitlab_server.routing import PAGES, TEXT, YES, Access, one_of, serves
from gitlab_server.shapes import BRANCH, CHANGE, COMMIT, every, having
from gitlab_server.state import Project

# lib/api/files.rb, branches.rb and commits.rb (17.x): a job's token is looked at for these three.
READ = Access("read_code", job_token=True)
READ_FILE = Access("read_code", job_token=True, scopes=("read_repository",))


def _commit(request: Request, named: str) -> str:
    found = request.project.objects.resolve(named)
    if found is None:
        raise not_found("Commit")
    return found


def _entry(request: Request) -> tuple[str, Entry, bytes]:
    """The commit, the file and its bytes; a symbolic link is a file that holds its target."""
    sha = _commit(request, request.params.get("ref", request.project.default_branch))
    found = request.project.objects.entry(sha, request.values["file_path"])
    if found is None or found.kind != "blob":
        raise not_found("File")
    return sha, found, request.project.objects.blob(found.sha)


def _facts(request: Request, sha: str, found: Entry, data: bytes) -> dict[str, Any]:
    return {
        "file_name": found.path.rsplit("/", 1)[-1],
        "file_path": found.path,
        "size": len(data),
        "encoding": "base64",
        "content_sha256": hashlib.sha256(data).hexdigest(),
        "ref": request.params.get("ref", request.project.default_branch),
        "blob_id": found.sha,
        "commit_id": sha,
        "last_commit_id": sha,
        "execute_filemode": found.mode == "100755",
    }


def _headers(facts: dict[str, Any]) -> dict[str, str]:
    """lib/api/helpers/headers_helpers.rb."""
    words = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in facts.items()}
    # A name that is no Latin-1 cannot stand in a header; GitLab sends its bytes.
    plain = {name: value.encode().decode("latin-1").replace("\n", " ") for name, value in words.items()}
    return {"X-Gitlab-" + "-".join(part.title() for part in name.split("_")): value for name, value in plain.items()}


@serves(
    "GET", "/repository/files/{file_path}/raw", "lib/api/files.rb", READ_FILE, query={"ref": TEXT, "lfs": YES}
)  # fmt: skip
def raw_file(request: Request) -> Answer:
    """The bytes of a file."""
    sha, found, data = _entry(request)
    headers = _headers(_facts(request, sha, found, data)) | {"Content-Disposition": "inline"}
    return Answer(200, data, headers, media="text/plain")


@serves(
    "GET", "/repository/files/{file_path}", "lib/api/files.rb", READ_FILE, query={"ref": TEXT}, required=("ref",),
    shape=having(file_name=TEXT, file_path=TEXT, content=TEXT, encoding=TEXT, commit_id=TEXT),
)  # fmt: skip
def file(request: Request) -> Answer:
    """A file with what is known of it."""
    sha, found, data = _entry(request)
    facts = _facts(request, sha, found, data)
    return shown(facts | {"content": base64.b64encode(data).decode()}, headers=_headers(facts))


def _searched(names: list[str], term: str) -> list[str]:
    """app/finders/git_refs_finder.rb: case does not count; ^, $ and * mean what they mean in an expression."""
    pattern = re.escape(term.casefold()).replace(r"\^", "^", 1).replace(r"\*", ".*")
    if term.endswith("$"):
        pattern = pattern.removesuffix(r"\$") + "$"
    return [name for name in names if re.search(pattern, name.casefold())]


@serves(
    "GET", "/repository/branches", "lib/api/branches.rb", READ, shape=every(BRANCH),
    query={**PAGES, "search": TEXT, "sort": one_of("name_asc", "updated_asc", "updated_desc")},
)  # fmt: skip
def list_branches(request: Request) -> Answer:
    """Branches by name, or those that a term finds."""
    held = request.project.objects.branches()
    names = sorted(held)
    if request.params.get("search"):
        names = _searched(names, request.params["search"])
    return request.listing([branch(request, name, held[name]) for name in names])


@serves("GET", "/repository/branches/{branch}", "lib/api/branches.rb", READ, shape=BRANCH)
def show_branch(request: Request) -> Answer:
    """One branch."""
    name = request.values["branch"]
    sha = request.project.tip(name)
    if sha is None:
        raise not_found("Branch")
    return shown(branch(request, name, sha))


def branch(request: Request, name: str, sha: str) -> dict[str, Any]:
    """lib/api/entities/branch.rb."""
    project = request.project
    held = access.protection(project, name)
    return {
        "name": name,
        "commit": objects.commit(request, project, sha),
        "merged": name != project.default_branch and _merged(project, sha),
        "protected": held is not None,
        "developers_can_push": held is not None and 0 < held.push <= 30,
        "developers_can_merge": held is not None and 0 < held.merge <= 30,
        "can_push": access.may_update(project, request.level, name),
        "default": name == project.default_branch,
        "web_url": request.pages(project, f"/-/tree/{name}"),
    }


def _merged(project: Project, sha: str) -> bool:
    return not project.objects.between(project.tip(project.default_branch) or sha, sha)


@serves("GET", "/repository/commits/{sha}", "lib/api/commits.rb", READ, query={"stats": YES}, shape=COMMIT)
def show_commit(request: Request) -> Answer:
    """A commit by its sha, or by the name of a branch or a tag."""
    project = request.project
    sha = _commit(request, request.values["sha"])
    last = next((each for each in reversed(list(project.pipelines.values())) if each.sha == sha), None)
    found = objects.commit(request, project, sha) | {
        "status": mergeability.status_of(last) if last else None,
        "project_id": project.id,
        "last_pipeline": objects.pipeline(request, last) if last else None,
    }
    if request.params.get("stats", True):
        found["stats"] = objects.changed_lines(project.objects, sha)
    return shown(found)


@serves(
    "GET", "/repository/commits/{sha}/refs", "lib/api/commits.rb", Access("read_code"),
    query={**PAGES, "type": one_of("branch", "tag", "all")}, shape=every(having(type=TEXT, name=TEXT)),
)  # fmt: skip
def list_refs(request: Request) -> Answer:
    """Branches that have a commit; the loopback knows no tags."""
    sha = _commit(request, request.values["sha"])
    found = request.project.objects.branches(containing=sha)
    return request.listing([{"type": "branch", "name": name} for name in sorted(found)])


@serves(
    "GET", "/repository/commits/{sha}/merge_requests", "lib/api/commits.rb",
    Access("read_merge_request", job_token=True),
    query={**PAGES, "state": one_of("opened", "closed", "locked", "merged", "all")}, shape=every(CHANGE),
)  # fmt: skip
def list_merge_requests(request: Request) -> Answer:
    """Merge requests that a commit is of, or that it merged; app/finders/merge_requests_finder.rb, by_commit."""
    sha, project = _commit(request, request.values["sha"]), request.project
    found = [
        each
        for each in project.merge_requests.values()
        if sha in (each.sha, each.merge_sha, each.squash_sha) or sha in project.objects.between(each.base_sha, each.sha)
    ]
    state = request.params.get("state", "all")
    found = [each for each in found if state in ("all", each.state)]
    return request.listing([objects.merge_request(request, each) for each in found])

"""The repository, its branches, commits, files and comparisons."""

from __future__ import annotations

import base64
import posixpath
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from forge import objects
from forge.exchange import Answer, Refused, Request
from forge.repository import Difference, Entry
from forge.routing import serves
from forge.shapes import shaped

MOST_FILES = 300
LARGEST_ENCODED = 1024 * 1024
LARGEST = 100 * LARGEST_ENCODED


@serves("GET", "")
def show_repository(request: Request) -> Answer:
    """The repository."""
    return Answer(200, objects.repository(request, request.repository, "full-repository"))


@serves("GET", "/commits/{ref}")
def show_commit(request: Request) -> Answer:
    """A commit, or only its sha where that media type is asked for."""
    found = request.repository.objects.resolve(request.values["ref"])
    if found is None:
        raise Refused(422, f"No commit found for SHA: {request.values['ref']}")
    if "application/vnd.github.sha" in request.headers.get("Accept", ""):
        return Answer(200, found.encode(), media="application/vnd.github.sha")
    return Answer(200, objects.commit(request, found))


@serves("GET", "/git/ref/{ref}")
def show_ref(request: Request) -> Answer:
    """What a ref points at."""
    name = f"refs/{request.values['ref']}"
    found = request.repository.objects.resolve(name)
    if found is None:
        raise Refused(404, "Not Found")
    return Answer(200, _ref(request, name, found))


def _ref(request: Request, name: str, sha: str) -> dict[str, Any]:
    target = {"sha": sha, "type": "commit", "url": request.url(f"/git/commits/{sha}")}
    return shaped("git-ref", request.base, ref=name, object=target, url=request.url(f"/git/{quote(name)}"))


@serves("GET", "/contents/{path}")
def show_contents(request: Request) -> Answer:
    """A file, a folder, a symbolic link or a submodule of a commit."""
    repository = request.repository
    named = request.query.get("ref", repository.default_branch)
    commit = repository.objects.resolve(named)
    if commit is None:
        raise Refused(404, f"No commit found for the ref {named}")
    path = request.values["path"].strip("/")
    entry = repository.objects.entry(commit, path) if path else None
    if path and entry is None:
        raise Refused(404, "Not Found")
    if entry is not None and entry.mode == "120000":
        target = repository.objects.blob(entry.sha).decode()
        meant = repository.objects.entry(commit, posixpath.normpath(posixpath.join(posixpath.dirname(path), target)))
        if meant is None or meant.kind != "blob" or meant.mode == "120000":
            return Answer(200, _listed(request, entry, commit, "content-symlink", target=target))
        # The link's place, the file's content.
        return _file(request, replace(entry, size=meant.size), commit, meant.sha)
    if entry is None or entry.kind == "tree":
        found = repository.objects.entries(commit, *([path + "/"] if path else []))
        return Answer(200, [_listed(request, each, commit, None) for each in found])
    if entry.kind == "commit":
        source = f"{request.server}/elsewhere.git"
        return Answer(200, _listed(request, entry, commit, "content-submodule", submodule_git_url=source))
    return _file(request, entry, commit, entry.sha)


def _file(request: Request, entry: Entry, commit: str, blob: str) -> Answer:
    data = request.repository.objects.blob(blob)
    raw = "raw" in request.headers.get("Accept", "")
    if len(data) > LARGEST or (len(data) > LARGEST_ENCODED and not raw):
        errors = [{"resource": "Blob", "field": "data", "code": "too_large"}]
        raise Refused(403, "This API returns blobs up to 1 MB in size.", errors=errors)
    if raw:
        return Answer(200, data, media="application/vnd.github.raw+json; charset=utf-8")
    content = base64.encodebytes(data).decode()
    return Answer(
        200, _listed(request, replace(entry, mode="100644"), commit, "content-file", content=content, encoding="base64")
    )


def _listed(request: Request, entry: Entry, commit: str, schema: str | None, **more: Any) -> dict[str, Any]:
    kind = {"tree": "dir", "blob": "file", "commit": "file" if schema is None else "submodule"}[entry.kind]
    if entry.mode == "120000":
        kind = "symlink"
    path = quote(entry.path)
    shown = {
        "type": kind,
        "size": entry.size,
        "name": posixpath.basename(entry.path),
        "path": entry.path,
        "sha": entry.sha,
        "url": request.url(f"/contents/{path}?ref={commit}"),
        "git_url": request.url(f"/git/blobs/{entry.sha}"),
        "html_url": f"{request.server}/{request.name}/blob/{commit}/{path}",
        "download_url": f"{request.server}/{request.name}/raw/{commit}/{path}",
        **more,
    }
    shown["_links"] = {"git": shown["git_url"], "html": shown["html_url"], "self": shown["url"]}
    return shown


def side(request: Request, name: str) -> str:
    """One side of a comparison: a branch or a commit, of this repository or (owner:branch) of a fork."""
    owner, colon, branch = name.rpartition(":")
    if colon:
        for each in request.state.repositories.values():
            if each.owner == owner and request.name in (each.name, each.fork_of):
                found = each.tip(branch) or each.objects.resolve(branch)
                if found:
                    return found
        raise Refused(404, "Not Found")
    found = request.repository.objects.resolve(name)
    if found is None:
        raise Refused(404, "Not Found")
    return found


@serves("GET", "/compare/{basehead}")
def compare(request: Request) -> Answer:
    """What head changes since it parted from base: all commits by pages, files on the first, 300 of them at most."""
    left, dots, right = request.values["basehead"].partition("...")
    if not dots:
        raise Refused(404, "Not Found")
    base, head = side(request, left), side(request, right)
    repository = request.repository.objects
    root = repository.merge_base(base, head)
    if root is None:
        raise Refused(404, f"No common ancestor between {left} and {right}.")
    ahead, behind = repository.between(base, head), repository.between(head, base)
    shown, headers = request.page(ahead)
    differences = repository.differences(root, head)[:MOST_FILES]
    first = request.query.get("page", "1") == "1"
    status = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical"
    body = shaped(
        "commit-comparison",
        request.base,
        url=request.url(f"/compare/{quote(request.values['basehead'])}"),
        base_commit=objects.commit(request, base),
        merge_base_commit=objects.commit(request, root),
        status=status,
        ahead_by=len(ahead),
        behind_by=len(behind),
        total_commits=len(ahead),
        commits=[objects.commit(request, each) for each in shown],
        files=[changed_file(request, each, head) for each in differences] if first else [],
    )
    return Answer(200, body, headers)


def changed_file(request: Request, found: Difference, head: str) -> dict[str, Any]:
    """A file of a comparison or of a pull request."""
    path = quote(found.path)
    shown = shaped(
        "diff-entry",
        request.base,
        sha=found.sha,
        filename=found.path,
        status=found.status,
        blob_url=f"{request.server}/{request.name}/blob/{head}/{path}",
        raw_url=f"{request.server}/{request.name}/raw/{head}/{path}",
        contents_url=request.url(f"/contents/{path}?ref={head}"),
    )
    if found.previous is not None:
        shown["previous_filename"] = found.previous
    return shown

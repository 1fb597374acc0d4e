"""The objects of git: refs, commits, trees, files, and the archive of a commit. All are real ones."""

from __future__ import annotations

import base64
import binascii
import gzip
import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

from forge.exchange import Answer, Refused, Request, invalid
from forge.repository import GitFailed, git
from forge.routing import serves
from forge.shapes import shaped

# https://docs.github.com/rest/git/trees#get-a-tree
MOST_LISTED = 100_000


def _ref(request: Request, name: str, commit: str) -> dict[str, Any]:
    target = {"sha": commit, "type": "commit", "url": request.url(f"/git/commits/{commit}")}
    return shaped("git-ref", request.base, ref=name, object=target, url=request.url(f"/git/{quote(name)}"))


@serves("GET", "/git/matching-refs/{ref}")
def matching_refs(request: Request) -> Answer:
    """The refs whose names begin so; none is no error."""
    wanted = f"refs/{request.values['ref']}"
    listed = git(request.repository.objects.folder, "for-each-ref", "--format=%(refname) %(objectname)", "refs/")
    found = [line.rsplit(" ", 1) for line in listed.decode().splitlines() if line.startswith(wanted)]
    return Answer(200, [_ref(request, name, commit) for name, commit in found])


@serves("POST", "/git/refs")
def create_ref(request: Request) -> Answer:
    """A new ref."""
    name, commit = request.body["ref"], request.body["sha"]
    if not re.fullmatch(r"refs/[^/]+/.+", name):
        raise invalid("Reference", "ref", "Reference name must start with 'refs/' and have at least two slashes")
    _known(request, commit, "commit")
    if _at(request, name) is not None:
        raise Refused(422, "Reference already exists")
    _moved(request, name, commit, "")
    return Answer(201, _ref(request, name, commit))


@serves("PATCH", "/git/refs/{ref}")
def update_ref(request: Request) -> Answer:
    """Move a ref; without force only to a commit that comes after the one it is at."""
    name, commit = f"refs/{request.values['ref']}", request.body["sha"]
    before = _at(request, name)
    if before is None:
        raise Refused(422, "Reference does not exist")
    _known(request, commit, "commit")
    if not request.body.get("force", False) and before not in _history(request, commit):
        raise Refused(422, "Update is not a fast forward")
    _moved(request, name, commit, before)
    return Answer(200, _ref(request, name, commit))


@serves("GET", "/git/commits/{commit_sha}")
def show_git_commit(request: Request) -> Answer:
    """A commit as git has it."""
    return Answer(200, _commit(request, _known(request, request.values["commit_sha"], "commit", 404)))


@serves("POST", "/git/commits")
def create_git_commit(request: Request) -> Answer:
    """A commit that no ref points at yet."""
    tree = _known(request, request.body["tree"], "tree")
    parents = [word for parent in request.body.get("parents", ()) for word in ("-p", _known(request, parent, "commit"))]
    said = request.body["message"].encode()
    made = git(request.repository.objects.folder, "commit-tree", tree, *parents, given=said).decode().strip()
    return Answer(201, _commit(request, made))


@serves("GET", "/git/trees/{tree_sha}")
def show_tree(request: Request) -> Answer:
    """What a folder lists, itself alone."""
    sha = _known(request, request.values["tree_sha"], "tree", 404)
    return Answer(200, _tree(request, sha))


@serves("POST", "/git/trees")
def create_tree(request: Request) -> Answer:
    """A tree, with entries put in anywhere below the one it is based on."""
    folder = request.repository.objects.folder
    index = folder / f"index.{request.state.next_id()}"
    lines = []
    for each in request.body["tree"]:
        kind = {"040000": "tree", "160000": "commit"}.get(each["mode"], "blob")
        if each.get("type", kind) != kind or ("sha" in each) == ("content" in each):
            raise invalid("Tree", "tree", "tree.sha or tree.content, and its type, are wrong")
        sha = _known(request, each["sha"], kind)
        lines.append(f"{each['mode']} {sha}\t".encode() + each["path"].encode() + b"\0")
    base = request.body.get("base_tree")
    words = ("--git-dir", str(folder))
    try:
        _indexed(index, *words, "read-tree", _known(request, base, "tree") if base else "--empty")
        _indexed(index, *words, "update-index", "-z", "--index-info", given=b"".join(lines))
        made = _indexed(index, *words, "write-tree").decode().strip()
    finally:
        index.unlink(missing_ok=True)
    return Answer(201, _tree(request, made))


@serves("GET", "/git/blobs/{file_sha}")
def show_blob(request: Request) -> Answer:
    """A file."""
    sha = _known(request, request.values["file_sha"], "blob", 404)
    data = request.repository.objects.blob(sha)
    shown = shaped(
        "blob", request.base, sha=sha, size=len(data), encoding="base64", content=base64.encodebytes(data).decode(),
        url=request.url(f"/git/blobs/{sha}"),
    )  # fmt: skip
    return Answer(200, shown)


@serves("POST", "/git/blobs")
def create_blob(request: Request) -> Answer:
    """A file that no tree names yet."""
    content = request.body["content"]
    try:
        whole = request.body.get("encoding") == "base64"
        data = base64.b64decode(content, validate=True) if whole else content.encode()
    except (binascii.Error, ValueError):
        raise invalid("Blob", "content", "content is not valid Base64") from None
    made = git(request.repository.objects.folder, "hash-object", "-w", "--stdin", given=data).decode().strip()
    return Answer(201, {"sha": made, "url": request.url(f"/git/blobs/{made}")})


@serves("GET", "/tarball/{ref}")
def show_tarball(request: Request) -> Answer:
    """Where the archive of a commit is fetched, on another host."""
    commit = request.repository.objects.resolve(request.values["ref"])
    if commit is None:
        raise Refused(404, "Not Found")
    prefix = f"{request.name.replace('/', '-')}-{commit[:7]}/"
    packed = git(request.repository.objects.folder, "archive", "--format=tar", f"--prefix={prefix}", commit)
    key = f"archive-{request.state.next_id()}"
    request.state.blobs[key] = gzip.compress(packed, 1)
    return Answer(302, None, {"Location": f"{request.blobs}/{key}?token=signed"})


def _commit(request: Request, sha: str) -> dict[str, Any]:
    objects = request.repository.objects
    who = {"name": "GitHub", "email": "noreply@github.com", "date": "2026-01-01T00:00:00Z"}
    tree = objects.tree_of(sha)
    return shaped(
        "git-commit", request.base, sha=sha, message=objects.message(sha), author=who, committer=who,
        tree={"sha": tree, "url": request.url(f"/git/trees/{tree}")},
        parents=[
            {"sha": parent, "url": request.url(f"/git/commits/{parent}"), "html_url": f"{request.server}/{parent}"}
            for parent in objects.parents(sha)
        ],
        verification={"verified": True, "reason": "valid", "signature": None, "payload": None, "verified_at": None},
        url=request.url(f"/git/commits/{sha}"), html_url=f"{request.server}/{request.name}/commit/{sha}",
    )  # fmt: skip


def _tree(request: Request, sha: str) -> dict[str, Any]:
    entries = request.repository.objects.entries(sha)
    listed = []
    for each in entries[:MOST_LISTED]:
        shown = {"path": each.path, "mode": each.mode, "type": each.kind, "sha": each.sha}
        if each.kind == "blob":
            shown["size"] = each.size  # type: ignore[assignment]
        if each.kind != "commit":
            shown["url"] = request.url(f"/git/{each.kind}s/{each.sha}")
        listed.append(shown)
    cut = len(entries) > MOST_LISTED
    return shaped("git-tree", request.base, sha=sha, url=request.url(f"/git/trees/{sha}"), tree=listed, truncated=cut)


def _known(request: Request, sha: str, kind: str, status: int = 422) -> str:
    """The object of that kind, under its whole name."""
    found = ""
    if re.fullmatch(r"[0-9a-f]{40}", sha):
        try:
            found = git(request.repository.objects.folder, "cat-file", "-t", sha).decode().strip()
        except GitFailed:
            found = ""
    if found == kind or (kind == "tree" and found == "commit"):
        return sha
    if status == 404:
        raise Refused(404, "Not Found")
    raise Refused(422, f"{kind} {sha} is not there")


def _at(request: Request, name: str) -> str | None:
    return request.repository.objects.resolve(name)


def _history(request: Request, commit: str) -> list[str]:
    return git(request.repository.objects.folder, "rev-list", commit).decode().split()


def _moved(request: Request, name: str, commit: str, before: str) -> None:
    try:
        git(request.repository.objects.folder, "update-ref", name, commit, before)
    except GitFailed as error:
        raise Refused(422, f"Reference cannot be updated: {error}") from None


def _indexed(index: Path, *words: str, given: bytes = b"") -> bytes:
    environ = {"PATH": os.environ["PATH"], "GIT_INDEX_FILE": str(index), "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(["git", *words], input=given, capture_output=True, env=environ, check=True).stdout

"""git over HTTP, by git's own program: who may fetch and push, and what is refused for a protected branch.

From lib/gitlab/git_access.rb: a token of the scope api, read_repository or write_repository fetches, one of api or
write_repository pushes where its role may; the token of a job fetches, and pushes only where the project lets it.
Gitaly lets any object be asked for by its id, and takes filters and options of a push.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs

from forge.exchange import Answer
from forge.repository import git

from gitlab_server import access
from gitlab_server.access import Caller
from gitlab_server.state import ROLES, Project, State

PATH = re.compile(r"/(?P<project>.+?)\.git(?P<rest>/info/refs|/git-upload-pack|/git-receive-pack)")
_SETTINGS = {
    "uploadpack.allowAnySHA1InWant": "true",
    "uploadpack.allowFilter": "true",
    "http.receivepack": "true",
    "receive.advertisePushOptions": "true",
    "receive.fsckObjects": "true",
    "gc.auto": "0",
}
# What Gitaly asks GitLab before it takes a push; the roles were looked at before git began.
_HOOK = """#!/bin/sh
[ -n "$PUSH_OPTIONS" ] && echo "$GIT_PUSH_OPTION_0" >> "$PUSH_OPTIONS"
while read -r old new ref; do
    for denied in $DENIED; do
        [ "refs/heads/$denied" = "$ref" ] || continue
        echo "GitLab: You are not allowed to push code to protected branches on this project." >&2
        exit 1
    done
done
"""


def answer(state: State, method: str, whole: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
    """The answer to a request of git's; None where it is none."""
    path, _, query = whole.partition("?")
    found = PATH.fullmatch(path)
    if found is None:
        return None
    project = state.project(found["project"])
    who = _caller(state, headers)
    if who is None or (project is None and who.user is None):
        words = b"HTTP Basic: Access denied. If a password was provided for Git authentication, it was incorrect.\n"
        return Answer(401, words, {"WWW-Authenticate": 'Basic realm="GitLab"'}, "text/plain")
    if project is None or not _may_fetch(project, who):
        if who.user is None:
            return Answer(
                401, b"HTTP Basic: Access denied.\n", {"WWW-Authenticate": 'Basic realm="GitLab"'}, "text/plain"
            )
        return Answer(404, b"The project you were looking for could not be found.\n", {}, "text/plain")
    pushing = found["rest"].endswith("receive-pack") or parse_qs(query).get("service") == ["git-receive-pack"]
    if pushing and not _may_push(project, who):
        return Answer(403, b"You are not allowed to push code to this project.\n", {}, "text/plain")
    return _backend(project, who, method, found["rest"], query, headers, body)


def _caller(state: State, headers: Mapping[str, str]) -> Caller | None:
    """Who is asking; None for a credential that nobody knows."""
    sent = headers.get("Authorization")
    if not sent:
        return Caller()
    try:
        password = base64.b64decode(sent.removeprefix("Basic "), validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return None
    token = state.tokens.get(password)
    if token is None or token.revoked or token.expired:
        return None
    if token.kind == "job":
        job = state.job(token.job)
        return Caller(token, token.user, job.pipeline.project) if job is not None and job.status == "running" else None
    return Caller(token, token.user)


def _may_fetch(project: Project, who: Caller) -> bool:
    if project.visibility == "public":
        return True
    if who.token is None or access.level(project, who) < ROLES["reporter"]:
        return False
    return who.token.kind == "job" or bool({"api", "read_repository", "write_repository"} & set(who.token.scopes))


def _may_push(project: Project, who: Caller) -> bool:
    if who.token is None or access.level(project, who) < ROLES["developer"]:
        return False
    if who.token.kind == "job":
        return bool(project.settings.get("ci_push_repository_for_job_token_allowed", False))
    return bool({"api", "write_repository"} & set(who.token.scopes))


def _backend(
    project: Project, who: Caller, method: str, rest: str, query: str, headers: Mapping[str, str], body: bytes
) -> Answer:  # fmt: skip
    folder = project.objects.folder
    _prepared(folder)
    role = access.level(project, who)
    denied = [name for name in project.protected if not access.may_update(project, role, name)]
    environ = {
        "PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_PROJECT_ROOT": str(folder.parent), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": f"/{folder.name}{rest}",
        "QUERY_STRING": query, "REQUEST_METHOD": method, "CONTENT_TYPE": headers.get("Content-Type") or "",
        "CONTENT_LENGTH": str(len(body)), "GIT_PROTOCOL": headers.get("Git-Protocol") or "",
        "HTTP_CONTENT_ENCODING": headers.get("Content-Encoding") or "", "REMOTE_USER": who.user.username if who.user
        else "", "DENIED": " ".join(denied), "PUSH_OPTIONS": str(folder / "push-options"),
        "GIT_COMMITTER_NAME": "GitLab", "GIT_COMMITTER_EMAIL": "gitlab@example.com",
    }  # fmt: skip
    done = subprocess.run(["git", "http-backend"], env=environ, input=body, capture_output=True, check=True)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    sent = dict(line.split(": ", 1) for line in head.decode().splitlines())
    status = int(sent.pop("Status", "200").split()[0])
    media = sent.pop("Content-Type", "application/octet-stream")
    return Answer(status, content, sent, media)


_PREPARING = threading.Lock()


def _prepared(folder: Path) -> None:
    with _PREPARING:
        hook = folder / "hooks" / "pre-receive"
        if not hook.exists():
            _prepare(folder, hook)


def _prepare(folder: Path, hook: Path) -> None:
    for name, value in _SETTINGS.items():
        git(folder, "config", name, value)
    hook.parent.mkdir(exist_ok=True)
    ready = hook.with_suffix(f".{os.getpid()}")
    ready.write_text(_HOOK)
    ready.chmod(0o755)
    ready.replace(hook)

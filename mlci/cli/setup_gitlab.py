"""A set-up on GitLab: the settings of the project, and its pipeline as GitLab puts it together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlci.adapters.told import ADDRESS
from mlci.cli.policy import in_repository
from mlci.config.quote import quote
from mlci.errors import Place, ServiceRefused, UsageError

if TYPE_CHECKING:
    from mlci.adapters.gitlab.api import Access
    from mlci.cli.invocation import Invocation
    from mlci.domain.origin import Origin
    from mlci.domain.setup.gitlab.facts import Setup
    from mlci.domain.setup.gitlab.pipeline import Pipeline
    from mlci.domain.setup.gitlab.project import Project

_PUBLIC = "https://gitlab.com"
# Variables that name a server, the runner's before a person's.
_NAMING = ("CI_SERVER_URL", "GITLAB_HOST")
_NAME = re.compile(r"(?!\.)[\w.-]+(?:/(?!\.{1,2}(?:/|$))[\w.-]+)+")


def setup(invocation: Invocation, origin: Origin | None) -> Setup:
    """Everything that is judged.

    Raises:
        UsageError: which project is meant cannot be told, or a parameter is GitHub's alone.
        ServiceFailed, ServiceRefused: GitLab does not tell of it.
    """
    from mlci.adapters.gitlab.api import connect
    from mlci.adapters.gitlab.guarding import read_releases
    from mlci.adapters.gitlab.settings import read_project, read_raw, read_settings
    from mlci.domain.setup.gitlab.facts import Setup
    from mlci.domain.setup.gitlab.releasing import promotes

    own = invocation.own
    if own["required"] is not None:
        raise UsageError("--required is GitHub's: GitLab has no required checks", place=Place("--required"))
    _require_host(invocation.environ)
    server = _server(invocation.environ, origin)
    access = connect(_told(invocation.environ, server, origin))
    project, refused = read_project(access, _project(invocation, server, origin), invocation.environ)
    branch = own["branch"] or project.default_branch
    config = in_repository(own["config"], invocation.environ)
    settings = read_settings(access, project, branch, config, refused)
    pipeline, why = _pipeline(access, project, branch, read_raw(access, project, branch))
    found = Setup(
        branch=branch,
        settings=settings if why is None else replace(settings, unknown={**settings.unknown, "pipeline": why}),
        pipeline=pipeline,
        today=datetime.now(timezone.utc).date(),
        config=config,
        in_job=invocation.environ.get("GITLAB_CI") == "true",
    )
    if not promotes(found):
        return found
    return replace(found, releases=read_releases(access, project.id, invocation.resolved.config.promote.stages))


def hosts(environ: Mapping[str, str]) -> frozenset[str]:
    """The hosts that the environment says are GitLab's."""
    named = (address for name in _NAMING if ADDRESS.fullmatch(address := _address(environ.get(name, ""))))
    return frozenset(host for address in named if (host := urlsplit(address).hostname))


def _require_host(environ: Mapping[str, str]) -> None:
    for name in _NAMING:
        if environ.get(name) and not ADDRESS.fullmatch(_address(environ[name])):
            raise UsageError(
                f"{name} must be a host or an address, got {quote(environ[name])}",
                place=Place(name),
                help="such as gitlab.example.com, or https://example.com/gitlab",
            )


def _address(text: str) -> str:
    """A server as people name it, with or without https://."""
    return text if not text or "://" in text else f"https://{text}"


def _server(environ: Mapping[str, str], origin: Origin | None) -> str:
    """The address of GitLab: as the environment names it for the host of the remote, else that host."""
    for name in _NAMING:
        address = _address(environ.get(name, "")).rstrip("/")
        if address and (origin is None or urlsplit(address).hostname == origin.host):
            return address
    return origin.web if origin is not None else _PUBLIC


def _told(environ: Mapping[str, str], server: str, origin: Origin | None) -> dict[str, str]:
    """The environment as a job has it, on a machine that is none.

    The token of a person goes to a server that the person named, and never to one that only a remote names: whoever
    clones a repository has not chosen where tokens are sent.
    """
    told = {**environ, "CI_API_V4_URL": environ.get("CI_API_V4_URL") or f"{server}/api/v4"}
    named = {*hosts(environ), "gitlab.com"}
    chosen = "CI_API_V4_URL" in environ or origin is None or origin.host in named
    if not told.get("MLCI_TOKEN") and environ.get("GITLAB_TOKEN") and chosen:
        told["MLCI_TOKEN"] = environ["GITLAB_TOKEN"]
    return told


def _project(invocation: Invocation, server: str, origin: Origin | None) -> str:
    """The project that was named, else that of the run, else of the remote that this checkout came from.

    Raises:
        UsageError: none of them says, or what was named cannot be a project.
    """
    given: str | None = invocation.own["repository"]
    if given is not None and not _NAME.fullmatch(given):
        raise UsageError(f"--repository must be group/project, got {given[:100]!r}", place=Place("--repository"))
    environ = invocation.environ
    named = given or environ.get("CI_MERGE_REQUEST_PROJECT_PATH") or environ.get("CI_PROJECT_PATH")
    if not named and origin is not None:
        # A server that does not stand at the top of its host has its own path before that of the project.
        above = urlsplit(server).path.strip("/")
        named = origin.path.removeprefix(f"{above}/") if above else origin.path
    if not named or not _NAME.fullmatch(named):
        raise UsageError("which project is meant cannot be told", help="give --repository group/project")
    return named


def _pipeline(access: Access, project: Project, branch: str, raw: bytes | None) -> tuple[Pipeline | None, str | None]:
    """The pipeline, and why it is not what GitLab says of it, where it is not."""
    from mlci.adapters.gitlab.cifile import read_file, read_merged
    from mlci.adapters.yamltree import Odd

    file = project.pipeline_file
    if file is None:
        return None, "it does not stand in this project"
    try:
        return read_merged(access.read, project.id, None if branch == project.default_branch else branch, raw), None
    except ServiceRefused as refused:
        why = refused.cause
    except Odd as odd:
        why = odd.cause
    try:
        return read_file(Path.cwd(), file), why
    except Odd as odd:
        where = f"{file}:{odd.line}" if odd.line is not None else file
        return None, f"{why}; {where} of this checkout: {odd.cause}"

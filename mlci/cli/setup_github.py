"""A set-up on GitHub: the workflows of this checkout, and the rules of the branch."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.cli.policy import in_repository
from mlci.errors import MlciError, Place, UsageError
from mlci.surface.pipeline import STEPS

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.domain.origin import Origin
    from mlci.domain.setup.github.facts import Setup

_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def setup(invocation: Invocation, origin: Origin | None) -> Setup:
    """Everything that is judged.

    Raises:
        UsageError: which repository is meant cannot be told.
        ServiceFailed, ServiceRefused: GitHub does not tell of it.
    """
    from mlci.adapters.github.api import connect
    from mlci.adapters.github.commits import GitHubCommits
    from mlci.adapters.github.guarding import read_releases
    from mlci.adapters.github.protection import read_protection, read_repository
    from mlci.adapters.github.workflows import read_owners, read_workflows
    from mlci.domain.setup.github.facts import Setup
    from mlci.domain.setup.github.releasing import promotes

    own = invocation.own
    root = Path.cwd()
    workflows, unread = read_workflows(root, own["workflows"])
    api = connect(invocation.environ)
    repository = read_repository(api, _repository(invocation, origin))
    branch = own["branch"] or repository.default_branch
    config = in_repository(own["config"], invocation.environ)
    try:
        there = GitHubCommits(api, repository.name).file(config, branch) is not None
    except MlciError:
        there = None
    wanted = invocation.resolved.config
    asks = any(tier.approvals for tier in (wanted.approval.low, wanted.approval.medium, wanted.approval.high))
    found = Setup(
        repository=repository,
        branch=branch,
        protection=read_protection(api, repository.name, branch),
        workflows=workflows,
        unread=unread,
        owners=read_owners(root),
        config=config,
        config_on_branch=there,
        needs={step.name: step.permissions for step in STEPS},
        required=own["required"],
    )
    if not promotes(found):
        return found
    return replace(found, releases=read_releases(api, repository.name, wanted.promote.stages, asks=asks))


def _repository(invocation: Invocation, origin: Origin | None) -> str:
    """The repository that was named, else that of the run, else of the remote that this checkout came from.

    Raises:
        UsageError: none of them says, or what was named cannot be a repository.
    """
    from mlci.adapters.github.event import REPOSITORY

    given: str | None = invocation.own["repository"]
    if given is not None and not REPOSITORY.fullmatch(given):
        raise UsageError(f"--repository must be owner/name, got {given[:100]!r}", place=Place("--repository"))
    named = given or invocation.environ.get("GITHUB_REPOSITORY")
    if named:
        return named
    if origin is None or not _NAME.fullmatch(origin.path):
        raise UsageError("which repository is meant cannot be told", help="give --repository owner/name")
    return origin.path

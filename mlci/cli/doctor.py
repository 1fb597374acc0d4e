"""``mlci doctor``: read the workflows here and the rules on the forge; could a worse model still be merged?"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.cli.delivery import EXITS, delivery_of
from mlci.cli.policy import in_repository
from mlci.domain.verdict import Verdict
from mlci.errors import Exit, MlciError, Place, UsageError
from mlci.surface.pipeline import STEPS

if TYPE_CHECKING:
    from mlci.adapters.remote.http import Api
    from mlci.cli.invocation import Invocation
    from mlci.domain.setup.github.facts import Setup

_REMOTE = re.compile(r"(?:[a-z+]+://[^/]+/|[^@/:]+@[^:/]+:)(?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?")


def run(invocation: Invocation) -> Exit:
    """Look, and report. What the token may not read is unknown: reported, but no reason for a red exit."""
    from mlci.adapters.github.api import connect
    from mlci.steps import doctor

    delivery = delivery_of(invocation)
    report = doctor.run(_setup(invocation, connect(invocation.environ)))
    delivery.deliver(report, {})
    return Exit.PASS if report.verdict is Verdict.INCONCLUSIVE else EXITS[report.verdict]


def _setup(invocation: Invocation, api: Api) -> Setup:
    from mlci.adapters.github.commits import GitHubCommits
    from mlci.adapters.github.protection import read_protection, read_repository
    from mlci.adapters.github.workflows import read_owners, read_workflows
    from mlci.domain.setup.github.facts import Setup

    own = invocation.own
    root = Path.cwd()
    workflows, unread = read_workflows(root, own["workflows"])
    repository = read_repository(api, _repository(invocation))
    branch = own["branch"] or repository.default_branch
    config = in_repository(own["config"], invocation.environ)
    try:
        there = GitHubCommits(api, repository.name).file(config, branch) is not None
    except MlciError:
        there = None
    return Setup(
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


def _repository(invocation: Invocation) -> str:
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
    try:
        asked = subprocess.run(
            ["git", "remote", "get-url", "origin"],  # noqa: S607 - the user's own git, in the user's own checkout
            capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
        found = _REMOTE.fullmatch(asked.stdout.strip())
    except (OSError, subprocess.TimeoutExpired):
        found = None
    if found is None:
        raise UsageError("which repository is meant cannot be told", help="give --repository owner/name")
    return found["name"]

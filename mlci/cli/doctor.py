"""``mlci doctor``: read the pipelines here and the rules on the forge; could a worse model still be merged?"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlci.cli import setup_github, setup_gitlab
from mlci.cli.delivery import EXITS, delivery_of
from mlci.domain.origin import Origin, forge_of, origin
from mlci.domain.setup.gitlab.project import DEFAULT_PIPELINE
from mlci.domain.verdict import Verdict
from mlci.errors import Exit

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.steps.doctor import Setup


def run(invocation: Invocation) -> Exit:
    """Look, and report. What the token may not read is unknown: reported, but no reason for a red exit."""
    from mlci.steps import doctor

    delivery = delivery_of(invocation)
    report = doctor.run(_setup(invocation))
    delivery.deliver(report, {})
    return Exit.PASS if report.verdict is Verdict.INCONCLUSIVE else EXITS[report.verdict]


def _setup(invocation: Invocation) -> Setup:
    remote = _remote()
    if _forge(invocation, remote) == "gitlab":
        return setup_gitlab.setup(invocation, remote)
    return setup_github.setup(invocation, remote)


def _forge(invocation: Invocation, remote: Origin | None) -> Literal["github", "gitlab"]:
    """Whose set-up is looked at: as was said, else that of the run, else of the remote, else of the files here."""
    given: Literal["github", "gitlab"] | None = invocation.own["forge"]
    if given is not None:
        return given
    if invocation.environ.get("GITHUB_ACTIONS") == "true":
        return "github"
    if invocation.environ.get("GITLAB_CI") == "true":
        return "gitlab"
    named = forge_of(remote, setup_gitlab.hosts(invocation.environ)) if remote is not None else None
    if named is not None:
        return named
    return "gitlab" if Path(DEFAULT_PIPELINE).is_file() and not Path(".github").is_dir() else "github"


def _remote() -> Origin | None:
    """Where this checkout came from; None where git does not say."""
    try:
        asked = subprocess.run(
            ["git", "remote", "get-url", "origin"],  # noqa: S607 - the user's own git, in the user's own checkout
            capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return origin(asked.stdout.strip())

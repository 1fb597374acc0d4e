"""``mlci plan``: find what the change touches, and say whether the model has to be judged again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlci.cli.delivery import Delivery, discard
from mlci.cli.forge import Forge, forge_of
from mlci.cli.policy import base_of, in_repository
from mlci.config.quote import one_line
from mlci.errors import Exit, Place, UsageError
from mlci.steps import plan

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.domain.run import ChangedFiles

_NO_RUN = "no run of a pipeline"


def run(invocation: Invocation) -> Exit:
    """List, say and hand on; what cannot be known counts as touching the model."""
    own = invocation.own
    faces = discard(invocation.command, own)
    forge = forge_of(invocation.environ)
    path, files, about = _on_a_forge(invocation, forge) if forge is not None else _here(invocation)
    report, touches = plan.run(files, plan.reading(invocation.resolved.config, path), about)
    job = forge.job if forge is not None else None
    delivery = Delivery(own, faces, invocation.environ, job)
    delivery.deliver(report, {"model": "true" if touches else "false"})
    return Exit.PASS


def _on_a_forge(invocation: Invocation, forge: Forge) -> tuple[str, ChangedFiles | None, str]:
    """The configuration's path in the repository, what the change touches, and what started the run."""
    if invocation.own.get("base"):
        raise UsageError(
            "base is for a run on a developer's machine",
            place=Place("--base"),
            help="leave it out: the forge says what the change is",
        )
    path = in_repository(invocation.own["config"], invocation.environ)
    # A pattern that means nothing is an error also where nothing changed, and before the forge is asked.
    plan.reading(invocation.resolved.config, path)
    return path, _files(forge), forge.run.event


def _here(invocation: Invocation) -> tuple[str, ChangedFiles | None, str]:
    """The same on this machine: what the files here change since they left the branch that is named, if one is."""
    config, base = invocation.own["config"], invocation.own.get("base")
    if not base:
        return config, None, _NO_RUN
    from mlci.adapters.git import Repository

    repository = Repository.find(str(Path(config).parent), invocation.environ)
    path = repository.inside(config) if repository is not None else None
    if repository is None or path is None:
        raise UsageError(
            "there is no git repository here to compare with a branch",
            place=Place("--base"),
            help="run it in the checkout, with git installed",
        )
    commit = repository.resolve(base)
    if commit is None:
        raise UsageError(f"this repository has no branch or commit {one_line(base)}", place=Place("--base"))
    return path, repository.changed_since(commit), _NO_RUN


def _files(forge: Forge) -> ChangedFiles | None:
    """What is between the default branch and the commit this run is about, or between two states of that branch.

    Never between a change and another branch it is proposed to: what is found lies on the commit, and holds for all.
    """
    run = forge.run
    if not run.on_default_branch:
        return forge.commits.changed_files(base_of(forge), run.commit)
    return forge.commits.changed_files(run.before, run.commit) if run.before is not None else None

"""``mlci plan``: find what the change touches, and say whether the model has to be judged again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlci.cli.delivery import delivery_of
from mlci.cli.forge import Forge, forge_of
from mlci.cli.policy import base_of
from mlci.cli.reads import reading_here
from mlci.errors import Exit
from mlci.steps import plan

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.domain.run import ChangedFiles

_NO_RUN = "no run of a pipeline"


def run(invocation: Invocation) -> Exit:
    """List, say and hand on; what cannot be known counts as touching the model."""
    own = invocation.own
    delivery = delivery_of(invocation)
    forge = forge_of(invocation.environ, own["base"], own["config"])
    # A pattern that means nothing is an error also where nothing changed, and before the forge is asked.
    config = invocation.resolved.config
    reads = (
        reading_here(config, own["config"], invocation.environ)
        if forge is not None
        else plan.reading(config, own["config"])
    )
    files = _files(forge) if forge is not None else None
    report, touches = plan.run(files, reads, forge.run.event if forge is not None else _NO_RUN)
    delivery.deliver(report, {"model": "true" if touches else "false"})
    return Exit.PASS


def _files(forge: Forge) -> ChangedFiles | None:
    """What is between the default branch and the commit this run is about, or between two states of that branch.

    Never between a change and another branch it is proposed to: what is found lies on the commit, and holds for all.
    """
    run = forge.run
    if not run.on_default_branch:
        return forge.commits.changed_files(base_of(forge), run.commit)
    return forge.commits.changed_files(run.before, run.commit) if run.before is not None else None

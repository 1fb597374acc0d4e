"""Where model-ci looks for a result of the same inputs before it trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mlci.cli.forge import Forge, key_of
from mlci.cli.kept import artifact_name
from mlci.domain.baseline import may_keep
from mlci.domain.run import LOCAL, Run
from mlci.errors import UsageError

if TYPE_CHECKING:
    from mlci.adapters.models.workshop import LocalWorkshop
    from mlci.cli.training import Order
    from mlci.domain.training import Inputs
    from mlci.ports import Earlier, Registry


def results_of(
    order: Order,
    folder: str,
    registry: Registry,
    inputs: Inputs,
    forge: Forge | None,
    own: Mapping[str, Any],
    say: Callable[[str], None],
) -> list[Earlier]:
    """On this machine, in the registry, and in what runs left.

    Those for the changes that a commit is from are asked where the commit is of the default branch, or of a group that
    is to be merged; those of the default branch where that is wanted.

    Args:
        order: what the run is asked.
        folder: where this machine keeps results.
        registry: of the configuration.
        inputs: what training reads.
        forge: that the run is on; None on a developer's machine.
        own: the command's own parameters.
        say: takes a line on what is passed over.

    Raises:
        UsageError: results of runs are wanted where there are none.
    """
    from mlci.adapters.models.earlier import ArtifactEarlier, FolderEarlier, RegistryEarlier
    from mlci.adapters.models.merged import MergedEarlier

    kept = FolderEarlier(folder, say)
    found: list[Earlier] = [kept, RegistryEarlier(registry, kept)]
    name = artifact_name("model", key_of(own["key"], order.model, forge), forge)
    # A model that is trained in any case needs no forge to be held against an earlier one.
    wanted = own["reuse"] == "true" and order.profile is None
    if wanted and forge is not None and _is_from_changes(forge.run):
        found.append(MergedEarlier(forge.runs, forge.run, name, inputs, kept))
    if own["reuse_from"] is not None:
        if forge is None:
            raise UsageError("--reuse-from artifacts needs a run of a pipeline", help="leave it out on this machine")
        found.append(ArtifactEarlier(forge.runs, name, forge.run.default_branch, kept))
    return found


def _is_from_changes(run: Run) -> bool:
    """Whether a run is of what changes were merged to, or are about to be."""
    return may_keep(run) if run.change is None else run.change.number is None and run.event != LOCAL


def passed_over(workshop: LocalWorkshop) -> list[str]:
    """Why the candidate of a merged change was not taken, a sentence each."""
    from mlci.adapters.models.merged import MergedEarlier

    return [note for place in workshop.results if isinstance(place, MergedEarlier) for note in place.notes]

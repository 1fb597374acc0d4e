"""What runs keep for later ones: the name it goes by, and where the accepted runs of the default branch are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlci.domain.baseline import may_keep
from mlci.errors import UsageError

if TYPE_CHECKING:
    from mlci.cli.forge import Forge
    from mlci.ports import Baselines

ARTIFACTS = "artifacts"


def artifact_name(kind: Literal["gate", "model"], key: str, forge: Forge | None) -> str:
    """What the folder that a step leaves is uploaded as, and found by: on GitLab the name of the job itself."""
    if forge is not None and forge.job is not None:
        return forge.job
    return f"mlci-{kind}-{key}" if key else f"mlci-{kind}"


def baselines_of(address: str | None, key: str, forge: Forge | None) -> Baselines | None:
    """Where to look for the baseline; None where nobody said.

    Raises:
        UsageError: artifacts are asked for on a machine that is no runner, or the address is none.
    """
    if address is None:
        return None
    from mlci.adapters.baselines import ArtifactBaselines, StoreBaselines

    if address != ARTIFACTS:
        return StoreBaselines(address, key)
    if forge is None:
        raise UsageError(
            "--baseline-from artifacts needs a run of a pipeline",
            help="name production's predictions with --baseline, or a folder with --baseline-from file://…",
        )
    run = forge.run
    name = artifact_name("gate", key, forge)
    return ArtifactBaselines(forge.runs, name, run.default_branch, starts_over=may_keep(run))

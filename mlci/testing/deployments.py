"""A record of deployments in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlci.errors import MlciError
from mlci.ports import Deployment, DeploymentState


@dataclass
class MemoryDeployments:
    """ports.Deployments.

    Attributes:
        error: raised while it is set.
        records: each decision that was recorded, with how it stands and what was said of it last.
    """

    error: MlciError | None = None
    records: dict[str, tuple[Deployment, DeploymentState, str]] = field(default_factory=dict)

    def record(self, deployment: Deployment, state: DeploymentState, description: str) -> str | None:
        """Create the record of a decision, or find it, and say how it stands; earlier ones become inactive with it."""
        if self.error is not None:
            raise self.error
        if state == "success" and any(
            other.entry > deployment.entry and stands == "success" for other, stands, _ in self._beside(deployment)
        ):
            state = "inactive"
        self.records[deployment.ledger] = (deployment, state, description)
        for other, stands, said in self._beside(deployment) if state == "success" else ():
            if other.entry < deployment.entry and stands in ("success", "in_progress"):
                self.records[other.ledger] = (other, "inactive", said)
        return f"https://forge.invalid/deployments/{deployment.environment}"

    def _beside(self, deployment: Deployment) -> list[tuple[Deployment, DeploymentState, str]]:
        """What else was recorded of this model in this environment."""
        place = (deployment.environment, deployment.model)
        every = list(self.records.values())
        return [each for each in every if (each[0].environment, each[0].model) == place and each[0] != deployment]

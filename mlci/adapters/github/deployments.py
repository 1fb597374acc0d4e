"""Decisions among a repository's deployments, where everybody can see what each stage is at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from mlci.adapters.github.api import at
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.http import Api
from mlci.ports import Deployment, DeploymentState

# Ours among all deployments of an environment: a job that names an environment makes some of its own.
_TASK = "mlci"
_DESCRIPTION = 140
# How many decisions back some may still be shown as what a stage is at, after runs that were killed.
_MOST_BEFORE = 20


class _Status(msgspec.Struct):
    id: int
    state: str
    description: str | None = None


class _Made(msgspec.Struct):
    id: int
    payload: Any = None

    @property
    def told(self) -> dict[str, Any]:
        """The payload, which GitHub gives back as it was sent or as a text."""
        try:
            found = msgspec.json.decode(self.payload) if isinstance(self.payload, str) else self.payload
        except (msgspec.MsgspecError, RecursionError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def entry(self) -> int:
        """Number of the decision; 0 where it names none."""
        found = self.told.get("entry")
        return found if isinstance(found, int) and not isinstance(found, bool) else 0


class GitHubDeployments:
    """ports.Deployments over one repository. https://docs.github.com/rest/deployments/deployments

    Permission: deployments: write.
    """

    def __init__(self, api: Api, repository: str, page: str) -> None:
        """Nothing is asked yet; ``page`` is the address of the repository."""
        self._api, self._repository, self._page = api, repository, page

    def record(self, deployment: Deployment, state: DeploymentState, description: str) -> str:
        """Create the record of a decision, or find it, and say how it stands; earlier ones become inactive with it."""
        ours = self._ours(deployment)
        found = next((each for each in ours if _is_of(each, deployment)), None)
        made = found or self._create(deployment)
        later = [each for each in ours if each.entry > deployment.entry]
        if state == "success" and any(self._state(each) == "success" for each in later):
            # A run that slept over somebody else's decision must not show its own as what the stage is at.
            state = "inactive"
        self._say(made, deployment, state, description)
        if state == "success":
            for each in self._before(ours, deployment):
                self._say(each, deployment, "inactive", f"entry {deployment.entry} of the ledger came after it")
        return f"{self._page}/deployments/{quote(deployment.environment, safe='')}"

    def _ours(self, deployment: Deployment) -> list[_Made]:
        """What was recorded of this model in this environment, newest first."""
        asked = {"environment": deployment.environment, "task": _TASK}
        every: list[_Made] = list(self._api.paginate(self._at(), asked, shape=_Made))
        ours = [each for each in every if each.told.get("model") == deployment.model]
        return sorted(ours, key=lambda each: (each.entry, each.id), reverse=True)

    def _create(self, deployment: Deployment) -> _Made:
        body = {
            "ref": deployment.commit,
            "task": _TASK,
            # Else GitHub merges the default branch into what is deployed, and asks for every status that there is.
            "auto_merge": False,
            "required_contexts": [],
            "environment": deployment.environment,
            "production_environment": deployment.production,
            "transient_environment": False,
            "description": one_line(f"{deployment.model} {deployment.version}", _DESCRIPTION),
            "payload": {
                "model": deployment.model,
                "version": deployment.version,
                "artifact": f"sha256:{deployment.artifact}",
                "entry": deployment.entry,
                "ledger": f"sha256:{deployment.ledger}",
            },
        }

        def there() -> _Made | None:
            return next((each for each in self._ours(deployment) if _is_of(each, deployment)), None)

        return self._api.post_once(self._at(), body, there, shape=_Made)

    def _say(self, made: _Made, deployment: Deployment, state: DeploymentState, description: str) -> None:
        """Add a status, unless it is what was said last."""
        said = one_line(description, _DESCRIPTION)
        path = self._at(made.id, "statuses")

        def there() -> _Status | None:
            newest = self._newest(made)
            return newest if newest is not None and (newest.state, newest.description or "") == (state, said) else None

        if there() is not None:
            return
        body: dict[str, Any] = {"state": state, "description": said, "auto_inactive": False}
        if _is_of(made, deployment):
            body |= {"log_url": deployment.url, "environment_url": deployment.serving or ""}
        self._api.post_once(path, body, there, shape=_Status)

    def _before(self, ours: list[_Made], deployment: Deployment) -> Iterator[_Made]:
        """Earlier decisions that are still shown as what the stage is at."""
        earlier = [each for each in ours if each.entry < deployment.entry and not _is_of(each, deployment)]
        return (each for each in earlier[:_MOST_BEFORE] if self._state(each) in ("success", "in_progress"))

    def _state(self, made: _Made) -> str | None:
        newest = self._newest(made)
        return newest.state if newest is not None else None

    def _newest(self, made: _Made) -> _Status | None:
        statuses: list[_Status] = list(self._api.paginate(self._at(made.id, "statuses"), shape=_Status))
        return max(statuses, key=lambda each: each.id, default=None)

    def _at(self, *below: str | int) -> str:
        return at(self._repository, "deployments", *below)


def _is_of(made: _Made, deployment: Deployment) -> bool:
    return made.told.get("ledger") == f"sha256:{deployment.ledger}"

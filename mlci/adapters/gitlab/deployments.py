"""Decisions among a project's deployments, where everybody can see what each stage is at."""

from __future__ import annotations

import re

import msgspec

from mlci.adapters.gitlab.api import Access, project
from mlci.adapters.remote.http import Api
from mlci.errors import ServiceRefused
from mlci.ports import Deployment, DeploymentState

_WRITTEN: dict[DeploymentState, str] = {"in_progress": "running", "success": "success", "failure": "failed"}


_ENTRY = re.compile(r"/entry-([0-9]{1,18})/[0-9a-f]{64}\Z")


class _Environment(msgspec.Struct):
    id: int
    name: str
    external_url: str | None = None


class _Made(msgspec.Struct):
    id: int
    ref: str
    status: str
    environment: _Environment

    @property
    def entry(self) -> int:
        """Number of the decision; 0 where it names none."""
        found = _ENTRY.search(self.ref)
        return int(found[1]) if found is not None else 0


class GitLabDeployments:
    """ports.Deployments over one project. https://docs.gitlab.com/api/deployments/

    Takes a project access token with the scope api and the role Developer, or the one that the environment is protected
    with. GitLab keeps no text with a deployment, so the name of what is deployed carries model, version, number and
    digest of the decision; the artifact is in the entry that the digest is of. An earlier deployment is no longer what
    the stage is at once a later one succeeds, which GitLab knows by itself: it has no state for it.
    """

    def __init__(self, access: Access, number: int, page: str) -> None:
        """Nothing is asked yet; ``number`` and ``page`` are those of the project."""
        self._access, self._project, self._page = access, number, page

    def record(self, deployment: Deployment, state: DeploymentState, description: str) -> str | None:  # noqa: ARG002
        """Create the record of a decision, or find it, and say how it stands."""
        api = self._access.writer("record deployments")
        ours = self._ours(api, deployment)
        found = next((each for each in ours if each.ref == _name(deployment)), None)
        wanted = _WRITTEN.get(state)
        if wanted is None:
            return self._shown(found) if found is not None else None
        if wanted == "success" and any(each.entry > deployment.entry and each.status == wanted for each in ours):
            # A run that slept over somebody else's decision must not show its own as what the stage is at.
            wanted = "canceled"
        made = found or self._create(api, deployment, wanted)
        # What has ended does not begin again, and GitLab refuses to say again what it says already.
        if made.status != wanted and wanted != "running":
            self._move(api, made, wanted)
        if deployment.serving and made.environment.external_url != deployment.serving:
            environment = project(self._project, "environments", made.environment.id)
            api.put(environment, {"external_url": deployment.serving}, shape=_Environment)
        return self._shown(made)

    def _ours(self, api: Api, deployment: Deployment) -> list[_Made]:
        """What was recorded of this model in this environment, newest first."""
        asked = {"environment": deployment.environment, "order_by": "id", "sort": "desc"}
        every: list[_Made] = list(api.paginate(self._at(), asked, shape=_Made))
        return [each for each in every if each.ref.startswith(f"mlci/{deployment.model}/")]

    def _create(self, api: Api, deployment: Deployment, status: str) -> _Made:
        body = {
            "environment": deployment.environment,
            "sha": deployment.commit,
            "ref": _name(deployment),
            "tag": False,
            "status": status,
        }

        def there() -> _Made | None:
            return next((each for each in self._ours(api, deployment) if each.ref == body["ref"]), None)

        return api.post_once(self._at(), body, there, shape=_Made)

    def _move(self, api: Api, made: _Made, status: str) -> None:
        path = f"{self._at()}/{made.id}"
        try:
            api.put(path, {"status": status}, shape=_Made)
        except ServiceRefused:
            # Saying again what a lost answer has done already is refused, too.
            if api.get(path, shape=_Made).status != status:
                raise

    def _shown(self, made: _Made) -> str:
        return f"{self._page}/-/environments/{made.environment.id}"

    def _at(self) -> str:
        return project(self._project, "deployments")


def _name(deployment: Deployment) -> str:
    return f"mlci/{deployment.model}/{deployment.version}/entry-{deployment.entry}/{deployment.ledger}"

"""GitLab's own MLflow endpoint, one call each, as its source answers: that is not always what MLflow answers.

``lib/api/ml/mlflow/*.rb`` and ``app/services/ml/*.rb`` of https://gitlab.com/gitlab-org/gitlab. What MLflow calls the
number of a version is its id in GitLab's database there; what people see is its name, a semantic version.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from mlci.adapters.mlflow.backend import ATTEMPT
from mlci.adapters.mlflow.gitlab_files import TOO_OLD, Files
from mlci.adapters.remote.answer import Answer, Call, accepted, origin
from mlci.adapters.remote.http import Api
from mlci.errors import ServiceFailed, ServiceRefused

_NEEDED = (
    "GitLab takes a project access token there, of the role Developer with the scope api, or Reporter with read_api to"
    " read only, in MLFLOW_TRACKING_TOKEN, else in MLCI_TOKEN; the token of the job, CI_JOB_TOKEN, is not taken"
)
_UNSEEN = "the project has no model registry, or the token may not see it (Settings > General > Visibility)"
# Tag of a version: its run. One that was made without that run's files, by a GitLab that is too old, has another.
_RUN = "mlci.candidate"
_VERSION = "gitlab.version"
_NEWEST = 100


class _Named(msgspec.Struct):
    key: str
    value: str | None = None


class _Version(msgspec.Struct):
    version: int | str
    aliases: list[str] | None = None
    tags: list[_Named] = []
    run_id: str | None = None
    source: str | None = None


class _OneVersion(msgspec.Struct):
    model_version: _Version


class _Model(msgspec.Struct):
    # Every version, whatever the name says: lib/api/entities/ml/mlflow/registered_model.rb.
    latest_versions: list[_Version] = []


class _OneModel(msgspec.Struct):
    registered_model: _Model


class _Experiment(msgspec.Struct):
    experiment_id: str


class _OneExperiment(msgspec.Struct):
    experiment: _Experiment


class _Info(msgspec.Struct):
    run_id: str
    artifact_uri: str = ""


class _Data(msgspec.Struct):
    tags: list[_Named] = []


class _Run(msgspec.Struct):
    info: _Info
    data: _Data = msgspec.field(default_factory=_Data)


class _OneRun(msgspec.Struct):
    run: _Run


class _Runs(msgspec.Struct):
    runs: list[_Run] = []


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A version as GitLab lists it.

    Attributes:
        name: the semantic version.
        id: in GitLab's database, a number that grows.
        run: that its parameters, metrics and files belong to; None where it has none.
        tags: those that it was made with.
        is_whole: whether it is what was meant to be made.
        page: where a person can look at it.
    """

    name: str
    id: int
    run: str | None
    tags: Mapping[str, str]
    is_whole: bool
    page: str | None


class Taken(ServiceRefused):
    """GitLab does not make what it was asked to; most often the name was given away. It goes on as a refusal."""


class GitLabApi(Api):
    """GitLab's REST API, which says what the endpoint takes where it does not take what it got."""

    def _send(self, call: Call) -> Answer:
        answer = super()._send(call)
        hidden = answer.status == 404 and "/ml/mlflow/" in call.url and b"error_code" not in answer.content
        if answer.status not in (400, 401, 403) and not hidden:
            return answer
        try:
            accepted(call, answer)
        except ServiceRefused as error:
            if answer.status == 400:
                raise Taken(error.cause) from None
            raise ServiceRefused(error.cause, help=_UNSEEN if hidden else _NEEDED) from None
        return answer


class GitLabMl:
    """The endpoint of one project."""

    def __init__(self, api: Api, project: str, address: str) -> None:
        """Nothing is sent yet.

        Args:
            api: speaks to ``…/api/v4``, with its credentials.
            project: path of the project below that, ``/projects/42``.
            address: of the endpoint, for a reader.
        """
        self.address = address
        self._api = api
        self._project = project
        self._root = f"{project}/ml/mlflow/api/2.0/mlflow"

    def versions(self, model: str) -> Sequence[Listed] | None:
        """All versions of a model, in the order they were made; None where there is no such model."""
        query = {"name": model}
        found = self._api.find(f"{self._root}/registered-models/get", query, absent=_is_absent, shape=_OneModel)
        if found is None:
            return None
        listed = []
        for row in found.registered_model.latest_versions:
            # Until 2025 GitLab listed bare rows of its database there, named as MLflow names nothing.
            each = self._listed(row) if row.aliases else self.version(model, str(row.version))
            listed += [] if each is None else [each]
        return sorted(listed, key=lambda each: each.id)

    def version(self, model: str, name: str) -> Listed | None:
        """The version of a name; None where there is none."""
        query = {"name": model, "alias": name}
        found = self._api.find(f"{self._root}/registered-models/alias", query, absent=_is_absent, shape=_OneVersion)
        return None if found is None else self._listed(found.model_version)

    def make_model(self, model: str) -> None:
        """Make the registered model, where it is not there; GitLab makes an experiment with it."""

        def again() -> _OneModel | None:
            query = {"name": model}
            return self._api.find(f"{self._root}/registered-models/get", query, absent=_is_absent, shape=_OneModel)

        try:
            self._api.post_once(f"{self._root}/registered-models/create", {"name": model}, again, shape=_OneModel)
        except Taken:
            # Every refusal is answered as if the name were taken, also that of a name which nothing can have.
            if again() is None:
                raise

    def open_run(self, model: str, name: str, tags: Mapping[str, str]) -> tuple[str, Files]:
        """Begin a run in the model's experiment: its id, and where its files lie; ``tags`` holds ATTEMPT."""
        body = {
            "experiment_id": self._experiment(model),
            "run_name": name,
            "start_time": _now(),
            "tags": _pairs(tags),
        }

        def again() -> _OneRun | None:
            mine = [run for run in self._newest(model) if _plain(run.data.tags).get(ATTEMPT) == tags[ATTEMPT]]
            return _OneRun(mine[0]) if mine else None

        run = self._api.post_once(f"{self._root}/runs/create", body, again, shape=_OneRun).run
        number = re.search(r"candidate:[0-9]{1,18}", run.info.artifact_uri)
        if number is None:
            raise ServiceRefused("the registry names no place for the files of a run", help=TOO_OLD)
        return run.info.run_id, Files(self._api, self._project, number[0])

    def files(self, version: Listed) -> Files:
        """Where the files of a version lie."""
        return Files(self._api, self._project, str(version.id))

    def log(
        self, run: str, params: Mapping[str, str], metrics: Mapping[str, float], tags: Mapping[str, str] | None = None
    ) -> None:
        """Add parameters, metrics and tags to a run; a parameter or tag that it has already stays as it is."""
        now = _now()
        body = {
            "run_id": run,
            "params": _pairs(params),
            "metrics": [{"key": key, "value": value, "timestamp": now, "step": 0} for key, value in metrics.items()],
            "tags": _pairs(tags or {}),
        }
        self._api.post(f"{self._root}/runs/log-batch", body, again=True)

    def tags_of(self, run: str) -> Mapping[str, str]:
        """The tags of a run."""
        found = self._api.find(f"{self._root}/runs/get", {"run_id": run}, absent=_is_absent, shape=_OneRun)
        return {} if found is None else _plain(found.run.data.tags)

    def close_run(self, run: str) -> None:
        """Mark a run as finished."""
        body = {"run_id": run, "status": "FINISHED", "end_time": _now()}
        self._api.post(f"{self._root}/runs/update", body, again=True)

    def newest_runs(self, model: str) -> Mapping[str, Mapping[str, str]]:
        """Tags of the newest runs by their id; those of versions are among them."""
        return {run.info.run_id: _plain(run.data.tags) for run in self._newest(model)}

    def drop_run(self, run: str) -> None:
        """Remove a run; GitLab refuses where it became a version."""
        self._api.post(f"{self._root}/runs/delete", {"run_id": run}, again=True)

    def create(self, model: str, name: str, run: str, tags: Mapping[str, str], description: str) -> None:
        """Make a version of a run, with its files and all its facts, in one request.

        Raises:
            Taken: the name is given away, or GitLab does not like it or the tags.
            ServiceRefused: this GitLab made a version without the run's files.
        """

        def again() -> _OneVersion | None:
            query = {"name": model, "alias": name}
            path = f"{self._root}/registered-models/alias"
            found = self._api.find(path, query, absent=_is_absent, shape=_OneVersion)
            return found if found is not None and found.model_version.run_id == run else None

        body = {
            "name": model,
            "run_id": run,
            # Blank values are refused.
            "tags": _pairs({**{key: value for key, value in tags.items() if value.strip()}, _VERSION: name, _RUN: run}),
            "description": description,
        }
        made = self._api.post_once(f"{self._root}/model-versions/create", body, again, shape=_OneVersion)
        if made.model_version.run_id != run:
            raise ServiceRefused(
                f"GitLab made version {name} of {model} without its files: remove it in GitLab", help=TOO_OLD
            )

    def _experiment(self, model: str) -> str:
        query = {"experiment_name": f"[model]{model}"}
        path = f"{self._root}/experiments/get-by-name"
        return self._api.get(path, query, shape=_OneExperiment).experiment.experiment_id

    def _newest(self, model: str) -> Sequence[_Run]:
        body = {"experiment_ids": [self._experiment(model)], "max_results": _NEWEST}
        found: _Runs = self._api.post(f"{self._root}/runs/search", body, shape=_Runs, again=True)
        return found.runs

    def _listed(self, version: _Version) -> Listed:
        tags = _plain(version.tags)
        if not re.fullmatch("[0-9]{1,18}", str(version.version)) or not version.aliases:
            raise ServiceFailed("the registry names a version as GitLab names none")
        run, meant = version.run_id or None, tags.pop(_RUN, None)
        tags.pop(_VERSION, None)
        page = version.source or ""
        seen = re.fullmatch("[!-~]{1,1000}", page) is not None and origin(page) == origin(self.address)
        return Listed(
            name=version.aliases[0],
            id=int(version.version),
            run=run,
            tags=tags,
            is_whole=meant is None or meant == run,
            page=page if seen else None,
        )


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _plain(tags: Sequence[_Named]) -> dict[str, str]:
    return {tag.key: tag.value or "" for tag in tags}


def _now() -> int:
    return int(time.time() * 1000)


def _is_absent(answer: Answer) -> bool:
    return answer.status == 404 and b"RESOURCE_DOES_NOT_EXIST" in answer.content

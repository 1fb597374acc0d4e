"""An MLflow server over its REST API, without MLflow on this machine.

https://mlflow.org/docs/latest/api_reference/rest-api.html
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote

import msgspec

from mlci.adapters.mlflow.backend import ATTEMPT, Backend, Known, Opened, Place
from mlci.adapters.mlflow.places import place_of
from mlci.adapters.remote.answer import Answer, Call, accepted
from mlci.adapters.remote.http import Api
from mlci.errors import ServiceFailed, ServiceRefused
from mlci.ports import Version

_ROOT = "/api/2.0/mlflow"
_PAGE = 1000
_PAGES = 100
_CREDENTIALS = (
    "who asks is said by MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, in the"
    " environment of mlci; model.yml sets the first from its secrets: registry-token on the default branch,"
    " registry-read-token on a change"
)


class _Named(msgspec.Struct):
    key: str
    value: str = ""


class _Version(msgspec.Struct):
    name: str
    version: int | str
    run_id: str | None = None
    tags: list[_Named] = []
    aliases: list[str] = []


class _OneVersion(msgspec.Struct):
    model_version: _Version


class _Versions(msgspec.Struct):
    model_versions: list[_Version] = []
    next_page_token: str | None = None


class _Alias(msgspec.Struct):
    alias: str
    version: int | str


class _Model(msgspec.Struct):
    aliases: list[_Alias] = []
    tags: list[_Named] = []


class _OneModel(msgspec.Struct):
    registered_model: _Model


class _Info(msgspec.Struct):
    run_id: str
    artifact_uri: str
    lifecycle_stage: str = "active"


class _Run(msgspec.Struct):
    info: _Info


class _OneRun(msgspec.Struct):
    run: _Run


class _Runs(msgspec.Struct):
    runs: list[_Run] = []
    next_page_token: str | None = None


class _Experiment(msgspec.Struct):
    experiment_id: str
    lifecycle_stage: str = "active"


class _OneExperiment(msgspec.Struct):
    experiment: _Experiment


class _Uri(msgspec.Struct):
    artifact_uri: str = ""


class _Refusal(msgspec.Struct):
    error_code: str = ""
    message: str = ""


class ServerApi(Api):
    """The REST API of a server, which names the credentials of a registry where they are not there or will not do."""

    def _send(self, call: Call) -> Answer:
        answer = super()._send(call)
        if answer.status in (401, 403):
            try:
                accepted(call, answer)
            except ServiceRefused as error:
                raise ServiceRefused(error.cause, help=_CREDENTIALS) from None
        return answer


class Server(Backend):
    """A server."""

    def __init__(self, api: Api, address: str, *, local: bool) -> None:
        """Nothing is sent yet.

        Args:
            api: speaks to it, with its credentials.
            address: without credentials.
            local: whether it runs on this machine, so that its paths are paths here.
        """
        self.address = address
        self._api = api
        self._local = local

    def alone(self) -> AbstractContextManager[object]:
        """Nobody is kept out: a server has many writers, and ``register`` looks again when it is done."""
        return contextlib.nullcontext()

    def aliased(self, model: str, alias: str) -> Known | None:
        """The version an alias points at."""
        query = {"name": model, "alias": alias}
        found = self._api.find(f"{_ROOT}/registered-models/alias", query, absent=_is_absent, shape=_OneVersion)
        return None if found is None else self._known(found.model_version)

    def numbered(self, model: str, number: str) -> Known | None:
        """The version of a number."""
        query = {"name": model, "version": number}
        found = self._api.find(f"{_ROOT}/model-versions/get", query, absent=_is_absent, shape=_OneVersion)
        return None if found is None else self._known(found.model_version)

    def search(self, condition: str) -> Sequence[Known]:
        """The versions that meet a condition."""
        found: list[Known] = []
        query: dict[str, str | int] = {"filter": condition, "max_results": _PAGE}
        for _ in range(_PAGES):
            page = self._api.get(f"{_ROOT}/model-versions/search", query, shape=_Versions)
            found += [self._known(version) for version in page.model_versions]
            if not page.next_page_token:
                return found
            query["page_token"] = page.next_page_token
        raise ServiceFailed(f"the registry lists more than {_PAGE * _PAGES:,} versions")

    def aliases(self, model: str) -> Mapping[str, str]:
        """Number of the version by alias."""
        found = self._model(model)
        return {} if found is None else {each.alias: str(each.version) for each in found.aliases}

    def make_model(self, model: str) -> None:
        """Make the registered model and the experiment."""
        if self._model(model) is None:
            self._made("registered-models/create", {"name": model}, lambda: self._model(model))
        if self._experiment(model) is None:
            self._made("experiments/create", {"name": model}, lambda: self._experiment(model))

    def open_run(self, model: str, name: str, tags: Mapping[str, str]) -> Opened:
        """Begin a run."""
        experiment = self._experiment(model)
        if experiment is None:
            raise ServiceFailed(f"the registry has no experiment {model}, though it just took it")
        attempt = f"tags.`{ATTEMPT}` = '{tags[ATTEMPT]}'"

        def again() -> _OneRun | None:
            runs = self._search_runs(experiment, attempt)
            return _OneRun(runs[0]) if runs else None

        body = {
            "experiment_id": experiment,
            "run_name": name,
            "start_time": _now(),
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        }
        run = self._api.post_once(f"{_ROOT}/runs/create", body, again, shape=_OneRun).run
        return Opened(id=run.info.run_id, files=run.info.artifact_uri)

    def log(self, run: str, params: Mapping[str, str], metrics: Mapping[str, float]) -> None:
        """Add parameters and metrics; the same ones twice are as good as once."""
        now = _now()
        body = {
            "run_id": run,
            "params": [{"key": key, "value": value} for key, value in params.items()],
            "metrics": [{"key": key, "value": value, "timestamp": now, "step": 0} for key, value in metrics.items()],
        }
        self._api.post(f"{_ROOT}/runs/log-batch", body, again=True)

    def close_run(self, run: str) -> None:
        """Mark a run as finished."""
        body = {"run_id": run, "status": "FINISHED", "end_time": _now()}
        self._api.post(f"{_ROOT}/runs/update", body, again=True)

    def runs(self, model: str, condition: str) -> Sequence[str]:
        """Ids of the runs that meet a condition."""
        experiment = self._experiment(model)
        return [] if experiment is None else [run.info.run_id for run in self._search_runs(experiment, condition)]

    def drop_run(self, run: str) -> None:
        """Mark a run as deleted."""
        self._api.post(f"{_ROOT}/runs/delete", {"run_id": run}, again=True)

    def create(self, model: str, run: Opened, tags: Mapping[str, str], description: str) -> Known:
        """Add a version."""

        def again() -> _OneVersion | None:
            query: dict[str, str | int] = {"filter": f"name = '{model}' AND run_id = '{run.id}'", "max_results": 10}
            found = self._api.get(f"{_ROOT}/model-versions/search", query, shape=_Versions).model_versions
            return _OneVersion(found[0]) if found else None

        body = {
            "name": model,
            "source": f"{run.files.rstrip('/')}/model",
            "run_id": run.id,
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
            "description": description,
        }
        made = self._api.post_once(f"{_ROOT}/model-versions/create", body, again, shape=_OneVersion)
        return self._known(made.model_version)

    def delete(self, model: str, number: str) -> None:
        """Remove a version."""
        self._api.delete(f"{_ROOT}/model-versions/delete", {"name": model, "version": number})

    def tag(self, model: str, number: str, name: str, value: str) -> None:
        """Set one tag of a version."""
        body = {"name": model, "version": number, "key": name, "value": value}
        self._api.post(f"{_ROOT}/model-versions/set-tag", body, again=True)

    def model_tags(self, model: str) -> Mapping[str, str] | None:
        """The tags of a registered model."""
        found = self._model(model)
        return None if found is None else {each.key: each.value for each in found.tags}

    def tag_model(self, model: str, name: str, value: str) -> None:
        """Set one tag of a registered model."""
        body = {"name": model, "key": name, "value": value}
        self._api.post(f"{_ROOT}/registered-models/set-tag", body, again=True)

    def point(self, model: str, alias: str, number: str) -> None:
        """Let an alias point at a version."""
        body = {"name": model, "alias": alias, "version": number}
        self._api.post(f"{_ROOT}/registered-models/alias", body, again=True)

    def files_of_run(self, run: str) -> Place:
        """Where the files of a run lie."""
        found = self._api.get(f"{_ROOT}/runs/get", {"run_id": run}, shape=_OneRun)
        return self._place(found.run.info.artifact_uri)

    def files_of_model(self, model: str, number: str) -> Place:
        """Where the model of a version lies."""
        query = {"name": model, "version": number}
        uri = self._api.get(f"{_ROOT}/model-versions/get-download-uri", query, shape=_Uri).artifact_uri
        if uri.startswith("runs:/"):
            run, _, below = uri.removeprefix("runs:/").partition("/")
            uri = self._api.get(f"{_ROOT}/runs/get", {"run_id": run}, shape=_OneRun).run.info.artifact_uri
            uri = f"{uri.rstrip('/')}/{below}"
        return self._place(uri)

    def _place(self, uri: str) -> Place:
        return place_of(uri, api=self._api, server=self.address, local=self._local)

    def _model(self, model: str) -> _Model | None:
        found = self._api.find(f"{_ROOT}/registered-models/get", {"name": model}, absent=_is_absent, shape=_OneModel)
        return None if found is None else found.registered_model

    def _experiment(self, model: str) -> str | None:
        query = {"experiment_name": model}
        found = self._api.find(f"{_ROOT}/experiments/get-by-name", query, absent=_is_absent, shape=_OneExperiment)
        if found is None:
            return None
        if found.experiment.lifecycle_stage != "active":
            raise ServiceRefused(
                f"the experiment {model} of the registry was deleted",
                help="restore it, or remove it for good with mlflow gc",
            )
        return found.experiment.experiment_id

    def _made(self, path: str, body: Mapping[str, str], lookup: Callable[[], object | None]) -> None:
        """Make something that only one can make; one that another made meanwhile is as good."""
        try:
            self._api.post_once(f"{_ROOT}/{path}", body, lookup, shape=object)
        except ServiceRefused:
            if lookup() is None:
                raise

    def _search_runs(self, experiment: str, condition: str) -> list[_Run]:
        body: dict[str, Any] = {"experiment_ids": [experiment], "filter": condition, "max_results": _PAGE}
        body["run_view_type"] = "ACTIVE_ONLY"
        found: _Runs = self._api.post(f"{_ROOT}/runs/search", body, shape=_Runs, again=True)
        return found.runs

    def _known(self, version: _Version) -> Known:
        number = str(version.version)
        if not (number.isascii() and number.isdigit()):
            raise ServiceFailed("the registry names a version that is no number")
        page = f"{self.address}/#/models/{quote(version.name, safe='')}/versions/{number}"
        shown = Version(
            model=version.name,
            number=number,
            aliases=tuple(sorted(version.aliases)),
            tags={tag.key: tag.value for tag in version.tags},
            page=page,
        )
        return Known(version=shown, run=version.run_id or None)


def _now() -> int:
    return int(time.time() * 1000)


def _is_absent(answer: Answer) -> bool:
    """Whether there is no such thing. A missing alias is answered with 400, as a malformed request is."""
    if answer.status not in (400, 404):
        return False
    try:
        refusal = msgspec.json.decode(answer.content, type=_Refusal)
    except (msgspec.MsgspecError, ValueError):
        return False
    if refusal.error_code == "RESOURCE_DOES_NOT_EXIST":
        return True
    return refusal.error_code == "INVALID_PARAMETER_VALUE" and refusal.message.endswith("not found.")

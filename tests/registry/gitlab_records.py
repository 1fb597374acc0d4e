"""What GitLab keeps of models: records, and how its MLflow endpoint shows them (lib/api/entities/ml/mlflow/*.rb)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Token:
    """A token: its scopes, the role of its user in the project, and whether it is that of a job."""

    scopes: tuple[str, ...] = ("api",)
    role: str = "developer"
    of_job: bool = False


@dataclass
class Run:
    """Ml::Candidate."""

    iid: int
    eid: str
    name: str
    start: int
    status: str = "RUNNING"
    end: int | None = None
    job: str | None = None
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    package: Package | None = None
    version: Version | None = None


@dataclass
class Package:
    """Packages::MlModel::Package: files in the order of their upload, a name more than once where it was put again."""

    version: str
    files: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass
class Version:
    """Ml::ModelVersion."""

    id: int
    name: str
    description: str
    tags: dict[str, str]
    run: Run
    package: Package


@dataclass
class Model:
    """Ml::Model with its default experiment."""

    experiment: str
    description: str = ""
    runs: list[Run] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)


@dataclass
class Answer:
    """What is answered."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Refused(Exception):
    """Another answer than 200."""

    def __init__(self, status: int, body: Any, **headers: str) -> None:
        super().__init__(status)
        self.answer = Answer(status, body, headers)


def absent() -> Refused:
    return Refused(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})


def taken() -> Refused:
    return Refused(400, {"error_code": "RESOURCE_ALREADY_EXISTS"})


def invalid(message: Any = None) -> Refused:
    return Refused(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": message})


def unauthorized() -> Refused:
    return Refused(401, {"message": "401 Unauthorized"})


def blank(text: object) -> bool:
    return not str(text or "").strip()


def version_shown(url: str, model: str, version: Version) -> dict[str, Any]:
    """model_version.rb: what MLflow calls the version is the id, and the name stands among the aliases."""
    return {
        "name": model, "version": str(version.id), "creation_timestamp": 1, "last_updated_timestamp": 1,
        "user_id": None, "current_stage": "development", "description": version.description,
        "source": f"{url}/group/project/-/ml/models/1/versions/{version.id}", "run_id": version.run.eid,
        "status": "READY", "status_message": "", "run_link": "", "aliases": [version.name],
        "tags": [{"key": key, "value": value} for key, value in version.tags.items()],
    }  # fmt: skip


def row_shown(version: Version) -> dict[str, Any]:
    """A bare row, as registered_model.rb showed versions until 2025."""
    return {"id": version.id, "model_id": 1, "version": version.name, "description": version.description}


def run_shown(url: str, run: Run) -> dict[str, Any]:
    """run.rb and run_info.rb"""
    owner = str(run.version.id) if run.version is not None else f"candidate:{run.iid}"
    files = f"{url}/api/v4/projects/42/packages/ml_models/{owner}/files/"
    if run.version is None and run.package is not None:
        files = f"mlflow-artifacts:/{owner}"
    info = {"run_id": run.eid, "run_uuid": run.eid, "experiment_id": "1", "start_time": run.start,
            "run_name": run.name, "status": run.status, "artifact_uri": files, "lifecycle_stage": "active",
            "user_id": "1"} | ({"end_time": run.end} if run.end is not None else {})  # fmt: skip
    pairs = [[{"key": key, "value": value} for key, value in each.items()] for each in (run.params, run.tags)]
    return {"info": info, "data": {"metrics": run.metrics, "params": pairs[0], "tags": pairs[1]}}

"""GitLab's own MLflow endpoint on the loopback: the operations of one project that a client of MLflow meets.

What is answered and what is refused is what these files of gitlab-org/gitlab do, from 17.10 on, where a run can become
a version: lib/api/ml/mlflow/*.rb, lib/api/ml/mlflow_artifacts/artifacts.rb, lib/api/ml_model_packages.rb,
app/services/ml/*.rb, app/services/packages/ml_model/*.rb, app/models/ml/*.rb, lib/gitlab/regex.rb.
``GitLabMl.answer`` stands alone; ``registry.gitlab_serving`` puts it behind a socket.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from registry.gitlab_records import (
    Answer,
    Model,
    Package,
    Refused,
    Run,
    Token,
    Version,
    absent,
    blank,
    invalid,
    row_shown,
    run_shown,
    taken,
    unauthorized,
    version_shown,
)

# ml_model_name_regex is package_name_regex; semver_regex; ml_model_file_name_regex.
_MODEL = re.compile(r"@?(?:[\w.+-]*/)*[\w.-]+@?(?:[\w.+-]*/)*[\w.-]*", re.ASCII)
_SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9a-zA-Z.-]+)?(?:\+[0-9a-zA-Z.-]+)?", re.ASCII)
_FILE = re.compile(r"[A-Za-z0-9._\-+ ]+")


@dataclass
class GitLabMl:
    """One project, 42, group/project, of a GitLab.

    Attributes:
        url: of the GitLab, without a slash at its end; a path in it is the relative root of its installation.
        tokens: that it knows.
        jobs: ids of the jobs it knows.
        promotes: whether a version is made of the run that is named (17.10 and later).
        lists_runs: whether the files of a run that is no version are listed (17.9 and later).
        lists_rows: whether the versions of a model are listed as bare rows of the database (until 2025).
        largest: bytes of a file.
        stored: address of the object store that downloads are handed to; None for none.
        before: called before each request is dealt with, outside of all locks.
        models: by name.
        seen: method and path of every request.
        sent: what stood in the headers that can hold a token.
    """

    url: str = "http://gitlab.invalid"
    tokens: dict[str, Token] = field(default_factory=dict)
    jobs: set[str] = field(default_factory=set)
    promotes: bool = True
    lists_runs: bool = True
    lists_rows: bool = False
    largest: int = 10 << 30
    stored: str | None = None
    before: Callable[[str, str], None] | None = None
    models: dict[str, Model] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)
    sent: set[str | None] = field(default_factory=set)
    _ids: int = 7000
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def endpoint(self) -> str:
        """What MLFLOW_TRACKING_URI is set to."""
        return f"{self.url}/api/v4/projects/42/ml/mlflow"

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one request."""
        parts = urlsplit(target)
        if self.before is not None:
            self.before(method, parts.path)
        with self._lock:
            self.seen.append((method, parts.path))
            self.sent |= {headers.get(name) for name in ("Authorization", "PRIVATE-TOKEN", "JOB-TOKEN")}
            try:
                return self._routed(method, parts.path, dict(parse_qsl(parts.query)), headers, body)
            except Refused as refused:
                return refused.answer

    # Who asks: lib/api/api_guard.rb, lib/api/helpers/authentication.rb.

    def _token(self, headers: Mapping[str, str], *, of_packages: bool) -> Token | None:
        scheme, _, sent = headers.get("Authorization", "").partition(" ")
        sent = sent if scheme == "Bearer" else headers.get("PRIVATE-TOKEN", "")
        if not sent:
            return None
        token = self.tokens.get(sent)
        if token is None or (token.of_job and not of_packages):
            raise unauthorized()
        return token

    def _authorize(self, headers: Mapping[str, str], *, reads: bool, writes: bool, of_packages: bool) -> None:
        token = self._token(headers, of_packages=of_packages)
        if token is None:
            raise unauthorized()
        if not token.of_job and not ("api" in token.scopes or (reads and "read_api" in token.scopes)):
            raise Refused(403, {
                "error": "insufficient_scope", "scope": "api read_api" if reads else "api",
                "error_description": "The request requires higher privileges than provided by the access token.",
            })  # fmt: skip
        if token.role == "none":
            raise Refused(404, {"message": "404 Project Not Found"})
        if token.role == "guest":
            raise Refused(404, {"message": "404 Not Found"})
        if writes and token.role == "reporter":
            # The endpoint says 401 where a right is missing (api_helpers.rb), packages say 403.
            raise Refused(403, {"message": "403 Forbidden"}) if of_packages else unauthorized()

    def _routed(self, method: str, path: str, query: dict[str, str], headers: Mapping[str, str], body: bytes) -> Answer:
        root = urlsplit(self.url).path
        found = re.fullmatch(rf"{re.escape(root)}/api/v4/projects/([^/]+)/(.+)", path)
        if found is None:
            raise Refused(404, {"error": "404 Not Found"})
        of_packages = found[2].startswith("packages/")
        reads = method in ("GET", "HEAD")
        writes = not reads and not found[2].endswith("get-latest-versions")
        self._authorize(headers, reads=reads, writes=writes, of_packages=of_packages)
        if unquote(found[1]) not in ("42", "group/project"):
            raise Refused(404, {"message": "404 Project Not Found"})
        if (package := re.fullmatch(r"packages/ml_models/([^/]+)/files/(.+)", found[2])) is not None:
            return self._package(method, package[1], package[2], body)
        below = found[2].removeprefix("ml/mlflow/api/2.0/")
        if below == "mlflow-artifacts/artifacts":
            return self._files(query)
        if (file := re.fullmatch(r"mlflow-artifacts/artifacts/([^/]+)/(.+)", below)) is not None:
            return self._download(self._owned(file[1]), quote_plus(unquote(file[2])))
        called = f"_{method}_{below.removeprefix('mlflow/')}".replace("-", "_").replace("/", "_").lower()
        operation = getattr(self, called, None) if re.fullmatch("mlflow/[a-z-]+/[a-z-]+", below) else None
        if operation is None:
            raise Refused(404, {"error": "404 Not Found"})
        answered: Answer = operation(query if method == "GET" else json.loads(body or b"{}"))
        return answered

    # lib/api/ml/mlflow/registered_models.rb

    def _post_registered_models_create(self, params: dict[str, Any]) -> Answer:
        name = params.get("name")
        if name is None:
            raise Refused(400, {"error": "name is missing"})
        if not _MODEL.fullmatch(name) or len(name) > 248 or name in self.models:
            raise taken()
        self.models[name] = Model(str(len(self.models) + 1), params.get("description") or "")
        return self._model_shown(name)

    def _get_registered_models_get(self, params: dict[str, Any]) -> Answer:
        self._model(params)
        return self._model_shown(params["name"])

    def _post_registered_models_get_latest_versions(self, params: dict[str, Any]) -> Answer:
        versions = sorted(self._model(params).versions, key=lambda one: [int(part) for part in one.name.split(".")])
        return Answer(200, {"model_versions": [version_shown(self.url, params["name"], one) for one in versions[-1:]]})

    def _get_registered_models_alias(self, params: dict[str, Any]) -> Answer:
        return self._found(params, params.get("alias"))

    def _get_registered_models_search(self, params: dict[str, Any]) -> Answer:
        name = (params.get("filter") or "").partition("=")[2].strip("'\"")
        found = [self._model_shown(each).body["registered_model"] for each in self.models if name in each]
        return Answer(200, {"registered_models": found, "next_page_token": None})

    # lib/api/ml/mlflow/model_versions.rb. There is no search, no set-tag and no delete.

    def _get_model_versions_get(self, params: dict[str, Any]) -> Answer:
        return self._found(params, params.get("version"))

    def _get_model_versions_get_download_uri(self, params: dict[str, Any]) -> Answer:
        if not str(params.get("version")).isdigit():
            raise Refused(400, {"error": "version is invalid"})
        return Answer(200, {"artifact_uri": f"mlflow-artifacts:/{params['version']}"})

    def _post_model_versions_create(self, params: dict[str, Any]) -> Answer:
        """app/services/ml/create_model_version_service.rb: all of it, or nothing, in one transaction."""
        model, tags = self._model(params), params.get("tags") or []
        name = next((tag["value"] for tag in tags if tag["key"] == "gitlab.version"), None)
        if name is None:
            newest = max(([int(part) for part in one.name.split(".")] for one in model.versions), default=[0, 9, 9])
            name = "1.0.0" if not model.versions else f"{newest[0]}.{newest[1]}.{newest[2] + 1}"
        if not _SEMVER.fullmatch(name):
            raise invalid(["Version must be semantic version"])
        if any(one.name == name for one in model.versions):
            raise invalid(["Version has already been taken"])
        if len(params.get("description") or "") > 10_000:
            raise invalid(["Description is too long (maximum is 10000 characters)"])
        run = self._promoted(model, params["run_id"]) if params.get("run_id") and self.promotes else None
        self._check_metadata(tags)
        if run is None:
            run = self._new_run(model, "amurleopard-1", 0)
        run.package = run.package or Package(name)
        run.package.version = name
        self._ids += 1
        kept = {tag["key"]: tag["value"] for tag in tags}
        version = Version(self._ids, name, params.get("description") or "", kept, run, run.package)
        run.version = version
        model.versions.append(version)
        return Answer(200, {"model_version": version_shown(self.url, params["name"], version)})

    def _promoted(self, model: Model, eid: str) -> Run:
        run = next((run for each in self.models.values() for run in each.runs if run.eid == eid), None)
        if run is None:
            raise invalid(["Run not found"])
        if run.version is not None:
            raise invalid(["Run has already a model version"])
        if run not in model.runs:
            raise invalid(["Run's experiment does not belong to this model"])
        return run

    def _check_metadata(self, tags: list[dict[str, str]]) -> None:
        """app/models/ml/model_version_metadata.rb"""
        names = [tag.get("key") for tag in tags]
        for tag in tags:
            if blank(tag.get("key")) or blank(tag.get("value")):
                raise invalid(["Validation failed: Value can't be blank"])
            if len(tag["key"]) > 255 or len(tag["value"]) > 5000 or names.count(tag["key"]) > 1:
                raise invalid([f"Validation failed: '{tag['key']}' is too long or already taken"])

    # lib/api/ml/mlflow/experiments.rb and runs.rb

    def _get_experiments_get_by_name(self, params: dict[str, Any]) -> Answer:
        name = params.get("experiment_name", "")
        model = self.models.get(name.removeprefix("[model]")) if name.startswith("[model]") else None
        if model is None:
            raise absent()
        shown = {"experiment_id": model.experiment, "name": name, "lifecycle_stage": "active",
                 "artifact_location": "not_implemented", "tags": []}  # fmt: skip
        return Answer(200, {"experiment": shown})

    def _post_runs_create(self, params: dict[str, Any]) -> Answer:
        model = next((one for one in self.models.values() if one.experiment == str(params.get("experiment_id"))), None)
        if model is None:
            raise absent()
        tags = params.get("tags") or []
        job = next((tag["value"] for tag in tags if tag["key"] == "gitlab.CI_JOB_ID"), None)
        if job is not None and job not in self.jobs:
            raise Refused(500, {"message": "500 Internal Server Error"})
        run = self._new_run(model, params.get("run_name") or "amurleopard-2", params.get("start_time") or 0)
        run.job = job
        self._add_tags(run, tags)
        return Answer(200, {"run": run_shown(self.url, run)})

    def _get_runs_get(self, params: dict[str, Any]) -> Answer:
        return Answer(200, {"run": run_shown(self.url, self._run(params))})

    def _post_runs_search(self, params: dict[str, Any]) -> Answer:
        wanted = str((params.get("experiment_ids") or [None])[0])
        model = next((one for one in self.models.values() if one.experiment == wanted), None)
        if model is None:
            raise absent()
        newest = list(reversed(model.runs))[: min(params.get("max_results", 200), 1000)]
        return Answer(200, {"runs": [run_shown(self.url, run) for run in newest], "next_page_token": None})

    def _post_runs_update(self, params: dict[str, Any]) -> Answer:
        run = self._run(params)
        run.status, run.end = params.get("status", run.status), params.get("end_time", run.end)
        return Answer(200, {"run_info": run_shown(self.url, run)["info"]})

    def _post_runs_log_metric(self, params: dict[str, Any]) -> Answer:
        self._run(params).metrics.append({name: params.get(name) for name in ("key", "value", "timestamp", "step")})
        return Answer(200, {})

    def _post_runs_log_parameter(self, params: dict[str, Any]) -> Answer:
        run = self._run(params)
        if params["key"] in run.params or blank(params["value"]) or len(params["value"]) > 250:
            raise invalid("Validation failed")
        run.params[params["key"]] = params["value"]
        return Answer(200, {})

    def _post_runs_set_tag(self, params: dict[str, Any]) -> Answer:
        run = self._run(params)
        if params["key"] in run.tags or blank(params["value"]):
            raise invalid(f"Validation failed: Name '{params['key']}' already taken")
        self._add_tags(run, [params])
        return Answer(200, {})

    def _post_runs_log_batch(self, params: dict[str, Any]) -> Answer:
        run = self._run(params)
        for each in (*(params.get("params") or []), *(params.get("tags") or [])):
            # insert_all passes over the rules of the model, not over those of the database.
            if len(each["key"]) > 255 or len(each["value"]) > (5000 if each in (params.get("tags") or []) else 255):
                raise invalid("PG::CheckViolation: ERROR: new row violates check constraint")
        run.metrics += params.get("metrics") or []
        for each in params.get("params") or []:
            run.params.setdefault(each["key"], each["value"])
        self._add_tags(run, params.get("tags") or [])
        return Answer(200, {})

    def _post_runs_delete(self, params: dict[str, Any]) -> Answer:
        run = self._run(params)
        if run.version is not None:
            raise Refused(400, {"message": "Cannot delete a candidate associated to a model version"})
        for model in self.models.values():
            model.runs = [one for one in model.runs if one is not run]
        return Answer(200, {})

    # lib/api/ml/mlflow_artifacts/artifacts.rb and lib/api/ml_model_packages.rb

    def _files(self, query: dict[str, str]) -> Answer:
        owner, _, below = query.get("path", "").partition("/")
        package = self._owned(owner)
        # In the order that the database likes.
        listed = [] if below else package.files[::-1]
        shown = [{"path": name, "file_size": len(content), "is_dir": False} for name, content in listed]
        return Answer(200, {"files": shown})

    def _owned(self, owner: str) -> Package:
        """Files of a run, or of a version by its id."""
        for model in self.models.values():
            for run in model.runs:
                if self.lists_runs and owner == f"candidate:{run.iid}" and run.package is not None:
                    return run.package
            for version in model.versions:
                if owner == str(version.id):
                    return version.package
        raise absent()

    def _package(self, method: str, owner: str, path: str, body: bytes) -> Answer:
        name = unquote(path)
        if not all(_FILE.fullmatch(part) and part not in (".", "..") for part in name.split("/")):
            raise Refused(400, {"error": "file_name is invalid"})
        runs = [run for model in self.models.values() for run in model.runs]
        run = next((run for run in runs if owner == f"candidate:{run.iid}"), None)
        if run is not None:
            run.package = run.package or Package(f"candidate_{run.iid}")
        elif owner not in {str(one.id) for model in self.models.values() for one in model.versions}:
            raise Refused(404, {"message": "404 Not Found"})
        package = run.package if run is not None else self._owned(owner)
        assert package is not None
        if method == "GET":
            return self._download(package, quote(name, safe=""), message="404 Package File Not Found")
        if method != "PUT" or not body:
            raise Refused(400, {"error": "file is missing"})
        if len(body) > self.largest:
            raise Refused(400, {"message": "400 Bad request - Artifact file is too large"})
        package.files.append((quote(name, safe=""), body))
        return Answer(201, {"message": "201 Created"})

    def _download(self, package: Package, name: str, message: str | None = None) -> Answer:
        found = [content for known, content in package.files if known == name]
        if not found:
            raise Refused(404, {"message": message}) if message else absent()
        if self.stored is not None:
            return Answer(302, b"", {"Location": f"{self.stored}/{package.version}/{name}?signature=1"})
        return Answer(200, found[-1], {"Content-Type": "application/octet-stream"})

    # lib/api/entities/ml/mlflow/*.rb

    def _model(self, params: Mapping[str, Any]) -> Model:
        model = self.models.get(params.get("name", ""))
        if model is None:
            raise absent()
        return model

    def _found(self, params: dict[str, Any], name: str | None) -> Answer:
        version = next((one for one in self._model(params).versions if one.name == name), None)
        if version is None:
            raise absent()
        return Answer(200, {"model_version": version_shown(self.url, params["name"], version)})

    def _run(self, params: Mapping[str, Any]) -> Run:
        wanted = params.get("run_id")
        run = next((run for model in self.models.values() for run in model.runs if run.eid == wanted), None)
        if run is None:
            raise absent()
        return run

    def _new_run(self, model: Model, name: str, start: int) -> Run:
        self._ids += 1
        run = Run(self._ids, str(uuid.uuid4()), name, start)
        model.runs.append(run)
        return run

    def _add_tags(self, run: Run, tags: list[dict[str, str]]) -> None:
        for tag in tags:
            run.tags.setdefault(tag["key"], tag["value"])

    def _model_shown(self, name: str) -> Answer:
        model = self.models[name]
        shows = row_shown if self.lists_rows else lambda one: version_shown(self.url, name, one)
        shown = {"name": name, "creation_timestamp": 1, "last_updated_timestamp": 1, "description": model.description,
                 "user_id": "1", "tags": [], "latest_versions": [shows(one) for one in model.versions]}  # fmt: skip
        return Answer(200, {"registered_model": shown})

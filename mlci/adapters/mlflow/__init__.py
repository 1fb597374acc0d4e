"""The registry of models in MLflow: a database file of this machine, a server, or GitLab, which speaks like one."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from mlci.adapters.mlflow.embedded import Embedded, require
from mlci.adapters.mlflow.gitlab import GitLabRegistry
from mlci.adapters.mlflow.gitlab_calls import GitLabApi, GitLabMl
from mlci.adapters.mlflow.registering import MlflowRegistry
from mlci.adapters.mlflow.rest import Server, ServerApi
from mlci.adapters.remote.patience import Clock, Patience
from mlci.errors import OutOfRange, Place, RegistryEphemeral
from mlci.ports import Registry

_PLACE = Place("registry.uri")
_WAYS = "write sqlite:///path/of/a/file.db, or https://… of an MLflow server"
# https://docs.gitlab.com/user/project/ml/experiment_tracking/mlflow_client/
_GITLAB = re.compile(r"(?P<api>.+/api/v4)(?P<project>/projects/(?P<name>.+))/ml/mlflow")
_CREDENTIALS = (
    "set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, in this job's environment"
)


def open_registry(
    uri: str,
    environ: Mapping[str, str],
    *,
    folder: str,
    writing: bool,
    patience: Patience | None = None,
    clock: Clock | None = None,
) -> Registry:
    """The registry at an address; nothing is asked of it yet, and nothing is made.

    Args:
        uri: ``sqlite:///`` and a path, relative to the folder or absolute, or ``http(s)://`` of an MLflow server or of
            a project's endpoint in GitLab, ``…/api/v4/projects/42/ml/mlflow``.
        environ: of this process: credentials, and what the runner says of itself.
        folder: that of mlci.yml.
        writing: whether versions will be added.

    Raises:
        OutOfRange: no registry has this address, or credentials would be seen by others.
        RegistryEphemeral: what is written to this file is lost with the runner.
        ExtraMissing: MLflow is needed for writing to a file and not installed.
    """
    parts = _parts(uri)
    if parts.scheme in ("http", "https"):
        if (gitlab := _GITLAB.fullmatch(uri.rstrip("/"))) is not None:
            return _in_gitlab(gitlab, parts, environ, patience, clock)
        return MlflowRegistry(_server(uri.rstrip("/"), parts, environ, patience, clock))
    database = _database(uri, folder)
    if writing:
        _refuse_lost(database, environ)
        require()
    return MlflowRegistry(Embedded(database, uri))


def _parts(uri: str) -> SplitResult:
    """The address in parts, if it is one of a registry."""
    try:
        parts = urlsplit(uri)
        credentials = parts.username is not None or parts.password is not None
        _ = parts.port
    except ValueError:
        raise OutOfRange("the address of the registry cannot be understood", place=_PLACE, help=_WAYS) from None
    if credentials or "@" in parts.netloc:
        raise OutOfRange("the address of the registry holds credentials", place=_PLACE, help=_CREDENTIALS)
    known = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
    if not (known and re.fullmatch(r"[!-~]+", uri)) and not _names_a_file(uri):
        # Only the scheme is repeated: what comes after it may be a secret in a form that nobody foresaw.
        scheme = parts.scheme if re.fullmatch(r"[a-z0-9+.-]{1,30}", parts.scheme) else "this form"
        raise OutOfRange(f"no registry has an address of {scheme}", place=_PLACE, help=_WAYS)
    return parts


def _names_a_file(uri: str) -> bool:
    path = uri.removeprefix("sqlite:///")
    return path != uri and bool(path.strip("/")) and not re.search(r"[?#\x00-\x1f\x7f]|:memory:|/$", path)


def _database(uri: str, folder: str) -> Path:
    database = Path(folder, uri.removeprefix("sqlite:///")).absolute()
    if "?" in str(database) or database.is_dir():
        raise OutOfRange(f"{str(database)!a} cannot be a database", place=_PLACE, help=_WAYS)
    return database


def _server(
    uri: str, parts: SplitResult, environ: Mapping[str, str], patience: Patience | None, clock: Clock | None
) -> Server:
    user, password = environ.get("MLFLOW_TRACKING_USERNAME"), environ.get("MLFLOW_TRACKING_PASSWORD")
    token = environ.get("MLFLOW_TRACKING_TOKEN")
    local = _is_loopback(parts.hostname or "")
    # MLflow's own clients take the user's name first, where both are set.
    _refuse_clear(password if user and password else token, parts)
    if user and password:
        api = ServerApi(uri, password, user=user, patience=patience, clock=clock)
    else:
        api = ServerApi(uri, token.strip() if token else None, patience=patience, clock=clock)
    return Server(api, uri, local=local)


def _in_gitlab(
    uri: re.Match[str],
    parts: SplitResult,
    environ: Mapping[str, str],
    patience: Patience | None,
    clock: Clock | None,
) -> GitLabRegistry:
    if "/" in uri["name"]:
        raise OutOfRange(
            "the address of the registry names a project of GitLab by a path that is not encoded",
            place=_PLACE,
            help="write its number (Settings > General), or %2F for each slash in its path",
        )
    # What this job was given for its own GitLab goes to no other, which a change could name.
    here = uri["api"] == environ.get("CI_API_V4_URL", "").rstrip("/")
    token = environ.get("MLFLOW_TRACKING_TOKEN") or (environ.get("MLCI_TOKEN") if here else None) or ""
    _refuse_clear(token, parts)
    authority = environ.get("CI_SERVER_TLS_CA_FILE") or None
    api = GitLabApi(
        uri["api"], token.strip() or None, authority=authority if here else None, patience=patience, clock=clock
    )
    job = environ.get("CI_JOB_ID", "")
    return GitLabRegistry(GitLabMl(api, uri["project"], uri[0]), job if here and job.isdigit() else None)


def _refuse_clear(secret: str | None, parts: SplitResult) -> None:
    if secret and parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise OutOfRange(
            "credentials would go to the registry in the clear", place=_PLACE, help="write https:// instead of http://"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _refuse_lost(database: Path, environ: Mapping[str, str]) -> None:
    """Refuse a database that the next job will not find."""
    if environ.get("GITHUB_ACTIONS") == "true":
        workspace = environ.get("GITHUB_WORKSPACE")
        lost = environ.get("RUNNER_ENVIRONMENT") == "github-hosted" or _is_below(database, workspace)
    elif environ.get("GITLAB_CI") == "true":
        # https://docs.gitlab.com/ci/variables/predefined_variables/: set in a container that goes with the job.
        fleeting = environ.get("CI_DISPOSABLE_ENVIRONMENT") == "true" and not _is_mounted(database)
        lost = fleeting or _is_below(database, environ.get("CI_PROJECT_DIR"))
    else:
        return
    if lost:
        raise RegistryEphemeral(
            f"the registry {database} would be gone with this job",
            place=_PLACE,
            help="name an MLflow server as registry.uri; on a runner of your own an absolute path outside of the"
            " workspace does too, with MLCI_PYTHON naming an interpreter that has mlci[mlflow]; with --register false"
            " nothing is registered, and baselines come from artifacts",
        )


def _is_mounted(path: Path) -> bool:
    """Whether a path lies on another file system than the root's, as a volume of a container does."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    return there.stat().st_dev != Path("/").stat().st_dev


def _is_below(path: Path, folder: str | None) -> bool:
    return bool(folder) and path.resolve().is_relative_to(Path(folder or "").resolve())

"""MLflow on a SQLite file of this machine, through the MLflow library; files of runs lie beside the database."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from mlci.adapters.mlflow.backend import Backend, Known, Opened, Place
from mlci.adapters.mlflow.places import OnDisk, path_of, place_of
from mlci.adapters.mlflow.quiet import hush, quiet
from mlci.adapters.oneline import one_line
from mlci.errors import ExtraMissing, MlciError, NotWritable, ServiceFailed, ServiceRefused
from mlci.errors import Place as Where
from mlci.ports import Version

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel
    from mlflow.store.entities import PagedList
    from mlflow.tracking import MlflowClient

T = TypeVar("T")
# Seconds: for another process that uploads a model, and for one that writes a row.
_LONGEST_WAIT, _LONGEST_LOCKED = 900.0, 30.0
_ABSENT = "RESOURCE_DOES_NOT_EXIST"


class Embedded(Backend):
    """A database file. It is made by the first write; reading one that is not there finds nothing."""

    def __init__(self, database: Path, address: str) -> None:
        """Nothing is opened yet.

        Args:
            database: path of the file, absolute.
            address: as it was configured.
        """
        self.address = address
        self._database = database
        self._files = database.parent / "artifacts"
        self._opened: MlflowClient | None = None
        self._threads = threading.RLock()
        self._held = 0

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with self._threads:
            if self._held:
                yield
                return
            try:
                self._database.parent.mkdir(parents=True, exist_ok=True)
                lock = self._database.with_name(f"{self._database.name}.lock").open("ab")
            except OSError as error:
                cause = f"cannot write the registry {self._database}: {error.strerror}"
                raise NotWritable(cause, place=Where(str(self._database))) from error
            with lock:
                self._wait(lock.fileno())
                self._held += 1
                try:
                    yield
                finally:
                    self._held -= 1

    def alone(self) -> AbstractContextManager[object]:
        """Keeps other processes, and other threads of this one, from writing."""
        return self._alone()

    def aliased(self, model: str, alias: str) -> Known | None:
        """The version an alias points at."""
        return self._found(lambda client: client.get_model_version_by_alias(model, alias))

    def numbered(self, model: str, number: str) -> Known | None:
        """The version of a number."""
        return self._found(lambda client: client.get_model_version(model, number))

    def search(self, condition: str) -> Sequence[Known]:
        """The versions that meet a condition."""
        if not self._is_there():
            return []
        found: list[Known] = []
        token: str | None = None
        while True:
            page = self._ask(_search(condition, token))
            found += [_known(version) for version in page]
            token = page.token
            if not token:
                return found

    def aliases(self, model: str) -> Mapping[str, str]:
        """Number of the version by alias."""
        found = self._registered(model) if self._is_there() else None
        return {} if found is None else {alias: str(number) for alias, number in found.aliases.items()}

    def make_model(self, model: str) -> None:
        """Make the registered model and the experiment."""
        if self._registered(model) is None:
            self._ask(lambda client: client.create_registered_model(model))
        if self._experiment(model) is None:
            location = (self._files / quote(model, safe=" ")).as_uri()
            self._ask(lambda client: client.create_experiment(model, artifact_location=location))

    def open_run(self, model: str, name: str, tags: Mapping[str, str]) -> Opened:
        """Begin a run."""
        experiment = self._experiment(model)
        run = self._ask(lambda client: client.create_run(experiment or "", tags=dict(tags), run_name=name))
        return Opened(id=run.info.run_id, files=run.info.artifact_uri)

    def log(self, run: str, params: Mapping[str, str], metrics: Mapping[str, float]) -> None:
        """Add parameters and metrics."""

        def log(client: MlflowClient) -> None:
            from mlflow.entities import Metric, Param

            now = int(time.time() * 1000)
            client.log_batch(
                run,
                params=[Param(key, value) for key, value in params.items()],
                metrics=[Metric(key, value, now, 0) for key, value in metrics.items()],
            )

        self._ask(log)

    def close_run(self, run: str) -> None:
        """Mark a run as finished."""
        self._ask(lambda client: client.set_terminated(run))

    def runs(self, model: str, condition: str) -> Sequence[str]:
        """Ids of the runs that meet a condition."""
        experiment = self._experiment(model)
        if experiment is None:
            return []
        found = self._ask(lambda client: client.search_runs([experiment], condition, max_results=1000))
        return [run.info.run_id for run in found]

    def drop_run(self, run: str) -> None:
        """Mark a run as deleted."""
        with _gone_already():
            self._ask(lambda client: client.delete_run(run))

    def create(self, model: str, run: Opened, tags: Mapping[str, str], description: str) -> Known:
        """Add a version."""
        source = f"{run.files}/model"
        return _known(
            self._ask(
                lambda client: client.create_model_version(
                    model, source, run_id=run.id, tags=dict(tags), description=description
                )
            )
        )

    def delete(self, model: str, number: str) -> None:
        """Remove a version."""
        with _gone_already():
            self._ask(lambda client: client.delete_model_version(model, number))

    def tag(self, model: str, number: str, name: str, value: str) -> None:
        """Set one tag of a version."""
        self._ask(lambda client: client.set_model_version_tag(model, number, name, value))

    def model_tags(self, model: str) -> Mapping[str, str] | None:
        """The tags of a registered model."""
        found = self._registered(model) if self._is_there() else None
        return None if found is None else dict(found.tags)

    def tag_model(self, model: str, name: str, value: str) -> None:
        """Set one tag of a registered model."""
        self._ask(lambda client: client.set_registered_model_tag(model, name, value))

    def point(self, model: str, alias: str, number: str) -> None:
        """Let an alias point at a version."""
        self._ask(lambda client: client.set_registered_model_alias(model, alias, number))

    def files_of_run(self, run: str) -> Place:
        """Where the files of a run lie."""
        return self._place(self._ask(lambda client: client.get_run(run)).info.artifact_uri)

    def files_of_model(self, model: str, number: str) -> Place:
        """Where the model of a version lies."""
        uri = self._ask(lambda client: client.get_model_version_download_uri(model, number))
        if uri.startswith("runs:/"):
            run, _, below = uri.removeprefix("runs:/").partition("/")
            uri = f"{self._ask(lambda client: client.get_run(run)).info.artifact_uri}/{below}"
        return self._place(uri)

    def _place(self, uri: str) -> Place:
        """Where files lie; beside the database too where the whole folder was moved since."""
        if uri.startswith(("file:", "/")) and not (recorded := path_of(uri)).exists():
            parts = recorded.parts
            if "artifacts" in parts:
                moved = self._files.joinpath(*parts[parts.index("artifacts") + 1 :])
                return OnDisk(moved if moved.exists() else recorded)
        return place_of(uri, api=None, server="", local=True)

    # The library.

    def _experiment(self, model: str) -> str | None:
        if not self._is_there():
            return None
        found = self._ask(lambda client: client.get_experiment_by_name(model))
        if found is None:
            return None
        if found.lifecycle_stage != "active":
            raise ServiceRefused(
                f"the experiment {model} of the registry was deleted",
                help="restore it, or remove it for good with mlflow gc",
            )
        return found.experiment_id

    def _found(self, asked: Callable[[MlflowClient], ModelVersion]) -> Known | None:
        if not self._is_there():
            return None
        try:
            return _known(self._ask(asked))
        except _Refused as refused:
            if refused.code == _ABSENT or (refused.code == "INVALID_PARAMETER_VALUE" and "not found" in refused.cause):
                return None
            raise

    def _registered(self, model: str) -> RegisteredModel | None:
        try:
            return self._ask(lambda client: client.get_registered_model(model))
        except _Refused as refused:
            if refused.code != _ABSENT:
                raise
            return None

    def _is_there(self) -> bool:
        return self._opened is not None or self._database.exists()

    def _ask(self, asked: Callable[[MlflowClient], T]) -> T:
        """Ask the library; another process may hold the file for a moment."""
        client = self._client()
        hush()
        end = time.monotonic() + _LONGEST_LOCKED
        while True:
            try:
                with _answering(self._database):
                    return asked(client)
            except _Locked:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def _client(self) -> MlflowClient:
        with self._threads:
            if self._opened is None:
                require()
                # Only writers make a new file, and they are alone; a reader need not wait for somebody who uploads.
                with quiet(self._files), _answering(self._database):
                    self._opened = _open(self._database, self._files)
            return self._opened

    def _wait(self, handle: int) -> None:
        end = time.monotonic() + _LONGEST_WAIT
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if time.monotonic() > end or not isinstance(error, BlockingIOError):
                    cause = f"another process holds the registry {self._database}"
                    raise ServiceFailed(cause, help="run it again when the other one is done") from error
                time.sleep(0.05)
            else:
                return


class _Refused(ServiceRefused):
    """What MLflow refused, with its code. It goes on as what it is a kind of."""

    code = ""


class _Locked(ServiceFailed):
    """Another process is writing."""


@contextlib.contextmanager
def _gone_already() -> Iterator[None]:
    """Pass over what is not there."""
    try:
        yield
    except _Refused as refused:
        if refused.code != _ABSENT:
            raise


def require() -> None:
    """Say clearly that the library is missing.

    Raises:
        ExtraMissing: it is.
    """
    # The smaller mlflow-skinny has no databases.
    if any(importlib.util.find_spec(name) is None for name in ("mlflow", "sqlalchemy", "alembic")):
        raise ExtraMissing(
            "a registry in a SQLite file needs MLflow",
            help='pip install "mlci[mlflow]", or name a server as registry.uri, which needs no MLflow here',
        )


def _open(database: Path, files: Path) -> MlflowClient:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from mlflow.tracking import MlflowClient

    if not database.exists():
        # Tables are made one by one, and a file with half of them could never be opened again.
        new = database.with_name(f".{database.name}.new")
        for left in (new, new.with_name(f"{new.name}-journal")):
            left.unlink(missing_ok=True)
        store = SqlAlchemyStore(f"sqlite:///{new}", files.as_uri())  # type: ignore[no-untyped-call]
        store.engine.dispose()
        new.replace(database)
    uri = f"sqlite:///{database}"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextlib.contextmanager
def _answering(database: Path) -> Iterator[None]:
    """What the library raises, as errors of ours."""
    try:
        yield
    except MlciError:
        raise
    except Exception as error:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        if not isinstance(error, (MlflowException, SQLAlchemyError, OSError)):
            raise
        # What SQL was asked, with its values, stands on the lines after the first.
        said = one_line(str(error).partition("\n")[0], 200)
        if "database is locked" in said:
            raise _Locked(f"another process holds the registry {database}") from None
        if "database schema" in said:
            raise ServiceFailed(
                f"the registry {database} was written by another version of MLflow",
                help=f"mlflow db upgrade sqlite:///{database} brings it up to date, after a copy of it was kept",
            ) from None
        if not isinstance(error, MlflowException) or error.error_code == "TEMPORARILY_UNAVAILABLE":
            raise ServiceFailed(f"the registry {database} cannot be used: {said}") from None
        refused = _Refused(f"the registry refused: {said}")
        refused.code = str(error.error_code)
        raise refused from None


def _search(condition: str, token: str | None) -> Callable[[MlflowClient], PagedList[ModelVersion]]:
    return lambda client: client.search_model_versions(condition, max_results=1000, page_token=token)


def _known(version: Any) -> Known:
    shown = Version(
        model=version.name,
        number=str(version.version),
        aliases=tuple(sorted(version.aliases)),
        tags=dict(version.tags),
    )
    return Known(version=shown, run=version.run_id or None)

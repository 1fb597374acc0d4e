"""MLflow imported and opened without a word, without telemetry, and without folders where nobody wants them."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

# Read by MLflow when it is imported; a value that is set already stays.
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
# Where the default experiment, which every new database gets, would keep files; else ./mlruns is it.
_ROOT = "_MLFLOW_SERVER_ARTIFACT_ROOT"


@contextlib.contextmanager
def quiet(files: Path) -> Iterator[None]:
    """Import MLflow and open a database without a word, without telemetry and without ./mlruns."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    before = os.environ.get(_ROOT)
    os.environ[_ROOT] = files.as_uri()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mlflow.tracking  # noqa: F401 - its import sets up its logging, which is then turned down

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        hush()
        yield
    finally:
        if before is None:
            del os.environ[_ROOT]
        else:
            os.environ[_ROOT] = before


def hush() -> None:
    """Leave out what the libraries say to each other about what they will no longer do."""
    # No context that puts the filters back: threads would put back each other's.
    for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning, UserWarning):
        warnings.filterwarnings("ignore", category=category, module=r"(mlflow|sqlalchemy|alembic|pydantic)(\.|$)")

"""The same registry four times, and what the tests of the contract put into them."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mlci.adapters.mlflow import open_registry
from mlci.ports import Entry, Registry

KINDS = ("memory", "sqlite", "server", "gitlab")
_COUNTER = itertools.count()


@dataclass(frozen=True)
class World:
    """A registry of one kind.

    Attributes:
        kind: one of KINDS.
        opened: opens it once more, as another process would.
    """

    kind: str
    opened: Callable[[], Registry]

    def model(self) -> str:
        """A name that nobody used before; GitLab takes no blank in it."""
        return a_model().replace(" ", "-") if self.kind == "gitlab" else a_model()


def a_model() -> str:
    """A name that nobody used before."""
    return f"churn {next(_COUNTER)}-{uuid.uuid4().hex[:8]}"


def an_entry(folder: Path, digest: str = "a", **changes: object) -> Entry:
    """What is registered in most tests."""
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    entry = Entry(
        digest=digest * 64,
        folder=str(folder),
        tags={"mlci.inputs": "key", "mlci.commit": "c" * 40},
        params={"model.depth": "3"},
        metrics={"f1": 0.875},
        description="**Better** by 0.02",
    )
    return replace(entry, **changes)  # type: ignore[arg-type]


FILES = {
    "model/MLmodel": b"flavors: {}\n",
    "model/data/weights.bin": bytes(range(256)) * 8192,
    "model/data/empty": b"",
    "model/odd näme +1 (copy).txt": b"\r\n",
    "mlci/model.json": b"{}",
}


def below(folder: Path) -> dict[str, bytes]:
    """Content of every file by its path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def opened(uri: str, folder: Path, **environ: str) -> Registry:
    """A registry that may be written to."""
    return open_registry(uri, environ, folder=str(folder), writing=True)

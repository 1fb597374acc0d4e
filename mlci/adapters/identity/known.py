"""What every system that gives data a version is asked with, and what it answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mlci.adapters.git.repository import Repository
from mlci.adapters.values import Unusable, plain, read_yaml
from mlci.domain.dataset.evidence import DatasetVersion

# Nobody writes a pointer of more than this; a lock of a pipeline with thousands of stages can be larger.
LARGEST_POINTER = 16 << 20
_MOST_VALUES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Where:
    """A dataset on this machine.

    Attributes:
        place: of the file or folder.
        repository: it lies in; None outside git.
        cache: of digests; None to read everything anew.
    """

    place: str
    repository: Repository | None
    cache: str | None

    @property
    def top(self) -> str | None:
        """Of the repository; None outside git."""
        return self.repository.top if self.repository is not None else None

    @cached_property
    def _ids(self) -> dict[str, str]:
        commit = self.repository.commit() if self.repository is not None else None
        if self.repository is None or commit is None:
            return {}
        return {path: id for path, (mode, id) in self.repository.committed(commit).items() if mode.startswith("100")}

    def id_of(self, inside: str) -> str | None:
        """The id that the commit which is checked out has of a file of the dataset; None where it has no such file.

        Args:
            inside: its path from the dataset; empty for a dataset that is one file.
        """
        place = os.path.join(self.place, inside) if inside else self.place  # noqa: PTH118 - names with odd bytes
        path = self.repository.inside(place) if self.repository is not None else None
        return self._ids.get(path) if path is not None else None

    def blob(self, id: str, largest: int) -> bytes | None:
        """The content of a small file of the repository."""
        return self.repository.blob(id, largest) if self.repository is not None else None

    def above(self) -> Iterator[Path]:
        """The folders that it lies in, up to the top of the repository, or its own folder alone outside one."""
        path = Path(os.path.normpath(Path(self.place).absolute()))
        for folder in path.parents:
            yield folder
            if self.top is None or os.path.realpath(folder) == os.path.realpath(self.top):
                return


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a system says of a dataset.

    Attributes:
        version: it has there; None where something is wrong with it.
        broken: why it is not that of these bytes, as a sentence; None where it is.
        notes: what had to be assumed, a sentence each.
    """

    version: DatasetVersion | None = None
    broken: str | None = None
    notes: tuple[str, ...] = ()


def mapping_of(path: Path) -> dict[str, Any] | None:
    """A small YAML file that holds a mapping; None where there is none, or it cannot be read as one."""
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_POINTER + 1)
        if len(content) > LARGEST_POINTER:
            return None
        found = plain(read_yaml(content), _MOST_VALUES)
    except (OSError, Unusable):
        return None
    return found if isinstance(found, dict) else None

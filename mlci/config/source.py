"""Where a value comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlci.errors import Place

SourceKind = Literal["default", "file", "environment", "flag"]


@dataclass(frozen=True)
class Source:
    """A place in a file, a flag, an environment variable, or nowhere but the default."""

    kind: SourceKind
    name: str = ""
    place: Place | None = None

    def __str__(self) -> str:
        return self.name or self.kind

    @property
    def where(self) -> Place | None:
        """The place that an error names."""
        return self.place or (Place(self.name) if self.name else None)


DEFAULT = Source("default")

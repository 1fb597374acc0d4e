"""A span of time as a value of mlci.yml."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Duration:
    """A span of time, written as a number and one of the units s, m, h and d."""

    seconds: float

    def __str__(self) -> str:
        for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
            if self.seconds >= size and self.seconds % size == 0:
                return f"{self.seconds / size:.15g}{unit}"
        return f"{self.seconds:.15g}s"

"""A command that is about to run: everything it needs, checked and resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from mlci.config.load import Loaded
from mlci.config.resolve import Override, Resolved
from mlci.surface.command import Command


@dataclass(frozen=True)
class Invocation:
    """A command that is about to run.

    Attributes:
        command: which one.
        own: its own parameters by their snake names, defaults filled in; None where nothing was given.
        resolved: the configuration that holds.
        loaded: the configuration file of this checkout; None where there is none.
        overrides: what flags and environment set on top of a configuration.
        environ: the environment of the process.
    """

    command: Command
    own: dict[str, Any]
    resolved: Resolved = field(repr=False)
    loaded: Loaded | None = field(default=None, repr=False)
    overrides: Sequence[Override] = field(default=(), repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    def wants(self, name: str) -> bool:
        """Whether a parameter that takes true or false is on; one that the command does not have is off."""
        return self.own.get(name) == "true"


def today() -> str:
    """The day in UTC, as 2026-12-31."""
    return datetime.now(timezone.utc).date().isoformat()


def now() -> str:
    """The time in UTC, as 2026-12-31T23:59:59Z."""
    return f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"

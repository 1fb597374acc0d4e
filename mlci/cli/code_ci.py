"""``mlci code-ci``: find the checks, run them side by side, deliver what they said."""

# ruff: noqa: ARG001

from __future__ import annotations

from typing import TYPE_CHECKING

from mlci.errors import Exit, UsageError

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation


def run(invocation: Invocation) -> Exit:
    """Run the checks; the exit is that of the verdict."""
    raise UsageError("there are no checks of code yet")

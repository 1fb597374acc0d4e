"""``mlci data-profile``: look at a dataset and draft the contract that it meets today."""

# ruff: noqa: ARG001

from __future__ import annotations

from typing import TYPE_CHECKING

from mlci.errors import Exit, UsageError

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation


def run(invocation: Invocation) -> Exit:
    """Draft a contract."""
    raise UsageError("there are no drafts of contracts yet")

"""The loopback GitHub, for contracts that it has to keep too."""

from __future__ import annotations

from forge.fixtures import github

__all__ = ["github"]

"""Signs that somebody put something into the data, or that a source of them went wrong."""

# ruff: noqa: ARG001

from __future__ import annotations

from mlci.steps.checking import Material, Part


def run(material: Material) -> Part:
    """Look for signs of tampering."""
    return Part()

"""What the training data are like, column by column, counted at the edges of the reference where there is one."""

# ruff: noqa: ARG001

from __future__ import annotations

from mlci.domain.dataset.profile import Profile
from mlci.steps.checking import Material


def run(material: Material) -> Profile | None:
    """The profile of the training data."""
    return None

"""Every key of mlci.yml, for tests that hold something of each."""

from __future__ import annotations

from typing import Any

from mlci.config.model import Config
from mlci.config.shape import shapes


def key_paths(block: type[Any] = Config, prefix: str = "") -> list[str]:
    """Every key path that an override can name."""
    found: list[str] = []
    for name, shape in shapes(block).items():
        found.append(prefix + name)
        if shape.block is not None:
            found.extend(key_paths(shape.block, f"{prefix}{name}."))
    return found

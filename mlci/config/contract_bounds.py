"""Bounds, which every block of a contract has."""

# ruff: noqa: RUF009 - key() returns a dataclass field, as field() does

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlci.config.key import key
from mlci.domain.dataset.contract import Value


@dataclass(frozen=True)
class Bounds:
    """What a number of the whole column, or of the table, must be."""

    main: ClassVar[tuple[str, ...]] = ("is",)

    is_: Value | None = key(default=None, help="Exactly this.")
    min: Value | None = key(default=None, help="At least this.", example="0")
    max: Value | None = key(default=None, help="At most this.")
    above: Value | None = key(default=None, help="More than this.")
    below: Value | None = key(default=None, help="Less than this.")

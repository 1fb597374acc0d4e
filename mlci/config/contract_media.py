"""The keys of a contract on images, texts and chats: rules on the table of their facts."""

# ruff: noqa: RUF009 - key() returns a dataclass field, as field() does

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlci.config.contract_bounds import Bounds
from mlci.config.key import key
from mlci.domain.dataset.contract import Severity

_SHARE: dict[str, Any] = {"minimum": 0, "maximum": 1}


@dataclass(frozen=True)
class Media:
    """What is asked of images and texts alike."""

    classes: tuple[str, ...] = key(
        default=(), one_alone=True, help="The classes: none of them is missing, and there are no others.",
        example="[cat, dog]",
    )  # fmt: skip
    min_per_class: int | None = key(default=None, minimum=1, help="Fewest examples that every class has.", example="50")
    unreadable: float | None = key(
        default=None, **_SHARE, help="Largest accepted share that cannot be read: cut off, or not what it says."
    )
    duplicates: float | None = key(
        default=None, **_SHARE, help="Largest accepted share that has the content of another one."
    )
    severity: Severity | None = key(default=None, help="fail, or warn where a breach is only told.")


@dataclass(frozen=True)
class Images(Media):
    """What images must be like."""

    formats: tuple[str, ...] = key(
        default=(), one_alone=True, help="Accepted formats, as Pillow calls them.", example="[PNG, JPEG]"
    )
    modes: tuple[str, ...] = key(
        default=(), one_alone=True, help="Accepted modes, as Pillow calls them.", example="[RGB]"
    )
    width: Bounds = key(factory=Bounds, help="Pixels from left to right.", example="{min: 32, max: 4096}")
    height: Bounds = key(factory=Bounds, help="Pixels from top to bottom.")


@dataclass(frozen=True)
class Texts(Media):
    """What texts and chats must be like."""

    languages: tuple[str, ...] = key(
        default=(), one_alone=True, help="Accepted languages by ISO 639-1; und is none that can be told.",
        example="[en, und]",
    )  # fmt: skip
    other_languages: float = key(default=0.0, **_SHARE, help="Largest accepted share of other languages.")
    empty: float | None = key(default=None, **_SHARE, help="Largest accepted share that holds no word.")
    chars: Bounds = key(factory=Bounds, help="Characters of each.", example="{min: 1, max: 20000}")
    words: Bounds = key(factory=Bounds, help="Words of each.")
    messages: Bounds = key(factory=Bounds, help="Messages of each chat.", example="{min: 2}")
    roles: tuple[str, ...] = key(
        default=(), one_alone=True, help="Accepted orders of roles of a chat.", example='["user,assistant"]'
    )
    keys: tuple[str, ...] = key(
        default=(), one_alone=True, help="Accepted keys of a line of JSON, in order.", example='["id,messages"]'
    )

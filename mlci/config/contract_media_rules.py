"""The keys of a contract on images and texts → what they ask of the columns of the table of facts."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from mlci.config.contract_bounds import Bounds
from mlci.config.contract_media import Images, Media, Texts
from mlci.config.contract_model import Column


def columns_of(media: Media) -> Iterator[tuple[str, str, Column]]:
    """Key, column of the facts, and what is asked of it, for every key that is set."""
    if media.classes:
        yield "classes", "label", Column(values=media.classes, contains=media.classes, nullable=False)
    if media.unreadable is not None:
        yield "unreadable", "readable", Column(values=(True,), mostly=_rest(media.unreadable))
    if media.duplicates is not None:
        yield "duplicates", "content", Column(unique=True, mostly=_rest(media.duplicates))
    if isinstance(media, Images):
        yield from _of_images(media)
    elif isinstance(media, Texts):
        yield from _of_texts(media)


def _of_images(images: Images) -> Iterator[tuple[str, str, Column]]:
    for key, column, values in (("formats", "format", images.formats), ("modes", "mode", images.modes)):
        if values:
            yield key, column, Column(values=values)
    yield from _of_bounds({"width": images.width, "height": images.height})


def _of_texts(texts: Texts) -> Iterator[tuple[str, str, Column]]:
    if texts.languages:
        yield "languages", "language", Column(values=texts.languages, mostly=_rest(texts.other_languages))
    if texts.empty is not None:
        yield "empty", "words", Column(min=1, mostly=_rest(texts.empty))
    yield from _of_bounds({"chars": texts.chars, "words": texts.words, "messages": texts.messages})
    for key, values in (("roles", texts.roles), ("keys", texts.keys)):
        if values:
            yield key, key, Column(values=values)


def _of_bounds(asked: dict[str, Bounds]) -> Iterator[tuple[str, str, Column]]:
    for name, bounds in asked.items():
        if bounds == Bounds():
            continue
        low, high = (bounds.is_, bounds.is_) if bounds.is_ is not None else (bounds.min, bounds.max)
        yield name, name, Column(min=low, max=high, above=bounds.above, below=bounds.below)


def _rest(share: float) -> float | None:
    """What is left of a share, in decimals, because 1 - 0.1 must be 0.9 and not the float beside it."""
    return float(1 - Decimal(repr(share))) if share else None

"""Histograms of a section: letters of eight heights where there is only text, drawn bars where there is a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlci.domain.figures import percent
from mlci.domain.report import Histogram
from mlci.render import escape

_BLOCKS, _ASCII = "▁▂▃▄▅▆▇█", "_.:-=+*#"
# Sides of the drawing, and of the text that goes with it.
WIDTH, HEIGHT = 240, 64
_TOLD = 24
# The most that is drawn of any histogram; a section that has more bins names them in its table.
_BINS = 64


def bars(shares: Sequence[float], top: float, *, unicode: bool = True) -> str:
    """A letter for each share, as high as its part of the largest; the lowest letter is for nothing at all.

    >>> bars((0.0, 0.25, 0.5), 0.5), bars((0.0, 0.25, 0.5), 0.5, unicode=False)
    ('▁▅█', '_=#')
    """
    letters = _BLOCKS if unicode else _ASCII
    return "".join(letters[_height(share, top)] for share in shares[:_BINS])


def _height(share: float, top: float) -> int:
    return max(1, min(7, round(7 * share / top))) if share > 0 and top > 0 else 0


def top_of(drawn: Histogram) -> float:
    """The largest share of either side, which both are drawn against."""
    return max((*drawn.before, *drawn.now), default=0.0)


@dataclass(frozen=True)
class Bar:
    """One bin: where it stands and how high, before and now."""

    x: float
    width: float
    before: float
    now: float


@dataclass(frozen=True)
class Drawing:
    """A histogram as a page shows it.

    Attributes:
        title: what is drawn.
        words: the same in words, for who cannot see it.
        bars: the bins from left to right.
    """

    title: str
    words: str
    bars: tuple[Bar, ...]


def drawing(drawn: Histogram) -> Drawing:
    """Lay a histogram out."""
    count = min(len(drawn.bins), _BINS)
    room, top = WIDTH / max(1, count), top_of(drawn) or 1.0
    laid = tuple(
        Bar(
            x=round(place * room + 0.08 * room, 2),
            width=round(0.42 * room, 2),
            before=round(HEIGHT * before / top, 2),
            now=round(HEIGHT * now / top, 2),
        )
        for place, (before, now) in enumerate(zip(drawn.before[:count], drawn.now[:count], strict=True))
    )
    return Drawing(title=escape.cleaned(drawn.title, 80), words=_words(drawn), bars=laid)


def _words(drawn: Histogram) -> str:
    told = [
        f"{escape.cleaned(name, 40)}: {percent(before)} before, {percent(now)} now"
        for name, before, now in zip(drawn.bins[:_TOLD], drawn.before, drawn.now, strict=False)
    ]
    more = len(drawn.bins) - len(told)
    return "; ".join([*told, *([f"and {more} more"] if more > 0 else [])])

"""Where the lines of a forest plot stand: one small drawing per finding, one scale per group of findings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlci.domain.finding import Finding
from mlci.render import wording
from mlci.render.interval import Span, group, span

WIDTH = 240.0
_EDGE = 8.0
_MARGINS_IN_VIEW = 6.0
_TICKS = 4


@dataclass(frozen=True)
class Tick:
    """A place on the axis and what stands under it."""

    x: float
    text: str


@dataclass(frozen=True)
class Axis:
    """One scale, from worse on the left to better on the right."""

    low: float
    high: float
    ticks: tuple[Tick, ...] = ()
    caption: str = ""

    def x(self, value: float) -> float:
        """The place of a value, held inside the drawing."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(_EDGE + share * (WIDTH - 2 * _EDGE), 1)


@dataclass(frozen=True)
class Plot:
    """The places of one finding's drawing; None where there is nothing to draw."""

    zero: float
    estimate: float
    lower: float | None
    upper: float | None
    margin: float | None
    cut_left: bool
    cut_right: bool
    words: str


def axes(findings: Iterable[Finding]) -> dict[str, Axis]:
    """One axis for each group of findings that can share it."""
    members: dict[str, list[tuple[Finding, Span]]] = {}
    for finding in findings:
        drawn = span(finding)
        if drawn is not None:
            members.setdefault(group(finding), []).append((finding, drawn))
    return {name: _axis(found) for name, found in members.items()}


def plot(finding: Finding, axis: Axis) -> Plot | None:
    """The finding's drawing on its axis."""
    drawn = span(finding)
    if drawn is None:
        return None
    bounded = drawn.lower is not None and drawn.upper is not None
    return Plot(
        zero=axis.x(0.0),
        estimate=axis.x(drawn.estimate),
        lower=axis.x(drawn.lower) if bounded and drawn.lower is not None else None,
        upper=axis.x(drawn.upper) if bounded and drawn.upper is not None else None,
        margin=None if drawn.margin is None else axis.x(-drawn.margin),
        cut_left=drawn.lower is not None and drawn.lower < axis.low,
        cut_right=drawn.upper is not None and drawn.upper > axis.high,
        words=wording.drawing_in_words(finding),
    )


def _axis(found: Sequence[tuple[Finding, Span]]) -> Axis:
    spans = [drawn for _, drawn in found]
    ends = [0.0]
    for drawn in spans:
        ends += [end for end in (drawn.lower, drawn.upper, drawn.estimate) if end is not None and math.isfinite(end)]
        ends += [-drawn.margin] if drawn.margin is not None else []
    margins = [abs(drawn.margin) for drawn in spans if drawn.margin]
    # One very wide row must not flatten all others: beyond this it is drawn with an arrow.
    view = _MARGINS_IN_VIEW * max(margins) if margins else math.inf
    low, high = max(min(ends), -view), min(max(ends), view)
    if low == high:
        low, high = -1.0, 1.0
    room = 0.05 * (high - low)
    bare = Axis(low - room, high + room)
    first = found[0][0]
    # Metrics of both directions on one axis: it counts gain. All of them lower-is-better: it counts what they count.
    turned = all(finding.better == "lower" for finding, _ in found)
    unit = {"relative": "relative to production", "points": "difference in points"}.get(group(first), "difference")
    return Axis(bare.low, bare.high, _ticks(bare, first, turned), f"{unit}, {'plus' if turned else 'minus'} is worse")


def _ticks(axis: Axis, finding: Finding, turned: bool) -> tuple[Tick, ...]:
    rough = (axis.high - axis.low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((size * power for size in (1, 2, 5) if size * power >= rough), 10 * power)
    places = range(math.ceil(axis.low / step), math.floor(axis.high / step) + 1)
    sign = -1 if turned else 1
    return tuple(Tick(axis.x(place * step), _tick_text(sign * place * step, finding)) for place in places)


def _tick_text(value: float, finding: Finding) -> str:
    if value == 0:
        return "0"
    return f"{100 * value:+.3g} %" if finding.scale == "relative" else f"{value:+.3g}"

"""A difference and its bounds drawn in one line of text, on a scale shared by the rows that can share one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mlci.domain.finding import Finding
from mlci.domain.metric import known_metric

WIDTH = 21

# A bound further out than this many margins is drawn as an arrow: one wide row must not flatten all others.
_MARGINS_IN_VIEW = 6.0


@dataclass(frozen=True)
class Span:
    """A difference as it is drawn: whatever the metric's direction, larger is better for the candidate.

    ``margin`` is the accepted loss; a gain that is asked for is a negative one.
    """

    estimate: float
    lower: float | None = None
    upper: float | None = None
    margin: float | None = None

    @property
    def extent(self) -> float:
        """The largest distance from zero of anything drawn."""
        drawn = (self.estimate, self.lower, self.upper, self.margin)
        return max(abs(value) for value in drawn if value is not None)


def span(finding: Finding) -> Span | None:
    """The finding's difference, turned so that right is better; None where there is nothing to draw."""
    if finding.difference is None or not math.isfinite(finding.difference):
        return None
    sign = -1.0 if finding.better == "lower" else 1.0
    low, high = sorted(sign * bound for bound in finding.interval) if finding.interval else (None, None)
    if low is not None and (math.isnan(low) or math.isnan(high or 0.0)):
        low = high = None
    return Span(sign * finding.difference, low, high, None if finding.least_gain is None else -finding.least_gain)


def group(finding: Finding) -> str:
    """Which rows share a scale: per cent, points, and otherwise each metric by itself."""
    if finding.scale == "relative":
        return "relative"
    metric = known_metric(finding.metric or "")
    if metric is not None and metric.in_points:
        return "points"
    return f"metric:{finding.metric}"


def reaches(findings: Iterable[Finding]) -> dict[str, float]:
    """How far each group's scale reaches to either side of zero."""
    spans: dict[str, list[Span]] = {}
    for finding in findings:
        drawn = span(finding)
        if drawn is not None:
            spans.setdefault(group(finding), []).append(drawn)
    return {name: _reach(members) for name, members in spans.items()}


def _reach(spans: list[Span]) -> float:
    widest = max((item.extent for item in spans if math.isfinite(item.extent)), default=0.0)
    margins = [abs(item.margin) for item in spans if item.margin]
    if margins:
        view = _MARGINS_IN_VIEW * max(margins)
        return min(widest, view) if widest else view
    return widest or 1.0


# Light line: the scale. Heavy line: between the bounds. A light upright marks zero, a heavy one the margin.
_UNICODE = {
    "scale": "─", "zero": "┼", "margin": "╂", "inside": "━", "zero inside": "┿", "margin inside": "╋",
    "estimate": "●", "lone": "○", "left": "◀", "right": "▶",
}  # fmt: skip
_ASCII = {
    "scale": "-", "zero": "+", "margin": "|", "inside": "=", "zero inside": "+", "margin inside": "|",
    "estimate": "o", "lone": "o", "left": "<", "right": ">",
}  # fmt: skip


def draw(drawn: Span, reach: float, *, width: int = WIDTH, unicode: bool = True) -> str:
    """One row, such as ``───╂─━━●━━┼──────────``, exactly ``width`` characters wide."""
    signs = _UNICODE if unicode else _ASCII

    def column(value: float) -> int:
        # From the middle outwards, so that a mirrored difference is a mirrored drawing.
        share = min(max(value / reach, -1.0), 1.0)
        return width // 2 + round(share * (width // 2))

    cells = [signs["scale"]] * width
    inside: range = range(0)
    if drawn.lower is not None and drawn.upper is not None:
        inside = range(column(drawn.lower), column(drawn.upper) + 1)
    for place in inside:
        cells[place] = signs["inside"]
    for name, value in (("zero", 0.0), ("margin", None if drawn.margin is None else -drawn.margin)):
        if value is not None and abs(value) <= reach:
            place = column(value)
            cells[place] = signs[f"{name} inside" if place in inside else name]
    cells[column(drawn.estimate)] = signs["estimate" if inside else "lone"]
    if drawn.lower is not None and drawn.lower < -reach:
        cells[0] = signs["left"]
    if drawn.upper is not None and drawn.upper > reach:
        cells[-1] = signs["right"]
    return "".join(cells)


def legend(*, unicode: bool = True, gains: bool = False) -> str:
    """What the signs of a drawing mean, in one sentence; with ``gains``, some are asked for."""
    signs = _UNICODE if unicode else _ASCII
    return (
        f"right is better; {signs['estimate']} difference, {signs['inside'] * 3} between the bounds, "
        f"{signs['zero']} zero, {signs['margin']} the accepted loss{' or the gain asked for' if gains else ''}"
    )

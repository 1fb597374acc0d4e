"""On which side of its border a number stands, and when that must not be said because rounding would say it."""

from __future__ import annotations

# Two numbers this close are equal as far as binary arithmetic can tell.
DUST = 1e-12
# Sums taken in another order, by another machine or another library, differ in the tenth digit at the very most. So
# close to its border a verdict would be decided by that, and none is given.
CLOSE = 1e-9


def side(value: float, border: float, size: float, *, exact: bool, off: float = 0.0) -> int:
    """1 above a border or on it, -1 below, 0 too close to say.

    Args:
        value: what is judged.
        border: what it must reach.
        size: how large the numbers are that ``value`` was computed from; closeness is a part of that.
        exact: whether a value without noise is judged, which meets its border when it reaches it exactly, as a share
            of 90 in 100 meets 0.9. Nothing random ever is exactly on a border but by rounding.
        off: how far the value may be from the exact one, where it was computed from bins.
    """
    apart = abs(value - border)
    if exact and apart <= DUST * size:
        return 1
    if apart <= CLOSE * size + off:
        return 0
    return 1 if value > border else -1


def is_alpha(p_value: float, alpha: float) -> bool:
    """Whether a p-value is too close to the error rate to say which of the two is smaller."""
    return abs(p_value - alpha) <= CLOSE

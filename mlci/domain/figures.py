"""Numbers as a reader sees them. Decisions are taken on raw values; only text is rounded, and against the candidate."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Literal

Better = Literal["higher", "lower"]


def _decimals(value: float) -> int:
    magnitude = abs(value)
    if magnitude >= 1000:
        return 1
    if magnitude >= 10:
        return 3
    return 4


def figure(value: float, against: Better | None = None, *, signed: bool = False) -> str:
    """Write a number with four decimals (fewer when it is large), rounded so that it never flatters the candidate.

    Args:
        value: the raw number.
        against: which way is better; ``"higher"`` rounds down, ``"lower"`` rounds up, None to nearest.
        signed: always show the sign.

    >>> figure(0.87999, "higher")
    '0.8799'
    >>> figure(0.12001, "lower")
    '0.1201'
    >>> figure(-0.00921, "higher", signed=True)
    '-0.0093'
    """
    if not math.isfinite(value):
        return str(value)
    if value != 0 and abs(value) < 1e-4:
        return f"{value:{'+' if signed else ''}.1e}"
    rounding = {"higher": ROUND_FLOOR, "lower": ROUND_CEILING, None: ROUND_HALF_EVEN}[against]
    # repr() keeps 0.1 as 0.1: binary dust in the 17th digit must not move a rounded figure by a whole step.
    exact = Decimal(repr(float(f"{value:.12g}")))
    rounded = exact.quantize(Decimal(1).scaleb(-_decimals(value)), rounding=rounding)
    return f"{rounded:{'+' if signed else ''}}" if rounded else f"{abs(rounded)}"


def percent(value: float, against: Better | None = None, *, signed: bool = False) -> str:
    """Write a fraction as per cent with two decimals, rounded against the candidate.

    >>> percent(0.0123)
    '1.23 %'
    """
    rounding = {"higher": ROUND_FLOOR, "lower": ROUND_CEILING, None: ROUND_HALF_EVEN}[against]
    exact = Decimal(repr(float(f"{100 * value:.12g}")))
    rounded = exact.quantize(Decimal("0.01"), rounding=rounding)
    return f"{rounded:{'+' if signed and rounded else ''}} %"


def on_scale(value: float, *, relative: bool, against: Better | None = None, signed: bool = False) -> str:
    """Write a difference, bound or margin on the scale it was judged on: absolute, or relative to production."""
    write = percent if relative else figure
    return write(value, against, signed=signed)


def count(value: int) -> str:
    """Write a count with thin groups of three.

    >>> count(1234567)
    '1 234 567'
    """
    return f"{value:,}".replace(",", " ")


def significant(value: float) -> float:
    """Round to the 12 significant digits a report carries: below that is summation order, not information."""
    return float(f"{value:.12g}")

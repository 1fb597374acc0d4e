"""Numbers as a reader sees them. Decisions are taken on raw values; only text is rounded, and against the candidate."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import Literal

Better = Literal["higher", "lower"]

# Digits of the largest float before the point, and of the smallest difference shown behind it.
_EVERY_DIGIT = Context(prec=330)


def _decimals(size: float) -> int:
    if size >= 1000:
        return 1
    if size >= 10:
        return 3
    if size >= 0.01 or size == 0:
        return 4
    return min(12, 2 - math.floor(math.log10(size)))


def figure(value: float, against: Better | None = None, *, signed: bool = False, like: float | None = None) -> str:
    """Write a number with four decimals (fewer when it is large), rounded so that it never flatters the candidate.

    Args:
        value: the raw number.
        against: which way is better; ``"higher"`` rounds down, ``"lower"`` rounds up, None to nearest.
        signed: always show the sign.
        like: a number whose decimals to use, so that a difference has those of the values it is taken from.

    >>> figure(0.87999, "higher")
    '0.8799'
    >>> figure(0.12001, "lower")
    '0.1201'
    >>> figure(-0.00002, "higher", signed=True, like=0.88)
    '-0.0001'
    >>> figure(0.0000031)
    '0.00000310'
    """
    if not math.isfinite(value):
        return str(value)
    exact = Decimal(repr(significant(value)))  # binary dust in the 17th digit must not move a figure by a whole step
    step = Decimal(1).scaleb(-_decimals(abs(value if like is None else like)))
    rounded = exact.quantize(step, _ROUNDING[against], _EVERY_DIGIT)
    return f"{rounded:{'+' if signed else ''}f}" if rounded else f"{abs(rounded):f}"


_ROUNDING = {"higher": ROUND_FLOOR, "lower": ROUND_CEILING, None: ROUND_HALF_EVEN}


def percent(value: float, against: Better | None = None, *, signed: bool = False) -> str:
    """Write a fraction as per cent with two decimals, rounded against the candidate.

    >>> percent(0.0123), percent(-0.000001)
    ('1.23 %', '0.00 %')
    """
    if not math.isfinite(100 * value):
        return f"{100 * value} %"
    exact = Decimal(repr(significant(100 * value)))
    rounded = exact.quantize(Decimal("0.01"), _ROUNDING[against], _EVERY_DIGIT)
    return f"{rounded:{'+' if signed else ''}} %" if rounded else f"{abs(rounded)} %"


def on_scale(
    value: float, *, relative: bool, against: Better | None = None, signed: bool = False, like: float | None = None
) -> str:
    """Write a difference or bound on the scale it was judged on: absolute, or relative to production."""
    if relative:
        return percent(value, against, signed=signed)
    return figure(value, against, signed=signed, like=like)


def as_written(value: float, *, relative: bool = False) -> str:
    """Write a margin or limit the way a person would.

    >>> as_written(0.005), as_written(0.1, relative=True)
    ('0.005', '10 %')
    """
    return f"{100 * value:.6g} %" if relative else f"{value:.6g}"


def count(value: int) -> str:
    """Write a count with thin groups of three.

    >>> count(1234567)
    '1 234 567'
    """
    return f"{value:,}".replace(",", " ")


def several(value: int, one: str, more: str | None = None) -> str:
    """Write a count with its noun.

    Args:
        value: how many.
        one: the noun for exactly one.
        more: for any other number; left out, ``one`` with an s.

    >>> several(1, "row"), several(0, "row"), several(12000, "entry", "entries")
    ('1 row', '0 rows', '12 000 entries')
    """
    return f"{count(value)} {one if value == 1 else more or one + 's'}"


def bytes_in_words(size: int) -> str:
    """Write a size in the largest binary unit that leaves a digit before the point.

    >>> bytes_in_words(640), bytes_in_words(3 << 20)
    ('640 B', '3.0 MiB')
    """
    for unit, bits in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 1 << bits:
            return f"{size / (1 << bits):.1f} {unit}"
    return f"{size} B"


def seconds_in_words(seconds: float) -> str:
    """Write a span of time in at most two units.

    >>> seconds_in_words(0.234), seconds_in_words(192), seconds_in_words(7260)
    ('0.23 s', '3 min 12 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def significant(value: float) -> float:
    """Round to the 12 significant digits a report carries: below that is summation order, not information."""
    return float(f"{value:.12g}")

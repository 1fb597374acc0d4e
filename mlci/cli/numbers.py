"""Numbers that a command takes as parameters of its own, read strictly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlci.errors import OutOfRange, Place, WrongType


def number(own: Mapping[str, Any], name: str, low: float, high: float, *, reaches: bool = False) -> float | None:
    """The parameter as a number between two others; None where it was not given.

    Args:
        own: the command's own parameters by their snake names.
        name: of the parameter, in snake case.
        low: what it must be above.
        high: what it must be below.
        reaches: whether the two limits themselves are allowed.

    Raises:
        WrongType: it is no number.
        OutOfRange: it is not between the two.
    """
    text = own[name]
    if text is None:
        return None
    flag = f"--{name.replace('_', '-')}"
    try:
        value = float(text)
    except ValueError:
        raise WrongType(f"{flag} must be a number, got {text[:40]!a}", place=Place(flag)) from None
    if not math.isfinite(value) or not (low <= value <= high if reaches else low < value < high):
        words = f"from {low:.10g} to {high:.10g}" if reaches else f"above {low:.10g} and below {high:.10g}"
        raise OutOfRange(f"{flag} must be {words}, got {text[:40]}", place=Place(flag))
    return value


def whole_number(own: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    """The same for a whole number, its limits included."""
    value = number(own, name, low, high, reaches=True)
    if value is not None and value != int(value):
        flag = f"--{name.replace('_', '-')}"
        raise WrongType(f"{flag} must be a whole number, got {own[name][:40]}", place=Place(flag))
    return None if value is None else int(value)

"""One written value → one typed value, or the reason why not. The key's type decides how the text is read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from mlci.config.duration import Duration
from mlci.config.quote import nearest, quote
from mlci.config.shape import Shape
from mlci.domain.metric import Metric
from mlci.domain.policy import Tolerance
from mlci.errors import Contradiction, MlciError, OutOfRange, WrongType

# What YAML takes a scalar for; "raw" is text from a flag, a variable or a reference, which has no type of its own.
Sort = Literal["text", "number", "boolean", "empty", "other", "raw"]

NUMBER = r"[-+]?(?:(?:0|[1-9][0-9]{0,307})(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][-+]?[0-9]{1,4})?"
PERCENT = r"(?P<number>[-+]?(?:[0-9]{1,9}(?:\.[0-9]{0,17})?|\.[0-9]{1,17}))\s?%"
# The percentages among them that are no larger than the largest loss, for the schema, which cannot calculate.
ACCEPTED_PERCENT = r"[-+]?(?:0*(?:[0-4]?[0-9](?:\.[0-9]{0,17})?|50(?:\.0{0,17})?)|\.[0-9]{1,17})\s?%"
DATE = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
DURATION = r"(?=[0-9.]*[1-9])(?P<number>[0-9]{1,6}(?:\.[0-9]{1,3})?)\s?(?P<unit>[smhd])"

_NOT_FINITE = re.compile(r"[-+]?\.?(?:inf|infinity|nan)", re.IGNORECASE)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# The largest loss that can be meant: beyond half of everything, 5 was written where 5 % was meant.
LARGEST_LOSS = 0.5


@dataclass(frozen=True)
class Written:
    """A scalar as it stands somewhere.

    Attributes:
        text: its content.
        sort: what YAML takes it for.
        shown: what a message may show of it; a value that came from the environment is not shown.
    """

    text: str
    sort: Sort = "raw"
    shown: str = ""

    @property
    def quoted(self) -> str:
        """The value as a message shows it."""
        return self.shown or quote(self.text)


class Refused(Exception):
    """A value that a key does not take: which error, what is wrong (to follow the key's path), and a help line."""

    def __init__(self, error: type[MlciError], what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.error, self.what, self.hint = error, what, hint


def parse(shape: Shape, written: Written, metric: Metric | None = None) -> Any:
    """Read a value as the key's type demands.

    Args:
        shape: the shape of the key; a scalar one.
        written: the value.
        metric: the metric that the value belongs to, where it is one that mlci knows.

    Raises:
        Refused: the value has the wrong type or is outside what is allowed.
    """
    return _PARSERS[shape.kind](shape, written, metric)


def _text(shape: Shape, written: Written, _: Metric | None) -> str:
    if written.sort not in ("text", "raw"):
        raise Refused(
            WrongType, f"must be a text, got {written.quoted}", f'put quotes around it: "{written.text[:60]}"'
        )
    if shape.key.pattern is not None and not re.fullmatch(shape.key.pattern, written.text):
        got = f", got {written.quoted}" if shape.key.repeated else ""
        raise Refused(OutOfRange, f"must be {shape.key.pattern_help}{got}")
    return written.text


def _finite(written: Written, expected: str) -> float:
    if written.sort not in ("number", "raw"):
        hint = "remove the quotes" if re.fullmatch(NUMBER, written.text) else None
        raise Refused(WrongType, f"must be {expected}, got {written.quoted}", hint)
    if re.fullmatch(NUMBER, written.text):
        value = float(written.text)
    elif _NOT_FINITE.fullmatch(written.text):
        value = math.nan
    else:
        raise Refused(
            WrongType, f"must be {expected}, got {written.quoted}", "write it as a decimal number, such as 0.25"
        )
    if not math.isfinite(value):
        raise Refused(OutOfRange, f"must be a finite number, got {written.quoted}")
    return value


def _number(shape: Shape, written: Written, metric: Metric | None) -> float:
    value = _finite(written, "a number")
    if shape.key.of_metric and metric is not None and not metric.low <= value <= metric.high:
        raise Refused(OutOfRange, f"is {written.quoted}, but {metric.name} is never {_beyond(metric, value)}")
    _within(shape, value, written)
    return value


def _beyond(metric: Metric, value: float) -> str:
    return f"below {metric.low:g}" if value < metric.low else f"above {metric.high:g}"


def _integer(shape: Shape, written: Written, _: Metric | None) -> int:
    value = _finite(written, "a whole number")
    if not value.is_integer():
        raise Refused(WrongType, f"must be a whole number, got {written.quoted}")
    _within(shape, value, written)
    return int(value)


def _within(shape: Shape, value: float, written: Written) -> None:
    low, high = shape.key.minimum, shape.key.maximum
    too_low = low is not None and (value < low or (shape.key.exclusive and value == low))
    too_high = high is not None and (value > high or (shape.key.exclusive and value == high))
    if too_low or too_high:
        raise Refused(OutOfRange, f"must be {limits(shape)}, got {written.quoted}")


def limits(shape: Shape) -> str:
    """The limits of a number in words; empty where there are none."""
    low, high = shape.key.minimum, shape.key.maximum
    if low is not None and high is not None:
        return f"{'strictly ' if shape.key.exclusive else ''}between {low:.10g} and {high:.10g}"
    if low is not None:
        return f"at least {low:.10g}"
    return f"at most {high:.10g}" if high is not None else ""


def _boolean(_: Shape, written: Written, __: Metric | None) -> bool:
    if written.sort not in ("boolean", "raw") or written.text not in _TRUTH:
        raise Refused(WrongType, f"must be true or false, got {written.quoted}")
    return _TRUTH[written.text]


def _choice(shape: Shape, written: Written, _: Metric | None) -> str:
    if written.sort in ("text", "raw"):
        for choice in shape.choices:
            if written.text.replace("_", "-") == choice.replace("_", "-"):
                return choice
    hint = None if written.shown else nearest(written.text, shape.choices)
    raise Refused(OutOfRange, f"must be {one_of(shape.choices)}, got {written.quoted}", hint)


def one_of(choices: tuple[str, ...]) -> str:
    """The words of a choice as a sentence names them."""
    return choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"


def _tolerance(shape: Shape, written: Written, metric: Metric | None) -> Tolerance:
    share = re.fullmatch(PERCENT, written.text) if written.sort in ("text", "raw") else None
    if share is not None:
        # Through Decimal, because 0.3 % must be 0.003 and not the float next to it.
        tolerance = Tolerance(abs(float(Decimal(share["number"]) / 100)), relative=True)
    else:
        tolerance = Tolerance(abs(_finite(written, "a number or a percentage such as 10%")))
    of = metric if shape.key.of_metric else None
    if of is not None and of.is_timed and tolerance.value and not tolerance.relative:
        raise Refused(
            OutOfRange,
            f"must be per cent of production's value, got {written.quoted}",
            "milliseconds of this machine say nothing of another; write 10%",
        )
    if is_too_large(tolerance, of):
        raise Refused(OutOfRange, f"must be at most {_largest(tolerance)}, got {written.quoted}", LARGE_HELP)
    if of is not None and tolerance.value and written.text.startswith("-"):
        _same_way(shape, written, of)
    return tolerance


def _same_way(shape: Shape, written: Written, metric: Metric) -> None:
    """A minus means a change of the metric: it must be the way of a loss, or of a gain where a gain is asked for."""
    falls_for_good = metric.better == "lower"
    if falls_for_good != shape.key.gain:
        what = "gain" if shape.key.gain else "loss"
        cause = f"is {written.quoted}, but {metric.better} is better for {metric.title}, so that is no {what} of it"
        raise Refused(Contradiction, cause, "write it without the minus")


LARGE_HELP = "one point is written 0.01, one per cent of production's value 1%"


def is_too_large(tolerance: Tolerance, metric: Metric | None) -> bool:
    """Whether nobody can mean that loss: more than half of production's value, or of a scale of points."""
    on_points = tolerance.relative or (metric is not None and metric.in_points)
    return on_points and tolerance.value > LARGEST_LOSS


def _largest(tolerance: Tolerance) -> str:
    return "50%" if tolerance.relative else f"{LARGEST_LOSS:g}"


def _duration(_: Shape, written: Written, __: Metric | None) -> Duration:
    match = re.fullmatch(DURATION, written.text) if written.sort in ("text", "raw") else None
    if match is None:
        expected = "a time longer than zero with its unit, such as 90s, 5m, 2h or 1d"
        raise Refused(WrongType, f"must be {expected}, got {written.quoted}")
    return Duration(float(match["number"]) * _UNITS[match["unit"]])


def _date(_: Shape, written: Written, __: Metric | None) -> date:
    # YAML may take a date for a type of its own; the text is the same.
    try:
        if not re.fullmatch(DATE, written.text) or written.sort in ("number", "boolean"):
            raise ValueError(written.text)
        return date.fromisoformat(written.text)
    except ValueError:
        expected = "a day of the calendar such as 2026-12-31"
        raise Refused(WrongType, f"must be {expected}, got {written.quoted}") from None


def _value(_: Shape, written: Written, __: Metric | None) -> Any:
    """A text, a number, true or false, as YAML takes it; dates and times stay texts."""
    if written.sort == "number":
        number = _finite(written, "a number, a text, true or false")
        return int(written.text) if re.fullmatch(r"[-+]?[0-9]+", written.text) else number
    if written.sort == "boolean":
        return _TRUTH[written.text]
    if written.sort == "other" and not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written.text):
        raise Refused(WrongType, f"is read differently by different readers: {written.quoted}", "put quotes around it")
    return written.text


_PARSERS: dict[str, Callable[[Shape, Written, Metric | None], Any]] = {
    "text": _text, "number": _number, "integer": _integer, "boolean": _boolean,
    "choice": _choice, "tolerance": _tolerance, "duration": _duration, "date": _date, "value": _value,
}  # fmt: skip

"""Whether the arguments of a rule are what its expectation takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlci.domain.dataset.contract import Type
from mlci.domain.dataset.judging import moment
from mlci.domain.dataset.vocabulary import BATCH, EXPECTATIONS, Argument, type_named
from mlci.domain.dataset.wording import shown

PARAMETER = "$PARAMETER"

# The longest pattern and query that are handed to an engine.
LONGEST_PATTERN = 1000
LONGEST_QUERY = 20_000
MOST_VALUES = 10_000

# Arguments that say how GX works, and nothing about the data.
WITHOUT_MEANING = frozenset(
    {
        "batch_id", "result_format", "catch_exceptions", "windows", "allow_relative_error", "condition_parser",
        "parse_strings_as_datetimes", "auto", "profiler_config", "include_config", "library_metadata", "description",
        "rendered_content", "notes", "meta", "severity", "id",
    }
)  # fmt: skip


def is_parameter(given: Any) -> bool:
    """Whether a value is given when the suite runs."""
    return isinstance(given, Mapping) and isinstance(given.get(PARAMETER), str)


def problems(expectation: str, kwargs: Mapping[str, Any]) -> list[tuple[str | None, str]]:
    """What is wrong with the arguments of an expectation.

    Returns:
        The argument, None for all of them together, and what is wrong with it, to follow its name; empty where
        nothing is.
    """
    known = EXPECTATIONS.get(expectation)
    if known is None:
        return [(None, f"nothing here knows the expectation {shown(expectation)}")]
    return list(_problems(known.arguments, known.either, kwargs))


def _problems(
    arguments: Mapping[str, Argument], either: tuple[str, ...], kwargs: Mapping[str, Any]
) -> Iterator[tuple[str | None, str]]:
    for name, given in kwargs.items():
        if name not in arguments:
            yield name, f"is no argument of it; these are {', '.join(arguments)}"
        elif given is not None and not is_parameter(given):
            what = _CHECKS[arguments[name].kind](given)
            if arguments[name].kind == "choice" and given not in arguments[name].choices:
                what = f"must be one of {', '.join(arguments[name].choices)}"
            if what is not None:
                yield name, what
    for name, argument in arguments.items():
        if argument.required and kwargs.get(name) is None:
            yield None, f"it has no {name}"
    if either and all(kwargs.get(name) is None for name in either):
        yield None, f"it has neither {' nor '.join(either)}"
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if _number(low) is None and _number(high) is None and float(low) > float(high):  # type: ignore[arg-type]
        yield "min_value", "is above max_value, so nothing could meet it"


def _number(given: Any) -> str | None:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        return "must be a number"
    return None if isinstance(given, int) or math.isfinite(given) else "must be a finite number"


def _share(given: Any) -> str | None:
    return _number(given) or (None if 0 <= given <= 1 else "must be between 0 and 1")


def _count(given: Any) -> str | None:
    return _number(given) or (None if given == int(given) and given >= 0 else "must be a whole number, at least 0")


def _bound(given: Any) -> str | None:
    if isinstance(given, str):
        return None if given else "must not be empty"
    what = _number(given)
    return f"{what}, or a date such as 2026-01-31" if what else None


def _text(given: Any) -> str | None:
    return None if isinstance(given, str) and given else "must be a text"


def _value(given: Any) -> str | None:
    if isinstance(given, (str, bool)):
        return None
    what = _number(given)
    return "must be a text, a number, true or false" if what else None


def _list(given: Any, of: Callable[[Any], str | None], least: int = 1) -> str | None:
    if not isinstance(given, (list, tuple)) or len(given) < least:
        return f"must be a list of at least {least}"
    if len(given) > MOST_VALUES:
        return f"must be a list of at most {MOST_VALUES}"
    return next((f"has an item that {what}" for one in given if (what := of(one)) is not None), None)


def _values(given: Any) -> str | None:
    return _list(given, _value)


def _columns(given: Any) -> str | None:
    what = _list(given, _text)
    if what is None and len(set(given)) != len(given):
        return "names a column twice"
    return what


def _flag(given: Any) -> str | None:
    return None if isinstance(given, bool) else "must be true or false"


def _regex(given: Any) -> str | None:
    what = _text(given)
    return what or (None if len(given) <= LONGEST_PATTERN else f"must have at most {LONGEST_PATTERN} characters")


def _pair(given: Any) -> str | None:
    if not isinstance(given, (list, tuple)) or len(given) != 2:
        return "must be a pair"
    return _value(given[0]) or _value(given[1])


def _quantiles(given: Any) -> str | None:
    if not isinstance(given, Mapping) or set(given) != {"quantiles", "value_ranges"}:
        return "must have quantiles and value_ranges"
    shares, ranges = given["quantiles"], given["value_ranges"]
    what = _list(shares, _share) or _list(ranges, _range)
    if what is None and len(shares) != len(ranges):
        return "must have as many value_ranges as quantiles"
    return what


def _range(given: Any) -> str | None:
    if not isinstance(given, (list, tuple)) or len(given) != 2:
        return "must be a pair of bounds"
    if given[0] is None and given[1] is None:
        return "must set one bound at least"
    return next((what for one in given if one is not None and (what := _bound(one)) is not None), None)


def _type(given: Any) -> str | None:
    return None if isinstance(given, str) and type_named(given) is not None else "must be the name of a type"


def _sql(given: Any) -> str | None:
    what = _text(given)
    if what is not None or len(given) > LONGEST_QUERY:
        return what or f"must have at most {LONGEST_QUERY} characters"
    words = given.split(None, 1)
    if not words or words[0].lower() not in ("select", "with"):
        return "must be a SELECT"
    if BATCH not in given:
        return f"must name the table {BATCH}"
    return None


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "column": _text, "columns": _columns, "share": _share, "bound": _bound, "number": _number, "count": _count,
    "value": _value, "values": _values, "flag": _flag, "regex": _regex, "regexes": lambda given: _list(given, _regex),
    "pairs": lambda given: _list(given, _pair), "quantiles": _quantiles, "choice": _text, "type": _type,
    "types": lambda given: _list(given, _type), "sql": _sql,
}  # fmt: skip


def typed(expectation: str, kwargs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A rule on types in our own names of them, whatever system's names it was written in; others as they are.

    >>> typed("expect_column_values_to_be_in_type_list", {"column": "a", "type_list": ["int64", "float64"]})
    ('expect_column_values_to_be_of_type', {'column': 'a', 'type_': 'number'})
    """
    one, several = "expect_column_values_to_be_of_type", "expect_column_values_to_be_in_type_list"
    if expectation not in (one, several):
        return expectation, kwargs
    written = [kwargs["type_"]] if expectation == one else kwargs["type_list"]
    if is_parameter(written) or any(is_parameter(each) for each in written):
        return expectation, kwargs
    types: list[Type] = [found for each in written if (found := type_named(each)) is not None]
    # An integer is a number.
    kept = [each for each in dict.fromkeys(types) if each != "integer" or "number" not in types]
    rest = {name: given for name, given in kwargs.items() if name not in ("type_", "type_list")}
    return (one, {**rest, "type_": kept[0]}) if len(kept) == 1 else (several, {**rest, "type_list": kept})


def is_time(given: Any) -> bool:
    """Whether a bound is a date or a time."""
    return isinstance(given, str) and moment(given) is not None

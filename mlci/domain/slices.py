"""Slices made of two columns: how a pair is asked for, and how each of its slices is called."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

# A column or pair of columns with more values than this is not one of groups any more: the largest are compared.
MOST_SLICES = 500
_CROSSED_BY = "*"
MISSING_VALUE = "(missing)"
# How many of the slices that were left out are named.
NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Folded:
    """The smallest slices of a column with too many values to compare one by one: counted, and not judged."""

    column: str = field(metadata={"help": "The column, or pair of columns."})
    slices: int = field(metadata={"help": "How many slices were left out."})
    n: int = field(metadata={"help": "Examples in them, in all."})
    largest: int = field(metadata={"help": "Examples in the largest of them."})
    names: tuple[str, ...] = field(default=(), metadata={"help": "Names of the largest of them."})


def pair_of(name: str) -> tuple[str, str] | None:
    """The two columns that a pair such as ``region*plan`` is made of; None for anything else.

    >>> pair_of("region*plan"), pair_of("region"), pair_of("a*a")
    (('region', 'plan'), None, None)
    """
    parts = tuple(part.strip() for part in name.split(_CROSSED_BY))
    if len(parts) != 2 or not all(parts) or parts[0] == parts[1]:
        return None
    return parts[0], parts[1]


def columns_of(name: str, present: Container[str]) -> tuple[str, ...]:
    """The columns that a slice column or pair needs; a column that is called so goes before a pair.

    Args:
        name: as in ``evaluate.slices``.
        present: the columns of the file.
    """
    pair = None if name in present else pair_of(name)
    return (name,) if pair is None else pair


def missing_name(values: Container[str]) -> str:
    """What the slice of missing values is called; a value may be spelled so, and two must not share a name."""
    name = MISSING_VALUE
    while name in values:
        name = f"({name})"
    return name


def slice_name(column: str, value: str) -> str:
    """The slice of one value."""
    return f"{column}={value}"


def pair_name(pair: tuple[str, str], values: tuple[str, str]) -> str:
    r"""The slice of two values; a comma or a backslash within one is escaped, so that no two are called the same.

    >>> print(pair_name(("region", "plan"), ("north", "a, b")))
    region=north, plan=a\, b
    """
    return ", ".join(_escaped(slice_name(column, value)) for column, value in zip(pair, values, strict=True))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(",", "\\,")

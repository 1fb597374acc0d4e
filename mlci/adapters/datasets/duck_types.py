"""What columns hold, in DuckDB's words and in ours, and what a text must look like to be a number or a date."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from mlci.domain.dataset.contract import Type

Held = Type | Literal["other"]

_WORDS: dict[str, Type] = {
    "TINYINT": "integer", "SMALLINT": "integer", "INTEGER": "integer", "BIGINT": "integer", "HUGEINT": "integer",
    "UTINYINT": "integer", "USMALLINT": "integer", "UINTEGER": "integer", "UBIGINT": "integer", "UHUGEINT": "integer",
    "FLOAT": "number", "DOUBLE": "number", "VARCHAR": "string", "UUID": "string", "JSON": "string",
    "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "timestamp", "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp", "TIMESTAMP_NS": "timestamp", "TIMESTAMP WITH TIME ZONE": "timestamp",
    "TIMESTAMPTZ_NS": "timestamp",
}  # fmt: skip
_PLAIN = {"integer": "BIGINT", "number": "DOUBLE", "string": "VARCHAR", "boolean": "BOOLEAN", "date": "DATE",
          "timestamp": "TIMESTAMP"}  # fmt: skip

# What a text must look like, as a whole. DuckDB's own casts take more: 1.5 as an integer, 1_000, epoch, yesterday.
_LOOKS: dict[str, str] = {
    "integer": "[+-]?[0-9]+",
    "number": r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|(?i:nan|inf|infinity))",
    "boolean": "(?i:true|false)",
    "date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "timestamp": r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}(:[0-9]{2})?)?)?",
}
# 00123 is a code and no number, where nobody says otherwise; and more digits than fit are an id.
_CODE = "[+-]?0[0-9].*|[+-]?[0-9]{19,}"
NARROWEST: tuple[Type, ...] = ("boolean", "integer", "number", "date", "timestamp")


def held(stored: str) -> Held:
    """Our word for a type of DuckDB's."""
    if stored.endswith("]"):
        return "other"
    if stored.startswith("DECIMAL"):
        return "number"
    return "string" if stored.startswith("ENUM") else _WORDS.get(stored, "other")


def finite_or_endless(column: str) -> str:
    """A floating-point column with NaN as missing.

    DuckDB would answer ``isnan`` from the least and greatest value that a Parquet file states, of which other writers
    leave NaN out; every session therefore does without what files state (``duck_session``).
    """
    return f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END"


def plain(column: str, stored: str) -> str:
    """A column as everybody reads it: in one type of each kind, NaN as missing, times in UTC.

    Args:
        column: as SQL.
        stored: its type.
    """
    kind = held(stored)
    if stored in ("FLOAT", "DOUBLE"):
        return finite_or_endless(column)
    if kind in ("number", "string", "timestamp") and stored != _PLAIN[kind]:
        return f"CAST({column} AS {_PLAIN[kind]})"
    return column


def read_as(text: str, kind: Held) -> str:
    """SQL of a text as a value of a type; NULL where it is none."""
    if kind in ("string", "other"):
        return text
    return f"CASE WHEN regexp_full_match({text}, '{_LOOKS[kind]}') THEN TRY_CAST({text} AS {_PLAIN[kind]}) END"


def fits(text: str, kind: Type) -> str:
    """SQL that is true where a text is a value of a type beyond doubt, so that nobody needs to say its type."""
    sure = f"({read_as(text, kind)}) IS NOT NULL"
    return f"({sure} AND NOT regexp_full_match({text}, '{_CODE}'))" if kind in ("integer", "number") else f"({sure})"


def narrowest(values: Iterable[str]) -> Type:
    """The type of a few texts, by the same rules; of partitions, whose values stand in names of folders."""
    import re

    seen = list(values)
    for kind in NARROWEST[:4]:
        looks = re.compile(_LOOKS[kind])
        coded = kind in ("integer", "number") and any(re.fullmatch(_CODE, one) for one in seen)
        if seen and not coded and all(looks.fullmatch(one) for one in seen):
            return kind
    return "string"

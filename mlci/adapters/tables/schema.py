"""The columns of a table and their types, without reading a row."""

from __future__ import annotations

from pathlib import Path

from mlci.errors import MlciError

# More than a person reads; a file with a column for each of its features keeps no list of them in the evidence.
_MOST, _LONGEST = 2_000, 200


def columns_of(path: str) -> dict[str, str] | None:
    """Type of each column by name.

    A type is empty where the file has none (CSV). Without any column it is no table whose columns could be told. None
    where it is one and they could not be read.
    """
    file = Path(path)
    ending = file.suffix.lower()
    try:
        if ending == ".parquet" and file.is_file():
            import pyarrow.parquet as pq

            schema = pq.read_schema(file)
            return _bounded({field.name: str(field.type) for field in schema})
        if ending in (".csv", ".tsv") and file.is_file():
            from mlci.adapters.tables.plain import header_of

            return _bounded(dict.fromkeys(header_of(file), ""))
    except (ImportError, MlciError, OSError, ValueError):
        # pyarrow's own errors are among the last two. What cannot be told is said by whoever asks.
        return None
    return {}


def _bounded(found: dict[str, str]) -> dict[str, str] | None:
    short = all(len(name) <= _LONGEST and len(kind) <= _LONGEST for name, kind in found.items())
    return found if len(found) <= _MOST and short else None

"""Predictions in CSV and JSON Lines, read with the standard library and numpy; Parquet is beside, in ``parquet``."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.adapters.files import is_text
from mlci.errors import BadValue, ColumnMissing, FileMissing, NoExamples, Place, Unreadable, UsageError
from mlci.ports import Table, Texts

# An id longer than this is a mistake, and a million of them would not fit in memory.
LONGEST_ID = 1024
_TRUTHS = {"true": 1.0, "false": 0.0}
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
_LARGEST_CELL = 1 << 20
_SMALL_RANGE = 10_000


def open_table(path: str) -> Table:
    """Open a predictions file by its ending.

    Raises:
        FileMissing: there is no such file, or it cannot be opened.
        Unreadable: it is malformed.
        NoExamples: it has no rows.
        UsageError: its ending is not one of those known.
        ExtraMissing: Parquet is asked for and pyarrow is not installed.
    """
    file = Path(path)
    try:
        if not file.is_file():
            help = "check the path; a folder cannot be read"
            raise FileMissing(f"there is no file {path}", place=Place(path), help=help)
        file.open("rb").close()
    except OSError as error:
        raise FileMissing(f"cannot read {path}: {error.strerror or error}", place=Place(path)) from error
    ending = file.suffix.lower()
    if ending in (".csv", ".tsv"):
        table: Table = _read_csv(file)
    elif ending in (".jsonl", ".ndjson"):
        table = _read_json_lines(file)
    elif ending in (".parquet", ".pq"):
        from mlci.adapters.parquet import ParquetTable

        table = ParquetTable(file)
    else:
        raise UsageError(
            f"{path} has no ending that says what it is",
            place=Place(path),
            help="predictions end in .csv, .tsv, .jsonl, .ndjson or .parquet; metrics of a whole model in .json",
        )
    if table.rows == 0:
        raise NoExamples("the file has no examples", place=Place(path), help="score the model on the holdout again")
    return table


class PlainTable:
    """Columns held as Python values, each a string, number, truth value or None."""

    def __init__(
        self, name: str, columns: dict[str, Sequence[Any]], rows: int, line_of: Callable[[int], int | None]
    ) -> None:
        self.name = name
        self.columns = tuple(columns)
        self.rows = rows
        self._values = columns
        self._line_of = line_of
        self._numbers: dict[str, NDArray[np.float64] | int] = {}

    def is_number(self, column: str) -> bool:
        """Whether every value of the column is a number, a truth value or missing."""
        return isinstance(self._parsed(column), np.ndarray)

    def numbers(self, column: str) -> NDArray[np.float64]:
        """The column as float64, shape (rows,); NaN where missing."""
        parsed = self._parsed(column)
        if isinstance(parsed, np.ndarray):
            return parsed
        value = str(self._column(column)[parsed])[:60]
        raise BadValue(f"{value!r} in column {column} is not a number", place=self._place(parsed))

    def texts(self, column: str) -> Texts:
        """The column as words; numbers in their shortest form."""
        if self.is_number(column):
            return texts_of_numbers(self.numbers(column))
        index: dict[str, int] = {}
        codes = np.empty(self.rows, dtype=np.intp)
        for row, value in enumerate(self._column(column)):
            word = _word(value)
            codes[row] = -1 if word is None else index.setdefault(word, len(index))
        return Texts(tuple(index), codes)

    def ids(self, column: str) -> NDArray[Any]:
        """The column as UTF-8 bytes of fixed width."""
        words = [_word(value, id=True) or "" for value in self._column(column)]
        for row, word in enumerate(words):
            if not word or "\0" in word or len(word) > LONGEST_ID:
                raise BadValue(_id_fault(word), place=self._place(row), help="every example needs a short, unique id")
        return np.array([word.encode("utf-8", "surrogatepass") for word in words], dtype=np.bytes_)

    def _column(self, column: str) -> Sequence[Any]:
        try:
            return self._values[column]
        except KeyError:
            raise ColumnMissing(f"there is no column {column!r}", place=Place(self.name)) from None

    def _place(self, row: int) -> Place:
        return Place(self.name, self._line_of(row))

    def _parsed(self, column: str) -> NDArray[np.float64] | int:
        """The column as numbers, or the first row that is not one."""
        if column not in self._numbers:
            self._numbers[column] = _parse(self._column(column))
        return self._numbers[column]


def _id_fault(word: str) -> str:
    if not word:
        return "an id is missing"
    return "an id holds a NUL byte" if "\0" in word else f"an id is longer than {LONGEST_ID} characters"


def _word(value: Any, *, id: bool = False) -> str | None:
    """A value as text; what reads as missing is None, except that an id may well be spelled "na"."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    text = str(value).strip()
    return None if not id and text.lower() in _MISSING else text


def _parse(values: Sequence[Any]) -> NDArray[np.float64] | int:
    try:
        # The common case, every cell a number, at C speed.
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        pass
    parsed = np.empty(len(values))
    for row, value in enumerate(values):
        try:
            parsed[row] = float(value)
        except (TypeError, ValueError, OverflowError):
            word = _word(value)
            if word is None:
                parsed[row] = math.nan
            elif word.lower() in _TRUTHS:
                parsed[row] = _TRUTHS[word.lower()]
            else:
                return row
    return parsed


def texts_of_numbers(numbers: NDArray[np.floating[Any]]) -> Texts:
    """Numbers as words: whole ones without a decimal point, missing ones as missing."""
    present = np.isfinite(numbers)
    codes = np.full(len(numbers), -1, dtype=np.intp)
    if not present.any():
        return Texts((), codes)
    finite = numbers if present.all() else numbers[present]
    low, high = float(finite.min()), float(finite.max())
    whole = finite.astype(np.int64) if high - low < _SMALL_RANGE and abs(low) < 2**53 else None
    if whole is not None and bool((whole == finite).all()):
        # Class labels are nearly always small whole numbers: count them instead of sorting a million floats.
        seen = np.flatnonzero(np.bincount(whole - int(low)))
        lookup = np.zeros(int(high - low) + 1, dtype=np.intp)
        lookup[seen] = np.arange(len(seen))
        codes[present] = lookup[whole - int(low)]
        return Texts(tuple(str(value + int(low)) for value in seen.tolist()), codes)
    distinct, inverse = np.unique(finite, return_inverse=True)
    codes[present] = inverse
    return Texts(tuple(_word(float(value)) or "" for value in distinct), codes)


def _read_csv(file: Path) -> PlainTable:
    csv.field_size_limit(_LARGEST_CELL)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            delimiter = _delimiter(file, stream.readline())
            stream.seek(0)
            reader = csv.reader(stream, delimiter=delimiter, strict=True)
            names = [name.strip() for name in next(reader, [])]
            _check_header(file, names)
            rows = list(_rows(file, reader, len(names)))
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 text: {error.reason}", place=Place(str(file))) from error
    except csv.Error as error:
        raise Unreadable(f"malformed: {error}", place=Place(str(file), reader.line_num)) from error
    columns: list[Sequence[Any]] = list(zip(*rows)) if rows else [() for _ in names]  # noqa: B905 (rows are checked)
    return PlainTable(str(file), dict(zip(names, columns, strict=True)), len(rows), partial(_csv_line, file, delimiter))


def _csv_line(file: Path, delimiter: str, row: int) -> int | None:
    """On which line a row ends, found by reading again: blank lines and line breaks within cells shift it."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        next(reader)
        lines = (reader.line_num for cells in reader if cells)
        return next(islice(lines, row, None), None)


def _delimiter(file: Path, header: str) -> str:
    if file.suffix.lower() == ".tsv":
        return "\t"
    return ";" if ";" in header and "," not in header else ","


def _check_header(file: Path, names: list[str]) -> None:
    if not names:
        raise NoExamples("the file is empty", place=Place(str(file)), help="score the model on the holdout again")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Unreadable(f"column {twice[0]!r} stands more than once in the header", place=Place(str(file), 1))


def _rows(file: Path, reader: Any, width: int) -> Iterator[list[str]]:
    for row in reader:
        if len(row) == width:
            yield row
        elif row:
            raise Unreadable(
                f"{len(row)} values where the header has {width}",
                place=Place(str(file), reader.line_num),
                help="the file may have been cut short, or a value holds an unquoted comma",
            )


def _read_json_lines(file: Path) -> PlainTable:
    records: list[dict[str, Any]] = []
    names: dict[str, None] = {}
    try:
        with file.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    records.append(_record(line, Place(str(file), number)))
                    names.update(dict.fromkeys(records[-1]))
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 text: {error.reason}", place=Place(str(file))) from error
    columns: dict[str, Sequence[Any]] = {name: [record.get(name) for record in records] for name in names}
    return PlainTable(str(file), columns, len(records), partial(_json_line, file))


def _json_line(file: Path, row: int) -> int | None:
    with file.open(encoding="utf-8-sig") as stream:
        lines = (number for number, line in enumerate(stream, start=1) if line.strip())
        return next(islice(lines, row, None), None)


def _record(line: str, place: Place) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not a JSON object: {error}", place=place, help="one object a line") from error
    if not isinstance(record, dict):
        raise Unreadable("not a JSON object", place=place, help='one object a line, such as {"id": "a1", …}')
    if "\\u" in line and not is_text(record):
        raise Unreadable("text with half of a surrogate pair, which is no character", place=place)
    for name, value in record.items():
        if isinstance(value, (list, dict)):
            raise Unreadable(f"{name} holds a list or an object", place=place, help="give each value a key of its own")
    return record

"""Predictions in CSV and JSON Lines, read with the standard library and numpy."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.adapters.disk.files import is_text
from mlci.adapters.tables.words import LONGEST_ID, texts_of_numbers, word
from mlci.errors import BadValue, ColumnMissing, NoExamples, Place, Unreadable
from mlci.ports import Texts

_TRUTHS = {"true": 1.0, "false": 0.0}
LARGEST_CELL = 1 << 20


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
        codes = np.empty(self.rows, dtype=np.int32)
        for row, value in enumerate(self._column(column)):
            text = word(value)
            codes[row] = -1 if text is None else index.setdefault(text, len(index))
        return Texts(tuple(index), codes)

    def ids(self, column: str) -> NDArray[Any]:
        """The column as UTF-8 bytes of fixed width."""
        ids = [word(value, id=True) or "" for value in self._column(column)]
        for row, text in enumerate(ids):
            if not text or "\0" in text or len(text) > LONGEST_ID:
                raise BadValue(_id_fault(text), place=self._place(row), help="every example needs a short, unique id")
        return np.array([text.encode("utf-8", "surrogatepass") for text in ids], dtype=np.bytes_)

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


def _id_fault(text: str) -> str:
    if not text:
        return "an id is missing"
    return "an id holds a NUL byte" if "\0" in text else f"an id is longer than {LONGEST_ID} characters"


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
            text = word(value)
            if text is None:
                parsed[row] = math.nan
            elif text.lower() in _TRUTHS:
                parsed[row] = _TRUTHS[text.lower()]
            else:
                return row
    return parsed


def read_csv(file: Path, only: Collection[str] | None = None) -> PlainTable:
    """Read comma-, semicolon- or tab-separated values with a header.

    Args:
        file: what to read.
        only: the columns to keep, those of them that are there; None keeps all.

    Raises:
        Unreadable, NoExamples: what is wrong with the file, and where.
    """
    csv.field_size_limit(LARGEST_CELL)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            delimiter = _delimiter(file, stream.readline())
            stream.seek(0)
            reader = csv.reader(stream, delimiter=delimiter, strict=True)
            names = [name.strip() for name in next(reader, [])]
            _check_header(file, names)
            kept = [number for number, name in enumerate(names) if only is None or name in only]
            rows = list(map(_cells_of(kept, len(names)), _rows(file, reader, len(names))))
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 text: {error.reason}", place=Place(str(file))) from error
    except csv.Error as error:
        raise Unreadable(f"malformed: {error}", place=Place(str(file), reader.line_num)) from error
    columns: list[Sequence[Any]] = list(zip(*rows)) if rows else [() for _ in kept]  # noqa: B905 (rows are checked)
    by_name = dict(zip((names[number] for number in kept), columns, strict=True))
    return PlainTable(str(file), by_name, len(rows), partial(_csv_line, file, delimiter))


def _cells_of(kept: list[int], width: int) -> Callable[[list[str]], Sequence[str]]:
    """What takes the cells of some columns out of a row."""
    if len(kept) == width:
        return lambda row: row
    return itemgetter(*kept) if len(kept) > 1 else lambda row: [row[number] for number in kept]


def delimiter_of(file: Path) -> str:
    """The sign between the values of a file, as ``read_csv`` takes it."""
    return _opened(file)[0]


def header_of(file: Path) -> list[str]:
    """The names of the columns, as ``read_csv`` takes them.

    Raises:
        Unreadable, NoExamples: what is wrong with the header.
    """
    return _opened(file)[1]


def _opened(file: Path) -> tuple[str, list[str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            delimiter = _delimiter(file, stream.readline())
            stream.seek(0)
            names = [name.strip() for name in next(csv.reader(stream, delimiter=delimiter, strict=True), [])]
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 text: {error.reason}", place=Place(str(file))) from error
    except csv.Error as error:
        raise Unreadable(f"malformed: {error}", place=Place(str(file), 1)) from error
    _check_header(file, names)
    return delimiter, names


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
    return next((sign for sign in (",", ";", "\t") if sign in header), ",")


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


def read_json_lines(file: Path) -> PlainTable:
    """Read one JSON object per line.

    Raises:
        Unreadable: what is wrong with the file, and where.
    """
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
    return record if not any(isinstance(value, (list, dict)) for value in record.values()) else _flat(record, place)


def _flat(record: dict[str, Any], place: Place) -> dict[str, Any]:
    """The values of objects under names such as ``metadata.passage``; a list is no value of one row, and left out."""
    flat: dict[str, Any] = {}
    waiting = [("", record)]
    while waiting:
        prefix, inner = waiting.pop()
        for key, value in inner.items():
            name = f"{prefix}{key}"
            if isinstance(value, dict):
                waiting.append((f"{name}.", value))
            elif name in flat:
                raise Unreadable(f"{name} stands for two values", place=place, help="give each value a key of its own")
            elif not isinstance(value, list):
                flat[name] = value
    return flat

"""Predictions in Parquet, column by column, without pandas and without a Python object per value."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.adapters.tables.words import LONGEST_ID, texts_of_numbers
from mlci.errors import BadValue, ExtraMissing, Place, Unreadable
from mlci.ports import Texts

# Offsets of 32 bits reach no further; longer columns are read with 64.
_LONGEST_STRINGS = 1 << 31


class ParquetTable:
    """A Parquet file; each column is read when it is first asked for."""

    def __init__(self, file: Path) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError as error:
            raise ExtraMissing(
                "reading Parquet needs pyarrow", place=Place(str(file)), help='pip install "mlci[parquet]"'
            ) from error
        self._pa = pa
        self.name = str(file)
        _return_memory(pa)
        try:
            self._file = pq.ParquetFile(file, memory_map=True)
        except (pa.ArrowException, OSError) as error:
            raise Unreadable(f"not a Parquet file: {error}", place=Place(self.name)) from error
        schema = self._file.schema_arrow
        self.columns: tuple[str, ...] = tuple(schema.names)
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            raise Unreadable(f"column {twice[0]!r} stands more than once", place=Place(self.name))
        self.rows: int = self._file.metadata.num_rows
        # The column read last, because it is often asked for as numbers and then as words; more would fill the memory.
        self._latest: tuple[str, NDArray[np.floating[Any]]] | None = None

    def is_number(self, column: str) -> bool:
        """Whether the column is stored as numbers or truth values."""
        types = self._pa.types
        kind = self._file.schema_arrow.field(column).type
        return bool(
            types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)
        )

    def numbers(self, column: str) -> NDArray[np.floating[Any]]:
        """The column as float64, or float32 where it is stored so, shape (rows,); NaN where missing."""
        if not self.is_number(column):
            raise BadValue(f"column {column} is not stored as numbers", place=Place(self.name))
        if self._latest is None or self._latest[0] != column:
            self._latest = (column, self._converted(self._column(column)))
        return self._latest[1]

    def _converted(self, values: Any) -> NDArray[np.floating[Any]]:
        if values.type == self._pa.int64() and not values.null_count:
            # The usual type of labels. Arrow's own cast would load a module that costs more than the conversion.
            return self._integers(values).astype(np.float64)
        kind = self._pa.float32() if values.type == self._pa.float32() else self._pa.float64()
        whole = self._combined(values.cast(self._pa.float64(), safe=False) if kind != values.type else values)
        # np.frombuffer, because pyarrow's own conversions and fill_null import pandas where that is installed.
        rows = slice(whole.offset, whole.offset + len(whole))
        number: Any = np.float32 if kind == self._pa.float32() else np.float64
        numbers = np.frombuffer(whole.buffers()[1], dtype=number)[rows]
        if not whole.null_count:
            return numbers
        present = np.unpackbits(np.frombuffer(whole.buffers()[0], dtype=np.uint8), bitorder="little")[rows]
        return np.where(present.view(np.bool_), numbers, number("nan"))

    def texts(self, column: str) -> Texts:
        """The column as words; numbers in their shortest form."""
        if self.is_number(column):
            return texts_of_numbers(self.numbers(column))
        encoded = self._strings(column, self._column(column)).dictionary_encode(null_encoding="encode")
        codes = encoded.indices
        buffer = np.frombuffer(codes.buffers()[1], dtype=np.int32)[codes.offset : codes.offset + len(codes)]
        try:
            words: list[str | None] = encoded.dictionary.to_pylist()
        except UnicodeDecodeError as error:
            raise Unreadable(f"column {column} is not UTF-8 text: {error.reason}", place=Place(self.name)) from error
        present = [word for word in words if word is not None]
        index = {word: number for number, word in enumerate(present)}
        lookup = np.array([-1 if word is None else index[word] for word in words], dtype=np.int32)
        return Texts(tuple(present), lookup[buffer])

    def ids(self, column: str) -> NDArray[Any]:
        """The column as int64 or as UTF-8 bytes of fixed width."""
        values = self._column(column)
        if values.null_count:
            raise BadValue(f"{values.null_count} ids are missing", place=Place(self.name))
        if self._pa.types.is_integer(values.type):
            return self._integers(values)
        if self.is_number(column):
            return self._whole(column)
        return self._fixed_width(self._strings(column, values))

    def _integers(self, values: Any) -> NDArray[Any]:
        try:
            whole = self._combined(values if values.type == self._pa.int64() else values.cast(self._pa.int64()))
        except self._pa.ArrowInvalid as error:
            raise BadValue(f"an id is too large: {error}", place=Place(self.name)) from error
        return np.frombuffer(whole.buffers()[1], dtype=np.int64)[whole.offset : whole.offset + len(whole)]

    def _whole(self, column: str) -> NDArray[Any]:
        numbers = self.numbers(column).astype(np.float64)
        if not (np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all() and (abs(numbers) < 2**53).all()):
            raise BadValue(f"the ids in column {column} are not whole numbers", place=Place(self.name))
        return numbers.astype(np.int64)

    def _fixed_width(self, strings: Any) -> NDArray[Any]:
        """Arrow's offsets and bytes as one numpy array of equal-width byte strings."""
        width: Any = np.int64 if strings.type == self._pa.large_string() else np.int32
        offsets = np.frombuffer(strings.buffers()[1], dtype=width)[strings.offset : strings.offset + len(strings) + 1]
        lengths = np.diff(offsets)
        content = strings.buffers()[2]
        data = np.frombuffer(content, dtype=np.uint8)[offsets[0] : offsets[-1]] if content else np.empty(0, np.uint8)
        longest = int(lengths.max())
        if int(lengths.min()) == 0 or longest > LONGEST_ID or not data.all():
            raise BadValue(
                "an id is missing, holds a NUL byte, or is too long",
                place=Place(self.name),
                help=f"every example needs a unique id of 1 to {LONGEST_ID} bytes",
            )
        if int(lengths.min()) == longest:
            return np.ascontiguousarray(data).view(f"S{longest}")
        padded = np.zeros((len(lengths), longest), dtype=np.uint8)
        padded[np.arange(longest) < lengths[:, None]] = data
        return padded.ravel().view(f"S{longest}")

    def _strings(self, column: str, values: Any) -> Any:
        try:
            if self._pa.types.is_dictionary(values.type):
                values = values.cast(values.type.value_type)
            short = values.type == self._pa.string() and values.nbytes < _LONGEST_STRINGS
            return self._combined(values if short else values.cast(self._pa.large_string()))
        except (self._pa.ArrowInvalid, self._pa.ArrowNotImplementedError) as error:
            raise BadValue(f"column {column} is neither text nor numbers: {error}", place=Place(self.name)) from error

    def _combined(self, values: Any) -> Any:
        if isinstance(values, self._pa.ChunkedArray) and values.num_chunks == 1:
            return values.chunk(0)
        whole = values.combine_chunks()
        return whole.chunk(0) if isinstance(whole, self._pa.ChunkedArray) else whole

    def _column(self, column: str) -> Any:
        """A column as Arrow has it; nothing keeps it, because a million ids twice over would double the memory."""
        try:
            return self._file.read(columns=[column]).column(column)
        except (self._pa.ArrowException, OSError) as error:
            raise Unreadable(f"column {column} cannot be read: {error}", place=Place(self.name)) from error


def _return_memory(pa: Any) -> None:
    """Decode with the allocator that gives memory back: a third less at the peak for a million rows of text ids."""
    # Not every build of pyarrow has it; then Arrow's own choice stands.
    with contextlib.suppress(NotImplementedError):
        pa.set_memory_pool(pa.jemalloc_memory_pool())

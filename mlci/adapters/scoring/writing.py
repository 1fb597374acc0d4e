"""The file of predictions: what the holdout says and what the model says, side by side, and its fingerprint."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.adapters.disk.files import write
from mlci.adapters.scoring.asked import Asked
from mlci.adapters.scoring.interpreting import Given
from mlci.adapters.scoring.parts import Column, Examples, texts_of_ids
from mlci.domain.columns import Ambiguous, NotThere, roles
from mlci.errors import ColumnAmbiguous, ExtraMissing, ModelUnusable, Place
from mlci.ports import Texts

_TRUTHS = {"true": "1", "false": "0"}
_PARQUET = (".parquet", ".pq")
_BLOCK = 50_000


def ending(holdout: str) -> str:
    """Parquet for a holdout in Parquet, else CSV."""
    return ".parquet" if Path(holdout).suffix.lower() in _PARQUET else ".csv"


def columns_of(examples: Examples, given: Given, asked: Asked) -> dict[str, Column]:
    """Everything besides the id that the file holds, by name, in order.

    Raises:
        ColumnAmbiguous, ModelUnusable: the gate would not read the file as it is meant.
    """
    prediction, score = asked.columns.prediction or "y_pred", asked.columns.score or "y_score"
    said: dict[str, Column] = {}
    if given.labels is not None:
        said[prediction] = _as_target(given.labels) if examples.numeric else given.labels
    elif given.values is not None:
        said[prediction] = given.values
    if given.score is not None:
        said[score] = given.score
    said.update({f"y_score_{name}": values for name, values in given.class_scores.items()})
    said.update({name: values for name, values in given.columns.items() if name not in said})
    both = sorted({examples.id_column, *examples.kept} & set(said))
    if both:
        raise ColumnAmbiguous(
            f"column {both[0]} of the holdout has the name of a prediction",
            place=Place(examples.path),
            help="give predictions another name under evaluate.prediction and evaluate.score",
        )
    whole = {**examples.kept, **said}
    _check(examples, whole, asked)
    return whole


def _as_target(labels: Texts) -> Texts:
    """Truth as the numbers that a numeric target has."""
    words = [_TRUTHS.get(word.lower(), word) for word in labels.values]
    index = {word: number for number, word in enumerate(dict.fromkeys(words))}
    lookup = np.array([*(index[word] for word in words), -1], dtype=np.int32)
    return Texts(tuple(index), lookup[labels.codes])


def _check(examples: Examples, whole: dict[str, Column], asked: Asked) -> None:
    """Read the header as the gate will: a slice that is called "score" must not be taken for one."""
    place = Place(examples.path)
    try:
        part = roles((examples.id_column, *whole), asked.columns)
    except Ambiguous as error:
        raise ColumnAmbiguous(str(error), place=place, help=f"name one under evaluate.{error.part}") from error
    except NotThere as error:
        raise ModelUnusable(f"the model gives nothing for the {error.part} that evaluate names: {error}") from error
    strange = [column for column in (part.prediction, part.score) if column is not None and column in examples.kept]
    if strange:
        raise ColumnAmbiguous(
            f"column {strange[0]} of the holdout reads as a prediction",
            place=place,
            help="give it another name, or name the predictions under evaluate.prediction and evaluate.score",
        )


def write_predictions(path: str, examples: Examples, columns: dict[str, Column]) -> None:
    """Write the file, whole or not at all.

    Raises:
        NotWritable, ExtraMissing: it cannot be written.
    """
    if path.endswith(".parquet"):
        write(path, _parquet(examples, columns))
    else:
        write(path, _csv(examples, columns))


def _csv(examples: Examples, columns: dict[str, Column]) -> bytes:
    text = io.StringIO()
    # A carriage return within a cell is quoted by every Python only where it ends lines too.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([examples.id_column, *columns])
    for start in range(0, examples.rows, _BLOCK):
        rows = slice(start, start + _BLOCK)
        ids = [name.decode("utf-8", "surrogatepass") for name in texts_of_ids(examples.ids[rows])]
        writer.writerows(zip(ids, *(_cells(column, rows) for column in columns.values()), strict=True))
    return text.getvalue().encode("utf-8", "surrogatepass")


def _cells(column: Column, rows: slice) -> Sequence[Any]:
    """Cells as the csv module writes them: a float in its shortest exact form, a missing value as nothing."""
    if isinstance(column, Texts):
        words = [*column.values, ""]
        return [words[code] for code in column.codes[rows].tolist()]
    numbers = column[rows]
    if numbers.dtype == np.float32:
        return [str(one) for one in numbers]
    finite = np.isfinite(numbers)
    cells: list[Any] = numbers.tolist()
    if bool(finite.all()) and bool((numbers == np.floor(numbers)).all()) and bool((np.abs(numbers) < 2**53).all()):
        cells = numbers.astype(np.int64).tolist()
    return cells if bool(finite.all()) else [_cell(one) for one in cells]


def _cell(number: float) -> str:
    return "" if number != number else repr(number)


def _parquet(examples: Examples, columns: dict[str, Column]) -> bytes:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        help = 'pip install "mlci[parquet]"'
        raise ExtraMissing("writing Parquet needs pyarrow", place=Place(examples.path), help=help) from error
    arrays = {examples.id_column: _id_array(pa, examples.ids)}
    for name, column in columns.items():
        # A label is stored as what the target is stored as; a slice that is called 01 stays so.
        arrays[name] = _array(pa, column, number=examples.numeric and name not in examples.kept)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays), sink, compression="zstd")
    return bytes(sink.getvalue())


def _id_array(pa: Any, ids: NDArray[Any]) -> Any:
    if ids.dtype.kind != "S":
        return pa.Array.from_buffers(pa.int64(), len(ids), [None, pa.py_buffer(np.ascontiguousarray(ids))])
    return pa.array(ids.tolist(), type=pa.binary()).cast(pa.string(), safe=False)


def _array(pa: Any, column: Column, *, number: bool) -> Any:
    if isinstance(column, Texts):
        numbers = _numbers_of(column) if number else None
        if numbers is None:
            codes = pa.array(np.where(column.codes < 0, 0, column.codes), mask=column.codes < 0)
            return pa.DictionaryArray.from_arrays(codes, pa.array(column.values or ("",), type=pa.string()))
        column = numbers
    kind = pa.float32() if column.dtype == np.float32 else pa.float64()
    plain = np.ascontiguousarray(column, dtype=np.float32 if kind == pa.float32() else np.float64)
    return pa.Array.from_buffers(kind, len(plain), [None, pa.py_buffer(plain)])


def _numbers_of(words: Texts) -> NDArray[np.float64] | None:
    """Labels as the numbers they are written as; None where one is no number."""
    try:
        lookup = np.array([*map(float, words.values), np.nan])
    except ValueError:
        return None
    return np.asarray(lookup[words.codes])


def fingerprint(examples: Examples, given: Given) -> str:
    """sha256, in hexadecimal, of the predictions on the probe set, numbers rounded to six digits.

    One line an example: id, label and numbers, the lines in ascending order. Below 1 six decimals count, above six
    significant digits, so that a sum in another order of its terms is no other model.
    """
    digest = hashlib.sha256()
    for line in sorted(_lines(examples, given)):
        digest.update(line)
    return digest.hexdigest()


def _lines(examples: Examples, given: Given) -> Iterator[bytes]:
    ids = texts_of_ids(examples.ids[examples.probe])
    numbers = [given.values, given.score, *(given.class_scores[name] for name in sorted(given.class_scores))]
    cells = [_rounded(each[examples.probe]) for each in numbers if each is not None]
    words = [] if given.labels is None else [*given.labels.values, "nan"]
    for row, (name, place) in enumerate(zip(ids, examples.probe.tolist(), strict=True)):
        label = words[int(given.labels.codes[place])] if given.labels is not None else ""
        said = "\t".join([label, *(column[row] for column in cells)])
        yield name + b"\t" + said.encode("utf-8", "surrogatepass") + b"\n"


def _rounded(values: NDArray[np.float64]) -> list[str]:
    return [_six(value) for value in values.tolist()]


def _six(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    short = float(f"{value:.6g}") if abs(value) >= 1 else round(value, 6)
    return f"{short + 0.0:.6f}"

"""Rows of a database that break rules: some of them by what names them, or all of them in a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlci.adapters.datasets.duck_rows import in_text
from mlci.adapters.datasets.duck_rules import OnRows, on_rows
from mlci.adapters.datasets.duck_table import Table, quoted
from mlci.adapters.datasets.duck_values import Impossible
from mlci.adapters.datasets.gx.selects import Run, breaking
from mlci.adapters.disk.files import umask
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.contract import Rule
from mlci.domain.dataset.measured import Offenders
from mlci.domain.dataset.vocabulary import EXPECTATIONS
from mlci.errors import NotWritable, Place


def broken_rules(table: Table, rules: Sequence[Rule]) -> list[OnRows]:
    """Those of the rules that single rows break, and that can be counted, in SQL."""
    found = []
    for rule in rules:
        known = EXPECTATIONS.get(rule.expectation)
        if known is None or not known.on_rows or rule.trouble is not None:
            continue
        try:
            found.append(on_rows(table, rule))
        except Impossible:
            continue
    return found


def offending(run: Run, table: Table, rule: Rule, keys: Sequence[str], most: int, *, values: bool) -> Offenders:
    """The first rows by their keys that break a rule on rows; without keys nothing names a row of a database."""
    named = tuple(keys) if keys and all(key in table.columns for key in keys) else ()
    broken = broken_rules(table, [rule])
    if not named or not broken or most < 1:
        return Offenders(keys=named or ("row",), rows=())
    told = [f"{quoted(name)} AS v{number}" for number, name in enumerate(rule.columns)] if values else []
    listed = ", ".join([*(f"{quoted(name)} AS k{number}" for number, name in enumerate(named)), *told])
    # By the values as well where they are told, so that equal keys come in the same order each time.
    order = ", ".join(str(number + 1) for number in range(len(named) + len(told)))
    sql = f"SELECT {listed} FROM {breaking(table, broken)} ORDER BY {order} LIMIT {int(most)}"
    found = [tuple(map(in_text, row)) for row in run(sql)]
    return Offenders(
        keys=named, rows=tuple(row[: len(named)] for row in found),
        values=tuple(row[len(named) :] for row in found) if values else (),
    )  # fmt: skip


def write_rows(batches: Iterator[list[tuple[Any, ...]]], columns: Mapping[str, str], path: str) -> int:
    """Write rows to a Parquet file that nobody ever sees half of; return how many.

    Raises:
        NotWritable: the file cannot be written; what was there before still is.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {
        "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
    }  # fmt: skip
    schema = pa.schema([(name, kinds.get(held, pa.string())) for name, held in columns.items()])
    target, written = Path(path), 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(handle)
        try:
            with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
                for rows in batches:
                    arrays = [pa.array([row[at] for row in rows], type=one.type) for at, one in enumerate(schema)]
                    writer.write_table(pa.table(arrays, schema=schema))
                    written += len(rows)
            Path(temporary).chmod(0o666 & ~umask())
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        shown = one_line(path, 200)
        why = f"cannot write {shown}: {error.strerror or error}"
        raise NotWritable(why, place=Place(shown), help="check permissions and space") from error
    return written

"""Arrow and Feather for DuckDB: batch by batch into Parquet, which it reads within its limit of memory."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mlci.adapters.datasets.duck_files import Files, Part
from mlci.adapters.datasets.duck_parquet import open_parquet
from mlci.adapters.datasets.duck_session import Session
from mlci.adapters.datasets.duck_table import Table
from mlci.adapters.oneline import one_line
from mlci.domain.dataset.contract import Type
from mlci.errors import DataUnreadable, Place


def open_arrow(session: Session, files: Files, name: str, types: Mapping[str, Type]) -> Table:
    """Read every batch.

    Raises:
        DataUnreadable: a file is malformed.
    """
    parts = tuple(_converted(session, part) for part in files.parts)
    return open_parquet(session, Files("parquet", parts, files.partitions), name, types)


def _converted(session: Session, part: Part) -> Part:
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = session.spill.file(f"arrow-{len(os.listdir(session.spill.path))}.parquet")  # noqa: PTH208
    try:
        with pa.memory_map(part.place) as source:
            try:
                reader = pa.ipc.open_file(source)
                batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
            except pa.ArrowInvalid:
                source.seek(0)
                reader = pa.ipc.open_stream(source)
                batches = iter(reader)
            with pq.ParquetWriter(place, reader.schema, compression="lz4") as writer:
                for batch in batches:
                    batch.validate(full=True)
                    writer.write_batch(batch)
    except (pa.ArrowException, OSError) as error:
        cause = one_line(str(error).partition("\n")[0], 160)
        raise DataUnreadable(f"{part.shown} cannot be read: {cause}", place=Place(part.shown)) from error
    return Part(place, part.shown, ".parquet", "", os.stat(place).st_size)  # noqa: PTH116

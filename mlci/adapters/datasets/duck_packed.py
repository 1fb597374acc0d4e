"""Packed text, unpacked once within bounds, so that it can be read by several threads and cannot fill the disk."""

from __future__ import annotations

import os
from dataclasses import replace

from mlci.adapters.datasets.duck_files import Part
from mlci.adapters.datasets.duck_spill import Spill
from mlci.adapters.oneline import one_line
from mlci.errors import DataUnreadable, EngineFailed, Place

# Text shrinks to a tenth, rarely to a fiftieth; what grows more than this was made to do harm.
GROWTH = 200
_SURELY_FINE = 64 << 20
_BLOCK = 1 << 20
_FORMS = {".gz": "gzip", ".zst": "zstd"}


def unpacked(spill: Spill, part: Part) -> Part:
    """A file as it is where it is not packed, else a copy that is not.

    Raises:
        DataUnreadable: it is cut off or malformed, or grows as no text does.
        EngineFailed: the disk is full.
    """
    if not part.packed:
        return part
    import pyarrow as pa

    place = spill.file(f"unpacked-{len(os.listdir(spill.path))}{part.ending}")  # noqa: PTH208
    size = 0
    try:
        raw = pa.OSFile(part.place, "rb")
        with raw, pa.CompressedInputStream(raw, _FORMS[part.packed]) as stream, open(place, "wb") as copy:  # noqa: PTH123
            while block := stream.read(_BLOCK):
                size += len(block)
                if size > _SURELY_FINE and size > GROWTH * part.size:
                    raise DataUnreadable(
                        f"{part.shown} cannot be read: its {part.size:,} bytes grow more than {GROWTH}-fold",
                        place=Place(part.shown), help="text does not; if this one does, give it unpacked",
                    )  # fmt: skip
                copy.write(block)
    except OSError as error:
        # pyarrow's errors of a malformed stream are OSError without a number, those of the disk have one.
        if error.errno is not None:
            why = f"cannot unpack {part.shown}: {error.strerror or error}"
            raise EngineFailed(why, place=Place(part.shown), help="free some disk") from error
        cause = one_line(str(error), 160)
        raise DataUnreadable(
            f"{part.shown} cannot be unpacked, after {size:,} bytes: {cause}", place=Place(part.shown)
        ) from error
    if size == 0:
        raise DataUnreadable(f"{part.shown} cannot be read: it is empty", place=Place(part.shown))
    return replace(part, place=place, packed="", size=size)

"""What an Inspect archive says of its samples: a zip of a stranger's, read member by member with every size bounded."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from mlci.adapters.disk.files import unread
from mlci.adapters.tables.harness.documents import LARGEST_DOCUMENT, parsed, too_large
from mlci.errors import ExtraMissing, Place, Unreadable

_HEADER, _SUMMARIES, _JOURNAL = "header.json", "summaries.json", "_journal/summaries/"
# Inspect packs with Zstandard, which zip calls method 93 (APPNOTE 4.4.5) and Python's zipfile has since 3.14.
_ZSTANDARD = 93
_LARGEST_ARCHIVE = 8 << 30
_LARGEST_DIRECTORY = 64 << 20
_BROKEN = (
    zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, struct.error, EOFError,
)  # fmt: skip


def read(file: Path) -> tuple[Any, list[Any]]:
    """The log without its samples, and the summary of each sample.

    Raises:
        FileMissing, Unreadable, ExtraMissing: what is wrong with the archive, or what is missing to unpack it.
    """
    place = Place(str(file))
    try:
        size = file.stat().st_size
        if size > _LARGEST_ARCHIVE:
            raise too_large(file, _LARGEST_ARCHIVE)
        with file.open("rb") as stream:
            if _directory_size(stream, size) > _LARGEST_DIRECTORY:
                raise Unreadable("far too many members", place=place)
            archive = zipfile.ZipFile(stream)
            # The last of one name counts: what Inspect scores again, it appends.
            found = {member.filename: member for member in archive.infolist()}
            if _HEADER not in found:
                raise Unreadable("no Inspect log: it has no header.json", place=place)
            header = _document(stream, found[_HEADER], place)
            members = [found[name] for name in _summaries(found)]
            # Each is bounded by itself; a thousand of them, which may even share their bytes, are bounded together.
            if sum(member.file_size for member in members) > LARGEST_DOCUMENT:
                raise Unreadable(f"its summaries have more than {LARGEST_DOCUMENT >> 20} MiB", place=place)
            summaries = [each for member in members for each in _list(stream, member, place)]
    except OSError as error:
        raise unread(str(file), error) from error
    except _BROKEN as error:
        raise Unreadable(f"a broken archive: {str(error)[:100]}", place=place) from error
    return header, summaries


def _directory_size(stream: IO[bytes], size: int) -> int:
    """Bytes of the list of members, read before the list is (APPNOTE 4.3.14 to 4.3.16)."""
    tail = min(size, 22 + 65_535 + 20)
    stream.seek(size - tail)
    end = stream.read(tail)
    start = end.rfind(b"PK\x05\x06")
    if start < 0 or start + 22 > len(end):
        raise zipfile.BadZipFile("it has no end")
    if start >= 20 and end[start - 20 : start - 16] == b"PK\x06\x07":
        stream.seek(struct.unpack_from("<Q", end, start - 12)[0])
        record = stream.read(56)
        return int(struct.unpack_from("<Q", record, 40)[0])
    return int(struct.unpack_from("<L", end, start + 12)[0])


def _summaries(found: dict[str, zipfile.ZipInfo]) -> Iterator[str]:
    if _SUMMARIES in found:
        yield _SUMMARIES
    else:
        parts = [name for name in found if name.startswith(_JOURNAL)]
        yield from sorted(parts, key=lambda name: (len(name), name))


def _list(stream: IO[bytes], member: zipfile.ZipInfo, place: Place) -> list[Any]:
    document = _document(stream, member, place)
    if not isinstance(document, list):
        raise Unreadable(f"{member.filename} is not a list", place=place)
    return document


def _document(stream: IO[bytes], member: zipfile.ZipInfo, place: Place) -> Any:
    content = _unpacked(stream, member, place)
    if zlib.crc32(content) != member.CRC:
        raise Unreadable(f"{member.filename} is broken: its checksum is another", place=place)
    return parsed(content, Place(f"{place.file}:{member.filename}"))


def _unpacked(stream: IO[bytes], member: zipfile.ZipInfo, place: Place) -> bytes:
    """The bytes of a member, never more than it declares and never more than is allowed."""
    if member.flag_bits & 0x1 or stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        raise Unreadable(f"{member.filename} is encrypted or no file", place=place)
    if member.file_size > LARGEST_DOCUMENT or member.compress_size > LARGEST_DOCUMENT:
        raise Unreadable(f"{member.filename} has more than {LARGEST_DOCUMENT >> 20} MiB", place=place)
    packed = _packed(stream, member)
    if member.compress_type == zipfile.ZIP_STORED:
        content = packed
    elif member.compress_type == zipfile.ZIP_DEFLATED:
        content = zlib.decompressobj(-15).decompress(packed, member.file_size + 1)
    elif member.compress_type == _ZSTANDARD:
        content = _from_zstandard(packed, member.file_size + 1, place)
    else:
        raise Unreadable(f"{member.filename} is packed by method {member.compress_type}", place=place)
    if len(content) != member.file_size:
        raise Unreadable(f"{member.filename} does not have the size that it declares", place=place)
    return content


def _packed(stream: IO[bytes], member: zipfile.ZipInfo) -> bytes:
    """The packed bytes, after the member's own header (APPNOTE 4.3.7)."""
    stream.seek(member.header_offset)
    header = stream.read(30)
    if header[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("a member is not where the list says")
    name, extra = struct.unpack("<HH", header[26:30])
    stream.seek(name + extra, 1)
    return stream.read(member.compress_size)


def _from_zstandard(packed: bytes, most: int, place: Place) -> bytes:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise ExtraMissing(
            "this log is packed with Zstandard, and unpacking it needs pyarrow",
            place=place,
            help='pip install "mlci[parquet]", or convert it: inspect log convert --to json',
        ) from error
    try:
        with pa.input_stream(pa.py_buffer(packed), compression="zstd") as stream:
            content: bytes = stream.read(most)
    except (pa.ArrowException, OSError) as error:
        raise zipfile.BadZipFile(str(error)) from error
    return content

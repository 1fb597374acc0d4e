"""Streams that are unpacked as they are read, within limits: nothing is written where it could be found or run."""

from __future__ import annotations

import bz2
import lzma
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

# Of one file: bytes that it unpacks to, containers within containers, members of all of them.
MOST_UNFOLDED, DEEPEST, MOST_MEMBERS = 4 << 30, 8, 100_000
# From so many bytes on, one that unpacks to so many times its size is a bomb.
_BOMB_FROM, _BOMB = 64 << 20, 200
_IN_MEMORY = 32 << 20
_BLOCK = 1 << 18


class Unreadable(Exception):
    """It cannot be walked; the text says why, as the end of a sentence that begins with what it is about."""


@dataclass
class Limits:
    """What one file may still unpack to."""

    room: int = MOST_UNFOLDED
    members: int = MOST_MEMBERS

    def unfold(self, size: int) -> None:
        """Take note of unpacked bytes."""
        self.room -= size
        if self.room < 0:
            raise Unreadable(f"unpacks to more than the {MOST_UNFOLDED >> 30} GiB that are walked")

    def member(self) -> None:
        """Take note of a member."""
        self.members -= 1
        if self.members < 0:
            raise Unreadable(f"has more than the {MOST_MEMBERS:,} members that are walked")


class Source(Protocol):
    """A file that can be read from any place."""

    def read(self, size: int = -1, /) -> bytes: ...
    def readline(self, size: int = -1, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...


@dataclass
class Unfolded:
    """A stream that is unpacked as far as it is read, and can be read from any place before that again.

    Args:
        blocks: its bytes, in order.
        limits: that count them.
        packed: bytes that it is packed in, 0 where nobody knows.
    """

    blocks: Iterator[bytes]
    limits: Limits
    packed: int = 0
    _spool: IO[bytes] = field(default_factory=lambda: tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
    _filled: int = 0
    _at: int = 0
    _is_done: bool = False

    def _fill(self, until: int | None) -> None:
        while not self._is_done and (until is None or self._filled < until):
            block = next(self.blocks, b"")
            self._is_done = not block
            self.limits.unfold(len(block))
            self._spool.seek(self._filled)
            self._spool.write(block)
            self._filled += len(block)
            if self.packed and self._filled > _BOMB_FROM and self._filled > _BOMB * self.packed:
                raise Unreadable(f"unpacks to more than {_BOMB} times its size")

    def read(self, size: int = -1, /) -> bytes:
        """Bytes from here on."""
        self._fill(None if size < 0 else self._at + size)
        self._spool.seek(self._at)
        block = self._spool.read(size)
        self._at += len(block)
        return block

    def readline(self, size: int = -1, /) -> bytes:
        """A line from here on, or so many bytes of it."""
        self._fill(self._at + (1 << 12))
        while True:
            self._spool.seek(self._at)
            line = self._spool.readline(size)
            if line.endswith(b"\n") or self._is_done or 0 <= size <= len(line):
                self._at += len(line)
                return line
            self._fill(self._filled + _BLOCK)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place; only its end has to be unpacked for."""
        if whence == 2:
            self._fill(None)
        self._at = max(0, offset + (0, self._at, self._filled)[whence])
        return self._at

    def tell(self) -> int:
        """The place."""
        return self._at

    def seekable(self) -> bool:
        """As zipfile asks."""
        return True

    def close(self) -> None:
        """Forget all of it."""
        self._spool.close()


def _decompressed(source: Source, new: Callable[[], Any]) -> Iterator[bytes]:
    """What a decompressor gives, stream after stream, as gzip and xz allow; garbage behind the last is left."""
    worker, rest = new(), b""
    try:
        while True:
            block = rest or source.read(_BLOCK)
            if not block:
                if not worker.eof:
                    raise Unreadable("is cut off in the middle of what it packs")
                return
            yield from _in_pieces(worker, block)
            rest = b""
            if worker.eof:
                rest = worker.unused_data or source.read(_BLOCK)
                if not rest.lstrip(b"\0"):
                    return
                worker = new()
    except (zlib.error, OSError, EOFError, ValueError, lzma.LZMAError) as error:
        raise Unreadable(f"cannot be unpacked: {str(error)[:100]}") from None


def _in_pieces(worker: Any, block: bytes) -> Iterator[bytes]:
    """No more at once than a block, however much a few bytes unpack to."""
    piece = worker.decompress(block, _BLOCK)
    while True:
        if piece:
            yield piece
        if worker.eof:
            return
        left = getattr(worker, "unconsumed_tail", None)
        if left is not None:
            if not left:
                return
            piece = worker.decompress(left, _BLOCK)
        elif worker.needs_input:
            return
        else:
            piece = worker.decompress(b"", _BLOCK)


_WORKERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "zlib": zlib.decompressobj,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}


def compression_of(head: bytes) -> str:
    """How a stream is compressed; empty where it is not, or where zlib's two bytes may be anything else."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"BZh") and head[3:4].isdigit():
        return "bzip2"
    if head.startswith((b"\xfd7zXZ\0", b"\x5d\0\0")):
        return "xz"
    if head[:1] == b"\x78" and len(head) > 2 and int.from_bytes(head[:2], "big") % 31 == 0 and not head[1] & 0x20:
        return "zlib"
    return ""


def unfolded(source: Source, kind: str, limits: Limits, packed: int) -> Unfolded:
    """What a compressed stream unpacks to."""
    source.seek(0)
    return Unfolded(_decompressed(source, _WORKERS[kind]), limits, packed)

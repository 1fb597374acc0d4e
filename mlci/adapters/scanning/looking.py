"""One file looked through: by what it holds and not by its name, through every container that it is packed in."""

from __future__ import annotations

import contextlib
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from mlci.adapters.oneline import one_line
from mlci.adapters.scanning import arrays, configs, graphs
from mlci.adapters.scanning.pickled import SCRIPT, Pickled, is_headed
from mlci.adapters.scanning.unfolding import DEEPEST, Limits, Source, Unfolded, Unreadable, compression_of, unfolded
from mlci.domain.scanning.scan import Opinion, Scan, Seen, Sighting

_HEAD = 4096
_BLOCK = 1 << 18
_ZIP, _ZIP_END = b"PK\x03\x04", b"PK\x05\x06"
# The record that ends a zip is 22 bytes, and a comment of up to 64 KiB.
_TAIL = 22 + (1 << 16)
# Containers that nothing here opens.
_CLOSED = {
    b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!\x1a\x07": "rar", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4",
}  # fmt: skip
_PLAIN = "zip archive"
_NATIVE = (b"\x7fELF", b"MZ\x90\0", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_LFS = b"version https://git-lfs.github.com/spec/"


def scan(path: str, shown: str | None = None) -> Scan:
    """Look one file through, without loading or importing anything.

    Args:
        path: of the file.
        shown: what it is called in the result; its path if left out.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as stream:  # noqa: PTH123 - a descriptor that numpy, torch and zipfile read alike
        look = Look(limits=Limits(), name=os.path.basename(path))  # noqa: PTH119
        format = look.top(stream)
    return look.seen.scan(shown if shown is not None else path, format)


@dataclass
class Look:
    """What was seen of one file so far; ``within`` is the archive whose members are looked through."""

    limits: Limits
    name: str
    seen: Seen = field(default_factory=Seen)
    within: str = ""

    def top(self, stream: Source) -> str:
        """The format of the file itself; empty where nothing in it loads as a model."""
        head = stream.read(_HEAD)
        if head.startswith(_LFS) and PurePosixPath(self.name).suffix.lower() in _ENDINGS:
            self.add("", None, "", "is kept by git-lfs and was not fetched", "unknown")
            return "git-lfs pointer"
        formats = [self._guarded(stream, "", 0, self.name)]
        # A reader that looks at the end first takes a file for a zip, whatever it begins with.
        if not head.startswith(_ZIP) and _ends_as_zip(stream):
            inside = self._guarded(stream, "", 0, self.name, kind="zip")
            if inside and not formats[0]:
                formats = [inside]
        return formats[0]

    def add(self, inside: str, position: int | None, what: str, message: str, opinion: Opinion) -> None:
        """Take note of something."""
        self.seen.add(
            Sighting(
                inside=inside,
                position=position,
                what=one_line(what, 200),
                message=one_line(message, 400),
                opinion=opinion,
            )
        )

    def note(self, text: str) -> None:
        """Take note of what speaks against nothing."""
        if len(self.seen.notes) < 20:
            self.seen.notes[one_line(text, 300)] = None

    def _guarded(self, stream: Source, inside: str, depth: int, name: str, kind: str = "") -> str:
        """As ``stream``; what goes wrong makes it unknown, never clean."""
        try:
            stream.seek(0)
            return self.stream(stream, inside, depth, name, kind)
        except Unreadable as error:
            self.add(inside, None, "", str(error), "unknown")
        except (OSError, ValueError, EOFError, RecursionError, MemoryError, zlib.error, RuntimeError) as error:
            self.add(inside, None, "", f"cannot be walked: {type(error).__name__}: {error}", "unknown")
        return "unreadable"

    def stream(self, stream: Source, inside: str, depth: int, name: str, kind: str = "") -> str:
        """What a stream is, and everything in it looked through."""
        head = stream.read(_HEAD)
        if depth > DEEPEST:
            raise Unreadable(f"is packed more than {DEEPEST} times")
        format = self._by_kind(stream, head, inside, depth, name, kind)
        if format != "pickle":
            # A name in a tar, the length before a header, or the letters GGUF are opcodes, too, to an unpickler.
            stream.seek(0)
            format = Pickled(self, stream, inside).look(headed=is_headed(head)) or format
        return format

    def _by_kind(self, stream: Source, head: bytes, inside: str, depth: int, name: str, kind: str) -> str:
        if kind == "zip" or head.startswith((_ZIP, _ZIP_END)):
            return self._zip(stream, inside, depth)
        for magic, closed in _CLOSED.items():
            if head.startswith(magic):
                self.add(inside, None, "", f"is packed as {closed}, which is not opened", "unknown")
                return closed
        if packing := compression_of(head):
            return self._compressed(stream, inside, depth, name, packing)
        if _is_tar(head):
            return self._tar(stream, inside, depth)
        return self._plain(stream, head, inside, name)

    def _plain(self, stream: Source, head: bytes, inside: str, name: str) -> str:
        for look in (arrays.look, graphs.look, configs.look):
            stream.seek(0)
            if format := look(self, stream, head, inside, name):
                return format
        return ""

    # Containers.

    def _compressed(self, stream: Source, inside: str, depth: int, name: str, packing: str) -> str:
        packed = _size(stream) if depth == 0 else 0
        inner = unfolded(stream, packing, self.limits, packed)
        with contextlib.closing(inner):
            try:
                head = inner.read(_HEAD)
            except Unreadable:
                # Two bytes of zlib's can begin anything.
                if packing == "zlib":
                    return ""
                raise
            if not head:
                return ""
            inner.seek(0)
            bare = name.removesuffix(PurePosixPath(name).suffix)
            format = self.stream(inner, inside, depth + 1, bare)
        return f"{format} in {packing}" if format else ""

    def _zip(self, stream: Any, inside: str, depth: int) -> str:
        try:
            stream.seek(0)
            archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
            raise Unreadable(f"is no zip that can be read: {error}") from None
        with archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            kind = _archive(names)
            outer, self.within = self.within, kind
            formats = [
                self._member(archive, member, _within(inside, member.filename), depth)
                for member in members
                if not member.is_dir()
            ]
            self.within = outer
        if kind == SCRIPT:
            self.note(f"{inside or self.name} holds TorchScript, code that torch runs in an interpreter of its own")
        return kind if kind != _PLAIN or any(formats) else ""

    def _member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, inside: str, depth: int) -> str:
        self.limits.member()
        if member.flag_bits & 0x1:
            self.add(inside, None, "", "is encrypted", "unknown")
            return "encrypted"
        try:
            opened = archive.open(member)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError) as error:
            self.add(inside, None, "", f"cannot be unpacked: {error}", "unknown")
            return "unreadable"
        with opened, contextlib.closing(Unfolded(_blocks(opened), self.limits, member.compress_size)) as inner:
            format = self._guarded(inner, inside, depth + 1, PurePosixPath(member.filename).name)
            inner.seek(0)
            with contextlib.suppress(Unreadable):
                if self.within != _PLAIN and inner.read(4).startswith(_NATIVE):
                    self.add(inside, None, "", "holds native code, which loading the model runs", "unsafe")
        return format

    def _tar(self, stream: Any, inside: str, depth: int) -> str:
        formats = []
        try:
            stream.seek(0)
            with tarfile.open(fileobj=stream, mode="r:") as archive:
                for member in archive:
                    self.limits.member()
                    if not member.isfile() or (opened := archive.extractfile(member)) is None:
                        continue
                    with contextlib.closing(Unfolded(_blocks(opened), self.limits)) as inner:
                        name = PurePosixPath(member.name).name
                        formats.append(self._guarded(inner, _within(inside, member.name), depth + 1, name))
        except (tarfile.TarError, UnicodeError) as error:
            raise Unreadable(f"is no tar that can be read to its end: {error}") from None
        return "tar archive" if any(formats) else ""


# What models are usually called; only a pointer of git-lfs is judged by it, because nothing else is there.
_ENDINGS = frozenset((
    ".pkl", ".pickle", ".joblib", ".pt", ".pth", ".pt2", ".bin", ".ckpt", ".h5", ".keras", ".onnx", ".npy", ".npz",
    ".skops", ".safetensors", ".gguf", ".ts", ".model", ".dill", ".pb",
))  # fmt: skip


def _blocks(opened: Any) -> Iterator[bytes]:
    try:
        while block := opened.read(_BLOCK):
            yield block
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise Unreadable(f"cannot be unpacked: {error}") from None


def _archive(names: list[str]) -> str:
    """What a zip is by the names of its members, which its readers go by."""
    last = {PurePosixPath(name).name for name in names}
    if any(PurePosixPath(name).parts[1:2] == ("code",) and name.endswith(".py") for name in names):
        return SCRIPT
    if "archive_format" in last or "serialized_exported_program.json" in last:
        return "torch export archive"
    if "data.pkl" in last:
        return "torch archive"
    if "schema.json" in names:
        return "skops archive"
    if {"config.json", "metadata.json"} <= set(names):
        return "Keras archive"
    if names and all(name.endswith(".npy") for name in names):
        return "numpy archive"
    return _PLAIN


def _within(inside: str, name: str) -> str:
    return one_line(f"{inside}!{name}" if inside else name, 300)


def _is_tar(head: bytes) -> bool:
    if head[257:262] == b"ustar":
        return True
    # Older ones have no name of their own, only a sum over the first header.
    if len(head) < 512 or not head[0] or not head[148:156].strip(b" \0").isdigit():
        return False
    with contextlib.suppress(tarfile.TarError, ValueError):
        tarfile.TarInfo.frombuf(head[:512], "utf-8", "surrogateescape")
        return True
    return False


def _size(stream: Source) -> int:
    size = stream.seek(0, 2)
    stream.seek(0)
    return size


def _ends_as_zip(stream: Source) -> bool:
    size = _size(stream)
    stream.seek(max(0, size - _TAIL))
    tail = stream.read(_TAIL)
    at = tail.rfind(_ZIP_END)
    if at < 0 or len(tail) - at < 22:
        return False
    # As zipfile looks: the comment goes to the end. A few of the bytes alone stand in many a file.
    return int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail) - at - 22

"""A zip that another run made: one member read in memory, or all written to a folder; refused at the first oddity.

Such an archive is hostile until proven otherwise. Its members' names lead nowhere, its sizes are not believed.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from mlci.adapters.oneline import one_line
from mlci.errors import ArtifactRefused

# The end-of-central-directory record, section 4.3.16 of PKWARE's APPNOTE, and the locator of its 64-bit form.
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x07"
_END_SIZE, _LOCATOR_SIZE, _LONGEST_COMMENT = 22, 20, 65_535
# Some ten thousand members; a step of ours leaves two.
_LARGEST_DIRECTORY = 1 << 20
# What deflate makes of real tables stays far below; a small member may be as repetitive as it likes.
_HIGHEST_RATIO, _RATIO_COUNTS_FROM = 250, 1 << 20
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_STUMBLES = (
    zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, struct.error, EOFError,
)  # fmt: skip
_ENCRYPTED = 0x1 | 0x40


# What steps leave beside what they keep, where a forge packs both.
_ASIDE = ".mlci/"


class NoMember(ArtifactRefused):
    """The archive is sound and has no such file."""


def only_member(content: bytes, name: str, limit: int, *, nested: bool = False) -> bytes:
    """The one regular file of exactly this name.

    Args:
        content: the zip.
        name: of the member, without folders.
        limit: bytes that the member may have unpacked.
        nested: whether it lies in a folder; of several the one that lies least deep, and there may be one only.

    Raises:
        NoMember: there is no such member.
        ArtifactRefused: there is more than one; a member's name leads out of a folder; the member is
            encrypted, a link, larger than the limit, packed too tightly, or broken.
    """
    with _opened(content) as archive:
        names = [each.filename for each in archive.infolist()]
        wanted = set(_called(names, name) if nested else [name])
        named = [each for each in archive.infolist() if each.filename in wanted]
        if not named:
            raise NoMember(f"the artifact has no {name}")
        if len(named) > 1:
            raise ArtifactRefused(f"the artifact has {len(named)} members that are called {name}")
        _check(named[0], name, limit)
        return _unpacked(archive, named[0], name)


def _called(members: Sequence[str], name: str) -> list[str]:
    """The members of this name that lie least deep: a model may have a file of any name in its own folder."""
    named = [each for each in members if each.rpartition("/")[2] == name and not each.startswith(_ASIDE)]
    least = min((each.count("/") for each in named), default=0)
    return [each for each in named if each.count("/") == least]


def _opened(content: bytes) -> zipfile.ZipFile:
    size = _directory_size(content)
    if size is None:
        raise ArtifactRefused("the artifact is not a zip of the plain kind")
    if size > _LARGEST_DIRECTORY:
        raise ArtifactRefused("the artifact has far too many members")
    try:
        archive = zipfile.ZipFile(BytesIO(content))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OverflowError, EOFError) as error:
        raise ArtifactRefused(f"the artifact is not a zip: {one_line(error, 100)}") from None
    for each in archive.infolist():
        if _leads_astray(each.orig_filename):
            raise ArtifactRefused(f"the artifact has a member with the name {one_line(repr(each.orig_filename), 100)}")
    return archive


def _directory_size(content: bytes) -> int | None:
    """Bytes of the list of members, read before the whole list is parsed; None where there is none, or a 64-bit one."""
    start = content.rfind(_END, max(0, len(content) - _END_SIZE - _LONGEST_COMMENT))
    if start < 0 or start + _END_SIZE > len(content):
        return None
    locator = max(0, start - _LOCATOR_SIZE)
    if content[locator : locator + len(_END_64)] == _END_64:
        return None
    size: int = struct.unpack_from("<L", content, start + 12)[0]
    return size


def _leads_astray(name: str) -> bool:
    return (
        not name.isprintable()
        or "\\" in name
        or name.startswith("/")
        or name[1:2] == ":"
        or ".." in name.rstrip("/").split("/")
    )


def _check(member: zipfile.ZipInfo, name: str, limit: int) -> None:
    _check_kind(member, name)
    if member.file_size > limit:
        raise ArtifactRefused(f"{name} in the artifact has {member.file_size:,} bytes unpacked, more than {limit:,}")
    if member.file_size > max(_RATIO_COUNTS_FROM, member.compress_size * _HIGHEST_RATIO):
        raise ArtifactRefused(f"{name} in the artifact is packed more tightly than real data can be")


def _check_kind(member: zipfile.ZipInfo, name: str) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if member.is_dir() or kind not in (0, stat.S_IFREG):
        raise ArtifactRefused(f"{name} in the artifact is not a regular file")
    if member.flag_bits & _ENCRYPTED:
        raise ArtifactRefused(f"{name} in the artifact is encrypted")
    if member.compress_type not in _METHODS:
        raise ArtifactRefused(f"{name} in the artifact is packed by method {member.compress_type}, not by deflate")


@contextmanager
def _broken(name: str, *others: type[Exception]) -> Iterator[None]:
    """Refuse what the library stumbles over."""
    kinds: tuple[type[Exception], ...] = (*_STUMBLES, *others)
    try:
        yield
    except kinds as error:
        raise ArtifactRefused(f"{name} in the artifact is broken: {one_line(error, 100)}") from None


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> bytes:
    """The bytes, at most as many as declared; the checksum tells whether there were more, or others."""
    with _broken(name, OSError), archive.open(member) as stream:
        content = stream.read(member.file_size + 1)
    if len(content) != member.file_size:
        raise ArtifactRefused(f"{name} in the artifact is broken: it does not have the size that it declares")
    return content


def unpack(content: bytes, folder: Path, limit: int, *, beside: str | None = None) -> None:
    """Write every member of a zip below a folder that exists and is empty.

    Args:
        content: the zip.
        folder: is left half filled when this raises; whoever made it removes it.
        limit: bytes that all members may have unpacked.
        beside: name of the one member beside and below which the others are wanted, in whatever folder it lies; None
            for all of the zip.

    Raises:
        ArtifactRefused: a member's name leads out of the folder, or stands twice; one is encrypted, a link, packed by
            an unknown method, or broken; or they have more bytes than the limit.
        OSError: it cannot be written.
    """
    with _opened(content) as archive:
        members = [each for each in archive.infolist() if not each.is_dir()]
        within = _folder_of([each.filename for each in members], beside) if beside is not None else ""
        members = [each for each in members if each.filename.startswith(within)]
        declared = sum(each.file_size for each in members)
        if declared > limit:
            raise ArtifactRefused(f"the artifact has {declared:,} bytes unpacked, more than {limit:,}")
        for member in members:
            name = one_line(member.filename, 100)
            # A model of zeros is small when packed; the sum of all sizes is bounded instead of each ratio.
            _check_kind(member, name)
            _write(archive, member, folder / member.filename[len(within) :], name)


def _folder_of(members: Sequence[str], name: str) -> str:
    """The folder that the one member of this name lies in, with a slash at its end."""
    named = _called(members, name)
    if len(named) != 1:
        raise ArtifactRefused(f"the artifact has {len(named)} members that are called {name}, and not one")
    return named[0][: -len(name)]


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, name: str) -> None:
    left = member.file_size
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        stream = target.open("xb")
    except (FileExistsError, NotADirectoryError):
        raise ArtifactRefused(f"{name} in the artifact stands in the way of another member") from None
    with stream, _broken(name), archive.open(member) as source:
        while block := source.read(min(1 << 20, left + 1)):
            left -= len(block)
            if left < 0:
                break
            stream.write(block)
    if left:
        raise ArtifactRefused(f"{name} in the artifact is broken: it does not have the size that it declares")

"""What a walk through a pickle knows of the values in it: plain ones, what was imported, and what that made."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mlci.domain.scanning.allowed import CODECS
from mlci.domain.scanning.scan import Opinion

# Tuples up to this size, and texts up to that, are followed as values; bytes longer than the block are passed over.
ITEMS = 64
# NPY_ITEM_REFCOUNT of https://numpy.org/doc/stable/reference/c-api/types-and-structures.html
_HAS_OBJECTS = 0x01
_TEXT, _BLOCK, _LINE = 4096, 1 << 20, 1 << 20
NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


class Stream(Protocol):
    """A file that can be read from any place."""

    def read(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...


class Other:
    """A value that is not followed."""


OTHER = Other()
MISSING = Other()


@dataclass(frozen=True)
class Global:
    """Something imported."""

    module: str
    name: str


@dataclass(eq=False)
class Made:
    """What calling something gave."""

    made_by: Any
    arguments: Any
    state: Any = None


# Takes what was seen: byte, the class it is about, a message, and what it makes of the file.
See = Callable[[int, str, str, Opinion], None]


@dataclass
class Walked:
    """How a walk ended.

    Attributes:
        end: byte after the last opcode that was understood.
        error: why it ended before STOP; None where it came to it.
        opcodes: how many were walked.
        value: what was on top at STOP, as far as it is followed.
        ran: whether anything was imported and called.
        named: whether anything was imported.
    """

    end: int = 0
    error: str | None = None
    opcodes: int = 0
    value: Any = OTHER
    ran: bool = False
    named: bool = False


class Broken(Exception):
    """The unpickler would stop here."""


class Reader:
    """As pickletools reads, without holding what is large: such bytes count by their length alone."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.tell = stream.tell

    def read(self, size: int) -> bytes:
        if size <= _BLOCK:
            return self._stream.read(size)
        at = self._stream.tell()
        # A length that the file does not have is found out by its last byte.
        self._stream.seek(at + size - 1)
        return _Unread(size) if self._stream.read(1) else b""

    def readline(self) -> bytes:
        return self._stream.readline(_LINE)


class _Unread(bytes):
    """Bytes that were passed over."""

    size: int

    def __new__(cls, size: int) -> _Unread:
        made = super().__new__(cls)
        made.size = size
        return made

    def __len__(self) -> int:
        return self.size


def shown(found: Global) -> str:
    return f"{found.module}.{found.name}"


def is_deep(value: Any, left: int = 6) -> bool:
    return isinstance(value, tuple) and (left == 0 or any(is_deep(one, left - 1) for one in value))


def encodes_bytes(arguments: Any) -> bool:
    return isinstance(arguments, tuple) and len(arguments) == 2 and arguments[1] in CODECS


@dataclass(frozen=True)
class Passed:
    """Bytes of an array within a stream.

    Attributes:
        size: how many.
        objects: whether another pickle stands there instead.
        aligned: whether they follow a byte that says how many fill the room before them.
    """

    size: int
    objects: bool
    aligned: bool


def passed_over(state: Any) -> Passed | None:
    """What joblib reads for a wrapper of this state; None where that cannot be told."""
    if not isinstance(state, dict):
        return None
    shape, itemsize = state.get("shape"), _itemsize(state.get("dtype"))
    alignment = state.get("numpy_array_alignment_bytes")
    if itemsize is None or not isinstance(shape, tuple) or not (alignment is None or type(alignment) is int):
        return None
    size = itemsize
    for one in shape:
        if type(one) is not int or not 0 <= one < 1 << 48:
            return None
        size *= one
    return Passed(size, itemsize == 0, alignment is not None) if size < 1 << 62 else None


def _itemsize(dtype: Any) -> int | None:
    """Bytes of an element of a numpy dtype as it is pickled; 0 of objects, None where it cannot be told."""
    if not isinstance(dtype, Made) or dtype.made_by != Global("numpy", "dtype"):
        return None
    code = dtype.arguments[0] if isinstance(dtype.arguments, tuple) and dtype.arguments else None
    found = re.fullmatch(r"([biufcmMSUOV])(\d{1,9})", code) if isinstance(code, str) else None
    if found is None:
        return None
    kind, size = found[1], int(found[2])
    if kind == "O":
        return 0
    if kind not in "SUV":
        return size if 0 < size <= 32 else None
    # The state of such a type says its size anew: version, order, subarray, names, fields, size, alignment, flags.
    state = dtype.state if isinstance(dtype.state, tuple) and len(dtype.state) >= 8 else ()
    if not state or type(state[5]) is not int or not 0 < state[5] < 1 << 30:
        return None
    return state[5] if kind != "V" or _holds_no_objects(state) else None


def _holds_no_objects(state: tuple[Any, ...]) -> bool:
    """Whether a structure holds numbers and texts alone, by its flags and by each of its fields."""
    subarray, names, fields, flags = state[2], state[3], state[4], state[7]
    if type(flags) is not int or flags & _HAS_OBJECTS:
        return False
    inner = [subarray] if subarray is not None else []
    if names is not None:
        if not isinstance(names, tuple) or not isinstance(fields, dict) or any(one not in fields for one in names):
            return False
        inner += [fields[one] for one in names]
    return bool(inner) and all(isinstance(one, tuple) and bool(one) and bool(_itemsize(one[0])) for one in inner)


def _text(value: Any) -> Any:
    return value if isinstance(value, str) and len(value) <= _TEXT else OTHER


def _other(_: Any) -> Any:
    return OTHER


CONSTANTS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"), lambda value: value),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), _text),
    **dict.fromkeys(("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"), _text),
    **dict.fromkeys(
        ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "FLOAT", "BINFLOAT", "NEXT_BUFFER"), _other
    ),
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_SET"), _other),
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_DICT": lambda _: {},
    "EMPTY_TUPLE": lambda _: (),
}

"""Graphs of operators, written as protocol buffers: ONNX, and what TensorFlow saves. Read by hand, field by field.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mlci.adapters.scanning.unfolding import Source, Unreadable

if TYPE_CHECKING:
    from mlci.adapters.scanning.looking import Look

_MOST_FIELDS = 5_000_000
_DEEPEST = 12
_TEXT = 4096
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5
# Domains whose operators a runtime has by itself: https://onnx.ai/onnx/operators and ONNX Runtime's contrib operators.
_OWN = frozenset((
    "", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "com.microsoft",
    "com.microsoft.nchwc", "com.microsoft.experimental", "org.pytorch.aten",
))  # fmt: skip
# Operators of TensorFlow's that reach the disk or call Python.
_REACHING = (b"ReadFile", b"WriteFile", b"PyFunc", b"PyFuncStateless", b"EagerPyFunc", b"LoadLibrary", b"MatchingFiles")
_SAVED_LARGEST = 256 << 20

# https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, by field number
_GRAPH, _OPSETS, _FUNCTIONS = 7, 8, 25
_NODE, _INITIALIZER = 1, 5
_DOMAIN, _OPERATOR, _ATTRIBUTE = 7, 4, 5
_TENSOR_OF, _GRAPH_OF, _TENSORS_OF, _GRAPHS_OF = 5, 6, 10, 11
_EXTERNAL = 13
_FUNCTION_NODE, _FUNCTION_DOMAIN = 7, 10


class _Other(Exception):
    """The bytes are no such message."""


Field = tuple[int, int, int, int]


class _Message:
    """The fields of a message that lies somewhere in a stream."""

    def __init__(self, stream: Source) -> None:
        self.stream = stream
        self.left = _MOST_FIELDS

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """Number, wire type, first byte (or value) and size of each field."""
        at = start
        while at < end:
            self.left -= 1
            if self.left < 0:
                raise Unreadable("has more fields than are walked")
            key, at = self._varint(at, end)
            number, wire = key >> 3, key & 7
            if number == 0:
                raise _Other
            if wire == _VARINT:
                value, at = self._varint(at, end)
                yield number, wire, value, 0
            else:
                size, at = self._size(wire, at, end)
                if size > end - at:
                    raise _Other
                yield number, wire, at, size
                at += size

    def _size(self, wire: int, at: int, end: int) -> tuple[int, int]:
        if wire == _LENGTH:
            return self._varint(at, end)
        if wire not in (_EIGHT, _FOUR):
            raise _Other
        return (8 if wire == _EIGHT else 4), at

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        self.stream.seek(at)
        value = 0
        for place, byte in enumerate(self.stream.read(min(10, end - at))):
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return value, at + place + 1
        raise _Other

    def text(self, at: int, size: int) -> str:
        """A field as text."""
        self.stream.seek(at)
        return self.stream.read(min(size, _TEXT)).decode("utf-8", "replace")


def look(to: Look, stream: Source, head: bytes, inside: str, name: str) -> str:
    """What a graph is; empty where the bytes are none."""
    # The first field is the version of the format: a small number. Other files begin so, too, and then do not go on.
    if head[:1] == b"\x08" and len(head) > 2 and head[1] < 0x80:
        if name.endswith(".pb"):
            return _saved(to, stream, inside)
        try:
            return _onnx(to, stream, inside)
        except _Other:
            if PurePosixPath(name).suffix == ".onnx":
                raise Unreadable("is no ONNX model that can be walked to its end") from None
    return ""


def _onnx(to: Look, stream: Source, inside: str) -> str:
    end = stream.seek(0, 2)
    message = _Message(stream)
    fields = list(message.fields(0, end))
    numbers = {number for number, *_ in fields}
    if not {_GRAPH, _OPSETS} <= numbers or not all(0 < one < 40 for one in numbers):
        return ""
    walk = _Onnx(to, message, inside)
    for number, wire, at, size in fields:
        if number == _FUNCTIONS and wire == _LENGTH:
            walk.function(at, at + size)
    for number, wire, at, size in fields:
        if number == _GRAPH and wire == _LENGTH:
            walk.graph(at, at + size, 0)
    walk.tell()
    return "ONNX"


class _Onnx:
    """One walk through a model."""

    def __init__(self, to: Look, message: _Message, inside: str) -> None:
        self._to, self._message, self._inside = to, message, inside
        self._domains: dict[str, str] = {}
        self._defined: set[str] = set()
        self._places: dict[str, int] = {}

    def tell(self) -> None:
        """Say what was found."""
        for domain, operator in self._domains.items():
            if domain not in self._defined:
                message = f"has operators of the domain {domain}, which need native code of somebody's own: {operator}"
                self._to.add(self._inside, None, f"{domain}::{operator}", message, "unknown")
        for place, at in self._places.items():
            path = PurePosixPath(place)
            if path.is_absolute() or ".." in path.parts or "\\" in place or ":" in place:
                message = f"reads its numbers from a file outside its folder: {place}"
                self._to.add(self._inside, at, place, message, "unsafe")
            else:
                self._to.note(f"{self._inside or self._to.name} keeps numbers in {place} beside it")

    def function(self, start: int, end: int) -> None:
        """Operators that the model defines itself."""
        for number, wire, at, size in self._message.fields(start, end):
            if number == _FUNCTION_DOMAIN and wire == _LENGTH:
                self._defined.add(self._message.text(at, size))
            elif number == _FUNCTION_NODE and wire == _LENGTH:
                self._node(at, at + size, 1)

    def graph(self, start: int, end: int, depth: int) -> None:
        """Nodes and constants of a graph, and of the graphs within it."""
        if depth > _DEEPEST:
            raise Unreadable("has graphs within graphs deeper than is walked")
        for number, wire, at, size in self._message.fields(start, end):
            if number == _NODE and wire == _LENGTH:
                self._node(at, at + size, depth)
            elif number == _INITIALIZER and wire == _LENGTH:
                self._tensor(at, at + size)

    def _node(self, start: int, end: int, depth: int) -> None:
        domain = operator = ""
        for number, wire, at, size in self._message.fields(start, end):
            if wire != _LENGTH:
                continue
            if number == _DOMAIN:
                domain = self._message.text(at, size)
            elif number == _OPERATOR:
                operator = self._message.text(at, size)
            elif number == _ATTRIBUTE:
                self._attribute(at, at + size, depth)
        if domain not in _OWN:
            self._domains.setdefault(domain, operator)

    def _attribute(self, start: int, end: int, depth: int) -> None:
        for number, wire, at, size in self._message.fields(start, end):
            if wire != _LENGTH:
                continue
            if number in (_TENSOR_OF, _TENSORS_OF):
                self._tensor(at, at + size)
            elif number in (_GRAPH_OF, _GRAPHS_OF):
                self.graph(at, at + size, depth + 1)

    def _tensor(self, start: int, end: int) -> None:
        for number, wire, at, size in self._message.fields(start, end):
            if number == _EXTERNAL and wire == _LENGTH:
                entry = {
                    key: (place, long) for key, kind, place, long in self._message.fields(at, at + size) if kind == 2
                }
                if 1 in entry and 2 in entry and self._message.text(*entry[1]) == "location":
                    self._places.setdefault(self._message.text(*entry[2]), at)


def _saved(to: Look, stream: Source, inside: str) -> str:
    """A SavedModel of TensorFlow's: the names of its operators stand in it as they are."""
    stream.seek(0)
    content = stream.read(_SAVED_LARGEST + 1)
    if b"serving_default" not in content and b"saved_model" not in content:
        return ""
    if len(content) > _SAVED_LARGEST:
        raise Unreadable("is larger than is walked")
    for operator in _REACHING:
        # As a field of text: its number and kind, its length, the name.
        at = content.find(bytes((0x12, len(operator))) + operator)
        if at >= 0:
            name = operator.decode()
            message = f"has an operator {name}, which reaches the disk or calls Python"
            to.add(inside, at, name, message, "unsafe")
    return "TensorFlow SavedModel"

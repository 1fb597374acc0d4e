"""Files of numbers: numpy's, safetensors, HDF5, GGUF; some of them can hold code all the same."""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mlci.adapters.scanning.configs import keras_in, template
from mlci.adapters.scanning.pickled import Pickled
from mlci.adapters.scanning.unfolding import Source, Unreadable

if TYPE_CHECKING:
    from mlci.adapters.scanning.looking import Look

_NUMPY, _HDF5, _GGUF = b"\x93NUMPY", b"\x89HDF\r\n\x1a\n", b"GGUF"
# numpy itself reads no longer header than 10,000 letters: numpy.lib.format._MAX_HEADER_SIZE
_LONGEST_HEADER = 1 << 16
# https://huggingface.co/docs/safetensors: the header has at most 100 MB.
_LONGEST_SAFE = 100_000_000
_BLOCK, _OVERLAP = 1 << 20, 4096
_SUPERBLOCKS = (0, 512, 1024, 2048)
_DESCRIBED, _TEMPLATE = 64 << 20, b"tokenizer.chat_template"


def look(to: Look, stream: Source, head: bytes, inside: str, name: str) -> str:  # noqa: ARG001
    """What a file of numbers is; empty where it is none."""
    if head.startswith(_NUMPY):
        return _numpy(to, stream, inside)
    if any(head[at : at + 8] == _HDF5 for at in _SUPERBLOCKS):
        return _hdf5(to, stream, inside)
    if head.startswith(_GGUF):
        return _gguf(to, stream, inside)
    length = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and 2 <= length <= _LONGEST_SAFE:
        return _safetensors(to, stream, length, inside)
    return ""


def _numpy(to: Look, stream: Source, inside: str) -> str:
    """https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html"""
    start = stream.read(8)
    wide = start[6:7] != b"\x01"
    length = int.from_bytes(stream.read(4 if wide else 2), "little")
    if len(start) < 8 or length > _LONGEST_HEADER:
        raise Unreadable("has a header that numpy does not read")
    text = stream.read(length).decode("utf-8" if wide else "latin-1", "replace")
    try:
        header = ast.literal_eval(text.strip())
        described = header["descr"]
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise Unreadable(f"has a header that is none of numpy's: {type(error).__name__}") from None
    if not _has_objects(described):
        return "numpy array"
    at = stream.tell()
    if not stream.read(1):
        raise Unreadable("ends where the objects of its array should be")
    stream.seek(at)
    Pickled(to, stream, inside).look(headed=True)
    return "numpy array of objects"


def _has_objects(described: object, left: int = 20) -> bool:
    if isinstance(described, str):
        # A type by another name than those that numpy writes may be anything.
        return re.fullmatch(r"[<>|=]?[biufcmMSUV?]\d*(?:\[\w+\])?", described) is None
    if isinstance(described, (list, tuple)) and left:
        return any(_has_objects(one, left - 1) for one in _types_in(described))
    return True


def _types_in(described: list[object] | tuple[object, ...]) -> list[object]:
    if isinstance(described, tuple):
        return list(described[:1])
    return [one[1] for one in described if isinstance(one, tuple) and len(one) > 1]


def _safetensors(to: Look, stream: Source, length: int, inside: str) -> str:
    stream.seek(8)
    written = stream.read(length)
    try:
        header = json.loads(written)
    except (ValueError, RecursionError):
        # Any file may have a brace at its ninth byte.
        return ""
    if not isinstance(header, dict):
        return ""
    size = stream.seek(0, 2) - 8 - length
    spans = []
    for tensor, facts in header.items():
        if tensor == "__metadata__":
            continue
        offsets: Any = facts.get("data_offsets") if isinstance(facts, dict) else None
        if not _is_span(offsets, size):
            to.add(inside, None, "", "has a header that does not fit its data", "unknown")
            return "safetensors"
        spans.append(tuple(offsets))
    spans.sort()
    if any(one[1] > other[0] for one, other in itertools.pairwise(spans)):
        to.add(inside, None, "", "has tensors that overlap", "unknown")
    return "safetensors"


def _is_span(offsets: object, size: int) -> bool:
    return (
        isinstance(offsets, list)
        and len(offsets) == 2
        and all(type(one) is int for one in offsets)
        and 0 <= offsets[0] <= offsets[1] <= size
    )


def _hdf5(to: Look, stream: Source, inside: str) -> str:
    """Attributes, where Keras keeps what a model is made of, are never compressed, so that their text can be found."""
    is_keras = False
    for at, block in _windows(stream):
        is_keras = is_keras or b"model_config" in block or b'"class_name"' in block
        if b"PSEUDOATOM" in block and b"object" in block:
            to.add(inside, at, "", "holds objects that PyTables unpickles", "unknown")
        keras_in(to, block, inside, at)
    return "Keras HDF5" if is_keras else "HDF5"


def _windows(stream: Source) -> Iterator[tuple[int, bytes]]:
    """Overlapping pieces of a stream, each with the byte it begins at."""
    stream.seek(0)
    at, before = 0, b""
    while block := stream.read(_BLOCK):
        yield at - len(before), before + block
        at += len(block)
        before = block[-_OVERLAP:]


def _gguf(to: Look, stream: Source, inside: str) -> str:
    """https://github.com/ggml-org/ggml/blob/master/docs/gguf.md: what describes a model stands before its tensors."""
    stream.seek(0)
    described = stream.read(_DESCRIBED)
    at = described.find(_TEMPLATE)
    while at >= 0:
        # Type and length of the text stand between key and text; the text ends where the next key begins.
        length = int.from_bytes(described[at + len(_TEMPLATE) + 4 : at + len(_TEMPLATE) + 12], "little")
        begin = at + len(_TEMPLATE) + 12
        template(to, described[begin : begin + min(length, _BLOCK)].decode("utf-8", "replace"), inside, begin)
        at = described.find(_TEMPLATE, at + 1)
    return "GGUF"

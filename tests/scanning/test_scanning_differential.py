"""The walk beside the real unpickler: whatever that would import of a random pickle, the walk has seen."""

from __future__ import annotations

import io
import pickle
import random
from typing import Any

import pytest

from mlci.domain.scanning.allowed import is_allowed
from mlci.domain.scanning.pickles import Walk

TEXTS = ("os", "system", "collections", "OrderedDict", "builtins", "eval", "dict", "a.b", "")


class Inert:
    """Stands for whatever was imported; takes every call and change, and does nothing."""

    def __call__(self, *_: Any, **__: Any) -> Inert:
        return self

    def __setstate__(self, _: Any) -> None: ...
    def __setitem__(self, *_: Any) -> None: ...
    def append(self, _: Any) -> None: ...
    def extend(self, _: Any) -> None: ...
    def add(self, _: Any) -> None: ...


class Recorder(pickle.Unpickler):
    """The unpickler as it is, but for what it imports."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self.named: list[tuple[str, str]] = []

    def find_class(self, module: str, name: str) -> Any:
        self.named.append((module, name))
        return type("Imported", (Inert,), {}) if len(self.named) % 2 else Inert()

    def persistent_load(self, _: Any) -> Any:
        return Inert()


def text(value: str) -> bytes:
    return b"\x8c" + bytes((len(value),)) + value.encode()


def fragments(draw: random.Random) -> bytes:
    one, other = draw.choice(TEXTS), draw.choice(TEXTS)
    number = bytes((draw.randrange(6),))
    return draw.choice([
        text(one), text(one), text(one) + text(other), b"K" + number, b"N", b")", b"]", b"}", b"\x8f", b"(", b"(", b"0",
        b"2", b"1", b"\x85", b"\x86", b"\x87", b"t", b"l", b"d", b"u", b"e", b"a", b"s", b"\x90", b"\x91", b"\x94",
        b"\x94", b"q" + number, b"r" + number + b"\0\0\0", b"h" + number, b"h" + number,
        b"j" + number + b"\0\0\0",
        b"\x93", b"\x93", b"\x93", b"R", b"\x81", b"\x92", b"b", b"o", b"Q",
        b"c" + one.encode() + b"\n" + other.encode() + b"\n", b"i" + one.encode() + b"\n" + other.encode() + b"\n",
        b"S'" + one.encode() + b"'\n", b"V" + one.encode() + b"\n", b"p" + str(number[0]).encode() + b"\n",
        b"g" + str(number[0]).encode() + b"\n", b"X" + bytes((len(one),)) + b"\0\0\0" + one.encode(),
        b"\x95" + bytes(8),
    ])  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_imported_that_the_walk_has_not_seen(seed: int) -> None:
    draw = random.Random(seed)
    imported = 0
    for _ in range(3000):
        content = b"\x80\x04" + b"".join(fragments(draw) for _ in range(draw.randrange(3, 30))) + b"."
        recorder = Recorder(content)
        try:
            recorder.load()
            ended = True
        except Exception:  # noqa: BLE001 - whatever a random pickle does to it
            ended = False
        told: list[str] = []
        walked = Walk(io.BytesIO(content), lambda _, what, *__, told=told: told.append(what)).walk()
        for module, name in recorder.named:
            imported += 1
            if not is_allowed(module, name):
                assert f"{module}.{name}" in told or "" in told, (content, recorder.named, told)
        # What the unpickler reads to its end, the walk does, too; else harmless models would not be clean.
        if ended and not told:
            assert walked.error is None, (content, walked)
    assert imported > 50

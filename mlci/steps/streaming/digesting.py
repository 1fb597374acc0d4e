"""The digest of a holdout from a stream of its examples: the same bytes as in memory, hashed a part at a time."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from typing import IO, Any

import numpy as np

from mlci.ports import Engine
from mlci.steps.coding import Coding
from mlci.steps.streaming.coded import Words
from mlci.steps.streaming.joining import BOTH

_PART = 1 << 20


def digest_of(engine: Engine, coding: Coding, words: Words, n: int, *, whole_ids: bool) -> str:
    """sha256 over ids, truth and slices in ascending order of id.

    Args:
        engine: that keeps the examples.
        coding: for the classes.
        words: of the slices.
        n: examples.
        whole_ids: whether ids are whole numbers.
    """
    width = 0
    if not whole_ids:
        [[width]] = engine.rows(f"SELECT max({engine.octets('id')}) FROM {BOTH}")
    kind = "<i8" if whole_ids else f"|S{int(width)}"
    digest = hashlib.sha256(f"{kind} {n}\n".encode())
    truth = [] if coding.task is None else [("y", np.float64)] if coding.task == "regression" else [("t", np.int64)]
    slices = [(f"s{words.slices.index(name)}", np.int64) for name in sorted(words.slices)]
    columns: list[tuple[str, Any]] = [*truth, *slices]
    picked = ", ".join(["id", *(name for name, _ in columns)])
    with ExitStack() as open_files:
        spools: list[IO[bytes]] = [open_files.enter_context(tempfile.TemporaryFile()) for _ in columns]
        for rows in engine.batches(f"SELECT {picked} FROM {BOTH} ORDER BY id"):
            ids, *values = zip(*rows, strict=True)
            digest.update(_ids(ids, kind).tobytes())
            for spool, (name, dtype), column in zip(spools, columns, values, strict=True):
                # A missing value of a slice is -1, and its first word 0.
                spool.write((np.array(column, dtype=dtype) - (name != "t" and dtype is np.int64)).tobytes())
        digest.update("\0".join(coding.classes).encode("utf-8", "surrogatepass"))
        _hash_truth(digest, coding, spools)
        for name, spool in zip(sorted(words.slices), spools[len(truth) :], strict=True):
            digest.update("\0".join((name, *words.values[name])).encode("utf-8", "surrogatepass"))
            _hash(digest, spool)
    return digest.hexdigest()


def _ids(ids: Iterable[Any], kind: str) -> Any:
    if kind == "<i8":
        return np.array(list(ids), dtype=np.int64)
    return np.array([each.encode("utf-8", "surrogatepass") for each in ids], dtype=kind)


def _hash_truth(digest: Any, coding: Coding, spools: list[IO[bytes]]) -> None:
    """Class codes, values and weights, each a line end where there are none."""
    for there in (coding.task not in (None, "regression"), coding.task == "regression", False):
        if there:
            _hash(digest, spools[0])
        else:
            digest.update(b"\n")


def _hash(digest: Any, spool: IO[bytes]) -> None:
    spool.seek(0)
    while part := spool.read(_PART):
        digest.update(part)

"""Streams of pickles: one after the other, with a header or without, and what stands behind the last."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlci.adapters.scanning.unfolding import Source
from mlci.domain.scanning.pickles import Walk
from mlci.domain.scanning.scan import Opinion
from mlci.domain.scanning.values import Broken, Walked

if TYPE_CHECKING:
    from mlci.adapters.scanning.looking import Look

# The number that torch's older format begins with, as a pickle of its own:
# https://github.com/pytorch/pytorch/blob/main/torch/serialization.py
_TORCH = 0x1950A86A20F9469CFC6C
# Number, version, system, object, keys of storages; raw numbers follow, which nothing takes for a pickle.
_TORCH_PICKLES = 5
_MOST = 100_000
_NEWEST = 5


def is_headed(head: bytes) -> bool:
    """Whether bytes begin as a pickle says that it is one."""
    return len(head) > 1 and head[0] == 0x80 and head[1] <= _NEWEST


# Archives whose pickles name storages by ids.
SCRIPT = "TorchScript archive"
_STORED = (SCRIPT, "torch archive", "torch export archive")
_DEEPEST = 20
_MODULES = frozenset(sys.stdlib_module_names)

Told = tuple[int, str, str, Opinion]


@dataclass
class Pickled:
    """A stream that may be pickles.

    Attributes:
        to: that is told what is seen.
        stream: at its first byte.
        inside: where it lies.
    """

    to: Look
    stream: Source
    inside: str
    _depth: int = 0

    def look(self, *, headed: bool) -> str:
        """Walk all of them; empty where the bytes are no pickle."""
        first = self._walk(strict=not headed)
        if first is None:
            return ""
        if first.error is None:
            self._rest(first)
        return "torch file of the older format" if first.value == _TORCH else "pickle"

    def _rest(self, walked: Walked) -> None:
        """The pickles behind the first: whoever loads again from the same stream runs them."""
        is_torch = type(walked.value) is int and walked.value == _TORCH
        for number in range(1, _MOST):
            at = self.stream.tell()
            head = self.stream.read(2)
            if not head or (is_torch and number >= _TORCH_PICKLES):
                return
            self.stream.seek(at)
            found = self._walk(strict=not is_headed(head), torch=is_torch)
            if found is None:
                self.to.add(self.inside, at, "", "goes on behind its end with bytes that are no pickle", "unknown")
                return
            if found.error is not None:
                return
        self.to.add(self.inside, None, "", f"is more than {_MOST} pickles in a row", "unknown")

    def _walk(self, *, strict: bool, torch: bool = False) -> Walked | None:
        """Walk one pickle; None where the bytes only look like one, and then nothing is told."""
        told: list[Told] = []
        walked = self._new(told, torch=torch, strict=strict).walk()
        # Text can begin like a pickle of the oldest protocol; only what imports is one, and what breaks off before it
        # has called anything has done nothing.
        if strict and not (walked.named and (walked.ran or walked.error is None)):
            return None
        self._tell(told)
        if walked.error is not None:
            self.to.add(self.inside, walked.end, "", f"is a pickle that {walked.error}", "unknown")
        return walked

    def _new(self, told: list[Told], *, torch: bool = False, strict: bool = False) -> Walk:
        within = self.to.within
        return Walk(
            self.stream,
            lambda *one: told.append(one),
            nested=self._nested,
            torch=torch or within in _STORED,
            strict=strict,
            script=within == SCRIPT,
            modules=_MODULES,
        )

    def _nested(self) -> None:
        """The pickle of an array of objects, within another."""
        told: list[Told] = []
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Broken("has arrays of objects within each other deeper than is walked")
        walked = self._new(told).walk()
        self._depth -= 1
        self._tell(told)
        if walked.error is not None:
            raise Broken(f"has an array of objects that {walked.error}")

    def _tell(self, told: list[Told]) -> None:
        for position, what, message, opinion in told:
            self.to.add(self.inside, position, what, message, opinion)

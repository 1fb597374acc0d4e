"""Lets two models take turns: starts a process for each, asks them in the order A B, B A, A B, …, and writes it down.

Each block of pairs is made by two processes of its own. Two processes of the very same model differ for as long as they
live (where their memory came to lie, which core they were put on; Mytkowicz et al. 2009, ASPLOS, 265-276), so that no
number of calls to one pair of processes says how the models differ.

A program of its own, standard library only, run as ``python -I -S -B conductor.py REQUEST.json`` under the supervisor:
it is this machine's and trusted, the two processes that it starts are the models' and are not.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# Calls before the first that counts: caches fill, clocks rise, lazy imports are made.
_FEWEST_WARM, _MOST_WARM, _WARM_SECONDS = 5, 100, 1.0
_LONGEST_LINE = 1 << 16
_LONGEST_CALL = 10**13
_ENDING = 10.0


class Lost(Exception):
    """One of the models gave no answer, or none that can be."""

    def __init__(self, model: int, error: Any = None) -> None:
        super().__init__(model)
        self.model, self.error = model, error


class Child:
    """One model in a process of its own."""

    def __init__(self, number: int, model: dict[str, Any]) -> None:
        self.number = number
        self._process = subprocess.Popen(  # noqa: S603 - the user's interpreter with our own program, by its path
            model["argv"], cwd=model["cwd"], env=model["environ"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ready(self) -> int:
        """Wait until it is loaded and was called once; how many pieces it can be asked for."""
        pieces = self._document().get("pieces")
        if not isinstance(pieces, int) or isinstance(pieces, bool) or not 0 < pieces <= 1 << 20:
            raise Lost(self.number)
        return pieces

    def ask(self, line: str) -> int:
        """The number that it answers."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 - it was asked for
        try:
            stdin.write(line.encode() + b"\n")
            stdin.flush()
        except OSError:
            raise Lost(self.number) from None
        answer = self._line()
        if answer.isdigit() and len(answer) < 20:
            return int(answer)
        raise Lost(self.number, _error(answer))

    def finish(self) -> None:
        """Let it end, and hear whether what it answered holds."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 - it was asked for
        with contextlib.suppress(OSError):
            stdin.write(b"q\n")
            stdin.close()
        ended = self._document()
        if ended.get("ended") is not True or ended.get("error") is not None:
            raise Lost(self.number, ended.get("error"))
        self._process.wait(_ENDING)

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()

    def peak(self) -> int:
        """Largest resident size so far, in bytes, from outside where the system tells; else what it says itself."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            return int(status.partition("VmHWM:")[2].split()[0]) * 1024
        return self.ask("m")

    def _line(self) -> bytes:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - it was asked for
        return stdout.readline(_LONGEST_LINE).strip()

    def _document(self) -> dict[str, Any]:
        line = self._line()
        found = _parsed(line)
        if found is None or ("error" in found and "ended" not in found):
            raise Lost(self.number, _error(line))
        if found.get("ended") and found.get("error") is not None:
            raise Lost(self.number, found["error"])
        return found


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _error(line: bytes) -> Any:
    return (_parsed(line) or {}).get("error")


def turn(children: list[Child], round_: int, pieces: int) -> list[int]:
    """One call of each on the same examples; who is first changes from round to round."""
    order = children if round_ % 2 == 0 else children[::-1]
    times = {child.number: child.ask(str(round_ % pieces)) for child in order}
    if not all(0 < took <= _LONGEST_CALL for took in times.values()):
        raise Lost(next(number for number, took in times.items() if not 0 < took <= _LONGEST_CALL))
    return [times[child.number] for child in children]


def session(request: dict[str, Any], start: int) -> dict[str, Any]:
    """Start both, let them warm up, read their memory, and time some rounds of calls."""
    children: list[Child] = []
    numbered = list(enumerate(request["models"]))
    try:
        # Neither is always the first to be started.
        for number, model in numbered if start % 2 == 0 else numbered[::-1]:
            children.append(Child(number, model))
        children.sort(key=lambda child: child.number)
        pieces = min(child.ready() for child in children)
        warm_until = time.monotonic() + _WARM_SECONDS
        for round_ in range(_MOST_WARM):
            if round_ >= _FEWEST_WARM and time.monotonic() >= warm_until:
                break
            turn(children, round_, pieces)
        memory = [child.peak() for child in children]
        times = timed(children, request["pairs"], pieces, request["budget"])
        for child in children:
            child.finish()
        return {"memory": memory, "times": times}
    finally:
        for child in children:
            child.kill()


def timed(children: list[Child], pairs: int, pieces: int, budget: float) -> list[list[int]]:
    """Nanoseconds of each call by model, as many as the time allows; each is first in as many pairs as the other."""
    for child in children:
        child.ask("g")
    until = time.monotonic() + budget
    rounds = []
    for round_ in range(pairs):
        if time.monotonic() >= until:
            break
        rounds.append(turn(children, round_, pieces))
    whole = rounds[: len(rounds) // 2 * 2]
    return [list(calls) for calls in zip(*whole, strict=True)] if whole else [[] for _ in children]


def main(path: str) -> None:
    """Carry out a request; the answer is written last and whole."""
    request = json.loads(Path(path).read_text("utf-8"))
    answer: dict[str, Any] = {"memory": [], "times": [], "lost": None, "error": None}
    try:
        for start in range(request["starts"]):
            found = session(request, start)
            answer["memory"].append(found["memory"])
            answer["times"].append(found["times"])
    except Lost as lost:
        answer.update(lost=lost.model, error=lost.error)
    part = Path(request["answer"]).with_suffix(".part")
    part.write_text(json.dumps(answer), "utf-8")
    part.replace(request["answer"])


if __name__ == "__main__":
    main(sys.argv[1])

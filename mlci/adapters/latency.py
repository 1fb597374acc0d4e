"""A file of calls that somebody timed: a row a pair, read strictly, with whether the two models really took turns."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from mlci.domain.operation import MOST_BLOCKS, MOST_PAIRS, Block, Timings
from mlci.errors import BadValue, ColumnMissing, FileMissing, NoExamples, Place, Unreadable

COLUMNS = ("block", "order", "candidate_ms", "production_ms")
_FIRST = ("candidate", "production")
_NANOSECONDS_OF_MS = 1e6
# Ten thousand seconds, as long as a call may take.
_LONGEST_MS = 1e7
_HELP = f"its columns are {', '.join(COLUMNS)}, one row for each pair of calls in the order they were made"


def read_latency(path: str, batch: int) -> Timings:
    """Calls of both models, pair by pair.

    ``block`` names pairs that followed each other, ``order`` the one of the two that was called first (``candidate`` or
    ``production``), ``candidate_ms`` and ``production_ms`` are milliseconds.

    Args:
        path: of a CSV file with a header.
        batch: examples in one call.

    Raises:
        FileMissing, Unreadable: there is no such file, or it is no CSV.
        ColumnMissing, BadValue, NoExamples: it is not of that form.
    """
    blocks: list[tuple[str, list[tuple[str, int, int]]]] = []
    seen: set[str] = set()
    for line, (block, *pair) in _rows(path):
        if not blocks or blocks[-1][0] != block:
            if block in seen:
                raise _bad(path, line, "a block goes on after another has begun", "keep its pairs together")
            seen.add(block)
            if len(seen) > MOST_BLOCKS:
                raise _bad(path, line, f"there are more than {MOST_BLOCKS} blocks", "make blocks of several pairs")
            blocks.append((block, []))
        blocks[-1][1].append(_pair(path, line, pair))
        if line > MOST_PAIRS + 1:
            raise _bad(path, line, f"there are more than {MOST_PAIRS} pairs of calls", "keep the first so many")
    if not blocks:
        raise NoExamples("there is no pair of calls", place=Place(path), help=_HELP)
    return Timings(
        blocks=tuple(
            Block(candidate=tuple(pair[1] for pair in pairs), production=tuple(pair[2] for pair in pairs))
            for _, pairs in blocks
        ),
        interleaved=all(_takes_turns([pair[0] for pair in pairs]) for _, pairs in blocks),
        batch=batch,
    )


def _takes_turns(first: list[str]) -> bool:
    """Whether the one that was called first changed from pair to pair."""
    return len(first) > 1 and all(one != other for one, other in pairwise(first))


def _rows(path: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row, in the order of ``COLUMNS``."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip().lower() for name in next(reader, [])]
            absent = [name for name in COLUMNS if header.count(name) != 1]
            if absent:
                cause = f"there is no column {absent[0]}, or more than one"
                raise ColumnMissing(cause, place=Place(path), help=_HELP)
            places = [header.index(name) for name in COLUMNS]
            for row in reader:
                if len(row) != len(header):
                    raise _bad(path, reader.line_num, f"the row has {len(row)} cells, and the header {len(header)}")
                yield reader.line_num, [row[place].strip() for place in places]
    except FileNotFoundError:
        raise FileMissing(f"there is no file {path}", place=Place(path)) from None
    except (OSError, ValueError, csv.Error) as error:
        raise Unreadable(f"the file cannot be read as CSV: {error}", place=Place(path), help=_HELP) from error


def _pair(path: str, line: int, cells: list[str]) -> tuple[str, int, int]:
    order, *times = cells
    if order not in _FIRST:
        raise _bad(path, line, "order is the one that was called first: candidate or production")
    mine, theirs = (_nanoseconds(path, line, text) for text in times)
    return order, mine, theirs


def _nanoseconds(path: str, line: int, text: str) -> int:
    try:
        milliseconds = float(text)
    except ValueError:
        milliseconds = math.nan
    if not 0 < milliseconds <= _LONGEST_MS:
        raise _bad(path, line, "a time is milliseconds above 0 and at most ten million")
    return max(1, round(milliseconds * _NANOSECONDS_OF_MS))


def _bad(path: str, line: int, cause: str, help: str = _HELP) -> BadValue:
    return BadValue(cause, place=Place(path, line), help=help)

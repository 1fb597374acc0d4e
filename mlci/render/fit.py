"""Blocks of Markdown fitted into a number of characters: cut between rows only, worst rows kept, nothing left open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """One line that stands or goes as a whole; a higher rank is kept longer."""

    text: str
    rank: int = 0


@dataclass(frozen=True)
class Block:
    """A heading, a table or a fold: what opens it, its rows, what closes it.

    Attributes:
        share: the part of the remaining room it may take while others still want some.
    """

    opening: str = ""
    rows: Sequence[Row] = field(default=())
    closing: str = ""
    share: float = 1.0

    @property
    def size(self) -> int:
        """Characters of the whole block."""
        return len(_written(self, self.rows))

    def __bool__(self) -> bool:
        return bool(self.opening or self.rows)


def fitted(blocks: Sequence[Block], limit: int, pointer: str) -> str:
    """Join the blocks; where they are longer than ``limit``, leave out rows and end with the pointer."""
    present = [block for block in blocks if block]
    whole = _joined([_written(block, block.rows) for block in present])
    if len(whole) <= limit:
        return whole
    room = limit - len(pointer) - 3
    # The first block is the verdict: it is never cut. Others get what they need, or their share of what is left.
    texts = []
    for place, block in enumerate(present):
        budget = room if place == 0 else min(block.size, int(room * block.share)) if block.rows else room
        text = _cut(block, budget)
        texts.append(text)
        room -= len(text) + 2 if text else 0
    return _joined([*(text for text in texts if text), pointer])


def _joined(texts: Sequence[str]) -> str:
    return "\n\n".join(texts) + "\n"


def _written(block: Block, rows: Sequence[Row], note: str = "") -> str:
    lines = [block.opening] if block.opening else []
    lines += [row.text for row in rows]
    if note:
        lines += ["", note]
    if block.closing:
        lines.append(block.closing)
    return "\n".join(lines)


def _cut(block: Block, budget: int) -> str:
    """The block with as many rows as fit, the worst first; nothing at all where not even one fits."""
    if block.size <= budget:
        return _written(block, block.rows)
    room = budget - len(_written(block, (), _note(len(block.rows)))) - 1
    kept: set[int] = set()
    for place in sorted(range(len(block.rows)), key=lambda place: -block.rows[place].rank):
        room -= len(block.rows[place].text) + 1
        if room < 0:
            break
        kept.add(place)
    if not kept:
        return ""
    left = len(block.rows) - len(kept)
    return _written(block, [row for place, row in enumerate(block.rows) if place in kept], _note(left) if left else "")


def _note(left: int) -> str:
    return f"… and {left} more."

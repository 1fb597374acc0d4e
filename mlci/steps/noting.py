"""What was guessed of two files, and what of them is not used, one sentence each."""

from __future__ import annotations

from collections.abc import Sequence

from mlci.domain.policy import ReadingPolicy
from mlci.domain.slices import columns_of
from mlci.steps.reading import Side


def column_notes(sides: list[Side], reading: ReadingPolicy, slices: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Say which columns were found by their name, and which are not looked at."""
    notes = []
    guessed = {
        part: column
        for side in sides
        for part, column in side.roles.named.items()
        if getattr(reading.columns, part) != column
    }
    if guessed:
        notes.append("columns by their names: " + ", ".join(f"{part} = {column}" for part, column in guessed.items()))
    by_name = [name for name in sides[-1].roles.slices if name not in slices]
    if by_name:
        notes.append("slices by their names: " + ", ".join(by_name))
    asked = {column for name in slices for column in columns_of(name, sides[-1].table.columns)}
    looked_at = {*asked, *columns, *(name for side in sides for name in side.columns)}
    unused = dict.fromkeys(name for side in sides for name in side.roles.others if name not in looked_at)
    if unused:
        shown = ", ".join(list(unused)[:8]) + (", …" if len(unused) > 8 else "")
        notes.append(f"not looked at: {shown} (name slice columns with --slices)")
    return notes


def unused(sides: list[Side], slices: Sequence[str]) -> list[str]:
    """Say which parts of the holdout only the candidate brought: it may not choose how it is judged."""
    candidate, authority = sides[0], sides[-1]
    parts = [
        ("weights", candidate.weights is not None and authority.weights is None),
        ("groups", candidate.group is not None and authority.group is None),
    ]
    parts += [(f"slices by {name}", name not in authority.slices) for name in candidate.slices if name not in slices]
    return [f"{part} only in the candidate's file are not used" for part, alone in parts if alone]

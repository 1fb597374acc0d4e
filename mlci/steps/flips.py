"""The examples on which two models differ, by id: for whoever may see the holdout, never for a report or evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.ports import Texts
from mlci.stats.measure import Outputs
from mlci.steps.holdout import Holdout

# What happened to an example, in the order of the list; of a regression the last two.
NEWLY_WRONG, NEWLY_RIGHT, CHANGED = "newly-wrong", "newly-right", "changed"
FARTHER, NEARER = "farther", "nearer"
_MISSING = "(missing)"


@dataclass(frozen=True)
class Flips:
    """A list of examples, cut to so many.

    Attributes:
        columns: heads of the list: id, truth, production, candidate, kind, then the slice columns.
        rows: the examples that are listed; of labels the newly wrong ones first, of values the largest changes.
        total: how many there are in all.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int


def flips(holdout: Holdout, most: int) -> Flips | None:
    """List the examples on which the two models differ; None where nothing can be listed.

    Args:
        holdout: both models on the same examples.
        most: how many to list; 0 lists none.
    """
    if most == 0 or holdout.baseline is None or holdout.candidate.samples is not None:
        return None
    found = _of_labels(holdout, holdout.baseline, most) or _of_values(holdout, holdout.baseline, most)
    if found is None:
        return None
    chosen, kinds, total, words = found
    slices = {name: texts for name, texts in holdout.slices.items() if name not in holdout.pairs}
    rows = tuple(
        (as_text(holdout.ids[row]), *words(row), kind, *(_word(texts, row) for texts in slices.values()))
        for row, kind in zip(chosen.tolist(), kinds, strict=True)
    )
    return Flips(("id", "truth", "production", "candidate", "kind", *slices), rows, total)


# Which examples, what happened to each, how many there are in all, and the words for truth and both predictions.
_Found = tuple[NDArray[np.intp], Sequence[str], int, Callable[[int], tuple[str, str, str]]]


def _of_labels(holdout: Holdout, baseline: Outputs, most: int) -> _Found | None:
    truth, mine, theirs = holdout.truth.codes, holdout.candidate.labels, baseline.labels
    if truth is None or mine is None or theirs is None:
        return None
    places: list[NDArray[np.intp]] = []
    kinds: list[str] = []
    total = 0
    for kind, of_kind in (
        (NEWLY_WRONG, (theirs == truth) & (mine != truth)),
        (NEWLY_RIGHT, (mine == truth) & (theirs != truth)),
        (CHANGED, (mine != theirs) & (mine != truth) & (theirs != truth)),
    ):
        rows = np.flatnonzero(of_kind)
        total += len(rows)
        rows = rows[: most - len(kinds)]
        places.append(rows)
        kinds += [kind] * len(rows)

    def words(row: int) -> tuple[str, str, str]:
        first, second, third = (_name(holdout.classes, int(codes[row])) for codes in (truth, theirs, mine))
        return first, second, third

    return np.concatenate(places), kinds, total, words


def _of_values(holdout: Holdout, baseline: Outputs, most: int) -> _Found | None:
    truth, mine, theirs = holdout.truth.values, holdout.candidate.values, baseline.values
    if truth is None or mine is None or theirs is None:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        grew = np.abs(mine - truth) - np.abs(theirs - truth)
    differing = np.flatnonzero(np.nan_to_num(grew, nan=0.0))
    # What grew comes first and the largest of it before the rest; then what shrank, the largest first again.
    order = np.lexsort((-np.abs(grew[differing]), grew[differing] < 0))
    chosen = differing[order][:most]
    kinds = [FARTHER if grew[row] > 0 else NEARER for row in chosen]

    def words(row: int) -> tuple[str, str, str]:
        first, second, third = (_number(values[row]) for values in (truth, theirs, mine))
        return first, second, third

    return chosen, kinds, len(differing), words


def _name(classes: Sequence[str], code: int) -> str:
    return classes[code] if 0 <= code < len(classes) else _MISSING


def _number(value: Any) -> str:
    return f"{float(value):.12g}"


def _word(texts: Texts, row: int) -> str:
    code = int(texts.codes[row])
    return texts.values[code] if code >= 0 else _MISSING


def as_text(id: Any) -> str:
    """An id as the file has it."""
    return id.decode("utf-8", "replace") if isinstance(id, bytes) else str(id)

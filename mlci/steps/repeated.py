"""Ids that stand more than once: their rows in one order whatever the file's, or as samples of one example."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.figures import count
from mlci.domain.policy import ReadingPolicy
from mlci.errors import HoldoutDiffers, Place
from mlci.ports import Texts
from mlci.stats.alignment import Order
from mlci.stats.measure import Outputs, Samples
from mlci.steps.reading import Side, named


def settled(sides: list[Side], reading: ReadingPolicy) -> list[Side]:
    """Sides whose repeated ids are treated as policy says.

    As a group, the rows of one id are put in the order of what they hold, so that the order of neither file tells who
    is paired with whom; only where the candidate's file lacks something that differs between the rows of an id does
    the file's order have to do. As samples, the first row stands for the example, and all of them wait in ``samples``.

    Raises:
        HoldoutDiffers: the samples of one example do not agree on its label, weight, group or slices.
    """
    if reading.duplicates == "error" or not any(bool(side.order.repeated.any()) for side in sides):
        return sides
    if reading.duplicates == "mean":
        return [_first_of_each(side) for side in sides]
    told = [set(_of_holdout(side)) for side in sides]
    return [_in_order(side) for side in sides] if told[-1] <= told[0] else sides


def _of_holdout(side: Side) -> dict[str, NDArray[Any]]:
    """What a file says of the examples themselves, as numbers that sort alike in either file."""
    columns = {**side.sensitive, **side.slices}
    texts = {"group": side.group, **{f"column {name}": words for name, words in columns.items()}}
    found = {name: _sortable(words) for name, words in texts.items() if words is not None}
    if side.truth_values is not None:
        found["target"] = side.truth_values
    elif side.truth is not None:
        found["target"] = _sortable(side.truth)
    if side.weights is not None:
        found["weight"] = side.weights
    return dict(sorted(found.items()))


def _sortable(words: Texts) -> NDArray[Any]:
    rank = np.empty(len(words.values) + 1, dtype=np.intp)
    rank[np.argsort(np.array(words.values, dtype=str), kind="stable")] = np.arange(len(words.values))
    rank[-1] = -1
    return rank[words.codes]


def _said(side: Side) -> list[NDArray[Any]]:
    """What a model says, as numbers to sort by."""
    words = [] if side.labels is None else [_sortable(side.labels)]
    numbers = [side.scores, side.values, *side.class_scores.values(), *side.columns.values()]
    return [*words, *(each for each in numbers if each is not None)]


def _places(side: Side) -> NDArray[np.intp]:
    """Which id, counted from the smallest, each row of the file has."""
    order = side.order
    place = np.cumsum(~order.repeated) - 1
    if order.rows is None:
        return place
    found = np.empty(len(place), dtype=np.intp)
    found[order.rows] = place
    return found


def _in_order(side: Side) -> Side:
    # The last key of lexsort is the first that counts.
    keys = [*reversed([*_of_holdout(side).values(), *_said(side)]), _places(side)]
    return replace(side, order=Order(side.order.ids, np.lexsort(keys)))


def _first_of_each(side: Side) -> Side:
    order, place = side.order, _places(side)
    first = ~order.repeated
    rows = np.flatnonzero(first) if order.rows is None else order.rows[first]
    for name, values in _of_holdout(side).items():
        differs = values != values[rows[place]]
        differs &= ~((values != values) & (values[rows[place]] != values[rows[place]]))
        if differs.any():
            raise HoldoutDiffers(
                f"the samples of {count(len(np.unique(place[differs])))} examples disagree on their {name}, among them "
                f"{named(order.ids[first][np.unique(place[differs])])}",
                place=Place(side.table.name),
                help="samples of one example share everything but what the model said; duplicates: cluster takes the "
                "rows of an id for different examples",
            )
    return replace(side, order=Order(order.ids[first], rows), place=place)


def with_samples(outputs: Outputs, side: Side, rows: NDArray[np.intp] | None) -> Outputs:
    """A model's outputs on some examples, with every sample of each where there are several.

    Args:
        outputs: of every row of the file.
        side: the file.
        rows: the row that stands for each example; None for all rows as they stand.
    """
    chosen = outputs if rows is None else outputs.take(rows)
    if side.place is None or rows is None:
        return chosen
    example = np.full(int(side.place.max()) + 1, -1, dtype=np.intp)
    example[side.place[rows]] = np.arange(len(rows))
    of = example[side.place]
    kept = np.flatnonzero(of >= 0)
    return replace(chosen, samples=Samples(outputs.take(kept), of[kept]))


def missing(mask: NDArray[np.bool_], side: Side, rows: NDArray[np.intp] | None) -> int:
    """Examples of which a prediction is unusable, one sample being enough."""
    if side.place is not None and rows is not None:
        mask = np.bincount(side.place, weights=mask) > 0
        rows = side.place[rows]
    return int((mask if rows is None else mask[rows]).sum())


def note(sides: list[Side]) -> list[str]:
    """Say how many rows were averaged."""
    return [
        f"{side.table.name}: {count(len(side.place))} rows are samples of {count(len(side.order.ids))} examples, "
        "whose values are averaged first"
        for side in sides
        if side.place is not None and len(side.place) > len(side.order.ids)
    ]

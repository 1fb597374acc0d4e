"""The columns in which a hidden harm is searched for, and the two halves of the examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.columns import Roles, spelled
from mlci.domain.discovery import MOST_COLUMNS, MOST_VALUES
from mlci.domain.policy import SearchPolicy
from mlci.domain.slices import columns_of
from mlci.ports import Table, Texts
from mlci.stats.search import halves

# A number with more values than this is a quantity, and searched by fifths.
_FEW_NUMBERS = 12
_FIFTHS = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class Searched:
    """What is searched.

    Attributes:
        columns: columns of production's file as words, in order of name.
        left: columns that have too many values or are too many, by name.
        first: which examples are searched, shape (n,); the others confirm.
    """

    columns: dict[str, Texts]
    left: tuple[str, ...]
    first: NDArray[np.bool_]


def searched_columns(
    table: Table,
    roles: Roles,
    take: Callable[[NDArray[Any]], NDArray[Any]],
    known: Sequence[Mapping[str, Texts]],
    ids: NDArray[Any],
    clusters: NDArray[Any] | None,
    policy: SearchPolicy,
    outcomes: Sequence[str] = (),
) -> Searched:
    """Read the columns that policy names, else every column of production's file that may hold groups.

    Args:
        table: production's file; a candidate does not choose where its harm is searched for.
        roles: what its columns are.
        take: brings values of the file's rows into the order of the examples.
        known: slices and sensitive columns, by the names they were asked for.
        ids: of the examples, ascending.
        clusters: cluster codes of the examples, or None.
        policy: what is asked.
        outcomes: columns that say how well production answered. Where it answered right, any other model is worse by
            that choice alone, so they are searched only where policy names them.
    """
    names = policy.columns
    if not names:
        told = {spelled(name) for name in outcomes}
        asked = (column for each in known for name in each for column in columns_of(name, table.columns))
        others = (name for name in roles.others if spelled(name) not in told)
        names = tuple(dict.fromkeys((*asked, *others)))
    found: dict[str, Texts] = {}
    left = []
    for name in names:
        if name not in table.columns:
            continue
        words = _column(table, name, take) if len(found) < MOST_COLUMNS else None
        if words is None:
            left.append(name)
        else:
            found[name] = words
    return Searched({name: found[name] for name in sorted(found)}, tuple(left), halves(ids, clusters))


Taking = tuple[Table, Callable[[NDArray[Any]], NDArray[Any]]]


def answers(names: Sequence[str], one: Taking, other: Taking) -> Iterator[str]:
    """The columns that both files have with other values: what a model said, and no feature of the examples.

    Args:
        names: columns of either file.
        one: a file, and what brings values of its rows into the order of the examples.
        other: the other file.
    """
    for name in names:
        if all(name in table.columns for table, _ in (one, other)) and _differ(name, one, other):
            yield name


def _differ(name: str, one: Taking, other: Taking) -> bool:
    if all(table.is_number(name) for table, _ in (one, other)):
        mine, theirs = (take(table.numbers(name)).astype(np.float64) for table, take in (one, other))
        return not np.array_equal(mine, theirs, equal_nan=True)
    words = [(table.texts(name), take) for table, take in (one, other)]
    place = {word: number for number, word in enumerate(dict.fromkeys((*words[0][0].values, *words[1][0].values)))}
    mine, theirs = (np.array([*(place[word] for word in each.values), -1])[take(each.codes)] for each, take in words)
    return not np.array_equal(mine, theirs)


def _column(table: Table, name: str, take: Callable[[NDArray[Any]], NDArray[Any]]) -> Texts | None:
    """A column with few values as it is, a quantity by fifths; None for one with too many words."""
    if table.is_number(name):
        numbers = take(table.numbers(name)).astype(np.float64)
        finite = numbers[np.isfinite(numbers)]
        if len(finite) and len(np.unique(finite[:1000])) > _FEW_NUMBERS:
            return _by_fifths(numbers, finite)
    words = table.texts(name)
    return Texts(words.values, take(words.codes)) if 1 < len(words.values) <= MOST_VALUES else None


def _by_fifths(numbers: NDArray[np.float64], finite: NDArray[np.float64]) -> Texts:
    edges = np.unique(np.quantile(finite, _FIFTHS, method="lower"))
    shown = [f"{edge:.6g}" for edge in edges.tolist()]
    if len(set(shown)) < len(shown):
        shown = [repr(edge) for edge in edges.tolist()]
    between = (f"{low} to {high}" for low, high in pairwise(shown))
    values = (f"up to {shown[0]}", *between, f"over {shown[-1]}")
    codes = np.searchsorted(edges, numbers, side="left").astype(np.int32)
    return Texts(values, np.where(np.isfinite(numbers), codes, np.int32(-1)))

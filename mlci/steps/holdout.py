"""Candidate and baseline on one holdout: two files brought together by id, coded alike, every assumption said."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.domain.figures import count
from mlci.domain.metric import Task
from mlci.domain.policy import ReadingPolicy, SearchPolicy
from mlci.domain.slices import MISSING_VALUE, slice_name
from mlci.errors import BadValue, ColumnMissing, HoldoutDiffers, IdsDiffer, NoExamples, Place
from mlci.ports import Table, Texts
from mlci.stats.alignment import Order, joined, numbered, ordered
from mlci.stats.measure import Outputs, Truth
from mlci.steps import repeated
from mlci.steps.coding import Coding, code
from mlci.steps.noting import column_notes, unused
from mlci.steps.reading import Side, named, read_side
from mlci.steps.searching import Searched, answers, searched_columns


@dataclass(frozen=True)
class Lost:
    """Examples of one file that the other has not, ready to be measured on their own."""

    rows: int
    truth: Truth
    outputs: Outputs


@dataclass(frozen=True)
class Holdout:
    """Both models' outputs on the same examples, in ascending order of id.

    Attributes:
        n: number of examples.
        ids: of the examples, ascending, shape (n,).
        task: what kind of prediction this is; None when there is no target and only columns are judged.
        truth: what the holdout says; shape (n,).
        candidate: the candidate's outputs.
        baseline: production's outputs; None when there is no baseline.
        weights: shape (n,), mean 1; None when equal.
        clusters: group codes 0 … G-1, shape (n,); None when examples are independent.
        slices: slice columns as words, and pairs of them as the names of their slices.
        sensitive: the columns of the groups that fairness is judged by, likewise.
        pairs: which of all these are pairs.
        search: the columns that a search looks at, and the half of the examples; None where there is none.
        missing: unusable predictions of candidate and baseline.
        dropped: what only one file has, candidate first.
        thinned: slices of production's file that lost examples: name, examples lost, examples in all.
        digest: sha256 over ids, truth, weights and slices, in hexadecimal.
        assumptions: what had to be guessed, one sentence each.
        classes: names of the classes, by code.
    """

    n: int
    ids: NDArray[Any]
    task: Task | None
    truth: Truth
    candidate: Outputs
    baseline: Outputs | None
    weights: NDArray[Any] | None
    clusters: NDArray[Any] | None
    slices: dict[str, Texts]
    sensitive: dict[str, Texts]
    pairs: frozenset[str]
    search: Searched | None
    missing: tuple[int, int]
    dropped: tuple[Lost, ...]
    thinned: tuple[tuple[str, int, int], ...]
    digest: str
    assumptions: tuple[str, ...]
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Aligned:
    """One file and which of its rows are compared.

    Attributes:
        side: the file.
        rows: rows of the common examples in ascending order of id; None for all rows as they stand.
        alone: rows that the other file has not.
    """

    side: Side
    rows: NDArray[np.intp] | None
    alone: NDArray[np.intp]

    def take(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the common examples."""
        return values if self.rows is None else values[self.rows]


def gather(
    candidate: Table,
    baseline: Table | None,
    reading: ReadingPolicy,
    slices: Sequence[str],
    columns: Sequence[str],
    sensitive: Sequence[str] = (),
    search: SearchPolicy | None = None,
    outcomes: Sequence[str] = (),
) -> Holdout:
    """Bring two predictions files together.

    Args:
        candidate: the candidate's predictions.
        baseline: production's; None when there is none.
        reading: columns, task, positive class, and how to treat what is missing, repeated or not a number.
        slices: slice columns asked for.
        columns: per-example columns judged by their mean.
        sensitive: columns of the groups that fairness is judged by.
        search: which columns a search for slices looks at; None where there is none.
        outcomes: further columns that say how well production answered, which no search looks at by itself.

    Raises:
        MlciError: one of the I-errors of ``mlci.errors``, naming file, place and what to do.
    """
    tables = [table for table in (candidate, baseline) if table is not None]
    # Decoding columns releases the interpreter's lock, so two files take little longer than one.
    with ThreadPoolExecutor(max_workers=len(tables)) as pool:
        sides = list(pool.map(lambda table: read_side(table, reading, slices, columns, sensitive), tables))
    if sides[-1].truth is None and sides[0].truth is not None:
        raise ColumnMissing(
            "production's file has no target, and a candidate may not bring its own labels",
            place=Place(sides[-1].table.name),
            help="write the target beside production's predictions, or name its column with --target",
        )
    sides = repeated.settled(sides, reading)
    aligned, ids = align(sides, reading)
    if len(ids) == 0:
        raise NoExamples("the two files have no example in common", place=Place(candidate.name))
    _check_truth(aligned, ids)
    coding = code(sides, reading)
    authority = aligned[-1]
    truth = _truth_of(coding, aligned)
    weights = _weights(aligned, ids)
    groups = _shared(aligned, ids, "group", [one.side.group for one in aligned]) if authority.side.group else None
    words = _words(aligned, ids, "slice", [one.side.slices for one in aligned])
    outputs = [repeated.with_samples(out, one.side, one.rows) for out, one in zip(coding.outputs, aligned, strict=True)]
    clusters = _clusters(groups, ids, reading, authority.side.table.name)
    if clusters is None and any(side.place is not None for side in sides):
        # Every example is a group of its own: its mean has no exact method, whatever a single answer's would be.
        clusters = np.arange(len(ids))
    missing = [repeated.missing(mask, one.side, one.rows) for mask, one in zip(coding.unusable, aligned, strict=True)]
    return Holdout(
        n=len(ids),
        ids=ids,
        task=coding.task,
        truth=truth,
        candidate=outputs[0],
        baseline=outputs[1] if baseline is not None else None,
        weights=weights,
        classes=coding.classes,
        clusters=clusters,
        slices=words,
        sensitive=_words(aligned, ids, "sensitive", [one.side.sensitive for one in aligned]),
        pairs=authority.side.pairs,
        search=None if search is None else _search(aligned, ids, clusters, search, (*columns, *outcomes)),
        missing=(missing[0], missing[1] if baseline is not None else missing[0]),
        dropped=tuple(_lost(coding, index, one) for index, one in enumerate(aligned)),
        thinned=tuple(_thinned(authority)) if baseline is not None else (),
        digest=_digest(ids, truth, coding.classes, weights, words if groups is None else {**words, "\0group": groups}),
        assumptions=(
            *repeated.note(sides),
            *column_notes(sides, reading, (*slices, *sensitive), columns),
            *coding.assumptions,
            *unused(sides, slices),
        ),
    )


def align(sides: list[Side], reading: ReadingPolicy) -> tuple[list[Aligned], NDArray[Any]]:
    """Find the common examples; which file rows they are, and their ids in ascending order.

    Raises:
        IdsDiffer: one file has examples that the other has not, and policy does not leave them out.
    """
    orders = _same_kind([side.order for side in sides])
    if len(sides) == 1:
        nothing = np.empty(0, dtype=np.intp)
        return [Aligned(sides[0], orders[0].rows, nothing)], orders[0].ids
    match = joined(orders[0], orders[1])
    if reading.missing == "error" and len(match.only_left) + len(match.only_right):
        raise _ids_differ(sides, orders, match.only_left, match.only_right)
    aligned = [
        Aligned(side, _file_rows(order, chosen), _alone(order, alone))
        for side, order, chosen, alone in (
            (sides[0], orders[0], match.left, match.only_left),
            (sides[1], orders[1], match.right, match.only_right),
        )
    ]
    ids = orders[0].ids
    return aligned, ids if match.left is None else ids[match.left]


def _same_kind(orders: list[Order]) -> list[Order]:
    """Numbers in one file and text in the other are the same ids when they read the same."""
    if len({order.ids.dtype.kind for order in orders}) == 1:
        return orders
    return [order if order.ids.dtype.kind == "S" else _as_text(order) for order in orders]


def _as_text(order: Order) -> Order:
    again = ordered(order.ids.astype("S20"))
    rows = order.rows if again.rows is None else order.take(np.arange(len(order.ids)))[again.rows]
    return Order(again.ids, rows)


def _file_rows(order: Order, chosen: NDArray[np.intp] | None) -> NDArray[np.intp] | None:
    if chosen is None or order.rows is None:
        return order.rows if chosen is None else chosen
    return order.rows[chosen]


def _alone(order: Order, positions: NDArray[np.intp]) -> NDArray[np.intp]:
    return positions if order.rows is None else order.rows[positions]


def _ids_differ(sides: list[Side], orders: list[Order], left: NDArray[Any], right: NDArray[Any]) -> IdsDiffer:
    parts = [
        f"{count(len(alone))} only in {side.table.name} (among them {named(order.ids[alone])})"
        for side, order, alone in zip(sides, orders, (left, right), strict=True)
        if len(alone)
    ]
    return IdsDiffer(
        f"the two models were not scored on the same examples: {'; '.join(parts)}",
        place=Place(sides[0].table.name),
        help="score both models on the same holdout, or say missing: intersect to compare what both have",
    )


def _check_truth(aligned: list[Aligned], ids: NDArray[Any]) -> None:
    """A label that differs between the files is a relabelled or leaking holdout: nothing can be judged on it."""
    if len(aligned) < 2:
        return
    numbers = [one.side.truth_values for one in aligned]
    if all(values is not None for values in numbers):
        left, right = (one.take(values) for one, values in zip(aligned, numbers, strict=True) if values is not None)
        if left.dtype != right.dtype:  # one file keeps single precision: compare what both can say
            left, right = left.astype(np.float32), right.astype(np.float32)
        _same(aligned, ids, "target", ~((left == right) | (np.isnan(left) & np.isnan(right))))
        return
    _shared(aligned, ids, "target", [one.side.truth for one in aligned])


def _shared(aligned: list[Aligned], ids: NDArray[Any], part: str, texts: list[Texts | None]) -> Texts | None:
    """A column of words that belongs to the holdout: equal in both files where both have it, else from the one."""
    present = [(one, words) for one, words in zip(aligned, texts, strict=True) if words is not None]
    if not present:
        return None
    taken = [Texts(words.values, one.take(words.codes)) for one, words in present]
    if len(taken) == 2:
        values = {word: number for number, word in enumerate(dict.fromkeys((*taken[0].values, *taken[1].values)))}
        left, right = (_recoded(words, values) for words in taken)
        _same(aligned, ids, part, left != right)
    return taken[-1]


def _recoded(words: Texts, values: dict[str, int]) -> NDArray[np.int32]:
    lookup = np.array([*(values[word] for word in words.values), -1], dtype=np.int32)
    return lookup[words.codes]


def _same(aligned: list[Aligned], ids: NDArray[Any], part: str, differs: NDArray[Any]) -> None:
    if not differs.any():
        return
    raise HoldoutDiffers(
        f"the two files disagree on the {part} of {count(int(differs.sum()))} examples, "
        f"among them {named(ids[differs])}",
        place=Place(aligned[0].side.table.name),
        help="score both models on one version of the holdout; a label may not change between them",
    )


def _truth_of(coding: Coding, aligned: list[Aligned]) -> Truth:
    """The truth as production's file has it."""
    truth, authority = coding.truths[-1], aligned[-1]
    if truth is None:
        return Truth()
    return truth if authority.rows is None else truth.take(authority.rows)


def _weights(aligned: list[Aligned], ids: NDArray[Any]) -> NDArray[Any] | None:
    authority = aligned[-1]
    weights = [one.take(one.side.weights) if one.side.weights is not None else None for one in aligned]
    chosen = weights[-1]
    if chosen is None:
        return None
    if len(weights) == 2 and weights[0] is not None:
        _same(aligned, ids, "weight", weights[0] != chosen)
    bad = ~np.isfinite(chosen) | (chosen < 0)
    if bad.any():
        raise BadValue(
            f"{count(int(bad.sum()))} weights are negative or missing, among them those of {named(ids[bad])}",
            place=Place(authority.side.table.name),
        )
    if not chosen.any():
        raise BadValue("every weight is 0", place=Place(authority.side.table.name))
    if bool((chosen == chosen[0]).all()):
        # Equal weights are no weights: dropping them keeps the exact methods and the very same bytes.
        return None
    scaled = chosen / chosen.max()  # so that no sum can overflow
    return np.asarray(scaled * (len(scaled) / scaled.sum()))


def _words(aligned: list[Aligned], ids: NDArray[Any], kind: str, given: list[dict[str, Texts]]) -> dict[str, Texts]:
    """Slices or groups of production's file: a candidate that names its own could hide a harm in them."""
    found = {}
    for name in given[-1]:
        words = _shared(aligned, ids, f"{kind} column {name}", [each.get(name) for each in given])
        if words is not None:
            found[name] = words
    return found


def _clusters(groups: Texts | None, ids: NDArray[Any], reading: ReadingPolicy, file: str) -> NDArray[Any] | None:
    if groups is not None:
        absent = groups.codes < 0
        if absent.any():
            raise BadValue(
                f"{count(int(absent.sum()))} examples have no group, among them {named(ids[absent])}", place=Place(file)
            )
        return numbered(groups.codes)
    if reading.duplicates == "cluster" and len(ids) > 1:
        new = np.concatenate(([False], ids[1:] != ids[:-1]))
        return None if new[1:].all() else np.cumsum(new)
    return None


def _search(
    aligned: list[Aligned],
    ids: NDArray[Any],
    clusters: NDArray[Any] | None,
    search: SearchPolicy,
    outcomes: Sequence[str],
) -> Searched:
    one, other = ((each.side.table, each.take) for each in (aligned[0], aligned[-1]))
    side = aligned[-1].side
    told = outcomes if search.columns else (*outcomes, *answers(side.roles.others, one, other))
    known = (side.slices, side.sensitive)
    return searched_columns(side.table, side.roles, other[1], known, ids, clusters, search, told)


def _thinned(authority: Aligned) -> Iterator[tuple[str, int, int]]:
    """Slices and groups of production's file that the candidate was not scored on in full."""
    every = {**authority.side.sensitive, **authority.side.slices}
    for column, words in every.items() if len(authority.alone) else ():
        lost = np.bincount(words.codes[authority.alone] + 1, minlength=len(words.values) + 1)
        whole = np.bincount(words.codes + 1, minlength=len(words.values) + 1)
        for place in np.flatnonzero(lost):
            value = words.values[place - 1] if place else MISSING_VALUE
            name = value if column in authority.side.pairs else slice_name(column, value)
            yield name, int(lost[place]), int(whole[place])


def _lost(coding: Coding, index: int, one: Aligned) -> Lost:
    truth = coding.truths[index] or Truth()
    return Lost(
        len(one.alone), truth.take(one.alone), repeated.with_samples(coding.outputs[index], one.side, one.alone)
    )


def _digest(
    ids: NDArray[Any],
    truth: Truth,
    classes: tuple[str, ...],
    weights: NDArray[Any] | None,
    slices: dict[str, Texts],
) -> str:
    """sha256 of the holdout as it was judged on, independent of the order of rows in any file."""
    digest = hashlib.sha256(f"{ids.dtype.str} {len(ids)}\n".encode())
    digest.update(np.ascontiguousarray(ids).data.cast("B"))
    digest.update("\0".join(classes).encode("utf-8", "surrogatepass"))
    for values, kind in ((truth.codes, np.int64), (truth.values, np.float64), (weights, np.float64)):
        digest.update(b"\n" if values is None else np.ascontiguousarray(values, dtype=kind).data.cast("B"))
    for name, words in sorted(slices.items()):
        order = sorted(words.values)
        codes = _recoded(words, {word: number for number, word in enumerate(order)})
        digest.update("\0".join((name, *order)).encode("utf-8", "surrogatepass"))
        digest.update(codes.astype(np.int64).data.cast("B"))
    return digest.hexdigest()

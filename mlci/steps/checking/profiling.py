"""What the training data are like, column by column, counted at the edges of the reference where there is one.

Edges of a reference are kept for the data's own profile as long as they still divide them well: then one look at the
rows gives both what is compared now and what will be compared next. Where they do not, new edges are taken from the
quantiles, and everything is counted again between those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mlci.domain.dataset.profile import ColumnKind, ColumnProfile, Profile, comparable
from mlci.ports import DataEngine, Opened
from mlci.steps.checking import Material, counting
from mlci.steps.checking.counting import MOST_VALUES, Column, Facts

# Quantiles that bins end at.
_BINS = 20
# Up to so many different values are counted one by one; a text with more of them, while each is frequent enough to say
# nothing of one row, by those that most rows have.
_FEW, _MANY, _NAMED, _FREQUENT = 20, 1_000, 50, 10
# Edges are kept while no more than this share lies outside them, and no bin holds more than this.
_OUTSIDE, _FULL = 0.05, 0.15


@dataclass(frozen=True, kw_only=True)
class Profiled:
    """The profile of a dataset, and what is needed to compare it.

    Attributes:
        profile: for evidence, and the next comparison.
        reference: the profile of the reference; None without one.
        beside: the columns that can be compared, counted in the bins and categories of the reference.
        new: by column, values that the reference has not, with the rows that have them.
    """

    profile: Profile
    reference: Profile | None = None
    beside: Profile | None = None
    new: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def run(material: Material) -> Profiled | None:
    """The profile of the training data; None where they are no table."""
    if not material.train.columns:
        return None
    given = material.reference
    reference = None
    if given is not None:
        reference = given.profile
        if reference is None and given.opened is not None and given.opened.columns:
            reference = profiled(material.engine, given.opened).profile
    return profiled(material.engine, material.train, reference)


def profiled(engine: DataEngine, opened: Opened, reference: Profile | None = None) -> Profiled:
    """Profile a dataset, beside a reference where there is one."""
    columns = [Column(name, type) for name, type in opened.columns.items()]
    shared = {each.name: each for each in _shared(columns, reference)}
    edges = {name: each.edges for name, each in shared.items() if len(each.edges) > 1}
    # Lengths of texts that are categories say nothing.
    words = {name for name, each in shared.items() if each.kind == "category" and opened.columns[name] == "string"}
    found = counting.facts(engine, opened, columns, edges, words)
    valued = [each for each in columns if _by_value(each, shared.get(each.name), found[each.name])]
    values = counting.values(engine, opened, valued)
    own, left = {}, []
    for column in columns:
        made = _made(column, shared.get(column.name), found[column.name], values.get(column.name))
        if made is None:
            left.append(column)
        else:
            own[column.name] = made
    own |= _newly_binned(engine, opened, left, found, values)
    rows = opened.rows
    profile = Profile(rows=rows, columns=tuple(_missing(own[each.name], rows, found[each.name]) for each in columns))
    if reference is None:
        return Profiled(profile=profile)
    beside, new = [], {}
    for column in columns:
        if column.name in shared:
            of_reference, got = shared[column.name], found[column.name]
            counted, added = _beside(engine, opened, column, of_reference, got, values.get(column.name))
            beside.append(_missing(counted, rows, got))
            new[column.name] = added
    return Profiled(profile=profile, reference=reference, beside=Profile(rows=rows, columns=tuple(beside)), new=new)


def _shared(columns: Sequence[Column], reference: Profile | None) -> list[ColumnProfile]:
    """The columns of the reference that can be compared with one here."""
    if reference is None:
        return []
    types = {each.name: each.type for each in columns}
    return [
        each for each in reference.columns if each.name in types and comparable(each.type or "other", types[each.name])
    ]


def _missing(column: ColumnProfile, rows: int, facts: Facts) -> ColumnProfile:
    return replace(column, missing=rows - facts.present)


def _by_value(column: Column, reference: ColumnProfile | None, facts: Facts) -> bool:
    """Whether its values are counted one by one."""
    if column.number is None:
        return column.type == "boolean"
    if reference is not None and reference.kind == "category":
        return True
    return facts.distinct is not None and 0 < facts.distinct <= MOST_VALUES


def _blank(column: Column, kind: ColumnKind, facts: Facts) -> ColumnProfile:
    return ColumnProfile(
        name=column.name,
        type=None if column.type == "other" else column.type,
        kind=kind,
        missing=0,
        distinct=facts.distinct,
        minimum=facts.minimum,
        maximum=facts.maximum,
        mean=facts.mean,
        deviation=facts.deviation,
    )


def _made(
    column: Column, reference: ColumnProfile | None, facts: Facts, values: list[tuple[Any, int]] | None
) -> ColumnProfile | None:
    """Its own profile, where no new edges are needed for it."""
    if not facts.present or column.type == "other":
        return _blank(column, "other", facts)
    if values and len(values) <= MOST_VALUES:
        categories = _categories(column, values, facts.present)
        if categories is not None:
            others = facts.present - sum(categories.values())
            blank = replace(_blank(column, "category", facts), distinct=len(values))
            return replace(blank, categories=categories, others=others)
    if facts.counts and reference is not None and _divides(facts, reference):
        return replace(_blank(column, reference.kind, facts), edges=reference.edges, counts=facts.counts)
    return None


def _categories(column: Column, values: list[tuple[Any, int]], present: int) -> dict[str, int] | None:
    """Rows by value; None where the values are not categories.

    Values of which most are alone are no categories, however few they are: they may name persons.
    """
    if column.type in ("date", "timestamp"):
        return None
    labels = {label_of(value): count for value, count in values}
    different = len(labels)
    if different <= 2 or (different <= _FEW and 2 * different <= present):
        rare = column.type == "number" and 5 * different > present and different > 2
        return None if rare else dict(sorted(labels.items()))
    if column.type != "string" or different > _MANY or present < _FREQUENT * different:
        return None
    frequent = [(label, count) for label, count in labels.items() if count >= _FREQUENT][:_NAMED]
    return dict(sorted(frequent)) or None


def label_of(value: Any) -> str:
    """A value as it is written in a profile, the same for every engine.

    >>> label_of(3.0), label_of(0.5), label_of("a")
    ('3', '0.5', 'a')
    """
    if isinstance(value, str):
        return value
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)


def _divides(facts: Facts, reference: ColumnProfile) -> bool:
    """Whether edges still divide the values well enough to compare the next data at."""
    total = facts.present
    if facts.counts[0] + facts.counts[-1] > _OUTSIDE * total:
        return False
    before = sum(reference.counts) or 1
    return all(
        now <= _FULL * total or now / total <= 1.5 * was / before
        for now, was in zip(facts.counts[1:-1], reference.counts[1:-1], strict=True)
    )


def _newly_binned(
    engine: DataEngine,
    opened: Opened,
    columns: Sequence[Column],
    facts: Mapping[str, Facts],
    values: Mapping[str, list[tuple[Any, int]]],
) -> dict[str, ColumnProfile]:
    """Own profiles of columns whose edges are new: where few values are, of them all; else of a sample."""
    if not columns:
        return {}
    sampled = [each for each in columns if not _usable(each, values)]
    # Where edges of the reference were tried, nobody has counted how many values there are.
    unknown = [each for each in sampled if facts[each.name].distinct is None]
    known = {**facts, **counting.facts(engine, opened, unknown, {})} if unknown else dict(facts)
    distinct = {name: each.distinct for name, each in known.items() if each.distinct}
    drawn = counting.sample(engine, opened, sampled, distinct, opened.columns) if sampled else {}
    edges = {}
    for column in columns:
        counted = values[column.name] if _usable(column, values) else [(each, 1) for each in drawn[column.name]]
        edges[column.name] = quantile_edges(counted, known[column.name])
    below = counting.binned(engine, opened, sampled, edges) if sampled else {}
    made = {}
    for column in columns:
        name = column.name
        under = below[name] if name in below else counting.below(values[name], edges[name])
        counts = counting.counts_of(under, known[name].present)
        made[name] = replace(_blank(column, _kind(column), known[name]), edges=edges[name], counts=counts)
    return made


def _usable(column: Column, values: Mapping[str, list[tuple[Any, int]]]) -> bool:
    """Whether all its values are known, as numbers."""
    return column.type != "string" and 0 < len(values.get(column.name, ())) <= MOST_VALUES


def _kind(column: Column) -> ColumnKind:
    if column.type in ("date", "timestamp"):
        return "time"
    return "text" if column.type == "string" else "number"


def quantile_edges(counted: Sequence[tuple[float, int]], facts: Facts) -> tuple[float, ...]:
    """Edges that leave about as many values in each bin, the first at the smallest value and the last at the largest.

    Args:
        counted: values with how often each is there.
        facts: of the whole column.
    """
    low, high = facts.minimum, facts.maximum
    if low is None or high is None:
        return 0.0, 1.0
    rising = sorted((value, count) for value, count in counted if low <= value <= high)
    total = sum(count for _, count in rising)
    edges, reached, part = {low, high}, 0, 1
    for value, count in rising:
        reached += count
        while part < _BINS and reached * _BINS >= part * total:
            edges.add(value)
            part += 1
    if not rising:
        edges |= {low + (high - low) * each / _BINS for each in range(1, _BINS)}
    ascending = sorted(edges)
    # Of one value only there is one edge; the bin that holds it needs two.
    return tuple(ascending) if len(ascending) > 1 else (low, low + max(1.0, abs(low)))


def _beside(
    engine: DataEngine,
    opened: Opened,
    column: Column,
    reference: ColumnProfile,
    facts: Facts,
    values: list[tuple[Any, int]] | None,
) -> tuple[ColumnProfile, dict[str, int]]:
    """A column counted as the reference is, and the values that are new to it."""
    blank = _blank(column, reference.kind, facts)
    if reference.kind != "category":
        counts = facts.counts if reference.edges else ()
        return replace(blank, edges=reference.edges, counts=counts), {}
    known = list(reference.categories)
    labels = {label_of(value): count for value, count in values or ()}
    if values is not None and len(values) > MOST_VALUES:
        every = dict(zip(known, counting.labelled(engine, opened, column, known), strict=True))
    else:
        every = {label: labels.get(label, 0) for label in known}
    others = facts.present - sum(every.values())
    new = {label: count for label, count in labels.items() if label not in every} if not reference.others else {}
    return replace(blank, categories=every, others=others), new

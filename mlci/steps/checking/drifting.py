"""Drift of the training data against the reference: noise counted, and judged by how much it matters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlci.config.data import Drift
from mlci.domain.dataset.drift import (
    ColumnDrift,
    Moved,
    corrected_for_all,
    of_columns,
    of_schema,
    schema_change,
    types_of,
)
from mlci.domain.dataset.drifted import section
from mlci.domain.dataset.profile import ColumnProfile
from mlci.steps.checking import Material, Part, Reference, separating
from mlci.steps.checking.profiling import Profiled

if TYPE_CHECKING:
    from mlci.stats.cumulative import Binned
    from mlci.stats.divergence import Array

# Bins of a profile are joined in twos: fewer bins see a small shift with fewer rows.
_PAIRED_FROM = 16


def run(material: Material, profiled: Profiled | None) -> Part:
    """Judge every column, and the schema."""
    given, settings = material.reference, material.settings.drift
    if profiled is None or given is None:
        # Whoever looked for a reference says why there is none.
        return Part()
    if profiled.reference is None or profiled.beside is None:
        return Part(assumptions=(f"{given.name} has no profile of its data, so that drift was not looked at",))
    from mlci.stats.multiplicity import holm

    ignored = (*settings.ignore, *([material.id] if material.id is not None else []))
    change = schema_change(_types(given, profiled), types_of(profiled.profile.columns), ignored)
    before, now = profiled.reference, profiled.beside
    columns = tuple(
        compared(of_reference, each, (before.rows, now.rows), settings, dict(profiled.new.get(each.name, {})))
        for each in now.columns
        if each.name not in ignored and (of_reference := before.column(each.name)) is not None
    )
    columns = corrected_for_all(columns, holm([one.p for each in columns for one in each.moved]))
    findings = (
        *of_schema(change, given.name, settings.on_drift),
        *of_columns(columns, given.name, settings.confidence, settings.on_drift),
        *([together] if (together := separating.run(material, profiled, ignored)) is not None else []),
    )
    shown = section(columns, change, given.name, settings.confidence, show_values=material.settings.show_values)
    return Part(findings=findings, sections=(shown,))


def _types(given: Reference, profiled: Profiled) -> dict[str, str]:
    if given.columns is not None:
        return dict(given.columns)
    if given.opened is not None and given.profile is None:
        return dict(given.opened.columns)
    return types_of(profiled.reference.columns) if profiled.reference is not None else {}


def compared(
    before: ColumnProfile, now: ColumnProfile, rows: tuple[int, int], settings: Drift, new: dict[str, int] | None = None
) -> ColumnDrift:
    """One column beside the reference, counted in the same bins.

    Args:
        before: the column of the reference.
        now: the same column of the data, in the bins and categories of the reference.
        rows: of the reference and of the data.
        settings: how much is accepted.
        new: values that the reference has not.
    """
    import numpy as np

    from mlci.stats.divergence import LEAST_EXPECTED, merged

    names, of_before, of_now, ordered = _bins(before, now, rows)
    left, right = merged(np.array(of_before), np.array(of_now), ordered)
    few = min(rows) < 2 * LEAST_EXPECTED
    moved = [] if few else _distances(left, right, settings, category=before.kind == "category")
    if not few:
        moved += _along(before, now, settings)
    if min(rows) > 0:
        moved.append(_missing(before.missing, now.missing, rows, settings))
    shares = tuple(each / max(1, total) for each, total in zip((before.missing, now.missing), rows, strict=True))
    return ColumnDrift(
        name=now.name,
        kind=before.kind,
        rows=rows,
        missing=(shares[0], shares[1]),
        outside=(_outside(before, rows[0]), _outside(now, rows[1])),
        moved=tuple(moved),
        few=few,
        new=new or {},
        bars=_bars(names, of_before, of_now),
    )


def _bins(
    before: ColumnProfile, now: ColumnProfile, rows: tuple[int, int]
) -> tuple[list[str], list[int], list[int], int]:
    """What each bin is, its rows on either side, and how many of them follow one another."""
    if before.kind == "category":
        names = list(before.categories)
        left, right = ([each.categories.get(name, 0) for name in names] for each in (before, now))
        return (
            [*names, "other values", "missing"],
            [*left, before.others, before.missing],
            [*right, now.others, now.missing],
            0,
        )
    if not before.counts or not now.counts:
        return (
            ["a value", "missing"],
            [rows[0] - before.missing, before.missing],
            [rows[1] - now.missing, now.missing],
            0,
        )
    step = 2 if len(before.edges) > _PAIRED_FROM else 1
    starts = range(1, len(before.edges), step)
    names = ["below", *(str(number) for number in range(1, len(starts) + 1)), "above", "missing"]
    left, right = (
        [
            each.counts[0],
            *(sum(each.counts[at : min(at + step, len(each.edges))]) for at in starts),
            each.counts[-1],
            each.missing,
        ]
        for each in (before, now)
    )
    return names, left, right, len(names) - 1


def _bars(names: list[str], before: list[int], now: list[int]) -> tuple[tuple[str, float, float], ...]:
    """Shares for a drawing, without bins that nothing is in."""
    n, m = max(1, sum(before)), max(1, sum(now))
    return tuple((name, a / n, b / m) for name, a, b in zip(names, before, now, strict=True) if a or b)


def _outside(column: ColumnProfile, rows: int) -> float:
    outside = (
        column.others if column.kind == "category" else column.counts[0] + column.counts[-1] if column.counts else 0
    )
    return outside / max(1, rows)


def _distances(left: Array, right: Array, settings: Drift, *, category: bool) -> list[Moved]:
    """Distances between two samples in the same bins."""
    from mlci.stats import divergence

    if len(left) < 2:
        # Every row of both is in one bin.
        return [Moved(measure="psi", value=0.0, corrected=0.0, lower=0.0, limit=settings.psi, p=1.0)]
    changed, level = divergence.p_unchanged(left, right), settings.confidence
    index = divergence.psi(left, right)
    moved = [
        Moved(
            measure="psi", value=index.value, corrected=index.corrected, lower=index.lower(level), limit=settings.psi,
            p=max(changed, index.p_within(settings.psi)),
        )
    ]  # fmt: skip
    if settings.js is not None:
        js, distance = divergence.jensen_shannon(left, right), divergence.js_distance
        moved.append(
            Moved(
                measure="js", value=distance(js.value), corrected=distance(js.corrected),
                lower=distance(js.lower(level)), limit=settings.js,
                p=max(changed, js.p_within(divergence.js_divergence(settings.js))),
            )
        )  # fmt: skip
    if settings.chi2 is not None and category:
        v = divergence.cramer(left, right)
        moved.append(
            Moved(
                measure="chi2", value=math.sqrt(v.value), corrected=math.sqrt(v.corrected),
                lower=math.sqrt(v.lower(level)), limit=settings.chi2, p=max(changed, v.p_within(settings.chi2**2)),
            )
        )  # fmt: skip
    return moved


def _along(before: ColumnProfile, now: ColumnProfile, settings: Drift) -> list[Moved]:
    """Distances along the axis of the values, for what has one."""
    if settings.ks is None and settings.wasserstein is None:
        return []
    from mlci.stats import cumulative

    left, right = _binned(before), _binned(now)
    if left is None or right is None:
        return []
    moved, level = [], settings.confidence
    if settings.ks is not None:
        ks = cumulative.kolmogorov_smirnov(left, right)
        moved.append(
            Moved(
                measure="ks", value=ks.value, corrected=ks.value, lower=ks.lower(level), limit=settings.ks,
                p=ks.p_within(settings.ks),
            )
        )  # fmt: skip
    if settings.wasserstein is not None and left.deviation > 0:
        import numpy as np

        unit = left.deviation
        area = cumulative.wasserstein(np.array(before.edges), left, right)
        moved.append(
            Moved(
                measure="wasserstein", value=area.value / unit, corrected=area.value / unit,
                lower=area.lower(level) / unit, limit=settings.wasserstein,
                p=area.p_within(settings.wasserstein * unit),
            )
        )  # fmt: skip
    return moved


def _binned(column: ColumnProfile) -> Binned | None:
    import numpy as np

    from mlci.stats.cumulative import Binned

    if column.kind == "category" or sum(column.counts) < 2:
        return None
    if column.minimum is None or column.maximum is None or column.mean is None or column.deviation is None:
        return None
    return Binned(
        np.array(column.counts, dtype=np.float64), column.minimum, column.maximum, column.mean, column.deviation
    )


def _missing(before: int, now: int, rows: tuple[int, int], settings: Drift) -> Moved:
    """By how much the share of missing values rose."""
    from mlci.stats.shares import increase

    limit = settings.max_missing_increase
    rise = increase(before, rows[0], now, rows[1])
    return Moved(
        measure="missing", value=rise.value, corrected=rise.value, lower=rise.lower(settings.confidence), limit=limit,
        p=rise.p_within(limit),
    )  # fmt: skip

"""The section on drift: every column beside the reference in one table, and the worst of them drawn."""

from __future__ import annotations

from collections.abc import Sequence

from mlci.domain.dataset.drift import ColumnDrift, Moved, SchemaChange, worst_first
from mlci.domain.figures import as_written, count, figure, percent, several
from mlci.domain.report import Histogram, Section

# A table of more rows is read by nobody, nor are more drawings.
_ROWS, _DRAWN = 200, 6
_NAMED = 8
_HEADS = {
    "js": "Jensen-Shannon", "wasserstein": "Wasserstein, sd", "ks": "Kolmogorov-Smirnov", "chi2": "Cramér's V",
}  # fmt: skip
_NONE = "–"


def section(
    columns: Sequence[ColumnDrift], change: SchemaChange, reference: str, confidence: float, *, show_values: bool
) -> Section:
    """What became of each column, the worst first.

    Args:
        columns: beside the reference.
        change: how the schema differs.
        reference: what they are compared with, in words.
        confidence: level of each bound.
        show_values: whether values of the data may be named.
    """
    worst = worst_first(columns)
    asked = [name for name in _HEADS if any(each.of(name) for each in columns)]  # type: ignore[arg-type]
    moved = [each for each in worst if each.beyond(confidence)]
    drawn = [each for each in worst if len(each.bars) > 1][:_DRAWN]
    return Section(
        id="drift",
        title=f"Drift since {reference}: {len(moved)} of {several(len(columns), 'column')} moved",
        sentences=(*_sentences(worst, change, reference, confidence, show_values=show_values),),
        columns=(
            "Column",
            "PSI",
            "less noise",
            "at least",
            *(_HEADS[name] for name in asked),
            "missing",
            "outside",
            "Judged",
        ),
        rows=tuple(_row(each, asked, confidence) for each in worst[:_ROWS]),
        figures=_figures(columns, moved),
        histograms=tuple(_drawing(each, show_values=show_values) for each in drawn),
        folded=not moved,
    )


def _figures(columns: Sequence[ColumnDrift], moved: Sequence[ColumnDrift]) -> dict[str, float]:
    largest = max((psi.corrected for each in columns if (psi := each.of("psi"))), default=0.0)
    return {"columns": len(columns), "moved": len(moved), "largest_psi": largest}


def _row(column: ColumnDrift, asked: Sequence[str], confidence: float) -> tuple[str, ...]:
    psi = column.of("psi")
    said = [_NONE] * 3 if psi is None else [figure(psi.value), figure(psi.corrected), figure(psi.lower)]
    others = [_with_bound(next((one for one in column.moved if one.measure == name), None)) for name in asked]
    verdict = "moved" if column.beyond(confidence) else "too few rows" if column.few else "not shown to have moved"
    return (column.name, *said, *others, _change(column.missing), _change(column.outside), verdict)


def _with_bound(one: Moved | None) -> str:
    return _NONE if one is None else f"{figure(one.value)} (≥ {figure(one.lower)})"


def _change(shares: tuple[float, float]) -> str:
    return _NONE if not any(shares) else f"{percent(shares[0])} → {percent(shares[1])}"


def _sentences(
    columns: Sequence[ColumnDrift], change: SchemaChange, reference: str, confidence: float, *, show_values: bool
) -> list[str]:
    said = []
    if columns:
        before, now = columns[0].rows
        level = as_written(confidence, relative=True)
        said.append(
            f"{several(before, 'row')} of {reference} beside {several(now, 'row')} here. A column moved where "
            f"both are shown: that it is not what it was, and that it is further away than is accepted "
            f"(Holm's correction over all comparisons, {level})."
        )
    if change.reordered:
        said.append("The columns stand in another order than before.")
    for column in columns:
        if column.new and len(said) < _NAMED:
            said.append(_new(column, show_values=show_values))
    return said


def _new(column: ColumnDrift, *, show_values: bool) -> str:
    rows, different = sum(column.new.values()), len(column.new)
    values = "1 value" if different == 1 else f"{count(different)} values"
    share = percent(rows / max(1, column.rows[1]))
    text = f"{column.name} has {values} that the reference has not, in {share} of the rows"
    if not show_values:
        return f"{text}."
    frequent = sorted(column.new.items(), key=lambda item: (-item[1], item[0]))[:_NAMED]
    named = ", ".join(f"{value} ({count(rows)})" for value, rows in frequent)
    return f"{text}: {named}{' and more' if different > _NAMED else ''}."


def _drawing(column: ColumnDrift, *, show_values: bool) -> Histogram:
    named = column.kind != "category" or show_values
    bars = [
        (name if named or name in ("other values", "missing") else f"value {place}", before, now)
        for place, (name, before, now) in enumerate(column.bars, 1)
    ]
    return Histogram(
        title=column.name,
        bins=tuple(name for name, _, _ in bars),
        before=tuple(before for _, before, _ in bars),
        now=tuple(now for _, _, now in bars),
    )

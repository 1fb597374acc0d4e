"""What became of each column since the reference, which of it counts as drift, and how that is said.

A column has drifted when two things are shown together: that its distribution is not the one of the reference (noise
alone would hardly do this), and that it is further away than the configuration accepts. Both are one p-value, the
larger of the two, and Holm's correction over every comparison of every column keeps the chance of even one false alarm
below 1 - confidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from mlci.domain.dataset.profile import ColumnKind, ColumnProfile, comparable
from mlci.domain.figures import as_written, count, figure, percent, several
from mlci.domain.finding import Finding
from mlci.domain.verdict import Verdict

MeasureName = Literal["psi", "js", "wasserstein", "ks", "chi2", "missing"]

_TITLES: dict[MeasureName, str] = {
    "psi": "PSI", "js": "Jensen-Shannon distance", "wasserstein": "Wasserstein distance",
    "ks": "Kolmogorov-Smirnov distance", "chi2": "Cramér's V", "missing": "share of missing values",
}  # fmt: skip
_KEYS: dict[MeasureName, str] = {name: name for name in _TITLES} | {"missing": "max_missing_increase"}
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Moved:
    """One distance of one column from the reference.

    Attributes:
        measure: which distance.
        value: as measured.
        corrected: less what noise alone would make of it.
        lower: its one-sided lower bound at the configured confidence.
        limit: how much is accepted.
        p: how surprising this is of a column that did not change, or not by more than is accepted.
        adjusted: the same after correction for everything that was compared.
    """

    measure: MeasureName
    value: float
    corrected: float
    lower: float
    limit: float
    p: float
    adjusted: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ColumnDrift:
    """One column beside the reference.

    Attributes:
        name: of the column.
        kind: how it is compared.
        rows: rows of the reference and of the data.
        missing: shares of missing values, before and now.
        outside: shares outside the range of the reference, or with none of its values, before and now.
        moved: every distance that was asked for; none of the distribution where there are too few rows.
        few: whether there are too few rows to compare distributions.
        new: values that the reference has not, with the rows that have them.
        bars: for a drawing: what each bin is, and its share before and now.
    """

    name: str
    kind: ColumnKind
    rows: tuple[int, int]
    missing: tuple[float, float]
    outside: tuple[float, float] = (0.0, 0.0)
    moved: tuple[Moved, ...] = ()
    few: bool = False
    new: Mapping[str, int] = field(default_factory=dict)
    bars: tuple[tuple[str, float, float], ...] = ()

    def of(self, measure: MeasureName) -> Moved | None:
        """One of the distances."""
        return next((one for one in self.moved if one.measure == measure), None)

    def beyond(self, confidence: float) -> tuple[Moved, ...]:
        """The distances that are shown to be larger than accepted, in the order in which they were asked for."""
        return tuple(one for one in self.moved if one.adjusted < 1 - confidence)


@dataclass(frozen=True, kw_only=True)
class SchemaChange:
    """How the columns differ from those of the reference.

    Attributes:
        added: columns that the reference has not.
        removed: columns that only the reference has.
        retyped: columns whose values cannot be compared any more, with the type before and now.
        reordered: whether the columns that both have stand in another order.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()
    reordered: bool = False


def schema_change(before: Mapping[str, str], now: Mapping[str, str], ignored: Sequence[str] = ()) -> SchemaChange:
    """Compare two schemas: names with types, in order; ``other`` is a type of which nothing is known."""
    left = [name for name in before if name in now]
    return SchemaChange(
        added=tuple(name for name in now if name not in before and name not in ignored),
        removed=tuple(name for name in before if name not in now and name not in ignored),
        retyped=tuple(
            (name, before[name], now[name])
            for name in left
            if name not in ignored and before[name] != now[name] and not comparable(before[name], now[name])
        ),
        reordered=left != [name for name in now if name in before],
    )


def corrected_for_all(columns: Sequence[ColumnDrift], adjusted: Sequence[float]) -> tuple[ColumnDrift, ...]:
    """Give every distance its adjusted p-value, in the order in which the columns hold them."""
    values = iter(adjusted)
    return tuple(
        replace(column, moved=tuple(replace(one, adjusted=next(values)) for one in column.moved)) for column in columns
    )


def worst_first(columns: Sequence[ColumnDrift]) -> tuple[ColumnDrift, ...]:
    """What was shown most clearly first; among equals what may have moved furthest beyond its limit."""

    def weight(column: ColumnDrift) -> tuple[float, float, float]:
        psi = column.of("psi")
        least = min((one.adjusted for one in column.moved), default=1.0)
        return least, -max((one.lower - one.limit for one in column.moved), default=0.0), -(psi.corrected if psi else 0)

    return tuple(sorted(columns, key=weight))


def of_columns(
    columns: Sequence[ColumnDrift], reference: str, confidence: float, on_drift: Literal["fail", "warn"]
) -> tuple[Finding, ...]:
    """A finding for every column that drifted, one for all that did not, and one for all that nobody can tell."""
    drifted = [each for each in worst_first(columns) if each.beyond(confidence)]
    findings = [_drifted(each, reference, confidence, Verdict(on_drift)) for each in drifted]
    few = [each.name for each in columns if each.few]
    held = len(columns) - len(drifted) - sum(each.few and not each.beyond(confidence) for each in columns)
    if held > 0:
        compared = sum(len(each.moved) for each in columns)
        verb = "column is" if held == 1 else "columns are"
        findings.append(
            Finding(
                id="drift",
                rule="drift",
                verdict=Verdict.PASS,
                message=f"{count(held)} {verb} not shown to be further from {reference} than is accepted "
                f"({several(compared, 'comparison')} together, {as_written(confidence, relative=True)})",
                n=columns[0].rows[1],
            )
        )
    if few:
        findings.append(_too_few(few, columns[0].rows, reference))
    return tuple(findings)


def _drifted(column: ColumnDrift, reference: str, confidence: float, verdict: Verdict) -> Finding:
    beyond = column.beyond(confidence)
    first = beyond[0]
    said = "; ".join(_arithmetic(one, column, confidence) for one in beyond)
    keys = ", ".join(f"data.drift.{_KEYS[one.measure]}" for one in beyond)
    what = (
        "Values that were there before are missing now"
        if first.measure == "missing"
        else "The values are distributed otherwise than before, by more than noise explains and more than is accepted"
    )
    return Finding(
        id=f"drift:{column.name}",
        rule="drift",
        verdict=verdict,
        reason="drifted",
        metric=column.name,
        message=f"{column.name} has moved away from {reference}: {said}: {verdict.value}",
        explanation=f"{what}, so what is learned from them is not what production learned. Look at where the column "
        f"comes from; if the change is meant, raise {keys}, or list the column in data.drift.ignore.",
        n=column.rows[1],
        limit=first.limit,
        p_worse=first.p,
        p_adjusted=first.adjusted,
        method="Pearson's test and lower bound less noise"
        if first.measure in ("psi", "js", "chi2")
        else "simultaneous lower bound",
    )


def _arithmetic(one: Moved, column: ColumnDrift, confidence: float) -> str:
    level = f"one-sided {as_written(confidence, relative=True)}"
    if one.measure == "missing":
        before, now = (percent(share) for share in column.missing)
        return (
            f"missing {before} before, {now} now, at least {100 * one.lower:.2f} points more ({level}), "
            f"limit {as_written(100 * one.limit)}"
        )
    noise = f", {figure(one.corrected)} less noise" if one.measure in ("psi", "js", "chi2") else ""
    unit = " standard deviations" if one.measure == "wasserstein" else ""
    return (
        f"{_TITLES[one.measure]} {figure(one.value)}{noise}, at least {figure(one.lower)} ({level}), "
        f"limit {as_written(one.limit)}{unit}"
    )


def _too_few(names: Sequence[str], rows: tuple[int, int], reference: str) -> Finding:
    """Advisory: a small dataset is no bad one. How many rows there must be is for the contract to say."""
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    return Finding(
        id="drift:few",
        rule="drift",
        verdict=Verdict.INCONCLUSIVE,
        reason="insufficient",
        advisory=True,
        message=f"too few rows to tell whether {shown} moved: {count(rows[0])} in {reference}, {count(rows[1])} here",
        explanation="Each bin must expect at least ten rows, and there must be two bins. More rows on the smaller side "
        "would tell; a rule of the contract on the number of rows would make this block.",
        n=min(rows),
    )


def of_schema(change: SchemaChange, reference: str, on_drift: Literal["fail", "warn"]) -> tuple[Finding, ...]:
    """Columns that came, went or became something else. What cannot be compared any more is no pass."""
    verdict = Verdict(on_drift)
    gone = (
        "Nobody can tell whether a column that is gone has moved, and what is trained without it is another model. "
        "Bring it back, or list it in data.drift.ignore if it was dropped on purpose."
    )
    other = (
        "Values of another type cannot be compared with those before. Restore the type, or list the column in "
        "data.drift.ignore if it was changed on purpose."
    )
    findings = [
        _of_schema(f"drift:{name}", name, verdict, f"{name} is not there any more: {reference} has it", gone)
        for name in change.removed
    ]
    findings += [
        _of_schema(f"drift:{name}", name, verdict, f"{name} holds {now} now, and {before} in {reference}", other)
        for name, before, now in change.retyped
    ]
    if change.added:
        names = ", ".join(change.added[:_NAMED])
        more = f" and {len(change.added) - _NAMED} more" if len(change.added) > _NAMED else ""
        verb = "is a column" if len(change.added) == 1 else "are columns"
        findings.append(
            _of_schema(
                "drift:added", None, Verdict.WARN, f"{names}{more} {verb} that {reference} has not",
                "There is nothing to compare them with yet. After the next promotion there is; data.drift.ignore "
                "silences this.",
            )
        )  # fmt: skip
    return tuple(findings)


def _of_schema(id: str, column: str | None, verdict: Verdict, message: str, why: str) -> Finding:
    return Finding(
        id=id, rule="drift", verdict=verdict, reason="schema", metric=column, message=message, explanation=why
    )


def types_of(columns: Sequence[ColumnProfile]) -> dict[str, str]:
    """Names with types, of a profile."""
    return {each.name: each.type or "other" for each in columns}

"""All columns together: whether a classifier tells rows of the reference from these, even where no column moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlci.domain.dataset.profile import ColumnProfile, Profile
from mlci.domain.figures import as_written, count, figure
from mlci.domain.finding import Finding
from mlci.domain.verdict import Verdict
from mlci.ports import DataEngine, Opened
from mlci.steps.checking import Material, sql
from mlci.steps.checking.counting import Column
from mlci.steps.checking.profiling import Profiled, label_of

if TYPE_CHECKING:
    from mlci.stats.separation import Array, Mask

# Rows of each side, columns, and categories of a column: bounds of what is held and learned.
ROWS, _COLUMNS, _CATEGORIES = 5_000, 100, 8
_FEWEST = 200
_TELLING = 3

Row = tuple[object, ...]


def run(material: Material, profiled: Profiled, ignored: Sequence[str]) -> Finding | None:
    """One finding; None where nobody asked."""
    settings, given = material.settings.drift, material.reference
    if settings.multivariate is None or given is None:
        return None
    if given.opened is None or profiled.reference is None or profiled.beside is None:
        return _unrun(
            f"whether all columns together moved cannot be told: the rows of {given.name} are not at hand",
            "A classifier learns from rows, and production's evidence holds counts only. Name a reference file in "
            "data.reference, or leave data.drift.multivariate out.",
        )
    columns = [
        each
        for each in profiled.beside.columns
        if each.name not in ignored and each.kind in ("number", "category", "text") and (each.edges or each.categories)
    ][:_COLUMNS]
    sides = [_sample(material.engine, opened, columns) for opened in (given.opened, material.train)]
    if not columns or min(map(len, sides)) < _FEWEST:
        rows = f"{count(given.opened.rows)} in {given.name}, {count(material.train.rows)} here"
        return Finding(
            id="drift:multivariate", rule="drift", verdict=Verdict.INCONCLUSIVE, reason="insufficient", advisory=True,
            message=f"too few rows to tell whether all columns together moved: {rows}",
            explanation=f"A classifier needs {_FEWEST} rows of either side, half of them to learn from. More rows "
            "would tell.",
        )  # fmt: skip
    return _judged(material, columns, profiled.reference, sides)


def _judged(
    material: Material, columns: Sequence[ColumnProfile], reference: Profile, sides: Sequence[Sequence[Row]]
) -> Finding:
    import numpy as np

    from mlci.stats.separation import separated

    settings, given = material.settings.drift, material.reference
    limit, name = settings.multivariate or 0.5, given.name if given is not None else ""
    rows = [*sides[0], *sides[1]]
    now = np.arange(len(rows)) >= len(sides[0])
    features, owners = _features(columns, reference, rows)
    found = separated(features, now, _halves(rows))
    if found is None:
        return _unrun(
            "whether all columns together moved cannot be told: one half of the rows is of one side only",
            "Rows are divided by their content, and these hardly differ. More different rows would tell.",
        )
    least = found.lower(settings.confidence)
    verdict = Verdict(settings.on_drift) if least > limit else Verdict.PASS
    weights: dict[str, float] = {}
    for owner, weight in zip(owners, found.telling, strict=True):
        weights[owner] = weights.get(owner, 0.0) + float(weight)
    telling = sorted(weights, key=lambda each: (-weights[each], each))[:_TELLING]
    telling = [each for each in telling if 2 * weights[each] >= weights[telling[0]]]
    message = (
        f"a classifier tells rows of {name} from these with an AUC of {figure(found.auc)}, at least {figure(least)} "
        f"(one-sided {as_written(settings.confidence, relative=True)}), limit {as_written(limit)}, on "
        f"{count(found.n)} rows that it had not seen: {verdict.value}"
    )
    why = (
        f"The columns together are not what they were, most of all {', '.join(telling)}, even where each alone is. "
        "Look at how they go together; raise data.drift.multivariate if the change is meant."
    )
    passed = verdict is Verdict.PASS
    return Finding(
        id="drift:multivariate", rule="drift", verdict=verdict, message=message, n=found.n, limit=limit,
        reason=None if passed else "drifted", explanation=None if passed else why, standard_error=found.error,
        p_worse=found.p_within(limit), method="classifier on one half, DeLong's error on the other",
    )  # fmt: skip


def _unrun(message: str, why: str) -> Finding:
    return Finding(
        id="drift:multivariate", rule="drift", verdict=Verdict.INCONCLUSIVE, reason="unrun", message=message,
        explanation=why,
    )  # fmt: skip


def _sample(engine: DataEngine, opened: Opened, columns: Sequence[ColumnProfile]) -> list[Row]:
    """Some rows of a dataset, chosen and put in order by the MD5 of their content, which comes first in each."""
    if not columns:
        return []
    text = " || '|' || ".join(f"coalesce(CAST({sql.name(each.name)} AS VARCHAR), '')" for each in columns)
    values = []
    for each in columns:
        column = Column(each.name, opened.columns[each.name])
        values.append(column.label if each.kind == "category" and column.label is not None else column.number)
    share = ROWS / max(1, opened.rows)
    where = f" WHERE md5({text}) < '{int(share * 16**8):08x}'" if share < 1 else ""
    chosen = ", ".join([f"md5({text}) AS h", *(f"{value} AS v{at}" for at, value in enumerate(values))])
    return sorted(
        engine.rows(f"SELECT {chosen} FROM {sql.name(opened.relation)}{where} LIMIT {4 * ROWS}"), key=lambda row: row[0]
    )


def _halves(rows: Sequence[Row]) -> Mask:
    """Which rows are learned from: by a digit of their MD5 that did not choose them, so equal rows stay together."""
    import numpy as np

    return np.array([int(str(row[0])[12], 16) % 2 == 0 for row in rows])


def _features(columns: Sequence[ColumnProfile], reference: Profile, rows: Sequence[Row]) -> tuple[Array, list[str]]:
    """Rows as numbers between -0.5 and 1, and the column that each of them is of.

    A number is where it stands among the values of the reference, so that no outlier outweighs all others; a category
    is one feature for each of the most frequent; a missing value is a feature of its own.
    """
    import numpy as np

    features, owners = [], []
    for at, each in enumerate(columns, 1):
        values = [row[at] for row in rows]
        made = [np.array([value is None for value in values], dtype=np.float64)]
        before = reference.column(each.name) or each
        if each.kind == "category":
            labels = ["" if value is None else label_of(value) for value in values]
            frequent = sorted(before.categories, key=lambda name: (-before.categories[name], name))[:_CATEGORIES]
            made += [np.array([label == name for label in labels], dtype=np.float64) for name in frequent]
        else:
            # NaN stands at the end, which is as good a place as any: it is missing, and rare.
            numbers = np.array([float("nan") if value is None else float(str(value)) for value in values])
            places = np.interp(numbers, before.edges, np.linspace(-0.5, 0.5, len(before.edges)))
            made.insert(0, np.where(np.isnan(numbers), 0.0, places))
        made = [feature for feature in made if feature.any() and not feature.all()]
        features += made
        owners += [each.name] * len(made)
    return np.stack(features, axis=1) if features else np.zeros((len(rows), 1)), owners or [columns[0].name]

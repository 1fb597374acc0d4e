"""Judge columns that a test holds in memory, the way gate-compare judges files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlci.adapters.tables.plain import PlainTable
from mlci.domain.finding import Finding
from mlci.domain.policy import Columns, GatePolicy, MetricRule, ReadingPolicy, SlicePolicy, Tolerance
from mlci.domain.report import Report, Subject, as_json
from mlci.steps.gate_compare import Given, Outcome, run

Rows = Mapping[str, Sequence[Any]]


def given(columns: Rows, name: str) -> Given:
    """Columns as one of the two things compared."""
    rows = len(next(iter(columns.values())))
    content = {column: [value.item() if isinstance(value, np.generic) else value for value in values]
               for column, values in columns.items()}  # fmt: skip
    digest = hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()
    return Given(Subject(name=name, digest=digest), table=PlainTable(name, content, rows, lambda row: row + 2))


def policy(
    *metrics: str | MetricRule,
    tolerance: float | Tolerance | None = None,
    slices: Sequence[str] = (),
    require: Any = "harm",
    slice_tolerance: float | None = None,
    columns: Mapping[str, str] | None = None,
    confidence: float = 0.95,
    on_inconclusive: Any = "approve",
    thresholds: Any = "point",
    **reading: Any,
) -> GatePolicy:
    """A policy that hides nothing: what cannot be told stays inconclusive, unless a test says otherwise."""
    return GatePolicy(
        rules=tuple(MetricRule(metric=each) if isinstance(each, str) else each for each in metrics),
        tolerance=Tolerance(tolerance) if isinstance(tolerance, (int, float)) else tolerance,
        confidence=confidence,
        thresholds=thresholds,
        slices=SlicePolicy(
            columns=tuple(slices), require=require,
            tolerance=None if slice_tolerance is None else Tolerance(slice_tolerance),
        ),
        on_inconclusive=on_inconclusive,
        reading=ReadingPolicy(columns=Columns(**(columns or {})), **reading),
    )  # fmt: skip


def judged(candidate: Rows, baseline: Rows | None, asked: GatePolicy) -> Outcome:
    return run(given(candidate, "candidate"), None if baseline is None else given(baseline, "production"), asked)


def report(candidate: Rows, baseline: Rows | None, asked: GatePolicy) -> Report:
    return judged(candidate, baseline, asked).report


def finding(of: Report | Outcome, id: str) -> Finding:
    """The one finding with this id."""
    findings = (of.report if isinstance(of, Outcome) else of).findings
    [found] = [each for each in findings if each.id == id]
    return found


def written(of: Report) -> list[dict[str, Any]]:
    """The findings as the report writes them: numbers with 12 significant digits."""
    return list(as_json(of)["findings"])


def ids(n: int) -> list[str]:
    return [f"e{number:05}" for number in range(n)]


def classifier(
    n: int, seed: int, *, right: float = 0.85, classes: int = 2, scores: bool = False, share: float = 0.5
) -> dict[str, Any]:
    """A model that is right so often. The truth depends on n, classes and share alone, so two models share it."""
    truth_random, random = np.random.default_rng(n * 31 + classes), np.random.default_rng(seed)
    several = truth_random.integers(0, classes, n)
    truth = (truth_random.random(n) < share).astype(int) if classes == 2 else several
    hit = random.random(n) < right
    labels = np.where(hit, truth, (truth + random.integers(1, classes, n)) % classes)
    columns: dict[str, Any] = {"id": ids(n), "y": truth, "pred": labels}
    if scores:
        columns["score"] = np.round(np.clip(0.5 + (labels - 0.5) * random.random(n), 0.01, 0.99), 3)
    return columns


def regression(n: int, seed: int, *, noise: float = 1.0) -> dict[str, Any]:
    truth = np.random.default_rng(n).normal(10.0, 4.0, n)
    return {"id": ids(n), "y": truth, "pred": truth + np.random.default_rng(seed).normal(0.0, noise, n)}


def with_columns(columns: Rows, **more: Any) -> dict[str, Any]:
    return {**columns, **more}


def rows_of(columns: Rows, rows: Any) -> dict[str, Any]:
    """Some rows, in the order given."""
    return {name: [values[row] for row in rows] for name, values in columns.items()}

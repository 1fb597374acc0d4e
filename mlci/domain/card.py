"""What a registry says of a version, so that a reader who opens nothing else sees where it comes from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlci.domain.estimate import Estimate
from mlci.domain.figures import bytes_in_words, count, figure, percent, seconds_in_words
from mlci.domain.report import Report
from mlci.domain.training import ModelPredicate

# Tags that others look versions up by; the registry itself sets the first.
ARTIFACT, INPUTS, EVIDENCE = "mlci.artifact", "mlci.inputs", "mlci.evidence"
HOLDOUT, EVALUATOR, COMMIT = "mlci.holdout", "mlci.evaluator", "mlci.commit"
ALONE = "mlci.alone"
GATE, VERDICT = "mlci.gate", "mlci.verdict"
VERDICT_HOLDOUT = "mlci.verdict.holdout"
# sha256 of the evidence that its training data passed their check.
DATA = "mlci.data.evidence"
# The day of the verdict, as YYYY-MM-DD.
VERDICT_DAY = "mlci.verdict.day"
# The commit of the default branch on which the gate first judged the version: the changes merged as it made the model.
GATE_COMMIT = "mlci.gate.commit"

# The distribution that says which framework a model is of, the most telling first.
_FRAMEWORKS = (
    "torch", "tensorflow", "jax", "xgboost", "lightgbm", "catboost", "scikit-learn", "statsmodels", "onnxruntime",
)  # fmt: skip


def tags(predicate: ModelPredicate, evidence: str, measured: Sequence[Estimate]) -> dict[str, str]:
    """The tags of a version.

    Args:
        predicate: what its evidence says.
        evidence: sha256 of that evidence, in hexadecimal.
        measured: its metrics on the holdout.
    """
    provenance, predictions = predicate.provenance, predicate.predictions
    found = {
        EVIDENCE: evidence,
        INPUTS: predicate.inputs.key,
        COMMIT: provenance.commit,
        "mlci.dirty": "true" if provenance.dirty else "false",
        "mlci.data": provenance.data.digest if provenance.data is not None else None,
        DATA: predicate.data,
        "mlci.data.path": provenance.data.path if provenance.data is not None else None,
        HOLDOUT: predictions.holdout.digest,
        "mlci.holdout.path": predictions.holdout.path,
        EVALUATOR: predictions.evaluator,
        "mlci.predictions": predictions.file.digest,
        "mlci.fingerprint": predictions.fingerprint,
        "mlci.format": predicate.format,
        "mlci.framework": framework(predicate),
        "mlci.python": provenance.environment.python,
        "mlci.environment": provenance.environment.digest,
        "mlci.command": provenance.command,
        "mlci.seed": str(provenance.seed),
        "mlci.device": provenance.device,
        "mlci.run": provenance.run,
        "mlci.version": predicate.mlci,
        **{f"mlci.metric.{one.metric.name}": with_interval(one) for one in _valued(measured)},
    }
    return {name: text for name, text in found.items() if text is not None}


def framework(predicate: ModelPredicate) -> str | None:
    """The framework the model is of with its version; None where none is known."""
    loaded = predicate.provenance.environment.loaded
    return next((f"{name} {loaded[name]}" for name in _FRAMEWORKS if name in loaded), None)


def metrics(measured: Sequence[Estimate]) -> dict[str, float]:
    """Every metric with a value, and its two one-sided bounds where it has them."""
    return dict(_named(measured))


def _named(measured: Sequence[Estimate]) -> Iterator[tuple[str, float]]:
    for one in _valued(measured):
        assert one.candidate is not None  # noqa: S101 - what _valued says
        yield one.metric.name, one.candidate
        if one.candidate_interval is not None:
            yield from zip((f"{one.metric.name}.low", f"{one.metric.name}.high"), one.candidate_interval, strict=True)


def _valued(measured: Sequence[Estimate]) -> list[Estimate]:
    return [one for one in measured if one.candidate is not None and math.isfinite(one.candidate)]


def with_interval(one: Estimate) -> str:
    """A metric's value, and its two one-sided bounds where it has them."""
    value = figure(one.candidate or 0.0)
    if one.candidate_interval is None:
        return value
    low, high = one.candidate_interval
    return f"{value} [{figure(low)}, {figure(high)}]"


def params(nested: Mapping[str, Any]) -> dict[str, str]:
    """Hyper-parameters as text by dotted name, in the order of their file.

    >>> params({"model": {"depth": 3, "eta": 0.1}, "features": ["age"]})
    {'model.depth': '3', 'model.eta': '0.1', 'features': "['age']"}
    """
    return dict(_dotted(nested, ""))


def _dotted(nested: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in nested.items():
        if isinstance(value, Mapping) and value:
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)


def description(predicate: ModelPredicate, measured: Sequence[Estimate], confidence: float) -> str:
    """The version's page as Markdown: plain words and numbers, nothing that a file name could turn into markup."""
    provenance, training = predicate.provenance, predicate.training
    commit = f"commit {provenance.commit[:12]}" if provenance.commit else "no commit"
    state = " with uncommitted changes" if provenance.dirty else ""
    of = f", {framework(predicate)}" if framework(predicate) else ""
    lines = [
        f"Trained from {commit}{state} in {seconds_in_words(training.seconds)} "
        f"({bytes_in_words(training.peak_memory)} at its peak), seed {provenance.seed}{of}.",
        "",
        f"Scored on {count(predicate.predictions.rows)} examples"
        + (f"; between one-sided {percent(confidence)} bounds:" if _valued(measured) else "."),
        *(f"- {one.metric.name}: {with_interval(one)}" for one in _valued(measured)),
    ]
    return "\n".join(lines).strip()


def judged(report: Report, evidence: str, holdout: str, day: str) -> tuple[dict[str, str], dict[str, float]]:
    """The tags and metrics that the gate adds to a version.

    Args:
        report: the gate's.
        evidence: sha256 of the gate's evidence, in hexadecimal.
        holdout: sha256 of what it was judged on, which need not be what it was registered with.
        day: on which it was judged, as YYYY-MM-DD.
    """
    found = {
        GATE: evidence,
        VERDICT: report.verdict.value,
        "mlci.verdict.reason": report.reason,
        VERDICT_HOLDOUT: holdout,
        VERDICT_DAY: day,
    }
    if report.baseline is not None:
        found["mlci.compared_with"] = report.baseline.name
    numbers: dict[str, float] = {}
    for finding in report.findings:
        if finding.rule != "compare" or finding.slice is not None or finding.difference is None:
            continue
        numbers[f"{finding.metric}.difference"] = finding.difference
        if finding.interval is not None:
            numbers[f"{finding.metric}.difference.low"], numbers[f"{finding.metric}.difference.high"] = finding.interval
    return found, {name: value for name, value in numbers.items() if math.isfinite(value)}

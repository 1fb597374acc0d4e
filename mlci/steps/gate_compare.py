"""gate-compare: candidate against production, per metric and per slice, with the uncertainty counted."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import rfc8785
from numpy.typing import NDArray

from mlci import REPOSITORY, __version__
from mlci.domain import coverage, gate
from mlci.domain.estimate import Estimate
from mlci.domain.evidence import GatePredicate, Statistic, statement
from mlci.domain.finding import Finding
from mlci.domain.metric import METRICS, Metric, metric_named, usual
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.domain.report import Report, Subject, plain
from mlci.domain.verdict import Verdict
from mlci.errors import HoldoutDiffers, NoExamples, Place
from mlci.ports import Table
from mlci.steps.comparing import Compared, clipped, compare, limits, on_dropped, points
from mlci.steps.holdout import Holdout, gather

STEP = "gate-compare"


@dataclass(frozen=True)
class Given:
    """One of the two things compared: predictions, or the bare metrics of a whole model.

    Attributes:
        subject: name and digest of the file.
        table: per-example predictions; None for bare metrics.
        metrics: value by metric name; None for predictions.
        holdout: digest of the holdout the bare metrics were measured on, where they say.
    """

    subject: Subject
    table: Table | None = None
    metrics: dict[str, float] | None = None
    holdout: str | None = None


@dataclass(frozen=True)
class Outcome:
    """A report and its evidence, both ready to be written.

    Attributes:
        report: what the reader sees; carries the digest of the evidence.
        evidence: the canonical bytes (RFC 8785) of the in-toto Statement.
    """

    report: Report
    evidence: bytes


@dataclass(frozen=True)
class Judged:
    """Everything judged, before it is folded into one verdict."""

    findings: tuple[Finding, ...]
    statistics: tuple[Statistic, ...]
    n: int | None
    digest: str | None
    assumptions: tuple[str, ...]


def run(candidate: Given, baseline: Given | None, policy: GatePolicy, model: str | None = None) -> Outcome:
    """Judge a candidate.

    Args:
        candidate: what is judged.
        baseline: production; None when there is none yet.
        policy: what is asked.
        model: the model's name, for the report.

    Raises:
        MlciError: an I-error of ``mlci.errors`` when the input cannot be judged at all.
    """
    given = [candidate] if baseline is None else [candidate, baseline]
    bare = any(one.metrics is not None for one in given)
    judged = _judge_bare(candidate, baseline, policy) if bare else _judge_predictions(candidate, baseline, policy)
    findings = (*judged.findings, *_beyond_this_version(policy), *_without_baseline(baseline, policy))
    verdict, reason = gate.compose(findings, policy.on_inconclusive)
    policy_values = plain(policy, exact=True)
    predicate = GatePredicate(
        candidate=candidate.subject,
        baseline=baseline.subject if baseline is not None else None,
        evaluation_set=judged.digest,
        policy_digest=hashlib.sha256(rfc8785.dumps(policy_values)).hexdigest(),
        policy=policy_values,
        verdict=verdict,
        reason=reason,
        examples=judged.n,
        findings=findings,
        statistics=judged.statistics,
        assumptions=judged.assumptions,
        mlci=__version__,
    )
    evidence = rfc8785.dumps(statement(REPOSITORY, "gate", candidate.subject, predicate))
    report = Report(
        step=STEP,
        verdict=verdict,
        reason=reason,
        findings=findings,
        model=model,
        candidate=candidate.subject,
        baseline=baseline.subject if baseline is not None else None,
        examples=judged.n,
        confidence=policy.confidence,
        assumptions=judged.assumptions,
        evidence={"gate": hashlib.sha256(evidence).hexdigest()},
    )
    return Outcome(report, evidence)


def _beyond_this_version(policy: GatePolicy) -> Iterator[Finding]:
    for name in policy.unsupported:
        yield coverage.listed(
            "policy",
            name,
            "unsupported",
            Verdict.INCONCLUSIVE,
            f"{name} is asked for and this version cannot judge it",
            f"The policy names {name}, which mlci {__version__} does not judge. "
            "Take it out of the policy, or use a version that judges it; it is not passed over in silence.",
        )


def _without_baseline(baseline: Given | None, policy: GatePolicy) -> Iterator[Finding]:
    if baseline is None and policy.compare:
        yield coverage.listed(
            "policy",
            "baseline",
            "no-baseline",
            Verdict.WARN,
            "no baseline: nothing was compared with production",
            "There is no production model to compare with, so only absolute limits were judged. "
            "Name production's predictions with --baseline; the first accepted run becomes the baseline.",
        )


# Predictions of both, example by example.


def _judge_predictions(candidate: Given, baseline: Given | None, policy: GatePolicy) -> Judged:
    if candidate.table is None:
        raise NoExamples("there are no predictions", place=Place(candidate.subject.name))
    holdout = gather(
        candidate.table,
        baseline.table if baseline is not None else None,
        policy.reading,
        policy.slices.columns,
        _own_columns(policy),
    )
    notes: list[str] = []
    rules = policy.rules or _usual_rules(holdout, policy, notes)
    compared = compare(holdout, rules, policy) if policy.compare else Compared((), ())
    findings = [
        *compared.findings,
        *limits(holdout, rules, policy),
        *_about_input(holdout, rules),
        *_missing_slices(holdout, policy),
    ]
    assumptions = (*holdout.assumptions, *notes, *clipped(holdout, rules))
    return Judged(tuple(findings), compared.statistics, holdout.n, holdout.digest, assumptions)


def _about_input(holdout: Holdout, rules: Sequence[MetricRule]) -> Iterator[Finding]:
    only_candidate, only_baseline = (*(lost.rows for lost in holdout.dropped), 0)[:2]
    for found in (
        coverage.lost_predictions(*holdout.missing, holdout.n),
        coverage.dropped(only_candidate, only_baseline, holdout.n, on_dropped(holdout, rules)),
        *(coverage.thinned(*slice_) for slice_ in holdout.thinned),
    ):
        if found is not None:
            yield found


def _own_columns(policy: GatePolicy) -> list[str]:
    """The user's own columns that a rule judges by their mean."""
    return [rule.metric for rule in policy.rules if metric_named(rule.metric).needs == "column"]


def _usual_rules(holdout: Holdout, policy: GatePolicy, notes: list[str]) -> tuple[MetricRule, ...]:
    # What production gives is asked of the candidate too; a part it leaves out is missing, not unasked.
    usual_outputs = holdout.candidate if holdout.baseline is None else holdout.baseline
    has_scores = usual_outputs.scores is not None
    names = list(usual(holdout.task or "regression", has_scores=has_scores))
    if has_scores and not _are_probabilities(usual_outputs.scores):
        names.remove("brier")
    if usual_outputs.labels is None:
        names = [name for name in names if METRICS[name].needs != "label"]
    notes.append("metrics: " + ", ".join(names) + " (name others with --metrics)")
    if policy.tolerance is None:
        notes.append("tolerance: one point (0.01), or 1 % of production where a metric has no points")
    return tuple(MetricRule(metric=name) for name in names)


def _are_probabilities(scores: NDArray[Any] | None) -> bool:
    if scores is None:
        return False
    finite = scores[np.isfinite(scores)]
    return len(finite) == 0 or bool(finite.min() >= 0 and finite.max() <= 1)


def _missing_slices(holdout: Holdout | None, policy: GatePolicy) -> Iterator[Finding]:
    present = holdout.slices if holdout is not None else {}
    for name in policy.slices.columns:
        if name not in present:
            yield coverage.listed(
                "input",
                f"slice {name}",
                "missing",
                Verdict.INCONCLUSIVE,
                f"slice column {name} is not in production's file",
                f"Policy declares slices by {name}, and production's file, which says what the holdout is, has no such "
                "column. Write the column beside production's predictions, or take it out of the policy.",
            )


# Bare metrics of a whole model: points without examples, and so without a proof.


def _judge_bare(candidate: Given, baseline: Given | None, policy: GatePolicy) -> Judged:
    given = [candidate] if baseline is None else [candidate, baseline]
    digests = {one.holdout for one in given if one.holdout is not None}
    if len(digests) > 1:
        raise HoldoutDiffers(
            "the metrics of the two models were measured on different holdouts",
            place=Place(candidate.subject.name),
            help="measure production again on this holdout",
        )
    values = [_bare_values(one, policy) for one in given]
    common = [name for name in values[0] if name in values[-1]]
    rules = policy.rules or tuple(MetricRule(metric=name) for name in common if name in METRICS)
    if not rules:
        raise NoExamples(
            "the two files have no known metric in common",
            place=Place(candidate.subject.name),
            help="name metrics that both have with --metrics",
        )
    findings: list[Finding] = []
    if baseline is not None and policy.compare:
        findings += [_bare_comparison(rule, values, policy) for rule in rules if rule.compare]
    for rule in rules:
        findings += _bare_limits(rule, values[0], policy)
    findings += _missing_slices(None, policy)
    return Judged(tuple(findings), (), None, candidate.holdout, ("bare metrics: nothing can be verified",))


def _bare_values(given: Given, policy: GatePolicy) -> dict[str, float]:
    """Metrics by name; measured here when this one of the two does have predictions."""
    if given.metrics is not None:
        return given.metrics
    if given.table is None:
        return {}
    holdout = gather(given.table, None, policy.reading, (), _own_columns(policy))
    rules = policy.rules or _usual_rules(holdout, policy, [])
    return points(holdout, rules)


def _bare_comparison(rule: MetricRule, values: list[dict[str, float]], policy: GatePolicy) -> Finding:
    metric = metric_named(rule.metric, rule.better)
    tolerance = gate.tolerance_for(metric, rule, policy)
    candidate, baseline = (each.get(rule.metric) for each in values)
    if candidate is None or baseline is None:
        whose = "the candidate" if candidate is None else "production"
        return replace(_bare_undefined(metric, f"the metrics of {whose} have it not", policy), reason="missing")
    difference = candidate - baseline
    if tolerance.relative:
        if baseline <= 0:
            return _bare_undefined(metric, "a relative tolerance needs a positive value of production", policy)
        difference /= baseline
    if not math.isfinite(difference):
        return _bare_undefined(metric, "the numbers are too large to compare", policy)
    estimate = Estimate(
        metric=metric,
        n=0,
        margin=tolerance.value,
        relative=tolerance.relative,
        candidate=candidate,
        baseline=baseline,
        difference=difference,
        method="two bare numbers",
    )
    return replace(gate.unverified(estimate, policy), n=None)


def _bare_undefined(metric: Metric, why: str, policy: GatePolicy) -> Finding:
    return replace(gate.compare_overall(Estimate(metric=metric, n=0, undefined=why), policy), n=None)


def _bare_limits(rule: MetricRule, values: dict[str, float], policy: GatePolicy) -> Iterator[Finding]:
    value = values.get(rule.metric)
    undefined = None if value is not None else "it is not among the candidate's metrics"
    estimate = Estimate(metric=metric_named(rule.metric, rule.better), n=0, candidate=value, undefined=undefined)
    for limit, lower in ((rule.minimum, True), (rule.maximum, False)):
        if limit is not None:
            found = gate.threshold(estimate, policy, limit, lower=lower)
            yield replace(gate.unverified_limit(found, policy), n=None)

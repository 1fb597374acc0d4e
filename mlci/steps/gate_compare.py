"""gate-compare: candidate against production, per metric and per slice, with the uncertainty counted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import rfc8785

from mlci import REPOSITORY, __version__
from mlci.domain import gate
from mlci.domain.evidence import BareMetrics, GatePredicate, Numbers, statement
from mlci.domain.finding import Finding
from mlci.domain.harness import OwnScore
from mlci.domain.metric import metric_named
from mlci.domain.operation import Operations, rules_of
from mlci.domain.policy import GatePolicy
from mlci.domain.report import Report, Subject, plain
from mlci.domain.waiver import held
from mlci.domain.wear import Looks
from mlci.errors import HoldoutDiffers, NoExamples, Place
from mlci.ports import Engine, Functions, Table
from mlci.stats.measure import Outputs
from mlci.steps import bare
from mlci.steps.anchoring import with_anchor
from mlci.steps.beside import Beside
from mlci.steps.flips import Flips, flips
from mlci.steps.holdout import Holdout, gather
from mlci.steps.judging import judge, rules_for
from mlci.steps.judging.budget import spent
from mlci.steps.judging.recipe import question
from mlci.steps.measuring import clipped, gives, measured, points
from mlci.steps.measuring.recipe import recipe
from mlci.steps.ratios import columns_of, with_ratios

STEP = "gate-compare"


@dataclass(frozen=True)
class Given:
    """One of the two things compared: predictions, or the bare metrics of a whole model.

    Attributes:
        subject: name and digest of the file.
        table: per-example predictions; None for bare metrics.
        metrics: value by metric name; None for predictions.
        holdout: digest of the holdout the bare metrics were measured on, where they say.
        model: sha256 of the evidence of the model, where it is known.
        scores: columns that the file itself calls scores; judged where policy names no metric.
        notes: what was assumed in reading the file, one sentence each.
        seeds: predictions of further models that the same recipe gave with other seeds.
        artifact: sha256 of the model's artifact, where it is known.
        operations: how this model and the other run, where that was measured; of the candidate alone.
        path: of predictions that an engine reads; then there is no table.
    """

    subject: Subject
    table: Table | None = None
    metrics: dict[str, float] | None = None
    holdout: str | None = None
    model: str | None = None
    scores: tuple[OwnScore, ...] = ()
    notes: tuple[str, ...] = ()
    seeds: tuple[Table, ...] = ()
    artifact: str | None = None
    operations: Operations | None = None
    path: str | None = None


@dataclass(frozen=True)
class Outcome:
    """A report and its evidence, both ready to be written.

    Attributes:
        report: what the reader sees; carries the digest of the evidence.
        evidence: the canonical bytes (RFC 8785) of the in-toto Statement.
        evaluation_set: digest of the examples that were compared; None for bare metrics.
        looks: what is to be remembered of the looks at holdouts after this one; None where nobody remembers any.
        flips: the examples that the two models tell apart, by id; None where no list was asked for. It is no part of
            report and evidence, because whoever reads these need not be allowed to see the holdout.
    """

    report: Report
    evidence: bytes
    evaluation_set: str | None = None
    looks: Looks | None = None
    flips: Flips | None = None


@dataclass(frozen=True)
class Measured:
    """Everything that rows are needed for.

    Attributes:
        numbers: what is judged.
        digest: of the holdout, where it is known.
        assumptions: what had to be assumed, one sentence each.
        flips: as in the outcome.
    """

    numbers: Numbers
    digest: str | None
    assumptions: tuple[str, ...]
    flips: Flips | None = None


def run(
    candidate: Given,
    baseline: Given | None,
    policy: GatePolicy,
    model: str | None = None,
    *,
    notes: Sequence[Finding] = (),
    functions: Functions | None = None,
    beside: Beside | None = None,
    listed: int = 0,
    today: str | None = None,
    engine: Engine | None = None,
) -> Outcome:
    """Judge a candidate.

    Args:
        candidate: what is judged.
        baseline: production; None when there is none yet.
        policy: what is asked.
        model: the model's name, for the report.
        notes: findings about this run that no number tells, such as a changed gate; counted like any other.
        functions: calls the functions of the user's that policy names.
        beside: what trusted code knows of the holdout; None where nobody does.
        listed: how many flipped examples the outcome names at most.
        today: the day in UTC, as 2026-12-31, that waivers are held against; needed where the policy has any.
        engine: reads both files where they are no tables, but paths.

    Raises:
        MlciError: an I-error of ``mlci.errors`` when the input cannot be judged at all, a T-error of a function's.
    """
    found = measure(candidate, baseline, policy, functions, listed, engine)
    beside, digest = beside or Beside(), candidate.subject.digest
    numbers = beside.with_wear(found.numbers, found.digest, digest)
    again = partial(measure, functions=functions, engine=engine)
    numbers = beside.with_health(numbers, found.digest)
    numbers = with_anchor(numbers, candidate, baseline, policy, beside, again)
    judged = judge(numbers, policy)
    findings = (*held(judged.findings, policy.waivers, today), *notes)
    verdict, reason = gate.compose(findings, policy.on_inconclusive)
    production = baseline.subject if baseline is not None else None
    policy_values = plain(policy, exact=True)
    predicate = GatePredicate(
        candidate=candidate.subject,
        baseline=production,
        model=candidate.model,
        evaluation_set=found.digest,
        policy_digest=hashlib.sha256(rfc8785.dumps(policy_values)).hexdigest(),
        policy=policy_values,
        verdict=verdict,
        reason=reason,
        findings=findings,
        assumptions=found.assumptions,
        mlci=__version__,
        question=question(numbers),
        waivers_on=today if policy.waivers else None,
        **_fields_of(numbers),
    )
    evidence = rfc8785.dumps(statement(REPOSITORY, "gate", candidate.subject, predicate))
    report = Report(
        step=STEP,
        verdict=verdict,
        reason=reason,
        findings=findings,
        model=model,
        candidate=candidate.subject,
        baseline=production,
        examples=numbers.examples,
        question=question(numbers),
        confidence=spent(policy).confidence,
        assumptions=found.assumptions,
        sections=judged.sections,
        evidence=_digests(candidate, evidence),
    )
    return Outcome(report, evidence, found.digest, beside.after(found.digest, digest), found.flips)


def _fields_of(numbers: Numbers) -> dict[str, Any]:
    """What evidence says of the numbers: all of them, each under its own name; that there is a baseline it names."""
    return {item.name: getattr(numbers, item.name) for item in fields(numbers) if item.name != "compared"}


def _digests(candidate: Given, evidence: bytes) -> dict[str, str]:
    """What the report rests on: the evidence of the model, where it is known, and that of the gate."""
    model = {"model": candidate.model} if candidate.model is not None else {}
    return {**model, "gate": hashlib.sha256(evidence).hexdigest()}


def measure(
    candidate: Given,
    baseline: Given | None,
    policy: GatePolicy,
    functions: Functions | None = None,
    listed: int = 0,
    engine: Engine | None = None,
) -> Measured:
    """Turn rows, or bare metrics, into the numbers that are judged.

    Raises:
        MlciError: an I-error of ``mlci.errors`` when there is nothing to measure.
    """
    given = [candidate] if baseline is None else [candidate, baseline]
    by_example = all(one.metrics is None for one in given)
    if engine is not None and baseline is not None and candidate.path is not None and baseline.path is not None:
        found = _measure_streamed(engine, candidate.path, baseline.path, policy)
    elif by_example:
        found = _measure_predictions(candidate, baseline, policy, functions, listed)
    else:
        found = _measure_bare(candidate, baseline, policy)
    # What nobody asks for is no part of the evidence: the times of single calls are many.
    operations = candidate.operations if rules_of(policy) else None
    return replace(found, numbers=replace(found.numbers, operations=operations))


def _measure_streamed(engine: Engine, candidate: str, baseline: str, policy: GatePolicy) -> Measured:
    from mlci.steps.streaming import streamed

    found = streamed(engine, candidate, baseline, policy, _own_columns(policy, ()))
    return Measured(found.numbers, found.digest, found.assumptions)


def _measure_predictions(
    candidate: Given, baseline: Given | None, policy: GatePolicy, functions: Functions | None, listed: int
) -> Measured:
    if candidate.table is None:
        raise NoExamples("there are no predictions", place=Place(candidate.subject.name))
    # Production's file says what is judged, as it says everything else of the holdout.
    scores = candidate.scores if baseline is None else baseline.scores
    holdout = gather(
        candidate.table,
        baseline.table if baseline is not None else None,
        policy.reading,
        policy.slices.columns,
        _own_columns(policy, scores),
        policy.sensitive,
        policy.slices.discover if policy.compare else None,
        [score.name for score in scores],
    )
    names = [each.subject.name for each in (candidate, baseline) if each is not None]
    holdout = with_ratios(holdout, policy.rules, names)
    rules, notes = rules_for(holdout.task, gives(holdout), policy, scores)
    assumptions = (*_reading_notes(candidate, baseline), *holdout.assumptions, *notes, *clipped(holdout, rules))
    # Where a look may tell no more than its verdict, a list of what is right and wrong would tell everything.
    is_hidden = policy.holdout is not None and policy.holdout.reuse == "full"
    found = None if is_hidden else flips(holdout, listed)
    numbers = measured(holdout, rules, policy, scores, functions)
    if candidate.seeds:
        others = [_of_seed(table, baseline, holdout, policy, scores) for table in candidate.seeds]
        numbers = replace(numbers, recipe=recipe(holdout, others, rules, policy))
    return Measured(numbers, holdout.digest, assumptions, found)


def _of_seed(
    table: Table, baseline: Given | None, holdout: Holdout, policy: GatePolicy, scores: Sequence[OwnScore]
) -> Outputs:
    """What the model of another seed says of the same examples.

    Raises:
        HoldoutDiffers: it was scored on others.
    """
    own = _own_columns(policy, scores)
    production = baseline.table if baseline is not None else None
    found = gather(table, production, policy.reading, policy.slices.columns, own, policy.sensitive)
    if found.digest != holdout.digest:
        raise HoldoutDiffers(
            "the models of two seeds were not scored on the same examples",
            place=Place(table.name),
            help="let model-ci score them again",
        )
    names = [table.name, *((baseline.subject.name,) if baseline is not None else ())]
    return with_ratios(found, policy.rules, names).candidate


def _reading_notes(candidate: Given, baseline: Given | None) -> Iterator[str]:
    shared = () if baseline is None else tuple(note for note in candidate.notes if note in baseline.notes)
    yield from shared
    for whose, given in (("the candidate", candidate), ("production", baseline)):
        for note in given.notes if given is not None else ():
            if note not in shared:
                yield f"{whose}: {note}"


def _own_columns(policy: GatePolicy, scores: Sequence[OwnScore] = ()) -> list[str]:
    """The columns that a rule judges by their mean: those that policy names, else those that the file calls scores."""
    if not policy.rules and scores:
        return [score.name for score in scores]
    rules = (rule for rule in policy.rules if rule.call is None)
    return [name for rule in rules if metric_named(rule.metric).needs == "column" for name in columns_of(rule)]


def _measure_bare(candidate: Given, baseline: Given | None, policy: GatePolicy) -> Measured:
    given = [candidate] if baseline is None else [candidate, baseline]
    digests = {one.holdout for one in given if one.holdout is not None}
    if len(digests) > 1:
        raise HoldoutDiffers(
            "the metrics of the two models were measured on different holdouts",
            place=Place(candidate.subject.name),
            help="measure production again on this holdout",
        )
    metrics = BareMetrics(
        candidate=_bare_values(candidate, policy),
        baseline=None if baseline is None else _bare_values(baseline, policy),
    )
    if not bare.rules_for(metrics, policy):
        raise NoExamples(
            "the two files have no known metric in common",
            place=Place(candidate.subject.name),
            help="name metrics that both have with --metrics",
        )
    numbers = Numbers(compared=baseline is not None, examples=None, bare=metrics)
    return Measured(numbers, candidate.holdout, ("bare metrics: nothing can be verified",))


def _bare_values(given: Given, policy: GatePolicy) -> dict[str, float]:
    """Metrics by name; measured here when this one of the two does have predictions."""
    if given.metrics is not None:
        return given.metrics
    if given.table is None:
        return {}
    holdout = gather(given.table, None, policy.reading, (), _own_columns(policy))
    holdout = with_ratios(holdout, policy.rules, [given.subject.name])
    return points(holdout, rules_for(holdout.task, gives(holdout), policy)[0])

"""report: judge again, by a policy that can be trusted, the numbers of a run that cannot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mlci.domain import coverage, gate
from mlci.domain.evidence import Anchored, GatePredicate, Numbers
from mlci.domain.finding import Finding
from mlci.domain.policy import GatePolicy
from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.domain.waiver import held
from mlci.steps.judging import Judged, judge
from mlci.steps.judging.budget import spent
from mlci.steps.judging.recipe import question

STEP = "report"
_UNTOLD = "the run that measured gives it no value"


def rejudge(
    predicate: GatePredicate,
    policy: GatePolicy,
    model: str | None = None,
    *,
    notes: Sequence[Finding] = (),
    digest: str | None = None,
    today: str | None = None,
) -> Report:
    """Judge the numbers of an untrusted run; nothing that run wrote but numbers and names reaches the report.

    Its verdict, reason, messages, assumptions and policy are left aside. The report is advisory: it is never better
    than *warn*, because whoever ran the code chose the numbers.

    Args:
        predicate: what was measured, read strictly.
        policy: what the branch to merge to asks.
        model: the model's name, for the report.
        notes: further findings about that run, counted like any other.
        digest: sha256 of the evidence's bytes, in hexadecimal.
        today: the day in UTC, as 2026-12-31, that waivers are held against; needed where the policy has any.
    """
    judged, kept = _judged(predicate, policy, today)
    own, _ = gate.compose(kept, policy.on_inconclusive)
    findings = (*kept, *notes, *_claimed_otherwise(predicate.verdict, own), _advisory())
    verdict, reason = gate.compose(findings, policy.on_inconclusive)
    return Report(
        step=STEP,
        verdict=verdict,
        reason=reason,
        findings=findings,
        model=model,
        candidate=predicate.candidate,
        baseline=predicate.baseline,
        examples=predicate.examples,
        question=question(predicate.numbers),
        confidence=spent(policy).confidence,
        assumptions=judged.assumptions,
        sections=judged.sections,
        evidence={"gate": digest} if digest is not None else {},
    )


def findings_of(predicate: GatePredicate, policy: GatePolicy, today: str | None) -> tuple[Finding, ...]:
    """What the numbers of a record say by a policy, waivers counted.

    Args:
        predicate: what was measured, read strictly.
        policy: what the default branch asks.
        today: the day in UTC, as 2026-12-31, that waivers are held against; needed where the policy has any.
    """
    return _judged(predicate, policy, today)[1]


def _judged(predicate: GatePredicate, policy: GatePolicy, today: str | None) -> tuple[Judged, tuple[Finding, ...]]:
    judged = judge(_without_words(predicate.numbers), policy)
    return judged, held(judged.findings, policy.waivers, today)


def unmeasured(model: str | None, job: str) -> Report:
    """Say that no run has measured what a fork proposes, which is not to be taken for a change without a fault.

    Args:
        model: the model's name, for the report.
        job: name of the job that was looked for.
    """
    reason = "nobody has measured the newest commit of this change so far"
    finding = coverage.listed(
        "input",
        "unmeasured",
        "missing",
        Verdict.INCONCLUSIVE,
        reason,
        f"No job {job} of a pipeline of the fork has left its result for that commit where it can be read. One that is "
        "still at work replaces this report. Otherwise a member of the project may read the change and run the "
        "pipeline of the merge request in the project, or push the commit to a branch and propose it from there. Where "
        "the job that judges has another name, gate-job says which.",
    )
    return Report(step=STEP, verdict=Verdict.INCONCLUSIVE, reason=reason, findings=(finding,), model=model)


def _without_words(numbers: Numbers) -> Numbers:
    """The same numbers; why something has no value is said in words of ours, less exactly."""
    return replace(
        numbers,
        undefined=tuple(replace(each, why=_UNTOLD) for each in numbers.undefined),
        anchor=_anchor_without_words(numbers.anchor),
        measurements=tuple(
            replace(each, undefined=_UNTOLD if each.value is None else None) for each in numbers.measurements
        ),
    )


def _anchor_without_words(anchor: Anchored | None) -> Anchored | None:
    if anchor is None:
        return None
    return replace(anchor, undefined=tuple(replace(each, why=_UNTOLD) for each in anchor.undefined))


def _claimed_otherwise(claimed: Verdict, own: Verdict) -> Iterator[Finding]:
    # What that run noted besides its numbers, such as a changed gate, turns a pass of its own into a warning.
    if claimed is own or (claimed, own) == (Verdict.WARN, Verdict.PASS):
        return
    yield coverage.listed(
        "input",
        "claimed-verdict",
        "fork",
        Verdict.WARN,
        f"the run that measured says {claimed.value}, and its numbers say {own.value} by the policy that holds",
        "It may have judged by another policy or another version, or it may not be honest. "
        "Only what is judged here counts.",
    )


def _advisory() -> Finding:
    return coverage.listed(
        "input",
        "untrusted",
        "fork",
        Verdict.WARN,
        "the numbers were measured by a run that is not trusted, so this report is advisory",
        "Code of the change computed the numbers, and nobody has checked them against the examples. "
        "Measure the model again with trusted code before the result may decide.",
    )

"""conclude: the one job to require. What a forge counts as a success, a skipped job above all, is judged here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from mlci.config.problems import raise_all
from mlci.config.quote import nearest, printable
from mlci.domain.finding import Finding, Reason
from mlci.domain.report import Report
from mlci.domain.run import JobResult
from mlci.domain.verdict import Verdict, worst
from mlci.errors import MlciError, UsageError

STEP = "conclude"

LARGEST_NEEDS = 1 << 20
# Findings that the verdict's reason names before it counts the others.
MOST_NAMED = 3
# What plan says is text from a job that ran code of the change, however well it may be meant.
LONGEST_QUOTE = 200
# How GitLab calls what has not ended.
_NOT_ENDED = frozenset({
    "created", "waiting_for_resource", "waiting_for_callback", "preparing", "pending", "running", "canceling",
    "scheduled", "manual",
})  # fmt: skip
_HELP = "give it ${{ toJSON(needs) }}"
_UNTOUCHED = "the change touches nothing of the model"


def run(
    jobs: Sequence[JobResult],
    *,
    expect: Sequence[str] = (),
    model_jobs: Sequence[str] = (),
    may_skip: Sequence[str] = (),
    may_fail: Sequence[str] = (),
    may_warn: Sequence[str] = (),
    plan: str | None = "plan",
) -> Report:
    """Judge how the needed jobs ended.

    Args:
        jobs: that this one speaks for.
        expect: jobs that must be among them.
        model_jobs: jobs that run only where plan found the model touched; its word excuses these alone.
        may_skip: jobs that may be skipped for any reason.
        may_fail: jobs that may fail or be cancelled.
        may_warn: jobs whose failure the forge may let pass.
        plan: the job that ran plan. Where it succeeded and its output ``model`` is ``false``, the model's jobs may be
            skipped.

    Raises:
        UsageError: a permission names no needed job.
    """
    known = list(dict.fromkeys([*(job.name for job in jobs), *expect]))
    lists = {"--model-jobs": model_jobs, "--may-skip": may_skip, "--may-fail": may_fail, "--may-warn": may_warn}
    raise_all([problem for flag, names in lists.items() for problem in _unknown(flag, names, known)])
    permits = _Permits(
        frozenset(model_jobs), frozenset(may_skip), frozenset(may_fail), frozenset(may_warn), plan, tuple(jobs)
    )
    findings = [permits.judged(job) for job in jobs]
    present = {job.name for job in jobs}
    findings += [_missing(name) for name in dict.fromkeys(expect) if name not in present]
    if not findings:
        findings = [_nothing_needed()]
    verdict = worst(finding.verdict for finding in findings)
    return Report(step=STEP, verdict=verdict, reason=_reason(findings, verdict, permits), findings=tuple(findings))


def read_needs(needs: str) -> tuple[JobResult, ...]:
    """How jobs ended, as GitHub hands it on.

    Args:
        needs: the jobs as JSON, ``{name: {"result": word, "outputs": {name: text}}}``.

    Raises:
        UsageError: it is not that JSON.
    """
    if len(needs) > LARGEST_NEEDS:
        _refuse("is longer than 1 MiB")
    try:
        read = json.loads(needs, object_pairs_hook=_object)
    except RecursionError:
        _refuse("is nested too deeply")
    except ValueError as problem:
        _refuse(f"is not JSON: {printable(str(problem))}")
    if not isinstance(read, dict):
        _refuse("is not an object of jobs")
    return tuple(_job(name, content) for name, content in read.items())


def _refuse(what: str) -> NoReturn:
    raise UsageError(f"--needs {what}", help=_HELP) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            _refuse(f"names {printable(name)} twice")
        found[name] = value
    return found


def _job(name: str, content: Any) -> JobResult:
    if not name.strip() or not isinstance(content, dict) or not isinstance(content.get("result"), str):
        _refuse(f"does not say how the job {printable(name)} ended")
    # A runner that keeps no outputs writes null where there are none.
    outputs = {} if content.get("outputs") is None else content["outputs"]
    if not isinstance(outputs, dict) or not all(isinstance(text, str) for text in outputs.values()):
        _refuse(f"holds outputs of the job {printable(name)} that are not texts by name")
    return JobResult(name=name, result=content["result"], outputs=outputs)


def _unknown(flag: str, names: Sequence[str], known: Sequence[str]) -> list[MlciError]:
    """A misspelt permission would say nothing, until the day it is needed."""
    listed = ", ".join(map(printable, known[:20])) or "none"
    return [
        UsageError(
            f"{flag} names {printable(name)}, which is not a needed job",
            help=nearest(name, known) or f"the needed jobs are: {listed}",
        )
        for name in names
        if name not in known
    ]


@dataclass(frozen=True)
class _Permits:
    """What may end otherwise than in success."""

    model_jobs: frozenset[str]
    may_skip: frozenset[str]
    may_fail: frozenset[str]
    may_warn: frozenset[str]
    plan: str | None
    jobs: tuple[JobResult, ...]

    @property
    def planned(self) -> JobResult | None:
        return next((job for job in self.jobs if job.name == self.plan), None)

    @property
    def untouched(self) -> str | None:
        """What plan says where the model is untouched; only a plan that succeeded says anything."""
        job = self.planned
        if job is None or job.result != "success" or job.outputs.get("model") != "false":
            return None
        said = _quoted(job.outputs.get("reason", ""))
        return f"{_UNTOUCHED}: {said}" if said else _UNTOUCHED

    def judged(self, job: JobResult) -> Finding:
        name = printable(job.name)
        if job.result == "success":
            return _finding(job.name, Verdict.PASS, None, f"{name} succeeded")
        if job.result == "skipped":
            return self._skipped(job.name, name)
        if job.result == "warning":
            return self._warned(job.name, name)
        words: dict[str, tuple[Reason, str]] = {
            "failure": ("failed", f"{name} failed"), "cancelled": ("cancelled", f"{name} was cancelled"),
        }  # fmt: skip
        is_over = job.result not in _NOT_ENDED
        ended = f"{name} ended as {printable(job.result)}" if is_over else f"{name} has not ended"
        reason, message = words.get(job.result, ("unknown", ended))
        if job.name in self.may_fail:
            why = "It is listed and holds nothing back, because --may-fail names it."
            return _finding(job.name, Verdict.WARN, reason, f"{message}, which is permitted", why)
        why = (
            "A needed job has to succeed: see its log, mend what it found, or run it again."
            if is_over
            else "What has not ended proves nothing. Put the job that concludes into a later stage, so that it waits."
        )
        return _finding(job.name, Verdict.FAIL, reason, message, why)

    def _warned(self, job: str, name: str) -> Finding:
        """A failure that a forge lets pass says nothing of why it does, and somebody may have made it so."""
        if job in self.may_warn or job in self.may_fail:
            flag = "--may-warn" if job in self.may_warn else "--may-fail"
            why = f"It is listed and holds nothing back, because {flag} names it."
            return _finding(job, Verdict.WARN, "failed", f"{name} failed, which its allow_failure permits", why)
        why = (
            "Its allow_failure lets the pipeline pass all the same. Take that away, or name the job with --may-warn "
            "where it may end in orange."
        )
        return _finding(job, Verdict.FAIL, "failed", f"{name} failed, and its allow_failure hides that", why)

    def _skipped(self, job: str, name: str) -> Finding:
        untouched = self.untouched
        if untouched is not None and job in self.model_jobs:
            return _finding(job, Verdict.PASS, "untouched", f"{name} was skipped: {untouched}")
        if job in self.may_skip:
            return _finding(job, Verdict.PASS, "skipped", f"{name} was skipped, which is permitted")
        why = (
            "A job is skipped when its condition is false or a job that it needs did not succeed, and so it proves "
            f"nothing. {self._remedy()}"
        )
        return _finding(job, Verdict.FAIL, "skipped", f"{name} was skipped and nothing permits that", why)

    def _remedy(self) -> str:
        if self.untouched is None:
            says = f"; {self._plan_says()}" if self.plan is not None else ""
            return f"Let it run, or name it with --may-skip{says}."
        return (
            f"{printable(self.plan or '')} says that the model is untouched, which excuses only the jobs that "
            "--model-jobs names. Name this one there if it runs only where the model is touched; else let it run."
        )

    def _plan_says(self) -> str:
        planned = self.planned
        if planned is None:
            return f"no needed job is called {printable(self.plan or '')}, which could find that the model is untouched"
        if planned.result != "success":
            return f"{printable(planned.name)} did not succeed, so what it says does not count"
        return f"{printable(planned.name)} does not say that the model is untouched"


def _missing(job: str) -> Finding:
    why = "It is named by --expect. Add it to the jobs that this one needs, or stop expecting it."
    return _finding(job, Verdict.FAIL, "missing", f"{printable(job)} is expected and not among the needed jobs", why)


def _nothing_needed() -> Finding:
    why = "A job that needs no other proves nothing. List the jobs it stands for under needs."
    return Finding(
        id="job", rule="job", verdict=Verdict.FAIL, reason="missing", message="nothing is needed", explanation=why
    )


def _finding(job: str, verdict: Verdict, reason: Reason | None, message: str, why: str | None = None) -> Finding:
    return Finding(
        id=f"job:{printable(job)}", rule="job", verdict=verdict, reason=reason, message=message, explanation=why
    )


def _quoted(text: str) -> str:
    """A text of unknown origin on one line: what does not print written as an escape, and cut."""
    cut = text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in cut.strip()
    )


def _reason(findings: Sequence[Finding], verdict: Verdict, permits: _Permits) -> str:
    if verdict is not Verdict.PASS:
        return _listed([finding.message for finding in findings if finding.verdict is verdict])
    if any(finding.reason == "untouched" for finding in findings):
        return permits.untouched or _UNTOUCHED
    skipped = [finding.message for finding in findings if finding.reason is not None]
    if len(findings) == 1:
        return findings[0].message
    if not skipped:
        return f"all {len(findings)} needed jobs succeeded"
    return f"{len(findings) - len(skipped)} of {len(findings)} needed jobs succeeded; {_listed(skipped)}"


def _listed(messages: Sequence[str]) -> str:
    others = len(messages) - MOST_NAMED
    return "; ".join(messages[:MOST_NAMED]) + (f"; and {others} more" if others > 0 else "")

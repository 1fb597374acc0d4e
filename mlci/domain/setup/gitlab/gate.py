"""Whether every merge request has a pipeline, and whether the gate in it can turn it red."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.gitlab.facts import IN_CHANGES, READS, Setup, chosen, hanging, named, names
from mlci.domain.setup.gitlab.pipeline import Allowed, Job, Pipeline
from mlci.domain.setup.gitlab.presence import Outcome, of_branch, started
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict
from mlci.errors import Exit


def pipelines(setup: Setup) -> Iterator[Finding]:
    """Whether GitLab makes a pipeline for a merge request, and one only."""
    pipeline, branch = setup.pipeline, shown(setup.branch)
    if pipeline is None:
        yield finding(
            "pipeline",
            Verdict.INCONCLUSIVE,
            f"what the pipeline of {branch} does is unknown{setup.unreadable('pipeline')}",
            _unread(setup),
            reason="unknown",
        )
        return
    if pipeline.refused:
        yield finding(
            "pipeline",
            Verdict.FAIL,
            f"GitLab does not accept the pipeline of {branch}: {shown(pipeline.refused[0], 200)}",
            "No merge request has a pipeline until that is corrected.",
            about="lint",
        )
    if not pipeline.whole:
        yield finding(
            "pipeline",
            Verdict.INCONCLUSIVE,
            f"the pipeline is judged by the file of this checkout, as GitLab does not say what it makes of it"
            f"{setup.unreadable('pipeline')}",
            f"Give doctor a token with {READS}."
            + (f" Not read: {listed(pipeline.unseen)}." if pipeline.unseen else ""),
            about="as read",
            reason="unknown",
            advisory=not pipeline.unseen,
        )
    yield from _made(setup, pipeline)
    yield from _twice(setup, pipeline)


def _unread(setup: Setup) -> str:
    if setup.project.pipeline_file is None:
        return (
            f"It stands in {shown(setup.project.pipeline_path or '')}. Look there whether the gate runs for every "
            "merge request."
        )
    return f"Give doctor a token with {READS}, or run it at the top of the repository."


def _made(setup: Setup, pipeline: Pipeline) -> Iterator[Finding]:
    """Whether the rules of the whole pipeline let one for a merge request be made."""
    fine = True
    for event in setup.changes:
        for outcome in started(pipeline, event):
            if outcome.when is None:
                fine = False
                yield _not_made(event.title, outcome)
    if fine:
        yield finding("pipeline", Verdict.PASS, "every merge request has a pipeline of its own", about="workflow")


def _not_made(title: str, outcome: Outcome) -> Finding:
    if not outcome.doubts:
        return finding(
            "pipeline",
            Verdict.FAIL,
            f"workflow: rules make no pipeline for {title}, so nothing that is judged is about a change",
            f"Add to workflow: the line {IN_CHANGES}, before any rule that could hold for the same.",
            about="workflow",
            reason="missing",
        )
    return finding(
        "pipeline",
        Verdict.FAIL if chosen(outcome.doubts) else Verdict.WARN,
        f"workflow: rules make no pipeline for {title} by {hanging(outcome.doubts)}",
        "Where there is none, a green pipeline of the branch counts instead, and that one judges no change. Let the "
        "first rule of workflow: be the one for merge requests.",
        about=f"workflow: {hanging(outcome.doubts)}",
    )


def _twice(setup: Setup, pipeline: Pipeline) -> Iterator[Finding]:
    """Whether a push to the branch of a change trains the model a second time."""
    push = of_branch(setup.project, "a-branch-with-a-change", "push", "a push", with_change=True)
    if any(outcome.when is None for outcome in started(pipeline, push)):
        return
    both = [
        job.name
        for job in pipeline.jobs.values()
        if job.calls and all(outcome.when for _, outcome in setup.becomes(job, (push, *setup.changes)))
    ]
    if both:
        yield finding(
            "pipeline",
            Verdict.WARN,
            f"a push to a branch with a merge request runs {listed(both)} twice: for the branch and for the change",
            "Only the pipeline of the merge request counts. Add to workflow: rules: - if: $CI_COMMIT_BRANCH && "
            "$CI_OPEN_MERGE_REQUESTS, when: never.",
            about="twice",
            advisory=True,
        )


def gates(setup: Setup) -> Iterator[Finding]:
    """Every job that judges, in the pipelines of merge requests."""
    if setup.pipeline is None:
        return
    found = setup.calling("gate-compare")
    if not found:
        yield _missing(setup, setup.pipeline)
    made = all(outcome.when for event in setup.changes for outcome in started(setup.pipeline, event))
    elsewhere = [job for job in found if all(outcome.when is None for _, outcome in setup.becomes(job))]
    for job in found:
        problems = list(_gate(setup, job, alone=len(elsewhere) == len(found)))
        yield from problems
        if not problems and made:
            message = f"{named(job)} judges every merge request, and turns its pipeline red where it must"
            yield finding("gate", Verdict.PASS, message, about=shown(job.name))


def _missing(setup: Setup, pipeline: Pipeline) -> Finding:
    hidden = [f"the pipeline that {shown(job.name)} starts" for job in pipeline.jobs.values() if job.child]
    hidden += [f"{one.written}, which rules take in" for one in pipeline.includes if one.conditional]
    hidden += list(pipeline.unseen)
    if hidden:
        return finding(
            "gate",
            Verdict.INCONCLUSIVE,
            f"no job that could be read runs gate-compare; there may be one in {listed(hidden)}",
            "Take the gate in without rules, and into the pipeline of the merge request itself: only that one counts.",
            reason="unknown",
        )
    return finding(
        "gate",
        Verdict.FAIL,
        f"no job of the pipeline of {shown(setup.branch)} runs gate-compare, so nothing judges the model",
        "Include the component model, or write a pipeline with mlci init --forge gitlab --force.",
        reason="missing",
    )


def _gate(setup: Setup, job: Job, *, alone: bool) -> Iterator[Finding]:
    expected = _expected(setup, job)
    for title, outcome in dict.fromkeys((event.title, outcome) for event, outcome in setup.becomes(job)):
        if outcome.when is None:
            yield _left_out(job, title, outcome, expected=expected, alone=alone)
        else:
            yield from _held(job, outcome)
    if job.swallows("gate-compare"):
        yield finding(
            "gate",
            Verdict.FAIL,
            f"{named(job)} is green whatever gate-compare says: the line goes on behind ||",
            "Let the line end with gate-compare.",
            about=f"{shown(job.name)}: script",
        )


def _expected(setup: Setup, job: Job) -> bool:
    """Whether a job that concludes is red where this one is missing."""
    for last in setup.calling("conclude"):
        if job.name in names(last.given("conclude", "expect")) and all(
            outcome.when is not None for _, outcome in setup.becomes(last)
        ):
            return True
    return False


def _left_out(job: Job, title: str, outcome: Outcome, *, expected: bool, alone: bool) -> Finding:
    about = f"{shown(job.name)}: rules"
    if not outcome.doubts:
        return finding(
            "gate",
            Verdict.FAIL if alone else Verdict.WARN,
            f"{named(job)} is never in the pipeline of {title}, so its changes are merged unjudged",
            f"Write at the job: {IN_CHANGES}.",
            about=about,
            reason="missing",
        )
    by = hanging(outcome.doubts)
    if expected:
        return finding(
            "gate",
            Verdict.WARN,
            f"{named(job)} may be left out by {by}; conclude is red where it is",
            "The step plan tells which changes touch the model, and the gate ends at once where it says none.",
            about=about,
        )
    return finding(
        "gate",
        Verdict.FAIL if chosen(outcome.doubts) else Verdict.WARN,
        f"{named(job)} may be left out by {by}, and the pipeline of {title} is green without it",
        f"Write at the job: {IN_CHANGES} and no more. The step plan tells which changes touch the model.",
        about=about,
    )


def _held(job: Job, outcome: Outcome) -> Iterator[Finding]:
    """Whether a gate that is there runs by itself, and whether its failure counts."""
    by = f" by {hanging(outcome.doubts)}" if outcome.doubts else ""
    lost = _forgiven(outcome.allowed)
    if lost:
        yield finding(
            "gate",
            Verdict.FAIL,
            f"{named(job)} may fail{by}{lost}, and GitLab counts a pipeline green all the same",
            f"Take allow_failure away, or write allow_failure: {{exit_codes: [{Exit.WARNED.value}]}}, which shows a "
            "warning in orange.",
            about=f"{shown(job.name)}: allow_failure",
        )
    if outcome.when == "manual":
        yield finding(
            "gate",
            Verdict.WARN,
            f"{named(job)} waits for a person{by}" + (", and the pipeline with it" if not lost else ""),
            "Take when: manual away: the gate has to run for every commit.",
            about=f"{shown(job.name)}: when",
        )
    elif outcome.when == "on_failure":
        yield finding(
            "gate",
            Verdict.FAIL,
            f"{named(job)} runs only where another job has failed{by}",
            "Take when: on_failure away.",
            about=f"{shown(job.name)}: when",
        )


def _forgiven(allowed: Allowed) -> str:
    """Which failures of a gate leave a pipeline green, as the end of a sentence; empty for none that matters."""
    if isinstance(allowed, bool):
        return " whatever it finds" if allowed else ""
    codes = [str(code) for code in allowed if code != Exit.WARNED]
    return f" with the exit {listed(codes, 4)}" if codes else ""

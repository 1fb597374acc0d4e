"""Whether the job that concludes can be believed: it always runs, and it sees every job it speaks for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.github.facts import Setup, always, at, each_job, hides, on_changes, place
from mlci.domain.setup.github.workflow import Route, Step, Trigger, Workflow, WorkflowJob
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict

_RESULTS = re.compile(r"toJSON\(\s*needs\s*\)", re.IGNORECASE)
# What must start the check: otherwise a new commit would have none.
_TYPES = ("opened", "synchronize")
# Stands for a branch that somebody makes for the purpose.
_ANY_BRANCH = "a-branch-of-nobody"
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")


def conclusion(setup: Setup) -> Iterator[Finding]:
    """Every job that concludes, and every gate that none of them speaks for."""
    found = list(each_job(setup.to("conclude")))
    if not found:
        yield _missing(setup)
    for route in found:
        problems = [*_job(setup, *route.steps[-1]), *_started(setup, route)]
        yield from problems
        if not problems:
            workflow, job = route.steps[-1]
            message = f"{place(workflow, job)} always runs and waits for every other job ({len(job.needs)})"
            yield finding("conclude", Verdict.PASS, message, about=place(workflow, job))
    for route in each_job([route for route in setup.to("gate-compare") if on_changes(route)]):
        yield from _alone(setup, route)


def _missing(setup: Setup) -> Finding:
    elsewhere = [one.path for one in setup.protection.workflows if one.repository != setup.repository.id]
    elsewhere += [one.job.uses for one in setup.routes if one.job.uses and _foreign(one.job)]
    if elsewhere:
        return finding(
            "conclude",
            Verdict.INCONCLUSIVE,
            f"no job here runs conclude; workflows of other repositories may: {listed(list(dict.fromkeys(elsewhere)))}",
            "Name the check that must be required with --required, and run doctor in the repository that holds them.",
            reason="unknown",
        )
    if setup.unread:
        return finding(
            "conclude",
            Verdict.INCONCLUSIVE,
            "no job that could be read runs conclude",
            "Correct the workflows that could not be read, and run doctor again.",
            reason="unknown",
        )
    gates = [route for route in setup.to("gate-compare") if on_changes(route)]
    direct = bool(gates) and all(route.check in setup.checks for route in gates)
    return finding(
        "conclude",
        Verdict.WARN if direct else Verdict.FAIL,
        "no job of any workflow runs conclude, so no single check says that nothing was skipped",
        "Add a job with if: always(), needs: every other job, and the action conclude with "
        "needs: ${{ toJSON(needs) }}; then require its check. GitHub counts a skipped job as a success.",
        reason="missing",
    )


def _foreign(job: WorkflowJob) -> bool:
    """Whether a job calls a workflow of which nothing is known here."""
    ours = any(job.calling(command) for command in ("gate-compare", "report"))
    return job.uses is not None and not job.uses.startswith(("./", "$/")) and not ours


def _job(setup: Setup, workflow: Workflow, job: WorkflowJob) -> Iterator[Finding]:
    where = place(workflow, job)

    def problem(what: str, verdict: Verdict, message: str, explanation: str) -> Finding:
        return finding("conclude", verdict, f"{at(workflow, job)}: {message}", explanation, about=f"{where}: {what}")

    if not always(job.condition):
        said = f"if: {shown(job.condition)}" if job.condition else "no if:"
        yield problem(
            "if",
            Verdict.FAIL,
            f"the job has {said}, so it can be skipped, and GitHub counts that as a success",
            "Write if: always() and nothing else.",
        )
    if hides(job.hidden):
        yield problem(
            "continue-on-error", Verdict.FAIL, "continue-on-error makes the check green whatever it finds", "Remove it."
        )
    if job.matrix:
        yield problem(
            "matrix",
            Verdict.FAIL,
            "the job has a matrix, so each run of it is a check of its own name",
            "Run conclude in one job without a matrix; it may need a job that has one.",
        )
    for step in job.calling("conclude")[:1]:
        yield from _step(workflow, job, step)
        yield from _let(setup, workflow, job, step)
        yield from _planned(workflow, job, step)
    yield from _needs(setup, workflow, job)


def _step(workflow: Workflow, job: WorkflowJob, step: Step) -> Iterator[Finding]:
    where = place(workflow, job)

    def problem(what: str, verdict: Verdict, message: str, explanation: str) -> Finding:
        return finding("conclude", verdict, f"{at(workflow, step)}: {message}", explanation, about=f"{where}: {what}")

    if hides(step.hidden):
        yield problem("step", Verdict.FAIL, "continue-on-error hides what conclude finds", "Remove it from the step.")
    if step.condition is not None and not always(step.condition):
        message = f"the step has if: {shown(step.condition)}; where it is skipped, the job is green"
        yield problem("step", Verdict.FAIL, message, "Remove the condition from the step.")
    handed = [*step.inputs.values(), *step.env.values(), *job.env.values()]
    if _RESULTS.search(step.run or ""):
        yield problem(
            "needs",
            Verdict.WARN,
            "the results stand in the shell line itself, where an output of another job could become a command",
            "Hand them over in the environment: MLCI_CONCLUDE_NEEDS: ${{ toJSON(needs) }}.",
        )
    elif not any(_RESULTS.search(text) for text in handed):
        yield problem(
            "needs",
            Verdict.FAIL,
            "conclude is not given the results of the jobs",
            "Add needs: ${{ toJSON(needs) }} to with: of the step.",
        )


def _let(setup: Setup, workflow: Workflow, job: WorkflowJob, step: Step) -> Iterator[Finding]:
    """Permissions to fail or to be skipped that reach the job that judges."""
    for parameter, verdict in (("may-fail", Verdict.FAIL), ("may-skip", Verdict.WARN)):
        named = set(re.split(r"[\s,]+", step.given("conclude", parameter) or ""))
        jobs = [workflow.jobs[one] for one in job.needs if one in named and one in workflow.jobs]
        gates = [one.id for one in jobs if setup.runs(workflow, one, "gate-compare")]
        if gates:
            what = "fail" if parameter == "may-fail" else "be skipped for any reason"
            yield finding(
                "conclude",
                verdict,
                f"{at(workflow, step)}: {parameter} lets {listed(gates)} {what}, and that is where the model is judged",
                f"Take it out of {parameter}.",
                about=f"{place(workflow, job)}: {parameter}",
            )


def _planned(workflow: Workflow, job: WorkflowJob, step: Step) -> Iterator[Finding]:
    """Whether the job that may call the model untouched speaks with one voice."""
    planned = workflow.jobs.get(step.given("conclude", "plan") or "plan")
    if planned is not None and planned.matrix and planned.id in job.needs:
        yield finding(
            "conclude",
            Verdict.FAIL,
            f"{at(workflow, planned)}: {shown(planned.id, 40)} has a matrix, and the output of the leg that ends last "
            "decides: one untouched model excuses the gates of all",
            "Give each model a plan job with an id of its own.",
            about=f"{place(workflow, job)}: plan",
        )


def _needs(setup: Setup, workflow: Workflow, job: WorkflowJob) -> Iterator[Finding]:
    where = place(workflow, job)
    later = workflow.after(job.id) | {job.id}
    unseen = [one for one in workflow.jobs.values() if one.id not in later and one.id not in job.needs]
    for gates in (True, False):
        names = [one.id for one in unseen if setup.runs(workflow, one) is gates]
        if names:
            yield finding(
                "conclude",
                Verdict.FAIL if gates else Verdict.WARN,
                f"{at(workflow, job)}: the job does not wait for {listed(names)}, so it is green when they fail",
                f"Add to its needs: {listed(names, 20)}.",
                about=f"{where}: needs {'steps' if gates else 'others'}",
            )
    for one in (workflow.jobs[name] for name in job.needs if name in workflow.jobs):
        hidden = hides(one.hidden) or any(hides(step.hidden) for step in one.calling("gate-compare"))
        if hidden:
            yield finding(
                "hidden",
                Verdict.FAIL if setup.runs(workflow, one, "gate-compare") else Verdict.WARN,
                f"{at(workflow, one)}: continue-on-error turns a failure of {shown(one.id, 40)} into a success, "
                "and conclude sees only that",
                "Remove it, and name the job in may-fail of conclude where it may fail.",
                about=place(workflow, one),
            )


def _started(setup: Setup, route: Route) -> Iterator[Finding]:
    """Whether every change starts the job: a check that never comes holds every merge back for ever."""
    last = route.steps[-1]
    ways = [one for one in setup.to("conclude") if one.steps[-1][0] is last[0] and one.job is last[1]]
    starts = [(one, one.workflow.triggers["pull_request"]) for one in ways if "pull_request" in one.workflow.triggers]
    where = place(*last)
    if not starts:
        yield finding(
            "conclude",
            Verdict.FAIL,
            f"{where} does not run on pull_request, so a change never gets its check",
            "Add pull_request: to the block on: of the workflow.",
            about=f"{where}: on",
        )
    for way, trigger in starts:
        yield from _kept_away(setup, way, trigger)
        yield from _let_in(setup, way, trigger)
        for workflow, job in way.steps[:-1]:
            if not always(job.condition) and (job.condition is not None or job.needs):
                yield finding(
                    "conclude",
                    Verdict.WARN,
                    f"{at(workflow, job)}: where this job is skipped, {where}, which it calls, gives no check",
                    "Write if: always() on the job that calls the workflow, or none and no needs.",
                    about=f"{where}: called by {place(workflow, job)}",
                )


def _kept_away(setup: Setup, route: Route, trigger: Trigger) -> Iterator[Finding]:
    file = shown(route.workflow.file)
    taken = trigger.takes(setup.branch)
    missing = [one for one in _TYPES if trigger.types and one not in trigger.types]
    reasons = {
        "paths": "a filter on paths" if trigger.paths else None,
        "branches": f"a filter on branches that leaves {shown(setup.branch)} out" if taken is False else None,
        "types": f"types: without {listed(missing)}" if missing else None,
    }
    for what, reason in reasons.items():
        if reason is not None:
            yield finding(
                "conclude",
                Verdict.FAIL,
                f"{file} has {reason} at pull_request; where it does not run, the required check waits for ever",
                f"Remove {what} there. The step plan tells which changes touch the model, and jobs can ask for its "
                "answer in their if:.",
                about=f"{file}: {what}",
            )
    if taken is None:
        yield finding(
            "conclude",
            Verdict.INCONCLUSIVE,
            f"whether the filter on branches of {file} takes {shown(setup.branch)} is beyond this check",
            "Remove the filter, or write it with plain names and stars.",
            about=f"{file}: branches",
            reason="unknown",
        )


def _let_in(setup: Setup, route: Route, trigger: Trigger) -> Iterator[Finding]:
    """Whether changes to branches that anybody could make start the job too."""
    if trigger.takes(setup.branch) and trigger.takes(_ANY_BRANCH) and route.workflow.file not in setup.own_workflows:
        file, branch = shown(route.workflow.file), shown(setup.branch)
        yield finding(
            "conclude",
            Verdict.WARN,
            f"{file} runs for pull requests to other branches than {branch} too. A check lies on the commit, so what a "
            f"pull request to another branch was given counts for one to {branch} with the same commit",
            f"Write in its block on: the line pull_request: {{branches: [{_scalar(branch)}]}}.",
            about=f"{file}: other branches",
        )


def _scalar(name: str) -> str:
    """A name as YAML reads it back inside a list."""
    return name if _PLAIN.fullmatch(name) else "'" + name.replace("'", "''") + "'"


def _alone(setup: Setup, route: Route) -> Iterator[Finding]:
    """A gate whose result neither a concluding job nor the branch waits for."""
    if route.check in setup.checks or any(setup.concluding(workflow) for workflow, _ in route.steps):
        return
    where = place(*route.steps[-1])
    if route.workflow.file in setup.own_workflows:
        return
    yield finding(
        "gate",
        Verdict.FAIL,
        f"{where} judges the model, and no merge waits for it",
        "Put it in the workflow of the job that runs conclude and add it to needs: there.",
        about=where,
    )

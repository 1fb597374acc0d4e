"""What changes from forks meet: code of strangers beside a token that writes, and a report that nobody may post."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.github.facts import Setup, at, each_job, place
from mlci.domain.setup.github.workflow import Route, Step, Workflow, pinned
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict

# Events whose token writes and whose cache is that of the default branch, whoever proposed the change.
_TRUSTED = ("pull_request_target", "workflow_run")
_HEAD = re.compile(
    r"github\.event\.pull_request\.head\.|github\.head_ref|refs/pull/|github\.event\.workflow_run\.head_"
    r"|github\.event\.pull_request\.merge_commit_sha",
    re.IGNORECASE,
)
_FETCH = re.compile(r"\bgh[ \t]+pr[ \t]+checkout\b|\bgit[ \t][^\n]{0,200}(?:pull/|refs/pull)")
# A run that a push started brings no strangers' code.
_OF_PUSH = re.compile(r"workflow_run\.event\s*==\s*'push'")


def forks(setup: Setup) -> Iterator[Finding]:
    """Strangers' code where the token writes, the gate where it must not run, and the report that forks need."""
    found = [*_checkouts(setup), *_targets(setup)]
    yield from found
    if not found:
        events = " or ".join(_TRUSTED)
        yield finding("forks", Verdict.PASS, f"no workflow on {events} checks out what a change proposes")
    yield from _reports(setup)


def _checkouts(setup: Setup) -> Iterator[Finding]:
    trusted = [route for route in setup.routes if any(event in route.workflow.triggers for event in _TRUSTED)]
    for route in each_job(trusted):
        if route.job.condition is not None and _OF_PUSH.search(route.job.condition):
            continue
        events = [event for event in _TRUSTED if event in route.workflow.triggers]
        for step in route.job.steps:
            if _takes_head(step):
                yield finding(
                    "forks",
                    Verdict.FAIL,
                    f"{at(route.steps[-1][0], step)}: a workflow on {events[0]} checks out what a change proposes",
                    "Code of a stranger meets a token that writes. Run it on pull_request, and let a workflow on "
                    "workflow_run, which checks nothing out, post the report.",
                    about=f"{place(*route.steps[-1])}:{step.line}",
                    reason="fork",
                )


def _takes_head(step: Step) -> bool:
    if step.uses is not None and step.uses.lower().startswith("actions/checkout@"):
        asked = " ".join(step.inputs.get(name, "") for name in ("ref", "repository"))
        unsafe = step.inputs.get("allow-unsafe-pr-checkout", "").strip().lower() == "true"
        return unsafe or _HEAD.search(asked) is not None
    values = " ".join(step.env.values())
    fetched = _FETCH.search(step.spoken) is not None
    return fetched or (re.search(r"\bgit[ \t]", step.spoken) is not None and _HEAD.search(values) is not None)


def _targets(setup: Setup) -> Iterator[Finding]:
    for route in each_job([one for one in setup.to("gate-compare") if "pull_request_target" in one.workflow.triggers]):
        where = place(*route.steps[-1])
        yield finding(
            "forks",
            Verdict.FAIL,
            f"{where} runs the gate on pull_request_target, where the token writes",
            "Run the gate on pull_request; the action report posts for forks, from a workflow on workflow_run.",
            about=where,
            reason="fork",
        )


def _reports(setup: Setup) -> Iterator[Finding]:
    """Whether the runs of forks, whose own token only reads, get their comment."""
    gates = {
        route.workflow.file: route.workflow
        for route in setup.to("gate-compare")
        if "pull_request" in route.workflow.triggers
    }
    reporting = [route for route in setup.to("report") if "workflow_run" in route.workflow.triggers]
    for workflow in gates.values():
        heard = [route for route in reporting if _listens(route, workflow)]
        if heard:
            files = listed([place(route.workflow) for route in heard])
            yield finding("report", Verdict.PASS, f"{files} reports on changes of forks for {shown(workflow.file)}")
        else:
            names = shown(workflow.name or workflow.file)
            other = "; the one that is there waits for other workflows" if reporting else ""
            yield finding(
                "report",
                Verdict.WARN,
                f"no workflow reports on changes of forks for {shown(workflow.file)}: they get no comment{other}",
                f"Add a workflow with on: workflow_run: workflows: [{names}], types: [completed], and the action "
                "report. Where nobody may fork the repository it is not needed.",
                about=shown(workflow.file),
                reason="fork",
            )


def _listens(route: Route, workflow: Workflow) -> bool:
    trigger = route.workflow.triggers["workflow_run"]
    named = workflow.name or workflow.file
    return named in trigger.workflows and (not trigger.types or "completed" in trigger.types)


def pins(setup: Setup) -> Iterator[Finding]:
    """Actions and workflows that somebody else could change after the review, by file."""
    loose = False
    for workflow in setup.workflows:
        used = [(step.line, step.uses) for job in workflow.jobs.values() for step in job.steps if step.uses]
        found = [f"{shown(uses)} (line {line})" for line, uses in used if not pinned(uses)]
        if found:
            loose = True
            yield finding(
                "pins",
                Verdict.WARN,
                f"{shown(workflow.file)} uses what can change under it: {listed(found)}",
                "Write the full commit, and the version as a comment: uses: owner/name@<40 digits> # v1.2.3. "
                "A tag can be moved to other code, also after a review.",
                about=shown(workflow.file),
            )
    if setup.workflows and not loose:
        yield finding("pins", Verdict.PASS, "every action is named by a full commit")

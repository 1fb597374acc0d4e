"""Whether the one check that matters holds a merge back, and who may pass it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.github.facts import Setup, on_changes, place
from mlci.domain.setup.github.protection import RequiredCheck
from mlci.domain.setup.github.workflow import Route
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict

# The app that posts the checks of jobs, on github.com; a server of one's own has another number.
GITHUB_ACTIONS = 15368


def required(setup: Setup) -> Iterator[Finding]:
    """Whether each wanted check is required, whether its name is its own, and who may merge without it."""
    for name in wanted(setup):
        yield _required(setup, name)
        yield from _shared(setup, name)
    if setup.required is None:
        yield from _unnamed(setup)
    yield from _passed(setup)


def wanted(setup: Setup) -> tuple[str, ...]:
    """The checks that must be required: the one that was named, or those of the jobs that run conclude."""
    if setup.required is not None:
        return (setup.required,)
    return tuple(dict.fromkeys(route.check for route in _concluding(setup) if route.check is not None))


def named(setup: Setup, name: str) -> tuple[RequiredCheck, ...]:
    """Everything that requires a check of this name."""
    return tuple(check for check in setup.protection.checks if check.name == name)


def _concluding(setup: Setup) -> tuple[Route, ...]:
    return tuple(route for route in setup.to("conclude") if on_changes(route))


def _required(setup: Setup, name: str) -> Finding:
    branch, check = shown(setup.branch), shown(name)
    found = named(setup, name)
    if found:
        return _of_app(setup, name, found)
    files = {route.workflow.file for route in setup.routes if route.check == name}
    if files & setup.own_workflows:
        return finding(
            "required", Verdict.PASS, f"the workflow of {check} is a required workflow of {branch}", about=check
        )
    unreadable = setup.unreadable("rules", "classic")
    if unreadable is not None:
        return finding(
            "required",
            Verdict.INCONCLUSIVE,
            f"whether {check} is required on {branch} is unknown: {shown(unreadable, 200)}",
            "Give doctor a token that may read the branch and its rules: contents: read is enough.",
            about=check,
            reason="unknown",
        )
    return finding(
        "required",
        Verdict.FAIL,
        f"a change can be merged to {branch} while {check} is red: it is not a required check",
        f"{_others(setup, name)} In the settings of the repository, Rules, Rulesets, make an active ruleset for "
        f"{branch} with 'Require status checks to pass' and add {check} with GitHub Actions as its source; GitHub "
        "offers a name once it has run.",
        about=check,
        reason="missing",
    )


def _others(setup: Setup, name: str) -> str:
    names = setup.checks
    if not names:
        return "No check is required there at all."
    # People write the name of the workflow in front of that of the job, as GitHub's own pages show it.
    tails = [other for other in names if other.rpartition(" / ")[2].casefold() == name.rpartition(" / ")[2].casefold()]
    close = (tails or difflib.get_close_matches(name[:200], [other[:200] for other in names], n=1))[:1]
    hints = [f" {shown(one)} is required, which is another name: it must be exactly that of the job." for one in close]
    return f"Required so far: {listed(names)}.{''.join(hints)}"


def _of_app(setup: Setup, name: str, found: tuple[RequiredCheck, ...]) -> Finding:
    sources = listed(list(dict.fromkeys(check.source for check in found)))
    message = f"{shown(name)} is required on {shown(setup.branch)} by {sources}"
    others = sorted({check.app for check in found if check.app not in (None, GITHUB_ACTIONS)}, key=str)
    by_job = any(route.check == name for route in setup.routes)
    if others and by_job:
        return finding(
            "required",
            Verdict.WARN,
            f"{message}, but only as the app {others[0]} posts it",
            f"On github.com the checks of jobs come from the app {GITHUB_ACTIONS}, GitHub Actions, so the job's own "
            "check would not count and every merge would wait. Choose GitHub Actions as the source of the check.",
            about=shown(name),
        )
    return finding("required", Verdict.PASS, message, about=shown(name))


def _shared(setup: Setup, name: str) -> Iterator[Finding]:
    owners = [route for route in setup.routes if route.check == name and on_changes(route)]
    places = list(dict.fromkeys(", called in ".join(place(*one) for one in reversed(route.steps)) for route in owners))
    if len(places) > 1:
        yield finding(
            "name",
            Verdict.WARN,
            f"{len(places)} jobs give the check {shown(name)}: {listed(places)}",
            "GitHub cannot tell which of them a merge waits for, and the green one may do. "
            "Give each job that runs on a change a name: of its own.",
            about=shown(name),
        )


def _unnamed(setup: Setup) -> Iterator[Finding]:
    for route in _concluding(setup):
        if route.check is None:
            where = place(*route.steps[-1])
            yield finding(
                "required",
                Verdict.INCONCLUSIVE,
                f"the name of the check of {where} is only known when it runs",
                "An expression or a matrix is part of its name. Give the job a plain name:, or say the name with "
                "--required.",
                about=where,
                reason="unknown",
            )


def _passed(setup: Setup) -> Iterator[Finding]:
    """Who may merge without the check."""
    names = wanted(setup)
    holding = {check.source for name in names for check in named(setup, name)}
    classic = setup.protection.administrators is False and holding == {"branch protection"}
    if classic:
        yield finding(
            "bypass",
            Verdict.WARN,
            f"administrators may merge to {shown(setup.branch)} without the check",
            "Turn on 'Do not allow bypassing the above settings' in the branch protection rule.",
            about="administrators",
        )
    for bypass in setup.protection.bypass:
        about = f"ruleset {bypass.ruleset}"
        if bypass.actors is None:
            yield finding(
                "bypass",
                Verdict.INCONCLUSIVE,
                f"who may bypass {about} is unknown",
                "GitHub names them only to a token that may change the ruleset; the page of the ruleset lists them.",
                about=about,
                reason="unknown",
                advisory=True,
            )
        elif bypass.actors:
            yield finding(
                "bypass",
                Verdict.WARN,
                f"{about} may be bypassed by {listed(bypass.actors)}",
                "Take everybody off the bypass list who need not merge a worse model in an emergency.",
                about=about,
            )


def merge_queue(setup: Setup) -> Iterator[Finding]:
    """Whether a merge queue would ever get an answer."""
    workflows = {route.workflow.file: route.workflow for route in _concluding(setup)}
    for file, workflow in workflows.items():
        trigger = workflow.triggers.get("merge_group")
        listens = trigger is not None and (not trigger.types or "checks_requested" in trigger.types)
        if listens and trigger is not None and trigger.takes(setup.branch) is not False:
            message = f"{shown(file)} runs for a merge queue"
            yield finding("merge-queue", Verdict.PASS, message, about=shown(file))
        elif setup.protection.merge_queue:
            yield finding(
                "merge-queue",
                Verdict.FAIL,
                f"{shown(setup.branch)} has a merge queue, and {shown(file)} does not run for it",
                "Add merge_group: to the block on: of the workflow. Until then every change waits in the queue until "
                "its time is over.",
                about=shown(file),
            )
        elif (unreadable := setup.unreadable("rules")) is not None:
            yield finding(
                "merge-queue",
                Verdict.INCONCLUSIVE,
                f"whether {shown(setup.branch)} has a merge queue is unknown: {shown(unreadable, 200)}",
                "Add merge_group: to the block on: of the workflow and it is right either way.",
                about=shown(file),
                reason="unknown",
            )
        else:
            message = f"no ruleset of {shown(setup.branch)} has a merge queue; {shown(file)} would not run for one"
            yield finding("merge-queue", Verdict.PASS, message, about=shown(file))

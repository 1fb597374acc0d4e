"""Whether the token of each job may do what our steps ask of it, and no more."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.github.facts import Need, Setup, on_changes, place
from mlci.domain.setup.github.shared import MODEL, asked
from mlci.domain.setup.github.workflow import LEVELS, Grant, Level, Route, Step
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict

# What the token of a job can be given at all:
# https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#permissions
SCOPES = frozenset({
    "actions", "artifact-metadata", "attestations", "checks", "contents", "deployments", "discussions", "id-token",
    "issues", "models", "packages", "pages", "pull-requests", "security-events", "statuses",
})  # fmt: skip
# What a job is given that declares nothing, by the setting of the repository.
_DEFAULTS = {"read": Grant(scopes={"contents": "read", "packages": "read"}), "write": Grant(rest="write")}
# An identity for a cloud is asked for by steps that are not ours.
_OF_OTHERS = frozenset({"id-token"})


def permissions(setup: Setup) -> Iterator[Finding]:
    """Each job that runs one of our steps: what its token lacks, and what it has for nothing."""
    ours = [route for route in setup.routes if any(_needs(setup, step) for step in route.job.steps)]
    yield from (_passed_on(setup, caller) for caller in _callers(setup))
    for route in (one for one in ours if one.steps[-1][0] is not MODEL):
        grant = _held(setup, route)
        if grant is None:
            yield _undeclared(setup, route, f"permissions: {_block(setup, route, Grant())}")
            continue
        lacking = list(_lacking(setup, route, grant))
        yield from lacking
        idle = _idle(setup, route)
        if idle is not None:
            yield idle
        if not lacking and idle is None:
            where = place(*route.steps[-1])
            yield finding("permissions", Verdict.PASS, f"the token of {where} may do all that is asked", about=where)
    if setup.protection.default_permissions == "write":
        yield _generous()


def _held(setup: Setup, route: Route) -> Grant | None:
    """What a job is given, the repository's default included; None where that is unknown."""
    return route.granted or _DEFAULTS.get(setup.protection.default_permissions or "")


def _callers(setup: Setup) -> tuple[Route, ...]:
    """The ways to the jobs that call our whole pipeline, each once, however many jobs it has."""
    first = next(iter(MODEL.jobs.values()))
    return tuple(Route(one.steps[:-1]) for one in setup.routes if one.job is first)


def _passed_on(setup: Setup, caller: Route) -> Finding:
    """Whether the caller of our whole pipeline has what the jobs in it declare: GitHub starts it with no less."""
    where, needed, grant = place(*caller.steps[-1]), asked(MODEL), _held(setup, caller)
    block = f"permissions: {{{', '.join(f'{scope}: {level}' for scope, level in sorted(needed.items()))}}}"
    if grant is None:
        return _undeclared(setup, caller, block)
    lacking = [
        f"{scope}: {level}" for scope, level in needed.items() if LEVELS.index(grant.level(scope)) < LEVELS.index(level)
    ]
    if not lacking:
        return finding("permissions", Verdict.PASS, f"{where} passes on all that {MODEL.file} asks", about=where)
    return finding(
        "permissions",
        Verdict.FAIL,
        f"{where} does not pass on what {MODEL.file} asks: {listed(lacking)}",
        f"GitHub does not start the workflow at all. Write at the job: {block}.",
        about=where,
        reason="missing",
    )


def _needs(setup: Setup, step: Step) -> list[tuple[str, Need]]:
    """What a step asks of the token, with the command that asks."""
    return [
        (command, need)
        for command in step.calls
        for need in setup.needs.get(command, ())
        if need.scope in SCOPES and _asked(step, command, need)
    ]


def _asked(step: Step, command: str, need: Need) -> bool:
    """Whether the parameter that may ask for a permission does; a value that is only known at run time may.

    A called workflow is not started unless its caller has everything that it declares.
    """
    if step.is_call:
        return need.scope != "checks"
    if need.asked_by is None:
        return True
    parameter, default, asking = need.asked_by
    value = step.given(command, parameter) or default
    return value.strip().lower() == asking or "$" in value


def _lacking(setup: Setup, route: Route, grant: Grant) -> Iterator[Finding]:
    missing = [
        (command, need, step.is_call)
        for step in route.job.steps
        for command, need in _needs(setup, step)
        if LEVELS.index(grant.level(need.scope)) < LEVELS.index(need.level)
    ]
    where, block = place(*route.steps[-1]), _block(setup, route, grant)
    for optional in (False, True):
        found = [one for one in missing if (one[1].optional and not one[2]) is optional]
        if not found:
            continue
        texts = [f"{command} {need.why} ({need.scope}: {need.level})" for command, need, _ in found]
        # Reading a public repository takes no permission.
        open_to_all = not setup.repository.private and all(need.level == "read" and not call for _, need, call in found)
        yield finding(
            "permissions",
            Verdict.WARN if optional or open_to_all else Verdict.FAIL,
            f"the token of {where} lacks what a step asks: {listed(list(dict.fromkeys(texts)))}",
            f"{_consequence(optional, open_to_all)} Write at the job: permissions: {block}.{_caller(route)}",
            about=f"{where}: {'optional' if optional else 'needed'}",
            reason="missing",
        )


def _consequence(optional: bool, open_to_all: bool) -> str:
    if optional:
        return "The verdict and the exit are the same without it."
    return (
        "It works only while the repository is public."
        if open_to_all
        else "The step fails without it; a called workflow does not start."
    )


def _block(setup: Setup, route: Route, grant: Grant) -> str:
    """What the job's own block would have to say, as YAML on one line."""
    declared: dict[str, Level] = {scope: level for scope, level in grant.scopes.items() if level != "none"}
    for step in route.job.steps:
        for _, need in _needs(setup, step):
            if LEVELS.index(declared.get(need.scope, "none")) < LEVELS.index(need.level):
                declared[need.scope] = need.level
    inner = ", ".join(f"{shown(scope, 40)}: {level}" for scope, level in sorted(declared.items())[:20])
    return f"{{{inner}}}"


def _caller(route: Route) -> str:
    callers = [place(workflow, job) for workflow, job in route.steps[:-1]]
    return f" {listed(callers)} must be given as much: a called workflow gets no more than its caller." * bool(callers)


def _undeclared(setup: Setup, route: Route, block: str) -> Finding:
    where = place(*route.steps[-1])
    why = setup.unreadable("defaults")
    return finding(
        "permissions",
        Verdict.INCONCLUSIVE,
        f"{where} declares no permissions, and what the repository gives then is unknown"
        + (f": {shown(why, 200)}" if why else ""),
        f"Write at the job: {block}. What is written there holds.",
        about=where,
        reason="unknown",
    )


def _idle(setup: Setup, route: Route) -> Finding | None:
    """Writing that no step of ours needs, in a job that runs what a change brings along."""
    declared = route.granted
    if declared is None or not on_changes(route):
        return None
    needed = {need.scope for step in route.job.steps for _, need in _needs(setup, step) if need.level == "write"}
    idle = sorted(
        scope for scope, level in declared.scopes.items() if level == "write" and scope not in needed | _OF_OTHERS
    )
    if declared.rest == "write":
        idle = ["everything (write-all)"]
    if not idle:
        return None
    where = place(*route.steps[-1])
    return finding(
        "idle",
        Verdict.WARN,
        f"the token of {where} may write what no step of mlci writes: {listed(idle)}",
        "Code of the change may run in this job. Take the permission away, or move what needs it to a job of its own.",
        about=where,
    )


def _generous() -> Finding:
    return finding(
        "defaults",
        Verdict.WARN,
        "the token of every job that declares no permissions may write everything in this repository",
        "In the settings of the repository, Actions, General, Workflow permissions, choose 'Read repository contents "
        "and packages permissions'.",
    )

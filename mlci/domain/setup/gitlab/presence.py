"""Which jobs a pipeline would have, by what starts it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mlci.domain.setup.gitlab.condition import Doubt, Some, Truth, Value, both, truth
from mlci.domain.setup.gitlab.pipeline import Allowed, Job, Pipeline, Refs, Rule
from mlci.domain.setup.gitlab.project import Project

# Stands for everything that rules can ask of files.
FILES = "the files that it touches"
# What whoever proposes a change writes himself.
CHOSEN = frozenset({
    FILES, "$CI_COMMIT_AUTHOR", "$CI_COMMIT_DESCRIPTION", "$CI_COMMIT_MESSAGE", "$CI_COMMIT_REF_NAME",
    "$CI_COMMIT_REF_SLUG", "$CI_COMMIT_TITLE", "$CI_MERGE_REQUEST_ASSIGNEES", "$CI_MERGE_REQUEST_DESCRIPTION",
    "$CI_MERGE_REQUEST_DRAFT", "$CI_MERGE_REQUEST_LABELS", "$CI_MERGE_REQUEST_MILESTONE",
    "$CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID",
    "$CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "$CI_MERGE_REQUEST_SOURCE_PROJECT_URL",
    "$CI_MERGE_REQUEST_SQUASH_ON_MERGE", "$CI_MERGE_REQUEST_TITLE",
})  # fmt: skip
# What is there in every pipeline, and what only a merge request gives.
_EVERYWHERE = frozenset({"CI_COMMIT_SHA", "CI_PIPELINE_ID", "CI_PROJECT_NAME", "CI_SERVER_HOST", "CI_SERVER_URL"})
_OF_CHANGES = frozenset({
    "CI_MERGE_REQUEST_ID", "CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_PROJECT_ID", "CI_MERGE_REQUEST_PROJECT_PATH",
    "CI_MERGE_REQUEST_REF_PATH", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "CI_MERGE_REQUEST_TITLE", "CI_OPEN_MERGE_REQUESTS",
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that starts a pipeline.

    Attributes:
        title: what it is, as words.
        known: values of variables by name; None for one that it does not have.
        some: variables that are there, with a value that is not known.
        refs: the words by which ``only`` and ``except`` name it.
    """

    title: str
    known: Mapping[str, str | None]
    some: frozenset[str] = frozenset()
    refs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """One thing that may become of a job.

    Attributes:
        when: when it runs; None where it is left out.
        allowed: whether it may fail.
        doubts: what it hangs on; empty where it is certain.
    """

    when: str | None
    allowed: Allowed = False
    doubts: frozenset[str] = field(default=frozenset())


def changes(project: Project, branch: str) -> tuple[Event, ...]:
    """A merge request to a branch, in each way that the project runs its pipelines."""
    kinds = {"detached": "a merge request"}
    if project.merged_results or project.merge_trains:
        kinds["merged_result"] = "a merged result"
    if project.merge_trains:
        kinds["merge_train"] = "a merge train"
    known = {
        **_here(project),
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": branch,
        "CI_COMMIT_BRANCH": None,
    }
    return tuple(
        Event(
            title=title,
            known={**known, "CI_MERGE_REQUEST_EVENT_TYPE": kind},
            some=_EVERYWHERE | _OF_CHANGES,
            refs=frozenset({"merge_requests"}),
        )
        for kind, title in kinds.items()
    )


def of_branch(project: Project, branch: str, source: str, title: str, *, with_change: bool = False) -> Event:
    """A pipeline of a branch, started by a push or a schedule.

    Args:
        with_change: whether a merge request is open for the branch.
    """
    return Event(
        title=title,
        known={
            **_here(project),
            "CI_PIPELINE_SOURCE": source,
            "CI_COMMIT_BRANCH": branch,
            "CI_COMMIT_REF_NAME": branch,
            **{name: None for name in _OF_CHANGES if name != "CI_OPEN_MERGE_REQUESTS"},
            **({} if with_change else {"CI_OPEN_MERGE_REQUESTS": None}),
        },
        some=_EVERYWHERE | (frozenset({"CI_OPEN_MERGE_REQUESTS"}) if with_change else frozenset()),
        refs=frozenset({"branches", branch, {"push": "pushes", "schedule": "schedules"}[source]}),
    )


def _here(project: Project) -> dict[str, str | None]:
    return {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_COMMIT_TAG": None,
        "CI_DEFAULT_BRANCH": project.default_branch,
        "CI_PROJECT_ID": str(project.id),
        "CI_PROJECT_PATH": project.name,
    }


def started(pipeline: Pipeline, event: Event) -> tuple[Outcome, ...]:
    """Whether there is a pipeline at all; where nothing rules it, there is."""
    if pipeline.workflow is None:
        return (Outcome("always"),)
    return tuple(_ruled(pipeline.workflow, event, {}, pipeline.variables, "always", allowed=False))


def outcomes(job: Job, pipeline: Pipeline, event: Event) -> tuple[Outcome, ...]:
    """What may become of a job in such a pipeline."""
    when = job.when or "on_success"
    # As GitLab has it: a job of a person's may fail unless it or a rule says otherwise.
    allowed: Allowed = job.allowed if job.allowed is not None else job.when == "manual" and job.rules is None
    if job.rules is not None:
        return tuple(_ruled(job.rules, event, job.variables, pipeline.variables, when, allowed=allowed))
    taken = _taken(job, pipeline, event)
    if taken is False:
        return (Outcome(None),)
    doubts = taken.names if isinstance(taken, Doubt) else frozenset()
    there = Outcome(when, allowed, doubts)
    return (there, Outcome(None, doubts=doubts)) if doubts else (there,)


def _ruled(
    rules: Sequence[Rule],
    event: Event,
    own: Mapping[str, str],
    shared: Mapping[str, str],
    when: str,
    *,
    allowed: Allowed,
) -> Iterator[Outcome]:
    """Everything that rules may come to: the first that holds decides, and without one the job is left out."""

    def value(name: str) -> Value:
        return _value(name, event, own, shared)

    doubts: frozenset[str] = frozenset()
    for rule in rules:
        holds: Truth = True if rule.condition is None else truth(rule.condition, value)
        if rule.files:
            holds = both(holds, Doubt(frozenset({FILES})))
        if holds is False:
            continue
        own_doubts = holds.names if isinstance(holds, Doubt) else frozenset()
        chosen = rule.when or when
        yield Outcome(
            None if chosen == "never" else chosen,
            rule.allowed if rule.allowed is not None else allowed,
            doubts | own_doubts,
        )
        if holds is True:
            return
        doubts |= own_doubts
    yield Outcome(None, doubts=doubts)


def _value(name: str, event: Event, own: Mapping[str, str], shared: Mapping[str, str]) -> Value:
    if name in event.known:
        return event.known[name]
    if name in event.some:
        return Some(f"${name}")
    written = own.get(name, shared.get(name))
    if written is not None and "$" not in written and not name.startswith("CI_"):
        return written
    return Doubt(frozenset({f"${name}"}))


def _taken(job: Job, pipeline: Pipeline, event: Event) -> Truth:
    """Whether a job without rules is in such a pipeline."""
    if job.only is not None:
        named = _named(job.only, event)
    else:
        # Rules for all of a pipeline take the default of its jobs away, which leaves out merge requests.
        named = pipeline.workflow is not None or "merge_requests" not in event.refs
    left_out = _named(job.excluded, event) if job.excluded is not None else False
    return both(named, left_out if isinstance(left_out, Doubt) else not left_out)


def _named(refs: Refs, event: Event) -> Truth:
    if not refs.refs:
        return Doubt(frozenset({FILES}))
    if event.refs & set(refs.refs):
        return Doubt(frozenset({FILES})) if refs.narrowed else True
    patterns = [ref for ref in refs.refs if ref.startswith("/")]
    return Doubt(frozenset(patterns)) if patterns and "branches" in event.refs else False

"""Conditions of GitLab CI where only some variables are known, and what rules make of jobs."""

from __future__ import annotations

import time

import pytest

from mlci.domain.setup.gitlab.condition import Doubt, Some, Value, truth
from mlci.domain.setup.gitlab.pipeline import Job, Pipeline, Refs, Rule
from mlci.domain.setup.gitlab.presence import FILES, Event, Outcome, changes, of_branch, outcomes, started
from mlci.domain.setup.gitlab.project import Project

KNOWN: dict[str, Value] = {"A": "one", "EMPTY": "", "NONE": None, "BRANCH": "release/1.2", "IS": Some("$IS")}


def value(name: str) -> Value:
    return KNOWN[name] if name in KNOWN else Doubt(frozenset({f"${name}"}))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('$A == "one"', True),
        ("$A == 'two'", False),
        ("'one' == $A", True),
        ('$A != "one"', False),
        ("${A} == 'one'", True),
        ("$A", True),
        ("$EMPTY", False),
        ("$NONE", False),
        ("$NONE == null", True),
        ("$A == null", False),
        ("$A != null", True),
        ("$IS", True),
        ("$IS != null", True),
        ("$A == $A", True),
        ("$A =~ /^on/", True),
        ("$A =~ /ONE/", False),
        ("$A =~ /ONE/i", True),
        ("$A !~ /two/", True),
        (r"$BRANCH =~ /^release\/[0-9.]+$/", True),
        ("$NONE =~ /x/", False),
        ("$NONE !~ /x/", True),
        ('$A == "two" || $A == "one" && $EMPTY', False),
        ('($A == "two" || $A == "one") && $BRANCH', True),
        ('$A == "one" || $UNKNOWN', True),
        ("$EMPTY && $UNKNOWN", False),
        ("  $A  ", True),
    ],
)  # fmt: skip
def test_what_is_known_decides(condition: str, expected: bool) -> None:
    assert truth(condition, value) is expected


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("$UNKNOWN", {"$UNKNOWN"}),
        ('$UNKNOWN == "x"', {"$UNKNOWN"}),
        ("$A && $UNKNOWN", {"$UNKNOWN"}),
        ("$EMPTY || $UNKNOWN || $OTHER", {"$UNKNOWN", "$OTHER"}),
        ('$IS == "x"', {"$IS"}),
        ("$IS =~ /x/", {"$IS"}),
        ("$UNKNOWN !~ /x/", {"$UNKNOWN"}),
        ("$UNKNOWN == null", {"$UNKNOWN"}),
    ],
)
def test_what_is_not_known_stays_in_doubt_and_is_named(condition: str, names: set[str]) -> None:
    assert truth(condition, value) == Doubt(frozenset(names))


@pytest.mark.parametrize(
    "condition",
    [
        "$A ==", "== $A", "$A $A", "($A", "$A)", "&& $A", "$A && ", "$A = 'x'", "", "'x' =~", "a", "$A =~ 'one'",
        "(" * 30 + "$A" + ")" * 30, "$A || " * 2000 + "$A", "$A =~ /a+b+c+/", "$A =~ /(a+)+$/", "$A =~ /(?=x)/",
        "$A =~ /[/",
    ],
)  # fmt: skip
def test_what_gitlab_would_not_accept_or_is_beyond_this_is_no_answer(condition: str) -> None:
    assert isinstance(truth(condition, value), Doubt)


def test_a_hostile_pattern_takes_no_time() -> None:
    begun = time.monotonic()
    KNOWN["LONG"] = "a" * 255

    for pattern in ("(a|a)*$", "(a*)*b", "a*a*a*a*b", "(a{1,9}){1,9}b", "(.*)(.*)(.*)x"):
        assert isinstance(truth(f"$LONG =~ /{pattern}/", value), Doubt)
    assert truth("$LONG =~ /a*a*b/", value) is False
    assert time.monotonic() - begun < 1


# What starts a pipeline, and which jobs it has

PROJECT = Project(id=7, name="group/churn", default_branch="main")
(CHANGE,) = changes(PROJECT, "main")
PUSH = of_branch(PROJECT, "main", "push", "a push")
OTHER = of_branch(PROJECT, "feature", "push", "a push")
SCHEDULE = of_branch(PROJECT, "main", "schedule", "a schedule")
RULED = Pipeline(whole=True, workflow=(Rule(),))
BARE = Pipeline(whole=True)


def become(rules: tuple[Rule, ...], event: Event = CHANGE, pipeline: Pipeline = RULED) -> list[Outcome]:
    return list(outcomes(Job(name="j", rules=rules), pipeline, event))


@pytest.mark.parametrize(
    ("condition", "events"),
    [
        ('$CI_PIPELINE_SOURCE == "merge_request_event"', [CHANGE]),
        ("$CI_MERGE_REQUEST_IID", [CHANGE]),
        ("$CI_COMMIT_BRANCH", [PUSH, OTHER, SCHEDULE]),
        ("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH", [PUSH, SCHEDULE]),
        ('$CI_PIPELINE_SOURCE == "schedule"', [SCHEDULE]),
        ('$CI_PIPELINE_SOURCE =~ /^(push|schedule|web)$/ && $CI_COMMIT_BRANCH == "main"', [PUSH, SCHEDULE]),
        ("$CI_MERGE_REQUEST_TARGET_BRANCH_NAME == $CI_DEFAULT_BRANCH", [CHANGE]),
        ("$CI_COMMIT_TAG", []),
        ("$CI_OPEN_MERGE_REQUESTS", [CHANGE]),
        ('$CI_PROJECT_PATH == "group/churn"', [CHANGE, PUSH, OTHER, SCHEDULE]),
    ],
)
def test_what_starts_a_pipeline_decides_which_jobs_it_has(condition: str, events: list[Event]) -> None:
    found = [
        event
        for event in (CHANGE, PUSH, OTHER, SCHEDULE)
        if become((Rule(condition=condition),), event) == [Outcome("on_success")]
    ]

    assert found == events


def test_the_first_rule_that_holds_decides_and_each_doubt_is_carried_on() -> None:
    rules = (
        Rule(condition="$CI_COMMIT_TAG", when="never"),
        Rule(condition="$X", when="never"),
        Rule(condition="$CI_MERGE_REQUEST_IID", files=True, when="manual", allowed=True),
        Rule(when="always"),
        Rule(when="never"),
    )

    assert become(rules) == [
        Outcome(None, False, frozenset({"$X"})),
        Outcome("manual", True, frozenset({"$X", FILES})),
        Outcome("always", False, frozenset({"$X", FILES})),
    ]


def test_without_a_rule_that_holds_a_job_is_left_out() -> None:
    assert become((Rule(condition="$CI_COMMIT_TAG"),)) == [Outcome(None)]
    assert become(()) == [Outcome(None)]


@pytest.mark.parametrize(
    ("job", "pipeline", "event", "expected"),
    [
        (Job(name="j"), BARE, CHANGE, [Outcome(None)]),
        (Job(name="j"), BARE, PUSH, [Outcome("on_success")]),
        (Job(name="j"), RULED, CHANGE, [Outcome("on_success")]),
        (Job(name="j", when="manual"), RULED, CHANGE, [Outcome("manual", True)]),
        (Job(name="j", when="manual", allowed=False), RULED, CHANGE, [Outcome("manual")]),
        (Job(name="j", when="manual", rules=(Rule(),)), RULED, CHANGE, [Outcome("manual")]),
        (Job(name="j", allowed=(20,)), RULED, CHANGE, [Outcome("on_success", (20,))]),
        (Job(name="j", only=Refs(refs=("merge_requests",))), BARE, CHANGE, [Outcome("on_success")]),
        (Job(name="j", only=Refs(refs=("main",))), BARE, CHANGE, [Outcome(None)]),
        (Job(name="j", only=Refs(refs=("main",))), BARE, PUSH, [Outcome("on_success")]),
        (Job(name="j", only=Refs(refs=("schedules",))), BARE, SCHEDULE, [Outcome("on_success")]),
        (Job(name="j", excluded=Refs(refs=("main",))), BARE, PUSH, [Outcome(None)]),
        (Job(name="j", excluded=Refs(refs=("merge_requests",))), RULED, CHANGE, [Outcome(None)]),
    ],
)
def test_jobs_without_rules_are_where_gitlab_puts_them(
    job: Job, pipeline: Pipeline, event: Event, expected: list[Outcome]
) -> None:
    assert list(outcomes(job, pipeline, event)) == expected


@pytest.mark.parametrize(
    "refs", [Refs(refs=("merge_requests",), narrowed=True), Refs(narrowed=True)], ids=["and files", "files alone"]
)
def test_what_asks_for_files_may_be_left_out(refs: Refs) -> None:
    found = outcomes(Job(name="j", only=refs), BARE, CHANGE)

    assert list(found) == [Outcome("on_success", False, frozenset({FILES})), Outcome(None, False, frozenset({FILES}))]


def test_variables_of_the_pipeline_are_known_unless_they_name_others() -> None:
    pipeline = Pipeline(whole=True, workflow=(Rule(),), variables={"ON": "yes", "MORE": "$ON", "CI_X": "y"})

    def truths(condition: str, **own: str) -> list[str | None]:
        job = Job(name="j", rules=(Rule(condition=condition),), variables=own)
        return [outcome.when for outcome in outcomes(job, pipeline, CHANGE)]

    assert truths('$ON == "yes"') == ["on_success"]
    assert truths('$ON == "yes"', ON="no") == [None]
    assert truths('$MORE == "yes"') == truths("$CI_X") == ["on_success", None]


def test_a_project_with_trains_has_three_kinds_of_pipelines() -> None:
    trains = changes(Project(id=7, name="a/b", default_branch="main", merge_trains=True), "main")
    results = changes(Project(id=7, name="a/b", default_branch="main", merged_results=True), "main")

    kinds = [[event.known["CI_MERGE_REQUEST_EVENT_TYPE"] for event in events] for events in (trains, results)]
    assert kinds == [["detached", "merged_result", "merge_train"], ["detached", "merged_result"]]


def test_where_nothing_rules_a_whole_pipeline_there_is_one() -> None:
    assert started(BARE, CHANGE) == (Outcome("always"),)
    assert started(Pipeline(whole=True, workflow=()), CHANGE) == (Outcome(None),)

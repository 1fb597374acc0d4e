"""Posting: one comment that the newest run owns, a status, a check run; and what is said where one of them fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from cli.running import NUMBER, World, on_main, proposed
from golden import reports

from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.errors import MlciError, ServiceFailed, ServiceRefused
from mlci.ports import Comment, Status
from mlci.publish import Audience, post, remark, summarise
from mlci.testing.forge import MemoryConversation, MemoryJob

PASS, FAIL = (replace(each, evidence={}) for each in (reports.passing(), reports.failing()))


def to(world: World, key: str = "", **more: Any) -> Audience:
    """The whole forge as an audience of the world's run."""
    run, memory = world.run, world.memory
    number = run.change.number if run.change is not None else None
    facts: dict[str, Any] = {"conversation": memory.conversation, "commits": memory.commits, "check": True, **more}
    return Audience(run=run, key=key, commit=run.commit, number=number, **facts)


def ended(verdict: Verdict, reason: str = "because") -> Report:
    return replace(PASS, verdict=verdict, reason=reason)


# The one comment


def test_a_report_is_posted_once_and_its_address_is_told() -> None:
    world = proposed()
    said = post(FAIL, to(world))

    [comment] = world.memory.conversation.comments(NUMBER)
    assert (said.comment, said.lines) == (comment.url, ())
    assert comment.body.splitlines()[0] == (f"<!-- mlci:report key= run=100 attempt=1 commit={world.head} -->"), (
        "what later runs find it by"
    )
    assert FAIL.reason in comment.body
    assert f"[run 100](<{world.run.url}>)" in comment.body.splitlines()[-1]


def test_a_later_run_updates_the_comment_in_place() -> None:
    world = proposed()
    first = post(FAIL, to(world)).comment
    later = world.later(id=101)
    said = post(PASS, to(later))

    [body] = world.comments
    assert said.comment == first
    assert "run=101" in body
    assert PASS.reason in body
    assert FAIL.reason not in body


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_comment_that_says_the_same_is_not_touched_however_the_forge_ends_its_lines(ends: str) -> None:
    world = proposed()
    post(PASS, to(world))
    [comment] = world.memory.conversation.comments(NUMBER)
    world.memory.conversation.edit_comment(NUMBER, comment.id, comment.body.replace("\n", ends).rstrip())
    world.memory.conversation.edits.clear()

    assert post(PASS, to(world)).comment == comment.url
    assert world.memory.conversation.edits == []
    assert len(world.comments) == 1


@pytest.mark.parametrize("newer", [{"id": 101}, {"attempt": 2}, {"id": 101, "attempt": 1}])
def test_the_comment_of_a_newer_run_is_left_alone_and_that_is_said(newer: dict[str, int]) -> None:
    world = proposed()
    post(PASS, to(world.later(**newer), commits=None))
    before = world.comments
    said = post(FAIL, to(world, commits=None))

    assert world.comments == before
    assert world.memory.conversation.edits == []
    age = f"run {newer.get('id', 100)}, attempt {newer.get('attempt', 1)},"
    [(kind, line)] = said.lines
    assert (kind, age in line) == ("notice", True)
    assert said.comment


def test_a_run_with_a_higher_number_is_newer_than_a_later_attempt_of_an_earlier_one() -> None:
    world = proposed()
    post(FAIL, to(world.later(attempt=9)))
    post(PASS, to(world.later(id=101, attempt=1)))

    assert "run=101 attempt=1" in world.comments[0]


def test_a_younger_double_is_removed_and_the_elder_brought_up_to_date() -> None:
    world = proposed()
    post(FAIL, to(world))
    [elder] = world.memory.conversation.comments(NUMBER)
    world.memory.conversation.say(NUMBER, elder.body, mine=True)
    post(PASS, to(world.later(id=101)))

    [left] = world.memory.conversation.comments(NUMBER)
    assert left.id == elder.id
    assert "run=101" in left.body


def test_a_double_is_removed_although_a_newer_run_owns_the_comment() -> None:
    world = proposed()
    post(PASS, to(world.later(id=101)))
    world.memory.conversation.say(NUMBER, world.comments[0].replace("run=101", "run=99"), mine=True)
    post(FAIL, to(world))

    assert ["run=101" in body for body in world.comments] == [True]


def test_what_a_newer_run_posts_is_not_removed_by_an_older_one_that_was_first() -> None:
    world = proposed()
    post(PASS, to(world.later(id=99)))
    world.memory.conversation.say(NUMBER, world.comments[0].replace("run=99", "run=101"), mine=True)
    before = world.comments
    post(FAIL, to(world))

    assert world.comments == before, "the newer run, still at work, will tidy up"


@dataclass
class Interrupted(MemoryConversation):
    """A conversation in which something happens while a comment is added, and whose first listing may be stale."""

    stale: bool = False
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None
    listed: list[int] = field(default_factory=list)

    def comments(self, number: int) -> Sequence[Comment]:
        self.listed.append(number)
        return [] if self.stale and len(self.listed) == 1 else super().comments(number)

    def add_comment(self, number: int, body: str) -> Comment:
        self.before()
        made = super().add_comment(number, body)
        self.after()
        return made


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("other", [99, 101])
def test_two_runs_that_post_at_the_same_time_end_with_one_comment_of_the_newer(moment: str, other: int) -> None:
    world = proposed()
    shared = world.memory.conversation._said
    inner = Interrupted(_said=shared, stale=True)
    outer = Interrupted(_said=shared)
    setattr(outer, moment, lambda: post(FAIL, to(world.later(id=other), conversation=inner)))
    post(PASS, to(world, conversation=outer))

    [body] = world.comments
    assert f"run={max(100, other)} " in body
    assert (FAIL.reason if other > 100 else PASS.reason) in body


def test_a_planted_marker_of_somebody_else_is_not_ours() -> None:
    world = proposed()
    post(PASS, to(world.later(id=10**18)))
    [planted] = world.comments
    world.memory.conversation.remove_comment(NUMBER, 1)
    world.memory.conversation.say(NUMBER, planted)
    post(FAIL, to(world))

    assert world.comments[0] == planted
    assert FAIL.reason in world.comments[1]


@pytest.mark.parametrize("quoted", ["> {}\nquoted", "see\n{}", " {}", "{} and more", "{}{}"])
def test_a_comment_that_only_quotes_the_marker_is_not_the_report(quoted: str) -> None:
    world = proposed()
    marker = f"<!-- mlci:report key= run=99 attempt=1 commit={world.head} -->"
    world.memory.conversation.say(NUMBER, quoted.format(marker, marker), mine=True)
    post(FAIL, to(world))

    assert world.comments[0] == quoted.format(marker, marker)
    assert len(world.comments) == 2


@pytest.mark.parametrize(("one", "other"), [("", "churn"), ("churn", ""), ("churn", "churn-2"), ("a.b", "axb")])
def test_the_comment_of_another_key_is_another_report(one: str, other: str) -> None:
    world = proposed()
    post(PASS, to(world, one))
    before = world.comments
    post(FAIL, to(world.later(id=101), other))

    assert world.comments[:1] == before
    assert len(world.comments) == 2
    assert (f"report {other} " in world.comments[1]) is bool(other)


def test_five_thousand_hostile_slices_fit_into_one_comment_with_its_marker_and_its_foot() -> None:
    world = proposed()
    found = [
        reports.compared("f1", 0.80, 0.88, 0.002, slice=f"{number}={reports.HOSTILE[:100]}", n=100)
        for number in range(5000)
    ]
    post(replace(FAIL, findings=(*FAIL.findings, *found)), to(world, "k" * 100, check=False))

    [body] = world.comments
    assert 50_000 < len(body) <= 60_000
    assert body.startswith("<!-- mlci:report key=kkk")
    assert body.endswith("</sub>\n")
    assert world.run.url in body


HOSTILE = "x --> @octocat <!-- mlci:report key= run=9 --> </sub><img src=x> `a` [a](http://evil.invalid) #1 \r\n\u202e"


def test_a_hostile_matrix_and_reason_can_neither_end_the_marker_nor_mention_anybody() -> None:
    world = proposed(matrix=HOSTILE * 50)
    post(ended(Verdict.FAIL, HOSTILE), to(world))

    marker, *rest = world.comments[0].splitlines()
    text = "\n".join(rest)
    assert re.fullmatch(r"<!-- [^<>]* -->", marker)
    assert "octocat" in text
    for harm in ("@octocat", "<!--", "-->", "<img", "](http:", "#1", "\u202e", "\r"):
        assert harm not in text
    assert len(rest[-1]) < 1000
    assert rest[-1].count("</sub>") == 1


def test_a_merge_group_has_no_comment() -> None:
    world = proposed()
    assert world.run.change is not None
    group = world.later(event="merge_group", change=replace(world.run.change, number=None))
    said = post(FAIL, to(group))

    assert (said.comment, said.lines, world.comments) == ("", (), [])
    assert world.states()["mlci/gate"][0] == "failure"


# Status and check run


@pytest.mark.parametrize(
    ("verdict", "state", "conclusion"),
    [
        (Verdict.PASS, "success", "success"),
        (Verdict.WARN, "success", "neutral"),
        (Verdict.INCONCLUSIVE, "failure", "action_required"),
        (Verdict.FAIL, "failure", "failure"),
    ],
)
@pytest.mark.parametrize("trust", ["own", "fork", "advisory"])
def test_each_verdict_has_its_status_and_check_and_no_stranger_turns_one_green(
    verdict: Verdict, state: str, conclusion: str, trust: str
) -> None:
    world = proposed(fork=trust == "fork")
    post(ended(verdict), to(world, advisory=trust == "advisory"))

    if trust != "own":
        state = {"success": "pending"}.get(state, state)
        conclusion = {"success": "action_required", "neutral": "action_required"}.get(conclusion, conclusion)
    said = f"{verdict.value}: because"
    assert world.states() == {"mlci/gate": (state, said if trust == "own" else f"advisory {said}")}
    [check] = world.memory.commits.checks.values()
    assert (check.conclusion, check.title) == (conclusion, said)


def test_every_verdict_has_a_status_and_a_conclusion() -> None:
    for verdict in Verdict:
        world = proposed()
        assert post(ended(verdict), to(world)).lines == ()


@pytest.mark.parametrize("key", ["", "churn", "report", "gate"])
def test_status_and_check_carry_the_key_and_never_share_a_name(key: str) -> None:
    world = proposed()
    post(PASS, to(world, key))
    [(commit, name, external)] = world.memory.commits.checks

    assert world.states() == {f"mlci/gate/{key}".rstrip("/"): ("success", f"pass: {PASS.reason}")}
    assert commit == world.head
    assert name == f"mlci report {key}".rstrip()
    assert name not in world.states()
    assert external == f"mlci:100:{key}"


def test_a_repeated_attempt_finds_the_check_of_the_first() -> None:
    world = proposed()
    post(FAIL, to(world))
    post(PASS, to(world.later(attempt=2)))

    assert len(world.memory.commits.checks) == 1


@pytest.mark.parametrize("later", [101, 1000])
def test_the_status_of_a_newer_run_is_left_alone_and_that_is_said(later: int) -> None:
    world = proposed()
    post(FAIL, to(world.later(id=later)))
    before = world.states()
    said = post(PASS, to(world))

    assert world.states() == before
    assert before["mlci/gate"][0] == "failure"
    assert ("notice", f"(https://forge.invalid/owner/repository/actions/runs/{later})") in [
        (kind, line.rpartition(" ")[2]) for kind, line in said.lines
    ]


def test_a_run_replaces_its_own_status_and_an_older_ones_and_what_names_no_run() -> None:
    for before in (100, 99, 9):
        world = proposed()
        post(PASS, to(world.later(id=before)))
        assert [line for _, line in post(FAIL, to(world.later(attempt=2))).lines if "status" in line] == []
        assert world.states()["mlci/gate"][0] == "failure"
    for url in ("", "https://elsewhere.invalid/runs/latest", "9" * 20, "https://elsewhere.invalid/runs/²"):
        world = proposed()
        world.memory.commits.set_status(
            world.head, Status(context="mlci/gate", state="success", description="fine", url=url)
        )
        post(FAIL, to(world))
        assert world.states()["mlci/gate"][0] == "failure", url


def test_an_advisory_status_replaces_only_an_advisory_one_and_a_trusted_one_either() -> None:
    world = proposed()
    runs = [(101, True, FAIL), (102, True, PASS), (103, False, PASS), (104, True, FAIL), (105, False, FAIL)]
    states = []
    for id, advisory, report in runs:
        post(report, to(world.later(id=id), advisory=advisory))
        states.append(world.states()["mlci/gate"][0])

    assert states == ["failure", "pending", "success", "success", "failure"]


def test_a_description_is_one_short_line_whatever_the_reason_says() -> None:
    world = proposed()
    post(ended(Verdict.FAIL, f"a\nb\r\n\x1b[31mc \u202e {'d ' * 300}"), to(world))

    _, description = world.states()["mlci/gate"]
    [check] = world.memory.commits.checks.values()
    for line in (description, check.title):
        assert line.startswith("fail: a b c d")
        assert 100 < len(line) <= 140
        assert line.isprintable()


GATE = "5eed" * 16


@pytest.mark.parametrize("reason", ["because", "worse " * 60, "[gate 000000000000] " * 9])
def test_a_status_ends_with_the_verdict_that_can_be_approved_however_long_the_reason_is(reason: str) -> None:
    world = proposed()
    post(replace(ended(Verdict.PASS, reason), evidence={"gate": GATE}), to(world))

    _, description = world.states()["mlci/gate"]
    assert description.endswith(f" [gate {GATE[:12]}]")
    assert description.startswith(f"pass: {reason[:7]}")
    assert len(description) <= 140


def test_a_comment_names_the_whole_digest_that_an_approval_names() -> None:
    world = proposed()
    post(replace(PASS, evidence={"gate": GATE}), to(world))

    [comment] = world.comments
    assert f"gate `sha256:{GATE}`" in comment.splitlines()[-1]


def test_a_comment_on_what_a_person_may_decide_has_the_line_to_decide_it_with_and_is_none_itself() -> None:
    from mlci.domain.release.command import commands_in

    world = proposed()
    post(replace(ended(Verdict.INCONCLUSIVE, "who knows"), evidence={"gate": GATE}), to(world))

    [comment] = world.comments
    assert f"`/mlci approve sha256:{GATE}`" in comment
    assert commands_in(comment) == ()


def test_nobody_is_offered_a_digest_to_approve_where_the_numbers_are_only_advice() -> None:
    world = proposed(fork=True)
    post(replace(PASS, evidence={"gate": GATE}), to(world, advisory=True))

    [comment] = world.comments
    assert f"sha256:{GATE}" not in comment
    assert "[gate" not in world.states()["mlci/gate"][1]


# What fails, and what is not wanted


@pytest.mark.parametrize(
    ("error", "fork", "advisory", "loudness"),
    [
        (ServiceFailed, False, False, "warning"),
        (ServiceFailed, True, False, "warning"),
        (ServiceRefused, False, False, "warning"),
        (ServiceRefused, True, False, "notice"),
        (ServiceRefused, True, True, "warning"),
    ],
)
@pytest.mark.parametrize("port", ["conversation", "commits"])
def test_what_cannot_be_posted_is_said_as_loudly_as_it_deserves_and_the_rest_is_posted(
    error: type[MlciError], fork: bool, advisory: bool, loudness: str, port: str
) -> None:
    world = proposed(fork=fork)
    getattr(world.memory, port).error = error("no answer", help="try again")
    said = post(FAIL, to(world, advisory=advisory))

    named = ["the comment"] if port == "conversation" else ["the status", "the check run"]
    assert [(kind, line.partition(" was not posted: ")[0]) for kind, line in said.lines] == [
        (loudness, name) for name in named
    ]
    whys = {line.partition(" was not posted: ")[2] for _, line in said.lines}
    assert ("from a fork may only read" in whys.pop()) if loudness == "notice" else (whys == {"no answer (try again)"})
    posted = (bool(said.comment), bool(world.memory.commits.statuses), bool(world.memory.commits.checks))
    assert posted == ((False, True, True) if port == "conversation" else (True, False, False))


def test_a_status_that_fails_keeps_no_check_run_from_being_posted(monkeypatch: pytest.MonkeyPatch) -> None:
    world = proposed()

    def fails(*_: object) -> None:
        raise ServiceFailed("no answer")

    monkeypatch.setattr(world.memory.commits, "set_status", fails)
    said = post(FAIL, to(world))

    assert [line.partition(" was")[0] for _, line in said.lines] == ["the status"]
    assert len(world.memory.commits.checks) == 1


def test_a_dry_run_posts_nothing_and_says_what_it_would() -> None:
    world = proposed()
    said = post(FAIL, to(world, "churn", dry_run=True))

    assert (world.comments, world.memory.commits.statuses, world.memory.commits.checks) == ([], {}, {})
    assert said.comment == ""
    assert said.lines == (
        ("notice", "dry run: would comment on #5"),
        ("notice", "dry run: would set mlci/gate/churn to failure"),
        ("notice", "dry run: would add the check run mlci report churn: failure"),
    )


@pytest.mark.parametrize(("wanted", "posted"), [
    ({"conversation": None}, (0, 1, 1)),
    ({"status": False}, (1, 0, 1)),
    ({"check": False}, (1, 1, 0)),
    ({"commits": None}, (1, 0, 0)),
])  # fmt: skip
def test_what_is_not_wanted_is_not_posted(wanted: dict[str, Any], posted: tuple[int, int, int]) -> None:
    world = proposed()
    post(PASS, to(world, **wanted))
    commits = world.memory.commits

    assert (len(world.comments), len(commits.statuses), len(commits.checks)) == posted


def test_a_run_on_a_branch_sets_a_status_and_comments_on_nothing() -> None:
    world = on_main()
    post(PASS, to(world))

    assert world.states()["mlci/gate"][0] == "success"
    assert world.comments == []


# The log and the job's page


def test_a_remark_is_one_line_and_an_annotation_only_where_a_runner_reads_it() -> None:
    hostile = "a\r\n::error::b ##[debug]c \x1b[2J 100%"
    plain, annotated = remark("warning", hostile, annotated=False), remark("warning", hostile, annotated=True)

    assert plain.startswith("warning: a")
    assert annotated.startswith("::warning title=mlci::a")
    for line in (plain, annotated):
        assert line.isprintable()
        assert "##[" not in line
        assert "100%" in line
    assert annotated.endswith("100%25")


def test_the_page_of_the_job_holds_the_report() -> None:
    job = MemoryJob()
    summarise(FAIL, job)

    assert FAIL.reason in job.page
    assert "mlci:report" not in job.page, "only a comment carries the marker"


# The thread that holds a merge back


def threads_of(world: World) -> list[tuple[bool, str]]:
    return [(one.resolved, one.body) for one in world.memory.threads.threads(NUMBER)]


def with_threads(world: World, **more: Any) -> Audience:
    return to(world, threads=world.memory.threads, **more)


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE])
@pytest.mark.parametrize("better", [Verdict.PASS, Verdict.WARN])
def test_a_verdict_that_holds_back_opens_one_thread_and_a_later_one_that_does_not_resolves_it(
    verdict: Verdict, better: Verdict
) -> None:
    world = proposed()
    post(ended(verdict, "worse"), with_threads(world))
    [(resolved, body)] = threads_of(world)
    assert not resolved
    assert "worse" in body
    assert f"(<{world.run.url}>)" in body

    post(ended(verdict, "still worse"), with_threads(world.later(id=101)))
    [(resolved, body)] = threads_of(world)
    assert (resolved, "still worse" in body) == (False, True)

    post(ended(better), with_threads(world.later(id=102)))
    [(resolved, body)] = threads_of(world)
    assert (resolved, "run=102" in body) == (True, True)

    post(ended(verdict, "worse again"), with_threads(world.later(id=103)))
    [(resolved, body)] = threads_of(world)
    assert (resolved, "worse again" in body) == (False, True)


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.WARN])
def test_what_holds_nothing_back_opens_no_thread(verdict: Verdict) -> None:
    world = proposed()
    post(ended(verdict), with_threads(world))
    assert threads_of(world) == []


def test_a_thread_that_a_person_resolved_is_opened_again_while_the_verdict_stands() -> None:
    world = proposed()
    post(FAIL, with_threads(world))
    [thread] = world.memory.threads.threads(NUMBER)
    world.memory.threads.edit_thread(NUMBER, thread.id, thread.body, resolved=True)
    post(FAIL, with_threads(world.later(attempt=2)))
    assert [resolved for resolved, _ in threads_of(world)] == [False]


def test_an_older_run_leaves_the_thread_alone_and_says_so() -> None:
    world = proposed()
    post(FAIL, with_threads(world.later(id=101)))
    before = threads_of(world)
    said = post(PASS, with_threads(world, conversation=None, commits=None))
    assert threads_of(world) == before
    assert [("newer" in line, kind) for kind, line in said.lines] == [(True, "notice")]


def test_numbers_of_a_fork_open_a_thread_whatever_they_say_and_resolve_none() -> None:
    world = proposed(fork=True)
    post(PASS, with_threads(world))
    [(resolved, body)] = threads_of(world)
    assert (resolved, "fork" in body) == (False, True)
    post(PASS, with_threads(world.later(id=101), advisory=True))
    assert [resolved for resolved, _ in threads_of(world)] == [False]


def test_a_thread_of_somebody_else_or_of_another_report_is_not_ours() -> None:
    world = proposed()
    post(FAIL, with_threads(world, key="other"))
    world.memory.threads.say(NUMBER, threads_of(world)[0][1].replace("key=other", "key="))
    post(PASS, with_threads(world.later(id=101)))
    assert [resolved for resolved, _ in threads_of(world)] == [False, False]


def test_a_thread_that_cannot_be_written_is_said_and_the_status_is_set_all_the_same() -> None:
    world = proposed()
    world.memory.threads.error = ServiceRefused("GitLab says no", help="give it a token")
    said = post(FAIL, with_threads(world, check=False))
    assert [line for _, line in said.lines] == ["the thread was not posted: GitLab says no (give it a token)"]
    assert len(world.states()) == 1


def test_where_nothing_is_to_be_said_what_was_said_is_brought_up_to_date_and_nothing_else_begun() -> None:
    fresh = proposed()
    post(PASS, with_threads(fresh, quiet=True, check=False))
    assert (fresh.comments, threads_of(fresh), fresh.states()) == ([], [], {})

    world = proposed()
    post(FAIL, with_threads(world, check=False))
    post(PASS, with_threads(world.later(id=101), quiet=True, check=False))
    assert ["run=101" in body for body in world.comments] == [True]
    assert [resolved for resolved, _ in threads_of(world)] == [True]
    assert [one[0] for one in world.states().values()] == ["success"]

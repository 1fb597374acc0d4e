"""What GitLab is told by a pipeline that judges, where all is well and where it is not, under a real runner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from consumer_gitlab import FORKS, accepted, of_a_fork, proposed, report_note, threads

if TYPE_CHECKING:
    from lab import Lab, Ran

GATE = "mlci-gate-compare"
STATUS = "mlci/gate/churn"
WORSE = {"quality.txt": "5\n"}
BETTER = {"quality.txt": "40\n"}


def exit_of(ran: Ran) -> int | None:
    """How the gate ended."""
    return ran.job(GATE).exit


def status_of(lab: Lab, ran: Ran) -> str:
    """The status that the pipeline was given."""
    return lab.gitlab.statuses(ran.pipeline.sha)[STATUS].status


def test_a_rerun_brings_the_same_note_and_thread_up_to_date(lab: Lab) -> None:
    accepted(lab)
    change = proposed(lab, WORSE)
    first = lab.run(change=change)
    note = report_note(lab, change)

    again = lab.run(change=change, again=first)

    assert (exit_of(first), exit_of(again)) == (11, 11), again.text
    assert report_note(lab, change).id == note.id
    assert threads(lab, change) == [False]


def test_without_a_token_the_verdict_and_the_exit_stay(lab: Lab) -> None:
    accepted(lab, visibility="public")
    change = proposed(lab, WORSE)
    lab.token = ""

    ran = lab.run(change=change)

    assert (exit_of(ran), ran.status) == (11, "failed"), ran.text
    assert lab.gitlab.notes(change.iid) == []
    assert ran.job(GATE).log.count("MLCI_TOKEN") == 1, ran.job(GATE).log


@pytest.mark.parametrize(("event", "posted"), [("merged_result", True), ("merge_train", False)])
def test_the_pipeline_of_a_temporary_merge_is_given_the_status_itself(lab: Lab, event: str, *, posted: bool) -> None:
    accepted(lab)
    change = proposed(lab, WORSE)

    ran = lab.run(change=change, event=event)

    assert (exit_of(ran), status_of(lab, ran)) == (11, "failed"), ran.text
    assert ran.pipeline.sha != change.sha
    assert (threads(lab, change) == [False], bool(lab.gitlab.notes(change.iid))) == (posted, posted)


@pytest.mark.parametrize("where", ["relative", "secure"])
def test_an_installation_below_a_path_or_with_an_authority_of_its_own(lab: Lab, where: str) -> None:
    accepted(lab)
    change = proposed(lab, WORSE)
    # The object store of the loopback has no TLS, and nothing is followed to where there is none.
    lab.gitlab.redirect_artifacts(to_object_store=False)

    ran = lab.run(change=change, relative=where == "relative", secure=where == "secure")

    assert (exit_of(ran), ran.status) == (11, "failed"), ran.text
    assert "Fail" in report_note(lab, change).body


def test_a_gitlab_that_takes_nothing_changes_no_verdict_and_one_that_says_nothing_is_none(lab: Lab) -> None:
    accepted(lab)
    change = proposed(lab, WORSE)
    at_once = {"Retry-After": "0"}

    lab.gitlab.fault("POST", times=99, status=503, headers=at_once)
    deaf = lab.run(change=change)
    assert (exit_of(deaf), deaf.status) == (11, "failed"), deaf.text
    assert lab.gitlab.notes(change.iid) == []
    assert deaf.job(GATE).log.count("was not posted") == 3, deaf.job(GATE).log

    lab.gitlab.fault("GET", "/repository/branches", times=99, status=503, headers=at_once)
    dumb = lab.run(change=change)
    assert (exit_of(dumb), dumb.status) == (4, "failed"), dumb.text


def test_a_candidate_that_is_not_there_is_one_clear_error(lab: Lab) -> None:
    accepted(lab)
    change = proposed(lab, {"train.py": 'open("predictions.csv", "w").write("id,y_true\\n")\n'})

    ran = lab.run(change=change)

    assert (exit_of(ran), ran.status) == (3, "failed"), ran.text
    assert ran.job(GATE).log.count("error[") == 1
    assert ran.job("mlci-conclude").exit == 11


def test_the_pipeline_of_a_fork_has_no_token_and_a_schedule_reports_what_it_measured(lab: Lab) -> None:
    accepted(lab, visibility="public")
    gitlab = lab.gitlab
    change = of_a_fork(lab, WORSE)

    own = lab.run(change=change)
    assert own.pipeline.project is not lab.project()
    assert (exit_of(own), own.status) == (11, "failed"), own.text
    assert gitlab.notes(change.iid) == []

    told = lab.run(source="schedule", branch="main", environ=FORKS)
    assert list(told.results) == ["mlci-report"], told.text
    note = report_note(lab, change)
    assert "advisory" in note.body
    assert threads(lab, change) == [False]

    # Numbers of a fork close no thread.
    change = of_a_fork(lab, BETTER)
    better = lab.run(change=change)
    assert exit_of(better) == 0, better.text
    told = lab.run(source="schedule", branch="main", environ=FORKS)
    assert report_note(lab, change).id == note.id
    assert ("Pass" in note.body, threads(lab, change)) == (False, [False]), told.text

    # Those of a pipeline that a member runs in the project do, and no schedule takes that back.
    here = lab.run(change=change, in_parent=True)
    assert exit_of(here) == 0, here.text
    assert ("Pass" in note.body, threads(lab, change)) == (True, [True])
    lab.run(source="schedule", branch="main", environ=FORKS)
    assert ("Pass" in report_note(lab, change).body, threads(lab, change)) == (True, [True])


def test_a_fork_of_a_project_that_is_not_public_is_told_who_may_judge_it(lab: Lab) -> None:
    accepted(lab)
    change = of_a_fork(lab, BETTER)

    own = lab.run(change=change)

    assert (exit_of(own), own.status) == (4, "failed"), own.text
    assert "let a member of that project run the pipeline" in own.job(GATE).log

"""What the page on GitLab shows is run, by a real runner, in a user's project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from consumer_gitlab import FILES, FORKS, accepted, of_a_fork, proposed, report_note, shown, threads

if TYPE_CHECKING:
    from lab import Lab

PAGE = Path(__file__).parents[2] / "docs" / "gitlab.md"
SMALLEST = FILES | shown(PAGE, "content|pipeline")


def test_the_smallest_set_up_blocks_a_worse_model(lab: Lab) -> None:
    accepted(lab, SMALLEST)
    change = proposed(lab, {"quality.txt": "5\n"})

    worse = lab.run(change=change)

    assert worse.results == {"train": "success", "mlci-gate-compare": "failed", "mlci-conclude": "failed"}, worse.text
    assert "worse than production" in report_note(lab, change).body
    assert threads(lab, change) == [False]
    assert lab.gitlab.merge(change.iid)[0] == 405
    assert lab.gitlab.statuses(worse.pipeline.sha)["mlci/gate/churn"].status == "failed"


def test_the_schedule_reports_on_a_fork(lab: Lab) -> None:
    (with_report,) = shown(PAGE, "report").values()
    named = with_report.replace("gate-job: mlci-gate", "gate-job: mlci-gate-compare").removeprefix("include:\n")
    both = SMALLEST[".gitlab-ci.yml"].replace("include:\n", f"include:\n{named}", 1)
    accepted(lab, SMALLEST | {".gitlab-ci.yml": both}, visibility="public")
    change = of_a_fork(lab, {"quality.txt": "40\n"})
    assert lab.run(change=change).status == "success"
    assert lab.gitlab.notes(change.iid) == []

    told = lab.run(source="schedule", branch="main", environ=FORKS)

    assert told.job("mlci-report").result == "success", told.text
    assert "advisory" in report_note(lab, change).body
    assert threads(lab, change) == [False]

"""The loop that the whole project is for, on GitLab: a worse model cannot be merged, and a note shows why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer_gitlab import FILES, set_up

if TYPE_CHECKING:
    from lab import Lab


def test_a_worse_model_cannot_be_merged_and_a_better_one_can(lab: Lab) -> None:
    gitlab = lab.gitlab
    set_up(lab, FILES)

    first = lab.run()
    assert first.results == {"train": "success", "mlci-gate-compare": "warning", "mlci-conclude": "success"}, first.text
    assert first.status == "success"

    gitlab.commit({"quality.txt": "5\n"}, "feature")
    change = gitlab.open_merge_request("feature")
    worse = lab.run(change=change)
    assert (worse.job("mlci-gate-compare").exit, worse.status) == (11, "failed"), worse.text
    [note] = [each for each in gitlab.notes(change.iid) if not each.resolvable]
    assert "Fail" in note.body
    [[thread]] = gitlab.discussions(change.iid)
    assert thread.resolved_by is None
    assert gitlab.merge(change.iid)[0] == 405

    gitlab.commit({"quality.txt": "40\n"}, "feature")
    better = lab.run(change=gitlab.merge_request(change.iid))
    assert (better.job("mlci-gate-compare").exit, better.status) == (0, "success"), better.text
    [again] = [each for each in gitlab.notes(change.iid) if not each.resolvable]
    assert (again.id, "Pass" in again.body) == (note.id, True)
    assert gitlab.discussions(change.iid)[0][0].resolved_by is not None
    assert gitlab.merge(change.iid)[0] == 200

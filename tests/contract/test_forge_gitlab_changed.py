"""What a change touches on GitLab, whatever branch it was proposed to before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from worlds import git, impatient

from mlci.adapters.gitlab.api import connect
from mlci.adapters.gitlab.commits import GitLabCommits, Reads
from mlci.adapters.gitlab.run import here, read_run

if TYPE_CHECKING:
    from gitlab_server.gitlab import GitLab


def test_a_change_that_was_first_proposed_to_another_branch_counts_from_where_it_left_its_own(
    gitlab: GitLab, tmp_path: Path
) -> None:
    project = gitlab.add_project(files={"train.py": "1\n"})
    other = gitlab.commit({"train.py": "worse\n"}, "other")
    gitlab.commit({"docs/a.md": "x\n"}, "feature", parent=other)
    change = gitlab.open_merge_request("feature")
    checkout = tmp_path / "checkout"
    git(tmp_path, "clone", "--quiet", "--branch", "feature", str(project.objects.folder), str(checkout))
    job = gitlab.add_job(gitlab.add_pipeline(merge_request=change))
    # GitLab finds it once for each head, and not again when the change is proposed to another branch.
    environ = gitlab.environ(job, folder=checkout) | {"CI_MERGE_REQUEST_DIFF_BASE_SHA": other}
    access, place = connect(environ, clock=impatient()), here(environ)
    run = read_run(environ, Reads(access, place.project).tip)
    assert run is not None
    assert run.change is not None
    found = GitLabCommits(access, place, run, environ).changed_files(run.change.base, run.commit)
    assert (sorted(found.paths), found.complete) == (["docs/a.md", "train.py"], True)

"""python-gitlab, by other makers, understands what the loopback answers and leaves what the loopback then holds."""

from __future__ import annotations

import io
import zipfile

import pytest

python_gitlab = pytest.importorskip("gitlab", reason="python-gitlab is missing: install the extra dev")


@pytest.fixture
def client(gitlab, change):
    """The project as python-gitlab sees it, by a project token."""
    with python_gitlab.Gitlab(gitlab.server_url, private_token=gitlab.token()) as connected:
        connected.auth()
        yield connected


@pytest.fixture
def project(client):
    return client.projects.get("group/models/churn")


def test_who_it_is_and_what_the_token_may(gitlab, client, project):
    assert client.user.username.startswith(f"project_{project.id}_bot_")
    assert client.personal_access_tokens.get("self").scopes == ["api"]
    assert (project.visibility, project.default_branch) == ("private", "main")


def test_notes_and_threads(gitlab, client, project):
    change = project.mergerequests.get(1)
    note = change.notes.create({"body": "first"})
    note.body = "changed"
    note.save()
    gone = change.notes.create({"body": "gone"})
    gone.delete()
    thread = change.discussions.create({"body": "worse?"})
    thread.notes.create({"body": "no"})
    thread.resolved = True
    thread.save()

    assert [held.body for held in gitlab.notes(1)] == ["changed", "worse?", "no"]
    assert all(held.resolved_by for held in gitlab.discussions(1)[0])
    assert [each.body for each in change.notes.list(get_all=True, sort="asc")] == ["changed", "worse?", "no"]
    shown = change.discussions.get(thread.id)
    assert [each["resolved"] for each in shown.attributes["notes"]] == [True, True]
    with pytest.raises(python_gitlab.exceptions.GitlabGetError, match="404"):
        change.notes.get(gone.id)


def test_lists_are_followed_to_their_end(gitlab, client, project):
    for number in range(45):
        gitlab.say(1, str(number))
    listed = project.mergerequests.get(1).notes.list(iterator=True, per_page=20, sort="asc")
    assert (listed.total, [each.body for each in listed]) == (45, [str(number) for number in range(45)])


def test_commits_and_their_statuses(gitlab, client, project, change):
    pipeline = gitlab.add_pipeline(merge_request=change)
    commit = project.commits.get(change.sha)
    commit.statuses.create({"state": "running", "name": "mlci/gate", "pipeline_id": pipeline.id})
    commit.statuses.create({"state": "success", "name": "mlci/gate", "pipeline_id": pipeline.id, "description": "fine"})

    (held,) = pipeline.jobs
    assert (held.status, held.description, held.external) == ("success", "fine", True)
    (shown,) = commit.statuses.list(get_all=True, name="mlci/gate")
    assert (shown.id, shown.pipeline_id) == (held.id, pipeline.id)
    assert commit.title == "change"
    with pytest.raises(python_gitlab.exceptions.GitlabCreateError, match="404 Pipeline for pipeline_id"):
        project.commits.get("main").statuses.create({"state": "success", "pipeline_id": pipeline.id})


def test_pipelines_jobs_and_archives(gitlab, client, project):
    job = gitlab.add_job(gitlab.add_pipeline("push", "main"), status="success", artifacts={"mlci-keep/a": b"1"})
    gitlab.redirect_artifacts(to_object_store=False)

    (pipeline,) = project.pipelines.list(get_all=True, ref="main", order_by="id", sort="desc")
    (found,) = pipeline.jobs.list(get_all=True)

    assert (pipeline.status, found.name, found.artifacts_file["filename"]) == ("success", "model-ci", "artifacts.zip")
    packed = project.jobs.get(job.id).artifacts()
    assert zipfile.ZipFile(io.BytesIO(packed)).read("mlci-keep/a") == b"1"


def test_it_sends_its_token_to_the_object_store_and_is_caught(gitlab, client, project):
    job = gitlab.add_job(gitlab.add_pipeline("push", "main"), status="success", artifacts={"a": b"1"})
    with pytest.raises(python_gitlab.exceptions.GitlabGetError, match="400"):
        project.jobs.get(job.id).artifacts()
    assert gitlab.violations == ["the blob store was sent a credential"]
    gitlab.violations.clear()


def test_files_and_branches(gitlab, client, project):
    sha = gitlab.commit({"docs/a b.md": "text"}, "feature")
    assert project.files.raw("docs/a b.md", ref=sha) == b"text"
    assert project.files.get("docs/a b.md", ref=sha).decode() == b"text"
    assert [each.name for each in project.branches.list(search="^main$", get_all=True)] == ["main"]
    assert project.branches.get("feature").commit["id"] == sha
    assert project.protectedbranches.get("main").merge_access_levels[0]["access_level"] == 40
    with pytest.raises(python_gitlab.exceptions.GitlabGetError, match="404 File Not Found"):
        project.files.raw("nothing", ref=sha)


def test_settings_that_maintainers_see_and_merging(gitlab, client, project, change):
    with pytest.raises(python_gitlab.exceptions.GitlabGetError, match="403 Forbidden"):
        project.approvals.get()
    gitlab.project().settings["only_allow_merge_if_pipeline_succeeds"] = True
    with pytest.raises(python_gitlab.exceptions.GitlabMRClosedError, match="405 Method Not Allowed"):
        _merged(gitlab)
    gitlab.add_pipeline(merge_request=change, status="success")

    merged = _merged(gitlab)

    assert (merged.state, change.state) == ("merged", "merged")
    assert [each.iid for each in project.mergerequests.list(state="merged", get_all=True)] == [1]
    assert project.ci_lint.get().valid is False


def _merged(gitlab):
    token = gitlab.token(role="maintainer")
    with python_gitlab.Gitlab(gitlab.server_url, private_token=token) as connected:
        there = connected.projects.get(gitlab.project().id)
        assert there.approvals.get().reset_approvals_on_push is True
        found = there.mergerequests.get(1)
        found.merge()
        return there.mergerequests.get(1)

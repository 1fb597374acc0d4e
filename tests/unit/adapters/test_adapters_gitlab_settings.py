"""What GitLab demands before a merge, read from a loopback GitLab that keeps to its published description."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from mlci.adapters.gitlab import settings
from mlci.adapters.gitlab.api import Access, connect
from mlci.adapters.gitlab.settings import read_project, read_raw, read_settings
from mlci.adapters.remote.http import Api
from mlci.adapters.remote.patience import Patience
from mlci.domain.setup.gitlab.project import Approvals, Guard, Project, Settings
from mlci.errors import ServiceFailed, ServiceRefused

if TYPE_CHECKING:
    from gitlab_server.gitlab import GitLab

PATH = "group/models/churn"
OWNERS = ".gitlab-ci.yml @team\n"


@pytest.fixture(autouse=True)
def _project(gitlab: GitLab) -> None:
    gitlab.add_project(
        files={"mlci.yml": "model: churn\n", ".gitlab-ci.yml": "gate: {script: [x]}\n", "docs/CODEOWNERS": OWNERS}
    )


def asking(gitlab: GitLab, **token: Any) -> Access:
    return connect({"CI_API_V4_URL": gitlab.url, "MLCI_TOKEN": gitlab.token(**token)})


def maintaining(gitlab: GitLab) -> Access:
    return asking(gitlab, scopes=("read_api",), role="maintainer", user="maintainer")


def all_of(access: Access, branch: str = "main", config: str = "mlci.yml", environ: Any = ()) -> Settings:
    project, refused = read_project(access, PATH, dict(environ))
    return read_settings(access, project, branch, config, refused)


def test_a_maintainer_is_told_everything(gitlab: GitLab) -> None:
    project = gitlab.project()
    project.settings |= {
        "only_allow_merge_if_pipeline_succeeds": True,
        "only_allow_merge_if_all_discussions_are_resolved": True,
        "merge_trains_enabled": True,
        "merge_trains_skip_train_allowed": True,
        "restrict_user_defined_variables": True,
        "ci_pipeline_variables_minimum_override_role": "no_one_allowed",
        "ci_push_repository_for_job_token_allowed": False,
        "forking_access_level": "enabled",
    }
    gitlab.protect("main", push=None, code_owners=True)

    found = all_of(maintaining(gitlab))

    assert found.project == Project(
        id=project.id, name=PATH, default_branch="main", visibility="private", forking="enabled",
        pipelines_must_succeed=True, skipped_succeed=False, threads_must_resolve=True, merge_trains=True,
        trains_skippable=True, merged_results=False, pipeline_path="", forks_run_here=True,
        variables_role="no_one_allowed", job_token_pushes=False, role=40,
    )  # fmt: skip
    assert found.guard == Guard(protected=True, pushers=(), force=False, owner_approval=True)
    assert found.approvals == Approvals(
        reset_on_push=True, reset_of_owners=False, by_author=False, by_committers=True
    )  # fmt: skip
    assert found.open_to_job_tokens is False
    assert found.owners == ("docs/CODEOWNERS", OWNERS)
    assert (found.config_on_branch, found.unknown) == (True, {})


def test_a_developer_is_not_told_what_maintainers_decide_and_it_is_named(gitlab: GitLab) -> None:
    found = all_of(asking(gitlab, scopes=("read_api",)))

    assert found.project.role == 30
    assert set(found.unknown) == {"approvals", "job-token"}
    assert (found.approvals, found.open_to_job_tokens) == (None, None)
    assert found.guard is not None


def test_settings_as_they_are_made_are_off_and_not_unknown(gitlab: GitLab) -> None:
    found = all_of(maintaining(gitlab))

    told = (found.project.pipelines_must_succeed, found.project.skipped_succeed, found.project.threads_must_resolve)
    assert told == (False, False, False)
    assert found.guard == Guard(protected=True, pushers=("Maintainers",), force=False, owner_approval=False)


def test_who_may_push_is_named_one_by_one(gitlab: GitLab) -> None:
    levels = [
        {"access_level": 0, "access_level_description": "No one"},
        {"access_level": None, "user_id": 5, "access_level_description": "Ada\n\x1b[31m"},
        {"access_level": 40, "deploy_key_id": 3, "access_level_description": "Deploy key"},
    ]
    answer = {"push_access_levels": levels, "allow_force_push": True}
    api = cast("Api", Answers({"protected_branches/main": answer}))

    found = settings._guard(api, 7, "main")

    assert found == Guard(protected=True, pushers=("Ada [31m", "Deploy key"), force=True, owner_approval=False)


class Answers:
    """An API with an answer for the end of each path; anything else is not there."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def find(self, path: str, _: Any = None, *, shape: Any) -> Any:
        found = next((answer for end, answer in self.answers.items() if path.endswith(end)), None)
        return None if found is None else msgspec.convert(found, shape)

    def get(self, path: str, params: Any = None, *, shape: Any) -> Any:
        found = self.find(path, params, shape=shape)
        if found is None:
            raise ServiceRefused(f"GET {path}: answered 404")
        return found


def test_a_branch_that_a_pattern_protects_is_protected_and_by_whom_is_unknown(gitlab: GitLab) -> None:
    gitlab.protect("ma*", push=None)
    del gitlab.project().protected["main"]

    assert all_of(maintaining(gitlab)).guard == Guard(protected=True)
    gitlab.protect("ma*", push="developer")
    assert all_of(maintaining(gitlab)).guard == Guard(protected=True, pushers=("Developers",))


def test_a_branch_that_nothing_protects_is_unprotected(gitlab: GitLab) -> None:
    gitlab.project().protected.clear()

    assert all_of(maintaining(gitlab)).guard == Guard(protected=False, owner_approval=False)


def test_a_branch_that_is_not_there_is_unknown_rather_than_unprotected(gitlab: GitLab) -> None:
    gitlab.commit({"a": "b"}, "main-more")

    found = all_of(maintaining(gitlab), branch="mai")

    assert found.guard is None
    assert "no branch mai" in found.unknown["branch"]


@pytest.mark.parametrize(
    ("restricted", "role", "expected"),
    [
        (False, "maintainer", "developer"), (True, "maintainer", "maintainer"), (True, "owner", "owner"),
        (True, None, "maintainer"), (None, None, None), (None, "developer", "developer"),
    ],
)  # fmt: skip
def test_from_which_role_on_variables_are_set(
    gitlab: GitLab, restricted: bool | None, role: str | None, expected: str | None
) -> None:
    named = {
        "restrict_user_defined_variables": restricted,
        "ci_pipeline_variables_minimum_override_role": role,
    }
    gitlab.project().settings |= {name: value for name, value in named.items() if value is not None}

    assert all_of(maintaining(gitlab)).project.variables_role == expected


# The token


def test_the_token_of_a_project_is_a_bots(gitlab: GitLab) -> None:
    found = all_of(asking(gitlab)).token

    assert found is not None
    assert (found.name, found.scopes, found.active, found.bot) == ("project token", ("api",), True, True)
    assert found.expires == date(2027, 1, 31)


def test_the_token_of_a_person_is_no_bots(gitlab: GitLab) -> None:
    found = all_of(maintaining(gitlab)).token

    assert found is not None
    assert (found.bot, found.scopes) == (False, ("read_api",))


@pytest.mark.parametrize(
    ("username", "bot"),
    [("project_7_bot_0123abcd", True), ("group_7_bot", True), ("ada", False), ("project_x_bot", False)],
)
def test_an_older_server_shows_a_bot_by_its_name_only(username: str, bot: bool) -> None:
    told = {"name": "n", "scopes": ["api"], "expires_at": None}
    api = cast("Api", Answers({"/personal_access_tokens/self": told, "/user": {"username": username}}))

    found = settings._token(api)

    assert (found.bot, found.expires) == (bot, None)


def test_whose_a_token_is_may_be_unknown_and_a_date_may_be_none() -> None:
    told = {"name": "n", "scopes": ["api"], "revoked": True, "expires_at": "tomorrow"}

    found = settings._token(cast("Api", Answers({"/personal_access_tokens/self": told})))

    assert (found.bot, found.active, found.expires) == (None, False, None)


# With less than a token


def in_job(gitlab: GitLab) -> dict[str, str]:
    gitlab.commit({"train.py": "2"}, "feature")
    change = gitlab.open_merge_request("feature")
    job = gitlab.add_job(gitlab.add_pipeline(merge_request=change), "doctor")
    return gitlab.environ(job)


def test_a_job_without_a_token_reads_files_and_the_branch_and_nothing_else(gitlab: GitLab) -> None:
    environ = in_job(gitlab)
    access = connect(environ)

    found = all_of(access, environ=environ)

    assert (found.project.id, found.project.default_branch) == (gitlab.project().id, "main")
    assert (found.project.visibility, found.project.pipeline_path) == ("private", ".gitlab-ci.yml")
    assert found.project.pipelines_must_succeed is None
    assert set(found.unknown) == {"settings", "approvals", "job-token"}
    assert found.guard == Guard(protected=True)
    assert (found.config_on_branch, found.owners) == (True, ("docs/CODEOWNERS", OWNERS))
    assert read_raw(access, found.project, "main") == b"gate: {script: [x]}\n"


def test_another_project_than_that_of_the_job_is_not_made_up(gitlab: GitLab) -> None:
    environ = in_job(gitlab)

    with pytest.raises(ServiceRefused):
        read_project(connect(environ), "group/other", environ)


def test_a_project_that_nobody_lets_see_is_refused(gitlab: GitLab) -> None:
    with pytest.raises(ServiceRefused):
        all_of(connect({"CI_API_V4_URL": gitlab.url}))
    with pytest.raises(ServiceRefused):
        all_of(asking(gitlab, role=None))


def test_what_a_stranger_is_told_of_a_public_project_is_no_setting() -> None:
    bare = {"id": 7, "path_with_namespace": PATH, "default_branch": None}
    access = Access(cast("Api", Answers({"churn": bare})), None, cast("Api", Answers({})))

    found, refused = read_project(access, PATH, {})

    assert found == Project(id=7, name=PATH, default_branch="main")
    assert refused is None


def test_a_server_that_is_down_is_no_answer(gitlab: GitLab) -> None:
    token = gitlab.token(role="maintainer", user="maintainer")
    access = connect({"CI_API_V4_URL": gitlab.url, "MLCI_TOKEN": token}, patience=Patience(attempts=1))
    gitlab.fault("GET", "/job_token_scope", status=500)

    with pytest.raises(ServiceFailed):
        all_of(access)


def test_files_of_the_branch_that_are_not_there_are_none(gitlab: GitLab) -> None:
    gitlab.commit({"docs/CODEOWNERS": None, "mlci.yml": None, ".gitlab-ci.yml": None})
    access = maintaining(gitlab)

    found = all_of(access, config="models/mlci.yml")

    assert (found.owners, found.config_on_branch, found.unknown) == (None, False, {})
    assert read_raw(access, found.project, "main") is None
    assert read_raw(access, Project(id=1, name="a/b", default_branch="main", pipeline_path="c.yml@a/b"), "main") is None


def test_the_first_file_of_owners_counts(gitlab: GitLab) -> None:
    gitlab.commit({"CODEOWNERS": "* @all\n", ".gitlab/CODEOWNERS": "* @some\n"})

    assert all_of(maintaining(gitlab)).owners == ("CODEOWNERS", "* @all\n")

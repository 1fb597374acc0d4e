"""Who may do what, whose comment it is, and how much fits."""

from __future__ import annotations

import pytest

COMMENTS = "/issues/1/comments"


def test_a_token_without_the_permission_is_refused_and_told_which_one_it_takes(github, opened, ask):
    reader = github.token(permissions={"contents": "read", "issues": "read"})

    refused = ask("POST", COMMENTS, json={"body": "x"}, token=reader)

    assert refused.status_code == 403
    assert refused.json()["message"] == "Resource not accessible by integration"
    assert refused.headers["X-Accepted-GitHub-Permissions"] == "issues=write; pull_requests=write"
    assert github.comments(1) == []


def test_either_of_two_permissions_suffices_and_the_log_says_which_one_did(github, opened, ask):
    token = github.token(permissions={"pull-requests": "write", "statuses": "write", "actions": "write"})

    ask("POST", COMMENTS, json={"body": "x"}, token=token)
    ask("GET", COMMENTS, token=token)
    ask("POST", f"/statuses/{opened}", json={"state": "success"}, token=token)

    assert github.used(token) == {"pull_requests": "write", "statuses": "write"}
    assert [each.operation for each in github.requests][:2] == [
        "POST /issues/{issue_number}/comments",
        "GET /issues/{issue_number}/comments",
    ]


def test_a_hidden_repository_is_not_found_and_an_unknown_token_is_bad(github, opened, ask):
    elsewhere = github.token(repositories=["other/repository"])

    assert ask("GET", "", token=elsewhere).status_code == 404
    assert ask("GET", "", token=None).status_code == 404
    assert ask("GET", "", token="ghs_unknown").status_code == 401
    github.repository().private = False
    assert ask("GET", "", token=None).status_code == 200
    assert ask("POST", COMMENTS, token=None, json={"body": "x"}).status_code == 401
    assert ask("POST", COMMENTS, token=elsewhere, json={"body": "x"}).status_code == 403


def test_the_workflows_token_is_nobody_and_a_persons_is_somebody(github, opened, ask):
    person = github.token("maintainer")

    assert ask("GET", f"{github.url}/user").status_code == 403
    assert ask("GET", f"{github.url}/user", token=person).json()["login"] == "maintainer"
    ask("POST", COMMENTS, json={"body": "mine"})
    shown = ask("POST", COMMENTS, json={"body": "hers"}, token=person).json()
    bot, human = ask("GET", COMMENTS).json()
    assert (bot["user"]["login"], bot["user"]["type"], bot["user"]["id"]) == ("github-actions[bot]", "Bot", 41898282)
    assert bot["performed_via_github_app"]["slug"] == "github-actions"
    assert (human["user"]["login"], human["performed_via_github_app"]) == ("maintainer", None)
    assert shown["id"] == human["id"] > bot["id"]


def test_who_may_only_read_changes_own_comments_and_nobody_elses(github, opened, ask):
    stranger = github.token("stranger", role="read")
    own = github.add_comment(1, "mine", "stranger")
    other = github.add_comment(1, "not mine", "maintainer")

    assert ask("PATCH", f"/issues/comments/{own.id}", json={"body": "new"}, token=stranger).status_code == 200
    assert ask("PATCH", f"/issues/comments/{other.id}", json={"body": "new"}, token=stranger).status_code == 403
    assert ask("DELETE", f"/issues/comments/{other.id}", token=stranger).status_code == 403
    assert ask("PATCH", f"/issues/comments/{other.id}", json={"body": "planted"}).status_code == 200


@pytest.mark.parametrize(("length", "status"), [(65_536, 201), (65_537, 422), (0, 422)])
def test_a_comment_has_at_most_65536_characters_and_at_least_one(github, opened, ask, length, status):
    assert ask("POST", COMMENTS, json={"body": "ü" * length}).status_code == status
    assert len(github.comments(1)) == (status == 201)


def test_lists_come_in_pages_of_30_with_links_to_the_others(github, opened, ask):
    for number in range(65):
        github.add_comment(1, str(number))

    first, last = ask("GET", COMMENTS), ask("GET", COMMENTS + "?page=3")
    hundred = ask("GET", COMMENTS + "?per_page=500")

    assert [each["body"] for each in first.json()] == [str(number) for number in range(30)]
    assert set(first.links) == {"next", "last"}
    assert ask("GET", first.links["next"]["url"]).json()[0]["body"] == "30"
    assert set(last.links) == {"prev", "first"}
    assert len(last.json()) == 5
    assert len(hundred.json()) == 65
    assert hundred.links == {}


def test_an_enterprise_server_keeps_its_prefix_in_every_address(github, opened, ask):
    for number in range(31):
        github.add_comment(1, str(number))

    page = ask("GET", f"{github.enterprise_url}/repos/owner/repository{COMMENTS}")

    assert page.links["next"]["url"].startswith(github.enterprise_url + "/repos/")
    assert page.json()[0]["url"].startswith(github.enterprise_url + "/repos/")
    assert github.requests[-1].operation == "GET /issues/{issue_number}/comments"

"""The loopback GitHub cannot be asked, and cannot answer, what the published description does not allow."""

from __future__ import annotations

import pytest

from forge import fixtures
from forge.exchange import Answer
from forge.routing import OPERATIONS, REPO

COMMENTS = "/issues/1/comments"


@pytest.mark.parametrize(
    ("method", "below", "more", "said"),
    [
        ("POST", COMMENTS, {"json": {"body": "x", "bdoy": "x"}}, "body has no key bdoy"),
        ("POST", COMMENTS, {"json": {}}, "'body' is a required property"),
        ("POST", COMMENTS, {"json": {"body": 7}}, "body: 7 is not of type 'string'"),
        ("POST", COMMENTS, {"data": b"{"}, "the body is not JSON"),
        ("GET", COMMENTS + "?page_size=7", {}, "query has no parameter 'page_size'"),
        ("GET", COMMENTS, {"json": {"body": "x"}}, "no body is expected"),
        ("POST", "/check-runs", {"json": {"name": "n", "head_sha": "x", "output": {"titel": "t"}}}, "output.titel"),
        ("GET", "/nonsense", {}, "GitHub has no such path"),
        ("GET", "/tags", {}, "is not served here"),
        ("DELETE", "/pulls/1", {}, "the description has no such operation"),
    ],
)
def test_a_request_that_the_description_does_not_allow_is_a_violation(github, opened, ask, method, below, more, said):
    headers = {"Content-Type": "application/json"} if "data" in more else {}
    answer = ask(method, below, headers=headers, **more)

    assert answer.status_code in (404, 422)
    assert said in "\n".join(github.violations)
    with pytest.raises(AssertionError, match="description was broken"):
        github.check()
    github.violations.clear()


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (lambda answer: Answer(200, [{**answer.body[0], "id": "seven"}]), "0/id: 'seven' is not of type 'integer'"),
        (lambda _: Answer(200, [{"id": 7}]), "is a required property"),
        (lambda answer: Answer(206, answer.body), "status 206 is not in the description"),
        (lambda answer: answer.missing, "the loopback broke"),
    ],
)
def test_an_answer_that_the_description_does_not_allow_is_a_violation(github, opened, ask, monkeypatch, lie, said):
    github.add_comment(1, "hello")
    key = ("GET", REPO + "/issues/{issue_number}/comments")
    honest = OPERATIONS[key]
    monkeypatch.setitem(OPERATIONS, key, lambda request: lie(honest(request)))

    ask("GET", COMMENTS)

    assert said in "\n".join(github.violations)
    github.violations.clear()


def test_a_branch_with_slashes_and_a_path_with_folders_are_one_placeholder_each(github, opened, ask):
    github.commit({"docs/a b/ü#?.md": "text"}, "topic/one")

    assert ask("GET", "/git/ref/heads/topic/one").json()["ref"] == "refs/heads/topic/one"
    found = ask("GET", "/contents/docs/a%20b/%C3%BC%23%3F.md?ref=topic%2Fone").json()
    assert found["path"] == "docs/a b/ü#?.md"


def test_every_operation_is_answered_in_the_shape_of_the_description(github, opened, ask):
    github.protect("main", {"gate": 15368}, merge_queue=True)
    run = github.add_run(pull=github.pull(1))
    artifact = github.put_artifact(run, "mlci-gate", {"gate.json": b"{}"})
    github.job_result(opened, "gate", "failure")
    ask("POST", f"/statuses/{opened}", json={"state": "pending"})
    check = next(iter(github.repository().checks))
    for below in (
        "", "/contents/train.py", "/compare/main...feature", f"/commits/{opened}", "/branches/main", "/pulls",
        "/pulls/1", "/pulls/1/files", f"/commits/{opened}/pulls", f"/commits/{opened}/status", "/rulesets",
        f"/commits/{opened}/statuses", f"/commits/{opened}/check-runs", f"/check-runs/{check}", "/rules/branches/main",
        "/actions/artifacts", f"/actions/artifacts/{artifact.id}", "/actions/runs", f"/actions/runs/{run.id}",
        f"/actions/runs/{run.id}/artifacts", COMMENTS,
    ):  # fmt: skip
        assert ask("GET", below).status_code == 200, below


def test_a_null_that_github_gives_is_excused_and_a_wrong_word_in_its_place_is_not(github, opened, ask):
    running = ask("POST", "/check-runs", json={"name": "gate", "head_sha": opened}).json()
    assert running["conclusion"] is None
    assert github.violations == []

    github.repository().checks[running["id"]].fields["conclusion"] = "nice"
    ask("GET", f"/check-runs/{running['id']}")

    assert "conclusion: 'nice' is not one of" in github.violations[0]
    github.violations.clear()


def test_the_fixture_fails_a_test_that_broke_the_description_and_hides_no_other_failure(tmp_path):
    fixtures.need_description()
    with pytest.raises(AssertionError, match="description was broken"), fixtures.loopback(tmp_path / "one") as github:
        github.violations.append("a lie")
    with pytest.raises(LookupError, match="in the test"):
        broken_in(tmp_path / "two")


def broken_in(folder):
    with fixtures.loopback(folder) as github:
        github.violations.append("a lie")
        raise LookupError("in the test")


@pytest.mark.parametrize(
    ("folder", "ci", "outcome"),
    [
        ("there", "true", pytest.fail.Exception),
        ("there", "", pytest.skip.Exception),
        ("", "true", pytest.skip.Exception),
    ],
)
def test_a_missing_description_is_skipped_with_its_name_and_fails_only_where_it_was_to_be_expected(
    tmp_path, monkeypatch, folder, ci, outcome
):
    (tmp_path / "there").mkdir()
    monkeypatch.setenv("MLCI_SPECS", str(tmp_path / (folder or "nowhere")))
    monkeypatch.setenv("CI", ci)

    # Either is caught, since a test that merely ends in a skip would count as skipped.
    with pytest.raises((pytest.skip.Exception, pytest.fail.Exception), match=r"openapi\.json\.gz") as caught:
        fixtures.need_description()
    assert caught.type is outcome

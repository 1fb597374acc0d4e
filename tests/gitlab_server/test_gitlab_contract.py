"""The loopback GitLab cannot be asked, and cannot answer, what neither the description nor our tables know."""

from __future__ import annotations

import dataclasses

import pytest
from forge import fixtures as forge_fixtures
from forge.exchange import Answer

from gitlab_server import fixtures
from gitlab_server.contract import FILE, judge_for, whole_document
from gitlab_server.exchange import JSON, shown
from gitlab_server.routing import OPERATIONS, PROJECT, Access, serves
from gitlab_server.shapes import NUMBER, having

NOTES = "/merge_requests/1/notes"


@pytest.mark.parametrize(
    ("method", "below", "more", "status", "said"),
    [
        ("POST", NOTES, {"json": {"body": "x", "bdoy": "x"}}, 201, "body 'bdoy' is unknown (see lib/api/notes.rb)"),
        ("POST", NOTES, {"json": {"body": "x", "created_at": "x"}}, 201, "body 'created_at' is not modelled here"),
        ("POST", NOTES, {"json": {}}, 400, "body is missing"),
        ("POST", NOTES, {"json": {"body": None}}, 400, "body is missing"),
        ("POST", NOTES, {"data": b"{"}, 400, "Failed to"),
        ("POST", NOTES, {"json": {"body": ["x"]}}, 400, "is not of type 'string'"),
        ("POST", "/statuses/feature", {"json": {"state": "nope"}}, 400, "is not one of"),
        ("GET", NOTES + "?page_size=7", {}, 200, "query 'page_size' is unknown"),
        ("GET", "/merge_requests?labels=x", {}, 200, "query 'labels' is not modelled here"),
        ("GET", NOTES + "?sort=up", {}, 400, "is not one of"),
        ("GET", NOTES, {"json": {"body": "x"}}, 200, "no body is expected"),
        ("GET", "/nonsense", {}, 404, "GitLab has no such path"),
        ("GET", "/labels", {}, 404, "/projects/{id}/labels is not served here"),
        ("GET", "/repository/files/a/b/raw?ref=main", {}, 404, "no such path"),
        ("DELETE", "/merge_requests/1", {}, 405, "/merge_requests/{merge_request_iid} is not served here"),
        ("GET", "?private_token=x", {}, 200, "a token in the address (private_token)"),
        ("GET", "", {"headers": {"JOB-TOKEN": "x"}}, 200, "more than one token"),
    ],
)
def test_a_request_that_nobody_knows_is_a_violation(gitlab, change, ask, method, below, more, status, said):
    more = {**more, "headers": {"Content-Type": "application/json", **more.get("headers", {})}}

    answer = ask(method, below, **more)

    assert answer.status_code == status
    assert said in "\n".join(gitlab.violations)
    with pytest.raises(AssertionError, match="GitLab's description was broken"):
        gitlab.check()
    gitlab.violations.clear()


def test_a_missing_and_a_wrong_parameter_are_refused_in_the_words_of_grape(gitlab, change, ask):
    assert ask("POST", NOTES, json={}).json() == {"error": "body is missing"}
    assert ask("POST", "/statuses/feature", json={"state": "nope"}).json() == {
        "error": "state does not have a valid value"
    }
    assert ask("GET", "/pipelines?per_page=x").json() == {"error": "per_page is invalid"}
    assert ask("PUT", "/merge_requests/1/discussions/0", json={"resolved": "maybe"}).json() == {
        "error": "resolved is invalid"
    }
    gitlab.violations.clear()


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (lambda answer: shown([{**answer.body[0], "id": "seven"}]), "0/id: 'seven' is not of type 'integer'"),
        (lambda answer: shown([{**answer.body[0], "body": None}]), "0/body: None"),
        (lambda _: shown([{"id": 7}]), "is a required property"),
        (lambda answer: shown(answer.body, 206), "status 206 is not in the description"),
        (lambda _: Answer(404, {"msg": "gone"}, {}, JSON), "an error without words"),
        (lambda answer: answer.missing, "the loopback broke"),
    ],
)
def test_an_answer_that_nobody_knows_is_a_violation(gitlab, change, ask, monkeypatch, lie, said):
    gitlab.say(1, "hello")
    key = ("GET", PROJECT + "/merge_requests/{merge_request_iid}/notes")
    honest = OPERATIONS[key]
    monkeypatch.setitem(
        OPERATIONS, key, dataclasses.replace(honest, operation=lambda request: lie(honest.operation(request)))
    )

    ask("GET", NOTES)

    assert said in "\n".join(gitlab.violations)
    gitlab.violations.clear()


def test_the_published_description_is_a_judge_beside_our_tables(gitlab, change, ask, monkeypatch):
    key = ("GET", PROJECT)
    honest = OPERATIONS[key]

    def lie(request):
        answer = honest.operation(request)
        answer.body["topics"] = "churn"
        return answer

    monkeypatch.setitem(OPERATIONS, key, dataclasses.replace(honest, operation=lie))
    ask("GET", "")

    # Our own shape of a project has no topics.
    assert "topics: 'churn' is not of type 'array'" in "\n".join(gitlab.violations)
    gitlab.violations.clear()


def test_what_the_description_lacks_has_a_shape_of_ours_and_everything_a_source():
    fixtures.need_description("GitLab", FILE)
    published = whole_document()["paths"]
    missing = {key: route for key, route in OPERATIONS.items() if key[0].lower() not in published.get(key[1], {})}
    assert ("GET", "/personal_access_tokens/self") in missing
    archives = ("GET", PROJECT + "/jobs/{job_id}/artifacts")
    assert [key for key, route in missing.items() if route.shape is None and not route.free] == [archives]
    assert [key for key, route in OPERATIONS.items() if "/" not in route.source] == []


def test_another_module_adds_operations(tmp_path, monkeypatch):
    monkeypatch.setattr("gitlab_server.routing.OPERATIONS", held := dict(OPERATIONS))
    monkeypatch.setattr("gitlab_server.server.OPERATIONS", held)
    monkeypatch.setattr("gitlab_server.gitlab.OPERATIONS", held)

    @serves(
        "POST", "/ml/mlflow/api/2.0/mlflow/runs/create", "doc/api/mlflow.md", Access("read_project", signed_in=True),
        status=200, shape=having(run_id=NUMBER), free=True,
    )  # fmt: skip
    def create(request):
        request.project.extras["runs"] = request.sent
        return shown({"run_id": 7})

    fixtures.need_description("GitLab", FILE)
    with fixtures.loopback(tmp_path) as gitlab:
        project = gitlab.add_project()
        path = f"/api/v4/projects/{project.id}/ml/mlflow/api/2.0/mlflow/runs/create"
        headers = {"Authorization": f"Bearer {gitlab.token()}", "Content-Type": "application/json"}
        answer, recorded = gitlab.front.answer("POST", path, headers, b'{"anything": 1}')
        assert (answer.status, project.extras["runs"]) == (200, b'{"anything": 1}')
        assert recorded.operation == "POST /ml/mlflow/api/2.0/mlflow/runs/create"
        assert gitlab.front.answer("POST", path, {}, b"{}")[0].status == 401


def test_the_fixture_fails_a_test_that_broke_the_contract_and_hides_no_other_failure(tmp_path):
    fixtures.need_description("GitLab", FILE)
    with pytest.raises(AssertionError, match="description was broken"), fixtures.loopback(tmp_path / "one") as gitlab:
        gitlab.violations.append("a lie")
    with pytest.raises(LookupError, match="in the test"):
        broken_in(tmp_path / "two")


def broken_in(folder):
    with fixtures.loopback(folder) as gitlab:
        gitlab.violations.append("a lie")
        raise LookupError("in the test")


def test_a_missing_description_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("MLCI_SPECS", str(tmp_path))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"gitlab-15\.0\.openapi\.yml is missing: GitLab's"):
        forge_fixtures.need_description("GitLab", FILE)


def test_operations_that_are_the_same_are_judged_by_the_same():
    fixtures.need_description("GitLab", FILE)
    routes = frozenset(OPERATIONS.values())
    assert judge_for(routes) is judge_for(frozenset(OPERATIONS.values()))

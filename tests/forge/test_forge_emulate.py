"""A GitHub by other makers says the same about comments, check runs and merging."""

from __future__ import annotations

import socket
import time

import pytest

from forge.emulated import find_node, running
from forge.exchange import Answer
from forge.repository import Symlink
from forge.routing import OPERATIONS, REPO

COMMENTS = "/issues/1/comments"


def test_two_githubs_agree_on_a_pull_request_that_is_refused_then_merged(two_githubs, opened, ask):
    github = two_githubs
    github.protect("main", ["the gate", "mlci"])
    github.job_result(opened, "the gate", "failure")
    ask("POST", f"/statuses/{opened}", json={"state": "failure", "context": "mlci"})
    comment = ask("POST", COMMENTS, json={"body": "worse <!-- ü -->"}).json()
    assert github.merge(1)[0] == 405

    better = github.commit({"train.py": "better\n"}, "feature")
    github.job_result(better, "the gate", "success")
    assert github.merge(1)[0] == 405
    ask("POST", f"/statuses/{better}", json={"state": "success", "context": "mlci"})
    edited = ask("PATCH", f"/issues/comments/{comment['id']}", json={"body": "better"})

    assert edited.json()["body"] == "better"
    assert [each["body"] for each in ask("GET", COMMENTS).json()] == ["better"]
    assert github.merge(1)[0] == 200


def test_two_githubs_agree_on_pages_of_comments_and_on_who_wrote_them(two_githubs, opened, ask):
    for number in range(33):
        two_githubs.add_comment(1, str(number), "stranger")
    ask("DELETE", f"/issues/comments/{ask('GET', COMMENTS).json()[0]['id']}")
    ask("POST", COMMENTS, json={"body": "mine"})

    second = ask("GET", COMMENTS + "?per_page=20&page=2").json()

    assert [each["body"] for each in second][-2:] == ["32", "mine"]
    assert [each["user"]["login"] for each in second][-2:] == ["stranger", "github-actions[bot]"]
    assert ask("GET", f"/issues/comments/{second[-1]['id']}").json()["body"] == "mine"


def test_two_githubs_agree_on_check_runs(two_githubs, opened, ask):
    sent = {"name": "mlci", "head_sha": opened, "external_id": "1/key", "conclusion": "neutral"}
    made = ask("POST", "/check-runs", json={**sent, "output": {"title": "t", "summary": "s"}}).json()
    output = {"title": "u", "summary": "v", "text": "w"}
    ask("PATCH", f"/check-runs/{made['id']}", json={"conclusion": "failure", "output": output})

    shown = ask("GET", f"/check-runs/{made['id']}").json()

    assert (shown["conclusion"], shown["output"]["summary"]) == ("failure", "v")


def test_two_githubs_agree_on_check_runs_of_a_commit(two_githubs, opened, ask):
    for result in ("failure", "success"):
        two_githubs.job_result(opened, "gate", result)
    two_githubs.job_result(opened, "other", None)

    latest = ask("GET", f"/commits/{opened}/check-runs").json()["check_runs"]
    every = ask("GET", f"/commits/{opened}/check-runs?check_name=gate&filter=all").json()["check_runs"]

    assert {each["name"]: each["conclusion"] for each in latest} == {"gate": "success", "other": None}
    assert len(every) == 2


def test_two_githubs_agree_on_files_and_comparisons(two_githubs, ask):
    github = two_githubs
    github.add_repository(files={"d/ü b.py": "1\n2\n3\n", "bytes": b"\xff\x00", "to": Symlink("d/ü b.py"), "x": "x\n"})
    github.commit({"elsewhere": "x"}, "main")
    parent = github.repository().objects.parents(github.repository().tip("main"))[0]
    head = github.commit({"d/ü b.py": None, "e/b.py": "1\n2\n3\n", "x": "y\n"}, "topic/one", parent=parent)

    shown = ask("GET", "/compare/main...topic/one").json()
    names = {each["filename"]: each["status"] for each in shown["files"]}
    assert (shown["status"], names) == ("diverged", {"e/b.py": "renamed", "x": "modified"})
    assert ask("GET", "/compare/main...main").json()["status"] == "identical"
    for path in ("d", "d/%C3%BC%20b.py", "bytes", "to"):
        assert ask("GET", f"/contents/{path}").status_code == 200
    raw = {"Accept": "application/vnd.github.raw+json"}
    assert ask("GET", "/contents/bytes", headers=raw).content == b"\xff\x00"
    assert ask("GET", "/contents/to", headers=raw).text == "1\n2\n3\n"
    assert ask("GET", f"/contents/d?ref={head}").status_code == 404


def test_two_githubs_that_disagree_about_a_file_are_found_out(two_githubs, opened, ask, monkeypatch):
    lie = Answer(200, b"another model", media="application/vnd.github.raw+json")
    monkeypatch.setitem(OPERATIONS, ("GET", REPO + "/contents/{path}"), lambda _: lie)

    ask("GET", f"/contents/mlci.yml?ref={opened}")

    assert "b'model: churn\\n' and b'another model'" in two_githubs.violations[0]
    two_githubs.violations.clear()


def test_two_githubs_that_disagree_are_found_out(two_githubs, opened, ask):
    two_githubs.protect("main", ["gate"])
    two_githubs.job_result(opened, "gate", "success")
    made = ask("POST", COMMENTS, json={"body": "x"}).json()
    two_githubs.repository().comments[made["id"]].body = "y"
    ask("GET", COMMENTS)
    two_githubs.repository().checks.clear()

    assert two_githubs.merge(1)[0] == 405
    comments, merging = two_githubs.violations
    assert comments.startswith("emulate and the own layer disagree: GET")
    assert merging.startswith("emulate and the own layer disagree: merging 1")
    two_githubs.violations.clear()


def test_emulate_ends_with_the_tests(emulate, tmp_path):
    with running(str(find_node()), tmp_path) as port:
        socket.create_connection(("127.0.0.1", port), 5).close()

    # The kernel takes a moment to bury what was killed.
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except ConnectionError:
            return
        time.sleep(0.02)
    pytest.fail("emulate still listens")

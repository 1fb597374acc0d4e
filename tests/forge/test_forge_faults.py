"""What goes wrong between a step and GitHub goes wrong here when a test asks for it, and only then."""

from __future__ import annotations

import time

import pytest
import requests

COMMENTS = "/issues/1/comments"


def test_an_answer_is_lost_although_the_comment_is_there(github, opened, ask):
    github.fault("POST", "/comments$", drop="after")

    with pytest.raises(requests.ConnectionError):
        ask("POST", COMMENTS, json={"body": "x"})

    assert [each.body for each in github.comments(1)] == ["x"]
    assert [each.status for each in github.requests] == [None]
    assert ask("GET", COMMENTS).status_code == 200


def test_a_connection_is_dropped_before_anything_happens(github, opened, ask):
    github.fault("POST", "/comments$", drop="before")

    with pytest.raises(requests.ConnectionError):
        ask("POST", COMMENTS, json={"body": "x"})

    assert github.comments(1) == []
    assert len(github.asked("POST /issues/{issue_number}/comments")) == 1


def test_a_failing_answer_comes_as_often_as_asked_for_and_after_as_many_good_ones(github, opened, ask):
    github.fault("GET", "/comments", status=502, headers={"Retry-After": "1"}, times=2, skip=1)

    assert [ask("GET", COMMENTS).status_code for _ in range(4)] == [200, 502, 502, 200]
    assert ask("POST", COMMENTS, json={"body": "x"}).status_code == 201


def test_a_failing_answer_may_hide_that_the_request_was_done(github, opened, ask):
    github.fault("POST", "/comments", status=504, processed=True)

    assert ask("POST", COMMENTS, json={"body": "x"}).status_code == 504
    assert len(github.comments(1)) == 1


def test_an_answer_may_be_cut_short_or_late(github, opened, ask):
    github.add_comment(1, "hello")
    github.fault("GET", "/comments", truncate=True)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        ask("GET", COMMENTS)

    github.fault("GET", "/comments", delay=0.2)
    start = time.monotonic()
    assert ask("GET", COMMENTS).status_code == 200
    assert time.monotonic() - start >= 0.2


def test_the_secondary_limit_says_when_to_come_back(github, opened, ask):
    github.secondary_limit("POST", retry_after=7)

    limited = ask("POST", COMMENTS, json={"body": "x"})

    assert (limited.status_code, limited.headers["Retry-After"]) == (403, "7")
    assert "secondary rate limit" in limited.json()["message"]
    assert github.comments(1) == []


def test_the_blob_store_fails_too(github, opened, ask):
    artifact = github.put_artifact(github.add_run(), "a", b"abcdef")
    address = ask("GET", f"/actions/artifacts/{artifact.id}/zip").headers["Location"]
    github.fault("BLOB", "", status=503)
    github.fault("BLOB", "", truncate=True)

    assert requests.get(address, timeout=10).status_code == 503
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        requests.get(address, timeout=10)
    assert requests.get(address, timeout=10).content == b"abcdef"

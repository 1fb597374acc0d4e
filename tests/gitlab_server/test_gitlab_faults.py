"""What goes wrong between a step and GitLab goes wrong here when a test asks for it, and only then."""

from __future__ import annotations

import time

import pytest
import requests

NOTES = "/merge_requests/1/notes"


def test_an_answer_is_lost_although_the_note_is_there(gitlab, change, ask):
    gitlab.fault("POST", "/notes$", drop="after")

    with pytest.raises(requests.ConnectionError):
        ask("POST", NOTES, json={"body": "x"})

    assert [each.body for each in gitlab.notes(1)] == ["x"]
    assert [each.status for each in gitlab.requests] == [None]
    assert ask("GET", NOTES).status_code == 200


def test_a_connection_is_dropped_before_anything_happens(gitlab, change, ask):
    gitlab.fault("POST", "/notes$", drop="before")

    with pytest.raises(requests.ConnectionError):
        ask("POST", NOTES, json={"body": "x"})

    assert gitlab.notes(1) == []
    assert len(gitlab.asked("POST /merge_requests/{merge_request_iid}/notes")) == 1


def test_a_failing_answer_comes_as_often_as_asked_for_and_may_hide_that_the_request_was_done(gitlab, change, ask):
    gitlab.fault("GET", "/notes", status=502, headers={"Retry-After": "1"}, times=2, skip=1)
    gitlab.fault("POST", "/notes", status=504, processed=True)

    assert [ask("GET", NOTES).status_code for _ in range(4)] == [200, 502, 502, 200]
    assert ask("POST", NOTES, json={"body": "x"}).status_code == 504
    assert len(gitlab.notes(1)) == 1


def test_an_answer_may_be_cut_short_or_late(gitlab, change, ask):
    gitlab.say(1, "hello")
    gitlab.fault("GET", "/notes", truncate=True)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        ask("GET", NOTES)

    gitlab.fault("GET", "/notes", delay=0.2)
    start = time.monotonic()
    assert ask("GET", NOTES).status_code == 200
    assert time.monotonic() - start >= 0.2


def test_the_throttle_says_in_headers_when_to_come_back_and_an_operations_limit_in_words(gitlab, change, ask):
    gitlab.rate_limit("POST", retry_after=7)
    gitlab.application_limit("POST", "/notes")

    throttled, limited = ask("POST", NOTES, json={"body": "x"}), ask("POST", NOTES, json={"body": "x"})

    assert (throttled.status_code, throttled.headers["Retry-After"], throttled.text) == (429, "7", "Retry later\n")
    assert (throttled.headers["RateLimit-Remaining"], throttled.headers["Content-Type"]) == ("0", "text/plain")
    assert 0 < int(throttled.headers["RateLimit-Reset"]) - time.time() <= 7
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "60")
    assert "RateLimit-Remaining" not in limited.headers
    assert "too many times" in limited.json()["message"]["error"]
    assert gitlab.notes(1) == []
    gitlab.front.quota["RateLimit-Remaining"] = "3"
    assert ask("GET", NOTES).headers["RateLimit-Remaining"] == "3"


def test_the_object_store_fails_too(gitlab, change, ask):
    job = gitlab.add_job(gitlab.add_pipeline(), status="success", artifacts=b"abcdef")
    address = ask("GET", f"/jobs/{job.id}/artifacts").headers["Location"]
    gitlab.fault("BLOB", "", status=503)
    gitlab.fault("BLOB", "", truncate=True)

    assert requests.get(address, timeout=10).status_code == 503
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        requests.get(address, timeout=10)
    assert requests.get(address, timeout=10).content == b"abcdef"
    assert len(gitlab.downloads) == 3


def test_a_fault_over_tls_and_a_client_that_says_nothing_hold_up_nobody(gitlab, change):
    import socket

    secure = gitlab.secure
    gitlab.fault("GET", "/projects", drop="before")
    with socket.create_connection(("127.0.0.1", int(secure.server_url.rsplit(":", 1)[1]))):
        address = f"{secure.url}/projects/{gitlab.project().id}"
        headers = {"PRIVATE-TOKEN": gitlab.token()}
        with pytest.raises(requests.ConnectionError):
            requests.get(address, headers=headers, verify=str(secure.ca_file), timeout=10)
        assert requests.get(address, headers=headers, verify=str(secure.ca_file), timeout=10).status_code == 200

"""A store answers, or says in one line that it does not; what it was asked with stays out of that line."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlci.adapters.remote.store import Store
from mlci.errors import ArtifactRefused, ExtraMissing, ServiceFailed, ServiceRefused, UsageError

SECRET = "wJalrXUtnFEMIsecret"
PAGE = (
    "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>next</NextContinuationToken><Contents>"
    "<Key>gate/churn/1</Key><LastModified>2026-01-01T00:00:00Z</LastModified><Size>1</Size></Contents>"
    "</ListBucketResult>"
)


class Answers:
    """What the stand-in for S3 says, in this order; the last answer is repeated."""

    def __init__(self) -> None:
        self.queue: list[tuple[int, str]] = []
        self.asked: list[str] = []

    def next(self, asked: str) -> tuple[int, str]:
        self.asked.append(asked)
        return self.queue.pop(0) if len(self.queue) > 1 else self.queue[0]


@pytest.fixture(name="answers")
def _answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            status, body = answers.next(f"{self.command} {self.path}")
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_PUT = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    yield answers
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_listing_that_breaks_off_is_no_shorter_listing(answers: Answers) -> None:
    answers.queue = [(200, PAGE), (400, "<Error><Code>BadRequest</Code></Error>")]

    with pytest.raises(ServiceFailed, match=r"s3://bucket/gate could not be listed: the store said 400 BadRequest"):
        list(Store("s3://bucket/gate").names("churn"))

    assert "continuation-token=next" in answers.asked[1]


def test_a_store_that_stumbles_is_asked_again_and_one_that_stays_down_is_given_up(answers: Answers) -> None:
    answers.queue = [(503, ""), (200, "v")]
    with pytest.raises(ServiceFailed, match="no answer that could be used"):
        list(Store("s3://bucket/gate").names("churn"))
    assert len(answers.asked) == 2

    answers.queue = [(500, "")]
    with pytest.raises(ServiceFailed, match="the store said 500"):
        list(Store("s3://bucket/gate", patience=0).names("churn"))
    assert len(answers.asked) == 3


@pytest.mark.parametrize("done", ["listed", "read", "written"])
@pytest.mark.parametrize("status", [401, 403])
def test_a_store_that_refuses_is_told_from_one_that_is_down_and_secrets_stay_out(
    answers: Answers, status: int, done: str
) -> None:
    answers.queue = [(status, f"<Error><Code>InvalidAccessKeyId</Code><Key>AKIAEXAMPLE {SECRET}</Key></Error>")]
    store = Store("s3://bucket/gate")

    with pytest.raises(ServiceRefused, match=rf"s3://bucket/gate may not be {done} \({status} ") as refused:
        {
            "listed": lambda: list(store.names("churn")),
            "read": lambda: store.read("churn/1", 10),
            "written": lambda: store.create("churn/1", b"x"),
        }[done]()

    assert SECRET not in str(refused.value)
    assert "AKIA" not in str(refused.value)
    assert "127.0.0.1" not in str(refused.value)
    # Nor does the cause, which a traceback would print.
    assert refused.value.__cause__ is None


def test_a_code_that_is_no_word_is_not_repeated(answers: Answers) -> None:
    answers.queue = [(400, "<Error><Code>x\n::error::forged</Code></Error>")]

    with pytest.raises(ServiceFailed) as failed:
        list(Store("s3://bucket/gate").names("churn"))

    assert "forged" not in str(failed.value)


def test_an_object_larger_than_asked_for_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"12345")
    store = Store(tmp_path.as_uri())

    assert store.read("one", 5) == b"12345"
    with pytest.raises(ArtifactRefused, match="5 bytes, more than 4"):
        store.read("one", 4)
    assert store.read("two", 4) is None


@pytest.mark.parametrize(
    "address",
    ["", "kept", "/kept", "memory:///", "http://host/x", "s3://", "s3:bucket", "file://host/x", "file:x", "s3://b/\nx"],
)
def test_an_address_of_no_store_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="no store has the address"):
        Store(address)


@pytest.mark.parametrize(
    "address",
    [f"s3://me:{SECRET}@bucket/x", f"az://container/x?sig={SECRET}", f"gs://bucket/x#{SECRET}", f"s3://[{SECRET}/x"],
)
def test_an_address_that_holds_a_secret_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(UsageError) as refused:
        Store(address)

    assert SECRET not in str(refused.value)


def test_a_folder_that_is_not_mounted_is_no_empty_store(tmp_path: Path) -> None:
    with pytest.raises(ServiceFailed, match="there is no folder"):
        Store((tmp_path / "not mounted").as_uri())

    assert not (tmp_path / "not mounted").exists()


def test_without_obstore_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)

    with pytest.raises(ExtraMissing) as missing:
        Store("s3://bucket/x")

    assert missing.value.help == 'pip install "mlci[store]"'


def test_every_kind_of_address_opens_its_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")

    for address in ("s3://bucket/a b/c/", "gs://bucket", "az://container/prefix", f"file://localhost{tmp_path}"):
        assert Store(address).address == address.rstrip("/")


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"])
def test_a_server_without_tls_is_asked_where_the_environment_names_it(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    address = os.environ["AWS_ENDPOINT_URL"]
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv(name, address)
    answers.queue = [(404, "")]

    assert Store("s3://bucket/gate", patience=0).read("churn/1", 10) is None


def test_no_other_request_goes_out_without_tls(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_BASE_URL", os.environ["AWS_ENDPOINT_URL"])
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", SECRET)
    answers.queue = [(404, "")]

    with pytest.raises(ServiceFailed):
        Store("gs://bucket/gate", patience=0).read("churn/1", 10)

    assert answers.asked == []

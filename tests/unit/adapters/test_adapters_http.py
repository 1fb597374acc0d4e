"""Requests that are slow, limited, broken or hostile; the token stays at home, and nothing is done twice by chance."""

from __future__ import annotations

import datetime
import gzip
import json
import logging
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mlci import __version__
from mlci.adapters.github.api import at, connect
from mlci.adapters.remote.http import Api
from mlci.adapters.remote.patience import Clock, Patience
from mlci.errors import EventUnreadable, MlciError, ServiceFailed, ServiceRefused

TOKEN = "ghs_a-token-of-a-job"
NOW = 1_800_000_000.0

Reply = Callable[[BaseHTTPRequestHandler], None]


def reply(status: int = 200, body: object = None, **headers: str) -> Reply:
    """Send an answer; ``retry_after`` is the header Retry-After."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if "content_length" not in headers:
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return send


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def truncated(handler: BaseHTTPRequestHandler) -> None:
    reply(body=b"[1,", content_length="100")(handler)
    handler.close_connection = True


@dataclass
class Stub:
    """A server that gives the replies it was told, in order, and the last one for ever."""

    replies: list[Reply] = field(default_factory=list)
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    @property
    def asked(self) -> list[str]:
        return [f"{method} {path}" for method, path, _, _ in self.seen]

    def header(self, name: str) -> list[str | None]:
        return [headers.get(name) for _, _, headers, _ in self.seen]


def serve(stub: Stub) -> Iterator[Stub]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            stub.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            with suppress(ConnectionError):
                (stub.replies.pop(0) if len(stub.replies) > 1 else stub.replies[0])(self)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(name="home")
def _home() -> Iterator[Stub]:
    yield from serve(Stub())


@pytest.fixture(name="elsewhere")
def _elsewhere() -> Iterator[Stub]:
    yield from serve(Stub())


@dataclass
class Waits:
    """A clock that only moves when somebody sleeps."""

    slept: list[float] = field(default_factory=list)
    chance: float = 1.0

    def clock(self) -> Clock:
        return Clock(
            now=lambda: NOW + sum(self.slept),
            monotonic=lambda: sum(self.slept),
            sleep=self.slept.append,
            chance=lambda: self.chance,
        )


@pytest.fixture(name="waits")
def _waits() -> Waits:
    return Waits()


@pytest.fixture(name="api")
def _api(home: Stub, waits: Waits) -> Api:
    return Api(home.url + "/api/v3", TOKEN, headers={"X-Ours": "yes"}, clock=waits.clock())


def failed(act: Callable[[], object], kind: type[MlciError] = ServiceFailed) -> MlciError:
    with pytest.raises(kind) as caught:
        act()
    assert TOKEN not in str(caught.value)
    return caught.value


# What is sent.


def test_a_request_says_who_asks_and_keeps_the_path_of_the_base_address(home: Stub, api: Api) -> None:
    home.replies = [reply(body={"a": 1})]
    assert api.get("/user", {"q": "a b&c"}) == {"a": 1}
    assert home.asked == ["GET /api/v3/user?q=a+b%26c"]
    (headers,) = (seen[2] for seen in home.seen)
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["user-agent"] == f"mlci/{__version__}"
    assert headers["x-ours"] == "yes"


def test_github_is_asked_for_its_json_of_a_fixed_version(home: Stub) -> None:
    home.replies = [reply(body={})]
    connect({"GITHUB_API_URL": home.url, "MLCI_TOKEN": f"{TOKEN}\n", "GITHUB_TOKEN": "other"}).get("/a")
    assert home.header("accept") == ["application/vnd.github+json"]
    assert home.header("x-github-api-version") == ["2022-11-28"]
    assert home.header("authorization") == [f"Bearer {TOKEN}"]


def test_segments_of_a_path_cannot_change_what_is_asked(home: Stub, api: Api) -> None:
    home.replies = [reply(body={})]
    api.get(at("o/r", "contents", "a b/../c?x#y%2e", 7))
    assert home.asked == ["GET /api/v3/repos/o/r/contents/a%20b%2F..%2Fc%3Fx%23y%252e/7"]


def test_netrc_and_cookies_are_left_alone(
    home: Stub, waits: Waits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login stranger password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    home.replies = [reply(body={}, set_cookie="a=b")]
    for token in (TOKEN, None):
        api = Api(home.url, token, clock=waits.clock())
        api.get("/a")
        api.get("/a")
    assert home.header("authorization") == [f"Bearer {TOKEN}"] * 2 + [None] * 2
    assert home.header("cookie") == [None] * 4


@pytest.mark.parametrize("token", ["a b", "a\nb", "é", "a\x00"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(token: str) -> None:
    error = failed(lambda: Api("https://a.b", token), EventUnreadable)
    assert token not in str(error)


@pytest.mark.parametrize(
    "url", ["", "ftp://a.b", "https://", "https://u:p@a.b", "https://a.b/?x=1", "https://a b", "a.b"]
)
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    failed(lambda: Api(url, TOKEN), EventUnreadable)


def test_the_token_shows_nowhere(home: Stub, api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    home.replies = [reply(500, {"message": "down"})]
    error = failed(lambda: api.get("/a"))
    seen = [caplog.text, repr(api), str(vars(api)), str(error), repr(error), str(error.__cause__)]
    assert not any(TOKEN in text for text in seen)


# Redirects.


def test_the_token_and_our_headers_stay_with_their_host(
    home: Stub, elsewhere: Stub, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login stranger password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    home.replies = [reply(302, location="/api/v3/b"), reply(302, location=f"{elsewhere.url}/blob?signed=secret")]
    elsewhere.replies = [reply(body=b"packed")]
    assert api.download("/a", 100) == b"packed"
    assert home.header("authorization") == [f"Bearer {TOKEN}"] * 2
    assert elsewhere.header("authorization") == [None]
    assert elsewhere.header("x-ours") == [None]


def test_redirects_end(home: Stub, api: Api) -> None:
    home.replies = [reply(302, location="/again")]
    assert "more than 3 redirects" in str(failed(lambda: api.get("/a")))
    assert len(home.seen) == 4


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://a.b/c", "javascript:1", "http://[", ""])
def test_redirects_lead_to_http_only(home: Stub, api: Api, target: str) -> None:
    home.replies = [reply(302, location=target)]
    failed(lambda: api.get("/a"))
    assert len(home.seen) <= 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_what_is_written_is_not_sent_on_to_another_host(home: Stub, elsewhere: Stub, api: Api, status: int) -> None:
    home.replies = [reply(status, location=elsewhere.url)]
    elsewhere.replies = [reply(body={})]
    failed(lambda: api.post("/a", {"secret": 1}))
    failed(lambda: api.patch("/a", {"secret": 1}))
    assert elsewhere.seen == []


def test_a_renamed_repository_is_followed_with_method_and_body(home: Stub, api: Api) -> None:
    home.replies = [reply(307, location="/api/v3/repositories/1/a"), reply(201, {"id": 1})]
    assert api.post("/a", {"x": 1}) == {"id": 1}
    assert [(seen[0], seen[1], seen[3]) for seen in home.seen][1] == ("POST", "/api/v3/repositories/1/a", b'{"x": 1}')


# Repetition.


TROUBLES = [*(reply(status) for status in (500, 502, 503, 504)), reply(429, retry_after="1"), hang_up, truncated]


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_what_can_be_repeated_is(home: Stub, api: Api, method: str, trouble: Reply) -> None:
    home.replies = [trouble, trouble, reply(body={"a": 1})]
    act: dict[str, Callable[[], object]] = {
        "get": lambda: api.get("/a"),
        "patch": lambda: api.patch("/a", {}),
        "delete": lambda: api.delete("/a"),
    }
    act[method]()
    assert home.asked == [f"{method.upper()} /api/v3/a"] * 3


@pytest.mark.parametrize("trouble", [reply(500), reply(503, retry_after="1"), hang_up, truncated])
def test_what_may_have_been_done_is_not_posted_again(home: Stub, api: Api, trouble: Reply) -> None:
    home.replies = [trouble, reply(201, {})]
    error = failed(lambda: api.post("/a", {}))
    assert "not sent twice" in str(error)
    assert len(home.seen) == 1


@pytest.mark.parametrize(
    "limit", [reply(429, retry_after="3"), reply(403, retry_after="3"), reply(403, {"message": "secondary rate limit"})]
)
def test_what_was_surely_not_done_is_posted_again(home: Stub, api: Api, waits: Waits, limit: Reply) -> None:
    home.replies = [limit, reply(201, {"id": 1})]
    assert api.post("/a", {}) == {"id": 1}
    assert waits.slept in ([4.0], [61.0])


def test_a_service_that_cannot_be_reached_was_not_asked_and_a_post_is_tried_again(waits: Waits) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    api = Api(f"http://127.0.0.1:{port}", TOKEN, clock=waits.clock())
    error = failed(lambda: api.post("/a", {}))
    assert error.cause == f"POST /a: http://127.0.0.1:{port} cannot be reached, 5 times"
    assert len(waits.slept) == 4


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(1))
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem += key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pem")
    return context


def test_a_certificate_that_is_not_trusted_is_said_at_once(waits: Waits, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with suppress(OSError), self_signed(tmp_path).wrap_socket(connection, server_side=True):
                pass

        thread = threading.Thread(target=greet)
        thread.start()
        api = Api(f"https://127.0.0.1:{server.getsockname()[1]}", TOKEN, clock=waits.clock())
        error = failed(lambda: api.get("/a"))
        thread.join()
    assert re.search(r"the certificate of https://\S+:\d+ is not trusted", error.cause)
    assert waits.slept == []


def test_a_tls_connection_that_breaks_is_tried_again(home: Stub, waits: Waits) -> None:
    api = Api(home.url.replace("http:", "https:"), TOKEN, clock=waits.clock())
    home.replies = [hang_up]
    assert "broke, 5 times" in failed(lambda: api.get("/a")).cause


def test_before_a_post_is_repeated_somebody_looks_whether_it_is_there(home: Stub, api: Api) -> None:
    class Made(msgspec.Struct):
        id: int

    home.replies = [hang_up, hang_up, reply(201, {"id": 3})]
    looks: list[Made | None] = [None, Made(2)]
    assert api.post_once("/a", {}, lambda: looks.pop(0), shape=Made) == Made(2)
    assert len(home.seen) == 2
    home.replies = [reply(429, retry_after="1"), reply(201, {"id": 4})]
    assert api.post_once("/a", {}, lambda: pytest.fail("nothing to look for"), shape=Made) == Made(4)


def test_attempts_are_bounded_and_waits_double_with_full_jitter(home: Stub, api: Api, waits: Waits) -> None:
    home.replies = [reply(502)]
    error = failed(lambda: api.get("/a"))
    assert "answered 502, 5 times" in str(error)
    assert waits.slept == [1.0, 2.0, 4.0, 8.0]
    waits.slept.clear()
    waits.chance = 0.25
    failed(lambda: api.get("/a"))
    assert waits.slept == [0.25, 0.5, 1.0, 2.0]


def test_waits_stop_doubling(home: Stub, waits: Waits) -> None:
    home.replies = [reply(502)]
    patience = Patience(attempts=8, budget=1000.0)
    failed(lambda: Api(home.url, TOKEN, patience=patience, clock=waits.clock()).get("/a"))
    assert waits.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_all_requests_of_one_command_share_one_budget(home: Stub, waits: Waits) -> None:
    home.replies = [reply(502)]
    api = Api(home.url, TOKEN, patience=Patience(budget=20.0), clock=waits.clock())
    for _ in range(6):
        before = len(home.seen)
        failed(lambda: api.get("/a"))
    assert 18.0 < sum(waits.slept) <= 20.0
    assert len(home.seen) == before + 1


def test_a_wait_that_the_service_asks_for_is_kept(home: Stub, api: Api, waits: Waits) -> None:
    home.replies = [
        reply(503, retry_after="7"),
        reply(429, retry_after=formatdate(NOW + 20, usegmt=True), date=formatdate(NOW + 9, usegmt=True)),
        reply(body={}),
    ]
    api.get("/a")
    assert waits.slept == [8.0, 13.0]


def test_a_limit_that_ends_soon_is_waited_for_by_the_clock_of_the_service(home: Stub, api: Api, waits: Waits) -> None:
    spent = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": f"{NOW + 1030:.0f}"}
    home.replies = [reply(403, date=formatdate(NOW + 1000, usegmt=True), **spent), reply(body={})]
    api.get("/a")
    assert waits.slept == [32.0]


def test_a_wait_beyond_the_budget_is_given_up_at_once_with_the_time_it_could_work(
    home: Stub, api: Api, waits: Waits
) -> None:
    spent = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": f"{NOW + 2400:.0f}"}
    home.replies = [reply(403, date=formatdate(NOW, usegmt=True), **spent)]
    error = failed(lambda: api.get("/a"))
    assert "limit of requests" in error.cause
    assert "41 minutes" in str(error)
    assert (waits.slept, len(home.seen)) == ([], 1)


def test_an_answer_that_drips_is_not_waited_for_to_the_end(home: Stub, waits: Waits) -> None:
    passed = iter(range(0, 100_000, 40))
    clock = Clock(monotonic=lambda: next(passed), sleep=waits.slept.append, now=lambda: NOW, chance=lambda: 0.0)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(1000):
            handler.wfile.write(b"1")
            handler.wfile.flush()
            threading.Event().wait(0.005)

    home.replies = [drip]
    api = Api(home.url, TOKEN, patience=Patience(attempts=1), clock=clock)
    assert "not over after 60 seconds" in str(failed(lambda: api.get("/a")))


# Answers.


@pytest.mark.parametrize(
    ("status", "headers", "cause", "help"),
    [
        (401, {}, "401, no", "no longer"),
        (403, {"x_accepted_github_permissions": "issues=write; pull_requests=write,contents=read"}, "403, no",
         "issues: write, or pull-requests: write and contents: read"),
        (403, {"x_accepted_github_permissions": "allows_permissionless_access=true; <b>=write"}, "403, no", None),
        (404, {}, "404, no", "may not see it"),
        (422, {}, "422, no", None),
    ],
)  # fmt: skip
def test_a_refusal_is_final_and_says_what_to_do(
    home: Stub, api: Api, status: int, headers: dict[str, str], cause: str, help: str | None
) -> None:
    home.replies = [reply(status, {"message": "no"}, **headers)]
    error = failed(lambda: api.get("/a?x=1"), ServiceRefused)
    assert error.cause == f"GET /api/v3/a: answered {cause}"
    assert (help is None) == (error.help is None)
    assert help is None or help in str(error)
    assert len(home.seen) == 1


def test_what_a_service_says_of_an_error_stays_one_short_line(home: Stub, api: Api) -> None:
    home.replies = [reply(403, {"message": "a\x1b[31m\n::error::b\u202e" + "c" * 10_000})]
    cause = failed(lambda: api.get("/a"), ServiceRefused).cause
    assert cause.isprintable()
    assert len(cause) < 300


def test_a_list_is_read_page_by_page(home: Stub, api: Api) -> None:
    def page(number: int, last: bool = False) -> Reply:
        link = "" if last else f'<{home.url}/api/v3/l?page={number + 1}>; rel="next", <{home.url}/x>; rel="last"'
        return reply(body={"items": [number]}, link=link)

    home.replies = [page(1), page(2), page(3, last=True)]
    assert list(api.paginate("/l", {"name": "a"}, items="items", shape=int)) == [1, 2, 3]
    assert home.asked[0] == "GET /api/v3/l?per_page=100&name=a"
    assert home.asked[2] == "GET /api/v3/l?page=3"


def test_a_list_without_end_is_an_error_and_not_a_short_list(home: Stub, api: Api) -> None:
    home.replies = [reply(body=[1], link=f'<{home.url}/l?page=2>; rel="next"')]
    error = failed(lambda: list(api.paginate("/l", limit=3)))
    assert "more than 3 pages" in str(error)
    assert len(home.seen) == 3


def test_a_next_page_on_another_host_is_not_asked_for(home: Stub, elsewhere: Stub, api: Api) -> None:
    home.replies = [reply(body=[1], link=f'<{elsewhere.url}/l?page=2>; rel="next"')]
    elsewhere.replies = [reply(body=[2])]
    failed(lambda: list(api.paginate("/l")))
    assert elsewhere.seen == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"<html>", b"[NaN]", b'{"a": "x"}', b"\xff", b"[" * 100_000, b'{"a": 1} {}', b"null"]
)
def test_an_answer_that_is_not_what_its_description_says_is_an_error(home: Stub, api: Api, body: bytes) -> None:
    class Shape(msgspec.Struct):
        a: int

    home.replies = [reply(body=body)]
    assert "not what its description says" in str(failed(lambda: api.get("/a", shape=Shape)))
    assert "not what its description says" in str(failed(lambda: list(api.paginate("/a", items="i", shape=Shape))))


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_has_its_limit_packed_or_not(home: Stub, api: Api, packed: bool) -> None:
    class Refused(ServiceRefused):
        pass

    content = b"0" * (5 << 20)
    answer = reply(body=gzip.compress(content), content_encoding="gzip") if packed else reply(body=content)
    home.replies = [answer]
    assert api.download("/a", len(content)) == content
    failed(lambda: api.download("/a", len(content) - 1, too_large=Refused), Refused)


def test_what_is_gone_counts_as_removed_and_what_is_absent_as_not_found(home: Stub, api: Api) -> None:
    home.replies = [reply(204), reply(404), reply(410), reply(404), reply(403), reply(204)]
    api.delete("/a")
    api.delete("/a")
    api.delete("/a")
    assert api.find("/a") is None
    assert api.find("/a", absent=(403,)) is None
    assert api.get("/a") is None


def test_a_file_that_is_cut_off_on_its_way_is_fetched_again_from_its_beginning(
    home: Stub, api: Api, tmp_path: Path
) -> None:
    home.replies = [truncated, reply(503), reply(body=b"0123456789")]
    api.save("/weights", str(tmp_path / "weights"), 10)

    assert (tmp_path / "weights").read_bytes() == b"0123456789"
    error = failed(lambda: api.save("/weights", str(tmp_path / "weights"), 9))
    assert "larger than 9 bytes" in error.cause


def test_a_refusal_is_never_saved_as_the_file(home: Stub, api: Api, tmp_path: Path) -> None:
    home.replies = [reply(403, {"message": "no"})]
    failed(lambda: api.save("/weights", str(tmp_path / "weights"), 10), ServiceRefused)

    assert not (tmp_path / "weights").exists()


def test_a_file_is_put_again_from_its_beginning(home: Stub, api: Api, tmp_path: Path) -> None:
    home.replies = [reply(502), hang_up, reply()]
    (tmp_path / "weights").write_bytes(b"0123456789")
    api.put_file("/weights", str(tmp_path / "weights"))

    assert [body for _, _, _, body in home.seen] == [b"0123456789"] * 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_file_is_not_put_on_another_host(home: Stub, elsewhere: Stub, api: Api, tmp_path: Path, status: int) -> None:
    home.replies = [reply(status, Location=elsewhere.url)]
    (tmp_path / "weights").write_bytes(b"1")
    failed(lambda: api.put_file("/weights", str(tmp_path / "weights")))

    assert elsewhere.seen == []


def test_a_user_and_a_password_are_sent_the_basic_way(home: Stub, waits: Waits) -> None:
    home.replies = [reply(body={})]
    Api(home.url, "pä ss", user="us", clock=waits.clock()).get("/x")

    assert home.header("authorization") == ["Basic dXM6cMOkIHNz"]


def test_a_post_that_may_be_sent_again_is(home: Stub, api: Api) -> None:
    home.replies = [truncated, reply(500), reply(body={})]
    api.post("/tags", {"a": 1}, again=True)

    assert home.asked == ["POST /api/v3/tags"] * 3


def test_an_answer_can_say_in_its_body_that_there_is_no_such_thing(home: Stub, api: Api) -> None:
    home.replies = [reply(400, {"error_code": "ABSENT"}), reply(400, {"error_code": "OTHER"})]

    assert api.find("/x", absent=lambda answer: b"ABSENT" in answer.content) is None
    failed(lambda: api.find("/x", absent=lambda answer: b"ABSENT" in answer.content), ServiceRefused)

"""The version of data by an object store: only where the store keeps these very bytes under an id."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import from_url

from mlci.adapters.identity import Identified, identify, objects
from mlci.adapters.remote.store import Stated
from mlci.cli.main import run
from mlci.errors import ServiceFailed, ServiceRefused

CSV = b"id,x\n" + b"".join(b"%d,%d\n" % (row, row % 7) for row in range(50))
SECRET = "wJalrXUtnFEMIsecret"
ADDRESS = "s3://versioned/trips/train.csv"
_ON = '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>{}</Status></VersioningConfiguration>'


@pytest.fixture(name="server", scope="module")
def _server() -> Iterator[str]:
    requests = pytest.importorskip("requests")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request"}
    for bucket in ("versioned", "plain", "suspended"):
        assert requests.put(f"{url}/{bucket}", headers=signed, timeout=10).status_code == 200
    for bucket, status in (("versioned", "Enabled"), ("suspended", "Suspended")):
        asked = requests.put(f"{url}/{bucket}?versioning", headers=signed, data=_ON.format(status), timeout=10)
        assert asked.status_code == 200
    yield url
    server.stop()


@pytest.fixture(name="place", autouse=True)
def _place(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    Path("train.csv").write_bytes(CSV)
    return tmp_path


def put(content: bytes, address: str = ADDRESS, **how: Any) -> str | None:
    """The version id that the store gave it."""
    bucket, key = address.removeprefix("s3://").split("/", 1)
    store = from_url(f"s3://{bucket}", client_options={"allow_http": True})
    return obstore.put(store, key, content, **how)["version"]


def found(address: str = ADDRESS, asked: str | None = "object-store") -> Identified:
    return identify("train.csv", "train.csv", asked=asked, repository=None, object=address)


def test_a_copy_of_an_object_has_the_version_id_of_the_object() -> None:
    id = put(CSV)

    answer = found()
    version = answer.identity.version
    assert (version.system, version.id, version.where) == ("s3", id, ADDRESS)
    assert "its e_tag is their md5" in answer.notes[0]
    assert found(asked=None).identity.version == version


def test_an_object_that_was_replaced_since_is_not_what_lies_here() -> None:
    put(CSV)
    put(CSV.replace(b"1,1", b"1,2"))
    answer = found()

    assert answer.identity.version.system == "content"
    assert answer.broken is not None
    assert "has other bytes at version" in answer.broken


def test_an_object_of_another_size_is_told_by_both_sizes() -> None:
    put(CSV + b"50,1\n")

    assert found().broken == f"{ADDRESS} has {len(CSV) + 5} bytes, and {len(CSV)} lie here"


def test_an_object_that_was_deleted_has_no_version() -> None:
    put(CSV)
    obstore.delete(from_url("s3://versioned", client_options={"allow_http": True}), "trips/train.csv")

    assert found().broken == f"there is no {ADDRESS}, or it was deleted"


@pytest.mark.parametrize("bucket", ["plain", "suspended"])
def test_a_bucket_that_keeps_no_versions_gives_none(bucket: str) -> None:
    address = f"s3://{bucket}/train.csv"
    put(CSV, address)
    answer = found(address)

    assert answer.identity.version.system == "content"
    assert answer.broken is not None
    assert "keeps no versions" in answer.broken


def test_an_object_that_was_uploaded_in_parts_is_known_by_them() -> None:
    content = os.urandom(11 << 20)
    Path("train.csv").write_bytes(content)
    id = put(content, chunk_size=5 << 20, use_multipart=True)

    answer = found()
    assert answer.identity.version.id == id
    assert "the md5 of their parts" in answer.notes[0]


def test_an_object_that_no_e_tag_proves_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    content = os.urandom(13 << 20)
    Path("train.csv").write_bytes(content)
    id = put(content, chunk_size=6 << 20, use_multipart=True)

    answer = found()
    assert answer.identity.version.id == id
    assert "it was read and has their sha256" in answer.notes[0]
    # Of an encrypted object the e_tag looks like an md5 and is none.
    monkeypatch.setattr(objects.Store, "stated", lambda *_: Stated(size=len(content), e_tag="0" * 32, version=id))
    assert found().identity.version.id == id


def test_the_version_that_was_stated_is_the_one_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    first = put(CSV)
    put(b"x" * len(CSV))
    monkeypatch.setattr(objects.Store, "stated", lambda *_: Stated(size=len(CSV), e_tag=None, version=first))

    assert found().identity.version.id == first


def test_a_folder_is_no_object() -> None:
    Path("folder").mkdir()
    Path("folder/a.csv").write_bytes(CSV)

    answer = identify("folder", "folder", asked="object-store", repository=None, object="s3://versioned/folder")
    assert answer.broken is not None
    assert "a folder lies here" in answer.broken


@pytest.mark.parametrize(("scheme", "system"), [("gs", "gcs"), ("az", "azure")])
def test_other_clouds_are_named_as_such(monkeypatch: pytest.MonkeyPatch, scheme: str, system: str) -> None:
    class Stand:
        def __init__(self, address: str, **_: str) -> None:
            assert address == f"{scheme}://data"

        def stated(self, path: str) -> Stated:
            assert path == "a/train.csv"
            return Stated(size=len(CSV), e_tag=hashlib.md5(CSV, usedforsecurity=False).hexdigest(), version="17")

    monkeypatch.setattr(objects, "Store", Stand)
    answer = found(f"{scheme}://data/a/train.csv")

    assert (answer.identity.version.system, answer.identity.version.id) == (system, "17")
    assert any("does not say" in note for note in answer.notes) == (scheme == "gs")


def test_a_store_that_is_down_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("mlci.adapters.remote.store._PATIENCE", 0.1)
    monkeypatch.setattr(objects.Store.__init__, "__kwdefaults__", {"patience": 0.1, "what": "a version"})

    with pytest.raises(ServiceFailed, match=r"s3://versioned/trips/train\.csv could not be read"):
        found()


class _Refusing(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


# The command


def check(address: str = ADDRESS) -> int:
    Path("mlci.yml").write_text(f"model: m\ndata: {{train: {{path: train.csv, object: '{address}'}}}}\n")
    return run(("data-check",), {})


def test_the_evidence_names_the_object_and_its_version() -> None:
    id = put(CSV)

    assert check() == 0
    predicate = json.loads(Path(".mlci/evidence/data.json").read_text())["predicate"]
    assert predicate["datasets"][0]["identity"]["version"] == {"system": "s3", "id": id, "where": ADDRESS}


def test_data_that_are_not_their_object_fail() -> None:
    put(CSV + b"50,1\n")

    assert check() == 10
    said = json.loads(Path(".mlci/report/data-check.json").read_text())
    (broken,) = [one for one in said["findings"] if one["id"] == "data:version[train]"]
    assert broken["verdict"] == "fail"
    assert "bucket that keeps versions" in broken["explanation"]


def test_a_store_that_refuses_is_named_and_no_credential_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    try:
        assert check() == ServiceRefused.exit
        with pytest.raises(ServiceRefused):
            found()
    finally:
        server.shutdown()
        server.server_close()
    said = capsys.readouterr().err
    assert "error[S002]" in said
    assert f"{ADDRESS} may not be read" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    "address",
    ["s3://key:wJalrXUtnFEMIsecret@bucket/key", "s3://bucket/key?X-Amz-Signature=wJalrXUtnFEMIsecret", "s3://bucket",
     "s3://bucket/folder/", "https://bucket/key", "train.csv"],
)  # fmt: skip
def test_an_address_that_is_no_object_is_refused_without_being_repeated(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(address) == 2
    said = capsys.readouterr().err
    assert "object must be the address of one object" in said
    assert SECRET not in said


def test_a_version_of_a_store_needs_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mlci.yml").write_text("model: m\ndata: {train: {path: train.csv, version: object-store}}\n")

    assert run(("data-check",), {}) == 2
    assert "data.train.object names no object" in capsys.readouterr().err

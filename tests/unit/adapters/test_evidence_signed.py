"""Signatures of evidence: made by two makers, and every way in which one must not count."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from mlci import REPOSITORY
from mlci.adapters.evidence.signed import PAYLOAD, Key, pae, read_keys, signed_by
from mlci.errors import ExtraMissing, OutOfRange

PREDICATE = {"verdict": "pass", "share": 0.5, "small": 1e-7, "flag": True, "names": ["ä", "b"]}
STATEMENT: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "late-trips", "digest": {"sha256": "a" * 64}}],
    "predicateType": f"{REPOSITORY}/evidence/gate/v1",
    "predicate": PREDICATE,
}
OURS = rfc8785.dumps(STATEMENT)
Sign = Callable[[bytes], bytes]


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def written(key: Any, path: Path) -> str:
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    path.write_bytes(pem)
    return str(path)


def enveloped(payload: bytes, *signers: Sign, type_: str = PAYLOAD, said: str | None = None) -> dict[str, Any]:
    signatures = [{"keyid": "anything", "sig": base64_of(sign(pae(type_, payload)))} for sign in signers]
    return {"payloadType": type_ if said is None else said, "payload": base64_of(payload), "signatures": signatures}


def bundled(envelope: dict[str, Any], material: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": material or {"publicKey": {"hint": "abc"}, "tlogEntries": []},
        "dsseEnvelope": envelope,
    }


def as_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


class Maker:
    """A key pair of one kind, made by the library."""

    def __init__(self, kind: str, folder: Path, name: str = "alice.pem") -> None:
        self.private: Any = ed25519.Ed25519PrivateKey.generate()
        if kind == "ecdsa":
            self.private = ec.generate_private_key(ec.SECP256R1())
        self.keys = read_keys([written(self.private, folder / name)])

    def sign(self, content: bytes) -> bytes:
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(content)
        return bytes(self.private.sign(content, ec.ECDSA(hashes.SHA256())))


@pytest.fixture(params=["ed25519", "ecdsa"])
def maker(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    return Maker(request.param, tmp_path)


def why(statement: bytes, content: Any, keys: tuple[Key, ...]) -> str:
    found = signed_by(statement, [content if isinstance(content, bytes) else as_bytes(content)], keys)
    assert found.by is None
    return str(found.why)


def test_an_envelope_and_a_bundle_of_cosign_count(maker: Maker) -> None:
    envelope = enveloped(OURS, maker.sign)
    for content in (envelope, bundled(envelope)):
        assert signed_by(OURS, [as_bytes(content)], maker.keys).by == "alice.pem"


def test_the_signer_may_write_the_statement_in_its_own_way(maker: Maker) -> None:
    # cosign attest: another version of the statement, other spaces, other spelling of numbers, names in another order.
    own = json.dumps({**dict(reversed(STATEMENT.items())), "_type": "https://in-toto.io/Statement/v0.1"}, indent=2)
    payload = own.replace("1e-07", "0.0000001").encode()
    assert payload != OURS
    assert signed_by(OURS, [as_bytes(enveloped(payload, maker.sign))], maker.keys).by == "alice.pem"


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"predicate": {**PREDICATE, "verdict": "fail"}}, "predicate"),
        ({"predicate": {**PREDICATE, "flag": 1}}, "a number for a truth"),
        ({"predicateType": f"{REPOSITORY}/evidence/model/v1"}, "type"),
        ({"subject": [{"name": "late-trips", "digest": {"sha256": "b" * 64}}]}, "subject"),
        ({"subject": []}, "no subject"),
        ({"_type": "https://example.invalid/Statement/v1"}, "no statement"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_good_signature_of_another_statement_does_not_count(maker: Maker, changed: dict[str, Any], name: str) -> None:
    payload = rfc8785.dumps({**STATEMENT, **changed})
    assert "another statement" in why(OURS, enveloped(payload, maker.sign), maker.keys)


def test_a_name_that_stands_twice_in_what_was_signed_is_not_read_as_either(maker: Maker) -> None:
    payload = OURS.replace(b'"verdict":"pass"', b'"verdict":"pass","verdict":"pass"')
    assert "another statement" in why(OURS, enveloped(payload, maker.sign), maker.keys)


def test_another_key_does_not_count(maker: Maker, tmp_path: Path) -> None:
    for kind in ("ed25519", "ecdsa"):
        other = Maker(kind, tmp_path, "bob.pem")
        assert "none of the keys" in why(OURS, enveloped(OURS, maker.sign), other.keys)
    assert "none of the keys" in why(OURS, enveloped(OURS, maker.sign), ())


def test_a_payload_that_was_changed_after_it_was_signed_does_not_count(maker: Maker) -> None:
    forged = rfc8785.dumps({**STATEMENT, "predicate": {**PREDICATE, "verdict": "fail"}})
    envelope = {**enveloped(OURS, maker.sign), "payload": base64_of(forged)}
    assert "none of the keys" in why(forged, envelope, maker.keys)
    assert "another statement" in why(OURS, envelope, maker.keys)


def test_a_truncated_signature_does_not_count(maker: Maker) -> None:
    envelope = enveloped(OURS, lambda content: maker.sign(content)[:-1])
    assert "none of the keys" in why(OURS, envelope, maker.keys)
    whole = as_bytes(enveloped(OURS, maker.sign))
    for end in (0, 1, len(whole) // 2, len(whole) - 1):
        assert signed_by(OURS, [whole[:end]], maker.keys).by is None


def test_of_two_signatures_one_good_is_enough_and_two_bad_are_not(maker: Maker, tmp_path: Path) -> None:
    stranger = Maker("ed25519", tmp_path, "stranger.pem")
    assert signed_by(OURS, [as_bytes(enveloped(OURS, stranger.sign, maker.sign))], maker.keys).by == "alice.pem"
    bad = enveloped(OURS, stranger.sign, lambda _: b"\0" * 64)
    assert "none of the keys" in why(OURS, bad, maker.keys)
    assert signed_by(OURS, [as_bytes(bad), as_bytes(enveloped(OURS, maker.sign))], maker.keys).by == "alice.pem"


@pytest.mark.parametrize("said", ["application/json", "application/vnd.in-toto+json ", ""])
def test_another_payload_type_does_not_count(maker: Maker, said: str) -> None:
    # Signed as that type, and signed as ours and then called that.
    for type_ in (said, PAYLOAD):
        envelope = enveloped(OURS, maker.sign, type_=type_, said=said)
        assert "payload type" in why(OURS, envelope, maker.keys)
    assert "none of the keys" in why(OURS, enveloped(OURS, maker.sign, type_="text/plain", said=PAYLOAD), maker.keys)


def test_a_signature_over_the_bare_payload_does_not_count(maker: Maker) -> None:
    envelope = {**enveloped(OURS), "signatures": [{"sig": base64_of(maker.sign(OURS))}]}
    assert "none of the keys" in why(OURS, envelope, maker.keys)


def test_a_bundle_without_a_key_is_said_to_be_unchecked(maker: Maker) -> None:
    keyless = bundled(enveloped(OURS, maker.sign), {"certificate": {"rawBytes": "MIIB"}, "tlogEntries": []})
    assert "without a key" in why(OURS, keyless, maker.keys)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"null", b'{"payloadType": 3}', b"\xff\xfe", b"[" * 100_000, b'{"mediaType": "x"}',
     b'{"payloadType": "a", "payloadType": "b", "payload": "", "signatures": []}',
     as_bytes({"payloadType": PAYLOAD, "payload": "%%%", "signatures": []})],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_signature_is_said_to_be_none(maker: Maker, content: bytes) -> None:
    assert why(OURS, content, maker.keys)


def test_one_a_line_is_what_cosign_download_prints(maker: Maker, tmp_path: Path) -> None:
    stranger = Maker("ecdsa", tmp_path, "stranger.pem")
    lines = [as_bytes(bundled(enveloped(OURS, one))) for one in (stranger.sign, maker.sign)]
    assert signed_by(OURS, [b"\n".join(lines) + b"\n"], maker.keys).by == "alice.pem"
    assert "more than 16" in why(OURS, b"\n".join(lines[:1] * 17), maker.keys)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on this machine")
@pytest.mark.parametrize("kind", ["ed25519", "prime256v1"])
def test_what_openssl_made_counts(tmp_path: Path, kind: str) -> None:
    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True)

    if kind == "ed25519":
        openssl("genpkey", "-algorithm", "ed25519", "-out", "private.pem")
    else:
        openssl("ecparam", "-name", kind, "-genkey", "-noout", "-out", "private.pem")
    openssl("pkey", "-in", "private.pem", "-pubout", "-out", "public.pem")

    def sign(content: bytes) -> bytes:
        (tmp_path / "signed").write_bytes(content)
        raw = ("-rawin",) if kind == "ed25519" else ("-rawin", "-digest", "sha256")
        openssl("pkeyutl", "-sign", "-inkey", "private.pem", *raw, "-in", "signed", "-out", "signature")
        return (tmp_path / "signature").read_bytes()

    keys = read_keys([str(tmp_path / "public.pem")])
    assert signed_by(OURS, [as_bytes(enveloped(OURS, sign))], keys).by == "public.pem"
    assert "none of the keys" in why(OURS, enveloped(OURS, lambda content: sign(content + b"x")), keys)


@pytest.mark.parametrize("kind", ["rsa", "p384", "private", "text"])
def test_a_key_of_another_kind_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key.pem"
    if kind == "rsa":
        written(rsa.generate_private_key(65537, 2048), path)
    elif kind == "p384":
        written(ec.generate_private_key(ec.SECP384R1()), path)
    elif kind == "private":
        path.write_bytes(
            ed25519.Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    else:
        path.write_text("no key")
    with pytest.raises(OutOfRange) as caught:
        read_keys([str(path)])
    assert str(caught.value.place) == str(path)


def test_without_the_library_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(ed25519.Ed25519PrivateKey.generate(), tmp_path / "key.pem")
    monkeypatch.setitem(__import__("sys").modules, "cryptography.hazmat.primitives", None)
    with pytest.raises(ExtraMissing) as caught:
        read_keys([path])
    assert "mlci[sign]" in str(caught.value.help)

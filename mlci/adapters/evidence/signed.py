"""Signatures of evidence: DSSE envelopes, and the bundles that cosign writes around them, checked with public keys.

A signer is handed subject, type and predicate and writes a statement of its own, so these three are compared with ours
and the signature is over its bytes. https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from mlci.adapters.disk.folders import read_file
from mlci.adapters.evidence.statement import decoded
from mlci.errors import ArtifactRefused, ExtraMissing, OutOfRange, Place

PAYLOAD = "application/vnd.in-toto+json"
# https://in-toto.io/Statement/v0.1 is what cosign attest still writes.
_STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
# A payload is written in base64, which takes a third more than the largest evidence.
LARGEST_SIGNED = 48 << 20
_MOST = 16
_LARGEST_KEY = 16 << 10


@dataclass(frozen=True)
class Key:
    """A public key whose signatures count.

    Attributes:
        name: the file it is from.
        digest: sha256 of the key itself, in hexadecimal.
        public: as the library that checks has it.
    """

    name: str
    digest: str
    public: Any = field(repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class Signed:
    """What the signatures beside a piece of evidence are worth.

    Attributes:
        by: name of the key that signed it; None where none of the keys did.
        why: why no signature counts, as a clause; None where one does.
    """

    by: str | None = None
    why: str | None = None


class _Signature(msgspec.Struct):
    sig: str
    keyid: str | None = None


class _Envelope(msgspec.Struct, rename="camel"):
    payload_type: str
    payload: str
    signatures: list[_Signature]


class _Bundle(msgspec.Struct, rename="camel"):
    """https://github.com/sigstore/protobuf-specs: sigstore_bundle.proto, in JSON."""

    verification_material: dict[str, Any] = {}
    dsse_envelope: _Envelope | None = None


class _Either(msgspec.Struct, rename="camel"):
    payload_type: str | None = None
    media_type: str | None = None


def read_keys(paths: Sequence[str]) -> tuple[Key, ...]:
    """Public keys from PEM files: Ed25519, and ECDSA on P-256.

    Raises:
        FileMissing, ArtifactRefused: a file cannot be read.
        OutOfRange: it holds no such key.
        ExtraMissing: the library that checks signatures is not installed.
    """
    return tuple(_key(path) for path in paths)


def _key(path: str) -> Key:
    serialization, ec, ed25519, _ = _library()
    place, help_ = Place(path), "write the public key as PEM, as openssl pkey -pubout and cosign public-key do"
    try:
        public = serialization.load_pem_public_key(read_file(path, _LARGEST_KEY))
    except (ValueError, TypeError, _unsupported()) as error:
        raise OutOfRange("it holds no public key that can be read", place=place, help=help_) from error
    of_curve = isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1)
    if not of_curve and not isinstance(public, ed25519.Ed25519PublicKey):
        raise OutOfRange("its key is neither of Ed25519 nor of ECDSA on P-256", place=place, help=help_)
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Key(Path(path).name, hashlib.sha256(spki).hexdigest(), public)


def _library() -> tuple[Any, Any, Any, Any]:
    try:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    except ImportError as error:
        raise ExtraMissing("signatures need cryptography", help='pip install "mlci[sign]"') from error
    return serialization, ec, ed25519, hashes


def _unsupported() -> type[Exception]:
    from cryptography.exceptions import UnsupportedAlgorithm

    return UnsupportedAlgorithm


def signed_by(statement: bytes, signatures: Sequence[bytes], keys: Sequence[Key]) -> Signed:
    """Which of the keys signed a piece of evidence.

    One good signature is enough, as DSSE has it: what others wrote beside it, good or bad, takes nothing away.

    Args:
        statement: the bytes of the evidence.
        signatures: files that lie beside it: an envelope, a bundle, or one of them a line.
        keys: those that count.

    Raises:
        ExtraMissing: the library that checks signatures is not installed.
    """
    why = "no signature is there"
    for content in signatures[:_MOST]:
        try:
            for envelope in _envelopes(content):
                found = _checked(statement, envelope, keys)
                if found.by is not None:
                    return found
                why = found.why or why
        except ArtifactRefused as error:
            why = error.cause
    return Signed(why=why)


def _envelopes(content: bytes) -> Iterator[_Envelope]:
    """The envelopes of a file.

    Raises:
        ArtifactRefused: it holds something else, or one that no key can be checked against.
    """
    if len(content) > LARGEST_SIGNED:
        raise ArtifactRefused(f"the signature has {len(content)} bytes, more than {LARGEST_SIGNED}")
    lines = [content] if _is_one(content) else [line for line in content.split(b"\n") if line.strip()]
    if len(lines) > _MOST:
        raise ArtifactRefused(f"there are more than {_MOST} signatures in one file")
    for line in lines:
        if _decoded(line, _Either).payload_type is not None:
            yield _decoded(line, _Envelope)
            continue
        bundle = _decoded(line, _Bundle)
        if bundle.dsse_envelope is None:
            raise ArtifactRefused("the signature is of a file and not of a statement")
        if "publicKey" not in bundle.verification_material:
            raise ArtifactRefused("it was signed with a certificate and without a key, which mlci does not check")
        yield bundle.dsse_envelope


def _is_one(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _decoded(content: bytes, kind: type[Any]) -> Any:
    where = Place("a signature")
    return decoded(content, kind, where, what="the signature", limit=LARGEST_SIGNED, help=None)


def _checked(statement: bytes, envelope: _Envelope, keys: Sequence[Key]) -> Signed:
    if envelope.payload_type != PAYLOAD:
        return Signed(why="what was signed is no statement, by its payload type")
    payload = _from_base64(envelope.payload)
    if payload is None:
        return Signed(why="what was signed is not in base64")
    if not _says_the_same(payload, statement):
        return Signed(why="another statement was signed than this one")
    signed = pae(envelope.payload_type, payload)
    for each in envelope.signatures[:_MOST]:
        signature = _from_base64(each.sig)
        # The id of a key is a hint that anybody may write; every key is tried.
        for key in keys if signature is not None else ():
            if _is_by(key, signature or b"", signed):
                return Signed(by=key.name)
    return Signed(why="none of the keys that count signed it")


def pae(payload_type: str, payload: bytes) -> bytes:
    """What is signed of an envelope: its pre-authentication encoding.

    >>> pae("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _from_base64(text: str) -> bytes | None:
    """DSSE lets a signer write either alphabet."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None


def _says_the_same(payload: bytes, statement: bytes) -> bool:
    """Whether subject, predicate type and predicate are the same values, however they are written."""
    import rfc8785

    try:
        theirs, ours = (_decoded(content, dict[str, Any]) for content in (payload, statement))
        if theirs.get("_type") not in _STATEMENTS:
            return False
        names = ("subject", "predicateType", "predicate")
        one, other = (rfc8785.dumps([said.get(name) for name in names]) for said in (theirs, ours))
    except (ArtifactRefused, rfc8785.CanonicalizationError, ValueError, RecursionError):
        return False
    return bool(one == other)


def _is_by(key: Key, signature: bytes, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    _, ec, ed25519, hashes = _library()
    try:
        if isinstance(key.public, ed25519.Ed25519PublicKey):
            key.public.verify(signature, signed)
        else:
            key.public.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True

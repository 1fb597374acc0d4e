"""A folder in an object store, or on a disk that plays one: listed, read and added to, never changed.

Through ``obstore`` (https://developmentseed.org/obstore), which reads the credentials of each cloud from the
environment itself: https://docs.rs/object_store.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from mlci.errors import (
    ArtifactRefused,
    ExtraMissing,
    MlciError,
    NotWritable,
    Place,
    ServiceFailed,
    ServiceRefused,
    UsageError,
)

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

SCHEMES = ("s3", "gs", "az", "file")
# Two objects a run: fifty thousand runs. A listing of this length takes a hundred requests.
MOST_OBJECTS = 100_000
_PATIENCE = 60.0
_CONNECT, _TRANSFER = timedelta(seconds=10), timedelta(minutes=10)
# Whoever names a server without TLS means it; no other request goes out in the clear.
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_STATUS = re.compile(r"status code: (\d{3})\b")
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What a store says of an object without sending it.

    Attributes:
        size: bytes.
        e_tag: as the store writes it, without quotes; None where it gives none.
        version: the id under which these very bytes stay there; None where the store keeps no versions of it.
    """

    size: int
    e_tag: str | None
    version: str | None


class Store:
    """The folder that one address names."""

    def __init__(self, address: str, *, patience: float = _PATIENCE, what: str = "a baseline") -> None:
        """Open it; nothing is asked of the store yet.

        Args:
            address: s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or file:///folder.
            patience: seconds for which one request is repeated.
            what: lies in it, for a message.

        Raises:
            UsageError: the address names no such store.
            ExtraMissing: obstore is not installed.
            ServiceFailed: the folder of a file address is not there.
        """
        parts = _parsed(address)
        self.address = address.rstrip("/")
        try:
            import obstore  # noqa: F401 - asked for here so that its absence is one clear error
        except ImportError as error:
            help = 'pip install "mlci[store]"'
            raise ExtraMissing(f"{what} in {parts.scheme}:// needs obstore", help=help) from error
        with self._answering("opened"):
            self._store = _on_disk(parts) if parts.scheme == "file" else _in_cloud(address, patience)

    def names(self, folder: str) -> Iterator[str]:
        """The paths of all objects below a folder, in no particular order.

        Raises:
            ServiceFailed, ServiceRefused: the store does not list them all.
        """
        import obstore

        seen = 0
        with self._answering("listed"):
            for chunk in obstore.list(self._store, folder, chunk_size=1000):
                seen += len(chunk)
                if seen > MOST_OBJECTS:
                    raise ServiceFailed(
                        f"{self.address}/{folder} has more than {MOST_OBJECTS:,} objects",
                        help="remove old runs from it; a lifecycle rule of the store can do that",
                    )
                yield from (meta["path"] for meta in chunk)

    def read(self, path: str, limit: int) -> bytes | None:
        """The bytes of an object; None where there is none.

        Raises:
            ArtifactRefused: it has more bytes than the limit.
            ServiceFailed, ServiceRefused: the store does not answer.
        """
        import obstore

        with self._answering("read"):
            try:
                found = obstore.get(self._store, path)
                if found.meta["size"] > limit:
                    cause = f"{self.address}/{path} has {found.meta['size']:,} bytes, more than {limit:,}"
                    raise ArtifactRefused(cause)
                return bytes(found.bytes())
            except FileNotFoundError:
                return None

    def create(self, path: str, content: bytes) -> None:
        """Add an object, whole or not at all; one that is there with the very same bytes is as good.

        Raises:
            NotWritable: another object has this name.
            ServiceFailed, ServiceRefused: the store does not take it.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with self._answering("written"):
            try:
                obstore.put(self._store, path, content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                # A write whose answer was lost is repeated by the library, and then finds itself.
                if self._same(path, content):
                    return
                raise NotWritable(
                    f"{self.address}/{path} is there already, with other content",
                    place=Place(f"{self.address}/{path}"),
                    help="jobs of one run that keep different models need a --key each",
                ) from None

    def level(self, folder: str) -> tuple[list[str], dict[str, int]]:
        """What lies directly in a folder: paths of folders, and bytes of objects by path.

        Raises:
            ServiceFailed, ServiceRefused: the store does not list it.
        """
        import obstore

        with self._answering("listed"):
            found = obstore.list_with_delimiter(self._store, folder or None)
            return list(found["common_prefixes"]), {meta["path"]: meta["size"] for meta in found["objects"]}

    def upload(self, path: str, source: str) -> None:
        """Put a file of this machine at a path, whole or not at all, in place of what is there.

        Raises:
            ServiceFailed, ServiceRefused: the store does not take it.
        """
        import obstore

        with self._answering("written"):
            obstore.put(self._store, path, Path(source))

    def download(self, path: str, target: str, limit: int, *, too_large: type[MlciError] = ArtifactRefused) -> None:
        """Stream an object into a file of this machine; where it fails, half a file can be left.

        Raises:
            too_large: it has more bytes than the limit.
            ServiceFailed, ServiceRefused: there is no such object, or the store does not answer.
        """
        import obstore

        with self._answering("read"):
            found = obstore.get(self._store, path)
            if found.meta["size"] > limit:
                raise too_large(f"{self.address}/{path} has {found.meta['size']:,} bytes, more than {limit:,}")
            with Path(target).open("wb") as stream:
                stream.writelines(found.stream())

    def stated(self, path: str) -> Stated | None:
        """What is known of an object as it lies there now; None where there is none.

        Raises:
            ServiceFailed, ServiceRefused: the store does not answer.
        """
        import obstore

        with self._answering("read", path):
            try:
                found = obstore.head(self._store, path)
            except FileNotFoundError:
                return None
        # S3 calls null what it stored while versions were off, and overwrites it.
        version = found.get("version")
        e_tag = found.get("e_tag")
        return Stated(
            size=found["size"],
            e_tag=e_tag.removeprefix("W/").strip('"') if e_tag is not None else None,
            version=version if version not in (None, "", "null") else None,
        )

    def chunks(self, path: str, version: str) -> Iterator[bytes]:
        """The bytes of one version of an object, piece by piece; none where it is gone.

        Raises:
            ServiceFailed, ServiceRefused: the store does not answer.
        """
        import obstore

        with self._answering("read", path):
            try:
                found = obstore.get(self._store, path, options={"version": version})
            except FileNotFoundError:
                return
            yield from map(bytes, found.stream(min_chunk_size=1 << 20))

    def _same(self, path: str, content: bytes) -> bool:
        try:
            return self.read(path, len(content)) == content
        except ArtifactRefused:
            return False

    @contextmanager
    def _answering(self, done: str, path: str = "") -> Iterator[None]:
        try:
            yield
        except MlciError:
            raise
        except Exception as error:
            from obstore.exceptions import BaseError

            if not isinstance(error, (BaseError, OSError)):
                raise
            # Neither the text nor the error itself goes on: both hold request addresses and what the server
            # said, and those hold signatures and access keys.
            raise _failure(f"{self.address}/{path}" if path else self.address, done, error) from None


def _parsed(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        credentials = parts.username is not None or parts.password is not None
    except ValueError as error:
        raise UsageError("the address of the store cannot be understood", place=_PLACE) from error
    if credentials or parts.query or parts.fragment:
        raise UsageError(
            "the address of the store holds more than a place",
            place=_PLACE,
            help="credentials come from the environment; leave out user, password, query and fragment",
        )
    on_disk = parts.scheme == "file"
    named = parts.netloc in ("", "localhost") and parts.path.startswith("/") if on_disk else bool(parts.netloc)
    if parts.scheme not in SCHEMES or not address.isprintable() or not named:
        raise UsageError(
            f"no store has the address {address[:200]!a}",
            place=_PLACE,
            help="write s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or file:///folder",
        )
    return parts


_PLACE = Place("--baseline-from")


def _on_disk(parts: SplitResult) -> ObjectStore:
    from obstore.store import LocalStore

    folder = Path(unquote(parts.path))
    # Made here, a forgotten mount would be an empty store, and the gate would go on without a baseline.
    if not folder.is_dir():
        raise ServiceFailed(f"there is no folder {folder}", place=_PLACE, help="make it once, or mount it")
    return LocalStore(prefix=folder)


def _in_cloud(address: str, patience: float) -> ObjectStore:
    from obstore.store import from_url

    client: ClientConfig = {"connect_timeout": _CONNECT, "timeout": _TRANSFER}
    if address.startswith("s3:") and any(os.environ.get(name, "").startswith("http://") for name in _ENDPOINTS):
        client["allow_http"] = True
    retry: RetryConfig = {"max_retries": 5, "retry_timeout": timedelta(seconds=patience)}
    return from_url(address, client_options=client, retry_config=retry)


def _failure(address: str, done: str, error: Any) -> MlciError:
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    text = str(error)
    status = next(iter(_STATUS.findall(text)), None)
    said = " ".join(part for part in (status, next(iter(_CODE.findall(text)), None)) if part is not None)
    denied = isinstance(error, (PermissionDeniedError, UnauthenticatedError, PermissionError))
    if denied or status in ("401", "403"):
        return ServiceRefused(
            f"{address} may not be {done}" + (f" ({said})" if said else ""),
            help="check the credentials in this job's environment, and what they may do there",
        )
    return ServiceFailed(
        f"{address} could not be {done}: " + (f"the store said {said}" if said else "no answer that could be used"),
        help="check the address, the network, and the credentials and endpoint in this job's environment",
    )

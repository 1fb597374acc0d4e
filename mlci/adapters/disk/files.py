"""Files on this machine: written whole or not at all, digested, and bare metrics read strictly."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

from mlci.domain.metric import known_metric, normalise
from mlci.errors import BadValue, FileMissing, NoExamples, NotWritable, Place, Unreadable

_LARGEST_JSON = 10 << 20


def write(path: str, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never half of it, even through a crash.

    Raises:
        NotWritable: the folder cannot be made or the disk is full; the old content is still there.
    """
    target = Path(path)
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes private files; a report is as readable as any other file the user's umask allows.
        Path(temporary).chmod(0o666 & ~umask())
        Path(temporary).replace(target)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise NotWritable(
            f"cannot write {path}: {error.strerror or error}", place=Place(path), help="check permissions and space"
        ) from error


def umask() -> int:
    """What this process takes away from the mode of new files; reading it takes setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def remove(path: str) -> None:
    """Remove a file that an earlier run left, so that nobody takes it for this run's.

    Raises:
        NotWritable: it is there and cannot be removed.
    """
    try:
        Path(path).unlink(missing_ok=True)
    except OSError as error:
        raise NotWritable(f"cannot replace {path}: {error.strerror or error}", place=Place(path)) from error


def unread(path: str, error: OSError) -> FileMissing:
    """What to raise for a file that cannot be read."""
    return FileMissing(f"cannot read {path}: {error.strerror or error}", place=Place(path))


def sha256(path: str) -> str:
    """Digest of a file's bytes, in hexadecimal.

    Raises:
        FileMissing: it does not exist or cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise unread(path, error) from error
    return digest.hexdigest()


def read_metrics(path: str) -> tuple[dict[str, float], str | None]:
    """Read bare metrics: ``{"f1": 0.88, …}``, or ``{"metrics": {…}, "holdout": "digest"}``.

    Returns:
        value by metric name, and the holdout's digest where the file names one.

    Raises:
        FileMissing, Unreadable, BadValue, NoExamples: what is wrong with the file.
    """
    file = Path(path)
    try:
        if file.stat().st_size > _LARGEST_JSON:
            raise Unreadable("larger than 10 MiB, too large for the metrics of one model", place=Place(path))
        document = json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=_unrepeated)
    except OSError as error:
        raise unread(path, error) from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not a JSON object: {error}", place=Place(path)) from error
    if not is_text(document):
        raise Unreadable("text with half of a surrogate pair, which is no character", place=Place(path))
    if not isinstance(document, dict):
        raise Unreadable("not a JSON object", place=Place(path), help='write {"f1": 0.88, "roc_auc": 0.93}')
    holdout = document.get("holdout")
    values = document.get("metrics", {name: value for name, value in document.items() if name != "holdout"})
    if not isinstance(values, dict) or not (holdout is None or isinstance(holdout, str)):
        raise Unreadable("metrics must be an object and holdout a string", place=Place(path))
    if not values:
        raise NoExamples("the file has no metrics", place=Place(path))
    names = [normalise(name) for name in values]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"{twice} stands twice, in two spellings", place=Place(path))
    return {normalise(name): _finite(name, value, path) for name, value in values.items()}, holdout


def is_text(document: Any) -> bool:
    """Whether everything JSON said can be written as UTF-8: an escape can name half of a surrogate pair."""
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands twice in one object")
    return dict(pairs)


def _finite(name: str, value: Any, path: str) -> float:
    number = _number(value)
    if number is None:
        raise BadValue(
            f"{name} is {str(value)[:40]}, not a finite number",
            place=Place(path),
            help="leave out what was not measured",
        )
    metric = known_metric(normalise(name))
    if metric is not None and not metric.low <= number <= metric.high:
        raise BadValue(
            f"{name} is {number:.12g}, and {metric.title} lies between {metric.low:g} and {metric.high:g}",
            place=Place(path),
            help="write shares as fractions: 0.88, not 88",
        )
    return number


def _number(value: Any) -> float | None:
    """A finite number, or None; an integer of a thousand digits is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None

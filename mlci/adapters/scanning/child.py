"""The scans of code-ci as a process of their own, so that a file that takes forever is ended with the budget.

Run by mlci's own interpreter, isolated, with an environment that has nothing in it; reads a request and writes an
answer, both JSON.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mlci.adapters.oneline import one_line
from mlci.adapters.scanning.looking import scan
from mlci.domain.checks import Problem
from mlci.domain.scanning.scan import Scan, Scanned, Seen, Sighting

# Bytes of address space; what needs more is not walked on, and so not clean.
_MEMORY = 4 << 30
# A text that is longer is data; so many findings are kept.
LARGEST_TEXT, MOST_FOUND = 8 << 20, 50
# Those of detect-secrets that look for credentials of a known form. Words such as "password" and letters that look
# random stand in too many files that hold neither.
_DETECTORS = (
    "Artifactory", "AWSKey", "AzureStorageKey", "BasicAuth", "Cloudant", "DiscordBotToken", "GitHubToken",
    "GitLabToken", "IbmCloudIam", "IbmCosHmac", "JwtToken", "Mailchimp", "Npm", "OpenAI", "PrivateKey", "PypiToken",
    "SendGrid", "Slack", "SquareOAuth", "Stripe", "TelegramBotToken", "TwilioKey",
)  # fmt: skip


class Request(msgspec.Struct):
    """What is to be looked through.

    Attributes:
        kind: models or secrets.
        top: of the repository.
        files: from there, each character a byte of the name.
        ignored: how many a pattern left out.
        answer: where the answer is written.
    """

    kind: str
    top: str
    files: list[str]
    ignored: int
    answer: str


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What looks like a credential, without any.

    Attributes:
        found: file, line and kind of each.
        more: how many besides.
        files: how many were searched.
        large: how many are too long to be searched.
    """

    found: tuple[Problem, ...]
    more: int
    files: int
    large: int


def main() -> None:
    """Do what the request asks that the last argument names."""
    request = msgspec.json.decode(Path(sys.argv[-1]).read_bytes(), type=Request)
    _bounded()
    answer = _models(request) if request.kind == "models" else _secrets(request)
    part = Path(f"{request.answer}.part")
    part.write_bytes(msgspec.json.encode(answer))
    part.replace(request.answer)


def _bounded() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY if most < 0 else min(_MEMORY, most), most))


def _regular(request: Request) -> Iterator[tuple[str, str, int]]:
    """Name, path and size of the files that are files; links lead to others of them, or out of the repository."""
    for written in request.files:
        name = os.fsdecode(written.encode("latin-1"))
        path = os.path.join(request.top, name)  # noqa: PTH118 - names that are no UTF-8 go through unchanged
        # What is gone holds nothing; what cannot be looked at is found out by opening it.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            try:
                status = os.lstat(path)
            except PermissionError:
                yield name, path, 0
                continue
            if stat.S_ISREG(status.st_mode):
                yield name, path, status.st_size


def _models(request: Request) -> Scanned:
    found: list[Scan] = []
    unread: list[tuple[str, str]] = []
    files = 0
    for name, path, _ in _regular(request):
        files += 1
        shown = one_line(name, 300)
        try:
            one = scan(path, shown)
        except OSError as error:
            unread.append((shown, error.strerror or "it cannot be read"))
            continue
        except (MemoryError, RecursionError):
            one = _unwalked(shown)
        if one.format or one.sightings:
            found.append(one)
    return Scanned(files=files, models=tuple(found), unread=tuple(unread), ignored=request.ignored)


def _unwalked(shown: str) -> Scan:
    seen = Seen()
    message = "needs more memory to be walked than it may take"
    seen.add(Sighting(inside="", position=None, what="", message=message, opinion="unknown"))
    return seen.scan(shown, "unreadable")


def _secrets(request: Request) -> Credentials:
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import transient_settings

    logging.disable(logging.CRITICAL)
    found: dict[tuple[str, int, str], None] = {}
    files = large = 0
    with transient_settings({"plugins_used": [{"name": f"{one}Detector"} for one in _DETECTORS]}):
        for name, path, size in _regular(request):
            if size > LARGEST_TEXT:
                large += 1
                continue
            files += 1
            for one in scan_file(path):
                # The kind and the line alone: what was found is never written anywhere.
                found[one_line(name, 300), int(one.line_number), one_line(one.type, 60)] = None
    problems = [
        Problem(file=file, line=max(1, line), what=kind, message=kind) for file, line, kind in sorted(found)
    ]  # fmt: skip
    kept = tuple(problems[:MOST_FOUND])
    return Credentials(found=kept, more=len(problems) - len(kept), files=files, large=large)

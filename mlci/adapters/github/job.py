"""The job's own page and outputs, through the files that the runner names.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlci.errors import NotWritable, Place
from mlci.ports import MoreFace

# A page that grows beyond this is dropped whole by the runner.
_LARGEST_PAGE = 1024 * 1024
_CUT = "\n\n*The rest did not fit on this page.*\n"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class GitHubJob:
    """ports.Job of the job this process runs in; what the runner gives no file for is left out."""

    faces: Sequence[MoreFace] = ()
    written: Sequence[str] = ()

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Nothing is written yet.

        Args:
            environ: GITHUB_STEP_SUMMARY and GITHUB_OUTPUT name the files.
        """
        self._page = environ.get("GITHUB_STEP_SUMMARY", "")
        self._outputs = environ.get("GITHUB_OUTPUT", "")

    def summary(self, markdown: str) -> None:
        """Add to the job's page as much as fits on it.

        Raises:
            NotWritable: the file cannot be written.
        """
        if self._page:
            before = _size(self._page)
            content = _fitting(("\n" if before else "") + markdown.rstrip("\n") + "\n", _LARGEST_PAGE - before)
            _append(self._page, content)

    def outputs(self, values: Mapping[str, str]) -> None:
        """Hand values to the steps after this one.

        Raises:
            NotWritable: the file cannot be written.
        """
        if self._outputs:
            _append(self._outputs, b"".join(_assigned(name, value) for name, value in values.items()))


def _assigned(name: str, value: str) -> bytes:
    """One output. The delimiter is drawn anew each time, so that no value can end itself and begin another."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of an output")
    while (delimiter := f"mlci_{secrets.token_hex(16)}") in value:
        pass
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n".encode("utf-8", "replace")


def _fitting(text: str, room: int) -> bytes:
    content = text.encode("utf-8", "replace")
    if len(content) <= room:
        return content
    kept = content[: max(0, room - len(_CUT.encode()))]
    if not kept:
        return b""
    # Only whole lines: half a row of a table, or half a character, would spoil what is above it.
    return kept[: kept.rfind(b"\n") + 1] + _CUT.encode()


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _append(path: str, content: bytes) -> None:
    try:
        with Path(path).open("ab") as stream:
            stream.write(content)
    except OSError as error:
        raise NotWritable(f"cannot write {path}: {error.strerror or error}", place=Place(path)) from error

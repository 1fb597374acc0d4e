"""Calls of the ``git`` program that nothing in a repository, or around this process, can turn to other ends."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mlci.adapters.oneline import one_line
from mlci.errors import ServiceFailed

_PATIENCE = 120.0
# The environment of git: no token of this process, no GIT_DIR or GIT_INDEX_FILE of a hook that mlci was started from.
_KEPT = ("HOME", "XDG_CONFIG_HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "USER", "LOGNAME")
_SETTINGS = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_PAGER": "cat",
}
# A repository's own settings can name programs; none of these may run for reading. What is left are the filters that
# attributes ask for, such as those of Git LFS: without them the same file would have another id.
_OVERRIDES = (
    "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.untrackedCache=false", "core.splitIndex=false",
    "submodule.recurse=false", "safe.bareRepository=explicit", "protocol.allow=never",
)  # fmt: skip
# Where a runner puts the checkout of this very job. In a container it belongs to another user, and is trusted as much
# as the code of the job that runs on it.
_WORKSPACES = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")


@dataclass(frozen=True)
class Answer:
    """What a call of git gave: its exit status, output as bytes, and what it said on standard error."""

    words: tuple[str, ...]
    code: int
    output: bytes
    error: str


@dataclass(frozen=True)
class Git:
    """The program, the folder it works in and its environment."""

    program: str
    folder: str
    environ: Mapping[str, str]
    overrides: tuple[str, ...] = _OVERRIDES

    @classmethod
    def installed(cls, folder: str, environ: Mapping[str, str]) -> Git | None:
        """git from the path of this environment; None where there is none."""
        # A relative folder on the path would be one of the checkout, and git a program of the change.
        paths = [one for one in environ.get("PATH", os.defpath).split(os.pathsep) if Path(one).is_absolute()]
        program = shutil.which("git", path=os.pathsep.join(paths)) if paths else None
        if program is None:
            return None
        kept = {name: environ[name] for name in _KEPT if name in environ}
        own = {"PATH": os.pathsep.join(paths), **kept, **_SETTINGS}
        trusted = ("safe.directory=*",) if _in_workspace(folder, environ) else ()
        return cls(program, folder, own, (*_OVERRIDES, *trusted))

    def at(self, folder: str) -> Git:
        """The same in another folder."""
        return replace(self, folder=folder)

    def having(self, **settings: str) -> Git:
        """The same with more variables in its environment."""
        return replace(self, environ={**self.environ, **settings})

    def ask(self, *words: str, given: bytes = b"", timeout: float = _PATIENCE) -> Answer:
        """Call git and take any exit status.

        Raises:
            ServiceFailed: it took longer than the time-out, in seconds, or could not be started.
        """
        options = [word for one in self.overrides for word in ("-c", one)]
        try:
            done = subprocess.run(  # noqa: S603
                [self.program, *options, *words],
                cwd=self.folder, env=dict(self.environ), input=given, capture_output=True, timeout=timeout, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ServiceFailed(f"git {words[0]} took longer than {timeout:g} s") from error
        except (OSError, ValueError) as error:
            raise ServiceFailed(f"git {words[0]} cannot be run: {one_line(error, 200)}") from error
        return Answer(words, done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))

    def run(self, *words: str, timeout: float = _PATIENCE) -> bytes:
        """Call git for its output.

        Raises:
            ServiceFailed: it failed.
        """
        answer = self.ask(*words, timeout=timeout)
        if answer.code:
            raise self.failed(answer)
        return answer.output

    def failed(self, answer: Answer) -> ServiceFailed:
        """The error that a call which failed stands for."""
        why = one_line(answer.error, 300) or f"exit status {answer.code}"
        return ServiceFailed(f"git {answer.words[0]} failed in {one_line(self.folder, 200)}: {why}")


def _in_workspace(folder: str, environ: Mapping[str, str]) -> bool:
    workspaces = [os.path.realpath(environ[name]) for name in _WORKSPACES if environ.get(name)]
    return any(Path(folder).is_relative_to(one) for one in workspaces)

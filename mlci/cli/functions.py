"""Functions that a policy measures by: whose code is called, and where."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.cli.policy import base_file, base_of, in_repository, reading
from mlci.config.quote import one_line
from mlci.config.resolve import resolve
from mlci.domain.functions import split
from mlci.domain.ownership import Changed
from mlci.errors import FileMissing, Place, UsageError

if TYPE_CHECKING:
    from mlci.adapters.functions import UserFunctions
    from mlci.cli.forge import Forge
    from mlci.config.model import Config

_LARGEST = 1 << 20


@dataclass(frozen=True)
class Code:
    """The files of a policy's functions.

    Attributes:
        sources: content by path, relative to the folder of mlci.yml.
        python: ``train.python`` of whoever owns the code.
        changed: functions whose file the change would set otherwise.
    """

    sources: Mapping[str, bytes] = field(default_factory=dict)
    python: str = "python"
    changed: tuple[Changed, ...] = ()


def code_of(config: Config, file: str, forge: Forge | None, environ: Mapping[str, str]) -> Code:
    """Read the files of the functions that a configuration names.

    On a change they are those of the commit whose policy holds, and so is the interpreter: whoever proposes a model
    does not say what it is measured by.

    Args:
        config: that decides.
        file: the configuration file, a path of this machine.
        forge: where the run is; None on a developer's machine.
        environ: of this process.

    Raises:
        FileMissing: there is no such file, or it is larger than 1 MiB.
        PolicyUnreadable: the forge did not say what it holds.
        UsageError: the interpreter lies where the change may have put it.
    """
    calls = {name: asked.call for name, asked in config.validation.metrics.items() if asked.call is not None}
    paths = dict.fromkeys(split(call)[0] for call in calls.values())
    if not paths:
        return Code()
    if forge is not None and not forge.run.on_default_branch:
        inside, base = in_repository(file, environ), base_of(forge)
        policy = base_file(forge.commits, inside, base, environ)
        if policy is not None:
            found = _at(forge, inside, base, paths)
            theirs = _at(forge, inside, forge.run.commit, paths)
            sources = {path: _there(path, content, base[:12]) for path, content in found.items()}
            changed = tuple(_changes(calls, sources, theirs))
            python = resolve(policy, ()).config.train.python
            _require_not_brought(python, file, environ)
            return Code(sources, python, changed)
    return Code({path: _here(file, path) for path in paths}, config.train.python)


def _require_not_brought(python: str, file: str, environ: Mapping[str, str]) -> None:
    """A path that the branch to merge to names says nothing of what the change has laid there.

    An environment that an earlier step made in the checkout is none of the commit's files, and may be named.
    """
    if "/" not in python:
        return
    from mlci.adapters.git.repository import Repository

    folder = os.path.realpath(Path(file).parent)
    repository = Repository.find(folder, environ)
    inside = os.path.relpath(os.path.normpath(Path(folder) / python), folder if repository is None else repository.top)
    if inside.startswith("../"):
        return
    commit = None if repository is None else repository.commit()
    first = inside.split("/", 1)[0]
    # A file beside it can be as much as the interpreter: a module that it loads when it starts.
    if repository is None or commit is None or any(p.split("/", 1)[0] == first for p in repository.committed(commit)):
        raise UsageError(
            f"{one_line(python)} lies in the checkout, where the change may have put it",
            place=Place("train.python"),
            help=f"name an interpreter outside of it, or make one in a folder of which the commit has no file: {first}",
        )


def _at(forge: Forge, config: str, commit: str, paths: Mapping[str, None]) -> dict[str, bytes | None]:
    folder = posixpath.dirname(config)
    found = {}
    for path in paths:
        with reading(f"{one_line(path)} at {commit[:12]}"):
            found[path] = forge.commits.file(posixpath.join(folder, path), commit)
    return found


def _there(path: str, content: bytes | None, where: str) -> bytes:
    if content is None or len(content) > _LARGEST:
        raise FileMissing(
            f"{one_line(path)} is not a file of at most 1 MiB at {where}, where the policy names it",
            place=Place("validation.metrics"),
            help="merge the file before or with the policy that names it",
        )
    return content


def _here(file: str, path: str) -> bytes:
    place = Path(file).parent / path
    top = os.path.realpath(Path(file).parent)
    try:
        if not Path(os.path.realpath(place)).is_relative_to(top):
            raise FileMissing(f"{one_line(path)} leads out of the folder of mlci.yml", place=Place(str(place)))
        with place.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise FileMissing(f"cannot read {path}: {error.strerror or error}", place=Place(str(place))) from error
    return _there(path, content, "this machine")


def _changes(calls: Mapping[str, str], ours: Mapping[str, bytes], theirs: Mapping[str, bytes | None]) -> list[Changed]:
    return [
        Changed(f"validation.metrics.{name}.call", f"{path} {_digest(ours[path])}", _told(path, theirs[path]))
        for name, call in calls.items()
        if ours[path := split(call)[0]] != theirs[path]
    ]


def _told(path: str, content: bytes | None) -> str | None:
    return None if content is None else f"{path} {_digest(content)}"


def _digest(content: bytes) -> str:
    return f"(sha256 {hashlib.sha256(content).hexdigest()[:12]})"


def functions_of(
    code: Code, config: Config, file: str, environ: Mapping[str, str], say: Callable[[str], None]
) -> UserFunctions | None:
    """What calls them; None where no metric needs it.

    Raises:
        FileMissing: there is no such interpreter, or the policy names a file that the code does not have.
    """
    calls = [asked.call for asked in config.validation.metrics.values() if asked.call is not None]
    if not calls:
        return None
    absent = next((path for path, _ in map(split, calls) if path not in code.sources), None)
    if absent is not None:
        raise FileMissing(f"{one_line(absent)} is not known to the branch to merge to", place=Place(one_line(absent)))
    from mlci.adapters.functions import UserFunctions
    from mlci.adapters.process.surroundings import interpreter, surroundings

    folder = os.path.realpath(Path(file).parent)
    python = interpreter(code.python, environ, folder)
    return UserFunctions(
        sources=code.sources,
        python=python,
        folder=folder,
        environ=surroundings(environ, python=python if "/" in code.python else code.python),
        timeout=config.evaluate.timeout.seconds,
        say=say,
    )

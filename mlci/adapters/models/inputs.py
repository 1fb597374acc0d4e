"""The inputs of a training run as they are on this machine: digests of all that it may read, and facts about it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlci.adapters.disk.content import digest_of
from mlci.adapters.disk.files import sha256
from mlci.adapters.git.repository import Entry, Repository
from mlci.adapters.oneline import one_line
from mlci.adapters.tables.schema import columns_of
from mlci.adapters.values import Unusable, plain, read_json, read_yaml
from mlci.domain.inputs import (
    LOCKS,
    NOTHING,
    Reading,
    digest_of_entries,
    digest_of_values,
    in_repository,
    is_left_over,
    key_of,
)
from mlci.domain.training import Data, Inputs, Part, When
from mlci.errors import FileMissing, Place, WrongType

_LARGEST_PARAMS = 1 << 20
_MOST_PARAMS = 10_000
_ENVIRONMENT = "pyvenv.cfg"
# What a commit is expected to hold, so that a file of it which no commit has makes a difference.
_OF_COMMIT = ("code", "params", "environment", "configuration")
# What tells a folder of somebody else's from code, outside git where nothing says what is ignored.
_NEVER = frozenset({".git", ".hg", ".svn"})
_MOST_FILES = 200_000


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was found besides digests.

    Attributes:
        commit: that is checked out; None outside git, and before the first commit.
        dirty: whether files differ from it: tracked ones, or untracked ones that training may read besides the data,
            whose digest says what it was. Outside git there is nothing to differ from.
        params: hyper-parameters as in their file; empty without one.
        data: the training data, as the configuration names it; None where it names none.
        lock: the file that pins the environment, relative to the configuration's folder; None without one.
        files: how many files of the code were counted.
        untracked: files that count as code and that the commit does not hold. Where training itself writes such a
            file, no later run has the same inputs.
    """

    commit: str | None = None
    dirty: bool = False
    params: dict[str, Any] = field(default_factory=dict)
    data: Data | None = None
    lock: str | None = None
    files: int = 0
    untracked: tuple[str, ...] = ()


def read_inputs(
    repository: Repository | None,
    folder: str,
    reading: Reading,
    *,
    recipe: Mapping[str, Any],
    when: Sequence[When],
    params: str | None = None,
    data: str | None = None,
    lock: str | None = None,
    written: str | None = None,
    cache: str | None = None,
) -> tuple[Inputs, Facts]:
    """Digest everything that training may read.

    Args:
        repository: that the configuration lies in; None outside git, and then the folder is walked.
        folder: of the configuration; ``params``, ``data`` and ``lock`` are relative to it, as the configuration names
            them.
        reading: the same files from the top of the repository, or from the folder where there is none.
        recipe: the settings of ``train`` that change what is trained, as plain values.
        when: ``train.when``.
        lock: the file that pins the environment; None to take the first usual name in the folder, then at the top.
        written: the file or folder that training writes the model to, relative to the folder, where it is known: a
            script may write beside itself, and what it writes is none of its inputs.
        cache: of :func:`mlci.adapters.disk.content.digest_of`.

    Raises:
        FileMissing: a named file does not exist or cannot be read.
        WrongType: the file of hyper-parameters is no mapping.
        ServiceFailed: git failed.
    """
    pinned = _lock(folder, repository, lock)
    # Only the file that was chosen is the environment's; another of a usual name beside it is code like any other.
    own = _from_top(pinned, folder, repository)
    reading = replace(reading, locks=(own,) if own is not None else ())
    code = _code(repository, folder, reading, _from_top(written, folder, repository))
    held = _held(folder, data, cache) if data is not None else None
    parts: dict[Part, str] = {
        "code": digest_of_entries((path, *entry) for path, entry in code.items()),
        "params": sha256(str(Path(folder, params))) if params is not None else NOTHING,
        "data": held.digest if held is not None else NOTHING,
        "environment": sha256(str(Path(folder, pinned))) if pinned is not None else NOTHING,
        "recipe": digest_of_values({"recipe": recipe}),
    }
    commit = repository.commit() if repository is not None else None
    known = repository.committed(commit) if repository is not None and commit is not None else {}
    facts = Facts(
        commit=commit,
        dirty=repository.dirty(lambda path: reading.part_of(path) in _OF_COMMIT) if repository is not None else False,
        params=read_params(str(Path(folder, params))) if params is not None else {},
        data=held,
        lock=pinned,
        files=len(code),
        untracked=tuple(sorted(code.keys() - known.keys())) if repository is not None else (),
    )
    return key_of(parts, when), facts


def _held(folder: str, data: str, cache: str | None) -> Data:
    place = str(Path(folder, data))
    return Data(path=data, digest=digest_of(place, cache), columns=columns_of(place))


def read_params(path: str) -> dict[str, Any]:
    """Hyper-parameters as plain values, nested as in their file: JSON by its ending, else YAML.

    Raises:
        FileMissing: the file cannot be read.
        WrongType: it is no mapping, is larger than 1 MiB, or holds more than 10,000 values.
    """
    place = Place(one_line(path, 200))
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(_LARGEST_PARAMS + 1)
    except OSError as error:
        raise FileMissing(f"cannot read {one_line(path, 200)}: {error.strerror or error}", place=place) from error
    help = "write a mapping of names to values, as YAML or JSON"
    if len(content) > _LARGEST_PARAMS:
        raise WrongType("the file of hyper-parameters is larger than 1 MiB", place=place, help=help)
    try:
        document = read_json(content) if path.lower().endswith(".json") else read_yaml(content)
        found = plain(document if document is not None else {}, _MOST_PARAMS)
    except Unusable as error:
        raise WrongType(f"the hyper-parameters cannot be read: {error}", place=place, help=help) from error
    if not isinstance(found, dict):
        raise WrongType("the file of hyper-parameters is no mapping", place=place, help=help)
    return found


def _lock(folder: str, repository: Repository | None, named: str | None) -> str | None:
    """The file that pins the environment, relative to the folder."""
    if named is not None:
        return named
    top = repository.top if repository is not None else folder
    for where in dict.fromkeys((os.path.realpath(folder), os.path.realpath(top))):
        for name in LOCKS:
            if Path(where, name).is_file():
                return os.path.relpath(Path(where, name), os.path.realpath(folder))
    return None


def _from_top(path: str | None, folder: str, repository: Repository | None) -> str | None:
    if repository is None:
        return in_repository(path, "")
    return in_repository(path, repository.inside(str(Path(os.path.realpath(folder), "."))) or "")


def _code(repository: Repository | None, folder: str, reading: Reading, written: str | None) -> dict[str, Entry]:
    def counts(path: str) -> bool:
        return reading.part_of(path) == "code" and not (written and f"{path}/".startswith(f"{written}/"))

    if repository is not None:
        return repository.entries(counts)
    return {path: entry for path in _files(folder) if counts(path) and (entry := _entry(folder, path)) is not None}


def _files(folder: str) -> list[str]:
    """Every file and link below a folder, without what tools, environments and version control keep there."""
    found: list[str] = []
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            with os.scandir(Path(folder, prefix)) as entries:
                inside = sorted(entries, key=lambda one: one.name)
        except OSError as error:
            raise FileMissing(
                f"cannot list {one_line(Path(folder, prefix), 200)}: {error.strerror or error}"
            ) from error
        if prefix and any(one.name == _ENVIRONMENT for one in inside):
            continue
        for one in inside:
            path = prefix + one.name
            if one.is_dir(follow_symlinks=False):
                if one.name not in _NEVER and not is_left_over(f"{path}/x"):
                    waiting.append(f"{path}/")
            else:
                found.append(path)
        if len(found) + len(waiting) > _MOST_FILES:
            raise FileMissing(
                f"{one_line(folder, 200)} holds more than {_MOST_FILES:,} files, too many to be the code of a model",
                help="run in the folder of the project, or put it under git",
            )
    return found


def _entry(folder: str, path: str) -> Entry | None:
    place = Path(folder, path)
    try:
        mode = os.lstat(place).st_mode
        if stat.S_ISLNK(mode):
            return "120000", hashlib.sha256(os.fsencode(os.readlink(place))).hexdigest()  # noqa: PTH115 - as it is
    except OSError as error:
        raise FileMissing(f"cannot read {one_line(place, 200)}: {error.strerror or error}") from error
    if not stat.S_ISREG(mode):
        return None
    return "100755" if mode & stat.S_IXUSR else "100644", sha256(str(place))

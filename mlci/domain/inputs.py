"""What training may read: which part of it a file of the repository belongs to, and the key of all parts together."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from mlci.domain.patterns import Pattern, pattern
from mlci.domain.training import Inputs, Part, When

# What a file is to a model. The recipe is no file of its own: it is the block ``train`` of the configuration.
Belongs = Literal[
    "code", "params", "data", "environment", "holdout", "contract", "configuration", "pipeline"
]  # fmt: skip

# What is documentation where train.paths says nothing. Markdown in other folders may be a prompt, so it counts.
DOCUMENTATION = (
    "/docs/", "/doc/", "/*.md", "/*.rst", "/*.adoc", "README", "README.md", "README.rst", "README.txt", "CHANGELOG.md",
    "CONTRIBUTING.md", "LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "LICENSES/", "NOTICE", "AUTHORS",
    "CITATION.cff", ".gitignore", ".editorconfig",
)  # fmt: skip
# What is a test where train.paths says nothing. A folder called test may hold data, so further down only Python is one.
TESTS = (
    "/tests/", "/test/", "**/tests/**/*.py", "**/test/**/*.py", "test_*.py", "*_test.py", "conftest.py",
)  # fmt: skip
# The pipeline itself: whoever changes how the model is judged must see it judged.
PIPELINE = ("/.github/", "/.gitlab/", "/.gitlab-ci.yml")
# What mlci itself leaves, and what tools and interpreters leave: no input, tracked or not.
# A run that is killed while it lays such a folder leaves it beside, under a name of its own.
OWN = (".mlci/", "mlci-data/", "mlci-model/", "mlci-keep/", ".mlci-model.*/", ".mlci-keep.*/")
CACHES = (
    "__pycache__/", "*.pyc", ".ipynb_checkpoints/", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".hypothesis/",
    ".tox/", ".nox/", "node_modules/", "*.egg-info/", ".DS_Store", "mlruns/", "mlflow.db",
)  # fmt: skip
# Files that pin an environment, the one that pins most first.
LOCKS = (
    "pylock.toml", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "conda-lock.yml", "pixi.lock",
    "requirements.lock", "requirements.txt", "environment.yml",
)  # fmt: skip

# sha256 of nothing: the digest of a part that a model does not have.
NOTHING = hashlib.sha256().hexdigest()


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a model's training reads, each path from the top of the repository; a path outside it is left out.

    Attributes:
        config: the configuration file.
        paths: ``train.paths``; empty for the whole tree without documentation and tests.
        params: the file of hyper-parameters.
        data: the training data, a file or folder.
        holdout: what the model is judged on.
        contracts: what the data must look like.
        locks: files that pin the training environment.
        ways: further names of what is named, through links, each with the part it is.
    """

    config: str
    paths: tuple[Pattern, ...] = ()
    params: str | None = None
    data: str | None = None
    holdout: str | None = None
    contracts: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    ways: tuple[tuple[Belongs, str], ...] = ()

    def led(self, names: Callable[[str], Iterable[str]]) -> Reading:
        """The same with the further names that each file it names goes by.

        Args:
            names: all names of a file besides the one given, such as those of links on the way to it.
        """
        ways = ((part, name) for part, path in self._written if part != "configuration" for name in names(path))
        return replace(self, ways=tuple(dict.fromkeys(ways)))

    def part_of(self, path: str) -> Belongs | None:
        """What a file is to the model above all; None for one that neither training nor judging reads.

        What is named for itself counts whatever ``train.paths`` says. A submodule or a symbolic link has a bare name
        and counts for what lies behind it. What pins a folder, or many files, counts as code where it can: it may pin
        what nobody named.
        """
        named: Belongs | None = next(self._being(path), None)
        if named is not None:
            return named
        if any(one.touched_by(path) for one in _PIPELINE):
            return "pipeline"
        pinned: Belongs | None = next((part for part, own in self._pins if path == own), None)
        if self.paths:
            return "code" if any(one.touched_by(path) for one in self.paths) and not is_left_over(path) else pinned
        return pinned if any(one.matches(path) for one in self._unread) else "code"

    def parts_of(self, path: str) -> tuple[Belongs, ...]:
        """Everything a file is to the model: a folder or a pointer can hold both training data and holdout."""
        pinned = (part for part, own in self._pins if path == own)
        several = tuple(dict.fromkeys([*self._being(path), *pinned]))
        alone = self.part_of(path)
        return several or ((alone,) if alone is not None else ())

    def is_itself(self, path: str, part: Belongs) -> bool:
        """Whether a file is this part, or leads to it, by a name of its own and not by a pin of many files."""
        return part in self._being(path)

    def _being(self, path: str) -> Iterator[Belongs]:
        return (part for part, own in self._named if _leads_to(path, own))

    @cached_property
    def _written(self) -> tuple[tuple[Belongs, str], ...]:
        """What the configuration names, and itself."""
        held: list[tuple[Belongs, str | None]] = [
            ("configuration", self.config),
            ("params", self.params),
            *(("environment", path) for path in self.locks),
            ("data", self.data),
            ("holdout", self.holdout),
            *(("contract", path) for path in self.contracts),
        ]
        return tuple((part, path) for part, path in held if path)

    @cached_property
    def _named(self) -> tuple[tuple[Belongs, str], ...]:
        # A pointer that DVC keeps beside data stands for the data.
        return tuple(
            one
            for part, path in (*self._written, *self.ways)
            for one in ((part, path), *(((part, f"{path}.dvc"),) if part in _DATA else ()))
        )

    @cached_property
    def _pins(self) -> tuple[tuple[Belongs, str], ...]:
        """What DVC may pin data or holdout by along with others: pointers of folders they lie in, and its lock."""
        found: dict[tuple[Belongs, str], None] = {}
        for part, path in (*self._written, *self.ways):
            if part in _DATA:
                above = _above(path)
                found |= {(part, f"{folder}.dvc"): None for folder in above if folder}
                held = dict.fromkeys((*above, *_above(self.config)))
                found |= {(part, posixpath.join(folder, "dvc.lock")): None for folder in held}
        return tuple(found)

    @cached_property
    def _unread(self) -> tuple[Pattern, ...]:
        folders = {"", posixpath.dirname(self.config)}
        return tuple(pattern(text, folder) for text in (*DOCUMENTATION, *TESTS) for folder in folders) + _LEFT_OVER


_DATA: tuple[Belongs, ...] = ("data", "holdout")
_PARTS: tuple[Part, ...] = ("code", "params", "data", "environment", "recipe")
_PIPELINE = tuple(pattern(text) for text in PIPELINE)
_LEFT_OVER = tuple(pattern(text) for text in (*OWN, *CACHES))
_OWN = tuple(pattern(text) for text in OWN)


def is_left_over(path: str) -> bool:
    """Whether a path is what mlci, an interpreter or a tool left behind."""
    return any(one.matches(path) for one in _LEFT_OVER)


def is_own(path: str) -> bool:
    """Whether a path is what mlci itself left behind."""
    return any(one.matches(path) for one in _OWN)


def reading_of(
    config: str,
    *,
    paths: Sequence[Pattern] = (),
    params: str | None = None,
    data: str | None = None,
    holdout: str | None = None,
    contracts: Iterable[str] = (),
    lock: str | None = None,
) -> Reading:
    """What is read by a model whose configuration names these files.

    Args:
        config: the configuration file, from the top of the repository.
        paths: as :func:`mlci.domain.patterns.pattern` reads them.
        params, data, holdout, contracts, lock: relative to the configuration's folder, as it names them. Without a
            lock, every usual name counts, in that folder and at the top.
    """
    config = posixpath.normpath(config)
    folder = posixpath.dirname(config)
    usual = tuple(posixpath.join(where, name) for where in dict.fromkeys((folder, "")) for name in LOCKS)
    pinned = in_repository(lock, folder) if lock is not None else None
    return Reading(
        config=config,
        paths=tuple(paths),
        params=in_repository(params, folder),
        data=in_repository(data, folder),
        holdout=in_repository(holdout, folder),
        contracts=tuple(path for one in contracts if (path := in_repository(one, folder)) is not None),
        locks=usual if lock is None else (pinned,) if pinned is not None else (),
    )


def in_repository(path: str | None, folder: str) -> str | None:
    """A path that stands in the configuration, from the top of the repository; None where it leads out of it."""
    if path is None or not path.strip() or posixpath.isabs(path) or posixpath.isabs(folder):
        return None
    found = posixpath.normpath(posixpath.join(folder, path))
    return None if found == ".." or found.startswith("../") else found


def key_of(parts: Mapping[Part, str], when: Sequence[When]) -> Inputs:
    """The inputs key: one digest of the recipe, the environment, and those parts whose change makes a new model.

    Args:
        parts: sha256 of each part, in hexadecimal; :data:`NOTHING` where there is none of it.
        when: ``train.when``. A part it leaves out may change without a new model being trained.
    """
    digest = {name: parts.get(name, NOTHING) for name in _PARTS}
    watched = {"recipe", "environment"} | {"code", "params", "data"}.intersection(when)
    key = digest_of_values({"inputs": "1", **{str(name): digest[name] for name in _PARTS if name in watched}})
    return Inputs(
        code=digest["code"],
        params=digest["params"],
        data=digest["data"],
        environment=digest["environment"],
        recipe=digest["recipe"],
        key=key,
    )


def digest_of_values(values: Mapping[str, object]) -> str:
    """sha256 of plain values as JSON with sorted keys and nothing between them, in ASCII."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def digest_of_entries(entries: Iterable[tuple[str, str, str]]) -> str:
    """sha256 of files as (path, mode, id); a line of JSON for each, in the order of the paths."""
    digest = hashlib.sha256()
    for entry in sorted(entries):
        digest.update(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()


def _above(path: str) -> list[str]:
    """The folders a path lies in, the nearest first, the top of the repository as the empty path."""
    parts = posixpath.dirname(path).split("/")
    return ["/".join(parts[:end]) for end in range(len(parts), 0, -1) if parts != [""]] + [""]


def _leads_to(path: str, own: str) -> bool:
    """Whether a path is this file, lies in this folder, or is a link or submodule that the file lies behind."""
    return own == "." or path == own or path.startswith(f"{own}/") or own.startswith(f"{path}/")

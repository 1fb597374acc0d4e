"""A registry of models in memory, as ports.py describes it."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlci.errors import MlciError, NotWritable, ServiceRefused, UsageError
from mlci.ports import Entry, Version

_ARTIFACT = "mlci.artifact"


@dataclass
class Stored:
    """What a version consists of, for a test to look at or to spoil.

    Attributes:
        version: as it is answered, without its aliases.
        files: content by path.
        params: hyper-parameters.
        metrics: numbers by name, the last value of each.
        description: as it was given.
    """

    version: Version
    files: dict[str, bytes]
    params: dict[str, str]
    metrics: dict[str, float]
    description: str


@dataclass
class MemoryRegistry:
    """ports.Registry.

    Attributes:
        address: as a real registry would be named.
        has_aliases: whether an alias can point at a version.
        error: raised by every method while it is set.
        stored: the versions of each model, by number.
        pointed: number of the version by model and alias.
        notes: tags of each model itself.
    """

    address: str = "memory://registry"
    has_aliases: bool = True
    error: MlciError | None = None
    stored: dict[str, dict[str, Stored]] = field(default_factory=dict)
    pointed: dict[tuple[str, str], str] = field(default_factory=dict)
    notes: dict[str, dict[str, str]] = field(default_factory=dict)
    _alone: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def aliased(self, model: str, alias: str) -> Version | None:
        """The version that an alias points at."""
        self._check(model)
        number = self.pointed.get((model, alias))
        return None if number is None else self.numbered(model, number)

    def numbered(self, model: str, number: str) -> Version | None:
        """The version of this number."""
        self._check()
        stored = self.stored.get(model, {}).get(number)
        return None if stored is None else self._shown(stored)

    def tagged(self, model: str, tag: str, value: str) -> Sequence[Version]:
        """The versions with this very tag, oldest first."""
        self._check()
        with self._alone:
            all_of_it = sorted(self.stored.get(model, {}).values(), key=lambda one: int(one.version.number))
            return [self._shown(one) for one in all_of_it if one.version.tags.get(tag) == value]

    def register(self, model: str, entry: Entry) -> Version:
        """Add a version, unless the model has one of this digest."""
        self._check(model)
        with self._alone:
            for there in self.tagged(model, _ARTIFACT, entry.digest):
                return there
            root = Path(entry.folder)
            if links := [path for path in root.rglob("*") if path.is_symlink()]:
                raise NotWritable(f"{links[0].name} is no plain file and cannot be registered")
            files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
            versions = self.stored.setdefault(model, {})
            number = str(max((int(known) for known in versions), default=0) + 1)
            tags = {**entry.tags, _ARTIFACT: entry.digest}
            version = Version(model=model, number=number, aliases=(), tags=tags, page=None)
            versions[number] = Stored(version, files, dict(entry.params), dict(entry.metrics), entry.description)
            return self._shown(versions[number])

    def annotate(
        self, version: Version, tags: Mapping[str, str], metrics: Mapping[str, float], files: Mapping[str, str]
    ) -> None:
        """Add tags, metrics and files to a version."""
        self._check()
        with self._alone:
            stored = self._known(version)
            stored.files.update({path: Path(source).read_bytes() for path, source in files.items()})
            stored.metrics.update(metrics)
            stored.version = replace(stored.version, tags={**stored.version.tags, **tags})

    def point(self, version: Version, alias: str) -> None:
        """Let an alias point at a version."""
        self._check()
        if alias == "latest" or re.fullmatch(r"[vV][0-9]+", alias) or not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", alias):
            raise UsageError(f"{alias!a} cannot be an alias")
        self._known(version)
        self.pointed[version.model, alias] = version.number

    def noted(self, model: str) -> Mapping[str, str]:
        """The tags of the registered model itself."""
        self._check(model)
        return dict(self.notes.get(model, {}))

    def note(self, model: str, tags: Mapping[str, str]) -> None:
        """Set tags of the registered model itself."""
        self._check(model)
        if model in self.stored:
            self.notes.setdefault(model, {}).update(tags)

    def fetch(self, version: Version, path: str, folder: str) -> bool:
        """Copy a file or folder of a version."""
        self._check()
        files = self._known(version).files
        wanted = [name for name in files if path in ("", name) or name.startswith(f"{path}/")]
        for name in wanted:
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files[name])
        return bool(wanted)

    def _check(self, model: str | None = None) -> None:
        if self.error is not None:
            raise self.error
        if model is not None and (
            not re.fullmatch(r"[^/:'\"`\\]{1,250}", model) or model in (".", "..") or model != model.strip()
        ):
            raise UsageError(f"{model!a} cannot be the name of a registered model")

    def _known(self, version: Version) -> Stored:
        try:
            return self.stored[version.model][version.number]
        except KeyError:
            raise ServiceRefused(f"{version.model} has no version {version.number}") from None

    def _shown(self, stored: Stored) -> Version:
        mine = stored.version
        aliases = sorted(
            alias for (model, alias), number in self.pointed.items() if (model, number) == (mine.model, mine.number)
        )
        return replace(mine, aliases=tuple(aliases), tags=dict(mine.tags))

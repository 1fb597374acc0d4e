"""A registry of models kept in MLflow: one version of each artifact, whole or not at all.

The order of ``register`` is what makes it so: files and facts go to a run first, and the version that names the run
is created last, in one request. Whatever is cut off before leaves a run that is no version.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlci.adapters.mlflow import copying, facts
from mlci.adapters.mlflow.backend import ARTIFACT, ATTEMPT, Backend, Known
from mlci.errors import ServiceRefused
from mlci.ports import Entry, Registry, Version


class MlflowRegistry(Registry):
    """ports.Registry, in a database or on a server."""

    has_aliases = True

    def __init__(self, backend: Backend) -> None:
        """Nothing is asked of it yet."""
        self.address = backend.address
        self.backend = backend

    def aliased(self, model: str, alias: str) -> Version | None:
        """The version that an alias points at."""
        known = self.backend.aliased(facts.model_name(model), facts.alias_name(alias))
        return None if known is None else known.version

    def numbered(self, model: str, number: str) -> Version | None:
        """The version of this number."""
        if not (number.isascii() and number.isdigit() and len(number) <= 9):
            return None
        known = self.backend.numbered(facts.model_name(model), number)
        return None if known is None else known.version

    def tagged(self, model: str, tag: str, value: str) -> Sequence[Version]:
        """The versions with this very tag, oldest first."""
        found = self._tagged(facts.model_name(model), tag, value)
        pointed = self.backend.aliases(model) if found else {}
        return [replace(known.version, aliases=_pointing(pointed, known.version.number)) for known in found]

    def register(self, model: str, entry: Entry) -> Version:
        """Add a version, unless the model has one of this digest."""
        facts.model_name(model)
        files = copying.files_below(entry.folder)
        with self.backend.alone():
            settled = self._settled(model, entry.digest)
            if settled is not None:
                return settled
            try:
                self._add(model, entry, files)
            except ServiceRefused:
                # Another job that registers the same artifact removes what it takes for our left-over run.
                found = self._settled(model, entry.digest)
                if found is None:
                    raise
                return found
            settled = self._settled(model, entry.digest)
        if settled is None:
            raise ServiceRefused(f"the registry does not show the version of {model} that it just took")
        return settled

    def annotate(
        self, version: Version, tags: Mapping[str, str], metrics: Mapping[str, float], files: Mapping[str, str]
    ) -> None:
        """Add tags, metrics and files to a version; the tags come last, and so speak of what is there."""
        with self.backend.alone():
            if metrics or files:
                run = self._run_of(version)
                copying.send(files, self.backend.files_of_run(run))
                for _, batch in facts.batches({}, metrics):
                    self.backend.log(run, {}, batch)
            for name, value in facts.tags(tags).items():
                self.backend.tag(version.model, version.number, name, value)

    def point(self, version: Version, alias: str) -> None:
        """Let an alias point at a version."""
        facts.alias_name(alias)
        with self.backend.alone():
            try:
                self.backend.point(version.model, alias, version.number)
            except ServiceRefused:
                # Two that set an alias for the first time meet in the database, and one of them is refused.
                self.backend.point(version.model, alias, version.number)

    def noted(self, model: str) -> Mapping[str, str]:
        """The tags of the registered model itself."""
        return self.backend.model_tags(facts.model_name(model)) or {}

    def note(self, model: str, tags: Mapping[str, str]) -> None:
        """Set tags of the registered model itself."""
        with self.backend.alone():
            if tags and self.backend.model_tags(facts.model_name(model)) is not None:
                for name, value in facts.tags(tags).items():
                    self.backend.tag_model(model, name, value)

    def fetch(self, version: Version, path: str, folder: str) -> bool:
        """Copy a file or folder of a version.

        The model of a version that another program registered need not lie in its run; it is found all the same.
        """
        parts = path.strip("/").split("/")
        if parts[0] == "model":
            place = self.backend.files_of_model(version.model, version.number)
            return copying.fetch(place, "/".join(parts[1:]), folder, prefix="model")
        known = self.backend.numbered(version.model, version.number)
        if known is None or known.run is None:
            return False
        return copying.fetch(self.backend.files_of_run(known.run), "/".join(parts).strip("/"), folder)

    def _tagged(self, model: str, tag: str, value: str) -> list[Known]:
        condition = f"name = '{model}'"
        if facts.is_plain(tag) and facts.is_plain(value):
            condition += f" AND tag.`{tag}` = '{value}'"
        # Read again here: a database may compare without regard to case.
        found = [
            known
            for known in self.backend.search(condition)
            if known.version.model == model and known.version.tags.get(tag) == value
        ]
        return sorted(found, key=lambda known: int(known.version.number))

    def _add(self, model: str, entry: Entry, files: Mapping[str, str]) -> None:
        backend = self.backend
        backend.make_model(model)
        tags = {ARTIFACT: entry.digest, ATTEMPT: uuid.uuid4().hex}
        run = backend.open_run(model, f"mlci {entry.digest[:12]}", tags)
        with copying.dropping(backend.drop_run, run.id):
            copying.send(files, backend.files_of_run(run.id))
            for params, metrics in facts.batches(entry.params, entry.metrics):
                backend.log(run.id, params, metrics)
            backend.close_run(run.id)
        about = facts.tags({**entry.tags, ARTIFACT: entry.digest})
        backend.create(model, run, about, facts.cut(entry.description, facts.LONGEST_DESCRIPTION))

    def _settled(self, model: str, digest: str) -> Version | None:
        """The one version of a digest: the lowest number stays, later ones and left-over runs go."""
        versions = self._tagged(model, ARTIFACT, digest)
        if not versions:
            return None
        pointed = self.backend.aliases(model)
        first, *later = versions
        used = {first.run}
        for each in later:
            # Whoever points at a version has reasons of their own.
            if each.version.number in pointed.values():
                used.add(each.run)
            else:
                self.backend.delete(model, each.version.number)
        if facts.is_plain(digest):
            for run in self.backend.runs(model, f"tags.`{ARTIFACT}` = '{digest}'"):
                if run not in used:
                    self.backend.drop_run(run)
        return replace(first.version, aliases=_pointing(pointed, first.version.number))

    def _run_of(self, version: Version) -> str:
        known = self.backend.numbered(version.model, version.number)
        if known is None or known.run is None:
            raise ServiceRefused(
                f"version {version.number} of {version.model} has no run, so nothing can be kept with it",
                help="only versions that were registered with a run have metrics and files",
            )
        return known.run


def _pointing(aliases: Mapping[str, str], number: str) -> tuple[str, ...]:
    return tuple(sorted(alias for alias, there in aliases.items() if there == number))

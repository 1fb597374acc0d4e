"""The registry of models in GitLab, behind its own MLflow endpoint, as far as that goes.

Versions are named 1.0.0, 2.0.0 and so on, and the number is the first part. A name is given once, so that making the
next one is a step that only one of several at once can take: the others look again before they try the one after it.
That is what keeps one version of each artifact, since GitLab lets nobody remove a version here. Files and facts go to
a run first, and one request makes the version of it, whole.

GitLab has no aliases that could be set, and no tags that could be changed. What is learnt of a version later goes to
its run, each tag with the time in its name, and the last one holds.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import NoReturn

from mlci.adapters.mlflow import copying, facts
from mlci.adapters.mlflow.backend import ARTIFACT, ATTEMPT
from mlci.adapters.mlflow.gitlab_calls import GitLabMl, Listed, Taken
from mlci.adapters.mlflow.gitlab_files import Files
from mlci.errors import ServiceFailed, ServiceRefused, UsageError
from mlci.ports import Entry, Registry, Version

# Tag of a run: GitLab then links the version to the job.
_JOB = "gitlab.CI_JOB_ID"
# app/models/ml/candidate_param.rb
_LONGEST_PARAM = 250
_LONGEST_LATE_TAG = 200
# Jobs that add a version to one model at once.
_TRIES = 30
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,240}")
_OURS = re.compile(r"([1-9][0-9]{0,8})\.0\.0")
_LATE = re.compile(r"(.+)@([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)", re.DOTALL)


class GitLabRegistry(Registry):
    """ports.Registry, in a project of GitLab."""

    has_aliases = False

    def __init__(self, service: GitLabMl, job: str | None) -> None:
        """Nothing is asked of it yet.

        Args:
            service: the endpoint.
            job: id of the job that this is, where it is one of that GitLab.
        """
        self.address = service.address
        self.service = service
        self._job = job

    def aliased(self, model: str, alias: str) -> Version | None:
        """Refused: there are no aliases.

        Raises:
            UsageError: always.
        """
        _refuse_alias(alias, f"no version of {_model_name(model)} has")

    def numbered(self, model: str, number: str) -> Version | None:
        """The version of this number."""
        listed = self._numbered(model, number)
        return None if listed is None else self._shown(model, listed)

    def tagged(self, model: str, tag: str, value: str) -> Sequence[Version]:
        """The versions with this very tag, oldest first; all versions are listed for it, since GitLab searches none."""
        found = []
        for listed in self._whole(_model_name(model)):
            # What a version was made with stays, so that its run need not be asked.
            if listed.tags.get(tag, value) == value:
                version = self._shown(model, listed)
                found += [version] if version.tags.get(tag) == value else []
        return found

    def register(self, model: str, entry: Entry) -> Version:
        """Add a version, unless the model has one of this digest."""
        _model_name(model)
        files = copying.files_below(entry.folder)
        known = self._of_digest(model, entry.digest)
        if known is not None:
            return self._shown(model, known)
        self.service.make_model(model)
        tags = {ARTIFACT: entry.digest, ATTEMPT: uuid.uuid4().hex, **({_JOB: self._job} if self._job else {})}
        run, place = self.service.open_run(model, f"mlci {entry.digest[:12]}", tags)
        with copying.dropping(self.service.drop_run, run):
            try:
                self._fill(run, place, entry, files)
                self._append(model, run, entry)
            except (ServiceRefused, ServiceFailed):
                # Another job that registers the same artifact removes what it takes for a left-over run, at any moment
                # of this one's: what is refused then, or missing, is what that job has put in place already.
                if self._of_digest(model, entry.digest) is None:
                    raise
        known = self._of_digest(model, entry.digest)
        if known is None:
            raise ServiceFailed(f"the registry does not show the version of {model} that it just took")
        self._drop_left_over(model, entry.digest, known)
        return self._shown(model, known)

    def annotate(
        self, version: Version, tags: Mapping[str, str], metrics: Mapping[str, float], files: Mapping[str, str]
    ) -> None:
        """Add tags, metrics and files to a version; the tags come last, and so speak of what is there."""
        listed = self._numbered(version.model, version.number)
        if listed is None or listed.run is None:
            raise ServiceRefused(f"the registry has no version {version.number} of {version.model}")
        fixed = [name for name, value in tags.items() if listed.tags.get(name, value) != value]
        if fixed:
            raise ServiceRefused(
                f"GitLab keeps the tags that version {version.number} was made with: {fixed[0][:100]!a} cannot change"
            )
        stamp = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%f}Z"
        if files:
            place = self.service.files(listed)
            copying.send(files, place)
            place.seal(stamp)
        for _, batch in facts.batches({}, metrics):
            self.service.log(listed.run, {}, batch)
        late = {name: value for name, value in facts.tags(tags).items() if name not in listed.tags}
        if late:
            named = {f"{name[:_LONGEST_LATE_TAG]}@{stamp}": value for name, value in late.items()}
            self.service.log(listed.run, {}, {}, named)

    def point(self, version: Version, alias: str) -> None:
        """Refused: there are no aliases.

        Raises:
            UsageError: always.
        """
        _refuse_alias(alias, f"version {version.number} of {version.model} cannot have")

    def noted(self, model: str) -> Mapping[str, str]:  # noqa: ARG002 - the port's shape
        """None: tags of a model cannot be set here, and production is not looked for here either."""
        return {}

    def note(self, model: str, tags: Mapping[str, str]) -> None:
        """Nothing, for the same reason."""

    def fetch(self, version: Version, path: str, folder: str) -> bool:
        """Copy a file or folder of a version."""
        listed = self._numbered(version.model, version.number)
        return listed is not None and copying.fetch(self.service.files(listed), path.strip("/"), folder)

    def _numbered(self, model: str, number: str) -> Listed | None:
        name = f"{number}.0.0"
        listed = self.service.version(_model_name(model), name) if _OURS.fullmatch(name) else None
        return listed if listed is not None and listed.is_whole else None

    def _whole(self, model: str) -> Iterator[Listed]:
        """The versions that have a number; of those of one artifact the first, should there ever be two."""
        seen = set()
        for listed in self.service.versions(model) or ():
            digest = listed.tags.get(ARTIFACT)
            if listed.is_whole and _OURS.fullmatch(listed.name) and (digest is None or digest not in seen):
                seen.add(digest)
                yield listed

    def _of_digest(self, model: str, digest: str) -> Listed | None:
        return next((each for each in self._whole(model) if each.tags.get(ARTIFACT) == digest), None)

    def _shown(self, model: str, listed: Listed) -> Version:
        """The version with what was learnt of it since."""
        number = listed.name.partition(".")[0]
        late = self.service.tags_of(listed.run) if listed.run is not None else {}
        tags = dict(listed.tags)
        for name in sorted(late, key=lambda each: each.rpartition("@")[2]):
            if (found := _LATE.fullmatch(name)) is not None and found[1] not in listed.tags:
                tags[found[1]] = late[name]
        return Version(model=model, number=number, aliases=(), tags=tags, page=listed.page)

    def _fill(self, run: str, place: Files, entry: Entry, files: Mapping[str, str]) -> None:
        copying.send(files, place)
        place.seal("0")
        for params, metrics in facts.batches(entry.params, entry.metrics, longest=_LONGEST_PARAM):
            self.service.log(run, params, metrics)
        self.service.close_run(run)

    def _append(self, model: str, run: str, entry: Entry) -> None:
        """Make the next version of a run, unless another job makes one of the same artifact first."""
        about = facts.tags({**entry.tags, ARTIFACT: entry.digest})
        for _ in range(_TRIES):
            listed = self.service.versions(model) or ()
            if any(each.is_whole and each.tags.get(ARTIFACT) == entry.digest for each in listed):
                return
            name = f"{max((_major(each.name) for each in listed), default=0) + 1}.0.0"
            try:
                self.service.create(model, name, run, about, facts.cut(entry.description, facts.LONGEST_DESCRIPTION))
            except Taken:
                if self.service.version(model, name) is None:
                    raise
            else:
                return
        raise ServiceFailed(f"other jobs took {_TRIES} versions of {model} before this one could")

    def _drop_left_over(self, model: str, digest: str, known: Listed) -> None:
        """Remove the runs of an artifact that did not become its version: of a job that was killed, or came second."""
        for run, tags in self.service.newest_runs(model).items():
            if run != known.run and tags.get(ARTIFACT) == digest:
                with contextlib.suppress(ServiceRefused):
                    self.service.drop_run(run)


def _major(name: str) -> int:
    found = re.match(r"[0-9]{1,18}", name)
    return int(found[0]) if found is not None else 0


def _model_name(model: str) -> str:
    """The name, if a model can have it in GitLab: ``ml_model_name_regex`` of lib/gitlab/regex.rb, without folders.

    Raises:
        UsageError: it cannot.
    """
    if not _NAME.fullmatch(facts.model_name(model)):
        raise UsageError(
            f"{model[:80]!a} cannot be the name of a model in GitLab",
            help="set model: to a name of letters, digits, '_', '-' and '.'",
        )
    return model


def _refuse_alias(alias: str, what: str) -> NoReturn:
    raise UsageError(
        f"{what} the alias {facts.alias_name(alias)}: GitLab's model registry has no aliases",
        help="name a version by its number, or take production from the last accepted run of the default branch, with"
        " --baseline-from artifacts (docs/registry.md, GitLab as the registry)",
    )

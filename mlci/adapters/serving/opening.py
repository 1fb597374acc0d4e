"""From a version of the registry to one that answers: fetched, compared with its evidence, loaded, and asked once."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from mlci.adapters.models.payload import find_payload
from mlci.adapters.models.production import Bench, opened
from mlci.adapters.oneline import one_line
from mlci.adapters.scoring.asked import Asked, HoldoutFile
from mlci.adapters.scoring.timing import Seat
from mlci.adapters.serving.child import Refused
from mlci.adapters.serving.known import Known
from mlci.adapters.serving.loaded import Loaded, Unavailable
from mlci.domain.card import ARTIFACT
from mlci.errors import FileMissing, ModelMissing, ModelUnusable
from mlci.ports import Registry, Unscored, Version

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Opening:
    """How versions are opened.

    Attributes:
        registry: that has them.
        asked: how a model is asked; no command of the user's scores here.
        bench: where models are loaded; its log lies in a folder of this server alone.
        workers: processes of each version.
        known: examples that a version is known to answer; raises FileMissing where there are none.
        say: told what happens.
        log: told each line that a model prints.
    """

    registry: Registry
    asked: Asked
    bench: Bench
    workers: int
    known: Callable[[Version], Known]
    say: Say
    log: Say

    def __call__(self, version: Version) -> Loaded:
        """A version that answers.

        Raises:
            ModelUnusable: it cannot be loaded, or answers other than it did when it was judged.
            RegistryBroken, ModelAltered: the registry does not hold what its evidence names.
            ServiceFailed, ServiceRefused: the registry does not answer.
            NotWritable: its files cannot be written.
        """
        artifact = version.tags.get(ARTIFACT)
        if artifact is None:
            raise ModelUnusable("mlci did not register it, so that its files cannot be compared with any evidence")
        with contextlib.ExitStack() as stack:
            seat = stack.enter_context(
                opened(version, self.registry, HoldoutFile(path="", digest=""), self.asked, self.bench, self.say)
            )
            if isinstance(seat, Unscored):
                raise ModelUnusable(seat.why)
            parent = Path(self.bench.interpreter.log).parent
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True))
            loaded = Loaded(
                model=version.model,
                number=version.number,
                artifact=artifact,
                seat=_by_its_form(seat),
                asked=self.asked,
                folder=folder,
            )
            try:
                loaded.start(self.workers, seat.interpreter.timeout, self.log)
                loaded.checked = self._checked(loaded, version)
            except BaseException:
                loaded.close()
                raise
            # From here on its files are removed by whoever serves it.
            loaded.on_close(stack.pop_all().close)
        return loaded

    def _checked(self, loaded: Loaded, version: Version) -> bool:
        """Ask for examples that the version is known to answer; whether there are any."""
        try:
            known = self.known(version)
        except FileMissing as error:
            self.say(f"version {version.number} is not asked for a known example: {one_line(error.cause, 300)}")
            return False
        request = {"columns": known.columns, "data": known.rows, "probabilities": False}
        try:
            said = loaded.ask(msgspec.json.encode(request), len(known.rows))
        except (Refused, Unavailable) as why:
            raise ModelUnusable(f"it does not answer an example of the holdout: {why}") from why
        wrong = known.wrong(said.predictions)
        if wrong is not None:
            raise ModelUnusable(wrong)
        return True


def _by_its_form(seat: Seat) -> Seat:
    """A model that a command of the user's scores says nothing of its form: its name does."""
    if seat.payload.format != "command":
        return seat
    path = Path(seat.payload.path)
    try:
        found = find_payload(str(path if path.is_dir() else path.parent), None, False)
    except ModelMissing as error:
        raise ModelUnusable(f"mlci cannot load it by itself: {error.cause}") from error
    return replace(seat, payload=replace(seat.payload, format=found.format, path=found.path))

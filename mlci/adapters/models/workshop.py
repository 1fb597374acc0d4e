"""Trains and scores on this machine: the user's commands in the user's interpreter, watched and without tokens."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlci.adapters.models import handover
from mlci.adapters.models.payload import find_payload
from mlci.adapters.process.running import Order
from mlci.adapters.process.running import run as carry_out
from mlci.adapters.scoring import Asked, HoldoutFile, Interpreter, score
from mlci.domain.training import Payload, Production, Scored, Usage
from mlci.errors import MlciError, NotWritable, Place
from mlci.ports import Candidate, Earlier, Operated, Unscored


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the model is trained.

    Attributes:
        command: a line for the shell.
        environ: the complete environment of training, without tokens.
        timeout: longest time it may take, in seconds.
        model: ``train.model``; None to take the one thing that is a model.
    """

    command: str
    environ: Mapping[str, str]
    timeout: float
    model: str | None


@dataclass(frozen=True, kw_only=True)
class LocalWorkshop:
    """A workshop in a folder of this machine.

    Attributes:
        model: the model's name.
        folder: of mlci.yml, where the user's commands run.
        work: a folder of ours, emptied by whoever made this.
        recipe: how the model is trained.
        asked: which predictions are wanted.
        holdout: what is scored.
        scorer: where models are loaded.
        results: where earlier results are looked for, in this order.
        compared: finds or makes production's predictions.
        operated: lets the two models run beside each other; None where nobody asks for that.
        say: takes a line on how it goes.
        before: is called right before the training command starts, and raises where it must not.
    """

    model: str
    folder: Path
    work: Path
    recipe: Recipe
    asked: Asked
    holdout: HoldoutFile
    scorer: Interpreter
    results: Sequence[Earlier]
    compared: Callable[[Candidate], tuple[Production, str] | Unscored | None]
    operated: Callable[[Candidate], Operated | None]
    say: Callable[[str], None]
    before: Callable[[], None] | None = None

    @property
    def output(self) -> Path:
        """The folder that training writes the model to."""
        return self.work / "output"

    def earlier(self, key: str) -> Candidate | None:
        """The first result that is found and is what its evidence says; one that is not is passed over, aloud."""
        for place in self.results:
            found = place.with_inputs(self.model, key)
            if found is None:
                continue
            try:
                laid = self.work / "earlier"
                shutil.rmtree(laid, ignore_errors=True)
                found.lay(str(laid))
                return _candidate(str(laid), found.origin)
            except MlciError as error:
                self.say(f"{found.origin} was passed over: {error.cause}")
        return None

    def train(self) -> tuple[Payload, Usage]:
        """Run the training command in the folder of mlci.yml, and find the model it wrote."""
        _emptied(self.output)
        if self.before is not None:
            self.before()
        started = time.time_ns()
        usage = carry_out(
            Order(
                argv=("/bin/sh", "-c", self.recipe.command),
                cwd=str(self.folder),
                environ=self.recipe.environ,
                timeout=self.recipe.timeout,
                what="training",
                log=str(self.work / "train.log"),
            ),
            self.say,
        )
        named = self.recipe.model
        bring_in(self.folder, self.output, named, started)
        return find_payload(str(self.output), named, self.asked.command is not None), usage

    def score(self, payload: Payload) -> Scored:
        """Score a model on the holdout in the user's interpreter."""
        return score(payload, self.holdout, self.asked, self.scorer, str(self.work / "candidate"), self.say)

    def production(self, candidate: Candidate) -> tuple[Production, str] | Unscored | None:
        """Production's predictions on the same holdout."""
        return self.compared(candidate)

    def operate(self, candidate: Candidate) -> Operated | None:
        """How the two models run on this machine."""
        return self.operated(candidate)


def bring_in(folder: Path, output: Path, named: str | None, started: int) -> None:
    """Copy a model that a script wrote beside itself; one from before this training is none of its making.

    Args:
        folder: of mlci.yml, where the script ran.
        output: where the model should be.
        named: ``train.model``; None where nothing is named, and then nothing is looked for.
        started: when training began, in nanoseconds since 1970.
    """
    if named is None or (output / named).exists():
        return
    beside = folder / named
    if not Path(os.path.realpath(beside)).is_relative_to(os.path.realpath(folder)) or not beside.exists():
        return
    parts = [beside] if beside.is_file() else [path for path in beside.rglob("*") if path.is_file()]
    if not any(path.stat().st_mtime_ns >= started or path.stat().st_ctime_ns >= started for path in parts):
        return
    target = output / named
    target.parent.mkdir(parents=True, exist_ok=True)
    if beside.is_dir():
        shutil.copytree(beside, target, symlinks=True)
    else:
        shutil.copy2(beside, target)


def _candidate(folder: str, origin: str) -> Candidate:
    held = handover.read(folder)
    return Candidate(
        evidence=held.evidence,
        predicate=held.model,
        payload=handover.verify_payload(held),
        predictions=held.candidate,
        environment=held.environment,
        origin=origin,
        seeds=held.seeds,
        data=held.data,
    )


def _emptied(folder: Path) -> None:
    """Make a folder that holds nothing.

    Raises:
        NotWritable: what an earlier run left cannot be removed, or the folder cannot be made.
    """
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
    except OSError as error:
        cause = f"cannot empty {folder}: {error.strerror or error}"
        raise NotWritable(cause, place=Place(str(folder)), help="check permissions and space") from error

"""From a configuration to a workshop: what training reads, how it runs, where earlier results and production are."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from mlci.config.policy import gate_policy
from mlci.domain.baseline import may_keep
from mlci.domain.run import LOCAL, Run
from mlci.domain.secrets import names_secret
from mlci.domain.training import Environment, Inputs, Provenance
from mlci.errors import NotAlone, NotWritable, Place, RequiredMissing, UsageError
from mlci.steps import plan

if TYPE_CHECKING:
    from mlci.adapters.git.repository import Repository
    from mlci.adapters.models.inputs import Facts
    from mlci.adapters.models.workshop import Recipe
    from mlci.adapters.scoring import Asked, HoldoutFile, Interpreter
    from mlci.config.model import Config

STATE = ".mlci"
PRODUCTION = "production"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What one run of model-ci is asked, settled.

    Attributes:
        config: that decides.
        file: the configuration file as a path of this machine.
        environ: of this process.
        profile: name of the training profile; None for a full run.
        run: the pipeline's run; None on a developer's machine.
    """

    config: Config
    file: str
    environ: Mapping[str, str]
    profile: str | None
    run: Run | None

    @property
    def folder(self) -> Path:
        """The folder of the configuration, which its paths are relative to."""
        return folder_of(self.file)

    @property
    def model(self) -> str:
        """The model's name."""
        if self.config.model is None:
            raise _required("model", "a name for the model, such as model: churn")
        return self.config.model

    @property
    def state(self) -> Path:
        """Where this machine keeps what it may find again."""
        return self.folder / STATE

    @property
    def trusted(self) -> bool:
        """Whether what this run finds may be kept for others: on this machine, and on the default branch."""
        return self.run is None or may_keep(self.run)

    @property
    def at_hand(self) -> bool:
        """Whether a person started it on a machine of their own, as a change or not."""
        return self.run is None or self.run.event == LOCAL


def folder_of(file: str) -> Path:
    """The folder of a configuration file, links followed."""
    return Path(os.path.realpath(Path(file).parent))


def _required(key: str, what: str) -> RequiredMissing:
    return RequiredMissing(f"{key} is not set", place=Place("mlci.yml"), help=f"write {what}, or run mlci init")


# The folders that this process has locked: asked through a second handle, the lock would be refused even to itself.
_LOCKED: set[Path] = set()


@contextmanager
def alone(folder: Path, model: str) -> Iterator[Path]:
    """The folder that this run works in, which no other run uses at the same time; the lock ends with the process.

    Args:
        folder: of the configuration.
        model: the model's name; this process may ask again while it holds it.

    Raises:
        NotAlone: another run is at work on this model.
        NotWritable: there is no place for the lock.
    """
    work = folder / STATE / "work" / model
    if work in _LOCKED:
        yield work
        return
    lock: TextIO | None = None
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = (work / "lock").open("w")
    except OSError as error:
        raise NotWritable(f"cannot write in {work}: {error.strerror or error}", place=Place(str(work))) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise NotAlone(
                f"another run is at work on {model} in {folder}", help="wait until it has ended, or stop it"
            ) from None
        _LOCKED.add(work)
        try:
            _sweep(work)
            yield work
        finally:
            _LOCKED.discard(work)


def _sweep(work: Path) -> None:
    """Remove what killed runs left half done; nobody else is at work here."""
    for left in work.glob(".*"):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                left.unlink()


def inputs_of(order: Order, repository: Repository | None) -> tuple[Inputs, Facts]:
    """What training reads, as it is on this machine."""
    from mlci.adapters.models.inputs import read_inputs

    config, train = order.config, order.config.train
    if train.command is None:
        raise _required("train", "the command that trains the model, such as train: python train.py")
    path = repository.inside(order.file) if repository is not None else None
    within = path if path is not None else Path(order.file).name
    recipe: dict[str, Any] = {
        "command": train.command,
        "python": train.python,
        "seed": train.seed,
        "device": train.device,
        "model": train.model,
        "paths": list(train.paths),
        "when": list(train.when),
        "profile": _profile(order),
        "env": {name: _as_input(name, order.environ) for name in train.env},
    }
    return read_inputs(
        repository,
        str(order.folder),
        plan.reading(config, within),
        recipe=recipe,
        when=train.when,
        params=train.params,
        data=config.data.train.path,
        lock=train.lock,
        written=train.model,
        # In a pipeline a change may have written there, and said of its data what it likes.
        cache=str(order.state / "cache" / "digests.sqlite") if order.at_hand else None,
    )


def _as_input(name: str, environ: Mapping[str, str]) -> str:
    """A variable that training gets, as it counts in the key: its value, unless that is a secret."""
    return "secret" if names_secret(name) else environ.get(name, "")


def _profile(order: Order) -> dict[str, Any] | None:
    if order.profile is None:
        return None
    known = order.config.train.profiles
    if order.profile not in known:
        names = ", ".join(known) or "none"
        raise UsageError(
            f"train.profiles has no {order.profile[:60]!a}", place=Place("--profile"), help=f"there are: {names}"
        )
    return {"name": order.profile, "sample": known[order.profile].sample}


def holdout_of(order: Order) -> HoldoutFile:
    """The holdout with its digest."""
    from mlci.adapters.disk.files import sha256
    from mlci.adapters.scoring import HoldoutFile

    path = order.config.data.holdout.path
    if path is None:
        raise _required("data.holdout", "the file that models are judged on, such as data: {holdout: data/holdout.csv}")
    place = str(order.folder / path)
    return HoldoutFile(path=place, digest=sha256(place))


def asked_of(config: Config) -> Asked:
    """Which predictions are wanted."""
    from mlci.adapters.scoring import Asked

    evaluate, reading = config.evaluate, gate_policy(config).reading
    return Asked(
        columns=reading.columns,
        slices=tuple(dict.fromkeys((*evaluate.slices, *config.validation.slices.discover.columns))),
        sensitive=evaluate.sensitive,
        features=evaluate.features,
        outputs=evaluate.outputs,
        task=evaluate.task,
        positive=evaluate.positive,
        threshold=evaluate.threshold,
        device="cuda" if config.train.device == "gpu" else "cpu",
        command=evaluate.command,
    )


def recipe_of(order: Order, work: Path) -> tuple[Recipe, Interpreter]:
    """How the model is trained, and where it is loaded: both in the user's interpreter, without tokens."""
    from mlci.adapters.models.workshop import Recipe
    from mlci.adapters.process.surroundings import interpreter, surroundings
    from mlci.adapters.scoring import Interpreter

    config, train, folder = order.config, order.config.train, order.folder
    _refuse_own(train.env)
    python = interpreter(train.python, order.environ, str(folder))
    profile = train.profiles[order.profile] if order.profile is not None else None
    handed = {
        "MLCI_TRAIN_DATA": str(folder / config.data.train.path) if config.data.train.path else "",
        "MLCI_TRAIN_PARAMS": str(folder / train.params) if train.params else "",
        "MLCI_TRAIN_SEED": str(train.seed),
        "MLCI_TRAIN_DEVICE": train.device,
        "MLCI_TRAIN_OUTPUT": str(work / "output"),
        "MLCI_TRAIN_SAMPLE": f"{profile.sample:.12g}" if profile is not None else "1",
        "PYTHONHASHSEED": str(train.seed),
    }
    named = python if "/" in train.python else train.python
    common = surroundings(order.environ, kept=train.env, python=named)
    timeout = profile.timeout if profile is not None and profile.timeout is not None else train.timeout
    recipe = Recipe(
        command=train.command or "", environ={**common, **handed}, timeout=timeout.seconds, model=train.model
    )
    scorer = Interpreter(
        python=python,
        cwd=str(folder),
        environ={**common, "PYTHONHASHSEED": str(train.seed)},
        timeout=config.evaluate.timeout.seconds,
        log=str(work / "score.log"),
    )
    return recipe, scorer


# What mlci itself holds: whoever may change train.env could otherwise hand it to any code.
_OWN_SECRETS = ("MLFLOW_TRACKING_", "MLCI_", "GITHUB_TOKEN", "ACTIONS_", "CI_JOB_")


def _refuse_own(names: Sequence[str]) -> None:
    for name in names:
        if name.startswith(_OWN_SECRETS):
            raise UsageError(
                f"train.env names {name[:80]!a}, which is mlci's own and not handed to training",
                place=Place("train.env"),
                help="give training a credential of its own under another name",
            )


def fresh(order: Order, *, reuse: bool) -> str | None:
    """Why an earlier result of the same inputs is not taken; None where one may be."""
    when = order.config.train.when
    event = order.run.event if order.run is not None else None
    if not reuse:
        return "earlier results were not wanted (--reuse false)"
    if event == "schedule" and "schedule" in when:
        return "a schedule started the run, and train.when names schedule"
    if event == "workflow_dispatch" and "manual" in when:
        return "a person started the run, and train.when names manual"
    return None


def provenance_of(order: Order, facts: Facts, environment: Environment) -> Provenance:
    """What the model is made from."""
    train = order.config.train
    return Provenance(
        commit=facts.commit,
        dirty=facts.dirty,
        command=train.command or "",
        seed=train.seed,
        device=train.device,
        profile=order.profile,
        params=facts.params,
        data=facts.data,
        environment=environment,
        run=order.run.url if order.run is not None else None,
    )

"""Production's predictions on a holdout: those that were kept, or made anew in the environment of its own.

Its files come from the registry and are believed as far as their digest holds. It is loaded with the code that was kept
with it, never with a change's, in the candidate's interpreter only where that is the same. Where the user's own command
scores, that is run as the commit has it that the model was made from.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mlci.adapters.disk.folders import read_file, writing
from mlci.adapters.git.repository import Repository
from mlci.adapters.models.environments import Unbuildable, build
from mlci.adapters.models.handover import CODE, LOCK, HandOver, payload_in, read_lock, verify_code
from mlci.adapters.models.locks import minor, python_of, same
from mlci.adapters.models.payload import find_payload, verify
from mlci.adapters.models.scored import Question, ScoredFolder, ScoredVersion
from mlci.adapters.oneline import one_line
from mlci.adapters.process.surroundings import surroundings
from mlci.adapters.scoring import Asked, HoldoutFile, Interpreter, describe, missing, score
from mlci.adapters.scoring.timing import Seat
from mlci.adapters.values import Unusable, read_yaml
from mlci.domain.card import ALONE, EVALUATOR, HOLDOUT
from mlci.domain.report import Subject
from mlci.domain.training import ModelPredicate, Payload, Production
from mlci.errors import (
    ArtifactRefused,
    CommandFailed,
    CommandOutOfMemory,
    CommandTimedOut,
    FileMissing,
    MlciError,
    ModelMissing,
    ModelUnusable,
    NotAlone,
)
from mlci.ports import Candidate, Registry, Unscored, Version

Say = Callable[[str], None]

_LARGEST_TEXT = 1 << 20
_PYTHON = re.compile(r"\d{1,2}\.\d{1,3}(?:\.\d{1,3})?")
_OF_INTERPRETERS = ("PYTHONHOME", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT")
_UNSCORED = (ModelUnusable, ModelMissing, CommandFailed, CommandTimedOut, CommandOutOfMemory, NotAlone)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where production is scored.

    Attributes:
        interpreter: the candidate's; its folder is the one that ``mlci.yml`` lies in.
        repository: that holds the code of earlier commits; None outside git.
        folder: mlci's own, ``.mlci``: environments and kept predictions lie below it.
        environ: this process's own environment, for settings of package indexes.
        trusted: whether this run may add to the registry.
        believed: whether predictions that were kept on this machine are taken; not where code of a change has run that
            may have left some.
    """

    interpreter: Interpreter
    repository: Repository | None
    folder: str
    environ: Mapping[str, str]
    trusted: bool
    believed: bool = True


@dataclass(frozen=True, kw_only=True)
class _Fetched:
    """A version's model on this machine.

    Attributes:
        payload: its files.
        lock: requirements it is loaded with; None where the version names none.
        code: folder of the modules of the user's own that it brings; may be empty.
        commit: it was made from; None where that is not known.
    """

    payload: Payload
    lock: str | None
    code: Path
    commit: str | None


def predictions_of(
    version: Version, registry: Registry, holdout: HoldoutFile, asked: Asked, evaluator: str, bench: Bench, say: Say
) -> tuple[Production, str] | Unscored:
    """What a version says of the holdout, with the path of the file.

    A version that mlci did not register, such as one that a program of the user's logged with MLflow, is loaded from
    its folder ``model/``: the digest is computed here, the environment is what ``requirements.txt`` and
    ``python_env.yaml`` in it name, and its commit is not known.

    Args:
        version: of the registry.
        registry: that has it.
        holdout: the examples.
        asked: which predictions are wanted.
        evaluator: ``evaluator_digest`` of that.
        bench: where it is scored.
        say: told what is going on.

    Returns:
        the predictions, or why there are none.

    Raises:
        RegistryBroken, ModelAltered: the registry does not hold what was registered.
        ServiceFailed, ServiceRefused: it does not answer.
        NotWritable: the folder cannot be written.
        FileMissing, Unreadable, NoExamples, ColumnMissing, BadValue: what is wrong with the holdout.
    """
    known = version.tags.get("mlci.artifact")
    if known is not None and bench.believed:
        question = Question(artifact=known, holdout=holdout.digest, evaluator=evaluator)
        found = ScoredFolder(str(Path(bench.folder, "scored")), say).find(version, question)
        if found is not None:
            return found
    # Beside the logs lies the folder of this run alone, where the next one clears up after one that was killed.
    with _work(Path(bench.interpreter.log).parent) as work:
        job = _Job(version, registry, holdout, asked, evaluator, bench, say, work)
        return job.predictions()


@contextlib.contextmanager
def opened(
    version: Version, registry: Registry, holdout: HoldoutFile, asked: Asked, bench: Bench, say: Say
) -> Iterator[Seat | Unscored]:
    """A version's model on this machine with the interpreter that it is loaded in, for as long as the context lasts.

    Raises:
        RegistryBroken, ModelAltered: the registry does not hold what was registered.
        ServiceFailed, ServiceRefused: it does not answer.
        NotWritable: the folder cannot be written.
    """
    with _work(Path(bench.interpreter.log).parent) as work:
        yield _Job(version, registry, holdout, asked, "", bench, say, work).seat()


@contextlib.contextmanager
def _work(folder: Path) -> Iterator[Path]:
    """A folder for what is fetched, gone afterwards."""
    parent = folder.absolute()
    with writing(str(parent)):
        parent.mkdir(parents=True, exist_ok=True)
        new = tempfile.TemporaryDirectory(dir=parent, prefix=".production-", ignore_cleanup_errors=True)
    with new as name:
        yield Path(name)


class _Job:
    """One version on one holdout, nothing kept on this machine."""

    def __init__(
        self, version: Version, registry: Registry, holdout: HoldoutFile, asked: Asked, evaluator: str, bench: Bench,
        say: Say, work: Path,
    ) -> None:  # fmt: skip
        self._version, self._registry, self._holdout, self._asked = version, registry, holdout, asked
        self._evaluator, self._bench, self._say, self._work = evaluator, bench, say, work
        self._kept = ScoredFolder(str(Path(bench.folder, "scored")), say)
        self._stored = ScoredVersion(registry, version, say)
        self._by_command = asked.command is not None
        self._without_code = ""

    def predictions(self) -> tuple[Production, str] | Unscored:
        evidence = self._stored.evidence(str(self._work))
        model = None if evidence is None else evidence[1]
        if model is not None and (found := self._again(model, model.artifact)) is not None:
            return found
        try:
            fetched = self._registered(model) if model is not None else self._foreign()
            if model is None and (found := self._again(None, fetched.payload.digest)) is not None:
                return found
            production, path = self._scored(fetched)
        except _UNSCORED as error:
            return self._unscored(error)
        place = self._kept.keep(production, path)
        if self._bench.trusted:
            self._stored.keep(production, place)
        return production, place

    def seat(self) -> Seat | Unscored:
        """The model and where it is loaded."""
        evidence = self._stored.evidence(str(self._work))
        try:
            fetched = self._registered(evidence[1]) if evidence is not None else self._foreign()
            return Seat(payload=fetched.payload, interpreter=self._interpreter(fetched)[0])
        except _UNSCORED as error:
            return self._unscored(error)

    def _unscored(self, error: MlciError) -> Unscored:
        lacking = error.missing if isinstance(error, Unbuildable) else missing(error)
        why = one_line(error.cause, 1000) + (self._without_code if lacking or self._by_command else "")
        return Unscored(version=self._version.number, why=why, missing=lacking)

    def _question(self, artifact: str) -> Question:
        return Question(artifact=artifact, holdout=self._holdout.digest, evaluator=self._evaluator)

    def _again(self, model: ModelPredicate | None, artifact: str) -> tuple[Production, str] | None:
        """What was kept; what the registry has is kept here from now on."""
        question = self._question(artifact)
        if self._bench.believed and (found := self._kept.find(self._version, question)) is not None:
            return found
        stored = self._stored.find(model, question, str(self._work))
        return None if stored is None else (stored[0], self._kept.keep(*stored))

    def _registered(self, model: ModelPredicate) -> _Fetched:
        folder = self._work / "model"
        if not self._registry.fetch(self._version, "model", str(self._work)):
            raise self._stored.broken("the model that its evidence names is gone")
        verify(str(folder), model.files)
        code = self._work / "mlci" / CODE
        if model.code and not self._registry.fetch(self._version, f"mlci/{CODE}", str(self._work)):
            raise self._stored.broken("the code that its evidence names is gone")
        verify_code(str(code), model.code)
        if model.code and self._version.tags.get(ALONE) != "true":
            raise ModelUnusable("it reads files that were not kept with it")
        if self._by_command and model.provenance.dirty:
            raise ModelUnusable("it was made from files that no commit has")
        lock = None
        if self._registry.fetch(self._version, f"mlci/{LOCK}", str(self._work)):
            lock = read_lock(str(self._work / "mlci" / LOCK))
        payload = payload_in(str(folder), model, str(code))
        return _Fetched(payload=payload, lock=lock, code=code, commit=model.provenance.commit)

    def _foreign(self) -> _Fetched:
        folder = self._work / "model"
        if not self._registry.fetch(self._version, "model", str(self._work)) or not folder.is_dir():
            raise ModelMissing("mlci did not register it, and it has no folder model/ in the registry")
        payload = find_payload(str(folder), None, self._by_command)
        return _Fetched(payload=payload, lock=_mlflow_lock(folder), code=self._work / CODE, commit=None)

    def _scored(self, fetched: _Fetched) -> tuple[Production, str]:
        interpreter, where = self._interpreter(fetched)
        self._say(f"scoring production (version {self._version.number}) {where}")
        out = str(self._work / "baseline")
        scored = score(fetched.payload, self._holdout, self._asked, interpreter, out, self._say)
        production = Production(
            file=Subject(name=Path(scored.path).name, digest=scored.digest),
            version=self._version.number,
            artifact=fetched.payload.digest,
            holdout=self._holdout.digest,
            evaluator=self._evaluator,
            how=f"it was scored on this holdout {where}",
        )
        return production, scored.path

    def _interpreter(self, fetched: _Fetched) -> tuple[Interpreter, str]:
        """Where it is loaded, and that as words."""
        own = self._bench.interpreter
        code, tree = self._tree(fetched.commit) if self._by_command else (self._kept_code(fetched), None)
        if fetched.lock is None:
            python, where = own.python, "in the candidate's environment, because it names none of its own"
        elif same(describe(own, self._say), fetched.lock):
            python, where = own.python, "in the candidate's environment, which is the same as its own"
        else:
            wanted = python_of(fetched.lock) or minor(describe(own, self._say).python)
            root = str(Path(self._bench.folder, "environments"))
            python = build(fetched.lock, wanted, root, self._bench.environ, self._say)
            where = "in an environment made from its own lock"
        environ = _environ(self._bench, python, code, tree)
        log = str(Path(own.log).with_name("production.log"))
        found = replace(own, python=python, cwd=str(code), environ=environ, log=log)
        return replace(found, own=(str(code),), forbidden=str(_top(self._bench))), where

    def _kept_code(self, fetched: _Fetched) -> Path:
        """The folder that it is loaded in: the modules that it brings, and nothing else."""
        fetched.code.mkdir(parents=True, exist_ok=True)
        if not fetched.payload.code:
            self._without_code = " (no modules of your own were kept with it)"
        return fetched.code

    def _tree(self, commit: str | None) -> tuple[Path, Path | None]:
        """The folder of mlci.yml as its own commit has it, and that commit's whole tree; else an empty folder."""
        repository, tree = self._bench.repository, self._work / "tree"
        if commit is None or repository is None or not repository.tree(commit, str(tree)):
            tree.mkdir(exist_ok=True)
            if commit is not None:
                self._without_code = (
                    f" (the code of its commit {commit[:12]} is not here: a clone of the whole history, "
                    "as with fetch-depth: 0, has it)"
                )
            return tree, None
        inside = repository.inside(self._bench.interpreter.cwd)
        code = tree if inside is None else tree / inside
        code.mkdir(parents=True, exist_ok=True)
        return code, tree


def _environ(bench: Bench, python: str, code: Path, tree: Path | None) -> dict[str, str]:
    """The candidate's environment, led by another interpreter, with no folder of the change among the modules."""
    given = bench.interpreter.environ
    kept = tuple(name for name in given if name not in _OF_INTERPRETERS)
    environ = surroundings(given, kept=kept, python=python)
    folders = [str(code / "src")] if (code / "src").is_dir() else []
    for entry in filter(None, environ.get("PYTHONPATH", "").split(os.pathsep)):
        moved = _moved(bench, entry, tree)
        folders += [moved] if moved is not None and moved not in folders else []
    environ.pop("PYTHONPATH", None)
    return {**environ, "PYTHONPATH": os.pathsep.join(folders)} if folders else environ


def _moved(bench: Bench, entry: str, tree: Path | None) -> str | None:
    """A folder of modules; one of the work tree as the commit has it, None where it has none."""
    path, top = Path(os.path.realpath(Path(bench.interpreter.cwd, entry))), _top(bench)
    if not path.is_relative_to(top):
        return str(path)
    moved = None if tree is None else tree / path.relative_to(top)
    return str(moved) if moved is not None and moved.is_dir() else None


def _top(bench: Bench) -> Path:
    """The work tree, whose modules are those of a change."""
    own, repository = bench.interpreter.cwd, bench.repository
    return Path(os.path.realpath(own if repository is None else repository.top))


def very_same(
    version: Version, registry: Registry, candidate: Candidate, bench: Bench, say: Say
) -> tuple[Production, str]:
    """Production's predictions where production is the candidate: what the candidate said, kept for later runs."""
    predictions = candidate.predicate.predictions
    production = Production(
        file=Subject(name=f"baseline.{candidate.predictions.rpartition('.')[2]}", digest=predictions.file.digest),
        version=version.number,
        artifact=candidate.predicate.artifact,
        holdout=predictions.holdout.digest,
        evaluator=predictions.evaluator,
        how="it is the very model that is judged",
    )
    known = (version.tags.get(HOLDOUT), version.tags.get(EVALUATOR))
    if bench.trusted and known != (production.holdout, production.evaluator):
        ScoredVersion(registry, version, say).keep(production, candidate.predictions)
    return production, candidate.predictions


def stands_alone(handover: HandOver, holdout: HoldoutFile, asked: Asked, bench: Bench, say: Say) -> bool:
    """Whether a model says the same with nothing of the repository but the modules that are kept with it.

    One that reads a file beside a module, or imports what no row of the holdout needs, may say something else, or
    nothing, once it is production and what it misses has changed.
    """
    with _work(Path(bench.interpreter.log).parent) as work:
        code = work / "alone"
        kept = Path(handover.folder, CODE)
        # A copy: an interpreter leaves its own files beside modules that it loads.
        shutil.copytree(kept, code) if kept.is_dir() else code.mkdir()
        own = bench.interpreter
        apart = replace(own, cwd=str(code), environ=_environ(bench, own.python, code, None), own=(str(code),))
        apart = replace(apart, forbidden=str(_top(bench)), log=str(Path(own.log).with_name("alone.log")))
        try:
            scored = score(handover.payload, holdout, asked, apart, str(work / "predictions"), say)
        except _UNSCORED:
            return False
    return scored.fingerprint == handover.model.predictions.fingerprint


def _mlflow_lock(folder: Path) -> str | None:
    """Requirements that MLflow keeps with a model, headed by its Python.

    https://mlflow.org/docs/latest/ml/model/#additional-logged-files
    """
    try:
        requirements = read_file(str(folder / "requirements.txt"), _LARGEST_TEXT).decode("utf-8", "replace")
    except (FileMissing, ArtifactRefused):
        return None
    python = ""
    with contextlib.suppress(FileMissing, ArtifactRefused, Unusable):
        document = read_yaml(read_file(str(folder / "python_env.yaml"), _LARGEST_TEXT))
        named = document.get("python") if isinstance(document, dict) else None
        if isinstance(named, str) and _PYTHON.fullmatch(named):
            python = f"# python: {named}\n"
    return python + requirements

"""Score a model on the holdout in the user's interpreter, and look at that interpreter."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from mlci.adapters.disk.files import sha256
from mlci.adapters.oneline import one_line
from mlci.adapters.process.running import Order, run
from mlci.adapters.scoring.answer import Written, read_answer, read_raw
from mlci.adapters.scoring.asked import IMPORTS, SURVEY, WORKER, Asked, HoldoutFile, Interpreter
from mlci.adapters.scoring.faults import fault
from mlci.adapters.scoring.interpreting import Given, interpret
from mlci.adapters.scoring.modules import not_kept, own_folders, own_modules
from mlci.adapters.scoring.own import predictions_file, read_own
from mlci.adapters.scoring.parts import Examples, Layout, read_examples, read_layout
from mlci.adapters.scoring.writing import columns_of, ending, fingerprint, write_predictions
from mlci.domain.training import Environment, OwnModule, Payload, Scored, Usage
from mlci.errors import ColumnMissing, MlciError, ModelUnusable, NotWritable, Place

Say = Callable[[str], None]

# Looking at an interpreter reads what is installed; a slow disk gets this long, in seconds.
_SURVEY_TIMEOUT = 120.0


@dataclass(frozen=True)
class _Task:
    """What is to be scored."""

    payload: Payload
    holdout: HoldoutFile
    asked: Asked
    layout: Layout


@dataclass(frozen=True)
class _Outcome:
    """What a run gave."""

    given: Given
    environment: Environment
    usage: Usage
    code: tuple[OwnModule, ...] = ()


def score(payload: Payload, holdout: HoldoutFile, asked: Asked, interpreter: Interpreter, out: str, say: Say) -> Scored:
    """Let a model predict the holdout, and write a file that ``gate-compare`` reads as it is.

    Args:
        payload: the model.
        holdout: the examples; ids, labels, weights, groups and slices are read from it here.
        asked: what is wanted.
        interpreter: where the model is loaded.
        out: path of the file without its ending: ``.parquet`` is added for a holdout in Parquet, else ``.csv``.
        say: told what is going on.

    Raises:
        ModelUnusable: the model cannot be loaded, or gives nothing that can be judged; ``missing`` of this package
            says which distribution was not there.
        CommandFailed, CommandTimedOut, CommandOutOfMemory: its process ended so.
        FileMissing, Unreadable, NoExamples, ColumnMissing, ColumnAmbiguous, BadValue: what is wrong with the holdout.
        NotWritable: the file cannot be written.
    """
    target = Path(out)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=target.parent, prefix=".scoring-", ignore_cleanup_errors=True)
    except OSError as error:
        raise NotWritable(f"cannot write beside {out}: {error.strerror or error}", place=Place(out)) from error
    with folder as name, ThreadPoolExecutor(max_workers=1) as beside:
        # The child has a process of its own; the holdout is read here in the meantime.
        layout = read_layout(holdout.path, asked)
        reading = beside.submit(read_examples, holdout, asked, layout)
        try:
            outcome = _ask(
                _Task(payload, holdout, asked, layout), interpreter, Path(name).absolute(), reading.result, say
            )
        except MlciError:
            # A holdout that cannot be read explains everything that follows.
            reading.result()
            raise
        examples = reading.result()
        _check_unchanged(holdout)
        columns = columns_of(examples, outcome.given, asked)
        path = f"{out}{ending(holdout.path)}"
        write_predictions(path, examples, columns)
    return Scored(
        path=path,
        digest=sha256(path),
        rows=examples.rows,
        fingerprint=fingerprint(examples, outcome.given),
        probe=len(examples.probe),
        environment=outcome.environment,
        usage=outcome.usage,
        assumptions=tuple(one_line(note, 500) for note in (*examples.assumptions, *outcome.given.assumptions)),
        code=outcome.code,
    )


def describe(interpreter: Interpreter, say: Say = lambda _: None) -> Environment:
    """What an interpreter and its machine are, without loading anything.

    Raises:
        ModelUnusable: the interpreter gave no answer.
        CommandFailed, CommandTimedOut, FileMissing: it could not be run.
    """
    with tempfile.TemporaryDirectory(prefix="mlci-survey-", ignore_cleanup_errors=True) as name:
        limits = replace(interpreter, timeout=min(interpreter.timeout, _SURVEY_TIMEOUT), log=str(Path(name) / "log"))
        answer, _ = _work(
            {"task": "describe"}, limits, Path(name).absolute(), "looking at the interpreter", say, shown=False
        )
    return replace(answer.environment, loaded={})


def _ask(task: _Task, interpreter: Interpreter, folder: Path, examples: Callable[[], Examples], say: Say) -> _Outcome:
    payload, holdout, asked = task.payload, task.holdout, task.asked
    if asked.command is not None:
        if "id" not in task.layout.found:
            raise ColumnMissing(
                "the holdout has no id column, and predictions of a command are never paired by position",
                place=Place(holdout.path),
                help="name it under evaluate.id",
            )
        usage = _run_command(asked.command, task, interpreter, folder, say)
        given = read_own(predictions_file(_wanted(folder, holdout)), examples(), asked)
        return _Outcome(given, describe(interpreter, say), usage)
    if payload.format == "command":
        raise ModelUnusable(
            "the model has no format that mlci loads itself",
            place=Place(payload.path),
            help="name the command that scores it under evaluate.command",
        )
    request = {
        "task": "score",
        "model": str(Path(payload.path).absolute()),
        "format": payload.format,
        "holdout": str(Path(holdout.path).absolute()),
        "features": list(asked.features) or None,
        "excluded": task.layout.excluded,
        "device": asked.device,
        "trusted": asked.trusted,
        "own": list(own_folders(interpreter)),
        "forbidden": interpreter.forbidden,
    }
    answer, usage = _work(request, interpreter, folder, "scoring", say, shown=True)
    if answer.error is not None:
        raise fault(
            answer.error.kind, answer.error.message, answer.error.module, versions=answer.versions,
            packages=answer.environment.packages, model=payload.path, python=interpreter.python,
        )  # fmt: skip
    found = examples()
    given = interpret(read_raw(answer, folder, found.rows), asked, found.labels)
    notes = tuple(
        f"the model was written by scikit-learn {wrote} and read by {reads}" for wrote, reads in answer.versions[:3]
    )
    assumptions = (*given.assumptions, *notes, *not_kept(answer))
    code = own_modules(answer, own_folders(interpreter))
    return _Outcome(replace(given, assumptions=assumptions), answer.environment, usage, code)


def _work(
    request: Mapping[str, object], interpreter: Interpreter, folder: Path, what: str, say: Say, *, shown: bool
) -> tuple[Written, Usage]:
    """Run the worker and read its answer."""
    path = folder / "request.json"
    path.write_text(
        json.dumps({**request, "survey": str(SURVEY), "imports": str(IMPORTS), "answer": str(folder)}), "utf-8"
    )
    argv = (interpreter.python, str(WORKER), str(path))
    usage = _run(argv, interpreter, {}, what, say, shown=shown)
    return read_answer(folder), usage


def _run_command(command: str, task: _Task, interpreter: Interpreter, folder: Path, say: Say) -> Usage:
    wanted = _wanted(folder, task.holdout)
    handed = {
        "MLCI_MODEL": str(Path(task.payload.path).absolute()),
        "MLCI_HOLDOUT": str(Path(task.holdout.path).absolute()),
        "MLCI_PREDICTIONS": str(wanted),
        "MLCI_OUTPUT": str(wanted.parent),
    }
    return _run(("sh", "-c", command), interpreter, handed, "scoring", say, shown=True)


def _wanted(folder: Path, holdout: HoldoutFile) -> Path:
    return folder / f"predictions{ending(holdout.path)}"


def _run(
    argv: tuple[str, ...], interpreter: Interpreter, handed: Mapping[str, str], what: str, say: Say, *, shown: bool
) -> Usage:
    order = Order(
        argv=argv,
        cwd=interpreter.cwd,
        environ={**interpreter.environ, **handed},
        timeout=interpreter.timeout,
        what=what,
        log=interpreter.log,
        shown=shown,
    )
    return run(order, say)


def _check_unchanged(holdout: HoldoutFile) -> None:
    """The model's code could have written other labels into the holdout while it was read."""
    if sha256(holdout.path) != holdout.digest:
        raise ModelUnusable(
            "the holdout is not what it was before the model was scored",
            place=Place(holdout.path),
            help="neither training nor scoring may write to the holdout",
        )

"""Two models called in turns, each in its own interpreter: what single calls take, and what memory a process holds.

``conductor.py`` runs under the supervisor and starts ``timer.py`` once for each model. Time is taken in the model's own
process around the call, so that pipes and turns cost neither of them anything.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlci.adapters.disk.folders import read_file
from mlci.adapters.evidence.statement import decoded
from mlci.adapters.oneline import one_line
from mlci.adapters.process.running import Order, run
from mlci.adapters.scoring.asked import IMPORTS, WORKER, Asked, HoldoutFile, Interpreter
from mlci.adapters.scoring.modules import own_folders
from mlci.adapters.scoring.parts import read_layout
from mlci.domain.operation import MOST_PAIRS
from mlci.domain.training import Payload
from mlci.errors import ArtifactRefused, MlciError, Place

Say = Callable[[str], None]

TIMER, CONDUCTOR = Path(__file__).with_name("timer.py"), Path(__file__).with_name("conductor.py")
_LARGEST = 8 << 20
_LONGEST = 400
# What one start may take beside the calls and the loading: calls until it is warm, and its end; seconds.
_SPARE = 30.0


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A model, and where it is loaded."""

    payload: Payload
    interpreter: Interpreter


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How models are called.

    Attributes:
        pairs: calls of each.
        batch: examples in one call.
        budget: longest time the calls may take, in seconds.
        starts: how often each is started; the calls are divided among the starts.
    """

    pairs: int
    batch: int
    budget: float
    starts: int


@dataclass(frozen=True, kw_only=True)
class Called:
    """What was measured, the candidate's first.

    Attributes:
        times: by start the nanoseconds of each call, in order, one list for each model; equally long.
        memory: largest resident size of each start in bytes, one list for each model.
    """

    times: tuple[tuple[tuple[int, ...], ...], ...]
    memory: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What the conductor writes."""

    times: tuple[tuple[tuple[int, ...], ...], ...]
    memory: tuple[tuple[int, ...], ...]
    lost: int | None = None
    error: dict[str, Any] | None = None


class Uncalled(Exception):
    """One of the models could not be called.

    Attributes:
        model: 0 for the candidate, 1 for production; None where neither is known to be the cause.
        why: a sentence.
    """

    def __init__(self, model: int | None, why: str) -> None:
        super().__init__(why)
        self.model, self.why = model, why


def call(seats: tuple[Seat, ...], holdout: HoldoutFile, asked: Asked, plan: Plan, say: Say) -> Called:
    """Call one model, or two in turns, on examples of the holdout.

    Args:
        seats: the candidate's, then production's where there is one.
        holdout: the examples.
        asked: how the model is asked.
        plan: how often, and for how long.
        say: told what is going on.

    Raises:
        Uncalled: a model could not be loaded, failed in a call, or took longer than it may.
    """
    parent = Path(seats[0].interpreter.log).absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    new = tempfile.TemporaryDirectory(dir=parent, prefix=".timing-", ignore_cleanup_errors=True)
    with new as name:
        folder = Path(name)
        try:
            models = [_model(seat, holdout, asked, plan, folder / str(number)) for number, seat in enumerate(seats)]
            request = {
                "models": models,
                "starts": plan.starts,
                "pairs": _pairs_of_start(plan),
                "budget": plan.budget / plan.starts,
            }
            _conduct({**request, "answer": str(folder / "answer.json")}, seats, plan, folder, say)
            answer = _read(folder / "answer.json", len(seats))
        except MlciError as error:
            raise Uncalled(None, one_line(error.cause, _LONGEST)) from error
    if answer.lost is not None:
        raise Uncalled(answer.lost, _said(answer.error))
    return Called(times=answer.times, memory=tuple(zip(*answer.memory, strict=True)))


def _read(path: Path, models: int) -> _Answer:
    """The answer, strictly: a model's code runs beside the conductor, and may have written in its place.

    Raises:
        FileMissing, ArtifactRefused: there is none, or it is not of that form.
    """
    place = Place(str(path))
    found = decoded(read_file(str(path), _LARGEST), _Answer, place, what="the answer", limit=_LARGEST, help=None)
    whole = all(len(start) == models for start in (*found.memory, *found.times))
    even = all(len({len(calls) for calls in start}) == 1 for start in found.times)
    if not (whole and even and found.lost in (None, *range(models)) and (found.memory or found.lost is not None)):
        raise ArtifactRefused("the answer is not of the form that calls are written down in", place=place)
    return found


def _pairs_of_start(plan: Plan) -> int:
    """Pairs of each start: an even number, so that each model is first as often as the other, and never too many."""
    return min(-(-plan.pairs // (2 * plan.starts)) * 2, MOST_PAIRS // plan.starts // 2 * 2)


def _model(seat: Seat, holdout: HoldoutFile, asked: Asked, plan: Plan, folder: Path) -> dict[str, object]:
    """One model as the conductor starts it; what ``timer.py`` is asked lies in a file of its own."""
    folder.mkdir()
    request = {
        "task": "time",
        "model": str(Path(seat.payload.path).absolute()),
        "format": seat.payload.format,
        "holdout": str(Path(holdout.path).absolute()),
        "features": list(asked.features) or None,
        "excluded": read_layout(holdout.path, asked).excluded,
        "device": "gpu" if asked.device in ("gpu", "cuda") else asked.device,
        "trusted": asked.trusted,
        "own": list(own_folders(seat.interpreter)),
        "forbidden": seat.interpreter.forbidden,
        "batch": plan.batch,
        "worker": str(WORKER),
        "imports": str(IMPORTS),
        "answer": str(folder),
    }
    path = folder / "request.json"
    path.write_text(json.dumps(request), "utf-8")
    return {
        "argv": [seat.interpreter.python, str(TIMER), str(path)],
        "cwd": str(Path(seat.interpreter.cwd).absolute()),
        "environ": dict(seat.interpreter.environ),
    }


def _conduct(request: dict[str, object], seats: tuple[Seat, ...], plan: Plan, folder: Path, say: Say) -> None:
    path = folder / "request.json"
    path.write_text(json.dumps(request), "utf-8")
    # However often it is started, loading one model takes no longer than scoring it may.
    loading = sum(seat.interpreter.timeout for seat in seats)
    run(
        Order(
            argv=(sys.executable, "-I", "-S", "-B", str(CONDUCTOR), str(path)),
            cwd=str(folder),
            environ={},
            timeout=plan.budget + loading + _SPARE * plan.starts,
            what="timing calls",
            log=str(Path(seats[0].interpreter.log).with_name("timing.log")),
            shown=False,
        ),
        say,
    )


def _said(error: dict[str, Any] | None) -> str:
    """What the model's process said of itself; hostile."""
    message = error.get("message") if error is not None else None
    said = message if isinstance(message, str) else "its process ended without a word"
    return one_line(said, _LONGEST)

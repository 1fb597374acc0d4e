"""Runs in the user's interpreter, from Python 3.8 on: loads one model and times single calls of it, as it is asked.

``conductor.py`` asks by lines on standard input, and is answered by one line each: the number of a piece of the holdout
by the nanoseconds of the call; ``g`` collects garbage; ``m`` by the largest resident size so far; ``q`` is the end.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import runpy
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Calls go round these many first examples of the holdout.
_EXAMPLES = 1000


class Once:
    """A model that gives probabilities, and is asked for these alone: a service does not call a model twice."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._gives_both = hasattr(model, "predict_proba") and getattr(model, "classes_", None) is not None

    def __getattr__(self, name: str) -> Any:
        if name == "predict" and self._gives_both:
            return lambda _: None
        return getattr(self._model, name)


class Whole:
    """The holdout for the first call: what the model asks of it is kept."""

    def __init__(self, holdout: Any, batch: int) -> None:
        self.columns, self._holdout, self._batch = holdout.columns, holdout, batch
        self.kept: Any = None
        self.rows = 0

    def frame(self, names: list[str]) -> Any:
        frame = self._holdout.frame(names)
        rows = len(next(iter(frame.values()))) if isinstance(frame, dict) else len(frame)
        self.rows, self.kept = rows, frame
        return _cut(self.kept, 0, self._batch)


class Piece:
    """A few examples, ready to be handed to the model."""

    def __init__(self, columns: list[str], frame: Any) -> None:
        self.columns, self._frame = columns, frame

    def frame(self, _: list[str]) -> Any:
        return self._frame


def excerpt(path: str, folder: str, rows: int) -> str:
    """The first rows of a file as a file of their own: what the rest would hold is not the model's memory."""
    ending = Path(path).suffix.lower()
    target = Path(folder) / ("excerpt" + ending)
    if ending in (".parquet", ".pq"):
        parquet = importlib.import_module("pyarrow.parquet")
        first = next(iter(parquet.ParquetFile(path).iter_batches(batch_size=rows)), None)
        if first is None:
            return path
        table = importlib.import_module("pyarrow").Table.from_batches([first])
        parquet.write_table(table.replace_schema_metadata(None), str(target))
        return str(target)
    wanted, inside = rows if ending in (".jsonl", ".ndjson") else rows + 1, False
    with Path(path).open(encoding="utf-8", newline="") as stream, target.open("w", encoding="utf-8", newline="") as new:
        for line in stream:
            new.write(line)
            # A cell may hold a line break, between quotes; JSON has none.
            inside ^= ending not in (".jsonl", ".ndjson") and line.count('"') % 2 == 1
            wanted -= not inside
            if wanted <= 0:
                break
    return str(target)


def _cut(frame: Any, start: int, stop: int) -> Any:
    if isinstance(frame, dict):
        return {name: values[start:stop] for name, values in frame.items()}
    return frame.iloc[start:stop]


def _synchronised() -> Callable[[], Any]:
    """What waits for the device, where something runs on one: a call that was only queued has not ended."""
    cuda: Any = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is not None and cuda.is_available() and cuda.is_initialized():
        return lambda: cuda.synchronize()
    return lambda: None


def _ready(request: dict[str, Any], worker: dict[str, Any]) -> tuple[Callable[[Any], Any], list[Piece]]:
    """The model as a function of a piece, and all pieces; the model was called once by then."""
    estimator = worker["load"].__globals__
    original = estimator["_estimator"]
    estimator["_estimator"] = lambda model, *rest: original(Once(model), *rest)
    say, batch = worker["load"](request), request["batch"]
    few = excerpt(request["holdout"], request["answer"], max(_EXAMPLES, batch))
    whole = Whole(worker["Holdout"](few), batch)
    say(whole)
    if whole.rows < batch:
        raise worker["Failure"]("few", f"the holdout has {whole.rows} examples, and a call is to have {batch}")
    starts = range(0, whole.rows - batch + 1, batch)
    return say, [Piece(whole.columns, _cut(whole.kept, start, start + batch)) for start in starts]


def _peak() -> int:
    # https://man7.org/linux/man-pages/man2/getrusage.2.html: KiB; bytes on macOS.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _serve(request: dict[str, Any], worker: dict[str, Any], tell: Callable[[str], None]) -> dict[str, Any]:
    try:
        say, pieces = _ready(request, worker)
        tell(json.dumps({"pieces": len(pieces)}))
        wait, now = _synchronised(), time.perf_counter_ns
        for line in iter(sys.stdin.buffer.readline, b""):
            asked = line.strip()
            if asked == b"q":
                break
            if asked in (b"g", b"m"):
                tell(str(gc.collect() if asked == b"g" else _peak()))
                continue
            piece = pieces[int(asked)]
            wait()
            started = now()
            say(piece)
            wait()
            tell(str(now() - started))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 (it is the user's code, which may raise anything)
        traceback.print_exc()
        return {"error": worker["_error"](error)}
    return {}


def main(path: str) -> None:
    """Load what a request names and answer until told to end; the last line says whether all of it holds."""
    # What the model prints is for the log; the answers have a way of their own.
    answers = os.dup(1)
    os.dup2(2, 1)

    def tell(line: str) -> None:
        os.write(answers, line.encode() + b"\n")

    here = str(Path(__file__).parent)
    sys.path[:] = [str(Path.cwd()), *(one for one in sys.path if one != here)]
    request = json.loads(Path(path).read_text("utf-8"))
    worker = runpy.run_path(request["worker"])
    watched = runpy.run_path(request["imports"])["watched"]
    ended = watched(lambda asked: _serve(asked, worker, tell), request)
    tell(json.dumps({"ended": True, "error": ended.get("error")}))


if __name__ == "__main__":
    main(sys.argv[1])

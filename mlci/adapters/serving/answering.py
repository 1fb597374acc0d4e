"""Runs in the user's interpreter, from Python 3.8 on: loads one model and answers what it is asked, a line each.

``child.py`` writes requests to standard input, ``{"columns": [...], "data": [[...]], "probabilities": false}``, and
reads ``{"predictions": [...]}`` or ``{"error": {...}}``; the first line says that the model is loaded. The end of
standard input, or of the process that started it, is the end.
"""

from __future__ import annotations

import json
import math
import os
import runpy
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What a model raises for values that it cannot take is the asker's to correct.
_OF_THE_REQUEST = (ValueError, TypeError, KeyError, IndexError)
_LONGEST = 1000


class Chosen:
    """A model that is asked for probabilities only where somebody wants them: each answer takes a pass of its own."""

    wanted = False

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        if name == "predict_proba" and not Chosen.wanted:
            raise AttributeError(name)
        return getattr(self._model, name)


class Rows:
    """Some examples of a request, as the worker reads a holdout."""

    def __init__(self, worker: dict[str, Any], columns: list[str], data: list[list[Any]]) -> None:
        self.columns, self._data, self._worker = columns, data, worker

    def frame(self, names: list[str]) -> Any:
        """The columns as a DataFrame; as a dictionary of arrays where there is no pandas."""
        try:
            pandas = self._worker["_need"]("pandas")
        except ImportError:
            places = [self.columns.index(name) for name in names]
            array = self._worker["_array"]
            return {name: array([row[at] for row in self._data]) for name, at in zip(names, places)}  # noqa: B905
        frame = pandas.DataFrame(self._data, columns=self.columns)
        return frame if names == self.columns else frame[names]


def answered(said: Any, probabilities: bool) -> dict[str, Any]:
    """What a model said, as JSON can carry it."""
    first = said.labels if said.labels is not None else said.numbers
    answer = {"predictions": _plain(first)}
    if probabilities:
        if said.scale != "probabilities" or said.numbers is None:
            raise ValueError("this model gives no probabilities of its own")
        answer["probabilities"] = _plain(said.numbers)
        answer["classes"] = None if said.classes is None else _plain(said.classes)
    return answer


def _plain(values: Any) -> Any:
    """Lists, numbers, words and truth values; a number that is not finite is null."""
    if hasattr(values, "to_dict") and hasattr(values, "columns"):
        values = values.to_dict(orient="records")
    if hasattr(values, "tolist"):
        shape: Any = getattr(values, "shape", ())
        # One column of numbers is one number an example.
        values = (values[:, 0] if len(shape) == 2 and shape[1] == 1 and hasattr(values, "dtype") else values).tolist()
    if isinstance(values, float):
        return values if math.isfinite(values) else None
    if isinstance(values, (list, tuple)):
        return [_plain(one) for one in values]
    if isinstance(values, dict):
        return {str(name): _plain(one) for name, one in values.items()}
    return values if values is None or isinstance(values, (int, str, bool)) else str(values)


def _loaded(request: dict[str, Any], worker: dict[str, Any]) -> Callable[[Any], Any]:
    inner = worker["load"].__globals__
    original = inner["_estimator"]
    inner["_estimator"] = lambda model, *rest: original(Chosen(model), *rest)
    say: Callable[[Any], Any] = worker["load"](request)
    return say


def _answer(line: bytes, say: Callable[[Any], Any], worker: dict[str, Any]) -> dict[str, Any]:
    asked = json.loads(line)
    try:
        Chosen.wanted = asked["probabilities"]
        return answered(say(Rows(worker, asked["columns"], asked["data"])), asked["probabilities"])
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 (it is the user's code, which may raise anything)
        features = getattr(error, "kind", None) == "features"
        theirs = features or isinstance(error, _OF_THE_REQUEST)
        if not theirs:
            traceback.print_exc()
        message = str(error).replace("the holdout has", "the request has") if features else _said(error)
        return {"error": {"message": message[:_LONGEST], "request": theirs}}


def _said(error: BaseException) -> str:
    return type(error).__name__ + ": " + str(error)


def _end_with(parent: int) -> None:
    """End when the process that started this one is gone, whatever the model does."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def main(path: str) -> None:
    """Load what a request names, say so, and answer until nobody asks any more."""
    # What the model prints is for the log; the answers have a way of their own.
    answers = os.dup(1)
    os.dup2(2, 1)

    def tell(document: dict[str, Any]) -> None:
        line = memoryview(json.dumps(document, allow_nan=False).encode() + b"\n")
        while line:
            line = line[os.write(answers, line) :]

    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    here = str(Path(__file__).parent)
    sys.path[:] = [str(Path.cwd()), *(one for one in sys.path if one != here)]
    request = json.loads(Path(path).read_text("utf-8"))
    worker = runpy.run_path(request["worker"])
    watched = runpy.run_path(request["imports"])["watched"]

    def load(asked: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"say": _loaded(asked, worker)}
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 (as above)
            traceback.print_exc()
            return {"error": worker["_error"](error)}

    found = watched(load, request)
    if "error" in found:
        tell({"error": {"message": found["error"]["message"], "request": False}})
        return
    tell({"loaded": True})
    for line in iter(sys.stdin.buffer.readline, b""):
        tell(_answer(line, found["say"], worker))


if __name__ == "__main__":
    main(sys.argv[1])

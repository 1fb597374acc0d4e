"""The half of measuring that runs in the user's interpreter: calls a function of the user's, once without each block.

``python measurer.py REQUEST.json``: one file, the standard library and numpy, Python 3.8 or later. What its numbers
mean is decided by ``mlci.steps.measuring``; ``mlci.adapters.functions`` fixes the form of request and answer.
"""

from __future__ import annotations

import importlib.util
import json
import math
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy

# What a reader needs of a traceback is its end.
_LINES = 12
_LONGEST_LINE = 300


class Failure(Exception):
    """Why there are no values: which function, and what it did."""

    def __init__(self, name: str, cause: str, trace: list[str]) -> None:
        super().__init__(cause)
        self.told = {"name": name, "cause": cause, "trace": trace}


def main(request: str) -> None:
    """Answer one request; whatever the user's code does wrong is part of the answer."""
    asked = json.loads(Path(request).read_text(encoding="utf-8"))
    try:
        functions = [_function(call) for call in asked["calls"]]
        values = [_values(sample, asked["calls"], functions) for sample in asked["samples"]]
        answer: dict[str, Any] = {"values": values}
    except Failure as failure:
        answer = {"failure": failure.told}
    Path(asked["answer"]).write_text(json.dumps(answer), encoding="utf-8")


def _function(call: dict[str, str]) -> Any:
    try:
        spec = importlib.util.spec_from_file_location("mlci_measured_" + call["function"], call["file"])
        module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
        spec.loader.exec_module(module)  # type: ignore[union-attr]
        function = getattr(module, call["function"], None)
    except BaseException as error:
        raise Failure(call["name"], "its file cannot be loaded: " + _said(error), _trace(error, call)) from error
    if not callable(function):
        raise Failure(call["name"], "its file has no function " + call["function"], [])
    return function


def _values(sample: dict[str, Any], calls: list[dict[str, str]], functions: list[Any]) -> list[list[float | None]]:
    """For each function its value on all, then without each block in turn; None where it is no number."""
    with numpy.load(sample["file"], allow_pickle=False) as stored:
        given = {name: stored[name] for name in stored.files}
    blocks = given.pop("blocks")
    # The order of ids is kept within a set, so that a function that reads it as one of time can.
    parts = ("y", "pred", "score", "weight")
    # Rows keep their order, which is that of ids, so that a function that reads it as one of time can.
    kept = [None, *(blocks != block for block in range(sample["blocks"]))]
    return [
        [_value(call, function, [_part(given.get(name), rows) for name in parts]) for rows in kept]
        for call, function in zip(calls, functions)  # noqa: B905 (Python 3.8)
    ]


def _part(values: Any, rows: Any) -> Any:
    if values is None:
        return None
    return values.copy() if rows is None else values[rows]


def _value(call: dict[str, str], function: Any, arguments: list[Any]) -> float | None:
    try:
        value = float(function(*arguments))
    except BaseException as error:
        raise Failure(call["name"], "it raised " + _said(error), _trace(error, call)) from error
    return value if math.isfinite(value) else None


def _said(error: BaseException) -> str:
    return (type(error).__name__ + ": " + str(error))[:_LONGEST_LINE]


def _trace(error: BaseException, call: dict[str, str]) -> list[str]:
    """The end of what Python prints, less the frames of this file; the user's own file by its name."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__ and "importlib" not in frame.filename]
    folder = str(Path(call["file"]).parent) + "/"
    lines = [line.replace(folder, "") for text in traceback.format_list(own) for line in text.splitlines()]
    return [line[:_LONGEST_LINE] for line in lines[-_LINES:]]


if __name__ == "__main__":
    main(sys.argv[1])

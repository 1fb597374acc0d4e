"""Calls functions of the user's in the user's interpreter: a watched process without tokens, which speaks files."""

from __future__ import annotations

import hashlib
import json
import math
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.adapters.oneline import one_line
from mlci.adapters.process.running import Order, run
from mlci.domain.functions import split
from mlci.errors import CommandFailed, Place
from mlci.ports import Sample

MEASURER = Path(__file__).parents[1] / "measurer.py"
# A number takes 25 characters at most; beyond this the answer is not one of ours.
_LONGEST_NUMBER = 32
_LONGEST_FAILURE = 1 << 16
_LONGEST_LINE = 300
_MOST_LINES = 12


@dataclass(frozen=True, kw_only=True)
class UserFunctions:
    """Functions in files of the user's.

    Attributes:
        sources: content of each file, by the path that the policy names it by; never read from a change.
        python: the interpreter, as an absolute path.
        folder: the calls run in it.
        environ: their complete environment, without tokens.
        timeout: seconds that all of them may take together.
        say: takes a line on how it goes.
    """

    sources: Mapping[str, bytes]
    python: str
    folder: str
    environ: Mapping[str, str]
    timeout: float
    say: Callable[[str], None]

    def digests(self) -> Mapping[str, str]:
        """sha256 of the file of each function, by the function."""
        return _ByFile({path: hashlib.sha256(content).hexdigest() for path, content in self.sources.items()})

    def values(self, calls: Mapping[str, str], samples: Sequence[Sample]) -> list[dict[str, NDArray[np.float64]]]:
        """Each function's values on each sample; see ``mlci.ports.Functions``."""
        with tempfile.TemporaryDirectory(prefix="mlci-functions-") as work:
            folder = Path(work)
            self._ask(folder, calls, samples)
            names = ", ".join(calls)
            order = Order(
                # Isolated: nothing of the change's checkout can be imported in place of what is installed.
                argv=(self.python, "-I", "-B", str(MEASURER), str(folder / "request.json")),
                cwd=self.folder,
                environ=self.environ,
                timeout=self.timeout,
                what=f"measuring {one_line(names, 100)}",
                log=str(folder / "log"),
            )
            run(order, self.say)
            return _answered(folder / "answer.json", calls, samples)

    def _ask(self, folder: Path, calls: Mapping[str, str], samples: Sequence[Sample]) -> None:
        asked: dict[str, Any] = {"calls": [], "samples": [], "answer": str(folder / "answer.json")}
        for number, (metric, call) in enumerate(calls.items()):
            path, function = split(call)
            # The name is kept so that a traceback names the file that the user knows.
            file = folder / str(number) / Path(path).name
            file.parent.mkdir()
            file.write_bytes(self.sources[path])
            asked["calls"].append({"name": metric, "file": str(file), "function": function})
        for number, sample in enumerate(samples):
            file = folder / f"{number}.npz"
            arrays = {
                "y": sample.truth, "pred": sample.prediction, "score": sample.score, "weight": sample.weight,
                "blocks": sample.blocks,
            }  # fmt: skip
            given: dict[str, Any] = {name: array for name, array in arrays.items() if array is not None}
            np.savez(file, **given)
            asked["samples"].append({"file": str(file), "blocks": sample.count})
        (folder / "request.json").write_text(json.dumps(asked), encoding="utf-8")


class _ByFile(dict[str, str]):
    """Digests by file, asked for by function."""

    def __missing__(self, call: str) -> str:
        return self[split(call)[0]]


def _answered(file: Path, calls: Mapping[str, str], samples: Sequence[Sample]) -> list[dict[str, NDArray[np.float64]]]:
    """The answer, believed in nothing but its form.

    Raises:
        CommandFailed: a function failed, or there is no answer of the form that was asked for.
    """
    most = sum(sample.count + 2 for sample in samples) * len(calls) * _LONGEST_NUMBER + _LONGEST_FAILURE
    try:
        with file.open("rb") as stream:
            content = stream.read(most + 1)
        answer = json.loads(content) if len(content) <= most else None
    except (OSError, ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict) and isinstance(answer.get("failure"), dict):
        raise _failed(answer["failure"], calls)
    values = answer.get("values") if isinstance(answer, dict) else None
    if not isinstance(values, list) or len(values) != len(samples):
        raise CommandFailed("the functions of the user's left no answer", help="a function may not end the process")
    return [_checked(each, calls, sample) for each, sample in zip(values, samples, strict=True)]


def _checked(values: Any, calls: Mapping[str, str], sample: Sample) -> dict[str, NDArray[np.float64]]:
    if not isinstance(values, list) or len(values) != len(calls):
        raise CommandFailed("the functions of the user's left an answer of another form")
    found = {}
    for metric, of in zip(calls, values, strict=True):
        if not isinstance(of, list) or len(of) != sample.count + 1 or not all(map(_is_number, of)):
            raise CommandFailed("the functions of the user's left an answer of another form")
        found[metric] = np.array([math.nan if value is None else float(value) for value in of])
    return found


def _is_number(value: Any) -> bool:
    if value is None:
        return True
    # Whole numbers of JSON have no end, and one that no float holds is no answer of ours.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _failed(told: Mapping[str, Any], calls: Mapping[str, str]) -> CommandFailed:
    name, trace = str(told.get("name")), told.get("trace")
    call = calls.get(name, "")
    lines = [one_line(line, _LONGEST_LINE) for line in trace[-_MOST_LINES:]] if isinstance(trace, list) else []
    return CommandFailed(
        f"the function of {one_line(name, 100)}: {one_line(told.get('cause'), _LONGEST_LINE)}",
        place=Place(call),
        help="it happened here:" + "".join(f"\n      {line}" for line in lines) if lines else None,
    )

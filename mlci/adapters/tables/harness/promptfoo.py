"""promptfoo's results: the JSON file of ``promptfoo eval -o results.json``, and its JSON Lines.

Source of the format: ``EvaluateResult``, ``EvaluateSummaryV2`` and ``EvaluateSummaryV3`` in promptfoo's
``src/types/index.ts``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlci.adapters.tables.harness.documents import lines_of, number_or_none, taken
from mlci.adapters.tables.harness.rows import HarnessTable, Rows, digest_of
from mlci.errors import Place, Unreadable

_OF_A_RESULT = frozenset({"promptIdx", "testIdx", "testCase", "success", "score"})
# ResultFailureReason.ERROR: the provider or an assertion broke, so that nothing was answered or graded.
_ERROR = 2
# Variables that promptfoo adds while it runs; they differ between two runs of one test.
_OF_THE_RUN = frozenset({"_conversation", "sessionId"})


def recognises(document: Any) -> bool:
    """Whether a JSON value is the document that promptfoo writes."""
    results = document.get("results") if isinstance(document, dict) else None
    inner = results.get("results") if isinstance(results, dict) else None
    return isinstance(inner, list) and (not inner or recognises_line(inner[0]))


def recognises_line(value: Any) -> bool:
    """Whether a JSON value is one result of promptfoo's."""
    return isinstance(value, dict) and value.keys() >= _OF_A_RESULT


def read(file: Path, document: Any) -> HarnessTable:
    """One row for each result; a test that was repeated has several of one id.

    Raises:
        Unreadable: a result is not as promptfoo writes it, or the results are of several prompts or providers.
    """
    place = Place(str(file))
    return _read(file, ((place, result) for result in document["results"]["results"]))


def read_lines(file: Path) -> HarnessTable:
    """The same, of JSON Lines with one result each."""
    return _read(file, lines_of(file))


def _read(file: Path, results: Iterable[tuple[Place, Any]]) -> HarnessTable:
    rows, columns = Rows(str(file)), set()
    for place, result in results:
        taken(result, dict, "a result", place)
        columns.add(taken(result.get("promptIdx"), int, "promptIdx", place))
        rows.add(*_row(result, place), failed=result.get("failureReason") == _ERROR)
    if len(columns) > 1:
        raise Unreadable(
            f"the results are of {len(columns)} prompts or providers, and one is judged at a time",
            place=Place(str(file)),
            help="write a file of each: promptfoo eval --filter-prompts … --filter-providers …",
        )
    return rows.table({}, only=("pass", "score"))


def _row(result: dict[str, Any], place: Place) -> tuple[str, dict[str, Any], dict[str, float | None]]:
    case = taken(result.get("testCase"), dict, "testCase", place)
    variables = result.get("vars") if isinstance(result.get("vars"), dict) else case.get("vars")
    variables = {
        name: value
        for name, value in (variables if isinstance(variables, dict) else {}).items()
        if name not in _OF_THE_RUN
    }
    metadata = case.get("metadata") if isinstance(case.get("metadata"), dict) else {}
    fields = {f"vars.{name}": value for name, value in variables.items()}
    fields |= {f"metadata.{name}": value for name, value in metadata.items()}
    success = taken(result.get("success"), bool, "success", place)
    scores: dict[str, float | None] = {"pass": float(success), "score": _score(result.get("score"), place)}
    named = result.get("namedScores")
    for name, value in (named if isinstance(named, dict) else {}).items():
        scores[name if name not in scores else f"named_{name}"] = number_or_none(value)
    return _id(case, variables), fields, scores


def _score(value: Any, place: Place) -> float:
    found = number_or_none(value)
    if found is None:
        raise Unreadable("score is not a finite number", place=place)
    return found


def _id(case: dict[str, Any], variables: dict[str, Any]) -> str:
    """The test by what it asks and checks: its place in the file counts repeats, too, and moves when one is added."""
    asked = {"description": case.get("description"), "vars": variables, "assert": case.get("assert")}
    return digest_of(json.dumps(asked, sort_keys=True, ensure_ascii=False))

"""MLflow's evaluation tables: ``eval_results_table.json`` as ``mlflow.log_table`` writes it, and result tables.

Source of the format: ``MlflowClient.log_table`` (pandas, ``orient="split"``), ``default_evaluator.py`` of
``mlflow.models.evaluation`` (columns ``<metric>/score``) and ``entities.py`` of ``mlflow.genai.evaluation`` (columns
``<scorer>/value``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlci.adapters.tables.harness.documents import number_or_none, taken
from mlci.adapters.tables.harness.rows import HarnessTable, Rows, digest_of
from mlci.domain.columns import USUAL, spelled
from mlci.domain.figures import Better
from mlci.errors import Place, Unreadable

_SCORES = ("/score", "/value")
_TOLD = ("/justification", "/rationale")
# What was asked, by the names that MLflow's own evaluators use; the first that is there names the question.
_QUESTIONS = ("inputs", "input", "request", "question", "prompt")
# greater_is_better=False in mlflow.metrics.
_LOWER = ("toxicity", "flesch_kincaid_grade_level", "ari_grade_level", "mae", "mse", "rmse", "mape", "max_error")
# The names that MLflow itself gives as words.
_WORDS = {"yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0}


def recognises(document: Any) -> bool:
    """Whether a JSON value is a table of pandas in which some columns are scores."""
    if not isinstance(document, dict) or set(document) - {"columns", "data", "index"}:
        return False
    names = document.get("columns")
    return isinstance(document.get("data"), list) and isinstance(names, list) and any(map(_is_score, names))


def _is_score(name: Any) -> bool:
    return isinstance(name, str) and name.endswith(_SCORES)


def read(file: Path, document: Any) -> HarnessTable:
    """One row for each row, its scores under their own names such as ``answer_similarity/v1/score``.

    Raises:
        Unreadable: a row has other cells than there are columns, or nothing says which question it is of.
    """
    place = Place(str(file))
    names = [taken(name, str, "the name of a column", place) for name in document["columns"]]
    if len(set(names)) < len(names):
        raise Unreadable("a column stands twice", place=place)
    question = _question(names)
    if question is None:
        raise Unreadable(
            "no column says which question a row is of",
            place=place,
            help=f"keep one of {', '.join(_QUESTIONS)} in the table, or a column id",
        )
    scored = [name for name in names if _is_score(name)]
    rows = Rows(str(file))
    for number, cells in enumerate(document["data"], start=1):
        if len(taken(cells, list, f"row {number}", place)) != len(names):
            raise Unreadable(f"row {number} has {len(cells)} cells where there are {len(names)} columns", place=place)
        row = dict(zip(names, cells, strict=True))
        fields = {f"table.{name}": row[name] for name in names if name not in scored and not name.endswith(_TOLD)}
        rows.add(_id(row[question], question), fields, {name: _number(row[name]) for name in scored})
    return rows.table(_better(scored))


def _question(names: list[str]) -> str | None:
    own = next((name for name in names if spelled(name) in USUAL["id"]), None)
    return own or next((name for wanted in _QUESTIONS for name in names if spelled(name) == wanted), None)


def _id(cell: Any, column: str) -> str:
    if spelled(column) in USUAL["id"] and isinstance(cell, (str, int)):
        return str(cell)
    return digest_of(json.dumps(cell, sort_keys=True, ensure_ascii=False))


def _number(cell: Any) -> float | None:
    return _WORDS.get(cell.lower()) if isinstance(cell, str) else number_or_none(cell)


def _better(scored: list[str]) -> dict[str, Better]:
    return {name: "lower" for name in scored if name.partition("/")[0] in _LOWER}

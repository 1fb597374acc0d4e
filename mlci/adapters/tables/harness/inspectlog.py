"""Inspect's logs: JSON (``.json``) and the archives (``.eval``) that it writes by default.

Source of the format: ``EvalLog``, ``EvalSample``, ``EvalSampleSummary`` and ``Score`` of ``inspect_ai.log``; what a
word such as "C" is worth is ``value_to_float`` of ``inspect_ai.scorer``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlci.adapters.tables.harness import members
from mlci.adapters.tables.harness.documents import number_or_none, taken
from mlci.adapters.tables.harness.rows import HarnessTable, Rows
from mlci.errors import Place, Unreadable

_WORDS = {"c": 1.0, "p": 0.5, "i": 0.0, "n": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}


def recognises(document: Any) -> bool:
    """Whether a JSON value is a log of Inspect's."""
    return (
        isinstance(document, dict)
        and isinstance(document.get("eval"), dict)
        and {"version", "status", "plan"} <= document.keys()
    )


def read(file: Path, document: Any) -> HarnessTable:
    """One row for each sample and epoch; a question of several epochs has several rows of one id.

    Raises:
        Unreadable: the evaluation did not finish, kept no samples, or a sample is not as Inspect writes it.
    """
    return _read(file, document, document.get("samples"))


def read_archive(file: Path) -> HarnessTable:
    """The same of an archive, from the summaries in it, which leave out what was said to and by the model."""
    header, summaries = members.read(file)
    return _read(file, header, summaries)


def _read(file: Path, header: Any, samples: Any) -> HarnessTable:
    place = Place(str(file))
    status = taken(header, dict, "the log", place).get("status")
    if status != "success":
        raise Unreadable(
            f"the evaluation did not finish: its status is {str(status)[:40]!a}",
            place=place,
            help="let it finish: inspect eval-retry",
        )
    if samples is None:
        raise Unreadable("the log holds no samples", place=place, help="write it with --log-samples")
    rows = Rows(str(file))
    for sample in taken(samples, list, "samples", place):
        _add(rows, taken(sample, dict, "a sample", place), place)
    return rows.table({})


def _add(rows: Rows, sample: dict[str, Any], place: Place) -> None:
    id = taken(sample.get("id"), (int, str), "the id of a sample", place)
    metadata = sample.get("metadata")
    fields = {f"metadata.{name}": value for name, value in (metadata if isinstance(metadata, dict) else {}).items()}
    rows.add(str(id), fields, dict(_scores(sample.get("scores") or {}, place)), failed=sample.get("error") is not None)


def _scores(scores: Any, place: Place) -> Iterable[tuple[str, float | None]]:
    for scorer, score in taken(scores, dict, "scores", place).items():
        value = taken(score, dict, "a score", place).get("value")
        if isinstance(value, dict):
            yield from ((f"{scorer}.{name}", _number(part)) for name, part in value.items())
        elif not isinstance(value, list):
            yield scorer, _number(value)


def _number(value: Any) -> float | None:
    if not isinstance(value, str):
        return number_or_none(value)
    word = value.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    try:
        return number_or_none(float(word))
    except ValueError:
        return None

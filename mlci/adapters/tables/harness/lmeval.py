"""The samples that lm-evaluation-harness writes with ``--log_samples``: ``samples_<task>_<date>.jsonl``.

Source of the format: ``lm_eval/evaluator.py`` (what a sample holds) and ``lm_eval/loggers/evaluation_tracker.py`` (the
names of files) of lm_eval 0.4; the directions of metrics are those it registers in ``lm_eval/api/metrics.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from mlci.adapters.disk.files import unread
from mlci.adapters.tables.harness.documents import lines_of, number_or_none, taken
from mlci.adapters.tables.harness.rows import HarnessTable, Rows
from mlci.domain.figures import Better
from mlci.errors import Place, Unreadable

_OF_A_SAMPLE = frozenset({"doc_id", "doc", "target", "resps", "filtered_resps"})
# The date is that of datetime.isoformat with ":" replaced; the task's own name may hold underscores.
_NAME = re.compile(r"samples_(?P<task>.+)_\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}(?:\.\d+)?\.jsonl")
_BETTER: dict[str, Better] = dict.fromkeys(
    ("brier_score", "perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "ter"), "lower"
)
_MOST_FILES = 2000
_DIGITS_OF_HASH = 12


def recognises_line(value: Any) -> bool:
    """Whether a JSON value is one sample of lm-evaluation-harness."""
    return isinstance(value, dict) and value.keys() >= _OF_A_SAMPLE


def sample_files(folder: Path) -> dict[str, Path]:
    """The sample files of a folder and of the folders in it, by task; empty where there are none.

    Raises:
        Unreadable: a task has several, or there are far too many.
    """
    found: dict[str, Path] = {}
    try:
        candidates = sorted(
            file
            for pattern in ("samples_*.jsonl", "*/samples_*.jsonl")
            for file in islice(folder.glob(pattern), _MOST_FILES + 1)
            # A pipe of such a name would never end.
            if file.is_file()
        )
    except OSError as error:
        raise unread(str(folder), error) from error
    if len(candidates) > _MOST_FILES:
        raise Unreadable(f"more than {_MOST_FILES} files of samples", place=Place(str(folder)))
    for file in candidates:
        named = _NAME.fullmatch(file.name)
        task = named["task"] if named else file.stem.removeprefix("samples_")
        if task in found:
            raise Unreadable(
                f"two files hold samples of the task {task[:100]!a}: {found[task].name} and {file.name}",
                place=Place(str(folder)),
                help="name a folder of one run, or the file itself",
            )
        found[task] = file
    return found


def read_lines(file: Path) -> HarnessTable:
    """One row for each document; a metric of several filters has a column for each, such as ``acc.strict-match``.

    Raises:
        Unreadable: a sample is not as the harness writes it, or none of its metrics has a value for each document.
    """
    return _table(str(file), [("", file)])


def read_folder(folder: Path) -> HarnessTable:
    """The same of several tasks, with a column ``task``; judged by themselves are the metrics that all of them have."""
    files = sample_files(folder)
    # A folder of one task is the file in it, so that either may be compared with the other.
    return _table(str(folder), list(files.items()) if len(files) > 1 else [("", file) for file in files.values()])


def _table(name: str, files: Iterable[tuple[str, Path]]) -> HarnessTable:
    rows, common = Rows(name), None
    for task, file in files:
        whole = _Task(task, file)
        for id, fields, scores in whole.documents():
            rows.add(id, fields, scores)
        common = whole.scores if common is None else [score for score in common if score in whole.scores]
        rows.notes.extend(whole.notes())
    if not common:
        raise Unreadable(
            "no metric has a number for each document, or the tasks have none in common",
            place=Place(name),
            help="name the file of one task; metrics of a whole corpus, such as BLEU, have no value of one document",
        )
    better = {score: _BETTER[base] for score in common if (base := score.partition(".")[0]) in _BETTER}
    return rows.table(better, only=common)


class _Task:
    """The samples of one task, those of several filters brought together by document."""

    def __init__(self, task: str, file: Path) -> None:
        self._task = task
        self._documents: dict[str, tuple[dict[str, Any], dict[str, float | None]]] = {}
        self._filters: dict[str, None] = {}
        self._unscored: dict[str, None] = {}
        for place, sample in lines_of(file):
            self._add(taken(sample, dict, "a sample", place), place)
        self.scores = list(
            dict.fromkeys(self._named(name) for _, scores in self._documents.values() for name in scores)
        )

    def _add(self, sample: dict[str, Any], place: Place) -> None:
        document = taken(sample.get("doc_id"), int, "doc_id", place)
        digest, kept_by = sample.get("doc_hash", ""), sample.get("filter", "none")
        id = f"{document}/{taken(digest, str, 'doc_hash', place)[:_DIGITS_OF_HASH]}".rstrip("/")
        self._filters[taken(kept_by, str, "filter", place)] = None
        scores = self._documents.setdefault(id, (_fields(sample.get("doc")), {}))[1]
        for metric in _metrics(sample, place):
            value, name = number_or_none(sample.get(metric)), f"{metric}\0{kept_by}"
            if name in scores:
                raise Unreadable(f"document {document} stands twice with one filter", place=place)
            if value is None and not _is_missing(sample.get(metric)):
                self._unscored[metric] = None
                continue
            scores[name] = value

    def documents(self) -> Iterator[tuple[str, dict[str, Any], dict[str, float | None]]]:
        """Id, fields and scores of each document."""
        for id, (fields, scores) in self._documents.items():
            named = {self._named(name): value for name, value in scores.items()}
            if not self._task:
                yield id, fields, named
            else:
                yield f"{self._task}/{id}", {"task": self._task, **fields}, named

    def notes(self) -> Iterator[str]:
        """What was left out."""
        for metric in self._unscored:
            of = f" of {self._task}" if self._task else ""
            yield f"{metric}{of} has no value of single documents and is left out"

    def _named(self, name: str) -> str:
        metric, kept_by = name.split("\0")
        return metric if len(self._filters) == 1 else f"{metric}.{kept_by}"


def _fields(document: Any) -> dict[str, Any]:
    return {f"doc.{name}": value for name, value in document.items()} if isinstance(document, dict) else {}


def _metrics(sample: dict[str, Any], place: Place) -> list[str]:
    """Names of the metrics; before version 0.4.5 a sample did not list them, and they were what is left over."""
    listed = sample.get("metrics")
    if listed is None:
        known = _OF_A_SAMPLE | {"filter", "arguments", "doc_hash", "prompt_hash", "target_hash"}
        return [name for name in sample if name not in known]
    return [str(taken(name, str, "the name of a metric", place)) for name in taken(listed, list, "metrics", place)]


def _is_missing(value: Any) -> bool:
    return value is None or isinstance(value, float)

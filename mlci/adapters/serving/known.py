"""Examples of the holdout and what a version says of them, so that whoever serves it can be asked for the same."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlci.adapters.models.scored import Question, ScoredVersion
from mlci.adapters.oneline import one_line
from mlci.adapters.scoring.answer import Raw
from mlci.adapters.scoring.asked import Asked, HoldoutFile, evaluator_digest
from mlci.adapters.scoring.interpreting import Given, interpret
from mlci.adapters.scoring.parts import read_examples, read_layout, texts_of_ids
from mlci.adapters.tables import open_table
from mlci.domain.columns import roles
from mlci.errors import FileMissing, MlciError, Place
from mlci.ports import Registry, Table, Version

Cell = bool | int | float | str | None

# As many tell one version from another in all but name, and are still one small request.
_ROWS = 50
# Sums in another order, on another machine: what differs by less is the same number.
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5
_TRUTHS = {"true": "1", "false": "0"}
# Words that pandas, which read them when the model was scored, takes for a missing value in a CSV file:
# https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html
_NOTHING = frozenset(
    ("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
     "NULL", "NaN", "None", "n/a", "nan", "null")
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Known:
    """What can be asked, and what the answer is.

    Attributes:
        columns: names of the features.
        rows: the cells of each example, in that order.
        predictions: what the version says of each, as a word or number.
        scores: of the positive class; None where the version gives none.
        class_scores: by class, where there are several.
        asked: how numbers are read.
        labels: the distinct labels of the holdout; empty where the target is a quantity.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    predictions: tuple[str, ...] | None
    scores: tuple[float, ...] | None
    class_scores: Mapping[str, tuple[float, ...]]
    asked: Asked
    labels: tuple[str, ...]

    def wrong(self, answers: Sequence[Any]) -> str | None:
        """What is wrong with the answers, as a sentence; None where they are the version's.

        An answer may be a label, a value, a score, or one number for each class: whichever of them the version's own
        predictions hold is compared.
        """
        if len(answers) != len(self.rows):
            return f"{len(self.rows)} examples were answered with {len(answers)} predictions"
        if any(matches for matches in self._readings(answers)):
            return None
        place = self._first(answers)
        if place is None:
            return "its predictions are of no form that can be compared with those the version was judged by"
        own = self.predictions[place] if self.predictions is not None else "another"
        got = one_line(answers[place], 60)
        return f"it answers {got} where the version says {own} (example {place + 1} of {len(self.rows)})"

    def _readings(self, answers: Sequence[Any]) -> Iterator[bool]:
        """Whether the answers agree, by each way to read them."""
        if self.predictions is not None:
            yield all(map(_same, answers, self.predictions))
        if self.scores is not None:
            yield all(map(_close, answers, self.scores))
        numbers = _numbers(answers)
        given = self._interpreted(numbers) if numbers is not None else None
        if given is not None:
            yield self._agrees(given)

    def _interpreted(self, numbers: NDArray[np.float64]) -> Given | None:
        try:
            return interpret(Raw(None, numbers, None, "raw"), self.asked, self.labels)
        except MlciError:
            return None

    def _agrees(self, given: Given) -> bool:
        compared = []
        if given.labels is not None and self.predictions is not None:
            words = [*given.labels.values, "nan"]
            compared.append(all(map(_same, (words[code] for code in given.labels.codes.tolist()), self.predictions)))
        if given.values is not None and self.predictions is not None:
            compared.append(all(map(_same, given.values.tolist(), self.predictions)))
        if given.score is not None and self.scores is not None:
            compared.append(all(map(_close, given.score.tolist(), self.scores)))
        for name, values in given.class_scores.items():
            compared.append(name in self.class_scores and all(map(_close, values.tolist(), self.class_scores[name])))
        return bool(compared) and all(compared)

    def _first(self, answers: Sequence[Any]) -> int | None:
        """The first example whose answer is another, where they are single words or numbers."""
        if self.predictions is None or any(isinstance(one, (list, dict)) for one in answers):
            return None
        pairs = zip(answers, self.predictions, strict=True)
        return next((place for place, (answer, own) in enumerate(pairs) if not _same(answer, own)), None)


def known_of(version: Version, registry: Registry, holdout: HoldoutFile, asked: Asked) -> Known:
    """Examples of this machine's holdout with what the version said of them when it was scored.

    Raises:
        FileMissing: there is no such holdout here, or the version keeps no predictions of it.
        RegistryBroken: what the registry keeps is not what its evidence names.
        MlciError: the holdout or the predictions cannot be read, or the registry does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="mlci-known-", ignore_cleanup_errors=True) as folder:
        stored = ScoredVersion(registry, version, lambda _: None)
        evidence = stored.evidence(folder)
        if evidence is None:
            raise _unknown(version, "mlci did not register it")
        model = evidence[1]
        # A way of scoring that changed since gives the same predictions more often than not.
        for evaluator in dict.fromkeys((evaluator_digest(asked), model.predictions.evaluator)):
            question = Question(artifact=model.artifact, holdout=holdout.digest, evaluator=evaluator)
            found = stored.find(model, question, folder)
            if found is not None:
                return _joined(holdout, asked, open_table(found[1]))
    raise _unknown(version, "it keeps no predictions of this holdout")


def _unknown(version: Version, why: str) -> FileMissing:
    return FileMissing(
        f"nothing is known that {version.model} version {version.number} must answer: {why}",
        place=Place("data.holdout"),
        help="have the holdout here that it was scored on, as the commit has it that it was made from",
    )


def _joined(holdout: HoldoutFile, asked: Asked, predictions: Table) -> Known:
    layout = read_layout(holdout.path, asked)
    examples = read_examples(holdout, asked, layout)
    part = roles(predictions.columns, asked.columns)
    places = _places(examples.ids, predictions.ids(part.id or examples.id_column))
    words = _words(predictions, part.prediction)
    # Those whose hashed ids come first, as the fingerprint has them: anybody finds the same.
    chosen = [
        row
        for row in examples.probe.tolist()
        if row in places and (words is None or words[places[row]] is not None)
    ][:_ROWS]  # fmt: skip
    if not chosen or (words is None and part.score is None):
        raise FileMissing("no example of the holdout has a prediction of the version", place=Place(holdout.path))
    features = asked.features or tuple(name for name in layout.columns if name not in layout.excluded)
    taken = [places[row] for row in chosen]

    def numbers(column: str) -> tuple[float, ...]:
        return tuple(predictions.numbers(column)[taken].tolist())

    return Known(
        columns=tuple(features),
        rows=_cells(holdout.path, features, chosen),
        predictions=None if words is None else tuple(words[place] or "" for place in taken),
        scores=numbers(part.score) if part.score is not None else None,
        class_scores={name: numbers(column) for name, column in part.class_scores.items()},
        asked=asked,
        labels=examples.labels,
    )


def _places(ids: NDArray[Any], others: NDArray[Any]) -> dict[int, int]:
    """Row of the predictions by row of the holdout."""
    there = {name: place for place, name in enumerate(texts_of_ids(others))}
    found = ((row, there.get(name)) for row, name in enumerate(texts_of_ids(ids)))
    return {row: place for row, place in found if place is not None}


def _words(table: Table, column: str | None) -> list[str | None] | None:
    if column is None:
        return None
    texts = table.texts(column)
    values: list[str | None] = [*texts.values, None]
    return [values[code] for code in texts.codes.tolist()]


def _cells(path: str, features: Sequence[str], rows: Sequence[int]) -> tuple[tuple[Cell, ...], ...]:
    """The examples as JSON can carry them, each column of one kind as pandas would read it."""
    table = open_table(path, only=set(features))
    plain = Path(path).suffix.lower() in (".csv", ".tsv")
    columns = [_column(table, name, rows, plain) for name in features]
    return tuple(zip(*columns, strict=True))


def _column(table: Table, name: str, rows: Sequence[int], plain: bool) -> list[Cell]:
    if table.is_number(name):
        whole = table.numbers(name)
        finite = np.isfinite(whole)
        # One missing value makes floats of a column of whole numbers.
        integral = bool(finite.all()) and bool((whole == np.floor(whole)).all())
        chosen = whole[rows].tolist()
        return [int(one) if integral else one if math.isfinite(one) else None for one in chosen]
    texts = table.texts(name)
    values: list[Cell] = [None if plain and one in _NOTHING else one for one in texts.values]
    if {str(one).lower() for one in values if one is not None} <= {"true", "false"}:
        values = [None if one is None else str(one).lower() == "true" for one in values]
    values.append(None)
    return [values[code] for code in texts.codes[rows].tolist()]


def _numbers(answers: Sequence[Any]) -> NDArray[np.float64] | None:
    """The answers as numbers, shape (rows, width); None where they are none."""
    try:
        found = np.array(answers, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return found.reshape(len(found), -1) if found.ndim in (1, 2) else None


def _same(answer: Any, own: str) -> bool:
    """Whether an answer is a label or value that was stored as a word."""
    if answer is None or isinstance(answer, (list, dict)):
        return False
    word = str(answer).strip()
    if _TRUTHS.get(word.lower(), word) == _TRUTHS.get(own.lower(), own):
        return True
    try:
        return _close(float(word), float(own))
    except ValueError:
        return False


def _close(answer: Any, own: float) -> bool:
    if isinstance(answer, bool) or not isinstance(answer, (int, float)):
        return False
    return math.isclose(answer, own, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE) or (answer != answer and own != own)

"""Which column of a predictions file plays which part, found by name, with every guess said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mlci.domain.policy import Columns

# The usual names of each part, most specific first. Compared in lower case with "-", " " and "_" alike.
USUAL = {
    "id": ("id", "example_id", "row_id", "sample_id", "uid", "key"),
    "target": ("y_true", "y", "label", "target", "truth", "actual", "ground_truth"),
    "prediction": ("y_pred", "pred", "prediction", "predicted", "predicted_label", "y_hat", "yhat"),
    "score": ("y_score", "score", "y_prob", "prob", "probability", "y_proba", "proba"),
    "weight": ("weight", "sample_weight"),
    "group": ("group", "cluster", "group_id", "cluster_id"),
}
_CLASS_SCORES = ("y_score_", "score_", "y_prob_", "prob_", "probability_", "y_proba_", "proba_")
_SLICE_PREFIX = "slice_"


class Ambiguous(ValueError):
    """Two columns could play the same part."""

    def __init__(self, part: str, names: tuple[str, ...]) -> None:
        super().__init__(f"{' and '.join(names)} could each be the {part}")
        self.part = part
        self.names = names


class NotThere(ValueError):
    """A column that was named is not in the file."""

    def __init__(self, part: str, name: str) -> None:
        super().__init__(f"there is no column {name!r} for the {part}")
        self.part = part
        self.name = name


@dataclass(frozen=True)
class Roles:
    """The column that plays each part in one file; None where no column does.

    Attributes:
        class_scores: score columns of a model with several classes, by class name.
        slices: columns that declare slices by their name.
        others: everything else.
    """

    id: str | None
    target: str | None
    prediction: str | None
    score: str | None
    weight: str | None
    group: str | None
    class_scores: dict[str, str]
    slices: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def named(self) -> dict[str, str]:
        """Part and column, for the parts that were found."""
        found = {part: getattr(self, part) for part in USUAL}
        return {part: column for part, column in found.items() if column is not None}


def spelled(name: str) -> str:
    """A column's name for comparison."""
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def roles(names: Iterable[str], columns: Columns) -> Roles:
    """Give each part its column: the one that was named, else the one with a usual name.

    A target that was named but is not there may still stand under its usual name, because a scoring job often renames
    it; every other named column must be there.

    Raises:
        Ambiguous: several usual names of one part are present.
        NotThere: a column that was named is absent.
    """
    present = tuple(names)
    found = {part: _column_for(part, getattr(columns, part), present) for part in USUAL}
    taken = {column for column in found.values() if column is not None}
    class_scores = {} if found["score"] is not None else _class_scores(present, taken)
    taken |= set(class_scores.values())
    slices = tuple(name for name in present if name not in taken and spelled(name).startswith(_SLICE_PREFIX))
    others = tuple(name for name in present if name not in taken and name not in slices)
    return Roles(**found, class_scores=class_scores, slices=slices, others=others)


def _column_for(part: str, named: str | None, present: tuple[str, ...]) -> str | None:
    if named is not None and named in present:
        return named
    usual = tuple(name for name in present if spelled(name) in USUAL[part])
    if named is not None and not (part == "target" and usual):
        raise NotThere(part, named)
    if len(usual) > 1:
        raise Ambiguous(part, usual)
    return usual[0] if usual else None


def _class_scores(present: tuple[str, ...], taken: set[str]) -> dict[str, str]:
    for prefix in _CLASS_SCORES:
        matching = {
            name[len(prefix) :]: name for name in present if name not in taken and spelled(name).startswith(prefix)
        }
        if len(matching) > 1:
            return matching
    return {}

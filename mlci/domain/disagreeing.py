"""How far two models disagree, and what labels decide between them: for every face of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mlci.domain.figures import as_written, count, percent
from mlci.domain.report import Section, plain

SCHEMA = "mlci.disagreements/1"
# Beyond this a tolerance is refused as a slip, and no proof is worth having.
LARGEST_LOSS = 0.5


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Labels that were asked for, or came back, and the file or folder they are in."""

    file: str = field(metadata={"help": "Where they are."})
    disagreements: int = field(metadata={"help": "Of examples on which the models disagree."})
    agreements: int = field(metadata={"help": "Of others."})


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What it takes to show that a model without a change loses no more than a margin."""

    margin: float = field(metadata={"help": "The largest accepted loss."})
    rows: int = field(metadata={"help": "Examples needed."})
    labels: int = field(metadata={"help": "Labels needed where only disagreements are labelled."})


@dataclass(frozen=True, kw_only=True)
class Disagreements:
    """On how many examples two models disagree, and what follows."""

    n: int = field(metadata={"help": "Examples that both models answer."})
    disagreements: int = field(metadata={"help": "On how many of them the answers differ."})
    discordance: float = field(metadata={"help": "Their share."})
    interval: tuple[float, float] = field(metadata={"help": "The share between its two one-sided bounds (Wilson)."})
    confidence: float = field(metadata={"help": "Level of each bound."})
    power: float = field(metadata={"help": "Chance of showing that a model without a change loses no more."})
    decisions: tuple[Decision, ...] = field(default=(), metadata={"help": "What each margin takes."})
    asked: Asked | None = field(default=None, metadata={"help": "The list of labels that was written."})
    labelled: Asked | None = field(default=None, metadata={"help": "The labels that came back, as files to judge."})
    notes: tuple[str, ...] = field(default=(), metadata={"help": "What had to be assumed, a sentence each."})


def as_json(found: Disagreements) -> dict[str, Any]:
    """The answer for a program."""
    return {"schema": SCHEMA, **plain(found)}


def sections(found: Disagreements) -> Iterator[Section]:
    """The answer for a reader."""
    yield Section(
        id="disagreements",
        title="Where the two models disagree",
        sentences=(*_measured(found), *_asked(found), *_labelled(found), *found.notes),
        columns=("margin", "examples needed", "labels, if only disagreements get one") if found.decisions else (),
        rows=tuple((as_written(each.margin), count(each.rows), count(each.labels)) for each in found.decisions),
    )


def _measured(found: Disagreements) -> Iterator[str]:
    low, high = (percent(bound) for bound in found.interval)
    level = as_written(found.confidence, relative=True)
    yield (
        f"They answer {count(found.disagreements)} of {count(found.n)} examples differently: "
        f"{percent(found.discordance)}, bounds [{low}, {high}] (one-sided {level})."
    )
    if found.disagreements == 0:
        yield "No label can tell them apart."


def _asked(found: Disagreements) -> Iterator[str]:
    if found.asked is not None:
        yield f"{found.asked.file} asks for labels of {_kinds(found.asked)}."


def _kinds(asked: Asked) -> str:
    return f"{_some(asked.disagreements, 'disagreement')} and {_some(asked.agreements, 'agreement')}"


def _some(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}"


def _labelled(found: Disagreements) -> Iterator[str]:
    labelled = found.labelled
    if labelled is None:
        return
    yield f"{labelled.file} holds both models on the labels of {_kinds(labelled)}, for gate-compare."
    if labelled.agreements:
        yield "Each example weighs as many as it stands for, so a tolerance means what it means on all examples."
        return
    yield (
        "No agreement has a label, so these files are of disagreements alone, where every loss looks "
        f"{1 / found.discordance:.4g} times as large as on all examples."
    )
    for each in found.decisions:
        scaled = each.margin / found.discordance
        if scaled <= LARGEST_LOSS:
            yield f"A tolerance of {as_written(each.margin)} on all examples is {scaled:.4g} there."

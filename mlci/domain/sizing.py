"""How many examples and labels an answer takes: what was asked and what it comes to, for every face of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from mlci.domain.figures import as_written, count, figure, percent
from mlci.domain.report import Section, plain

SCHEMA = "mlci.sample-size/1"

Kind = Literal["share", "mean", "auc"]
Adaptivity = Literal["none", "first-change", "full"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be shown, and how surely."""

    kind: Kind = field(metadata={"help": "What is compared: a share of examples, a mean over them, or a ROC AUC."})
    margin: float | None = field(default=None, metadata={"help": "The largest accepted loss."})
    rows: int | None = field(default=None, metadata={"help": "Examples that there are."})
    power: float = field(metadata={"help": "Chance of showing that a model without a change loses no more."})
    confidence: float = field(metadata={"help": "Level of each one-sided bound, over all looks together."})
    steps: int = field(metadata={"help": "How often the holdout is looked at."})
    adaptivity: Adaptivity = field(metadata={"help": "What whoever trains learns of each look."})
    reliability: float = field(metadata={"help": "Chance that no look is farther off than the margin."})


@dataclass(frozen=True, kw_only=True)
class Need:
    """What one assumption about the two models comes to."""

    spread: float = field(metadata={"help": "Standard deviation of the per-example difference, or of one AUC's part."})
    discordance: float | None = field(
        default=None, metadata={"help": "Share of the examples on which the two models disagree."}
    )
    rows: int | None = field(default=None, metadata={"help": "Examples needed; absent without a margin."})
    labels: int | None = field(
        default=None, metadata={"help": "Labels needed where only disagreements are labelled; absent without them."}
    )
    detectable: float | None = field(
        default=None, metadata={"help": "The smallest loss that the examples there are can show."}
    )


@dataclass(frozen=True, kw_only=True)
class Guarantee:
    """What it takes to be within ± margin at every look, by a bound and by the normal distribution."""

    clause: str = field(metadata={"help": "What is estimated, n being the new model and o the old one."})
    bound: Literal["Hoeffding", "Bennett"] = field(metadata={"help": "The inequality, which needs no distribution."})
    rows: int = field(metadata={"help": "Examples by the bound."})
    normal: int | None = field(default=None, metadata={"help": "Examples by the normal distribution."})
    labels: int | None = field(
        default=None, metadata={"help": "Labels for one look where only disagreements are labelled, by the bound."}
    )
    normal_labels: int | None = field(default=None, metadata={"help": "The same by the normal distribution."})


@dataclass(frozen=True, kw_only=True)
class SampleSize:
    """The answer: what deciding takes, and what an estimate with a guarantee would."""

    question: Question
    alpha: float = field(metadata={"help": "The error rate that each look may spend."})
    needs: tuple[Need, ...] = field(metadata={"help": "One for each assumption about the two models."})
    guarantees: tuple[Guarantee, ...] = field(default=(), metadata={"help": "Estimates within ± margin."})
    notes: tuple[str, ...] = field(default=(), metadata={"help": "What was measured or assumed, a sentence each."})


def as_json(answer: SampleSize) -> dict[str, Any]:
    """The answer for a program."""
    return {"schema": SCHEMA, **plain(answer)}


def sections(answer: SampleSize) -> Iterator[Section]:
    """The answer for a reader: the question in words, then a table of each part."""
    question = answer.question
    yield Section(id="needs", title=_title(question), sentences=(*_asked(answer), *answer.notes), **_needs(answer))
    if answer.guarantees:
        yield Section(
            id="guarantees",
            title="An estimate with a guarantee",
            sentences=(
                f"To be within ± {as_written(question.margin or 0.0)} at every look with probability "
                f"{question.reliability:.10g}, whichever way it falls, as ease.ml/ci asks. n is the candidate's "
                "share, o production's, d the share of examples on which they disagree.",
            ),
            **_guarantees(answer.guarantees),
        )


def _title(question: Question) -> str:
    if question.margin is None:
        return f"What {count(question.rows or 0)} examples can show"
    return f"To show a loss of no more than {as_written(question.margin)}"


def _asked(answer: SampleSize) -> Iterator[str]:
    question = answer.question
    yield (
        f"{as_written(question.power, relative=True)} power where nothing changed, one-sided "
        f"{as_written(question.confidence, relative=True)} confidence."
    )
    if question.steps > 1 or question.adaptivity != "none":
        told = {
            "none": "nothing is told of them",
            "first-change": "the first pass ends the set",
            "full": "every answer is told",
        }[question.adaptivity]
        yield (
            f"{count(question.steps)} looks at one holdout, of which {told}: each may spend {answer.alpha:.3g} of the "
            "error rate."
        )


def _needs(answer: SampleSize) -> dict[str, Any]:
    question, of_share = answer.question, answer.question.kind == "share"
    first = {"share": "examples that differ", "mean": "standard deviation", "auc": "ROC AUC of both"}[question.kind]
    columns = [first]
    if question.margin is not None:
        columns.append("examples needed")
    if question.margin is not None and of_share:
        columns.append("labels, if only disagreements get one")
    if question.rows is not None:
        columns.append(f"smallest loss shown by {count(question.rows)}")
    rows = []
    for need in answer.needs:
        cells = [percent(need.discordance) if need.discordance is not None else figure(need.spread)]
        cells += [count(number) for number in (need.rows, need.labels) if number is not None]
        cells += [figure(need.detectable, "lower")] if need.detectable is not None else []
        rows.append(tuple(cells))
    return {"columns": tuple(columns), "rows": tuple(rows)}


def _guarantees(guarantees: tuple[Guarantee, ...]) -> dict[str, Any]:
    def shown(number: int | None) -> str:
        return count(number) if number is not None else "–"

    return {
        "columns": (
            "estimate", "examples", "by the normal distribution", "labels a look", "by the normal distribution"
        ),
        "rows": tuple(
            (f"{each.clause} ({each.bound})", shown(each.rows), shown(each.normal), shown(each.labels),
             shown(each.normal_labels))
            for each in guarantees
        ),
    }  # fmt: skip

"""``mlci disagreements``: on which examples two models differ, the list of labels to ask for, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlci.adapters.disk import files
from mlci.cli.numbers import number, whole_number
from mlci.cli.shown import show
from mlci.config.policy import gate_policy
from mlci.domain.disagreeing import Asked, Disagreements, as_json, sections
from mlci.errors import Contradiction, Exit, ExtraMissing, Place, UsageError

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.domain.policy import ReadingPolicy
    from mlci.ports import Table
    from mlci.steps.disagreements import Answers, Wanted

_MOST = 10**12


@dataclass(frozen=True)
class _Run:
    """One run of the command."""

    own: dict[str, Any]
    reading: ReadingPolicy
    confidence: float


def run(invocation: Invocation) -> Exit:
    """Compare, write what was asked for and say what it comes to; nothing is judged, so this passes."""
    own, config = invocation.own, invocation.resolved.config
    here = _Run(own, gate_policy(config).reading, config.validation.confidence)
    answers = answers_of(own, here.reading)
    found = _joined(here, answers) if own["labels"] is not None else _requested(here, answers)
    if own["format"] == "json":
        click.echo(json.dumps(as_json(found), indent=2))
    else:
        show(tuple(sections(found)), own["format"])
    return Exit.PASS


def answers_of(own: dict[str, Any], reading: ReadingPolicy) -> Answers:
    """What the two files that a command names answer, their labels left aside.

    Raises:
        MlciError: a file cannot be read or compared.
    """
    try:
        from mlci.steps.disagreements import compared
    except ImportError as error:
        raise ExtraMissing("comparing needs numpy", help='pip install "mlci[gate]"') from error
    apart = number(own, "apart", 0, 1e300, reaches=True) if "apart" in own else None
    return compared(_table(own, "candidate"), _table(own, "baseline"), reading, apart)


def _table(own: dict[str, Any], side: str) -> Table:
    from mlci.cli.sides import given

    found = given(own[side]).table
    if found is None:
        raise UsageError(f"--{side} holds metrics of a whole model and no predictions", place=Place(own[side]))
    return found


def _about(here: _Run, answers: Answers, **more: Any) -> Disagreements:
    from mlci.steps.disagreements import measured

    own = here.own
    return measured(
        answers,
        confidence=here.confidence,
        power=number(own, "power", 0.5, 1) or 0.0,
        margin=number(own, "margin", 0, 1),
        **more,
    )


def _requested(here: _Run, answers: Answers) -> Disagreements:
    """Write the list of labels to ask for, where there is anything to ask."""
    from mlci.adapters.tables.cells import as_csv
    from mlci.steps.disagreements import DISAGREEMENT, wanted

    own = here.own
    limit = whole_number(own, "limit", 1, _MOST)
    chosen = wanted(answers, limit, whole_number(own, "agreements", 0, _MOST) or 0)
    path = own["requests"]
    if not chosen:
        return _about(here, answers)
    if Path(path).exists():
        raise UsageError(
            f"{path} is there already, and labels in it would be lost",
            place=Place("--requests"),
            help="move it away, or name another --requests",
        )
    show_answers = own["show"] == "true"
    columns = (
        "id",
        here.reading.columns.target or "y_true",
        "asked",
        *(("production", "candidate") if show_answers else ()),
    )
    files.write(path, as_csv(columns, _cells(chosen, show=show_answers)))
    disagreements = sum(one.kind == DISAGREEMENT for one in chosen)
    asked = Asked(file=path, disagreements=disagreements, agreements=len(chosen) - disagreements)
    return _about(here, answers, asked=asked)


def _cells(chosen: tuple[Wanted, ...], *, show: bool) -> Iterator[tuple[str, ...]]:
    for one in chosen:
        yield (one.id, "", one.kind, *((one.production, one.candidate) if show else ()))


def _joined(here: _Run, answers: Answers) -> Disagreements:
    """Write the labelled examples of both models, for the gate."""
    from mlci.adapters.tables import open_table
    from mlci.adapters.tables.cells import as_csv
    from mlci.steps.labelled import joined, labels_of

    own = here.own
    if own["agreements"] != "0" or own["limit"] is not None:
        raise Contradiction("--labels takes labels back, and --limit and --agreements ask for some")
    labels = labels_of(open_table(own["labels"]), here.reading)
    found = joined(answers, labels, own["labels"])
    folder = Path(own["joined"])
    for name, columns, rows in zip(("candidate.csv", "production.csv"), found.columns, found.rows, strict=True):
        if (folder / name).exists() and (folder / name).samefile(own["candidate" if name[0] == "c" else "baseline"]):
            raise UsageError("--joined would overwrite the predictions", place=Place(str(folder)))
        files.write(str(folder / name), as_csv(columns, rows, guard=False))
    return _about(
        here,
        answers,
        labelled=Asked(file=str(folder), disagreements=found.disagreements, agreements=found.agreements),
    )

"""``mlci sample-size``: how many examples and labels a wanted answer takes."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from mlci.cli.numbers import number, whole_number
from mlci.domain.sizing import Question, as_json, sections
from mlci.errors import Exit, Place, UsageError
from mlci.stats.planning import MOST_STEPS
from mlci.steps import sample_size

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.domain.report import Section

_MOST_ROWS = 10**12
# Parameters that say something of one kind of metric alone.
_OF_KIND = {
    "share": ("discordance",),
    "mean": ("sd",),
    "auc": ("auc", "positives", "negatives", "correlation"),
}


def run(invocation: Invocation) -> Exit:
    """Calculate and print; nothing is judged, so this passes whenever the question makes sense."""
    own = invocation.own
    question = _question(own, invocation.resolved.config.validation.confidence)
    answer = sample_size.run(question, **_known(own, question))
    if own["format"] == "json":
        click.echo(json.dumps(as_json(answer), indent=2))
    else:
        show(tuple(sections(answer)), own["format"])
    return Exit.PASS


def show(found: Sequence[Section], format: str) -> None:
    """Print sections to stdout, as text that fits the terminal or as Markdown."""
    from mlci.render import sheet

    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    width = max(60, min(140, shutil.get_terminal_size((100, 24)).columns))
    shown = sheet.markdown(found) if format == "markdown" else sheet.text(found, width=width, unicode=unicode)
    click.echo(shown, nl=False)


def _question(own: dict[str, Any], confidence: float) -> Question:
    kind = own["kind"]
    margin = number(own, "margin", 0, 1 if kind != "mean" else 1e300)
    return Question(
        kind=kind,
        margin=margin,
        rows=whole_number(own, "rows", 2, _MOST_ROWS),
        power=number(own, "power", 0.5, 1) or 0.0,
        confidence=confidence,
        steps=whole_number(own, "steps", 1, MOST_STEPS) or 1,
        adaptivity=own["adaptivity"],
        reliability=number(own, "reliability", 0.5, 1 - 1e-12) or confidence,
    )


def _known(own: dict[str, Any], question: Question) -> dict[str, Any]:
    """What is known of the two models beforehand.

    Raises:
        UsageError: something of it is missing, or is of another kind of metric.
    """
    for kind, names in _OF_KIND.items():
        for name in names if kind != question.kind else ():
            if own[name] is not None:
                raise UsageError(
                    f"--{name} is for --kind {kind}, and the kind is {question.kind}", place=Place(f"--{name}")
                )
    if question.kind == "share":
        discordance = number(own, "discordance", 0, 1)
        return {} if discordance is None else {"discordances": (discordance,)}
    if question.kind == "mean":
        return {"spread": _needed(number(own, "sd", 0, 1e300), "sd", question)}
    return {
        "classes": sample_size.Classes(
            auc=_needed(number(own, "auc", 0, 1), "auc", question),
            positives=int(_needed(whole_number(own, "positives", 1, _MOST_ROWS), "positives", question)),
            negatives=int(_needed(whole_number(own, "negatives", 1, _MOST_ROWS), "negatives", question)),
            correlation=_needed(number(own, "correlation", -1, 1), "correlation", question),
        )
    }


def _needed(value: float | None, name: str, question: Question) -> float:
    if value is None:
        raise UsageError(f"--kind {question.kind} needs --{name}", help="mlci sample-size --help says what it is")
    return value

"""``mlci sample-size``: how many examples and labels a wanted answer takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from mlci.cli.numbers import number, whole_number
from mlci.cli.shown import show
from mlci.config.policy import gate_policy
from mlci.domain.figures import as_written, count, percent
from mlci.domain.sizing import Question, as_json, sections
from mlci.errors import Exit, Place, UsageError
from mlci.stats.planning import MOST_STEPS
from mlci.stats.proportions import wilson
from mlci.stats.student import normal_quantile
from mlci.steps import sample_size

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation

_MOST_ROWS = 10**12
# Parameters that say something of one kind of metric alone.
_OF_KIND = {
    "share": ("discordance", "candidate", "baseline"),
    "mean": ("sd",),
    "auc": ("auc", "positives", "negatives", "correlation"),
}


def run(invocation: Invocation) -> Exit:
    """Calculate and print; nothing is judged, so this passes whenever the question makes sense."""
    own = invocation.own
    question = _question(invocation)
    answer = sample_size.run(question, **_known(invocation, question))
    if own["format"] == "json":
        click.echo(json.dumps(as_json(answer), indent=2))
    else:
        show(tuple(sections(answer)), own["format"])
    return Exit.PASS


def _question(invocation: Invocation) -> Question:
    own, config = invocation.own, invocation.resolved.config
    kind, confidence, holdout = own["kind"], config.validation.confidence, gate_policy(config).holdout
    margin = number(own, "margin", 0, 1 if kind != "mean" else 1e300)
    return Question(
        kind=kind,
        margin=margin,
        rows=whole_number(own, "rows", 2, _MOST_ROWS),
        power=number(own, "power", 0.5, 1) or 0.0,
        confidence=confidence,
        steps=whole_number(own, "steps", 1, MOST_STEPS) or (holdout.steps if holdout is not None else 1),
        adaptivity=own["adaptivity"],
        reliability=number(own, "reliability", 0.5, 1 - 1e-12) or confidence,
    )


def _known(invocation: Invocation, question: Question) -> dict[str, Any]:
    """What is known of the two models beforehand.

    Raises:
        UsageError: something of it is missing, or is of another kind of metric.
    """
    own = invocation.own
    for kind, names in _OF_KIND.items():
        for name in names if kind != question.kind else ():
            if own[name] is not None:
                raise UsageError(
                    f"--{name} is for --kind {kind}, and the kind is {question.kind}", place=Place(f"--{name}")
                )
    if question.kind == "share":
        discordance = number(own, "discordance", 0, 1)
        if own["candidate"] is not None or own["baseline"] is not None:
            return _measured(invocation)
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


def _measured(invocation: Invocation) -> dict[str, Any]:
    """On how many examples two models disagree: as many as are seen, and at most so many.

    Raises:
        UsageError: one of the two files is missing, or the share is given besides.
        MlciError: they cannot be compared.
    """
    from mlci.cli.disagreements import answers_of

    own, config = invocation.own, invocation.resolved.config
    if own["candidate"] is None or own["baseline"] is None:
        raise UsageError("--candidate and --baseline are compared with each other", help="give both, or neither")
    if own["discordance"] is not None:
        raise UsageError("--discordance is what the two files are asked for", help="give the files, or the share")
    answers = answers_of(own, gate_policy(config).reading)
    level = config.validation.confidence
    highest = wilson(answers.count, answers.n, normal_quantile(level))[1]
    note = (
        f"The two files differ on {count(answers.count)} of {count(answers.n)} examples, so at most on "
        f"{percent(highest)} (one-sided {as_written(level, relative=True)})."
    )
    seen = (answers.count / answers.n,) if answers.count else ()
    return {"discordances": (*seen, highest), "notes": (note, *answers.notes)}


def _needed(value: float | None, name: str, question: Question) -> float:
    if value is None:
        raise UsageError(f"--kind {question.kind} needs --{name}", help="mlci sample-size --help says what it is")
    return value

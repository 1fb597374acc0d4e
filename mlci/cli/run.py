"""``mlci run``: the chain of a pipeline on this machine, one step after the other, and the comment it would post."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from mlci.adapters.disk import files
from mlci.cli import data_check, gate_compare, model_ci
from mlci.cli.delivery import discard
from mlci.cli.forge import COMMENT, on_github, on_gitlab
from mlci.cli.invocation import Invocation
from mlci.config.checking import is_checked
from mlci.errors import Exit, Place, UsageError
from mlci.surface.checking import DATA_CHECK
from mlci.surface.command import Command
from mlci.surface.pipeline import GATE_COMPARE, MODEL_CI
from mlci.surface.spelling import spell

# Where a configuration of one of several models may lie, for the error that names them.
_ELSEWHERE = ("*/mlci.yml", "*/*/mlci.yml")


def run(invocation: Invocation) -> Exit:
    """Check data, train or reuse, score, judge and, unless it is a change, register; the exit is the last step's."""
    own = invocation.own
    _refuse_a_pipeline(invocation)
    _require_configuration(invocation)
    model = _step(invocation, MODEL_CI, register="false" if own["base"] else own["register"], reuse=own["reuse"])
    gate = _step(
        invocation,
        GATE_COMPARE,
        candidate=model.own["keep"],
        comment="true" if own["base"] else "false",
        # What a change shows is the comment, so that is what is shown here.
        format="markdown" if own["base"] and own["format"] == "text" else None,
    )
    # The gate judges what this run made, so nobody may make another in between.
    with model_ci.at_work(model, gate):
        # A verdict on an earlier model must not stand beside this one, should this run get no further.
        discard(GATE_COMPARE, gate.own)
        files.remove(COMMENT)
        checked = _data_checked(invocation)
        if checked is not Exit.PASS:
            return checked
        made = model_ci.make(model)
        if made.exit is not Exit.PASS:
            return made.exit
        return gate_compare.run(replace(gate, own={**gate.own, "version": made.version}))


def _data_checked(invocation: Invocation) -> Exit:
    """Check the data where that is asked for: what fails there costs no training."""
    config = invocation.resolved.config
    required = is_checked(config)
    if not required and config.data.train.contract is None:
        return Exit.PASS
    if not required and find_spec("duckdb") is None:
        click.echo("the data are not checked: that needs mlci[data], and data.required is false", err=True)
        return Exit.PASS
    return data_check.run(_step(invocation, DATA_CHECK))


def _require_configuration(invocation: Invocation) -> None:
    """Without a configuration there is nothing to run; with several models, one has to be named."""
    if invocation.loaded is not None:
        return
    others = sorted(str(path) for pattern in _ELSEWHERE for path in Path().glob(pattern))
    help = f"name one with --config: {', '.join(others[:6])}" if others else "mlci init writes one"
    raise UsageError("there is no mlci.yml here", place=Place(invocation.own["config"]), help=help)


def _refuse_a_pipeline(invocation: Invocation) -> None:
    """A pipeline's jobs hold different tokens; one process that does everything would hold them all."""
    # Whatever else the runner says: nothing of it is needed to refuse, and nobody is asked.
    if on_github(invocation.environ) or on_gitlab(invocation.environ):
        raise UsageError(
            "mlci run is for a developer's machine",
            help="in a pipeline use model-ci and gate-compare, each in a job with the permissions it needs",
        )


def _step(invocation: Invocation, command: Command, **given: str | None) -> Invocation:
    """One step as this command would have been given it."""
    own: dict[str, Any] = {
        spell(param.name, "snake"): param.default for param in command.params if param.overrides is None
    }
    own |= {"config": invocation.own["config"], "format": invocation.own["format"], "base": invocation.own["base"]}
    own |= {name: value for name, value in given.items() if value is not None}
    return replace(invocation, command=command, own=own)

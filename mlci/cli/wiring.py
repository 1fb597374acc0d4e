"""From what was given to a running command: configuration resolved, parameters checked, the right function called."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Mapping
from importlib import import_module

from mlci.cli.forge import on_gitlab
from mlci.cli.invocation import Invocation
from mlci.cli.tree import Given
from mlci.config.load import load
from mlci.config.model import DEFAULT_FILE
from mlci.config.problems import raise_all
from mlci.config.quote import one_line, quote
from mlci.config.resolve import Override, resolve
from mlci.config.source import Source
from mlci.errors import Exit, MlciError, Place, RequiredMissing, UsageError
from mlci.surface.catalog import COMMANDS
from mlci.surface.command import Command, Param
from mlci.surface.spelling import spell


def invoke(given: Given, environ: Mapping[str, str]) -> Exit:
    """Prepare and run one command; all problems of command line and configuration are raised together."""
    try:
        invocation = prepare(given, environ)
    except MlciError as error:
        _discard(given)
        if given.command.name == "gate-compare":
            from mlci.cli.gate_compare import refused

            refused(given.command, _own(given), error, environ)
        raise
    return run(invocation)


def _discard(given: Given) -> None:
    """Nothing can be judged: take away an earlier run's verdict, so that nobody takes it for this run's."""
    if "report" in given.command.by_name:
        from mlci.cli.delivery import discard

        with contextlib.suppress(MlciError):
            discard(given.command, _own(given))


def _own(given: Given) -> dict[str, str | None]:
    return {
        spell(param.name, "snake"): _text(given, param) for param in given.command.params if param.overrides is None
    }


def prepare(given: Given, environ: Mapping[str, str]) -> Invocation:
    """Check what was given and resolve the configuration.

    Raises:
        MlciError: the problem of command line, environment and file, or all of them together.
    """
    problems = [*_unknown_variables(given.command, environ), *_wrong(given, on_gitlab(environ))]
    own = _own(given)
    loaded = None
    overrides = _overrides(given, environ)
    try:
        # Where it is no path of this machine, the configuration is the forge's to give.
        if "config" in given.command.by_name and given.command.by_name["config"].kind == "path":
            loaded = load(own["config"] or DEFAULT_FILE, environ, required="config" in given.values)
    except MlciError as problem:
        problems.append(problem)
    try:
        resolved = resolve(loaded, overrides)
    except MlciError as problem:
        problems.append(problem)
    raise_all(problems)
    return Invocation(given.command, own, resolved, loaded, overrides, environ)


def _text(given: Given, param: Param) -> str | None:
    text = given.values[param.name][0] if param.name in given.values else param.default
    return text.strip().lower() if text is not None and param.kind == "boolean" else text


def _wrong(given: Given, is_gitlab: bool) -> list[MlciError]:
    problems: list[MlciError] = []
    for param in given.command.params:
        if param.overrides is not None:
            continue
        text, source = given.values.get(param.name, (None, None))
        if text is None and _is_required(param, is_gitlab) and param.unless not in given.values:
            hint = f"give {param.flag}, or set {given.command.variable(param)}"
            if param.only == "github":
                hint += "; in a job on GitLab it asks for the jobs of its own pipeline instead"
            either = f" or --{param.unless}" if param.unless is not None else ""
            problems.append(RequiredMissing(f"{given.command.name} needs {param.flag}{either}", help=hint))
        choices = ("true", "false") if param.kind == "boolean" else param.choices
        word = _text(given, param) if param.kind == "boolean" else text
        if text is not None and source is not None and choices and word not in choices:
            cause = f"{source} must be one of {', '.join(choices)}, got {quote(text)}"
            problems.append(UsageError(cause, place=Place(source.name)))
    return problems


def _is_required(param: Param, is_gitlab: bool) -> bool:
    return param.required and not (is_gitlab and param.only == "github")


def _unknown_variables(command: Command, environ: Mapping[str, str]) -> list[MlciError]:
    """A misspelt variable would leave its parameter at the default without a word, and a gate would judge by that."""
    known = [command.variable(param) for param in command.params]
    problems: list[MlciError] = []
    for name in sorted(environ):
        if name.startswith(command.variable_prefix) and name not in known and environ[name].strip():
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the options of {command.name} are listed by --help"
            problems.append(
                UsageError(
                    f"the variable {one_line(name)} belongs to no option", place=Place(one_line(name)), help=hint
                )
            )
    return problems


def _overrides(given: Given, environ: Mapping[str, str]) -> list[Override]:
    found = [
        (param.overrides, *given.values[param.name])
        for param in given.command.params
        if param.overrides is not None and param.name in given.values
    ]
    return [*found, *_of_explained(given, environ)]


def _of_explained(given: Given, environ: Mapping[str, str]) -> list[Override]:
    """What the environment overrides for the command that ``config explain --command`` asks about."""
    name = given.values["command"][0] if "command" in given.command.by_name and "command" in given.values else None
    return [
        (param.overrides, environ[variable], Source("environment", variable))
        for step in COMMANDS
        if step.name == name
        for param in step.params
        if param.overrides is not None and environ.get(variable := step.variable(param))
    ]


def run(invocation: Invocation) -> Exit:
    """Run a prepared command: each has a module of its name in this folder, imported when it is asked for."""
    module = import_module(f"mlci.cli.{spell(invocation.command.name, 'snake')}")
    return Exit(module.run(invocation))

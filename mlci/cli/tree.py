"""The catalogue as a click tree. click only splits the command line; values are read by the resolver, in one place."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import click
from click.core import ParameterSource

from mlci import __version__
from mlci.config.source import Source
from mlci.errors import UsageError
from mlci.surface.catalog import COMMANDS, GROUPS
from mlci.surface.command import Command, Param
from mlci.surface.spelling import spell

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@dataclass(frozen=True)
class Given:
    """A command and what was given for its parameters, by name: the text and who gave it. Empty means not given."""

    command: Command
    values: Mapping[str, tuple[str, Source]] = field(repr=False)


# What the tree ends in: the rest of the program.
Handler = Callable[[Given], Any]


class Raw(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click only
    """Text that click hands on as it is; an environment variable is one value, whatever white space it holds."""

    name = "text"

    def __init__(self, metavar: str) -> None:
        self.name = metavar

    def split_envvar_value(self, rv: str) -> list[str]:
        """Keep the value whole: click would split it at every blank."""
        return [rv]


class Group(click.Group):
    """A group that names the nearest command when there is none of the name given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse a bare group: click prints the help there, and some versions then exit as if all were well."""
        if not args:
            raise UsageError("a command is missing", help=f"the commands here are {', '.join(sorted(self.commands))}")
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        name = args[0]
        if not name.startswith("-") and name not in self.commands:
            close = difflib.get_close_matches(name[:60], list(self.commands), n=1)
            hint = f"did you mean {close[0]}?" if close else f"the commands here are {', '.join(sorted(self.commands))}"
            raise UsageError(f"there is no command {name[:60]!r}", help=hint)
        return super().resolve_command(ctx, args)


_METAVARS = {
    "path": "PATH", "text": "TEXT", "number": "NUMBER", "boolean": "true|false", "names": "NAMES",
    "tolerance": "NUMBER|PERCENT",
}  # fmt: skip


def _option(command: Command, param: Param) -> click.Option:
    metavar = "|".join(param.choices) if param.choices else _METAVARS[param.kind]
    text = param.help
    if param.kind == "names":
        text += " Separated by commas or lines, or given several times."
    if param.default is not None:
        text += f" [default: {param.default}]"
    if param.required:
        text += " [required]"
    switch: dict[str, Any] = {"is_flag": False, "flag_value": "true"} if param.kind == "boolean" else {}
    return click.Option(
        [param.flag, spell(param.name, "snake")],
        type=Raw(metavar),
        metavar=f"[{metavar}]" if switch else metavar,
        envvar=command.variable(param),
        multiple=param.kind == "names",
        default=None,
        help=text,
        **switch,
    )


def _given(ctx: click.Context, command: Command) -> Given:
    values: dict[str, tuple[str, Source]] = {}
    for param in command.params:
        name = spell(param.name, "snake")
        value = ctx.params.get(name)
        text = "\n".join(value) if isinstance(value, tuple) else value
        if not text or not text.strip():
            continue
        from_variable = ctx.get_parameter_source(name) is ParameterSource.ENVIRONMENT
        source = Source("environment", command.variable(param)) if from_variable else Source("flag", param.flag)
        values[param.name] = (text, source)
    return Given(command, values)


def _command(command: Command, handler: Handler) -> click.Command:
    def run(**_: Any) -> Any:
        return handler(_given(click.get_current_context(), command))

    return click.Command(
        command.name.rpartition(" ")[2],
        params=[_option(command, param) for param in command.params],
        callback=run,
        help="\n\n".join((command.summary, *command.explained)),
        short_help=command.summary,
        epilog=f"Every option can be given as an environment variable: {command.variable_prefix}…, in upper case.",
        context_settings=SETTINGS,
    )


def build(handler: Handler) -> click.Group:
    """The whole command line; every command ends in the handler."""
    root = Group("mlci", help="CI/CD for machine-learning models.", context_settings=SETTINGS)
    root.params.append(_version())
    for command in COMMANDS:
        group_name, _, _name = command.name.rpartition(" ")
        parent: click.Group = root
        if group_name:
            known = root.commands.get(group_name)
            parent = known if isinstance(known, click.Group) else Group(group_name, help=GROUPS[group_name])
            root.add_command(parent)
        parent.add_command(_command(command, handler))
    return root


def _version() -> click.Option:
    def show(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
        if wanted and not ctx.resilient_parsing:
            click.echo(f"mlci {__version__}")
            ctx.exit()

    return click.Option(
        ["--version"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=show,
        help="Print the version and exit.",
    )

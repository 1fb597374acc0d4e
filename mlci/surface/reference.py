"""The reference pages and the tables of the README, in Markdown; every fact comes from where it is declared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from mlci.config.key import Owner
from mlci.config.model import DEFAULT_FILE, Config
from mlci.config.ownership import UNMARKED, owners
from mlci.config.scalar import limits, one_of
from mlci.config.settings import as_written
from mlci.config.shape import Shape, fields_by_key, limited, main_keys, shapes
from mlci.errors import Exit, catalogue
from mlci.surface.catalog import COMMANDS
from mlci.surface.command import Command, Param, Permission
from mlci.surface.schema import BANNER
from mlci.surface.spelling import spell

_TYPES = {
    "text": "text", "number": "number", "integer": "whole number", "boolean": "true or false",
    "tolerance": "number or percentage", "duration": "time", "date": "day", "block": "block",
}  # fmt: skip

_CONFIGURATION = """\
Everything has a default; no key is required. Keys may be written with `-` or `_`, and so may the words of a choice and
the names of the metrics that mlci knows. An empty value means: not set; only a limit must not be empty.

A block that has a main key may be written as that key's value alone: `train: python train.py` is
`train: {command: python train.py}`.

`${NAME}` in a value is replaced from the environment, and it is an error if the variable is not set or empty. A literal
`${` is written `$${`. `mlci config explain` never shows a value that came that way.

A text that YAML would read as something else needs quotes: `positive: "1"`. A percentage such as `10%` is relative to
production's value. A time is a number with a unit: `90s`, `5m`, `2h`, `1d`.

What overrides what: a flag, before an environment variable, before the file, before the default.

A change, such as a pull request, has a file of its own, and the branch it would be merged to has one too. The column
*on a change* says whose value holds. `base`: the branch's, and a change of that key is listed as "the gate changed".
`head`: the change's. While the branch has no file, the change's own decides everything and the verdict is at least
*warn*. Flags and environment variables are what the workflow hands to a step, and hold before both files: whoever may
change the workflow may change them, so protect it as the forge lets you.
"""

_COMMAND_LINE = """\
There are options only. Every option of a command is also an environment variable, `MLCI_<COMMAND>_<OPTION>`; empty
means not given, and a variable of a command that belongs to none of its options is an error. A list takes names
separated by commas or lines; an option that takes a list can also be given several times.

An option that stands for a key of `mlci.yml` takes what the key takes, and holds before the file.

When whoever reads standard output stops reading before the command has ended, the exit is 141. With `MLCI_DEBUG=1` a
bug prints its traceback; without, the traceback goes to a file whose name is printed.
"""


def banner(source: str) -> str:
    """The first line of a generated page: what it is generated from."""
    return f"<!-- {BANNER.format(source=source)} -->\n\n"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; no cell can break out of its column."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


def configuration() -> str:
    """The page of every key of mlci.yml."""
    sections = "".join(_sections(Config, Config(), "", UNMARKED))
    return f"{banner('mlci/config/model.py')}# {DEFAULT_FILE}\n\n{_CONFIGURATION}\n{sections.rstrip()}\n"


def _sections(block: type[Any], default: Any, path: str, inherited: Owner) -> Iterator[str]:
    rows, below = [], []
    for name, shape in shapes(block).items():
        content = getattr(default, fields_by_key(block)[name].name) if default is not None else None
        whose = " and ".join(f"`{owner}`" for owner in sorted(owners(shape, inherited)))
        rows.append((f"`{name}`", _type(shape), _default(shape, content), whose, _meaning(shape)))
        inner = shape.inner if shape.kind in ("mapping", "list") else shape
        if inner.kind == "block":
            entry = f"{path}{name}" + {"mapping": f".<{shape.key.names}>", "list": "[]"}.get(shape.kind, "")
            whole = content if shape.kind == "block" else inner.dataclass()
            below.append((inner.dataclass, whole, entry, shape.key.owner or inherited))
    if path:
        yield f"## {path.rstrip('.')}\n\n{_about(block)}"
    else:
        yield "## Top level\n\n"
    yield table(("key", "type", "default", "on a change", "meaning"), rows) + "\n"
    for inner_block, content, entry, owner in below:
        yield from _sections(inner_block, content, f"{entry}.", owner)


def _about(block: type[Any]) -> str:
    notes = []
    main = main_keys(block)
    if main:
        notes.append(f"Main key: {' and '.join(f'`{name}`' for name in main)}.")
    target = limited(block)
    if target is not None:
        notes.append(
            f"`min_<metric>` and `max_<metric>` are short for `{target}: {{<metric>: {{min: …}}}}` and `{{max: …}}`."
        )
    return f"{' '.join(notes)}\n\n" if notes else ""


def _type(shape: Shape) -> str:
    if shape.kind == "choice":
        return one_of(tuple(f"`{choice}`" for choice in shape.choices))
    if shape.kind == "list":
        return f"list of {'texts' if shape.inner.kind == 'text' else _type(shape.inner) + 's'}"
    if shape.kind == "mapping":
        alone = ", or a list of names" if shape.key.names_alone else ""
        return f"{_type(shape.inner)} by {shape.key.names}{alone}"
    bounds = limits(shape) if shape.kind in ("number", "integer") else shape.key.pattern_help or ""
    return f"{_TYPES[shape.kind]}{', ' if bounds else ''}{bounds}"


def _default(shape: Shape, content: Any) -> str:
    if shape.kind in ("block", "mapping") or content is None or content == ():
        return "–"
    written = as_written(content)
    return f"`{written if isinstance(written, str) else json.dumps(written)}`"


def _meaning(shape: Shape) -> str:
    return f"{shape.key.help} Example: `{shape.key.example}`." if shape.key.example else shape.key.help


def command_line() -> str:
    """The page of every command, option, variable, output and exit."""
    pages = "\n".join(_command(command) for command in COMMANDS)
    return f"{banner('mlci/surface/catalog.py')}# Command line\n\n{_COMMAND_LINE}\n{pages}"


def _command(command: Command) -> str:
    parts = [f"## {command.name}\n", f"{command.summary}\n", *(f"{paragraph}\n" for paragraph in command.explained)]
    if command.extras:
        parts.append(f'Needs `pip install "mlci[{",".join(command.extras)}]"`.\n')
    parts.append(table(("option", "variable", "key", "meaning"), (_param(command, param) for param in command.params)))
    if command.outputs:
        parts.append(outputs(command))
    parts.append(exits(command.exits))
    if command.permissions:
        parts.append(table(("permission", "what for"), (_permission(one) for one in command.permissions)))
    return "\n".join(parts)


def _permission(permission: Permission) -> tuple[str, ...]:
    without = " (without it the verdict and the exit are the same)" if permission.optional else ""
    return f"`{permission.scope}: {permission.level}`", permission.why + without


def _param(command: Command, param: Param) -> tuple[str, ...]:
    facts = [param.help]
    if param.choices:
        facts.append(f"One of {', '.join(f'`{choice}`' for choice in param.choices)}.")
    if param.default is not None:
        facts.append(f"Default `{param.default}`.")
    if param.required:
        facts.append("Required." if param.unless is None else f"Required, unless `--{param.unless}` is given.")
    key = f"`{param.overrides}`" if param.overrides else "–"
    return f"`{param.flag}`", f"`{command.variable(param)}`", key, " ".join(facts)


def errors() -> str:
    """The page of every error."""
    rows = [(f'<a id="{kind.id.lower()}"></a>{kind.id}', str(int(kind.exit)), kind.title) for kind in catalogue()]
    return f"{banner('mlci/errors.py')}# Errors\n\n{table(('id', 'exit', 'what happened'), rows)}"


def exits(codes: Iterable[Exit] = Exit) -> str:
    """The table of some exit codes; the README has that of all."""
    return table(("exit", "meaning"), ((str(int(code)), code.meaning) for code in codes))


def outputs(command: Command) -> str:
    """The table of a command's outputs."""
    return table(("output", "meaning"), ((f"`{output.name}`", output.help) for output in command.outputs))


def commands() -> str:
    """The README's table of commands."""
    page = "docs/reference/command-line.md"
    return table(
        ("command", "what it does"),
        ((f"[`mlci {command.name}`]({page}#{spell(command.name, 'kebab')})", command.summary) for command in COMMANDS),
    )

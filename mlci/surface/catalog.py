"""Every command with its parameters, outputs and exits. What overrides a key of mlci.yml says what the key says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mlci.config.model import DEFAULT_FILE, Config
from mlci.config.shape import Shape, main_keys, shape_at, shapes
from mlci.errors import Exit
from mlci.surface.spelling import spell

Kind = Literal["path", "text", "number", "boolean", "choice", "names", "tolerance"]

_KINDS: dict[str, Kind] = {
    "text": "text", "number": "number", "integer": "number", "boolean": "boolean", "choice": "choice",
    "tolerance": "tolerance", "duration": "text", "list": "names", "mapping": "names",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Param:
    """One parameter of a command.

    Attributes:
        name: the flag without its dashes; inputs of actions and components carry the same name.
        kind: what its value is.
        help: what it means, as one or two sentences.
        required: whether the command refuses to start without it.
        default: what holds when it is not given; None where there is no such thing, or where the resolver applies it.
        choices: the words that a choice takes.
        overrides: the key of mlci.yml that it overrides; None for a parameter of its own.
    """

    name: str
    kind: Kind
    help: str
    required: bool = False
    default: str | None = None
    choices: tuple[str, ...] = ()
    overrides: str | None = None

    @property
    def flag(self) -> str:
        """How the parameter is written on the command line."""
        return f"--{self.name}"

    @property
    def shape(self) -> Shape:
        """The shape of the key that is overridden."""
        if self.overrides is None:
            raise TypeError(f"{self.flag} overrides nothing")
        return shape_at(Config, self.overrides)


def overrides(path: str, *, name: str | None = None, note: str = "") -> Param:
    """A parameter that stands for a key of mlci.yml and takes kind, help and choices from there.

    Args:
        path: the key path.
        name: the flag, where it is not the last part of the path.
        note: a sentence to add to the key's help, for what only the flag does.
    """
    shape = shape_at(Config, path)
    scalar = shapes(shape.dataclass)[main_keys(shape.dataclass)[0]] if shape.kind == "block" else shape
    return Param(
        name=name or spell(path.rpartition(".")[2], "kebab"),
        kind=_KINDS[scalar.kind],
        help=f"{shape.key.help} {note}".strip(),
        choices=scalar.choices,
        overrides=path,
    )


@dataclass(frozen=True, kw_only=True)
class Output:
    """One value that a command hands to the steps after it."""

    name: str
    help: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command: what it is called, what it takes, what it gives and how it can end.

    Attributes:
        name: words separated by spaces where it belongs to a group; otherwise the name of the step everywhere.
        title: a heading.
        summary: one line.
        description: what a reader must know before using it, as paragraphs.
        params: in the order a reader needs them.
        outputs: what later steps can use.
        exits: every exit it can end with, except that of a reader who stops reading.
        extras: parts of the package it needs besides the core.
        permissions: what its token must be allowed on the forge, as (scope, level).
    """

    name: str
    title: str
    summary: str
    description: tuple[str, ...]
    params: tuple[Param, ...]
    outputs: tuple[Output, ...] = ()
    exits: tuple[Exit, ...]
    extras: tuple[str, ...] = ()
    permissions: tuple[tuple[str, str], ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Param]:
        """The parameters by their flags' names."""
        return {param.name: param for param in self.params}

    def variable(self, param: Param) -> str:
        """The environment variable that gives a parameter, such as MLCI_GATE_COMPARE_TOLERANCE."""
        return f"{self.variable_prefix}{spell(param.name, 'upper')}"

    @property
    def variable_prefix(self) -> str:
        """What the names of all variables of this command begin with."""
        return f"MLCI_{spell(self.name, 'upper')}_"


_CONFIG = Param(
    name="config", kind="path", default=DEFAULT_FILE,
    help="Configuration file; the default one may be absent, a named one must exist.",
)  # fmt: skip

GATE_COMPARE = Command(
    name="gate-compare",
    title="Judge a candidate",
    summary="Compare a candidate's predictions with production's and say whether it is worse.",
    description=(
        "Reads two files of predictions for the same examples, or of metric values, and judges every metric with its "
        "uncertainty: pass, warn, inconclusive or fail.",
        "Without a configuration file it finds the columns, picks the usual metrics and accepts a loss of one point.",
    ),
    params=(
        Param(
            name="candidate", kind="path", required=True,
            help="The candidate's predictions (CSV, JSON Lines, Parquet) or metric values (JSON).",
        ),
        Param(
            name="baseline", kind="path",
            help="Production's predictions or metric values; left out, only absolute limits can be judged.",
        ),
        _CONFIG,
        Param(
            name="report", kind="path", default=".mlci/report/gate-compare.json",
            help="Where the report is written.",
        ),
        Param(
            name="evidence", kind="path", default=".mlci/evidence/gate.json",
            help="Where the evidence is written.",
        ),
        Param(
            name="format", kind="choice", choices=("text", "markdown", "json", "html"), default="text",
            help="How the report is printed.",
        ),
        overrides(
            "validation.metrics",
            note="Limits that mlci.yml sets for a metric named here still hold; other metrics are not judged.",
        ),
        overrides("validation.tolerance"),
        overrides("validation.confidence"),
        overrides("validation.thresholds"),
        overrides("validation.on_inconclusive"),
        overrides("validation.require_predictions"),
        overrides("evaluate.slices"),
        overrides("evaluate.id"),
        overrides("evaluate.target"),
        overrides("evaluate.prediction"),
        overrides("evaluate.score"),
        overrides("evaluate.weight"),
        overrides("evaluate.group"),
        overrides("evaluate.task"),
        overrides("evaluate.positive"),
        overrides("evaluate.threshold"),
        overrides("evaluate.missing"),
        overrides("evaluate.duplicates"),
        overrides("evaluate.nan"),
    ),
    outputs=(
        Output(name="verdict", help="pass, warn, inconclusive or fail."),
        Output(name="reason", help="The verdict's one reason, as a sentence."),
        Output(name="report", help="Path of the report."),
        Output(name="evidence", help="sha256 of the evidence, in hexadecimal."),
    ),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.UNDECIDED, Exit.GATE, Exit.INTERRUPTED),
    extras=("gate",),
    permissions=(("contents", "read"),),
)  # fmt: skip

STEPS = (GATE_COMPARE,)

CONFIG_EXPLAIN = Command(
    name="config explain",
    title="Explain the configuration",
    summary="Print every value of the configuration that holds, and where it comes from.",
    description=(
        "Each line is a key, its value and its source: a place in the file, an environment variable, or the default.",
        "A value that the file takes from the environment is shown as the reference it is written as.",
    ),
    params=(
        _CONFIG,
        Param(
            name="command", kind="choice", choices=tuple(step.name for step in STEPS),
            help="Show what this command would see, the environment variables that override its keys included.",
        ),
        Param(
            name="format", kind="choice", choices=("text", "json"), default="text", help="How the values are printed."
        ),
    ),
    exits=(Exit.PASS, Exit.BUG, Exit.USAGE, Exit.INTERRUPTED),
)  # fmt: skip

COMMANDS = (*STEPS, CONFIG_EXPLAIN)

# What a group of commands is about, for its help.
GROUPS = {"config": "See what the configuration says."}


def command_named(name: str) -> Command:
    """The command of that name."""
    return next(command for command in COMMANDS if command.name == name)

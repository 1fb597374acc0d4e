"""Every command, with its parameters, outputs and exits: the steps of a pipeline, and what a person starts."""

from __future__ import annotations

from mlci.surface.checking import DATA_PROFILE
from mlci.surface.command import Command
from mlci.surface.machine import CONFIG_EXPLAIN, DISAGREEMENTS, DOCTOR, INIT, RUN, SAMPLE_SIZE
from mlci.surface.pipeline import STEPS
from mlci.surface.release import HISTORY, SERVE, VERIFY

COMMANDS = (
    *STEPS, INIT, DATA_PROFILE, RUN, DOCTOR, HISTORY, VERIFY, SERVE, SAMPLE_SIZE, DISAGREEMENTS, CONFIG_EXPLAIN,
)  # fmt: skip

# What the action of all commands offers.
ACTED = tuple(command for command in COMMANDS if not command.at_hand)

# What a group of commands is about, for its help.
GROUPS = {"config": "See what the configuration says."}


def command_named(name: str) -> Command:
    """The command of that name."""
    return next(command for command in COMMANDS if command.name == name)

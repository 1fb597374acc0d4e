"""Every step, and all commands together, as GitHub actions: action.yml and the types of its inputs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlci.config.model import DEFAULT_FILE
from mlci.surface.catalog import ACTED
from mlci.surface.command import Command, Output, Param
from mlci.surface.pipeline import STEPS
from mlci.surface.schema import BANNER

FOLDER = "actions"
SOURCE = "mlci/surface/pipeline.py"

# One constant text for every action: all that differs comes through the environment.
RUN = 'exec bash "$GITHUB_ACTION_PATH/$MLCI_START"'

_TITLE = "mlci: CI/CD for models"
_STEP = "mlci"
_OWN = ("command", "working-directory", "token")
WORKING_DIRECTORY = "Folder that the command runs in and that paths are relative to. Default: the workspace."
TOKEN = "Token for the forge's API. Default: that of the job, which has the permissions that the job declares."


@dataclass(frozen=True)
class Input:
    """One input of an action.

    Attributes:
        name: what stands before the colon in ``with:``.
        param: the parameter it gives.
        command: the command whose parameter that is.
    """

    name: str
    param: Param
    command: Command


def inputs(command: Command) -> list[Input]:
    """The inputs of a step's action, except those that every action has."""
    return [Input(param.name, param, command) for param in command.offered("github")]


def umbrella_inputs() -> dict[str, list[Input]]:
    """The inputs of the umbrella by name: each with all the parameters it gives, one for every command that has it.

    A parameter whose name is that of an input of the action itself goes by the name of its command, too.
    """
    found: dict[str, list[Input]] = {}
    for command in ACTED:
        for param in command.offered("github"):
            name = f"{command.name.replace(' ', '-')}-{param.name}" if param.name in _OWN else param.name
            found.setdefault(name, []).append(Input(name, param, command))
    return found


def action_files() -> dict[str, str]:
    """The definition of every action and the types of its inputs, by path from the root of the repository."""
    found = {"action.yml": _yaml(umbrella()), "action-types.yml": _yaml(umbrella_types())}
    for command in STEPS:
        found[f"{FOLDER}/{command.name}/action.yml"] = _yaml(step_action(command))
        found[f"{FOLDER}/{command.name}/action-types.yml"] = _yaml(step_types(command))
    return found


def step_action(command: Command) -> dict[str, Any]:
    """The action.yml of one step."""
    described: dict[str, Any] = {}
    for one in inputs(command):
        described[one.name] = {
            "description": explained(one.param),
            **({"required": True} if one.param.required and one.param.unless is None else {}),
        }
    described["working-directory"] = {"description": WORKING_DIRECTORY}
    environ = {"MLCI_START": "../start.sh", "MLCI_COMMAND": command.name, **_common(command)}
    if command.permissions:
        described["token"] = {"description": TOKEN, "default": "${{ github.token }}"}
    environ |= {command.variable(one.param): _from_input(one.name) for one in inputs(command)}
    return {
        "name": f"mlci {command.name}",
        "description": command.summary,
        "inputs": described,
        **_outputs(command.outputs),
        "runs": _runs(environ),
    }


def _common(command: Command) -> dict[str, str]:
    found = {"MLCI_WORKING_DIRECTORY": _from_input("working-directory")}
    if "key" in command.by_name:
        found["MLCI_MATRIX"] = "${{ toJSON(matrix) }}"
    if command.permissions:
        found["MLCI_TOKEN"] = _from_input("token")
    return found


def umbrella() -> dict[str, Any]:
    """The action.yml at the root: one action for all commands."""
    names = ", ".join(command.name for command in ACTED)
    described: dict[str, Any] = {
        "command": {"description": f"The command: one of {names}. Required.", "required": True}
    }
    environ = {
        "MLCI_START": f"{FOLDER}/start.sh",
        "MLCI_COMMAND": _from_input("command"),
        "MLCI_WORKING_DIRECTORY": _from_input("working-directory"),
        "MLCI_MATRIX": "${{ toJSON(matrix) }}",
        "MLCI_TOKEN": _from_input("token"),
    }
    for name, meanings in umbrella_inputs().items():
        described[name] = {"description": _merged([(one.command, explained(one.param)) for one in meanings])}
        environ |= {one.command.variable(one.param): _from_input(name) for one in meanings}
    described["working-directory"] = {"description": WORKING_DIRECTORY}
    described["token"] = {"description": TOKEN, "default": "${{ github.token }}"}
    return {
        "name": _TITLE,
        "description": "A worse model cannot be merged: compare a candidate with production, uncertainty counted.",
        "branding": {"icon": "shield", "color": "blue"},
        "inputs": described,
        **_outputs(tuple(_all_outputs())),
        "runs": _runs(environ),
    }


def _all_outputs() -> Iterator[Output]:
    found: dict[str, list[tuple[Command, str]]] = {}
    for command in ACTED:
        for output in command.outputs:
            found.setdefault(output.name, []).append((command, output.help))
    return (Output(name=name, help=_merged(meanings)) for name, meanings in found.items())


def _merged(meanings: list[tuple[Command, str]]) -> str:
    """One description for several commands: who takes it, and what it means where that differs."""
    by_text: dict[str, list[str]] = {}
    for command, text in meanings:
        by_text.setdefault(text.replace(f"/{command.name}.", "/<command>."), []).append(command.name)
    return " ".join(f"{', '.join(names)}: {text}" for text, names in by_text.items())


def _from_input(name: str) -> str:
    return f"${{{{ inputs.{name} }}}}"


def _outputs(outputs: tuple[Output, ...]) -> dict[str, Any]:
    if not outputs:
        return {}
    described = {
        output.name: {"description": output.help, "value": f"${{{{ steps.{_STEP}.outputs.{output.name} }}}}"}
        for output in outputs
    }
    return {"outputs": described}


def _runs(environ: dict[str, str]) -> dict[str, Any]:
    return {"using": "composite", "steps": [{"id": _STEP, "shell": "bash", "run": RUN, "env": environ}]}


def explained(param: Param) -> str:
    """What an input means and takes, in sentences; the runner knows no types, no choices and no required inputs."""
    # The runner reads an expression even in a description, and refuses the action for it.
    facts = [as_inputs(re.sub(r"\$\{\{\s*(.*?)\s*\}\}", r"\1", param.help))]
    if param.required:
        facts.append("Required." if param.unless is None else f"Required, unless {param.unless} is given.")
    if param.choices:
        facts.append(f"One of {', '.join(param.choices)}.")
    elif param.kind in _TAKES:
        facts.append(_TAKES[param.kind])
    if param.overrides:
        facts.append(f"Overrides {param.overrides} of {DEFAULT_FILE}.")
    elif param.default is not None:
        facts.append(f"Default: {param.default}.")
    return " ".join(facts)


def as_inputs(text: str) -> str:
    """A sentence about flags as one about inputs, which have no dashes before them."""
    return re.sub(r"(?<![\w-])--(?=[a-z])", "", text)


_TAKES = {
    "boolean": "Takes true or false.", "number": "Takes a number.", "names": "Takes names, one on each line.",
    "tolerance": "Takes a number or a percentage.",
}  # fmt: skip


def step_types(command: Command) -> dict[str, Any]:
    """The types of a step's inputs and outputs, as typed callers read them: https://github.com/typesafegithub."""
    found = {one.name: _type(one.param) for one in inputs(command)}
    return _typed(found, command.outputs, token=bool(command.permissions))


def umbrella_types() -> dict[str, Any]:
    """The types of the umbrella's inputs and outputs; an input that means several things is text."""
    command = {"type": "enum", "allowed-values": [one.name for one in ACTED]}
    found: dict[str, Any] = {"command": command}
    for name, meanings in umbrella_inputs().items():
        kinds = [_type(one.param) for one in meanings]
        found[name] = kinds[0] if all(kind == kinds[0] for kind in kinds) else {"type": "string"}
    return _typed(found, tuple(_all_outputs()), token=True)


def _typed(found: dict[str, Any], outputs: tuple[Output, ...], *, token: bool) -> dict[str, Any]:
    text = {"type": "string"}
    own = {"working-directory": text, **({"token": text} if token else {})}
    typed = {"inputs": {**found, **own}}
    return {**typed, "outputs": {output.name: text for output in outputs}} if outputs else typed


def _type(param: Param) -> dict[str, Any]:
    if param.choices:
        return {"type": "enum", "allowed-values": list(param.choices)}
    if param.kind == "names":
        return {"type": "list", "separator": "\n", "list-item": {"type": "string"}}
    return {"type": {"boolean": "boolean", "number": "float"}.get(param.kind, "string")}


def _yaml(content: dict[str, Any]) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is PyYAML's
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
            super().increase_indent(flow, False)

    Dumper.add_representer(str, _text)
    written = yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)
    return f"# {BANNER.format(source=SOURCE)}\n{written}"


def _text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "\n" in text else None)

"""What the catalogue promises, and that nothing in it is left unsaid."""

from __future__ import annotations

import re

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keys import key_paths

from mlci.cli.tree import build
from mlci.config.model import Config
from mlci.config.shape import shape_at
from mlci.errors import Exit, MlciError, catalogue
from mlci.surface.catalog import COMMANDS
from mlci.surface.command import Command, Param, overrides
from mlci.surface.machine import CONFIG_EXPLAIN
from mlci.surface.pipeline import GATE_COMPARE, STEPS
from mlci.surface.reference import command_line, commands, configuration, errors, exits
from mlci.surface.spelling import Style, spell

PARAMS = [(command, param) for command in COMMANDS for param in command.params]
PARAM_IDS = [f"{command.name}{param.flag}" for command, param in PARAMS]

NAMES = st.lists(st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), min_size=1, max_size=5).map("-".join)
STYLES = st.sampled_from(["kebab", "snake", "upper"])


@settings(deadline=None)
@given(NAMES, STYLES, STYLES)
def test_a_name_survives_being_spelled_in_any_two_styles(name: str, first: Style, second: Style) -> None:
    assert spell(spell(spell(name, first), second), "kebab") == name


@settings(deadline=None)
@given(NAMES, NAMES, STYLES)
def test_two_names_are_never_spelled_alike(one: str, other: str, style: Style) -> None:
    assert (spell(one, style) == spell(other, style)) == (one == other)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a--b", "a.b", "a/b", "über", "a\n", " a", "a b "])
def test_what_has_no_mechanical_spelling_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be spelled"):
        spell(name, "upper")


def test_a_command_of_a_group_is_spelled_as_one_name() -> None:
    assert spell("config explain", "upper") == "CONFIG_EXPLAIN"
    assert spell("config explain", "kebab") == "config-explain"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_says_what_it_is(command: Command) -> None:
    for text in (command.title, command.summary, *command.description):
        assert text[0].isupper()
    assert command.summary.endswith(".")
    assert len(command.summary) <= 110


@pytest.mark.parametrize(("command", "param"), PARAMS, ids=PARAM_IDS)
def test_every_parameter_has_help_that_is_a_sentence(command: Command, param: Param) -> None:
    assert len(param.help) > 10
    assert param.help.endswith(".")


@pytest.mark.parametrize(("command", "param"), PARAMS, ids=PARAM_IDS)
def test_a_parameter_is_its_own_or_stands_for_a_key_that_exists(command: Command, param: Param) -> None:
    if param.overrides is None:
        assert (param.kind == "choice") == bool(param.choices)
        assert not (param.required and param.default), "what has a default cannot be missing"
        assert param.kind != "boolean" or param.default in ("true", "false")
    else:
        shape = shape_at(Config, param.overrides)
        assert param.help.startswith(shape.key.help)
        assert param.default is None, "the resolver applies the default, once"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_no_two_parameters_share_a_name_a_variable_or_a_key(command: Command) -> None:
    keys = [param.overrides for param in command.params if param.overrides]

    assert len(command.by_name) == len(command.params)
    assert len({command.variable(param) for param in command.params}) == len(command.params)
    assert len(set(keys)) == len(keys)


def test_no_two_commands_share_a_variable() -> None:
    variables = [command.variable(param) for command, param in PARAMS]

    assert len(set(variables)) == len(variables)


def test_a_variable_is_named_after_command_and_parameter() -> None:
    named = GATE_COMPARE.by_name

    assert GATE_COMPARE.variable(named["on-inconclusive"]) == "MLCI_GATE_COMPARE_ON_INCONCLUSIVE"
    assert CONFIG_EXPLAIN.variable(CONFIG_EXPLAIN.by_name["config"]) == "MLCI_CONFIG_EXPLAIN_CONFIG"
    assert all(re.fullmatch(r"MLCI_[A-Z0-9_]+", command.variable(param)) for command, param in PARAMS)


def test_gate_compare_takes_every_key_that_says_how_files_are_read() -> None:
    given = {param.overrides for param in GATE_COMPARE.params}
    elsewhere = {
        "evaluate.command", "evaluate.sensitive", "evaluate.timeout", "evaluate.features", "evaluate.outputs"
    }  # fmt: skip

    assert {path for path in key_paths() if path.startswith("evaluate.")} - given == elsewhere


def test_every_step_takes_the_options_that_every_step_takes() -> None:
    for step in STEPS:
        assert {"report", "format"} <= set(step.by_name)
        assert "config" in step.by_name or not any(param.overrides for param in step.params)
        assert step.by_name["report"].default == f".mlci/report/{step.name}.json"


def test_an_overriding_parameter_takes_its_choices_from_the_key() -> None:
    assert overrides("evaluate.task").choices == ("binary", "multiclass", "regression")
    assert overrides("validation.on_inconclusive").choices == ("pass", "warn", "approve", "fail")
    assert overrides("validation.require_predictions").kind == "boolean"


def test_a_key_that_does_not_exist_cannot_be_overridden() -> None:
    with pytest.raises(KeyError):
        overrides("validation.tolerence")
    with pytest.raises(KeyError):
        overrides("model.name")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_can_pass_be_misused_be_interrupted_and_have_bugs(command: Command) -> None:
    assert {Exit.PASS, Exit.BUG, Exit.USAGE, Exit.INTERRUPTED} <= set(command.exits)
    assert len(set(command.exits)) == len(command.exits)


def test_every_exit_has_one_code_and_one_meaning_and_stands_in_the_readme() -> None:
    assert len({exit.meaning for exit in Exit}) == len(list(Exit)) == len({int(exit) for exit in Exit})
    for exit in Exit:
        assert f"| {int(exit)} | {exit.meaning} |" in exits()


def test_every_error_has_one_id_and_stands_in_the_reference() -> None:
    ids = [kind.id for kind in catalogue()]

    assert len(set(ids)) == len(ids)
    for kind in catalogue():
        assert re.fullmatch(r"[A-Z][0-9]{3}", kind.id)
        assert kind.exit not in (Exit.PASS, Exit.BUG)
        assert f"{kind.id} | {int(kind.exit)} | {kind.title} |" in errors()


def test_every_error_class_is_in_the_catalogue_or_collects_others() -> None:
    assert {kind.__name__ for kind in MlciError.__subclasses__()} - {kind.__name__ for kind in catalogue()} <= {
        "SeveralErrors"
    }


def test_the_reference_names_every_option_variable_output_and_exit() -> None:
    page = command_line()

    for command, param in PARAMS:
        assert f"`{param.flag}` | `{command.variable(param)}`" in page
    for command in COMMANDS:
        assert f"## {command.name}\n" in page
        assert all(f"`{output.name}`" in page for output in command.outputs)
        assert f"[`mlci {command.name}`](docs/reference/command-line.md#{spell(command.name, 'kebab')})" in commands()


def test_the_reference_names_every_key() -> None:
    page = configuration()

    for path in key_paths():
        assert f"| `{path.rpartition('.')[2]}` |" in page
        assert shape_at(Config, path).key.help.replace("|", "&#124;") in page


@pytest.mark.parametrize("path", key_paths())
def test_every_key_has_help_that_is_a_sentence(path: str) -> None:
    text = shape_at(Config, path).key.help

    assert text.endswith((".", ";", ")"))
    assert len(text) > 10


def _leaves(group: click.Group, prefix: str = "") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        found |= _leaves(command, f"{name} ") if isinstance(command, click.Group) else {prefix + name: command}
    return found


def test_the_command_line_offers_exactly_what_the_catalogue_lists() -> None:
    tree = _leaves(build(lambda given: given))

    assert {name: {option for param in command.params for option in param.opts} for name, command in tree.items()} == {
        command.name: {param.flag for param in command.params} for command in COMMANDS
    }


def test_every_option_reads_the_variable_of_the_catalogue() -> None:
    for name, command in _leaves(build(lambda given: given)).items():
        listed = next(one for one in COMMANDS if one.name == name)
        assert [param.envvar for param in command.params] == [listed.variable(param) for param in listed.params]

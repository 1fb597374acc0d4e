"""The actions say what the catalogue says, and hand it on through the environment alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from mlci.surface.action_pages import action_pages
from mlci.surface.actions import action_files, as_inputs, explained, umbrella_inputs
from mlci.surface.catalog import ACTED
from mlci.surface.command import Command, Param
from mlci.surface.pipeline import CONCLUDE, GATE_COMPARE, STEPS

FILES = action_files()
ACTIONS = {name: yaml.safe_load(text) for name, text in FILES.items() if name.endswith("action.yml")}
STEP = [(step, ACTIONS[f"actions/{step.name}/action.yml"]) for step in STEPS]
STEP_IDS = [step.name for step in STEPS]


def environ(action: dict[str, Any]) -> dict[str, str]:
    (step,) = action["runs"]["steps"]
    return dict(step["env"])


@pytest.mark.parametrize("name", ACTIONS)
def test_every_input_reaches_the_command_and_nothing_else_does(name: str) -> None:
    values = environ(ACTIONS[name]).values()
    read = {found for value in values for found in re.findall(r"^\$\{\{ inputs\.([\w-]+) \}\}$", value)}

    assert read == set(ACTIONS[name]["inputs"])
    assert not [value for value in values if "${{" in value and value.count("${{") != 1]


@pytest.mark.parametrize("name", ACTIONS)
def test_no_input_has_a_default_but_the_token(name: str) -> None:
    assert {one: given["default"] for one, given in ACTIONS[name]["inputs"].items() if "default" in given} in (
        {},
        {"token": "${{ github.token }}"},
    )


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_runs_the_same_text_in_which_nothing_is_filled_in(name: str) -> None:
    steps = ACTIONS[name]["runs"]["steps"]

    assert [(step["shell"], step["run"]) for step in steps] == [("bash", 'exec bash "$GITHUB_ACTION_PATH/$MLCI_START"')]


@pytest.mark.parametrize("name", ACTIONS)
def test_no_description_holds_an_expression_or_a_flag(name: str) -> None:
    described = [*ACTIONS[name]["inputs"].values(), *ACTIONS[name].get("outputs", {}).values(), ACTIONS[name]]

    for one in described:
        assert not re.search(r"\$\{\{|(?<!\w)--[a-z]", one["description"])


@pytest.mark.parametrize(("step", "action"), STEP, ids=STEP_IDS)
def test_the_action_of_a_step_has_its_parameters_outputs_and_token(step: Command, action: dict[str, Any]) -> None:
    own = {"working-directory", *(["token"] if step.permissions else [])}

    offered = step.offered("github")

    assert set(action["inputs"]) == {param.name for param in offered} | own
    assert list(action["outputs"]) == [output.name for output in step.outputs]
    assert {name for name, one in action["inputs"].items() if one.get("required")} == {
        param.name for param in offered if param.required and param.unless is None
    }
    for param in offered:
        assert environ(action)[step.variable(param)] == f"${{{{ inputs.{param.name} }}}}"
    assert ("MLCI_TOKEN" in environ(action)) == bool(step.permissions)
    assert environ(action)["MLCI_COMMAND"] == step.name


def test_the_umbrella_hands_every_input_to_every_command_that_has_it() -> None:
    given = environ(ACTIONS["action.yml"])

    for command in ACTED:
        assert {command.variable(param) for param in command.offered("github")} <= set(given)
        assert not {command.variable(param) for param in command.params if param.only == "gitlab"} & set(given)
    assert given["MLCI_PLAN_FORMAT"] == given["MLCI_GATE_COMPARE_FORMAT"] == "${{ inputs.format }}"
    assert given["MLCI_COMMAND"] == "${{ inputs.command }}"


def test_an_option_named_like_an_input_of_the_umbrella_itself_gives_way() -> None:
    assert environ(ACTIONS["action.yml"])["MLCI_CONFIG_EXPLAIN_COMMAND"] == "${{ inputs.config-explain-command }}"
    assert "command" not in umbrella_inputs()


def test_one_description_of_the_umbrella_says_for_which_commands_it_holds() -> None:
    described = {name: one["description"] for name, one in ACTIONS["action.yml"]["inputs"].items()}

    assert described["tolerance"].startswith("gate-compare: Largest accepted loss")
    checking = "plan, code-ci, data-check, model-ci, gate-compare, report"
    reporting = f"{checking}, approve, promote, rollback, conclude, doctor, verify"
    assert f"{reporting}: How the report is printed." in described["format"]
    assert "config explain: How the values are printed." in described["format"]
    assert described["report"].count("Where the report is written") == 1
    assert described["command"].startswith("The command: one of plan, code-ci, data-check, ")


def test_only_the_umbrella_is_for_the_marketplace_and_no_two_names_are_alike() -> None:
    assert [name for name, action in ACTIONS.items() if "branding" in action] == ["action.yml"]
    assert len({action["name"] for action in ACTIONS.values()}) == len(ACTIONS)


def test_a_description_says_what_the_runner_does_not_check() -> None:
    named = GATE_COMPARE.by_name

    assert explained(named["candidate"]).endswith(" Required, unless version is given.")
    assert explained(named["format"]).endswith(" One of text, markdown, json, html. Default: text.")
    assert explained(named["check"]).endswith(" Takes true or false. Default: false.")
    assert explained(named["slices"]).endswith(" Takes names, one on each line. Overrides evaluate.slices of mlci.yml.")
    assert "as toJSON(needs)." in explained(CONCLUDE.by_name["needs"])
    assert as_inputs("what --baseline-from asks -- and a-b--c") == "what baseline-from asks -- and a-b--c"
    assert explained(Param(name="a", kind="number", help="It is.")) == "It is. Takes a number."


@pytest.mark.parametrize("name", ACTIONS)
def test_the_types_are_of_the_inputs_and_outputs_that_there_are(name: str) -> None:
    types = yaml.safe_load(FILES[name.replace("action.yml", "action-types.yml")])

    assert set(types["inputs"]) == set(ACTIONS[name]["inputs"])
    assert set(types["outputs"]) == set(ACTIONS[name]["outputs"])
    for one in types["inputs"].values():
        assert one["type"] in ("string", "boolean", "float", "enum", "list")
        assert ("allowed-values" in one) == (one["type"] == "enum")


def test_a_list_is_written_as_lines() -> None:
    types = yaml.safe_load(FILES["actions/conclude/action-types.yml"])

    assert types["inputs"]["may-skip"] == {"type": "list", "separator": "\n", "list-item": {"type": "string"}}


@pytest.mark.parametrize(("step", "action"), STEP, ids=STEP_IDS)
def test_the_page_of_an_action_names_everything_and_its_example_has_the_permissions(
    step: Command, action: dict[str, Any]
) -> None:
    page = action_pages()[f"actions/{step.name}/README.md"]
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (job,) = yaml.safe_load(example)["jobs"].values()

    for name in (*action["inputs"], *action["outputs"]):
        assert f"| `{name}` |" in page
    for one in step.permissions:
        assert f"| `{one.scope}: {one.level}` | " in page
        assert one.optional or job["permissions"][one.scope] == one.level
    assert set(job["permissions"]) <= {one.scope for one in step.permissions}
    (ours,) = [one for one in job["steps"] if f"/actions/{step.name}@" in one.get("uses", "")]
    assert set(ours.get("with", {})) >= {param.name for param in step.params if param.required}

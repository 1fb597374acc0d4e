"""Every example that a reader may copy names actions and components by commit, and gives them inputs that exist."""

from __future__ import annotations

import re

import pytest
import yaml

from examples import (
    ROOT,
    Include,
    Use,
    blocks,
    includes,
    inputs_of,
    problems,
    problems_of_include,
    texts,
    uses,
)
from mlci.surface.actions import umbrella_inputs
from mlci.surface.component_model import model_files
from mlci.surface.component_release import release_files
from mlci.surface.components import component_files
from mlci.surface.pin import OWNER_AND_NAME, PIN
from mlci.surface.pipeline import STEPS

TEXTS = texts()
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OURS = f"{OWNER_AND_NAME}/actions/gate-compare@{COMMIT}"


@pytest.mark.parametrize("where", TEXTS)
def test_every_use_of_an_action_is_right(where: str) -> None:
    assert [text for use in uses(TEXTS[where]) for text in problems(use)] == []


def test_there_are_examples_of_every_step() -> None:
    used = {use.definition for text in TEXTS.values() for use in uses(text)}

    assert {ROOT / "actions" / step.name / "action.yml" for step in STEPS} <= used


def test_every_example_pins_our_actions_to_the_same_commit() -> None:
    pinned = {found for text in TEXTS.values() for found in re.findall(rf"{OWNER_AND_NAME}\S*@(\S+ # \S+)", text)}

    assert pinned == {f"{PIN.sha} # v{PIN.version}"}, "to fix: python -m mlci.surface pin SHA"


@pytest.mark.parametrize("where", TEXTS)
def test_every_component_of_a_pipeline_is_right(where: str) -> None:
    assert [text for include in includes(TEXTS[where]) for text in problems_of_include(include)] == []


def test_there_are_examples_of_every_component() -> None:
    used = {include.definition for text in TEXTS.values() for include in includes(text)}

    assert {ROOT / name for name in (*component_files(), *model_files(), *release_files())} <= used


def test_the_projects_own_pipeline_takes_its_components_at_the_commit_that_is_tested() -> None:
    own = includes(TEXTS[".gitlab-ci.yml"])

    assert own
    assert all(each.component.endswith("@$CI_COMMIT_SHA") for each in own)


COMPONENT = f"$CI_SERVER_FQDN/{OWNER_AND_NAME}/gate-compare@{COMMIT}"


@pytest.mark.parametrize(
    ("include", "problem"),
    [
        (Include(COMPONENT, {"tolerence": "0.01"}), "no input tolerence"),
        (Include(COMPONENT, {"report": "x.json"}), "no input report"),
        (Include(COMPONENT, {"tolerance": 0.01}), "tolerance must be of type string, got 0.01"),
        (Include(COMPONENT, {"exit-on-warn": True}), "exit-on-warn must be of type string"),
        (Include(COMPONENT, {"exit-on-warn": "yes"}), "exit-on-warn must be one of ['', 'true', 'false']"),
        (Include(COMPONENT, {"tolerance": "a little"}), "tolerance must match"),
        (Include(COMPONENT, {"tolerance": "0.01\n"}), "tolerance must match"),
        (Include(COMPONENT, {"tags": "gpu"}), "tags must be of type array"),
        (Include(COMPONENT.replace("gate-compare", "gate"), {}), "does not exist"),
        (Include(COMPONENT.replace(COMMIT, "0.1.0"), {}), "not pinned"),
        (Include(COMPONENT.replace(COMMIT, "~latest"), {}), "not pinned"),
        (Include(COMPONENT.replace(COMMIT, "$CI_COMMIT_SHA"), {}), "not pinned"),
        (Include("$CI_SERVER_FQDN/other/project/x@main", {}), "not pinned"),
    ],
)
def test_a_wrong_component_is_found(include: Include, problem: str) -> None:
    (found,) = problems_of_include(include)

    assert problem in found


@pytest.mark.parametrize(
    "include",
    [
        Include(COMPONENT, {"candidate": "a.csv", "touched": "$MLCI_OUTPUT_PLAN_MODEL", "tags": ["gpu"]}),
        Include("$CI_SERVER_FQDN/$CI_PROJECT_PATH/model@$CI_COMMIT_SHA", {"register": "true"}),
        Include(f"$CI_SERVER_FQDN/other/project/x@{COMMIT}", {"what-is-not-ours": 1}),
    ],
)
def test_a_right_component_is_not(include: Include) -> None:
    assert problems_of_include(include) == []


def test_components_are_found_in_pipelines_alone() -> None:
    assert includes("include:\n  - component: a@b\n    inputs: {c: d}\n  - local: e.yml\n") == [
        Include("a@b", {"c": "d"})
    ]
    assert includes("include: {component: a@b}") == [Include("a@b", {})]
    assert includes("include: a.yml") == includes("- component: a@b") == includes("# nothing") == []


@pytest.mark.parametrize(
    ("use", "problem"),
    [
        (Use(OURS, ("tolerence",)), "no input tolerence"),
        (Use("./actions/plan", ("candidate",)), "no input candidate"),
        (Use("$/actions/plan", ("candidate",)), "no input candidate"),
        (Use(f"{OWNER_AND_NAME}@{COMMIT}", ("commando",)), "no input commando"),
        (Use(f"{OWNER_AND_NAME}/.github/workflows/gate.yml@{COMMIT}", ("predictons",)), "no input predictons"),
        (Use(f"{OWNER_AND_NAME}/actions/gate@{COMMIT}", ()), "does not exist"),
        (Use(f"{OWNER_AND_NAME}/actions/plan@v1", ()), "not pinned"),
        (Use("actions/checkout@v7", ()), "not pinned"),
        (Use(f"actions/checkout@{COMMIT[:12]}", ()), "not pinned"),
        (Use("actions/checkout", ()), "not pinned"),
        (Use("docker://alpine:3", ()), "not pinned"),
    ],
)
def test_a_wrong_use_is_found(use: Use, problem: str) -> None:
    (found,) = problems(use)

    assert problem in found


@pytest.mark.parametrize("use", [Use(OURS, ("candidate",)), Use(f"actions/checkout@{COMMIT}", ("what-is-not-ours",))])
def test_a_right_use_is_not(use: Use) -> None:
    assert problems(use) == []


def test_uses_are_found_in_steps_in_jobs_and_in_fragments() -> None:
    assert uses("jobs: {a: {uses: x/y/z.yml@1, with: {b: 1}}, c: {steps: [{uses: d@2}]}}") == [
        Use("x/y/z.yml@1", ("b",)),
        Use("d@2", ()),
    ]
    assert uses("- uses: a/b@1\n  with:\n    c: d\n") == [Use("a/b@1", ("c",))]
    assert uses("# uses: a/b@1\nmodel: churn\n") == []


def test_blocks_of_a_page_are_found_also_where_they_are_indented() -> None:
    page = "text\n```yaml\na: 1\n```\n- point\n\n  ```yml\n  b:\n    c: 2\n  ```\n```text\nd: 3\n```\n"

    assert [(line, yaml.safe_load(text)) for line, text in blocks(page)] == [(2, {"a": 1}), (7, {"b": {"c": 2}})]


def test_the_inputs_of_the_umbrella_are_those_of_all_commands() -> None:
    assert inputs_of(ROOT / "action.yml") == {*umbrella_inputs(), "command", "working-directory", "token"}

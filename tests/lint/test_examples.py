"""Every example that a reader may copy names actions by commit, and gives them inputs that exist."""

from __future__ import annotations

import re

import pytest
import yaml

from examples import ROOT, Use, blocks, inputs_of, problems, texts, uses
from mlci.surface.actions import umbrella_inputs
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

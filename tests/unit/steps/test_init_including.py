"""The pipeline that init writes for GitLab, and the lines for one that is there already."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from gitlab_setups import SHA, look, merged, problems, rendered, written

from mlci.errors import UsageError
from mlci.steps import including
from mlci.surface.pin import PIN

COMPONENT = f"$CI_SERVER_FQDN/mlci/mlci/model@{SHA} # v0.1.0"


def test_what_is_written_is_one_include_and_one_pipeline_for_each_change() -> None:
    found = yaml.safe_load(including.pipeline(COMPONENT, config="models/a b/mlci.yml", setup=None))

    assert found["include"] == [
        {"component": COMPONENT.partition(" ")[0], "inputs": {"config": "models/a b/mlci.yml"}}
    ]  # fmt: skip
    assert [rule["if"] for rule in found["workflow"]["rules"]] == [
        '$CI_PIPELINE_SOURCE == "merge_request_event"', "$CI_COMMIT_TAG", "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH",
    ]  # fmt: skip


def test_doctor_finds_nothing_in_it(tmp_path: Path) -> None:
    text = including.pipeline(COMPONENT)
    workflow = text[text.index("workflow:") :]

    assert problems(look(written(tmp_path, text))) == []
    whole = look(merged(workflow + rendered("model")))
    assert (problems(whole), problems(whole, advisory=True)) == ([], [])


@pytest.mark.parametrize(
    "value", ["a: b", "true", "'x'", "# no", "${HOME}", "- y", "é", "1.0", "python -m pip install ."]
)
def test_an_input_is_what_was_given(value: str) -> None:
    entry = yaml.safe_load(including.included(COMPONENT, job_prefix=value))

    assert entry[0]["inputs"] == {"job-prefix": value}


def test_the_page_shows_what_is_written() -> None:
    text = including.pipeline(PIN.component("model"))

    assert text.partition("\n")[2] in (Path(__file__).parents[3] / "docs/init.md").read_text()


def test_without_inputs_none_are_written() -> None:
    assert including.included(COMPONENT, config=None) == f"  - component: {COMPONENT}\n"


def test_what_gitlab_would_take_for_an_input_is_refused() -> None:
    with pytest.raises(UsageError, match="GitLab would take"):
        including.pipeline(COMPONENT, config="$[[ inputs.x ]]/mlci.yml")


@pytest.mark.parametrize("there", ["tests: {script: [make]}\n", "workflow: {rules: [{when: always}]}\n"])
def test_the_lines_for_a_pipeline_that_is_there_are_themselves_a_pipeline(there: str) -> None:
    told = including.left(there.encode(), including.included(COMPONENT, config="a/mlci.yml"))

    lines = "".join(line[4:] + "\n" for line in told.splitlines() if line.startswith("    "))
    ruled = "workflow" in there
    assert set(yaml.safe_load(lines)) == ({"include"} if ruled else {"include", "workflow"})
    assert ("Its workflow: has to" in told) is ruled
    assert ("only that one counts" in told) is not ruled


@pytest.mark.parametrize(
    ("text", "config", "expected"),
    [
        (f"include:\n  - component: {COMPONENT}\n", None, True),
        (f"include:\n  - component: {COMPONENT}\n", "a/mlci.yml", False),
        (f"include:\n  - component: {COMPONENT}\n    inputs: {{config: a/mlci.yml}}\n", "a/mlci.yml", True),
        ("include: [{component: $CI_SERVER_FQDN/mlci/mlci/plan@1}]\n", None, False),
        ("", None, False),
        (f"include:\n  - component: {COMPONENT}\n    inputs: {{config: a/mlci.yml}}\n", None, False),
        (f"include:\n  - component: {COMPONENT}\n    inputs: {{config: a}}\n  - component: {COMPONENT}\n", None, True),
        (f"include:\n- component: {COMPONENT}\nother: {{config: x}}\n", None, True),
    ],
)
def test_a_pipeline_that_has_the_include_already_is_known(text: str, config: str | None, expected: bool) -> None:
    assert including.has(text.encode(), config) is expected


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ((), None),
        (("build", "test", "deploy"), None),
        (("lint", "deploy"), "deploy"),
        ((".pre", "deploy", ".post"), "deploy"),
        ((".pre", ".post"), None),
        (("build", "$[[ inputs.x ]]", "a\x1b[2J"), "build"),
    ],
)
def test_a_stage_is_named_where_the_pipeline_has_stages_without_ours(
    stages: tuple[str, ...], expected: str | None
) -> None:
    assert including.stage_among(stages) == expected


def test_everything_that_has_to_be_set_is_told() -> None:
    told = including.settings("gitlab.com")

    for part in (
        "a project access token with the role Developer and the scope api",
        "as MLCI_TOKEN, masked and hidden, not protected, environment scope mlci",
        '"Pipelines must succeed" and "All threads must be resolved" on',
        '"Skipped pipelines are considered successful" off',
        "protected",
        "one a month for the default branch",
    ):
        assert part in told, part


@pytest.mark.parametrize("name", ["mlci-gate", "mlci-model"])
def test_a_template_asks_for_the_same_settings(name: str) -> None:
    template = Path(__file__).parents[3] / f"workflows-templates/gitlab/{name}.gitlab-ci.yml"
    head = " ".join(
        line.removeprefix("#").strip() for line in template.read_text().partition("\ninclude:")[0].splitlines()
    )

    for place, what in including.SETTINGS:
        assert f"- {place}: {what}" in head


def test_a_server_of_ones_own_needs_a_mirror() -> None:
    assert "a mirror of mlci" in including.settings("gitlab.example.com")
    assert "a mirror" not in including.settings("gitlab.com") + including.settings(None)

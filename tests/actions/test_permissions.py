"""What each step asks of the forge, seen in its requests, against what the catalogue says that it needs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from consumer import ARTIFACT, FILES, accepted, exit_of, measured, proposed, uses, workflow
from trained import (
    CONFIG,
    _training,  # noqa: F401 - a fixture is found by its name
)

from mlci.surface.command import Command
from mlci.surface.machine import DOCTOR
from mlci.surface.pipeline import CONCLUDE, GATE_COMPARE, MODEL_CI, PLAN, REPORT

TRAIN = "python3 train.py"


def declared(command: Command, *, optional: bool = True) -> dict[str, str]:
    """The permissions of a command in the catalogue."""
    return {each.scope: each.level for each in command.permissions if optional or not each.optional}


def without(command: Command, scope: str) -> dict[str, str]:
    """The same without one."""
    return {name: level for name, level in declared(command).items() if name != scope}


class Tokens:
    """Tokens by what they are for, handed to steps as secrets, so that one run tries them all."""

    def __init__(self, github) -> None:
        self.github = github
        self.values: dict[str, str] = {}

    def step(self, id: str, permissions: Mapping[str, str], step: dict) -> dict:
        """The step with a token that has these permissions and no others; what comes of it stops nobody."""
        name = id.upper().replace("-", "_")
        self.values[name] = self.github.token(permissions=permissions)
        given = step["with"] | {"token": f"${{{{ secrets.{name} }}}}"}
        return step | {"id": id, "with": given, "continue-on-error": True}

    def used(self, id: str) -> dict[str, str]:
        """What the requests with that token needed, spelled as in workflows."""
        found = self.github.used(self.values[id.upper().replace("-", "_")])
        return {name.replace("_", "-"): level for name, level in found.items()}

    def refused(self, id: str) -> list[str]:
        """Operations that were refused; that a workflow has no user is found out by asking."""
        token = self.values[id.upper().replace("-", "_")]
        asked = [each for each in self.github.requests if each.token is not None and each.token.value == token]
        return [each.operation for each in asked if each.status == 403 and each.operation != "GET /user"]


@pytest.fixture
def tokens(github):
    """For a repository with a baseline and two pull requests: of a worse model from here, and one from a fork."""
    github.add_repository(files=FILES)
    accepted(github, *(f"mlci-gate-{key}" for key in ("all", "bare", *declared(GATE_COMPARE))))
    proposed(github, 5)
    github.add_repository("stranger/repository", fork_of="owner/repository")
    github.commit({"quality.txt": "5\n"}, "worse", repository="stranger/repository")
    github.open_pull_request("worse", fork="stranger/repository")
    return Tokens(github)


def test_gate_compare_needs_what_the_catalogue_says_and_no_more(tokens, act):
    every = declared(GATE_COMPARE)
    optional = {each.scope for each in GATE_COMPARE.permissions if each.optional}
    needed = every.keys() - optional
    steps = [
        tokens.step("all", every, uses(key="all", check="true")),
        # What was posted before is found and brought up to date by the same permissions.
        tokens.step("all-again", every, uses(key="all", check="true", tolerance="-0.03")),
        tokens.step("bare", declared(GATE_COMPARE, optional=False), uses(key="bare", comment="false", status="false")),
        *(tokens.step(f"no-{scope}", without(GATE_COMPARE, scope), uses(key=scope, check="true")) for scope in every),
    ]

    outcome = act.run(workflow(TRAIN, *steps), pull=1, secrets=tokens.values)

    verdicts = {step["id"]: outcome.job("gate").step(step["id"]).outputs["verdict"] for step in steps}
    exits = {step["id"]: exit_of(outcome, step["id"]) for step in steps}
    for id, wanted in (("all", every), ("all-again", every), ("bare", declared(GATE_COMPARE, optional=False))):
        assert (exits[id], verdicts[id], tokens.refused(id)) == (11, "fail", []), outcome.log
        assert tokens.used(id) == wanted
    for scope in optional:
        assert (exits[f"no-{scope}"], verdicts[f"no-{scope}"]) == (11, "fail")
        said = [each.message for each in outcome.job("gate").step(f"no-{scope}").annotations]
        assert any(f"{scope}: " in each for each in said), said
    for scope in needed:
        assert (exits[f"no-{scope}"], verdicts[f"no-{scope}"]) == (4, "inconclusive")
        assert f"{scope}: read" in outcome.job("gate").step(f"no-{scope}").log


def test_model_ci_needs_what_the_catalogue_says_and_posts_nothing(github, act, training):
    github.add_repository(files=training.files(CONFIG.replace(", contract: contract.yml", "")))
    proposed(github, 60)
    tokens, every = Tokens(github), declared(MODEL_CI)
    local = declared(MODEL_CI, optional=False)
    reused = {"reuse_from": "artifacts"}
    steps = [
        tokens.step("all", every, uses("actions/model-ci", **reused)),
        tokens.step("bare", local, uses("actions/model-ci", reuse="false")),
        *(tokens.step(f"no-{scope}", without(MODEL_CI, scope), uses("actions/model-ci", **reused)) for scope in every),
    ]

    # In a merge queue it asks most: which changes the group is of, and what they have trained.
    outcome = act.run(workflow(*steps), group=github.enqueue(1), secrets=tokens.values)

    exits = {step["id"]: exit_of(outcome, step["id"]) for step in steps}
    expected = {"all": 0, "bare": 0, "no-contents": 4, "no-actions": 0, "no-pull-requests": 0}
    assert exits == expected, outcome.log
    assert (tokens.used("all"), tokens.refused("all")) == (every, [])
    assert (tokens.used("bare"), tokens.refused("bare")) == ({"contents": "read"}, [])
    assert "contents: read" in outcome.job("gate").step("no-contents").log
    # An earlier result that cannot be had is no reason to fail: a model is trained, and the reader told why.
    said = [each.message for each in outcome.job("gate").step("no-actions").annotations]
    assert any("an earlier result is not used (artifacts mlci-model-churn)" in each for each in said), said
    said = [each.message for each in outcome.job("gate").step("no-pull-requests").annotations]
    assert any("pull-requests: read" in each for each in said), said
    assert training.count == 4
    assert {each.method for each in github.requests} == {"GET"}


def test_report_needs_what_the_catalogue_says_and_no_more(tokens, act):
    run = tokens.github.add_run(pull=tokens.github.pull(2))
    every, needed = declared(REPORT), declared(REPORT, optional=False)
    keys = ["all", "bare", *(f"no-{scope}" for scope in every)]
    for key in keys:
        tokens.github.put_artifact(run, f"{ARTIFACT}-{key}", {"gate.json": measured(5, 10).evidence})
    quiet = {"comment": "false", "status": "false"}
    steps = [
        tokens.step("all", every, uses("actions/report", key="churn-all")),
        tokens.step("bare", needed, uses("actions/report", key="churn-bare", **quiet)),
        *(
            tokens.step(f"no-{scope}", without(REPORT, scope), uses("actions/report", key=f"churn-no-{scope}"))
            for scope in every
        ),
    ]

    outcome = act.run(workflow(*steps), triggering=run, secrets=tokens.values)

    exits = {key: exit_of(outcome, key) for key in keys}
    assert (exits["all"], tokens.refused("all"), tokens.used("all")) == (11, [], every), outcome.log
    assert (exits["bare"], tokens.refused("bare")) == (11, []), outcome.log
    assert tokens.used("bare").keys() == needed.keys()
    assert {key: exits[f"no-{key}"] for key in every} == {key: 4 if key in needed else 11 for key in every}, outcome.log
    for scope in needed:
        assert f"{scope}: " in outcome.job("gate").step(f"no-{scope}").log


def test_plan_and_doctor_need_what_the_catalogue_says_and_conclude_asks_nobody(tokens, act):
    tokens.github.protect("main", ["gate"], kind="classic")
    doctor = uses("", command="doctor")
    conclude = uses("actions/conclude", needs='{"gate": {"result": "success", "outputs": {}}}')
    steps = [
        tokens.step("plan", declared(PLAN), uses("actions/plan")),
        tokens.step("no-plan", {}, uses("actions/plan")),
        tokens.step("doctor", declared(DOCTOR), doctor),
        tokens.step("blind-doctor", declared(DOCTOR, optional=False), doctor),
        tokens.step("no-doctor", {}, doctor),
        tokens.step("conclude", declared(CONCLUDE), conclude),
    ]
    # doctor asks for more where a workflow of the checkout promotes.
    promoting = workflow(uses("actions/promote", version="1"))
    written = f"mkdir -p .github/workflows && cat > .github/workflows/release.yml <<'END'\n{promoting}END"

    outcome = act.run(workflow(written, *steps), pull=1, secrets=tokens.values)

    exits = {step["id"]: exit_of(outcome, step["id"]) for step in steps}
    assert (exits["plan"], exits["no-plan"], exits["conclude"]) == (0, 4, 0), outcome.log
    assert "contents: read" in outcome.job("gate").step("no-plan").log
    assert (tokens.used("plan"), tokens.refused("plan")) == (declared(PLAN), [])
    assert (tokens.used("doctor"), tokens.refused("doctor")) == (declared(DOCTOR), []), outcome.log
    assert tokens.used("blind-doctor") == declared(DOCTOR, optional=False)
    assert exits["doctor"] == exits["blind-doctor"] == exits["no-doctor"] == 11
    asking = {each.token.value if each.token else None for each in tokens.github.requests}
    assert asking <= {value for name, value in tokens.values.items() if name != "CONCLUDE"}

"""The components say what the catalogue says, hand it on through variables alone, and name their own version."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci import __version__
from mlci.config import scalar
from mlci.domain.inputs import is_own
from mlci.domain.setup import scripts
from mlci.surface import component_inputs as own
from mlci.surface import component_model, component_release
from mlci.surface.action_pages import page
from mlci.surface.command import Command
from mlci.surface.component_model import model_files
from mlci.surface.component_pages import component_pages
from mlci.surface.component_release import release_files
from mlci.surface.components import JOBS, SETUP, START, component_files, inputs
from mlci.surface.pipeline import CONCLUDE, GATE_COMPARE, MODEL_CI, PLAN, REPORT, STEPS
from mlci.surface.release import APPROVE, PROMOTE, ROLLBACK

FILES = {**component_files(), **model_files(), **release_files()}
HEADERS: dict[str, dict[str, Any]] = {}
BODIES: dict[str, dict[str, Any]] = {}
for name, text in FILES.items():
    header, BODIES[name] = yaml.safe_load_all(text)
    HEADERS[name] = header["spec"]
STEP = [(step, f"templates/{step.name}.yml") for step in STEPS]
STEP_IDS = [step.name for step in STEPS]
MODEL = "templates/model.yml"
RELEASED = "templates/release.yml"
PREFIX = "$[[ inputs.job-prefix ]]"
PLACE = re.compile(r"\$\[\[ inputs\.([\w-]+) \]\]")
OURS = {"MLCI_COMMAND", "MLCI_VERSION", "MLCI_EXTRAS", "MLCI_SETUP", "MLCI_FETCH", "MLCI_DATA_CHECK_EVIDENCE"}


def only(name: str) -> dict[str, Any]:
    (job,) = BODIES[name].values()
    return job


def value(variable: Any) -> str:
    return str(variable["value"] if isinstance(variable, dict) else variable)


def parameters(job: dict[str, Any]) -> dict[str, Any]:
    """Its variables that give a parameter of its command."""
    return {name: one for name, one in job["variables"].items() if name not in OURS and name.startswith("MLCI_")}


@pytest.mark.parametrize(("step", "name"), STEP, ids=STEP_IDS)
def test_every_parameter_of_gitlabs_travels_by_its_variable_and_nothing_else_does(step: Command, name: str) -> None:
    job = only(name)
    offered = [param for param in step.offered("gitlab") if param.name not in own.WITHHELD]

    assert set(parameters(job)) == {step.variable(param) for param in offered}
    for param in offered:
        assert value(job["variables"][step.variable(param)]) == f"$[[ inputs.{own.name_of(param)} ]]"
        assert own.name_of(param) in HEADERS[name]["inputs"]
    assert not {"report", "evidence", "keep", "format"} & set(HEADERS[name]["inputs"])


@pytest.mark.parametrize("name", JOBS)
def test_what_a_job_leaves_is_no_input_of_the_model_that_a_later_job_of_the_checkout_trains(name: str) -> None:
    left = [f"{path}x" if path.endswith("/") else path for path in (JOBS[name].files, *JOBS[name].leaves)]

    assert [path for path in left if not is_own(path)] == []


@pytest.mark.parametrize("name", FILES)
def test_every_input_is_used_and_every_use_has_its_input(name: str) -> None:
    assert set(PLACE.findall(str(BODIES[name]))) == set(HEADERS[name]["inputs"])
    assert not PLACE.findall(str(HEADERS[name]))


@pytest.mark.parametrize("name", FILES)
def test_no_input_and_no_variable_of_gitlabs_is_filled_into_a_script(name: str) -> None:
    for job in BODIES[name].values():
        assert job["script"][-1:] == [START]
        assert job["script"][:-1] in ([], [SETUP])
        prepared = job["variables"]["MLCI_COMMAND"] in ("code-ci", "data-check", MODEL_CI.name)
        assert (job["script"][:-1] == [SETUP]) == prepared
    for script in (START, SETUP):
        assert "$[[" not in script
        assert "${{" not in script


@pytest.mark.parametrize("name", FILES)
def test_what_an_input_says_is_never_looked_through_for_variables(name: str) -> None:
    for job in BODIES[name].values():
        for variable, one in job["variables"].items():
            # Those of which GitLab accepts a few words alone may choose a variable, or be one.
            free = [
                each
                for each in PLACE.findall(value(one))
                if "options" not in HEADERS[name]["inputs"][each] and each not in ("touched", "job-prefix")
            ]
            assert not free or one == {"value": value(one), "expand": False}, variable


@pytest.mark.parametrize("name", FILES)
def test_a_place_of_an_input_is_in_quotes_unless_it_takes_a_list(name: str) -> None:
    _, _, body = FILES[name].partition("\n---\n")
    lists = {one for one, said in HEADERS[name]["inputs"].items() if said.get("type") == "array"}
    bare = re.findall(r'^[^"\n]*\$\[\[ inputs\.([\w-]+)', body, re.MULTILINE)

    assert set(bare) == lists


@pytest.mark.parametrize("name", FILES)
def test_a_component_has_no_keyword_that_is_for_the_whole_pipeline(name: str) -> None:
    assert not set(BODIES[name]) & {"default", "stages", "workflow", "image", "variables", "include", "before_script"}
    assert all(PLACE.search(job) for job in BODIES[name]), "a name that nobody can choose would collide"
    for job in BODIES[name].values():
        assert "before_script" not in job


@pytest.mark.parametrize("name", FILES)
def test_the_version_is_the_packages_own(name: str) -> None:
    for job in BODIES[name].values():
        assert job["variables"]["MLCI_VERSION"] == __version__


@pytest.mark.parametrize("name", FILES)
def test_a_header_has_only_what_every_gitlab_with_components_knows(name: str) -> None:
    assert set(HEADERS[name]) == {"inputs"}
    for one in HEADERS[name]["inputs"].values():
        assert set(one) <= {"description", "type", "default", "options", "regex"}
        assert 10 < len(one["description"]) <= 1024
        assert one["description"].endswith(".")
        assert not re.search(r"\$\[\[|(?<!\w)--[a-z]", one["description"])
        assert isinstance(one["default"], list if one.get("type") == "array" else str)
        assert len(one.get("options", ())) <= 50
        assert "options" not in one or one["default"] in one["options"]
        assert "regex" not in one or re.search(one["regex"], one["default"])
    about = FILES[name].splitlines()[1]
    assert about.startswith("# ")
    assert len(about) <= 256


@pytest.mark.parametrize(("step", "name"), STEP, ids=STEP_IDS)
def test_an_input_takes_what_its_parameter_takes(step: Command, name: str) -> None:
    for param in own.offered(step):
        said = HEADERS[name]["inputs"][own.name_of(param)]
        assert said["default"] == "", "empty is not given, and the default is the resolver's"
        if param.choices:
            assert said["options"] == ["", *param.choices]
        elif param.kind == "boolean" and param.name != "touched":
            assert said["options"] == ["", "true", "false"]
        assert ("regex" in said) == (
            param.kind in ("number", "tolerance") or param.name in ("touched", "timeout", "budget")
        ), param.name


REGEX = {
    one: HEADERS[name]["inputs"][one]["regex"]
    for name, one in [
        ("templates/gate-compare.yml", "tolerance"),
        ("templates/gate-compare.yml", "confidence"),
        ("templates/gate-compare.yml", "touched"),
        ("templates/gate-compare.yml", "extras"),
        ("templates/gate-compare.yml", "job-name"),
        ("templates/model-ci.yml", "timeout"),
        ("templates/model-ci.yml", "seed"),
        ("templates/report.yml", "change"),
        (MODEL, "job-prefix"),
    ]
}


@pytest.mark.parametrize(
    ("name", "accepted", "refused"),
    [
        ("tolerance", ["", "0.01", "-0.005", "10%", "1 %", ".5%", "1e-3"], ["1 point", "%", "10%%", "0,01", "0.01\n"]),
        ("confidence", ["", "0.95", ".9", "1", "+0.5"], ["95%", "nan", "high", "0.9 "]),
        ("touched", ["", "true", "false", "$MLCI_OUTPUT_PLAN_MODEL"], ["yes", "$", "$(id)", "${X}", "true\n"]),
        ("extras", ["", "parquet", "parquet,store", "parquet store"], ["parquet]", "parquet,", "x @ https://y", "A"]),
        ("job-name", ["mlci", "my job: 1"], ["", ".hidden", " "]),
        ("timeout", ["", "2h", "90 s", "1.5d"], ["2", "h", "2 hours", "-2h"]),
        ("seed", ["", "17", "1e3"], ["seventeen", "0x1f"]),
        ("change", ["", "7", "120"], ["!7", "seven", "0", "07", "1.5", "-3", "+3", "1e9", "7\n"]),
        ("job-prefix", ["mlci", "churn-2"], ["", ".x", "a,b", "a b", "a\nb"]),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_before_there_is_a_pipeline(
    name: str, accepted: list[str], refused: list[str]
) -> None:
    # RE2 takes $ for the very end, as \Z is here.
    pattern = re.compile(REGEX[name].removesuffix("$") + r"\Z", re.ASCII)

    assert [text for text in accepted if not pattern.search(text)] == []
    assert [text for text in refused if pattern.search(text)] == []


@settings(deadline=None)
@given(st.from_regex(scalar.NUMBER, fullmatch=True), st.from_regex(scalar.PERCENT, fullmatch=True))
def test_whatever_the_command_reads_as_a_number_passes(number: str, percent: str) -> None:
    assert re.search(REGEX["confidence"], number)
    assert re.search(REGEX["tolerance"], number)
    assert re.search(REGEX["tolerance"], percent)


@settings(deadline=None)
@given(st.from_regex(re.compile(scalar.DURATION, re.ASCII), fullmatch=True))
def test_whatever_the_command_reads_as_a_time_passes(text: str) -> None:
    assert re.search(REGEX["timeout"], text)


@pytest.mark.parametrize("step", STEPS, ids=STEP_IDS)
def test_no_input_of_a_job_has_the_name_of_a_parameter(step: Command) -> None:
    names = [one.name for one in inputs(JOBS[step.name])]

    assert len(names) == len(set(names))


CHOSEN = "$[[ inputs.environment-action ]]"
# What each job that is given a token is to its environment.
ACTIONS = {
    GATE_COMPARE.name: "access", REPORT.name: "access", APPROVE.name: "access", CONCLUDE.name: "access",
    PROMOTE.name: CHOSEN, ROLLBACK.name: CHOSEN,
}  # fmt: skip


def environment(name: str, command: str) -> dict[str, str] | None:
    action = ACTIONS.get(command)
    return None if action is None else {"name": "$[[ inputs.environment ]]", "action": action}


@pytest.mark.parametrize("name", [name for name in FILES if name != RELEASED])
def test_only_jobs_that_run_no_code_of_a_change_ask_for_the_token(name: str) -> None:
    for job in BODIES[name].values():
        command = job["variables"]["MLCI_COMMAND"]
        assert job.get("environment") == environment(name, command)
        # What default: of the pipeline runs before may be code of the change.
        runs_code = command in ("code-ci", MODEL_CI.name)
        assert job.get("inherit") == (None if runs_code else {"default": ["interruptible", "retry"]})
    assert all("MLCI_TOKEN" not in str(job["variables"]) for job in BODIES[name].values())


@pytest.mark.parametrize("name", FILES)
def test_only_jobs_that_run_no_code_of_a_change_hand_variables_on(name: str) -> None:
    handing = {job["variables"]["MLCI_COMMAND"] for job in BODIES[name].values() if "dotenv" in reports(job)}

    assert handing <= {PLAN.name, GATE_COMPARE.name, PROMOTE.name, ROLLBACK.name}
    assert "dotenv" not in reports(only(f"templates/{MODEL_CI.name}.yml"))


def reports(job: dict[str, Any]) -> dict[str, str]:
    return dict(job["artifacts"]["reports"])


@pytest.mark.parametrize("name", FILES)
def test_a_job_leaves_what_its_command_writes_whatever_becomes_of_it(name: str) -> None:
    for job in BODIES[name].values():
        step = next(one for one in STEPS if one.name == job["variables"]["MLCI_COMMAND"])
        artifacts = job["artifacts"]
        assert artifacts["when"] == "always"
        assert artifacts["expire_in"] == "$[[ inputs.expire-in ]]"
        written = [param.default for param in step.params if param.name in ("keep", "evidence")]
        # Each job clears .mlci/evidence before it begins, so what is for the job that trains is laid elsewhere.
        written = {
            "data-check": [job["variables"].get("MLCI_DATA_CHECK_EVIDENCE", "").removesuffix("/data.json")],
            "code-ci": [".mlci/report/code-ci"],
        }.get(step.name, written)
        assert [one.rstrip("/") for one in artifacts["paths"][:-1]] == sorted(
            written, key=lambda one: one.startswith(".")
        )
        report = step.by_name["report"].default.removesuffix(".json")
        assert artifacts["paths"][-1] in (f"{report}.*", f"{report}*")
        assert all(path.startswith(report) for path in reports(job).values())
        assert ("codequality" in reports(job)) == ("metrics" in reports(job)) == (step is GATE_COMPARE)


def test_a_warn_and_a_missing_approval_are_orange_and_what_waits_for_a_person_holds_nothing_up() -> None:
    allowed = {GATE_COMPARE.name: {"exit_codes": [20]}, APPROVE.name: {"exit_codes": [12]}}
    for name in FILES:
        for job in BODIES[name].values():
            by_itself = allowed.get(job["variables"]["MLCI_COMMAND"])
            assert job.get("allow_failure") == (True if job.get("when") == "manual" else by_itself)
    assert HEADERS[MODEL]["inputs"]["exit-on-warn"]["default"] == "true"


def test_a_step_by_itself_stands_before_or_after_the_others() -> None:
    stages = {step.name: HEADERS[name]["inputs"]["stage"]["default"] for step, name in STEP}

    assert stages == {
        "plan": ".pre", "code-ci": "test", "data-check": "test", "model-ci": "test", "gate-compare": "test",
        "report": "test", "approve": "test", "promote": "deploy", "rollback": "deploy", "conclude": ".post",
    }  # fmt: skip
    assert {step.name: only(name)["when"] for step, name in STEP if "when" in only(name)} == {
        "conclude": "always", "rollback": "manual",
    }  # fmt: skip
    assert [step.name for step, name in STEP if only(name)["variables"].get("GIT_STRATEGY")] == ["report", "conclude"]


def test_the_jobs_of_the_pipeline_follow_one_another() -> None:
    jobs = {name.removeprefix(f"{PREFIX}-"): job for name, job in BODIES[MODEL].items()}

    assert [job["variables"]["MLCI_COMMAND"] for job in jobs.values()] == [
        "plan", "code-ci", "data-check", "model-ci", "gate-compare", "conclude",
    ]  # fmt: skip
    assert {name: needs(job) for name, job in jobs.items()} == {
        "plan": {}, "code": {}, "data": {"plan": True}, "model": {"plan": True, "code": False, "data": True},
        "gate": {"plan": True, "model": True},
        "conclude": {"plan": False, "code": False, "data": False, "model": False, "gate": False},
    }  # fmt: skip
    optional = {name: [one["job"] for one in job.get("needs", ()) if one.get("optional")] for name, job in jobs.items()}
    checks = [f"{PREFIX}-code", f"{PREFIX}-data"]
    assert {name: jobs for name, jobs in optional.items() if jobs} == {"model": checks, "conclude": checks}
    # Where training failed too, so that an earlier verdict does not stand as if it were about this commit.
    assert {name for name, job in jobs.items() if job.get("when") == "always"} == {"gate", "conclude"}
    assert {job["stage"] for job in jobs.values()} == {"$[[ inputs.stage ]]"}
    assert {job["rules"] for job in jobs.values()} == {"$[[ inputs.rules ]]"}
    assert [name for name, job in jobs.items() if job["image"] == "$[[ inputs.train-image ]]"] == ["code", "model"]
    assert [name for name, job in jobs.items() if job["tags"] == "$[[ inputs.train-tags ]]"] == ["model"]
    assert [name for name, job in jobs.items() if job["tags"] == "$[[ inputs.check-tags ]]"] == ["code", "data"]


def needs(job: dict[str, Any]) -> dict[str, bool]:
    return {one["job"].removeprefix(f"{PREFIX}-"): one["artifacts"] for one in job.get("needs", [])}


SPARED = {"data": "DATA_CHECK", "model": "MODEL_CI", "gate": "GATE_COMPARE"}


def test_what_plan_found_reaches_the_jobs_that_it_spares() -> None:
    jobs = {name.removeprefix(f"{PREFIX}-"): job["variables"] for name, job in BODIES[MODEL].items()}

    touched = {jobs[name][f"MLCI_{step}_TOUCHED"] for name, step in SPARED.items()}
    assert touched == {"$MLCI_OUTPUT_PLAN_MODEL"}
    assert jobs["gate"]["MLCI_GATE_COMPARE_CANDIDATE"] == "mlci-model" == MODEL_CI.by_name["keep"].default
    assert value(jobs["conclude"]["MLCI_CONCLUDE_MAY_WARN"]).replace(PREFIX, "p") == "p-gate"


@pytest.mark.parametrize(
    ("code", "data", "expected"),
    [
        ("true", "true", ["plan", "code", "data", "model", "gate"]),
        ("false", "true", ["plan", "data", "model", "gate"]),
        ("true", "false", ["plan", "code", "model", "gate"]),
        ("false", "false", ["plan", "model", "gate"]),
    ],
)
def test_a_check_that_is_switched_off_is_no_job_and_no_other_job_expects_it(
    code: str, data: str, expected: list[str]
) -> None:
    jobs = {name.removeprefix(f"{PREFIX}-"): job["variables"] for name, job in BODIES[MODEL].items()}

    def put_in(job: dict[str, Any], text: str) -> str:
        for name, said in {"check-code": code, "check-data": data, "job-prefix": "p"}.items():
            text = text.replace(f"$[[ inputs.{name} ]]", said)
        return re.sub(r"\$\{(\w+)\}", lambda name: put_in({}, value(job.get(name[1], ""))), text)

    said = put_in(jobs["conclude"], value(jobs["conclude"]["MLCI_CONCLUDE_EXPECT"]))
    assert [one.removeprefix("p-") for one in said.split(",") if one] == expected
    checked = {name: put_in(job, job["MLCI_CHECKED"]) for name, job in jobs.items()}
    assert {name for name, one in checked.items() if one == "false"} == {"code", "data"} - set(expected)
    evidence = put_in(jobs["model"], value(jobs["model"]["MLCI_MODEL_CI_DATA_EVIDENCE"]))
    assert evidence == ("mlci-data/data.json" if data == "true" else "")
    assert jobs["data"]["MLCI_DATA_CHECK_EVIDENCE"] == "mlci-data/data.json"
    first = HEADERS[MODEL]["inputs"]["rules"]["default"][0]
    assert first == {"if": '$MLCI_CHECKED == "false"', "when": "never"}


@pytest.mark.parametrize(
    ("register", "expected"),
    [
        ("false", {"BASELINE_FROM": "artifacts", "AGAINST": "", "VERSION": ""}),
        ("true", {"BASELINE_FROM": "", "AGAINST": "production", "VERSION": "candidate"}),
    ],
)
def test_the_registry_is_production_where_models_are_registered_and_the_last_pipeline_elsewhere(
    register: str, expected: dict[str, str]
) -> None:
    variables = BODIES[MODEL][f"{PREFIX}-gate"]["variables"]

    for name, meant in expected.items():
        said = variables[f"MLCI_GATE_COMPARE_{name}"].replace("$[[ inputs.register ]]", register)
        assert variables.get(said.removeprefix("${").removesuffix("}"), "") == meant
    assert HEADERS[MODEL]["inputs"]["register"]["options"] == ["false", "true"]


def test_the_registrys_token_is_the_one_that_reads_unless_the_project_hands_over_another() -> None:
    found = {name: job["variables"].get("MLFLOW_TRACKING_TOKEN") for name, job in BODIES[MODEL].items()}

    # The project's own variable of that name, which a protected branch alone is given, holds before this one.
    reading = {f"{PREFIX}-{name}": "$MLCI_REGISTRY_READ_TOKEN" for name in ("data", "model", "gate")}
    assert {name: token for name, token in found.items() if token} == reading


@pytest.mark.parametrize("name", FILES)
def test_no_job_extends_another_because_a_users_own_extends_would_take_its_place(name: str) -> None:
    assert not [job for job in BODIES[name].values() if "extends" in job]
    assert not [job for job in BODIES[name] if job.startswith(".")]


OTHERWISE = [RELEASED, *(f"templates/{step.name}.yml" for step in (REPORT, APPROVE, PROMOTE, ROLLBACK))]


@pytest.mark.parametrize("name", [name for name in FILES if name not in OTHERWISE])
def test_a_component_runs_for_merge_requests_and_for_the_default_branch(name: str) -> None:
    first, second, third = HEADERS[name]["inputs"]["rules"]["default"][-3:]

    assert first == {"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}
    assert second == {"if": '$MLCI_FORKS == "true"', "when": "never"}
    assert third["if"].startswith("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && ")


@pytest.mark.parametrize("step", [PROMOTE, ROLLBACK], ids=["promote", "rollback"])
def test_what_moves_a_stage_runs_on_the_default_branch_alone_and_one_at_a_time(step: Command) -> None:
    name = f"templates/{step.name}.yml"
    first, second = HEADERS[name]["inputs"]["rules"]["default"]

    assert first == {"if": '$MLCI_FORKS == "true"', "when": "never"}
    assert second["if"].startswith("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && ")
    assert only(name)["resource_group"] == "$[[ inputs.resource-group ]]"
    assert HEADERS[name]["inputs"]["resource-group"]["default"] == "mlci-release"
    # The token that may add to the ledger is no variable of the environment that pipelines of merge requests have.
    assert HEADERS[name]["inputs"]["environment"]["default"] == "mlci-release"


def test_what_was_said_on_a_change_is_counted_in_its_pipelines_and_by_a_schedule() -> None:
    changes, *scheduled = HEADERS["templates/approve.yml"]["inputs"]["rules"]["default"]

    assert changes == {"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}
    assert scheduled == HEADERS["templates/report.yml"]["inputs"]["rules"]["default"]


def test_a_release_is_counted_by_itself_or_by_hand_and_moves_one_stage_after_the_other() -> None:
    jobs = {name.removeprefix(f"{PREFIX}-"): job for name, job in BODIES[RELEASED].items()}
    access, released = {"action": "access"}, "$[[ inputs.release-environment ]]"

    assert {name: job["variables"]["MLCI_COMMAND"] for name, job in jobs.items()} == {
        "approval": "approve", "approve": "approve", "staging": "promote", "production": "promote",
        "rollback": "rollback",
    }  # fmt: skip
    assert [name for name, job in jobs.items() if job.get("when") == "manual"] == ["approve", "production", "rollback"]
    # The job that a person plays is one of the change's own pipeline.
    assert jobs["approve"]["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}]
    assert {name: job["needs"] for name, job in jobs.items() if name in ("production", "rollback")} == {
        "production": [{"job": f"{PREFIX}-staging", "artifacts": False}], "rollback": [],
    }  # fmt: skip
    assert {name: job["environment"] for name, job in jobs.items()} == {
        "approval": {"name": "$[[ inputs.environment ]]", **access},
        "approve": {"name": "$[[ inputs.environment ]]", **access},
        "staging": {"name": released, **access},
        "production": {"name": "$[[ inputs.production-environment ]]", "action": CHOSEN},
        "rollback": {"name": released, **access},
    }
    moving = [job for job in jobs.values() if job["variables"]["MLCI_COMMAND"] != "approve"]
    assert {job.get("resource_group") for job in moving} == {f"{PREFIX}-release"}
    assert all(job.get("inherit") == {"default": ["interruptible", "retry"]} for job in jobs.values())


def test_the_report_on_forks_runs_on_the_default_branch_alone() -> None:
    (rule,) = HEADERS["templates/report.yml"]["inputs"]["rules"]["default"]

    assert rule == {"if": '$MLCI_FORKS == "true" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && '
                    "$CI_PIPELINE_SOURCE =~ /^(schedule|web)$/"}  # fmt: skip


@pytest.mark.parametrize("step", STEPS, ids=STEP_IDS)
def test_doctor_sees_what_the_script_runs(step: Command) -> None:
    assert scripts.called(scripts.spoken(START), {"MLCI_COMMAND": step.name}) == (step.name,)
    assert scripts.called(scripts.spoken(SETUP), {"MLCI_COMMAND": step.name}) == ()


@pytest.mark.parametrize(("name", "without"), [(REPORT, {"status"}), (CONCLUDE, {"needs", "model-jobs", "plan"})])
def test_what_means_nothing_to_gitlab_is_no_input(name: Command, without: set[str]) -> None:
    assert without <= set(name.by_name)
    assert not without & set(HEADERS[f"templates/{name.name}.yml"]["inputs"])


@pytest.mark.parametrize("name", FILES)
def test_production_is_said_to_be_found_where_a_gate_keeps_it(name: str) -> None:
    keeps = "production" in HEADERS[name]["inputs"]["expire-in"]["description"]

    assert keeps is (name in (MODEL, "templates/gate-compare.yml"))


@pytest.mark.parametrize("text", [component_pages()["components.md"], *FILES.values()], ids=["components.md", *FILES])
def test_nothing_of_githubs_is_said_to_those_on_gitlab(text: str) -> None:
    said = " ".join(text.split())

    for word in ("pull request", "workflow_run", "toJSON", "GitHub", "if: always()", "a workflow", "MLCI_FORKS: "):
        assert word not in said, word


@pytest.mark.parametrize("step", STEPS, ids=STEP_IDS)
def test_nothing_of_gitlabs_is_said_to_those_on_github(step: Command) -> None:
    assert "GitLab" not in page(step)
    assert all(paragraph in page(step) for paragraph in step.told("github"))


def test_the_command_line_says_what_holds_on_each_forge() -> None:
    assert {*CONCLUDE.told("github"), *CONCLUDE.told("gitlab")} == set(CONCLUDE.explained)
    assert "toJSON(needs)" in " ".join(CONCLUDE.told("github"))
    assert "toJSON(needs)" not in " ".join(CONCLUDE.told("gitlab"))


def test_the_page_names_every_input_of_every_component() -> None:
    text = component_pages()["components.md"]
    sections = {part.partition("\n")[0]: part for part in text.split("\n## ")}

    assert list(sections)[1:] == [component_model.NAME, component_release.NAME, *STEP_IDS]
    for name in FILES:
        section = sections[name.removeprefix("templates/").removesuffix(".yml")]
        (example,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
        (include,) = yaml.safe_load(example)["include"]
        assert set(include.get("inputs", {})) <= set(HEADERS[name]["inputs"])
        for one in HEADERS[name]["inputs"]:
            assert f"| `{one}` |" in section
        for job in BODIES[name].values() if name not in (MODEL, RELEASED) else ():
            for path in (*job["artifacts"]["paths"], *(one for kind, one in reports(job).items() if kind != "dotenv")):
                assert f"| `{path}` |" in section

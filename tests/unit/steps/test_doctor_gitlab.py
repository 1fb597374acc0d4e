"""What doctor says of a pipeline on GitLab: a right one is right, and each way to break it is found and told."""

from __future__ import annotations

import pytest
from gitlab_setups import CI, SHA, WORKFLOW, changed, look, merged, only, problems

from mlci.domain.verdict import Verdict

GATE = "  script: [mlci gate-compare --candidate mlci-model]\n"
ALLOWED = "  allow_failure: {exit_codes: [20]}\n"
CONCLUDE = "  script: ['mlci conclude --expect plan,data,train,gate']\n"
TRAIN = "  script: [mlci model-ci]\n"
NO_WORKFLOW = changed(WORKFLOW, "")
MERGE_REQUEST = '$CI_PIPELINE_SOURCE == "merge_request_event"'


def test_a_right_set_up_passes_in_every_part() -> None:
    report = look()

    assert problems(report) == problems(report, advisory=True) == []
    assert (report.verdict, report.step) == (Verdict.PASS, "doctor")
    assert report.reason == "nothing was found by which a worse model could be merged to main"
    assert {one.rule for one in report.findings} == {"setup"}
    topics = {one.id.split("[")[0].removeprefix("setup:") for one in report.findings}
    assert topics == {
        "merge-checks", "merge-train", "pipeline", "data", "gate", "conclude", "separation", "branch", "approvals",
        "variables", "job-token", "token", "forgery", "forks", "configuration",
    }  # fmt: skip
    assert report.assumptions == ("The pipeline is that of main; a merge request may bring another one along.",)


def ruled(rules: str, *, job: str = GATE) -> str:
    return changed(job, f"{job}  rules: {rules}\n")


# One change to the pipeline, and everything that doctor must then say.
BROKEN = {
    "no gate": (
        changed(GATE, "  script: [make test]\n"), [("gate", "fail"), ("separation[gate: environment]", "fail")],
    ),
    "any failure is allowed": (
        changed(ALLOWED, "  allow_failure: true\n"), [("gate[gate: allow_failure]", "fail")],
    ),
    "in words of YAML": (changed(ALLOWED, "  allow_failure: Yes\n"), [("gate[gate: allow_failure]", "fail")]),
    "the exit of a fail is allowed": (
        changed(ALLOWED, "  allow_failure: {exit_codes: [11, 20]}\n"), [("gate[gate: allow_failure]", "fail")],
    ),
    "one exit": (changed(ALLOWED, "  allow_failure: {exit_codes: 3}\n"), [("gate[gate: allow_failure]", "fail")]),
    "what allows it cannot be read": (
        changed(ALLOWED, "  allow_failure: {exit_codes: [x]}\n"), [("gate[gate: allow_failure]", "fail")],
    ),
    "a rule allows it": (
        ruled(f"[{{if: '{MERGE_REQUEST}', allow_failure: true}}]"), [("gate[gate: allow_failure]", "fail")],
    ),
    "manual": (
        changed(ALLOWED, "  when: manual\n"), [("gate[gate: allow_failure]", "fail"), ("gate[gate: when]", "warn")],
    ),
    "manual, and the pipeline waits": (
        ruled(f"[{{if: '{MERGE_REQUEST}', when: manual}}]"), [("gate[gate: when]", "warn")],
    ),
    "on failure": (changed(ALLOWED, ALLOWED + "  when: on_failure\n"), [("gate[gate: when]", "fail")]),
    "swallowed": (
        changed(GATE, "  script: [mlci gate-compare --candidate mlci-model || true]\n"),
        [("gate[gate: script]", "fail")],
    ),
    "never in a merge request": (
        ruled("[{if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH}]"), [("gate[gate: rules]", "fail")],
    ),
    "where some files change": (
        ruled(f"[{{if: '{MERGE_REQUEST}', changes: [src/*]}}]"), [("gate[gate: rules]", "warn")],
    ),
    "by the title": (
        ruled(f"[{{if: $CI_MERGE_REQUEST_TITLE =~ /^Draft/, when: never}}, {{if: '{MERGE_REQUEST}'}}]"),
        [("gate[gate: rules]", "warn")],
    ),
    "by a variable": (
        ruled("[{if: $NO_MODEL, when: never}, {when: on_success}]"), [("gate[gate: rules]", "warn")],
    ),
    "no conclude": (changed(CONCLUDE, "  script: [make]\n"), [
        ("conclude", "warn"), ("separation[conclude: environment]", "fail"),
    ]),
    "conclude not always": (changed("  when: always\n", ""), [("conclude[conclude: when]", "warn")]),
    "conclude may fail": (
        changed("  when: always\n", "  when: always\n  allow_failure: true\n"),
        [("conclude[conclude: allow_failure]", "fail")],
    ),
    "conclude may be left out": (
        ruled(f"[{{if: '{MERGE_REQUEST}', changes: [src/*], when: always}}]", job=CONCLUDE),
        [("conclude[conclude: rules]", "warn")],
    ),
    "conclude too early": (
        changed("  stage: last\n  when: always\n", "  stage: judge\n  when: always\n"),
        [("conclude[conclude: order]", "warn")],
    ),
    "conclude waits for two": (
        changed("  when: always\n", "  when: always\n  needs: [plan, train]\n"),
        [("conclude[conclude: order]", "warn")],
    ),
    "conclude expects no gate": (
        changed(CONCLUDE, "  script: ['mlci conclude --expect plan,train']\n"), [("conclude[expect]", "warn")],
    ),
    "training in the environment": (
        changed(TRAIN, TRAIN + "  environment: mlci\n"), [("separation[train: environment]", "fail")],
    ),
    "training hands variables on": (
        changed("  artifacts: {paths: [mlci-model/]}\n", "  artifacts: {reports: {dotenv: a.env}}\n"),
        [("separation[train: dotenv]", "fail")],
    ),
    "tests hand variables on": (
        CI + "tests: {stage: train, script: [make], artifacts: {reports: {dotenv: [a.env]}}}\n",
        [("separation[tests: dotenv]", "fail")],
    ),
    "tests in the environment": (
        CI + "tests: {stage: train, script: [make], environment: {name: mlci}}\n",
        [("separation[tests: environment]", "fail")],
    ),
    "a deployment in the environment": (
        CI + "live: {stage: last, script: [make], environment: mlci, rules: [{if: $CI_COMMIT_BRANCH}]}\n",
        [("separation[live: environment]", "warn")],
    ),
    "the gate installs what the change says": (
        changed(GATE, "  before_script: [python -m pip install -r requirements.txt]\n" + GATE),
        [("separation[gate: script]", "warn")],
    ),
    "and so does every job": (
        CI + "default: {before_script: [pip install .]}\n",
        [(f"separation[{name}: script]", "warn") for name in ("conclude", "gate", "plan", "report")],
    ),
    "by the older word": (
        CI.replace("  script: [mlci report]", "  inherit: {default: [image]}\n  script: [mlci report]")
        .replace("  script: ['mlci conc", "  inherit: {default: false}\n  script: ['mlci conc")
        .replace("  script: [mlci plan]", "  before_script: []\n  script: [mlci plan]") + "before_script: [make]\n",
        [("separation[gate: script]", "warn")],
    ),
    "the token in the file": (CI + "variables: {MLCI_TOKEN: glpat-1}\n", [("separation[variables]", "fail")]),
    "the token of training": (
        changed("data.json}\n  script", "data.json, MLCI_TOKEN: $OTHER}\n  script"),
        [("separation[variables]", "fail")],
    ),
    "no environment": (
        CI.replace("  environment: {name: mlci, action: access}\n", ""), [("separation[no environment]", "warn")],
    ),
    "no pipeline for a merge request": (
        changed(f"    - if: {MERGE_REQUEST}\n", ""), [("pipeline[workflow]", "fail")],
    ),
    "perhaps none": (
        changed("  rules:\n    - if: $CI", "  rules:\n    - {if: $OFF, when: never}\n    - if: $CI"),
        [("pipeline[workflow: $OFF]", "warn")],
    ),
    "none if its author likes": (
        changed("workflow:\n  rules:\n", "workflow:\n  rules:\n    - {if: $CI_COMMIT_MESSAGE =~ /wip/, when: never}\n"),
        [("pipeline[workflow: $CI_COMMIT_MESSAGE]", "fail")],
    ),
    "nothing is ruled, so only branches have pipelines": (
        NO_WORKFLOW,
        [("conclude[conclude: rules]", "warn"), ("gate[gate: rules]", "fail")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_way_to_break_a_pipeline_is_found(name: str) -> None:
    text, expected = BROKEN[name]

    report = look(text)

    assert problems(report) == expected
    for one in report.findings:
        assert (one.explanation is not None) is (one.verdict is not Verdict.PASS or one.id == "setup:forgery")


# Ways to write the same that are as right.
RIGHT = {
    "rules that always hold": ruled(f"[{{if: '{MERGE_REQUEST}'}}, {{when: never}}]"),
    "no failure is allowed": changed(ALLOWED, "  allow_failure: false\n"),
    "always": changed(ALLOWED, ALLOWED + "  when: always\n"),
    "a module, and a variable for the command": changed(
        GATE, '  variables: {MLCI_COMMAND: gate-compare}\n  script: [\'"$python" -I -m mlci "$MLCI_COMMAND"\']\n'
    ),
    "the command with a path": changed(GATE, "  script: ['\"/opt/a/bin/mlci\" gate-compare']\n"),
    "everything expected": changed(CONCLUDE, "  script: [mlci conclude]\n"),
    "conclude needs all": changed("  when: always\n", "  when: always\n  needs: [{job: gate}, train, plan]\n"),
    "old words": NO_WORKFLOW.replace("\n  script:", "\n  only: [merge_requests, main]\n  script:"),
    "tests whose variables reach nobody": changed(GATE, f"  needs: [train]\n{GATE}")
    .replace("  when: always\n", "  when: always\n  dependencies: []\n")
    .replace("  script: [mlci report]", "  dependencies: [plan]\n  script: [mlci report]")
    + "tests: {stage: train, script: [make], artifacts: {reports: {dotenv: a.env}}}\n",
    "an environment of its own": CI + "deploy: {stage: last, script: [make], environment: production}\n",
}


@pytest.mark.parametrize("name", RIGHT)
def test_other_ways_to_write_the_same_are_as_right(name: str) -> None:
    report = look(RIGHT[name])

    assert problems(report) == []
    assert only(report, "gate[gate]").verdict is Verdict.PASS


def test_a_gate_in_no_pipeline_is_not_called_right() -> None:
    report = look(BROKEN["no pipeline for a merge request"][0])

    assert not [one for one in report.findings if one.id.startswith("setup:gate")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("python train.py", True), ("python3.11 a/b.py --x", True), ("bash ci/x.sh", True), ("./run", True),
        (". ./env.sh", True), ("make", True), ("pytest -q", True), ("pip install -r requirements.txt", True),
        ("python -m pip install -q -e .", True), ("pip install '.[a]'", True), ("pip install .[a]", True),
        ("pip install mlci==0.1.0", False), ("python -I -m mlci gate-compare", False), ("echo make", False),
        ("mlci gate-compare --candidate ./a.csv", False), ("cd models", False), ("# make", False), ("makeup", False),
    ],
)  # fmt: skip
def test_what_runs_files_of_the_checkout_is_told_from_what_does_not(line: str, expected: bool) -> None:
    report = look(changed(GATE, f"  script: ['{line.replace(chr(39), chr(39) * 2)}', mlci gate-compare]\n"))

    assert ("separation[gate: script]" in dict(problems(report))) is expected


UNWATCHED = changed(CONCLUDE, "  script: ['mlci conclude --expect plan']\n")


@pytest.mark.parametrize(
    ("rules", "verdict"),
    [
        (f"[{{if: '{MERGE_REQUEST}', exists: [src/*]}}]", "fail"),
        (f"[{{if: $CI_MERGE_REQUEST_LABELS =~ /skip/, when: never}}, {{if: '{MERGE_REQUEST}'}}]", "fail"),
        ("[{if: $NO_MODEL, when: never}, {when: on_success}]", "warn"),
    ],
)
def test_a_gate_that_nobody_misses_is_worse_where_its_author_can_leave_it_out(rules: str, verdict: str) -> None:
    report = look(changed(GATE, f"{GATE}  rules: {rules}\n", UNWATCHED))

    assert only(report, "gate[gate: rules]").verdict.value == verdict


def test_a_merge_train_has_to_run_the_gate_too() -> None:
    text = ruled("[{if: $CI_MERGE_REQUEST_EVENT_TYPE == 'merge_train', when: never}, {when: on_success}]")

    assert problems(look(text)) == []
    found = only(look(text, merge_trains=True), "gate[gate: rules]")
    assert (found.verdict.value, "the pipeline of a merge train" in found.message) == ("warn", True)


def test_two_models_each_with_a_gate_and_a_conclude_of_its_own_are_right() -> None:
    second = CI[CI.index("plan:\n  stage") : CI.index("report:")]
    for name in ("plan", "data", "train", "gate", "conclude"):
        second = second.replace(f"{name}:\n  stage", f"b-{name}:\n  stage")
    second = second.replace("--expect plan,data,train,gate", "--expect b-plan,b-data,b-train,b-gate")

    assert problems(look(CI + second)) == []


def test_one_of_two_gates_that_never_sees_a_change_is_told() -> None:
    other = f"other:\n  stage: judge\n  environment: mlci\n{GATE}  rules: [{{if: '$CI_COMMIT_BRANCH'}}]\n"

    found = dict(problems(look(CI + other)))

    assert found == {"gate[other: rules]": "warn", "conclude[expect]": "warn"}


@pytest.mark.parametrize(
    "hidden",
    [
        "child: {stage: judge, trigger: {include: [local: judge.yml], strategy: depend}}\n",
        "",
    ],
    ids=["child pipeline", "conditional include"],
)
def test_a_gate_that_may_stand_where_nobody_looked_is_unknown_rather_than_missing(hidden: str) -> None:
    text = changed(GATE, "  script: [make]\n") + hidden
    raw = b"include: [{local: gate.yml, rules: [{if: $X}]}]\n" if not hidden else b"{}"

    found = only(look(merged(text, raw)), "gate")

    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "unknown")
    assert ("child" if hidden else "gate.yml") in found.message


def test_a_pipeline_that_runs_for_the_branch_of_a_change_as_well_is_told_and_not_counted() -> None:
    text = changed("    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH\n", "    - if: $CI_COMMIT_BRANCH\n")

    assert problems(look(text), advisory=True) == [("pipeline[twice]", "warn")]
    guarded = changed(
        "    - if: $CI_COMMIT_BRANCH\n",
        "    - {if: $CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS, when: never}\n    - if: $CI_COMMIT_BRANCH\n",
        text,
    )
    assert problems(look(guarded), advisory=True) == []


def test_a_pipeline_that_gitlab_refuses_is_a_fail() -> None:
    report = look(merged(CI, valid=False, errors=["jobs:gate config contains unknown keys: \x1b[31m"]))

    found = only(report, "pipeline[lint]")
    assert found.verdict is Verdict.FAIL
    assert "unknown keys" in found.message
    assert "\x1b" not in found.message


def test_a_pipeline_that_cannot_be_read_is_unknown_and_nothing_of_it_is_right() -> None:
    report = look(None, unknown={"pipeline": "GET …: answered 403"})

    found = only(report, "pipeline")
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "unknown")
    assert "answered 403" in found.message
    assert report.verdict is Verdict.INCONCLUSIVE
    assert not [one for one in report.findings if one.id.startswith(("setup:gate", "setup:conclude", "setup:pins"))]


@pytest.mark.parametrize(
    ("includes", "verdict"),
    [
        ([{"type": "component", "location": f"gitlab.com/mlci/mlci/model@{SHA}"}], "pass"),
        ([{"type": "component", "location": "gitlab.com/mlci/mlci/model@1.2.3"}], "pass"),
        ([{"type": "component", "location": "gitlab.com/mlci/mlci/model@1.2"}], "warn"),
        ([{"type": "component", "location": "gitlab.com/mlci/mlci/model@~latest"}], "warn"),
        ([{"type": "component", "location": "gitlab.com/mlci/mlci/model@main"}], "warn"),
        ([{"type": "component", "location": f"gitlab.com/mlci/mlci/model@{SHA[:12]}"}], "warn"),
        ([{"type": "file", "location": "ci.yml", "extra": {"project": "a/b", "ref": SHA}}], "pass"),
        ([{"type": "file", "location": "ci.yml", "extra": {"project": "a/b", "ref": "v1.2.3"}}], "pass"),
        ([{"type": "file", "location": "ci.yml", "extra": {"project": "a/b"}}], "warn"),
        ([{"type": "remote", "location": "https://example.com/ci.yml", "extra": {}}], "warn"),
        ([{"type": "local", "location": "ci.yml"}, {"type": "template", "location": "Go.gitlab-ci.yml"}], None),
    ],
)
def test_what_a_pipeline_takes_in_is_named_by_a_commit_or_an_exact_version(
    includes: list[dict[str, object]], verdict: str | None
) -> None:
    report = look(merged(CI, includes=includes))

    found = [one.verdict.value for one in report.findings if one.id == "setup:pins"]
    assert found == ([verdict] if verdict else [])


def test_names_from_files_stay_on_one_line_and_short() -> None:
    name = "gate\\e[31m" + "x" * 300
    report = look(CI.replace("gate:\n  stage", f'"{name}":\n  stage').replace(ALLOWED, "  allow_failure: true\n"))

    for one in report.findings:
        assert one.message.isprintable()
        assert len(one.message) < 500

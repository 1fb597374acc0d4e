"""What doctor says of a set-up: a right one is right, and each way to break it is found and told with its fix."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlci.adapters.github.workflows import read_workflows
from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.domain.setup.github.facts import Setup
from mlci.domain.setup.github.protection import Bypass, Protection, Repository, RequiredCheck, RequiredWorkflow
from mlci.domain.verdict import Verdict
from mlci.steps import doctor
from mlci.surface.catalog import COMMANDS

SHA = "0123456789" * 4
ONLY = "pull_request: {branches: [main]}"
ON = f"on:\n  {ONLY}\n  merge_group:\n"
CI = f"""\
name: Model
on:
  pull_request: {{branches: [main]}}
  merge_group:
permissions: {{}}
jobs:
  plan:
    permissions: {{contents: read}}
    steps:
      - uses: mlci/mlci/actions/plan@{SHA}
  gate:
    needs: plan
    permissions: {{contents: read, actions: read, pull-requests: write, statuses: write}}
    steps:
      - uses: actions/checkout@{SHA}
      - uses: mlci/mlci/actions/gate-compare@{SHA}
        with: {{candidate: a.csv, baseline-from: artifacts}}
  conclude:
    needs: [plan, gate]
    if: always()
    permissions: {{}}
    steps:
      - uses: mlci/mlci/actions/conclude@{SHA}
        with: {{"needs": "${{{{ toJSON(needs) }}}}"}}
"""
REPORT = f"""\
on: {{workflow_run: {{workflows: [Model], types: [completed]}}}}
jobs:
  report:
    permissions: {{contents: read, actions: read, pull-requests: write, statuses: write}}
    steps:
      - uses: mlci/mlci/actions/report@{SHA}
"""
OWNERS = ".github/ @team\nmlci.yml @team\n"
REQUIRED = RequiredCheck(name="conclude", app=15368, source="ruleset 1")
RIGHT = Protection(checks=(REQUIRED,), merge_queue=True, owner_review=True, bypass=(Bypass(ruleset=1, actors=()),))
NEEDS = {command.name: command.permissions for command in COMMANDS}

Look = Callable[..., Report]


@pytest.fixture(name="look")
def _look(tmp_path: Path) -> Look:
    """Write the workflows, change one thing, and ask doctor."""

    def look(
        ci: str = CI,
        *,
        report: str | None = REPORT,
        more: dict[str, str] | None = None,
        private: bool = True,
        owners: str | None = OWNERS,
        **facts: Any,
    ) -> Report:
        files = {"ci.yml": ci, **({"report.yml": report} if report else {}), **(more or {})}
        folder = tmp_path / ".github/workflows"
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text)
        found, unread = read_workflows(tmp_path, ".github/workflows")
        known: dict[str, Any] = {"protection": RIGHT, "config_on_branch": True, "branch": "main", **facts}
        return doctor.run(
            Setup(
                repository=Repository(id=1, name="owner/repository", default_branch="main", private=private),
                workflows=found,
                unread=unread,
                needs=NEEDS,
                owners=(".github/CODEOWNERS", owners) if owners is not None else None,
                **known,
            )
        )

    return look


def changed(old: str, new: str) -> str:
    assert old in CI
    return CI.replace(old, new)


def problems(report: Report) -> list[tuple[str, str]]:
    """Everything that is not a counted pass, as (id without what it is about, verdict)."""
    found = [one for one in report.findings if one.verdict is not Verdict.PASS and not one.advisory]
    return [(one.id.split("[")[0].removeprefix("setup:"), one.verdict.value) for one in found]


def only(report: Report, topic: str) -> Finding:
    (found,) = [one for one in report.findings if one.id.split("[")[0] == f"setup:{topic}"]
    return found


def test_a_right_set_up_passes_in_every_part(look: Look) -> None:
    report = look()

    assert problems(report) == []
    assert (report.verdict, report.step) == (Verdict.PASS, "doctor")
    assert report.reason == "nothing was found by which a worse model could be merged to main"
    assert {one.rule for one in report.findings} == {"setup"}
    topics = {one.id.split("[")[0].removeprefix("setup:") for one in report.findings}
    assert topics == {
        "required", "conclude", "merge-queue", "permissions", "forgery", "forks", "report", "pins", "configuration",
    }  # fmt: skip


ALWAYS = "    if: always()\n"
CONCLUDE = f"      - uses: mlci/mlci/actions/conclude@{SHA}\n"
HANDED = '        with: {"needs": "${{ toJSON(needs) }}"}\n'
GATE = f"      - uses: mlci/mlci/actions/gate-compare@{SHA}\n"
GRANT = "{contents: read, actions: read, pull-requests: write, statuses: write}"
STRANGER = "  other:\n    permissions: {}\n    steps: [{run: make}]\n"

# One change to the workflow, and everything that doctor must then say.
BROKEN = {
    "no if": (changed(ALWAYS, ""), [("conclude", "fail")]),
    "if not cancelled": (changed(ALWAYS, "    if: '!cancelled()'\n"), [("conclude", "fail")]),
    "always and more": (changed(ALWAYS, "    if: always() && github.actor != 'x'\n"), [("conclude", "fail")]),
    "continue-on-error": (changed(ALWAYS, ALWAYS + "    continue-on-error: true\n"), [("conclude", "fail")]),
    "step continues": (changed(HANDED, HANDED + "        continue-on-error: true\n"), [("conclude", "fail")]),
    "step skipped": (changed(HANDED, HANDED + "        if: github.ref == 'x'\n"), [("conclude", "fail")]),
    "not handed": (changed(HANDED, ""), [("conclude", "fail")]),
    "in the shell line": (
        changed(CONCLUDE + HANDED, "      - run: mlci conclude --needs '${{ toJSON(needs) }}'\n"),
        [("conclude", "warn")],
    ),
    "gate not needed": (changed("[plan, gate]", "[plan]"), [("conclude", "fail")]),
    "other not needed": (CI + STRANGER, [("conclude", "warn")]),
    "gate hidden": (changed("  gate:\n", "  gate:\n    continue-on-error: true\n"), [("hidden", "fail")]),
    "gate step hidden": (changed(GATE, GATE + "        continue-on-error: ${{ vars.SOFT }}\n"), [("hidden", "fail")]),
    "plan in a matrix": (
        changed("  plan:\n", "  plan:\n    strategy: {matrix: {model: [a, b]}}\n"), [("conclude", "fail")],
    ),
    "plan of another name in a matrix": (
        changed("  plan:\n", "  touched:\n    strategy: {matrix: {model: [a, b]}}\n")
        .replace("[plan, gate]", "[touched, gate]").replace("needs: plan\n", "needs: touched\n")
        .replace('with: {"needs"', 'with: {plan: touched, "needs"'),
        [("conclude", "fail")],
    ),
    "plan hidden": (changed("  plan:\n", "  plan:\n    continue-on-error: true\n"), [("hidden", "warn")]),
    "gate may fail": (changed('with: {"needs"', 'with: {may-fail: "plan, gate", "needs"'), [("conclude", "fail")]),
    "gate may be skipped": (changed('with: {"needs"', 'with: {may-skip: gate, "needs"'), [("conclude", "warn")]),
    "paths": (changed(f"{ONLY}\n", "pull_request: {branches: [main], paths: ['src/**']}\n"), [("conclude", "fail")]),
    "branches": (changed(f"{ONLY}\n", "pull_request: {branches: ['release/*']}\n"), [("conclude", "fail")]),
    "branches again": (
        changed(f"{ONLY}\n", "pull_request: {branches: ['**', '!main']}\n"), [("conclude", "fail")],
    ),
    "branches ignored": (
        changed(f"{ONLY}\n", "pull_request: {branches-ignore: [main]}\n"), [("conclude", "fail")],
    ),
    "branches unclear": (
        changed(f"{ONLY}\n", "pull_request: {branches: ['ma[i]n']}\n"), [("conclude", "inconclusive")],
    ),
    "other branches": (changed(f"{ONLY}\n", "pull_request:\n"), [("conclude", "warn")]),
    "most other branches": (
        changed(f"{ONLY}\n", "pull_request: {branches-ignore: ['dependabot/**']}\n"), [("conclude", "warn")],
    ),
    "any branch": (changed(f"{ONLY}\n", "pull_request: {branches: ['**']}\n"), [("conclude", "warn")]),
    "types": (changed(f"{ONLY}\n", "pull_request: {branches: [main], types: [opened]}\n"), [("conclude", "fail")]),
    "not on pull requests": (
        changed(f"  {ONLY}\n", ""), [("conclude", "fail")],
    ),
    "no merge group": (changed("  merge_group:\n", ""), [("merge-queue", "fail")]),
    "contents": (changed("{contents: read, actions", "{actions"), [("permissions", "fail")]),
    "actions": (changed(" actions: read,", ""), [("permissions", "fail")]),
    "comment": (changed("pull-requests: write", "pull-requests: read"), [("permissions", "warn")]),
    "undeclared": (changed(f"    permissions: {GRANT}\n", "").replace("permissions: {}\n", "", 1), [
        ("permissions", "inconclusive"),
    ]),
    "check asked for": (changed("{candidate: a.csv", "{check: true, candidate: a.csv"), [("permissions", "warn")]),
    "check perhaps asked for": (
        changed("{candidate: a.csv", "{check: '${{ vars.CHECK }}', candidate: a.csv"), [("permissions", "warn")],
    ),
    "idle": (changed("statuses: write}", "statuses: write, contents: write}").replace("{contents: read, act", "{act"), [
        ("idle", "warn"),
    ]),
    "write-all": (changed(GRANT, "write-all"), [("idle", "warn")]),
    "tag": (changed(f"checkout@{SHA}", "checkout@v4"), [("pins", "warn")]),
    "branch of ours": (changed(f"conclude@{SHA}", "conclude@main"), [("pins", "warn")]),
    "target": (changed(f"  {ONLY}\n", f"  {ONLY}\n  pull_request_target:\n"), [("forks", "fail")]),
    "head on target": (
        changed(f"  {ONLY}\n", f"  {ONLY}\n  pull_request_target:\n").replace(
            f"checkout@{SHA}\n", f"checkout@{SHA}\n        with: {{ref: '${{{{ github.head_ref }}}}'}}\n"
        ),
        [("forks", "fail"), ("forks", "fail")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("ci", "expected"), BROKEN.values(), ids=BROKEN)
def test_one_thing_broken_in_the_workflow_is_the_one_thing_said(
    look: Look, ci: str, expected: list[tuple[str, str]]
) -> None:
    report = look(ci)

    assert problems(report) == expected
    assert report.verdict.value == expected[0][1]
    assert all(one.explanation for one in report.findings if one.verdict is not Verdict.PASS)


@pytest.mark.parametrize(
    ("branch", "line"),
    [
        ("main", "pull_request: {branches: [main]}"),
        ("release/1.x", "pull_request: {branches: [release/1.x]}"),
        ("1.0", "pull_request: {branches: ['1.0']}"),
        ("it's, {so}", "pull_request: {branches: ['it''s, {so}']}"),
    ],
)
def test_a_check_that_other_branches_can_have_set_comes_with_the_line_to_write(
    look: Look, branch: str, line: str
) -> None:
    report = look(changed(f"{ONLY}\n", "pull_request:\n"), branch=branch)
    (found,) = [one for one in report.findings if one.id.endswith(": other branches]")]

    assert "A check lies on the commit" in found.message
    assert line in str(found.explanation)
    assert yaml.safe_load(line) == {"pull_request": {"branches": [branch]}}


def test_a_workflow_that_a_ruleset_requires_starts_whatever_its_filters_say(look: Look) -> None:
    own = RequiredWorkflow(path=".github/workflows/ci.yml", repository=1, commit=SHA)
    report = look(changed(f"{ONLY}\n", "pull_request:\n"), protection=replace(RIGHT, checks=(), workflows=(own,)))

    assert problems(report) == []


BY_ENVIRONMENT = """\
      - run: mlci conclude
        env: {MLCI_CONCLUDE_NEEDS: "${{ toJSON(needs) }}"}
"""
BY_FLAG = """\
      - run: |
          set -e
          R=1 python -I -m mlci \\
            conclude --needs "$N"
        env: {N: "${{ toJson( needs ) }}"}
"""


@pytest.mark.parametrize(
    "ci",
    [
        changed(ALWAYS, "    if: ${{ always() }}\n"),
        changed(f"{ONLY}\n", "pull_request: {branches: [main, 'release/**']}\n"),
        changed(CONCLUDE + HANDED, BY_ENVIRONMENT),
        changed(CONCLUDE + HANDED, BY_FLAG),
        changed(" actions: read,", "").replace(", baseline-from: artifacts", ", baseline: b.csv"),
        changed("pull-requests: write, ", "").replace("{candidate: a.csv", "{comment: false, candidate: a.csv"),
        changed(f"mlci/mlci/actions/plan@{SHA}", "$/actions/plan"),
        changed(
            f"      - uses: mlci/mlci/actions/plan@{SHA}\n",
            "      - run: mlci plan\n      - run: mlci config explain\n",
        ),
        changed(GRANT, GRANT.replace("}", ", id-token: write}")),
        changed("  gate:\n", "  gate:\n    continue-on-error: False\n"),
        CI + "  after:\n    needs: conclude\n    permissions: {}\n    steps: [{run: make}]\n",
        CI.replace("mlci/mlci/actions/conclude", "mlci/mlci").replace('{"needs"', '{command: conclude, "needs"'),
    ],
)  # fmt: skip
def test_other_ways_to_write_a_right_workflow_are_right(look: Look, ci: str) -> None:
    assert problems(look(ci)) == []


@pytest.mark.parametrize("run", ["echo mlci conclude", "# later; mlci conclude", "cat notmlci conclude", "mlci --help"])
def test_a_shell_line_that_only_speaks_of_conclude_does_not_run_it(look: Look, run: str) -> None:
    ci = changed(CONCLUDE + HANDED, f"      - run: |\n          {run}\n")

    assert only(look(ci), "conclude").message.startswith("no job of any workflow runs conclude")


@pytest.mark.parametrize("piece", [";A=b/", "uvx -a b ", "git fetch ", " ", "(", "mlci "])
def test_no_script_makes_the_reading_slow(look: Look, piece: str) -> None:
    script = "x" + piece * (80_000 // len(piece))
    started = time.monotonic()

    look(CI + f"  slow:\n    permissions: {{}}\n    steps: [{{run: '{script}'}}]\n")

    assert time.monotonic() - started < 2


# Whether the check is required.


def test_a_check_that_nothing_requires_fails_and_says_where_to_require_it(look: Look) -> None:
    found = only(look(protection=Protection()), "required")

    assert found.verdict is Verdict.FAIL
    assert "a change can be merged to main while conclude is red" in found.message
    assert "Rulesets" in str(found.explanation)
    assert "add conclude with GitHub Actions" in str(found.explanation)


@pytest.mark.parametrize("name", ["Model / conclude", "Conclude", "conclud"])
def test_a_required_check_of_nearly_the_same_name_is_not_the_check(look: Look, name: str) -> None:
    found = only(look(protection=replace(RIGHT, checks=(replace(REQUIRED, name=name),))), "required")

    assert found.verdict is Verdict.FAIL
    assert f"{name} is required, which is another name" in str(found.explanation)


def test_rules_that_cannot_be_read_are_unknown_and_never_right(look: Look) -> None:
    report = look(
        protection=Protection(unknown={"rules": "GET /rules: answered 403"}), ci=changed("  merge_group:\n", "")
    )

    assert only(report, "required").verdict is Verdict.INCONCLUSIVE
    assert only(report, "forgery").verdict is Verdict.INCONCLUSIVE
    assert only(report, "merge-queue").verdict is Verdict.INCONCLUSIVE
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "answered 403" in only(report, "required").message


def test_what_classic_protection_requires_counts_although_rules_are_unknown(look: Look) -> None:
    protection = Protection(checks=(replace(REQUIRED, source="branch protection"),), unknown={"rules": "403"})

    assert only(look(protection=protection), "required").verdict is Verdict.PASS


def test_the_name_of_the_job_is_the_name_of_the_check(look: Look) -> None:
    ci = changed("  conclude:\n", "  conclude:\n    name: Model gate\n")

    assert only(look(ci), "required").id == "setup:required[Model gate]"


def test_a_called_workflow_gives_its_check_under_the_name_of_its_caller(look: Look) -> None:
    called = CI.replace(ON, "on: workflow_call\n")
    caller = f"""\
name: Model
{ON}\
permissions: {{}}
jobs:
  model:
    permissions: {GRANT}
    uses: ./.github/workflows/called.yml
"""
    protection = replace(RIGHT, checks=(replace(REQUIRED, name="model / conclude"),))

    assert problems(look(caller, more={"called.yml": called}, protection=protection)) == []


def test_two_ways_to_one_job_say_the_same_of_it_once(look: Look) -> None:
    called = CI.replace(ON, "on: workflow_call\n")
    callers = {
        f"{name}.yml": f"{ON}jobs:\n  {name}:\n    permissions: {GRANT}\n    uses: ./.github/workflows/called.yml\n"
        for name in ("one", "two")
    }

    findings = look(called, more={**callers, "called.yml": called}).findings

    assert len(findings) == len(set(findings))


def test_a_called_workflow_is_given_no_more_than_its_caller_has(look: Look) -> None:
    called = CI.replace(ON, "on: workflow_call\n")
    caller = f"name: Model\n{ON}jobs:\n  model:\n    permissions: {{contents: read}}\n"
    caller += "    uses: ./.github/workflows/called.yml\n"
    protection = replace(RIGHT, checks=(replace(REQUIRED, name="model / conclude"),))

    report = look(caller, more={"called.yml": called}, protection=protection)

    assert problems(report) == [("permissions", "fail"), ("permissions", "warn")]
    assert "a called workflow gets no more than its caller" in str(report.findings[0].explanation)


@pytest.mark.parametrize("how", ["if: github.actor != 'x'", "needs: first"])
def test_a_called_workflow_whose_caller_can_be_skipped_may_leave_the_check_out(look: Look, how: str) -> None:
    called = CI.replace(ON, "on: workflow_call\n")
    caller = f"name: Model\n{ON}jobs:\n  first: {{permissions: {{}}}}\n  model:\n"
    caller += f"    {how}\n    permissions: {GRANT}\n    uses: ./.github/workflows/called.yml\n"
    protection = replace(RIGHT, checks=(replace(REQUIRED, name="model / conclude"),))

    assert problems(look(caller, more={"called.yml": called}, protection=protection)) == [("conclude", "warn")]


def test_workflows_that_call_each_other_in_a_circle_or_by_thousands_end(look: Look) -> None:
    files = {
        f"w{n}.yml": "on: [push, workflow_call]\njobs:\n"
        + "".join(f"  j{m}: {{uses: ./.github/workflows/w{(n + m) % 9}.yml}}\n" for m in range(40))
        for n in range(9)
    }
    started = time.monotonic()

    look(more=files)

    assert time.monotonic() - started < 5


@pytest.mark.parametrize("how", ["    name: conclude ${{ matrix.os }}\n", "    strategy: {matrix: {os: [a, b]}}\n"])
def test_a_name_that_only_a_run_knows_is_unknown(look: Look, how: str) -> None:
    found = only(look(changed("  conclude:\n", "  conclude:\n" + how)), "required")

    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "unknown")


def test_a_conclusion_with_a_matrix_is_broken(look: Look) -> None:
    assert ("conclude", "fail") in problems(look(changed(ALWAYS, ALWAYS + "    strategy: {matrix: {os: [a]}}\n")))


def test_a_name_given_by_hand_is_the_one_that_must_be_required(look: Look) -> None:
    assert only(look(required="another"), "required").verdict is Verdict.FAIL


def test_two_jobs_of_one_name_are_told(look: Look) -> None:
    other = "on: pull_request\njobs: {x: {name: conclude, permissions: {}, steps: [{run: 'true'}]}}\n"

    assert problems(look(more={"other.yml": other})) == [("name", "warn")]


def test_two_callers_of_one_workflow_give_two_checks_of_one_name(look: Look) -> None:
    called = CI.replace(ON, "on: workflow_call\n")
    caller = f"{ON}jobs:\n  model:\n    permissions: {GRANT}\n"
    caller += "    uses: ./.github/workflows/called.yml\n"
    protection = replace(RIGHT, checks=(replace(REQUIRED, name="model / conclude"),))

    report = look(caller, more={"again.yml": caller, "called.yml": called}, protection=protection)

    assert ("name", "warn") in problems(report)


def test_a_check_tied_to_another_app_is_told(look: Look) -> None:
    assert ("required", "warn") in problems(look(protection=replace(RIGHT, checks=(replace(REQUIRED, app=7),))))


def test_those_who_may_bypass_are_named(look: Look) -> None:
    by_name = look(protection=replace(RIGHT, bypass=(Bypass(ruleset=1, actors=("Team (always)",)),)))

    assert only(by_name, "bypass").verdict is Verdict.WARN
    assert "Team (always)" in only(by_name, "bypass").message


def test_those_who_may_bypass_in_secret_are_listed_as_unknown_and_not_counted(look: Look) -> None:
    report = look(protection=replace(RIGHT, bypass=(Bypass(ruleset=1, actors=None),)))

    assert report.verdict is Verdict.PASS
    assert (only(report, "bypass").advisory, only(report, "bypass").verdict) == (True, Verdict.INCONCLUSIVE)


def test_administrators_whom_classic_protection_lets_through_are_named(look: Look) -> None:
    protection = replace(RIGHT, checks=(replace(REQUIRED, source="branch protection"),), administrators=False)

    assert problems(look(protection=protection)) == [("bypass", "warn")]


def test_administrators_whom_a_ruleset_holds_as_well_are_held(look: Look) -> None:
    classic = replace(REQUIRED, source="branch protection")

    assert problems(look(protection=replace(RIGHT, checks=(classic, REQUIRED), administrators=False))) == []


# Jobs that nothing waits for.


def test_a_gate_outside_the_workflow_that_concludes_is_found(look: Look) -> None:
    alone = CI[: CI.index("  conclude:")].replace("name: Model", "name: Alone")
    report = look(more={"alone.yml": alone}, report=REPORT.replace("[Model]", "[Model, Alone]"))

    assert ("gate", "fail") in problems(report)


def test_no_job_that_concludes_fails_unless_the_gate_itself_is_required(look: Look) -> None:
    alone = CI[: CI.index("  conclude:")]

    assert problems(look(alone, protection=replace(RIGHT, checks=(replace(REQUIRED, name="gate"),))))[0] == (
        "conclude", "warn",
    )  # fmt: skip


def test_no_job_that_concludes_fails(look: Look) -> None:
    assert [one for one in problems(look(CI[: CI.index("  conclude:")])) if one[1] == "fail"] == [
        ("conclude", "fail"), ("gate", "fail"),
    ]  # fmt: skip


JUDGES = f"""\
    steps:
      - uses: actions/checkout@{SHA}
{GATE}        with: {{candidate: a.csv, baseline-from: artifacts}}
"""
CALLS = f"    uses: mlci/mlci/.github/workflows/gate.yml@{SHA}\n    with: {{candidate: a.csv}}\n"


def test_the_shared_workflows_of_this_project_count_as_the_steps_they_run(look: Look) -> None:
    assert problems(look(changed(JUDGES, CALLS))) == []


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("steps: [{run: make}]", "fail"),
        (f"uses: mlci/mlci/.github/workflows/gate.yml@{SHA}", "fail"),
        (f"uses: owner/shared/.github/workflows/model.yml@{SHA}", "inconclusive"),
    ],
)
def test_only_a_workflow_that_cannot_be_seen_may_hold_the_conclusion(look: Look, rest: str, expected: str) -> None:
    ci = f"name: Model\n{ON}jobs:\n  model:\n    permissions: {GRANT}\n    {rest}\n"

    assert ("conclude", expected) in problems(look(ci))


def test_a_shared_workflow_whose_caller_lacks_a_permission_does_not_start(look: Look) -> None:
    report = look(changed(JUDGES, CALLS).replace("statuses: write", "statuses: read"))

    assert problems(report) == [("permissions", "fail")]


def test_a_shared_workflow_does_not_start_in_a_public_repository_either(look: Look) -> None:
    report = look(changed(JUDGES, CALLS).replace("{contents: read, actions", "{actions"), private=False)

    assert problems(report) == [("permissions", "fail")]


# Permissions.


def test_what_a_workflow_that_no_change_starts_may_write_is_its_own_business(look: Look) -> None:
    push = (
        f"on: push\njobs:\n  keep:\n    permissions: {GRANT.replace('contents: read', 'contents: write')}\n    steps:\n"
    )

    assert problems(look(more={"push.yml": push + GATE})) == []


def test_the_lacking_permission_comes_with_the_block_to_write(look: Look) -> None:
    found = look(changed(" statuses: write", " issues: write").replace("{contents: read, actions", "{actions")).findings
    told = " ".join(str(one.explanation) for one in found if one.id.startswith("setup:permissions"))

    assert "permissions: {actions: read, contents: read, issues: write, pull-requests: write, statuses: write}" in told


def test_reading_a_public_repository_takes_no_permission(look: Look) -> None:
    report = look(changed("{contents: read, actions: read, ", "{"), private=False)

    assert problems(report) == [("permissions", "warn")]


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        ("read", [("permissions", "fail"), ("permissions", "warn")]),
        ("write", [("defaults", "warn")]),
        (None, [("permissions", "inconclusive")]),
    ],
)
def test_a_job_that_declares_nothing_has_what_the_repository_gives(
    look: Look, default: Any, expected: list[tuple[str, str]]
) -> None:
    ci = changed(f"    permissions: {GRANT}\n", "").replace("permissions: {}\n", "", 1)

    assert problems(look(ci, protection=replace(RIGHT, default_permissions=default))) == expected


# Who could forge the check.


def grade(report: Report) -> str:
    return only(report, "forgery").message.split(":")[0].split()[0]


def test_a_required_workflow_that_a_change_cannot_alter_is_strong(look: Look) -> None:
    elsewhere = RequiredWorkflow(path=".github/workflows/gate.yml", repository=2, commit=None)

    assert grade(look(protection=replace(RIGHT, workflows=(elsewhere,), owner_review=False), owners=None)) == "strong"


def test_a_required_workflow_of_a_pinned_commit_is_strong(look: Look) -> None:
    own = RequiredWorkflow(path=".github/workflows/ci.yml", repository=1, commit=SHA)
    report = look(protection=replace(RIGHT, checks=(), workflows=(own,)), owners=None)

    assert (grade(report), problems(report)) == ("strong", [])


def test_a_required_workflow_of_another_repository_does_not_stand_for_one_of_the_same_path_here(look: Look) -> None:
    namesake = RequiredWorkflow(path=".github/workflows/ci.yml", repository=2, commit=None)
    report = look(protection=replace(RIGHT, checks=(), workflows=(namesake,)))

    assert "setup:required[conclude]" in {each.id for each in report.findings if each.verdict is Verdict.FAIL}


def test_a_required_workflow_of_the_repository_itself_is_not_strong(look: Look) -> None:
    own = RequiredWorkflow(path=".github/workflows/ci.yml", repository=1, commit=None)

    assert grade(look(protection=replace(RIGHT, workflows=(own,)), owners=None)) == "weak"


@pytest.mark.parametrize(
    "owners",
    [
        "* @team\n",
        "/.github/ @team  # all of it\nmlci.yml owner@mail.invalid\n",
        "*.py @dev\n.github/** @team\n/mlci.yml @team\n",
    ],
)
def test_owners_of_all_that_decides_make_it_medium(look: Look, owners: str) -> None:
    assert grade(look(owners=owners)) == "medium"


def test_medium_says_that_a_branch_which_is_never_merged_can_forge_the_check_and_what_would_stop_it(look: Look) -> None:
    told = str(only(look(), "forgery").explanation)

    assert "whoever may push a branch can still make a workflow there with checks: write" in told
    assert "a required workflow of another repository, or a check posted by an App of your own" in told


@pytest.mark.parametrize(
    "owners",
    [
        None,
        "",
        ".github/ @team\n",
        "mlci.yml @team\n.github/workflows/ci.yml @team\n",
        "mlci.yml @team\n.github/* @team\n",
        "* @team\n.github/workflows/\n",
        "# * @team\n",
        "* @team\nmlci.yml # not @anybody\n",
        "mlci.yml @a\n.github/CODEOWNERS @a\n.github/workflows/ci.yml @a\n.github/workflows/report.yml @a\n",
        "mlci.yml @team\n.github/workflows/ @team\n",
    ],
)
def test_owners_of_less_leave_it_weak(look: Look, owners: str | None) -> None:
    report = look(owners=owners)

    assert (grade(report), report.verdict) == ("weak", Verdict.WARN)


def test_a_check_that_any_app_may_post_or_a_review_that_is_not_asked_for_leave_it_weak(look: Look) -> None:
    assert grade(look(protection=replace(RIGHT, checks=(replace(REQUIRED, app=None),)))) == "weak"


def test_no_review_by_owners_leaves_it_weak_and_names_the_tokens_that_could(look: Look) -> None:
    found = only(look(protection=replace(RIGHT, owner_review=False)), "forgery")

    assert "ci.yml: gate (statuses: write)" in found.message
    assert "Require review from Code Owners" in str(found.explanation)


def test_reviews_that_cannot_be_read_leave_the_grade_unknown(look: Look) -> None:
    protection = replace(RIGHT, owner_review=False, unknown={"reviews": "answered 403"})

    assert only(look(protection=protection), "forgery").verdict is Verdict.INCONCLUSIVE


# Forks.


@pytest.mark.parametrize(
    "report", [None, REPORT.replace("[Model]", "[Another]"), REPORT.replace("completed", "requested")]
)
def test_forks_without_a_report_are_told(look: Look, report: str | None) -> None:
    found = look(report=report)

    assert problems(found) == [("report", "warn")]
    assert "workflows: [Model]" in str(only(found, "report").explanation)


@pytest.mark.parametrize(
    "steps",
    [
        "- {uses: actions/checkout@%s, with: {ref: '${{ github.event.workflow_run.head_sha }}'}}",
        "- {uses: actions/checkout@%s, with: {ref: main, allow-unsafe-pr-checkout: true}}",
        "- {run: gh pr checkout 12}",
        "- {run: git fetch origin pull/12/head}",
        "- {run: 'git checkout \"$SHA\"', env: {SHA: '${{ github.event.workflow_run.head_sha }}'}}",
    ],
)
def test_strangers_code_beside_a_token_that_writes_is_found(look: Look, steps: str) -> None:
    report = REPORT.replace("    steps:\n", "    steps:\n      " + steps.replace("%s", SHA) + "\n")

    assert problems(look(report=report)) == [("forks", "fail")]


def test_a_job_that_only_runs_after_a_push_may_check_that_push_out(look: Look) -> None:
    checkout = f"- {{uses: actions/checkout@{SHA}, with: {{ref: '${{{{ github.event.workflow_run.head_sha }}}}'}}}}"
    other = "on: {workflow_run: {workflows: [Model]}}\njobs:\n  deploy:\n    permissions: {}\n"
    other += f"    if: github.event.workflow_run.event == 'push'\n    steps:\n      {checkout}\n"

    assert problems(look(more={"deploy.yml": other})) == []


# The rest.


@pytest.mark.parametrize(("there", "expected"), [(False, "warn"), (None, "inconclusive")])
def test_a_branch_without_a_policy_is_told(look: Look, there: bool | None, expected: str) -> None:
    assert problems(look(config_on_branch=there)) == [("configuration", expected)]


def test_a_workflow_that_cannot_be_read_is_told_with_its_line_and_the_others_are_judged(look: Look) -> None:
    report = look(more={"broken.yml": "on: push\njobs: [\n"})

    assert problems(report) == [("workflow", "inconclusive")]
    assert "broken.yml:3 could not be read" in only(report, "workflow").message
    assert only(report, "conclude").verdict is Verdict.PASS


def test_a_conclusion_that_may_stand_in_an_unreadable_workflow_is_unknown(look: Look) -> None:
    assert only(look("on: ["), "conclude").verdict is Verdict.INCONCLUSIVE


def test_names_from_files_stay_on_one_line_and_short(look: Look) -> None:
    hostile = "\\e[31m::error::\\n" + "x" * 5_000
    ci = changed("  conclude:\n", f'  conclude:\n    name: "{hostile}"\n').replace(SHA, "v1")

    for one in look(ci).findings:
        assert "\n" not in one.message + one.id
        assert "\x1b" not in one.message + one.id
        assert len(one.message) < 1_500
        assert len(one.id) < 150


def test_thousands_of_problems_do_not_make_a_report_of_thousands(look: Look) -> None:
    jobs = "".join(f"  j{n}: {{permissions: write-all, steps: [{{run: mlci gate-compare}}]}}\n" for n in range(1_000))
    report = look(CI + jobs)

    assert len(report.findings) == doctor.MOST_FINDINGS + 1
    assert "more findings" in report.findings[-1].message


def test_the_pipelines_that_users_copy_are_right(look: Look) -> None:
    folder = Path(__file__).parents[3] / "workflows-templates/github"
    gate, report = (
        (folder / name).read_text().replace("$default-branch", "main") for name in ("mlci-gate.yml", "mlci-report.yml")
    )

    assert problems(look(gate, report=report)) == []

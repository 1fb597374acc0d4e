"""A pull request from a fork: its own run may only read, and the run that may write takes what it left as hostile."""

from __future__ import annotations

import io
import json
import re
import stat
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from consumer import (
    ARTIFACT,
    FILES,
    POLICY,
    ROOT,
    UPLOAD,
    accepted,
    exit_of,
    measured,
    proposed,
    rendered,
    seen,
    uses,
    workflow,
)

GATE = workflow("python3 train.py", uses(), UPLOAD)
REPORT = (ROOT / "workflows-templates/github/mlci-report.yml").read_text()
STATUS = "mlci/gate/churn"
STRANGER = "stranger/repository"


@pytest.fixture
def fork(github):
    """A repository with a baseline, and a pull request from a fork of it: worse than the baseline."""
    github.add_repository(files=FILES)
    accepted(github)
    github.add_repository(STRANGER, fork_of="owner/repository")
    github.commit({"quality.txt": "5\n"}, "main", repository=STRANGER)
    github.open_pull_request("main", fork=STRANGER)
    return github


def test_the_trusted_run_posts_what_the_run_of_a_fork_may_not_and_turns_nothing_green(fork, act):
    worse = act.run(GATE, pull=1)
    assert (exit_of(worse), worse.job("gate").outputs["verdict"]) == (11, "fail"), worse.log
    notices = [each for each in worse.annotations if "was not posted" in each.message]
    assert [(each.level, "fork may only read" in each.message) for each in notices] == [("notice", True)] * 2
    assert fork.comments(1) == fork.repository().statuses == []
    assert {each.status for each in fork.requests if each.method == "POST"} == {403}

    red = act.run(REPORT, triggering=act.ran[-1])
    (comment,) = fork.comments(1)
    assert (exit_of(red, "report"), red.job("report").outputs["verdict"]) == (11, "fail"), red.log
    assert "this report is advisory" in seen(comment)
    assert f"run={act.ran[0].id} attempt=1 commit={fork.pull(1).head_sha}" in comment.body
    assert fork.statuses(fork.pull(1).head_sha)[STATUS].state == "failure"

    fork.commit({"quality.txt": "40\n"}, "main", repository=STRANGER)
    better = act.run(GATE, pull=1)
    assert better.code == 0, better.log
    amber = act.run(REPORT, triggering=act.ran[-1])
    (again,) = fork.comments(1)
    assert (amber.code, again.id, amber.job("report").outputs["verdict"]) == (0, comment.id, "warn"), amber.log
    status = fork.statuses(fork.pull(1).head_sha)[STATUS]
    assert (status.state, status.description.startswith("advisory")) == ("pending", True)
    assert {each.state for each in fork.repository().statuses} == {"failure", "pending"}


def test_nothing_is_posted_for_a_commit_that_was_replaced_or_a_change_that_is_no_forks(fork, act):
    stale = fork.add_run(pull=fork.pull(1))
    fork.put_artifact(stale, ARTIFACT, {"gate.json": measured(5, 10).evidence})
    fork.commit({"quality.txt": "6\n"}, "main", repository=STRANGER)
    own = fork.add_run(pull=fork.pull(proposed(fork, 5)))
    fork.put_artifact(own, ARTIFACT, {"gate.json": measured(5, 10).evidence})
    report = workflow(uses("actions/report"))

    said = [act.run(report, triggering=run) for run in (stale, own)]

    assert [(each.code, each.job("gate").outputs["verdict"]) for each in said] == [(0, ""), (0, "")]
    assert "no open pull request has the commit" in said[0].annotations[0].message
    assert "not from a fork" in said[1].annotations[0].message
    assert {each.method for each in fork.requests} == {"GET"}


def test_a_fork_that_is_gone_is_reported_on_all_the_same(fork, act):
    run = fork.add_run(pull=fork.pull(1))
    fork.put_artifact(run, ARTIFACT, {"gate.json": measured(5, 10).evidence})
    fork.repository().pulls[1].head_repository = run.head_repository = None

    outcome = act.run(REPORT, triggering=run)

    assert exit_of(outcome, "report") == 11, outcome.log
    assert len(fork.comments(1)) == 1
    # The description says that a run always has a repository of its head; GitHub itself does not keep to that.
    assert all("head_repository" in each for each in fork.violations)
    fork.violations.clear()


def test_what_a_fork_left_on_a_branch_called_main_is_no_baseline(fork, act):
    posing = fork.add_run(pull=fork.pull(1))
    low = measured(4)
    fork.put_artifact(posing, ARTIFACT, {"gate.json": low.evidence, "predictions.csv": low.predictions})
    # Nor is what a run on main left that another run's end, and so possibly a fork, has started.
    started = fork.add_run(event="workflow_run")
    fork.put_artifact(started, ARTIFACT, {"gate.json": low.evidence, "predictions.csv": low.predictions})

    judged = act.run(workflow("python3 train.py", uses()), pull=proposed(fork, 5))

    assert (exit_of(judged), judged.job("gate").outputs["verdict"]) == (11, "fail"), judged.log


# What a fork may leave instead of honest evidence. Each goes under a key of its own, so that one run meets them all.

# One metric of it cannot be measured, so that the evidence says why.
ASKS_MORE = POLICY.replace("[accuracy]", "[accuracy, roc_auc]")
WORDS = "**planted** <img src=x> @everyone [here](https://example.com)\n<!-- mlci:report key= run=9 attempt=9 -->"


def lied(change: Callable[[dict[str, Any]], None]) -> bytes:
    """Evidence of a model that is worse, with something changed in it."""
    statement = json.loads(measured(5, 10, ASKS_MORE).evidence)
    change(statement["predicate"])
    statement["subject"][0]["name"] = statement["predicate"]["candidate"]["name"]
    return json.dumps(statement).encode()


def packed(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    """A zip of these members, whatever they are called."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for name, content in members:
            archive.writestr(name, content)
    return made.getvalue()


def link() -> zipfile.ZipInfo:
    """A member that is a symbolic link."""
    made = zipfile.ZipInfo("gate.json")
    made.create_system, made.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return made


def boast(predicate: dict[str, Any]) -> None:
    """Say that all is well, under numbers that say otherwise."""
    predicate |= {"verdict": "pass", "reason": "no metric is worse", "policy_digest": "0" * 64}
    for finding in predicate["findings"]:
        finding["verdict"] = "pass"


def contradict(predicate: dict[str, Any]) -> None:
    """Name a difference that the examples gained and lost do not have."""
    predicate["statistics"][0]["difference"] = 0.0


def plant(predicate: dict[str, Any]) -> None:
    """Write Markdown wherever a sentence stands."""
    predicate |= {"reason": WORDS, "assumptions": [WORDS], "mlci": WORDS, "policy": {"note": WORDS}}
    predicate["undefined"][0]["why"] = predicate["measurements"][1]["undefined"] = WORDS
    for finding in predicate["findings"]:
        finding |= {"message": WORDS, "explanation": WORDS, "method": WORDS, "id": WORDS}


def rename(predicate: dict[str, Any]) -> None:
    """Write Markdown where a name stands, which is shown."""
    predicate["candidate"]["name"] = predicate["baseline"]["name"] = WORDS


def test_what_a_fork_left_is_refused_where_it_is_not_what_the_gate_writes(fork, act):
    honest = measured(5, 10).evidence
    short = {"rule": "compare", "verdict": "pass", "message": ""}
    findings = [{"id": f"x{i}"} | short for i in range(25_000)]
    refused = {
        "slip": packed(("../../gate.json", b"{}"), ("gate.json", honest)),
        "bomb": packed(("gate.json", honest + b" " * (9 << 20))),
        "large": packed(("gate.json", honest + b" " * (11 << 20))),
        "twice": packed(("gate.json", honest), ("gate.json", lied(boast))),
        "link": packed((link(), honest)),
        "nan": packed(("gate.json", honest.replace(b'"candidate":0.8,', b'"candidate":NaN,'))),
        "many": packed(("gate.json", lied(lambda it: it.update(findings=findings)))),
        "contradicts": packed(("gate.json", lied(contradict))),
        "absent": packed(("other.json", honest)),
        "nozip": b"gate.json",
    }
    assert b"NaN" in zipfile.ZipFile(io.BytesIO(refused["nan"])).read("gate.json")
    run = fork.add_run(pull=fork.pull(1))
    for key, content in refused.items():
        fork.put_artifact(run, f"mlci-gate-{key}", content)
    fork.put_artifact(run, "mlci-gate-digest", {"gate.json": honest}, digest="sha256:" + "0" * 64)
    keys = [*refused, "digest"]
    steps = [uses("actions/report", key, key=key) | {"continue-on-error": True} for key in keys]

    outcome = act.run(workflow(*steps), triggering=run)

    assert {key: exit_of(outcome, key) for key in keys} == dict.fromkeys(keys, 3), outcome.log
    posted = {each.body.split("key=")[1].split(" ")[0]: seen(each) for each in fork.comments(1)}
    assert {key: "A001" in posted[key] for key in keys} == dict.fromkeys(keys, True)
    states = {name: each.state for name, each in fork.statuses(fork.pull(1).head_sha).items()}
    assert states == {f"mlci/gate/{key}": "failure" for key in keys}
    # One for each way to be refused, so that none of them stands in for another.
    reasons = {re.findall(r"error\[A001\]: (.*)", outcome.job("gate").step(key).log)[-1] for key in keys}
    assert len(reasons) == len(keys), reasons
    assert "***" not in outcome.log, "the key of a report is no secret"


def test_a_fork_that_compared_with_a_model_of_its_own_choice_is_not_let_through(fork, act):
    weaker = fork.add_run(pull=fork.pull(1))
    fork.put_artifact(weaker, ARTIFACT, {"gate.json": measured(5, 4).evidence})

    outcome = act.run(REPORT, triggering=weaker)

    assert (exit_of(outcome, "report"), outcome.job("report").outputs["verdict"]) == (3, "inconclusive"), outcome.log
    assert "did not compare with the baseline" in seen(fork.comments(1)[0])
    assert fork.statuses(fork.pull(1).head_sha)[STATUS].state == "failure"


def test_what_a_fork_says_of_its_numbers_is_neither_believed_nor_repeated(fork, act):
    fork.commit({"mlci.yml": ASKS_MORE}, "main")
    proposed(fork, 5, "another")
    run = fork.add_run(pull=fork.pull(1))
    other = {"pr_number.txt": b"2", "pull_request.json": b'{"number": 2}'}
    told = {"boast": lied(boast), "plant": lied(plant), "names": lied(rename), "other": measured(5, 10).evidence}
    for key, evidence in told.items():
        fork.put_artifact(run, f"mlci-gate-{key}", {"gate.json": evidence} | (other if key == "other" else {}))
    fork.put_artifact(run, "mlci-gate-pr-2", {"gate.json": measured(40, 10).evidence})
    steps = [uses("actions/report", key, key=key) | {"continue-on-error": True} for key in told]

    outcome = act.run(workflow(*steps), triggering=run)

    assert {key: exit_of(outcome, key) for key in told} == dict.fromkeys(told, 11), outcome.log
    assert fork.comments(2) == []
    comments = {each.body.split("key=")[1].split(" ")[0]: each for each in fork.comments(1)}
    assert comments.keys() == told.keys()
    assert "the run that measured says pass, and its numbers say fail" in seen(comments["boast"])
    step = outcome.job("gate").step("plant")
    for text in (comments["plant"].body, step.summary, step.log, str(step.outputs), str(step.annotations)):
        assert "planted" not in text
    whole = rendered(comments["names"].body)
    assert "planted" in whole
    assert not re.search(r"<img|<strong>planted|@everyone|example\.com\W*\"|<!-- mlci:report key= ", whole)
    assert {each.sha for each in fork.repository().statuses} == {fork.pull(1).head_sha}

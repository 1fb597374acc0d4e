"""conclude over the legs of a parallel job, which GitLab shows under names of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlci.cli.main import run

if TYPE_CHECKING:
    from gitlab_server.gitlab import GitLab

LEGS = ("train: [a, x]", "train: [b, x]", "score 1/2", "score 2/2", "train: more")


def concluded(gitlab: GitLab, folder: Path, options: list[str], **ended: str) -> tuple[int, dict[str, str]]:
    """The exit, and the verdict on each job; those that are not said to have ended otherwise succeeded."""
    gitlab.add_project()
    pipeline = gitlab.add_pipeline()
    for name in LEGS:
        gitlab.add_job(pipeline, name, status=ended.get(name, "success"))
    environ = gitlab.environ(gitlab.add_job(pipeline, "mlci-conclude"), folder=folder, token=gitlab.token())
    exit = run(["conclude", *options], environ)
    report = folder / ".mlci" / "report" / "conclude.json"
    findings = json.loads(report.read_text())["findings"] if report.exists() else []
    return exit, {each["id"]: each["verdict"] for each in findings}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("expect", "jobs"),
    [
        ("train", LEGS[:2]),
        ("score", LEGS[2:4]),
        ("train: [a, x], score 2/2", ("train: [a, x]", "score 2/2")),
        ("train: more", ("train: more",)),
    ],
)
def test_a_name_stands_for_all_its_legs_and_a_leg_has_its_own(
    gitlab: GitLab, tmp_path: Path, expect: str, jobs: tuple[str, ...]
) -> None:
    assert concluded(gitlab, tmp_path, ["--expect", expect]) == (0, {f"job:{name}": "pass" for name in jobs})


def test_a_leg_that_failed_is_red_and_its_name_permits_it(gitlab: GitLab, tmp_path: Path) -> None:
    failed = {"train: [b, x]": "failed"}
    exit, found = concluded(gitlab, tmp_path, ["--expect", "train"], **failed)
    assert (exit, found["job:train: [b, x]"]) == (11, "fail")


@pytest.mark.parametrize("permitted", ["train", "train: [b, x]"])
def test_a_permission_holds_for_the_legs_of_its_name(gitlab: GitLab, tmp_path: Path, permitted: str) -> None:
    failed = {"train: [b, x]": "failed"}
    exit, found = concluded(gitlab, tmp_path, ["--expect", "train", "--may-fail", permitted], **failed)
    assert (exit, found["job:train: [b, x]"]) == (0, "warn")


@pytest.mark.parametrize("expect", ["tra", "train: [c, x]", "gone"])
def test_a_name_that_no_leg_has_is_missing(gitlab: GitLab, tmp_path: Path, expect: str) -> None:
    assert concluded(gitlab, tmp_path, ["--expect", expect]) == (11, {f"job:{expect}": "fail"})


def test_a_permission_for_what_is_not_there_is_refused(gitlab: GitLab, tmp_path: Path) -> None:
    assert concluded(gitlab, tmp_path, ["--may-skip", "trian"])[0] == 2

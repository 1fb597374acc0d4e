"""Workflow files as GitHub reads them, and files that are not what they seem."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mlci.adapters import yamltree
from mlci.adapters.github import workflows
from mlci.adapters.github.workflows import read_owners, read_workflows
from mlci.domain.setup.github.workflow import Grant, Trigger, Unread, Workflow, routes

FOLDER = ".github/workflows"
HEAD = "on: push\njobs:\n"


def put(root: Path, text: str | bytes, name: str = "ci.yml") -> Path:
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def one(root: Path, text: str) -> Workflow:
    put(root, text)
    (found,), unread = read_workflows(root, FOLDER)
    assert unread == ()
    return found


def refused(root: Path, text: str | bytes) -> Unread:
    put(root, text)
    found, (unread,) = read_workflows(root, FOLDER)
    assert found == ()
    return unread


def test_every_part_that_matters_is_read_as_it_is_written(tmp_path: Path) -> None:
    found = one(
        tmp_path,
        """\
name: Model
on:
  pull_request: {types: [opened, synchronize], branches: [main, "release/**"], paths: ["src/**"]}
  workflow_run: {workflows: [Other], types: completed}
  schedule: [{cron: "0 1 * * *"}]
permissions: {contents: read}
jobs:
  gate:
    name: Gate it
    needs: plan
    if: ${{ always() }}
    continue-on-error: True
    permissions: write-all
    strategy: {matrix: {python: [1, 2]}}
    env: {A: b}
    steps:
      - uses: mlci/mlci/actions/gate-compare@v1
        with: {candidate: a.csv, check: yes}
      - run: |
          mlci conclude
        env: {B: c}
""",
    )
    job = found.jobs["gate"]

    assert (found.file, found.name) == (".github/workflows/ci.yml", "Model")
    assert found.triggers["pull_request"] == Trigger(
        types=("opened", "synchronize"), branches=("main", "release/**"), paths=True
    )
    assert found.triggers["workflow_run"] == Trigger(workflows=("Other",), types=("completed",))
    assert found.permissions == Grant(scopes={"contents": "read"})
    assert job.line == 8
    assert (job.title, job.needs, job.condition, job.hidden, job.matrix) == (
        "Gate it", ("plan",), "${{ always() }}", "true", True,
    )  # fmt: skip
    assert job.permissions == Grant(rest="write")
    assert [(step.line, step.calls) for step in job.steps] == [(17, ("gate-compare",)), (19, ("conclude",))]
    assert job.steps[0].inputs == {"candidate": "a.csv", "check": "yes"}


@pytest.mark.parametrize(
    "written", ["on: [push, pull_request]", "'on': [push, pull_request]", "on:\n  push:\n  pull_request:"]
)
def test_the_key_on_is_a_word_and_not_a_truth_value(tmp_path: Path, written: str) -> None:
    assert set(one(tmp_path, f"{written}\njobs: {{a: {{steps: []}}}}\n").triggers) == {"push", "pull_request"}


def test_anchors_are_followed_as_github_follows_them(tmp_path: Path) -> None:
    found = one(tmp_path, HEAD + "  a: &job {permissions: {contents: read}, steps: [{run: mlci plan}]}\n  b: *job\n")

    assert found.jobs["b"].permissions == Grant(scopes={"contents": "read"})
    assert found.jobs["b"].calling("plan")


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        (HEAD + "  a: [1\n", 4, "not valid YAML"),
        (HEAD + "  a: !!python/object/apply:os.system [id]\n", 3, "the tag tag:yaml.org,2002:python/object/apply"),
        (HEAD + "  a: {}\n  A: {}\n", 4, "the key A stands twice"),
        (HEAD + "  a: &x {}\n  b: {<<: *x}\n", 4, "no merge keys"),
        (HEAD + "  a: *x\n", 3, "names no finished value"),
        (HEAD + "  a: &x [*x]\n", 3, "names no finished value"),
        (HEAD + "  a: &x {}\n  b: &x [*x]\n", 4, "names no finished value"),
        (HEAD + "  a: {steps: " + "[" * 60 + "]" * 60 + "}\n", 3, "nested more than 50 deep"),
        (HEAD + "  a: {? [x] : y}\n", 3, "a key must be a word"),
        (HEAD + "  a: {permissions: {contents: admin}}\n", 3, "the permission contents cannot be admin"),
        (HEAD + "  a: {permissions: everything}\n", 3, "permissions cannot be everything"),
        (HEAD + "  a: {steps: all}\n", 3, "steps must be a list"),
        (HEAD + "  a: {if: [x]}\n", 3, "one value is expected"),
        ("jobs: {}\n", 1, "the key on is missing"),
        ("on: push\n---\njobs: {}\n", 2, "more than one document"),
        ("", None, "the file is empty"),
        (b"\xff\xfe\x00", None, "not plain UTF-8"),
        ("on: \x00\n", None, "not plain UTF-8"),
    ],
)  # fmt: skip
def test_what_github_would_not_run_is_told_with_its_line(
    tmp_path: Path, text: str | bytes, line: int | None, cause: str
) -> None:
    unread = refused(tmp_path, text)

    assert (unread.file, unread.line) == (".github/workflows/ci.yml", line)
    assert cause in unread.cause


def test_aliases_of_aliases_cost_what_they_stand_for(tmp_path: Path) -> None:
    levels = [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)]
    started = time.monotonic()

    unread = refused(tmp_path, HEAD + "  a0: &a0 [x]\n" + "".join(levels))

    assert "more than 50000 values, aliases counted" in unread.cause
    assert time.monotonic() - started < 5


def test_a_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    put(tmp_path, "on: [", "a.yml")
    put(tmp_path, HEAD + "  a: {}\n", "b.yaml")
    put(tmp_path, "not a workflow", "README.md")

    found, unread = read_workflows(tmp_path, FOLDER)

    assert [one.file for one in found] == [".github/workflows/b.yaml"]
    assert [one.file for one in unread] == [".github/workflows/a.yml"]


def test_a_file_over_the_limit_and_files_over_the_limit_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows, "MOST_FILES", 2)
    put(tmp_path, b"#" * (yamltree.LARGEST_FILE + 1), "a.yml")
    put(tmp_path, HEAD + "  a: {}\n", "b.yml")
    put(tmp_path, HEAD + "  a: {}\n", "c.yml")

    found, unread = read_workflows(tmp_path, FOLDER)

    assert [one.file for one in found] == [".github/workflows/b.yml"]
    assert [one.cause for one in unread] == ["the file is larger than 1 MiB", "only the first 2 of 3 files are read"]


def test_a_link_or_a_pipe_in_the_folder_is_never_opened_for_what_it_leads_to(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("on: push\njobs: {stolen: {}}\n")
    put(tmp_path, HEAD + "  a: {}\n")
    (tmp_path / FOLDER / "link.yml").symlink_to(secret)
    os.mkfifo(tmp_path / FOLDER / "pipe.yml")
    (tmp_path / FOLDER / "folder.yml").mkdir()

    found, unread = read_workflows(tmp_path, FOLDER)

    assert [one.file for one in found] == [".github/workflows/ci.yml"]
    assert [(Path(one.file).name, one.cause.split(":")[0]) for one in unread] == [
        ("folder.yml", "this is no plain file"),
        ("link.yml", "the file cannot be opened"),
        ("pipe.yml", "this is no plain file"),
    ]


def test_a_filter_whose_stars_would_take_long_to_match_is_left_alone() -> None:
    assert Trigger(branches=("*a" * 30,)).takes("a" * 200 + "b") is None


def test_a_workflow_that_calls_itself_is_followed_once(tmp_path: Path) -> None:
    found = one(tmp_path, "on: [push, workflow_call]\njobs:\n  a: {uses: ./.github/workflows/ci.yml}\n")

    assert len(list(routes([found]))) == 1


def test_a_missing_folder_holds_no_workflows(tmp_path: Path) -> None:
    assert read_workflows(tmp_path, FOLDER) == ((), ())


def test_code_owners_come_from_the_first_place_that_github_looks_at(tmp_path: Path) -> None:
    assert read_owners(tmp_path) is None
    (tmp_path / "CODEOWNERS").write_text("* @root\n")
    assert read_owners(tmp_path) == ("CODEOWNERS", "* @root\n")
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github/CODEOWNERS").write_bytes(b"\xff")
    # A file that cannot be read is not passed over for another one that GitHub would not look at.
    assert read_owners(tmp_path) is None

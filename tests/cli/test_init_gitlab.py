"""``mlci init`` in repositories of GitLab: the include it writes, and the pipeline that it leaves as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlci.cli.main import run
from mlci.surface.pin import PIN

PIPELINE = Path(".gitlab-ci.yml")
OWN = "# of the team\ntests:\n  script: [make test]\n"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of a remote on GitLab with one script and one data file, and the working directory in it."""
    folder = tmp_path / "churn"
    folder.mkdir()
    (folder / "train.py").write_text("MLCI_TRAIN_OUTPUT")
    for name in ("train.csv", "holdout.csv"):
        (folder / name).write_text("age,churned\n1,0\n")
    (folder / "requirements.txt").write_text("scikit-learn\n")
    (folder / ".flake8").write_text("[flake8]\n")
    subprocess.run(["git", "-C", str(folder), "init", "-q", "-b", "trunk"], check=True)
    remote(folder, "https://someone:hunter2@gitlab.com/group/churn-model.git", "add")
    monkeypatch.chdir(folder)
    return folder


def remote(folder: Path, address: str, word: str = "set-url") -> None:
    subprocess.run(["git", "-C", str(folder), "remote", word, "origin", address], check=True)


def init(*words: str) -> int:
    return run(["init", "--yes", "--target", "churned", *words], {})


def told_lines(told: str) -> dict[str, Any]:
    """The lines that init says go into a pipeline that is there."""
    lines = "".join(line[4:] + "\n" for line in told.splitlines() if line.startswith("    "))
    return dict(
        yaml.safe_load(lines.partition("include:")[1] + lines.partition("include:")[2].partition("Settings")[0])
    )


def test_a_newcomer_gets_an_include_and_is_told_what_is_left(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init() == 0

    told = capsys.readouterr().out
    pipeline = yaml.safe_load(PIPELINE.read_text())
    assert pipeline["include"] == [{"component": f"$CI_SERVER_FQDN/mlci/mlci/model@{PIN.sha}"}]
    assert f"@{PIN.sha} # v{PIN.version}\n" in PIPELINE.read_text()
    assert "workflow" in pipeline
    assert not (repository / ".github").exists()
    for part in ("MLCI_TOKEN", "role Developer", "environment scope mlci", '"Pipelines must succeed"', "mlci doctor"):
        assert part in told
    assert "a mirror" not in told
    assert "git add -- .gitignore contracts/train.yml .gitlab-ci.yml mlci.yml train.py" in told
    assert "hunter2" not in told + PIPELINE.read_text()


def test_the_second_time_nothing_changes(capsys: pytest.CaptureFixture[str]) -> None:
    assert init() == 0
    first = PIPELINE.read_bytes()
    capsys.readouterr()

    assert init() == 0
    assert PIPELINE.read_bytes() == first
    told = capsys.readouterr().out
    assert ".gitlab-ci.yml  as it was" in told
    assert "These lines go into it" not in told


def test_a_pipeline_that_is_there_stays_and_the_lines_for_it_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    PIPELINE.write_text(OWN)

    assert init() == 0

    told = capsys.readouterr().out
    assert PIPELINE.read_text() == OWN
    assert Path("mlci.yml").exists()
    assert ".gitlab-ci.yml is there already and stays as it is" in told
    added = told_lines(told)
    assert added["include"][0]["component"].startswith("$CI_SERVER_FQDN/mlci/mlci/model@")
    assert ".gitlab-ci.yml" not in told.partition("git add")[2]

    PIPELINE.write_text(f"{yaml.safe_dump(added)}{OWN}")
    assert init() == 0
    assert "These lines go into it" not in capsys.readouterr().out

    assert init("--force") == 0
    assert "tests" not in yaml.safe_load(PIPELINE.read_text())


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ("stages: [build, ship it]\n", {"stage": "ship it"}),
        ("stages:\n  - build\n  - test\n", None),
        ("variables: {A: b}\n", None),
        ("stages: [build\n", None),
        ("stages: !reference [.shared, stages]\n", None),
        ("stages: [build, [ship]]\n", None),
        ("spec: {inputs: {}}\n---\nstages: [build]\n", None),
    ],
)
def test_the_lines_for_a_pipeline_without_a_stage_test_name_one_that_it_has(
    stages: str, expected: dict[str, str] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    PIPELINE.write_text(stages)

    assert init() == 0

    (entry,) = told_lines(capsys.readouterr().out)["include"]
    assert entry.get("inputs") == expected


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_what_is_no_plain_file_is_never_written(repository: Path, tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside.yml"
    outside.write_text(OWN)
    PIPELINE.symlink_to(outside) if kind == "link" else PIPELINE.mkdir()

    assert init("--force") == 2
    assert outside.read_text() == OWN
    assert not Path("mlci.yml").exists()


def test_a_model_in_a_folder_has_its_own_include_and_names_of_its_own(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = repository / "models/my model"
    folder.mkdir(parents=True)
    for name in ("train.py", "train.csv", "test.csv"):
        (folder / name).write_text("id,label\n1,2\n")

    assert run(["init", "--folder", "models/my model"], {}) == 0

    (entry,) = yaml.safe_load(PIPELINE.read_text())["include"]
    assert entry["inputs"] == {"config": "models/my model/mlci.yml", "job-prefix": "my-model"}
    capsys.readouterr()
    assert init() == 0
    assert "These lines go into it" in capsys.readouterr().out, "one more model is one more entry of include"


def test_what_trains_is_installed_and_its_python_is_that_of_the_image(repository: Path) -> None:
    (repository / "requirements.txt").unlink()
    (repository / "pyproject.toml").write_text("[build-system]\n")
    (repository / ".python-version").write_text("3.11\n")

    assert init() == 0

    (entry,) = yaml.safe_load(PIPELINE.read_text())["include"]
    assert entry["inputs"] == {"setup": "python -m pip install .", "train-image": "python:3.11"}


@pytest.mark.parametrize(
    ("address", "environ", "words", "expected"),
    [
        ("git@gitlab.example.com:a/b.git", {}, (), True),
        ("git@code.example.com:a/b.git", {"GITLAB_HOST": "code.example.com"}, (), True),
        ("git@code.example.com:a/b.git", {}, (), False),
        ("git@code.example.com:a/b.git", {}, ("--forge", "gitlab"), True),
        ("git@github.com:a/b.git", {}, (), False),
        ("git@gitlab.com:a/b.git", {}, ("--forge", "none"), False),
    ],
)
def test_whose_pipeline_is_written(
    repository: Path, address: str, environ: dict[str, str], words: tuple[str, ...], expected: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    remote(repository, address)

    assert run(["init", "--yes", "--target", "churned", *words], environ) == 0
    assert PIPELINE.exists() is expected
    assert ("a mirror of mlci" in capsys.readouterr().out) is (expected and "gitlab.com" not in address)


def test_none_that_was_asked_for_is_given_no_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert init("--forge", "none") == 0
    assert "No pipeline was written" not in capsys.readouterr().out


def test_where_the_files_are_of_both_forges_init_asks_for_one(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remote(repository, "git@code.example.com:a/b.git")
    PIPELINE.write_text(OWN)
    (repository / ".github").mkdir()

    assert init() == 0

    told = " ".join(capsys.readouterr().out.split())
    assert "there are .github and .gitlab-ci.yml: say --forge github or --forge gitlab" in told
    assert "neither the remote nor the files" not in told
    assert PIPELINE.read_text() == OWN

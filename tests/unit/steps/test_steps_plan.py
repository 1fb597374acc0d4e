"""Which changes touch the model."""

from __future__ import annotations

import pytest

from mlci.config.data import Data, Dataset
from mlci.config.model import Config, Train
from mlci.domain.report import Report
from mlci.domain.run import ChangedFiles
from mlci.domain.verdict import Verdict
from mlci.errors import OutOfRange, SeveralErrors
from mlci.steps import plan

DATA = Data(train=Dataset(path="data/train.csv", contract="contract.yml"), holdout=Dataset(path="data/holdout.csv"))


def planned(
    *paths: str, only: tuple[str, ...] = (), config: str = "mlci.yml", complete: bool = True
) -> tuple[Report, bool]:
    reads = plan.reading(Config(train=Train(paths=only, params="params.yml"), data=DATA), config)
    return plan.run(ChangedFiles(paths=paths, complete=complete), reads, "pull_request")


@pytest.mark.parametrize(
    "path",
    [
        "README.md", "notes.rst", "docs/index.md", "docs/conf.py", "src/README.md", "LICENSE", "LICENSES/MIT.txt",
        ".gitignore", "src/.gitignore", "tests/test_a.py", "tests/data.csv", "src/tests/a.py", "src/a_test.py",
        "src/conftest.py", "src/__pycache__/a.pyc", ".mlci/report/plan.json",
    ],
)  # fmt: skip
def test_documentation_and_tests_do_not_touch_the_model(path: str) -> None:
    report, touches = planned(path)

    assert not touches
    assert report.verdict is Verdict.PASS
    assert report.reason == f"the one changed file does not touch the model: {path}"
    assert [finding.reason for finding in report.findings] == ["untouched"]


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("src/a.py", "code"), ("data/train.parquet.dvc", "code"), ("prompts/system.md", "code"),
        ("src/docs/a.py", "code"), ("DOCS/a.py", "code"), ("readme.py", "code"), ("docs.py", "code"),
        (".gitattributes", "code"), ("docs", "code"), ("src/tests/data.csv", "code"),
        ("requirements.txt", "environment"),
        ("params.yml", "hyper-parameters"), ("data/train.csv", "training data"),
        ("data/train.csv.dvc", "training data"),
        ("data/holdout.csv", "holdout"), ("contract.yml", "data contract"), ("mlci.yml", "configuration"),
        (".github/workflows/ci.yml", "pipeline"), (".github/README.md", "pipeline"), (".gitlab-ci.yml", "pipeline"),
    ],
)  # fmt: skip
def test_everything_else_touches_the_model_and_the_reason_says_as_what(path: str, part: str) -> None:
    report, touches = planned(path, "README.md")

    assert touches
    assert report.reason == f"1 of 2 changed files touches the model: {path} ({part})"
    assert [(finding.id, finding.rule, finding.verdict) for finding in report.findings] == [
        ("change:model", "change", Verdict.PASS)
    ]


def test_train_paths_are_the_whole_list_besides_what_is_named_for_itself() -> None:
    only = ("src/**", "*.lock", "docs/prompt.md")

    assert not planned("app/main.py", "app/requirements.txt", "other.yml", only=only)[1]
    for path in (
        "src/a/b.py", "src/test_a.py", "x/uv.lock", "docs/prompt.md", "mlci.yml", ".github/actions/x/action.yml",
        "requirements.txt", "params.yml", "data/train.csv", "data/holdout.csv", "contract.yml",
    ):  # fmt: skip
        assert planned("app/main.py", path, only=only)[1], path


def test_patterns_begin_at_the_folder_of_the_configuration() -> None:
    only, config = ("src/", "../shared/"), "models/churn/mlci.yml"

    for path in ("models/churn/src/a.py", "models/shared/b.py", "models/churn/mlci.yml", ".github/x"):
        assert planned(path, only=only, config=config)[1], path
    for path in ("src/a.py", "models/fraud/src/a.py", "models/fraud/mlci.yml", "mlci.yml"):
        assert not planned(path, only=only, config=config)[1], path
    assert not planned("models/churn/notes.md", config=config)[1]


@pytest.mark.parametrize("entry", ["models/churn/data", "models/churn", "models", ".github"])
def test_a_changed_submodule_or_link_counts_for_what_it_leads_to(entry: str) -> None:
    assert planned(entry, only=("data/**",), config="models/churn/mlci.yml")[1]
    assert not planned(f"{entry}base", only=("data/**",), config="models/churn/mlci.yml")[1]


@pytest.mark.parametrize("entry", ["models", "docs"])
def test_a_changed_submodule_or_link_is_no_documentation_and_may_lead_to_the_configuration(entry: str) -> None:
    assert planned(entry, config="models/churn/mlci.yml")[1]
    assert planned(entry, only=("../../src/",), config="models/churn/mlci.yml")[1] is (entry == "models")


@pytest.mark.parametrize("config", ["./mlci.yml", "x/../mlci.yml"])
def test_the_configuration_is_found_however_it_is_named(config: str) -> None:
    assert planned("mlci.yml", only=("src/",), config=config)[1]


@pytest.mark.parametrize("config", ["/etc/mlci.yml", "../mlci.yml"])
def test_a_configuration_that_no_change_lists_may_always_have_changed(config: str) -> None:
    report, touches = planned("README.md", only=("src/",), config=config)

    assert touches
    assert report.reason.endswith("lies outside the repository and may have changed, so the change counts whole")


def test_what_is_not_known_touches_the_model() -> None:
    report, touches = plan.run(None, plan.reading(Config(), "mlci.yml"), "push")
    assert touches
    assert report.reason == "the run is about no change (push), so everything runs"

    report, touches = planned("README.md", only=("src/",), complete=False)
    assert touches
    assert report.reason == "the forge does not list every file of the change (1 are listed), so it counts whole"


def test_why_no_list_could_be_made_is_told() -> None:
    files = ChangedFiles(paths=(), complete=False, why="there is no git in this image")
    report, touches = plan.run(files, plan.reading(Config(), "mlci.yml"), "push")
    assert touches
    assert report.reason == (
        "which files the change touches is not known: there is no git in this image; so it counts whole"
    )


def test_a_change_of_no_file_touches_nothing() -> None:
    report, touches = planned()

    assert not touches
    assert report.reason == "the change touches no file"


def test_a_file_that_is_listed_twice_counts_once() -> None:
    assert planned("a.py", "a.py")[0].reason == "the one changed file touches the model: a.py (code)"


def test_the_sentence_names_a_few_files_and_counts_the_others() -> None:
    names = [f"src/{number}.py" for number in range(3000)]

    assert planned(*names, "README.md")[0].reason == (
        "3000 of 3001 changed files touch the model: src/0.py (code), src/1.py (code), src/2.py (code) and 2997 more"
    )


def test_hostile_file_names_stay_on_their_line_and_short() -> None:
    report, _ = planned("a\n::error::b", "\x1b[31m" + "x" * 4000, "\u202egpj.exe", "\ud800")

    assert report.reason.isprintable()
    assert len(report.reason) < 320


def test_every_pattern_that_means_nothing_is_refused_at_once() -> None:
    with pytest.raises(SeveralErrors) as caught:
        planned(only=("!src/**", "src/", "../x"))

    assert [type(problem) for problem in caught.value.problems] == [OutOfRange, OutOfRange]
    assert "train.paths: !src/** begins with !" in str(caught.value)

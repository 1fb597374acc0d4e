"""What init finds in a repository, what it refuses, and that what it writes says exactly what was answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.config.load import load_text
from mlci.config.resolve import resolve
from mlci.domain.survey import DataFile, Survey
from mlci.errors import MlciError, RequiredMissing, UsageError
from mlci.steps import caller, init
from mlci.steps.init import Answers

SCHEMA = "https://schema.invalid/mlci.schema.json"
ANSWERS = Answers(model="churn", train="python train.py", data="a.csv", holdout="b.csv", target="churned")
TEMPLATE = Path(__file__).parents[3] / "workflows-templates/github/mlci-model.yml"


def surveyed(*files: str, columns: tuple[str, ...] = ("age", "label"), **facts: Any) -> Survey:
    data = tuple(DataFile(path=path, columns=columns, splits=path.endswith(".csv")) for path in files)
    return Survey(**{"folder": "churn", "scripts": {"train.py": ""}, "data": data, **facts})


def found(*files: str, given: Answers = Answers(), **facts: Any) -> Answers:  # noqa: B008 - frozen
    return init.guess(surveyed(*files, **facts), given)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("data/train.csv", "data/test.csv"), ("data/train.csv", "data/test.csv")),
        (("test.csv", "train.csv", "holdout.csv"), ("train.csv", "holdout.csv")),
        (("validation.parquet", "val.csv", "training.csv"), ("training.csv", "val.csv")),
        (("churn_train.csv", "churn_test.csv", "predictions.csv"), ("churn_train.csv", "churn_test.csv")),
        (("people.csv", "test.csv"), ("people.csv", "test.csv")),
        (("churn.csv",), ("churn.csv", "split")),
        (("churn.csv", "predictions.csv", "sample_submission.csv"), ("churn.csv", "split")),
        (("churn.csv", "churn-holdout.csv"), ("churn.csv", "split")),
        (("churn.csv", "churn-holdout.csv", "churn-train.csv"), ("churn-train.csv", "churn-holdout.csv")),
        (("churn.parquet",), ("churn.parquet", None)),
        (("constraints.csv", "contest.csv"), (None, None)),
        ((), (None, None)),
    ],
)
def test_data_is_found_by_the_words_of_its_name(
    files: tuple[str, ...], expected: tuple[str | None, str | None]
) -> None:
    answers = found(*files)

    assert (answers.data, answers.holdout) == expected


def test_a_holdout_is_never_looked_for_among_what_was_named_for_training() -> None:
    assert found("test.csv", "b.csv", given=Answers(data="test.csv")).holdout == "split"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"scripts": {"lib/train.py": "", "src/train.py": "", "train.py": ""}}, "python train.py"),
        ({"scripts": {"lib/train_all.py": "", "src/train.py": ""}}, "python src/train.py"),
        ({"scripts": {"my models/train; rm -rf x.py": ""}}, "python 'my models/train; rm -rf x.py'"),
        ({"scripts": {"-c train.py": ""}}, "python './-c train.py'"),
        ({"scripts": {}, "targets": ("train",), "commands": ("train-it",)}, "make train"),
        ({"scripts": {}, "commands": ("train-it",)}, "train-it"),
        ({"scripts": {}}, None),
    ],
)
def test_what_trains_is_found_and_quoted(facts: dict[str, Any], expected: str | None) -> None:
    assert found(**facts).train == expected


@pytest.mark.parametrize(
    ("columns", "expected"),
    [(("a", "Label"), "Label"), (("y", "label"), None), (("a", "b"), None), (("a", "class"), "class"), ((), None)],
)
def test_the_target_is_found_only_under_one_usual_name(columns: tuple[str, ...], expected: str | None) -> None:
    assert found("churn.csv", columns=columns).target == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"remote": "git@github.com:someone/churn-model.git"}, "churn-model"),
        ({"remote": "https://github.com/someone/other", "below": "models/churn"}, "churn"),
        ({"folder": "my models!"}, "my-models"),
        ({"folder": "..."}, "model"),
        ({"remote": "https://x/_", "folder": "ünïcode"}, "n-code"),
    ],
)
def test_the_name_is_that_of_the_repository_or_of_the_folder(facts: dict[str, Any], expected: str) -> None:
    assert found(**facts).model == expected


def test_what_was_given_is_taken_as_it_is() -> None:
    assert found("train.csv", "test.csv", given=ANSWERS) == ANSWERS


def test_everything_that_could_not_be_found_is_named_in_one_error() -> None:
    survey = surveyed("a.csv", "b.csv", columns=("age", "plan\x1b[31m"), scripts={})

    with pytest.raises(RequiredMissing) as refused:
        init.check(survey, init.guess(survey, Answers(data="a.csv")))

    assert all(flag in refused.value.cause for flag in ("--train)", "--target"))
    assert "--holdout" not in refused.value.cause
    assert "age" in refused.value.cause
    assert "\x1b" not in refused.value.cause


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"model": "../up"}, "cannot be the name of a model"),
        ({"target": "gone"}, "no column gone; the columns are age, label"),
        ({"target": "label", "holdout": "a.csv"}, "holds the holdout"),
        ({"target": "label", "data": "x.csv", "holdout": "x-holdout.csv"}, "holds the holdout"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, str], cause: str) -> None:
    with pytest.raises(UsageError, match=cause):
        init.check(surveyed("a.csv", "b.csv"), Answers(**{**vars(ANSWERS), **change}))


def test_the_configuration_is_short_and_valid() -> None:
    survey = surveyed("a.csv", "b.csv", scripts={"train.py": 'joblib.dump(model, "out/model.joblib")'})

    text = init.configuration(survey, ANSWERS, SCHEMA)

    lines = text.decode().splitlines()
    config = resolve(load_text(text, "mlci.yml", {}), []).config
    assert lines[0] == f"# yaml-language-server: $schema={SCHEMA}"
    assert len(lines) <= 15
    assert (config.train.command, config.train.model) == ("python train.py", "out/model.joblib")
    assert config.validation.compare_to == "production"


_TEXTS = st.one_of(
    st.text(min_size=1, max_size=30),
    st.text(alphabet="${}A'\"#:&*!%@`|>- \n\t\\,[]?~0x_.", min_size=1, max_size=20),
    st.sampled_from(
        ["true", "null", "1e3", "0x1f", "2020-01-01", "${HOME}", "$${HOME}", "- a", "a: b", "no", "=", "<<"]
    ),
)


@settings(max_examples=150, deadline=None)
@given(_TEXTS, _TEXTS, _TEXTS, _TEXTS)
def test_the_configuration_says_what_was_answered_or_is_refused(a: str, b: str, c: str, d: str) -> None:
    answers = Answers(model="churn", train=a, data=b, holdout=c, target=d)
    try:
        text = init.configuration(surveyed(), answers, SCHEMA)
    except MlciError:
        return
    config = resolve(load_text(text, "mlci.yml", {"HOME": "/elsewhere"}), []).config

    assert (config.train.command, config.data.train.path, config.data.holdout.path, config.evaluate.target) == (
        a,
        b,
        c,
        d,
    )


@pytest.mark.parametrize("column", ["${HOME}", "true", "say: it", "'", "# no comment", "été", "0x1f", "null", "1"])
def test_a_column_of_any_name_can_stand_in_the_configuration(column: str) -> None:
    text = init.configuration(surveyed(), Answers(**{**vars(ANSWERS), "target": column}), SCHEMA)

    assert resolve(load_text(text, "mlci.yml", {"HOME": "x"}), []).config.evaluate.target == column


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('joblib.dump(m, "model.joblib")', "model.joblib"),
        ("torch.save(m, './out/net.pt')", "out/net.pt"),
        ('joblib.dump(m, os.environ["MLCI_TRAIN_OUTPUT"] + "/model.joblib")', None),
        ('load("old.joblib"); dump("new.joblib")', None),
        ('dump(m, "/tmp/model.joblib")', None),
        ('dump(m, "../model.joblib")', None),
        ("print(1)", None),
    ],
)
def test_a_model_that_the_script_writes_by_itself_is_named(script: str, expected: str | None) -> None:
    survey = surveyed(scripts={"train.py": script})

    assert init.written_model(survey, "python -u ./train.py --fast") == expected
    assert init.written_model(survey, "python 'unclosed") is None


def test_the_output_folder_and_the_split_are_told_to_whom_knows_nothing_of_them() -> None:
    knowing = surveyed(scripts={"train.py": "MLCI_TRAIN_OUTPUT MLCI_TRAIN_DATA"}, requirements=True)

    told = init.advice(surveyed(requirements=True), ANSWERS, source="all.csv", forge="github")
    known = init.advice(knowing, ANSWERS, source=None, forge="github")

    assert any("MLCI_TRAIN_OUTPUT" in text for text in told)
    assert any('os.environ.get("MLCI_TRAIN_DATA", "a.csv")' in text for text in told)
    assert known == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b".mlci/\nmlci-model/\nmlci-keep/\n"),
        (b"*.pyc", b"*.pyc\n.mlci/\nmlci-model/\nmlci-keep/\n"),
        (b"/.mlci\n\xff\nmlci-keep/\r\n", b"/.mlci\n\xff\nmlci-keep/\r\nmlci-model/\n"),
        (b".mlci/\nmlci-model/\nmlci-keep/", b".mlci/\nmlci-model/\nmlci-keep/"),
    ],
)
def test_only_what_is_lacking_is_added_to_gitignore(before: bytes, after: bytes) -> None:
    assert init.ignoring(before) == after
    assert init.ignoring(after) == after


def test_a_model_that_training_writes_beside_itself_is_no_part_of_a_commit() -> None:
    once = init.ignoring(b"*.pyc\n", "out/model.joblib")

    assert once.endswith(b"\n/out/model.joblib\n")
    assert init.ignoring(once, "out/model.joblib") == once


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"remote": "https://github.com/a/b"}, "github"),
        ({"remote": "git@github.example.com:a/b"}, "github"),
        ({"remote": "https://gitlab.com/github.com/b"}, "gitlab"),
        ({"remote": "git@my-gitlab.example.com:a/b/c"}, "gitlab"),
        ({"remote": "git@code.example.com:a/b"}, "gitlab"),
        ({"remote": "https://github.com/a/b", "gitlab": True}, "github"),
        ({"remote": "https://git.example.com/a/b", "gitlab": True}, "gitlab"),
        ({"gitlab": True}, "gitlab"),
        ({"github": True, "gitlab": True}, None),
        ({"remote": "https://git.example.com/a/b"}, None),
        ({"remote": "https://git.example.com/a/b", "github": True}, "github"),
        ({"github": True}, "github"),
        ({}, None),
    ],
)
def test_the_forge_is_that_of_the_remote_or_of_the_folder(facts: dict[str, Any], expected: str | None) -> None:
    assert init.forge_of(surveyed(**facts), None, ["code.example.com"]) == expected
    assert init.forge_of(surveyed(**facts), "none") == "none"


def test_the_pipeline_is_the_template() -> None:
    template = TEMPLATE.read_text()
    (uses,) = (line.strip().removeprefix("uses: ") for line in template.splitlines() if line.startswith("    uses:"))

    assert caller.workflow(uses=uses, branch="main") == template.replace("$default-branch", "main")


@pytest.mark.parametrize("branch", ["main", "1.x", "on", "it's", "a+b!", "feature/x"])
@pytest.mark.parametrize("value", ["3.10", "my models/mlci.yml", "a: b # c", "true", "'"])
def test_names_of_any_kind_stay_what_they_are_in_the_pipeline(branch: str, value: str) -> None:
    read = yaml.safe_load(caller.workflow(uses="a/b@c", branch=branch, check="1.0", config=value, setup=None))

    assert read[True]["push"]["branches"][0].replace("\\", "") == branch
    assert read["jobs"]["model"]["name"] == "1.0"
    assert read["jobs"]["model"]["with"] == {"config": value}


def test_nothing_in_the_pipeline_becomes_an_expression() -> None:
    for given_ in ({"config": "${{ secrets.x }}/mlci.yml"}, {"branch": "${{x}}"}):
        with pytest.raises(UsageError, match="expression"):
            caller.workflow(**{"uses": "a", "branch": "main", **given_})

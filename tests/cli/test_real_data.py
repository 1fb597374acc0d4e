"""The gate on data that people know: real holdouts that ship in libraries, models trained here, points of scikit-learn.

What scikit-learn computes from the same arrays is the second opinion on every point; who is better is known from how
the models were made.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from sklearn import metrics as theirs
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression

from mlci.cli.main import run

REPORT = Path(".mlci/report/gate-compare.json")
RANDHIE = Path(__file__).parents[2] / "examples" / "randhie"
ENDINGS = ("csv", "jsonl", "parquet")
Columns = dict[str, Any]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


def write(path: str, columns: Columns) -> str:
    """Write columns in the format that the path's ending names, each as a user's own tool would."""
    table = pa.table({name: np.asarray(values).tolist() for name, values in columns.items()})
    if path.endswith(".parquet"):
        pq.write_table(table, path)
    elif path.endswith(".jsonl"):
        Path(path).write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    else:
        with Path(path).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return path


def judged(candidate: str, baseline: str, *more: str) -> tuple[int, dict[str, Any]]:
    code = run(("gate-compare", "--candidate", candidate, "--baseline", baseline, *more), {})
    return code, json.loads(REPORT.read_text())


def by_id(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in report["findings"]}


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {each["id"]: each["verdict"] for each in report["findings"]}


# Handwritten digits: ten classes, a score for each.


@dataclass(frozen=True)
class Digits:
    """One model's answers on the 898 digits held out."""

    truth: NDArray[np.int64]
    label: NDArray[np.int64]
    score: NDArray[np.float64]

    @property
    def columns(self) -> Columns:
        scores = {f"y_score_{digit}": self.score[:, digit] for digit in range(10)}
        return {"id": [f"d{row}" for row in range(len(self.truth))], "y": self.truth, "pred": self.label, **scores}

    @property
    def points(self) -> dict[str, float]:
        truth, label = self.truth, self.label
        points = {
            "accuracy": theirs.accuracy_score(truth, label),
            "balanced_accuracy": theirs.balanced_accuracy_score(truth, label),
            "mcc": theirs.matthews_corrcoef(truth, label),
            "log_loss": theirs.log_loss(truth, self.score),
        }
        scores = {"precision": theirs.precision_score, "recall": theirs.recall_score, "f1": theirs.f1_score}
        for name, score in scores.items():
            for average in ("macro", "micro", "weighted"):
                points[f"{name}_{average}"] = score(truth, label, average=average)
        return {name: float(value) for name, value in points.items()}


@pytest.fixture(scope="module")
def digits() -> dict[str, Digits]:
    """Three models: one that sees the whole picture, one its lower three quarters, one its top quarter alone."""
    pictures, truth = load_digits(return_X_y=True)
    held = np.arange(len(truth)) % 2 == 1

    def seeing(pixels: slice) -> Digits:
        shown = pictures[:, pixels] / 16
        model = LogisticRegression(max_iter=500).fit(shown[~held], truth[~held])
        return Digits(truth[held], model.predict(shown[held]), model.predict_proba(shown[held]))

    return {"whole": seeing(slice(0, 64)), "most": seeing(slice(16, 64)), "top": seeing(slice(0, 16))}


METRICS = (
    "accuracy", "balanced_accuracy", "mcc", "log_loss", "f1_macro", "f1_micro", "f1_weighted", "precision_macro",
    "precision_micro", "precision_weighted", "recall_macro", "recall_micro", "recall_weighted",
)  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_point_on_the_digits_is_scikit_learns_in_every_file_format(
    digits: dict[str, Digits], ending: str
) -> None:
    candidate = write(f"candidate.{ending}", digits["most"].columns)
    baseline = write(f"production.{ending}", digits["whole"].columns)
    _, report = judged(candidate, baseline, "--metrics", ",".join(METRICS))
    found = {each["metric"]: each for each in report["findings"]}
    assert list(found) == list(METRICS)
    expected, before = digits["most"].points, digits["whole"].points
    for name, each in found.items():
        assert each["candidate"] == pytest.approx(expected[name], rel=1e-10), name
        assert each["baseline"] == pytest.approx(before[name], rel=1e-10), name
        assert each["n"] == 898


def test_the_file_format_changes_nothing_but_names_and_digests(digits: dict[str, Digits]) -> None:
    findings = []
    for ending in ENDINGS:
        candidate = write(f"candidate.{ending}", digits["top"].columns)
        _, report = judged(candidate, write(f"production.{ending}", digits["whole"].columns))
        findings.append((report["verdict"], report["reason"], report["findings"]))
    assert findings[0] == findings[1] == findings[2]


def test_production_against_itself_passes_with_a_difference_of_exactly_zero(digits: dict[str, Digits]) -> None:
    same = write("same.csv", digits["whole"].columns)
    code, report = judged(same, write("production.csv", digits["whole"].columns))
    assert (code, report["verdict"]) == (0, "pass")
    assert {each["difference"] for each in report["findings"]} == {0.0}
    assert all(each["verdict"] == "pass" for each in report["findings"])


def test_a_model_that_sees_only_the_top_of_each_digit_fails_every_metric(digits: dict[str, Digits]) -> None:
    candidate = write("top.csv", digits["top"].columns)
    code, report = judged(candidate, write("whole.csv", digits["whole"].columns), "--metrics", "accuracy,mcc,log_loss")
    assert (code, report["verdict"]) == (11, "fail")
    assert verdicts(report) == {"compare:accuracy": "fail", "compare:mcc": "fail", "compare:log_loss": "fail"}
    assert {each["reason"] for each in report["findings"]} == {"regression"}
    difference = digits["top"].points["accuracy"] - digits["whole"].points["accuracy"]
    low, high = by_id(report)["compare:accuracy"]["interval"]
    assert low < difference < high < -0.01


def test_the_same_two_models_the_other_way_round_are_better_and_say_so(digits: dict[str, Digits]) -> None:
    candidate = write("whole.csv", digits["whole"].columns)
    code, report = judged(candidate, write("top.csv", digits["top"].columns), "--metrics", "accuracy,mcc,log_loss")
    assert (code, report["verdict"]) == (0, "pass")
    assert {each["reason"] for each in report["findings"]} == {"better"}


def test_turning_the_comparison_round_mirrors_difference_and_bounds(digits: dict[str, Digits]) -> None:
    one, other = write("most.csv", digits["most"].columns), write("whole.csv", digits["whole"].columns)
    _, there = judged(one, other, "--metrics", "accuracy,f1_macro,mcc")
    _, back = judged(other, one, "--metrics", "accuracy,f1_macro,mcc")
    for name, each in by_id(there).items():
        mirrored = by_id(back)[name]
        assert each["difference"] == -mirrored["difference"]
        assert each["interval"] == pytest.approx([-bound for bound in reversed(mirrored["interval"])], abs=1e-10)


def test_the_order_of_rows_says_nothing_about_a_model(digits: dict[str, Digits]) -> None:
    production = write("whole.csv", digits["whole"].columns)
    _, straight = judged(write("most.csv", digits["most"].columns), production)
    order = np.random.default_rng(3).permutation(898)
    shuffled = {name: np.asarray(values)[order] for name, values in digits["most"].columns.items()}
    _, mixed = judged(write("mixed.csv", shuffled), production)
    assert mixed["findings"] == straight["findings"]


def test_ids_that_are_attached_to_the_wrong_digits_are_refused(
    digits: dict[str, Digits], capsys: pytest.CaptureFixture[str]
) -> None:
    shifted = {**digits["whole"].columns, "id": [f"d{(row + 1) % 898}" for row in range(898)]}
    code = run(
        ("gate-compare", "--candidate", write("a.csv", shifted), "--baseline", write("b.csv", digits["most"].columns)),
        {},
    )
    assert code == 3
    assert json.loads(REPORT.read_text())["verdict"] == "inconclusive"
    refused = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error[")]
    assert [line.partition(",")[0] for line in refused] == [
        "error[I006]: the two files disagree on the target of 820 examples"
    ]


def test_scores_alone_judge_the_digits_as_their_highest_score_does(digits: dict[str, Digits]) -> None:
    bare = {name: values for name, values in digits["top"].columns.items() if name != "pred"}
    production = write("whole.csv", digits["whole"].columns)
    _, report = judged(write("bare.csv", bare), production, "--metrics", "log_loss")
    assert report["findings"][0]["candidate"] == pytest.approx(digits["top"].points["log_loss"], rel=1e-10)


# Who sees a doctor: the example in the repository, as its README runs it.


@pytest.fixture(scope="module")
def doctors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions of production and both candidates, trained and scored by the example's own chain."""
    folder = tmp_path_factory.mktemp("randhie")
    example = folder / "example"
    shutil.copytree(RANDHIE, example, ignore=shutil.ignore_patterns("data", ".*", "mlci-*"))
    subprocess.run([sys.executable, "prepare.py"], cwd=example, check=True)
    for recipe in ("production", "careful", "careless"):
        patch = [] if recipe == "production" else [example / "changes" / f"{recipe}.patch"]
        for each in patch:
            subprocess.run(["git", "apply", each], cwd=example, check=True)
        environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        for step in (["data-check"], ["model-ci", "--register", "false"]):
            command = [sys.executable, "-m", "mlci", *step]
            subprocess.run(command, cwd=example, env=environ, check=True, capture_output=True)
        (example / "mlci-model" / "candidate.csv").rename(folder / f"{recipe}.csv")
        for each in patch:
            subprocess.run(["git", "apply", "--reverse", each], cwd=example, check=True)
    return folder


def randhie(doctors: Path, recipe: str) -> tuple[int, dict[str, Any]]:
    config = ("--config", str(RANDHIE / "mlci.yml"))
    return judged(f"{doctors}/{recipe}.csv", f"{doctors}/production.csv", *config)


def test_the_careful_candidate_passes_everything_that_was_asked(doctors: Path) -> None:
    code, report = randhie(doctors, "careful")
    assert (code, report["verdict"], report["model"], report["examples"]) == (0, "pass", "doctor-visits", 6057)
    assert set(verdicts(report).values()) == {"pass"}
    assert by_id(report)["compare:roc_auc"]["reason"] == "better"


def test_the_careless_candidate_fails_the_disabled_and_nobody_else(doctors: Path) -> None:
    code, report = randhie(doctors, "careless")
    assert (code, report["verdict"]) == (11, "fail")
    failed = [each for each in report["findings"] if each["verdict"] != "pass"]
    assert {each.get("slice") for each in failed} == {"disability=disabled"}
    assert {(each["verdict"], each["reason"]) for each in failed} == {("fail", "regression")}
    assert "disability=disabled" in report["reason"]
    overall = [each for each in report["findings"] if "slice" not in each]
    assert overall
    assert {each["verdict"] for each in overall} == {"pass"}, "on average nothing would have been seen"


@pytest.mark.parametrize("recipe", ["careful", "careless"])
def test_points_of_every_slice_of_the_doctors_are_scikit_learns(doctors: Path, recipe: str) -> None:
    _, report = randhie(doctors, recipe)
    table = pd.read_csv(doctors / f"{recipe}.csv")
    visited, score, disability = (np.array(table[name]) for name in ("visited", "y_score", "disability"))
    points = {
        "roc_auc": lambda rows: theirs.roc_auc_score(visited[rows], score[rows]),
        "accuracy": lambda rows: theirs.accuracy_score(visited[rows], score[rows] >= 0.5),
        "f1": lambda rows: theirs.f1_score(visited[rows], score[rows] >= 0.5),
    }
    assert len(report["findings"]) == 3 * 4 + 1
    for each in report["findings"]:
        value = each["slice"].removeprefix("disability=") if "slice" in each else None
        rows = disability == value if value else np.ones(len(visited), bool)
        assert each["n"] == rows.sum()
        assert each["candidate"] == pytest.approx(points[each["metric"]](rows), rel=1e-10), each["id"]


def test_the_installed_command_exits_as_the_example_says(doctors: Path) -> None:
    judge = [sys.executable, "-c", "from mlci.cli.main import main; main()", "gate-compare"]
    files = ["--candidate", f"{doctors}/careless.csv", "--baseline", f"{doctors}/production.csv"]
    ended = subprocess.run(
        [*judge, *files, "--config", str(RANDHIE / "mlci.yml")], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 11
    assert "fail" in ended.stdout.splitlines()[0]
    assert "disability=disabled" in " ".join(ended.stdout.split()[:25])


# Diabetes: a regression, with the patients' sex as a slice.


@dataclass(frozen=True)
class Patients:
    truth: NDArray[np.float64]
    sex: NDArray[np.str_]
    whole: NDArray[np.float64]
    weight_alone: NDArray[np.float64]

    def columns(self, predicted: NDArray[np.float64]) -> Columns:
        return {"id": np.arange(len(self.truth)), "y": self.truth, "y_pred": predicted, "sex": self.sex}


@pytest.fixture(scope="module")
def patients() -> Patients:
    measured, truth = load_diabetes(return_X_y=True)
    held = np.arange(len(truth)) % 2 == 1
    whole = LinearRegression().fit(measured[~held], truth[~held]).predict(measured[held])
    weight = LinearRegression().fit(measured[~held][:, 2:3], truth[~held]).predict(measured[held][:, 2:3])
    return Patients(truth[held], np.where(measured[held, 1] > 0, "two", "one"), whole, weight)


REGRESSION = ("--metrics", "rmse,mae,r2,mape", "--slices", "sex")


def test_points_of_the_diabetes_regression_are_scikit_learns_on_each_sex(patients: Patients) -> None:
    candidate = write("whole.parquet", patients.columns(patients.whole))
    _, report = judged(candidate, write("weight.parquet", patients.columns(patients.weight_alone)), *REGRESSION)
    points = {
        "rmse": theirs.root_mean_squared_error,
        "mae": theirs.mean_absolute_error,
        "r2": theirs.r2_score,
        "mape": theirs.mean_absolute_percentage_error,
    }
    assert {each.get("slice") for each in report["findings"]} == {None, "sex=one", "sex=two"}
    for each in report["findings"]:
        value = each["slice"].removeprefix("sex=") if "slice" in each else None
        rows = patients.sex == value if value else np.ones(len(patients.sex), bool)
        point = points[each["metric"]]
        assert each["candidate"] == pytest.approx(point(patients.truth[rows], patients.whole[rows]), rel=1e-10)
        assert each["baseline"] == pytest.approx(point(patients.truth[rows], patients.weight_alone[rows]), rel=1e-10)


def test_a_regression_on_all_measurements_beats_one_on_weight_alone(patients: Patients) -> None:
    whole, weight = (
        write(f"{name}.csv", patients.columns(getattr(patients, name))) for name in ("whole", "weight_alone")
    )
    code, report = judged(whole, weight, "--metrics", "rmse,mae")
    assert (code, {each["reason"] for each in report["findings"]}) == (0, {"better"})
    code, report = judged(weight, whole, "--metrics", "rmse,mae")
    assert (code, {each["reason"] for each in report["findings"]}) == (11, {"regression"})


def test_a_regression_that_is_broken_for_one_sex_fails_on_that_sex(patients: Patients) -> None:
    broken = np.where(patients.sex == "two", patients.whole + 90.0, patients.whole)
    candidate = write("broken.csv", patients.columns(broken))
    code, report = judged(
        candidate, write("whole.csv", patients.columns(patients.whole)), "--metrics", "mae", "--slices", "sex"
    )
    assert code == 11
    found = by_id(report)
    assert found["compare:mae[sex=two]"]["verdict"] == "fail"
    unchanged = found["compare:mae[sex=one]"]
    assert (unchanged["difference"], unchanged["advisory"], unchanged["reason"]) == (0.0, True, "insufficient")


# A hundred thousand rows: what a nightly holdout looks like.

MANY = 100_000


def visits(*, loses: float, seed: int = 5) -> Columns:
    """Binary answers of which 90 % are right; of the right ones ``loses`` are wrong, as a share of all rows."""
    rows = np.arange(MANY)
    truth = rows % 2
    shuffled = np.random.default_rng(seed).permutation(MANY)
    wrong = shuffled < round((0.1 + loses) * MANY)
    return {"id": rows, "y": truth, "pred": truth ^ wrong, "region": rows // 2 % 4}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_hundred_thousand_rows_tell_a_loss_of_two_points_from_none(ending: str) -> None:
    production = write(f"p.{ending}", visits(loses=0))
    code, report = judged(write(f"worse.{ending}", visits(loses=0.02)), production, "--metrics", "accuracy")
    found = report["findings"][0]
    assert (code, found["verdict"], found["n"]) == (11, "fail", MANY)
    assert (found["candidate"], found["baseline"], found["difference"]) == (0.88, 0.9, -0.02)
    code, report = judged(write(f"near.{ending}", visits(loses=0.005)), production, "--metrics", "accuracy")
    found = report["findings"][0]
    assert (code, found["verdict"], found["difference"]) == (0, "pass", -0.005), "within the accepted point"
    assert -0.01 < found["interval"][0] < found["interval"][1] < 0


def test_a_loss_of_exactly_the_margin_is_a_pass_at_no_number_of_rows() -> None:
    production = write("p.parquet", visits(loses=0))
    code, report = judged(write("c.parquet", visits(loses=0.01)), production, "--metrics", "accuracy")
    assert (code, report["verdict"], report["findings"][0]["verdict"]) == (0, "warn", "inconclusive")
    low, high = report["findings"][0]["interval"]
    assert low < -0.01 < high


def test_slices_of_many_rows_add_up_to_all_of_them() -> None:
    production = write("p.parquet", visits(loses=0))
    candidate = write("c.parquet", visits(loses=0.002))
    _, report = judged(candidate, production, "--metrics", "accuracy", "--slices", "region")
    whole, *parts = report["findings"]
    assert [each["slice"] for each in parts] == [f"region={name}" for name in range(4)]
    assert sum(each["n"] for each in parts) == whole["n"] == MANY
    assert sum(each["n"] * each["candidate"] for each in parts) / MANY == pytest.approx(whole["candidate"], rel=1e-10)

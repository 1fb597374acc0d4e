"""Scoring from model to file: joined with the holdout's own words, and no answer believed."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlci.adapters.scoring import (
    Asked,
    HoldoutFile,
    Interpreter,
    ModelUnloadable,
    describe,
    evaluator_digest,
    missing,
    score,
)
from mlci.adapters.tables import open_table
from mlci.domain.policy import Columns, ReadingPolicy
from mlci.domain.training import Format, Payload, Scored
from mlci.errors import ColumnAmbiguous, ColumnMissing, ModelUnusable
from mlci.steps.holdout import gather

ENVIRONMENT = {
    "python": "3.8.1", "platform": "Linux", "packages": {"scikit-learn": "1.4.2"}, "digest": "e" * 64,
    "loaded": {}, "unlocked": [], "hardware": {}, "settings": {},
}  # fmt: skip
ANSWER = {
    "environment": ENVIRONMENT, "versions": [], "rows": 4, "labels": ["0", "1"], "width": 2,
    "classes": ["0", "1"], "scale": "probabilities",
}  # fmt: skip
HOLDOUT = "id,label,plan,x\ne1,0,basic,1\ne2,1,plus,2\ne3,1,basic,3\ne4,0,plus,4\n"
CODES = np.array([0, 1, 1, 1], "<i4").tobytes()
NUMBERS = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]], "<f8").tobytes()


class Bench:
    """A folder with a holdout, a model and an interpreter that says whatever a test wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = folder / "model.pkl"
        self.model.write_bytes(b"")
        self.interpreter = Interpreter(
            python=sys.executable, cwd=str(folder), environ=dict(os.environ), timeout=60.0, log=str(folder / "log")
        )

    def holdout(self, content: str | bytes, name: str = "holdout.csv") -> HoldoutFile:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return HoldoutFile(path=str(path), digest=hashlib.sha256(path.read_bytes()).hexdigest())

    def saying(self, answer: Any, codes: bytes = CODES, numbers: bytes = NUMBERS, more: str = "") -> Interpreter:
        """An interpreter that writes this answer for whatever it is asked."""
        (self.folder / "labels").write_bytes(codes)
        (self.folder / "numbers").write_bytes(numbers)
        (self.folder / "said").write_text(answer if isinstance(answer, str) else json.dumps(answer))
        script = self.folder / "python"
        script.write_text(
            f"#!/bin/sh\nhere={self.folder}\nto=$(dirname \"$2\")\ncp $here/labels $to/labels.i32\n"
            f"cp $here/numbers $to/numbers.f64\ncp $here/said $to/answer.json\n{more}\n"
        )  # fmt: skip
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return replace(self.interpreter, python=str(script))

    def score(
        self,
        interpreter: Interpreter,
        holdout: HoldoutFile,
        asked: Asked | None = None,
        format: Format = "pickle",
        out: str = "candidate",
    ) -> Scored:
        payload = Payload(path=str(self.model), format=format, digest="0" * 64, files=())
        return score(payload, holdout, asked or Asked(), interpreter, str(self.folder / out), lambda _: None)


@pytest.fixture(name="bench")
def _bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_the_model_says_stands_beside_what_the_holdout_says(bench: Bench) -> None:
    scored = bench.score(bench.saying(ANSWER), bench.holdout(HOLDOUT), Asked(slices=("plan",)))

    assert Path(scored.path).read_text() == (
        "id,label,plan,y_pred,y_score\ne1,0,basic,0,0.1\ne2,1,plus,1,0.8\ne3,1,basic,1,0.6\ne4,0,plus,1,0.7\n"
    )
    assert scored.digest == hashlib.sha256(Path(scored.path).read_bytes()).hexdigest()
    assert (scored.rows, scored.probe, scored.environment.python) == (4, 4, "3.8.1")
    assert [path.name for path in bench.folder.iterdir() if path.name.startswith(".scoring")] == []


def test_words_of_json_lines_come_back_from_the_file_as_they_were(bench: Bench) -> None:
    words = ["a\rb", 'c "d"', "e,f\ng", "é"]
    lines = [json.dumps({"id": f"é{row}", "label": row % 2, "slice_s": words[row]}) for row in range(4)]

    table = open_table(bench.score(bench.saying(ANSWER), bench.holdout("\n".join(lines), "h.jsonl")).path)

    assert [table.texts("slice_s").values[code] for code in table.texts("slice_s").codes] == words
    assert table.ids("id")[1].decode() == "é1"


def test_a_real_interpreter_scores_twice_alike_and_the_gate_reads_it(bench: Bench) -> None:
    pandas = pytest.importorskip("pandas")
    from sklearn.linear_model import LogisticRegression

    frame = pandas.DataFrame({"x": np.arange(50.0), "z": np.arange(50.0) % 7, "churned": np.arange(50) % 3 == 0})
    bench.model.write_bytes(pickle.dumps(LogisticRegression().fit(frame[["x", "z"]], frame["churned"])))
    asked = Asked(columns=Columns(target="churned"))
    csv, parquet = bench.holdout(frame.to_csv(index=False)), bench.folder / "h.parquet"
    frame.to_parquet(parquet)

    first = bench.score(bench.interpreter, csv, asked)
    stored = HoldoutFile(path=str(parquet), digest=hashlib.sha256(parquet.read_bytes()).hexdigest())
    second = bench.score(bench.interpreter, stored, asked, out="second")

    assert "scikit-learn" in first.environment.loaded
    assert set(first.environment.loaded) < set(first.environment.packages)
    assert any(note.startswith("id: made of the holdout's digest") for note in first.assumptions)
    for path in (first.path, second.path):
        gathered = gather(open_table(path), open_table(path), ReadingPolicy(columns=asked.columns), (), ())
        assert (gathered.n, gathered.task, gathered.candidate.scores is not None) == (50, "binary", True)
        assert gathered.missing == (0, 0)
    ids = [open_table(path).ids("id")[0].decode() for path in (first.path, second.path)]
    assert [name[12:] for name in ids] == ["-00", "-00"]
    assert ids[0] != ids[1]


def test_the_users_modules_are_found_and_those_of_mlci_are_not(bench: Bench) -> None:
    (bench.folder / "errors.py").write_text(
        "import sys\nassert 'mlci' not in sys.modules\n"
        "class Odd:\n    def predict(self, given):\n        return [str(x)[:1] for x in given['plan']]\n"
    )
    bench.model.write_bytes(b"cerrors\nOdd\n(tR.")

    scored = bench.score(bench.interpreter, bench.holdout(HOLDOUT, "h.tsv.csv"), Asked(features=("plan",)))

    assert Path(scored.path).read_text() == "id,label,y_pred\ne1,0,b\ne2,1,p\ne3,1,b\ne4,0,p\n"


def test_a_class_of_the_training_script_itself_is_explained(bench: Bench) -> None:
    bench.model.write_bytes(b"c__main__\nTrained\n(tR.")

    with pytest.raises(ModelUnloadable, match="cannot be loaded") as caught:
        bench.score(bench.interpreter, bench.holdout(HOLDOUT))

    assert "move it to a module" in str(caught.value)


def test_what_is_no_requirement_comes_into_no_environment(bench: Bench) -> None:
    packages = {"good": "1.0", "bad\n--index-url=http://127.0.0.1": "1", "worse": "1\n-r other", "Upper Case": "1"}
    environment = {**ENVIRONMENT, "packages": packages, "loaded": packages, "hardware": {"a": "x\ny"}}

    found = bench.score(bench.saying({**ANSWER, "environment": environment}), bench.holdout(HOLDOUT)).environment

    assert (found.packages, found.loaded, found.hardware) == ({"good": "1.0"}, {"good": "1.0"}, {"a": "x y"})
    with pytest.raises(ModelUnusable, match="which interpreter"):
        bench.score(bench.saying({**ANSWER, "environment": {**ENVIRONMENT, "python": "3.8\n"}}), bench.holdout(HOLDOUT))


def test_a_parquet_file_keeps_words_as_words_and_labels_as_the_target_has_them(bench: Bench) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    path = bench.folder / "h.parquet"
    pq.write_table(pa.table({"id": [3, 1, 2, 9], "label": [True, False, True, False], "plan": ["01"] * 4}), path)
    answer = {**ANSWER, "labels": ["true", "false"], "classes": ["false", "true"]}
    nan = np.array([[0.5, np.nan]] * 4, "<f8").tobytes()

    scored = bench.score(
        bench.saying(answer, numbers=nan), bench.holdout(path.read_bytes(), "h.parquet"), Asked(slices=("plan",))
    )

    columns = pq.read_table(scored.path).to_pydict()
    assert (columns["id"], columns["plan"]) == ([3, 1, 2, 9], ["01"] * 4)
    assert (columns["label"], columns["y_pred"]) == ([1, 0, 1, 0], [1, 0, 0, 0])
    assert np.isnan(columns["y_score"]).all()


def test_a_missing_package_is_named_for_the_person_and_for_the_caller(bench: Bench) -> None:
    error = {"kind": "missing-module", "message": "no", "module": "sklearn.tree"}

    with pytest.raises(ModelUnloadable) as caught:
        bench.score(bench.saying({"environment": ENVIRONMENT, "error": error}), bench.holdout(HOLDOUT))

    assert missing(caught.value) == "scikit-learn"
    assert caught.value.help is not None
    assert "install scikit-learn" in caught.value.help
    assert missing(ModelUnusable("x")) is None


def test_versions_that_cannot_read_each_other_are_both_named(bench: Bench) -> None:
    error = {"kind": "failed", "message": "AttributeError: no\x1b[31m such"}
    answer = {"environment": ENVIRONMENT, "error": error, "versions": [["1.4.2", "1.9.1"]]}

    with pytest.raises(ModelUnloadable, match=r"scikit-learn 1\.4\.2 and cannot be used by 1\.9\.1") as caught:
        bench.score(bench.saying(answer), bench.holdout(HOLDOUT))

    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "codes", "numbers", "cause"),
    [
        ({"rows": 3}, CODES, NUMBERS, "3 predictions for 4 examples"),
        ({}, CODES[:-4], NUMBERS, "12 bytes in labels.i32 instead of 16"),
        ({}, CODES, NUMBERS + b"0", "no file, or is too large"),
        ({}, CODES, NUMBERS[:-8], "56 bytes"),
        ({}, np.array([0, 1, 2, 0], "<i4").tobytes(), NUMBERS, "labels that it does not list"),
        ({}, np.array([0, 1, -2, 0], "<i4").tobytes(), NUMBERS, "labels that it does not list"),
        ({"labels": ["0", "0"]}, CODES, NUMBERS, "lists a label twice"),
        ({"labels": ["0", "x" * 1001]}, CODES, NUMBERS, "too long"),
        ({"labels": ["0", "\ud800"]}, CODES, NUMBERS, "surrogate"),
        ({"classes": ["0"]}, CODES, NUMBERS, "names 1 classes for 2 columns"),
        ({"width": -1}, CODES, NUMBERS, "sizes that cannot be"),
        ({"width": True}, CODES, NUMBERS, "malformed"),
        ({"scale": "votes"}, CODES, NUMBERS, "malformed"),
        ({"environment": None}, CODES, NUMBERS, "malformed"),
        ({"labels": None, "width": 0}, CODES, NUMBERS, "neither labels nor numbers"),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_hold_together_is_refused(
    bench: Bench, change: dict[str, Any], codes: bytes, numbers: bytes, cause: str
) -> None:
    with pytest.raises(ModelUnusable, match=cause):
        bench.score(bench.saying({**ANSWER, **change}, codes, numbers), bench.holdout(HOLDOUT))

    assert not (bench.folder / "candidate.csv").exists()


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[]",
        "{",
        json.dumps(ANSWER)[:-1] + ', "more": NaN}',
        json.dumps(ANSWER)[:-1] + ', "rows": 4}',
        "[" * 100_000,
        json.dumps(ANSWER) + " " * (1 << 24),
    ],
)
def test_an_answer_that_is_no_answer_is_refused(bench: Bench, answer: str) -> None:
    with pytest.raises(ModelUnusable):
        bench.score(bench.saying(answer), bench.holdout(HOLDOUT))


@pytest.mark.parametrize(
    "more", ["rm $to/answer.json", "rm $to/labels.i32; mkfifo $to/labels.i32", "ln -sf $here/said $to/answer.json"]
)
def test_what_is_no_plain_file_is_no_answer(bench: Bench, more: str) -> None:
    with pytest.raises(ModelUnusable):
        bench.score(bench.saying(ANSWER, more=more), bench.holdout(HOLDOUT))


def test_a_holdout_that_was_changed_while_it_was_scored_is_refused(bench: Bench) -> None:
    with pytest.raises(ModelUnusable, match="not what it was"):
        bench.score(bench.saying(ANSWER, more="echo e5,1,plus,5 >> $here/holdout.csv"), bench.holdout(HOLDOUT))


def test_features_called_score_and_slices_called_so_are_no_predictions(bench: Bench) -> None:
    holdout = bench.holdout(HOLDOUT.replace("x", "score").replace("plan", "prob"))

    assert bench.score(bench.saying(ANSWER), holdout).rows == 4
    with pytest.raises(ColumnAmbiguous):
        bench.score(bench.saying(ANSWER), holdout, Asked(slices=("prob",)))
    with pytest.raises(ColumnMissing, match="there is no column 'age'"):
        bench.score(bench.saying(ANSWER), holdout, Asked(columns=Columns(weight="age")))


def test_the_fingerprint_knows_no_order_of_rows_and_nothing_beyond_six_digits(bench: Bench) -> None:
    lines = HOLDOUT.splitlines()
    other = bench.holdout("\n".join([lines[0], *reversed(lines[1:])]), "reversed.csv")
    codes = np.frombuffer(CODES, "<i4")[::-1].tobytes()
    turned = np.frombuffer(NUMBERS, "<f8").reshape(4, 2)[::-1]

    def of(interpreter: Interpreter, holdout: HoldoutFile) -> str:
        return bench.score(interpreter, holdout).fingerprint

    first = of(bench.saying(ANSWER), bench.holdout(HOLDOUT))
    assert of(bench.saying(ANSWER, codes, (turned + 1e-9).tobytes()), other) == first
    assert of(bench.saying(ANSWER, codes, (turned + 1e-5).tobytes()), other) != first


OWN = (
    "id,pred,proba,label,y_true,truth,weight,cost\n"
    "e4,1,0.7,1,1,1,9,2\ne3,1,0.6,0,1,1,9,3\ne2,1,0.8,0,1,1,9,4\ne1,0,0.1,1,1,1,9,5\n"
)


def own(bench: Bench, content: str, **more: Any) -> Scored:
    (bench.folder / "own.csv").write_text(content)
    asked = Asked(command='test -f "$MLCI_HOLDOUT" && test -f "$MLCI_MODEL" && cp own.csv "$MLCI_PREDICTIONS"', **more)
    return bench.score(bench.saying(ANSWER), bench.holdout(HOLDOUT), asked, "command")


def test_of_a_users_own_predictions_labels_and_weights_are_not_taken(bench: Bench) -> None:
    assert Path(own(bench, OWN).path).read_text() == (
        "id,label,y_pred,y_score,cost\ne1,0,0,0.1,5\ne2,1,1,0.8,4\ne3,1,1,0.6,3\ne4,0,1,0.7,2\n"
    )


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("id,pred\ne1,0\ne2,1\ne3,1\n", "1 of 4 examples have no prediction"),
        ("id,pred\ne1,0\ne2,1\ne3,1\ne4,1\ne5,1\n", "1 predictions are of no example"),
        ("id,pred\ne1,0\ne2,1\ne3,1\ne4,1\ne4,1\n", "1 predictions repeat an example"),
        ("row,pred\ne1,0\n", "no id column such as id"),
        ("id,plan\ne1,0\n", "neither a prediction nor a score"),
    ],
)
def test_own_predictions_that_are_not_of_the_holdout_are_refused(bench: Bench, content: str, cause: str) -> None:
    with pytest.raises((ModelUnusable, ColumnMissing), match=cause):
        own(bench, content)


def test_a_command_that_leaves_no_file_is_told_where_to_write(bench: Bench) -> None:
    with pytest.raises(ModelUnusable, match="left no file") as caught:
        bench.score(bench.saying(ANSWER), bench.holdout(HOLDOUT), Asked(command="true"), "command")

    assert "MLCI_PREDICTIONS" in str(caught.value)
    with pytest.raises(ModelUnusable, match="no format that mlci loads"):
        bench.score(bench.saying(ANSWER), bench.holdout(HOLDOUT), Asked(), "command")


def test_the_evaluator_changes_with_every_setting() -> None:
    plain = Asked()
    others = [
        replace(plain, columns=Columns(id="a")), replace(plain, slices=("a",)), replace(plain, features=("a",)),
        replace(plain, outputs="logits"), replace(plain, task="binary"), replace(plain, positive="1"),
        replace(plain, threshold=0.4), replace(plain, device="gpu"), replace(plain, command="a"),
        replace(plain, sensitive=("a",)),
    ]  # fmt: skip
    digests = {evaluator_digest(one) for one in (plain, *others)}

    assert len(digests) == len(others) + 1
    assert evaluator_digest(replace(plain, trusted=False)) == evaluator_digest(plain)


def test_an_interpreter_is_described_without_loading_anything(bench: Bench) -> None:
    environ = {**bench.interpreter.environ, "OMP_NUM_THREADS": "1", "SOME_TOKEN": "nobody-may-read-this"}
    found = describe(replace(bench.interpreter, environ=environ))

    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert (found.settings["OMP_NUM_THREADS"], found.loaded) == ("1", {})
    assert "nobody-may-read-this" not in repr(found)
    assert found.packages["numpy"] == np.__version__
    assert len(found.digest) == 64

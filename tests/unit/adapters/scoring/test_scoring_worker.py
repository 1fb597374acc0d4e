"""The worker with real models of every format, in this process: what it reads, and what it says of a model."""

from __future__ import annotations

import ast
import gzip
import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlci import worker

pytestmark = [pytest.mark.filterwarnings("ignore")]

ROWS = 60
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(name="table", scope="module")
def _table() -> Any:
    pandas = pytest.importorskip("pandas")
    numbers = np.random.default_rng(3)
    frame = pandas.DataFrame({"key": np.arange(ROWS), "age": numbers.normal(40, 10, ROWS)})
    frame["income"] = numbers.normal(0, 1, ROWS)
    frame["plan"] = numbers.choice(["basic", "plus"], ROWS)
    frame["label"] = (frame["income"] + numbers.normal(0, 0.5, ROWS) > 0).astype(int)
    return frame


@pytest.fixture(name="holdout", scope="module")
def _holdout(table: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("holdout") / "holdout.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture(name="ask")
def _ask(holdout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    # The worker sets these; whoever comes after must not find them.
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        monkeypatch.setenv(name, "")

    def ask(model: Path, format: str, **more: Any) -> dict[str, Any]:
        request = {
            "task": "score", "model": str(model), "format": format, "holdout": str(holdout), "features": None,
            "excluded": ["key", "label"], "device": "cpu", "trusted": False, "answer": str(tmp_path),
        }  # fmt: skip
        return worker.score({**request, **more})

    return ask


def labels(answer: dict[str, Any], folder: Path) -> list[str]:
    return [answer["labels"][code] for code in np.fromfile(folder / "labels.i32", "<i4")]


def numbers(answer: dict[str, Any], folder: Path) -> Any:
    return np.fromfile(folder / "numbers.f64", "<f8").reshape(answer["rows"], answer["width"])


def pickled(model: Any, folder: Path) -> Path:
    path = folder / "model.pkl"
    path.write_bytes(pickle.dumps(model))
    return path


def test_a_pipeline_is_given_the_columns_it_was_fitted_on_by_name(ask: Ask, table: Any, tmp_path: Path) -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    encode = ColumnTransformer([("plan", OneHotEncoder(), ["plan"])], remainder="passthrough")
    model = make_pipeline(encode, LogisticRegression())
    x = table[["plan", "income", "age"]]
    model.fit(x, table["label"])

    answer = ask(pickled(model, tmp_path), "pickle", features=["age"])

    assert (answer["classes"], answer["scale"], answer["versions"]) == (["0", "1"], "probabilities", [])
    assert np.array_equal(numbers(answer, tmp_path), model.predict_proba(x))
    assert labels(answer, tmp_path) == [str(one) for one in model.predict(x)]


def test_a_missing_column_is_named(ask: Ask, table: Any, tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(table[["age", "income"]].rename(columns={"age": "tenure"}), table["label"])

    answer = ask(pickled(model, tmp_path), "pickle")

    assert answer["error"] == {"kind": "features", "message": "the holdout has no column 'tenure'"}


def test_several_classes_of_words_and_a_regressor_on_an_array(ask: Ask, table: Any, tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression
    from sklearn.tree import DecisionTreeClassifier

    x = table[["age", "income"]].to_numpy()
    words = np.array(["low", "mid", "high"], dtype=object)[table["key"] % 3]
    tree = DecisionTreeClassifier(max_depth=3).fit(x, words)
    line = LinearRegression().fit(x, table["age"])

    said = ask(pickled(tree, tmp_path), "pickle", features=["age", "income"])
    assert said["classes"] == ["high", "low", "mid"]
    assert labels(said, tmp_path) == list(tree.predict(x))
    valued = ask(pickled(line, tmp_path), "pickle", features=["age", "income"])
    assert (valued["scale"], valued["labels"]) == ("predicted", None)
    assert np.array_equal(numbers(valued, tmp_path)[:, 0], line.predict(x))


def test_a_compressed_pickle_is_read_with_and_without_joblib(
    ask: Ask, table: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(table[["age"]], table["income"])
    path = tmp_path / "model.pkl.gz"
    path.write_bytes(gzip.compress(pickle.dumps(model)))

    with_joblib = ask(path, "pickle")
    monkeypatch.setitem(sys.modules, "joblib", None)

    assert "error" not in with_joblib
    assert ask(path, "pickle") == with_joblib


def test_a_column_is_read_without_pandas_as_with_it(holdout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_pandas = worker.Holdout(str(holdout)).frame(["age", "plan"])
    monkeypatch.setitem(sys.modules, "pandas", None)

    without = worker.Holdout(str(holdout)).frame(["age", "plan"])

    assert np.array_equal(without["age"], with_pandas["age"].to_numpy())
    assert list(without["plan"]) == list(with_pandas["plan"])


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "tsv"])
def test_every_kind_of_holdout_gives_the_very_same_numbers(table: Any, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"holdout.{ending}"
    if ending == "parquet":
        table.to_parquet(path)
    elif ending == "jsonl":
        path.write_text("".join(json.dumps(one) + "\n" for one in table.to_dict("records")))
    else:
        table.to_csv(path, sep="\t", index=False)

    frame = worker.Holdout(str(path)).frame(["income", "plan"])

    assert frame["income"].tolist() == table["income"].tolist()


def test_skops_types_that_are_not_known_are_loaded_on_trust_alone(ask: Ask, table: Any, tmp_path: Path) -> None:
    skops = pytest.importorskip("skops.io")
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(2, random_state=0).fit(table[["age", "income"]], table["label"])
    skops.dump(model, tmp_path / "model.skops")

    assert ask(tmp_path / "model.skops", "skops")["error"]["kind"] == "untrusted"
    answer = ask(tmp_path / "model.skops", "skops", trusted=True)
    assert np.array_equal(numbers(answer, tmp_path), model.predict_proba(table[["age", "income"]]))


@pytest.mark.parametrize("zipmap", [True, False])
def test_an_onnx_classifier_says_labels_and_probabilities(ask: Ask, table: Any, tmp_path: Path, zipmap: bool) -> None:
    pytest.importorskip("onnxruntime")
    skl2onnx = pytest.importorskip("skl2onnx")
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.linear_model import LogisticRegression

    x = table[["age", "income"]].to_numpy()
    model = LogisticRegression().fit(x, table["label"])
    kind = [("x", FloatTensorType([None, 2]))]
    onnx = skl2onnx.convert_sklearn(model, initial_types=kind, options={id(model): {"zipmap": zipmap}})
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx.SerializeToString())

    answer = ask(path, "onnx", features=["age", "income"])

    assert answer["classes"] == (["0", "1"] if zipmap else None)
    assert (answer["scale"], answer["width"]) == ("probabilities", 2)
    assert np.allclose(numbers(answer, tmp_path), model.predict_proba(x), atol=1e-5)
    assert labels(answer, tmp_path) == [str(one) for one in model.predict(x)]


@pytest.mark.parametrize("kind", ["fixed.pt2", "any.pt2", "script.pt"])
def test_torch_programs_are_asked_in_batches_and_without_gradients(
    ask: Ask, table: Any, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(worker, "_BATCH", 25)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(2, 3), torch.nn.Dropout(0.9)).eval()
    x = torch.from_numpy(table[["age", "income"]].to_numpy(np.float32)).reshape(-1, 1, 2)
    path = tmp_path / kind
    if kind == "script.pt":
        torch.jit.trace(model, x[:, 0]).save(str(path))
    else:
        free = {0: torch.export.Dim("rows")} if kind == "any.pt2" else None
        torch.export.save(torch.export.export(model, (x[:7],), dynamic_shapes=(free,) if free else None), path)

    answer = ask(path, "torch", features=["age", "income"])

    assert (answer["scale"], answer["rows"], answer["width"]) == ("raw", ROWS, 3)
    assert np.allclose(numbers(answer, tmp_path), model(x).detach().numpy(), atol=1e-4)


def test_an_onnx_model_with_an_input_a_column_is_given_words_and_numbers(ask: Ask, table: Any, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    skl2onnx = pytest.importorskip("skl2onnx")
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    encode = ColumnTransformer([("plan", OneHotEncoder(), ["plan"])], remainder="passthrough")
    model = make_pipeline(encode, LinearRegression()).fit(table[["plan", "age"]], table["income"])
    kinds = [("plan", StringTensorType([None, 1])), ("age", FloatTensorType([None, 1]))]
    path = tmp_path / "model.onnx"
    path.write_bytes(skl2onnx.convert_sklearn(model, initial_types=kinds).SerializeToString())

    answer = ask(path, "onnx")

    assert answer["scale"] == "raw"
    assert np.allclose(numbers(answer, tmp_path)[:, 0], model.predict(table[["plan", "age"]]), atol=1e-4)


def test_weights_without_code_are_no_model(ask: Ask, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Linear(2, 1).state_dict(), tmp_path / "model.pt")

    error = ask(tmp_path / "model.pt", "torch", features=["age", "income"])["error"]

    assert (error["kind"], "weights without the code" in error["message"]) == ("no-predict", True)


def test_an_mlflow_model_is_read_by_its_own_flavour_and_nothing_is_laid_down(
    ask: Ask, table: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    import mlflow.sklearn
    from mlflow.models import infer_signature
    from sklearn.linear_model import LogisticRegression

    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    x = table[["income", "age"]]
    model = LogisticRegression().fit(x.to_numpy(), table["label"])
    folder = tmp_path / "model"
    mlflow.sklearn.save_model(
        model, folder, pip_requirements=["scikit-learn"], signature=infer_signature(x), serialization_format="pickle"
    )
    before = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    answer = ask(folder, "mlflow")

    assert np.array_equal(numbers(answer, tmp_path), model.predict_proba(x.to_numpy()))
    assert {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert (list(elsewhere.iterdir()), (tmp_path / "mlruns").exists()) == ([], False)
    # Were anything to ask, it would ask a folder that is gone soon, whatever server the environment names.
    assert os.environ["MLFLOW_TRACKING_URI"] == os.environ["MLFLOW_REGISTRY_URI"] == (tmp_path / "mlruns").as_uri()


class _Needs:
    """Unpickled, it asks for a module."""

    def __init__(self, module: str) -> None:
        self.module = module

    def __reduce__(self) -> Any:
        return __import__, (self.module,)


@pytest.mark.parametrize(
    ("module", "kind"), [("wonderlib.trees", "missing-module"), ("numpy.no_such_part", "unreadable")]
)
def test_a_module_that_is_missing_is_told_from_a_part_that_is(ask: Ask, tmp_path: Path, module: str, kind: str) -> None:
    error = ask(pickled(_Needs(module), tmp_path), "pickle")["error"]

    assert error["kind"] == kind
    assert error["module"] == (module if kind == "unreadable" else "wonderlib")


def test_versions_of_scikit_learn_that_differ_are_told(ask: Ask, table: Any, tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression

    written = pickle.dumps(LinearRegression().fit(table[["age"]], table["income"]))
    import sklearn

    here = sklearn.__version__
    path = tmp_path / "model.pkl"
    path.write_bytes(written.replace(here.encode(), b"0" + here.encode()[1:]))

    with pytest.warns(UserWarning, match="Trying to unpickle"):
        answer = ask(path, "pickle")
    assert answer["versions"] == [("0" + here[1:], here)]


@pytest.mark.parametrize(
    ("value", "text"), [(1, "1"), (1.0, "1"), (True, "true"), (np.float64(2.5), "2.5"), (" a ", "a"), (None, None),
     (float("nan"), None)]
)  # fmt: skip
def test_a_label_is_written_as_the_holdout_would(value: Any, text: str | None) -> None:
    assert worker.word(value) == text


def test_the_files_that_run_elsewhere_read_as_python_3_8() -> None:
    beside = Path(worker.__file__).parent / "adapters" / "scoring"
    for path in (Path(worker.__file__), beside / "survey.py", beside / "imports.py"):
        tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 8))
        imported = {
            name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
        }
        imported |= {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert imported <= set(sys.stdlib_module_names)

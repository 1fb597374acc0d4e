"""What models are really made of, written by the libraries themselves, is clean in every form they write."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy
import pytest

from mlci.adapters.scanning import scan

ROWS = numpy.random.default_rng(0).random((60, 4))
LABELS = (ROWS[:, 0] > 0.5).astype(int)


def estimators() -> list[Any]:
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    made = [
        LogisticRegression(), RandomForestClassifier(5), HistGradientBoostingClassifier(max_iter=3),
        GradientBoostingClassifier(n_estimators=3), KNeighborsClassifier(), MLPClassifier(max_iter=5),
        make_pipeline(StandardScaler(), SVC()),
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [one.fit(ROWS, LABELS) for one in made]


def assert_clean(path: Path, format: str | None = None) -> None:
    found = scan(str(path))
    assert (found.opinion, found.sightings) == ("clean", ()), found
    assert found.format
    assert format is None or found.format == format


def test_estimators_of_scikit_learn(tmp_path: Path) -> None:
    import joblib
    import skops.io

    for number, model in enumerate(estimators()):
        for protocol in (0, 2, 4, 5):
            path = tmp_path / f"{number}.{protocol}.pkl"
            path.write_bytes(pickle.dumps(model, protocol))
            assert_clean(path, "pickle")
        for compress in (0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3)):
            path = tmp_path / f"{number}.joblib"
            joblib.dump(model, path, compress=compress)
            assert_clean(path)
        skops.io.dump(model, tmp_path / f"{number}.skops")
        assert_clean(tmp_path / f"{number}.skops", "skops archive")


def test_arrays(tmp_path: Path) -> None:
    import joblib

    numpy.save(tmp_path / "a.npy", ROWS)
    assert_clean(tmp_path / "a.npy", "numpy array")
    numpy.savez_compressed(tmp_path / "a.npz", a=ROWS, b=LABELS)
    assert_clean(tmp_path / "a.npz", "numpy archive")
    objects = numpy.array([{"a": 1}, None, "x"], dtype=object)
    numpy.save(tmp_path / "o.npy", objects)
    assert_clean(tmp_path / "o.npy", "numpy array of objects")
    odd = {"o": objects, "t": numpy.array(["aé", "bbbb"]), "f": numpy.asfortranarray(ROWS), "s": numpy.array(3.0)}
    joblib.dump(odd, tmp_path / "odd.joblib")
    assert_clean(tmp_path / "odd.joblib")


@pytest.mark.filterwarnings("ignore")
def test_files_of_torch(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    net = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.BatchNorm1d(2))
    state = {"net": net.state_dict(), "adam": torch.optim.Adam(net.parameters()).state_dict(), "epoch": 3}
    torch.save(state, tmp_path / "state.pt")
    assert_clean(tmp_path / "state.pt", "torch archive")
    torch.save(state, tmp_path / "older.pt", _use_new_zipfile_serialization=False)
    assert_clean(tmp_path / "older.pt", "torch file of the older format")
    torch.export.save(torch.export.export(net.eval(), (torch.rand(2, 4),)), tmp_path / "net.pt2")
    assert_clean(tmp_path / "net.pt2", "torch export archive")
    torch.jit.script(net).save(str(tmp_path / "net.ts"))
    assert_clean(tmp_path / "net.ts", "TorchScript archive")
    assert "TorchScript" in scan(str(tmp_path / "net.ts")).notes[0]
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    assert_clean(tmp_path / "net.safetensors", "safetensors")
    # A whole module is code of whoever wrote it, and is not clean.
    torch.save(net, tmp_path / "whole.pt")
    assert scan(str(tmp_path / "whole.pt")).opinion == "unsafe"


def test_onnx_hdf5_and_text(tmp_path: Path) -> None:
    import h5py
    from skl2onnx import to_onnx

    model = to_onnx(estimators()[0], ROWS[:1].astype("float32"))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    assert_clean(tmp_path / "m.onnx", "ONNX")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["weights"] = ROWS
        file.attrs["model_config"] = '{"class_name": "Dense", "module": "keras.layers", "config": {}}'
    assert_clean(tmp_path / "w.h5", "Keras HDF5")
    (tmp_path / "x.json").write_text('{"learner": {"gradient_booster": {}}, "version": [2, 1, 0]}')
    assert_clean(tmp_path / "x.json", "XGBoost JSON")
    described = '{"chat_template": "{% for m in messages %}{{ m.role }}: {{ m.content | trim }}{% endfor %}"}'
    (tmp_path / "tokenizer_config.json").write_text(described)
    assert_clean(tmp_path / "tokenizer_config.json", "chat template")


@pytest.mark.filterwarnings("ignore")
def test_a_folder_of_mlflow(tmp_path: Path) -> None:
    import mlflow.sklearn

    folder = tmp_path / "model"
    requirements = ["scikit-learn"]
    mlflow.sklearn.save_model(
        estimators()[0], folder, pip_requirements=requirements, serialization_format="cloudpickle"
    )  # fmt: skip
    formats = {one.name: scan(str(one)) for one in folder.rglob("*") if one.is_file()}
    assert formats["model.pkl"].format == "pickle"
    assert formats["MLmodel"].format == "MLflow model"
    assert all(one.opinion == "clean" for one in formats.values()), formats
    text = (folder / "MLmodel").read_text().replace("loader_module: mlflow.sklearn", "loader_module: ours.loader")
    (folder / "MLmodel").write_text(text)
    assert "ours.loader" in scan(str(folder / "MLmodel")).notes[0]

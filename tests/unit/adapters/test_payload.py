"""The model that training left: which it is, its digest, and that what is kept is what was digested."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from pathlib import Path

import pytest

from mlci.adapters.disk.content import digest_of_manifest
from mlci.adapters.models import payload as module
from mlci.adapters.models.payload import copy_payload, find_payload, verify
from mlci.errors import ModelAltered, ModelMissing, NotWritable


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "output").mkdir()
    return tmp_path / "output"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


MLMODEL = """artifact_path: model
flavors:
  sklearn: {pickled_model: model.pkl, serialization_format: cloudpickle}
mlflow_version: 3.17.2
model_id: m-%s
model_uuid: %s
run_id: %s
utc_time_created: '2026-01-0%s 00:00:00'
"""


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("model.joblib", "pickle"), ("m.pkl", "pickle"), ("M.PKL", "pickle"), ("m.pickle.gz", "pickle"),
        ("m.skops", "skops"), ("m.onnx", "onnx"), ("m.pt2", "torch"), ("m.pt", "torch"), ("m.pth", "torch"),
    ],
)  # fmt: skip
def test_the_one_model_among_other_files_is_found_by_its_ending(output: Path, name: str, format: str) -> None:
    for other in (name, "metrics.json", "plot.png", "log.txt"):
        (output / other).write_text(other)
    found = find_payload(str(output), None, command=False)

    assert (found.path, found.format) == (str(output / name), format)
    assert [file.path for file in found.files] == [name]
    assert found.digest == digest_of_manifest(found.files)


def test_an_mlflow_model_may_be_the_folder_itself_or_lie_in_it(output: Path, tmp_path: Path) -> None:
    for folder in (output / "model", output):
        write(folder, MLmodel="flavors: {}", model_pkl="x")
        found = find_payload(str(output), None, command=False)
        assert (found.path, found.format) == (str(folder), "mlflow")
    deep = write(tmp_path / "deep", out__model_joblib="x", plots__a_png="x")
    assert find_payload(str(deep), None, command=False).path == str(deep / "out/model.joblib")


def test_none_or_several_models_are_listed_with_the_key_that_names_one(output: Path) -> None:
    with pytest.raises(ModelMissing, match="there is nothing"):
        find_payload(str(output), None, command=False)
    write(output, metrics_json="x", notes_txt="x")
    with pytest.raises(ModelMissing, match=r"there is metrics\.json, notes\.txt") as caught:
        find_payload(str(output), None, command=False)
    assert "train.model" in (caught.value.help or "")
    write(output, a_joblib="x", b_onnx="x")
    with pytest.raises(ModelMissing, match=r"2 files or folders that could be the model: a\.joblib, b\.onnx"):
        find_payload(str(output), None, command=False)
    assert find_payload(str(output), "b.onnx", command=False).format == "onnx"
    with pytest.raises(ModelMissing, match="no output folder"):
        find_payload(str(output / "none"), None, command=False)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("none.joblib", "left no none.joblib"), ("../secret.joblib", "outside"), ("/etc/passwd", "outside"),
        ("link.joblib", "outside"), ("notes.txt", "ends in nothing"), ("empty", "ends in nothing"),
    ],
)  # fmt: skip
def test_a_name_that_leads_nowhere_or_out_of_the_folder_is_refused(output: Path, named: str, said: str) -> None:
    write(output.parent, secret_joblib="x")
    write(output, notes_txt="x")
    (output / "empty").mkdir()
    (output / "link.joblib").symlink_to("../secret.joblib")

    with pytest.raises(ModelMissing, match=said):
        find_payload(str(output), named, command=False)


def test_with_a_scoring_command_anything_is_a_model(output: Path) -> None:
    with pytest.raises(ModelMissing, match="left no file"):
        find_payload(str(output), None, command=True)
    write(output, weights_bin="x", vocabulary_txt="y")

    whole = find_payload(str(output), None, command=True)
    assert (whole.path, whole.format, len(whole.files)) == (str(output), "command", 2)
    assert find_payload(str(output), "weights.bin", command=True).format == "command"


def test_onnx_with_weights_in_another_file_is_no_whole_model(output: Path) -> None:
    write(output, m_onnx="x", m_onnx_data="x")

    with pytest.raises(ModelMissing, match=r"weights in m\.onnx\.data"):
        find_payload(str(output), None, command=False)


def test_two_saves_of_one_mlflow_model_are_the_same_and_another_loader_is_not(output: Path) -> None:
    def saved(one: str, two: str = "cloudpickle") -> str:
        text = (MLMODEL % (one, one, one, one)).replace("cloudpickle", two)
        write(output, MLmodel=text, model_pkl="weights")
        found = find_payload(str(output), None, command=False)
        assert found.digest == digest_of_manifest(found.files), "evidence alone says the digest"
        return found.digest

    first = saved("1")
    assert saved("2") == first
    write(output, registered__meta="x")
    (output / "registered_model_meta").write_text("model_name: x\n")
    (output / "registered").rename(output.parent / "elsewhere")
    assert saved("3") == first
    assert saved("1", "skops") != first
    assert saved("1", "cloudpickle, code: 1") != saved("1", "cloudpickle, code: '1'")


def doubling(line: str) -> str:
    """YAML that is small, and many times as large with each line when it is written out."""
    return "".join(f"{two}: &{two} {line.format(one)}\n" for one, two in itertools.pairwise("abcdefghi"))


@pytest.mark.parametrize(
    "text",
    [
        "flavors: {}\nrun_id: %s\nx: [",
        "run_id: %s\n",
        "flavors: {}\nrun_id: %s\na: &a [x, x, x, x]\n" + doubling("[*{0}, *{0}, *{0}, *{0}, *{0}, *{0}]"),
        "flavors: {}\nrun_id: %s\na: &a {x: 1}\n" + doubling("{{<<: [" + ", ".join(["*{0}"] * 17) + "]}}"),
        "flavors: {}\nrun_id: %s\na: " + "[" * 2000,
        "flavors: {}\nrun_id: %s\na: &a [*a]",
    ],
)  # fmt: skip
def test_an_mlmodel_that_cannot_be_understood_counts_byte_by_byte(output: Path, text: str) -> None:
    digests = set()
    for run in ("a", "b"):
        write(output, MLmodel=text % run)
        digests.add(find_payload(str(output), None, command=False).digest)

    assert len(digests) == 2


@pytest.mark.filterwarnings("ignore")
def test_two_saves_by_mlflow_itself_are_the_same(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sklearn = pytest.importorskip("mlflow.sklearn")
    from sklearn.linear_model import LogisticRegression

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{output.parent}/x.db")
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    found = []
    for name in ("one", "two"):
        sklearn.save_model(
            model, str(output / name / "model"), serialization_format="cloudpickle", pip_requirements=["scikit-learn"]
        )
        found.append(find_payload(str(output / name), None, command=False))
    first, second = ((output / name / "model/MLmodel").read_bytes() for name in ("one", "two"))

    assert first != second
    assert found[0].digest == found[1].digest
    verify(found[1].path, found[0].files)


def test_a_hostile_folder_is_no_model(output: Path) -> None:
    write(output, MLmodel="flavors: {}")
    hostile = {
        "leads out": lambda path: path.symlink_to("/etc/passwd"),
        "neither a file": os.mkfifo,
        "control characters": lambda path: path.with_name("a\nb").write_text("x"),
        "not UTF-8": lambda path: Path(os.fsdecode(os.fsencode(path) + b"\xff")).write_text("x"),
    }
    for said, make in hostile.items():
        make(output / "odd")
        with pytest.raises(ModelMissing, match=said) as caught:
            find_payload(str(output), None, command=False)
        assert all(line.isprintable() for line in str(caught.value).splitlines())
        for path in output.iterdir():
            if path.name != "MLmodel":
                path.unlink()


def test_a_folder_with_more_files_than_any_model_is_refused(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FILES", 3)
    write(output, MLmodel="flavors: {}", a="x", b="x", c="x")

    with pytest.raises(ModelMissing, match="more than 3 files"):
        find_payload(str(output), None, command=False)


def test_a_model_that_differs_from_its_evidence_is_named_by_the_file(output: Path) -> None:
    write(output, MLmodel=MLMODEL % ("1", "1", "1", "1"), model_pkl="weights")
    files = find_payload(str(output), None, command=False).files
    verify(str(output), files)
    write(output, MLmodel=MLMODEL % ("2", "2", "2", "2"))
    (output / "registered_model_meta").write_text("x")
    verify(str(output), files)

    for path, text, said in (
        ("model.pkl", "weightz", "model.pkl is not the one"),
        ("extra.py", "x", "extra.py that its evidence does not name"),
        ("MLmodel", MLMODEL.replace("cloudpickle", "skops"), "MLmodel is not the one"),
    ):
        kept = (output / path).read_text() if (output / path).exists() else None
        (output / path).write_text(text)
        with pytest.raises(ModelAltered, match=said):
            verify(str(output), files)
        (output / path).unlink() if kept is None else (output / path).write_text(kept)
    (output / "model.pkl").unlink()
    with pytest.raises(ModelAltered, match=r"model\.pkl is missing"):
        verify(str(output), files)
    with pytest.raises(ModelAltered, match="cannot be read"):
        verify(str(output / "none"), files)


def test_a_copy_has_the_digest_of_what_was_copied_and_lies_where_it_is_looked_for(output: Path, tmp_path: Path) -> None:
    write(output, MLmodel=MLMODEL % ("1", "1", "1", "1"), code__a_py="x")
    (output / "registered_model_meta").write_text("x")
    (output / "code/a.py").chmod(0o755)
    (output / "link.py").symlink_to("code/a.py")
    found = find_payload(str(output), None, command=False)
    copied = copy_payload(found, str(tmp_path / "kept/model"))

    assert copied == replace(found, path=str(tmp_path / "kept/model"))
    verify(copied.path, found.files)
    assert not (tmp_path / "kept/model/link.py").is_symlink()
    assert not (tmp_path / "kept/model/registered_model_meta").exists()
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["model"]

    write(tmp_path / "single", m_joblib="x")
    single = copy_payload(find_payload(str(tmp_path / "single"), None, command=False), str(tmp_path / "kept/one"))
    assert single.path == str(tmp_path / "kept/one/m.joblib")
    verify(single.path, single.files)
    verify(str(tmp_path / "kept/one"), single.files)


@pytest.mark.parametrize("changed", ["model.pkl", "MLmodel"])
def test_a_model_that_changes_after_it_was_digested_is_not_kept(output: Path, tmp_path: Path, changed: str) -> None:
    write(output, MLmodel="flavors: {a: 1}", model_pkl="weights")
    found = find_payload(str(output), None, command=False)
    (output / changed).write_text("flavors: {a: 2}")

    with pytest.raises(ModelAltered, match=f"{changed} changed"):
        copy_payload(found, str(tmp_path / "kept"))
    (output / changed).unlink()
    with pytest.raises(ModelAltered, match=f"{changed} changed"):
        copy_payload(found, str(tmp_path / "kept"))
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_a_copy_replaces_nothing(output: Path, tmp_path: Path) -> None:
    write(output, m_joblib="x")
    write(tmp_path / "kept", a="x")

    with pytest.raises(NotWritable):
        copy_payload(find_payload(str(output), None, command=False), str(tmp_path / "kept"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "output"]

"""The hand-over folder: laid whole or not at all, and read as a stranger's."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from handed import BASELINE, CANDIDATE, ENVIRONMENT, evidence, laid, model, modules, predicate, production

from mlci.adapters.disk import folders
from mlci.adapters.disk.content import digest_of_manifest
from mlci.adapters.models import handover
from mlci.domain.training import Environment, Inputs, OwnModule, PayloadFile, artifact_digest
from mlci.errors import ArtifactRefused, FileMissing, MlciError, ModelAltered, NotWritable


def test_what_is_laid_is_read(tmp_path: Path) -> None:
    folder = laid(tmp_path)
    found = handover.read(str(folder))
    assert found.model.model == "churn"
    assert Path(found.candidate).read_bytes() == CANDIDATE
    assert found.environment == ENVIRONMENT
    assert found.baseline is not None
    assert (found.baseline[0], Path(found.baseline[1]).read_bytes()) == (production(), BASELINE)
    assert handover.verify_payload(found).path == str(folder / "model" / "model.joblib")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlci-model", "output", "production.csv", "scored.csv"]


def test_a_model_that_is_a_folder_stays_one(tmp_path: Path) -> None:
    files = {"MLmodel": b"flavors: {}\n", "model.pkl": b"weights", "code/mine.py": b"1"}
    folder = laid(tmp_path, files, baseline=False)
    found = handover.read(str(folder))
    assert handover.verify_payload(found).path == str(folder / "model")
    assert found.baseline is None
    assert (folder / "model" / "code" / "mine.py").read_bytes() == b"1"


CODE = {"mine.py": b"import churn.model", "churn/__init__.py": b"", "churn/model.py": b"class Model: ..."}


def test_code_that_a_model_is_loaded_with_is_laid_out_by_import_path_and_comes_with_it(tmp_path: Path) -> None:
    folder = laid(tmp_path, code=CODE)
    first = handover.read(str(folder))
    assert {file.path: (folder / "code" / file.path).read_bytes() for file in first.model.code} == CODE
    handover.lay(
        str(folder), evidence=first.evidence, candidate=first.candidate, payload=first.payload,
        environment=first.environment, baseline=None,
    )  # fmt: skip
    again = handover.verify_payload(handover.read(str(folder)))
    assert [module.place for module in again.code] == [str(folder / "code" / path) for path in CODE]
    assert again.digest != laid_without_code(tmp_path / "other")


def laid_without_code(folder: Path) -> str:
    folder.mkdir()
    return handover.read(str(laid(folder))).model.artifact


@pytest.mark.parametrize("name", ["churn/model.py", "churn/more.py", "json.py"])
def test_other_code_than_the_evidence_names_is_found_when_it_is_compared(tmp_path: Path, name: str) -> None:
    folder = laid(tmp_path, code=CODE)
    (folder / "code" / name).write_bytes(b"other")
    with pytest.raises(ModelAltered, match="module"):
        handover.verify_payload(handover.read(str(folder)))


def test_code_that_is_not_named_or_not_there_is_refused(tmp_path: Path) -> None:
    folder = laid(tmp_path, code=CODE)
    shutil.rmtree(folder / "code")
    with pytest.raises(FileMissing, match="has no code"):
        handover.read(str(folder))
    shutil.rmtree(folder)
    folder = laid(tmp_path)
    (folder / "code").mkdir()
    with pytest.raises(ArtifactRefused, match="does not name"):
        handover.read(str(folder))


def test_code_that_changes_before_it_is_laid_lays_nothing(tmp_path: Path) -> None:
    first = handover.read(str(laid(tmp_path, code=CODE)))
    payload = replace(first.payload, code=modules(tmp_path / "src", {**CODE, "mine.py": b"other"}))
    for given in (payload, replace(payload, code=()), replace(first.payload, code=first.payload.code[1:])):
        with pytest.raises(ModelAltered):
            handover.lay(
                str(tmp_path / "new"), evidence=first.evidence, candidate=first.candidate, payload=given,
                environment=first.environment, baseline=None,
            )  # fmt: skip
    (tmp_path / "mlci-model" / "code" / "mine.py").write_bytes(b"other")
    with pytest.raises(ModelAltered, match=r"mine\.py"):
        handover.lay(
            str(tmp_path / "new"), evidence=first.evidence, candidate=first.candidate, payload=first.payload,
            environment=first.environment, baseline=None,
        )  # fmt: skip
    assert not (tmp_path / "new").exists()


def test_a_scoring_command_is_another_model_with_other_code_and_older_evidence_is_still_read(tmp_path: Path) -> None:
    found = replace(predicate(model(tmp_path)), format="command")
    names = [
        artifact_digest(found.files, format="command", inputs=replace(found.inputs, code=digit * 64)) for digit in "45"
    ]
    assert names[0] != names[1]
    assert handover.read_model(evidence(replace(found, artifact=names[0])), "here").artifact == names[0]
    assert handover.read_model(evidence(found), "here").artifact == found.artifact
    with pytest.raises(ArtifactRefused):
        handover.read_model(evidence(replace(found, artifact=names[1])), "here")


@pytest.mark.parametrize("path", ["../x.py", "/x.py", "x.pyc", "x", ".py", "a-b.py", "a//b.py", "a/b", "x.py/y"])
def test_evidence_names_modules_only_by_what_can_be_imported(tmp_path: Path, path: str) -> None:
    payload = model(tmp_path / "output")
    module = OwnModule(file=PayloadFile(path=path, digest="0" * 64, size=1), place="/x")
    with pytest.raises(ArtifactRefused):
        handover.read_model(evidence(predicate(replace(payload, code=(module,)))), "here")


def test_a_file_of_the_model_is_never_the_same_as_a_module_of_that_name() -> None:
    one = PayloadFile(path="model.pkl", digest="0" * 64, size=1)
    module = PayloadFile(path="x.py", digest="1" * 64, size=1)
    inside = replace(module, path="code/x.py")
    inputs = Inputs(code="", params="", data="", environment="", recipe="", key="")
    digests = {
        artifact_digest([one, inside], format="pickle", inputs=inputs),
        artifact_digest([one], [module], format="pickle", inputs=inputs),
        artifact_digest([one, module], format="pickle", inputs=inputs),
    }
    assert len(digests) == 3
    assert artifact_digest([module, one], format="pickle", inputs=inputs) == digest_of_manifest([one, module])


def test_an_earlier_hand_over_is_replaced_and_may_be_where_the_model_comes_from(tmp_path: Path) -> None:
    folder = laid(tmp_path)
    first = handover.read(str(folder))
    (tmp_path / "again.csv").write_bytes(CANDIDATE)
    handover.lay(
        str(folder), evidence=first.evidence, candidate=str(tmp_path / "again.csv"), payload=first.payload,
        environment=first.environment, baseline=None,
    )  # fmt: skip
    assert handover.read(str(folder)).baseline is None
    assert handover.verify_payload(handover.read(str(folder))).digest == first.payload.digest


@pytest.mark.parametrize("name", ["notes.txt", "model/weights.bin", "model.json"])
def test_a_folder_of_somebody_elses_is_not_replaced(tmp_path: Path, name: str) -> None:
    mine = tmp_path / "mlci-model" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("precious")
    with pytest.raises(NotWritable, match="is not replaced"):
        laid(tmp_path)
    assert mine.read_text() == "precious"


def test_a_link_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "mlci-model").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotWritable, match="is not a folder"):
        laid(tmp_path)


def test_predictions_that_changed_since_are_not_laid(tmp_path: Path) -> None:
    payload = model(tmp_path / "output")
    (tmp_path / "scored.csv").write_bytes(CANDIDATE + b"3,1,1\n")
    with pytest.raises(ModelAltered):
        handover.lay(
            str(tmp_path / "out"), evidence=evidence(predicate(payload)), candidate=str(tmp_path / "scored.csv"),
            payload=payload, environment=ENVIRONMENT, baseline=None,
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_a_run_that_dies_while_laying_leaves_the_earlier_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = laid(tmp_path)
    before = (folder / "model.json").read_bytes()

    def dies(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(handover, "lock_text", dies)
    with pytest.raises(KeyboardInterrupt):
        laid(tmp_path, baseline=False)
    assert (folder / "model.json").read_bytes() == before
    assert handover.read(str(folder)).baseline is not None
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_what_a_killed_run_left_beside_it_is_removed_after_an_hour(tmp_path: Path) -> None:
    old, young = tmp_path / ".mlci-model.abcdefgh", tmp_path / ".mlci-model.12345678"
    for path in (old, young):
        path.mkdir()
    os.utime(old, (0, 0))
    laid(tmp_path)
    assert (old.exists(), young.exists()) == (False, True)


def test_the_baseline_is_replaced_and_taken_out(tmp_path: Path) -> None:
    folder = laid(tmp_path, baseline=False)
    handover.set_baseline(str(folder), (production(), str(tmp_path / "production.csv")))
    found = handover.read(str(folder))
    assert found.baseline is not None
    handover.set_baseline(str(folder), found.baseline)
    assert handover.read(str(folder)).baseline == found.baseline
    (folder / "baseline.json").unlink()
    assert handover.read(str(folder)).baseline is None
    handover.set_baseline(str(folder), None)
    assert not (folder / "baseline.csv").exists()


def spoil(name: str, content: bytes | None) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)

    return change


def linked(folder: Path) -> None:
    target = folder.parent / "scored.csv"
    (folder / "candidate.csv").unlink()
    (folder / "candidate.csv").symlink_to(target)


def piped(folder: Path) -> None:
    (folder / "candidate.csv").unlink()
    os.mkfifo(folder / "candidate.csv")


def about(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "baseline.json").write_bytes(handover.canonical(production(**changes)))

    return change


@pytest.mark.parametrize(
    ("change", "kind", "why"),
    [
        (spoil("candidate.csv", CANDIDATE + b"\n"), ModelAltered, "candidate's predictions file has the sha256"),
        (spoil("baseline.csv", CANDIDATE), ModelAltered, "production's predictions file has the sha256"),
        (about(holdout="0" * 64), ModelAltered, "of another holdout"),
        (about(evaluator="0" * 64), ModelAltered, "of another holdout"),
        (about(version="7; rm"), ArtifactRefused, "cannot be one"),
        (about(artifact="A" * 64), ArtifactRefused, "64 hexadecimal"),
        (spoil("baseline.json", b'{"version": 7}'), ArtifactRefused, "cannot be read"),
        (spoil("environment.json", b"[]"), ArtifactRefused, "environment cannot be read"),
        (spoil("environment.txt", b"\xff"), ArtifactRefused, "no text"),
        (spoil("extra.sh", b""), ArtifactRefused, "it holds 'extra.sh'"),
        (spoil("candidate.parquet", b""), ArtifactRefused, "both candidate.csv and candidate.parquet"),
        (spoil("candidate.csv", None), FileMissing, "has no candidate.csv or candidate.parquet"),
        (spoil("environment.txt", None), FileMissing, "has no environment.txt"),
        (spoil("model.json", None), FileMissing, "has no model.json"),
        (lambda folder: shutil.rmtree(folder / "model"), FileMissing, "has no model"),
        (linked, ArtifactRefused, "it holds 'candidate.csv'"),
        (piped, ArtifactRefused, "it holds 'candidate.csv'"),
        (shutil.rmtree, FileMissing, "cannot read"),
    ],
)  # fmt: skip
def test_a_folder_that_was_spoilt_is_refused(
    tmp_path: Path, change: Callable[[Path], None], kind: type[MlciError], why: str
) -> None:
    folder = laid(tmp_path)
    change(folder)
    with pytest.raises(kind) as caught:
        handover.read(str(folder))
    assert why in caught.value.cause


def test_a_file_that_becomes_a_link_or_a_pipe_after_it_was_listed_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(ArtifactRefused):
            folders.read_file(str(tmp_path / name), 10)


@pytest.mark.parametrize("name", ["model/model.joblib", "model/added"])
def test_a_model_with_other_bytes_is_found_when_it_is_compared(tmp_path: Path, name: str) -> None:
    folder = laid(tmp_path)
    (folder / name).write_bytes(b"other")
    with pytest.raises(ModelAltered):
        handover.verify_payload(handover.read(str(folder)))


def edited(change: Callable[[dict], None]) -> Callable[[bytes], bytes]:  # type: ignore[type-arg]
    def made(content: bytes) -> bytes:
        document = json.loads(content)
        change(document)
        return json.dumps(document).encode()

    return made


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (edited(lambda it: it.update(predicateType="https://example.org/evidence/model/v1")), "not the evidence"),
        (edited(lambda it: it.update(_type="Statement")), "not the evidence"),
        (edited(lambda it: it["subject"][0].update(name="other")), "not about the model"),
        (edited(lambda it: it["subject"].append(it["subject"][0])), "not about the model"),
        (edited(lambda it: it["predicate"]["files"][0].update(size=3)), "not that of its files"),
        (edited(lambda it: it["predicate"]["files"][0].update(size=-3)), "negative"),
        (edited(lambda it: it["predicate"]["files"][0].update(path="../x")), "leads out"),
        (edited(lambda it: it["predicate"]["files"][0].update(path="/x")), "leads out"),
        (edited(lambda it: it["predicate"]["files"][0].update(path="a\nb")), "leads out"),
        (edited(lambda it: it["predicate"]["files"].append(it["predicate"]["files"][0])), "twice"),
        (edited(lambda it: it["predicate"].update(files=[])), "no files"),
        (edited(lambda it: it["predicate"]["inputs"].update(key="KEY")), "64 hexadecimal"),
        (edited(lambda it: it["predicate"]["predictions"]["holdout"].update(digest="x")), "64 hexadecimal"),
        (edited(lambda it: it["predicate"]["predictions"].update(probe=3)), "more examples"),
        (edited(lambda it: it["predicate"]["provenance"].update(commit="--upload-pack=x")), "commit"),
        (edited(lambda it: it["predicate"]["scoring"].update(seconds=-1.0)), "negative or not finite"),
        (edited(lambda it: it["predicate"].update(model="m" * 401, files=it["predicate"]["files"])), "not about"),
        (edited(lambda it: it["predicate"].update(format="exec")), "Unknown word"),
        (edited(lambda it: it["predicate"].pop("training")), "cannot be read"),
        (lambda content: content[:-1] + b',"_type":"twice"}', "twice"),
        (lambda _: b"[" * 100_000, "cannot be read"),
        (lambda content: content + b" " * (33 << 20), "more than"),
    ],
)  # fmt: skip
def test_evidence_that_cannot_be_true_is_refused(tmp_path: Path, change: Callable[[bytes], bytes], why: str) -> None:
    content = evidence(predicate(model(tmp_path)))
    assert handover.read_model(content, "here").model == "churn"
    with pytest.raises(ArtifactRefused) as caught:
        handover.read_model(change(content), "here")
    assert why in caught.value.cause


def test_what_a_later_version_adds_is_passed_over(tmp_path: Path) -> None:
    later = edited(lambda it: it["predicate"].update(news={"a": [1]}))(evidence(predicate(model(tmp_path))))
    assert handover.read_model(later, "here").model == "churn"


def test_a_single_file_is_handed_to_its_loader_and_a_folder_as_it_is(tmp_path: Path) -> None:
    one = PayloadFile(path="model.onnx", digest="0" * 64, size=1)
    single = replace(predicate(model(tmp_path)), format="onnx", files=(one,))
    assert handover.payload_in("/m", single, "/c").path == "/m/model.onnx"
    assert handover.payload_in("/m", replace(single, format="mlflow"), "/c").path == "/m"
    assert handover.payload_in("/m", replace(single, files=(one, one)), "/c").path == "/m"


def test_the_environment_survives_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "environment.json").write_bytes(handover.canonical(ENVIRONMENT))
    found: Environment = handover.read_environment(str(tmp_path / "environment.json"))
    assert found == ENVIRONMENT

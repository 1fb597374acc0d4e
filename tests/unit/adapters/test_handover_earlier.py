"""Earlier results: on this machine, in the registry and among artifacts, each compared before it is taken."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from handed import KEY, evidence, laid, predicate

from mlci.adapters.disk.archive import unpack
from mlci.adapters.disk.folders import copy_tree
from mlci.adapters.models import handover
from mlci.adapters.models.earlier import ArtifactEarlier, FolderEarlier, RegistryEarlier, registry_folder, segment
from mlci.errors import ArtifactRefused, ModelAltered, ServiceRefused
from mlci.ports import Artifact, Entry, Trained
from mlci.testing.registry import MemoryRegistry


@dataclass
class Artifacts:
    """The part of ports.Runs that is asked."""

    packed: dict[int, bytes] = field(default_factory=dict)
    fetched: list[int] = field(default_factory=list)

    def artifacts_of_branch(self, name: str, branch: str) -> Iterator[Artifact]:
        assert (name, branch) == ("mlci-model-churn", "main")
        for id in sorted(self.packed, reverse=True):
            yield Artifact(id=id, name=name, size=1, run=id, digest=None, expired=id == 99)

    def content(self, artifact: Artifact, limit: int) -> bytes:
        assert limit
        self.fetched.append(artifact.id)
        return self.packed[artifact.id]


def same(trained: Trained | None, folder: Path, at: Path) -> bool:
    assert trained is not None
    trained.lay(str(at))
    found = handover.read(str(at))
    handover.verify_payload(found)
    return (found.evidence, trained.evidence) == ((folder / "model.json").read_bytes(),) * 2


def test_what_was_kept_is_found_by_model_and_key(tmp_path: Path) -> None:
    said: list[str] = []
    folder, kept = laid(tmp_path), FolderEarlier(str(tmp_path / "models"), said.append)
    assert kept.with_inputs("churn", KEY) is None
    kept.keep(str(folder), KEY)
    assert same(kept.with_inputs("churn", KEY), folder, tmp_path / "again")
    assert kept.with_inputs("churn", "0" * 64) is None
    assert kept.with_inputs("Churn", KEY) is None
    assert said == []


def test_what_was_kept_and_does_not_hold_counts_as_none(tmp_path: Path) -> None:
    said: list[str] = []
    folder, kept = laid(tmp_path), FolderEarlier(str(tmp_path / "models"), said.append)
    place = tmp_path / "models" / "churn" / KEY
    for name, why in (("candidate.csv", "sha256"), ("model/model.joblib", "not the one"), ("model.json", "cannot be")):
        kept.keep(str(folder), KEY)
        (place / name).unlink()
        (place / name).write_bytes(b"other")
        assert kept.with_inputs("churn", KEY) is None
        assert why in said.pop()
    kept.fill("churn", "0" * 64, lambda new: copy_tree(str(folder), new))
    assert kept.with_inputs("churn", "0" * 64) is None
    assert "other inputs" in said.pop()


def test_a_file_of_the_hand_over_that_is_written_anew_leaves_what_was_kept(tmp_path: Path) -> None:
    folder, kept = laid(tmp_path), FolderEarlier(str(tmp_path / "models"), print)
    kept.keep(str(folder), KEY)
    assert (tmp_path / "models" / "churn" / KEY / "candidate.csv").samefile(folder / "candidate.csv")
    laid(tmp_path, {"model.joblib": b"new weights"})
    trained = kept.with_inputs("churn", KEY)
    assert trained is not None
    assert trained.evidence != (folder / "model.json").read_bytes()


def test_only_the_newest_few_are_kept(tmp_path: Path) -> None:
    folder, kept = laid(tmp_path), FolderEarlier(str(tmp_path / "models"), print)
    for number in range(7):
        kept.fill("churn", f"{number:064x}", lambda new: copy_tree(str(folder), new))
        os.utime(tmp_path / "models" / "churn" / f"{number:064x}", (number, number))
    names = sorted(int(path.name, 16) for path in (tmp_path / "models" / "churn").iterdir())
    assert names == [2, 3, 4, 5, 6]


def test_a_run_that_dies_while_keeping_leaves_nothing(tmp_path: Path) -> None:
    folder, kept = laid(tmp_path), FolderEarlier(str(tmp_path / "models"), print)

    def dies(new: Path) -> None:
        copy_tree(str(folder), new)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept.fill("churn", KEY, dies)
    assert list((tmp_path / "models" / "churn").iterdir()) == []


def test_links_are_not_copied(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    folder = laid(tmp_path)
    (folder / "model" / "link").symlink_to("/etc/passwd")
    with pytest.raises(ArtifactRefused):
        copy_tree(str(folder), tmp_path / "new")


@pytest.mark.parametrize("one", ["../x", "a/b", "", ".", "..", "A", "x" * 200, "a\nb", "café"])
def test_the_name_of_a_model_is_one_name_of_a_folder(one: str) -> None:
    found = segment(one)
    assert "/" not in found
    assert found not in ("", ".", "..")
    assert len(found) < 120
    assert segment("a") == "a"


def registered(tmp_path: Path, code: dict[str, bytes] | None = None) -> tuple[Path, MemoryRegistry]:
    folder, registry = laid(tmp_path, code=code), MemoryRegistry()
    found = handover.read(str(folder))
    registry_folder(found, str(tmp_path / "entry"))
    entry = Entry(
        digest=found.model.artifact, folder=str(tmp_path / "entry"), tags={"mlci.inputs": KEY}, params={}, metrics={},
        description="",
    )  # fmt: skip
    registry.register("churn", entry)
    return folder, registry


def test_a_version_of_the_registry_is_found_and_kept_here(tmp_path: Path) -> None:
    folder, registry = registered(tmp_path)
    assert sorted(registry.stored["churn"]["1"].files) == [
        "mlci/candidate.csv", "mlci/environment.json", "mlci/environment.txt", "mlci/model.json", "model/model.joblib",
    ]  # fmt: skip
    kept = FolderEarlier(str(tmp_path / "models"), print)
    found = RegistryEarlier(registry, kept).with_inputs("churn", KEY)
    assert same(found, folder, tmp_path / "again")
    assert found is not None
    assert found.origin == "version 1 in the registry"
    assert kept.with_inputs("churn", KEY) is not None


def test_the_code_of_a_version_is_kept_with_it_and_comes_back(tmp_path: Path) -> None:
    folder, registry = registered(tmp_path, {"churn/model.py": b"1"})
    files = registry.stored["churn"]["1"].files
    assert files["mlci/code/churn/model.py"] == b"1"
    said: list[str] = []
    kept = FolderEarlier(str(tmp_path / "models"), said.append)
    assert same(RegistryEarlier(registry, kept).with_inputs("churn", KEY), folder, tmp_path / "again")
    assert (tmp_path / "again" / "code" / "churn" / "model.py").read_bytes() == b"1"
    assert same(kept.with_inputs("churn", KEY), folder, tmp_path / "once more")
    files["mlci/code/churn/model.py"] = b"2"
    assert RegistryEarlier(registry, kept).with_inputs("churn", KEY) is None
    assert "module churn/model.py" in said.pop()
    del files["mlci/code/churn/model.py"]
    assert RegistryEarlier(registry, kept).with_inputs("churn", KEY) is None
    assert "mlci/code" in said.pop()


def test_a_version_that_is_not_whole_or_a_registry_that_refuses_counts_as_none(tmp_path: Path) -> None:
    _, registry = registered(tmp_path)
    said: list[str] = []
    earlier = RegistryEarlier(registry, FolderEarlier(str(tmp_path / "models"), said.append))
    files = registry.stored["churn"]["1"].files
    for name, why in (("model/model.joblib", "not the one"), ("mlci/candidate.csv", "sha256")):
        whole, files[name] = files[name], b"other"
        assert earlier.with_inputs("churn", KEY) is None
        assert why in said.pop()
        files[name] = whole
    del files["mlci/environment.txt"]
    assert earlier.with_inputs("churn", KEY) is None
    assert "environment.txt" in said.pop()
    registry.error = ServiceRefused("no")
    assert earlier.with_inputs("churn", KEY) is None
    assert "memory://registry" in said.pop()
    assert not list((tmp_path / "models").glob("*/*"))


def test_a_model_that_changed_is_not_laid_out_for_the_registry(tmp_path: Path) -> None:
    folder = laid(tmp_path)
    (folder / "model" / "model.joblib").write_bytes(b"other")
    with pytest.raises(ModelAltered):
        registry_folder(handover.read(str(folder)), str(tmp_path / "entry"))
    assert not (tmp_path / "entry").exists()


def packed(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return content.getvalue()


def test_an_artifact_of_the_same_inputs_is_found_and_others_are_passed_over(tmp_path: Path) -> None:
    said: list[str] = []
    folder = laid(tmp_path)
    runs = Artifacts({1: packed(folder), 2: b"no zip", 3: packed(folder), 99: b"expired"})
    kept = FolderEarlier(str(tmp_path / "models"), said.append)
    runs.packed[3] = runs.packed[3].replace(b"model.joblib", b"model.JOBLIB")
    found = ArtifactEarlier(runs, "mlci-model-churn", "main", kept).with_inputs("churn", KEY)  # type: ignore[arg-type]
    assert same(found, folder, tmp_path / "again")
    assert found is not None
    assert found.origin == "artifact mlci-model-churn of run 1"
    assert runs.fetched == [3, 2, 1]
    assert [line.partition(":")[0][-6:] for line in said] == ["run 3)", "run 2)"]


def test_only_a_few_artifacts_are_fetched(tmp_path: Path) -> None:
    content = packed(laid(tmp_path))
    runs = Artifacts(dict.fromkeys(range(9), content))
    kept = FolderEarlier(str(tmp_path / "models"), print)
    earlier = ArtifactEarlier(runs, "mlci-model-churn", "main", kept)  # type: ignore[arg-type]
    assert earlier.with_inputs("churn", "0" * 64) is None
    assert len(runs.fetched) == 5


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return content.getvalue()


def link() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("link")
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    return entry


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (zipped(("../x", b"1")), "the name"),
        (zipped(("a/../../x", b"1")), "the name"),
        (zipped(("/x", b"1")), "the name"),
        (zipped((link(), b"/etc/passwd")), "not a regular file"),
        (zipped(("a", b"1"), ("a/b", b"1")), "in the way"),
        (zipped(("a", b"1" * 600), ("b", b"1" * 600)), "1,200 bytes unpacked, more than 1,000"),
        (zipped(("aaaa", b"1"), ("bbbb", b"2")).replace(b"bbbb", b"aaaa"), "in the way"),
    ],
)
def test_an_archive_leads_nowhere(tmp_path: Path, content: bytes, why: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(ArtifactRefused) as caught:
        unpack(content, folder, 1000)
    assert why in caught.value.cause
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_zeros_may_be_packed_tightly(tmp_path: Path) -> None:
    unpack(zipped(("model/zeros", bytes(4 << 20)), ("model/", b"")), tmp_path, 5 << 20)
    assert (tmp_path / "model" / "zeros").stat().st_size == 4 << 20


def test_the_evidence_must_be_of_the_model_that_is_asked_for(tmp_path: Path) -> None:
    said: list[str] = []
    folder, kept = laid(tmp_path), FolderEarlier(str(tmp_path / "models"), said.append)
    kept.keep(str(folder), KEY)
    place = tmp_path / "models" / "churn" / KEY
    other = predicate(handover.read(str(folder)).payload, model="other")
    (place / "model.json").unlink()
    (place / "model.json").write_bytes(evidence(other))
    assert kept.with_inputs("churn", KEY) is None
    assert "of another model" in said.pop()

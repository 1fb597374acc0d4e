"""Production's predictions: kept, or made anew by what wrote the model, with the code that was kept with it."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from handed import evidence as evidence_of
from handed import modules, predicate
from older import PYTHON, lock, need_wheels, offline

from mlci.adapters.disk.files import sha256
from mlci.adapters.git.repository import Repository
from mlci.adapters.models import production
from mlci.adapters.models.environments import build, lock_text
from mlci.adapters.models.locks import is_whole, python_of
from mlci.adapters.models.payload import find_payload
from mlci.adapters.models.production import Bench, _Job, _mlflow_lock, predictions_of
from mlci.adapters.process.surroundings import surroundings
from mlci.adapters.scoring import Asked, HoldoutFile, Interpreter, describe, evaluator_digest, score
from mlci.domain.policy import Columns
from mlci.errors import MlciError, ModelAltered, ModelUnusable, RegistryBroken, ServiceRefused
from mlci.ports import Entry, Unscored, Version
from mlci.testing.registry import MemoryRegistry

Made = Callable[..., tuple[Version, str]]

ASKED = Asked(columns=Columns(id="id", target="y"), features=("a", "b"))
TRAIN = """
import sys
import joblib, numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
x = np.random.RandomState(0).rand(200, 2)
joblib.dump(HistGradientBoostingClassifier(max_iter=5).fit(x, x[:, 0] > 0.5), sys.argv[1])
"""
OWN = "class Model:\n    def predict(self, x):\n        import numpy as np\n        return np.full(len(x), {answer})\n"


@dataclass
class Place:
    """A repository with a holdout, its candidate's interpreter, and a registry."""

    folder: Path
    registry: MemoryRegistry
    said: list[str]

    @property
    def holdout(self) -> HoldoutFile:
        path = str(self.folder / "holdout.csv")
        return HoldoutFile(path=path, digest=sha256(path))

    @property
    def interpreter(self) -> Interpreter:
        environ = surroundings(offline(), python=sys.executable)
        log = str(self.folder / ".mlci" / "log")
        return Interpreter(python=sys.executable, cwd=str(self.folder), environ=environ, timeout=60, log=log)

    def predictions(  # type: ignore[no-untyped-def]
        self, version: Version, *, trusted: bool = True, believed: bool = True, mlci: str = ".mlci",
        asked: Asked = ASKED, **environ: str,
    ):  # fmt: skip
        interpreter = replace(self.interpreter, environ={**self.interpreter.environ, **environ})
        bench = Bench(
            interpreter=interpreter, repository=Repository.find(str(self.folder), offline()),
            folder=str(self.folder / mlci), environ=offline(), trusted=trusted,
            believed=believed,
        )  # fmt: skip
        evaluator = evaluator_digest(asked)
        return predictions_of(version, self.registry, self.holdout, asked, evaluator, bench, self.said.append)

    def register(
        self, output: Path, locked: str | None, commit: str | None = None, code: dict[str, bytes] | None = None,
        *, dirty: bool = False, command: bool = False,
    ) -> Version:  # fmt: skip
        """A version as mlci registers it, scored on another holdout."""
        payload = find_payload(str(output), None, command)
        payload = replace(payload, code=modules(self.folder.parent / "kept", code or {}))
        model = predicate(payload)
        model = replace(model, provenance=replace(model.provenance, commit=commit, dirty=dirty))
        entry = self.folder.parent / f"entry-{payload.digest[:8]}"
        (entry / "mlci").mkdir(parents=True)
        (entry / "model").mkdir()
        for file in payload.files:
            (entry / "model" / file.path).write_bytes((output / file.path).read_bytes())
        modules(entry / "mlci" / "code", code or {})
        (entry / "mlci" / "model.json").write_bytes(evidence_of(model))
        if locked is not None:
            (entry / "mlci" / "environment.txt").write_text(locked)
        return self.registry.register(
            "churn",
            Entry(
                digest=model.artifact,
                folder=str(entry),
                tags={"mlci.alone": "true"},
                params={},
                metrics={},
                description="",
            ),
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = tmp_path / "repository"
    (folder / ".mlci").mkdir(parents=True)
    rows = "".join(f"{row},{row % 2},{row / 40},{1 - row / 40}\n" for row in range(40))
    (folder / "holdout.csv").write_text(f"id,y,a,b\n{rows}")
    return Place(folder, MemoryRegistry(), [])


@pytest.fixture
def own(place: Place) -> Made:
    """A model whose class is code of the repository, which changes afterwards."""

    def made(
        code: str = OWN.format(answer=1), locked: str | None = None, *, kept: bool = True, **facts: bool
    ) -> tuple[Version, str]:
        git = ["git", "-C", str(place.folder), "-c", "user.name=u", "-c", "user.email=u@example.org"]
        (place.folder / "mine.py").write_text(code)
        subprocess.run([*git[:3], "init", "-q"], check=True)
        subprocess.run([*git, "add", "mine.py"], check=True)
        subprocess.run([*git, "commit", "-qm", "1"], check=True)
        commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
        output = place.folder.parent / "output"
        output.mkdir()
        dump = "import pickle, mine; pickle.dump(mine.Model(), open('../output/model.pkl', 'wb'))"
        subprocess.run([sys.executable, "-c", dump], check=True, cwd=place.folder)
        here = lock_text(replace(describe(place.interpreter), loaded={"numpy": _version("numpy")}))
        own_code = {"mine.py": code.encode()} if kept else {}
        return place.register(output, here if locked is None else locked, commit, own_code, **facts), commit

    return made


def _version(name: str) -> str:
    from importlib.metadata import version

    return version(name)


def column(path: str, name: str) -> list[str]:
    with Path(path).open(newline="") as stream:
        return [row[name] for row in csv.DictReader(stream)]


def test_models_of_versions_that_cannot_read_each_other_are_compared(place: Place, tmp_path: Path) -> None:
    need_wheels()
    older = build(lock(), PYTHON, str(place.folder / ".mlci/environments"), offline(), place.said.append)
    for name, python in (("new", sys.executable), ("old", older)):
        (tmp_path / name).mkdir()
        subprocess.run([python, "-c", TRAIN, str(tmp_path / name / "model.joblib")], check=True)
    old, new = (find_payload(str(tmp_path / name), None, False) for name in ("old", "new"))
    with pytest.raises(ModelUnusable):
        score(old, place.holdout, ASKED, place.interpreter, str(tmp_path / "no"), print)
    if sys.version_info < (3, 13):
        reads = "import sys, joblib; joblib.load(sys.argv[1])"
        assert subprocess.run([older, "-c", reads, new.path], capture_output=True).returncode
    candidate = score(new, place.holdout, ASKED, place.interpreter, str(tmp_path / "candidate"), print)

    version = place.register(tmp_path / "old", lock())
    production, path = place.predictions(version)

    assert column(path, "id") == column(candidate.path, "id")
    assert column(path, "y_pred") == column(candidate.path, "y_pred")
    assert production.how == "it was scored on this holdout in an environment made from its own lock"
    assert (production.version, production.artifact, production.file.digest) == ("1", old.digest, sha256(path))
    assert len(list((place.folder / ".mlci/environments").glob("*.lock"))) == 1
    # Kept on this machine, and with the version for another one.
    assert place.predictions(version)[0].how == "its predictions on this holdout were kept"
    tagged = place.registry.numbered("churn", "1")
    assert tagged is not None
    assert "kept with it in the registry" in place.predictions(tagged, mlci="other")[0].how
    assert not (place.folder / "other" / "environments").exists()


def test_it_is_loaded_with_the_code_that_was_kept_with_it_never_that_of_the_change(place: Place, own: Made) -> None:
    version, _ = own()
    (place.folder / "mine.py").write_text(OWN.format(answer=0))
    production, path = place.predictions(version, trusted=False)
    assert set(column(path, "y_pred")) == {"1"}
    assert (
        production.how == "it was scored on this holdout in the candidate's environment, which is the same as its own"
    )
    assert not [name for name in place.registry.stored["churn"]["1"].files if "scored" in name]


@pytest.mark.parametrize("given", ["{top}/lib:/nowhere", "lib", "{top}/.mlci/../lib"])
def test_folders_of_modules_are_those_of_its_own_commit_too(place: Place, given: str) -> None:
    environ = {**place.interpreter.environ, "PYTHONPATH": given.format(top=place.folder)}
    bench = Bench(
        interpreter=replace(place.interpreter, environ=environ), repository=None, folder=str(place.folder / ".mlci"),
        environ={}, trusted=False,
    )  # fmt: skip
    version = Version(model="churn", number="1", aliases=(), tags={})
    job = _Job(version, place.registry, place.holdout, ASKED, "0" * 64, bench, print, place.folder / ".mlci")
    tree = place.folder.parent / "tree"
    (tree / "lib").mkdir(parents=True)
    assert production._environ(job._bench, sys.executable, tree, tree)["PYTHONPATH"].split(":")[0] == str(tree / "lib")
    assert production._environ(job._bench, sys.executable, tree, None).get("PYTHONPATH", "/nowhere") == "/nowhere"


def test_neither_a_commit_that_is_gone_nor_one_that_was_dirty_takes_its_code_away(place: Place, own: Made) -> None:
    version, _ = own(dirty=True)
    shutil.rmtree(place.folder / ".git")
    (place.folder / "mine.py").write_text(OWN.format(answer=0))
    _, path = place.predictions(version)
    assert set(column(path, "y_pred")) == {"1"}


def test_without_code_of_its_own_the_change_does_not_lend_it_any(place: Place, own: Made) -> None:
    start = place.folder.parent / "start"
    start.mkdir()
    (start / "sitecustomize.py").write_text(f"import sys; sys.path.append({str(place.folder)!r})")
    version, _ = own(kept=False)
    found = place.predictions(version, PYTHONPATH=str(start))
    assert isinstance(found, Unscored)
    assert found.missing == "mine"
    assert "no modules of your own were kept with it" in found.why


# A finder as setuptools, hatchling and others install it for an editable package: on every start of the interpreter.
FINDER = """
import importlib.util, sys
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return importlib.util.spec_from_file_location(name, {path!r}) if name == "mine" else None
sys.meta_path.insert(0, Finder)
"""


@pytest.mark.parametrize("how", ["path", "finder", "already"])
def test_an_editable_installation_of_the_work_tree_lends_it_none_either(place: Place, own: Made, how: str) -> None:
    start = place.folder.parent / "start"
    start.mkdir()
    mine = str(place.folder / "mine.py")
    starts = {
        "path": f"import sys; sys.path.insert(0, {str(place.folder)!r})",
        "finder": FINDER.format(path=mine),
        "already": f"import sys; sys.path.insert(0, {str(place.folder)!r}); import mine",
    }
    (start / "sitecustomize.py").write_text(starts[how])
    version, _ = own()
    (place.folder / "mine.py").write_text(OWN.format(answer=0))

    _, path = place.predictions(version, PYTHONPATH=str(start))

    assert set(column(path, "y_pred")) == {"1"}


def test_a_module_of_the_work_tree_that_comes_in_all_the_same_makes_its_predictions_nobodys(
    place: Place, own: Made
) -> None:
    other = place.folder / "lib" / "other.py"
    other.parent.mkdir()
    other.write_text("ANSWER = 0\n")
    code = "import sys; sys.path.append({path!r})\n" + OWN.format(answer="__import__('other').ANSWER")
    version, _ = own(code.replace("{path!r}", repr(str(other.parent))))
    found = place.predictions(version)
    assert isinstance(found, Unscored)
    assert "the module other was loaded from" in found.why


SCRIPT = """
import os
class Model: pass
if __name__ == "__main__":
    ids = [row.split(",")[0] for row in open(os.environ["MLCI_HOLDOUT"]).read().split()[1:]]
    with open(os.environ["MLCI_PREDICTIONS"], "w") as file:
        file.write("id,y_pred\\n" + "".join(f"{id},%d\\n" for id in ids))
"""


def test_the_users_own_scoring_is_run_as_the_commit_has_it_or_not_at_all(place: Place, own: Made) -> None:
    asked = replace(ASKED, command=f"{sys.executable} mine.py")
    version, commit = own(SCRIPT.replace("%d", "1"), kept=False, command=True)
    (place.folder / "mine.py").write_text(SCRIPT.replace("%d", "0"))
    _, path = place.predictions(version, asked=asked, trusted=False)
    assert set(column(path, "y_pred")) == {"1"}

    stored = place.registry.stored["churn"]["1"]
    whole = stored.files["mlci/model.json"]
    for change, why in (
        ((commit, "0" * 40), "the code of its commit 000000000000 is not here"),
        (('"dirty":false', '"dirty":true'), "it was made from files that no commit has"),
    ):
        stored.files["mlci/model.json"] = whole.replace(*(text.encode() for text in change))
        found = place.predictions(version, asked=asked, believed=False)
        assert isinstance(found, Unscored)
        assert why in found.why


def test_what_it_was_registered_with_is_taken_when_the_holdout_is_the_same(place: Place, own: Made) -> None:
    version, _ = own()
    stored = place.registry.stored["churn"]["1"]
    _, path = place.predictions(version, trusted=False)
    document = json.loads(stored.files["mlci/model.json"])
    document["predicate"]["predictions"].update(
        holdout={"path": "h", "digest": place.holdout.digest}, evaluator=evaluator_digest(ASKED)
    )
    document["predicate"]["predictions"]["file"]["digest"] = sha256(path)
    stored.files["mlci/model.json"] = json.dumps(document).encode()
    stored.files["mlci/candidate.csv"] = Path(path).read_bytes()
    del stored.files["model/model.pkl"]
    found, again = place.predictions(version, mlci="other")
    assert found.how.endswith("they were made when it was registered")
    assert Path(again).read_bytes() == Path(path).read_bytes()
    stored.files["mlci/candidate.csv"] += b"\n"
    with pytest.raises(RegistryBroken, match="candidate"):
        place.predictions(version, mlci="third")


def spoilt(name: str, content: bytes | None) -> Callable[[MemoryRegistry], None]:
    def change(registry: MemoryRegistry) -> None:
        files = registry.stored["churn"]["1"].files
        if content is None:
            del files[name]
        else:
            files[name] = content

    return change


def retagged(name: str, value: str) -> Callable[[MemoryRegistry], None]:
    def change(registry: MemoryRegistry) -> None:
        stored = registry.stored["churn"]["1"]
        stored.version = replace(stored.version, tags={**stored.version.tags, name: value})

    return change


def test_a_version_that_was_altered_is_an_error_and_never_inconclusive(place: Place, own: Made) -> None:
    changes: list[tuple[Callable[[MemoryRegistry], None], type[MlciError]]] = [
        (spoilt("model/model.pkl", b"other"), ModelAltered),
        (spoilt("model/more.pkl", b"other"), ModelAltered),
        (spoilt("model/model.pkl", None), RegistryBroken),
        (spoilt("mlci/code/mine.py", b"other"), ModelAltered),
        (spoilt("mlci/code/json.py", b"other"), ModelAltered),
        (spoilt("mlci/code/mine.py", None), RegistryBroken),
        (spoilt("mlci/model.json", None), RegistryBroken),
        (spoilt("mlci/model.json", b"{}"), RegistryBroken),
        (retagged("mlci.artifact", "0" * 64), RegistryBroken),
        (retagged("mlci.evidence", "0" * 64), RegistryBroken),
        (retagged("mlci.evidence", ""), RegistryBroken),
    ]
    own()
    whole = place.registry.stored["churn"]["1"]
    for change, kind in changes:
        place.registry.stored["churn"]["1"] = replace(whole, files=dict(whole.files))
        change(place.registry)
        version = place.registry.numbered("churn", "1")
        assert version is not None
        with pytest.raises(kind):
            place.predictions(version)


def test_a_lock_that_cannot_be_installed_is_named(place: Place, own: Made) -> None:
    need_wheels()
    version, _ = own(locked=f"{lock()}no-such-thing==1.0\n")
    found = place.predictions(version)
    assert isinstance(found, Unscored)
    assert found.missing == "no-such-thing==1.0"
    assert "no-such-thing==1.0 cannot be installed" in found.why


def test_a_registry_that_takes_no_predictions_does_not_take_them_away(
    place: Place, own: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, _ = own()

    def refuses(*_: object) -> None:
        raise ServiceRefused("you may only read")

    monkeypatch.setattr(place.registry, "annotate", refuses)
    assert not isinstance(place.predictions(version), Unscored)
    assert any("you may only read" in line for line in place.said)


def test_what_was_kept_here_is_made_anew_when_it_was_altered_or_left_by_a_change(place: Place, own: Made) -> None:
    version, _ = own()
    production, path = place.predictions(version, trusted=False)
    assert "were kept" in place.predictions(version, trusted=False)[0].how
    assert place.predictions(version, trusted=False, believed=False)[0] == production
    with Path(path).open("ab") as stream:
        stream.write(b"41,1,1\n")
    again, there = place.predictions(version, trusted=False)
    assert again == production
    assert sha256(there) == production.file.digest
    assert any("are not used" in line for line in place.said)


def test_the_lock_of_a_model_that_mlflow_saved_is_read_with_its_python(tmp_path: Path) -> None:
    assert _mlflow_lock(tmp_path) is None
    (tmp_path / "requirements.txt").write_text("mlflow==3.17.2\nscikit-learn==1.4.2\n")
    assert _mlflow_lock(tmp_path) == "mlflow==3.17.2\nscikit-learn==1.4.2\n"
    (tmp_path / "python_env.yaml").write_text("python: 3.9.7\nbuild_dependencies:\n- pip\n")
    locked = _mlflow_lock(tmp_path)
    assert locked is not None
    assert (python_of(locked), is_whole(locked)) == ("3.9", False)
    for hostile in ("python: [3]", "python: '3.9\\n-e .'", "{", "!!python/object/apply:os.system [ls]"):
        (tmp_path / "python_env.yaml").write_text(hostile)
        assert python_of(_mlflow_lock(tmp_path) or "") is None


def test_a_version_that_mlci_did_not_register_is_scored_from_its_folder(place: Place, tmp_path: Path) -> None:
    sklearn = pytest.importorskip("sklearn.linear_model")
    import joblib

    (tmp_path / "entry" / "model").mkdir(parents=True)
    model = sklearn.LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0]], [0, 1])
    joblib.dump(model, tmp_path / "entry/model/model.joblib")
    entry = Entry(digest="0" * 64, folder=str(tmp_path / "entry"), tags={}, params={}, metrics={}, description="")
    version = place.registry.register("churn", entry)
    stored = place.registry.stored["churn"]["1"]
    stored.version = replace(version, tags={})
    production, path = place.predictions(stored.version)
    assert production.artifact == find_payload(str(tmp_path / "entry/model"), None, False).digest
    assert "because it names none of its own" in production.how
    again = place.predictions(replace(version, tags={}))
    assert (again[0].how, again[1]) == ("its predictions on this holdout were kept", path)
    del stored.files["model/model.joblib"]
    found = place.predictions(stored.version, mlci="other")
    assert isinstance(found, Unscored)

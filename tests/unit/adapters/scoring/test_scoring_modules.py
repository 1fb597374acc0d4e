"""Which modules of the user's own a model was loaded with, and that no answer about them is believed."""

from __future__ import annotations

import hashlib
import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from mlci.adapters.scoring import Asked, HoldoutFile, Interpreter, score
from mlci.adapters.scoring.answer import Written
from mlci.adapters.scoring.modules import own_modules
from mlci.domain.policy import Columns
from mlci.domain.training import Environment, Payload
from mlci.errors import ModelUnusable

MODEL = """
import churn.words, dep
from churn import compiled
class Model:
    feature_names_in_ = ["x"]
    def predict(self, rows):
        import late
        return [late.ANSWER for _ in rows["x"]]
"""


def tree(folder: Path) -> tuple[Payload, Interpreter]:
    """A work tree with a package below src, an environment of its own, and the folder of mlci.yml."""
    top = folder / "top"
    src, here, installed = top / "src", top / "models", top / "env" / "lib" / "site-packages"
    files = {
        src / "churn/__init__.py": "", src / "churn/model.py": MODEL, src / "churn/words.py": "", src / "unused.py": "",
        src / "churn/compiled.py": "", installed / "dep.py": "", here / "late.py": "ANSWER = 1", top / "real.py": "",
    }  # fmt: skip
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (top / ".git").mkdir()
    (src / "churn" / "words.py").unlink()
    (src / "churn" / "words.py").symlink_to(top / "real.py")
    py_compile.compile(str(src / "churn" / "compiled.py"), str(src / "churn" / "compiled.pyc"))
    (src / "churn" / "compiled.py").unlink()
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (src, installed)))}
    dump = "import pickle, sys, churn.model; pickle.dump(churn.model.Model(), open(sys.argv[1], 'wb'))"
    subprocess.run([sys.executable, "-c", dump, str(folder / "model.pkl")], env=environ, check=True)
    payload = Payload(path=str(folder / "model.pkl"), format="pickle", digest="", files=())
    log = str(folder / "log")
    return payload, Interpreter(python=sys.executable, cwd=str(here), environ=environ, timeout=60, log=log)


def test_modules_of_the_work_tree_are_found_and_no_installed_ones(tmp_path: Path) -> None:
    payload, interpreter = tree(tmp_path)
    (tmp_path / "holdout.csv").write_text("id,y,x\n1,0,2\n2,1,3\n")
    digest = hashlib.sha256((tmp_path / "holdout.csv").read_bytes()).hexdigest()
    holdout = HoldoutFile(path=str(tmp_path / "holdout.csv"), digest=digest)

    scored = score(payload, holdout, Asked(columns=Columns(target="y")), interpreter, str(tmp_path / "c"), print)

    top = Path(os.path.realpath(tmp_path / "top"))
    assert {module.file.path: module.place for module in scored.code} == {
        "churn/__init__.py": str(top / "src/churn/__init__.py"),
        "churn/model.py": str(top / "src/churn/model.py"),
        "churn/words.py": str(top / "real.py"),
        "late.py": str(top / "models/late.py"),
    }
    [model] = [module.file for module in scored.code if module.file.path == "churn/model.py"]
    assert (model.digest, model.size) == (hashlib.sha256(MODEL.encode()).hexdigest(), len(MODEL))
    assert "modules of your own without a source are not kept with the model: churn.compiled" in scored.assumptions


def answered(*modules: tuple[str, str]) -> Written:
    environment = Environment(python="3.11.7", platform="", packages={}, digest="0" * 64)
    return Written(environment=environment, modules=modules)


def place(folder: Path) -> str:
    (folder / "own").mkdir()
    (folder / "own" / "mine.py").write_text("1")
    (folder / "other.py").write_text("secret")
    (folder / "own" / "link.py").symlink_to(folder / "other.py")
    (folder / "own" / "folder").symlink_to(folder)
    os.mkfifo(folder / "own" / "pipe.py")
    with (folder / "own" / "large.py").open("wb") as stream:
        stream.truncate(9 << 20)
    return str(folder / "own")


@pytest.mark.parametrize(
    "module",
    [
        ("other.py", "{own}/../other.py"), ("link.py", "{own}/link.py"), ("other.py", "{own}/folder/other.py"),
        ("passwd.py", "/etc/passwd"), ("gone.py", "{own}/gone.py"), ("pipe.py", "{own}/pipe.py"), ("own.py", "{own}"),
        ("../mine.py", "{own}/mine.py"), ("/mine.py", "{own}/mine.py"), ("a-b.py", "{own}/mine.py"),
        ("mine.pyc", "{own}/mine.py"), (".py", "{own}/mine.py"), ("a//b.py", "{own}/mine.py"),
        ("x" * 400 + ".py", "{own}/mine.py"), ("large.py", "{own}/large.py"), ("mine.py", "{own}/mine.py\0"),
    ],
)  # fmt: skip
def test_a_module_that_is_none_or_lies_elsewhere_is_refused(tmp_path: Path, module: tuple[str, str]) -> None:
    own = place(tmp_path)
    with pytest.raises(ModelUnusable):
        own_modules(answered((module[0], module[1].format(own=own))), [own])
    assert own_modules(answered(("mine.py", f"{own}/mine.py")), [own])[0].file.size == 1


def test_too_many_modules_or_one_twice_are_refused(tmp_path: Path) -> None:
    own = place(tmp_path)
    one = ("mine.py", f"{own}/mine.py")
    for modules in ([one, one], [(f"m{number}.py", one[1]) for number in range(5_001)]):
        with pytest.raises(ModelUnusable):
            own_modules(answered(*modules), [own])

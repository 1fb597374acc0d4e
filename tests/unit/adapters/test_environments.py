"""Locks, and environments that are made from them once."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from handed import ENVIRONMENT
from older import PYTHON, UV, WHEELS, lock, need_wheels, offline

from mlci.adapters.models import environments
from mlci.adapters.models.environments import Unbuildable, build
from mlci.adapters.models.locks import is_whole, lock_text, pinned, python_of, same, unpinnable
from mlci.domain.training import Environment


def small() -> str:
    name, version = next(path.name.split("-")[:2] for path in WHEELS.glob("threadpoolctl-*"))
    return f"# python: {PYTHON}.0\n# platform: here\n{name}=={version}\n"


def test_a_lock_names_what_was_loaded_with_its_python() -> None:
    text = lock_text(ENVIRONMENT)
    assert text.splitlines() == [
        "# python: 3.11.7", "# platform: Linux-x86_64", "# not from an index: mine==0.1", "numpy==2.4.6",
        "scikit_learn==1.9.1",
    ]  # fmt: skip
    assert (python_of(text), unpinnable(text), is_whole(text)) == ("3.11", ("mine",), True)
    assert pinned(text) == {"numpy": "2.4.6", "scikit-learn": "1.9.1"}


def test_a_lock_holds_nothing_but_names_and_versions() -> None:
    hostile = {"-r /etc/passwd": "1", "a": "1\n--index-url http://evil", "b @ http://evil": "1", "good": "1.0+cpu"}
    environment = Environment(python="3.11.7\n-e .", platform="x\n-e .", packages={}, digest="e" * 64, loaded=hostile)
    lines = lock_text(environment).splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["good==1.0+cpu"]


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({}, True),
        ({"python": "3.11.9"}, True),
        ({"packages": {**ENVIRONMENT.packages, "more": "1"}}, True),
        ({"packages": {**ENVIRONMENT.packages, "Scikit.Learn": "1.9.1"}}, True),
        ({"python": "3.12.7"}, False),
        ({"packages": {**ENVIRONMENT.packages, "numpy": "2.4.5"}}, False),
        ({"packages": {"numpy": "2.4.6"}}, False),
    ],
)
def test_an_interpreter_is_the_same_with_the_same_versions_and_the_same_python(
    change: dict[str, object], is_same: bool
) -> None:
    assert same(replace(ENVIRONMENT, **change), lock_text(ENVIRONMENT)) is is_same  # type: ignore[arg-type]


@pytest.mark.parametrize("lock", ["numpy==2.4.6\n", "# python: 3.11.7\nnumpy\n", "# python: 3.11.7\nnumpy>=2\n"])
def test_a_lock_that_leaves_something_open_is_never_the_same(lock: str) -> None:
    assert not same(ENVIRONMENT, lock)


def test_an_environment_is_made_once_and_again_when_it_was_not_finished(tmp_path: Path) -> None:
    need_wheels()
    said: list[str] = []
    found: list[str] = []

    def make() -> None:
        found.append(build(small(), PYTHON, str(tmp_path / "environments"), offline(), said.append))

    two = [threading.Thread(target=make) for _ in range(2)]
    for each in two:
        each.start()
    for each in two:
        each.join()
    assert found[0] == found[1]
    assert len([line for line in said if line.startswith("making")]) == 1
    subprocess.run([found[0], "-c", "import threadpoolctl"], check=True)
    (Path(found[0]).parents[1] / "mlci-made").unlink()
    make()
    assert len([line for line in said if line.startswith("making")]) == 2


def test_what_cannot_be_installed_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    need_wheels()
    environ = {**offline(), "UV_INDEX_URL": "https://user:hunter22@127.0.0.1:1/simple", "UV_NO_INDEX": ""}
    environ.update(UV_HTTP_RETRIES="0", UV_HTTP_TIMEOUT="1")
    for settings, culprits in ((offline(), {"absent==1.0"}), (environ, {"absent==1.0", *small().splitlines()})):
        with pytest.raises(Unbuildable) as caught:
            build(f"{small()}absent==1.0\n", PYTHON, str(tmp_path), settings, print)
        assert caught.value.missing in culprits
        assert "hunter22" not in str(caught.value)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_credentials_that_an_installer_prints_stay_out_of_the_error(tmp_path: Path) -> None:
    chatty = tmp_path / "uv"
    chatty.write_text("#!/bin/sh\necho error: $UV_INDEX_URL has no absent==1.0, $SOME_TOKEN; exit 1\n")
    chatty.chmod(0o755)
    index = "https://user:hunter22@example.org/simple"
    environ = {"PATH": f"{tmp_path}:/bin", "UV_INDEX_URL": index, "SOME_TOKEN": "sesame-open"}
    with pytest.raises(Unbuildable) as caught:
        build("absent==1.0\n", PYTHON, str(tmp_path / "environments"), environ, print)
    # The index is asked with what the user has set for it; nothing else that is secret gets that far.
    assert "***@example.org" in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    need_wheels()
    with pytest.raises(Unbuildable) as caught:
        build(small(), "3.99", str(tmp_path), offline(), print)
    assert caught.value.missing == "python 3.99"


def test_only_names_and_versions_reach_the_installer() -> None:
    lines = [
        "-e .",
        "--index-url http://x",
        "a @ http://x",
        "git+https://x",
        "./b",
        "c==1 # d",
        "e[f]>=2; g < '3'",
        "h",
    ]
    assert environments._requirements("\n".join(lines)) == ["c==1", "e[f]>=2; g < '3'", "h"]


def test_without_uv_it_is_made_by_pip(tmp_path: Path) -> None:
    need_wheels()
    environ = {**offline(), "PATH": str(tmp_path)}
    (tmp_path / f"python{PYTHON}").symlink_to(sys.executable)
    assert shutil.which("uv", path=environ["PATH"]) is None
    python = build(small(), PYTHON, str(tmp_path / "environments"), environ, print)
    subprocess.run([python, "-c", "import threadpoolctl"], check=True)


def test_a_project_around_it_has_no_say(tmp_path: Path) -> None:
    need_wheels()
    (tmp_path / "pyproject.toml").write_text(
        '[tool.uv]\nindex-url = "https://127.0.0.1:1/simple"\n[tool.uv.pip]\nno-index = 7\n'
    )
    (tmp_path / "uv.toml").write_text("this is not toml\n")
    build(small(), PYTHON, str(tmp_path / ".mlci" / "environments"), offline(), print)
    assert UV is not None


def test_locks_of_all_wheels_are_whole() -> None:
    need_wheels()
    assert is_whole(lock())
    assert not is_whole("# python: 3.11\nnumpy==1\n")

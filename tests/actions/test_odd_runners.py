"""Runners that are set up in an odd way: no network, no room, a part of Python missing, a job full of settings.

The installers are the real ones; what they install is a wheel made here, which lends the packages of the tests.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

import pytest
from starting import ROOT, Runner, bare_python

FORGED = "import pathlib; pathlib.Path(__file__).with_name('pwned').touch()\n"
UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")


@pytest.fixture(name="runner")
def _runner(tmp_path: Path) -> Runner:
    """A runner that gets the core of the lock, one wheel here, without any network."""
    action = tmp_path / "action"
    shutil.copytree(ROOT / "mlci", action / "mlci", ignore=shutil.ignore_patterns("__pycache__"))
    (action / "actions" / "plan").mkdir(parents=True)
    (action / "actions" / "locks").mkdir()
    for name in ("start.sh", "start.py"):
        shutil.copy2(ROOT / "actions" / name, action / "actions" / name)
    wheel = lending_wheel(tmp_path / "wheels")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (action / "actions" / "locks" / "core.txt").write_text(f"lent==1 --hash=sha256:{digest}\n")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel.parent), "UV_NO_INDEX": "1",
               "UV_FIND_LINKS": str(wheel.parent), "UV_CACHE_DIR": str(tmp_path / "cache")}  # fmt: skip
    return Runner(tmp_path / "runner", action, offline)


def lending_wheel(folder: Path) -> Path:
    """A wheel that holds one file: it puts the packages of the tests on the path."""
    folder.mkdir()
    wheel = folder / "lent-1-py3-none-any.whl"
    about = "lent-1.dist-info"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("lent.pth", sysconfig.get_path("purelib") + "\n")
        packed.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: lent\nVersion: 1\n")
        packed.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        packed.writestr(f"{about}/RECORD", f"lent.pth,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
    return wheel


def has_installer(runner: Runner, installer: str) -> Runner:
    if installer == "uv":
        (runner.bin / "uv").symlink_to(UV or "/no/uv")
    return runner.has_python()


def lacks(runner: Runner, *modules: str) -> Runner:
    """A Python on PATH that cannot find some modules."""
    script = (
        "import sys, runpy; from importlib.machinery import PathFinder as P, BuiltinImporter as B\\n"
        f"gone = {modules!r}\\n"
        "def without(find): return lambda name, *a, **k: None if name in gone else find(name, *a, **k)\\n"
        "P.find_spec = without(P.find_spec); B.find_spec = without(B.find_spec)\\n"
        "for name in gone: sys.modules.pop(name, None)\\n"
        'i = sys.argv.index("-B") + 1 if "-B" in sys.argv else 0\\n'
        "if not i: exec(sys.argv[-1]); raise SystemExit\\n"
        "sys.argv = sys.argv[i:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    ).replace("\\n", "\n")
    program = runner.folder / "lacking.py"
    program.write_text(script)
    return runner.has("python3", f'#!/bin/sh\nexec {bare_python()} -I "{program}" "$@"\n')


@pytest.mark.parametrize("modules", [("ensurepip", "pip"), ("venv",)])
def test_a_python_that_cannot_make_an_environment_is_told_what_to_install(
    runner: Runner, modules: tuple[str, ...]
) -> None:
    done = lacks(runner, *modules).starts()

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error[U002]: there is nothing to install packages with")
    assert "python3-venv" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_a_python_without_its_whole_library_is_told_what_to_install(runner: Runner) -> None:
    done = lacks(runner, "shutil", "tempfile").starts()

    assert (done.returncode, done.stdout) == (2, "")
    assert "lacks a part of its standard library: shutil, tempfile" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_an_index_that_cannot_be_reached_is_one_error_after_few_attempts(runner: Runner) -> None:
    # Port 9 of the loopback: nothing listens there.
    runner.environ = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    done = runner.has_python().starts()

    assert done.returncode == 4
    assert done.stderr.splitlines()[-2].startswith("error[S001]")
    assert done.stderr.count("Retrying (Retry(total=") == 2


def test_the_patience_of_installers_is_bounded_where_the_runner_does_not_set_it(runner: Runner) -> None:
    stub = Runner(runner.folder).has_python().has_uv()
    given = stub.starts(PIP_RETRIES="9", UV_REQUEST_TIMEOUT="99")
    lines = set((stub.log / "environment").read_text().splitlines())

    assert given.returncode == 0, given.stderr
    assert {"PIP_RETRIES=9", "UV_HTTP_RETRIES=2", "UV_REQUEST_TIMEOUT=99"} <= lines
    assert not any(line.startswith("UV_HTTP_TIMEOUT=") for line in lines)


@pytest.mark.parametrize("said", ["[Errno 28] No space left on device", "kein Platz (os error 28)"])
def test_a_full_disk_is_called_one(runner: Runner, said: str) -> None:
    stub = Runner(runner.folder).has_python().has_uv(during=f"echo '{said}'; exit 1")
    done = stub.starts(PIP_NO_INDEX="1")

    assert done.returncode == 2
    assert done.stderr.splitlines()[-2] == "error[U005]: the environment cannot be written: no space is left"
    assert f"| {said}" in done.stderr
    assert stub.homes == []


def test_packages_that_this_machine_cannot_load_are_an_error_of_the_installation(runner: Runner) -> None:
    broken = runner.folder / "broken"
    shutil.copytree(Path(sysconfig.get_path("purelib")) / "click", broken / "click")
    (broken / "click" / "__init__.py").write_text("raise ImportError('wrong ELF class')\n")
    paths = f"{broken}\n{sysconfig.get_path('purelib')}"
    done = Runner(runner.folder).has_python().has_uv(packages=paths).starts(PIP_NO_INDEX="1")

    assert done.returncode == 4
    assert "| wrong ELF class\n| what was installed cannot be loaded on this machine" in done.stderr


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_nothing_that_a_job_sets_or_leaves_in_its_workspace_is_obeyed(runner: Runner, installer: str) -> None:
    here, elsewhere = runner.workspace, runner.folder / "elsewhere"
    for name in ("yaml.py", "pip.py", "venv.py", "sitecustomize.py", "mlci/__init__.py", "pip/__init__.py"):
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text(FORGED)
    (here / "pip.conf").write_text(f"[global]\ntarget = {elsewhere}\n")
    (here / "uv.toml").write_text(f'[pip]\ntarget = "{elsewhere}"\n')
    (here / "pyproject.toml").write_text(f'[project]\nname = "x"\nversion = "1"\n[tool.uv.pip]\ntarget = "{elsewhere}"')
    (here / "pyvenv.cfg").write_text(f"home = {elsewhere}\n")
    (here / ".python-version").write_text("2.7\n")
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    done = has_installer(runner, installer).starts(
        PYTHONPATH=str(here), PYTHONSTARTUP=str(here / "yaml.py"), PYTHONHOME=str(here), PYTHONPLATLIBDIR="x",
        PYTHONNOUSERSITE="1", VIRTUAL_ENV=str(here), CONDA_PREFIX=str(here), PIP_TARGET=str(elsewhere),
        PIP_REQUIRE_VIRTUALENV="1", PIP_USER="1", PIP_REQUIREMENT=str(here / "yaml.py"), UV_SYSTEM_PYTHON="1",
        UV_PYTHON="2.7", UV_TARGET=str(elsewhere), UV_PROJECT_ENVIRONMENT=str(elsewhere), UV_EXCLUDE_NEWER="2001-01-01",
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert len(runner.homes) == 1
    assert not elsewhere.exists()
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_wheel_that_is_not_the_locked_one_is_not_installed(runner: Runner, installer: str) -> None:
    (wheel,) = Path(runner.environ["PIP_FIND_LINKS"]).iterdir()
    with zipfile.ZipFile(wheel, "a") as packed:
        packed.writestr("evil.pth", "import sys; sys.exit(0)\n")
    done = has_installer(runner, installer).starts()

    assert done.returncode == 4
    assert runner.homes == []


def test_a_step_after_one_that_was_killed_while_installing_runs(runner: Runner) -> None:
    stub = Runner(runner.folder).has_python().has_uv(during=f'echo here > "{runner.log}/met"; sleep 60')
    stub.has("sleep", f'#!/bin/sh\nexec {stub.bin}/python3 -c "import time; time.sleep(60)"\n')
    step = subprocess.Popen(
        stub.command(), cwd=stub.workspace, env=stub.variables("config explain", {}), start_new_session=True
    )
    for _ in range(2000):
        if (stub.log / "met").exists():
            break
        time.sleep(0.01)
    subprocess.run(["kill", "-9", "--", f"-{step.pid}"], check=True)
    assert step.wait() == -signal.SIGKILL
    assert len(stub.homes) == 1, "it left what it was making"

    done = stub.has_uv().starts()
    assert (done.returncode, done.stderr) == (0, "")


def test_a_user_without_a_home_or_a_name_can_run_a_step(runner: Runner) -> None:
    done = has_installer(runner, "pip").starts(HOME="(unset)", USER="(unset)", LANG="(unset)", LC_ALL="C")

    assert (done.returncode, done.stderr) == (0, "")


def test_the_start_script_holds_nothing_that_bash_3_of_macos_does_not_know() -> None:
    newer = {
        "case of a value": r"\$\{\w+(\^|,|@[A-Za-z]\})", "associative array": r"(declare|local|typeset) -\w*[Ang]",
        "reading into an array": r"\b(mapfile|readarray|coproc)\b", "both streams": r"&>>|\|&", "fall through": r";;?&",
        "is set": r"\[\[ (! )?-[vR] ", "time by printf": r"printf (-v \w+\[|.*%\()", "negative index": r"\[-\d+\]",
        "empty array under set -u": r"\[@\]", "wait for any": r"wait -n", "seconds in EPOCH": r"EPOCH",
    }  # fmt: skip
    script = "\n".join(
        line for line in (ROOT / "actions" / "start.sh").read_text().splitlines() if not line.lstrip().startswith("#")
    )

    assert [name for name, pattern in newer.items() if re.search(pattern, script)] == []

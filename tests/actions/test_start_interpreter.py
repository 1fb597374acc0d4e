"""Which interpreter a step starts in, and that nothing of the workspace gets into it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from starting import Runner, bare_python, contents, downloaded

from mlci import __version__

FORGED = "import pathlib; pathlib.Path(__file__).with_name('pwned').touch()\n"


@pytest.fixture(name="runner")
def _runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.mark.parametrize("told", [{"RUNNER_OS": "Windows"}, {"OSTYPE": "msys"}, {"OSTYPE": "cygwin"}])
def test_a_windows_runner_is_refused_with_one_error(runner: Runner, told: dict[str, str]) -> None:
    done = runner.has_python().starts(**told)

    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "error[U004]: mlci runs on Linux and macOS, not on Windows"
    assert len(done.stderr.splitlines()) == 2


def test_a_runner_without_python_is_told_how_to_get_one(runner: Runner) -> None:
    done = runner.starts()

    assert (done.returncode, done.stdout) == (2, "")
    assert "no Python 3.10 or newer on PATH" in done.stderr
    assert "actions/setup-python" in done.stderr


def test_a_python_that_is_too_old_is_passed_over(runner: Runner) -> None:
    old = "import sys; sys.version_info = (3, 9, 18); exec(sys.argv[1])"
    runner.has("python3", f'#!/bin/sh\n[ "$2" = -c ] || exit 99\nexec {bare_python()} -I -c \'{old}\' "$3"\n')
    runner.has_python("python3.12").has_uv()

    assert runner.starts().returncode == 0


def test_the_interpreter_that_mlci_python_names_is_used_and_nothing_is_installed(runner: Runner) -> None:
    done = runner.has_uv("exit 1").starts(MLCI_PYTHON=sys.executable)

    assert done.returncode == 0, done.stderr
    assert (runner.calls, runner.homes) == ([], [])


def test_a_named_interpreter_that_lacks_something_is_refused_by_name_and_nothing_is_installed(runner: Runner) -> None:
    empty = runner.folder / "empty"
    subprocess.run([bare_python(), "-I", "-m", "venv", "--without-pip", empty], check=True)
    done = runner.has_python().has_uv().starts("gate-compare", MLCI_PYTHON=str(empty / "bin" / "python"))

    assert done.returncode == 2
    assert done.stderr.startswith("error[U003]: the interpreter that MLCI_PYTHON names cannot import click, jinja2, ")
    assert "numpy" in done.stderr
    assert f'"mlci[gate]=={__version__}"' in done.stderr
    assert (runner.calls, runner.homes) == ([], [])


@pytest.mark.parametrize("name", ["/no/such/python", "/bin/false", "$(touch pwned)"])
def test_a_named_interpreter_that_is_none_is_refused_even_where_another_is_on_path(runner: Runner, name: str) -> None:
    done = runner.has_python().has_uv().starts(MLCI_PYTHON=name)

    assert done.returncode == 2
    assert done.stderr.startswith("error[U002]: what MLCI_PYTHON names is not Python 3.10 or newer")
    assert list(runner.workspace.iterdir()) == []


def preinstalled(runner: Runner, version: str) -> Runner:
    """An interpreter on PATH that has mlci in some version, and its packages."""
    home = runner.folder / "image"
    subprocess.run([bare_python(), "-I", "-m", "venv", "--without-pip", home], check=True)
    site = next(home.glob("lib/python*/site-packages"))
    (site / "mlci").mkdir()
    (site / "mlci" / "__init__.py").write_text(f'"""Another one."""\n\n__version__ = "{version}"\n')
    packages = next(path for path in map(Path, sys.path) if (path / "click").is_dir())
    for path in packages.iterdir():
        if path.name == "click":
            shutil.copytree(path, site / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.name != "mlci":
            (site / path.name).symlink_to(path)
    return runner.has("python3", f'#!/bin/sh\nexec "{home}/bin/python3" "$@"\n')


def test_a_runner_with_this_release_installed_needs_no_network(runner: Runner) -> None:
    done = preinstalled(runner, __version__).starts()

    assert done.returncode == 0, done.stderr
    assert runner.homes == []
    assert list(runner.folder.glob("image/lib/*/site-packages/click/__pycache__")) == [], "its packages are not touched"


def test_another_release_that_is_installed_is_not_used(runner: Runner) -> None:
    done = preinstalled(runner, "0.0.1").has_uv().starts()

    assert done.returncode == 0, done.stderr
    assert len(runner.homes) == 1


def test_nothing_of_the_workspace_is_imported(runner: Runner) -> None:
    for name in ("yaml.py", "click.py", "sitecustomize.py", "usercustomize.py", "mlci/__init__.py", "hashlib.py"):
        path = runner.workspace / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(FORGED)
    here = str(runner.workspace)
    done = runner.has_python().has_uv().starts(PYTHONPATH=here, PYTHONSTARTUP=f"{here}/yaml.py", PYTHONUSERBASE=here)

    assert done.returncode == 0, done.stderr
    assert list(runner.workspace.rglob("pwned")) == []


def test_a_python_home_of_the_job_does_not_reach_the_step(runner: Runner) -> None:
    assert runner.has_python().has_uv().starts(PYTHONHOME="/nowhere").returncode == 0


def test_a_downloaded_action_in_a_folder_with_blanks_runs_and_nothing_is_written_into_it(tmp_path: Path) -> None:
    action = downloaded(tmp_path)
    runner = Runner(tmp_path / "runner", action=action).has_python().has_uv()
    before = contents(action)
    done = runner.starts()

    assert done.returncode == 0, done.stderr
    assert contents(action) == before
    assert list((runner.temp / "mlci-bytecode").rglob("catalog*.pyc")), "the byte code is kept for the next step"
    assert {path.name for path in action.iterdir()} >= {"action.yml", "actions", "mlci"}
    assert not {"tests", "benchmarks", "examples"} & {path.name for path in action.iterdir()}


def test_packages_that_lie_below_the_action_are_loaded_as_they_are(runner: Runner, tmp_path: Path) -> None:
    action = tmp_path / "checkout"
    for name in ("actions", "mlci"):
        shutil.copytree(runner.action / name, action / name)
    (action / ".venv").symlink_to(sysconfig.get_path("purelib"))
    runner.action = action
    (runner.workspace / "a.csv").write_text("id,label,score\n" + "".join(f"{i},{i % 2},0.{i % 9}\n" for i in range(40)))
    files = {"MLCI_GATE_COMPARE_CANDIDATE": "a.csv", "MLCI_GATE_COMPARE_BASELINE": "a.csv"}
    done = runner.has_python().has_uv(packages=str(action / ".venv")).starts("gate-compare", **files)

    assert "pass" in done.stdout.lower(), done.stderr


def test_the_files_by_which_steps_change_the_job_stay_empty(runner: Runner, tmp_path: Path) -> None:
    changing = {name: str(tmp_path / name) for name in ("GITHUB_ENV", "GITHUB_PATH")}
    for name in changing.values():
        Path(name).touch()
    runner.has_python().has_uv().starts(**changing)

    assert [Path(name).read_text() for name in changing.values()] == ["", ""]


def test_the_command_runs_in_the_folder_that_the_step_names(runner: Runner) -> None:
    inside = runner.workspace / "models" / "churn"
    inside.mkdir(parents=True)
    (inside / "mlci.yml").write_text("model: found-here\n")

    assert "found-here" in runner.starts(MLCI_PYTHON=sys.executable, MLCI_WORKING_DIRECTORY="models/churn").stdout


@pytest.mark.parametrize("folder", ["no/such", "mlci.yml", "$(touch pwned)", "-"])
def test_a_folder_that_cannot_be_entered_is_one_error(runner: Runner, folder: str) -> None:
    (runner.workspace / "mlci.yml").touch()
    done = runner.starts(MLCI_PYTHON=sys.executable, MLCI_WORKING_DIRECTORY=folder)

    assert (done.returncode, done.stderr.splitlines()[0][:12]) == (2, "error[U002]:")
    assert len(done.stderr.splitlines()) == 2
    assert [path.name for path in runner.workspace.iterdir()] == ["mlci.yml"]


@pytest.mark.parametrize(
    "command",
    ["", "gate", "gate-compare --help", "config explain; id", "$(touch pwned)", "gate-compare\n--help", "--x"],
)
def test_what_is_no_command_is_refused_and_no_part_of_it_is_an_option(runner: Runner, command: str) -> None:
    done = runner.starts(command, MLCI_PYTHON=sys.executable)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error[U001]: ")
    assert list(runner.workspace.iterdir()) == []


UMBRELLA = {"MLCI_START": "actions/start.sh", "MLCI_CONFIG_EXPLAIN_CONFIG": "", "MLCI_CONFIG_EXPLAIN_FORMAT": ""}


def test_an_input_that_the_command_does_not_have_is_an_error(runner: Runner) -> None:
    given = {**UMBRELLA, "MLCI_PYTHON": sys.executable, "MLCI_GATE_COMPARE_TOLERANCE": "0.1"}
    done = runner.starts("config explain", **given)

    assert done.returncode == 2
    assert done.stderr.startswith("error[U001]: the input tolerance is none of the command's\n")
    assert "gate-compare has it" in done.stderr


def test_an_input_that_other_commands_have_too_is_given_to_the_one_that_runs(runner: Runner) -> None:
    given = {**UMBRELLA, "MLCI_CONFIG_EXPLAIN_FORMAT": "json", "MLCI_PLAN_FORMAT": "json"}
    done = runner.starts("config explain", MLCI_PYTHON=sys.executable, **given)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(("{", "["))


def test_variables_of_other_commands_are_nobodys_business_in_the_action_of_one_command(runner: Runner) -> None:
    done = runner.starts(MLCI_PYTHON=sys.executable, MLCI_START="../start.sh", MLCI_GATE_COMPARE_TOLERANCE="0.1")

    assert done.returncode == 0, done.stderr

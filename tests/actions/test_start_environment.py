"""The environment that a step runs in: made once, by hash, in one piece, where it belongs, or one clear error."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from starting import Runner


@pytest.fixture(name="runner")
def _runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path).has_python()


def installs(runner: Runner) -> int:
    return sum(call.startswith("pip") for call in runner.calls)


def test_an_environment_is_made_once_and_says_nothing(runner: Runner) -> None:
    first, second = runner.has_uv().starts(), runner.starts()

    assert (first.returncode, second.returncode, installs(runner)) == (0, 0, 1)
    assert first.stdout == second.stdout
    assert first.stderr == ""
    assert len(runner.homes) == 1


def test_a_command_that_needs_more_gets_an_environment_of_its_own(runner: Runner) -> None:
    runner.has_uv().starts("config explain")
    runner.starts("gate-compare", MLCI_GATE_COMPARE_CANDIDATE="a.csv")
    runner.starts("gate-compare", MLCI_GATE_COMPARE_CANDIDATE="a.parquet")

    assert len(runner.homes) == 3
    assert [call.rpartition("/")[2] for call in runner.calls if call.startswith("pip")] == [
        "core.txt", "gate.txt", "parquet.txt",
    ]  # fmt: skip


def test_only_wheels_whose_hashes_are_in_the_lock_are_installed(runner: Runner) -> None:
    runner.has_uv().starts()
    (call,) = (call for call in runner.calls if call.startswith("pip"))

    assert "--require-hashes --no-deps --only-binary :all: -r " in call


def test_a_half_made_environment_is_made_anew(runner: Runner) -> None:
    runner.has_uv().starts()
    (home,) = runner.homes
    (home / "mlci-finished").unlink()
    next(home.glob("lib/python*/site-packages/lent.pth")).unlink()

    assert runner.starts().returncode == 0
    assert runner.homes == [home]
    assert (home / "mlci-finished").exists()


def test_an_environment_whose_interpreter_is_gone_is_made_anew(runner: Runner) -> None:
    runner.has_uv().starts()
    python = runner.homes[0] / "bin" / "python"
    python.unlink()
    python.symlink_to("/no/such/python")

    assert runner.starts().returncode == 0
    assert installs(runner) == 2


def test_two_steps_that_start_together_both_run_and_leave_one_environment(runner: Runner) -> None:
    # Each waits in its install until the other is there too.
    runner.has_uv(
        during=f'echo here >> "{runner.log}/met"; until [[ "$(<"{runner.log}/met")" == *here*here* ]]; do :; done'
    )
    both = [
        subprocess.Popen(runner.command(), cwd=runner.workspace, env=runner.variables("config explain", {}),
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]  # fmt: skip
    ended = [one.communicate(timeout=60) for one in both]

    assert [one.returncode for one in both] == [0, 0], ended
    assert installs(runner) == 2
    assert len(runner.homes) == 1


def test_a_lock_of_other_content_is_another_environment(runner: Runner, tmp_path: Path) -> None:
    for name in ("actions", "mlci"):
        (tmp_path / "copy" / name).mkdir(parents=True)
    subprocess.run(["cp", "-R", "actions", "mlci", tmp_path / "copy"], cwd=runner.action, check=True)
    runner.has_uv().starts()
    runner.action = tmp_path / "copy"
    runner.starts()
    assert len(runner.homes) == 1, "a copy of the same content shares it"

    with (runner.action / "actions" / "locks" / "core.txt").open("a") as lock:
        lock.write("# newer\n")
    runner.starts()
    assert len(runner.homes) == 2


def test_no_setting_of_the_job_sends_the_packages_elsewhere(runner: Runner) -> None:
    redirecting = {
        "PIP_TARGET": "x", "PIP_PREFIX": "x", "PIP_USER": "1", "PIP_PYTHON": "x", "PIP_CONSTRAINT": "x",
        "PIP_ROOT": "x", "UV_PYTHON": "x", "UV_SYSTEM_PYTHON": "1", "UV_TARGET": "x", "UV_CONSTRAINT": "x",
        "UV_PROJECT_ENVIRONMENT": "x", "UV_NO_BINARY": "1", "UV_OVERRIDE": "x", "UV_EXCLUDE_NEWER": "2001-01-01",
        "UV_NO_VERIFY_HASHES": "1",
        "PYTHONPATH": "x", "PYTHONHOME": "/x", "PYTHONUSERBASE": "x", "VIRTUAL_ENV": "x", "CONDA_PREFIX": "x",
    }  # fmt: skip
    respected = {
        "PIP_INDEX_URL": "https://mirror.example/simple", "PIP_CERT": "/c", "UV_DEFAULT_INDEX": "https://mirror.example",
        "UV_INDEX_INTERNAL_PASSWORD": "p", "HTTPS_PROXY": "http://127.0.0.1:1", "SSL_CERT_FILE": "/c",
    }  # fmt: skip
    secret = {"MLCI_TOKEN": "ghs_secret"}
    done = runner.has_uv().starts(**redirecting, **respected, **secret)
    seen = dict(line.split("=", 1) for line in (runner.log / "environment").read_text().splitlines() if "=" in line)

    assert done.returncode == 0, done.stderr
    assert not (redirecting.keys() | secret.keys()) & seen.keys()
    assert {name: seen.get(name) for name in respected} == respected


def test_the_installer_does_not_run_where_it_would_read_the_workspace_configuration(runner: Runner) -> None:
    runner.has_uv().starts()

    for line in (runner.log / "environment").read_text().splitlines():
        if line.startswith("CWD="):
            assert Path(line[4:]).is_relative_to(runner.temp)


def test_packages_that_landed_elsewhere_are_an_error(runner: Runner) -> None:
    done = runner.has_uv(packages="/nowhere").starts(PIP_NO_INDEX="1")

    assert done.returncode == 4
    assert "the installer put the packages somewhere else" in done.stderr
    assert runner.homes == []


def test_a_failed_install_is_one_error_that_shows_what_was_printed_as_text_only(runner: Runner) -> None:
    runner.has_uv(during="echo '::add-mask::x'; echo ' ::error::x'; echo 'a ##[add-path]/evil'; exit 9")
    done = runner.starts(PIP_NO_INDEX="1")
    lines = done.stderr.splitlines()

    assert (done.returncode, done.stdout) == (4, "")
    assert lines[-2] == "error[S001]: the packages that mlci needs could not be installed"
    assert "MLCI_PYTHON" in lines[-1]
    assert "PIP_INDEX_URL" in lines[-1]
    assert "| ::add-mask::x" in lines
    assert "##[" not in done.stderr
    assert all(line.startswith("| ") for line in lines[:-2])
    assert runner.homes == []


def test_where_uv_fails_pip_is_tried_and_both_are_heard(runner: Runner) -> None:
    done = runner.has_uv(during="echo uv cannot; exit 9").starts(PIP_NO_INDEX="1")

    assert "| uv cannot" in done.stderr
    assert "No matching distribution found" in done.stderr


def test_a_runner_temp_that_cannot_be_written_is_one_error(runner: Runner) -> None:
    (runner.folder / "file").touch()
    done = runner.has_uv().starts(RUNNER_TEMP=str(runner.folder / "file" / "below"))

    assert done.returncode == 2
    assert done.stderr.startswith("error[U005]: the environment cannot be written: ")
    assert len(done.stderr.splitlines()) == 2


def test_without_runner_temp_no_name_is_used_that_others_could_have_prepared(runner: Runner) -> None:
    shared = runner.folder / "shared"
    shared.mkdir()
    for _ in range(2):
        assert runner.has_uv().starts(RUNNER_TEMP="(unset)", TMPDIR=str(shared)).returncode == 0

    assert installs(runner) == 2


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_install_ends_as_interrupted_and_leaves_nothing(runner: Runner, stop: signal.Signals) -> None:
    runner.has_uv(during=f'echo here > "{runner.log}/met"; exec {runner.bin}/python3 -c "import time; time.sleep(60)"')
    step = subprocess.Popen(
        runner.command(), cwd=runner.workspace, env=runner.variables("config explain", {}), stderr=subprocess.PIPE,
        start_new_session=True, text=True,
    )  # fmt: skip
    for _ in range(1000):
        if (runner.log / "met").exists():
            break
        time.sleep(0.01)
    os.kill(step.pid, stop)
    _, said = step.communicate(timeout=20)

    assert (step.returncode, said) == (130, "interrupted\n")
    assert runner.homes == []

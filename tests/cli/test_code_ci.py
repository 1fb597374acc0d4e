"""code-ci over real tools: ruff, flake8, mypy and pytest in a repository of their own, as a user starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
ENVIRON = {
    name: text for name, text in os.environ.items() if not name.startswith(("GITHUB_", "CI", "GITLAB_", "MLCI_"))
}
ENVIRON |= {"PATH": PATH}
# Nothing is scanned where only checks are looked at.
UNSCANNED = "scan: {models: false}"


def repository(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    subprocess.run(("git", "init", "-q"), cwd=folder, check=True)
    return folder


def started(folder: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        (sys.executable, "-I", "-m", "mlci", "code-ci", *arguments),
        cwd=folder, env=ENVIRON | more, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
    )  # fmt: skip


class Done:
    """How a run ended: its exit, what it printed, and its report."""

    def __init__(self, folder: Path, *arguments: str, **more: str) -> None:
        process = started(folder, *arguments, **more)
        self.out, self.err = process.communicate(timeout=120)
        self.code = process.returncode
        self.folder = folder
        path = folder / ".mlci/report/code-ci.json"
        self.report: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    @property
    def findings(self) -> dict[str, Any]:
        return {one["id"]: one for one in self.report["findings"]}

    def junit(self) -> dict[str, ElementTree.Element]:
        tree = ElementTree.parse(self.folder / ".mlci/report/code-ci.junit.xml")
        return {case.get("name") or "": case for case in tree.iter("testcase")}


def checks(more: str = "", **commands: str) -> str:
    lines = "".join(f"    {name}: {json.dumps(command)}\n" for name, command in commands.items())
    return f"model: churn\ncode:\n  {UNSCANNED}\n{more}  checks:\n{lines}"


BROKEN = {
    "src/a.py": 'import os\nx: int = "a"\n',
    "tests/test_a.py": "def test_wrong():\n    assert 1 == 2\n\n\ndef test_right():\n    pass\n",
}


def test_what_real_tools_find_stands_at_its_line(tmp_path: Path) -> None:
    text = checks(ruff="ruff check src", flake="flake8 src", types="mypy src", unit="pytest tests")
    done = Done(repository(tmp_path, {**BROKEN, "mlci.yml": text}))
    assert done.code == 11, done.err
    found = {(one.get("file"), one.get("line"), one["id"].split(":")[1]) for one in done.report["findings"]}
    assert {("src/a.py", 1, "ruff"), ("src/a.py", 1, "flake"), ("src/a.py", 2, "types")} <= found
    assert ("tests/test_a.py", 2, "unit") in found
    test = done.findings["code:unit:tests/test_a.py::test_wrong"]
    assert (test["verdict"], "assert 1 == 2" in test["message"]) == ("fail", True)
    case = done.junit()["code:unit:tests/test_a.py::test_wrong"]
    assert case.find("failure") is not None
    assert case.get("file") == "tests/test_a.py"
    assert "1 of 2 tests failed" in done.findings["code:unit"]["message"]
    assert (tmp_path / ".mlci/report/code-ci/types.log").read_text().count("Incompatible types") == 1


def test_good_code_passes_and_the_slowest_is_named(tmp_path: Path) -> None:
    files = {
        "tests/test_a.py": "def test_right():\n    pass\n",
        "mlci.yml": checks(unit="pytest -q tests", nap="sleep 3"),
    }
    done = Done(repository(tmp_path, files), GITHUB_OUTPUT="")
    assert (done.code, done.report["verdict"]) == (0, "pass"), done.err
    assert "nap took longest" in done.report["reason"] or "unit took longest" in done.report["reason"]
    assert done.findings["code:unit"]["message"].endswith("1 tests")


def test_they_run_side_by_side(tmp_path: Path) -> None:
    """Each waits for a file that another writes: one after the other, neither would ever end."""
    wait = "touch {0}; for _ in $(seq 100); do test -e {1} && exit 0; sleep 0.1; done; exit 1"
    text = checks("  jobs: 2\n", a=wait.format("a", "b"), b=wait.format("b", "a"))
    done = Done(repository(tmp_path, {"mlci.yml": text}))
    assert done.code == 0, done.err


def test_one_at_a_time_where_that_is_asked_for(tmp_path: Path) -> None:
    alone = "test ! -e busy || exit 1; touch busy; sleep 0.3; rm busy"
    done = Done(repository(tmp_path, {"mlci.yml": checks("  jobs: 1\n", a=alone, b=alone, c=alone)}))
    assert done.code == 0, done.err


def test_the_budget_ends_everything_and_the_report_names_what_was_cut_off(tmp_path: Path) -> None:
    deaf = "setsid sh -c 'echo $$ > grandchild; trap \"\" TERM; while :; do sleep 0.2; done'"
    deep = f"({deaf} &) ; echo $$ > child; sleep 60"
    text = checks("  budget: 3s\n  jobs: 2\n", deep=deep, quick="true", slow="sleep 60", last="true")
    began = time.monotonic()
    done = Done(repository(tmp_path, {"mlci.yml": text}))
    assert time.monotonic() - began < 30
    assert (done.code, done.report["verdict"]) == (3, "inconclusive"), done.err
    for name in ("deep", "slow"):
        found = done.findings[f"code:{name}"]
        assert (found["verdict"], found["reason"]) == ("inconclusive", "over-budget")
    assert done.findings["code:quick"]["verdict"] == "pass"
    said = " ".join(done.report["sections"][0]["sentences"])
    assert "deep (cut off)" in said
    assert "slow (cut off)" in said
    assert not any(is_alive(int((tmp_path / name).read_text())) for name in ("child", "grandchild"))
    assert done.junit()["code:deep"].find("error") is not None


def test_what_waits_when_the_budget_is_spent_never_begins(tmp_path: Path) -> None:
    text = checks("  budget: 1s\n  jobs: 1\n", slow="sleep 60", later="touch began")
    done = Done(repository(tmp_path, {"mlci.yml": text}))
    assert done.code == 3
    assert not (tmp_path / "began").exists()
    assert "never began" in done.findings["code:later"]["message"]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("command", "code", "verdict", "said"),
    [
        ("exit 7", 11, "fail", "ended with exit status 7"),
        ("kill -SEGV $$", 11, "fail", "SIGSEGV"),
        ("kill -9 $$", 11, "fail", "for want of memory"),
        ("echo 'MemoryError' ; exit 1", 11, "fail", "for want of memory"),
        ("no-such-program-anywhere --x", 3, "inconclusive", "could not be run"),
        ("./not-executable", 3, "inconclusive", "could not be run"),
        ("pytest empty", 0, "warn", "found no test"),
        ("sleep 60 & exit 0", 0, "pass", "passed"),
    ],
)
def test_how_a_command_ends_is_told_apart(tmp_path: Path, command: str, code: int, verdict: str, said: str) -> None:
    files = {"mlci.yml": checks(one=command), "not-executable": "#!/bin/sh\n", "empty/readme": ""}
    done = Done(repository(tmp_path, files))
    found = done.findings["code:one"]
    assert (done.code, found["verdict"], said in found["message"]) == (code, verdict, True), found


HOSTILE = r"""
import sys
out = sys.stdout.buffer
out.write(b"::error file=/etc/passwd::owned\n##[command]x\n\x1b]0;title\x07\x1b[2J\xff\xfe\n")
out.write(b"section_end:1:mlci_guess\r\x1b[0K\n")
out.write(b"/etc/passwd:1:1: F401 outside\n../../etc/hosts:1: error: outside  [x]\na.py:1:1: F401 \x1b[31mred\n")
out.write(b"z" * (12 << 20) + b"\n")
out.write(b"the last line, no end")
sys.exit(1)
"""


def test_hostile_output_is_shown_and_never_obeyed(tmp_path: Path) -> None:
    files = {"mlci.yml": checks(bad="python hostile.py"), "hostile.py": HOSTILE, "a.py": ""}
    done = Done(repository(tmp_path, files), CI="true", GITLAB_CI="true", CI_PROJECT_DIR=str(tmp_path))
    # The forge itself says nothing of this run; the checks never began. What matters is on GitHub's side below.
    assert done.code in (4, 11)
    process = started(tmp_path, "--format", "json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 11
    assert "the last line, no end" in err
    report = json.loads(out)
    assert {one.get("file") for one in report["findings"]} == {None, "a.py"}
    assert all("\x1b" not in json.dumps(one) for one in report["findings"])
    assert (tmp_path / ".mlci/report/code-ci/bad.log").stat().st_size < 9 << 20


def test_a_runner_sees_a_group_for_each_check_and_obeys_nothing_inside(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from mlci.adapters.checks.side_by_side import Job, run

    def job(name: str) -> Job:
        command = f"for _ in 1 2 3; do echo {name}; sleep 0.1; done; echo '::error::owned'"
        return Job(
            name=name, argv=("/bin/sh", "-c", command), cwd=str(tmp_path), environ={"PATH": PATH},
            log=str(tmp_path / name), title=f"{name}\n::error::title",
        )  # fmt: skip

    run([job("a"), job("b")], at_once=2, budget=20, environ={"GITHUB_ACTIONS": "true"}, say=lambda _: None)
    lines = capfd.readouterr().err.splitlines()
    groups = [number for number, line in enumerate(lines) if line.startswith("::group::")]
    assert len(groups) == 2
    for start in groups:
        word = lines[start + 1].removeprefix("::stop-commands::")
        end = lines.index(f"::{word}::", start)
        inside = lines[start + 2 : end]
        assert inside[0] == inside[1] == inside[2]
        assert inside[3] == "::error::owned"
        assert lines[end + 1] == "::endgroup::"
    assert sum(line.startswith("::error") for line in lines) == 2


def test_no_check_sees_a_token_or_an_accelerator(tmp_path: Path) -> None:
    files = {"mlci.yml": checks(env="env > seen", shown="echo $GITHUB_TOKEN $OTHER | wc -c")}
    token = "ghp_" + "a1B2" * 9
    secrets = {"GITHUB_TOKEN": token, "OTHER": f"x {token}", "AWS_SECRET_ACCESS_KEY": "s3cr3t-s3cr3t"}
    done = Done(repository(tmp_path, files), CUDA_VISIBLE_DEVICES="0", PLAIN="seen", **secrets)
    assert done.code == 0, done.err
    seen = (tmp_path / "seen").read_text()
    assert token not in seen
    assert "s3cr3t" not in seen
    assert "CUDA_VISIBLE_DEVICES=\n" in seen
    assert "PLAIN=seen" in seen


def test_files_of_the_checkout_never_reach_mlci_itself(tmp_path: Path) -> None:
    trap = "import pathlib; pathlib.Path({!r}).write_text('owned')\n"
    names = ("yaml.py", "click.py", "json.py", "conftest.py", "sitecustomize.py", "msgspec.py", "ruff.py")
    files = {name: trap.format(str(tmp_path / f"owned-{name}")) for name in names}
    done = Done(repository(tmp_path, {**files, "mlci.yml": checks(one="true"), "ruff.toml": ""}))
    assert done.code == 0, done.err
    assert not list(tmp_path.glob("owned-*"))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing_behind(tmp_path: Path, signum: int) -> None:
    wait = "(setsid sleep 300 & echo $! > {0}2); echo $$ > {0}; sleep 300"
    repository(tmp_path, {"mlci.yml": checks("  jobs: 2\n", a=wait.format("a"), b=wait.format("b"))})
    process = started(tmp_path)
    files = [tmp_path / name for name in ("a", "a2", "b", "b2")]
    until = time.monotonic() + 30
    while not all(file.exists() and file.read_text().strip() for file in files):
        assert time.monotonic() < until, process.communicate()
        time.sleep(0.05)
    process.send_signal(signum)
    process.communicate(timeout=60)
    assert process.returncode == (130 if signum != signal.SIGKILL else -signal.SIGKILL)
    pids = [int(file.read_text()) for file in files]
    until = time.monotonic() + 15
    while any(map(is_alive, pids)):
        assert time.monotonic() < until, "something is left behind"
        time.sleep(0.1)
    assert not (tmp_path / ".mlci/report/code-ci.json").exists()


FOUND = {
    "pyproject.toml": "[tool.ruff]\nline-length = 100\n[tool.mypy]\nfiles = ['src']\n",
    ".flake8": "[flake8]\nmax-line-length = 100\n",
    "src/a.py": "x: int = 1\n",
    "tests/test_a.py": "def test_a():\n    pass\n",
    "tests/conftest.py": "def pytest_addoption(parser):\n    parser.addoption('--data-sample')\n",
    "tests/integration/test_data_pipeline.py": (
        "def test_small(request):\n    assert request.config.getoption('--data-sample') == 'small'\n"
    ),
}


def test_what_the_repository_is_set_up_for_is_found_and_run(tmp_path: Path) -> None:
    files = {**FOUND, "mlci.yml": f"model: churn\ncode: {{{UNSCANNED}}}\n"}
    done = Done(repository(tmp_path, files))
    assert done.code == 0, done.out + done.err
    found = {name: one["verdict"] for name, one in done.findings.items()}
    wanted = ("ruff", "flake8", "mypy", "unit", "data-pipeline")
    assert found == {f"code:{name}": "pass" for name in wanted}
    assert "pyproject.toml has [tool.ruff]" in done.report["assumptions"][0]
    # The pipeline's tests run apart from the others.
    assert done.findings["code:unit"]["message"].endswith("1 tests")


def test_a_tool_that_is_not_installed_is_listed_as_not_run(tmp_path: Path) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    for name in ("sh", "git"):
        (bare / name).symlink_to(f"/usr/bin/{name}")
    (bare / "python").symlink_to("/usr/bin/python3")
    files = {"mlci.yml": f"code: {{{UNSCANNED}}}\n", "ruff.toml": ""}
    done = Done(repository(tmp_path, files), PATH=str(bare))
    found = done.findings["code:ruff"]
    assert (done.code, found["verdict"], found["reason"]) == (3, "warn", "unrun")
    assert "ruff is not installed" in found["message"]
    assert done.findings["code:none"]["verdict"] == "inconclusive"


def test_nothing_to_run_is_no_pass(tmp_path: Path) -> None:
    done = Done(repository(tmp_path, {"mlci.yml": f"code: {{{UNSCANNED}}}\n"}))
    assert (done.code, done.report["verdict"]) == (3, "inconclusive")
    assert "code.checks" in done.findings["code:none"]["explanation"]


def test_only_some_are_run(tmp_path: Path) -> None:
    done = Done(repository(tmp_path, {"mlci.yml": checks(a="touch a", b="touch b", c="touch c")}), "--only", "a,c")
    assert (done.code, sorted(done.findings)) == (0, ["code:a", "code:c"])
    assert not (tmp_path / "b").exists()
    refused = Done(tmp_path, "--only", "lintt")
    assert refused.code == 2
    assert "there is no check lintt" in refused.err


def test_a_name_that_cannot_be_a_file_is_refused(tmp_path: Path) -> None:
    text = "code: {checks: {'../../x': 'true', smoke: 'true'}}\n"
    done = Done(repository(tmp_path, {"mlci.yml": text}))
    assert done.code == 2
    assert "C004" in done.err
    assert "C008" in done.err


HOSTILE_XML = {
    "bomb": '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>',
    "outside": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&a;"/></testsuite>',
    "broken": "<testsuite><testcase",
    "deep": "<a>" * 5000,
    "binary": "\udcff",
}


@pytest.mark.parametrize("name", HOSTILE_XML)
def test_a_hostile_junit_file_is_refused_and_the_check_still_counts(tmp_path: Path, name: str) -> None:
    xml = HOSTILE_XML[name].encode("utf-8", "surrogateescape")
    # As a change may do it: the file is written by whatever calls itself pytest.
    script = "import os, re, sys, shutil\np = re.search('junitxml=(\\\\S+)', os.environ['PYTEST_ADDOPTS'])[1]\n"
    script += "shutil.copy('evil.xml', p)\nsys.exit(1)\n"
    files = {"mlci.yml": checks(unit="python evil.py # pytest"), "evil.py": script, "evil.xml": xml}
    done = Done(repository(tmp_path, files))
    assert done.code == 11, done.err
    assert "JUnit file" in done.findings["code:unit"]["message"]
    assert "root:" not in json.dumps(done.report)

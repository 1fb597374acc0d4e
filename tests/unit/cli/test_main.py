"""Every way a command line can end: its exit code, and what is said about it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlci.cli import main as program
from mlci.cli.invocation import Invocation
from mlci.cli.main import PIPE_CLOSED, run
from mlci.cli.redact import redact
from mlci.errors import Exit, NoExamples, SeveralErrors
from mlci.surface.catalog import COMMANDS


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("MLCI_"):
            monkeypatch.delenv(name)


@pytest.fixture(name="seen")
def _seen(monkeypatch: pytest.MonkeyPatch) -> list[Invocation]:
    """Every invocation that reaches gate-compare, which then passes."""
    seen: list[Invocation] = []

    def gate_compare(invocation: Invocation) -> Exit:
        seen.append(invocation)
        return Exit.PASS

    monkeypatch.setattr("mlci.cli.gate_compare.run", gate_compare)
    return seen


def ending(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def gate_compare(_: Invocation) -> Exit:
        raise error

    monkeypatch.setattr("mlci.cli.gate_compare.run", gate_compare)


GATE = ["gate-compare", "--candidate", "a.csv"]
FIRST_WORDS = ", ".join(sorted({command.name.partition(" ")[0] for command in COMMANDS}))


@pytest.mark.parametrize("code", [Exit.PASS, Exit.UNDECIDED, Exit.GATE])
def test_the_exit_of_a_command_is_the_exit_of_the_process(monkeypatch: pytest.MonkeyPatch, code: Exit) -> None:
    monkeypatch.setattr("mlci.cli.gate_compare.run", lambda _: code)

    assert run(GATE, {}) == code


def test_an_error_is_printed_on_stderr_and_exits_with_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ending(monkeypatch, NoExamples("the file holds no examples"))

    assert run(GATE, {}) == Exit.UNDECIDED
    assert capsys.readouterr() == ("", "error[I008]: the file holds no examples\n")


@pytest.mark.parametrize(
    ("line", "cause", "hint"),
    [
        ([], "a command is missing", f"the commands here are {FIRST_WORDS}"),
        (["config"], "a command is missing", "explain"),
        (["gate-compar"], "there is no command 'gate-compar'", "did you mean gate-compare?"),
        (["config", "explian"], "there is no command 'explian'", "did you mean explain?"),
        (["zzz"], "there is no command 'zzz'", f"the commands here are {FIRST_WORDS}"),
        (["gate-compare", "--tolerence", "1"], "there is no option --tolerence", "did you mean --tolerance?"),
        (["gate-compare", "--zzz"], "there is no option --zzz", "--help"),
        (["--zzz"], "there is no option --zzz", "--help"),
        (["gate-compare", "stray"], "unexpected extra argument", "--help"),
        (["gate-compare", "--candidate"], "requires an argument", "--help"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error_with_a_way_out(
    line: list[str], cause: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line, {}) == Exit.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error[U001]: ")
    assert cause in said.err
    assert hint in said.err.partition("= help: ")[2]


def test_a_required_option_names_itself_and_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gate-compare"], {}) == Exit.USAGE
    said = capsys.readouterr().err

    assert "error[C007]: gate-compare needs --candidate" in said
    assert "MLCI_GATE_COMPARE_CANDIDATE" in said


def test_problems_of_command_line_environment_and_file_come_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mlci.yml").write_text("modle: churn\n")
    monkeypatch.setenv("MLCI_GATE_COMPARE_CONFIDENCE", "7")

    assert run(["gate-compare", "--format", "pdf", "--tolerance", "lots"], dict(os.environ)) == Exit.USAGE
    said = capsys.readouterr().err
    for part in (
        "[C007]",
        "[U001]",
        "[C002]",
        "[C003]",
        "[C004]",
        "--> mlci.yml:1:1",
        "--> --tolerance",
        "--> --format",
    ):
        assert part in said
    assert "--> MLCI_GATE_COMPARE_CONFIDENCE" in said


@pytest.mark.parametrize("line", [GATE, ["gate-compare", "--tolerence", "1"], ["gate"], []])
def test_an_error_shows_beside_a_run_on_github_and_nowhere_else(
    line: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ending(monkeypatch, NoExamples("nothing in it"))
    for environ in ({}, {"GITHUB_ACTIONS": "false"}, {"GITHUB_ACTIONS": "true"}):
        run(line, environ)
        shown = [one for one in capsys.readouterr().err.splitlines() if one.startswith("::error title=mlci ")]
        assert len(shown) == (environ.get("GITHUB_ACTIONS") == "true")


def test_at_most_ten_errors_are_annotations_and_none_tells_a_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ending(monkeypatch, SeveralErrors([NoExamples(f"{number} hunter22\n::error::x") for number in range(12)]))
    run(GATE, {"GITHUB_ACTIONS": "true", "SOME_TOKEN": "hunter22"})
    said = capsys.readouterr().err

    assert len([line for line in said.splitlines() if line.startswith("::error")]) == 10
    assert said.count("error[I008]") == 12
    assert "hunter22" not in said


def test_ctrl_c_is_130_and_not_a_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ending(monkeypatch, KeyboardInterrupt())

    assert run(GATE, {}) == Exit.INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


def test_a_bug_is_1_and_its_traceback_goes_to_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ending(monkeypatch, RuntimeError("odd"))

    assert run(GATE, {}) == Exit.BUG
    said = capsys.readouterr().err
    (file,) = tmp_path.glob("mlci-bug-*.txt")
    assert said == f"error: a bug in mlci (RuntimeError), details in {file}; set MLCI_DEBUG=1 to see where\n"
    assert "RuntimeError: odd" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0, "nobody else may read it"


def test_a_bug_shows_its_traceback_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ending(monkeypatch, RuntimeError("odd"))

    assert run(GATE, {"MLCI_DEBUG": "1"}) == Exit.BUG
    assert "Traceback" in capsys.readouterr().err


def test_a_bug_where_no_file_can_be_written_is_still_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/does/not/exist")
    ending(monkeypatch, RuntimeError("odd"))

    assert run(GATE, {}) == Exit.BUG
    assert capsys.readouterr().err == "error: a bug in mlci (RuntimeError); set MLCI_DEBUG=1 to see where\n"


def test_running_out_of_stack_is_a_bug_and_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    ending(monkeypatch, RecursionError())

    assert run(GATE, {"MLCI_DEBUG": "1"}) == Exit.BUG


def test_windows_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    assert run(["--help"], {}) == Exit.USAGE
    assert capsys.readouterr().err == "error[U004]: mlci runs on Linux and macOS, not on Windows\n"


def test_no_secret_of_the_environment_is_printed_or_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environ = {"GITHUB_TOKEN": "ghs_abcdefgh", "DB_PASSWORD": "line-one\nline-two"}
    for message in ("ghs_abcdefgh", "x line-two y", "https://user:pw@host/"):
        ending(monkeypatch, NoExamples(message))
        run(GATE, environ)
        ending(monkeypatch, RuntimeError(message))
        run(GATE, environ)
        run(GATE, {**environ, "MLCI_DEBUG": "1"})
    written = "".join(file.read_text() for file in tmp_path.glob("mlci-bug-*"))
    said = capsys.readouterr()

    for text in (written, said.out, said.err):
        assert not any(secret in text for secret in ("ghs_abcdefgh", "line-two", "user:pw"))
    assert "***" in said.err


@pytest.mark.parametrize(
    "name", ["API_KEY", "MLFLOW_TRACKING_PASSWORD", "GH_PAT", "AWS_SECRET_ACCESS_KEY", "NPM_AUTH", "apikey"]
)
def test_a_variable_is_taken_for_a_secret_by_its_name(name: str) -> None:
    assert redact("has hunter22 in it", {name: "hunter22"}) == "has *** in it"


@pytest.mark.parametrize(
    ("name", "value"), [("PATH", "/usr/bin"), ("PWD", "/work/dir"), ("KEYBOARD", "qwertz"), ("TOKEN", "true")]
)
def test_what_is_no_secret_stays_readable(name: str, value: str) -> None:
    assert redact(f"has {value} in it", {name: value}) == f"has {value} in it"


@pytest.mark.parametrize(
    "line",
    [
        ["gate-compare", "--x\n::error::y"],
        ["gate-compare", "x\n::error::y"],
        ["x\n::error::y"],
        [*GATE, "--format", "x\n::error::y"],
        [*GATE, "--config", "x\n::error::y"],
        [*GATE, "--task", "x\n::error::y"],
        [*GATE, "--metrics", "f1,f1", "--slices", "a\x1b[2J,a\x1b[2J"],
    ],
)
def test_nothing_given_can_start_a_line_of_its_own_or_move_the_cursor(
    line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line, {"MLCI_GATE_COMPARE_\n::error::": "x"}) == Exit.USAGE
    said = capsys.readouterr().err

    assert "\n::" not in said
    assert "\x1b" not in said


def test_a_file_whose_name_holds_a_line_break_is_named_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a\n::error::b.yml").write_text("modle: x\n")

    assert run(["config", "explain", "--config", "a\n::error::b.yml"], {}) == Exit.USAGE
    assert r"--> 'a\n::error::b.yml':1:1" in capsys.readouterr().err


def test_whatever_a_message_quotes_moves_no_cursor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ending(monkeypatch, NoExamples("column a\x1b[2Jb\u202ec\rd is empty"))
    run(GATE, {})

    assert capsys.readouterr().err == "error[I008]: column a\\x1b[2Jb\\u202ec\\rd is empty\n"


# What reaches a command


def test_own_parameters_arrive_with_their_defaults(seen: list[Invocation]) -> None:
    assert run([*GATE, "--format=json"], {}) == 0
    assert seen[0].own == {
        "candidate": "a.csv",
        "baseline": None,
        "baseline_from": None,
        "version": None,
        "against": None,
        "config": "mlci.yml",
        "report": ".mlci/report/gate-compare.json",
        "evidence": ".mlci/evidence/gate.json",
        "keep": "mlci-keep",
        "flips": "1000",
        "engine": "auto",
        "latency": None,
        "format": "json",
        "key": None,
        "comment": "true",
        "thread": "true",
        "status": "true",
        "check": "false",
        "dry_run": "false",
        "exit_on_warn": "false",
        "touched": "true",
    }


def test_a_flag_holds_before_the_environment_and_that_before_the_file(
    seen: list[Invocation], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mlci.yml").write_text("validation: {tolerance: 0.03}\n")
    run(GATE, dict(os.environ))
    monkeypatch.setenv("MLCI_GATE_COMPARE_TOLERANCE", "0.02")
    run(GATE, dict(os.environ))
    run([*GATE, "--tolerance", "0.01"], dict(os.environ))
    values = [one.resolved.values["validation.tolerance"] for one in seen]

    assert [(value.value.value, str(value.source)) for value in values] == [
        (0.03, "mlci.yml:1:25"),
        (0.02, "MLCI_GATE_COMPARE_TOLERANCE"),
        (0.01, "--tolerance"),
    ]


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_an_empty_variable_or_flag_is_not_given(
    seen: list[Invocation], monkeypatch: pytest.MonkeyPatch, empty: str
) -> None:
    for name in ("TOLERANCE", "METRICS", "BASELINE", "CONFIG", "REQUIRE_PREDICTIONS", "FORMAT"):
        monkeypatch.setenv(f"MLCI_GATE_COMPARE_{name}", empty)

    assert run([*GATE, "--confidence", empty, "--slices", empty], dict(os.environ)) == 0
    assert {value.source.kind for value in seen[0].resolved.values.values()} == {"default"}
    assert seen[0].own["baseline"] is None


def test_a_list_from_the_environment_is_split_at_lines_and_commas_and_not_at_blanks(
    seen: list[Invocation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLCI_GATE_COMPARE_SLICES", "customer region\nplan type, age group\n\n")
    run(GATE, dict(os.environ))

    assert seen[0].resolved.config.evaluate.slices == ("customer region", "plan type", "age group")


def test_an_option_that_takes_a_list_can_be_given_several_times(seen: list[Invocation]) -> None:
    run([*GATE, "--slices", "region", "--slices", "plan, age"], {})

    assert seen[0].resolved.config.evaluate.slices == ("region", "plan", "age")


@pytest.mark.parametrize(
    ("options", "variable", "expected"),
    [
        (["--require-predictions"], "", True),
        (["--require-predictions=false"], "", False),
        (["--require-predictions", "--tolerance", "1%"], "", True),
        ([], "true", True),
        ([], "false", False),
        (["--require-predictions=false"], "true", False),
    ],
)
def test_a_truth_value_is_given_by_flag_or_variable(
    seen: list[Invocation], monkeypatch: pytest.MonkeyPatch, options: list[str], variable: str, expected: bool
) -> None:
    Path("mlci.yml").write_text(f"validation: {{require_predictions: {str(not expected).lower()}}}\n")
    monkeypatch.setenv("MLCI_GATE_COMPARE_REQUIRE_PREDICTIONS", variable)
    run([*GATE, *options], dict(os.environ))

    assert seen[0].resolved.config.validation.require_predictions is expected


def test_a_variable_that_belongs_to_no_option_is_an_error(
    seen: list[Invocation], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(GATE, {"MLCI_GATE_COMPARE_TOLERANC": "s3cr3t"}) == Exit.USAGE
    said = capsys.readouterr().err

    assert "did you mean MLCI_GATE_COMPARE_TOLERANCE?" in said
    assert "s3cr3t" not in said
    assert seen == []


@pytest.mark.parametrize("name", ["MLCI_GATE_COMPARE_TOLERANC", "MLCI_DEBUG", "MLCI_MODEL_CI_SEED"])
def test_an_empty_variable_or_one_of_something_else_is_no_error(seen: list[Invocation], name: str) -> None:
    assert run(GATE, {name: "" if "COMPARE" in name else "1"}) == 0


def test_a_named_configuration_file_must_exist_and_the_default_one_need_not(
    seen: list[Invocation], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(GATE, {}) == 0
    assert run([*GATE, "--config", "other.yml"], {}) == Exit.USAGE
    assert "error[U002]: other.yml does not exist" in capsys.readouterr().err
    assert run([*GATE, "--config", "mlci.yml"], {}) == Exit.USAGE


# The process itself


def process(*arguments: str, environ: dict[str, str] | None = None, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mlci", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(program.__file__).parents[2]), **(environ or {})},
        text=True, **options,
    )  # type: ignore[call-overload,no-any-return]  # fmt: skip


def test_a_reader_that_leaves_early_makes_it_neither_a_pass_nor_a_bug() -> None:
    Path("mlci.yml").write_text("promote:\n  stages:\n" + "".join(f"    - s{number}\n" for number in range(20000)))
    reading, writing = os.pipe()
    os.close(reading)
    with process("config", "explain", stdout=writing, stderr=subprocess.PIPE) as started:
        os.close(writing)
        said = started.communicate(timeout=60)[1]

    assert (started.returncode, said) == (PIPE_CLOSED, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_output_that_cannot_be_written_is_an_error_and_not_a_bug() -> None:
    with (
        Path("/dev/full").open("w") as full,
        process("config", "explain", stdout=full, stderr=subprocess.PIPE) as started,
    ):
        said = started.communicate(timeout=60)[1]

    assert started.returncode == Exit.USAGE
    assert said.startswith("error[U005]: a result cannot be written")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_interrupts_with_130(tmp_path: Path, number: signal.Signals) -> None:
    pipe = tmp_path / "slow.yml"
    os.mkfifo(pipe)
    with process("config", "explain", "--config", str(pipe), stderr=subprocess.PIPE) as started, pipe.open("w"):
        time.sleep(0.2)
        started.send_signal(number)
        said = started.communicate(timeout=60)[1]

    assert (started.returncode, said) == (Exit.INTERRUPTED, "interrupted\n")


def test_the_process_exits_with_what_run_returns() -> None:
    with process("gate-compare", stderr=subprocess.PIPE) as started:
        said = started.communicate(timeout=60)[1]

    assert started.returncode == Exit.USAGE
    assert said.splitlines()[0] == "error[C007]: gate-compare needs --candidate or --version"

"""Between the command line and a command: what is prepared, what is refused, and what is swept away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlci.cli import wiring
from mlci.cli.delivery import EXITS, discard
from mlci.cli.invocation import Invocation
from mlci.cli.main import run
from mlci.cli.redact import redact
from mlci.cli.tree import Given, build
from mlci.config.problems import flat
from mlci.config.source import Source
from mlci.domain.verdict import Verdict
from mlci.errors import Exit, MlciError
from mlci.surface.catalog import COMMANDS
from mlci.surface.command import Command
from mlci.surface.machine import CONFIG_EXPLAIN
from mlci.surface.pipeline import GATE_COMPARE


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def given(command: Command = GATE_COMPARE, **values: str) -> Given:
    return Given(command, {name: (text, Source("flag", f"--{name}")) for name, text in values.items()})


def problems(what: Given, environ: dict[str, str] | None = None) -> list[MlciError]:
    with pytest.raises(MlciError) as caught:
        wiring.prepare(what, environ or {})
    return flat([caught.value])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_of_the_catalogue_runs_the_module_of_its_name(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Invocation] = []

    def instead(invocation: Invocation) -> Exit:
        seen.append(invocation)
        return Exit.DATA

    monkeypatch.setattr(f"mlci.cli.{command.name.replace(' ', '_').replace('-', '_')}.run", instead)
    required = [part for param in command.params if param.required for part in (param.flag, "x")]

    assert run([*command.name.split(), *required], {}) == Exit.DATA
    assert [invocation.command for invocation in seen] == [command]


def test_every_verdict_has_an_exit_that_the_catalogue_lists() -> None:
    assert set(EXITS) == set(Verdict)
    assert set(EXITS.values()) <= set(GATE_COMPARE.exits)
    assert [verdict for verdict, code in EXITS.items() if code is Exit.PASS] == [
        Verdict.PASS,
        Verdict.WARN,
    ]


def test_a_missing_option_says_both_ways_of_giving_it() -> None:
    (problem,) = problems(given())

    assert problem.id == "C007"
    assert problem.help == "give --candidate, or set MLCI_GATE_COMPARE_CANDIDATE"


def test_a_choice_is_refused_under_the_name_of_who_gave_it() -> None:
    values = {"candidate": ("a", Source("flag", "--candidate"))}
    variable = Source("environment", "MLCI_GATE_COMPARE_FORMAT")
    (problem,) = problems(Given(GATE_COMPARE, {**values, "format": ("pdf", variable)}))

    assert problem.cause == "MLCI_GATE_COMPARE_FORMAT must be one of text, markdown, json, html, got 'pdf'"
    assert str(problem.place) == "MLCI_GATE_COMPARE_FORMAT"


def test_unknown_variables_are_named_in_alphabetical_order_and_without_their_values() -> None:
    environ = {f"MLCI_GATE_COMPARE_{name}": "hunter22" for name in ("ZZZZ", "AAAA", "MMMM")}
    found = problems(given(candidate="a"), environ)

    assert [str(problem.place) for problem in found] == sorted(environ)
    assert not any("hunter22" in str(problem) for problem in found)
    assert found[-1].help is not None


def test_a_variable_of_another_command_is_none_of_this_ones_business() -> None:
    environ = {"MLCI_GATE_COMPARE_TOLERENCE": "1%", "MLCI_GATE": "1", "MLCI_": "1"}

    assert wiring.prepare(given(CONFIG_EXPLAIN), environ).command is CONFIG_EXPLAIN


def test_the_values_of_an_invocation_are_not_in_its_text() -> None:
    what = given(candidate="a", id="hunter22")

    assert "hunter22" not in repr(what)
    assert "hunter22" not in repr(wiring.prepare(what, {}))


def test_own_parameters_are_named_as_python_names() -> None:
    for command in COMMANDS:
        names = wiring._own(Given(command, {}))
        assert all(name.isidentifier() for name in names)
        assert len(names) == sum(param.overrides is None for param in command.params)


# What an earlier run left

LEFT = [
    *(f".mlci/report/gate-compare.{ending}" for ending in ("json", "md", "html", "junit.xml")),
    ".mlci/evidence/gate.json",
]


def leave(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("old")


@pytest.mark.parametrize(
    ("line", "environ"),
    [
        (["--tolerance", "lots"], {}),
        (["--config", "missing.yml"], {}),
        (["--format", "pdf"], {}),
        ([], {"MLCI_GATE_COMPARE_TOLERENCE": "1%"}),
    ],
)
def test_a_run_that_cannot_start_leaves_no_earlier_verdict(line: list[str], environ: dict[str, str]) -> None:
    leave(*LEFT, ".mlci/report/other.json")
    Path("c.csv").write_text("id,y,pred\n")

    assert run(["gate-compare", "--candidate", "c.csv", *line], environ) == Exit.USAGE
    assert [path for path in LEFT if Path(path).exists()] == []
    assert Path(".mlci/report/other.json").read_text() == "old"
    assert Path("c.csv").exists()


def test_explaining_the_configuration_removes_nothing() -> None:
    leave(*LEFT)

    run(["config", "explain", "--format", "pdf"], {})
    run(["config", "explain", "--command", "gate-compare"], {})
    assert all(Path(path).read_text() == "old" for path in LEFT)


def test_a_run_that_would_overwrite_its_input_removes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    leave(*LEFT, "c.json")

    assert run(["gate-compare", "--candidate", "c.json", "--evidence", "./c.json"], {}) == Exit.USAGE
    assert Path("c.json").read_text() == "old"
    assert all(Path(path).exists() for path in LEFT)
    assert "--evidence would overwrite c.json, which --candidate names" in capsys.readouterr().err


def test_a_link_to_an_input_is_the_input(capsys: pytest.CaptureFixture[str]) -> None:
    leave("c.json")
    Path("link.json").symlink_to("c.json")

    assert run(["gate-compare", "--candidate", "c.json", "--report", "link.json"], {}) == Exit.USAGE
    assert Path("c.json").read_text() == "old"
    assert "--report would overwrite" in capsys.readouterr().err


def test_report_and_evidence_cannot_be_one_file(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["gate-compare", "--candidate", "c.csv", "--report", "r.json", "--evidence", "r.md"]

    assert run(line, {}) == Exit.USAGE
    assert "--report and --evidence would write the same file r.md" in capsys.readouterr().err
    assert list(Path().iterdir()) == []


def test_one_file_may_be_both_candidate_and_baseline() -> None:
    own = wiring._own(given(candidate="c.csv", baseline="c.csv"))

    assert discard(GATE_COMPARE, own).json == ".mlci/report/gate-compare.json"


# The tree


def caught(line: list[str]) -> Given:
    seen: list[Given] = []
    tree = build(seen.append)
    with tree.make_context("mlci", line) as context:
        tree.invoke(context)
    (only,) = seen
    return only


def test_what_is_given_twice_counts_once_and_the_last_holds() -> None:
    assert caught(["gate-compare", "--id", "a", "--id", "b"]).values["id"] == ("b", Source("flag", "--id"))


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_what_is_blank_is_not_given(blank: str) -> None:
    assert caught(["gate-compare", "--id", blank, "--slices", blank]).values == {}


def test_a_value_may_begin_with_a_dash() -> None:
    assert caught(["gate-compare", "--tolerance", "-0.005"]).values["tolerance"][0] == "-0.005"
    assert caught(["gate-compare", "--tolerance=-1%"]).values["tolerance"][0] == "-1%"


def test_no_option_may_be_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gate-compare", "--candid", "a.csv"], {}) == Exit.USAGE
    assert "did you mean --candidate?" in capsys.readouterr().err


@pytest.mark.parametrize("line", [["--help"], ["-h"], ["config", "-h"], ["config", "explain", "-h"], ["--version"]])
def test_asking_for_help_reads_no_configuration_and_passes(line: list[str]) -> None:
    Path("mlci.yml").write_text("modle: x\n")

    assert run(line, {"MLCI_GATE_COMPARE_NOTHING": "1"}) == Exit.PASS


# Secrets


@pytest.mark.parametrize(("secret", "is_hidden"), [("abcde", False), ("abcdef", True), (" abcde ", False)])
def test_a_secret_of_six_letters_is_hidden_and_a_word_of_five_is_not(secret: str, is_hidden: bool) -> None:
    assert ("***" in redact(f"<{secret}>", {"API_TOKEN": secret})) is is_hidden


def test_a_secret_that_holds_another_is_hidden_whole() -> None:
    environ = {"A_TOKEN": "abcdef", "B_TOKEN": "abcdefghij"}

    assert redact("x abcdefghij y abcdef", environ) == "x *** y ***"


@pytest.mark.parametrize("convert", [str.lower, str.upper])
def test_a_secret_is_known_by_its_name_in_any_case(convert: Callable[[str], str]) -> None:
    assert redact("hunter22", {convert("My_Secret"): "hunter22"}) == "***"


def test_redacting_twice_changes_nothing_more() -> None:
    environ = {"TOKEN": "abcdefgh"}
    once = redact("abcdefgh at https://a:b@c/", environ)

    assert redact(once, environ) == once == "*** at https://***@c/"

"""``--help`` is light: nothing heavy is imported, and nothing optional is needed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mlci.surface.catalog import COMMANDS, GROUPS
from mlci.surface.command import Command
from mlci.surface.spelling import spell

HEAVY = (
    "numpy", "pyarrow", "pandas", "sklearn", "scipy", "mlflow", "great_expectations", "torch", "duckdb", "pyspark",
    "requests",
)  # fmt: skip
NOT_FOR_HELP = ("yaml", "jinja2", "tabulate", "rfc8785")

LINES = [[], ["config"], *(command.name.split() for command in COMMANDS)]

BLOCKED = f"""
import sys
for name in {HEAVY!r}:
    sys.modules[name] = None
from mlci.cli.main import run
code = run(sys.argv[1:], {{}})
print("imported:", *sorted(name for name in {NOT_FOR_HELP!r} if name in sys.modules))
sys.exit(code)
"""


def help_of(line: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "-c", BLOCKED, *line, *(options or ["--help"])],
        capture_output=True, text=True, env=environ, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_help_needs_nothing_that_is_optional_or_heavy(line: list[str]) -> None:
    shown = help_of(line)

    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"Usage: {' '.join(['mlci', *line])}")
    assert shown.stdout.rstrip().endswith("imported:")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_shows_every_option_with_default_and_whether_it_is_required(command: Command) -> None:
    # Without blanks, because a path may be broken over two lines at its dash.
    shown = "".join(help_of(command.name.split(), "-h").stdout.split())

    for param in command.params:
        assert param.flag in shown
        if param.default is not None:
            assert f"[default:{param.default}]" in shown
        if param.required:
            assert "[required]" in shown
    assert command.summary.replace(" ", "") in shown


def test_the_first_page_lists_every_command() -> None:
    shown = " ".join(help_of([]).stdout.split())

    for command in COMMANDS:
        first = command.name.split()[0]
        assert f"{first} {GROUPS.get(first, command.summary)[:40]}" in shown


def test_the_version_is_one_line() -> None:
    from mlci import __version__

    assert help_of([], "--version").stdout.splitlines()[0] == f"mlci {__version__}"


def test_help_loads_nothing_but_click_and_our_own_modules() -> None:
    """How long that takes beside click alone is in benchmarks/startup.py; here is why it cannot grow unseen."""
    listing = (
        "import sys; before = set(sys.modules); from mlci.cli.main import run; run(['--help'], {}); "
        "names = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print('loaded:', *sorted(names - sys.stdlib_module_names))"
    )
    shown = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True).stdout

    assert shown.splitlines()[-1].split()[1:] == ["click", "mlci"]


def test_every_group_says_what_it_is_about() -> None:
    assert set(GROUPS) == {command.name.split()[0] for command in COMMANDS if " " in command.name}
    assert all(spell(name, "kebab") == name for name in GROUPS)

"""The pages are run: files they show are written, commands they show are executed, and what they print is compared."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("docs/decisions/*.md")])
_MARKED = re.compile(r"<!-- (file|runs): (.+?) -->\n```\w*\n(.*?)```", re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")
_OPTION = re.compile(r"--[a-z][a-z-]*")
# Pages train with the python on PATH, and tell of a machine that is no runner's.
_ENVIRON = {name: value for name, value in os.environ.items() if name != "GITHUB_ACTIONS"}
_ENVIRON |= {f"GIT_{who}_{what}": "a@b.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_ENVIRON["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def marked(page: Path) -> list[tuple[str, str, str]]:
    return [match.groups() for match in _MARKED.finditer(page.read_text())]  # type: ignore[misc]


@pytest.mark.parametrize("page", [page for page in PAGES if marked(page)], ids=lambda page: page.name)
def test_what_a_page_shows_is_what_happens(page: Path, tmp_path: Path) -> None:
    ran = 0
    for kind, argument, body in marked(page):
        if kind == "file":
            (tmp_path / argument).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / argument).write_text(body)
            continue
        command, _, expected = body.partition("\n")
        words = shlex.split(command.removeprefix("$ "))
        assert words[0] in ("mlci", "git")
        argv = [sys.executable, "-m", *words] if words[0] == "mlci" else words
        done = subprocess.run(argv, cwd=tmp_path, env=_ENVIRON, capture_output=True, text=True, check=False)
        assert f"exit {done.returncode}" == argument, done.stdout + done.stderr
        printed = " ".join(done.stdout.split())
        assert printed.startswith(" ".join(expected.split())), done.stdout
        ran += 1
    assert ran > 0


def test_every_step_has_a_page_that_runs() -> None:
    from mlci.surface.catalog import COMMANDS

    steps = [one.name for one in COMMANDS if (ROOT / "mlci/steps" / f"{one.name.replace('-', '_')}.py").exists()]
    assert "gate-compare" in steps
    for step in steps:
        assert any(kind == "runs" for kind, _, _ in marked(ROOT / "docs" / f"{step}.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target, _ in _LINK.findall(page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_a_page_names_exists(page: Path) -> None:
    from mlci.surface.catalog import COMMANDS

    known = {param.flag for command in COMMANDS for param in command.params} | {"--help", "--version"}
    # Of the generator, of mypy, of cosign, and of a suite of tests.
    foreign = {"--check", "--strict", "--key", "--data-sample"}
    if page.name in ("performance.md", "calibration.md"):
        foreign |= {option for file in ROOT.glob("benchmarks/**/*.py") for option in _OPTION.findall(file.read_text())}
    assert {option for option in _OPTION.findall(page.read_text()) if option not in known} <= foreign

"""Actions and workflows against every linter, and every linter against files that each are broken in one way."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from linters import (
    ROOT,
    Findings,
    check_jsonschema,
    is_action,
    language_service,
    run_blocks,
    shellcheck,
    written,
    zizmor,
)

from mlci.surface.actions import RUN, action_files

LINTERS = ("check-jsonschema", "zizmor", "language service", "shellcheck")

GOOD = {
    path.relative_to(ROOT).as_posix(): path
    for pattern in ("action.yml", "actions/*/action.yml", ".github/workflows/*.yml", "workflows-templates/github/*.yml")
    for path in sorted(ROOT.glob(pattern))
}
BROKEN = {path.name: path for path in sorted(Path(__file__).with_name("broken").glob("*.yml"))}
EXPECTED = [
    (name, *line[2:].split(": ", 1))
    for name, path in BROKEN.items()
    for line in path.read_text().splitlines()
    if line.startswith(tuple(f"# {linter}: " for linter in LINTERS))
]


def _text(path: Path) -> str:
    # A template for an organisation has this in the place of a name; GitHub fills it in when the template is copied.
    return path.read_text(encoding="utf-8").replace("$default-branch", "main")


@pytest.fixture(name="findings", scope="module")
def _findings(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Findings]:
    folder = tmp_path_factory.mktemp("lint")
    texts = {name: _text(path) for name, path in {**GOOD, **BROKEN}.items()}
    paths = written(folder, texts)
    scripts = {
        f"{name} {index}": script for name, text in texts.items() for index, script in enumerate(run_blocks(text))
    }
    scripts["actions/start.sh"] = (ROOT / "actions" / "start.sh").read_text()
    known: dict[str, Findings] = {}

    def of_scripts() -> Findings:
        found = shellcheck(scripts, folder)
        return {
            name: [text for script, said in found.items() if script.split(" ")[0] == name for text in said]
            for name in (*texts, "actions/start.sh")
        }

    runs: dict[str, Callable[[], Findings]] = {
        "check-jsonschema": lambda: check_jsonschema(paths),
        "zizmor": lambda: zizmor(paths),
        "language service": lambda: language_service(paths, folder),
        "shellcheck": of_scripts,
    }

    def find(linter: str) -> Findings:
        if linter not in known:
            known[linter] = runs[linter]()
        return known[linter]

    return find


@pytest.mark.parametrize("linter", LINTERS)
@pytest.mark.parametrize("name", GOOD)
def test_no_linter_finds_anything_in_an_action_or_a_workflow(
    findings: Callable[[str], Findings], linter: str, name: str
) -> None:
    assert findings(linter)[name] == []


def test_shellcheck_finds_nothing_in_the_start_script(findings: Callable[[str], Findings]) -> None:
    assert findings("shellcheck")["actions/start.sh"] == []


@pytest.mark.parametrize(("name", "linter", "expected"), EXPECTED, ids=[f"{one[0]} by {one[1]}" for one in EXPECTED])
def test_what_is_broken_is_found(findings: Callable[[str], Findings], name: str, linter: str, expected: str) -> None:
    assert any(re.search(expected, text) for text in findings(linter)[name]), findings(linter)[name]


def test_every_broken_file_says_who_finds_it_and_every_linter_has_some() -> None:
    assert {name for name, _, _ in EXPECTED} == set(BROKEN)
    assert {linter for _, linter, _ in EXPECTED} == set(LINTERS)


@pytest.mark.parametrize("name", [name for name in action_files() if name.endswith("action.yml")])
def test_an_action_is_one_step_of_constant_text(name: str) -> None:
    (script,) = run_blocks(GOOD[name].read_text())

    assert is_action(name)
    assert RUN in script
    assert "${{" not in RUN

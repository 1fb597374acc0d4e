"""Components and pipelines against every linter, and every linter against files that each are broken in one way."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from components.local import SCRIPT, Local, find_node
from gitlab_linters import check_jsonschema, parts, put_together, scripts, taken_in
from linters import ROOT, Findings, lacking, shellcheck

from mlci import __version__
from mlci.surface.components import SETUP, START

# Whether the good ones can be put together is seen where that is compared with what was reviewed, in tests/components.
LINTERS = ("check-jsonschema", "shellcheck", "includes")
RUNNER = "gitlab-ci-local"

GOOD = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for pattern in ("templates/*.yml", "workflows-templates/gitlab/*.yml", ".gitlab-ci.yml")
    for path in sorted(ROOT.glob(pattern))
}
BROKEN = {path.name: path.read_text() for path in sorted(Path(__file__).with_name("broken_gitlab").glob("*.yml"))}
EXPECTED = [
    (name, *line[2:].split(": ", 1))
    for name, text in BROKEN.items()
    for line in text.splitlines()
    if line.startswith(tuple(f"# {linter}: " for linter in (*LINTERS, RUNNER)))
]


@pytest.fixture(name="findings", scope="module")
def _findings(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], list[str]]:
    folder = tmp_path_factory.mktemp("lint")
    texts = {**GOOD, **BROKEN}
    known: dict[str, Findings] = {}

    def of_scripts() -> Findings:
        named = {f"{name} {index}": one for name, text in texts.items() for index, one in enumerate(scripts(text))}
        found = shellcheck(named, folder, "sh")
        return {
            name: [text for one, said in found.items() if one.split(" ")[0] == name for text in said] for name in texts
        }

    def of_runner() -> Findings:
        node = find_node()
        if node is None or not SCRIPT.is_file():
            lacking("gitlab-ci-local is not installed; run make setup")
        local = Local(str(node), folder / "local")
        return {name: put_together(BROKEN[name], local) for name, linter, _ in EXPECTED if linter == RUNNER}

    runs: dict[str, Callable[[], Findings]] = {
        "check-jsonschema": lambda: check_jsonschema(texts, folder),
        "shellcheck": of_scripts,
        "includes": lambda: taken_in(texts),
        RUNNER: of_runner,
    }

    def find(linter: str, name: str) -> list[str]:
        if linter not in known:
            known[linter] = runs[linter]()
        return known[linter][name]

    return find


@pytest.mark.parametrize("linter", LINTERS)
@pytest.mark.parametrize("name", GOOD)
def test_no_linter_finds_anything_in_a_component_or_a_pipeline(
    findings: Callable[[str, str], list[str]], linter: str, name: str
) -> None:
    assert findings(linter, name) == []


def test_shellcheck_finds_nothing_in_the_scripts_of_components(tmp_path: Path) -> None:
    assert shellcheck({"start": START, "setup": SETUP}, tmp_path, "sh") == {"start": [], "setup": []}


@pytest.mark.parametrize(("name", "linter", "expected"), EXPECTED, ids=[f"{one[0]} by {one[1]}" for one in EXPECTED])
def test_what_is_broken_is_found(
    findings: Callable[[str, str], list[str]], name: str, linter: str, expected: str
) -> None:
    found = findings(linter, name)

    assert any(re.search(expected, text) for text in found), found


def test_every_broken_file_says_who_finds_it_and_every_linter_has_some() -> None:
    assert {name for name, _, _ in EXPECTED} == set(BROKEN)
    assert {linter for _, linter, _ in EXPECTED} == {*LINTERS, RUNNER}


def test_inputs_are_filled_in_as_gitlab_does() -> None:
    given = "spec: {inputs: {a: {default: x}, b: {type: array, default: [1]}, c: }}\n---\n"
    body = "'$[[ inputs.a ]]-$[[inputs.a]]':\n  - $[[ inputs.b ]]\n  - $[[ inputs.c ]]\n  - $[[ inputs.d ]]\n"
    header, jobs = parts(given + body)

    assert header is not None
    assert jobs == {"x-x": [[1], "given", "$[[ inputs.d ]]"]}
    assert parts("job: {script: [a]}") == (None, {"job": {"script": ["a"]}})


def test_a_release_is_made_of_a_tag_that_is_the_version_in_the_files_it_tags() -> None:
    release = yaml.safe_load(GOOD[".gitlab-ci.yml"])["release"]
    (rule,) = release["rules"]
    pattern = re.fullmatch(r"\$CI_COMMIT_TAG =~ /(.*)/", rule["if"])

    assert pattern is not None
    assert re.search(pattern[1], __version__)
    assert not re.search(pattern[1], f"v{__version__}")
    assert release["script"] == ['grep -qxF "__version__ = \\"$CI_COMMIT_TAG\\"" mlci/__init__.py']
    assert f'__version__ = "{__version__}"' in (ROOT / "mlci/__init__.py").read_text().splitlines()
    assert all(f'MLCI_VERSION: "{__version__}"' in text for name, text in GOOD.items() if name.startswith("templates/"))


def test_the_projects_own_pipeline_asks_for_the_jobs_that_its_component_makes() -> None:
    said = yaml.safe_load(GOOD[".gitlab-ci.yml"])
    (script,) = said["jobs"]["script"]
    _, model = parts(GOOD["templates/model.yml"])

    for name in (*model, "test"):
        assert f'"{name}"' in script
    assert set(model) <= set(said), "each of them is given the code of this commit"

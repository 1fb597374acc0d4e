"""Each linter over many files at once: what it says of each, by the file's name."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlci.surface.pin import OWNER_AND_NAME

ROOT = Path(__file__).parents[2]
NODE = ROOT / "tests" / "node" / "node_modules"

Findings = dict[str, list[str]]

# Not followed: a variable that the runner sets looks unset; braces round every name; a function in a condition.
_NOISE = "SC2154,SC2250,SC2292,SC2310"


def tool(name: str) -> str:
    """The path of a linter. Without it the test is skipped, except in continuous integration, where it fails."""
    path = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return path or lacking(f"{name} is not installed; run make setup")


def lacking(reason: str) -> Any:
    """Skip, or fail where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def written(folder: Path, texts: Mapping[str, str]) -> dict[str, Path]:
    """Each text in a folder of its own, under a name by which linters know what it is."""
    paths = {}
    for index, (name, text) in enumerate(texts.items()):
        below = "" if is_action(name) else ".github/workflows/"
        path = folder / str(index) / f"{below}{'action' if is_action(name) else 'workflow'}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        paths[name] = path
    return paths


def is_action(name: str) -> bool:
    """Whether a file describes an action, and not a workflow."""
    return Path(name).name == "action.yml" or Path(name).name.startswith("action-")


def _run(*command: str, given: str | None = None) -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return done.stdout


def check_jsonschema(paths: Mapping[str, Path]) -> Findings:
    """The published schemas of actions and workflows."""
    found: Findings = {name: [] for name in paths}
    for schema, actions in (("vendor.github-actions", True), ("vendor.github-workflows", False)):
        chosen = {str(path): name for name, path in paths.items() if is_action(name) is actions}
        if chosen:
            found |= by_schema(chosen, "--builtin-schema", schema)
    return found


def by_schema(chosen: Mapping[str, str], *schema: str) -> Findings:
    """What a published schema says of files, by their names.

    Args:
        chosen: the name of each file, by its path; several may have the same.
        schema: the words that say which schema.
    """
    found: Findings = {name: [] for name in chosen.values()}
    answer = json.loads(_run(tool("check-jsonschema"), "--output-format", "json", *schema, *chosen))
    for one in answer["errors"]:
        found[chosen[one["filename"]]] += [one["message"], *map(str, _messages(one))]
    for one in answer.get("parse_errors", []):
        found[chosen[one["filename"]]].append(one["message"])
    return found


def _messages(error: Any) -> list[str]:
    inner = [error.get("best_match") or {}, error.get("best_deep_match") or {}]
    return [one["message"] for one in inner if "message" in one]


def zizmor(paths: Mapping[str, Path]) -> Findings:
    """Security of actions and workflows, at the strictest setting."""
    by_path = {str(path): name for name, path in paths.items()}
    said = _run(tool("zizmor"), "--offline", "--persona", "auditor", "--no-exit-codes", "--format", "json", *by_path)
    found: Findings = {name: [] for name in paths}
    for one in json.loads(said):
        if not one["ignored"]:
            for path in {location["symbolic"]["key"]["Local"]["verbatim_path"] for location in one["locations"]}:
                found[by_path[path]].append(f"{one['ident']}: {one['desc']}")
    return found


def language_service(paths: Mapping[str, Path], folder: Path) -> Findings:
    """GitHub's own language service, and with it GitHub's own parser."""
    if not (NODE / "@actions" / "languageservice").is_dir():
        lacking("@actions/languageservice is not installed; run make setup")
    bundle = folder / "languageservice.mjs"
    subprocess.run(
        [
            str(NODE / ".bin" / "esbuild"), str(Path(__file__).with_name("languageservice.mjs")), "--bundle",
            "--platform=node", "--format=esm", "--keep-names", "--log-level=error", f"--outfile={bundle}",
            "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
        ],
        env={**os.environ, "NODE_PATH": str(NODE)}, check=True,
    )  # fmt: skip
    files = {str(path): path.read_text() for path in paths.values()}
    given = json.dumps({"root": str(ROOT), "ours": OWNER_AND_NAME, "files": files})
    answer = json.loads(_run(tool("node"), str(bundle), given=given))
    return {name: answer[str(path)] for name, path in paths.items()}


def shellcheck(scripts: Mapping[str, str], folder: Path, shell: str = "bash") -> Findings:
    """Shell scripts, with every optional check."""
    by_path = {}
    for index, (name, text) in enumerate(scripts.items()):
        path = folder / f"{index}.sh"
        path.write_text(text)
        by_path[str(path)] = name
    said = _run(tool("shellcheck"), "-s", shell, "-o", "all", "-e", _NOISE, "-f", "json", *by_path)
    found: Findings = {name: [] for name in scripts}
    for one in json.loads(said):
        found[by_path[one["file"]]].append(f"SC{one['code']}: {one['message']} (line {one['line']})")
    return found


def run_blocks(text: str) -> list[str]:
    """Every script of a workflow or an action, expressions replaced by a word, as a file of bash."""
    document = yaml.safe_load(text)
    jobs = (document.get("jobs") or {}).values()
    steps = [step for job in jobs for step in job.get("steps", ())]
    steps += (document.get("runs") or {}).get("steps", ())
    scripts = [step["run"] for step in steps if "run" in step and step.get("shell", "bash") == "bash"]
    # The runner starts every script in this way.
    return [f"set -eo pipefail\n{re.sub(r'[$]{{.*?}}', 'expression', script, flags=re.DOTALL)}\n" for script in scripts]

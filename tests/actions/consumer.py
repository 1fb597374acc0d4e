"""A user's repository: a model whose quality is one number in a file, its policy, and its pipeline."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cmarkgfm
import yaml

if TYPE_CHECKING:
    from forge.github import GitHub
    from forge.state import Comment
    from outcome import Outcome

ROOT = Path(__file__).parents[2]


class Measured(NamedTuple):
    """The bytes of the gate's evidence, and those of the predictions it is about."""

    evidence: bytes
    predictions: bytes


SHA = "a" * 40

# Wrong on every so many examples: 10 is a good model, 5 is a bad one. Standard library only, so that it runs anywhere.
TRAIN = """
import csv
every = int(open("quality.txt").read())
with open("predictions.csv", "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["id", "y_true", "y_pred", "region"])
    for i in range(4000):
        right = (i * 7919) % every != 0
        rows.writerow([f"e{i}", i % 2, i % 2 if right else 1 - i % 2, "north" if i % 3 else "south"])
"""

POLICY = """
model: churn
train: python train.py
evaluate: {target: y_true, id: id}
validation:
  compare_to: production
  tolerance: -0.02
  metrics: [accuracy]
"""

FILES = {"train.py": TRAIN, "quality.txt": "10\n", "mlci.yml": POLICY, "docs/index.md": "a model\n"}

WORKFLOW = f"""
name: Model
on:
  pull_request:
  merge_group:
  push:
    branches: [main]
permissions: {{}}
jobs:
  gate:
    name: gate
    runs-on: ubuntu-latest
    permissions:
      contents: read
      actions: read
      pull-requests: write
      statuses: write
    steps:
      - uses: actions/checkout@{SHA}
      - run: python3 train.py
      - id: gate
        uses: mlci/mlci/actions/gate-compare@{SHA}
        with:
          candidate: predictions.csv
          baseline-from: artifacts
      - if: always() && steps.gate.outputs.artifact != ''
        uses: actions/upload-artifact@{SHA}
        with:
          name: ${{{{ steps.gate.outputs.artifact }}}}
          path: ${{{{ steps.gate.outputs.keep }}}}
          overwrite: true
  conclude:
    name: conclude
    needs: [gate]
    if: always()
    runs-on: ubuntu-latest
    permissions: {{}}
    steps:
      - uses: mlci/mlci/actions/conclude@{SHA}
        with:
          needs: ${{{{ toJSON(needs) }}}}
          expect: gate
"""


# What workflows are put together from, where a scenario needs another one than the above.

PERMISSIONS = {"contents": "read", "actions": "read", "pull-requests": "write", "statuses": "write"}
EVENTS = ["pull_request", "merge_group", "push", "workflow_run"]
ARTIFACT = "mlci-gate-churn"

# The step that leaves what gate-compare laid ready, whatever it said.
UPLOAD = {
    "if": "always() && steps.gate.outputs.artifact != ''",
    "uses": f"actions/upload-artifact@{SHA}",
    "with": {
        "name": "${{ steps.gate.outputs.artifact }}",
        "path": "${{ steps.gate.outputs.keep }}",
        "include-hidden-files": True,
        "overwrite": True,
    },
}


def uses(action: str = "actions/gate-compare", id: str = "gate", **inputs: str) -> dict[str, Any]:
    """A step that uses one of our actions; gate-compare judges predictions.csv against the last accepted run."""
    given = {key.replace("_", "-"): value for key, value in inputs.items()}
    if action == "actions/gate-compare":
        given = {"candidate": "predictions.csv", "baseline-from": "artifacts"} | given
    return {"id": id, "uses": f"mlci/mlci{'/' if action else ''}{action}@{SHA}", "with": given}


def inlined(staged: Path, id: str = "gate", **inputs: str) -> dict[str, Any]:
    """The step within the action gate-compare, because act does not show an action the matrix of its job."""
    (step,) = yaml.safe_load((staged / "actions/gate-compare/action.yml").read_text())["runs"]["steps"]
    given = {"token": "${{ github.token }}", **uses(**inputs)["with"]}
    env = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: given.get(found[1], ""), value)
        for name, value in step["env"].items()
    }
    return {"id": id, "shell": "bash", "run": f"exec bash {staged}/actions/start.sh", "env": env}


def called(name: str, **inputs: str) -> dict[str, Any]:
    """The job within a reusable workflow of ours, because act ends where such a workflow fails."""
    described = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())
    ((_, job),) = described["jobs"].items()
    known = described[True]["workflow_call"]["inputs"]
    given = {key: value["default"] for key, value in known.items() if "default" in value}
    given |= {key.replace("_", "-"): value for key, value in inputs.items()}
    text = re.sub(r"\binputs\.([\w-]+)", lambda found: f"'{given[found[1]]}'", yaml.safe_dump(job, width=1000))
    done: dict[str, Any] = yaml.safe_load(text)
    return for_act(done)


def for_act(job: dict[str, Any]) -> dict[str, Any]:
    """A job without the one key that act's schema is older than."""
    if isinstance(job.get("environment"), dict):
        job["environment"].pop("deployment", None)
    return job


def workflow(*steps: dict[str, Any] | str, permissions: Mapping[str, str] = PERMISSIONS, **job: Any) -> str:
    """A workflow with the one job ``gate``; a step that is a text is run by the shell."""
    done: list[Any] = [{"uses": f"actions/checkout@{SHA}"}]
    done += [{"run": step} if isinstance(step, str) else step for step in steps]
    made = {"name": "gate", "runs-on": "ubuntu-latest", "permissions": dict(permissions), "steps": done, **job}
    return yaml.safe_dump({"name": "Model", "on": EVENTS, "permissions": {}, "jobs": {"gate": made}})


@cache
def measured(quality: int, against: int | None = None, policy: str = POLICY, words: tuple[str, ...] = ()) -> Measured:
    """What gate-compare finds of a model of that quality, on a machine of one's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mlci.yml").write_text(policy)
        for side, value in {"baseline": against, "predictions": quality}.items():
            if value is not None:
                (folder / "quality.txt").write_text(f"{value}\n")
                subprocess.run([sys.executable, "-c", TRAIN], cwd=folder, check=True)
                (folder / "predictions.csv").rename(folder / f"{side}.csv")
        compared = () if against is None else ("--baseline", "baseline.csv")
        command = [sys.executable, "-m", "mlci", "gate-compare", "--candidate", "predictions.csv", *compared, *words]
        bare = {"PATH": os.environ["PATH"], "HOME": name, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=folder, env=bare, capture_output=True, text=True, check=False)
        evidence = folder / ".mlci/evidence/gate.json"
        if not evidence.exists():
            raise AssertionError(done.stderr)
        return Measured(evidence.read_bytes(), (folder / "predictions.csv").read_bytes())


def accepted(github: GitHub, *names: str) -> None:
    """A run of the default branch that was accepted, as its workflow left it under these names."""
    found = measured(10)
    content = {"gate.json": found.evidence, "predictions.csv": found.predictions}
    run = github.add_run(branch="main")
    for name in names or (ARTIFACT,):
        github.put_artifact(run, name, content)


def proposed(github: GitHub, quality: int = 5, branch: str = "feature", **files: str | None) -> int:
    """A pull request from a branch of the repository that changes how good the model is."""
    github.commit({"quality.txt": f"{quality}\n", **files}, branch)
    return github.open_pull_request(branch).number


def rendered(markdown: str) -> str:
    """Markdown as GitHub renders it before it takes elements out and makes links of mentions, as HTML."""
    made: str = cmarkgfm.github_flavored_markdown_to_html(markdown, cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE)
    return made


def seen(comment: Comment) -> str:
    """What a reader sees of a comment, as text."""
    return html.unescape(re.sub("<!--.*?-->|<[^>]*>", "", rendered(comment.body))).replace("\u2060", "")


def exit_of(outcome: Outcome, id: str = "gate") -> int:
    """The exit status of a step of ours; 0 where it ended well."""
    for line in outcome.raw.splitlines():
        said = json.loads(line)
        if (said.get("stepID") or [""])[0] == id and (found := re.fullmatch(r"exit status (\d+)", said.get("msg", ""))):
            return int(found[1])
    return 0

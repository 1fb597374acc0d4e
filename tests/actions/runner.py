"""A real workflow engine (act, on this machine, without containers) runs a consumer's workflow against the loopback.

    def test_a_worse_model_is_not_merged(github, act):
        github.add_repository(files={...}); github.commit({...}, "feature"); github.open_pull_request("feature")
        outcome = act.run(WORKFLOW, pull=1)                  # text, or the path of a file in the commit
        outcome.code, outcome.job("gate").result, outcome.job("gate").steps["judge"].outputs["verdict"]
        outcome.summary, outcome.annotations, outcome.log, outcome.job("gate", seed=1)

Our own actions, stand-ins for the artifact actions and reusable workflows are found under whatever commit a `uses:`
names. What GitHub does and act does not is done here: the token has the permissions that the workflow declares (read
only for a fork), the jobs' results become check runs of the right commit, uploaded artifacts become artifacts of the
run. Not done: trigger filters, concurrency, timeouts, environments.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import events
import outcome
import yaml
from forge.contract import ROOT
from forge.github import GitHub, MergeGroup
from forge.repository import git
from forge.state import BOT, Comment, WorkflowRun

STUBS = Path(__file__).resolve().parent / "stubs"
STANDING_IN = ("actions/upload-artifact", "actions/download-artifact", "actions/setup-python")
OURS = "mlci/mlci"
LABELS = ("ubuntu-latest", "ubuntu-24.04", "ubuntu-slim", "self-hosted", "linux", "gpu")
SCOPES = ("actions", "checks", "contents", "deployments", "issues", "pull-requests", "statuses")
_LEVELS = {"none": 0, "read": 1, "write": 2}


def find_act() -> str | None:
    """The engine: beside this interpreter, else on the PATH."""
    return shutil.which("act", path=str(Path(sys.executable).parent)) or shutil.which("act")


def stage(target: Path) -> Path:
    """Our own tree as GitHub packs it for those who use an action: no .git, nothing ignored, nothing export-ignored."""
    words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = [name for name in git(ROOT, *words).decode().split("\0") if name and (ROOT / name).is_file()]
    asked = "\0".join(name for each in names for name in _with_parents(each)).encode()
    said = git(ROOT, "check-attr", "-z", "--stdin", "export-ignore", given=asked).decode().split("\0")
    left_out = {path.rstrip("/") for path, value in zip(said[::3], said[2::3], strict=False) if value == "set"}
    for name in names:
        if not {each.rstrip("/") for each in _with_parents(name)} & left_out:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    for file in target.glob(".github/workflows/*.yml"):
        # The engine knows no environments, and refuses what GitHub has said of them since.
        file.write_text(re.sub(r"(?m)^    environment:\n(?:      .*\n)+", "", file.read_text()))
    return target


def _with_parents(name: str) -> list[str]:
    return [name, *(f"{parent}/" for parent in Path(name).parents if parent != Path())]


@dataclass
class Act:
    """Runs workflows; see the module's docstring.

    Attributes:
        staged: our own tree, as consumers get it.
        uploads: where the stand-in puts artifacts, a folder for each run.
        ran: the runs so far, as GitHub lists them, oldest first.
    """

    binary: str
    github: GitHub
    folder: Path
    staged: Path
    ran: list[WorkflowRun] = field(default_factory=list)

    @property
    def uploads(self) -> Path:
        """Where the stand-in puts artifacts, a folder for each run."""
        return self.folder / "uploads"

    def run(
        self,
        workflow: str,
        *,
        pull: int | None = None,
        group: MergeGroup | None = None,
        triggering: WorkflowRun | None = None,
        comment: Comment | None = None,
        inputs: dict[str, str] | None = None,
        event: str | None = None,
        branch: str = "main",
        before: str | None = None,
        actor: str = "contributor",
        again: WorkflowRun | None = None,
        permissions: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        words: Sequence[str] = (),
        python: str | None = sys.executable,
        register: bool = True,
        timeout: float = 120,
    ) -> outcome.Outcome:
        """Run a workflow for a pull request, a merge group, the end of another run, or a branch.

        Args:
            workflow: its text, or the path of a file that the commit has.
            comment: on a pull request, whose event runs the default branch's workflow.
            inputs: of a workflow_dispatch.
            event: push, schedule or workflow_dispatch on a branch, pull_request_review for a pull request; what was
                given says the rest.
            actor: who started it.
            before: where the branch was before a push.
            again: run this run again, as its next attempt.
            permissions: of the token; None for what the workflow declares.
            python: the interpreter that has the package's dependencies, for MLCI_PYTHON; None for a real install.
            register: whether job results become check runs, and uploads artifacts.
        """
        if comment is not None or inputs is not None:
            started = self._told(comment, inputs, branch)
        else:
            started = self._started(pull, group, triggering, event, branch, before, actor)
        # A run that is run again is one run, and each of its attempts needs files of its own.
        number = len(list(self.folder.glob("workflow-*.yml"))) + 1
        consumer = self._checked_out(started.commit, number)
        text = (consumer / workflow).read_text() if "\n" not in workflow else workflow
        described = yaml.safe_load(text)
        file = self.folder / f"workflow-{number}.yml"
        file.write_text(text)
        payload = self.folder / f"event-{number}.json"
        payload.write_text(json.dumps(started.payload))
        run = self._listed(started, described, again)
        token = self._token(started, described, permissions)
        environment = self._environment(run, started, python) | dict(env or {})
        hidden = {"GITHUB_TOKEN": token, **(secrets or {})}
        command = [
            self.binary, started.event, "-C", str(consumer), "-W", str(file), "-e", str(payload), "--json",
            "--no-cache-server", "--action-offline-mode", "--action-cache-path", str(self.folder / f"act-{number}"),
            "--actor", actor, *words,
            *(word for label in LABELS for word in ("-P", f"{label}=-self-hosted")),
            *(word for use in self._uses(text) for word in ("--local-repository", use)),
            *(word for name in environment for word in ("--env", f"{name}={environment[name]}")),
            *(word for name, value in (variables or {}).items() for word in ("--var", f"{name}={value}")),
            *(word for name, value in hidden.items() for word in ("-s", f"{name}={value}")),
        ]  # fmt: skip
        done = self._executed(command, timeout)
        result = outcome.read(done.returncode, done.stdout, done.stderr, described)
        run.status, run.conclusion = "completed", "success" if done.returncode == 0 else "failure"
        if register:
            self._registered(run, started.reported, result)
        return result

    def _executed(self, command: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        # Nothing of this machine's environment reaches the steps.
        bare = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TMPDIR": str(self.folder)}
        return subprocess.run(
            command, env=bare, capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL
        )

    def _started(
        self,
        pull: int | None,
        group: MergeGroup | None,
        triggering: WorkflowRun | None,
        event: str | None,
        branch: str,
        before: str | None,
        actor: str,
    ) -> _Started:
        there = self.github.repository()
        if pull is not None:
            found = self.github.pull(pull)
            fork = found.head_repository != there.name
            payload = events.pull_request(self.github, found)
            if event == "pull_request_review":
                payload = events.review(self.github, found, actor)
            if event == "pull_request_target":
                # Runs what the base branch has, with all permissions, for a fork too.
                ref = f"refs/heads/{found.base_branch}"
                return _Started(event, ref, found.base_sha, found.head_sha, found.head_branch, payload, pull)
            return _Started(
                event or "pull_request", f"refs/pull/{pull}/merge", found.merge_sha or found.head_sha, found.head_sha,
                found.head_branch, payload, pull, fork,
            )  # fmt: skip
        if group is not None:
            payload = events.merge_group(self.github, group)
            return _Started("merge_group", group.ref, group.sha, group.sha, group.ref.split("/", 2)[2], payload)
        tip = there.tip(branch) or ""
        ref = f"refs/heads/{branch}"
        if triggering is not None:
            return _Started("workflow_run", ref, tip, tip, branch, events.workflow_run(self.github, triggering))
        payload = {
            "push": lambda: events.push(self.github, branch, before or "0" * 40, tip),
            "workflow_dispatch": lambda: events.dispatch(self.github, branch),
            "schedule": lambda: events.schedule(self.github),
        }[event or "push"]()
        return _Started(event or "push", ref, tip, tip, branch, payload)

    def _told(self, comment: Comment | None, inputs: dict[str, str] | None, branch: str) -> _Started:
        """What somebody started by a comment, or by hand."""
        ref, tip = f"refs/heads/{branch}", self.github.repository().tip(branch) or ""
        if comment is not None:
            payload = events.issue_comment(self.github, comment)
            return _Started("issue_comment", ref, tip, tip, branch, payload)
        payload = events.dispatch(self.github, branch, inputs)
        return _Started("workflow_dispatch", ref, tip, tip, branch, payload)

    def _checked_out(self, commit: str, number: int) -> Path:
        """The workspace: a clone at the commit, whose remote is where GitHub would say it is."""
        there = self.github.repository()
        consumer = self.folder / f"consumer-{number}"
        git(self.folder, "clone", "--quiet", "--shared", "--no-checkout", str(there.objects.folder), str(consumer))
        git(consumer, "checkout", "--quiet", "--detach", commit)
        git(consumer, "remote", "set-url", "origin", f"https://github.com/{there.name}.git")
        return consumer

    def _listed(self, started: _Started, described: dict[str, Any], again: WorkflowRun | None) -> WorkflowRun:
        if again is not None:
            again.attempt += 1
            again.status, again.conclusion = "in_progress", None
            return again
        pull = self.github.pull(started.pull) if started.pull else None
        run = self.github.add_run(
            event=started.event, branch=started.branch, sha=started.reported, pull=pull,
            name=str(described.get("name", "model")), conclusion=None,
        )  # fmt: skip
        self.ran.append(run)
        return run

    def _token(self, started: _Started, described: dict[str, Any], permissions: Mapping[str, str] | None) -> str:
        held = declared(described) if permissions is None else dict(permissions)
        if started.fork:
            held = {name: "read" for name, level in held.items() if level != "none"}
        return self.github.token(BOT, held)

    def _environment(self, run: WorkflowRun, started: _Started, python: str | None) -> dict[str, str]:
        there = self.github.repository()
        environment = {
            "GITHUB_API_URL": self.github.url,
            "GITHUB_SERVER_URL": self.github.server_url,
            "GITHUB_GRAPHQL_URL": f"{self.github.url}/graphql",
            "GITHUB_REPOSITORY": there.name,
            "GITHUB_REPOSITORY_OWNER": there.owner,
            "GITHUB_REF": started.ref,
            "GITHUB_RUN_ID": str(run.id),
            "GITHUB_RUN_NUMBER": str(run.number),
            "GITHUB_RUN_ATTEMPT": str(run.attempt),
            "CI": "true",
            "GIT_PAGER": "cat",
            "STUB_ARTIFACTS": str(self.uploads),
        }
        return environment | ({"MLCI_PYTHON": python} if python else {})

    def _uses(self, text: str) -> list[str]:
        """Where act finds what a workflow uses, for every commit that it or a workflow of ours names."""
        texts = [text, *(file.read_text() for file in sorted(self.staged.glob(".github/workflows/*.yml")))]
        found = {}
        for owner, ref in re.findall(r"uses:\s*[\"']?([\w.-]+/[\w.-]+)(?:/[^@\s]*)?@([^\s\"'#]+)", "\n".join(texts)):
            folder = self.staged if owner == OURS else STUBS / owner.split("/")[1]
            if owner == OURS or owner in STANDING_IN:
                found[f"{owner}@{ref}"] = self._stub(folder)
        return [f"{use}={folder}" for use, folder in found.items()]

    def _stub(self, folder: Path) -> Path:
        """The folder of an action; a stand-in is put together from its file and the script that they share."""
        if folder == self.staged:
            return folder
        made = self.folder / "stubs" / folder.name
        if not made.exists():
            shutil.copytree(folder, made)
            shutil.copy2(STUBS / "artifacts.py", made)
        return made

    def _registered(self, run: WorkflowRun, sha: str, result: outcome.Outcome) -> None:
        for job in result.jobs:
            self.github.job_result(sha, job.name, job.result)
        known = {each.name: each for each in self.github.repository().artifacts.values() if each.run == run.id}
        for packed in sorted((self.uploads / str(run.id)).glob("*.zip")):
            name = packed.name.removesuffix(".zip")
            if name not in known or known[name].content != packed.read_bytes():
                self.github.put_artifact(run, name, packed.read_bytes())


@dataclass(frozen=True)
class _Started:
    """What started a run: the event, the commit in the workspace, and the commit that is reported on."""

    event: str
    ref: str
    commit: str
    reported: str
    branch: str
    payload: dict[str, Any]
    pull: int | None = None
    fork: bool = False


def declared(workflow: dict[str, Any]) -> dict[str, str]:
    """The permissions that a workflow's jobs declare, of all jobs together; contents can be read where none are.

    act has one token for all jobs, so that a workflow with one job shows best what that one needs.
    """
    found = dict.fromkeys(SCOPES, "none")
    for job in workflow["jobs"].values():
        given = job.get("permissions", workflow.get("permissions", {"contents": "read"}))
        if given in ("read-all", "write-all"):
            given = dict.fromkeys(SCOPES, given.removesuffix("-all"))
        for name, level in (given or {}).items():
            if _LEVELS[level] > _LEVELS[found.get(name, "none")]:
                found[name] = level
    return found

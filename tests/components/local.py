"""A real runner of GitLab pipelines (gitlab-ci-local, on this machine, without containers) runs a consumer's pipeline.

    def test_a_worse_model_is_not_merged(local):
        consumer = local.consumer({".gitlab-ci.yml": …, "mlci.yml": …})      # or local.clone(a repository, a commit)
        pipeline = local.run(
            consumer, {"CI_PIPELINE_SOURCE": "merge_request_event", …}, unset=["CI_COMMIT_BRANCH"],
            project={"MLCI_TOKEN": {"mlci": "glpat-…"}, "MLCI_GATE_COMPARE_THREAD": "false"},
        )
        gate = pipeline.job("mlci-gate")
        pipeline.status, gate.result, gate.exit, gate.log, gate.artifacts, gate.files, gate.variables
        local.preview(consumer)                                              # the pipeline as it is put together

Components of ours are found under whatever commit an include names: those of the working tree stand in for it. They
come from a project of their own, by the same ways as on a server; only ssh is played. A variable of the project reaches
the jobs of its environment alone, and holds before those of a job, as on GitLab. Jobs run mlci by the interpreter of
the tests, unless they are given none.

What GitLab does and this runner does not:
- an input that a component does not have is an error there, and nothing here;
- where a needed job never started because another failed, a job with `when: always` runs there and not here;
- masked variables are masked there; protected ones, protected environments, timeouts and `workflow:rules` hold there;
- reports besides dotenv are shown there; here they are only files that nobody collects;
- a job with an image has another folder than it says, so that images are left out of what is run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from repositories import ENVIRON, Checkout

from mlci import __version__
from mlci.surface.component_model import model_files
from mlci.surface.component_release import release_files
from mlci.surface.components import component_files
from mlci.surface.pin import OWNER_AND_NAME

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "node" / "node_modules" / "gitlab-ci-local" / "dist" / "index.js"
HOST = "gitlab.example"
CONSUMER = "group/consumer"
# https://docs.gitlab.com/ci/yaml/#tags: none are none, which the schema in the runner does not know.
_LENIENT = ("--ignore-schema-paths", "#/definitions/tags/minItems")
# What the runner sets itself and warns of where it is told otherwise.
_TOLD = (
    "CI", "GITLAB_CI", "CI_API_V4_URL", "CI_SERVER_URL", "CI_SERVER_HOST", "CI_SERVER_FQDN", "CI_PROJECT_ID",
    "CI_PROJECT_PATH", "CI_PIPELINE_ID", "CI_PIPELINE_IID", "CI_PIPELINE_URL", "CI_PIPELINE_SOURCE", "CI_COMMIT_SHA",
    "CI_COMMIT_BRANCH", "CI_COMMIT_REF_NAME", "CI_COMMIT_BEFORE_SHA", "CI_DEFAULT_BRANCH", "CI_JOB_ID", "CI_JOB_URL",
    "CI_JOB_TOKEN", "CI_REPOSITORY_URL", "CI_PROJECT_URL",
)  # fmt: skip
_SSH = """\
#!/bin/sh
# Plays ssh: the last word is the command that git wants on the other machine, git-upload-archive 'path'.
for last; do :; done
eval "set -- $last"
exec git -c uploadArchive.allowUnreachable=true "${{1#git-}}" "{projects}/${{2#/}}"
"""
_ENDED = re.compile(
    r"^(?P<name>\S.*?)\s+finished in [^F]*?(?:\s(?P<word>FAIL|WARN)\s+(?P<code>\d+))?\s*$", re.MULTILINE
)
_BEGUN = re.compile(r"^(?P<name>\S.*?)\s+starting shell \(")
_LEFT = re.compile(r"^(?P<name>\S.*?)\s+exported artifacts in ")
_RUN = ".run.gitlab-ci.yml"
_IMAGE = re.compile(r"^ +image: \S.*\n", re.MULTILINE)
_OURS = re.compile(rf"(/{re.escape(OWNER_AND_NAME)}/[\w-]+)@[0-9a-f]{{40}}")


def find_node() -> str | None:
    """The node beside this interpreter, which is new enough, else one on the PATH."""
    return shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")


@dataclass(frozen=True)
class Job:
    """A job of a pipeline.

    Attributes:
        name: its name.
        result: success, failed, warning where its failure is allowed, or skipped.
        exit: the status of its script; None where it did not run.
        log: what it printed.
        artifacts: the folder of what it left.
    """

    name: str
    result: str
    exit: int | None
    log: str
    artifacts: Path

    @property
    def files(self) -> set[str]:
        """The paths of what it left."""
        below = (path.relative_to(self.artifacts) for path in self.artifacts.rglob("*") if path.is_file())
        return {path.as_posix() for path in below if path.parts[0] != ".gitlab-ci-reports"}

    @property
    def variables(self) -> dict[str, str]:
        """The variables that it handed on."""
        lines = [
            line
            for file in sorted((self.artifacts / ".gitlab-ci-reports" / "dotenv").rglob("*"))
            if file.is_file()
            for line in file.read_text().splitlines()
        ]
        return dict(line.split("=", 1) for line in lines)


@dataclass(frozen=True)
class Pipeline:
    """A pipeline that ran: its jobs, and all that the runner said."""

    jobs: dict[str, Job]
    text: str

    def job(self, name: str) -> Job:
        """The job of that name.

        Raises:
            LookupError: the pipeline has none.
        """
        if name not in self.jobs:
            raise LookupError(f"there is no job {name}: {sorted(self.jobs)}\n{self.text}")
        return self.jobs[name]

    @property
    def status(self) -> str:
        """What GitLab makes of it: failed where a job is that may not; the runner forgets one that others ran after."""
        bad = not self.jobs or any(job.result == "failed" for job in self.jobs.values())
        return "failed" if bad else "success"

    @property
    def results(self) -> dict[str, str]:
        """How each job ended."""
        return {name: job.result for name, job in self.jobs.items()}


@dataclass
class Local:
    """Runs pipelines; see the module's docstring.

    Attributes:
        node: the program that runs the runner.
        folder: of everything.
    """

    node: str
    folder: Path
    _commits: dict[bool, str] = field(default_factory=dict)
    _ran: int = 0

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        self._stage()
        self._ssh.write_text(_SSH.format(projects=self.projects))
        self._ssh.chmod(0o755)

    @property
    def home(self) -> Path:
        """The runner's own home."""
        return self.folder / "home"

    @property
    def projects(self) -> Path:
        """The projects of the server, as bare repositories by their paths."""
        return self.folder / "projects"

    @property
    def _ssh(self) -> Path:
        return self.folder / "ssh"

    def _stage(self) -> None:
        """Our components as a project of the server, tagged as a release is; the next commit is without images."""
        project = Checkout(self.folder / "components")
        files = {**component_files(), **model_files(), **release_files()}
        self._commits[True] = project.write(files).commit()
        project.git("tag", __version__)
        self._commits[False] = project.write({name: _IMAGE.sub("", text) for name, text in files.items()}).commit()
        target = self.projects / f"{OWNER_AND_NAME}.git"
        target.parent.mkdir(parents=True)
        project.git("clone", "--quiet", "--bare", ".", str(target))

    def consumer(self, files: Mapping[str, str]) -> Checkout:
        """A repository of a user's with these files in one commit."""
        made = Checkout(self.folder / f"consumer-{len(list(self.folder.glob('consumer-*')))}")
        made.write(files).commit()
        return made

    def clone(self, repository: Path, commit: str = "HEAD", branch: str = "main") -> Checkout:
        """A repository of a user's, such as one on the loopback, checked out at a commit on a branch."""
        made = Checkout(self.folder / f"consumer-{len(list(self.folder.glob('consumer-*')))}")
        made.git("fetch", "--quiet", str(repository), "+refs/*:refs/kept/*")
        made.git("checkout", "--quiet", "-B", branch, commit)
        return made

    def preview(self, consumer: Checkout, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The pipeline as it is put together: includes, inputs and what is extended filled in.

        Raises:
            ValueError: it cannot be; the text says why.
        """
        done = self._called(self._ready(consumer, images=True), [*_given(variables or {}), "--preview"], {}, 60)
        if done.returncode != 0:
            raise ValueError(done.stdout + done.stderr)
        found: dict[str, Any] = yaml.safe_load(done.stdout)
        return found

    def names(self, consumer: Checkout, variables: Mapping[str, str], unset: Sequence[str] = ()) -> dict[str, str]:
        """The jobs that a pipeline would have, and when each runs: on_success, always, manual, …

        Raises:
            ValueError: it cannot be put together; the text says why.
        """
        words = [*_given({"GITLAB_CI": "true", **variables}), "--list-json"]
        words += [word for name in unset for word in ("--unset-variable", name)]
        done = self._called(self._ready(consumer, images=False), words, {}, 60)
        if done.returncode != 0:
            raise ValueError(done.stdout + done.stderr)
        listed = json.loads(done.stdout[done.stdout.index("[\n  {") :])
        return {each["name"]: each["when"] for each in listed if each["when"] != "never"}

    def run(
        self,
        consumer: Checkout,
        variables: Mapping[str, str] | None = None,
        *,
        unset: Sequence[str] = (),
        project: Mapping[str, str | Mapping[str, str]] | None = None,
        jobs: Sequence[str] = (),
        python: str | None = sys.executable,
        timeout: float = 300,
        begun: Callable[[str], None] | None = None,
        ended: Callable[[Job], None] | None = None,
    ) -> Pipeline:
        """Run the pipeline of a repository's checkout.

        Args:
            consumer: what is checked out; nothing is written into it.
            variables: what GitLab says about the pipeline and its jobs.
            unset: what it does not say, such as CI_COMMIT_BRANCH in the pipeline of a merge request.
            project: variables of the project: a text for all jobs, or one for each environment.
            jobs: run these alone; left out, the whole pipeline.
            python: the interpreter that has the package, for MLCI_PYTHON; None for none.
            timeout: seconds after which it is given up.
            begun: is told of each job that begins.
            ended: is told of each job that has ended, before it is told of the beginning of those that need it.
        """
        from forge.fixtures import missing

        if shutil.which("rsync") is None:
            missing("rsync is missing: gitlab-ci-local copies the checkout with it (apt-get install rsync)")
        folder = self._ready(consumer, images=False)
        told = {"GITLAB_CI": "true", **(variables or {}), **({"MLCI_PYTHON": python} if python else {})}
        words = ["--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source", *_given(told)]
        words += [word for name in unset for word in ("--unset-variable", name)]
        state = folder / ".gitlab-ci-local"

        finished: dict[str, re.Match[str]] = {}

        def heard(line: str) -> None:
            if (found := _BEGUN.match(line)) is not None and begun is not None:
                begun(found["name"])
            if (found := _ENDED.match(line)) is not None:
                finished[found["name"]] = found
            left = found or _LEFT.match(line)
            if ended is None or left is None or left["name"] not in finished:
                return
            # What a job leaves is kept after it has finished.
            if "artifacts" not in self._jobs(folder).get(left["name"], {}) or left is not found:
                ended(_job(left["name"], finished[left["name"]], state))

        done = self._called(folder, [*words, *jobs], project or {}, timeout, heard)
        return _read(done, state, list(self._jobs(folder)))

    def _ready(self, consumer: Checkout, *, images: bool) -> Path:
        """A copy of a checkout as a runner has it, with our components of today in the place of released ones."""
        self._ran += 1
        folder = self.folder / f"run-{self._ran}"
        shutil.copytree(consumer.folder, folder, symlinks=True)
        text = _OURS.sub(rf"\1@{self._commits[images]}", (folder / ".gitlab-ci.yml").read_text())
        # Beside the one of the commit, and ignored: a promotion asks for a clean tree.
        (folder / _RUN).write_text(text if images else _IMAGE.sub("", text))
        with (folder / ".git/info/exclude").open("a") as ignored:
            ignored.write(f"/{_RUN}\n")
        for words in (
            ("config", "remote.origin.url", f"git@{HOST}:{CONSUMER}.git"),
            ("config", "user.name", "a"),
            ("config", "user.email", "a@example.invalid"),
            ("update-ref", "refs/remotes/origin/main", "HEAD"),
            ("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"),
        ):
            subprocess.run(["git", *words], cwd=folder, env=ENVIRON, check=True)
        return folder

    def _called(
        self,
        folder: Path,
        words: Sequence[str],
        project: Mapping[str, str | Mapping[str, str]],
        timeout: float,
        heard: Callable[[str], None] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        scoped = {
            name: {"type": "variable", "values": {"*": one} if isinstance(one, str) else dict(one)}
            for name, one in project.items()
        }
        kept = self.home / ".gitlab-ci-local" / "variables.yml"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(yaml.safe_dump({"global": scoped}))
        # Nothing of this machine's environment reaches the jobs.
        bare = {
            "PATH": f"{Path(self.node).parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(self.home),
            "LANG": "C.UTF-8", "NO_COLOR": "1", "TMPDIR": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_SSH_VARIANT": "ssh", "GIT_SSH_COMMAND": str(self._ssh),
        }  # fmt: skip
        command = [
            self.node,
            str(SCRIPT),
            *_LENIENT,
            "--file",
            _RUN,
            "--ignore-predefined-vars",
            ",".join(_TOLD),
            *words,
        ]
        # Node may end before a pipe has taken all that it printed; a file has it all.
        with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as errors:
            runner = subprocess.Popen(
                command, cwd=folder, env=bare, text=True, stdin=subprocess.DEVNULL,
                stdout=printed if heard is None else subprocess.PIPE,
                # In the order of what happened, where somebody listens.
                stderr=errors if heard is None else subprocess.STDOUT,
            )  # fmt: skip
            with runner, _given_up_after(runner, timeout):
                for line in runner.stdout or ():
                    printed.write(line)
                    if heard is not None:
                        heard(line)
                runner.wait()
            printed.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(command, runner.returncode, printed.read(), errors.read())

    def _jobs(self, folder: Path) -> dict[str, Any]:
        """The jobs of the pipeline that was put together last, whatever became of them."""
        expanded = folder / ".gitlab-ci-local" / "expanded-gitlab-ci.yml"
        said = yaml.safe_load(expanded.read_text()) if expanded.exists() else {}
        return {name: job for name, job in said.items() if isinstance(job, dict) and "script" in job and name[0] != "."}


@contextmanager
def _given_up_after(runner: subprocess.Popen[str], seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, runner.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _given(variables: Mapping[str, str]) -> list[str]:
    return [word for name, value in variables.items() for word in ("--variable", f"{name}={value}")]


def _read(done: subprocess.CompletedProcess[str], state: Path, names: Sequence[str]) -> Pipeline:
    ended = {found["name"]: found for found in _ENDED.finditer(f"{done.stdout}\n{done.stderr}")}
    jobs = {name: _job(name, ended.get(name), state) for name in names}
    return Pipeline(jobs, done.stdout + done.stderr)


def _job(name: str, ended: re.Match[str] | None, state: Path) -> Job:
    log, words = state / "output" / f"{name}.log", {None: "success", "FAIL": "failed", "WARN": "warning"}
    return Job(
        name=name,
        result=words[ended["word"]] if ended else "skipped",
        exit=int(ended["code"] or 0) if ended else None,
        log=log.read_text() if log.exists() else "",
        artifacts=state / "artifacts" / name,
    )

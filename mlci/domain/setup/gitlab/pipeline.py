"""A pipeline of GitLab CI, as far as it says whether a worse model could be merged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from mlci.domain.setup import scripts

# False, True, or the exit codes with which a job may fail and leave its pipeline green.
Allowed = bool | tuple[int, ...]

STAGES = (".pre", "build", "test", "deploy", ".post")
# The environment that keeps MLCI_TOKEN from jobs that run code of a change.
ENVIRONMENT = "mlci"
_JUDGING = frozenset({"plan", "gate-compare", "conclude", "report"})
_OWN = re.compile(r"\$\{(MLCI_[A-Za-z_]+)\}")
_RUNNING = frozenset({"code-ci", "model-ci"})
# What runs files of the checkout, which in a merge request are those of the change.
_FOREIGN = re.compile(
    r"^[ \t]*(?:(?:bash|sh|source|\.|python[0-9.]*)[ \t]+(?!-)\S+\.(?:sh|py)\b|\./\S+"
    r"|(?:make|pytest|tox|nox|npm|poetry|dvc)\b"
    r"|[^\n]*\bpip[0-9.]*[ \t]+install\b[^\n;&|]*[ \t](?:-r|-e|--requirement|--editable|[\"']?\.(?=[ \t/\[]|$))).*",
    re.MULTILINE,
)
_SWALLOWED = re.compile(r"\|\|[ \t]*(?:true|:|exit[ \t]+0|echo)\b|\|\|[ \t]*:")
_FULL_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_EXACT = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]+)?")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One entry of ``rules``.

    Attributes:
        condition: what ``if`` says; None where there is none.
        files: whether it also asks which files there are or which a change touches.
        when: what it makes of the job; None for the job's own.
        allowed: what ``allow_failure`` says; None for the job's own.
    """

    condition: str | None = None
    files: bool = False
    when: str | None = None
    allowed: Allowed | None = None


@dataclass(frozen=True, kw_only=True)
class Refs:
    """What ``only`` or ``except`` says.

    Attributes:
        refs: names, patterns and kinds of pipelines.
        narrowed: whether it also asks for files or variables.
    """

    refs: tuple[str, ...] = ()
    narrowed: bool = False


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job.

    Attributes:
        name: its key.
        stage: that it is in.
        script: the shell lines before and in its script, those of ``default`` included.
        rules: None where it has none.
        only: what ``only`` says; None where it says nothing.
        excluded: what ``except`` says, likewise.
        when: what ``when`` says.
        allowed: what ``allow_failure`` says.
        needs: the jobs that it waits for alone; None where it waits for all earlier stages.
        takes: the jobs whose artifacts it is given; None for those of all that it waits for.
        environment: name of the environment it belongs to.
        dotenv: whether it hands variables to later jobs.
        variables: what ``variables`` says.
        child: whether it starts another pipeline instead of running anything.
    """

    name: str
    stage: str = "test"
    script: str = ""
    rules: tuple[Rule, ...] | None = None
    only: Refs | None = None
    excluded: Refs | None = None
    when: str | None = None
    allowed: Allowed | None = None
    needs: tuple[str, ...] | None = None
    takes: tuple[str, ...] | None = None
    environment: str | None = None
    dotenv: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    child: bool = False

    @cached_property
    def spoken(self) -> str:
        """Its shell lines without comments, continued lines joined."""
        return scripts.spoken(self.script)

    @cached_property
    def calls(self) -> tuple[str, ...]:
        """The steps of mlci that it runs."""
        return scripts.called(self.spoken, self.variables)

    @property
    def trains(self) -> bool:
        """Whether code of a change runs in it by a step of ours: checks, training or scoring."""
        return bool(_RUNNING & set(self.calls))

    @property
    def judges(self) -> bool:
        """Whether it runs steps of mlci and trains nothing by them."""
        return bool(_JUDGING & set(self.calls)) and not self.trains

    @cached_property
    def foreign(self) -> str | None:
        """A line of its script that runs files of the checkout; None where none is seen to."""
        found = _FOREIGN.search(self.spoken)
        return found[0].strip() if found is not None else None

    def given(self, command: str, parameter: str) -> str | None:
        """What a parameter of one of our commands is set to; None where it is not."""
        found = scripts.given(self.spoken, self.variables, command, parameter)
        # A variable of the job stands for what it holds, one of ours that there is not for nothing, as on GitLab.
        return None if found is None else _OWN.sub(lambda name: self.variables.get(name[1], ""), found) or None

    def swallows(self, command: str) -> bool:
        """Whether a line that runs one of our commands is green whatever the command says."""
        lines = (line for line in self.spoken.splitlines() if command in scripts.called(line, self.variables))
        return any(_SWALLOWED.search(line) for line in lines)


@dataclass(frozen=True, kw_only=True)
class Include:
    """A file that a pipeline is put together from.

    Attributes:
        kind: component, project, local, remote or template.
        name: the file, the component or the address, without a version.
        version: that it is taken at; empty for the newest.
        conditional: whether rules decide if it is taken at all.
    """

    kind: Literal["component", "project", "local", "remote", "template"]
    name: str
    version: str = ""
    conditional: bool = False

    @property
    def pinned(self) -> bool:
        """Whether what it names cannot change under it, or only by moving the tag of an exact version.

        A file of the repository changes with the repository, and a template with the server.
        """
        if self.kind in ("local", "template"):
            return True
        return self.kind != "remote" and bool(_FULL_SHA.fullmatch(self.version) or _EXACT.fullmatch(self.version))

    @property
    def written(self) -> str:
        """How it is named, with its version."""
        return f"{self.name}@{self.version}" if self.version else self.name


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A pipeline.

    Attributes:
        whole: whether GitLab put it together; otherwise it is what the file itself says.
        stages: in order.
        workflow: rules for all of it; None where it has none.
        variables: those of all jobs.
        jobs: by name, hidden ones left out.
        includes: what it is put together from.
        unseen: files that it takes in and that were not read.
        refused: why GitLab does not accept it.
    """

    whole: bool
    stages: tuple[str, ...] = STAGES
    workflow: tuple[Rule, ...] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    jobs: Mapping[str, Job] = field(default_factory=dict)
    includes: tuple[Include, ...] = ()
    unseen: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def calling(self, command: str) -> tuple[Job, ...]:
        """The jobs that run one of our commands."""
        return tuple(job for job in self.jobs.values() if command in job.calls)

    def place(self, job: Job) -> int:
        """Which stage a job is in, from 0; one that is not declared is behind all others."""
        return self.stages.index(job.stage) if job.stage in self.stages else len(self.stages)

    def waits_for(self, job: Job) -> frozenset[str]:
        """The jobs that are over before one starts."""
        if job.needs is None:
            return frozenset(other.name for other in self.jobs.values() if self.place(other) < self.place(job))
        found: set[str] = set()
        waiting = list(job.needs)
        while waiting:
            name = waiting.pop()
            other = self.jobs.get(name)
            if name not in found and other is not None:
                found.add(name)
                # A job that waits for a stage has seen all jobs before it.
                waiting.extend(other.needs if other.needs is not None else self._earlier(other))
        return frozenset(found)

    def _earlier(self, job: Job) -> Iterator[str]:
        return (other.name for other in self.jobs.values() if self.place(other) < self.place(job))

    def hands(self, giver: Job, taker: Job) -> bool:
        """Whether the artifacts of one job, and the variables it hands on, reach another."""
        if taker.takes is not None:
            return giver.name in taker.takes
        return giver.name in (taker.needs if taker.needs is not None else self.waits_for(taker))

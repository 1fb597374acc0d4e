"""The pipeline of a project: as GitLab puts it together, else as its file says. Nothing in either is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec

from mlci.adapters.gitlab import cijob
from mlci.adapters.gitlab.api import project as at
from mlci.adapters.gitlab.cimerge import Merging
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.http import Api
from mlci.adapters.yamltree import Block, Dialect, Node, Odd, as_block, content, tree
from mlci.domain.setup.gitlab import components
from mlci.domain.setup.gitlab.pipeline import STAGES, Include, Job, Pipeline

GITLAB = Dialect("GitLab", merges=True, references=True)
MOST_FILES = 50

# Keys of a pipeline that are no jobs. https://docs.gitlab.com/ci/yaml/#global-keywords
_GLOBAL = frozenset({
    "after_script", "before_script", "cache", "default", "image", "include", "services", "spec", "stages", "types",
    "variables", "workflow",
})  # fmt: skip
_Line = Annotated[str, msgspec.Meta(max_length=10_000)]


class _Include(msgspec.Struct):
    type: _Line
    location: _Line = ""
    extra: Any = None


class _Lint(msgspec.Struct):
    valid: bool
    merged_yaml: str | None = None
    errors: list[str] = []
    includes: list[_Include] | None = None


def read_merged(api: Api, project: int, branch: str | None, raw: bytes | None) -> Pipeline:
    """The pipeline of a branch with everything that it takes in, as ``GET /projects/:id/ci/lint`` tells it.

    https://docs.gitlab.com/api/lint/#validate-an-existing-cicd-configuration

    Args:
        branch: None for the default branch, which needs no name on an older server.
        raw: the file itself as the branch has it, which tells of files that rules may leave out; None where unknown.

    Raises:
        ServiceRefused: the token may not ask for that.
        Odd: what GitLab tells is larger than what is read.
    """
    asked = {} if branch is None else {"content_ref": branch}
    found = api.get(at(project, "ci", "lint"), asked, shape=_Lint)
    root = as_block(tree((found.merged_yaml or "{}").encode(), GITLAB), "a pipeline")
    pipeline = _pipeline(root, {}, whole=True)
    conditional = [one for one in _named_in(raw) if one.conditional]
    return replace(
        pipeline,
        includes=(*(_told(one) for one in found.includes or []), *conditional),
        refused=tuple(one_line(error, 300) for error in found.errors[:20]) if not found.valid else (),
    )


def read_file(root: Path, file: str) -> Pipeline:
    """The pipeline that a checkout has, with the files of the checkout that it takes in and our own components.

    Raises:
        Odd: there is no such file, or GitLab would not read it either.
    """
    reader = _Reader(root)
    merged, known = reader.read(file)
    pipeline = _pipeline(Merging().resolved(merged), known, whole=False)
    return replace(pipeline, includes=tuple(reader.includes), unseen=tuple(dict.fromkeys(reader.unseen)))


def _told(one: _Include) -> Include:
    """An include as GitLab tells it: a component with its version, a file with its project and ref."""
    more = one.extra if isinstance(one.extra, dict) else {}
    if one.type == "component":
        return cijob.include("component", one.location)
    if one.type == "file":
        return Include(
            kind="project", name=f"{more.get('project')}: {one.location}", version=str(more.get("ref") or "")
        )
    kinds = {"local": "local", "template": "template"}
    return cijob.include(kinds.get(one.type, "remote"), one.location)


def _named_in(raw: bytes | None) -> list[Include]:
    try:
        root = as_block(tree(raw or b"{}", GITLAB), "a pipeline")
    except Odd:
        return []
    return [cijob.included(node) for node in cijob.listed(root.entries.get("include"))]


def _pipeline(root: Block, known: Mapping[str, Job], *, whole: bool) -> Pipeline:
    entries = root.entries
    workflow = entries.get("workflow")
    rules = workflow.entries.get("rules") if isinstance(workflow, Block) else None
    default = entries.get("default")
    before = default.entries.get("before_script") if isinstance(default, Block) else None
    before = before or entries.get("before_script")
    jobs = dict(known)
    for name, node in entries.items():
        if name in _GLOBAL or name.startswith(".") or not isinstance(node, Block):
            continue
        if name in known or {"script", "run", "trigger"} & set(node.entries):
            jobs[name] = cijob.job(name, node, known.get(name), before)
    return Pipeline(
        whole=whole,
        stages=_stages(cijob.words(entries.get("stages"))),
        workflow=cijob.rules(rules) if rules is not None else None,
        variables=cijob.variables(entries.get("variables")),
        jobs=jobs,
    )


def _stages(named: tuple[str, ...]) -> tuple[str, ...]:
    """The stages in order; the two at the ends are there in any case."""
    first, last = STAGES[0], STAGES[-1]
    return (first, *(stage for stage in named if stage not in (first, last)), last) if named else STAGES


class _Reader:
    """Files of a checkout, each taken in before what takes it in; and what could not be."""

    def __init__(self, root: Path) -> None:
        self.includes: list[Include] = []
        self.unseen: list[str] = []
        self._root = root
        self._seen: set[str] = set()
        self._merging = Merging()

    def read(self, file: str) -> tuple[Block, dict[str, Job]]:
        """One file with everything in it, and the jobs of our components.

        Raises:
            Odd: it cannot be read; what it takes in and cannot be read is only named.
        """
        self._seen.add(file)
        own = as_block(tree(content(self._root / file), GITLAB), "a pipeline")
        merged, known = Block(1), dict[str, Job]()
        for node in cijob.listed(own.entries.get("include")):
            one = cijob.included(node)
            self.includes.append(one)
            if one.conditional:
                self.unseen.append(one.written)
            elif one.kind == "local":
                block, jobs = self._local(one)
                merged, known = self._merging.overlaid(merged, block), {**known, **jobs}
            else:
                known.update(self._ours(one, node))
        return self._merging.overlaid(merged, own), known

    def _local(self, one: Include) -> tuple[Block, dict[str, Job]]:
        file = one.name.lstrip("/")
        inside = all(part not in ("", ".", "..") for part in file.split("/"))
        if file in self._seen:
            return Block(1), {}
        try:
            if inside and "*" not in file and len(self._seen) < MOST_FILES:
                return self.read(file)
        except Odd:
            pass
        self.unseen.append(one.written)
        return Block(1), {}

    def _ours(self, one: Include, node: Node) -> dict[str, Job]:
        """The jobs of one of our components; anything else is not seen."""
        project, _, file = one.name.partition(": ")
        name = components.component(one.name) if one.kind == "component" else components.template(project, file)
        if name is None:
            if one.kind != "template":
                self.unseen.append(one.written)
            return {}
        inputs = node.entries.get("inputs") if isinstance(node, Block) else None
        given = inputs.entries if isinstance(inputs, Block) else {}
        ruled = cijob.rules(given["rules"]) if "rules" in given else None
        found = components.jobs(name, {key: cijob.word(value) or "" for key, value in given.items()}, ruled)
        return {job.name: job for job in found}

"""Each linter of components and pipelines over many files at once: what it says of each, by the file's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from linters import Findings, by_schema

from examples import includes, problems_of_include

if TYPE_CHECKING:
    from components.local import Local

_PLACE = re.compile(r"\$\[\[\s*inputs\.([\w-]+)\s*\]\]")


def parts(text: str) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The header of a component, None for a pipeline, and its jobs with every input as it is where nobody gives one."""
    documents = list(yaml.safe_load_all(text))
    if len(documents) == 1:
        return None, documents[0]
    header, body = documents
    inputs = {name: (said or {}).get("default", "given") for name, said in header["spec"]["inputs"].items()}
    filled: dict[str, Any] = _filled(body, inputs)
    return header, filled


def _filled(node: Any, inputs: Mapping[str, Any]) -> Any:
    """As GitLab fills inputs in: node by node, so that what fills a whole one keeps its type."""
    if isinstance(node, dict):
        return {_filled(key, inputs): _filled(value, inputs) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, inputs) for value in node]
    if not isinstance(node, str):
        return node
    whole = _PLACE.fullmatch(node)
    if whole:
        return inputs.get(whole[1], node)
    return _PLACE.sub(lambda found: str(inputs.get(found[1], found[0])), node)


def check_jsonschema(texts: Mapping[str, str], folder: Path) -> Findings:
    """GitLab's own schema, of headers and of jobs."""
    by_path = {}
    for index, (name, text) in enumerate(texts.items()):
        for kind, part in zip(("header", "jobs"), parts(text), strict=True):
            if part is not None:
                path = folder / f"{index}-{kind}.yml"
                path.write_text(yaml.safe_dump(part, sort_keys=False))
                by_path[str(path)] = name
    return by_schema(by_path, "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")


def scripts(text: str) -> list[str]:
    """The scripts of every job, each as one file."""
    _, jobs = parts(text)
    found = []
    for job in jobs.values():
        for key in ("before_script", "script", "after_script"):
            said = job.get(key, ()) if isinstance(job, dict) else ()
            lines = [said] if isinstance(said, str) else list(said)
            if lines:
                found.append("\n".join(lines) + "\n")
    return found


def taken_in(texts: Mapping[str, str]) -> Findings:
    """Our own look at what a pipeline takes in."""
    return {
        name: [problem for include in includes(text) for problem in problems_of_include(include)]
        if parts(text)[0] is None
        else []
        for name, text in texts.items()
    }


def put_together(text: str, local: Local) -> list[str]:
    """What a runner of GitLab pipelines says where it cannot put one together."""
    files = {".gitlab-ci.yml": text}
    if parts(text)[0] is not None:
        files = {".gitlab-ci.yml": "include: component.yml\n", "component.yml": text}
    try:
        local.preview(local.consumer(files))
    except ValueError as problem:
        return [str(problem)]
    return []

"""The pipeline that init writes for GitHub: a workflow with one job, which calls the reusable one."""

from __future__ import annotations

import re
from typing import Any

from mlci.config.quote import printable
from mlci.errors import UsageError

FILE = "mlci.yml"

_TEXT = """\
# A worse model cannot be merged. Require the check "{check} / conclude" on the default branch.
name: Model

on:
  pull_request:
    # A result lies on the commit: without this, one for another branch would count for this one too.
    branches: [{branch}]
  merge_group:
  push:
    branches: [{branch}]
  schedule:
    - cron: "23 4 1 * *" # artifacts expire: once a month the baseline is measured anew
  workflow_dispatch:

# One run per pull request; runs of the default branch are never cancelled, because one of them is the baseline.
concurrency:
  group: {group}
  cancel-in-progress: ${{{{ github.event_name == 'pull_request' }}}}

permissions: {{}}

jobs:
  model:
    name: {name}
    permissions: # the most that any of its jobs has; the one that trains only reads
      contents: read # the code, and mlci.yml of the branch to merge to
      actions: read # earlier results, and the last accepted run of the default branch
      pull-requests: write # the comment
      statuses: write # the commit's status
    uses: {uses}
"""
_GROUP = "${{ github.workflow }}-${{ github.event.pull_request.number || github.sha }}"
_PLAIN_BRANCH = re.compile(r"[A-Za-z_][\w./-]*")


def workflow(*, uses: str, branch: str, check: str = "model", **inputs: str | None) -> str:
    """The text of the workflow.

    Args:
        uses: the reusable workflow at its commit, and the version as a comment.
        branch: that changes are merged to.
        check: what the job is called, and so the first part of the name of the check.
        inputs: what the called workflow is given, names with _ for -; None is left out.

    Raises:
        UsageError: an input would be an expression to GitHub.
    """
    given = {name.replace("_", "-"): text for name, text in inputs.items() if text is not None}
    for text in (branch, check, *given.values()):
        if "${{" in text:
            raise UsageError(
                f"{printable(text)} cannot stand in a workflow: GitHub would take ${{{{ for an expression",
                help="rename the folder or the branch, or give --forge none",
            )
    group = _GROUP if check == "model" else f"{_GROUP}-{check}"
    text = _TEXT.format(
        branch=_branch(branch), name=scalar(check), check=check, group=group, uses=uses
    )  # fmt: skip
    return (
        text
        if not given
        else f"{text}    with:\n" + "".join(f"      {name}: {_input(name, value)}\n" for name, value in given.items())
    )


def _input(name: str, value: str) -> str:
    # The called workflow takes no text for what it declares a boolean.
    return value if name == "check-code" else scalar(value)


def _branch(name: str) -> str:
    """A branch as a filter that matches it alone, as YAML has it inside a list."""
    escaped = re.sub(r"([*?+\[\]!\\])", r"\\\1", name)
    plain = _PLAIN_BRANCH.fullmatch(escaped) and scalar(escaped) == escaped
    return escaped if plain else "'" + escaped.replace("'", "''") + "'"


def scalar(value: str) -> str:
    """A text as YAML reads it back, on one line."""
    import yaml

    written: Any = yaml.safe_dump(value, allow_unicode=True, width=1_000_000)
    return str(written).removesuffix("\n").removesuffix("...").removesuffix("\n")

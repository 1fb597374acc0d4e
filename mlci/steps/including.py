"""The pipeline that init writes for GitLab: one include of the component that is the whole pipeline."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlci.config.quote import printable
from mlci.errors import UsageError
from mlci.steps.caller import scalar

FILE = ".gitlab-ci.yml"

_HEAD = """\
# A worse model cannot be merged, once the settings of the project are made: mlci doctor says what is missing.
"""
# What has to be set in a project, by where; the templates of whole pipelines say the same.
SETTINGS = (
    ("Settings > Access tokens", "a project access token with the role Developer and the scope api"),
    (
        "Settings > CI/CD > Variables",
        "that token as MLCI_TOKEN, masked and hidden, not protected, environment scope mlci",
    ),
    (
        "Settings > Merge requests",
        '"Pipelines must succeed" and "All threads must be resolved" on, "Skipped pipelines are considered successful" '
        "off",
    ),
    ("Settings > Repository > Protected branches", "the default branch is protected, and nobody may push to it"),
    (
        "Build > Pipeline schedules",
        "one a month for the default branch, because artifacts expire and the baseline with them",
    ),
)
_OF_CHANGE = '$CI_PIPELINE_SOURCE == "merge_request_event"'
# As https://docs.gitlab.com/ci/yaml/workflow/ has it for pipelines of merge requests.
WORKFLOW = f"""\
workflow:
  rules:
    - if: {_OF_CHANGE}
    - if: $CI_COMMIT_TAG
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
"""
# An include of the component, up to the next one or to what is no part of a list.
_ENTRY = re.compile(
    r"component:[ \t]*[^\s@]*/mlci/model@(?P<rest>.*?)(?=component:|^[^\s-]|\Z)", re.DOTALL | re.MULTILINE
)
_ONE = "# One pipeline for a merge request, and none besides for its branch.\n"


def pipeline(component: str, **inputs: str | None) -> str:
    """The text of the whole file.

    Args:
        component: its address with the commit, and the version as a comment.
        inputs: what it is given, names with _ for -; None is left out.

    Raises:
        UsageError: an input would mean something else to GitLab.
    """
    return f"{_HEAD}include:\n{included(component, **inputs)}\n{_ONE}{WORKFLOW}"


def included(component: str, **inputs: str | None) -> str:
    """The entry of ``include:`` alone, for a file that is there already."""
    given = {name.replace("_", "-"): text for name, text in inputs.items() if text is not None}
    for text in given.values():
        if "$[[" in text:
            raise UsageError(
                f"{printable(text)} cannot stand in a pipeline: GitLab would take $[[ for an input",
                help="rename the folder, or give --forge none",
            )
    lines = [f"  - component: {component}\n"]
    if given:
        lines.append("    inputs:\n")
    lines += [f"      {name}: {scalar(value)}\n" for name, value in given.items()]
    return "".join(lines)


def stage_among(stages: Sequence[str]) -> str | None:
    """The stage that the jobs are given in a pipeline that is there already, which is its last.

    Args:
        stages: that it lists, in order.

    Returns:
        None where they stand in their own, ``test``: it is listed, or nothing is, and then it is there by itself.
    """
    own = [one for one in stages if one.isprintable() and "$[[" not in one and one not in (".pre", ".post")]
    return own[-1] if own and "test" not in own else None


def left(content: bytes, entry: str) -> str:
    """What is left to do by hand where a pipeline is there already, as a paragraph.

    Args:
        content: of the pipeline.
        entry: of ``include:``, which it lacks.
    """
    ruled = re.search(rb"^workflow[ \t]*:", content, re.MULTILINE) is not None
    lines = f"include:\n{entry}" + ("" if ruled else WORKFLOW)
    last = (
        f"Its workflow: has to let pipelines of merge requests through: if: {_OF_CHANGE}."
        if ruled
        else "A merge request then has a pipeline of its own, and only that one counts: these rules let the other jobs "
        "run in it too."
    )
    indented = "".join(f"    {line}\n" for line in lines.splitlines())
    return f"{FILE} is there already and stays as it is. These lines go into it:\n{indented}{last}"


def has(content: bytes, config: str | None) -> bool:
    """Whether a pipeline takes the component in already, for this configuration file."""
    entries = (found["rest"] for found in _ENTRY.finditer(content.decode("utf-8", "replace")))
    return any(config in entry if config is not None else "config:" not in entry for entry in entries)


def settings(host: str | None) -> str:
    """What GitLab itself has to be told, as a paragraph.

    Args:
        host: of the remote; None where there is none.
    """
    mirror = f"\n    on {host}, a mirror of mlci as the project mlci/mlci: components come from the same server"
    return (
        "In the project on GitLab these are left to do, and mlci doctor says whether they are done:"
        + "".join(f"\n    {place}: {what}" for place, what in SETTINGS)
        + (mirror if host not in (None, "gitlab.com") else "")
    )

"""A user's project on GitLab: a model whose quality is one number in a file, its policy, and its pipeline."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

# The model and the policy are those of the user's repository on GitHub.
sys.path.insert(0, str(Path(__file__).parents[1] / "actions"))

from consumer import FILES as THERE

from mlci.surface.pin import PIN

if TYPE_CHECKING:
    from gitlab_server.state import MergeRequest, Note
    from lab import Lab

FORKS = {"MLCI_FORKS": "true"}
STRANGER = "stranger/project"

PIPELINE = f"""
include:
  - component: {PIN.component("gate-compare")}
    inputs:
      stage: test
      candidate: predictions.csv
      baseline-from: artifacts
      exit-on-warn: "true"
  - component: {PIN.component("conclude")}
    inputs:
      stage: deploy
      expect: |
        train
        mlci-gate-compare
      may-warn: mlci-gate-compare
  - component: {PIN.component("report")}
    inputs:
      stage: test
      gate-job: mlci-gate-compare
      baseline-from: artifacts
train:
  stage: build
  script: python3 train.py
  artifacts:
    paths: [predictions.csv]
  rules:
    - if: $MLCI_FORKS != "true"
"""
FILES = {**THERE, ".gitlab-ci.yml": PIPELINE}


def set_up(lab: Lab, files: Mapping[str, str], **settings: object) -> None:
    """A project whose merge checks and token are as the page on GitLab says."""
    checks = {"only_allow_merge_if_pipeline_succeeds": True, "only_allow_merge_if_all_discussions_are_resolved": True}
    lab.gitlab.add_project(files=files, **{**checks, **settings})
    lab.token = lab.gitlab.token(role="maintainer")


def shown(path: Path, mark: str) -> dict[str, str]:
    """What a page shows as files, by the path each is to be written to."""
    block = re.compile(rf"<!-- (?:{mark}): (.+?) -->\n```yaml\n(.*?)```", re.DOTALL)
    return dict(block.findall(path.read_text()))


_KEPT: dict[str, list[tuple[str, str, bytes | None, bool]]] = {}


def accepted(lab: Lab, files: Mapping[str, str] = FILES, **settings: object) -> None:
    """A project whose default branch was judged; what its jobs left is worked out once for the same files."""
    set_up(lab, files, **settings)
    key = repr(sorted(files.items()))
    if key not in _KEPT:
        first = lab.run()
        assert first.status == "success", first.text
        _KEPT[key] = [(job.name, job.status, job.artifacts, job.allow_failure) for job in first.pipeline.jobs]
        return
    made = lab.gitlab.add_pipeline("push")
    for name, status, left, allowed in _KEPT[key]:
        lab.gitlab.add_job(made, name, status=status, artifacts=left, allow_failure=allowed)


def proposed(lab: Lab, files: Mapping[str, str], branch: str = "feature") -> MergeRequest:
    """A merge request with these files; one more commit of it where there is one already."""
    lab.gitlab.commit(dict(files), branch)
    there = lab.project().merge_requests
    return next(
        (each for each in there.values() if each.source_branch == branch), None
    ) or lab.gitlab.open_merge_request(branch)


def of_a_fork(lab: Lab, files: Mapping[str, str]) -> MergeRequest:
    """A merge request from a fork."""
    there = lab.project()
    if lab.gitlab.state.project(STRANGER) is None:
        lab.gitlab.add_project(STRANGER, fork_of=there.path, visibility=there.visibility)
    lab.gitlab.commit(dict(files), "feature", project=STRANGER)
    found = [each for each in lab.project().merge_requests.values() if each.is_fork]
    return found[0] if found else lab.gitlab.open_merge_request("feature", fork=STRANGER)


def report_note(lab: Lab, change: MergeRequest) -> Note:
    """The one note that is the report."""
    (found,) = [each for each in lab.gitlab.notes(change.iid) if not each.resolvable and not each.system]
    return found


def threads(lab: Lab, change: MergeRequest) -> list[bool]:
    """Whether each thread of the merge request is resolved."""
    return [each[0].resolved_by is not None for each in lab.gitlab.discussions(change.iid) if each[0].resolvable]

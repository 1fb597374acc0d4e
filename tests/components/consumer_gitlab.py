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
    from lab import Lab

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
train:
  stage: build
  script: python3 train.py
  artifacts:
    paths: [predictions.csv]
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

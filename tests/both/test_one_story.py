"""One story, told on both forges by real runners: what is judged and what is said are the same, but for the links."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

from consumer import FILES, WORKFLOW, exit_of
from consumer_gitlab import PIPELINE, report_note, set_up

if TYPE_CHECKING:
    from forge.github import GitHub
    from lab import Lab
    from runner import Act

# For each change the exit, the comment and the evidence.
Told = dict[str, tuple[int | None, str, dict[str, Any]]]

PROPOSED = {"worse": "5\n", "better": "40\n", "no-other": "10\n"}
EXITS = {"worse": 11, "better": 0, "no-other": 0}
# Named by each forge in its own way: addresses, numbers of runs and of jobs, commits, and what an artifact is called.
_OWN = (
    (r"<!-- mlci:report .*? -->", "<!-- marker -->"),
    (r"\(<?https?://[^)>]*>?\)", "(link)"),
    (r"artifact [\w-]+ of run \d+", "artifact of a run"),
    (r"\brun \d+", "run"),
    (r"sha256:[0-9a-f]{64}", "digest"),
    (r"(?<!\.)\b[0-9a-f]{12}(?:[0-9a-f]{28})?\b(?=[^0-9a-f])", "commit"),
)


def alike(text: str) -> str:
    """A text without what each forge names in its own way."""
    for own, put in _OWN:
        text = re.sub(own, put, text)
    return text


def evidence(packed: bytes) -> dict[str, Any]:
    """The predicate of the gate's evidence in an archive, without what each forge names in its own way."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        name = min((each for each in archive.namelist() if each.endswith("gate.json")), key=len)
        found: dict[str, Any] = json.loads(alike(archive.read(name).decode()))["predicate"]
        return found


def on_github(github: GitHub, act: Act) -> Told:
    """The story on GitHub."""
    github.add_repository(files=FILES)
    assert act.run(WORKFLOW).code == 0
    told = {}
    for branch, quality in PROPOSED.items():
        github.commit({"quality.txt": quality, "docs/index.md": branch}, branch)
        number = github.open_pull_request(branch).number
        outcome = act.run(WORKFLOW, pull=number)
        left = [each for each in github.repository().artifacts.values() if each.run == act.ran[-1].id]
        told[branch] = exit_of(outcome), alike(github.comments(number)[0].body), evidence(left[0].content)
    return told


def on_gitlab(lab: Lab) -> Told:
    """The story on GitLab."""
    set_up(lab, FILES | {".gitlab-ci.yml": PIPELINE})
    assert lab.run().status == "success"
    told = {}
    for branch, quality in PROPOSED.items():
        lab.gitlab.commit({"quality.txt": quality, "docs/index.md": branch}, branch)
        change = lab.gitlab.open_merge_request(branch)
        ran = lab.run(change=change)
        gate = next(job for job in ran.pipeline.jobs if job.name == "mlci-gate-compare")
        exit = ran.job("mlci-gate-compare").exit
        told[branch] = exit, alike(report_note(lab, change).body), evidence(gate.artifacts or b"")
    return told


def test_both_forges_are_told_the_same(github: GitHub, act: Act, lab: Lab) -> None:
    here, there = on_github(github, act), on_gitlab(lab)

    assert {branch: exit for branch, (exit, _, _) in here.items()} == EXITS
    for branch in PROPOSED:
        assert here[branch] == there[branch]

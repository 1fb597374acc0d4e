"""Whether a merge waits for the pipeline at all: the merge checks of the project, and its merge trains."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.gitlab.facts import READS, Setup
from mlci.domain.setup.words import finding, shown
from mlci.domain.verdict import Verdict

_CHECKS = "In Settings, Merge requests, Merge checks,"
# https://docs.gitlab.com/user/group/manage/#merge-checks-for-merge-requests
_GROUP = "A group on Premium may set this for all its projects, which GitLab does not tell of a project."


def merging(setup: Setup) -> Iterator[Finding]:
    """The three merge checks, and the train."""
    project, branch = setup.project, shown(setup.branch)
    if project.pipelines_must_succeed is None:
        yield finding(
            "merge-checks",
            Verdict.INCONCLUSIVE,
            f"whether a merge to {branch} waits for its pipeline is unknown{setup.unreadable('settings')}",
            f"Give doctor a token with {READS}; the token of a job may not read the settings of its project.",
            reason="unknown",
        )
        return
    yield _succeeding(setup, project.pipelines_must_succeed)
    yield _skipped(setup)
    yield _threads(setup)
    yield from _trains(setup)


def _succeeding(setup: Setup, demanded: bool) -> Finding:
    branch = shown(setup.branch)
    if demanded:
        message = f"a change is merged to {branch} only when its pipeline has succeeded"
        return finding("merge-checks", Verdict.PASS, message, about="pipelines")
    return finding(
        "merge-checks",
        Verdict.FAIL,
        f"a change can be merged to {branch} while its pipeline is red: 'Pipelines must succeed' is off",
        f"{_CHECKS} choose 'Pipelines must succeed'. {_GROUP}",
        about="pipelines",
        reason="missing",
    )


def _skipped(setup: Setup) -> Finding:
    if setup.project.skipped_succeed:
        return finding(
            "merge-checks",
            Verdict.FAIL,
            "a change whose last commit says [skip ci] can be merged unjudged: 'Skipped pipelines are considered "
            "successful' is on",
            f"{_CHECKS} take 'Skipped pipelines are considered successful' away. {_GROUP}",
            about="skipped",
        )
    return finding("merge-checks", Verdict.PASS, "a pipeline that was skipped does not count", about="skipped")


def _threads(setup: Setup) -> Finding:
    if setup.project.threads_must_resolve:
        message = "a thread that gate-compare opens holds the merge back until somebody resolves it"
        return finding("merge-checks", Verdict.PASS, message, about="threads")
    return finding(
        "merge-checks",
        Verdict.WARN,
        "a thread that gate-compare opens holds no merge back: 'All threads must be resolved' is off",
        f"{_CHECKS} choose 'All threads must be resolved'. It is the softer hold of the two, because the author of a "
        "change may resolve its threads.",
        about="threads",
    )


def _trains(setup: Setup) -> Iterator[Finding]:
    project = setup.project
    if not project.merge_trains:
        on = "what the merge would be" if project.merged_results else "their own branch"
        message = f"changes are merged without a merge train, and judged on {on}"
        yield finding("merge-train", Verdict.PASS, message)
    elif project.trains_skippable:
        yield finding(
            "merge-train",
            Verdict.WARN,
            "whoever may merge may skip the merge train, and with it the pipeline of what the merge would be",
            "In Settings, Merge requests, Merge options, take 'Allow skipping the merge train' away.",
        )
    else:
        yield finding("merge-train", Verdict.PASS, "a merge train runs the pipeline on what each merge would be")

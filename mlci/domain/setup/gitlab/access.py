"""Who may go around a merge request, or tell its pipeline what to do: pushes, approvals, variables, job tokens."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.gitlab.facts import MAINTAINS, READS, Setup
from mlci.domain.setup.gitlab.project import MAINTAINER, Approvals, Guard
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict

_RIGHT_ROLES = ("maintainer", "owner", "no_one_allowed")


def access(setup: Setup) -> Iterator[Finding]:
    """The protected branch, approvals, pipeline variables and job tokens."""
    yield from _branch(setup)
    yield from _approvals(setup)
    yield _variables(setup)
    yield from _job_tokens(setup)


def _branch(setup: Setup) -> Iterator[Finding]:
    branch, guard = shown(setup.branch), setup.settings.guard
    if guard is None:
        yield finding(
            "branch",
            Verdict.INCONCLUSIVE,
            f"whether {branch} is protected is unknown{setup.unreadable('branch')}",
            f"Give doctor a token with {READS}.",
            reason="unknown",
        )
    elif not guard.protected:
        yield finding(
            "branch",
            Verdict.FAIL,
            f"{branch} is not protected: every Developer may push to it, past any merge request",
            f"In Settings, Repository, Protected branches, protect {branch}: allowed to merge as you like, allowed to "
            "push and merge no one, no force push.",
            reason="missing",
        )
    else:
        yield from _guarded(branch, guard)


def _guarded(branch: str, guard: Guard) -> Iterator[Finding]:
    problems = []
    if guard.pushers:
        problems.append(
            finding(
                "branch",
                Verdict.WARN,
                f"{listed(guard.pushers)} may push to {branch} directly, past the merge request and its pipeline",
                "In Settings, Repository, Protected branches, choose 'No one' under 'Allowed to push and merge'.",
                about="push",
            )
        )
    if guard.force:
        problems.append(
            finding(
                "branch",
                Verdict.WARN,
                f"the history of {branch} can be rewritten: force push is allowed",
                "In Settings, Repository, Protected branches, turn 'Allowed to force push' off.",
                about="force push",
            )
        )
    if guard.pushers is None or guard.force is None:
        problems.append(
            finding(
                "branch",
                Verdict.INCONCLUSIVE,
                f"{branch} is protected, and who may push to it is unknown: the rule is of a pattern or of a group",
                "Look in Settings, Repository, Protected branches.",
                about="push",
                reason="unknown",
            )
        )
    yield from problems
    if not problems:
        yield finding("branch", Verdict.PASS, f"nobody may push to {branch} but through a merge request")


def _approvals(setup: Setup) -> Iterator[Finding]:
    found = setup.settings.approvals
    if found is None:
        yield finding(
            "approvals",
            Verdict.INCONCLUSIVE,
            f"when an approval counts is unknown{setup.unreadable('approvals')}",
            f"On Free no merge waits for an approval. On Premium a token with {MAINTAINS} reads it.",
            reason="unknown",
            # What holds a merge back is its pipeline; approvals guard the files that the pipeline is made of.
            advisory=not _owners_approve(setup),
        )
        return
    problems = list(_counting(found))
    for about, message, explanation in problems:
        yield finding("approvals", Verdict.WARN, message, explanation, about=about)
    if not problems:
        yield finding(
            "approvals", Verdict.PASS, "an approval ends with the next push, and nobody approves his own change"
        )


def _owners_approve(setup: Setup) -> bool:
    return bool(setup.settings.guard and setup.settings.guard.owner_approval)


def _counting(found: Approvals) -> Iterator[tuple[str, str, str]]:
    where = "In Settings, Merge requests, Merge request approvals,"
    if not (found.reset_on_push or found.reset_of_owners):
        yield (
            "push",
            "an approval still counts after new commits, so the pipeline can be changed behind it",
            f"{where} choose 'Remove all approvals' when a commit is added.",
        )
    if found.by_author:
        yield "author", "whoever proposes a change may approve it", f"{where} choose 'Prevent approval by author'."
    if found.by_committers:
        yield (
            "committers",
            "whoever adds commits to a change may approve it",
            f"{where} choose 'Prevent approvals by users who add commits'.",
        )


def _variables(setup: Setup) -> Finding:
    """Who may set variables when he starts a pipeline: they come before those that the pipeline declares."""
    role = setup.project.variables_role
    if role is None:
        return finding(
            "variables",
            Verdict.INCONCLUSIVE,
            f"who may set variables for a pipeline is unknown: {_untold(setup)}",
            f"Give doctor a token with {MAINTAINS}, and run it on your own machine. A server before 17.1 has no such "
            "setting.",
            reason="unknown",
        )
    if role in _RIGHT_ROLES:
        who = "nobody" if role == "no_one_allowed" else f"{role}s alone"
        return finding("variables", Verdict.PASS, f"{who} may set variables for a pipeline")
    return finding(
        "variables",
        Verdict.WARN,
        f"every {shown(role, 40)} may set variables for a pipeline, MLCI_GATE_COMPARE_TOLERANCE for one",
        "They replace what the pipeline declares. In Settings, CI/CD, Variables, let 'Minimum role to use pipeline "
        "variables' be 'No one allowed' or Maintainer.",
    )


def _untold(setup: Setup) -> str:
    """Why a setting that Maintainers are told is not there."""
    role = setup.project.role
    maintains = role is not None and role >= MAINTAINER
    return "this GitLab does not tell it" if maintains else "GitLab tells it to Maintainers"


def _job_tokens(setup: Setup) -> Iterator[Finding]:
    pushes, open_to_all = setup.project.job_token_pushes, setup.settings.open_to_job_tokens
    where = "In Settings, CI/CD, Job token permissions,"
    if pushes:
        yield finding(
            "job-token",
            Verdict.WARN,
            "the token of a job may push to the repository, and code of a change runs in jobs",
            f"{where} turn 'Allow Git push requests to the repository' off.",
            about="push",
        )
    if open_to_all:
        yield finding(
            "job-token",
            Verdict.WARN,
            "jobs of every other project may use their token here, in the name of whoever started them",
            f"{where} choose 'This project and any groups and projects in the allowlist'.",
            about="other projects",
        )
    if pushes is None or open_to_all is None:
        yield finding(
            "job-token",
            Verdict.INCONCLUSIVE,
            f"what tokens of jobs may do here is unknown: {_untold(setup)}",
            f"Give doctor a token with {MAINTAINS}, and run it on your own machine.",
            reason="unknown",
            advisory=True,
        )
    elif not (pushes or open_to_all):
        yield finding("job-token", Verdict.PASS, "tokens of jobs only reach this project, and may not push to it")

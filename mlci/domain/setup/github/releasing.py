"""Whether the record of decisions can be rewritten, who may add to it, and who lets a model go on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.github.facts import Setup, each_job, place
from mlci.domain.setup.github.releases import APPROVAL, LEDGER, Environment, LedgerRules, Releases
from mlci.domain.setup.github.required import named
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict

_COMMANDS = ("promote", "rollback")
_WORKFLOW = re.compile(r"(?:[^/@]+/mlci/|\./|\$/)\.github/workflows/[^@]*(?:promote|rollback)[^@]*\.ya?ml(?:@.*)?")
_RULESET = "In the settings of the repository, Rules, Rulesets, make an active ruleset for the branch mlci/ledger"


def promotes(setup: Setup) -> bool:
    """Whether a workflow of the repository moves a stage."""
    jobs = [route.job for route in setup.routes]
    return any(job.calling(command) for job in jobs for command in _COMMANDS) or any(
        job.uses is not None and _WORKFLOW.fullmatch(job.uses) for job in jobs
    )


def releasing(setup: Setup) -> Iterator[Finding]:
    """The branch of the ledger, the environments, and the status of people's approval; nothing where nothing moves."""
    releases = setup.releases
    if releases is None or not promotes(setup):
        return
    yield from _ledger(releases)
    yield _adding(setup, releases)
    yield from _environments(releases)
    if releases.asks:
        yield _approval(setup)


def _ledger(releases: Releases) -> Iterator[Finding]:
    rules = releases.ledger
    if rules is None or rules.rewriting is None or rules.removal is None:
        why = releases.unknown.get("ledger")
        yield finding(
            "ledger",
            Verdict.INCONCLUSIVE,
            f"whether {LEDGER} may be rewritten is unknown" + (f": {shown(why, 200)}" if why else ""),
            "Rulesets are read with contents: read, and classic protection with an administrator's token.",
            about="protection",
            reason="unknown",
        )
        return
    open_to = [what for what, held in (("rewritten", rules.rewriting), ("removed", rules.removal)) if not held]
    if open_to:
        yield finding(
            "ledger",
            Verdict.WARN,
            f"the record of decisions can be {' and '.join(open_to)}: {LEDGER} is not protected from it",
            f"{_RULESET} with 'Restrict deletions' and 'Block force pushes'. The branch need not be there yet.",
            about="protection",
            reason="missing",
        )
    else:
        message = f"{LEDGER} can be neither rewritten nor removed"
        yield finding("ledger", Verdict.PASS, message, about="protection")
        yield from _passing(rules)


def _passing(rules: LedgerRules) -> Iterator[Finding]:
    """Who may rewrite it all the same. Where adding is restricted, those on the list are the ones who may add."""
    for bypass in rules.bypass:
        about = f"ruleset {bypass.ruleset} of {LEDGER}"
        if bypass.actors is None:
            yield finding(
                "ledger",
                Verdict.INCONCLUSIVE,
                f"who may bypass {about} is unknown",
                "GitHub names them only to a token that may change the ruleset; the page of the ruleset lists them.",
                about=about,
                reason="unknown",
                advisory=True,
            )
        elif bypass.actors:
            yield finding(
                "ledger",
                Verdict.WARN,
                f"{listed(bypass.actors)} may rewrite the record of decisions: they bypass {about}",
                "Keep 'Restrict deletions' and 'Block force pushes' in a ruleset that nobody bypasses, and 'Restrict "
                "updates' in another, which those bypass who add to the ledger.",
                about=about,
            )


def _adding(setup: Setup, releases: Releases) -> Finding:
    """Who may add a decision: a grade, as that of the check."""
    restricted = releases.ledger.restricted if releases.ledger is not None else None
    if restricted:
        return finding(
            "ledger",
            Verdict.PASS,
            f"strong: only those whom a ruleset or branch protection names may add to {LEDGER}",
            "That keeps others out as long as the key of that App, or deploy key, is in an environment that only the "
            "default branch may use.",
            about="who",
        )
    if restricted is None:
        return finding(
            "ledger",
            Verdict.INCONCLUSIVE,
            f"who may add to {LEDGER} is unknown",
            "Rulesets are read with contents: read, and classic protection with an administrator's token.",
            about="who",
            reason="unknown",
        )
    return finding(
        "ledger",
        Verdict.WARN,
        f"weak: whoever can push a branch can make a workflow that adds a decision to {LEDGER}{_writers(setup)}",
        "The chain shows that nothing was removed since a head that somebody remembers, not who wrote an entry. Strong "
        "is 'Restrict updates' in a ruleset of mlci/ledger, bypassed by a GitHub App or a deploy key alone, whose key "
        "lies in an environment of the default branch and is given to promote and rollback as their token.",
        about="who",
    )


def _writers(setup: Setup) -> str:
    found = [
        place(*route.steps[-1])
        for route in each_job(setup.routes)
        if (route.granted.level("contents") == "write" if route.granted is not None else _by_default(setup))
    ]
    return f"; today these tokens could: {listed(found)}" if found else ""


def _by_default(setup: Setup) -> bool:
    return setup.protection.default_permissions == "write"


def _environments(releases: Releases) -> Iterator[Finding]:
    if releases.environments is None:
        why = releases.unknown.get("environments")
        yield finding(
            "environment",
            Verdict.INCONCLUSIVE,
            "who must let a model go on to a stage is unknown" + (f": {shown(why, 200)}" if why else ""),
            "Environments are read with actions: read.",
            reason="unknown",
        )
        return
    for stage in releases.stages:
        found = releases.environments.get(stage)
        if found is not None:
            yield from _environment(found)
    last = releases.stages[-1] if releases.stages else None
    if last is not None and last not in releases.environments:
        yield finding(
            "environment",
            Verdict.WARN,
            f"there is no environment {shown(last)}: the token of the registry is one that jobs of any branch can use",
            f"In the settings of the repository, Environments, make {shown(last)} for the default branch alone, keep "
            "the registry's token there, and name it in environment: of the job that promotes.",
            about=shown(last),
            reason="missing",
        )


def _environment(found: Environment) -> Iterator[Finding]:
    name, where = shown(found.name), f"In the settings of the repository, Environments, {shown(found.name)},"
    problems = list(_problems(found, name, where))
    for message, explanation in problems:
        yield finding("environment", Verdict.WARN, message, explanation, about=f"{name}: {message.split(',')[0]}")
    if found.reviewers and found.administrators is None:
        yield finding(
            "environment",
            Verdict.INCONCLUSIVE,
            f"whether administrators may pass the reviewers of {name} is unknown",
            "This GitHub does not tell it; the page of the environment shows it.",
            about=f"{name}: administrators",
            reason="unknown",
            advisory=True,
        )
    if not problems:
        asked = f"asks {listed(found.reviewers)}" if found.reviewers else "asks nobody by itself"
        message = f"the environment {name} takes jobs of chosen branches only, and {asked}"
        yield finding("environment", Verdict.PASS, message, about=name)


def _problems(found: Environment, name: str, where: str) -> Iterator[tuple[str, str]]:
    if not found.branches:
        yield (
            f"jobs of any branch may use the environment {name}, and its secrets",
            f"{where} let 'Deployment branches and tags' be the default branch.",
        )
    if found.reviewers and found.self_review:
        yield (
            f"whoever starts a run may let it into {name} himself, as far as GitHub asks",
            f"{where} choose 'Prevent self-review'. approve leaves them out in any case.",
        )
    if found.reviewers and found.administrators:
        yield (
            f"administrators may let a job into {name} without its reviewers",
            f"{where} turn 'Allow administrators to bypass configured protection rules' off.",
        )


def _approval(setup: Setup) -> Finding:
    branch = shown(setup.branch)
    found = named(setup, APPROVAL)
    unreadable = setup.unreadable("rules", "classic")
    if found and all(check.app is None for check in found):
        return finding(
            "approval",
            Verdict.WARN,
            f"{APPROVAL} is required on {branch}, and any app or person who may write can set it",
            "Choose its source: GitHub Actions where a job runs approve, or the App whose token it is given.",
        )
    if found:
        return finding("approval", Verdict.PASS, f"{APPROVAL} is required on {branch}")
    if unreadable is not None:
        return finding(
            "approval",
            Verdict.INCONCLUSIVE,
            f"whether {APPROVAL} is required on {branch} is unknown: {shown(unreadable, 200)}",
            "Give doctor a token that may read the branch and its rules: contents: read is enough.",
            reason="unknown",
        )
    return finding(
        "approval",
        Verdict.WARN,
        f"policy asks people, and a change can be merged to {branch} before they agree: {APPROVAL} is not required",
        f"Add {APPROVAL} to 'Require status checks to pass' in the ruleset of {branch}. Without it promote still asks "
        "for what policy asks, and refuses.",
        reason="missing",
    )

"""Whether the record of decisions can be rewritten, who may add to it, and who lets a model go on."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.gitlab.facts import MAINTAINS, READS, Setup
from mlci.domain.setup.gitlab.project import MAINTAINER, ROLES
from mlci.domain.setup.gitlab.releases import LEDGER, Environment, LedgerGuard, Releases
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict

_WHERE = f"In Settings, Repository, Protected branches, protect {LEDGER}"


def promotes(setup: Setup) -> bool:
    """Whether a job of the pipeline moves a stage."""
    return bool(setup.calling("promote") or setup.calling("rollback"))


def releasing(setup: Setup) -> Iterator[Finding]:
    """The branch of the ledger and the environments of stages; nothing where no job moves a stage."""
    releases = setup.releases
    if releases is None or not promotes(setup):
        return
    if releases.ledger is None:
        why = releases.unknown.get("ledger")
        yield finding(
            "ledger",
            Verdict.INCONCLUSIVE,
            f"whether {LEDGER} may be rewritten is unknown" + (f": {shown(why, 200)}" if why else ""),
            f"Give doctor a token with {READS}.",
            about="protection",
            reason="unknown",
        )
    else:
        yield _protection(releases.ledger)
        yield _adding(setup, releases.ledger)
    yield from _environments(releases)


def _protection(guard: LedgerGuard) -> Finding:
    if not guard.protected:
        return finding(
            "ledger",
            Verdict.WARN,
            f"the record of decisions can be rewritten and removed by every Developer: {LEDGER} is not protected",
            f"{_WHERE}, without force push, pushed to by the role of MLCI_TOKEN. It may be done before the branch is "
            "there.",
            about="protection",
            reason="missing",
        )
    if guard.force:
        return finding(
            "ledger",
            Verdict.WARN,
            f"the record of decisions can be rewritten: force push to {LEDGER} is allowed",
            "In Settings, Repository, Protected branches, turn 'Allowed to force push' off for it.",
            about="protection",
        )
    if guard.force is None:
        return finding(
            "ledger",
            Verdict.INCONCLUSIVE,
            f"whether {LEDGER} may be rewritten is unknown: the rule that protects it is of a pattern or of a group",
            "Look in Settings, Repository, Protected branches.",
            about="protection",
            reason="unknown",
        )
    message = f"{LEDGER} can neither be rewritten nor removed by a push"
    return finding(
        "ledger", Verdict.PASS, message, "Maintainers can remove it in the web interface.", about="protection"
    )


def _adding(setup: Setup, guard: LedgerGuard) -> Finding:
    """Who may add a decision: a grade, as that of the gate."""
    jobs = "; so may the token of every job" if setup.project.job_token_pushes else ""
    if guard.protected and not guard.known:
        return finding(
            "ledger",
            Verdict.INCONCLUSIVE,
            f"who may add to {LEDGER} is unknown: the rule is of a pattern or of a group",
            "Look in Settings, Repository, Protected branches.",
            about="who",
            reason="unknown",
        )
    if guard.protected and guard.roles is None and not guard.named:
        return finding(
            "ledger",
            Verdict.WARN,
            f"nobody may push to {LEDGER}, so nothing can be decided",
            f"{_WHERE}: allowed to push is the role of MLCI_TOKEN, or on Premium its bot alone.",
            about="who",
        )
    if guard.protected and guard.roles is None and not jobs:
        return finding("ledger", Verdict.PASS, f"strong: only {listed(guard.named)} may add to {LEDGER}", about="who")
    if guard.protected and guard.roles is not None and guard.roles >= MAINTAINER and not jobs:
        return finding(
            "ledger",
            Verdict.PASS,
            f"medium: every {ROLES.get(guard.roles, 'Maintainer')} may add a decision to {LEDGER}, and whoever holds a "
            "token with that role",
            "Strong is a rule that names the bot of the project's token or a deploy key, and no role (Premium).",
            about="who",
        )
    return finding(
        "ledger",
        Verdict.WARN,
        f"weak: every Developer may add a decision to {LEDGER}{jobs}",
        f"{_WHERE}: let Maintainers push, and give MLCI_TOKEN of the jobs that promote that role; on Premium name its "
        "bot alone. The chain shows that nothing was removed since a head that somebody remembers, not who wrote an "
        "entry.",
        about="who",
    )


def _environments(releases: Releases) -> Iterator[Finding]:
    if releases.environments is None:
        why = releases.unknown.get("environments")
        yield finding(
            "environment",
            Verdict.INCONCLUSIVE,
            "who must let a model go on to a stage is unknown" + (f": {shown(why, 200)}" if why else ""),
            f"Protected environments are Premium; a token with {MAINTAINS} reads them.",
            reason="unknown",
            # What promote asks for is counted by itself, whatever an environment asks besides.
            advisory=True,
        )
        return
    for stage in releases.stages:
        found = releases.environments.get(stage)
        if found is not None:
            yield _environment(found)
    last = releases.stages[-1] if releases.stages else None
    if last is not None and last not in releases.environments:
        yield finding(
            "environment",
            Verdict.WARN,
            f"no protected environment is called {shown(last)}: every Developer may start its job",
            f"On Premium, in Settings, CI/CD, Protected environments, protect {shown(last)} and choose who deploys and "
            "who approves.",
            about=shown(last),
            reason="missing",
            advisory=True,
        )


def _environment(found: Environment) -> Finding:
    name = shown(found.name)
    asks = f"{found.approvals} approvals" if found.approvals else "no approval"
    return finding(
        "environment",
        Verdict.PASS,
        f"the environment {name} is deployed to by {listed(found.deployers) or 'nobody'}, after {asks}",
        about=name,
    )

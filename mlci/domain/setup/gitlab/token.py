"""Whether the token is one that a pipeline should have: good for what it does, for no more, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from mlci.domain.finding import Finding
from mlci.domain.setup.gitlab.facts import Setup
from mlci.domain.setup.gitlab.project import DEVELOPER, ROLES, Token
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict

_WRITES = "api"
# What of a pipeline's own may come along with it.
_HARMLESS = frozenset({"api", "read_api", "read_user", "read_repository", "self_rotate"})
_SOON = timedelta(days=30)
_MAKE = "Make a project access token with the role Developer and the scope api: Settings, Access tokens."


def token(setup: Setup) -> Iterator[Finding]:
    """The token that doctor was given, where it is the pipeline's own; a person's is only for looking."""
    found = setup.settings.token
    if found is None:
        if setup.in_job:
            yield finding(
                "token",
                Verdict.WARN,
                "there is no MLCI_TOKEN in this job, so nothing can be posted from here",
                f"{_MAKE} Then set the variable MLCI_TOKEN: masked, with the environment scope of the jobs that judge.",
                reason="missing",
                advisory=True,
            )
        return
    if not setup.in_job and found.bot is not True:
        yield finding(
            "token",
            Verdict.INCONCLUSIVE,
            "whether the pipeline has a token of its own is unknown: this one is yours",
            "Run doctor once more with MLCI_TOKEN set to the token that the pipeline is given.",
            reason="unknown",
            advisory=True,
        )
        return
    problems = [*_kind(found), *_scopes(found), *_role(setup), *_lasting(found, setup.today)]
    yield from problems
    if not problems:
        until = f" until {found.expires.isoformat()}" if found.expires is not None else ""
        message = f"the token {shown(found.name, 40)} may post, and no more than it has to{until}"
        yield finding("token", Verdict.PASS, message)


def _kind(found: Token) -> Iterator[Finding]:
    if found.bot is False:
        yield finding(
            "token",
            Verdict.WARN,
            f"the token {shown(found.name, 40)} is a person's, good for everything that person may do",
            f"{_MAKE} Comments are then signed by the project, and the token ends with it.",
            about="kind",
        )


def _scopes(found: Token) -> Iterator[Finding]:
    if _WRITES not in found.scopes:
        yield finding(
            "token",
            Verdict.FAIL,
            f"the token {shown(found.name, 40)} may not post: it has the scopes {listed(found.scopes)}",
            f"GitLab takes comments, threads and statuses with the scope {_WRITES} only. {_MAKE}",
            about="scopes",
            reason="missing",
        )
    more = sorted(set(found.scopes) - _HARMLESS)
    if more:
        yield finding(
            "token",
            Verdict.WARN,
            f"the token {shown(found.name, 40)} may do what no step of mlci does: {listed(more)}",
            f"{_MAKE}",
            about="more scopes",
        )


def _role(setup: Setup) -> Iterator[Finding]:
    role = setup.project.role
    if role is None or role == DEVELOPER:
        return
    title = ROLES.get(role, str(role))
    if role < DEVELOPER:
        yield finding(
            "token",
            Verdict.FAIL,
            f"the token has the role {title} here, and GitLab takes statuses from Developers",
            _MAKE,
            about="role",
            reason="missing",
        )
    else:
        yield finding(
            "token",
            Verdict.WARN,
            f"the token has the role {title} here, and could change what it is judged by",
            "Developer is enough for merge requests; more is only asked for a status on a protected default branch. "
            f"{_MAKE}",
            about="role",
        )


def _lasting(found: Token, today: date) -> Iterator[Finding]:
    if not found.active or (found.expires is not None and found.expires <= today):
        yield finding(
            "token",
            Verdict.FAIL,
            f"the token {shown(found.name, 40)} is no longer valid",
            f"{_MAKE} Then change the variable MLCI_TOKEN.",
            about="date",
        )
    elif found.expires is not None and found.expires - today <= _SOON:
        yield finding(
            "token",
            Verdict.WARN,
            f"the token {shown(found.name, 40)} ends on {found.expires.isoformat()}, in {(found.expires - today).days} "
            "days; from then on nothing is posted",
            "Rotate it in Settings, Access tokens, and change the variable MLCI_TOKEN.",
            about="date",
        )

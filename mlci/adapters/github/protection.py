"""What GitHub demands before a merge: rulesets, classic protection, and what jobs may do by default. Only reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from mlci.adapters.github.api import at
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.http import Api
from mlci.adapters.unanswered import asked
from mlci.domain.setup.github.protection import Bypass, Protection, Repository, RequiredCheck, RequiredWorkflow, Topic
from mlci.errors import ServiceFailed, ServiceRefused

T = TypeVar("T")

_MOST_RULESETS = 20
_Name = Annotated[str, msgspec.Meta(max_length=1000)]


class _Repository(msgspec.Struct):
    id: int
    full_name: _Name
    default_branch: _Name
    private: bool


class Rule(msgspec.Struct):
    """A rule of a ruleset, as GitHub lists those of a branch."""

    type: str
    parameters: Any = None
    ruleset_id: int | None = None


class _RuleCheck(msgspec.Struct):
    context: _Name
    integration_id: int | None = None


class _RuleChecks(msgspec.Struct):
    required_status_checks: list[_RuleCheck]


class _RuleWorkflow(msgspec.Struct):
    path: _Name
    repository_id: int
    sha: str | None = None


class _RuleWorkflows(msgspec.Struct):
    workflows: list[_RuleWorkflow]


class _RuleReviews(msgspec.Struct):
    require_code_owner_review: bool


class _Actor(msgspec.Struct):
    actor_type: _Name
    bypass_mode: str = "always"


class _Ruleset(msgspec.Struct):
    bypass_actors: list[_Actor] | None = None


class _ClassicCheck(msgspec.Struct):
    context: _Name
    app_id: int | None = None


class _ClassicChecks(msgspec.Struct):
    contexts: list[_Name] = []
    checks: list[_ClassicCheck] = []
    enforcement_level: str | None = None


class _Classic(msgspec.Struct):
    enabled: bool = False
    required_status_checks: _ClassicChecks | None = None


class _Branch(msgspec.Struct):
    protected: bool
    protection: _Classic | None = None


class _Reviews(msgspec.Struct):
    require_code_owner_reviews: bool = False


class _Protected(msgspec.Struct):
    required_pull_request_reviews: _Reviews | None = None


class _Defaults(msgspec.Struct):
    default_workflow_permissions: Literal["read", "write"]


def read_repository(api: Api, name: str) -> Repository:
    """The repository itself: ``GET /repos/{owner}/{repo}``.

    Raises:
        ServiceFailed: GitHub does not answer.
        ServiceRefused: there is no such repository, or the token may not see it.
    """
    found = api.get(at(name), shape=_Repository)
    return Repository(id=found.id, name=found.full_name, default_branch=found.default_branch, private=found.private)


def read_protection(api: Api, repository: str, branch: str) -> Protection:
    """What holds a merge to the branch back; what the token may not read is in ``unknown``.

    Rulesets come from ``GET …/rules/branches/{branch}``, classic protection from ``GET …/branches/{branch}``, which
    both need no more than reading. Owners' reviews of classic protection, those who may bypass a ruleset and the
    repository's default permissions need an administrator's token.

    Raises:
        ServiceFailed: GitHub does not answer.
    """
    unknown: dict[Topic, str] = {}
    rules = asked(unknown, "rules", lambda: read_rules(api, repository, branch)) or []
    standing = asked(unknown, "classic", lambda: api.get(at(repository, "branches", branch), shape=_Branch))
    classic = standing.protection if standing is not None and standing.protected else None
    checks = classic.required_status_checks if classic is not None else None
    reviews = None
    # A branch that only rulesets protect has no page of its own there.
    if classic is not None and classic.enabled:
        path = at(repository, "branches", branch, "protection")
        reviews = asked(unknown, "reviews", lambda: api.get(path, shape=_Protected))
    defaults = asked(
        unknown, "defaults", lambda: api.get(at(repository, "actions", "permissions", "workflow"), shape=_Defaults)
    )
    owners = reviews.required_pull_request_reviews if reviews is not None else None
    return Protection(
        checks=(*_checks_of(rules), *(_classic_checks(checks) if checks is not None else ())),
        workflows=_workflows_of(rules),
        merge_queue=any(rule.type == "merge_queue" for rule in rules),
        owner_review=_owner_review(rules) or (owners is not None and owners.require_code_owner_reviews),
        administrators=checks.enforcement_level == "everyone" if checks is not None and _enforced(checks) else None,
        bypass=tuple(bypass_of(api, repository, ruleset) for ruleset in _rulesets(rules)),
        default_permissions=defaults.default_workflow_permissions if defaults is not None else None,
        unknown=unknown,
    )


def required_checks(api: Api, repository: str, branch: str) -> set[str]:
    """Names of the checks and statuses that a merge to the branch waits for.

    Raises:
        ServiceFailed, ServiceRefused: GitHub does not answer, or not to this token.
    """
    rules = read_rules(api, repository, branch)
    standing = api.get(at(repository, "branches", branch), shape=_Branch)
    classic = standing.protection if standing.protected else None
    checks = classic.required_status_checks if classic is not None else None
    return {each.name for each in (*_checks_of(rules), *(_classic_checks(checks) if checks is not None else ()))}


def read_rules(api: Api, repository: str, branch: str) -> list[Rule]:
    """The rules of active rulesets that hold for a branch, which need not be there yet."""
    return list(api.paginate(at(repository, "rules", "branches", branch), shape=Rule))


def _parameters(rule: Rule, shape: type[T]) -> T:
    try:
        return msgspec.convert(rule.parameters, shape)
    except msgspec.ValidationError as problem:
        what = f"the rule {one_line(rule.type, 40)} is not what its description says: {one_line(problem, 120)}"
        raise ServiceFailed(what) from None


def _source(rule: Rule) -> str:
    return f"ruleset {rule.ruleset_id}" if rule.ruleset_id is not None else "a ruleset"


def _checks_of(rules: Sequence[Rule]) -> tuple[RequiredCheck, ...]:
    return tuple(
        RequiredCheck(name=check.context, app=_app(check.integration_id), source=_source(rule))
        for rule in rules
        if rule.type == "required_status_checks"
        for check in _parameters(rule, _RuleChecks).required_status_checks
    )


def _classic_checks(found: _ClassicChecks) -> tuple[RequiredCheck, ...]:
    if not _enforced(found):
        return ()
    source = "branch protection"
    pinned = [RequiredCheck(name=one.context, app=_app(one.app_id), source=source) for one in found.checks]
    named = {check.name for check in pinned}
    # Older servers list only the names.
    plain = [RequiredCheck(name=name, app=None, source=source) for name in found.contexts if name not in named]
    return (*pinned, *plain)


def _enforced(checks: _ClassicChecks) -> bool:
    return checks.enforcement_level != "off"


def _app(number: int | None) -> int | None:
    # Classic protection writes "any app" as -1.
    return number if number is not None and number > 0 else None


def _workflows_of(rules: Sequence[Rule]) -> tuple[RequiredWorkflow, ...]:
    return tuple(
        RequiredWorkflow(path=one.path, repository=one.repository_id, commit=one.sha)
        for rule in rules
        if rule.type == "workflows"
        for one in _parameters(rule, _RuleWorkflows).workflows
    )


def _owner_review(rules: Sequence[Rule]) -> bool:
    asked = (_parameters(rule, _RuleReviews) for rule in rules if rule.type == "pull_request")
    return any(one.require_code_owner_review for one in asked)


def _rulesets(rules: Sequence[Rule]) -> list[int]:
    holding = [rule.ruleset_id for rule in rules if rule.type in ("required_status_checks", "workflows")]
    return list(dict.fromkeys(ruleset for ruleset in holding if ruleset is not None))[:_MOST_RULESETS]


def bypass_of(api: Api, repository: str, ruleset: int) -> Bypass:
    """Who may pass a ruleset; GitHub names them only to those who may change it."""
    try:
        found = api.find(at(repository, "rulesets", ruleset), shape=_Ruleset)
    except ServiceRefused:
        found = None
    if found is None or found.bypass_actors is None:
        return Bypass(ruleset=ruleset, actors=None)
    actors = tuple(f"{one_line(one.actor_type, 40)} ({one_line(one.bypass_mode, 20)})" for one in found.bypass_actors)
    return Bypass(ruleset=ruleset, actors=actors)

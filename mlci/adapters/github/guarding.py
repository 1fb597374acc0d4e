"""What guards a release on GitHub: the branch of the ledger and the environments. Only reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from mlci.adapters.github.api import at
from mlci.adapters.github.protection import bypass_of, read_rules
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.http import Api
from mlci.adapters.unanswered import asked
from mlci.domain.setup.github.releases import LEDGER, Environment, LedgerRules, Releases, Topic

_Name = Annotated[str, msgspec.Meta(max_length=1000)]
# The rules that keep the ledger, as rulesets call them.
_REWRITING, _REMOVAL, _UPDATES = "non_fast_forward", "deletion", "update"


class _Reviewer(msgspec.Struct):
    reviewer: dict[str, Any] = {}


class _Rule(msgspec.Struct):
    type: str
    prevent_self_review: bool = False
    reviewers: list[_Reviewer] = []


class _Environment(msgspec.Struct):
    name: _Name
    protection_rules: list[_Rule] = []
    deployment_branch_policy: dict[str, Any] | None = None
    can_admins_bypass: bool | None = None


class _Protection(msgspec.Struct):
    enabled: bool = False


class _Branch(msgspec.Struct):
    protected: bool
    protection: _Protection | None = None


class _Switch(msgspec.Struct, frozen=True):
    enabled: bool = False


class _Classic(msgspec.Struct):
    allow_force_pushes: _Switch = _Switch()
    allow_deletions: _Switch = _Switch()
    restrictions: dict[str, Any] | None = None


def read_releases(api: Api, repository: str, stages: tuple[str, ...], *, asks: bool) -> Releases:
    """What guards a release; what the token may not read is in ``unknown``.

    Args:
        stages: in the order a model passes them.
        asks: whether policy asks people for some change.

    Raises:
        ServiceFailed: GitHub does not answer.
    """
    unknown: dict[Topic, str] = {}
    ledger = asked(unknown, "ledger", lambda: _ledger(api, repository))
    environments = asked(unknown, "environments", lambda: _environments(api, repository))
    return Releases(stages=stages, asks=asks, ledger=ledger, environments=environments, unknown=unknown)


def _ledger(api: Api, repository: str) -> LedgerRules:
    rules = read_rules(api, repository, LEDGER)
    types = {rule.type for rule in rules}
    rulesets = [rule.ruleset_id for rule in rules if rule.type in (_REWRITING, _REMOVAL)]
    classic = _classic(api, repository)
    return LedgerRules(
        rewriting=_either(_REWRITING in types, classic, lambda one: not one.allow_force_pushes.enabled),
        removal=_either(_REMOVAL in types, classic, lambda one: not one.allow_deletions.enabled),
        restricted=_either(_UPDATES in types, classic, lambda one: one.restrictions is not None),
        bypass=tuple(bypass_of(api, repository, each) for each in dict.fromkeys(rulesets) if each is not None),
    )


def _either(by_ruleset: bool, classic: _Classic | None, held: Callable[[_Classic], bool]) -> bool | None:
    if by_ruleset:
        return True
    return held(classic) if classic is not None else None


def _classic(api: Api, repository: str) -> _Classic | None:
    """Classic protection; one that leaves all open where there is none, None where it is unknown."""
    branch = api.find(at(repository, "branches", LEDGER), shape=_Branch)
    # A branch that only rulesets protect has no page of its own.
    if branch is None or not branch.protected or branch.protection is None or not branch.protection.enabled:
        return _Classic(_Switch(enabled=True), _Switch(enabled=True))
    path = at(repository, "branches", LEDGER, "protection")
    unknown: dict[Topic, str] = {}
    return asked(unknown, "ledger", lambda: api.get(path, shape=_Classic))


def _environments(api: Api, repository: str) -> dict[str, Environment]:
    listed = api.paginate(at(repository, "environments"), items="environments", shape=_Environment)
    return {each.name: _environment(each) for each in listed}


def _environment(found: _Environment) -> Environment:
    asking = [rule for rule in found.protection_rules if rule.type == "required_reviewers"]
    people = [each.reviewer for rule in asking for each in rule.reviewers]
    return Environment(
        name=found.name,
        reviewers=tuple(one_line(each.get("login") or each.get("slug") or "somebody", 60) for each in people),
        self_review=any(not rule.prevent_self_review for rule in asking),
        administrators=found.can_admins_bypass,
        branches=found.deployment_branch_policy is not None,
    )

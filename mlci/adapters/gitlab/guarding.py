"""What guards a release on GitLab: the branch of the ledger and protected environments. Only reads."""

from __future__ import annotations

from typing import Annotated

import msgspec

from mlci.adapters.gitlab.api import Access
from mlci.adapters.gitlab.api import project as at
from mlci.adapters.oneline import one_line
from mlci.adapters.remote.http import Api
from mlci.adapters.unanswered import asked
from mlci.domain.setup.gitlab.releases import LEDGER, Environment, LedgerGuard, Releases, Topic
from mlci.errors import ServiceRefused

_Name = Annotated[str, msgspec.Meta(max_length=1000)]
_NO_ONE = 0


class _Level(msgspec.Struct):
    access_level: int | None = None
    access_level_description: str = ""
    user_id: int | None = None
    group_id: int | None = None
    deploy_key_id: int | None = None

    @property
    def is_role(self) -> bool:
        return not (self.user_id or self.group_id or self.deploy_key_id)

    @property
    def word(self) -> str:
        return one_line(self.access_level_description or "somebody", 60)


class _Protected(msgspec.Struct):
    push_access_levels: list[_Level] = []
    allow_force_push: bool = False


class _Branch(msgspec.Struct):
    name: str
    protected: bool
    developers_can_push: bool = False


class _Rule(msgspec.Struct):
    required_approvals: int = 0


class _Environment(msgspec.Struct):
    name: _Name
    deploy_access_levels: list[_Level] = []
    required_approval_count: int | None = None
    approval_rules: list[_Rule] = []


def read_releases(access: Access, project: int, stages: tuple[str, ...]) -> Releases:
    """What guards a release; what the token may not read is in ``unknown``.

    Args:
        project: its number.
        stages: in the order a model passes them.

    Raises:
        ServiceFailed: GitLab does not answer.
    """
    unknown: dict[Topic, str] = {}
    ledger = asked(unknown, "ledger", lambda: _guard(access.read, project))
    environments = asked(unknown, "environments", lambda: _environments(access.read, project))
    return Releases(stages=stages, ledger=ledger, environments=environments, unknown=unknown)


def _guard(api: Api, project: int) -> LedgerGuard:
    """Its own rule, else whether any rule of a pattern or of a group protects it.

    https://docs.gitlab.com/api/protected_branches/
    """
    try:
        own = api.find(at(project, "protected_branches", LEDGER), shape=_Protected)
    except ServiceRefused:
        # The token of a job may list branches, and may not read the rules that protect them.
        own = None
    if own is None:
        return _listed(api, project)
    roles = [one.access_level for one in own.push_access_levels if one.is_role and one.access_level]
    return LedgerGuard(
        protected=True,
        roles=min(roles, default=None),
        named=tuple(one.word for one in own.push_access_levels if not one.is_role),
        force=own.allow_force_push,
    )


def _listed(api: Api, project: int) -> LedgerGuard:
    wanted = {"search": f"^{LEDGER}$"}
    found = list(api.paginate(at(project, "repository", "branches"), wanted, shape=_Branch))
    one = next((each for each in found if each.name == LEDGER), None)
    # One that is not there yet can be made by whoever may push.
    if one is None or not one.protected:
        return LedgerGuard(protected=False, roles=30, force=True)
    return LedgerGuard(protected=True, known=False)


def _environments(api: Api, project: int) -> dict[str, Environment]:
    """https://docs.gitlab.com/api/protected_environments/"""
    found = api.paginate(at(project, "protected_environments"), shape=_Environment)
    return {each.name: _environment(each) for each in found}


def _environment(found: _Environment) -> Environment:
    deployers = tuple(one.word for one in found.deploy_access_levels if one.access_level != _NO_ONE)
    approvals = sum(rule.required_approvals for rule in found.approval_rules)
    return Environment(
        name=found.name, deployers=deployers, approvals=max(approvals, found.required_approval_count or 0)
    )

"""What guards a release on GitLab, as far as the API tells it: the branch of the ledger, and protected environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

LEDGER = "mlci/ledger"

# What cannot be read is named by one of these words, with the reason.
Topic = Literal["ledger", "environments"]


@dataclass(frozen=True, kw_only=True)
class LedgerGuard:
    """What protects the branch of the ledger.

    Attributes:
        protected: whether any rule does.
        roles: lowest access level of a role that may push to it; None where none may, or that is unknown.
        named: users, groups and deploy keys that may push to it.
        known: whether it is known who may.
        force: whether it may be rewritten; None where that is unknown.
    """

    protected: bool
    roles: int | None = None
    named: tuple[str, ...] = ()
    known: bool = True
    force: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A protected environment (Premium).

    Attributes:
        name: of it.
        deployers: who may start a deployment, as words.
        approvals: how many people must let it go on.
    """

    name: str
    deployers: tuple[str, ...] = ()
    approvals: int = 0


@dataclass(frozen=True, kw_only=True)
class Releases:
    """Everything that guards a release.

    Attributes:
        stages: in the order a model passes them.
        ledger: None where it is unknown.
        environments: those that are protected, by name; None where they are unknown.
        unknown: why, for each topic that the token may not read.
    """

    stages: tuple[str, ...]
    ledger: LedgerGuard | None = None
    environments: Mapping[str, Environment] | None = None
    unknown: Mapping[Topic, str] = field(default_factory=dict)

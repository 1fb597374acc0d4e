"""What guards a release on GitHub, as far as the forge tells it: the branch of the ledger, and the environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mlci.domain.setup.github.protection import Bypass

LEDGER = "mlci/ledger"
APPROVAL = "mlci/approval"

# What cannot be read is named by one of these words, with the reason.
Topic = Literal["ledger", "environments"]


@dataclass(frozen=True, kw_only=True)
class LedgerRules:
    """What protects the branch of the ledger.

    Attributes:
        rewriting: whether it is kept from force-pushes; None where that is unknown.
        removal: whether it is kept from being deleted; None where that is unknown.
        restricted: whether only those named may add to it; None where that is unknown.
        bypass: who may pass each ruleset that says so.
    """

    rewriting: bool | None
    removal: bool | None
    restricted: bool | None
    bypass: tuple[Bypass, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An environment of the repository.

    Attributes:
        name: of it.
        reviewers: logins and teams that can let a job go on.
        self_review: whether whoever started the run may be one of them.
        administrators: whether they may go on without any; None where GitHub does not say.
        branches: whether jobs of only some branches may use it and its secrets.
    """

    name: str
    reviewers: tuple[str, ...] = ()
    self_review: bool = False
    administrators: bool | None = None
    branches: bool = False


@dataclass(frozen=True, kw_only=True)
class Releases:
    """Everything that guards a release.

    Attributes:
        stages: in the order a model passes them.
        asks: whether policy asks people for some change.
        ledger: None where it is unknown.
        environments: by name; None where they are unknown.
        unknown: why, for each topic that the token may not read.
    """

    stages: tuple[str, ...]
    asks: bool
    ledger: LedgerRules | None = None
    environments: Mapping[str, Environment] | None = None
    unknown: Mapping[Topic, str] = field(default_factory=dict)

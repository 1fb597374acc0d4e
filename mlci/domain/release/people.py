"""People, what they proposed and what they said, as a forge knows them: facts, before anybody counts them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

# Where a word of approval was said. A deployment's approval and a manual job are GitLab's.
Where = Literal["environment", "review", "comment", "deployment", "job", "local"]


@dataclass(frozen=True, kw_only=True)
class Person:
    """An account of a forge.

    Attributes:
        id: its number, which stays when the account is renamed.
        login: its name now.
        human: whether the forge says that it is a person's, not a bot's or an app's.
    """

    id: int
    login: str
    human: bool = True


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A change on a forge, open or merged, with those who made it.

    Attributes:
        number: of the pull request or merge request.
        head: its newest commit.
        base_branch: the branch it is for.
        author: who opened it.
        pushers: who wrote or pushed its commits, the last push at least; None where the forge does not say.
        fork: whether its commits come from another repository.
        merged: whether it is merged.
        page: where a person looks at it.
        why: what kept the forge from naming the pushers; None where it did.
    """

    number: int
    head: str
    base_branch: str
    author: Person
    pushers: tuple[Person, ...] | None
    fork: bool
    merged: bool
    page: str
    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class Word:
    """Something a person said that may be an approval.

    Attributes:
        person: who.
        agrees: whether it approves; False for a refusal, None where it takes an earlier word back.
        where: of which kind it is.
        at: when, as 2026-12-31T23:59:59Z; None where the forge does not say.
        commit: the commit it is about; None where it names none.
        digest: sha256 that it names, in hexadecimal, or the beginning of it; None where it names none.
        run: the run it let go on; None where it is about no run.
        environment: the environment that it let that run use; None where it is about none.
        edited: whether it was changed after it was said.
        page: where it stands.
    """

    person: Person
    agrees: bool | None
    where: Where
    at: str | None = None
    commit: str | None = None
    digest: str | None = None
    run: int | None = None
    environment: str | None = None
    edited: bool = False
    page: str = ""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a commit's status of the gate said from some time on.

    Attributes:
        at: since when, as 2026-12-31T23:59:59Z.
        description: its line; the short digest of the gate's evidence stands at its end.
    """

    at: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Approver:
    """Somebody whose approval counts, as evidence keeps it."""

    id: int | None = field(default=None, metadata={"help": "Number of the account; absent without a forge."})
    login: str = field(metadata={"help": "Its name when it was seen."})
    where: Where = field(metadata={"help": "Of which kind the approval is."})
    at: str | None = field(default=None, metadata={"help": "When, by the forge; absent where it does not say."})
    seen: str = field(metadata={"help": "When it was read, in UTC."})
    page: str = field(default="", metadata={"help": "Where it stands."})

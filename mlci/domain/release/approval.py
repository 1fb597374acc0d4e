"""Whose word counts: an approval names a model, a review names a commit, and neither speaks for anything else.

A review counts when its commit is the head and the gate's record current when it was given is the one that is
approved. A comment counts for the record whose digest it carries. Letting a run into an environment counts for that
run. Whoever made the change does not count, nor does a bot; a refusal holds until the same person agrees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mlci.domain.release.people import Approver, Person, Said, Where, Word

# How the gate ends the description of its status: the beginning of the sha256 of its evidence.
_RECORD = re.compile(r"\[gate ([0-9a-f]{12})\]\Z")
SHORT = 12

# How a person is told from another: by number, and on a machine without a forge by the address that git has.
Who = int | str


def who(person: Person) -> Who:
    """What stays of a person when the account is renamed."""
    return person.id or person.login.casefold()


def record_in(description: str) -> str | None:
    """The beginning of the digest of the gate's record that a status carries; None where it carries none."""
    found = _RECORD.search(description.rstrip())
    return found[1] if found else None


@dataclass(frozen=True, kw_only=True)
class About:
    """What a word may be about, where it was said.

    Attributes:
        records: sha256 of the gate's records that an approval may be of, the one at hand first; each of the others is
            of the same model, with a verdict that is no better than that of the first.
        head: the commit that was proposed; None without one.
        said: what the gate's status said of the head, oldest first.
        run: the run that asks; None for none.
        again: whether that run was run before, and may have been let do something else then.
        environments: whose approval lets this run go on.
    """

    records: tuple[str, ...]
    head: str | None = None
    said: tuple[Said, ...] = ()
    run: int | None = None
    again: bool = False
    environments: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Who is asked.

    Attributes:
        needed: how many people must agree.
        by: which ways to agree count; none is all.
        made_by: who made the change, with what they did as a sentence.
    """

    needed: int = 1
    by: tuple[Where, ...] = ()
    made_by: Mapping[Who, str] = field(default_factory=dict)


Spoken = tuple[Word, About]


@dataclass(frozen=True)
class Heard:
    """The last word of a person that means something for what is asked."""

    word: Word

    @property
    def who(self) -> Who:
        """Whose it is."""
        return who(self.word.person)


@dataclass(frozen=True, kw_only=True)
class Count:
    """What all words come to.

    Attributes:
        approvers: whose approval counts.
        refused: who refuses.
        passed_over: words that did not count, and why.
        unknown: last words of people of whom it cannot be told whether they may approve, and why.
        needed: how many had to agree.
    """

    approvers: tuple[Approver, ...]
    refused: tuple[Approver, ...]
    passed_over: tuple[tuple[Word, str], ...]
    unknown: tuple[tuple[Word, str], ...]
    needed: int

    @property
    def satisfied(self) -> bool:
        """Whether enough people agreed and nobody refused."""
        return not self.refused and len(self.approvers) >= self.needed

    @property
    def doubt(self) -> str | None:
        """Why it cannot be told whether enough people agreed; None where what is unknown does not matter."""
        refusals = [why for word, why in self.unknown if word.agrees is False]
        if refusals:
            return refusals[0]
        agreeing = [why for word, why in self.unknown if word.agrees]
        if self.refused or not agreeing or len(self.approvers) >= self.needed:
            return None
        return agreeing[0] if len(self.approvers) + len(agreeing) >= self.needed else None


def heard(spoken: Sequence[Spoken], ask: Ask) -> tuple[tuple[Heard, ...], tuple[tuple[Word, str], ...]]:
    """The last word of each person that means something, and the words that mean nothing, with why.

    Whether those people may approve at all is still to be asked.
    """
    passed_over: list[tuple[Word, str]] = []
    last: dict[Who, Word] = {}
    for word, about in sorted(spoken, key=lambda each: _order(each[0])):
        why = _nothing(word, about, ask)
        if why is not None:
            passed_over.append((word, why))
            continue
        before = last.get(who(word.person))
        if before is not None:
            passed_over.append((before, "the same person said something else later"))
        last[who(word.person)] = word
    passed_over += [(word, "it was dismissed or taken back") for word in last.values() if word.agrees is None]
    return tuple(Heard(word) for word in last.values() if word.agrees is not None), tuple(passed_over)


def count(spoken: Sequence[Spoken], ask: Ask, may: Mapping[Who, bool | str], seen: str) -> Count:
    """Count the words.

    Args:
        spoken: everything that was said, with what it may be about.
        ask: who is asked.
        may: of each person in :func:`heard` whether policy lets them approve; a sentence where that cannot be told.
        seen: when the words were read, in UTC.
    """
    last, passed_over = heard(spoken, ask)
    told = [(each.word, may.get(each.who, False)) for each in last]
    barred = tuple((word, "policy does not let this person approve") for word, answer in told if answer is False)
    return Count(
        approvers=_people(told, seen, agrees=True),
        refused=_people(told, seen, agrees=False),
        passed_over=(*passed_over, *barred),
        unknown=tuple((word, answer) for word, answer in told if isinstance(answer, str)),
        needed=ask.needed,
    )


def _people(told: Sequence[tuple[Word, bool | str]], seen: str, *, agrees: bool) -> tuple[Approver, ...]:
    found = [word for word, answer in told if answer is True and word.agrees is agrees]
    return tuple(
        Approver(
            id=word.person.id or None, login=word.person.login, where=word.where, at=word.at, seen=seen, page=word.page
        )
        for word in found
    )


def _order(word: Word) -> tuple[str, int]:
    """Oldest first. Of what has no time an approval comes first and a refusal last: what is not known helps nobody."""
    at = word.at or ("" if word.agrees else "~")
    return at, 0 if word.agrees else 1 if word.agrees is None else 2


def _nothing(word: Word, about: About, ask: Ask) -> str | None:
    """Why a word means nothing for what is asked; None where it does."""
    if not word.person.human:
        return "a bot or an app cannot approve"
    made = ask.made_by.get(who(word.person))
    if made is not None:
        return made
    # A refusal, and a word that is taken back, is of the person and not of a record.
    return next(_unfit(word, about, ask), None) if word.agrees else None


def _unfit(word: Word, about: About, ask: Ask) -> Iterator[str]:
    if ask.by and word.where not in ask.by:
        yield f"policy counts only what is said by {' or '.join(ask.by)}"
    if word.edited:
        yield "it was edited after it was written"
    if word.digest is not None:
        yield from _unfit_digest(word.digest, about)
    elif word.run is not None:
        yield from _unfit_run(word, about)
    elif word.commit is None or word.commit != about.head:
        at = f"commit {word.commit[:SHORT]}" if word.commit else "no commit"
        yield f"it is about {at}, and not about the newest one"
    elif word.at is None:
        yield "it does not say when it was given, so that nobody knows which verdict it is about"
    else:
        yield from _unfit_then(word.at, about)


def _unfit_digest(digest: str, about: About) -> Iterator[str]:
    if len(digest) < SHORT or not any(record.startswith(digest) for record in about.records):
        yield f"it names another record of the gate, sha256:{digest[:SHORT]}"


def _unfit_run(word: Word, about: About) -> Iterator[str]:
    if word.run != about.run:
        yield "it let another run go on"
    if word.environment is not None and word.environment not in about.environments:
        yield f"it let the run use the environment {_shown(word.environment)}, which says nothing of a model"
    if word.at is not None and about.said:
        yield from _unfit_then(word.at, about)
    if word.at is None and about.again:
        yield "it has no time, and the run, which names no version, was run before: name it, or start a new run"
    records = [record_in(said.description) for said in about.said]
    if word.at is None and any(record is not None and not _is_of(record, about) for record in records):
        yield "it has no time, and the gate has left more than one record of this commit"


def _unfit_then(at: str, about: About) -> Iterator[str]:
    """What the gate's status said when a word was given is what the word is about."""
    current = [said for said in about.said if said.at <= at]
    if not current:
        yield "it was given before the gate had judged this commit"
        return
    record = record_in(current[-1].description)
    if not _is_of(record, about):
        named = f"gate {record}" if record is not None else "its status names none"
        yield f"it was given when the gate's record was another one ({named})"


def _is_of(record: str | None, about: About) -> bool:
    return record is not None and any(each.startswith(record) for each in about.records)


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)

"""Looks at a holdout: how they are remembered, which one a candidate is, and what a budget of them allows.

A look is one candidate that was judged on one evaluation set. The same candidate judged again tells nobody anything
new, so it is the same look. What is remembered only ever grows: two memories, of two runs that knew nothing of each
other, are put together without losing or doubling a look.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

# How much of a candidate's digest is remembered: enough that no two of a million share it.
SHORT = 16
# Bounds of a memory. What goes beyond is still counted, or was of a holdout that nobody uses any more.
MOST_CANDIDATES, MOST_SETS, MOST_READ = 2000, 8, 1000


@dataclass(frozen=True, kw_only=True)
class Wear:
    """How often an evaluation set had been looked at when a candidate was judged on it."""

    look: int = field(metadata={"help": "Which look at the evaluation set the candidate is; the first one is 1."})
    looks: int = field(
        metadata={"help": "Candidates that the evaluation set is known to have judged, this one included."}
    )
    at_least: bool = field(default=False, metadata={"help": "Whether there may be looks that could not be counted."})
    retired: bool = field(
        default=False,
        metadata={"help": "Whether another candidate was compared on the evaluation set and accepted before."},
    )


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What is remembered of one evaluation set.

    Attributes:
        evaluation_set: its digest.
        candidates: first digits of the digest of each candidate's predictions, in the order they were counted.
        earlier: candidates that were counted before those and are no longer named.
        passed: the first candidate that was compared on it and accepted by the default branch, in the same digits.
    """

    evaluation_set: str
    candidates: tuple[str, ...] = ()
    earlier: int = 0
    passed: str | None = None

    @property
    def looks(self) -> int:
        """Candidates counted in all."""
        return self.earlier + len(self.candidates)


@dataclass(frozen=True, kw_only=True)
class Look:
    """One candidate that was judged, as its evidence names it: digests of the evaluation set and of the predictions."""

    evaluation_set: str
    candidate: str


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What the default branch remembers of all looks.

    Attributes:
        sets: one for each evaluation set, the one used last at the end.
        read: numbers of the artifacts that were counted, so that none is fetched twice.
    """

    sets: tuple[Looked, ...] = ()
    read: tuple[int, ...] = ()

    def at(self, evaluation_set: str) -> Looked:
        """What is remembered of one evaluation set."""
        known = (each for each in self.sets if each.evaluation_set == evaluation_set)
        return next(known, Looked(evaluation_set=evaluation_set))

    def joined(self, other: Looks) -> Looks:
        """Two memories as one; every look of either is in it, once."""
        found = self
        for each in other.sets:
            mine = found.at(each.evaluation_set)
            earlier, passed = max(mine.earlier, each.earlier), mine.passed or each.passed
            found = found._with(_added(replace(mine, earlier=earlier, passed=passed), each.candidates))
        read = tuple(dict.fromkeys((*found.read, *other.read)))
        return replace(found, read=tuple(sorted(read)[-MOST_READ:]))

    def seen(self, looks: Iterable[Look], evaluation_set: str) -> Looks:
        """With those of some looks that are at this evaluation set, or at one that is remembered already.

        Others are left: a change may name any evaluation set it likes, and must not crowd out the ones that count.
        """
        wanted = {evaluation_set, *(each.evaluation_set for each in self.sets)}
        found = self
        for look in looks:
            if look.evaluation_set in wanted:
                found = found._with(_added(found.at(look.evaluation_set), (look.candidate[:SHORT],)))
        return found

    def accepted(self, look: Look) -> Looks:
        """With the word that the default branch accepted this candidate after a comparison."""
        there = self.at(look.evaluation_set)
        return self._with(replace(there, passed=there.passed or look.candidate[:SHORT]))

    def wear(self, look: Look, *, at_least: bool) -> Wear:
        """What the evaluation set has been through when this candidate is judged on it.

        Args:
            look: the candidate; it need not be remembered yet.
            at_least: whether looks may be missing here.
        """
        there, short = self.at(look.evaluation_set), look.candidate[:SHORT]
        new = short not in there.candidates
        return Wear(
            look=there.looks + 1 if new else there.earlier + there.candidates.index(short) + 1,
            looks=there.looks + new,
            at_least=at_least,
            retired=there.passed not in (None, short) and (new or _after(there, short)),
        )

    def _with(self, looked: Looked) -> Looks:
        others = (each for each in self.sets if each.evaluation_set != looked.evaluation_set)
        return replace(self, sets=(*others, looked)[-MOST_SETS:])


def _added(looked: Looked, candidates: Iterable[str]) -> Looked:
    every = tuple(dict.fromkeys((*looked.candidates, *candidates)))
    lost = max(0, len(every) - MOST_CANDIDATES)
    return replace(looked, candidates=every[lost:], earlier=looked.earlier + lost)


def _after(there: Looked, short: str) -> bool:
    """Whether a candidate was counted after the one that passed: those before it were judged on a set still in use."""
    passed = there.passed
    return passed not in there.candidates or there.candidates.index(short) > there.candidates.index(passed or "")

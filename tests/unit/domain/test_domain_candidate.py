"""Why the numbers of a candidate do not count."""

from __future__ import annotations

from dataclasses import replace

from test_card import PREDICATE

from mlci.domain.candidate import doubts
from mlci.domain.training import Data
from mlci.domain.verdict import Verdict

HELD = PREDICATE.predictions.holdout.digest


def test_a_candidate_of_this_holdout_is_not_doubted() -> None:
    assert list(doubts(PREDICATE, "h.csv", (HELD,))) == []
    assert list(doubts(PREDICATE, "h.csv", ("1" * 64, HELD))) == []
    assert list(doubts(PREDICATE, "h.csv", ())) == [], "what is not here cannot be compared"
    assert list(doubts(PREDICATE, None, ("1" * 64,))) == []
    assert list(doubts(replace(PREDICATE, provenance=replace(PREDICATE.provenance, data=None)), "h.csv", (HELD,))) == []


def test_every_doubt_is_told_and_none_can_be_softened_or_escape_its_line() -> None:
    provenance = replace(PREDICATE.provenance, profile="smoke\x1b[2J\n", data=Data(path="x" * 500, digest=HELD))

    found = list(doubts(replace(PREDICATE, provenance=provenance), "h\n.csv", ("1" * 64,)))

    assert [each.id for each in found] == ["model:profile", "model:holdout", "model:seen"]
    assert {each.verdict for each in found} == {Verdict.INCONCLUSIVE}
    assert not {each.reason for each in found} & {"interval", "boundary", "unverified"}
    assert all(each.message.isprintable() and len(each.message) < 250 and each.explanation for each in found)

"""What is told of a baseline, and what of it is worth a warning."""

from __future__ import annotations

import pytest

from mlci.domain.health import Health, doubts, section
from mlci.domain.verdict import Verdict

GOOD = Health(named=False, age=12, verdict=Verdict.PASS, policy="ab" * 32, examples=10_000, same_holdout=True)


def of(**changed: object) -> Health:
    known = {name: getattr(GOOD, name) for name in ("age", "verdict", "policy", "examples", "same_holdout")}
    return Health(named=False, **{**known, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("health", "reasons"),
    [
        (GOOD, []),
        (of(age=180), []),
        (of(age=181), ["stale"]),
        (of(age=None), []),
        (of(verdict=Verdict.WARN), []),
        (of(verdict=Verdict.INCONCLUSIVE), ["ungated"]),
        (of(verdict=None, age=400), ["stale", "ungated"]),
        (Health(named=True), []),
        (None, []),
    ],
)
def test_an_old_baseline_and_one_that_nobody_accepted_are_warned_of(health: Health | None, reasons: list[str]) -> None:
    found = list(doubts(health, 180))
    assert [each.reason for each in found] == reasons
    assert {each.verdict for each in found} <= {Verdict.WARN}


@pytest.mark.parametrize(
    ("health", "sentences"),
    [
        (
            GOOD,
            [
                "Production was accepted 12 days ago.",
                "The gate judged it on 10 000 examples, these very ones, by the policy abababababab: pass.",
            ],
        ),
        (
            of(age=0, same_holdout=False, policy=None),
            [
                "Production was accepted today.",
                "The gate judged it on 10 000 examples, not the ones of this holdout: pass.",
            ],
        ),
        (
            of(age=None, verdict=None),
            ["When production was accepted is unknown.", "Whether the gate judged it is unknown."],
        ),
        (
            Health(named=True),
            ["Production's predictions came as a file: their age, and what the gate said of them, are unknown."],
        ),
    ],
)  # fmt: skip
def test_what_is_known_is_said_and_what_is_not_is_said_to_be_unknown(health: Health, sentences: list[str]) -> None:
    assert [text.replace("\u2009", " ").replace("\u00a0", " ") for text in section(health).sentences] == sentences

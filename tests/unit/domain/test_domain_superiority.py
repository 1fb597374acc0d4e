"""A gain that is asked for: which verdict, in which words, and how often either mistake is made."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from test_domain_gate import FAIL, INCONCLUSIVE, PASS, WARN, estimate, overall

from mlci.domain import gate
from mlci.domain.policy import GatePolicy
from mlci.stats.bounds import Contrast, Discordance, Paired
from mlci.stats.student import t_tail


def asking(difference: float, error: float, asked: float = 0.01, **more: Any) -> Any:
    """A normal estimate of which a gain is asked; its p-value is for gaining less."""
    made = estimate(difference, error, margin=None, improvement=asked, **more)  # type: ignore[arg-type]
    p = 1 - t_tail((made.gain - asked) / error, 1e9) if error else 1.0
    return estimate(difference, error, margin=None, improvement=asked, p=more.pop("p", p), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("difference", "error", "expected"), [
    (0.02, 0.001, (PASS, "better")),
    (0.011, 0.001, (INCONCLUSIVE, "interval")),
    (0.009, 0.001, (INCONCLUSIVE, "interval")),
    (0.005, 0.001, (FAIL, "shortfall")),
    (0.0, 0.001, (FAIL, "shortfall")),
    (-0.5, 0.001, (FAIL, "shortfall")),
    (0.0, 0.02, (INCONCLUSIVE, "interval")),
    (0.01 + 1.6448536269514722 * 0.001, 0.001, (INCONCLUSIVE, "boundary")),
])  # fmt: skip
def test_a_gain_is_shown_or_shown_to_be_missed_or_neither_whichever_way_is_better(
    difference: float, error: float, expected: Any
) -> None:
    assert overall(asking(difference, error)) == expected
    assert overall(asking(-difference, error, metric="brier")) == expected


def test_the_corrected_p_decides_that_a_gain_is_missed() -> None:
    assert overall(asking(0.005, 0.001, p_adjusted=0.06)) == (INCONCLUSIVE, "interval")
    assert overall(asking(0.005, 0.001, p_adjusted=0.05)) == (INCONCLUSIVE, "boundary")


def test_any_gain_at_all_can_be_asked_for() -> None:
    assert overall(asking(0.02, 0.001, asked=0.0)) == (PASS, "better")
    assert overall(asking(-0.02, 0.001, asked=0.0)) == (FAIL, "shortfall")
    assert overall(asking(0.001, 0.001, asked=0.0)) == (INCONCLUSIVE, "interval")


@pytest.mark.parametrize(("n", "more", "expected"), [
    (300, {}, (FAIL, "shortfall")),
    (299, {}, (INCONCLUSIVE, "no-difference")),
    (300, {"method": gate.IDENTICAL}, (FAIL, "shortfall")),
    (299, {"method": gate.IDENTICAL}, (INCONCLUSIVE, "identical")),
    (9999, {"method": gate.IDENTICAL, "metric": "rmse"}, (INCONCLUSIVE, "identical")),
    (9999, {"relative": True}, (INCONCLUSIVE, "no-difference")),
])  # fmt: skip
def test_two_models_that_say_the_same_never_pass_and_no_policy_lets_them(
    n: int, more: dict[str, Any], expected: Any
) -> None:
    found = gate.compare_overall(asking(0.0, 0.0, p=1.0, n=n, discordant=0, **more), GatePolicy())
    assert (found.verdict, found.reason) == expected
    assert gate.softened(found, "pass") is found.verdict


def test_few_positives_qualify_a_gain_and_a_shortfall_too() -> None:
    assert overall(asking(0.05, 0.001, metric="roc_auc", smallest_class=9)) == (WARN, "few-positives")
    assert overall(asking(-0.05, 0.001, metric="roc_auc", smallest_class=9)) == (INCONCLUSIVE, "few-positives")


@pytest.mark.parametrize(("made", "message", "explanation", "why"), [
    (
        asking(0.002, 0.001),
        "f1 0.8020 vs production 0.8000: difference +0.0020, bounds [+0.0003, +0.0036] (one-sided 95 %), "
        "a gain of 0.01 asked: fail",
        "A gain of 0.01 is asked for, and 1 000 examples show that the candidate's is smaller: +0.0020 (p < 0.0001). "
        "Improve the candidate, or ask for less: min_improvement is what a change must be worth.",
        "f1 does not gain the 0.01 that is asked for: +0.0020",
    ),
    (
        asking(0.012, 0.01, rows_needed=90_000),
        "f1 0.8120 vs production 0.8000: difference +0.0120, bounds [-0.0045, +0.0284] (one-sided 95 %), "
        "a gain of 0.01 asked: inconclusive",
        "1 000 examples cannot tell whether the candidate gains 0.01; it looks as if it did. "
        "About 90 000 examples would decide, were the difference as measured.",
        "1 000 examples cannot show that f1 gains 0.01",
    ),
    (
        asking(0.0, 0.0, p=1.0, n=20, discordant=0, interval=None, standard_error=None),
        "f1 0.8000 vs production 0.8000: difference 0.0000, a gain of 0.01 asked: inconclusive",
        "The metric sees no difference between the two models in any of 20 examples, and a gain of 0.01 is asked. "
        "Propose a candidate that does differ, or drop min_improvement if it need not be better.",
        "f1 does not gain the 0.01 that is asked for: 0.0000",
    ),
])  # fmt: skip
def test_the_words_for_a_gain_that_is_not_shown(made: Any, message: str, explanation: str, why: str) -> None:
    found = gate.compare_overall(made, GatePolicy(on_inconclusive="approve"))
    assert (found.message, found.explanation) == (message, explanation)
    assert gate.compose([found], "approve")[1] == why


def test_a_gain_that_is_shown_is_said_to_be_one() -> None:
    found = gate.compare_overall(asking(0.02, 0.001), GatePolicy())
    assert gate.compose([found], "warn")[1] == "better than production on f1 by at least 0.01"


SOME = Discordance(20, 20)


def contrast(
    numbers: tuple[float, float, float], asked: float, *, relative: bool, higher: bool, share: bool = False,
    discordance: Discordance = SOME, n: int = 200,
) -> Contrast:  # fmt: skip
    candidate, baseline, error = numbers
    pair = Paired(
        candidate=candidate, baseline=baseline, plain_error=error, log_error=error, size=n,
        discordance=discordance, n=n, simple=True, clustered=False, freedom=n - 1.0, log_freedom=n - 1.0,
    )  # fmt: skip
    return pair.contrast(0.95, higher_is_better=higher, relative=relative, is_share=share, asked=asked)


@given(
    numbers=st.tuples(st.floats(0.2, 0.9), st.floats(0.2, 0.9), st.floats(0.001, 0.3)),
    relative=st.booleans(), higher=st.booleans(),
)  # fmt: skip
def test_the_p_value_of_a_shortfall_is_below_alpha_just_where_the_bound_is_below_what_is_asked(
    numbers: tuple[float, float, float], relative: bool, higher: bool
) -> None:
    found = contrast(numbers, 0.0, relative=relative, higher=higher)
    hope = found.high if higher else -found.low
    assume(1e-3 < hope < 0.9)
    reached, missed = (contrast(numbers, hope * share, relative=relative, higher=higher) for share in (0.999, 1.001))
    assert missed.p_worse < 0.05 < reached.p_worse


@given(st.integers(0, 60), st.integers(0, 60), st.integers(130, 400), st.floats(0.001, 0.4))
def test_the_same_of_a_share_by_tangos_score(gained: int, lost: int, n: int, asked: float) -> None:
    numbers = ((100 + gained) / n, (100 + lost) / n, 0.01)
    found = contrast(
        numbers, asked, relative=False, higher=True, share=True, discordance=Discordance(gained, lost), n=n
    )
    assume(abs(found.high - asked) > 1e-9)
    assert (found.p_worse < 0.05) == (found.high < asked)


@pytest.mark.parametrize(("gained", "lost"), [(0.12, 0.05), (0.10, 0.0), (0.30, 0.15)])
def test_a_share_that_truly_gains_what_is_asked_fails_and_passes_at_most_at_the_error_rate(
    gained: float, lost: float
) -> None:
    """Exact, over every outcome of 150 examples."""
    n, rates = 150, {FAIL: 0.0, PASS: 0.0}
    alike = 1 - gained - lost
    for more in range(n + 1):
        for less in range(n + 1 - more if lost else 1):
            weight = _multinomial(n, more, less) + _power(gained, more) + _power(lost, less)
            chance = math.exp(weight + _power(alike, n - more - less))
            if chance < 1e-12:
                continue
            numbers = (0.5 + more / n, 0.5 + less / n, 0.01)
            found = contrast(
                numbers, gained - lost, relative=False, higher=True, share=True, discordance=Discordance(more, less),
                n=n,
            )  # fmt: skip
            rates[FAIL] += chance * (found.p_worse < 0.05)
            rates[PASS] += chance * (found.low >= gained - lost)
    assert 0.02 < rates[FAIL] < 0.06
    assert 0.02 < rates[PASS] < 0.06


def _multinomial(n: int, more: int, less: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(more + 1) - math.lgamma(less + 1) - math.lgamma(n - more - less + 1)


def _power(share: float, times: int) -> float:
    return times * math.log(share) if times else 0.0

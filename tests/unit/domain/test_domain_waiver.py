"""Waivers: what they cover, until when, what they never cover, and what is said of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_domain_gate import FAIL, INCONCLUSIVE, PASS, WARN, estimate

from mlci.domain import gate
from mlci.domain.baseline import may_become_baseline
from mlci.domain.finding import Finding, Reason
from mlci.domain.policy import GatePolicy
from mlci.domain.verdict import Verdict
from mlci.domain.waiver import MOST_DAYS, Waiver, covers, held

TODAY = "2026-03-01"
FAILED = gate.compare_overall(estimate(-0.05, 0.001), GatePolicy())
OPEN = gate.compare_overall(estimate(0.0, 0.02, metric="recall"), GatePolicy())
FINE = gate.compare_overall(estimate(0.0, 0.001, metric="mcc"), GatePolicy())


def waiver(scope: str = "compare:f1", expires: str = "2026-03-31", **more: str) -> Waiver:
    return Waiver(
        **{"scope": scope, "reason": "the new labels count more.", "owner": "ada", "expires": expires, **more}
    )


def test_a_waived_loss_is_a_warning_that_says_by_whom_until_when_and_what_it_would_be() -> None:
    [found] = held([FAILED], [waiver()], TODAY)
    assert (found.verdict, found.reason, found.difference) == (WARN, "regression", FAILED.difference)
    assert found.waived is not None
    assert (found.waived.verdict, found.waived.owner, found.waived.expires) == (FAIL, "ada", "2026-03-31")
    assert found.message == f"{FAILED.message}, waived until 2026-03-31: warn"
    assert found.explanation == f"Waived by ada until 2026-03-31: the new labels count more. {FAILED.explanation}"
    assert gate.compose([found], "fail") == (
        WARN, "f1 is worse than production: -0.0500, margin 0.01; waived by ada until 2026-03-31",
    )  # fmt: skip


def test_a_waiver_makes_no_pass_of_anything_and_leaves_alone_what_it_does_not_name() -> None:
    found = held([FAILED, OPEN, FINE], [waiver("compare:recall"), waiver("compare:mcc", "2026-03-02")], TODAY)
    assert [each.verdict for each in found] == [FAIL, WARN, PASS, WARN]
    assert [each.waived is None for each in found] == [True, False, True, True]
    assert (found[3].id, found[3].reason, found[3].advisory) == ("waiver:compare:mcc", "unused", True)


@pytest.mark.parametrize(("expires", "verdict", "reason"), [
    ("2026-02-28", FAIL, "expired"), ("2026-03-01", WARN, None), ("2026-08-28", WARN, None),
    ("2026-08-29", FAIL, "expires-late"),
])  # fmt: skip
def test_a_waiver_holds_through_its_last_day_and_no_longer_than_half_a_year(
    expires: str, verdict: Verdict, reason: str | None
) -> None:
    found, *said = held([FAILED], [waiver(expires=expires)], TODAY)
    assert found.verdict is verdict
    assert [(each.reason, each.verdict, each.advisory) for each in said] == ([(reason, WARN, False)] if reason else [])
    assert MOST_DAYS == 180


def test_an_expired_waiver_says_whether_it_is_needed() -> None:
    needed = held([FAILED], [waiver(expires="2026-01-01")], TODAY)[-1]
    assert needed.message == "the waiver of compare:f1 by ada expired on 2026-01-01 and compare:f1 needs it"
    idle = held([FINE], [waiver(expires="2026-01-01")], TODAY)[-1]
    assert idle.message == "the waiver of compare:f1 by ada expired on 2026-01-01"


def test_of_two_waivers_one_that_holds_is_enough() -> None:
    found = held([FAILED], [waiver(expires="2026-01-01"), waiver(owner="bo")], TODAY)
    assert found[0].waived is not None
    assert found[0].waived.owner == "bo"
    assert [each.reason for each in found[1:]] == ["expired"]


WAIVABLE = {"boundary", "clusters", "few-positives", "interval", "regression", "shortfall", "threshold"}


@pytest.mark.parametrize("reason", [*get_args(Reason), None])
@pytest.mark.parametrize("verdict", [FAIL, INCONCLUSIVE])
def test_only_a_judgement_of_the_candidate_can_be_waived(reason: Any, verdict: Verdict) -> None:
    made = replace(FAILED, reason=reason, verdict=verdict)
    [found, *_] = held([made], [waiver("compare:*")], TODAY)
    assert (found.waived is not None) is (reason in WAIVABLE)


@pytest.mark.parametrize("rule", ["robustness", "input", "policy", "change", "job", "setup", "model"])
def test_what_says_that_nothing_can_be_trusted_cannot_be_waived_whatever_it_is_called(rule: Any) -> None:
    assert held([replace(FAILED, rule=rule)], [waiver("*")], TODAY)[0].waived is None


def test_what_is_not_counted_needs_no_waiver() -> None:
    found = held([replace(FAILED, advisory=True)], [waiver()], TODAY)
    assert found[0].waived is None
    assert found[1].reason == "unused"


def test_without_a_day_no_waiver_can_be_held_against_it() -> None:
    with pytest.raises(ValueError, match="need a day"):
        held([FAILED], [waiver()], None)
    assert held([FAILED], [], None) == (FAILED,)


def test_a_waiver_that_nothing_needs_is_no_slice_with_too_few_examples() -> None:
    assert gate.compose(held([FINE], [waiver()], TODAY), "warn") == (PASS, "no worse than production on mcc")


def test_a_run_with_a_waived_loss_never_becomes_the_baseline() -> None:
    found = held([FAILED], [waiver()], TODAY)
    assert may_become_baseline(WARN, found) == "compare:f1 is fail, waived until 2026-03-31"
    assert may_become_baseline(PASS, held([FINE], [waiver()], TODAY)) is None


@pytest.mark.parametrize(("scope", "id", "covered"), [
    ("compare:f1", "compare:f1", True), ("compare:f1", "compare:f1[a=b]", False),
    ("compare:f1[region=north]", "compare:f1[region=north]", True), ("compare:f1[region=north]", "compare:f1r", False),
    ("compare:f1*", "compare:f1", True), ("compare:*[region=north]", "compare:f1[region=north]", True),
    ("compare:*[region=north]", "compare:f1[region=south]", False), ("compare:f1[*=a*b]", "compare:f1[x=a-b]", True),
    ("compare:ab*ba", "compare:aba", False), ("compare:a*a", "compare:a", False), ("*", "anything", True),
    ("compare:f?", "compare:f1", False), ("compare:f.", "compare:f1", False),
])  # fmt: skip
def test_a_star_stands_for_anything_and_nothing_else_is_special(scope: str, id: str, covered: bool) -> None:
    assert covers(scope, id) is covered


@given(st.lists(st.text("ab[", max_size=3), min_size=1, max_size=4), st.lists(st.text("ab[", max_size=3), max_size=3))
def test_a_scope_covers_whatever_its_stars_are_filled_with(parts: list[str], fills: list[str]) -> None:
    filled = parts[0] + "".join(fill + part for fill, part in zip([*fills, *[""] * 4], parts[1:], strict=False))
    assert covers("*".join(parts), filled)


def test_no_name_of_a_slice_makes_a_scope_slow() -> None:
    assert not covers("compare:" + "*a" * 200 + "*b", "compare:" + "a" * 20_000)


def test_a_finding_without_a_sentence_of_its_own_has_the_waivers() -> None:
    bare: Finding = replace(FAILED, explanation=None)
    assert (
        held([bare], [waiver()], TODAY)[0].explanation == "Waived by ada until 2026-03-31: the new labels count more."
    )

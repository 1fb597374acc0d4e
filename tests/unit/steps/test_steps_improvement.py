"""A gain asked for in a policy, from rows to the verdict."""

from __future__ import annotations

import numpy as np
import pytest
from judging import classifier, finding, judged, policy, regression, report, with_columns

from mlci.domain.policy import MetricRule, Tolerance
from mlci.domain.verdict import Verdict

GOOD, FAIR = classifier(2000, 1, right=0.95), classifier(2000, 2, right=0.85)


def asking(metric: str, gain: float, relative: bool = False) -> MetricRule:
    return MetricRule(metric=metric, improvement=Tolerance(gain, relative))


@pytest.mark.parametrize(("gain", "relative", "verdict"), [
    (0.05, False, Verdict.PASS), (0.05, True, Verdict.PASS), (0.11, False, Verdict.INCONCLUSIVE),
    (0.2, False, Verdict.FAIL), (0.3, True, Verdict.FAIL),
])  # fmt: skip
def test_a_gain_of_ten_points_is_enough_or_not(gain: float, relative: bool, verdict: Verdict) -> None:
    found = finding(report(GOOD, FAIR, policy(asking("accuracy", gain, relative))), "compare:accuracy")
    assert found.verdict is verdict
    assert (found.improvement, found.margin) == (gain, None)


def test_an_error_that_falls_by_a_fifth_is_a_gain_of_so_much() -> None:
    fine, rough = regression(2000, 1, noise=0.8), regression(2000, 2, noise=1.0)
    verdicts = [report(fine, rough, policy(asking("rmse", gain, relative=True))).verdict for gain in (0.1, 0.3)]
    assert verdicts == [Verdict.PASS, Verdict.FAIL]


def test_a_gain_is_not_asked_of_a_slice() -> None:
    part = ["a", "b"] * 1000
    asked = policy(asking("accuracy", 0.2), tolerance=0.03, slices=["part"])
    found = report(with_columns(GOOD, part=part), with_columns(FAIR, part=part), asked)
    assert found.verdict is Verdict.FAIL
    of_part = finding(found, "compare:accuracy[part=a]")
    assert (of_part.verdict, of_part.margin, of_part.improvement) == (Verdict.PASS, 0.03, None)


def test_a_model_put_beside_itself_does_not_gain() -> None:
    found = report(GOOD, GOOD, policy(asking("accuracy", 0.01), on_inconclusive="pass"))
    assert found.verdict is Verdict.FAIL
    assert found.findings[0].reason == "shortfall"


def test_several_gains_share_one_error_rate() -> None:
    several = classifier(400, 3, right=0.87), classifier(400, 4, right=0.85)
    [one] = report(*several, policy(asking("accuracy", 0.08))).findings
    many = report(*several, policy(*(asking(name, 0.08) for name in ("accuracy", "f1", "mcc", "recall")))).findings
    assert one.p_adjusted == one.p_worse
    assert many[0].p_worse == one.p_worse < many[0].p_adjusted


def test_examples_needed_are_counted_from_the_gain_that_was_measured() -> None:
    [found] = report(GOOD, FAIR, policy(asking("accuracy", 0.11))).findings
    distance = abs(found.difference - 0.11)
    assert found.rows_needed == int(np.ceil(2000 * (found.detectable / distance) ** 2))


def test_a_policy_that_asks_for_no_gain_is_written_as_it_always_was() -> None:
    assert b"improvement" not in judged(GOOD, FAIR, policy("accuracy")).evidence

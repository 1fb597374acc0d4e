"""Only a run that left nothing open becomes what later changes are compared with."""

from __future__ import annotations

from typing import Any

import pytest

from mlci.domain.baseline import may_become_baseline
from mlci.domain.finding import Finding
from mlci.domain.verdict import Verdict


def found(verdict: Verdict, reason: Any = None, **more: Any) -> Finding:
    return Finding(**{"id": "compare:f1", "rule": "compare", "message": "said", **more}, verdict=verdict, reason=reason)


PASSED = found(Verdict.PASS, "better")


@pytest.mark.parametrize(
    ("verdict", "finding"),
    [
        (Verdict.PASS, PASSED),
        (Verdict.WARN, found(Verdict.WARN, "no-baseline", rule="policy")),
        (Verdict.WARN, found(Verdict.WARN, "few-positives")),
        (Verdict.PASS, found(Verdict.INCONCLUSIVE, "insufficient", advisory=True)),
        (Verdict.PASS, found(Verdict.PASS, "interval")),
    ],
)
def test_a_run_that_was_accepted_with_nothing_open_may(verdict: Verdict, finding: Finding) -> None:
    assert may_become_baseline(verdict, (PASSED, finding)) is None


@pytest.mark.parametrize(
    ("verdict", "finding", "why"),
    [
        (Verdict.FAIL, PASSED, "the verdict is fail"),
        (Verdict.INCONCLUSIVE, PASSED, "the verdict is inconclusive"),
        (Verdict.WARN, found(Verdict.INCONCLUSIVE, "interval"), "compare:f1 is inconclusive (interval)"),
        (Verdict.PASS, found(Verdict.INCONCLUSIVE, "boundary"), "compare:f1 is inconclusive (boundary)"),
        (Verdict.WARN, found(Verdict.FAIL), "compare:f1 is fail"),
        (Verdict.WARN, found(Verdict.WARN, "interval"), "compare:f1 is warn (interval)"),
    ],
)
def test_a_loss_that_policy_let_through_unproved_keeps_the_older_baseline(
    verdict: Verdict, finding: Finding, why: str
) -> None:
    assert may_become_baseline(verdict, (PASSED, finding)) == why

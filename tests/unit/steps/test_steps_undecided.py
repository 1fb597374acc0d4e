"""What a comparison that is left open says of itself, from rows on."""

from __future__ import annotations

import math

import pytest
from judging import classifier, finding, policy, regression, report

from mlci.domain.policy import Tolerance

PAIR = classifier(500, 1, right=0.9), classifier(500, 2, right=0.9)


def test_labels_are_the_share_of_the_examples_that_would_decide_on_which_the_models_differ() -> None:
    found = finding(report(*PAIR, policy("accuracy", tolerance=0.01)), "compare:accuracy")
    differing = sum(one != other for one, other in zip(PAIR[0]["pred"], PAIR[1]["pred"], strict=True))
    z = 1.6448536269514722 + 0.8416212335729143
    assert found.rows_needed == math.ceil(500 * (z * found.standard_error / 0.01) ** 2)
    assert found.labels_needed == math.ceil(found.rows_needed * differing / 500)
    assert found.leaning is not None


def test_a_difference_of_a_tenth_of_the_examples_needs_the_labels_of_the_published_table() -> None:
    """10 % of the answers differ and a loss of one point must be ruled out: 6 183 examples, and 619 labels."""
    truth = [1] * 1000
    candidate = {"id": list(range(1000)), "y": truth, "pred": [0] * 50 + [1] * 950}
    production = {"id": list(range(1000)), "y": truth, "pred": [1] * 50 + [0] * 50 + [1] * 900}
    found = finding(report(candidate, production, policy("accuracy", tolerance=0.01)), "compare:accuracy")
    # The table has the variance of the differences with n in its place, a standard error n - 1: one part in a thousand.
    assert found.rows_needed == pytest.approx(6183, rel=0.0011)
    assert found.labels_needed == pytest.approx(619, rel=0.0011)


@pytest.mark.parametrize("metric", ["f1", "balanced_accuracy", "mcc", "precision"])
def test_a_ratio_leans_on_labels_of_examples_on_which_the_models_agree(metric: str) -> None:
    found = finding(report(*PAIR, policy(metric, tolerance=0.01)), f"compare:{metric}")
    assert found.rows_needed is not None
    assert found.labels_needed is None


def test_a_loss_relative_to_production_leans_on_them_too() -> None:
    found = finding(report(*PAIR, policy("accuracy", tolerance=Tolerance(0.01, True))), "compare:accuracy")
    assert found.rows_needed is not None
    assert found.labels_needed is None


def test_values_need_every_label() -> None:
    found = finding(report(regression(100, 1), regression(100, 2), policy("rmse")), "compare:rmse")
    assert found.labels_needed is None
    assert found.leaning in ("ok", "worse")

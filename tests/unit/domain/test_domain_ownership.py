"""The findings that say whose policy judged a change."""

from __future__ import annotations

from mlci.domain.ownership import Changed, gate_changed, not_yet_merged
from mlci.domain.verdict import Verdict


def test_a_changed_gate_warns_with_both_values_and_what_the_other_policy_would_say() -> None:
    found = gate_changed(
        [Changed("validation.tolerance", "0.005", "0.5"), Changed("validation.metrics.f1", "{min: 0.88}", None)], "pass"
    )

    assert (found.id, found.rule, found.verdict, found.reason) == (
        "policy:gate-changed", "policy", Verdict.WARN, "gate-changed",
    )  # fmt: skip
    assert found.message == (
        "the gate changed (the proposed policy would say pass): validation.tolerance from 0.005 to 0.5; "
        "validation.metrics.f1 from {min: 0.88} to not set"
    )
    assert found.explanation is not None
    assert "review of somebody who owns the gate" in found.explanation


def test_what_the_other_policy_would_say_is_left_out_where_nobody_asked_it() -> None:
    assert gate_changed([Changed("model", None, "x")], None).message == "the gate changed: model from not set to x"


def test_what_decides_now_is_shown_before_what_decides_later() -> None:
    many = [Changed(f"approval.high.{n}", "1", "0") for n in range(9)]
    found = gate_changed([*many, Changed("validation.metrics.f1.min", "0.88", "0")], None)

    assert found.message.startswith("the gate changed: validation.metrics.f1.min from 0.88 to 0; approval.high.0 ")


def test_many_changes_neither_fill_a_screen_nor_hide_where_the_others_are() -> None:
    flood = [Changed(f"validation.metrics.{'m' * 500}{n}", "x" * 5000, "y" * 5000) for n in range(500)]
    found = gate_changed([*flood, Changed("approval.high.approvals", "2", "0")], "pass")

    assert len(found.message) < 2500
    assert found.message.endswith("and 495 more: 494 in validation.metrics, 1 in approval.high")


def test_a_policy_that_nobody_merged_yet_warns() -> None:
    found = not_yet_merged()

    assert (found.rule, found.verdict, found.reason) == ("policy", Verdict.WARN, "policy-not-yet-merged")

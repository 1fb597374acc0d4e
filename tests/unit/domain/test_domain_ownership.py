"""The findings that say whose policy judged a change."""

from __future__ import annotations

from mlci.domain.ownership import Changed, gate_changed, holdout_changed, holdout_unknown, not_yet_merged
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


def test_a_change_of_the_holdout_names_its_files() -> None:
    found = holdout_changed(["data/a.csv", "data/\x1b[2J"])

    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "gate-changed")
    assert found.message == "the change alters the holdout: data/a.csv, 'data/\\x1b[2J'"


def test_only_a_list_that_was_cut_makes_a_change_too_large() -> None:
    cut, unknown = holdout_unknown(None), holdout_unknown("there is no git in this image")

    assert (cut.id, cut.verdict) == (unknown.id, unknown.verdict) == ("policy:holdout-changed", Verdict.INCONCLUSIVE)
    assert cut.message == "the change is too large to see if it has the holdout"
    assert unknown.message == "whether the change has the holdout is not known: there is no git in this image"
    assert cut.explanation is not None
    assert unknown.explanation is not None
    assert "Split it up" in cut.explanation
    assert "run the job again" in unknown.explanation

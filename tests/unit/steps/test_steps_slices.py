"""Slices: which there are, how much is blamed on them, and what happens where they are too small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from judging import classifier, finding, judged, policy, report, with_columns

from mlci.domain.gate import OVERALL_SHARE
from mlci.domain.policy import MetricRule, Tolerance
from mlci.domain.slices import MOST_SLICES
from mlci.domain.verdict import Verdict
from mlci.stats.multiplicity import holm


def pair(n: int, **columns: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    one, other = classifier(n, 1), classifier(n, 2)
    return with_columns(one, **columns), with_columns(other, **columns)


def regions(n: int, count: int = 4) -> list[str]:
    return [f"r{row % count}" for row in range(n)]


def broken_in(columns: dict[str, Any], rows: Any, share: float = 0.5) -> dict[str, Any]:
    """The same model, wrong on a share of some rows."""
    labels, chosen = np.array(columns["pred"]), np.flatnonzero(rows)
    wrong = chosen[: int(len(chosen) * share)]
    labels[wrong] = 1 - np.array(columns["y"])[wrong]
    return with_columns(columns, pred=labels)


def test_every_value_of_a_declared_column_is_a_slice_and_a_missing_value_one_of_its_own() -> None:
    region = [None if row % 5 == 0 else f"r{row % 3}" for row in range(600)]
    found = report(*pair(600, region=region), policy("accuracy", "f1", slices=["region"]))
    named = [each.slice for each in found.findings if each.metric == "accuracy"]
    assert named == [None, "region=r0", "region=r1", "region=r2", "region=(missing)"]


def test_columns_named_slice_are_slices_without_being_asked_for_and_that_is_said() -> None:
    found = report(*pair(400, slice_plan=regions(400, 2)), policy("accuracy"))
    assert finding(found, "compare:accuracy[slice_plan=r1]").n == 200
    assert "slices by their names: slice_plan" in found.assumptions


def test_a_slice_column_that_no_file_has_is_inconclusive_and_never_softened() -> None:
    found = report(*pair(400), policy("accuracy", slices=["region"], on_inconclusive="pass", tolerance=0.3))
    missing = finding(found, "input:slice region")
    assert (missing.verdict, missing.reason) == (Verdict.INCONCLUSIVE, "missing")
    assert found.verdict is Verdict.INCONCLUSIVE


def test_a_shown_harm_in_one_slice_fails_the_whole() -> None:
    one, other = pair(4000, region=regions(4000))
    rows = np.array(one["region"]) == "r2"
    found = report(
        broken_in(other, rows), other, policy("accuracy", tolerance=0.2, slices=["region"], slice_tolerance=0.05)
    )
    harmed = finding(found, "compare:accuracy[region=r2]")
    assert (found.verdict, harmed.verdict, harmed.reason) == (Verdict.FAIL, Verdict.FAIL, "regression")
    assert finding(found, "compare:accuracy").verdict is Verdict.PASS
    assert "region=r2" in found.reason


def test_a_loss_within_the_slices_own_tolerance_is_no_harm() -> None:
    one, other = pair(4000, region=regions(4000))
    rows = np.array(one["region"]) == "r2"
    asked = policy("accuracy", tolerance=0.3, slices=["region"], slice_tolerance=0.5)
    harmed = finding(report(broken_in(other, rows, 0.3), other, asked), "compare:accuracy[region=r2]")
    assert (harmed.verdict, harmed.margin) == (Verdict.PASS, 0.5)


def test_slices_have_the_tolerance_of_their_metric_unless_they_have_their_own() -> None:
    rule = MetricRule(metric="accuracy", tolerance=Tolerance(0.04))
    without = report(*pair(400, region=regions(400)), policy(rule, slices=["region"], tolerance=0.01))
    with_own = report(*pair(400, region=regions(400)), policy(rule, slices=["region"], slice_tolerance=0.2))
    assert finding(without, "compare:accuracy[region=r0]").margin == 0.04
    assert finding(with_own, "compare:accuracy[region=r0]").margin == 0.2
    assert finding(with_own, "compare:accuracy").margin == 0.04


def test_p_values_of_slices_are_holms_over_metric_times_slice_at_their_share_of_the_error_rate() -> None:
    _, other = pair(2000, region=regions(2000), plan=regions(2000, 3))
    one = broken_in(other, np.array(other["region"]) == "r1", 0.05)
    found = report(one, other, policy("accuracy", "f1", slices=["region", "plan"]))
    parts = [each for each in found.findings if each.slice is not None]
    assert len(parts) == 2 * (4 + 3)
    raw = holm([each.p_worse for each in parts])
    shares = {each.p_adjusted / p for each, p in zip(parts, raw, strict=True) if each.p_adjusted < 1}
    assert max(shares) == pytest.approx(min(shares))
    assert 1.0 <= min(shares) <= 1 / (1 - OVERALL_SHARE) + 1e-9


def test_p_values_of_all_examples_are_holms_over_metrics_and_share_the_rate_only_with_slices() -> None:
    names = ("accuracy", "f1", "mcc")
    better, _ = pair(2000, region=regions(2000))
    slightly = broken_in(better, np.arange(2000) < 40, 0.8)
    alone = report(slightly, better, policy(*names))
    sliced = report(slightly, better, policy(*names, slices=["region"]))
    for found, share in ((alone, 1.0), (sliced, OVERALL_SHARE)):
        parts = [finding(found, f"compare:{name}") for name in names]
        assert all(each.p_adjusted < 1 for each in parts)
        expected = [min(1.0, p / share) for p in holm([each.p_worse for each in parts])]
        assert [each.p_adjusted for each in parts] == pytest.approx(expected)


def test_a_loss_that_alone_would_be_significant_is_not_among_twenty_slices() -> None:
    """Six of six discordant examples lost: p = 0.0078 alone, and no proof among twenty looks."""
    n = 4000
    other = with_columns(classifier(n, 1), region=regions(n, 20))
    labels = np.array(other["pred"])
    rows = np.flatnonzero((np.array(other["region"]) == "r3") & (labels == np.array(other["y"])))[:6]
    labels[rows] = 1 - labels[rows]
    one = with_columns(other, pred=labels)
    asked = {"tolerance": 0.01, "slice_tolerance": 0.01}
    among_many = finding(
        report(one, other, policy("accuracy", slices=["region"], **asked)), "compare:accuracy[region=r3]"
    )
    assert among_many.p_worse == pytest.approx(0.5**7)
    assert among_many.verdict is not Verdict.FAIL
    only = [
        with_columns(each, region=np.where(np.array(each["region"]) == "r3", "r3", "rest")) for each in (one, other)
    ]
    assert (
        finding(report(*only, policy("accuracy", slices=["region"], **asked)), "compare:accuracy[region=r3]").verdict
        is Verdict.FAIL
    )


def small_and_large() -> tuple[dict[str, Any], dict[str, Any]]:
    return pair(1000, region=["small" if row < 12 else "large" for row in range(1000)])


def test_a_slice_too_small_to_show_harm_is_listed_and_advisory() -> None:
    found = report(*small_and_large(), policy("accuracy", tolerance=0.2, slices=["region"]))
    small = finding(found, "compare:accuracy[region=small]")
    assert (small.verdict, small.reason, small.advisory) == (Verdict.INCONCLUSIVE, "insufficient", True)
    assert found.verdict is Verdict.PASS


def test_a_slice_that_must_be_shown_counts_even_when_it_is_too_small() -> None:
    found = report(*small_and_large(), policy("accuracy", tolerance=0.2, slices=["region"], require="shown"))
    small = finding(found, "compare:accuracy[region=small]")
    assert (small.verdict, small.advisory) == (Verdict.INCONCLUSIVE, False)
    assert found.verdict is Verdict.INCONCLUSIVE


def test_a_slice_of_one_class_is_undefined_and_counts_only_where_proof_is_asked() -> None:
    one, other = pair(1000)
    part = ["ones" if label else "mixed" for label in one["y"]]
    one, other = (with_columns(each, part=part) for each in (one, other))
    for require, advisory in (("harm", True), ("shown", False)):
        found = report(one, other, policy("mcc", tolerance=0.3, slices=["part"], require=require))
        undefined = finding(found, "compare:mcc[part=ones]")
        assert (undefined.reason, undefined.advisory) == ("undefined", advisory)


def test_a_slice_without_shown_harm_passes_and_prints_the_loss_it_cannot_rule_out() -> None:
    better, worse = pair(400, region=regions(400, 2))
    found = report(worse, better, policy("accuracy", tolerance=0.1, slices=["region"]))
    part = finding(found, "compare:accuracy[region=r0]")
    assert part.verdict is Verdict.PASS
    assert "cannot be ruled out with 200 examples" in (part.explanation or "")


def test_a_slice_with_tolerance_zero_is_tested_for_harm_like_any_other() -> None:
    found = report(*pair(2000, region=regions(2000, 2)), policy("accuracy", tolerance=0.0, slices=["region"]))
    assert finding(found, "compare:accuracy").verdict in (Verdict.WARN, Verdict.PASS)
    assert {finding(found, f"compare:accuracy[region=r{part}]").verdict for part in (0, 1)} == {Verdict.PASS}


@pytest.mark.parametrize(("groups", "listed"), [(3, True), (12, True), (60, False)])
def test_a_slice_of_few_groups_shows_no_absence_of_harm(groups: int, listed: bool) -> None:
    columns = {"region": regions(1200, 2), "group": [f"g{row // 2 % groups}" for row in range(1200)]}
    found = report(*pair(1200, **columns), policy("accuracy", tolerance=0.001, slices=["region"]))
    part = finding(found, "compare:accuracy[region=r0]")
    assert (part.reason == "insufficient", part.advisory) == (listed, listed)


def test_a_slice_of_fewer_than_five_groups_blames_nobody() -> None:
    _, other = pair(2000, region=regions(2000, 2), group=[f"g{row // 2 % 4}" for row in range(2000)])
    rows = np.array(other["region"]) == "r1"
    found = report(broken_in(other, rows, 0.9), other, policy("accuracy", tolerance=0.01, slices=["region"]))
    part = finding(found, "compare:accuracy[region=r1]")
    assert (part.verdict, part.reason, part.advisory) == (Verdict.INCONCLUSIVE, "insufficient", True)


def test_a_slice_that_must_be_shown_has_the_caveats_of_the_whole() -> None:
    good, bad = classifier(2000, 1, right=0.99), classifier(2000, 2, right=0.7)
    columns = {"region": regions(2000, 2), "group": [f"g{row // 2 % 10}" for row in range(2000)]}
    found = report(
        *(with_columns(each, **columns) for each in (good, bad)), policy("accuracy", slices=["region"], require="shown")
    )
    part = finding(found, "compare:accuracy[region=r1]")
    assert (part.verdict, part.reason) == (Verdict.WARN, "clusters")


def test_weights_equal_within_a_slice_keep_its_exact_method() -> None:
    part = ["a" if row % 2 else "b" for row in range(400)]
    weights = [2 if row % 2 else 1 + row % 3 for row in range(400)]
    found = report(*pair(400, part=part, weight=weights), policy("accuracy", slices=["part"]))
    assert finding(found, "compare:accuracy[part=a]").method == "Tango score interval, exact McNemar mid-p"
    assert finding(found, "compare:accuracy[part=b]").method == "influence function, t"


def test_slice_values_that_differ_between_the_files_are_an_error() -> None:
    from mlci.errors import HoldoutDiffers

    one, other = pair(100, region=regions(100))
    moved = with_columns(other, region=["elsewhere", *other["region"][1:]])
    with pytest.raises(HoldoutDiffers, match="slice column region of 1 examples, among them 'e00000'"):
        judged(one, moved, policy("accuracy", slices=["region"]))


def test_slice_values_that_look_like_markup_travel_untouched_into_the_finding() -> None:
    hostile = "</td><script>alert(1)</script>|`$(x)`\n::error::x"
    found = report(*pair(100, slice_x=[hostile] * 100), policy("accuracy"))
    assert finding(found, f"compare:accuracy[slice_x={hostile}]").n == 100


def test_slices_and_groups_that_only_the_candidate_brings_are_not_used_and_that_is_said() -> None:
    """A thousand slices of the candidate's own would hide a harm in production's, four groups any harm at all."""
    one, other = pair(600)
    own = with_columns(one, slice_noise=regions(600, 300), group=regions(600, 4))
    found = report(own, other, policy("accuracy"))
    assert [each.id for each in found.findings] == ["compare:accuracy"]
    assert finding(found, "compare:accuracy").clusters is None
    assert {said for said in found.assumptions if "only in the candidate's file" in said} == {
        "groups only in the candidate's file are not used",
        "slices by slice_noise only in the candidate's file are not used",
    }


def test_a_slice_that_policy_asks_for_and_only_the_candidate_names_is_missing() -> None:
    one, other = pair(600)
    found = report(with_columns(one, region=regions(600)), other, policy("accuracy", slices=["region"]))
    assert [each.reason for each in found.findings if each.rule == "policy" or each.rule == "input"] == ["missing"]
    assert found.verdict is Verdict.INCONCLUSIVE


def test_a_pair_of_columns_makes_a_slice_of_each_two_values_that_meet_counted_with_the_rest() -> None:
    columns = {"region": ["n", "s", None, "n"] * 100, "plan": ["basic", "a, b", "basic", "pro"] * 100}
    found = report(*pair(400, **columns), policy("accuracy", tolerance=0.3, slices=["region", "region*plan"]))
    named = {each.slice: each.n for each in found.findings if each.slice is not None}
    assert named == {
        "region=n": 200, "region=s": 100, "region=(missing)": 100,
        "region=n, plan=basic": 100, "region=n, plan=pro": 100,
        "region=s, plan=a\\, b": 100, "region=(missing), plan=basic": 100,
    }  # fmt: skip
    assert not any("not looked at" in said for said in found.assumptions)


def test_a_harm_only_where_two_values_meet_is_found_by_the_pair() -> None:
    n = 4000
    _, other = pair(n, region=regions(n, 4), plan=[f"p{row // 4 % 5}" for row in range(n)])
    rows = (np.array(other["region"]) == "r1") & (np.array(other["plan"]) == "p2")
    asked = {"tolerance": 0.2, "slice_tolerance": 0.2}
    without = report(broken_in(other, rows), other, policy("accuracy", slices=["region", "plan"], **asked))
    crossed = report(broken_in(other, rows), other, policy("accuracy", slices=["region*plan"], **asked))
    assert without.verdict is Verdict.PASS
    assert finding(crossed, "compare:accuracy[region=r1, plan=p2]").verdict is Verdict.FAIL


def test_a_column_that_is_called_like_a_pair_is_that_column() -> None:
    odd = {"a*b": regions(400, 2), "a": regions(400, 3), "b": regions(400, 3)}
    found = report(*pair(400, **odd), policy("accuracy", slices=["a*b"]))
    assert [each.slice for each in found.findings] == [None, "a*b=r0", "a*b=r1"]


def test_a_value_spelled_like_a_pair_shares_no_name_with_one() -> None:
    odd = {"a": ["x", "x, b=y"] * 200, "b": ["y", "z"] * 200}
    found = report(*pair(400, **odd), policy("accuracy", slices=["a", "a*b"]))
    ids = [each.id for each in found.findings]
    assert len(set(ids)) == len(ids) == 1 + 2 + 2


def test_half_of_a_pair_that_is_not_there_is_inconclusive() -> None:
    found = report(*pair(400, region=regions(400)), policy("accuracy", tolerance=0.3, slices=["region*plan"]))
    missing = finding(found, "input:slice region*plan")
    assert (missing.verdict, missing.reason) == (Verdict.INCONCLUSIVE, "missing")
    assert "region and plan are not both" in missing.message


@pytest.mark.parametrize(("size", "require", "counted"), [(2, "harm", False), (2, "shown", True), (30, "harm", True)])
def test_of_a_column_with_thousands_of_values_the_largest_are_compared_and_the_rest_is_told(
    size: int, require: str, counted: bool
) -> None:
    n = MOST_SLICES * size + 3 * size
    values = [f"v{row // size:05}" for row in range(n)]
    values[0] = values[2 * size]  # so that two slices are not as large as the rest
    found = report(*pair(n, customer=values), policy("accuracy", tolerance=0.9, slices=["customer"], require=require))
    left = finding(found, "input:slices of customer")
    assert (left.verdict, left.reason, left.advisory) == (Verdict.INCONCLUSIVE, "insufficient", not counted)
    assert left.message.startswith(f"3 of {MOST_SLICES + 3} slices by customer were not compared (")
    sizes = [each.n for each in found.findings if each.slice is not None]
    assert len(sizes) == MOST_SLICES
    assert left.n == n - sum(sizes) == 3 * size - 1
    assert max(sizes) == size + 1


def mixed(selected: dict[str, tuple[int, int]], n: int = 2000) -> dict[str, Any]:
    """A model that predicts so many positives in each of two regions, so many of them rightly; all else negative."""
    columns: dict[str, Any] = {"id": [], "y": [], "pred": [], "region": []}
    for region, (positives, right) in selected.items():
        # The first half is truly positive, so two models that take from it share their truth.
        truth = np.arange(n) < n // 2
        labels = np.zeros(n, dtype=int)
        labels[:right] = 1
        labels[n // 2 : n // 2 + positives - right] = 1
        columns["id"] += [f"{region}{row}" for row in range(n)]
        columns["y"] += truth.astype(int).tolist()
        columns["pred"] += labels.tolist()
        columns["region"] += [region] * n
    return columns


SPREAD = {"a": (900, 810), "b": (300, 90)}
SHIFTED = {"a": (100, 95), "b": (900, 360)}


@pytest.mark.parametrize(("better", "counted"), [(False, False), (True, True)])
def test_a_value_that_moves_the_other_way_than_on_every_slice_is_named_with_both_figures(
    better: bool, counted: bool
) -> None:
    """Precision of SHIFTED is higher in each region and lower on the whole, because it answers where both err."""
    one, other = (mixed(SPREAD), mixed(SHIFTED)) if better else (mixed(SHIFTED), mixed(SPREAD))
    found = report(one, other, policy("precision", "accuracy", tolerance=0.9, slices=["region"]))
    reversed_ = finding(found, "compare:reversal of precision by region")
    assert (reversed_.verdict, reversed_.reason, reversed_.advisory) == (Verdict.WARN, "reversal", not counted)
    overall, within = (0.295, -0.075) if better else (-0.295, 0.075)
    assert f"{overall:+.3f}" in reversed_.message
    assert f"{within:+.3f}" in reversed_.message
    assert found.verdict is (Verdict.WARN if counted else Verdict.PASS)
    assert not any("reversal of accuracy" in each.id for each in found.findings)


def test_a_reversal_that_noise_may_have_made_or_that_not_every_slice_shares_is_not_named() -> None:
    asked = policy("precision", tolerance=0.9, slices=["region"])
    few = (mixed({name: (a // 60, b // 60) for name, (a, b) in each.items()}, 40) for each in (SHIFTED, SPREAD))
    partly = (mixed({"a": (100, 95), "b": (900, 345)}), mixed({"a": (900, 700), "b": (300, 117)}))
    for one, other in (few, partly):
        assert not any(each.reason == "reversal" for each in report(one, other, asked).findings)

"""The whole verdict under changes of its input that must not matter, or must just so: tables in, evidence out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from judging import classifier, given, ids, judged, policy, regression, report, with_columns

from mlci.domain.finding import Finding
from mlci.domain.policy import GatePolicy, MetricRule, Tolerance
from mlci.domain.report import Subject
from mlci.domain.verdict import Verdict
from mlci.steps.gate_compare import Outcome, run

BINARY = ("accuracy", "f1", "balanced_accuracy", "roc_auc", "pr_auc", "brier", "log_loss")
SEVERAL = ("accuracy", "f1_macro", "mcc", "recall_weighted")
VALUES = ("rmse", "mae", "wape")

Pair = tuple[dict[str, Any], dict[str, Any]]


@st.composite
def pairs(draw: st.DrawFn, sizes: tuple[int, ...] = (60, 300)) -> tuple[Pair, tuple[str, ...]]:
    """Two models on the same examples, and the metrics of their task; from equal to far apart."""
    n, one, other = draw(st.sampled_from(sizes)), draw(st.integers(0, 40)), draw(st.integers(41, 80))
    quality = draw(st.floats(0.6, 0.97))
    kind = draw(st.sampled_from(("binary", "several", "values")))
    if kind == "values":
        return (regression(n, one, noise=quality), regression(n, other, noise=0.8)), VALUES
    if kind == "several":
        return (classifier(n, one, right=quality, classes=4), classifier(n, other, right=0.8, classes=4)), SEVERAL
    return (classifier(n, one, right=quality, scores=True), classifier(n, other, right=0.8, scores=True)), BINARY


def outcome(pair: Pair, asked: GatePolicy) -> Outcome:
    """As ``run`` judges, under digests that do not depend on how a file is written."""
    sides = [given(each, name) for each, name in zip(pair, ("candidate", "production"), strict=True)]
    return run(*(replace(side, subject=Subject(name=side.subject.name, digest="0" * 64)) for side in sides), asked)


def numbered(found: Outcome) -> dict[str, Any]:
    """The evidence without the digest of the examples."""
    predicate: dict[str, Any] = json.loads(found.evidence)["predicate"]
    predicate.pop("evaluation_set")
    return predicate


def both(pair: Pair, **columns: Any) -> Pair:
    one, other = (with_columns(each, **columns) for each in pair)
    return one, other


@settings(max_examples=40, deadline=None)
@for_all(pairs((60, 300, 1500)), st.sampled_from((0.005, 0.02, 0.05)))
def test_swapping_the_models_mirrors_every_difference_and_makes_a_pass_of_every_shown_loss(
    made: tuple[Pair, tuple[str, ...]], tolerance: float
) -> None:
    (candidate, production), names = made
    asked = policy(*names, tolerance=Tolerance(tolerance, names is VALUES))
    there, back = (report(*each, asked) for each in ((candidate, production), (production, candidate)))
    losses = 0
    for one, other in zip(there.findings, back.findings, strict=True):
        assert one.id == other.id
        if not asked.tolerance or not asked.tolerance.relative:
            assert one.difference == pytest.approx(-_number(other.difference), rel=1e-9, abs=1e-15)
        else:
            assert 1 + _number(one.difference) == pytest.approx(1 / (1 + _number(other.difference)), rel=1e-9)
        for shown, mirrored in ((one, other), (other, one)):
            if shown.reason == "better":
                assert (_number(shown.difference) > 0) is (shown.better == "higher")
                assert mirrored.verdict is not Verdict.PASS or mirrored.reason is None
            if shown.reason == "regression":
                losses += 1
                assert mirrored.verdict in (Verdict.PASS, Verdict.WARN)
                assert mirrored.reason in ("better", "few-positives", None)
    assert not (there.verdict is Verdict.FAIL and back.verdict is Verdict.FAIL) or losses > 1


def _number(value: float | None) -> float:
    assert value is not None
    return value


@settings(max_examples=40, deadline=None)
@for_all(pairs((300, 1500)), st.tuples(st.floats(1e-4, 0.4), st.floats(1e-4, 0.4)), st.booleans())
def test_a_larger_tolerance_never_worsens_a_comparison_nor_the_verdict(
    made: tuple[Pair, tuple[str, ...]], tolerances: tuple[float, float], relative: bool
) -> None:
    pair, names = made
    small, large = (report(*pair, policy(*names, tolerance=Tolerance(each, relative))) for each in sorted(tolerances))
    assert [_worse(lax, strict) for lax, strict in zip(large.findings, small.findings, strict=True)] == [
        False for _ in names
    ]
    assert large.verdict.rank <= small.verdict.rank


@settings(max_examples=30, deadline=None)
@for_all(pairs((300, 1500)), st.tuples(st.floats(1e-4, 0.4), st.floats(1e-4, 0.4)))
def test_a_larger_tolerance_on_slices_never_worsens_one(
    made: tuple[Pair, tuple[str, ...]], tolerances: tuple[float, float]
) -> None:
    """The slices' own: that of all examples also says how much of the error rate is left for them."""
    pair, names = made
    parts = both(pair, part=[f"p{row % 3}" for row in range(len(pair[0]["id"]))])
    small, large = (
        report(*parts, policy(*names, tolerance=0.02, slices=["part"], slice_tolerance=each))
        for each in sorted(tolerances)
    )
    assert [one.id for one in small.findings] == [one.id for one in large.findings]
    assert not any(_worse(lax, strict) for lax, strict in zip(large.findings, small.findings, strict=True))
    assert large.verdict.rank <= small.verdict.rank


def _worse(lax: Finding, strict: Finding) -> bool:
    # What is too little to judge is listed aside, whichever verdict it would have.
    return not lax.advisory and lax.verdict.rank > strict.verdict.rank


@settings(max_examples=25, deadline=None)
@for_all(pairs(), st.integers(0, 2**31), st.booleans(), st.booleans())
def test_rows_in_any_order_give_the_same_bytes(
    made: tuple[Pair, tuple[str, ...]], seed: int, weighted: bool, grouped: bool
) -> None:
    pair, names = made
    n = len(pair[0]["id"])
    rows = np.arange(n)
    columns: dict[str, Any] = {"slice_part": [f"p{row % 3}" for row in rows]}
    columns |= {"weight": 1 + rows % 4 / 3} if weighted else {}
    columns |= {"group": [f"g{row // 2}" for row in rows]} if grouped else {}
    whole, random = both(pair, **columns), np.random.default_rng(seed)
    mixed = tuple(
        {name: np.asarray(values, dtype=object)[order].tolist() for name, values in side.items()}
        for side, order in zip(whole, (random.permutation(n), random.permutation(n)), strict=True)
    )
    straight = tuple({name: np.asarray(each, dtype=object).tolist() for name, each in side.items()} for side in whole)
    asked = policy(*names, tolerance=0.01)
    assert outcome((mixed[0], mixed[1]), asked).evidence == outcome((straight[0], straight[1]), asked).evidence


@settings(max_examples=25, deadline=None)
@for_all(pairs(), st.sampled_from((1.0, 0.1, 3.0, 1e-9)))
def test_equal_weights_leave_the_same_evidence_as_none(made: tuple[Pair, tuple[str, ...]], weight: float) -> None:
    pair, names = made
    whole = both(pair, slice_part=[f"p{row % 2}" for row in range(len(pair[0]["id"]))])
    weighted = both(whole, weight=[weight] * len(pair[0]["id"]))
    asked = policy(*names, tolerance=0.01)
    plain, with_weights = (numbered(outcome(each, asked)) for each in (whole, weighted))
    # Which columns were taken for what is said, and a weight is one.
    plain.pop("assumptions")
    with_weights.pop("assumptions")
    assert with_weights == plain


@settings(max_examples=25, deadline=None)
@for_all(st.integers(0, 40), st.integers(41, 80), st.integers(-64, 64), st.integers(1, 64))
def test_a_constant_added_to_both_scores_leaves_the_area_under_the_curve_to_the_byte(
    one: int, other: int, sixteenths: int, levels: int
) -> None:
    """Scores of few levels, so that there are ties; in sixteenths, so that adding is exact."""
    pair = tuple(classifier(200, seed, scores=True) for seed in (one, other))
    levelled = [with_columns(each, score=np.round(np.asarray(each["score"]) * levels) / 64) for each in pair]
    moved = [with_columns(each, score=each["score"] + sixteenths / 16) for each in levelled]
    asked = policy("roc_auc", "pr_auc", tolerance=0.01)
    before, after = (outcome((each[0], each[1]), asked) for each in (levelled, moved))
    assert after.report.findings == before.report.findings
    assert numbered(after)["statistics"] == numbered(before)["statistics"]


@settings(max_examples=25, deadline=None)
@for_all(st.integers(0, 40), st.integers(41, 80), st.permutations(("ant", "bee", "cat", "dog")))
def test_other_names_for_the_classes_leave_every_figure(one: int, other: int, names: list[str]) -> None:
    pair = tuple(classifier(240, seed, classes=4) for seed in (one, other))
    renamed = [
        with_columns(each, y=[names[label] for label in each["y"]], pred=[names[label] for label in each["pred"]])
        for each in pair
    ]
    asked = policy(*SEVERAL, tolerance=0.02)
    _same_figures(report(*pair, asked).findings, report(*renamed, asked).findings)


def test_the_positive_class_may_have_any_name() -> None:
    pair = classifier(300, 1, right=0.9), classifier(300, 2, right=0.8)
    renamed = [
        with_columns(
            each, y=["a" if label else "z" for label in each["y"]], pred=["a" if x else "z" for x in each["pred"]]
        )
        for each in pair
    ]
    names = ("accuracy", "f1", "precision", "recall")
    _same_figures(report(*pair, policy(*names)).findings, report(*renamed, policy(*names, positive="a")).findings)


def _same_figures(these: tuple[Finding, ...], those: tuple[Finding, ...]) -> None:
    for one, other in zip(these, those, strict=True):
        assert (one.id, one.verdict, one.reason, one.n) == (other.id, other.verdict, other.reason, other.n)
        for figure in ("candidate", "baseline", "difference", "standard_error", "p_worse", "interval"):
            assert getattr(one, figure) == pytest.approx(getattr(other, figure), rel=1e-9, abs=1e-12)


@settings(max_examples=25, deadline=None)
@for_all(pairs((60, 300)), st.integers(1, 7))
def test_what_slices_gain_and_lose_adds_up_to_the_whole(made: tuple[Pair, tuple[str, ...]], slices: int) -> None:
    pair, names = made
    parts = both(pair, slice_part=[f"p{row % slices}" for row in range(len(pair[0]["id"]))])
    statistics = numbered(outcome(parts, policy(*names, tolerance=0.02)))["statistics"]
    for name in names:
        [whole] = [each for each in statistics if each["metric"] == name and "slice" not in each]
        of_parts = [each for each in statistics if each["metric"] == name and "slice" in each]
        if len(of_parts) < slices:
            continue  # a slice that leaves the metric without a value
        # Whether a score is ranked better is a question of the others it is ranked among.
        for count in ("n",) if name in ("roc_auc", "pr_auc") else ("n", "gained", "lost", "differing"):
            assert sum(each[count] for each in of_parts) == whole[count]


def test_the_improvement_that_is_asked_for_is_mirrored_by_no_tolerance() -> None:
    """A gain that is shown one way round is a shortfall the other way round."""
    good, fair = classifier(1500, 1, right=0.95), classifier(1500, 2, right=0.85)
    asked = policy(MetricRule(metric="accuracy", improvement=Tolerance(0.02)))
    assert report(good, fair, asked).verdict is Verdict.PASS
    assert report(fair, good, asked).verdict is Verdict.FAIL


def test_an_example_more_that_both_models_get_right_moves_no_verdict_by_itself() -> None:
    pair = classifier(400, 1, right=0.9), classifier(400, 2, right=0.9)
    more = [{"id": [*ids(400), "one-more"], "y": [*each["y"], 1], "pred": [*each["pred"], 1]} for each in pair]
    before, after = (judged(*each, policy("accuracy", tolerance=0.02)).report for each in (pair, more))
    assert before.verdict is after.verdict

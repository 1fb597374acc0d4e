"""Slices that a search finds: a planted one is found, noise is not cried, nothing found decides more than a warning."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from judging import classifier, finding, given, ids, judged, policy, regression, report, with_columns

from mlci.adapters.evidence.gate import read_gate
from mlci.domain.finding import Finding
from mlci.domain.policy import GatePolicy, MetricRule, SearchPolicy, Tolerance
from mlci.domain.report import Report, Section
from mlci.domain.verdict import Verdict
from mlci.stats.search import halves
from mlci.steps.gate_compare import run
from mlci.steps.judging import judge

Rows = dict[str, Any]


def asked(*columns: str, depth: int = 2, support: float | None = None, **more: Any) -> GatePolicy:
    found = policy(*more.pop("metrics", ("accuracy",)), tolerance=0.3, slice_tolerance=0.02, **more)
    search = SearchPolicy(columns=columns, depth=depth, support=support)
    return replace(found, slices=replace(found.slices, discover=search))


def pair(n: int, seed: int) -> tuple[Rows, Rows]:
    """Two models of one quality, with columns that tell nothing of it."""
    random = np.random.default_rng(seed)
    columns = {
        "region": [f"r{each}" for each in random.integers(0, 4, n)],
        "plan": [f"p{each}" for each in random.integers(0, 3, n)],
        "age": np.round(random.normal(40, 12, n), 2),
        "visits": random.integers(0, 5, n),
    }
    truth = (random.random(n) < 0.5).astype(int)
    sides = []
    for _ in range(2):
        labels = np.where(random.random(n) < 0.9, truth, 1 - truth)
        sides.append({"id": ids(n), "y": truth, "pred": labels, **columns})
    return sides[0], sides[1]


def planted(n: int, seed: int) -> tuple[Rows, Rows]:
    """The candidate loses a third of its answers where region is r1 and plan p2, and gains as much elsewhere."""
    one, other = pair(n, seed)
    random = np.random.default_rng(seed + 1000)
    labels, truth = np.array(other["pred"]), np.array(other["y"])
    inside = (np.array(other["region"]) == "r1") & (np.array(other["plan"]) == "p2")
    labels = np.where(inside & (random.random(n) < 0.33), 1 - truth, labels)
    return with_columns(one, pred=np.where(~inside & (random.random(n) < 0.04), truth, labels)), other


def found_by(of: Report) -> list[Finding]:
    return [each for each in of.findings if each.reason == "discovered"]


def section(of: Report) -> Section:
    [found] = [each for each in of.sections if each.id == "discovered"]
    return found


def test_a_harm_planted_where_two_values_meet_is_found_and_warns() -> None:
    found = report(*planted(6000, 1), asked())
    [hidden] = found_by(found)
    assert hidden.slice == "plan=p2, region=r1"
    assert (hidden.verdict, found.verdict) == (Verdict.WARN, Verdict.WARN)
    assert (hidden.difference or 0.0) < -0.2
    assert hidden.n is not None
    assert hidden.n < 6000 / 12
    assert "name plan*region under evaluate.slices" in (hidden.explanation or "")


def test_what_is_found_by_each_column_alone_is_not_the_pair() -> None:
    assert not [each for each in found_by(report(*planted(6000, 1), asked(depth=1))) if "," in (each.slice or "")]


def test_what_is_declared_is_judged_as_a_slice_and_not_searched_for() -> None:
    def searched(*declared: str) -> list[str]:
        found = asked("region", "plan")
        shown = report(*planted(6000, 1), replace(found, slices=replace(found.slices, columns=declared)))
        assert not [each for each in found_by(shown) if f"{each.slice}" in {one.slice for one in _declared(shown)}]
        return [each.slice or "" for each in found_by(shown)]

    assert searched("region", "plan") == ["plan=p2, region=r1"]
    # The harm of a declared slice is not laid at the door of one that merely overlaps it.
    assert searched("region*plan") == []


def _declared(shown: Report) -> list[Finding]:
    return [each for each in shown.findings if each.slice is not None and each.reason != "discovered"]


def test_a_search_decides_no_more_than_a_warning_whatever_it_finds() -> None:
    one, other = planted(6000, 1)
    without = replace(asked(), slices=replace(asked().slices, discover=None))
    assert report(one, other, without).verdict is Verdict.PASS
    worse = with_columns(one, pred=1 - np.array(one["y"]))
    assert not any(
        each.verdict is Verdict.FAIL for each in report(worse, other, asked()).findings if each.reason == "discovered"
    )


def test_what_was_searched_and_what_was_not_confirmed_is_told() -> None:
    of = section(report(*planted(6000, 1), asked()))
    assert of.figures["confirmed"] == 1
    assert of.figures["found"] == len(of.rows)
    assert ["yes" in row for row in of.rows].count(True) == 1
    assert "by age, plan, region, visits" in of.sentences[0]


def test_numbers_are_searched_by_fifths_and_few_numbers_as_they_are() -> None:
    one, other = pair(6000, 2)
    labels = np.where(np.array(one["age"]) > 52, 1 - np.array(one["y"]), one["pred"])
    names = [each.slice for each in found_by(report(with_columns(one, pred=labels), other, asked()))]
    assert len(names) == 1
    assert (names[0] or "").startswith("age=over ")


@pytest.mark.parametrize("metric", ["mae", "rmse"])
def test_values_are_searched_by_their_absolute_error(metric: str) -> None:
    one, other = regression(4000, 1), regression(4000, 2)
    region = [f"r{row % 5}" for row in range(4000)]
    values = np.array(one["pred"])
    values[np.arange(4000) % 5 == 3] += 3.0
    sides = [with_columns(one, pred=values, region=region), with_columns(other, region=region)]
    [hidden] = found_by(report(*sides, asked(metrics=(metric,))))
    assert (hidden.metric, hidden.slice) == ("mae", "region=r3")


def test_where_there_is_nothing_to_search_in_it_is_said_and_no_pass_comes_of_it() -> None:
    rows = classifier(500, 1)
    for of, columns, cause in ((rows, (), "no column to search in"), (rows, ("regio",), "has no column regio")):
        found = report(of, of, asked(*columns))
        told = finding(found, "policy:validation.slices.discover")
        assert (told.verdict, told.reason) == (Verdict.WARN, "missing")
        assert cause in told.message


def test_how_well_production_answered_is_no_slice_to_search_in() -> None:
    """Where production is right every other model is worse, as whoever is looked at for being tall has shorter sons."""
    one, other = (with_columns(each, exact=(np.array(each["pred"]) == each["y"]).astype(int)) for each in pair(4000, 1))
    rules = (MetricRule(metric="accuracy"), MetricRule(metric="exact", better="higher"))
    found = report(one, other, replace(asked(), rules=rules))
    assert found_by(found) == []
    assert "exact" not in " ".join(section(found).sentences)
    by_name = report(one, other, replace(asked("exact"), rules=rules))
    assert [each.slice for each in found_by(by_name)] == ["exact=1"]


def test_what_the_two_models_say_otherwise_is_no_feature_of_the_examples() -> None:
    one, other = (with_columns(each, answer=[f"a{label}" for label in each["pred"]]) for each in pair(4000, 1))
    sure = [(np.array(each["pred"]) == each["y"]).astype(int) for each in (one, other)]
    sides = [with_columns(each, sure=right) for each, right in zip((one, other), sure, strict=True)]
    found = report(*sides, asked())
    assert found_by(found) == []
    said = " ".join(section(found).sentences)
    assert not {"answer", "sure"} & set(said.replace(",", " ").split())
    assert {"region", "visits"} <= set(said.replace(",", " ").replace(":", " ").split())


def test_bare_metrics_cannot_be_searched_and_that_is_said() -> None:
    sides = [replace(given({"id": [number]}, "x"), table=None, metrics={"f1": 0.8}) for number in (1, 2)]
    assert finding(run(*sides, asked()).report, "policy:validation.slices.discover").verdict is Verdict.WARN


def test_evidence_without_a_search_says_so() -> None:
    one, other = pair(800, 1)
    without = replace(asked(), slices=replace(asked().slices, discover=None))
    numbers = read_gate(judged(one, other, without).evidence, "evidence").numbers
    [told] = [each for each in judge(numbers, asked()).findings if each.id == "policy:validation.slices.discover"]
    assert told.verdict is Verdict.WARN


def test_a_column_of_many_words_is_named_as_not_searched() -> None:
    one, other = (with_columns(each, note=[f"n{row}" for row in range(2000)]) for each in pair(2000, 1))
    found = report(one, other, asked())
    assert "note" in section(found).sentences[-1]
    assert not [each for each in found.findings if each.id == "policy:validation.slices.discover"]
    # Who names it is told louder.
    assert finding(report(one, other, asked("note")), "policy:validation.slices.discover").verdict is Verdict.WARN


def test_a_column_that_only_the_candidate_has_is_not_searched() -> None:
    one, other = pair(2000, 1)
    found = section(report(with_columns(one, mine=["a", "b"] * 1000), other, asked()))
    assert "mine" not in " ".join(found.sentences)


@pytest.mark.parametrize("more", [{}, {"weight": [1 + row % 4 for row in range(6000)]}], ids=["plain", "weights"])
def test_numbers_read_back_give_the_very_findings_and_sections(more: Rows) -> None:
    outcome = judged(*(with_columns(each, **more) for each in planted(6000, 1)), asked())
    again = judge(read_gate(outcome.evidence, "evidence").numbers, asked())
    assert (again.findings, again.sections) == (outcome.report.findings, outcome.report.sections)
    assert found_by(outcome.report)


def test_groups_lie_in_one_half_and_widen_what_confirms() -> None:
    one, other = planted(6000, 1)
    groups = [f"g{row // 3}" for row in range(6000)]
    [hidden] = found_by(report(*(with_columns(each, group=groups) for each in (one, other)), asked()))
    assert hidden.method == "clustered influence function, t"


def test_the_order_of_rows_moves_nothing() -> None:
    one, other = planted(3000, 1)
    order = np.random.default_rng(1).permutation(3000)
    shuffled = {name: np.array(values)[order].tolist() for name, values in one.items()}
    assert report(shuffled, other, asked()).findings == report(one, other, asked()).findings


def test_halves_are_even_do_not_hang_on_the_width_of_ids_and_keep_clusters_whole() -> None:
    numbers = np.arange(20_000)
    for each in (numbers, np.char.zfill(numbers.astype("S"), 7)):
        chosen = halves(each, None)
        assert abs(int(chosen.sum()) - 10_000) < 400
        pairs = chosen[:-1].astype(int) * 2 + chosen[1:]
        assert np.bincount(pairs).min() > 4600
    text = np.array([b"a", b"bc", b"def"])
    assert halves(text, None).tolist() == halves(text.astype("S40"), None).tolist()
    clusters = numbers // 7
    chosen = halves(numbers, clusters)
    assert len(set(zip(clusters.tolist(), chosen.tolist(), strict=True))) == len(set(clusters.tolist()))


def test_two_models_of_one_quality_are_warned_of_no_more_often_than_alpha_says() -> None:
    """No margin, so that nothing but the other half holds back; the candidates are the worst of some hundred slices."""
    draws, cried, raw = 120, 0, 0
    search = replace(asked(), slices=replace(asked().slices, tolerance=Tolerance(0.0)))
    for seed in range(draws):
        found = report(*pair(1500, seed + 50), search)
        cried += bool(found_by(found))
        raw += bool(section(found).rows)
    assert raw / draws > 0.5
    assert cried / draws <= 0.05 + 3 * (0.05 * 0.95 / draws) ** 0.5

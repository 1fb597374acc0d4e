"""Evidence and reports as JSON values: every digit where it is judged again, nothing where nothing applies."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.domain.coverage import dropped, listed, lost_predictions, thinned
from mlci.domain.evidence import (
    Alone,
    BareMetrics,
    Coverage,
    GatePredicate,
    Measurement,
    NoValue,
    Slice,
    Statistic,
    Thinned,
    predicate_type,
    statement,
)
from mlci.domain.finding import Finding
from mlci.domain.report import Report, Subject, as_json, plain
from mlci.domain.verdict import Verdict

CANDIDATE = Subject(name="candidate.csv", digest="ab" * 32)
THIRD = 0.1 + 0.2


def statistic(**more: Any) -> Statistic:
    known: dict[str, Any] = {
        "id": "compare:f1", "candidate": THIRD, "baseline": 0.5, "difference": THIRD - 0.5, "size": 10.0, "gained": 1,
        "lost": 2, "differing": 3, "n": 10, "method": "influence function, t", "relative": False,
    }  # fmt: skip
    return Statistic(**{**known, **more})


def predicate(**more: Any) -> GatePredicate:
    finding = Finding(id="compare:f1", rule="compare", verdict=Verdict.PASS, message="fine", candidate=THIRD)
    known: dict[str, Any] = {
        "candidate": CANDIDATE, "policy_digest": "cd" * 32, "policy": {"tolerance": THIRD}, "verdict": Verdict.PASS,
        "reason": "fine", "findings": (finding,), "statistics": (statistic(),), "mlci": "1.0.0",
    }  # fmt: skip
    return GatePredicate(**{**known, **more})


def test_a_statement_has_the_shape_in_toto_asks_for() -> None:
    written = statement("https://example.org/mlci", "gate", CANDIDATE, predicate())
    assert list(written) == ["_type", "subject", "predicateType", "predicate"]
    assert written["_type"] == "https://in-toto.io/Statement/v1"
    assert written["subject"] == [{"name": "candidate.csv", "digest": {"sha256": "ab" * 32}}]
    assert written["predicateType"] == "https://example.org/mlci/evidence/gate/v1"


def test_each_kind_of_evidence_has_a_type_of_its_own() -> None:
    assert predicate_type("https://example.org/r", "gate") != predicate_type("https://example.org/r", "promote")


def test_evidence_keeps_every_digit_that_a_report_rounds_away() -> None:
    written = statement("r", "gate", CANDIDATE, predicate())["predicate"]
    assert written["statistics"][0]["candidate"] == written["findings"][0]["candidate"] == THIRD
    assert written["policy"]["tolerance"] == THIRD
    assert plain(predicate())["statistics"][0]["candidate"] == 0.3 != THIRD


def test_evidence_is_the_same_after_being_written_and_read() -> None:
    written = statement("r", "gate", CANDIDATE, predicate(baseline=CANDIDATE, examples=10))
    assert json.loads(json.dumps(written, allow_nan=False)) == written


@pytest.mark.parametrize("name", ["standard_error", "groups", "smallest_class"])
def test_what_a_comparison_has_not_is_absent_and_what_is_zero_is_written(name: str) -> None:
    assert name not in plain(statistic(), exact=True)
    assert plain(statistic(**{name: 0}), exact=True)[name] == 0


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_evidence_refuses_a_number_that_is_not_finite(bad: float) -> None:
    with pytest.raises(ValueError, match="cannot carry"):
        statement("r", "gate", CANDIDATE, predicate(policy={"deep": [{"er": bad}]}))


MEASURED = [Statistic, NoValue, Measurement, Coverage, Alone, Thinned, Slice, BareMetrics]


@pytest.mark.parametrize("kind", [*MEASURED, GatePredicate, Report, Subject, Finding])
def test_every_published_field_says_what_it_is_in_a_sentence(kind: Any) -> None:
    for item in fields(kind):
        assert item.metadata["help"].endswith("."), item.name


def test_a_report_says_its_schema_first_and_its_verdict_as_a_word() -> None:
    written = as_json(Report(step="gate-compare", verdict=Verdict.WARN, reason="noise", findings=()))
    assert next(iter(written.items())) == ("schema", "mlci.report/1")
    assert written["verdict"] == "warn"
    assert written["findings"] == written["assumptions"] == []
    assert "candidate" not in written
    assert "examples" not in written


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_json_values_come_out_as_they_went_in_and_twice_is_once(value: Any) -> None:
    assert plain(value, exact=True) == value
    assert plain(plain(value)) == plain(value)


@pytest.mark.parametrize(("lost", "whole", "said"), [(0, 100, False), (1, 100, False), (2, 100, True), (1, 99, True)])
def test_a_slice_is_incomplete_when_more_than_one_in_a_hundred_are_missing(lost: int, whole: int, said: bool) -> None:
    found = thinned("region=north", lost, whole)
    assert (found is not None) is said
    if found is not None:
        assert found.id == "input:dropped-examples[region=north]"
        assert (found.verdict, found.slice, found.n) == (Verdict.INCONCLUSIVE, "region=north", whole - lost)
        assert found.message == f"the candidate was not scored on {lost} of {whole} examples of region=north"


@pytest.mark.parametrize(
    ("candidate", "baseline", "verdict"),
    [(0, 0, None), (1, 0, Verdict.FAIL), (0, 1, Verdict.WARN), (3, 3, Verdict.WARN), (4, 3, Verdict.FAIL)],
)
def test_fewer_answers_than_production_fail_and_as_many_warn(
    candidate: int, baseline: int, verdict: Verdict | None
) -> None:
    found = lost_predictions(candidate, baseline, 12345)
    assert (found and found.verdict) == verdict
    if found is not None:
        assert found.message.startswith(
            f"{candidate} of 12 345 predictions missing or not finite, production {baseline}"
        )
        assert found.message.endswith(found.verdict.value)


def test_dropped_examples_say_whose_they_are() -> None:
    found = dropped(1, 2, 1000, "; and more")
    assert found is not None
    assert found.message == (
        "1 examples only in the candidate's file, 2 only in production's, 1 000 compared; and more"
    )
    assert (found.id, found.n, found.reason) == ("input:dropped-examples", 1000, "dropped")


@pytest.mark.parametrize(("kind", "rule"), [("input", "input"), ("policy", "policy"), ("compare", "policy")])
def test_what_could_not_be_judged_is_filed_under_the_input_or_the_policy(kind: str, rule: str) -> None:
    found = listed(kind, "f1", "unsupported", Verdict.INCONCLUSIVE, "cannot", "why")
    assert (found.id, found.rule, found.advisory) == (f"{kind}:f1", rule, False)

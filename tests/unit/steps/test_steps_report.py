"""The trusted half: a stranger's numbers judged by the policy that holds, and not a word of the stranger's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from judging import classifier, judged, policy, regression, with_columns

from mlci import REPOSITORY
from mlci.adapters.evidence.gate import read_gate
from mlci.domain.coverage import listed
from mlci.domain.evidence import GatePredicate, statement
from mlci.domain.finding import Finding
from mlci.domain.policy import GatePolicy, MetricRule, Tolerance
from mlci.domain.report import Report, as_json, plain
from mlci.domain.verdict import Verdict
from mlci.domain.waiver import Waiver
from mlci.steps.gate_compare import Outcome
from mlci.steps.report import rejudge

FIRST = Path(__file__).parents[1] / "adapters/gate-evidence-0.1.0.json"
ASKED = policy("accuracy", "f1", tolerance=0.05, slices=["plan"])
PLANTED = "::error::planted <script>"


def measured(asked: GatePolicy = ASKED, *, right: float = 0.9, n: int = 600, **more: Any) -> Outcome:
    rows = [
        with_columns(classifier(n, seed, right=chance, scores=True), **{"plan": ["a", "b"] * (n // 2), **more})
        for seed, chance in ((1, right), (2, 0.8))
    ]
    return judged(*rows, asked)


def read(outcome: Outcome) -> GatePredicate:
    return read_gate(outcome.evidence, "evidence")


def by_id(report: Report) -> dict[str, Finding]:
    return {each.id: each for each in report.findings}


def test_the_findings_are_those_of_the_run_and_then_what_makes_the_report_advisory() -> None:
    outcome = measured()
    report = rejudge(read(outcome), ASKED, "churn", digest="ab" * 32)
    assert report.findings[:-1] == outcome.report.findings
    assert (report.step, report.model, report.evidence) == ("report", "churn", {"gate": "ab" * 32})
    assert (report.candidate, report.baseline) == (outcome.report.candidate, outcome.report.baseline)
    assert (report.examples, report.confidence) == (600, 0.95)


def test_a_pass_of_numbers_that_nobody_checked_is_a_warning_that_says_so() -> None:
    outcome = measured()
    assert outcome.report.verdict is Verdict.PASS
    report = rejudge(read(outcome), ASKED)
    assert (report.verdict, report.reason) == (
        Verdict.WARN,
        "the numbers were measured by a run that is not trusted, so this report is advisory",
    )


def test_a_shown_regression_fails_whatever_the_artifact_claims() -> None:
    outcome = measured(right=0.6)
    honest = rejudge(read(outcome), ASKED)
    assert (honest.verdict, honest.reason) == (Verdict.FAIL, outcome.report.reason)
    assert "input:claimed-verdict" not in by_id(honest)
    lying = rejudge(replace(read(outcome), verdict=Verdict.PASS), ASKED)
    assert lying.verdict is Verdict.FAIL
    said = by_id(lying)["input:claimed-verdict"]
    assert (said.verdict, said.reason, said.advisory) == (Verdict.WARN, "fork", False)
    assert "says pass, and its numbers say fail" in said.message


def test_a_warning_by_what_the_run_noted_of_itself_is_no_other_claim() -> None:
    predicate = replace(read(measured()), verdict=Verdict.WARN)
    assert "input:claimed-verdict" not in by_id(rejudge(predicate, ASKED))
    assert "input:claimed-verdict" in by_id(rejudge(replace(predicate, verdict=Verdict.INCONCLUSIVE), ASKED))


def test_notes_from_outside_count() -> None:
    note = listed("policy", "gate", "gate-changed", Verdict.INCONCLUSIVE, "the gate changed", "why")
    report = rejudge(read(measured()), ASKED, notes=(note,))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert note in report.findings


def planted(value: Any, *, keep: frozenset[str]) -> Any:
    """Every text of some evidence replaced, but for names, digests and words that the form prescribes."""
    if isinstance(value, dict):
        return {name: each if name in keep else planted(each, keep=keep) for name, each in value.items()}
    if isinstance(value, list):
        return [planted(each, keep=keep) for each in value]
    return PLANTED if isinstance(value, str) else value


def test_no_text_of_the_artifact_reaches_the_report_but_names() -> None:
    coast = MetricRule(metric="coast", better="higher", minimum=1.0)
    asked = policy("accuracy", "roc_auc", coast, MetricRule(metric="f1", minimum=0.99, maximum=1.0), slices=["plan"])
    outcome = measured(asked, plan=["a"] * 598 + ["b"] * 2)
    statement = json.loads(outcome.evidence)
    names = {"candidate", "baseline", "metric", "slice", "slice_column", "slice_columns", "slices", "task", "gives"}
    words = {
        "verdict",
        "rule",
        "better",
        "scale",
        "reason",
        "leaning",
        "of",
        "question",
        "_type",
        "predicateType",
        "subject",
    }
    predicate = planted(statement["predicate"], keep=frozenset(names | words))
    predicate["reason"] = PLANTED
    content = rfc8785.dumps({**statement, "predicate": predicate})
    assert content.count(PLANTED.encode()) > 20
    report = rejudge(read_gate(content, "evidence"), asked)
    assert "planted" not in repr(report)
    assert by_id(report)["compare:coast"].message == "coast has no value: the run that measured gives it no value"
    said, found = by_id(outcome.report), by_id(report)
    assert {id: each.verdict for id, each in found.items() if id in said} == {
        id: each.verdict for id, each in said.items()
    }


def without(predicate: GatePredicate, metric: str, slice: str | None) -> GatePredicate:
    kept = tuple(each for each in predicate.statistics if (each.metric, each.slice) != (metric, slice))
    assert len(kept) == len(predicate.statistics) - 1
    return replace(predicate, statistics=kept)


def test_a_metric_that_was_left_out_is_missing_and_counted() -> None:
    report = rejudge(without(read(measured()), "f1", None), ASKED)
    found = by_id(report)["compare:f1"]
    assert (found.verdict, found.reason, found.advisory) == (Verdict.INCONCLUSIVE, "missing", False)
    assert (report.verdict, report.reason) == (Verdict.INCONCLUSIVE, found.message)


def test_a_metric_that_was_left_out_on_one_slice_is_missing_and_counted() -> None:
    report = rejudge(without(read(measured()), "f1", "plan=a"), ASKED)
    found = by_id(report)["compare:f1[plan=a]"]
    assert (found.verdict, found.reason, found.slice) == (Verdict.INCONCLUSIVE, "missing", "plan=a")
    assert report.verdict is Verdict.INCONCLUSIVE


def test_a_slice_column_that_was_left_out_is_missing_even_where_it_is_said_to_be_there() -> None:
    predicate = read(measured())
    assert predicate.coverage is not None
    bare = replace(
        predicate,
        statistics=tuple(each for each in predicate.statistics if each.slice is None),
        coverage=replace(predicate.coverage, slices=()),
    )
    assert by_id(rejudge(bare, ASKED))["input:slice plan"].reason == "missing"


def test_a_limit_on_a_metric_that_was_not_measured_is_missing() -> None:
    asked = policy(MetricRule(metric="mcc", minimum=0.1), MetricRule(metric="recall", maximum=0.9))
    found = by_id(rejudge(read(measured()), asked))
    for id, limit in (("minimum:mcc", 0.1), ("maximum:recall", 0.9), ("compare:mcc", None)):
        assert (found[id].reason, found[id].limit, found[id].verdict) == ("missing", limit, Verdict.INCONCLUSIVE)


def test_where_policy_names_no_metric_the_usual_ones_are_asked_and_not_those_that_were_measured() -> None:
    found = by_id(rejudge(read(measured(policy("precision", "roc_auc", tolerance=0.05))), policy(tolerance=0.05)))
    assert {id: found[id].reason for id in ("compare:accuracy", "compare:f1", "compare:brier")} == dict.fromkeys(
        ("compare:accuracy", "compare:f1", "compare:brier"), "missing"
    )
    assert found["compare:roc_auc"].difference is not None
    assert "compare:precision" not in found


def test_the_task_that_policy_names_goes_before_the_one_that_the_numbers_name() -> None:
    predicate = read(measured(policy("rmse", "f1_macro")))
    assert predicate.coverage is not None
    claimed = replace(predicate, coverage=replace(predicate.coverage, task="regression"))
    assert "compare:accuracy" not in by_id(rejudge(claimed, policy()))
    assert "compare:accuracy" in by_id(rejudge(claimed, policy(task="binary")))


def test_slices_that_nobody_asked_for_are_not_judged_and_do_not_count_as_looks() -> None:
    outcome = measured()
    report, alone = (
        rejudge(read(outcome), policy("accuracy", tolerance=0.05)),
        measured(policy("accuracy", tolerance=0.05)),
    )
    assert report.findings[:-1] == alone.report.findings
    assert not any(each.slice for each in report.findings)


@pytest.mark.parametrize("error", [1e-300, 1.0, 1e300, 1.7e308])
@pytest.mark.parametrize(("mine", "theirs"), [(1e300, 1e-300), (1e306, 1.0), (1.7e308, 1.7e308), (5e-324, 1e308)])
@pytest.mark.parametrize("relative", [False, True])
def test_numbers_at_the_ends_of_what_can_be_written_are_judged_and_reported(
    mine: float, theirs: float, error: float, relative: bool
) -> None:
    asked = policy(MetricRule(metric="mae", maximum=1.0), tolerance=Tolerance(0.1, relative), thresholds="interval")
    predicate = read(judged(regression(50, 1), regression(50, 2), asked))
    [statistic], [own] = predicate.statistics, predicate.measurements
    extreme = replace(
        statistic, candidate=mine, baseline=theirs, difference=mine - theirs, relative=False,
        standard_error=error, plain_error=error, log_error=error, own_error=error,
    )  # fmt: skip
    own = replace(own, value=mine, standard_error=error)
    said = replace(predicate, statistics=(extreme,), measurements=(own,))
    content = rfc8785.dumps(statement(REPOSITORY, "gate", said.candidate, said))
    report = rejudge(read_gate(content, "evidence"), asked)
    assert json.dumps(as_json(report), allow_nan=False)
    assert report.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.WARN)


@pytest.mark.parametrize("what", ["coverage", "first version"])
def test_numbers_that_do_not_say_what_they_cover_are_no_pass(what: str) -> None:
    first = read_gate(FIRST.read_bytes(), "evidence")
    predicate = first if what == "first version" else replace(read(measured()), coverage=None)
    report = rejudge(predicate, ASKED)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert by_id(report)["input:numbers"].reason == "missing"


def test_predictions_that_are_missing_fail_here_too() -> None:
    predicate = read(measured())
    assert predicate.coverage is not None
    lossy = replace(predicate, coverage=replace(predicate.coverage, missing=(3, 0)))
    assert by_id(rejudge(lossy, ASKED))["robustness:missing-predictions"].verdict is Verdict.FAIL


def test_a_candidate_without_production_is_said_to_be_compared_with_nothing() -> None:
    outcome = judged(classifier(100, 1), None, policy("f1"))
    report = rejudge(read(outcome), policy("f1"))
    assert by_id(report)["policy:baseline"].reason == "no-baseline"
    assert report.verdict is Verdict.WARN


def test_waivers_are_those_of_the_branch_to_merge_to_whatever_the_run_that_measured_had() -> None:
    mine = Waiver(scope="compare:*", reason="mine", owner="mallory", expires="2026-03-31")
    base = replace(mine, scope="compare:f1", reason="agreed", owner="ada")
    outcome = measured(right=0.6)
    statement = json.loads(outcome.evidence)
    statement["predicate"]["policy"]["waivers"] = [plain(mine)]
    statement["predicate"]["findings"][0]["waived"] = {**plain(mine), "verdict": "fail"}
    predicate = read_gate(rfc8785.dumps(statement), "evidence")
    asked = replace(ASKED, waivers=(base,))
    found = by_id(rejudge(predicate, asked, today="2026-03-01"))
    assert found["compare:accuracy"].verdict is Verdict.FAIL
    waived = found["compare:f1"].waived
    assert (waived is not None and waived.owner, found["compare:f1"].verdict) == ("ada", Verdict.WARN)
    assert "mallory" not in repr(found)
    late = by_id(rejudge(predicate, asked, today="2026-04-01"))
    assert late["compare:f1"].verdict is Verdict.FAIL

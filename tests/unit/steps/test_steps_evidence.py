"""Evidence: canonical, bound to its subject, and enough to decide again."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pytest
import rfc8785
from judging import classifier, finding, given, judged, policy, regression, with_columns
from scipy import stats

from mlci import REPOSITORY, __version__
from mlci.domain.coverage import listed
from mlci.domain.evidence import STATEMENT
from mlci.domain.policy import Tolerance
from mlci.domain.verdict import Verdict
from mlci.stats.proportions import tango
from mlci.stats.student import normal_quantile
from mlci.steps.gate_compare import Outcome, run

BINARY = ("accuracy", "f1", "mcc", "roc_auc", "pr_auc", "brier", "log_loss", "balanced_accuracy")


def binary(n: int = 600, **more: Any) -> list[dict[str, Any]]:
    return [with_columns(classifier(n, seed, scores=True), **more) for seed in (1, 2)]


def grouped(n: int = 600) -> list[dict[str, Any]]:
    return binary(n, group=[f"g{row % 60}" for row in range(n)])


def weighted(n: int = 600) -> list[dict[str, Any]]:
    return binary(n, weight=[1 + row % 7 for row in range(n)])


def sliced(n: int = 600) -> list[dict[str, Any]]:
    return binary(n, slice_plan=[f"p{row % 3}" for row in range(n)])


OUTCOMES = {
    "plain": lambda: judged(*binary(), policy(*BINARY)),
    "groups": lambda: judged(*grouped(), policy(*BINARY)),
    "weights": lambda: judged(*weighted(), policy(*BINARY)),
    "slices": lambda: judged(*sliced(), policy("accuracy", "f1")),
    "relative": lambda: judged(regression(300, 1), regression(300, 2), policy("rmse", "mae", "wape")),
    "absolute": lambda: judged(regression(300, 1), regression(300, 2), policy("rmse", "r2", tolerance=0.1)),
}


@pytest.fixture(params=OUTCOMES)
def outcome(request: pytest.FixtureRequest) -> Outcome:
    return OUTCOMES[request.param]()


def predicate(of: Outcome) -> dict[str, Any]:
    return dict(json.loads(of.evidence)["predicate"])


def test_evidence_is_an_in_toto_statement_in_canonical_form(outcome: Outcome) -> None:
    statement = json.loads(outcome.evidence)
    assert rfc8785.dumps(statement) == outcome.evidence
    assert set(statement) == {"_type", "subject", "predicateType", "predicate"}
    assert statement["_type"] == STATEMENT == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == f"{REPOSITORY}/evidence/gate/v1"


def test_the_report_names_the_digest_of_the_evidence(outcome: Outcome) -> None:
    assert outcome.report.evidence == {"gate": hashlib.sha256(outcome.evidence).hexdigest()}


def test_the_subject_is_the_candidate_and_its_digest(outcome: Outcome) -> None:
    [subject] = json.loads(outcome.evidence)["subject"]
    candidate = predicate(outcome)["candidate"]
    assert subject == {"name": "candidate", "digest": {"sha256": candidate["digest"]}}
    assert predicate(outcome)["baseline"]["name"] == "production"


def test_the_policy_digest_is_of_the_policy_that_stands_beside_it(outcome: Outcome) -> None:
    said = predicate(outcome)
    assert said["policy_digest"] == hashlib.sha256(rfc8785.dumps(said["policy"])).hexdigest()


def test_verdict_and_findings_are_those_of_the_report(outcome: Outcome) -> None:
    said, report = predicate(outcome), outcome.report
    assert (said["verdict"], said["reason"], said["examples"]) == (report.verdict.value, report.reason, report.examples)
    assert [each["id"] for each in said["findings"]] == [each.id for each in report.findings]
    assert said["mlci"] == __version__


def test_numbers_in_evidence_keep_every_digit(outcome: Outcome) -> None:
    for written, found in zip(predicate(outcome)["findings"], outcome.report.findings, strict=True):
        assert written["candidate"] == found.candidate
        assert written["standard_error"] == found.standard_error


def test_bounds_and_p_follow_from_the_statistics_alone(outcome: Outcome) -> None:
    """Decide again as a stranger would: from counts by Tango and McNemar, from a standard error by Student's t."""
    said = predicate(outcome)
    confidence = said["policy"]["confidence"]
    findings = {each["id"]: each for each in said["findings"]}
    assert [each["id"] for each in said["statistics"]] == [
        each["id"] for each in said["findings"] if each["rule"] == "compare"
    ]
    for statistic in said["statistics"]:
        found = findings[statistic["id"]]
        low, high, p_worse = decided_again(statistic, confidence, found["better"])
        assert found["interval"] == pytest.approx([low, high], abs=1e-9)
        assert found["p_worse"] == pytest.approx(p_worse, abs=1e-9)
        shown = (low if found["better"] == "higher" else -high) >= -found["margin"]
        if found["verdict"] == "pass" and "slice" not in found:
            assert shown
        if found["verdict"] == "inconclusive" and found["reason"] == "interval":
            assert not shown


def decided_again(statistic: dict[str, Any], confidence: float, better: str) -> tuple[float, float, float]:
    gained, lost, n = statistic["gained"], statistic["lost"], statistic["n"]
    exact = stats.binom.sf(lost - 1, gained + lost, 0.5) - 0.5 * stats.binom.pmf(lost, gained + lost, 0.5)
    if statistic["method"].startswith("Tango"):
        return (*tango(gained, lost, n, normal_quantile(confidence)), float(exact))
    error = statistic["standard_error"]
    freedom = statistic["log_freedom" if statistic["relative"] else "freedom"]
    reach, estimate = stats.t.ppf(confidence, freedom), statistic["difference"]
    sign = 1 if better == "higher" else -1
    if statistic["relative"]:
        log_ratio, log_error = np.log1p(estimate), error / (1 + estimate)
        bounds = [np.expm1(log_ratio - reach * log_error), np.expm1(log_ratio + reach * log_error)]
        by_t = stats.t.cdf(sign * log_ratio / log_error, freedom)
        return (*bounds, float(exact if "McNemar" in statistic["method"] else by_t))
    return estimate - reach * error, estimate + reach * error, float(stats.t.cdf(sign * estimate / error, freedom))


def test_the_size_is_of_independent_pieces_of_information() -> None:
    weights = np.array([1 + row % 7 for row in range(600)])
    expected = {"plain": 600, "weights": weights.sum() ** 2 / (weights**2).sum()}
    for name, size in expected.items():
        sizes = [each["size"] for each in predicate(OUTCOMES[name]())["statistics"]]
        assert sizes == pytest.approx([size] * len(sizes))
    # Sixty groups of one size are worth nearly sixty, less what they differ in influence.
    assert all(20 < each["size"] <= 60 for each in predicate(OUTCOMES["groups"]())["statistics"])


def test_the_share_method_is_used_for_shares_of_independent_examples_and_for_nothing_else() -> None:
    for name, tango_expected in (("plain", True), ("groups", False), ("weights", False)):
        methods = {each["id"]: each["method"] for each in predicate(OUTCOMES[name]())["statistics"]}
        assert methods["compare:accuracy"].startswith("Tango") is tango_expected
        assert not methods["compare:f1"].startswith("Tango")


def test_a_relative_tolerance_of_a_share_is_judged_on_the_ratio() -> None:
    outcome = judged(*binary(), policy("accuracy", tolerance=Tolerance(0.05, relative=True)))
    found = finding(outcome, "compare:accuracy")
    assert found.scale == "relative"
    assert found.difference == pytest.approx(found.candidate / found.baseline - 1)
    assert found.method == "influence function, t on the log ratio, exact McNemar mid-p"


def test_the_level_of_the_bounds_is_that_of_the_policy() -> None:
    for confidence in (0.8, 0.99):
        outcome = judged(*binary(), policy("brier", confidence=confidence))
        [statistic] = predicate(outcome)["statistics"]
        half = stats.t.ppf(confidence, 599) * statistic["standard_error"]
        low, high = finding(outcome, "compare:brier").interval
        assert (high - low) / 2 == pytest.approx(half, rel=1e-9)


def test_equal_input_gives_equal_bytes_and_other_policy_other_bytes() -> None:
    first, again = (judged(*binary(), policy("accuracy")).evidence for _ in range(2))
    assert first == again
    assert judged(*binary(), policy("accuracy", tolerance=0.02)).evidence != first


def test_a_report_without_baseline_warns_and_names_no_baseline() -> None:
    outcome = run(given(binary()[0], "candidate"), None, policy("accuracy"))
    assert finding(outcome, "policy:baseline").reason == "no-baseline"
    assert "the first accepted run of the default branch becomes production" in (
        finding(outcome, "policy:baseline").explanation or ""
    )
    assert outcome.report.verdict is Verdict.WARN
    assert "baseline" not in predicate(outcome)
    assert predicate(outcome)["statistics"] == []


def test_what_is_noted_from_outside_counts_and_is_written_down() -> None:
    note = listed("policy", "gate", "gate-changed", Verdict.INCONCLUSIVE, "the gate changed", "why")
    outcome = run(*(given(binary()[0], name) for name in ("candidate", "production")), policy("accuracy"), notes=[note])
    assert (outcome.report.verdict, outcome.report.reason) == (Verdict.INCONCLUSIVE, "the gate changed")
    assert outcome.report.findings[-1] == note
    assert predicate(outcome)["findings"][-1]["id"] == "policy:gate"


def test_rules_that_this_version_cannot_judge_are_inconclusive_and_never_softened() -> None:
    from dataclasses import replace

    asked = replace(policy("accuracy", on_inconclusive="pass", tolerance=0.3), unsupported=("validation.fairness.x",))
    outcome = judged(*binary(), asked)
    assert finding(outcome, "policy:validation.fairness.x").reason == "unsupported"
    assert outcome.report.verdict is Verdict.INCONCLUSIVE

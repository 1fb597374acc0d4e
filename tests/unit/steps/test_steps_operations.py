"""How a model runs, judged by recorded times: what is shown, what cannot be told, and what counts only elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from judging import given, policy
from judging import judged as judged_rows
from running import operations, timings

from mlci.adapters.evidence.gate import read_gate
from mlci.domain.evidence import BareMetrics, Numbers
from mlci.domain.finding import Finding
from mlci.domain.operation import Block, Footprint, Operations
from mlci.domain.policy import GatePolicy, MetricRule, Tolerance
from mlci.domain.report import as_json
from mlci.domain.verdict import Verdict
from mlci.steps.gate_compare import run
from mlci.steps.judging import judge, rules_for
from mlci.steps.report import rejudge

FIVE = Tolerance(0.05, relative=True)
TIMED = ("latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "cost_per_1000")
MACHINE = "AMD EPYC 7763 64-Core Processor, 2 cores"


def found(measured: Operations | None, *rules: MetricRule, compared: bool = True, **asked: object) -> list[Finding]:
    numbers = Numbers(compared=compared, examples=100, operations=measured)
    decided = replace(GatePolicy(rules=rules, compare=True), **asked)  # type: ignore[arg-type]
    return [each for each in judge(numbers, decided).findings if each.metric is not None]


def one(given: Operations | None, metric: str, **asked: object) -> Finding:
    (finding,) = found(given, MetricRule(metric=metric, tolerance=FIVE), price_per_hour=0.5, **asked)
    return finding


@pytest.mark.parametrize("metric", TIMED)
@pytest.mark.parametrize(("slower", "verdict"), [(1.2, Verdict.FAIL), (0.8, Verdict.PASS)])
def test_a_slowdown_that_is_shown_fails_and_a_faster_model_passes(metric: str, slower: float, verdict: Verdict) -> None:
    finding = one(operations(slower), metric)

    assert finding.verdict is verdict
    assert finding.reason == ("regression" if verdict is Verdict.FAIL else "better")
    assert finding.difference == pytest.approx(slower - 1, abs=0.05)
    assert finding.scale == "relative"


def test_the_median_of_an_unchanged_model_passes_and_its_tails_may_be_hard_to_tell() -> None:
    assert one(operations(), "latency_p50_ms").verdict is Verdict.PASS
    tail = one(operations(), "latency_p99_ms")
    assert (tail.verdict, tail.reason) == (Verdict.INCONCLUSIVE, "interval")
    assert "1 000 pairs of calls cannot tell a slowdown of 5 % from noise" in (tail.explanation or "")


def test_a_drift_that_both_meet_cancels() -> None:
    given = timings(1.0)
    warming = tuple(
        Block(
            candidate=tuple(time * (20 + place) for time in block.candidate),
            production=tuple(time * (20 + place) for time in block.production),
        )
        for place, block in enumerate(given.blocks)
    )
    plain = one(Operations(timings=given), "latency_p50_ms")
    assert one(Operations(timings=replace(given, blocks=warming)), "latency_p50_ms").difference == pytest.approx(
        plain.difference
    )


@pytest.mark.parametrize(
    ("metric", "pairs", "enough"),
    [("latency_p50_ms", 280, False), ("latency_p50_ms", 300, True), ("latency_p95_ms", 980, False)],
)
def test_too_few_pairs_are_no_evidence(metric: str, pairs: int, enough: bool) -> None:
    finding = one(Operations(timings=timings(1.5, pairs)), metric)

    assert (finding.reason == "insufficient") is not enough
    assert enough or finding.verdict is Verdict.INCONCLUSIVE


def test_calls_that_were_not_made_in_turns_are_worthless_however_many() -> None:
    finding = one(Operations(timings=replace(timings(3.0), interleaved=False)), "latency_p50_ms")

    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "sequential")
    assert "not called in turns" in (finding.explanation or "")


def test_the_same_times_are_judged_the_same_and_each_metric_draws_for_itself() -> None:
    first, second = (one(operations(), "latency_p95_ms") for _ in range(2))

    assert first == second
    assert "1999 draws, Monte Carlo error of p" in (first.method or "")


def test_a_bound_that_the_draws_alone_decide_is_a_boundary() -> None:
    given = operations()
    high = (one(given, "latency_p95_ms").interval or (0, 0))[1]
    (finding,) = found(given, MetricRule(metric="latency_p95_ms", tolerance=Tolerance(high, relative=True)))

    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "boundary")


def test_timed_comparisons_share_one_error_rate_among_themselves() -> None:
    rules = [MetricRule(metric=metric, tolerance=FIVE) for metric in TIMED[:3]]
    alone, together = found(operations(1.06), rules[0]), found(operations(1.06), *rules)

    assert together[0].p_worse == alone[0].p_worse
    assert together[0].p_adjusted == pytest.approx(3 * (alone[0].p_adjusted or 0))


@pytest.mark.parametrize(
    ("sizes", "verdict"), [((1_050_000, 1_000_000), Verdict.PASS), ((1_050_001, 1_000_000), Verdict.FAIL)]
)
def test_sizes_are_counted_and_compared_exactly(sizes: tuple[int, int], verdict: Verdict) -> None:
    mine, theirs = (Footprint(size=size) for size in sizes)

    assert one(Operations(candidate=mine, production=theirs), "model_size_mb").verdict is verdict


@pytest.mark.parametrize(
    ("memory", "verdict"),
    [((103, 104, 104), Verdict.PASS), ((106, 109, 107), Verdict.FAIL), ((104, 109, 108), Verdict.INCONCLUSIVE)],
)
def test_memory_is_judged_by_every_start_of_both(memory: tuple[int, ...], verdict: Verdict) -> None:
    given = Operations(candidate=Footprint(size=1, memory=memory), production=Footprint(size=1, memory=(100, 100, 100)))
    finding = one(given, "memory_mb")

    assert finding.verdict is verdict
    assert "by start" in finding.message


@pytest.mark.parametrize(
    ("declared", "limit", "verdict", "reason"),
    [
        (MACHINE, 5.0, Verdict.PASS, None),
        (MACHINE, 0.1, Verdict.FAIL, "threshold"),
        ("amd epyc 7763 64-core processor", 0.1, Verdict.FAIL, "threshold"),
        ("AMD EPYC 7763 64-Core Processor, 4 cores", 0.1, Verdict.WARN, "hardware"),
        ("AMD EPYC 7763 64-Core Processor, 2 cores, NVIDIA T4", 5.0, Verdict.WARN, "hardware"),
        (None, 0.1, Verdict.WARN, "hardware"),
        (None, 5.0, Verdict.WARN, "hardware"),
    ],
)
def test_a_limit_of_time_binds_on_the_declared_machine_alone(
    declared: str | None, limit: float, verdict: Verdict, reason: str | None
) -> None:
    (finding,) = found(operations(), MetricRule(metric="latency_p95_ms", maximum=limit), hardware=declared)

    assert (finding.rule, finding.verdict, finding.reason) == ("maximum", verdict, reason)
    assert "EPYC" not in f"{finding.message} {finding.explanation}"


def test_a_limit_of_size_binds_everywhere_and_needs_no_production() -> None:
    given = Operations(candidate=Footprint(size=3_000_000))
    (finding,) = found(given, MetricRule(metric="model_size_mb", maximum=2.0), compared=False)

    assert (finding.verdict, finding.candidate) == (Verdict.FAIL, 3.0)


def test_a_limit_of_time_needs_no_production() -> None:
    given = Operations(timings=timings(alone=True), hardware=MACHINE)
    rule = MetricRule(metric="latency_p50_ms", maximum=5.0)

    assert [each.verdict for each in found(given, rule, compared=False, hardware=MACHINE)] == [Verdict.PASS]


def test_a_thousand_predictions_cost_what_they_take_at_the_price_of_an_hour() -> None:
    given = Operations(timings=replace(timings(), batch=10))
    (priced,) = found(given, MetricRule(metric="cost_per_1000", tolerance=FIVE), price_per_hour=36.0)
    (timed,) = found(given, MetricRule(metric="latency_p50_ms", tolerance=FIVE))

    assert priced.candidate == pytest.approx((timed.candidate or 0) / 1000 * 36 / 3600 * 100)
    assert priced.difference == timed.difference
    (unpriced,) = found(given, MetricRule(metric="cost_per_1000", tolerance=FIVE))
    assert (unpriced.verdict, unpriced.reason) == (Verdict.INCONCLUSIVE, "undefined")


@pytest.mark.parametrize("metric", [*TIMED, "model_size_mb", "memory_mb"])
@pytest.mark.parametrize("given", [None, Operations(), Operations(lacking="production")])
def test_what_was_not_measured_is_inconclusive_whatever_policy_makes_of_noise(
    metric: str, given: Operations | None
) -> None:
    finding = one(given, metric, on_inconclusive="pass")

    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "missing")
    lacking = given.lacking if given is not None else None
    assert ("production could not be loaded" in finding.message) is (lacking == "production")


def test_a_limit_alone_asks_for_no_comparison_and_a_name_alone_for_the_usual_one() -> None:
    (limit,) = found(operations(1.5), MetricRule(metric="model_size_mb", maximum=2.0))
    (named,) = found(operations(1.5), MetricRule(metric="latency_p50_ms"), tolerance=Tolerance(0.9))

    assert limit.rule == "maximum"
    assert (named.rule, named.margin, named.scale) == ("compare", 0.1, "relative")


def test_who_asks_for_latency_alone_has_the_answers_judged_all_the_same() -> None:
    asked = policy(MetricRule(metric="latency_p50_ms", tolerance=FIVE))
    rows = {"id": list(range(50)), "target": [0, 1] * 25, "prediction": [0, 1] * 25}

    assert [rule.metric for rule in rules_for("binary", ("label",), asked)[0]] == ["accuracy", "f1"]
    metrics = [each.metric for each in judged_rows(rows, rows, asked).report.findings]
    assert metrics == ["accuracy", "f1", "latency_p50_ms"]


def test_a_bare_latency_is_no_evidence_of_one() -> None:
    numbers = Numbers(
        compared=True, examples=None,
        bare=BareMetrics(candidate={"f1": 0.9, "latency_p50_ms": 1.0}, baseline={"f1": 0.9, "latency_p50_ms": 1.0}),
    )  # fmt: skip
    asked = GatePolicy(rules=(MetricRule(metric="latency_p50_ms", tolerance=FIVE),))
    by_metric = {each.metric: each.reason for each in judge(numbers, asked).findings}

    assert by_metric == {"f1": "unverified", "latency_p50_ms": "missing"}


def test_whoever_judges_the_evidence_again_reaches_the_same_and_shows_no_word_of_the_stranger() -> None:
    asked = replace(
        policy(MetricRule(metric="latency_p95_ms", tolerance=FIVE, maximum=0.1), "accuracy"), hardware=MACHINE
    )
    rows = {"id": list(range(50)), "target": [0, 1] * 25, "prediction": [0, 1] * 25}
    measured = replace(given(rows, "candidate"), operations=operations(1.5, hardware=f"{MACHINE}, ::error::planted"))
    outcome = run(measured, given(rows, "production"), asked)
    predicate = read_gate(outcome.evidence, "evidence")
    again = rejudge(predicate, asked)

    def latency(findings: tuple[Finding, ...]) -> list[Finding]:
        return [each for each in findings if each.metric == "latency_p95_ms"]

    assert latency(again.findings) == latency(outcome.report.findings)
    assert [each.verdict for each in latency(again.findings)] == [Verdict.FAIL, Verdict.FAIL]
    assert "planted" not in json.dumps(as_json(again))


def test_times_that_no_rule_asks_for_are_no_part_of_the_evidence() -> None:
    rows = {"id": list(range(50)), "target": [0, 1] * 25, "prediction": [0, 1] * 25}
    outcome = run(replace(given(rows, "candidate"), operations=operations()), given(rows, "p"), policy("accuracy"))

    assert b"operations" not in outcome.evidence

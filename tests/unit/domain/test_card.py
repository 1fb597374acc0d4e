"""What a registry is told of a version: enough to read its whole history there."""

from __future__ import annotations

from dataclasses import replace

from mlci.domain import card
from mlci.domain.estimate import Estimate
from mlci.domain.finding import Finding
from mlci.domain.metric import METRICS
from mlci.domain.report import Report, Subject
from mlci.domain.training import Data, Environment, Inputs, ModelPredicate, PayloadFile, Predictions, Provenance, Usage
from mlci.domain.verdict import Verdict

PREDICATE = ModelPredicate(
    model="churn",
    format="pickle",
    artifact="a" * 64,
    files=(PayloadFile(path="model.joblib", digest="f" * 64, size=1),),
    inputs=Inputs(code="1", params="2", data="3", environment="4", recipe="5", key="6" * 64),
    provenance=Provenance(
        command="python train.py",
        seed=17,
        device="cpu",
        commit="8" * 40,
        dirty=True,
        data=Data(path="data/train.csv", digest="d" * 64),
        environment=Environment(
            python="3.11.7", platform="Linux", packages={}, digest="e" * 64,
            loaded={"numpy": "2.4.6", "scikit-learn": "1.9.1"},
        ),
        run="https://forge.invalid/runs/12",
    ),
    predictions=Predictions(
        file=Subject(name="candidate.csv", digest="c" * 64), rows=6057, holdout=Data(path="h.csv", digest="7" * 64),
        evaluator="9" * 64, fingerprint="b" * 64, probe=1000,
    ),
    training=Usage(seconds=192, cpu_seconds=300, peak_memory=3 << 30),
    scoring=Usage(seconds=1, cpu_seconds=1, peak_memory=1),
    mlci="0.1.0",
)  # fmt: skip
F1 = Estimate(metric=METRICS["f1"], n=6057, candidate=0.8741, candidate_interval=(0.8612, 0.8859))
UNDEFINED = Estimate(metric=METRICS["roc_auc"], n=6057, undefined="one class only")


def test_the_tags_say_where_a_version_comes_from() -> None:
    tags = card.tags(PREDICATE, "0" * 64, [F1, UNDEFINED])

    assert tags["mlci.commit"] == "8" * 40
    assert tags["mlci.dirty"] == "true"
    assert (tags["mlci.data"], tags["mlci.data.path"]) == ("d" * 64, "data/train.csv")
    assert tags["mlci.framework"] == "scikit-learn 1.9.1"
    assert tags["mlci.seed"] == "17"
    assert tags["mlci.evidence"] == "0" * 64
    assert tags["mlci.inputs"] == "6" * 64
    assert tags["mlci.metric.f1"] == "0.8741 [0.8612, 0.8859]"
    assert "mlci.metric.roc_auc" not in tags


def test_what_is_not_known_has_no_tag() -> None:
    outside = replace(PREDICATE, provenance=replace(PREDICATE.provenance, commit=None, data=None, run=None))

    assert not {"mlci.commit", "mlci.data", "mlci.run"} & set(card.tags(outside, "0" * 64, []))


def test_metrics_carry_their_bounds_and_leave_out_what_has_no_value() -> None:
    assert card.metrics([F1, UNDEFINED]) == {"f1": 0.8741, "f1.low": 0.8612, "f1.high": 0.8859}


def test_the_description_is_prose_with_numbers() -> None:
    text = card.description(PREDICATE, [F1], 0.95)

    assert "commit 888888888888 with uncommitted changes" in text
    assert "3 min 12 s (3.0 GiB at its peak), seed 17, scikit-learn 1.9.1" in text
    assert "- f1: 0.8741 [0.8612, 0.8859]" in text


def test_the_gates_word_is_added_with_every_difference_on_all_examples() -> None:
    compared = Finding(
        id="compare:f1", rule="compare", verdict=Verdict.PASS, message="", metric="f1", difference=0.01,
        interval=(-0.002, 0.02),
    )  # fmt: skip
    sliced = replace(compared, id="compare:f1[region=north]", slice="region=north", difference=0.5)
    report = Report(
        step="gate-compare", verdict=Verdict.PASS, reason="f1 is no worse", findings=(compared, sliced),
        baseline=Subject(name="churn version 3", digest="b" * 64),
    )  # fmt: skip

    tags, metrics = card.judged(report, "0" * 64, "7" * 64, "2026-01-02")

    assert tags == {
        "mlci.gate": "0" * 64, "mlci.verdict": "pass", "mlci.verdict.reason": "f1 is no worse",
        "mlci.compared_with": "churn version 3", "mlci.verdict.holdout": "7" * 64,
        "mlci.verdict.day": "2026-01-02",
    }  # fmt: skip
    assert metrics == {"f1.difference": 0.01, "f1.difference.low": -0.002, "f1.difference.high": 0.02}

"""The observed value of each fairness measure is fairlearn's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fairlearn import metrics as fair
from sklearn.metrics import precision_score

from mlci.adapters.tables.plain import PlainTable
from mlci.domain.fairness import MEASURES
from mlci.domain.policy import FairnessRule, GatePolicy, MetricRule
from mlci.domain.report import Subject
from mlci.steps.gate_compare import Given, run

N = 900


def draw(seed: int, *, weighted: bool) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    group = random.choice(["a", "b", "c"], N, p=[0.5, 0.3, 0.2])
    truth = (random.random(N) < 0.4).astype(int)
    score = np.clip(0.25 + 0.4 * truth + 0.1 * (group == "a") + random.normal(0, 0.2, N), 0, 1)
    weight = random.integers(1, 5, N) if weighted else np.ones(N, dtype=int)
    return {"group": group, "truth": truth, "score": score, "label": (score > 0.5).astype(int), "weight": weight}


def fairlearns(drawn: dict[str, Any]) -> dict[str, float]:
    common = {"sensitive_features": drawn["group"], "sample_weight": drawn["weight"]}
    labels = (drawn["truth"], drawn["label"])

    def bias(truth: Any, score: Any, sample_weight: Any) -> float:
        return float(np.average(score - truth, weights=sample_weight))

    def spread(metric: Any, predicted: Any) -> float:
        frame = fair.MetricFrame(
            metrics=metric, y_true=drawn["truth"], y_pred=predicted, sensitive_features=drawn["group"],
            sample_params={"sample_weight": drawn["weight"]},
        )  # fmt: skip
        return float(frame.difference(method="between_groups"))

    return {
        "demographic_parity_difference": fair.demographic_parity_difference(*labels, **common),
        "demographic_parity_ratio": fair.demographic_parity_ratio(*labels, **common),
        "equal_opportunity_difference": fair.equal_opportunity_difference(*labels, **common),
        "equalized_odds_difference": fair.equalized_odds_difference(*labels, **common),
        "predictive_parity_difference": spread(precision_score, drawn["label"]),
        "calibration_within_groups": spread(bias, drawn["score"]),
    }


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_every_measure_is_fairlearns(seed: int, *, weighted: bool) -> None:
    drawn = draw(seed, weighted=weighted)
    rows = {
        "id": list(range(N)), "y_true": drawn["truth"].tolist(), "y_pred": drawn["label"].tolist(),
        "y_score": drawn["score"].tolist(), "gender": drawn["group"].tolist(), "weight": drawn["weight"].tolist(),
    }  # fmt: skip
    rules = [
        FairnessRule(measure=name, minimum=0.5) if measure.ratio else FairnessRule(measure=name, maximum=0.5)
        for name, measure in MEASURES.items()
    ]
    asked = replace(GatePolicy(), rules=(MetricRule(metric="accuracy"),), sensitive=("gender",), fairness=tuple(rules))
    table = PlainTable("candidate", rows, N, lambda row: row)
    found = run(Given(Subject(name="candidate", digest="0" * 64), table=table), None, asked).report.findings
    ours = {each.metric: each.candidate for each in found if each.metric in MEASURES}
    assert ours == pytest.approx(fairlearns(drawn), rel=1e-9)

"""Whichever engine counts, the verdict, the counts and the digest are those of files read into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from judged_twice import agree, asked, classified, valued

from mlci.domain.policy import GatePolicy, MetricRule
from mlci.errors import BadValue, DuplicateIds, HoldoutDiffers, IdsDiffer, UsageError
from mlci.ports import Engine

BINARY = ("accuracy", "f1", "mcc", "balanced_accuracy", "precision_weighted", "log_loss", "brier", "roc_auc")
VALUES = ("rmse", "mae", "r2", "mape", "smape", "wape")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize("decimals", [1, 16])
def test_two_classes_with_slices_ties_and_a_column_of_ones_own(
    tmp_path: Path, engine: Engine, ending: str, decimals: int
) -> None:
    wanted = asked(*BINARY, MetricRule(metric="cost", better="lower"), MetricRule(metric="nowhere"))
    agree(
        tmp_path,
        engine,
        classified(400, 1, decimals=decimals),
        classified(400, 2, decimals=decimals),
        wanted,
        ending,
    )


def test_nothing_is_asked_and_the_usual_metrics_are_judged(tmp_path: Path, engine: Engine) -> None:
    report = agree(tmp_path, engine, classified(300, 1), classified(300, 1), asked(slices=()), "csv")
    assert "identical" in {finding.reason for finding in report.findings}


def test_missing_scores_leave_score_metrics_without_a_value(tmp_path: Path, engine: Engine) -> None:
    candidate, baseline = classified(200, 1, missing=7), classified(200, 2)
    agree(tmp_path, engine, candidate, baseline, asked(*BINARY), "parquet")
    agree(tmp_path, engine, baseline, candidate, asked(*BINARY), "csv")


def test_labels_come_from_scores_where_there_are_no_others(tmp_path: Path, engine: Engine) -> None:
    files = [
        {name: column for name, column in classified(300, seed, missing=3).items() if name != "y_pred"}
        for seed in (1, 2)
    ]
    agree(tmp_path, engine, *files, asked("accuracy", "f1", threshold=0.3), "parquet")


def test_several_classes_as_words(tmp_path: Path, engine: Engine) -> None:
    words = ("cat", "dog's", "na\\ive", "Ω")
    files = [classified(300, seed, words=words) for seed in (1, 2)]
    agree(tmp_path, engine, *files, asked("accuracy", "f1_macro", "mcc", "roc_auc"), "csv")


@pytest.mark.parametrize("level", [0.0, 1000.0])
def test_regression(tmp_path: Path, engine: Engine, level: float) -> None:
    agree(tmp_path, engine, valued(300, 1, level=level), valued(300, 2, level=level), asked(*VALUES), "parquet")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_what_does_not_fit_together_is_the_same_error(tmp_path: Path, engine: Engine, ending: str) -> None:
    whole, wanted = classified(120, 2), asked("accuracy")
    part = {name: column[:-3] for name, column in classified(120, 1).items()}
    twice = {name: [*column, column[5]] for name, column in classified(120, 1).items()}
    other = {**classified(120, 1), "y_true": ["1"] * 120}
    moved = {**classified(120, 1), "region": ["r0'\"\\"] * 120}
    unlabelled = {**whole, "y_true": [None, *whole["y_true"][1:]]}
    for candidate, kind in ((part, IdsDiffer), (twice, DuplicateIds), (other, HoldoutDiffers), (moved, HoldoutDiffers)):
        assert isinstance(agree(tmp_path, engine, candidate, whole, wanted, ending), kind)
    nameless = {**whole, "id": [None, *whole["id"][1:]]}
    for broken in (unlabelled, nameless):
        with pytest.raises(BadValue):
            _streamed(tmp_path, engine, broken, broken, wanted, ending)


def test_what_an_engine_cannot_do_is_refused_by_name(tmp_path: Path, engine: Engine) -> None:
    whole = classified(60, 2)
    with pytest.raises(UsageError, match="pr_auc needs every example at once"):
        _streamed(tmp_path, engine, whole, whole, asked("pr_auc"), "csv")
    with pytest.raises(UsageError, match="weights need every example at once"):
        _streamed(tmp_path, engine, whole, {**whole, "weight": [1.0, 2.0] * 30}, asked("accuracy"), "csv")


def _streamed(folder: Path, engine: Engine, candidate: Any, baseline: Any, policy: GatePolicy, ending: str) -> Any:
    from judged_twice import written

    from mlci.domain.report import Subject
    from mlci.steps.gate_compare import Given, run

    paths = [written(folder, name, of, ending) for name, of in (("candidate", candidate), ("production", baseline))]
    given = (Given(Subject(name=path, digest="0" * 64), path=path) for path in paths)
    return run(*given, policy, engine=engine)

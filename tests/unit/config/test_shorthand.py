"""The short ways of writing mlci.yml mean exactly what the long ways mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keys import key_paths

from mlci.config.duration import Duration
from mlci.config.key import Key
from mlci.config.load import load
from mlci.config.model import Config, Tier
from mlci.config.resolve import resolve
from mlci.config.settings import as_written
from mlci.config.shape import Shape, main_keys, shape_at, shapes
from mlci.config.source import Source
from mlci.config.validation import Notification
from mlci.domain.metric import METRICS
from mlci.domain.policy import Tolerance
from mlci.errors import Contradiction, DuplicateKey, MlciError


def config(folder: Path, text: str, environ: dict[str, str] | None = None) -> Config:
    path = folder / "mlci.yml"
    path.write_text(text, encoding="utf-8")
    return resolve(load(str(path), environ or {}), ()).config


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("registry: http://x", "registry: {uri: http://x}"),
        ("train: python t.py", "train: {command: python t.py}"),
        ("evaluate: python e.py", "evaluate: {command: python e.py}"),
        ("data: {train: a.csv, holdout: b.csv}", "data: {train: {path: a.csv}, holdout: {path: b.csv}}"),
        ("data: {leakage: customer}", "data: {leakage: {key: customer}}"),
        ("validation: {slices: 0.02}", "validation: {slices: {tolerance: 0.02}}"),
        ("validation: {metrics: {f1: 0.02}}", "validation: {metrics: {f1: {tolerance: 0.02}}}"),
        ("validation: {metrics: [f1, brier]}", "validation: {metrics: {f1: {}, brier: {}}}"),
        ("validation: {metrics: [f1]}", "validation: {metrics: {f1: }}"),
        ("validation: {min_f1: 0.8}", "validation: {metrics: {f1: {min: 0.8}}}"),
        ("validation: {max_f1: 0.8}", "validation: {metrics: {f1: {max: 0.8}}}"),
        ("validation: {min_f1: 0.7, max_f1: 0.8}", "validation: {metrics: {f1: {min: 0.7, max: 0.8}}}"),
        ("validation: {min_f1: 0.7, metrics: [f1]}", "validation: {metrics: {f1: {min: 0.7}}}"),
        ("validation: {metrics: {f1: 1%}, min_f1: 0.7}", "validation: {metrics: {f1: {min: 0.7, tolerance: 1%}}}"),
        ("validation: {on_inconclusive: fail}", "validation: {on_inconclusive: {merge: fail, promote: fail}}"),
        ("monitor: {methods: {psi: 0.1}}", "monitor: {methods: {psi: {threshold: 0.1}}}"),
        ("monitor: {on_trigger: retrain}", "monitor: {on_trigger: {action: retrain}}"),
        ("validation: {on-inconclusive: fail}", "validation: {on_inconclusive: fail}"),
        ("validation: {min-roc-auc: 0.8}", "validation: {min_roc_auc: 0.8}"),
        ("validation: {tolerance: -0.005}", "validation: {tolerance: 0.005}"),
        ("validation: {tolerance: -1%}", "validation: {tolerance: 1 %}"),
        ("train: {timeout: 2h}", "train: {timeout: 120m}"),
        ("evaluate: {task: }", "{}"),
        ("validation: {metrics: {}}", "{}"),
        ("validation: {slices: }", "validation: {}"),
    ],
)
def test_the_short_way_and_the_long_way_mean_the_same(tmp_path: Path, short: str, long: str) -> None:
    assert config(tmp_path, short + "\n") == config(tmp_path, long + "\n")


@pytest.mark.parametrize(
    "short",
    [
        "registry: http://x",
        "train: python t.py",
        "data: {train: a.csv}",
        "validation: {slices: 0.02}",
        "validation: {min_f1: 0.8}",
        "monitor: {methods: {psi: 0.1}}",
    ],
)
def test_the_short_way_does_set_something(tmp_path: Path, short: str) -> None:
    assert config(tmp_path, short + "\n") != Config()


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_known_metric_is_limited_under_any_of_its_separators(tmp_path: Path, name: str) -> None:
    value = METRICS[name].low if METRICS[name].low not in (float("-inf"), float("inf")) else 0

    for spelled in (name, name.replace("_", "-"), name.upper()):
        metrics = config(tmp_path, f"validation: {{min_{spelled}: {value:g}}}\n").validation.metrics
        assert list(metrics) == [name]
        assert metrics[name].min == value


def test_two_spellings_of_one_metric_are_one_metric(tmp_path: Path) -> None:
    with pytest.raises(DuplicateKey, match="names roc_auc twice"):
        config(tmp_path, "validation: {metrics: [roc_auc, ROC-AUC]}\n")
    with pytest.raises(DuplicateKey, match="ROC-AUC stands twice, first in line 2"):
        config(tmp_path, "validation:\n  metrics: {roc_auc: 1%, ROC-AUC: 2%}\n")


def test_two_spellings_of_a_key_are_one_key(tmp_path: Path) -> None:
    with pytest.raises(DuplicateKey, match="on-inconclusive stands twice"):
        config(tmp_path, "validation: {on_inconclusive: fail, on-inconclusive: fail}\n")
    with pytest.raises(DuplicateKey, match="min-f1 stands twice"):
        config(tmp_path, "validation: {min_f1: 0.1, min-f1: 0.1}\n")


def test_columns_of_ones_own_that_differ_in_a_separator_are_two(tmp_path: Path) -> None:
    metrics = config(tmp_path, "validation: {min_net_revenue: 1, min_net-revenue: 2}\n").validation.metrics

    assert {name: entry.min for name, entry in metrics.items()} == {"net_revenue": 1, "net-revenue": 2}


def test_a_limit_twice_is_refused_even_if_both_agree(tmp_path: Path) -> None:
    with pytest.raises(Contradiction, match="min of one metric is set twice, here and at") as caught:
        config(tmp_path, "validation: {min_f1: 0.8, metrics: {f1: {min: 0.8}}}\n")

    assert caught.value.help == "keep one of the two"


@pytest.mark.parametrize(("low", "high", "is_refused"), [("0.8", "0.8", False), ("0.8", "0.79", True)])
def test_min_may_equal_max_and_not_exceed_it(tmp_path: Path, low: str, high: str, is_refused: bool) -> None:
    for text in (
        f"validation: {{min_f1: {low}, max_f1: {high}}}\n",
        f"validation: {{fairness: {{gap: {{min: {low}, max: {high}}}}}}}\n",
    ):
        if is_refused:
            with pytest.raises(Contradiction, match=f"min {low} is above max {high}"):
                config(tmp_path, text)
        else:
            assert config(tmp_path, text) != Config()


@pytest.mark.parametrize(("loss", "is_refused"), [("0.5", False), ("0.51", True), ("50%", False), ("50.1%", True)])
def test_a_loss_of_a_half_is_the_largest_that_can_be_meant(tmp_path: Path, loss: str, is_refused: bool) -> None:
    for key in ("tolerance", "slices", "metrics"):
        text = f"validation: {{{key}: {f'{{f1: {loss}}}' if key == 'metrics' else loss}}}\n"
        if is_refused:
            with pytest.raises(MlciError, match="must be at most") as caught:
                config(tmp_path, text)
            assert caught.value.help == "one point is written 0.01, one per cent of production's value 1%"
        else:
            assert config(tmp_path, text) != Config()


def test_a_default_that_is_a_block_keeps_what_was_not_set(tmp_path: Path) -> None:
    approval = config(tmp_path, "approval: {high: {changed: [x]}, low: {params: [lr]}}\n").approval

    assert approval.high == Tier(changed=("x",), approvals=2)
    assert approval.low == Tier(params=("lr",), approvals=0)
    assert approval.medium == Tier()


# Values as they are written back


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Tolerance(0.01), 0.01),
        (Tolerance(0.003, relative=True), "0.3%"),
        (Tolerance(0.1, relative=True), "10%"),
        (Tolerance(0.29, relative=True), "29%"),
        (Duration(90), "90s"),
        (Duration(300), "5m"),
        (Duration(7200), "2h"),
        (Duration(86400), "1d"),
        (Duration(86401), "86401s"),
        (Duration(0.5), "0.5s"),
        (("a", Duration(60)), ["a", "1m"]),
        ({"f1": Tolerance(0.5, relative=True), "x": None}, {"f1": "50%", "x": None}),
        (Notification(slack="#a"), {"slack": "#a"}),
        (Notification(), {}),
        (Tier(from_=("alice",)), {"changed": [], "params": [], "approvals": 1, "from": ["alice"], "by": []}),
        (True, True),
        (None, None),
    ],
)
def test_a_value_is_written_back_as_mlci_yml_spells_it(value: object, written: object) -> None:
    assert as_written(value) == written


@settings(deadline=None)
@given(st.integers(1, 5000).map(lambda tenths: f"{tenths / 100:g}%"))
def test_a_percentage_is_written_back_without_the_dust_of_floats(text: str) -> None:
    tolerance = resolve(
        None, [("validation.tolerance", text, Source("flag", "--tolerance"))]
    ).config.validation.tolerance

    assert as_written(tolerance) == text


@settings(deadline=None)
@given(st.integers(1, 9999), st.sampled_from("smhd"))
def test_a_time_is_written_back_in_the_largest_unit_that_is_whole(number: int, unit: str) -> None:
    seconds = number * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    written = str(Duration(seconds))

    assert int(written[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[written[-1]] == seconds
    assert "smhd".index(written[-1]) >= "smhd".index(unit)


# Shapes


def test_only_what_has_parts_can_be_asked_for_them() -> None:
    text = Shape("text", Key(help=""))

    with pytest.raises(TypeError, match="a text has no keys"):
        _ = text.dataclass
    with pytest.raises(TypeError, match="a text has no items"):
        _ = text.inner


def test_a_block_knows_its_keys_in_the_order_of_the_model() -> None:
    assert list(shapes(Config))[:3] == ["model", "registry", "code"]
    assert "from" in shapes(Tier)


@pytest.mark.parametrize("path", key_paths())
def test_a_main_key_is_a_single_value_of_its_block(path: str) -> None:
    shape = shape_at(Config, path)
    inner = shape.item if shape.kind in ("mapping", "list") else shape
    if inner is None or inner.kind != "block":
        return
    known = shapes(inner.dataclass)
    for name in main_keys(inner.dataclass):
        assert known[name].kind not in ("block", "mapping", "list")
    assert len({known[name].kind for name in main_keys(inner.dataclass)}) <= 1


def test_a_path_below_a_single_value_is_no_key() -> None:
    with pytest.raises(KeyError, match="model"):
        shape_at(Config, "model.name")

"""Which of several sources holds for a key, for every key that an option can override."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.config.load import load
from mlci.config.model import Config
from mlci.config.policy import gate_policy
from mlci.config.resolve import Override, Resolved, resolve
from mlci.config.settings import Setting
from mlci.config.source import DEFAULT, Source
from mlci.domain.policy import Tolerance
from mlci.errors import DuplicateKey, MlciError
from mlci.surface.pipeline import GATE_COMPARE

# A file's line, a variable's text and a flag's text for every key that gate-compare can override.
WAYS = {
    "validation.metrics": ("validation: {metrics: [f1]}", "recall", "brier"),
    "validation.tolerance": ("validation: {tolerance: 0.03}", "0.02", "0.01"),
    "validation.confidence": ("validation: {confidence: 0.9}", "0.91", "0.92"),
    "validation.thresholds": ("validation: {thresholds: interval}", "point", "interval"),
    "validation.on_inconclusive": ("validation: {on_inconclusive: pass}", "warn", "fail"),
    "validation.require_predictions": ("validation: {require_predictions: true}", "false", "true"),
    "evaluate.slices": ("evaluate: {slices: [a]}", "b", "c"),
    "evaluate.id": ("evaluate: {id: a}", "b", "c"),
    "evaluate.target": ("evaluate: {target: a}", "b", "c"),
    "evaluate.prediction": ("evaluate: {prediction: a}", "b", "c"),
    "evaluate.score": ("evaluate: {score: a}", "b", "c"),
    "evaluate.weight": ("evaluate: {weight: a}", "b", "c"),
    "evaluate.group": ("evaluate: {group: a}", "b", "c"),
    "evaluate.task": ("evaluate: {task: binary}", "multiclass", "regression"),
    "evaluate.positive": ("evaluate: {positive: a}", "b", "c"),
    "evaluate.threshold": ("evaluate: {threshold: 0.1}", "0.2", "0.3"),
    "evaluate.missing": ("evaluate: {missing: intersect}", "error", "intersect"),
    "evaluate.duplicates": ("evaluate: {duplicates: cluster}", "error", "cluster"),
    "registry.uri": ("registry: sqlite:///a.db", "sqlite:///b.db", "https://c.invalid"),
    "evaluate.nan": ("evaluate: {nan: fail-example}", "error", "fail-example"),
}
VARIABLE, FLAG = Source("environment", "MLCI_X"), Source("flag", "--x")


def from_file(folder: Path, text: str, *overrides: Override, environ: dict[str, str] | None = None) -> Resolved:
    path = folder / "mlci.yml"
    path.write_text(text + "\n", encoding="utf-8")
    return resolve(load(str(path), environ or {}), overrides)


def alone(path: str, text: str) -> Config:
    return resolve(None, [(path, text, FLAG)]).config


def test_every_key_that_an_option_overrides_is_tried_here() -> None:
    assert set(WAYS) == {param.overrides for param in GATE_COMPARE.params if param.overrides}


@pytest.mark.parametrize("path", WAYS)
def test_a_variable_holds_before_the_file_and_a_flag_before_both(tmp_path: Path, path: str) -> None:
    line, variable, flag = WAYS[path]
    only_file = from_file(tmp_path, line).config
    both = from_file(tmp_path, line, (path, variable, VARIABLE)).config
    given_ = [(path, flag, FLAG), (path, variable, VARIABLE)]

    assert only_file != Config()
    assert both == alone(path, variable) != only_file
    for order in permutations(given_):
        assert from_file(tmp_path, line, *order).config == alone(path, flag) != both


@pytest.mark.parametrize("path", WAYS)
def test_an_option_touches_its_own_key_only(path: str) -> None:
    before, after = resolve(None, ()).values, resolve(None, [(path, WAYS[path][2], FLAG)]).values
    changed = {key for key in after if before.get(key) != after[key]}

    assert changed <= {key for key in after if key == path or key.startswith(f"{path}.")}
    assert {after[key].source for key in changed} <= {FLAG, DEFAULT}


@pytest.mark.parametrize("path", WAYS)
def test_blanks_around_an_option_mean_nothing(path: str) -> None:
    assert alone(path, f"  {WAYS[path][1]}\n") == alone(path, WAYS[path][1])


def test_of_two_flags_for_one_key_the_later_holds() -> None:
    first, second = ("evaluate.id", "a", FLAG), ("evaluate.id", "b", FLAG)

    assert resolve(None, [first, second]).config.evaluate.id == "b"
    assert resolve(None, [second, first]).config.evaluate.id == "a"


def test_a_wrong_variable_is_an_error_even_where_a_flag_would_hold() -> None:
    with pytest.raises(MlciError) as caught:
        resolve(None, [("validation.confidence", "7", VARIABLE), ("validation.confidence", "0.9", FLAG)])

    assert str(caught.value.place) == "MLCI_X"


def test_an_override_of_half_a_block_leaves_the_other_half_to_the_file(tmp_path: Path) -> None:
    resolved = from_file(
        tmp_path, "validation: {on_inconclusive: fail}", ("validation.on_inconclusive.merge", "pass", FLAG)
    )

    assert resolved.config.validation.on_inconclusive.merge == "pass"
    assert resolved.config.validation.on_inconclusive.promote == "fail"
    assert resolved.values["validation.on_inconclusive.merge"].source == FLAG
    assert resolved.values["validation.on_inconclusive.promote"].source.kind == "file"


def test_metrics_are_judged_in_the_order_of_the_flag(tmp_path: Path) -> None:
    resolved = from_file(
        tmp_path, "validation: {metrics: [f1, recall, brier]}", ("validation.metrics", "brier,AUC,f1", FLAG)
    )

    assert list(resolved.config.validation.metrics) == ["brier", "roc_auc", "f1"]
    assert [rule.metric for rule in gate_policy(resolved.config).rules] == ["brier", "roc_auc", "f1"]


def test_a_limit_of_the_file_keeps_its_place_when_a_flag_names_its_metric(tmp_path: Path) -> None:
    values = from_file(tmp_path, "validation: {min_f1: 0.8}", ("validation.metrics", "f1", FLAG)).values

    assert str(values["validation.metrics.f1.min"].source).endswith("mlci.yml:1:22")
    assert values["validation.metrics.f1.max"].source == DEFAULT


def test_a_replaced_value_is_shown_in_clear_when_a_flag_holds_instead(tmp_path: Path) -> None:
    line, environ = "evaluate: {id: '${COLUMN}'}", {"COLUMN": "secret"}

    assert from_file(tmp_path, line, environ=environ).values["evaluate.id"].shown == "${COLUMN}"
    overridden = from_file(tmp_path, line, ("evaluate.id", "row", FLAG), environ=environ).values["evaluate.id"]
    assert (overridden.value, overridden.shown) == ("row", None)


def test_an_option_does_not_expand_references() -> None:
    assert alone("evaluate.id", "${HOME}").evaluate.id == "${HOME}"


@pytest.mark.parametrize("text", ["0.03", "3%"])
def test_a_setting_shows_its_value_and_where_it_was_set(text: str) -> None:
    assert repr(Setting(text, FLAG)) == f"Setting('{text}', --x)"
    assert text not in repr(Setting(text, FLAG, shown="${LOSS}"))


def test_a_column_twice_names_the_column_and_the_option() -> None:
    with pytest.raises(DuplicateKey) as caught:
        resolve(None, [("evaluate.slices", "a\nb,a", FLAG)])

    assert caught.value.cause == "evaluate.slices names a twice"
    assert str(caught.value.place) == "--x"


@pytest.mark.parametrize(
    ("line", "unsupported"),
    [
        ("{}", ()),
        ("validation: {compare_to: production}", ()),
        ("validation: {compare_to: v7}", ("validation.compare_to: v7",)),
        ("validation: {hardware: t4, price_per_hour: 0.5}", ()),
        ("validation: {anchor_tolerance: 0.02}", ()),
        (
            "validation: {anchor_tolerance: 0, hardware: t4, fairness: {b: {max: 1}, a: {}}}",
            ("validation.fairness.b", "validation.fairness.a"),
        ),
    ],
)
def test_every_rule_that_the_gate_cannot_judge_is_named_in_a_fixed_order(
    tmp_path: Path, line: str, unsupported: tuple[str, ...]
) -> None:
    assert gate_policy(from_file(tmp_path, line).config).unsupported == unsupported


@settings(deadline=None)
@given(st.permutations(sorted(WAYS)))
def test_the_order_of_the_options_does_not_matter(paths: list[str]) -> None:
    overrides = [(path, WAYS[path][2], FLAG) for path in paths]
    reference = [(path, WAYS[path][2], FLAG) for path in WAYS]

    assert resolve(None, overrides) == resolve(None, reference)


@settings(deadline=None)
@given(st.floats(0, 0.5, allow_nan=False))
def test_a_loss_given_by_an_option_is_the_loss_that_holds(loss: float) -> None:
    assert alone("validation.tolerance", repr(loss)).validation.tolerance == Tolerance(loss)

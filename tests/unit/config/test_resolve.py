"""Flag before environment before file before default."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keys import key_paths

from mlci.config.load import Loaded, load
from mlci.config.model import Config
from mlci.config.resolve import Override, names_in, resolve
from mlci.config.settings import as_written
from mlci.config.source import Source
from mlci.config.validation import MetricPolicy
from mlci.domain.policy import Tolerance
from mlci.errors import Contradiction, DuplicateKey, MlciError, OutOfRange, SeveralErrors, WrongType

FLAG = Source("flag", "--tolerance")
VARIABLE = Source("environment", "MLCI_GATE_COMPARE_TOLERANCE")


def loaded(folder: Path, text: str, environ: dict[str, str] | None = None) -> Loaded | None:
    path = folder / "mlci.yml"
    path.write_text(text, encoding="utf-8")
    return load(str(path), environ or {})


def flag(path: str, text: str, name: str = "--flag") -> Override:
    return (path, text, Source("flag", name))


def test_nothing_at_all_gives_the_defaults() -> None:
    resolved = resolve(None, ())

    assert resolved.config == Config()
    assert {value.source.kind for value in resolved.values.values()} == {"default"}


@pytest.mark.parametrize(
    ("given_by", "expected"),
    [
        ({"flag", "environment", "file"}, ("flag", 0.01)),
        ({"environment", "file"}, ("environment", 0.02)),
        ({"file"}, ("file", 0.03)),
        (set(), ("default", None)),
    ],
)
def test_the_nearest_source_holds(tmp_path: Path, given_by: set[str], expected: tuple[str, float | None]) -> None:
    file = loaded(tmp_path, "validation: {tolerance: 0.03}\n") if "file" in given_by else None
    overrides: list[Override] = []
    if "flag" in given_by:
        overrides.append(("validation.tolerance", "0.01", FLAG))
    if "environment" in given_by:
        overrides.append(("validation.tolerance", "0.02", VARIABLE))
    resolved = resolve(file, overrides)
    kind, value = expected

    assert resolved.values["validation.tolerance"].source.kind == kind
    assert resolved.config.validation.tolerance == (None if value is None else Tolerance(value))


def test_every_value_names_its_source(tmp_path: Path) -> None:
    values = resolve(loaded(tmp_path, "model: churn\n"), [("validation.tolerance", "1%", FLAG)]).values

    assert str(values["model"].source) == f"{tmp_path}/mlci.yml:1:8"
    assert str(values["validation.tolerance"].source) == "--tolerance"
    assert str(values["validation.confidence"].source) == "default"


@pytest.mark.parametrize("text", ["", " ", "\n", " \n\t"])
def test_an_empty_override_is_not_given(tmp_path: Path, text: str) -> None:
    file = loaded(tmp_path, "validation: {tolerance: 0.03, metrics: [f1]}\nevaluate: {slices: [region]}\n")
    paths = ("validation.tolerance", "validation.metrics", "evaluate.slices", "validation.on_inconclusive")

    assert resolve(file, [flag(path, text) for path in paths]) == resolve(file, ())


@pytest.mark.parametrize("path", ["validation.metrics", "evaluate.slices"])
def test_a_list_of_nothing_but_separators_is_not_given(tmp_path: Path, path: str) -> None:
    file = loaded(tmp_path, "validation: {metrics: [f1]}\nevaluate: {slices: [region]}\n")

    assert resolve(file, [flag(path, " ,\n, ")]) == resolve(file, ())


@pytest.mark.parametrize("text", ["region, plan", "region\nplan\n", "\n region \n\n plan,", "region,plan"])
def test_a_list_is_given_in_lines_or_with_commas(text: str) -> None:
    assert resolve(None, [flag("evaluate.slices", text)]).config.evaluate.slices == ("region", "plan")


def test_names_keep_their_inner_blanks() -> None:
    assert names_in("customer region\nplan type") == ["customer region", "plan type"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("train: [a, x], train: [b, x]\ngate", ["train: [a, x]", "train: [b, x]", "gate"]),
        ("train: [a, x]", ["train: [a, x]"]),
        ("a[0], b", ["a[0]", "b"]),
        ("[a, b", ["[a", "b"]),
        ("a], b", ["a]", "b"]),
        ("[[a, b], c", ["[[a, b]", "c"]),
        ("[" * 100_000, ["[" * 100_000]),
    ],
)
def test_a_comma_within_brackets_is_part_of_the_name(text: str, names: list[str]) -> None:
    assert names_in(text) == names


@settings(deadline=None)
@given(
    st.lists(st.text("abc-_ 1", min_size=1).map(str.strip).filter(bool), max_size=6),
    st.sampled_from([",", "\n", " ,\n "]),
)
def test_any_names_survive_being_written_as_a_list(names: list[str], separator: str) -> None:
    assert names_in(separator.join(names)) == names


def test_a_name_twice_in_an_override_is_refused() -> None:
    with pytest.raises(DuplicateKey, match="names f1 twice") as caught:
        resolve(None, [flag("validation.metrics", "f1, F1", "--metrics")])

    assert str(caught.value.place) == "--metrics"


def test_metrics_named_by_a_flag_keep_the_limits_of_the_file_and_drop_the_others(tmp_path: Path) -> None:
    file = loaded(tmp_path, "validation: {min_f1: 0.8, min_recall: 0.5, metrics: {brier: 0.01}}\n")
    resolved = resolve(file, [flag("validation.metrics", "roc-auc, f1")])

    assert resolved.config.validation.metrics == {"roc_auc": MetricPolicy(), "f1": MetricPolicy(min=0.8)}


def test_one_word_overrides_both_halves_of_a_block(tmp_path: Path) -> None:
    file = loaded(tmp_path, "validation: {on_inconclusive: {merge: pass, promote: warn}}\n")
    resolved = resolve(file, [flag("validation.on_inconclusive", "fail")]).config.validation.on_inconclusive

    assert (resolved.merge, resolved.promote) == ("fail", "fail")


def test_an_override_leaves_its_neighbours_alone(tmp_path: Path) -> None:
    file = loaded(tmp_path, "validation: {tolerance: 0.03, confidence: 0.9}\n")
    validation = resolve(file, [("validation.tolerance", "0.01", FLAG)]).config.validation

    assert validation.confidence == 0.9


def test_resolving_twice_gives_the_same_and_changes_nothing(tmp_path: Path) -> None:
    file = loaded(tmp_path, "validation: {tolerance: 0.03, metrics: [f1]}\n")
    first = resolve(file, [flag("validation.metrics", "recall")])

    assert resolve(file, [flag("validation.metrics", "recall")]) == first
    assert list(resolve(file, ()).config.validation.metrics) == ["f1"]


@pytest.mark.parametrize(
    ("path", "text", "error"),
    [
        ("validation.tolerance", "much", WrongType),
        ("validation.tolerance", "60%", OutOfRange),
        ("validation.confidence", "1", OutOfRange),
        ("evaluate.task", "binray", OutOfRange),
        ("validation.require_predictions", "yes", WrongType),
        ("evaluate.threshold", "nan", OutOfRange),
        ("validation.on_inconclusive", "block", OutOfRange),
        ("model", "../x", OutOfRange),
    ],
)
def test_a_wrong_override_gives_the_same_error_as_in_the_file_and_names_the_flag(
    path: str, text: str, error: type[MlciError]
) -> None:
    with pytest.raises(error) as caught:
        resolve(None, [flag(path, text, "--that-flag")])

    assert str(caught.value.place) == "--that-flag"
    assert path in caught.value.cause


def test_all_wrong_overrides_are_reported_together() -> None:
    with pytest.raises(SeveralErrors) as caught:
        resolve(None, [flag("validation.confidence", "2", "--a"), flag("evaluate.task", "x", "--b")])

    assert {str(problem.place) for problem in caught.value.problems} == {"--a", "--b"}


def test_a_tolerance_that_only_a_regression_can_mean_is_refused_without_one(tmp_path: Path) -> None:
    with pytest.raises(OutOfRange, match="accuracy"):
        resolve(None, [("validation.tolerance", "5", FLAG)])
    regression = resolve(None, [("validation.tolerance", "5", FLAG), flag("evaluate.task", "regression")])
    named = resolve(loaded(tmp_path, "validation: {metrics: [rmse, revenue]}\n"), [("validation.tolerance", "5", FLAG)])

    assert regression.config.validation.tolerance == named.config.validation.tolerance == Tolerance(5.0)


def test_a_metric_with_a_tolerance_of_its_own_does_not_mind_the_common_one(tmp_path: Path) -> None:
    text = "validation: {{tolerance: 5, metrics: {{f1: {own}, rmse: {{}}}}}}\n"

    assert loaded(tmp_path, text.format(own="0.01")) is not None
    with pytest.raises(OutOfRange, match="f1"):
        loaded(tmp_path, text.format(own="{}"))


def test_a_tolerance_of_slices_holds_for_every_metric(tmp_path: Path) -> None:
    with pytest.raises(OutOfRange, match=r"validation\.slices\.tolerance"):
        loaded(tmp_path, "validation: {slices: 5, metrics: {f1: 0.01, rmse: 3}}\n")


def test_an_override_can_contradict_the_file(tmp_path: Path) -> None:
    file = loaded(tmp_path, "validation: {tolerance: 5, metrics: [rmse, mae]}\n")

    with pytest.raises(OutOfRange):
        resolve(file, [flag("validation.metrics", "f1, rmse")])


def test_a_stage_that_is_required_must_be_a_stage(tmp_path: Path) -> None:
    with pytest.raises(Contradiction) as caught:
        loaded(tmp_path, "promote: {require: {prodution: [gate]}}\n")

    assert caught.value.help == "did you mean production?"


def test_values_come_in_the_order_of_the_model(tmp_path: Path) -> None:
    shuffled = resolve(loaded(tmp_path, "validation: {tolerance: 1%}\nmodel: churn\n"), ()).values

    assert list(shuffled) == list(resolve(None, ()).values)


def test_a_value_from_a_variable_carries_what_may_be_shown(tmp_path: Path) -> None:
    text = (
        "model: ${MODEL}\nevaluate: {slices: [a, '${COLUMN}']}\nvalidation: {notify_on_fail: [{slack: '${MODEL}'}]}\n"
    )
    values = resolve(loaded(tmp_path, text, {"MODEL": "churn", "COLUMN": "b"}), ()).values

    assert values["model"].shown == "${MODEL}"
    assert values["evaluate.slices"].shown == "[a, ${COLUMN}]"
    assert values["validation.notify_on_fail"].shown == "[${MODEL}]"
    assert values["evaluate.slices"].value == ("a", "b")


def test_every_key_path_names_a_shape() -> None:
    assert "validation.on_inconclusive.merge" in key_paths()
    assert len(key_paths()) == len(set(key_paths()))


@settings(deadline=None)
@given(st.sampled_from(["0.25", "10%", "0.003", "12.5%", "0"]))
def test_a_tolerance_as_it_is_written_reads_back_as_itself(text: str) -> None:
    tolerance = resolve(None, [("validation.tolerance", text, FLAG)]).config.validation.tolerance
    again = resolve(None, [("validation.tolerance", str(as_written(tolerance)), FLAG)]).config.validation.tolerance

    assert again == tolerance

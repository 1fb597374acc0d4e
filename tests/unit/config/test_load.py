"""mlci.yml → settings: what is set, where it stands, and what a problem says."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlci.config.load import Loaded, load
from mlci.config.model import Config, Tier
from mlci.config.quote import nearest, printable, quote, without_credentials
from mlci.config.reference import Unresolved, expand
from mlci.config.resolve import resolve
from mlci.config.validation import Notification
from mlci.domain.policy import Tolerance
from mlci.errors import (
    Contradiction,
    DuplicateKey,
    FileMissing,
    MlciError,
    ReferenceMissing,
    SeveralErrors,
    UnknownKey,
    WrongType,
)


def config(folder: Path, text: str, environ: dict[str, str] | None = None) -> Config:
    path = folder / "mlci.yml"
    path.write_text(text, encoding="utf-8")
    return resolve(load(str(path), environ or {}), ()).config


def problem(folder: Path, text: str, environ: dict[str, str] | None = None) -> MlciError:
    with pytest.raises(MlciError) as caught:
        config(folder, text, environ)
    return caught.value


def test_unknown_key_names_its_place_and_the_nearest_key(tmp_path: Path) -> None:
    error = problem(tmp_path, "model: churn\nvalidation:\n  tolerence: 0.01\n")

    assert isinstance(error, UnknownKey)
    assert str(error.place) == f"{tmp_path}/mlci.yml:3:3"
    assert error.help == "did you mean tolerance?"


def test_unknown_key_with_nothing_near_names_the_keys_there_are(tmp_path: Path) -> None:
    assert problem(tmp_path, "approval: {zzz: 1}\n").help == "the keys here are low, medium, high, otherwise, regulated"


def test_a_misspelt_limit_names_the_limit(tmp_path: Path) -> None:
    assert problem(tmp_path, "validation: {mni_roc_auc: 0.8}\n").help == "did you mean min_roc_auc?"


def test_a_wrong_value_names_the_place_of_the_value(tmp_path: Path) -> None:
    error = problem(tmp_path, "evaluate:\n  target: 7\n")

    assert isinstance(error, WrongType)
    assert str(error.place) == f"{tmp_path}/mlci.yml:2:11"
    assert error.help == 'put quotes around it: "7"'


def test_all_problems_are_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "validation:\n  min_f1: 0.9\n  max_f1: 0.8\n  confidence: 7\nmodle: churn\nmodel: ${NOT_SET}\n"
    error = problem(tmp_path, text)

    assert isinstance(error, SeveralErrors)
    assert [(one.id, one.place.line) for one in error.problems if one.place] == [
        ("C008", 2),
        ("C004", 4),
        ("C002", 5),
        ("C006", 6),
    ]


def test_a_single_problem_is_not_wrapped(tmp_path: Path) -> None:
    assert not isinstance(problem(tmp_path, "modle: churn\n"), SeveralErrors)


def test_a_key_twice_names_both_lines(tmp_path: Path) -> None:
    error = problem(tmp_path, "model: a\n\nmodel: b\n")

    assert isinstance(error, DuplicateKey)
    assert "first in line 1" in error.cause
    assert str(error.place).endswith(":3:1")


def test_a_limit_in_two_ways_names_both_places(tmp_path: Path) -> None:
    error = problem(tmp_path, "validation:\n  metrics: {f1: {min: 0.8}}\n  min-f1: 0.9\n")

    assert isinstance(error, Contradiction)
    assert "mlci.yml:2:23" in error.cause
    assert str(error.place).endswith(":3:11")


def test_an_own_key_holds_against_a_merged_one_in_the_other_spelling(tmp_path: Path) -> None:
    text = "approval:\n  low: &a {changed: [x], approvals: 1}\n  high: {approvals: 2, <<: *a}\n"

    assert config(tmp_path, text).approval.high == Tier(changed=("x",), approvals=2)


def test_the_first_of_several_merged_blocks_holds_with_all_that_it_merges(tmp_path: Path) -> None:
    text = (
        "approval:\n  low: &a {approvals: 1}\n  medium: &b {<<: *a, changed: [b]}\n"
        "  high: {<<: [*b, {approvals: 3, params: [c]}]}\n"
    )

    assert config(tmp_path, text).approval.high == Tier(changed=("b",), params=("c",), approvals=1)


def test_metrics_keep_the_order_of_the_file_whichever_way_they_are_named(tmp_path: Path) -> None:
    text = "validation:\n  min_recall: 0.5\n  metrics: {brier: 0.01, f1: {}}\n  max_log-loss: 0.7\n  min_f1: 0.2\n"

    assert list(config(tmp_path, text).validation.metrics) == ["recall", "brier", "f1", "log_loss"]


def test_an_own_column_keeps_its_spelling_and_a_known_metric_gets_its_own(tmp_path: Path) -> None:
    metrics = config(
        tmp_path, "validation: {min_AUC: 0.7, min-Net-Revenue: 3, metrics: [Latency p95]}\n"
    ).validation.metrics

    assert list(metrics) == ["roc_auc", "Net-Revenue", "Latency p95"]
    assert metrics["Net-Revenue"].min == 3


def test_a_scalar_for_a_block_with_two_main_keys_sets_both(tmp_path: Path) -> None:
    on_inconclusive = config(tmp_path, "validation: {on_inconclusive: fail}\n").validation.on_inconclusive

    assert (on_inconclusive.merge, on_inconclusive.promote) == ("fail", "fail")


def test_a_wrong_scalar_for_a_block_with_two_main_keys_is_one_problem(tmp_path: Path) -> None:
    assert not isinstance(problem(tmp_path, "validation: {on_inconclusive: block}\n"), SeveralErrors)


def test_an_empty_value_leaves_the_default(tmp_path: Path) -> None:
    assert config(tmp_path, "train: {seed: , device: '', timeout: ~}\nregistry:\n") == Config()


def test_an_empty_list_is_a_value(tmp_path: Path) -> None:
    assert config(tmp_path, "promote: {stages: []}\n").promote.stages == ()


def test_a_list_of_blocks_is_read(tmp_path: Path) -> None:
    text = 'validation:\n  notify_on_fail:\n    - slack: "#a"\n    - {slack: "#b"}\n'

    assert config(tmp_path, text).validation.notify_on_fail == (Notification("#a"), Notification("#b"))


def test_a_key_that_python_reserves_is_spelled_as_users_do(tmp_path: Path) -> None:
    assert config(tmp_path, "approval: {high: {from: [alice]}}\n").approval.high.from_ == ("alice",)
    assert isinstance(problem(tmp_path, "approval: {high: {from_: [alice]}}\n"), UnknownKey)


# References


def test_a_reference_takes_the_type_of_its_key(tmp_path: Path) -> None:
    environ = {"LIMIT": "0.8", "LOSS": "2%", "YES": "true", "COLUMN": "2024"}
    text = (
        "validation:\n  min_f1: ${LIMIT}\n  tolerance: '${LOSS}'\n  require_predictions: ${YES}\n"
        "evaluate: {slices: [a, '${COLUMN}']}\n"
    )
    read = config(tmp_path, text, environ)

    assert read.validation.metrics["f1"].min == 0.8
    assert read.validation.tolerance == Tolerance(0.02, relative=True)
    assert read.validation.require_predictions is True
    assert read.evaluate.slices == ("a", "2024")


@pytest.mark.parametrize("environ", [{}, {"LIMIT": ""}])
def test_a_limit_whose_variable_is_not_set_or_empty_is_an_error_and_not_no_limit(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    error = problem(tmp_path, "validation:\n  min_f1: ${LIMIT}\n", environ)

    assert isinstance(error, ReferenceMissing)
    assert "LIMIT" in error.cause
    assert str(error.place).endswith(":2:11")


def test_references_are_not_replaced_in_keys(tmp_path: Path) -> None:
    assert isinstance(problem(tmp_path, "${MODEL}: churn\n", {"MODEL": "model"}), UnknownKey)


def test_what_a_variable_holds_is_not_expanded_again() -> None:
    assert expand("${A}", {"A": "${B}", "B": "no"}) == ("${B}", True)


def test_an_escaped_reference_is_a_text() -> None:
    assert expand("$${A} $A $$ ${B}", {"B": "b"}) == ("${A} $A $$ b", True)


@pytest.mark.parametrize("text", ["${}", "${A", "${A:-b}", "${A B}", "${1}", "a ${-}"])
def test_what_only_resembles_a_reference_is_an_error(text: str) -> None:
    with pytest.raises(Unresolved):
        expand(text, {"A": "a"})


@settings(deadline=None)
@given(st.text())
def test_a_text_without_an_opening_brace_is_left_alone(text: str) -> None:
    plain = text.replace("${", "$")

    assert expand(plain, {}) == (plain, False)


SECRET_PLACES = [
    "model: ${TOKEN}", "validation: {confidence: '${TOKEN}'}", "validation: {min_f1: '${TOKEN}'}",
    "train: {timeout: '${TOKEN}'}", "train: {device: '${TOKEN}'}", "validation: {tolerance: '${TOKEN}'}",
    "validation: {require_predictions: '${TOKEN}'}", "promote: {stages: ['${TOKEN}']}", "train: {seed: '${TOKEN}'}",
    "evaluate: {slices: ['${TOKEN}', '${TOKEN}']}", "validation: {metrics: ['${TOKEN}', '${TOKEN}']}",
    "validation: {metrics: {f1: '${TOKEN}'}}",
]  # fmt: skip


@pytest.mark.parametrize("text", SECRET_PLACES)
def test_no_error_shows_what_a_variable_holds(tmp_path: Path, text: str) -> None:
    error = problem(tmp_path, text + "\n", {"TOKEN": "s3cr3t/value"})

    assert "s3cr3t" not in str(error)
    assert "${TOKEN}" in str(error)


def test_a_contradiction_does_not_show_what_a_variable_holds(tmp_path: Path) -> None:
    text = "validation: {min_f1: '${A}', max_f1: 0.5, metrics: {rmse: {min: '${B}', max: 1}}, tolerance: '${C}'}\n"
    error = problem(tmp_path, text, {"A": "0.987654", "B": "31415", "C": "27182"})

    assert not {"0.987654", "31415", "27182"} & set(str(error).replace(",", " ").split())
    assert str(error).count("${") >= 2


def test_settings_do_not_show_what_a_variable_holds(tmp_path: Path) -> None:
    path = tmp_path / "mlci.yml"
    path.write_text("model: ${TOKEN}\n")
    loaded = load(str(path), {"TOKEN": "s3cr3t"})

    assert isinstance(loaded, Loaded)
    assert "s3cr3t" not in repr(loaded)
    assert "s3cr3t" not in repr(loaded.settings)


def test_a_reference_without_quotes_between_braces_gets_a_hint(tmp_path: Path) -> None:
    error = problem(tmp_path, "validation: {min_f1: ${LIMIT}}\n", {"LIMIT": "0.8"})

    assert error.id == "C001"
    assert error.help == "inside { } and [ ], a ${NAME} reference needs quotes around it"


# Files


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="does not exist"):
        load(str(tmp_path / "mlci.yml"), {})


def test_the_default_file_may_be_absent(tmp_path: Path) -> None:
    assert load(str(tmp_path / "mlci.yml"), {}, required=False) is None


def test_a_folder_is_no_configuration_file(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="cannot be read"):
        load(str(tmp_path), {}, required=False)


def test_a_name_that_no_file_can_have_is_an_error_and_not_a_crash() -> None:
    with pytest.raises(FileMissing):
        load("a\0b", {})


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device without end")
def test_a_file_without_end_is_read_to_the_limit_only() -> None:
    with pytest.raises(MlciError, match="1 MiB"):
        load("/dev/zero", {})


def test_loading_reads_no_environment_but_the_one_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "MODEL", "from-the-process")

    assert isinstance(problem(tmp_path, "model: ${MODEL}\n", {}), ReferenceMissing)


# Hostile text in messages


def test_a_key_that_would_move_the_cursor_is_escaped(tmp_path: Path) -> None:
    text = str(problem(tmp_path, '"mod\\e[2Kel": churn\n'))

    assert "\x1b" not in text
    assert r"\x1b" in text


def test_a_value_that_would_turn_the_line_around_is_escaped(tmp_path: Path) -> None:
    assert "‮" not in str(problem(tmp_path, 'model: "a‮b"\n'))


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    assert len(str(problem(tmp_path, f"model: {'x/' * 5000}\n"))) < 500


@settings(deadline=None)
@given(st.text(max_size=300))
def test_quoted_text_prints_on_one_line_and_is_short(text: str) -> None:
    for shown in (quote(text), printable(text)):
        assert shown.isprintable()
        assert len(shown) <= 10 * 61 + 3


def test_credentials_in_an_address_are_left_out() -> None:
    assert (
        without_credentials("postgresql://u:p%40@host/db and https://t@h")
        == "postgresql://***@host/db and https://***@h"
    )
    # What could be a password is taken for one: a path with an @ loses its host, which harms nobody.
    assert without_credentials("https://host/a@b") == "https://***@b"


def test_the_nearest_word_is_offered_only_if_one_is_near() -> None:
    assert nearest("tolerence", ["tolerance", "target"]) == "did you mean tolerance?"
    assert nearest("xyz", ["tolerance"]) is None


WORDS = re.findall(
    r"\S+",
    "model data train holdout path validation metrics f1 min max min_f1 max-f1 tolerance slices fairness evaluate "
    "target promote stages require approval low from monitor methods psi threshold x <<",
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    st.recursive(
        st.sampled_from(
            ["", "~", "0.5", "-1", "10%", "yes", "true", "a", "'1'", "[a, a]", "${X}", "${Y}", "5m", "production"]
        ),
        lambda inner: st.dictionaries(
            st.sampled_from(WORDS),
            inner,
            min_size=1,
            max_size=4,
        ).map(lambda block: "{" + ", ".join(f"{name}: {value}" for name, value in block.items()) + "}"),
        max_leaves=8,
    )
)
def test_any_block_of_known_words_is_read_or_refused_with_places(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mlci.yml"
    path.write_text(text, encoding="utf-8")
    try:
        resolve(load(str(path), {"X": "0.5"}), ())
    except MlciError as error:
        problems = error.problems if isinstance(error, SeveralErrors) else [error]
        assert all(one.id.startswith("C") and one.place is not None for one in problems)

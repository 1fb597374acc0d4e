"""What a problem of mlci.yml says: its id, line and column, its cause, and what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.config.load import load
from mlci.config.problems import flat, raise_all
from mlci.config.quote import one_line, printable, quote
from mlci.config.source import DEFAULT, Source
from mlci.errors import Exit, MlciError, OutOfRange, Place, SeveralErrors, UnknownKey, UsageError


def problems(folder: Path, text: str, environ: dict[str, str] | None = None) -> list[MlciError]:
    path = folder / "mlci.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MlciError) as caught:
        load(str(path), environ or {})
    return flat([caught.value])


def problem(folder: Path, text: str, environ: dict[str, str] | None = None) -> MlciError:
    (only,) = problems(folder, text, environ)
    return only


def spot(error: MlciError) -> tuple[str, int | None, int | None]:
    assert error.place is not None
    return error.id, error.place.line, error.place.column


@pytest.mark.parametrize(
    ("text", "where", "cause", "hint"),
    [
        ("- model\n", ("C003", 1, 1), "the file must be a block of keys, such as model: churn", None),
        ("churn\n", ("C003", 1, 1), "the file must be a block of keys, such as model: churn", None),
        (
            "train: [python]\n", ("C003", 1, 8),
            "train must be a block with keys such as command, python, params, seed, seeds, device, timeout, profiles",
            None,
        ),
        (
            "data: x.csv\n", ("C003", 1, 7),
            "data must be a block with keys such as train, holdout, reference, engine, memory, required, sample, "
            "show_values, drift, leakage, poisoning", None,
        ),
        (
            "evaluate:\n  slices: region\n", ("C003", 2, 11),
            "evaluate.slices must be a list", "a list of one is written [one]",
        ),
        ("evaluate:\n  slices: [a, , b]\n", ("C001", 2, 15), "the file is not valid YAML", None),
        ("evaluate:\n  slices:\n    - a\n    -\n", ("C003", 4, 6), "evaluate.slices has an empty item", "remove it"),
        ("evaluate: {slices: [a, b, a]}\n", ("C005", 1, 27), "evaluate.slices names a twice", None),
        ("evaluate: {target: {x: 1}}\n", ("C003", 1, 20), "evaluate.target must be a text", None),
        ("train: {seed: [1]}\n", ("C003", 1, 15), "train.seed must be a whole number", None),
        ("train: {timeout: [1h]}\n", ("C003", 1, 18), "train.timeout must be a time such as 5m", None),
        ("train: {device: [cpu]}\n", ("C003", 1, 17), "train.device must be a word", None),
        (
            "validation: {tolerance: {f1: 1}}\n", ("C003", 1, 25),
            "validation.tolerance must be a number or a percentage", None,
        ),
        (
            "validation: {require_predictions: []}\n", ("C003", 1, 35),
            "validation.require_predictions must be true or false", None,
        ),
        ("validation: {confidence: []}\n", ("C003", 1, 26), "validation.confidence must be a number", None),
        ("code: {checks: [a]}\n", ("C003", 1, 16), "code.checks must be a block with a name for each check", None),
        (
            "validation: {metrics: f1}\n", ("C003", 1, 23),
            "validation.metrics must be a block with a name for each metric", None,
        ),
        (
            "promote: {require: gate}\n", ("C003", 1, 20),
            "promote.require must be a block with a name for each stage", None,
        ),
        (
            "validation: {min_f1: ~}\n", ("C007", 1, 22), "validation.min_f1 has no value",
            "give a number, or remove the key",
        ),
        (
            "validation:\n  metrics:\n    f1: {max: ~}\n", ("C007", 3, 15),
            "validation.metrics.f1.max has no value", "give a number, or remove the key",
        ),
        (
            "train: python ${X} y\n", ("C006", 1, 8),
            "train refers to ${X}, which is not set or empty",
            "a reference is written ${NAME}, a literal ${ is written $${",
        ),
        (
            "model: 'a ${1}'\n", ("C006", 1, 8), "model holds a ${ that is not followed by a name and }",
            "a reference is written ${NAME}, a literal ${ is written $${",
        ),
        ("approval: {low: {approvals: 21}}\n", ("C004", 1, 29), "between 0 and 20", None),
        ("approval: {low: {approvals: -1}}\n", ("C004", 1, 29), "between 0 and 20", None),
        (
            "promote: {stages: [dev, a/b]}\n", ("C004", 1, 25),
            "promote.stages must be letters, digits, '.', '_' and '-', starting with a letter or a digit, got 'a/b'",
            None,
        ),
        ("validation: {min_f1: 1.01}\n", ("C004", 1, 22), "validation.min_f1 is '1.01', but f1 is never above 1", None),
        ("validation: {max_f1: -0.1}\n", ("C004", 1, 22), "validation.max_f1 is '-0.1', but f1 is never below 0", None),
        (
            "validation: {metrics: {accuracy: {better: lower}}}\n", ("C008", 1, 43),
            "validation.metrics.accuracy.better is lower, but higher is better for", "remove the key",
        ),
        (
            "validation: {min_f1: 0.9, max_f1: 0.8}\n", ("C008", 1, 22),
            "validation.metrics.f1: min 0.9 is above max 0.8, set at", None,
        ),
        (
            "promote: {stages: [dev], require: {zzz: [gate]}}\n", ("C008", 1, 41),
            "promote.require names the stage zzz, which promote.stages does not", None,
        ),
        ("a: 1\n<<: {b: 2}\n<<: {c: 3}\n", ("C005", 3, 1), "<< stands twice in this block", "give it a list of blocks"),
        ("<<: 7\n", ("C001", 1, 1), "<< takes a block, or a list of blocks", None),
    ],
)  # fmt: skip
def test_a_problem_names_where_what_and_what_to_do(
    tmp_path: Path, text: str, where: tuple[str, int, int], cause: str, hint: str | None
) -> None:
    found = problems(tmp_path, text)

    assert where in [spot(one) for one in found]
    error = found[[spot(one) for one in found].index(where)]
    assert error.place is not None
    assert error.place.file == f"{tmp_path}/mlci.yml"
    assert cause in error.cause
    assert error.help == hint


@pytest.mark.parametrize("block", ["registry", "train", "evaluate", "validation", "promote", "monitor", "approval"])
def test_a_key_that_a_block_lacks_names_the_block(tmp_path: Path, block: str) -> None:
    error = problem(tmp_path, f"{block}:\n  qqqqqqqqq: 1\n")

    assert isinstance(error, UnknownKey)
    assert error.cause == f"{block} has no key qqqqqqqqq"
    assert spot(error)[1:] == (2, 3)
    assert (error.help or "").startswith("the keys here are ")


def test_a_key_that_no_file_has_names_no_block(tmp_path: Path) -> None:
    assert problem(tmp_path, "qqqqqqqqq: 1\n").cause == "there is no key qqqqqqqqq"


def test_a_misspelt_key_is_recognised_with_either_separator(tmp_path: Path) -> None:
    assert problem(tmp_path, "validation: {on-inconclusiv: warn}\n").help == "did you mean on_inconclusive?"


def test_min_and_max_alone_are_no_limits(tmp_path: Path) -> None:
    for key in ("min_", "max-", "'min_ '"):
        assert isinstance(problem(tmp_path, f"validation: {{{key}: 1}}\n"), UnknownKey)


def test_limits_are_keys_of_the_validation_only(tmp_path: Path) -> None:
    error = problem(tmp_path, "evaluate: {min_f1: 0.8}\n")

    assert isinstance(error, UnknownKey)
    assert "min_f1" not in (error.help or "")


def test_a_name_of_two_hundred_letters_is_taken_and_one_more_is_not(tmp_path: Path) -> None:
    path = tmp_path / "mlci.yml"
    path.write_text(f"train: {{profiles: {{{'a' * 200}: {{}}}}}}\n")

    assert load(str(path), {}) is not None
    error = problem(tmp_path, f"train: {{profiles: {{{'a' * 201}: {{}}}}}}\n")
    assert isinstance(error, OutOfRange)
    assert "which is empty, unprintable or too long" in error.cause
    assert len(error.cause) < 150


def test_a_wrong_name_does_not_hide_a_wrong_neighbour(tmp_path: Path) -> None:
    assert [one.id for one in problems(tmp_path, "code:\n  checks:\n    '': x\n    b: 7\n")] == ["C004", "C003"]


@pytest.mark.parametrize(("wrong", "listed"), [(99, 99), (100, 100), (101, 101), (150, 101)])
def test_a_hundred_problems_are_listed_and_then_it_says_that_there_are_more(
    tmp_path: Path, wrong: int, listed: int
) -> None:
    found = problems(tmp_path, "".join(f"qqqqq{number}: 1\n" for number in range(wrong)))

    assert len(found) == listed
    more = [one for one in found if "more than 100 problems" in one.cause]
    assert [spot(one)[1] for one in more] == ([101] if wrong > 100 else [])


def test_a_long_list_of_problems_still_exits_as_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "mlci.yml"
    path.write_text("a: 1\nb: 2\n")
    with pytest.raises(SeveralErrors) as caught:
        load(str(path), {})

    assert caught.value.exit is Exit.USAGE
    assert [line for line in str(caught.value).splitlines() if line.startswith("error[")] == [
        "error[C002]: there is no key a",
        "error[C002]: there is no key b",
    ]


def test_columns_count_characters_and_not_bytes(tmp_path: Path) -> None:
    assert spot(problem(tmp_path, "data: {train: 'über', zzzzzz: 1}\n")) == ("C002", 1, 23)


def test_a_byte_order_mark_moves_no_column(tmp_path: Path) -> None:
    assert spot(problem(tmp_path, "\ufeffmodle: churn\n")) == ("C002", 1, 1)


def test_other_line_endings_move_no_line(tmp_path: Path) -> None:
    path = tmp_path / "mlci.yml"
    path.write_bytes(b"model: churn\r\n\r\nmodle: x\r\n")
    with pytest.raises(UnknownKey) as caught:
        load(str(path), {})

    assert spot(caught.value) == ("C002", 3, 1)


def test_a_value_that_came_by_an_alias_is_wrong_where_it_was_written(tmp_path: Path) -> None:
    error = problem(tmp_path, "code:\n  checks: {a: &x '7'}\ntrain:\n  seed: *x\n")

    assert spot(error) == ("C003", 2, 15)
    assert error.cause.startswith("train.seed must be a whole number")


# Problems that were collected


def at(line: int | None, column: int | None = None, cause: str = "x") -> MlciError:
    return UsageError(cause, place=Place("f", line, column))


def test_nothing_is_raised_where_nothing_is_wrong() -> None:
    raise_all([])
    raise_all(iter(()))


def test_what_has_no_line_comes_before_what_has_one_and_keeps_its_order() -> None:
    given_ = [at(2, 1, "d"), UsageError("a"), at(1, 9, "c"), at(None, None, "b")]
    with pytest.raises(SeveralErrors) as caught:
        raise_all(given_)

    assert [one.cause for one in caught.value.problems] == ["a", "b", "c", "d"]


def test_several_problems_among_single_ones_are_one_flat_list() -> None:
    several = SeveralErrors([at(3), at(1)])
    with pytest.raises(SeveralErrors) as caught:
        raise_all([several, at(2)])

    assert [spot(one)[1] for one in caught.value.problems] == [1, 2, 3]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=2, max_size=12))
def test_problems_are_in_the_order_of_their_places(places: list[tuple[int, int]]) -> None:
    with pytest.raises(SeveralErrors) as caught:
        raise_all([at(*place) for place in places])

    assert [spot(one)[1:] for one in caught.value.problems] == sorted(places)


# Sources and quoting


def test_a_source_names_the_nearest_thing_it_knows() -> None:
    assert str(DEFAULT) == "default"
    assert DEFAULT.where is None
    assert Source("flag", "--x").where == Place("--x")
    assert Source("file", "a.yml:1:2", Place("a.yml", 1, 2)).where == Place("a.yml", 1, 2)


@pytest.mark.parametrize(
    ("place", "text"),
    [(Place("a"), "a"), (Place("a", 3), "a:3"), (Place("a", 3, 7), "a:3:7")],
)
def test_a_place_is_written_as_editors_open_it(place: Place, text: str) -> None:
    assert str(place) == text


def test_an_error_is_written_with_only_the_lines_it_has() -> None:
    assert str(UsageError("odd")) == "error[U001]: odd"
    assert str(UsageError("odd", help="do")) == "error[U001]: odd\n  = help: do"
    assert str(at(1, 2)) == "error[U001]: x\n  --> f:1:2"


@pytest.mark.parametrize(("length", "is_cut"), [(59, False), (60, False), (61, True)])
def test_a_quoted_text_is_cut_after_sixty_characters(length: int, is_cut: bool) -> None:
    text = "a" * length

    assert quote(text) == ("'" + "a" * 60 + "…'" if is_cut else f"'{text}'")
    assert printable(text) == (quote(text) if is_cut else text)
    assert one_line(text) == text, "a path is of no use when it is cut"


def test_an_empty_name_is_shown_as_such() -> None:
    assert printable("") == "''"


@settings(deadline=None)
@given(st.text(max_size=80))
def test_whatever_is_printed_on_one_line_has_no_control_character(text: str) -> None:
    for shown in (one_line(text), printable(text)):
        assert shown.isprintable()
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", shown)


def test_no_part_of_a_password_is_shown_whatever_it_holds() -> None:
    from mlci.config.quote import without_credentials

    assert without_credentials("https://user:p@ss@host/x") == "https://***@host/x"
    assert without_credentials("postgresql://u:pa/ss@host/x") == "postgresql://***@host/x"


def test_a_long_duration_is_written_so_that_it_can_be_read_back() -> None:
    from mlci.config.duration import Duration

    assert str(Duration(999999.5)) == "999999.5s"

"""One written value → one typed value."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.config.duration import Duration
from mlci.config.model import Config
from mlci.config.scalar import ACCEPTED_PERCENT, NUMBER, PERCENT, Refused, Sort, Written, limits, parse
from mlci.config.shape import shape_at
from mlci.domain.metric import METRICS
from mlci.domain.policy import Tolerance
from mlci.errors import OutOfRange, WrongType

TOLERANCE = shape_at(Config, "validation.tolerance")
CONFIDENCE = shape_at(Config, "validation.confidence")
SEED = shape_at(Config, "train.seed")
TIMEOUT = shape_at(Config, "train.timeout")
TARGET = shape_at(Config, "evaluate.target")
NAN = shape_at(Config, "evaluate.nan")
STRICT = shape_at(Config, "validation.require_predictions")

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def refusal(shape: object, text: str, sort: Sort = "raw") -> Refused:
    with pytest.raises(Refused) as caught:
        parse(shape, Written(text, sort))  # type: ignore[arg-type]
    return caught.value


@settings(deadline=None)
@given(FINITE)
def test_every_number_that_python_writes_is_a_number(value: float) -> None:
    assert re.fullmatch(NUMBER, repr(value))


@settings(deadline=None)
@given(FINITE.filter(lambda value: abs(value) <= 0.5))
def test_a_loss_means_the_same_with_either_sign(value: float) -> None:
    assert parse(TOLERANCE, Written(repr(value))) == parse(TOLERANCE, Written(repr(-value))) == Tolerance(abs(value))


@settings(deadline=None)
@given(st.decimals(min_value=-200, max_value=200, places=3))
def test_a_percentage_is_accepted_exactly_when_the_schema_accepts_it(value: Decimal) -> None:
    text = f"{value}%"

    if abs(value) <= 50:
        assert parse(TOLERANCE, Written(text)) == Tolerance(float(abs(value) / 100), relative=True)
    else:
        assert refusal(TOLERANCE, text).error is OutOfRange
    assert (abs(value) <= 50) == bool(re.fullmatch(ACCEPTED_PERCENT, text))


@settings(deadline=None)
@given(st.from_regex(PERCENT, fullmatch=True).filter(str.isascii))
def test_a_text_that_looks_like_a_percentage_is_read_or_refused_as_the_schema_does(text: str) -> None:
    try:
        parse(TOLERANCE, Written(text, "text"))
    except Refused:
        assert not re.fullmatch(ACCEPTED_PERCENT, text)
    else:
        assert re.fullmatch(ACCEPTED_PERCENT, text)


@pytest.mark.parametrize(
    ("text", "value"), [("0.3%", 0.003), ("7 %", 0.07), ("+.5%", 0.005), ("-0%", 0.0), ("50%", 0.5)]
)
def test_a_percentage_is_the_float_nearest_to_it(text: str, value: float) -> None:
    assert parse(TOLERANCE, Written(text)) == Tolerance(value, relative=True)


@pytest.mark.parametrize("text", ["10%%", "%", "ten%", "1e1%", "10  %", "10% of it", "٣%"])
def test_what_only_resembles_a_percentage_is_refused(text: str) -> None:
    assert refusal(TOLERANCE, text, "text").error is WrongType


def test_a_loss_beyond_half_of_a_scale_of_points_is_refused_and_in_euros_it_is_not() -> None:
    shape = shape_at(Config, "validation.metrics").inner.dataclass
    tolerance = shape_at(shape, "tolerance")

    assert parse(tolerance, Written("5"), METRICS["rmse"]) == Tolerance(5.0)
    assert parse(tolerance, Written("0.5"), METRICS["f1"]) == Tolerance(0.5)
    with pytest.raises(Refused, match=r"at most 0\.5"):
        parse(tolerance, Written("0.51"), METRICS["f1"])


@pytest.mark.parametrize("text", [".nan", ".NaN", ".inf", "-.Inf", "nan", "inf", "Infinity", "1e400", "-1e999"])
def test_a_number_that_is_not_finite_is_out_of_range(text: str) -> None:
    assert refusal(CONFIDENCE, text).error is OutOfRange


@pytest.mark.parametrize(
    "text", ["", "0x1", "1_0", "01", "1:30", "1,5", "1 000", "one", "١", "1" * 400, "--1", "1e", "e1"]
)
def test_what_is_not_a_decimal_number_is_the_wrong_type(text: str) -> None:
    assert refusal(CONFIDENCE, text).error is WrongType


@pytest.mark.parametrize("text", ["0.5", "1", "0.99999", "0", "-0.95", "95"])
def test_confidence_lies_strictly_between_a_half_and_one(text: str) -> None:
    problem = refusal(CONFIDENCE, text)

    assert problem.error is OutOfRange
    assert "strictly between 0.5 and 0.9999" in problem.what


def test_quotes_around_a_number_are_named_as_the_cause() -> None:
    assert refusal(CONFIDENCE, "0.9", "text").hint == "remove the quotes"


def test_missing_quotes_around_a_text_are_named_as_the_cause() -> None:
    assert refusal(TARGET, "yes", "other").hint == 'put quotes around it: "yes"'


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("17", 17), ("1e3", 1000), ("4.0", 4)])
def test_a_whole_number_may_be_written_in_any_way_that_is_whole(text: str, value: int) -> None:
    read = parse(SEED, Written(text, "number"))

    assert (read, type(read)) == (value, int)


@pytest.mark.parametrize("text", ["0.5", "1e-1"])
def test_a_fraction_is_no_whole_number(text: str) -> None:
    assert refusal(SEED, text, "number").error is WrongType


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("1.5h", 5400), ("2 d", 172800), ("0.5s", 0.5)]
)
def test_a_time_is_a_number_with_a_unit(text: str, seconds: float) -> None:
    assert parse(TIMEOUT, Written(text, "text")) == Duration(seconds)


@pytest.mark.parametrize("text", ["5", "m", "0s", "0.0h", "5 minutes", "-5m", "1e3s", "5M", "9999999s", "1w", "1h30m"])
def test_what_is_no_time_or_no_time_at_all_is_refused(text: str) -> None:
    assert refusal(TIMEOUT, text, "text").error is WrongType


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=999999), st.sampled_from("smhd"))
def test_a_time_written_out_is_read_back_as_the_same_time(number: int, unit: str) -> None:
    duration = parse(TIMEOUT, Written(f"{number}{unit}"))

    assert float(str(duration)[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[str(duration)[-1]] == duration.seconds


def test_a_choice_is_kept_in_its_own_spelling() -> None:
    assert parse(NAN, Written("fail_example", "text")) == parse(NAN, Written("fail-example", "text")) == "fail-example"


def test_a_wrong_choice_names_the_choices_and_the_nearest() -> None:
    problem = refusal(NAN, "fail-exmaple", "text")

    assert "must be one of error, fail-example" in problem.what
    assert problem.hint == "did you mean fail-example?"


@pytest.mark.parametrize("text", ["yes", "on", "1", "tRUE", "y", ""])
def test_only_true_and_false_are_truth_values(text: str) -> None:
    assert refusal(STRICT, text).error is WrongType


def test_a_value_from_the_environment_is_not_shown_when_it_is_refused() -> None:
    for shape in (TOLERANCE, CONFIDENCE, SEED, TIMEOUT, NAN, STRICT, shape_at(Config, "model")):
        with pytest.raises(Refused) as caught:
            parse(shape, Written("s3cr3t value/", "raw", shown="${TOKEN}"))

        assert "s3cr3t" not in f"{caught.value.what} {caught.value.hint}"
        assert "${TOKEN}" in caught.value.what


def test_a_hint_does_not_tell_what_a_value_from_the_environment_is_near_to() -> None:
    with pytest.raises(Refused) as caught:
        parse(NAN, Written("fail-exmaple", "raw", shown="${TOKEN}"))

    assert caught.value.hint is None


@pytest.mark.parametrize(
    ("path", "words"),
    [("validation.confidence", "strictly between 0.5 and 0.9999"), ("data.drift.psi", "at least 0"), ("model", "")],
)
def test_limits_are_said_in_words(path: str, words: str) -> None:
    assert limits(shape_at(Config, path)) == words


def test_a_slowdown_is_accepted_in_per_cent_and_a_growth_in_megabytes_too() -> None:
    tolerance = shape_at(shape_at(Config, "validation.metrics").inner.dataclass, "tolerance")
    assert parse(tolerance, Written("10%"), METRICS["latency_p95_ms"]) == Tolerance(0.1, relative=True)
    assert parse(tolerance, Written("0"), METRICS["cost_per_1000"]) == Tolerance(0.0)
    assert parse(tolerance, Written("12.5"), METRICS["model_size_mb"]) == Tolerance(12.5)
    with pytest.raises(Refused, match="per cent of production's value"):
        parse(tolerance, Written("3"), METRICS["latency_p95_ms"])

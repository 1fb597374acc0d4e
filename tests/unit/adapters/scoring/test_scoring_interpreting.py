"""What a model's numbers are taken for, and that every guess is said."""

from __future__ import annotations

import numpy as np
import pytest

from mlci.adapters.scoring.answer import Raw, Scale
from mlci.adapters.scoring.asked import Asked
from mlci.adapters.scoring.interpreting import POSITIVE_WORDS, Given, interpret
from mlci.errors import BadValue, ModelUnusable
from mlci.ports import Texts
from mlci.steps import coding

TWO = ("0", "1")
THREE = ("a", "b", "c")


def raw(
    numbers: object, classes: tuple[str, ...] | None = None, scale: Scale = "raw", labels: Texts | None = None
) -> Raw:
    return Raw(labels, np.atleast_2d(np.array(numbers, dtype=float)), classes, scale)


def words(given: Given) -> list[str | None]:
    assert given.labels is not None
    return [None if code < 0 else given.labels.values[code] for code in given.labels.codes.tolist()]


def test_the_score_is_that_of_the_class_the_gate_takes_for_positive() -> None:
    assert POSITIVE_WORDS == coding._POSITIVE_WORDS
    numbers = [[0.9, 0.1]]

    for classes, named, expected in (
        (("no", "yes"), None, 0.1),
        (("yes", "zero"), None, 0.9),
        (("10", "9"), None, 0.9),
        (("no", "yes"), "no", 0.9),
        (("false", "true"), "1", 0.1),
    ):
        given = interpret(raw(numbers, classes, "probabilities"), Asked(positive=named), classes)
        assert given.score is not None
        assert given.score.tolist() == [expected], classes


def test_a_positive_label_that_the_model_does_not_know_is_refused() -> None:
    with pytest.raises(BadValue, match="knows no label 'maybe'"):
        interpret(raw([[0.9, 0.1]], ("no", "yes"), "probabilities"), Asked(positive="maybe"), ())


def test_several_columns_that_add_up_to_one_are_probabilities_by_class() -> None:
    given = interpret(raw([[0.2, 0.5, 0.3], [0.7, 0.2, 0.1]]), Asked(), THREE)

    assert given.class_scores["c"].tolist() == [0.3, 0.1]
    assert words(given) == ["b", "a"]
    assert [note.split(":")[0] for note in given.assumptions] == ["outputs", "classes"]


def test_several_columns_that_do_not_are_logits() -> None:
    given = interpret(raw([[1000.0, 0.0, -5.0], [0.0, 0.0, 0.0]]), Asked(), ("0", "1", "2"))

    assert [round(float(values.sum()), 6) for values in given.class_scores.values()] == [1.333333, 0.333333, 0.333333]
    assert "logits" in given.assumptions[0]


def test_one_column_is_a_probability_only_of_a_target_with_two_labels() -> None:
    inside, outside = raw([[0.2], [0.9]]), raw([[-3.0], [2.5]])

    assert words(interpret(inside, Asked(threshold=0.1), TWO)) == ["1", "1"]
    assert interpret(inside, Asked(), ()).score is None
    assert interpret(inside, Asked(task="regression"), TWO).score is None
    assert interpret(outside, Asked(), TWO).values is not None
    logits = interpret(outside, Asked(outputs="logits"), TWO)
    assert logits.score is not None
    assert logits.score.round(4).tolist() == [0.0474, 0.9241]
    assert words(logits) == ["0", "1"]


def test_whole_numbers_are_labels_and_no_probabilities() -> None:
    given = interpret(raw([[0.0], [1.0]]), Asked(), TWO)

    assert (given.score, given.values is not None) == (None, True)


def test_what_is_no_number_gets_no_label() -> None:
    nan = float("nan")
    several = interpret(raw([[0.2, 0.8, 0.0], [nan, 0.5, 0.5]]), Asked(), THREE)
    one = interpret(raw([[0.7], [nan]]), Asked(), TWO)

    assert (words(several), words(one)) == (["b", None], ["1", None])
    assert np.isnan(several.class_scores["a"][1])


def test_numbers_that_are_not_what_they_were_said_to_be_are_refused() -> None:
    for numbers, asked, targets in (
        ([[1.5], [0.2]], Asked(outputs="probabilities"), TWO),
        ([[0.5, 0.5]], Asked(outputs="values"), TWO),
        ([[0.2, 0.3, 0.5, 0.0]], Asked(), THREE),
    ):
        with pytest.raises(ModelUnusable):
            interpret(raw(numbers), asked, targets)

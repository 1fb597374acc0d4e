"""Whose value holds on a change, and which keys of the gate a change would alter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from mlci.config.data import Dataset
from mlci.config.key import Owner, key_of
from mlci.config.load import Loaded, load_text
from mlci.config.model import Config
from mlci.config.ownership import UNMARKED, Composed, composed, owners
from mlci.config.resolve import resolve
from mlci.config.shape import Shape, shape_at, shapes
from mlci.config.source import Source
from mlci.errors import MlciError, SeveralErrors, UnknownKey

BASE, HEAD = "mlci.yml at 1a2b3c4", "mlci.yml"


def loaded(text: str, shown: str = BASE, environ: dict[str, str] | None = None) -> Loaded:
    return load_text(text.encode(), shown, environ or {})


def both(base: str, head: str, environ: dict[str, str] | None = None) -> Composed:
    return composed(loaded(head, HEAD, environ), loaded(base, BASE, environ))


def decided(found: Composed) -> Config:
    return resolve(found.deciding, ()).config


def altered(found: Composed) -> list[tuple[str, str | None, str | None]]:
    return [(one.key, one.decides, one.proposed) for one in found.changed]


# Who owns what


def leaves(block: type[Any], inherited: Owner, prefix: str = "") -> Iterator[tuple[str, Owner]]:
    for name, shape in shapes(block).items():
        owner = shape.key.owner or inherited
        if shape.kind == "block":
            yield from leaves(shape.dataclass, owner, f"{prefix}{name}.")
        else:
            yield prefix + name, owner


def test_the_change_owns_its_code_its_training_and_its_training_data_and_nothing_else() -> None:
    heads = {path for path, owner in leaves(Config, UNMARKED) if owner == "head"}

    assert {path for path in heads if not path.startswith(("code.", "train."))} == {
        "data.train.path", "data.train.version", "data.train.object", "data.train.database",
        "data.train.query",
    }  # fmt: skip
    for path, owner in leaves(Config, UNMARKED):
        # How many models of one recipe are judged is a question of the gate's; and a change may not switch off
        # the scan that would refuse it, nor hide a file from it.
        theirs = path in ("train.seeds", "code.scan.models", "code.scan.secrets", "code.scan.ignore")
        assert (path.startswith(("code.", "train.")) and not theirs) <= (owner == "head")


def test_every_block_at_the_top_says_whose_it_is_and_what_says_nothing_is_the_bases() -> None:
    assert [item.name for item in fields(Config) if key_of(item).owner is None] == []
    assert UNMARKED == "base"
    assert owners(shapes(Config)["data"], UNMARKED) == {"base", "head"}
    assert owners(shapes(Config)["validation"], "head") == {"base"}


def test_no_key_below_a_list_or_an_entry_of_a_mapping_is_owned_apart_from_it() -> None:
    def walk(block: type[Any]) -> Iterator[str]:
        for name, shape in shapes(block).items():
            inner = shape.item.block if shape.item is not None else None
            if inner is not None:
                yield from (f"{name}.{below}" for below, facts in shapes(inner).items() if facts.key.owner is not None)
            if shape.block is not None:
                yield from walk(shape.block)

    assert list(walk(Config)) == []


# Whose value holds

_TWO: dict[str, tuple[Any, Any]] = {
    "text": ("a", "b"), "number": (0.6, 0.7), "integer": (2, 3), "boolean": (True, False), "tolerance": (0.1, 0.2),
    "duration": ("1m", "2m"), "date": ("2026-01-01", "2026-01-02"),
}  # fmt: skip


def two_values(shape: Shape) -> tuple[Any, Any]:
    """Two different values that a key takes, or as different as it takes them."""
    fitting = {
        "dvc|": ("dvc", "git"), "[1-9]": ("400MB", "1GB"), "(?:compare": ("compare:a", "compare:b"),
        "(s3|": ("s3://bucket/a", "s3://bucket/b"),
    }  # fmt: skip
    for start, two in fitting.items():
        if (shape.key.pattern or "").startswith(start):
            return two
    if shape.key.minimum is not None and shape.key.maximum is not None and not shape.key.exclusive:
        return shape.key.minimum, shape.key.maximum
    if shape.kind == "choice":
        return shape.choices[0], shape.choices[-1]
    if shape.kind == "list":
        return [two_values(shape.inner)[0]], [two_values(shape.inner)[1]]
    if shape.kind == "mapping":
        return {"production": two_values(shape.inner)[0]}, {"production": two_values(shape.inner)[1]}
    if shape.kind == "block":
        keys = shapes(shape.dataclass)
        needed = {name: below for name, below in keys.items() if below.key.required} or dict([next(iter(keys.items()))])
        one, other = ({name: two_values(below)[place] for name, below in needed.items()} for place in (0, 1))
        return one, other
    least, most = shape.key.minimum, shape.key.maximum
    if shape.kind in ("number", "integer") and least is not None and most is not None and most < _TWO[shape.kind][1]:
        return least, most
    return _TWO[shape.kind]


@pytest.mark.parametrize(("path", "owner"), list(leaves(Config, UNMARKED)))
def test_every_key_is_taken_from_its_owner_and_listed_where_that_is_the_base(path: str, owner: Owner) -> None:
    def written(value: Any) -> str:
        for name in reversed(path.split(".")):
            value = {name: value}
        return json.dumps(value)

    base, head = two_values(shape_at(Config, path))
    found = both(written(base), written(head))
    own = loaded(written(base if owner == "base" else head))

    assert decided(found) == resolve(own, ()).config
    assert [one.key.startswith(path) for one in found.changed] == ([True] if owner == "base" and base != head else [])


def test_base_owned_keys_are_the_bases_and_the_others_the_changes() -> None:
    found = decided(
        both(
            "model: churn\ndata: {train: {path: old, contract: c.yml, version: dvc}, holdout: h}\ntrain: python a.py\n"
            "code: {budget: 5m}\nvalidation: {min_f1: 0.88, tolerance: 0.005}\nevaluate: {slices: [region]}\n",
            "model: other\ndata: {train: {path: new, contract: easy.yml}, holdout: easy}\ntrain: python b.py\n"
            "code: {budget: 1m}\nvalidation: {min_f1: 0.1, tolerance: 0.5}\nevaluate: {slices: []}\n",
        )
    )

    assert found.model == "churn"
    assert found.data.train == Dataset(path="new", contract="c.yml", version=None)
    assert found.data.holdout.path == "h"
    assert found.train.command == "python b.py"
    assert found.code.budget.seconds == 60
    assert found.validation.metrics["f1"].min == 0.88
    assert found.validation.tolerance is not None
    assert found.validation.tolerance.value == 0.005
    assert found.evaluate.slices == ("region",)


def test_a_key_that_only_the_change_sets_does_not_get_in_where_the_base_owns_it() -> None:
    found = both("model: churn\n", "validation: {thresholds: interval, min_f1: 0.1}\nevaluate: {missing: intersect}\n")

    assert decided(found).validation == Config().validation
    assert decided(found).evaluate == Config().evaluate
    assert altered(found) == [
        ("model", "churn", None),
        ("evaluate.missing", "error (default)", "intersect"),
        ("validation.metrics.f1", None, "{min: 0.1}"),
        ("validation.thresholds", "point (default)", "interval"),
    ]


def test_a_key_that_the_change_owns_is_gone_when_the_change_removes_it() -> None:
    found = both("train: {command: python a.py, seed: 7}\n", "train: {seed: 8}\n")

    assert decided(found).train.command is None
    assert altered(found) == []


def test_places_say_which_of_the_two_files_a_value_comes_from() -> None:
    found = both("model: churn\n", "\ntrain: python b.py\n")
    values = resolve(found.deciding, ()).values

    assert str(values["model"].source) == f"{BASE}:1:8"
    assert str(values["train.command"].source) == f"{HEAD}:2:8"


def test_what_the_workflow_gives_holds_before_both() -> None:
    flag = Source("flag", "--confidence")
    found = both("validation: {confidence: 0.9}\n", "validation: {confidence: 0.6}\n")

    assert resolve(found.deciding, [("validation.confidence", "0.99", flag)]).config.validation.confidence == 0.99
    assert resolve(found.proposed, ()).config.validation.confidence == 0.6


# One of the files is not there


def test_without_a_file_on_the_base_the_changes_own_decides_and_says_so() -> None:
    head = loaded("validation: {min_f1: 0.1}\n", HEAD)

    assert composed(head, None) == Composed(head, head, (), not_yet_merged=True)


def test_without_any_file_the_defaults_decide_and_nothing_is_waiting_to_be_merged() -> None:
    assert composed(None, None) == Composed(None, None, (), not_yet_merged=False)


def test_an_empty_file_on_the_base_is_a_file() -> None:
    found = both("", "validation: {min_f1: 0.1}\n")

    assert not found.not_yet_merged
    assert decided(found).validation == Config().validation


def test_a_change_that_removes_the_file_is_judged_by_the_bases_and_removes_all_it_sets() -> None:
    base = "train: python a.py\nevaluate: {missing: error}\nvalidation: {confidence: 0.95, min_f1: 0.8}\n"
    found = composed(None, loaded(base))

    assert decided(found).validation.metrics["f1"].min == 0.8
    assert decided(found).train.command is None
    assert found.proposed is None
    assert not found.not_yet_merged
    # Also what is set to its default: a file that is gone says nothing any more.
    assert altered(found) == [
        ("evaluate.missing", "error", None),
        ("validation.metrics.f1", "{min: 0.8}", None),
        ("validation.confidence", "0.95", None),
    ]


# What counts as a change


@pytest.mark.parametrize(
    ("base", "head"),
    [
        ("model: m\nvalidation: {tolerance: 0.1, min_f1: 0.8}", "validation: {min_f1: 0.8, tolerance: 0.1}\nmodel: m"),
        ("validation: {min_f1: 0.8}", "validation: {metrics: {f1: {min: 0.80}}}"),
        ("validation: {min_f1: 0.8}", "validation: {min-F1: 8.0e-1}"),
        ("validation: {tolerance: -0.005}", "validation: {tolerance: 0.005}"),
        ("validation: {tolerance: 10%}", "validation: {tolerance: '10.0 %'}"),
        ("validation: {metrics: [f1, recall]}", "validation: {metrics: {recall: {}, f1: }}"),
        ("validation: {on_inconclusive: fail}", "validation: {on-inconclusive: {promote: fail, merge: fail}}"),
        ("data: {holdout: h}", "data: {holdout: {path: h}}"),
        ("validation: {confidence: 0.95}", "validation: {}"),
        ("evaluate: {nan: fail-example}", "evaluate: {nan: fail_example}"),
        ("registry: 'https://${HOST}/'", "registry: {uri: 'https://${HOST}/'}"),
    ],
)  # fmt: skip
def test_another_way_of_writing_the_same_is_no_change(base: str, head: str) -> None:
    assert altered(both(base, head, {"HOST": "registry.example"})) == []


@pytest.mark.parametrize(
    ("base", "head", "changes"),
    [
        ("validation: {min_f1: 0.88}", "validation: {min_f1: 0.8}", [("validation.metrics.f1.min", "0.88", "0.8")]),
        ("validation: {min_f1: 0.88}", "", [("validation.metrics.f1", "{min: 0.88}", None)]),
        (
            "validation: {min_f1: 0.88}",
            "validation: {metrics: [f1]}",
            [("validation.metrics.f1.min", "0.88", None)],
        ),
        (
            "validation: {metrics: [f1, recall]}",
            "validation: {metrics: [f1]}",
            [("validation.metrics.recall", "{}", None)],
        ),
        ("", "validation: {metrics: [f1]}", [("validation.metrics.f1", None, "{}")]),
        ("validation: {tolerance: 0.1}", "validation: {tolerance: 10%}", [("validation.tolerance", "0.1", "10%")]),
        ("validation: {confidence: 0.9}", "", [("validation.confidence", "0.9", "0.95 (default)")]),
        (
            "evaluate: {slices: [region, plan]}",
            "evaluate: {slices: [plan]}",
            [("evaluate.slices", '["region", "plan"]', '["plan"]')],
        ),
        (
            "approval: {high: {approvals: 2, from: [alice]}}",
            "approval: {high: {approvals: 0, from: [mallory]}}",
            [("approval.high.approvals", "2", "0"), ("approval.high.from", '["alice"]', '["mallory"]')],
        ),
        (
            "promote: {require: {production: [gate, approval]}}",
            "promote: {require: {production: [gate]}}",
            [("promote.require.production", '["gate", "approval"]', '["gate"]')],
        ),
        (
            "data: {train: {path: a, contract: c.yml}}",
            "data: {train: {path: b}}",
            [("data.train.contract", "c.yml", None)],
        ),
        ("monitor: {methods: {a: 1}}", "monitor: {methods: {a: 9}}", [("monitor.methods.a.threshold", "1.0", "9.0")]),
    ],
)  # fmt: skip
def test_a_base_owned_key_that_means_something_else_is_a_change(
    base: str, head: str, changes: list[tuple[str, str | None, str | None]]
) -> None:
    assert altered(both(base, head)) == changes


# What is shown of a value


def test_a_value_from_the_environment_is_shown_as_the_reference_and_never_by_its_content() -> None:
    environ = {"TOKEN": "hunter2", "OTHER": "hunter3"}
    base = "registry: 'https://x:${TOKEN}@r.example/'\nvalidation: {notify_on_fail: [{slack: '${TOKEN}'}]}\n"
    head = "registry: 'https://${OTHER}/'\nvalidation: {notify_on_fail: [{slack: '${OTHER}'}]}\n"
    found = both(base, head, environ)

    assert altered(found) == [
        ("registry.uri", "https://***@r.example/", "https://${OTHER}/"),
        ("validation.notify_on_fail", "[${TOKEN}]", "[${OTHER}]"),
    ]
    assert "hunter" not in repr(found)


def test_a_reference_and_its_present_content_are_not_the_same() -> None:
    found = both("evaluate: {target: '${TARGET}'}", "evaluate: {target: churned}", {"TARGET": "churned"})

    # Else a guess at what a variable holds would be confirmed by no change being listed.
    assert altered(found) == [("evaluate.target", "${TARGET}", "churned")]


def test_two_references_with_one_content_are_not_the_same() -> None:
    assert altered(both("evaluate: {target: '${A}'}", "evaluate: {target: '${B}'}", {"A": "x", "B": "x"}))


def test_a_password_in_an_address_is_left_out() -> None:
    found = both("registry: https://someone:hunter2@r.example/", "registry: https://other:hunter3@r.example/")

    assert altered(found) == [("registry.uri", "https://***@r.example/", "https://***@r.example/")]


def test_hostile_names_and_values_are_made_printable_and_short() -> None:
    found = both(
        "", f'evaluate: {{id: "a\\e[31m\\u202eb", target: {"x" * 5000}}}\nvalidation: {{metrics: [{"m" * 200}]}}'
    )
    texts = [text for one in altered(found) for text in one if text is not None]

    assert len(found.changed) == 3
    assert all(text.isprintable() and len(text) < 100 for text in texts)


# load_text


def test_a_problem_in_a_text_names_what_it_was_called() -> None:
    with pytest.raises(UnknownKey) as caught:
        loaded("model: churn\nvalidaton: {}\n")

    assert str(caught.value.place) == f"{BASE}:2:1"


def test_all_problems_of_a_text_are_raised_together_and_contradictions_among_them() -> None:
    with pytest.raises(SeveralErrors) as caught:
        loaded("validation: {metrics: {f1: {min: 0.9, max: 0.8}}}\nmodel: ..\n")

    assert [type(problem).__name__ for problem in caught.value.problems] == ["Contradiction", "OutOfRange"]


@pytest.mark.parametrize("content", [b"\xff", b"a" * (1 << 21), b"{", b"[" * 5000, b"- a"])
def test_bytes_that_are_no_configuration_are_refused_as_a_files_would_be(content: bytes) -> None:
    with pytest.raises(MlciError) as caught:
        load_text(content, "mlci.yml at\x1b[31m 1a2b3c4", {})

    assert "\x1b" not in str(caught.value)

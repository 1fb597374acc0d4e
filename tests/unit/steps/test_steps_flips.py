"""The list of flipped examples: bounded, in order, harmless in a spreadsheet, and nowhere but in its own file."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commanding import Judge
from hypothesis import given as given_any
from hypothesis import strategies as st
from judging import classifier, given, policy, regression, rows_of, with_columns

from mlci.adapters.tables.cells import as_csv, guarded
from mlci.domain.policy import HoldoutPolicy
from mlci.steps.flips import Flips
from mlci.steps.gate_compare import run

FILE = Path(".mlci/report/gate-compare.flips.csv")
PRODUCTION = "id,y,pred,slice_plan\nb,1,1,x\na,0,0,x\nc,2,1,y\n=d,0,1,y\ne,1,1,\n"
CANDIDATE = "id,y,pred\na,0,1\nb,1,1\nc,2,0\n=d,0,0\ne,1,2\n"
LISTED = [
    {"id": "a", "truth": "0", "production": "0", "candidate": "1", "kind": "newly-wrong", "slice_plan": "x"},
    {"id": "e", "truth": "1", "production": "1", "candidate": "2", "kind": "newly-wrong", "slice_plan": "(missing)"},
    {"id": "'=d", "truth": "0", "production": "1", "candidate": "0", "kind": "newly-right", "slice_plan": "y"},
    {"id": "c", "truth": "2", "production": "1", "candidate": "0", "kind": "changed", "slice_plan": "y"},
]


def listed() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(FILE.read_text())))


def test_every_example_that_the_models_tell_apart_is_listed_the_newly_wrong_first(judge: Judge) -> None:
    result = judge(CANDIDATE, PRODUCTION)
    assert listed() == LISTED
    assert "examples on which the two models differ: 4 in .mlci/report/gate-compare.flips.csv" in result.said


def test_the_list_is_cut_and_says_so(judge: Judge) -> None:
    result = judge(CANDIDATE, PRODUCTION, "--flips", "3")
    assert listed() == LISTED[:3]
    assert "the first 3 of 4" in result.said


@pytest.mark.parametrize("flags", [("--flips", "0"), ("--report", ".mlci/report/other.json")])
def test_a_list_of_an_earlier_run_goes_where_its_report_does(judge: Judge, flags: tuple[str, ...]) -> None:
    judge(CANDIDATE, PRODUCTION)
    judge(CANDIDATE, PRODUCTION, *flags)
    assert FILE.exists() is (flags[0] == "--report")
    assert Path(".mlci/report/other.flips.csv").exists() is (flags[0] == "--report")


def test_no_list_where_nothing_flipped_and_none_that_is_no_number(judge: Judge) -> None:
    judge(PRODUCTION, PRODUCTION)
    assert not FILE.exists()
    result = judge(CANDIDATE, PRODUCTION, "--flips", "many")
    assert result.exit == 2
    assert "--flips must be a number" in result.said


def test_no_id_is_in_report_evidence_or_any_other_face(judge: Judge) -> None:
    mine, theirs = (rows_of(classifier(60, seed), range(60)) for seed in (1, 2))
    for columns in (mine, theirs):
        columns["id"] = [f"someone-{row}" for row in range(60)]
    judge(mine, theirs)
    assert "someone-" in FILE.read_text()
    for path in (*Path(".mlci").rglob("*"), *Path("mlci-keep").rglob("*")):
        assert path.is_dir() or path == FILE or "someone-" not in path.read_text(), path


def flipped(*sides: dict, most: int = 10, **more: object) -> Flips | None:  # type: ignore[type-arg]
    asked = replace(policy("accuracy" if "score" in sides[0] else "rmse"), **more)  # type: ignore[arg-type]
    return run(given(sides[0], "candidate"), given(sides[1], "production"), asked, listed=most).flips


def test_a_regression_lists_the_largest_growth_of_error_first() -> None:
    mine, theirs = regression(50, 1), regression(50, 2)
    errors = [np.abs(np.asarray(each["pred"]) - each["y"]) for each in (mine, theirs)]
    grew = errors[0] - errors[1]
    found = flipped(mine, theirs, most=50)
    assert found is not None
    assert found.columns == ("id", "truth", "production", "candidate", "kind")
    assert found.total == 50
    order = [int(row[0].removeprefix("e")) for row in found.rows]
    farther = int((grew > 0).sum())
    assert order == [*np.argsort(-grew)[:farther], *np.argsort(grew)[: 50 - farther]]
    assert [row[4] for row in found.rows] == ["farther"] * farther + ["nearer"] * (50 - farther)


def test_where_a_look_tells_only_its_verdict_there_is_no_list() -> None:
    mine, theirs = (classifier(40, seed, scores=True) for seed in (1, 2))
    assert flipped(mine, theirs) is not None
    assert flipped(mine, theirs, holdout=HoldoutPolicy(steps=4, reuse="full")) is None


def test_an_example_that_was_answered_several_times_does_not_flip() -> None:
    mine, theirs = (rows_of(classifier(40, seed, scores=True), [*range(40), *range(40)]) for seed in (1, 2))
    asked = policy("accuracy", duplicates="mean")
    assert run(given(mine, "candidate"), given(theirs, "production"), asked, listed=5).flips is None


def test_pairs_of_columns_are_not_listed_beside_their_columns() -> None:
    mine, theirs = (
        with_columns(classifier(40, seed, scores=True), region=["n", "s"] * 20, plan=["a"] * 40) for seed in (1, 2)
    )
    asked = policy("accuracy", slices=["region", "plan", "region*plan"])
    found = run(given(mine, "candidate"), given(theirs, "production"), asked, listed=5).flips
    assert found is not None
    assert found.columns[5:] == ("region", "plan")


@given_any(st.text(max_size=20))
def test_a_cell_is_never_a_formula_and_reads_back(cell: str) -> None:
    shown = guarded(cell)
    assert not shown.startswith(("=", "@", "\t", "\r", "\n"))
    assert shown in (cell, f"'{cell}")
    if "\r" not in cell and "\0" not in cell:
        assert list(csv.reader(io.StringIO(as_csv(["x"], [[cell, "y"]]).decode(), newline="")))[1] == [shown, "y"]


@pytest.mark.parametrize("number", ["-5", "+5", "-0.25", "-1e-9", "+.5"])
def test_a_plain_number_stays_as_it_is(number: str) -> None:
    assert guarded(number) == number


@pytest.mark.parametrize("formula", ["-1+1", "+A1", "-2e", "=1", "@x", "-", "+1.2.3", "\uff1d1"])
def test_what_only_begins_like_a_number_does_not(formula: str) -> None:
    assert guarded(formula) == f"'{formula}"

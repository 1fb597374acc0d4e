"""Evidence of another run: ours is read whatever it says, and a stranger's is refused where it cannot be true."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlci import REPOSITORY
from mlci.adapters.evidence.gate import read_gate
from mlci.domain.discovery import Discovery, Found
from mlci.domain.evidence import (
    Alone,
    BareMetrics,
    Coverage,
    GatePredicate,
    Measurement,
    NoValue,
    Slice,
    Statistic,
    Thinned,
    statement,
)
from mlci.domain.fairness import Disparities, GroupRate, Link
from mlci.domain.finding import Finding
from mlci.domain.report import Subject
from mlci.domain.slices import Folded
from mlci.domain.verdict import Verdict
from mlci.errors import ArtifactRefused

FIRST = Path(__file__).with_name("gate-evidence-0.1.0.json")
MINE, THEIRS = Subject(name="candidate.csv", digest="ab" * 32), Subject(name="production.csv", digest="cd" * 32)

ACCURACY = Statistic(
    id="compare:accuracy", metric="accuracy", candidate=0.8, baseline=0.7, difference=0.8 - 0.7, standard_error=0.05,
    size=100.0, gained=15, lost=5, differing=20, n=100, method="Tango", relative=False, better="higher",
    plain_error=0.05, log_error=0.06, own_error=0.04, own_size=100.0,
)  # fmt: skip
F1 = replace(
    ACCURACY, id="compare:f1", metric="f1", difference=0.8 / 0.7 - 1, relative=True,
    standard_error=0.06 * 0.8 / 0.7, smallest_class=30, own_class=40,
)  # fmt: skip
NORTH = replace(
    F1, id="compare:f1[region=north]", slice_column="region", slice="region=north", n=60, size=60.0, own_size=60.0
)
SOUTH = NoValue(metric="f1", slice_column="region", slice="region=south", n=40, why="no example has a class")
OWN = Measurement(metric="f1", value=0.8, standard_error=0.04, size=100.0, smallest_class=40, n=100)
COVERAGE = Coverage(
    task="binary", gives=("label",), identical=False, missing=(1, 0),
    alone=(Alone(rows=2, values={"f1": 0.5}), Alone(rows=0)),
    thinned=(Thinned(slice="region=north", lost=2, whole=62),), slice_columns=("region",),
    slices=(Slice(column="region", name="region=north", n=60), Slice(column="region", name="region=south", n=40)),
)  # fmt: skip
TRUE = GatePredicate(
    candidate=MINE, baseline=THEIRS, policy_digest="ef" * 32, policy={"confidence": 0.95}, verdict=Verdict.PASS,
    reason="fine", examples=100, statistics=(ACCURACY, F1, NORTH), undefined=(SOUTH,),
    measurements=(OWN, replace(OWN, metric="accuracy", smallest_class=None)), coverage=COVERAGE, mlci="1.0.0",
    findings=(Finding(id="compare:f1", rule="compare", verdict=Verdict.PASS, message="fine"),),
)  # fmt: skip
BARE = replace(
    TRUE, statistics=(), undefined=(), measurements=(), coverage=None, examples=None,
    bare=BareMetrics(candidate={"f1": 0.8}, baseline={"f1": 0.7}),
)  # fmt: skip


def written(predicate: GatePredicate) -> dict[str, Any]:
    return statement(REPOSITORY, "gate", predicate.candidate, predicate)


def read(value: Any, **more: Any) -> GatePredicate:
    return read_gate(value if isinstance(value, bytes) else json.dumps(value).encode(), "gate.json", **more)


def refused(value: Any, **more: Any) -> str:
    with pytest.raises(ArtifactRefused) as caught:
        read(value, **more)
    assert str(caught.value.place) == "gate.json"
    return caught.value.cause


@pytest.mark.parametrize("predicate", [TRUE, BARE], ids=["examples", "bare metrics"])
def test_what_was_written_is_read_back_to_the_last_digit(predicate: GatePredicate) -> None:
    assert read(written(predicate)) == predicate


def test_the_evidence_of_the_first_version_is_still_read() -> None:
    found = read(FIRST.read_bytes())
    assert [each.id for each in found.statistics][:2] == ["compare:accuracy", "compare:roc_auc"]
    assert (found.examples, found.coverage, found.measurements) == (40, None, ())


def test_what_a_later_version_adds_is_passed_over() -> None:
    later = written(TRUE)
    later["predicate"]["statistics"][0]["colour"] = "blue"
    later["predicate"]["later"] = {"deep": [1]}
    assert read(later) == TRUE


FALSE: dict[str, tuple[str, Callable[[], GatePredicate]]] = {}


def false(name: str, cause: str, predicate: Callable[[], GatePredicate]) -> None:
    FALSE[name] = (cause, predicate)


def first(**changes: Any) -> Callable[[], GatePredicate]:
    return lambda: replace(TRUE, statistics=(replace(ACCURACY, **changes), F1, NORTH))


def second(**changes: Any) -> Callable[[], GatePredicate]:
    return lambda: replace(TRUE, statistics=(ACCURACY, replace(F1, **changes), NORTH))


def own(**changes: Any) -> Callable[[], GatePredicate]:
    return lambda: replace(TRUE, measurements=(replace(OWN, **changes), *TRUE.measurements[1:]))


def covered(**changes: Any) -> Callable[[], GatePredicate]:
    return lambda: replace(TRUE, coverage=replace(COVERAGE, **changes))


false("no examples", "none that can be", first(n=0))
false("more examples than numbers have", "none that can be", first(n=2**60))
false("lost below 0", "more examples differ", first(lost=-5, differing=10))
false("more gained than a float holds", "more examples differ", first(gained=10**400))
false("more lost than differ", "more examples differ", second(lost=6, gained=20))
false("more differ than there are", "more examples differ", second(differing=101))
false("worth more than there are", "worth more", first(size=101.0))
false("worth nothing", "worth more", first(size=0.0))
false("worth more than the groups", "worth more", second(groups=50))
false("worth more by itself", "worth more", first(own_size=101.0))
false("more groups than examples", "more groups", second(groups=101))
false("more effective examples than examples", "more groups", second(effective_n=100.5))
false("a class larger than the whole", "a class has", second(smallest_class=101))
false("a class below 0", "a class has", second(own_class=-1))
false("an error below 0", "below 0", first(own_error=-0.1))
false(
    "a logarithm of nothing",
    "no logarithm",
    lambda: replace(TRUE, statistics=(replace(ACCURACY, metric="mcc", baseline=0.0, difference=0.8), F1, NORTH)),
)
false("a ratio to nothing", "ratio to a value", second(baseline=0.0, log_error=None))
false("another difference", "not that of the two values", second(difference=0.3))
false("another difference of a share", "not that of the two values", first(difference=0.0))
false("counts that say another difference", "gained and lost", first(gained=10, lost=10))
false("a share that differs unseen", "those gained and lost", first(differing=30))
false("two errors of one difference", "given twice", first(standard_error=0.01))
false("two errors of one ratio", "given twice", second(standard_error=0.06))
false("a share above 1", "outside", first(candidate=1.2, difference=0.5))
false("production below 0", "outside", first(baseline=-0.1, difference=0.9, log_error=None))
false("a value of the candidate above 1", "outside", own(value=1.5))
false("a measurement of other examples", "not of all examples", own(n=99, size=99.0))
false("a measurement of no examples", "none that can be", own(n=0))
false("a measurement worth more", "worth more", own(size=200.0))
false("a measurement with a larger class", "a class has", own(smallest_class=101))
false("a measurement with an error below 0", "below 0", own(standard_error=-1.0))
false("two values of one metric", "two values", own(value=0.79))
false("examples of none", "number of examples", lambda: replace(TRUE, examples=0))
false("examples that nobody counted", "nobody counted", lambda: replace(TRUE, examples=None))
false("more missing than there are", "predictions are missing", covered(missing=(101, 0)))
false("less than none missing", "predictions are missing", covered(missing=(0, -1)))
false("less than none dropped", "one file alone", covered(alone=(Alone(rows=-1),)))
false("three models", "one file alone", covered(alone=(Alone(rows=0),) * 3))
false("a slice that lost more than it had", "lost more", covered(thinned=(Thinned(slice="x", lost=3, whole=2),)))
false("identical models that differ", "identical and differ", covered(identical=True))
false("a slice left out", "do not add up", covered(slices=COVERAGE.slices[:1]))
false("a slice twice", "there twice", covered(slices=(*COVERAGE.slices, COVERAGE.slices[0])))
false("an empty slice", "slice is empty", covered(slices=(*COVERAGE.slices, Slice(column="region", name="x", n=0))))
false("a comparison twice", "there twice", lambda: replace(TRUE, statistics=(ACCURACY, F1, F1, NORTH)))
false("a comparison of no metric", "has no metric", first(metric=None))
false("a comparison of other examples", "other examples", lambda: replace(TRUE, undefined=(replace(SOUTH, n=39),)))
false("a comparison of a slice nobody named", "other examples", covered(slices=()))


def rate(group: str, n: int, hits: int, other: int, *, rate: Any = "selected", of: int | None = None) -> GroupRate:
    counted = n if of is None else of
    mine, theirs = hits / counted, other / counted
    return GroupRate(
        column="gender", group=group, rate=rate, n=n, differing=9, candidate=mine, baseline=theirs,
        candidate_of=counted, baseline_of=counted, correlation=0.5,
        candidate_error=math.sqrt(mine * (1 - mine) / (counted - 1)), candidate_size=float(counted),
        baseline_error=math.sqrt(theirs * (1 - theirs) / (counted - 1)), baseline_size=float(counted),
    )  # fmt: skip


RATES = (
    rate("gender=f", 60, 20, 25), rate("gender=m", 40, 10, 8),
    rate("gender=f", 60, 10, 15, rate="true_positives", of=30),
    rate("gender=m", 40, 7, 6, rate="true_positives", of=15),
    rate("gender=f", 60, 10, 10, rate="false_positives", of=30),
    rate("gender=m", 40, 3, 2, rate="false_positives", of=25),
)  # fmt: skip
FAIR = Disparities(columns=("gender",), rates=RATES)


def fair(first: dict[str, Any] | None = None, *, rates: tuple[GroupRate, ...] = RATES, **changes: Any) -> Any:
    changed = (replace(rates[0], **(first or {})), *rates[1:])
    return lambda: replace(TRUE, fairness=replace(FAIR, rates=changed, **changes))


LINK = Link(column="gender", rate="selected", one="gender=f", other="gender=m", candidate=0.5)
false("a rate above 1", "a rate is none", fair({"candidate": 1.5}))
false("a rate of nothing", "of other examples", fair({"candidate_of": 0, "candidate_size": 0.0}))
false("a rate worth more than it has", "of other examples", fair({"candidate_size": 70.0}))
false("a share of no examples", "not one of the examples", fair({"candidate": 0.335}))
false("a share worth less than its examples", "not one of the examples", fair({"candidate_size": 30.0}))
false("a rate of less than any example", "a rate is none", fair({"candidate": 5e-324, "weighted": True}))
false("a share in groups less sure than a guess", "larger than any", fair({"candidate_error": 0.97, "clustered": True}))
false("an error of a share that is another", "another than it says", fair({"candidate_error": 0.001}))
false("a share without its error", "has no error", fair({"baseline_error": None}))
false("an error below 0", "an error of a rate", fair({"baseline_error": -0.1}))
false("a correlation above 1", "a correlation", fair({"correlation": 1.1}))
false("more that differ than there are", "other examples than it can", fair({"differing": 61}))
false("a group larger than all", "other examples than it can", fair({"n": 101}))
false("a group of two sizes", "two sizes", fair({"n": 61}))
false("groups that leave some out", "do not add up", fair(rates=RATES[:1]))
false("a rate twice", "there twice", fair(rates=(*RATES, RATES[0])))
false("more positives for one model", "other examples of one group", fair(rates=tuple(
    replace(each, candidate_of=29, candidate_size=29.0, candidate=10 / 29, candidate_error=math.sqrt(10 * 19 / 28) / 29)
    if place == 2 else each for place, each in enumerate(RATES))))  # fmt: skip
false("negatives that are no others", "not all of a group", fair(rates=(*RATES[:4], rate(
    "gender=f", 60, 10, 10, rate="false_positives", of=29), RATES[5])))  # fmt: skip
false("a group of no column", "a column that is none", fair(columns=()))
false("a link between independent examples", "linked that are none", fair(links=(LINK,)))
false("groups of nothing", "compared with nothing", lambda: replace(
    TRUE, baseline=None, statistics=(), undefined=(), fairness=FAIR))  # fmt: skip
false("groups left out of none", "do not add up", fair(folded=(Folded(column="gender", slices=2, n=9, largest=5),)))
false("a group's name without end", "400 characters", fair(rates=tuple(
    replace(each, group="x" * 401) if each.group == "gender=f" else each for each in RATES)))  # fmt: skip


HIDDEN = Found(column="plan", slice="plan=pro", n=20, loss=0.2)
SEARCH = Discovery(metric="accuracy", columns=("plan",), searched=48, slices=3, small=1, found=(HIDDEN,))
CONFIRMED = replace(
    ACCURACY, id="compare:accuracy[plan=pro]", slice_column="plan", slice="plan=pro", n=20, size=20.0, own_size=20.0,
    candidate=0.7, baseline=0.8, difference=-0.1, gained=2, lost=4, differing=6,
)  # fmt: skip


def searched(confirmation: dict[str, Any] | None = None, **changes: Any) -> Any:
    confirmed = replace(CONFIRMED, **(confirmation or {}))
    return lambda: replace(TRUE, discovery=replace(SEARCH, **changes), confirmations=(confirmed,))


false("a slice confirmed that was not found", "was not found", searched({"slice": "plan=x"}))
false("a slice confirmed by another metric", "was not found", searched(metric="f1"))
false("a slice confirmed of no search", "was not found", lambda: replace(TRUE, confirmations=(CONFIRMED,)))
false("a slice larger than its half", "other half", searched(searched=81))
false("a confirmation with other numbers", "gained and lost", searched({"lost": 3}))
false("a slice confirmed twice", "confirmed twice", lambda: replace(searched()(), confirmations=(CONFIRMED,) * 2))
false("slices without end", "more examples were searched", searched(slices=10**400))
false("more searched than there is", "more examples were searched", searched(searched=101))
false("more found than looked at", "more slices were found", searched(slices=0))
false("a found slice of no loss", "where there is none", searched(found=(replace(HIDDEN, loss=-0.1),)))
false("a found slice with a name without end", "400 characters", searched(columns=("x" * 401,)))


def test_a_search_that_can_be_true_is_read_as_it_is() -> None:
    assert read(written(searched()())) == searched()()


def test_rates_that_can_be_true_together_are_read_as_they_are() -> None:
    assert read(written(fair()())) == fair()()


FOLDED = Folded(column="region", slices=3, n=40, largest=20, names=("region=a",))
false("slices left out of none", "do not add up", covered(folded=(FOLDED,)))
false(
    "slices left out with too few",
    "than they can",
    covered(slices=COVERAGE.slices[:1], folded=(replace(FOLDED, largest=5),)),
)
false(
    "more slices left out than examples",
    "than they can",
    covered(slices=COVERAGE.slices[:1], folded=(replace(FOLDED, slices=41),)),
)
false("slices left out twice", "left out twice", covered(folded=(FOLDED, FOLDED)))
false(
    "a slice left out with a name without end", "400 characters", covered(folded=(replace(FOLDED, names=("x" * 401,)),))
)
false("nothing to compare with", "nothing to compare with", lambda: replace(TRUE, baseline=None))
false("bare metrics with examples", "have no examples", lambda: replace(TRUE, bare=BARE.bare))
false("bare metrics of one only", "is there and is not", lambda: replace(BARE, baseline=None))
false("a bare metric above 1", "outside", lambda: replace(BARE, bare=BareMetrics(candidate={"f1": 88.0}, baseline={})))
false("a digest that is none", "64 hexadecimal", lambda: replace(TRUE, baseline=replace(THEIRS, digest="../../x")))
false("a name without end", "400 characters", lambda: replace(TRUE, baseline=replace(THEIRS, name="x" * 401)))
false("a slice name without end", "400 characters", covered(slice_columns=("x" * 401,)))


@pytest.mark.parametrize("name", FALSE)
def test_numbers_that_cannot_be_true_together_are_refused(name: str) -> None:
    cause, predicate = FALSE[name]
    assert cause in refused(written(predicate()))


def test_slices_that_were_left_out_count_for_the_sum_of_their_column() -> None:
    left = covered(slices=COVERAGE.slices[:1], folded=(FOLDED,))()
    left = replace(left, undefined=())
    assert read(written(left)) == left


def test_rounding_of_the_last_digit_is_no_contradiction() -> None:
    nearly = first(difference=0.1 + 1e-13, candidate=0.8)()
    assert read(written(nearly)) == nearly


BROKEN = {
    "not JSON": b"{",
    "not UTF-8": b'{"_type": "\xff"}',
    "half a surrogate": json.dumps(written(TRUE)).replace("fine", "\\ud800").encode(),
    "not a number": json.dumps(written(TRUE)).replace('"n": 100', '"n": NaN').encode(),
    "an infinite number": json.dumps(written(TRUE)).replace("0.05", "1e999").encode(),
    "a whole number without end": json.dumps(written(TRUE)).replace('"n": 100', '"n": 1' + "0" * 9000).encode(),
    "digits without end": json.dumps(written(TRUE)).replace("0.05", "9" * 5000).encode(),
    "text for a number": json.dumps(written(TRUE)).replace('"n": 100', '"n": "100"').encode(),
    "truth for a number": json.dumps(written(TRUE)).replace('"n": 100', '"n": true').encode(),
    "a verdict nobody knows": json.dumps(written(TRUE)).replace('"pass"', '"great"').encode(),
    "a name twice": json.dumps(written(TRUE)).replace('"n": 100', '"n": 7, "n": 100').encode(),
    "nested without end": json.dumps(written(TRUE)).replace("0.95", "[" * 9000 + "]" * 9000).encode(),
    "no predicate": json.dumps({**written(TRUE), "predicate": None}).encode(),
    "a list": b"[]",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_strictly_the_form_is_refused(name: str) -> None:
    assert refused(BROKEN[name]).startswith("the evidence cannot be read: ")


def test_a_word_of_the_file_is_not_repeated_in_the_error() -> None:
    hostile = json.dumps(written(TRUE)).replace('"pass"', json.dumps("::error::planted - at `$.x`")).encode()
    assert refused(hostile) == "the evidence cannot be read: Unknown word - at `$.predicate.verdict`"
    keys = written(TRUE)
    keys["predicate"]["coverage"]["alone"][0]["values"] = {"::error::planted": "x"}
    assert "planted" not in refused(keys)


@pytest.mark.parametrize(
    ("key", "value", "cause"),
    [
        ("_type", "https://in-toto.io/Statement/v0.1", "not the evidence of a gate"),
        ("predicateType", f"{REPOSITORY}/evidence/promotion/v1", "not the evidence of a gate"),
        ("subject", [], "not about the candidate"),
        ("subject", [{"name": "candidate.csv", "digest": {"sha256": "cd" * 32}}], "not about the candidate"),
        ("subject", [{"name": "candidate.csv", "digest": {"sha256": "ab" * 32}}] * 2, "not about the candidate"),
    ],
)
def test_a_statement_of_another_kind_or_subject_is_refused(key: str, value: Any, cause: str) -> None:
    assert cause in refused({**written(TRUE), key: value})


def test_size_and_number_are_bounded() -> None:
    content = json.dumps(written(TRUE)).encode()
    assert read(content, limit=len(content), most=3) == TRUE
    assert "bytes, more than" in refused(content, limit=len(content) - 1)
    assert "more than 2 numbers" in refused(content, most=2)
    assert "more than 0 numbers" in refused(json.dumps(written(replace(BARE, findings=()))).encode(), most=0)


def test_reading_and_judging_again_need_no_array_library() -> None:
    code = "import sys, mlci.adapters.evidence.gate, mlci.steps.report; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

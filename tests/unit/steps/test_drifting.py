"""Drift of whole tables: what moved is named with its arithmetic, noise is not, and what cannot be told is said."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlci.adapters.datasets.duck import DuckEngine
from mlci.config.data import Data, Drift
from mlci.domain.finding import Finding
from mlci.domain.verdict import Verdict
from mlci.ports import DataSource, Opened
from mlci.steps.checking import Material, Part, Reference, drifting, profiling

Table = dict[str, list[Any]]
Check = Callable[..., Part]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckEngine]:
    with closing(DuckEngine(memory="500MB", folder=str(tmp_path / "spill"))) as opened:
        yield opened


@pytest.fixture
def check(engine: DuckEngine, tmp_path: Path) -> Check:
    def opened(role: Any, table: Table) -> Opened:
        path = tmp_path / f"{role}.parquet"
        pq.write_table(pa.table(table), path)
        return engine.open(DataSource(role=role, name=path.name, path=str(path)), {})

    def checked(
        before: Table, now: Table, *, profile_only: bool = False, id: str | None = None, **settings: Any
    ) -> Part:
        show = settings.pop("show_values", False)
        rows = opened("reference", before)
        reference = Reference(name="version 4", opened=rows)
        if profile_only:
            reference = Reference(name="version 4", profile=profiling.profiled(engine, rows).profile)
        material = Material(
            engine=engine, train=opened("train", now), holdout=None, reference=reference,
            settings=Data(drift=Drift(**settings), show_values=show), target=None, id=id,
        )  # fmt: skip
        return drifting.run(material, profiling.run(material))

    return checked


def table(rows: int, seed: int, shift: float = 0.0, missing: float = 0.02) -> Table:
    source = random.Random(seed)
    return {
        "income": [None if source.random() < missing else source.gauss(30 + 9 * shift, 9) for _ in range(rows)],
        "age": [source.randrange(18, 90) for _ in range(rows)],
        "plan": [source.choices(["free", "pro", "team"], (6, 3, 1))[0] for _ in range(rows)],
        "note": ["x" * source.randrange(5, 60) + str(source.random()) for _ in range(rows)],
    }


def of(part: Part, id: str) -> Finding:
    found = [finding for finding in part.findings if finding.id == id]
    assert len(found) == 1, [finding.id for finding in part.findings]
    return found[0]


def test_data_of_the_same_source_have_not_moved(check: Check) -> None:
    part = check(table(6_000, 1), table(5_000, 2), js=0.05, ks=0.05, wasserstein=0.1, chi2=0.1)
    (only,) = part.findings
    assert (only.id, only.verdict) == ("drift", Verdict.PASS)
    assert only.message.startswith("4 columns are not shown to be further from version 4 than is accepted")
    assert part.sections[0].folded


@pytest.mark.parametrize("profile_only", [False, True])
def test_a_column_that_moved_is_named_with_its_arithmetic(check: Check, profile_only: bool) -> None:
    part = check(table(6_000, 1), table(5_000, 2, shift=0.5), profile_only=profile_only)
    moved = of(part, "drift:income")
    assert (moved.verdict, moved.reason, moved.metric) == (Verdict.FAIL, "drifted", "income")
    assert "income has moved away from version 4: PSI 0." in moved.message
    assert "limit 0.02: fail" in moved.message
    assert "data.drift.psi" in (moved.explanation or "")
    assert moved.p_adjusted is not None
    assert moved.p_adjusted < 1e-6
    assert of(part, "drift").message.startswith("3 columns are not shown")
    (section,) = part.sections
    assert (section.rows[0][0], section.rows[0][-1], section.folded) == ("income", "moved", False)
    assert section.histograms[0].title == "income"
    assert sum(section.histograms[0].now) == pytest.approx(1)


def test_what_is_shown_but_does_not_matter_is_no_drift(check: Check) -> None:
    """A shift of a twentieth of a standard deviation in many rows: surely real, and far below the limit."""
    part = check(table(60_000, 1), table(60_000, 2, shift=0.05))
    assert [finding.verdict for finding in part.findings] == [Verdict.PASS]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"js": 0.05}, "Jensen-Shannon distance"),
        ({"wasserstein": 0.1}, "Wasserstein distance"),
        ({"ks": 0.1}, "Kolmogorov-Smirnov distance"),
    ],
)
def test_every_distance_can_be_limited(check: Check, settings: dict[str, float], said: str) -> None:
    part = check(table(6_000, 1), table(5_000, 2, shift=0.5), psi=50.0, **settings)
    message = of(part, "drift:income").message
    assert said in message
    assert "PSI" not in message


def test_categories_are_limited_by_cramers_v(check: Check) -> None:
    now = table(5_000, 2)
    now["plan"] = ["team"] * 2_500 + ["free"] * 2_500
    assert "Cramér's V 0." in of(check(table(6_000, 1), now, psi=50.0, chi2=0.1), "drift:plan").message


def test_missing_values_that_came_are_drift_and_those_that_noise_brings_are_none(check: Check) -> None:
    part = check(table(6_000, 1), table(5_000, 2, missing=0.08), psi=50.0)
    message = of(part, "drift:income").message
    assert "missing 2." in message
    assert "points more" in message
    assert "limit 2" in message
    assert of(check(table(300, 1), table(300, 2, missing=0.05), psi=50.0), "drift").verdict is Verdict.PASS


def test_a_warning_is_what_policy_may_make_of_it(check: Check) -> None:
    part = check(table(6_000, 1), table(5_000, 2, shift=0.5), on_drift="warn")
    assert of(part, "drift:income").verdict is Verdict.WARN


def test_columns_that_may_move_and_ids_are_left_out(check: Check) -> None:
    before, now = table(3_000, 1), table(3_000, 2, shift=1.0)
    before["customer"], now["customer"] = list(range(3_000)), list(range(3_000, 6_000))
    part = check(before, now, ignore=("income",), id="customer")
    assert [finding.verdict for finding in part.findings] == [Verdict.PASS]
    assert "customer" not in [row[0] for row in part.sections[0].rows]


def test_new_values_are_counted_and_named_only_where_values_may_be(check: Check) -> None:
    now = table(5_000, 2)
    now["plan"] = ["enterprise" if at % 500 == 0 else value for at, value in enumerate(now["plan"])]
    hidden = check(table(6_000, 1), now).sections[0]
    assert "plan has 1 value that the reference has not, in 0.20 % of the rows." in hidden.sentences
    assert "enterprise" not in repr(hidden)
    shown = check(table(6_000, 1), now, show_values=True).sections[0]
    assert any("enterprise (10)" in sentence for sentence in shown.sentences)


def test_columns_that_came_went_or_changed_are_told(check: Check) -> None:
    before, now = table(400, 1), table(400, 2)
    now = {"note": now["note"], "plan": now["plan"], "age": [str(each) for each in now["age"]], "city": ["a"] * 400}
    part = check(before, now)
    gone, retyped, added = (of(part, id) for id in ("drift:income", "drift:age", "drift:added"))
    assert (gone.verdict, gone.reason) == (Verdict.FAIL, "schema")
    assert "income is not there any more" in gone.message
    assert "age holds string now, and integer in version 4" in retyped.message
    assert (added.verdict, added.message) == (Verdict.WARN, "city is a column that version 4 has not")
    assert "The columns stand in another order than before." in part.sections[0].sentences
    quiet = check(before, now, ignore=("income", "age", "city"))
    assert [finding.verdict for finding in quiet.findings] == [Verdict.PASS]


def test_whole_numbers_and_all_numbers_are_compared(check: Check) -> None:
    before, now = table(2_000, 1), table(2_000, 2)
    now["age"] = [float(each) for each in now["age"]]
    assert of(check(before, now), "drift").verdict is Verdict.PASS


@pytest.mark.parametrize("rows", [0, 1, 19])
def test_too_few_rows_are_said_and_block_nothing(check: Check, rows: int) -> None:
    texts = ("plan", "note")
    nothing = {name: pa.array([], type=pa.string() if name in texts else pa.float64()) for name in table(1, 1)}
    part = check(table(2_000, 1), table(rows, 2) if rows else nothing)
    few = of(part, "drift:few")
    assert (few.verdict, few.reason, few.advisory) == (Verdict.INCONCLUSIVE, "insufficient", True)
    assert f"2 000 in version 4, {rows} here" in few.message


def test_without_a_reference_nothing_is_judged_and_whoever_looked_for_it_says_why(
    engine: DuckEngine, tmp_path: Path
) -> None:
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({"x": [1, 2]}), path)
    train = engine.open(DataSource(role="train", name="t", path=str(path)), {})
    material = Material(engine=engine, train=train, holdout=None, reference=None, settings=Data(), target=None, id=None)
    part = drifting.run(material, profiling.run(material))
    assert not part.findings
    assert not part.assumptions


def test_an_outlier_and_missing_values_hide_nothing(check: Check) -> None:
    """One value of a million beside a whole shift, and a third of all values gone: both fool equal-width bins."""
    now = table(5_000, 2, shift=1.0)
    now["income"][0] = 1e6
    assert "PSI" in of(check(table(6_000, 1), now), "drift:income").message
    gone = check(table(6_000, 1), table(5_000, 2, missing=0.3))
    assert "PSI" in of(gone, "drift:income").message


def test_a_column_of_which_nothing_is_left_is_drift(check: Check) -> None:
    now = table(5_000, 2)
    now["income"] = pa.array([None] * 5_000, type=pa.float64())
    assert "missing" in of(check(table(6_000, 1), now), "drift:income").message


def correlated(rows: int, seed: int, together: float) -> Table:
    source = random.Random(seed)
    found: Table = {"a": [], "b": [], "plan": [], "gap": []}
    for _ in range(rows):
        one = source.gauss(0, 1)
        found["a"].append(one)
        found["b"].append(together * one + (1 - together**2) ** 0.5 * source.gauss(0, 1))
        found["plan"].append(source.choice(["x", "y"]))
        found["gap"].append(None if source.random() < 0.3 else source.random())
    return found


def test_a_change_of_two_columns_together_is_found_though_neither_moved(check: Check) -> None:
    before, now = correlated(4_000, 1, 0.0), correlated(4_000, 2, 0.6)
    assert [finding.id for finding in check(before, now).findings] == ["drift"]
    found = of(check(before, now, multivariate=0.55), "drift:multivariate")
    assert (found.verdict, found.reason) == (Verdict.FAIL, "drifted")
    assert "most of all b, a, even" in (found.explanation or "")


def test_order_of_rows_does_not_move_the_classifier(check: Check) -> None:
    before, now = correlated(9_000, 1, 0.0), correlated(9_000, 2, 0.1)
    first = of(check(before, now, multivariate=0.5), "drift:multivariate")
    turned = {name: values[::-1] for name, values in now.items()}
    assert of(check(before, turned, multivariate=0.5), "drift:multivariate") == first


def test_a_classifier_without_rows_could_not_run(check: Check) -> None:
    before = correlated(400, 1, 0.0)
    found = of(check(before, before, multivariate=0.6, profile_only=True), "drift:multivariate")
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "unrun")
    few = of(
        check(before, {name: values[:50] for name, values in before.items()}, multivariate=0.6), "drift:multivariate"
    )
    assert (few.reason, few.advisory) == ("insufficient", True)

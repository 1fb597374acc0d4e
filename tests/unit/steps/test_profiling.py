"""Profiles of tables: the same counts as plain Python finds, whatever the order of the rows, and nobody's secrets."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlci.adapters.datasets.duck import DuckEngine
from mlci.domain.dataset.profile import ColumnProfile, Profile
from mlci.ports import DataSource, Opened
from mlci.steps.checking import counting
from mlci.steps.checking.profiling import profiled

Table = dict[str, list[Any]]
Open = Callable[..., Opened]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckEngine]:
    with closing(DuckEngine(memory="500MB", folder=str(tmp_path / "spill"))) as opened:
        yield opened


@pytest.fixture
def opened(engine: DuckEngine, tmp_path: Path) -> Open:
    def open_table(table: Table, role: Any = "train") -> Opened:
        path = tmp_path / f"{role}.parquet"
        pq.write_table(pa.table(table), path)
        return engine.open(DataSource(role=role, name=path.name, path=str(path)), {})

    return open_table


def mixed(rows: int, seed: int = 1, shift: float = 0.0) -> Table:
    source = random.Random(seed)
    start = datetime(2024, 1, 1)
    return {
        "income": [None if source.random() < 0.03 else source.gauss(30 + shift, 9) for _ in range(rows)],
        "visits": [source.randrange(400) for _ in range(rows)],
        "plan": [source.choice(["free", "pro", "team", None]) for _ in range(rows)],
        "active": [source.random() < 0.7 for _ in range(rows)],
        "since": [start + timedelta(seconds=source.randrange(10**7)) for _ in range(rows)],
        "day": [date(2024, 1, 1) + timedelta(days=source.randrange(200)) for _ in range(rows)],
        "name": [f"user {source.randrange(10**9)}" for _ in range(rows)],
        "empty": pa.array([None] * rows, type=pa.float64()),
        "always": [5] * rows,
    }


def numbers(values: list[Any]) -> list[float]:
    """Values as a profile compares them."""
    found = []
    for value in values:
        if isinstance(value, str):
            found.append(float(len(value)))
        elif isinstance(value, datetime):
            found.append((value - datetime(1970, 1, 1)).total_seconds() // 1)
        elif isinstance(value, date):
            found.append((value - date(1970, 1, 1)).days * 86_400.0)
        elif value is not None and not math.isnan(value):
            found.append(float(value))
    return found


def counted(values: list[float], edges: tuple[float, ...]) -> tuple[int, ...]:
    """The bins as the profile's docstring defines them, value by value."""
    counts = [0] * (len(edges) + 1)
    for value in values:
        at = sum(value >= edge for edge in edges)
        counts[at - 1 if value == edges[-1] else at] += 1
    return tuple(counts)


def column(profile: Profile, name: str) -> ColumnProfile:
    found = profile.column(name)
    assert found is not None
    return found


@pytest.mark.parametrize("rows", [60, 3_000, 24_000])
def test_counts_are_those_of_plain_python(engine: DuckEngine, opened: Open, rows: int) -> None:
    table = mixed(rows)
    profile = profiled(engine, opened(table)).profile
    assert profile.rows == rows
    assert [each.name for each in profile.columns] == list(table)
    for name in ("income", "visits", "since", "day", "name"):
        found, values = column(profile, name), numbers(table[name])
        assert found.counts == counted(values, found.edges)
        assert found.missing == rows - len(values)
        assert (found.minimum, found.maximum) == (min(values), max(values))
        assert found.mean == pytest.approx(sum(values) / len(values), rel=1e-8)
    for name in ("plan", "always"):
        words = Counter(str(value) for value in table[name] if value is not None)
        assert column(profile, name).categories == dict(sorted(words.items()))
    assert column(profile, "active").categories == {
        "false": table["active"].count(False),
        "true": table["active"].count(True),
    }
    assert (column(profile, "empty").kind, column(profile, "empty").missing) == ("other", rows)
    kinds = {each.name: each.kind for each in profile.columns}
    assert [kinds[name] for name in ("income", "since", "day", "plan", "name")] == [
        "number", "time", "time", "category", "text",
    ]  # fmt: skip


def test_edges_divide_the_values_evenly_even_where_only_a_sample_was_looked_at(
    engine: DuckEngine, opened: Open
) -> None:
    rows = 30_000
    profile = profiled(engine, opened(mixed(rows))).profile
    for name in ("income", "visits", "since"):
        found = column(profile, name)
        assert len(found.edges) == 21
        assert (found.counts[0], found.counts[-1]) == (0, 0)
        assert all(0.03 * rows < each < 0.07 * rows for each in found.counts[1:-1])


def test_the_order_of_the_rows_changes_nothing(engine: DuckEngine, opened: Open) -> None:
    table = mixed(15_000)
    order = list(range(15_000))
    random.Random(3).shuffle(order)
    shuffled = {name: values if name == "empty" else [values[at] for at in order] for name, values in table.items()}
    first = profiled(engine, opened(table)).profile
    assert profiled(engine, opened(shuffled)).profile == first


def test_counts_beside_a_reference_add_up_over_parts(engine: DuckEngine, opened: Open) -> None:
    reference = profiled(engine, opened(mixed(4_000, seed=2))).profile
    whole = mixed(3_000, seed=4, shift=2.0)
    parts = [{name: values[cut] for name, values in whole.items()} for cut in (slice(1_100), slice(1_100, None))]
    together, *apart = (profiled(engine, opened(each), reference).beside for each in (whole, *parts))
    assert together is not None
    for found in together.columns:
        one, two = (column(part, found.name) for part in apart if part is not None)
        assert found.counts == tuple(a + b for a, b in zip(one.counts, two.counts, strict=True))
        assert found.categories == {name: one.categories[name] + two.categories[name] for name in found.categories}
        assert (found.missing, found.others) == (one.missing + two.missing, one.others + two.others)


def test_what_is_compared_is_counted_at_the_edges_of_the_reference(engine: DuckEngine, opened: Open) -> None:
    reference = profiled(engine, opened(mixed(4_000, seed=2))).profile
    table = mixed(2_000, seed=5, shift=20.0)
    table["plan"] = ["free", "gold"] * 1_000
    found = profiled(engine, opened(table), reference)
    assert found.beside is not None
    income = column(found.beside, "income")
    assert income.edges == column(reference, "income").edges
    assert income.counts == counted(numbers(table["income"]), income.edges)
    assert income.counts[-1] > 100
    plan = column(found.beside, "plan")
    assert (plan.categories, plan.others) == ({"free": 1_000, "pro": 0, "team": 0}, 1_000)
    assert found.new["plan"] == {"gold": 1_000}
    # For the next comparison the edges must divide these data, not those before.
    assert column(found.profile, "income").edges != income.edges
    assert column(found.profile, "plan").categories == {"free": 1_000, "gold": 1_000}


def test_edges_of_the_reference_are_kept_while_they_divide_the_data(engine: DuckEngine, opened: Open) -> None:
    reference = profiled(engine, opened(mixed(4_000, seed=2))).profile
    found = profiled(engine, opened(mixed(3_000, seed=6)), reference)
    for name in ("income", "visits", "since"):
        assert column(found.profile, name).edges == column(reference, name).edges


def test_nan_is_missing_and_infinity_lies_outside(engine: DuckEngine, opened: Open) -> None:
    values = [float(each) for each in range(1_000)]
    reference = profiled(engine, opened({"x": values})).profile
    strange = [math.nan] * 30 + [math.inf] * 20 + [-math.inf] * 10 + [1e300] * 5 + values[65:]
    found = profiled(engine, opened({"x": strange}), reference)
    assert found.beside is not None
    x = column(found.beside, "x")
    assert (x.missing, x.counts[0], x.counts[-1], sum(x.counts)) == (30, 10, 25, 970)
    assert all(math.isfinite(each or 0.0) for each in (x.mean, x.deviation, x.minimum, x.maximum))


def test_a_category_of_which_there_are_suddenly_many_values_is_still_counted_exactly(
    engine: DuckEngine, opened: Open
) -> None:
    reference = profiled(engine, opened({"code": ["a", "b"] * 500, "number": [1, 2] * 500})).profile
    rows = counting.MOST_VALUES + 500
    codes = [f"c{each}" for each in range(rows)] + ["a"]
    whole = [1_000 + each for each in range(rows)] + [2]
    found = profiled(engine, opened({"code": codes, "number": whole}), reference)
    assert found.beside is not None
    assert (column(found.beside, "code").categories, column(found.beside, "code").others) == ({"a": 1, "b": 0}, rows)
    assert (column(found.beside, "number").categories, column(found.beside, "number").others) == (
        {"1": 0, "2": 1},
        rows,
    )


def test_values_that_may_name_a_person_stand_in_no_profile(engine: DuckEngine, opened: Open) -> None:
    long = "a diagnosis that somebody wrote into a field of the form, in full"
    table: Table = {
        "few": ["ann", "bob", "cem", "dia", "eva", None, "fay", "gil"],
        "note": [long] * 4 + ["none"] * 4,
        "mail": [f"m{each}@mail.example" for each in range(8)],
    }
    profile = profiled(engine, opened(table)).profile
    assert column(profile, "few").kind == column(profile, "mail").kind == "text"
    written = repr(profile)
    assert not any(secret in written for secret in ("ann", "mail.example", "diagnosis"))
    assert any(label.startswith("md5:") for label in column(profile, "note").categories)


def test_of_many_values_only_the_frequent_ones_are_named(engine: DuckEngine, opened: Open) -> None:
    cities = [f"city {each % 40}" for each in range(4_000)] + ["only one lives here"]
    found = column(profiled(engine, opened({"city": cities})).profile, "city")
    assert found.kind == "category"
    assert len(found.categories) == 40
    assert found.others == 1


def test_names_of_columns_are_never_read_as_sql(engine: DuckEngine, opened: Open) -> None:
    hostile = 'x"; DROP VIEW train; --'
    found = profiled(engine, opened({hostile: [1.5, 2.5, 3.5] * 40})).profile
    assert sum(column(found, hostile).categories.values()) == 120


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_rows_have_a_profile_too(engine: DuckEngine, opened: Open, rows: int) -> None:
    table = {"x": pa.array([1.0] * rows, type=pa.float64()), "t": pa.array(["a"] * rows, type=pa.string())}
    profile = profiled(engine, opened(table)).profile
    assert profile.rows == rows
    beside = profiled(engine, opened(table), profile).beside
    assert beside is not None
    assert [each.missing for each in beside.columns] == [0 for each in beside.columns]


def test_wide_tables_are_asked_for_in_parts(engine: DuckEngine, opened: Open) -> None:
    table = {f"c{each}": [float(each + at) for at in range(50)] for each in range(130)}
    profile = profiled(engine, opened(table)).profile
    assert [each.minimum for each in profile.columns] == [float(each) for each in range(130)]

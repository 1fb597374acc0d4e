from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from materials import by_id, material

from mlci.config.data import Data, Poisoning
from mlci.domain.dataset.profile import ColumnProfile, Profile
from mlci.steps.checking import Reference, poisoning

Table = dict[str, list[Any]]


def people(rows: int, seed: int, *, start: int = 0) -> Table:
    rng = random.Random(seed)
    x = [rng.gauss(50, 10) for _ in range(rows)]
    return {
        "id": list(range(start, start + rows)),
        "x": x,
        "z": [rng.lognormvariate(0, 1) for _ in range(rows)],
        "site": [rng.choice(["north", "south", "east"]) for _ in range(rows)],
        "note": [rng.choice(["fine", "-", "- first", "@ann said so", "a=b", "-12.5", "+4", "= = ="]) for _ in x],
        "y": [int(rng.gauss(50, 10) < one) for one in x],
    }


def flipped(table: Table, rows: int) -> Table:
    return {**table, "y": [1 - one for one in table["y"][:rows]] + table["y"][rows:]}


def test_a_clean_sample_passes_every_question(tmp_path: Path) -> None:
    settings = Data(poisoning=Poisoning(source="site"))
    given = material(tmp_path, people(2000, 1), reference=people(2000, 2), settings=settings, target="y", id="id")
    assert {name: one.verdict.value for name, one in by_id(poisoning.run(given)).items()} == {
        "poisoning:flips": "pass", "poisoning:labels": "pass", "poisoning:sources": "pass",
        "poisoning:outliers": "pass", "poisoning:text": "pass",
    }  # fmt: skip


@pytest.mark.parametrize("id", ["id", None])
def test_flipped_labels_are_counted(tmp_path: Path, id: str | None) -> None:
    before = people(2000, 1)
    given = material(tmp_path, flipped(before, 12), reference=before, target="y", id=id, settings=Data(sample=2))
    part = poisoning.run(given)
    finding = by_id(part)["poisoning:flips"]
    assert (finding.verdict.value, finding.reason) == ("fail", "poisoned")
    assert finding.message.startswith(
        "12 of 2 000 rows (0.60 %) have another label than the reference has for the same"
    )
    listed = [one.rows for one in part.sections if one.id == "poisoning-flips"]
    assert listed == ([(("0",), ("1",))] if id else [])


def test_flips_are_found_among_rows_in_another_order_and_new_ones(tmp_path: Path) -> None:
    before = people(1000, 1)
    now = flipped(before, 10)
    new = people(500, 2, start=1000)
    order = list(range(1500))
    random.Random(1).shuffle(order)
    mixed = {name: [(now[name] + new[name])[n] for n in order] for name in before}
    finding = by_id(poisoning.run(material(tmp_path, mixed, reference=before, target="y", id="id")))["poisoning:flips"]
    assert finding.message.startswith("10 of 1 500 rows")
    assert "1 000 rows were found there" in finding.message


def test_as_many_flips_as_are_accepted_are_accepted(tmp_path: Path) -> None:
    before = people(2000, 1)
    settings = Data(poisoning=Poisoning(flips=0.01))
    given = material(tmp_path, flipped(before, 12), reference=before, target="y", id="id", settings=settings)
    assert by_id(poisoning.run(given))["poisoning:flips"].verdict.value == "pass"


def test_data_that_contradict_themselves_by_nature_are_not_taken_for_flips(tmp_path: Path) -> None:
    def coarse(seed: int) -> Table:
        rng = random.Random(seed)
        return {"a": [int(rng.expovariate(0.02)) for _ in range(3000)], "y": [rng.choice("pn") for _ in range(3000)]}

    alarms = 0
    for seed in range(10):
        (tmp_path / str(seed)).mkdir()
        given = material(tmp_path / str(seed), coarse(seed), reference=coarse(100 + seed), target="y")
        finding = by_id(poisoning.run(given))["poisoning:flips"]
        assert not finding.message.startswith("0 of"), finding
        alarms += finding.verdict.value != "pass"
    assert alarms == 0


def test_a_label_whose_share_jumps_is_named(tmp_path: Path) -> None:
    now = people(2000, 2)
    now["y"] = [1 if n < 800 else one for n, one in enumerate(now["y"])]
    finding = by_id(poisoning.run(material(tmp_path, now, reference=people(2000, 1), target="y")))["poisoning:labels"]
    assert (finding.verdict.value, finding.reason) == ("fail", "poisoned")
    assert " in y moved from " in finding.message


def test_a_source_that_is_new_is_named_and_too_few_rows_show_nothing(tmp_path: Path) -> None:
    settings = Data(poisoning=Poisoning(source="site"))
    for rows, verdict in ((2000, "fail"), (12, "pass")):
        (tmp_path / str(rows)).mkdir()
        now = people(rows, 2)
        now["site"] = ["upload" if n % 10 < 4 else one for n, one in enumerate(now["site"])]
        given = material(tmp_path / str(rows), now, reference=people(2000, 1), settings=settings)
        finding = by_id(poisoning.run(given))["poisoning:sources"]
        assert finding.verdict.value == verdict
    assert "of upload" in finding.message


def profiled(table: Table, column: str, most: int, kind: str = "category") -> Reference:
    counts: dict[str, int] = {}
    for one in table[column]:
        if one is not None:
            counts[str(one)] = counts.get(str(one), 0) + 1
    kept = dict(sorted(counts.items(), key=lambda item: -item[1])[:most])
    profile = ColumnProfile(
        name=column, kind=kind, missing=table[column].count(None), categories=kept,  # type: ignore[arg-type]
        others=sum(counts.values()) - sum(kept.values()),
    )  # fmt: skip
    return Reference(name="production version 4", profile=Profile(rows=len(table[column]), columns=(profile,)))


def test_a_profile_alone_is_enough_to_see_a_jump(tmp_path: Path) -> None:
    settings = Data(poisoning=Poisoning(source="site"))
    before = profiled(people(2000, 1), "site", 10)
    now = people(2000, 2)
    now["site"] = [None if n % 10 < 4 else one for n, one in enumerate(now["site"])]
    clean = material(tmp_path, people(2000, 3), settings=settings)
    assert by_id(poisoning.run(replace(clean, reference=before)))["poisoning:sources"].verdict.value == "pass"
    (tmp_path / "b").mkdir()
    given = replace(material(tmp_path / "b", now, settings=settings), reference=before)
    finding = by_id(poisoning.run(given))["poisoning:sources"]
    assert finding.verdict.value == "fail"
    assert finding.message.startswith(
        "no value in site moved from 0.00 % of 2 000 rows (production version 4) to 40.00 %"
    )


def test_a_source_that_was_too_rare_to_be_listed_is_not_new(tmp_path: Path) -> None:
    before = people(2000, 1)
    before["site"] = [f"s{n % 7}" if n % 2 else "main" for n in range(2000)]
    settings = Data(poisoning=Poisoning(source="site", sources=0.05))
    given = material(tmp_path, before, settings=settings)
    found = by_id(poisoning.run(replace(given, reference=profiled(before, "site", 3))))
    assert found["poisoning:sources"].verdict.value == "pass"


def test_labels_written_as_fractions_are_the_same_labels(tmp_path: Path) -> None:
    before = people(2000, 1)
    now = people(2000, 2)
    now["y"] = [float(one) for one in now["y"]]
    given = replace(material(tmp_path, now, target="y"), reference=profiled(before, "y", 5))
    assert by_id(poisoning.run(given))["poisoning:labels"].verdict.value == "pass"


def test_a_source_that_is_not_there_is_no_pass(tmp_path: Path) -> None:
    given = material(tmp_path, people(100, 1), settings=Data(poisoning=Poisoning(source="origin")))
    finding = by_id(poisoning.run(given))["poisoning:sources"]
    assert (finding.verdict.value, finding.reason) == ("inconclusive", "unrun")
    (tmp_path / "b").mkdir()
    old = {name: values for name, values in people(100, 1).items() if name != "site"}
    settings = Data(poisoning=Poisoning(source="site"))
    finding = by_id(poisoning.run(material(tmp_path / "b", people(100, 1), reference=old, settings=settings)))[
        "poisoning:sources"
    ]
    assert (finding.verdict.value, finding.reason) == ("warn", "missing")


def planted(table: Table, rows: int, rng: random.Random, *, label: int | None = 1) -> Table:
    table["x"][:rows] = [400 + rng.gauss(0, 5) for _ in range(rows)]
    if label is not None:
        table["y"][:rows] = [label] * rows
    return table


def test_a_far_cluster_of_one_label_is_found(tmp_path: Path) -> None:
    given = material(tmp_path, planted(people(2000, 1), 60, random.Random(1)), target="y", id="id")
    found = by_id(poisoning.run(given))
    finding = found["poisoning:outliers[x,above]"]
    assert (finding.verdict.value, finding.reason) == ("fail", "outlier")
    assert finding.message.startswith("60 of 2 000 rows (3.00 %, at most 1 % accepted) lie together")
    assert "100.00 % of them have one value of y" in finding.message


def test_a_cluster_below_is_found_too_and_none_of_both_labels_or_few_rows(tmp_path: Path) -> None:
    rng = random.Random(1)
    for name, rows, label, caught in (("below", 60, 1, True), ("both", 60, None, False), ("few", 10, 1, False)):
        (tmp_path / name).mkdir()
        table = planted(people(2000, 1), rows, rng, label=label)
        table["x"] = [-one for one in table["x"]]
        found = by_id(poisoning.run(material(tmp_path / name, table, target="y", id="id")))
        assert any(one.startswith("poisoning:outliers[") for one in found) == caught, name
    assert found["poisoning:outliers"].verdict.value == "pass"


def test_a_cluster_that_is_far_in_no_column_but_in_all_together_is_found(tmp_path: Path) -> None:
    rng = random.Random(1)
    table: Table = {f"x{n}": [rng.gauss(0, 1) for _ in range(3000)] for n in range(12)}
    table["y"] = [rng.choice("ab") for _ in range(3000)]
    for n in range(12):
        table[f"x{n}"][:90] = [3.6 + rng.gauss(0, 0.1) for _ in range(90)]
    table["y"][:90] = ["b"] * 90
    found = by_id(poisoning.run(material(tmp_path, table, target="y")))
    assert [name for name in found if "outliers" in name] == ["poisoning:outliers"]
    assert found["poisoning:outliers"].reason == "outlier"
    assert "all columns together" in found["poisoning:outliers"].message


def test_heavy_tails_are_no_clusters(tmp_path: Path) -> None:
    for seed in range(6):
        rng = random.Random(seed)
        (tmp_path / str(seed)).mkdir()
        table: Table = {
            "pareto": [rng.paretovariate(0.8) for _ in range(2000)],
            "log": [rng.lognormvariate(0, 2.5) for _ in range(2000)],
            "counts": [int(rng.expovariate(0.2)) for _ in range(2000)],
            "zeros": [0 if rng.random() < 0.8 else rng.expovariate(1) for _ in range(2000)],
            "empty": [float("nan") if rng.random() < 0.5 else rng.random() for _ in range(2000)],
        }
        table["y"] = [int(one > 20) for one in table["pareto"]]
        print(
            poisoning.far._scales(
                material(tmp_path / str(seed), table).engine,
                material(tmp_path / str(seed), table).train,
                list(table)[:-1],
                "",
            )
        )
        found = by_id(poisoning.run(material(tmp_path / str(seed), table, target="y")))
        assert found["poisoning:outliers"].verdict.value == "pass", found
    assert "1 column of mostly one value was left out" in found["poisoning:outliers"].message


def test_a_cluster_that_leans_to_one_side_of_a_number_is_found(tmp_path: Path) -> None:
    rng = random.Random(1)
    table = planted(people(2000, 1), 60, rng, label=None)
    table["y"] = [900.0 if n < 60 else rng.gauss(0, 1) for n in range(2000)]
    assert "poisoning:outliers[x,above]" in by_id(poisoning.run(material(tmp_path, table, target="y", id="id")))


FORMULAS = [
    "=1+1", "=cmd|' /C calc'!A0", "+SUM(A1:A9)", "-2+3+cmd|' /C calc'!A0", "@SUM(1+9)*cmd|' /C calc'!A0",
    '=HYPERLINK("http://a.invalid","x")', "\t=1+1", " =A1", "-A1+A2", '="x"', "=-1", "+@SUM(A1)", "=IMPORTXML(A1)",
]  # fmt: skip
HARMLESS = [
    "-12.5", "+4", "-", "- first", "-first (and last)", "=", "===", "=> next", "@ann said so", "@ann", "a=1+1",
    "+49 30 1234", "-1e-5", "--", "+/- 3", "-5 °C", "@", "+1 (555) 123", "-3 to 4", "e.g. =SUM(A1)",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_found(tmp_path: Path, text: str) -> None:
    found = by_id(poisoning.run(material(tmp_path, {"id": [1, 2, 3], "note": ["a", text, None]}, id="id")))
    finding = found["poisoning:text[note,formula]"]
    assert (finding.verdict.value, finding.reason) == ("warn", "hostile")
    assert finding.message.startswith("1 of 3 texts in note")
    assert text not in finding.message


@pytest.mark.parametrize("text", HARMLESS)
def test_what_no_spreadsheet_runs_is_no_formula(tmp_path: Path, text: str) -> None:
    assert list(by_id(poisoning.run(material(tmp_path, {"note": ["a", text]})))) == ["poisoning:text"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a\x1b[2Jb", "control"),
        ("a\x7f", "control"),
        ("caf\x82", "control"),
        ("a\u202eb", "hidden"),
        ("a\u200bb", "hidden"),
    ],
)
def test_characters_that_nobody_sees_are_counted_and_their_rows_named(tmp_path: Path, text: str, kind: str) -> None:
    settings = Data(poisoning=Poisoning(text="fail"))
    part = poisoning.run(material(tmp_path, {"id": [7, 8, 9], "note": ["a", text, "c"]}, id="id", settings=settings))
    finding = by_id(part)[f"poisoning:text[note,{kind}]"]
    assert (finding.verdict.value, finding.reason) == ("fail", "hostile")
    assert next(one for one in part.sections if one.id.startswith("poisoning-text")).rows == (("8",),)


@pytest.mark.parametrize("text", ["two\nlines", "tab\tbed", "می‌خواهم", "👩‍👩‍👧", "naïve café", "שלום", "日本語"])
def test_texts_of_any_script_are_texts(tmp_path: Path, text: str) -> None:
    assert list(by_id(poisoning.run(material(tmp_path, {"note": ["a", text]})))) == ["poisoning:text"]


def test_columns_that_may_hold_anything_are_left_alone(tmp_path: Path) -> None:
    table = planted(people(2000, 1), 60, random.Random(1))
    table["note"][0] = "=1+1"
    settings = Data(poisoning=Poisoning(ignore=("x", "note")))
    found = by_id(poisoning.run(material(tmp_path, table, target="y", id="id", settings=settings)))
    assert {one.verdict.value for one in found.values()} == {"pass"}
    (tmp_path / "b").mkdir()
    settings = Data(poisoning=Poisoning(text="allow", ignore=("x",)))
    found = by_id(poisoning.run(material(tmp_path / "b", table, target="y", id="id", settings=settings)))
    assert list(found) == ["poisoning:outliers"]


def test_an_empty_table_is_somebody_elses_to_judge(tmp_path: Path) -> None:
    assert poisoning.run(material(tmp_path, {"x": [], "y": []}, target="y")).findings == ()

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from materials import by_id, material

from mlci.config.data import Data, Leakage
from mlci.steps.checking import leaking

Table = dict[str, list[Any]]


def smooth(rows: int, seed: int, *, start: int = 0) -> Table:
    """Columns of which hardly a value repeats, a group, and a label that they say something of."""
    rng = random.Random(seed)
    x = [rng.gauss(0, 1) for _ in range(rows)]
    return {
        "id": list(range(start, start + rows)),
        "who": [f"u{rng.randrange(10**9)}" for _ in range(rows)],
        "x": x,
        "z": [rng.random() for _ in range(rows)],
        "plan": [rng.choice("abc") for _ in range(rows)],
        "y": [int(rng.gauss(0, 1) + one > 0) for one in x],
    }


def coarse(rows: int, seed: int) -> Table:
    """Columns of so few values that most rows repeat."""
    rng = random.Random(seed)
    return {
        "age": [min(int(rng.expovariate(0.1)), 40) for _ in range(rows)],
        "plan": [rng.choices("abcd", (8, 4, 2, 1))[0] for _ in range(rows)],
        "score": [round(rng.gauss(0, 1), 1) for _ in range(rows)],
        "y": [int(rng.random() < 0.3) for _ in range(rows)],
    }


def with_copies(holdout: Table, train: Table, rows: int, *, but: str = "id") -> Table:
    """The holdout with its first rows replaced by rows of training, each with its own name."""
    return {name: values if name == but else train[name][:rows] + values[rows:] for name, values in holdout.items()}


def test_clean_data_pass_with_one_finding_for_each_question(tmp_path: Path) -> None:
    settings = Data(leakage=Leakage(key="who"))
    given = material(
        tmp_path, smooth(900, 1), smooth(400, 2, start=900), settings=settings, target="y", id="id",
    )  # fmt: skip
    found = by_id(leaking.run(given))
    assert {name: one.verdict.value for name, one in found.items()} == {
        "leakage:key": "pass", "leakage:content": "pass", "leakage:target": "pass",
    }  # fmt: skip
    assert found["leakage:key"].message == "no value of who stands in both training and holdout"
    assert found["leakage:content"].message == "none of 400 rows of the holdout stands in the training data"


def test_a_key_on_both_sides_is_counted_in_keys_and_in_rows_of_each(tmp_path: Path) -> None:
    train, holdout = smooth(600, 1), smooth(200, 2, start=600)
    train["who"][:6] = ["twice", "twice", "once", None, "k3", "k3"]
    holdout["who"][:5] = ["twice", "once", "once", None, "alone"]
    settings = Data(leakage=Leakage(key="who"), sample=1)
    part = leaking.run(material(tmp_path, train, holdout, settings=settings))
    finding = by_id(part)["leakage:key"]
    assert (finding.verdict.value, finding.reason) == ("fail", "overlap")
    assert finding.message == (
        "2 values of who stand in both training and holdout: 3 of 200 rows of the holdout (1.50 %, at most 0 % "
        "accepted), 3 of training; 2 rows without a who"
    )
    assert next(one for one in part.sections if one.id == "leakage-key").rows == (("once",),)


def test_a_key_may_be_shared_by_as_much_of_the_holdout_as_is_accepted(tmp_path: Path) -> None:
    train, holdout = smooth(600, 1), smooth(200, 2, start=600)
    holdout["who"][:2] = train["who"][:2]
    settings = Data(leakage=Leakage(key="who", overlap=0.01))
    assert (
        by_id(leaking.run(material(tmp_path, train, holdout, settings=settings)))["leakage:key"].verdict.value == "pass"
    )


def test_keys_of_another_type_are_the_same_keys(tmp_path: Path) -> None:
    train: Table = {"key": [1.0, 2.0, 3.0], "x": [1, 2, 3]}
    holdout: Table = {"key": [3, 4], "x": [5, 6]}
    settings = Data(leakage=Leakage(key="key"))
    assert (
        "1 value of key"
        in by_id(leaking.run(material(tmp_path, train, holdout, settings=settings)))["leakage:key"].message
    )


@pytest.mark.parametrize("side", ["train", "holdout", "both", "no holdout"])
def test_a_key_that_is_not_there_is_no_pass(tmp_path: Path, side: str) -> None:
    train, holdout = smooth(60, 1), smooth(40, 2)
    for name, table in (("train", train), ("holdout", holdout)):
        if side in (name, "both"):
            del table["who"]
    given = material(
        tmp_path, train, None if side == "no holdout" else holdout, settings=Data(leakage=Leakage(key="who"))
    )
    finding = by_id(leaking.run(given))["leakage:key"]
    assert (finding.verdict.value, finding.reason) == ("inconclusive", "unrun")
    assert "who" in finding.message


def test_a_key_without_values_is_no_pass(tmp_path: Path) -> None:
    train, holdout = smooth(60, 1), smooth(40, 2)
    train["who"], holdout["who"] = [""] * 60, [""] * 40
    train["who"], holdout["who"] = [None] * 60, [None] * 40
    given = material(tmp_path, train, holdout, settings=Data(leakage=Leakage(key="who")))
    assert by_id(leaking.run(given))["leakage:key"].verdict.value == "inconclusive"


def test_copied_rows_are_found_whatever_they_are_called(tmp_path: Path) -> None:
    train = smooth(900, 1)
    holdout = with_copies(smooth(400, 2, start=900), train, 8)
    part = leaking.run(material(tmp_path, train, holdout, target="y", id="id", settings=Data(sample=3)))
    finding = by_id(part)["leakage:content"]
    assert (finding.verdict.value, finding.reason) == ("fail", "overlap")
    assert finding.message.startswith(
        "8 of 400 rows of the holdout (2.00 %) stand with their label in the training data"
    )
    assert next(one for one in part.sections if one.id == "leakage-rows").rows == (("900",), ("901",), ("902",))


def test_copied_rows_with_another_label_are_found(tmp_path: Path) -> None:
    train = smooth(900, 1)
    holdout = with_copies(smooth(400, 2, start=900), train, 8)
    holdout["y"][:8] = [1 - one for one in holdout["y"][:8]]
    finding = by_id(leaking.run(material(tmp_path, train, holdout, target="y", id="id")))["leakage:content"]
    assert (finding.verdict.value, finding.reason) == ("fail", "overlap")
    assert "8 of 400 rows of the holdout (2.00 %) stand without their label" in finding.message


def test_row_numbers_that_nobody_named_do_not_hide_copies(tmp_path: Path) -> None:
    train = smooth(900, 1)
    holdout = with_copies(smooth(400, 2, start=900), train, 8)
    part = leaking.run(material(tmp_path, train, holdout, target="y"))
    assert by_id(part)["leakage:content"].verdict.value == "fail"
    assert any(one.startswith("id names rows") for one in part.assumptions)
    assert next(one for one in part.sections if one.id == "leakage-rows").rows[0] == ("900",)


def test_missing_values_do_not_hide_copies(tmp_path: Path) -> None:
    train = smooth(900, 1)
    train["x"][:8] = [None] * 8
    holdout = with_copies(smooth(400, 2, start=900), train, 8)
    finding = by_id(leaking.run(material(tmp_path, train, holdout, target="y", id="id")))["leakage:content"]
    assert finding.message.startswith("8 of 400")


def test_two_rows_that_happen_to_be_equal_are_no_leak(tmp_path: Path) -> None:
    train, holdout = smooth(900, 1), smooth(400, 2, start=900)
    holdout = with_copies(holdout, train, 1)
    finding = by_id(leaking.run(material(tmp_path, train, holdout, target="y", id="id")))["leakage:content"]
    assert finding.verdict.value == "pass"
    assert finding.message.startswith("1 of 400 rows of the holdout (0.25 %)")


def test_coarse_data_repeat_by_chance(tmp_path: Path) -> None:
    alarms = 0
    for seed in range(15):
        folder = tmp_path / str(seed)
        folder.mkdir()
        given = material(folder, coarse(2000, seed), coarse(800, 1000 + seed), target="y")
        finding = by_id(leaking.run(given))["leakage:content"]
        assert "chance alone repeats" in finding.message
        alarms += finding.verdict.value != "pass"
    assert alarms <= 1


def test_copies_among_coarse_data_are_told_from_chance(tmp_path: Path) -> None:
    train = coarse(2000, 1)
    holdout = with_copies(coarse(800, 2), train, 200)
    finding = by_id(leaking.run(material(tmp_path, train, holdout, target="y")))["leakage:content"]
    assert (finding.verdict.value, finding.reason) == ("fail", "overlap")


def test_an_accepted_overlap_is_accepted(tmp_path: Path) -> None:
    train = smooth(900, 1)
    holdout = with_copies(smooth(400, 2, start=900), train, 8)
    for overlap, verdict in ((0.1, "pass"), (0.005, "fail")):
        folder = tmp_path / str(overlap)
        folder.mkdir()
        given = material(folder, train, holdout, target="y", id="id", settings=Data(leakage=Leakage(overlap=overlap)))
        assert by_id(leaking.run(given))["leakage:content"].verdict.value == verdict


def test_training_data_written_twice_do_not_hide_copies(tmp_path: Path) -> None:
    train = smooth(900, 1)
    holdout = with_copies(smooth(900, 2, start=900), train, 60)
    twice = {name: values * 2 for name, values in train.items()}
    given = material(tmp_path, twice, holdout, target="y", id="id")
    assert by_id(leaking.run(given))["leakage:content"].verdict.value == "fail"


def test_data_that_all_repeat_say_that_nothing_can_be_told(tmp_path: Path) -> None:
    rng = random.Random(1)
    train: Table = {"a": [rng.randrange(3) for _ in range(500)], "b": [rng.choice("xy") for _ in range(500)]}
    holdout = {name: values[:100] for name, values in train.items()}
    finding = by_id(leaking.run(material(tmp_path, train, holdout)))["leakage:content"]
    assert (finding.verdict.value, finding.reason) == ("warn", "insufficient")


def dates(rows: int, start: str, days: int) -> list[datetime]:
    return [datetime.fromisoformat(start) + timedelta(days=days * n / rows) for n in range(rows)]


@pytest.mark.parametrize("kind", ["timestamp", "text", "number"])
def test_training_rows_after_the_holdouts_first_are_counted(tmp_path: Path, kind: str) -> None:
    written: Any = {"timestamp": lambda at: at, "text": str, "number": lambda at: (at - datetime(2020, 1, 1)).days}[
        kind
    ]
    train: Table = {"at": [written(one) for one in dates(100, "2026-01-01", 100)], "x": list(range(100))}
    holdout: Table = {"at": [written(one) for one in dates(20, "2026-04-06", 20)], "x": list(range(20))}
    settings = Data(leakage=Leakage(time="at"))
    finding = by_id(leaking.run(material(tmp_path, train, holdout, settings=settings)))["leakage:time"]
    assert (finding.verdict.value, finding.reason) == ("fail", "time")
    assert finding.message.startswith("4 of 100 rows of the training data (4.00 %) have a at after")
    (tmp_path / "clean").mkdir()
    later = {**holdout, "at": [written(one + timedelta(days=10)) for one in dates(20, "2026-04-06", 20)]}
    given = material(tmp_path / "clean", train, later, settings=settings)
    assert by_id(leaking.run(given))["leakage:time"].verdict.value == "pass"


def test_rows_that_have_not_happened_yet_are_counted(tmp_path: Path) -> None:
    train: Table = {"at": [*dates(98, "2026-01-01", 100), datetime(2027, 1, 1), None], "x": list(range(100))}
    holdout: Table = {"at": dates(20, "2028-01-06", 20), "x": list(range(20))}
    settings = Data(leakage=Leakage(time="at"))
    found = by_id(leaking.run(material(tmp_path, train, holdout, settings=settings, now="2026-06-01T00:00:00Z")))
    assert found["leakage:future"].message == "1 of 99 rows of the training data have a at that is yet to come"
    assert found["leakage:time"].verdict.value == "pass"
    assert found["leakage:time"].message.endswith("1 row of both without a time")


def test_a_time_that_nobody_can_read_is_no_pass(tmp_path: Path) -> None:
    train: Table = {"at": ["soon"] * 20, "x": list(range(20))}
    settings = Data(leakage=Leakage(time="at"))
    finding = by_id(leaking.run(material(tmp_path, train, dict(train), settings=settings)))["leakage:time"]
    assert (finding.verdict.value, finding.reason) == ("inconclusive", "unrun")


def leaky(name: str, y: list[Any], rng: random.Random) -> list[Any]:
    """A column that gives the target away."""
    return {
        "copy": lambda: y,
        "renamed": lambda: [f"class {one}" for one in y],
        "negated": lambda: [-one for one in y],
        "noisy": lambda: [3.5 * one + rng.gauss(0, 0.001) for one in y],
        "missing": lambda: [None if one else rng.random() for one in y],
        "zone": lambda: [f"{one}-{rng.randrange(40)}" for one in y],
        "reason": lambda: [rng.choice(["late", "lost"]) if one == max(y) else f"none{one}" for one in y],
    }[name]()


@pytest.mark.parametrize("name", ["copy", "renamed", "negated", "noisy", "missing", "zone", "reason"])
@pytest.mark.parametrize("target", ["even", "rare", "four"])
def test_a_column_that_gives_the_target_away_is_named(tmp_path: Path, name: str, target: str) -> None:
    if name == "missing" and target == "four":
        pytest.skip("a missing value tells two classes apart, not four")
    rng = random.Random(3)
    train = smooth(2000, 1)
    train["y"] = [
        {"even": one, "rare": int(rng.random() < 0.02), "four": rng.randrange(4)}[target] for one in train["y"]
    ]
    train["gift"] = leaky(name, train["y"], rng)
    part = leaking.run(material(tmp_path, train, target="y", id="id"))
    found = by_id(part)
    assert list(found) == ["leakage:target[gift]"]
    assert (found["leakage:target[gift]"].verdict.value, found["leakage:target[gift]"].reason) == ("fail", "leakage")
    assert next(one for one in part.sections if one.id == "leakage-target").rows[0][0] == "gift"


@pytest.mark.parametrize("rows", [60, 400, 5000])
@pytest.mark.parametrize("name", ["copy", "negated", "steps"])
def test_a_target_that_is_a_number_is_given_away_too(tmp_path: Path, rows: int, name: str) -> None:
    rng = random.Random(3)
    train = smooth(rows, 1)
    train["y"] = [rng.lognormvariate(0, 2) for _ in range(rows)]
    train["gift"] = [{"copy": one, "negated": -one, "steps": round(one, 2)}[name] for one in train["y"]]
    train["good"] = [one * rng.lognormvariate(0, 0.6) for one in train["y"]]
    found = by_id(leaking.run(material(tmp_path, train, target="y", id="id")))
    assert list(found) == ["leakage:target[gift]"]


@pytest.mark.parametrize("rows", [30, 200, 3000])
@pytest.mark.parametrize("share", [0.5, 0.03])
def test_names_of_rows_and_noise_give_nothing_away(tmp_path: Path, rows: int, share: float) -> None:
    rng = random.Random(rows)
    train = smooth(rows, rows)
    train["y"] = [int(n < max(10, share * rows)) for n in range(rows)]
    rng.shuffle(train["y"])
    train["pair"] = [f"p{n // 2}" for n in range(rows)]
    train["code"] = [f"c{rng.randrange(rows)}" for n in range(rows)]
    found = by_id(leaking.run(material(tmp_path, train, target="y")))
    assert list(found) == ["leakage:target"], found


def test_a_column_that_may_say_everything_is_left_alone(tmp_path: Path) -> None:
    train = smooth(500, 1)
    train["gift"] = train["y"]
    given = material(tmp_path, train, target="y", settings=Data(leakage=Leakage(ignore=("gift",))))
    assert list(by_id(leaking.run(given))) == ["leakage:target"]


def test_large_data_are_judged_on_a_sample_that_is_always_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlci.steps.checking import telling

    monkeypatch.setattr(telling, "SAMPLE", 1000)
    train = smooth(6000, 1)
    train["gift"] = train["y"]
    order = list(range(6000))
    random.Random(5).shuffle(order)
    messages = set()
    for at, rows in (("a", range(6000)), ("b", order)):
        (tmp_path / at).mkdir()
        table = {name: [values[n] for n in rows] for name, values in train.items()}
        messages.add(by_id(leaking.run(material(tmp_path / at, table, target="y")))["leakage:target[gift]"].message)
    assert len(messages) == 1
    assert 800 < int(messages.pop().split("(")[1].split()[0].replace(",", "")) < 1200


@pytest.mark.parametrize("target", ["nothing", "constant"])
def test_a_target_that_cannot_be_asked_for_is_no_pass(tmp_path: Path, target: str) -> None:
    train = {**smooth(100, 1), "constant": [1] * 100}
    finding = by_id(leaking.run(material(tmp_path, train, target=target)))["leakage:target"]
    assert (finding.verdict.value, finding.reason) == ("inconclusive", "unrun")


def test_too_few_examples_of_a_class_are_said_and_judged_by_nobody(tmp_path: Path) -> None:
    part = leaking.run(material(tmp_path, {"x": [1, 2, 3, 4], "y": [0, 1, 0, 1]}, target="y"))
    assert part.findings == ()
    assert part.assumptions[0].startswith("Whether a column gives y away was not looked at: no value of y has 10 rows")


def test_names_and_values_are_never_read_as_sql(tmp_path: Path) -> None:
    odd = 'a"; DROP VIEW train; --'
    train, holdout = smooth(300, 1), smooth(100, 2, start=300)
    for table in (train, holdout):
        table[odd] = [f"it's {one}" for one in table.pop("who")]
        table["y'"] = [f"'{one}\"" for one in table.pop("y")]
    holdout[odd][:3] = train[odd][:3]
    settings = Data(leakage=Leakage(key=odd))
    found = by_id(leaking.run(material(tmp_path, train, holdout, settings=settings, target="y'")))
    assert found["leakage:key"].verdict.value == "fail"
    assert found["leakage:target"].verdict.value == "pass"

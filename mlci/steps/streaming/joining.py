"""Two files as one relation of numbers, one row for each example, checked as files in memory are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlci.domain.figures import count
from mlci.domain.policy import ReadingPolicy
from mlci.errors import BadValue, DuplicateIds, HoldoutDiffers, IdsDiffer, NoExamples, Place
from mlci.ports import Engine
from mlci.steps.coding import Coding
from mlci.steps.reading import NAMED, TWICE
from mlci.steps.streaming.coded import Coded, Words, refused, selected

BOTH = "examples"
# Longer ids are a mistake, in files that are read into memory too.
_LONGEST_ID = 1024


def join(
    engine: Engine, sides: Sequence[Coded], coding: Coding, reading: ReadingPolicy, words: Words
) -> tuple[int, list[str]]:
    """Keep the relation ``examples``: ids, truth, both models' labels and scores, own columns, slices.

    Columns are ``id``; ``t`` or ``y``, the truth; ``lc``, ``pc``, ``uc``, ``c0c`` … of the candidate: label, score or
    value, whether unusable, own columns; the same ending in ``b`` of production; ``s0`` … the slices.

    Returns:
        How many examples there are, and the relation's columns.

    Raises:
        MlciError: the files do not fit together.
    """
    names = ["candidate", "production"][-len(sides) :] if len(sides) > 1 else ["candidate"]
    whole = all(one.whole_ids for one in sides)
    for name, one, place in zip(names, sides, range(len(sides)), strict=True):
        text = selected(engine, one, place, coding, reading, words)
        if one.whole_ids and not whole:
            text = f"SELECT CAST(id AS {engine.text}) AS id_, * FROM ({text}) AS plain"
        engine.keep(name, text)
        _check_ids(engine, one, name, reading)
    ids = {one.source.file: "id_" if one.whole_ids and not whole else "id" for one in sides}
    columns, picked, joined = _columns(sides, coding, words)
    left, right = ids[sides[0].source.file], ids[sides[-1].source.file]
    on = f" JOIN production AS b ON a.{left} = b.{right}" if joined else ""
    engine.keep(
        "both_raw", f"SELECT {'b' if joined else 'a'}.{right} AS id, {', '.join(picked)} FROM candidate AS a{on}"
    )
    [[n]] = engine.rows("SELECT count(*) FROM both_raw")
    if joined:
        _check_same(engine, sides, names, int(n), left, right)
        _check_holdout(engine, sides, words, coding)
    truth = _truth(coding, words)
    engine.keep(BOTH, f"SELECT r.*{truth[0]} FROM both_raw AS r{truth[1]}")
    return int(n), columns


def _columns(sides: Sequence[Coded], coding: Coding, words: Words) -> tuple[list[str], list[str], bool]:
    """Which columns the relation has, and how each is picked from the two."""
    joined, picked, columns = len(sides) > 1, [], []
    authority = "b" if joined else "a"
    if coding.task == "regression":
        picked += [f"{authority}.y AS y"] + (["a.y AS ya"] if joined and _has(sides[0], "target") else [])
    elif coding.task is not None:
        picked += [f"{authority}.w AS w"] + (["a.w AS wa"] if joined and _has(sides[0], "target") else [])
    for alias, ending, one, outputs in zip("ab", "cb", sides, coding.outputs, strict=False):
        own = [("l", outputs.labels), ("p", outputs.scores if outputs.scores is not None else outputs.values)]
        for column in [name for name, there in own if there is not None] + ["u"]:
            picked.append(f"{alias}.{column} AS {column}{ending}")
            columns.append(f"{column}{ending}")
        picked += [f"{alias}.c{number} AS c{number}{ending}" for number in range(len(one.side.columns))]
    for number, name in enumerate(words.slices):
        picked.append(f"{authority}.s{number} AS s{number}")
        if joined and name in sides[0].columns:
            picked.append(f"a.s{number} AS s{number}a")
    return columns, picked, joined


def _has(one: Coded, part: str) -> bool:
    return getattr(one.side.roles, part) is not None


def _truth(coding: Coding, words: Words) -> tuple[str, str]:
    """The class code of each word of the target, as a column and a join."""
    if coding.task in (None, "regression"):
        return "", ""
    rows = ", ".join(f"({word}, {code})" for word, code in words.classes(coding))
    return ", k.code AS t", f" JOIN (VALUES {rows}) AS k(w, code) ON r.w = k.w"


def _check_ids(engine: Engine, one: Coded, name: str, reading: ReadingPolicy) -> None:
    place = Place(one.source.file)
    wrong = "id IS NULL"
    if not one.whole_ids:
        size = engine.octets("id")
        wrong += f" OR {size} = 0 OR {size} > {_LONGEST_ID}"
    [[missing]] = engine.rows(f"SELECT count(*) FROM {name} WHERE {wrong}")
    if missing:
        raise BadValue(
            f"{count(int(missing))} ids are missing, empty or too long",
            place=place,
            help="every example needs a short, unique id",
        )
    [[rows, distinct]] = engine.rows(f"SELECT count(*), count(DISTINCT id) FROM {name}")
    if rows == distinct:
        return
    if reading.duplicates != "error":
        raise refused(engine, "duplicates: cluster needs every example at once", one.source)
    twice = f"SELECT id FROM {name} GROUP BY id HAVING count(*) > 1"
    [[many]] = engine.rows(f"SELECT count(*) FROM ({twice}) AS twice")
    raise DuplicateIds(
        f"{count(int(many))} {'id stands' if many == 1 else 'ids stand'} more than once, among them "
        f"{_named(engine, twice)}",
        place=place,
        help=TWICE,
    )


def _named(engine: Engine, sql: str) -> str:
    """A few ids, in their order, as text that shows what is in them."""
    return ", ".join(_shown(row[0]) for row in engine.rows(f"{sql} ORDER BY 1 LIMIT {NAMED}"))


def _shown(value: Any) -> str:
    return repr(str(value))


def _check_same(engine: Engine, sides: Sequence[Coded], names: Sequence[str], n: int, left: str, right: str) -> None:
    """Both files must be of the same examples."""
    parts = []
    for (name, own), (other, theirs), one in (
        ((names[0], left), (names[1], right), sides[0]),
        ((names[1], right), (names[0], left), sides[1]),
    ):
        [[rows]] = engine.rows(f"SELECT count(*) FROM {name}")
        if rows == n:
            continue
        missing = f"NOT EXISTS (SELECT 1 FROM {other} AS o WHERE o.{theirs} = m.{own})"
        alone = f"SELECT m.{own} FROM {name} AS m WHERE {missing}"
        parts.append(f"{count(int(rows) - n)} only in {one.source.file} (among them {_named(engine, alone)})")
    if parts:
        raise IdsDiffer(
            f"the two models were not scored on the same examples: {'; '.join(parts)}",
            place=Place(sides[0].source.file),
            help="score both models on the same holdout; an engine does not intersect them",
        )
    if not n:
        raise NoExamples("the two files have no example in common", place=Place(sides[0].source.file))


def _check_holdout(engine: Engine, sides: Sequence[Coded], words: Words, coding: Coding) -> None:
    """What both files say of the holdout must be the same."""
    pairs = []
    if _has(sides[0], "target") and coding.task is not None:
        truth = "y" if coding.task == "regression" else "w"
        pairs.append(("target", truth, f"{truth}a"))
    pairs += [
        (f"slice column {name}", f"s{number}", f"s{number}a")
        for number, name in enumerate(words.slices)
        if name in sides[0].columns
    ]
    for part, mine, theirs in pairs:
        differs = f"{mine} <> {theirs}"
        [[number]] = engine.rows(f"SELECT count(*) FROM both_raw WHERE {differs}")
        if number:
            shown = _named(engine, f"SELECT id FROM both_raw WHERE {differs}")
            raise HoldoutDiffers(
                f"the two files disagree on the {part} of {count(int(number))} examples, among them {shown}",
                place=Place(sides[0].source.file),
                help="score both models on one version of the holdout; a label may not change between them",
            )

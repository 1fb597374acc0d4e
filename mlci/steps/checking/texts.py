"""Texts that do something where they are shown: run as a formula, move the cursor, or read as what they are not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from mlci.ports import DataEngine, Opened
from mlci.steps.checking import sql

# What Excel, LibreOffice and Google Sheets take for a formula: a sign that starts one, and then what they would run.
# A lone sign, a negative number, a bullet, an arrow, and a mention such as @name are none.
_FORMULA = (
    r"^[ \t\r\n]*("
    r"=[ ]*[A-Za-z0-9\"'(+$@-]"
    r"|[+@-][+@=-]*[A-Za-z_][A-Za-z0-9_.]*\("
    r"|[+-][+=-]*[$]?[A-Za-z]{1,3}[$]?[0-9]+[ ]*[-+*/^&:!,;]"
    r"|[+-][0-9.]+[ ]*[-+*/^&][ ]*([A-Za-z(]|cmd)"
    r"|[=+@-].*[|].*![A-Za-z]+[0-9]+"
    r")"
)
# Every control character but tab, line feed and carriage return; NUL is known to no engine but DuckDB.
_CONTROL = "[\x01-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]"
# Overrides and isolates of writing direction (CVE-2021-42574); spaces of no width that no script needs.
_HIDDEN = "[\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff]"
# A formula starts with one of these: whether a text does costs a tenth of what the pattern does.
_STARTS = " \t\r\n=+@-"
# One pattern for both, since hardly a text has either, and to look twice takes twice as long.
_UNSEEN = _CONTROL[:-1] + _HIDDEN[1:]
# A column with at most so many values among its first rows is looked through value by value.
_FIRST, _FEW = 20_000, 200


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One way of a text to be odd.

    Attributes:
        kind: one word for it.
        pattern: that finds it.
        what: such texts do, as the end of a sentence.
        why: it matters, and what to do.
    """

    kind: str
    pattern: str
    what: str
    why: str


KINDS = (
    Kind(
        kind="formula", pattern=_FORMULA, what="would be run by a spreadsheet as a formula",
        why="Whoever opens an export of them in a spreadsheet runs what somebody else wrote. Put an apostrophe before "
        "them where they are exported, and find out who sent them.",
    ),
    Kind(
        kind="control", pattern=_CONTROL, what="hold control characters",
        why="They move a terminal's cursor, or are left of a wrong decoding, and a model learns them as words. "
        "Strip them, or read the file in the encoding it was written in.",
    ),
    Kind(
        kind="hidden", pattern=_HIDDEN, what="hold characters that are not seen or turn the direction of writing",
        why="People read another text than the model does, which hides a mark in plain sight. Strip them, and find "
        "out who sent them.",
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Odd:
    """How many texts of a column are odd in one way."""

    column: str
    kind: str
    what: str
    why: str
    rows: int


def odd(engine: DataEngine, opened: Opened, apart: Collection[str]) -> list[Odd] | None:
    """Count odd texts of every column and kind; None where there is no text."""
    columns = [name for name, kind in opened.columns.items() if kind == "string" and name not in apart]
    if not columns:
        return None
    formula, control, hidden = KINDS
    found = _counted(engine, opened, columns, lambda column: (_matches(column, formula), _regexp(column, _UNSEEN)))
    suspect = [column for column in columns if found[column][1]]
    exactly = _counted(engine, opened, suspect, lambda column: (_matches(column, control), _matches(column, hidden)))
    counts = {column: (found[column][0], *exactly.get(column, (0, 0))) for column in columns}
    return [
        Odd(column=column, kind=kind.kind, what=kind.what, why=kind.why, rows=rows)
        for column in columns
        for kind, rows in zip(KINDS, counts[column], strict=True)
    ]


def _counted(
    engine: DataEngine, opened: Opened, columns: Sequence[str], conditions: Callable[[str], tuple[str, str]]
) -> dict[str, tuple[int, int]]:
    """Rows for which each of two conditions holds, by column."""
    few = _few(engine, opened, columns)
    relation = sql.name(opened.relation)
    many = [column for column in columns if column not in few]
    found: dict[str, tuple[int, int]] = {}
    if many:
        sums = (f"sum(CASE WHEN {each} THEN 1 ELSE 0 END)" for column in many for each in conditions(column))
        row = [int(n or 0) for n in engine.rows(f"SELECT {', '.join(sums)} FROM {relation}")[0]]
        found = dict(zip(many, zip(row[::2], row[1::2], strict=True), strict=True))
    if few:
        selects = []
        for place, column in enumerate(few):
            sums = (f"sum(CASE WHEN {each} THEN n ELSE 0 END) AS s{i}" for i, each in enumerate(conditions(column)))
            value = sql.name(column)
            selects.append(
                f"SELECT {place} AS i, {', '.join(sums)} "
                f"FROM (SELECT {value}, count(*) AS n FROM {relation} GROUP BY {value}) AS g{place}"
            )
        for place, first, second in engine.rows(" UNION ALL ".join(selects)):
            found[few[int(place)]] = int(first or 0), int(second or 0)
    return found


def _few(engine: DataEngine, opened: Opened, columns: Sequence[str]) -> list[str]:
    """Columns that seem to have few values: of these it is cheaper to look at each value once than at each row.

    Where the first rows mislead it only takes longer.
    """
    if opened.rows <= _FIRST or not columns:
        return []
    counts = ", ".join(f"count(DISTINCT {sql.name(column)})" for column in columns)
    some = f"SELECT {sql.names(columns)} FROM {sql.name(opened.relation)} LIMIT {_FIRST}"
    row = engine.rows(f"SELECT {counts} FROM ({some}) AS first")[0]
    return [column for column, n in zip(columns, row, strict=True) if int(n) <= _FEW]


def named(engine: DataEngine, opened: Opened, one: Odd, name: str, most: int) -> tuple[str, ...]:
    """What names some of them, the smallest first."""
    kind = next(each for each in KINDS if each.kind == one.kind)
    value = f"CAST({sql.name(name)} AS VARCHAR)"
    found = engine.rows(
        f"SELECT {value} FROM {opened.relation} WHERE {_matches(one.column, kind)} "
        f"ORDER BY {sql.name(name)} LIMIT {most}"
    )
    return tuple(str(row[0]) for row in found)


def _matches(column: str, kind: Kind) -> str:
    matches = _regexp(column, kind.pattern)
    if kind.pattern != _FORMULA:
        return matches
    starts = ", ".join(str(ord(sign)) for sign in _STARTS)
    return f"CASE WHEN ascii({sql.name(column)}) IN ({starts}) THEN {matches} ELSE FALSE END"


def _regexp(column: str, pattern: str) -> str:
    return f"regexp_matches({sql.name(column)}, {sql.text(pattern)})"

"""Texts that do something where they are shown: run as a formula, move the cursor, or read as what they are not."""

from __future__ import annotations

from collections.abc import Collection
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
    """Count odd texts of every column and kind, in one pass; None where there is no text."""
    columns = [name for name, kind in opened.columns.items() if kind == "string" and name not in apart]
    if not columns:
        return None
    asked = [(column, kind) for column in columns for kind in KINDS]
    sums = ", ".join(f"sum(CASE WHEN {_matches(column, kind)} THEN 1 ELSE 0 END)" for column, kind in asked)
    counts = engine.rows(f"SELECT {sums} FROM {opened.relation}")[0]
    return [
        Odd(column=column, kind=kind.kind, what=kind.what, why=kind.why, rows=int(n or 0))
        for (column, kind), n in zip(asked, counts, strict=True)
    ]


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
    return f"regexp_matches({sql.name(column)}, {sql.text(kind.pattern)})"

"""A clean dataset, and what becomes of it: every case is broken in one way and must be caught by one finding.

Everything is made here, the same each time: nothing is random and no file is kept.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]

CONTRACT = """\
key: id
columns:
  id: {type: integer, nullable: false, unique: true}
  plan: {type: string, values: [free, pro]}
  age: {type: integer, min: 18, max: 99, max_missing: 0.05, mean: {min: 20, max: 80}}
  code: {pattern: '^[A-Z]{2}[0-9]{3}$', length: {is: 5}}
  price: {type: number, min: 0}
  total: {type: number}
  start: {type: date, max_age: 36500d}
  end: {type: date}
extra_columns: refuse
rows: {min: 100, max: 1000}
rules:
  order: {greater: [end, start]}
  once: {unique: [plan, code]}
  pro-pays: {when: {plan: pro}, columns: {price: {above: 1}}}
  adds-up: {check: total >= price}
  cheap: {sql: 'SELECT * FROM {batch} WHERE price > 500 AND plan = ''free'''}
"""


def clean(first: int = 0, count: int = 200) -> list[Row]:
    """Rows that meet the contract; no two of them are alike."""
    found = []
    for number in range(first, first + count):
        pro = number % 3 == 0
        price = (number * 37 % 90) / 10 + (2 if pro else 0)
        found.append(
            {
                "id": number, "plan": "pro" if pro else "free", "age": 18 + number * 29 % 60,
                "code": f"{chr(65 + number // 26 % 26)}{chr(65 + number % 26)}{number * 7 % 1000:03d}",
                "price": round(price, 2), "total": round(price + 1 + number % 5, 2),
                "start": f"2026-01-{1 + number % 28:02d}", "end": f"2026-02-{1 + number % 27:02d}",
            }
        )  # fmt: skip
    return found


def csv(rows: list[Row]) -> bytes:
    """Rows as a CSV; texts are quoted where they must be."""
    lines = [",".join(rows[0])] if rows else [",".join(clean(0, 1)[0])]
    lines += [",".join(_cell(value) for value in row.values()) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\n') else text


def parquet(rows: list[Row]) -> bytes:
    """Rows as Parquet, dates as texts: their type is the contract's to say of a CSV only."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    into = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), into)
    return into.getvalue()


@dataclass(frozen=True)
class Case:
    """One dataset.

    Attributes:
        name: of the case.
        train: the training data.
        exit: of data-check.
        reason: of the finding that stands first; None for the clean one.
        says: what its message or its id holds.
        file: name of the training file.
        holdout: rows of the holdout; None for no holdout.
        reference: a file to compare with; None for none.
        settings: more keys of ``data``.
        contract: the contract; None for none.
        rows: the same as rows, to stand in a database; None where it is about the file.
    """

    name: str
    train: bytes
    exit: int = 10
    reason: str | None = "violated"
    says: str = ""
    file: str = "train.csv"
    holdout: bytes | None = None
    reference: bytes | None = None
    settings: str = ""
    contract: str | None = CONTRACT
    rows: list[Row] | None = field(default=None, compare=False)


def _changed(name: str, says: str, change: Callable[[list[Row]], object], **more: Any) -> Case:
    rows = clean()
    change(rows)
    return Case(name, csv(rows), says=says, rows=rows, **more)


def _set(column: str, value: Any, *places: int) -> Callable[[list[Row]], object]:
    def change(rows: list[Row]) -> None:
        for place in places:
            rows[place][column] = value

    return change


def _each(change: Callable[[Row], object]) -> Callable[[list[Row]], object]:
    def apply(rows: list[Row]) -> None:
        for row in rows:
            change(row)

    return apply


def _rename(row: Row) -> None:
    items = [("years" if name == "age" else name, value) for name, value in row.items()]
    row.clear()
    row.update(items)


TABLES = [
    Case("clean", csv(clean()), exit=0, reason=None, rows=clean()),
    _changed("column-missing", "age", _each(lambda row: row.pop("age")), reason="schema"),
    _changed("column-renamed", "age", _each(_rename), reason="schema"),
    _changed("column-extra", "note", _each(lambda row: row.update(note="x")), reason="schema"),
    _changed("missing-values", "age", _set("age", None, *range(40))),
    _changed("missing-id", "id", _set("id", None, 7)),
    _changed("range", "age", _set("age", 17, 3)),
    _changed("range-above", "age", _set("age", 150, 3, 4)),
    _changed("category", "plan", _set("plan", "gold", 5)),
    _changed("pattern", "code", _set("code", "ab1-2", 5)),
    _changed("length", "code", _set("code", "AB1234", 5)),
    _changed("twice", "id", _set("id", 9, 8)),
    _changed("twice-together", "once", lambda rows: rows[3].update(code=rows[0]["code"])),
    _changed("order-of-columns", "order", _set("end", "2025-12-01", 11)),
    _changed("conditional", "pro-pays", _set("price", 0.5, 3)),
    _changed("condition-of-row", "adds-up", _set("total", -1.0, 10)),
    _changed("query", "cheap", lambda rows: rows[1].update(price=600.0, total=700.0)),
    _changed("aggregate", "mean", _each(lambda row: row.update(age=90))),
    _changed("too-few", "rows", lambda rows: rows.__delitem__(slice(20, None))),
    _changed("too-many", "rows", lambda rows: rows.extend(clean(1000, 900))),
    _changed("stale", "start", lambda rows: None, contract=CONTRACT.replace("36500d", "1d")),
]

_FORMULA = clean()
_FORMULA[4]["code"] = "=cmd()"
_SHIFT = clean()
for _row in _SHIFT:
    _row["price"] = _row["price"] + 40
    _row["total"] = _row["total"] + 60

FILES = [
    Case("clean-parquet", parquet(clean()), exit=0, reason=None, file="train.parquet",
         contract=CONTRACT.replace("type: date", "type: string").replace(", max_age: 36500d", "")),
    Case("type-of-values", csv(clean()).replace(b"\n5,", b"\nfive,"), reason="schema", says="id"),
    Case("empty-file", b"", reason="unreadable"),
    Case("only-a-header", csv([]), says="rows"),
    Case("latin-1", csv(clean()).replace(b"free", "frée".encode("latin-1"), 1), reason="unreadable", says="UTF-8"),
    Case("utf-16", csv(clean()).decode().encode("utf-16"), reason="unreadable"),
    Case("ragged", csv(clean()) + b"1,2,3,4,5,6,7,8,9,10,11\n", reason="unreadable"),
    Case("open-quote", csv(clean()) + b'201,"free,20,AA111,1,2,2026-01-01,2026-02-01\n', reason="unreadable"),
    Case("huge-field", csv(clean()) + b'201,' + b"x" * 40_000_000 + b",20,AA111,1,2,2026-01-01,2026-02-01\n",
         reason="unreadable"),
    Case("truncated-parquet", parquet(clean())[:-200], reason="unreadable", file="train.parquet"),
    Case("no-parquet", b"PAR1" + bytes(200) + b"PAR1", reason="unreadable", file="train.parquet"),
    Case("bomb", gzip.compress(b"id\n" + b"0" * 300_000_000), reason="unreadable", file="train.csv.gz"),
    Case("broken-json", b'{"id": 1}\n{"id": \n', reason="unreadable", file="train.jsonl"),
    Case("formula", csv(_FORMULA), reason="hostile", contract=None, settings="  poisoning: {text: fail}\n"),
    Case("control-characters", csv(clean()).replace(b"AA000", b"A\x1bA00"), reason="hostile", contract=None,
         settings="  poisoning: {text: fail}\n"),
    Case("overlap", csv(clean()), reason="overlap", holdout=csv(clean(100, 200)), contract=None),
    Case("drift", csv(_SHIFT * 5), reason="drifted", reference=csv(clean() * 5), contract=None),
    Case("same-as-reference", csv(clean()), exit=0, reason=None, reference=csv(clean())),
]  # fmt: skip

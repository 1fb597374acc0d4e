"""What an engine counted for a rule. Nothing is judged here: every engine gives the same counts, one place judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["pass", "fail", "error"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What an engine counted for one rule.

    Attributes:
        rule: its id.
        rows: rows the rule is about, after its condition; None where the rule is not about rows.
        missing: those without a value in one of its columns, where such rows are left out; else 0.
        unexpected: rows that break it, among the others; None for a rule on the whole table.
        observed: the value of an aggregate, or what was found of the table; None without one, and where nothing was
            there to compute it from.
        trouble: why it could not be counted at all, as a sentence; None where it could.
    """

    rule: str
    rows: int | None = None
    missing: int = 0
    unexpected: int | None = None
    observed: Any = None
    trouble: str | None = None

    @property
    def evaluated(self) -> int | None:
        """Rows that were looked at."""
        return None if self.rows is None else self.rows - self.missing


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One rule and how it came out; of every engine the same."""

    rule: str = field(metadata={"help": "Its id."})
    expectation: str = field(metadata={"help": "Published name of the expectation."})
    outcome: Outcome = field(metadata={"help": "pass, fail, or error where it could not run."})
    severity: Literal["fail", "warn"] = field(metadata={"help": "Whether a breach blocks."})
    message: str = field(metadata={"help": "What was asked and what was found, in one sentence."})
    columns: tuple[str, ...] = field(default=(), metadata={"help": "The columns it speaks of."})
    evaluated: int | None = field(default=None, metadata={"help": "Rows looked at; absent for a rule on the table."})
    unexpected: int | None = field(default=None, metadata={"help": "Rows that break it."})
    observed: Any = field(default=None, metadata={"help": "The value found, for a rule on an aggregate or the table."})
    sample: tuple[tuple[str, ...], ...] = field(
        default=(), metadata={"help": "Keys of some rows that break it, never their values."}
    )


@dataclass(frozen=True, kw_only=True)
class Offenders:
    """Rows that break a rule, by what names them.

    Attributes:
        keys: the columns that name a row; ``("row",)`` with numbers from 1 where the contract names none.
        rows: their values as text, in the order of the file, at most as many as were asked for.
        values: the offending values, row by row, where they were asked for; else empty.
    """

    keys: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    values: tuple[tuple[str, ...], ...] = ()

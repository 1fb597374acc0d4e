"""What a dataset must look like: rules in the vocabulary of Great Expectations, each with how grave a breach is.

A rule is one expectation of https://greatexpectations.io/expectations by its published name and arguments, so that a
suite is read as it is and a contract is written as one. What a name means is said in ``vocabulary``, once, for every
engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

# What a column holds, whatever each engine calls it.
Type = Literal["integer", "number", "string", "boolean", "date", "timestamp"]

# fail blocks; warn is listed and blocks nothing.
Severity = Literal["fail", "warn"]

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "not in", "is null", "is not null"]

# A single value of a rule. Dates and times are texts in the form of ISO 8601.
Value = str | int | float | bool


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Which rows a rule is about: those whose value of a column compares so.

    A row without a value is one for ``is null`` alone.
    """

    column: str = field(metadata={"help": "The column."})
    operator: Operator = field(metadata={"help": "How it is compared."})
    value: Value | tuple[Value, ...] | None = field(
        default=None, metadata={"help": "With what; several values for in and not in, none where there is no value."}
    )


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of a contract."""

    id: str = field(metadata={"help": "Stable name, such as age.between; unique in its contract."})
    expectation: str = field(metadata={"help": "Published name, such as expect_column_values_to_be_between."})
    kwargs: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "Its arguments by their published names, columns among them."}
    )
    severity: Severity = field(default="fail", metadata={"help": "Whether a breach blocks."})
    where: tuple[Condition, ...] = field(
        default=(), metadata={"help": "Which rows it is about, all conditions together; none for every row."}
    )
    trouble: str | None = field(
        default=None, metadata={"help": "Why no engine can count it, as a sentence; absent where one can."}
    )

    # Where it stands makes it no other rule.
    line: int | None = field(
        default=None, compare=False, metadata={"help": "Line of the contract that it was written at, counted from 1."}
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it speaks of, in the order of its arguments."""
        named = [self.kwargs.get(name) for name in ("column", "column_A", "column_B")]
        lists = [self.kwargs.get(name) for name in ("column_list", "column_set")]
        listed = [str(one) for several in lists if isinstance(several, (list, tuple)) for one in several]
        return (*(str(one) for one in named if one is not None), *listed)

    @property
    def mostly(self) -> float:
        """The least share of values that must meet it."""
        given = self.kwargs.get("mostly")
        return 1.0 if given is None else float(given)


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Every rule on one kind of dataset.

    Attributes:
        name: of the file it was read from, as the configuration names it.
        digest: sha256 of that file, in hexadecimal.
        rules: in the order they were written.
        types: what each column holds that a rule on types names: text of a CSV is read as that.
        key: columns that name a row, for the list of rows that break a rule; empty where nothing does.
        file: that very file from the top of the repository; None where this checkout has another or none.
    """

    name: str
    digest: str
    rules: tuple[Rule, ...] = ()
    types: dict[str, Type] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    file: str | None = None

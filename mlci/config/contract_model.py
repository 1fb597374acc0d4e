"""The keys of a contract file: what a dataset must look like."""

# ruff: noqa: RUF009 - key() returns a dataclass field, as field() does

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mlci.config.contract_bounds import Bounds
from mlci.config.contract_media import Images, Texts
from mlci.config.duration import Duration
from mlci.config.key import key
from mlci.domain.dataset.contract import Severity, Type, Value

_SHARE: dict[str, Any] = {"minimum": 0, "maximum": 1}


@dataclass(frozen=True)
class When:
    """Which rows are meant, by one column: those whose value meets all that is said here."""

    main: ClassVar[tuple[str, ...]] = ("is",)

    is_: Value | None = key(default=None, help="Rows with exactly this value.", example="pro")
    not_: Value | None = key(default=None, help="Rows with another value than this.")
    min: Value | None = key(default=None, help="Rows whose value is at least this.", example="18")
    max: Value | None = key(default=None, help="Rows whose value is at most this.")
    above: Value | None = key(default=None, help="Rows whose value is more than this.")
    below: Value | None = key(default=None, help="Rows whose value is less than this.")
    values: tuple[Value, ...] = key(default=(), one_alone=True, help="Rows with one of these values.")
    not_values: tuple[Value, ...] = key(default=(), one_alone=True, help="Rows with a value that is none of these.")
    missing: bool | None = key(default=None, help="true for the rows without a value, false for those with one.")


@dataclass(frozen=True)
class Column:
    """One column: it must be there, and its values must be so. Missing values are left out but where they are meant."""

    main: ClassVar[tuple[str, ...]] = ("type",)

    type: Type | None = key(default=None, help="What it holds; texts of a CSV are read as that.", example="integer")
    nullable: bool | None = key(default=None, help="false where no value may be missing.")
    max_missing: float | None = key(default=None, **_SHARE, help="Largest accepted share of missing values.")
    min: Value | None = key(default=None, help="Smallest accepted value; dates are written 2026-01-31.", example="0")
    max: Value | None = key(default=None, help="Largest accepted value.", example="120")
    above: Value | None = key(default=None, help="What every value must be more than.")
    below: Value | None = key(default=None, help="What every value must be less than.")
    values: tuple[Value, ...] = key(default=(), one_alone=True, help="The accepted values.", example="[free, pro]")
    not_values: tuple[Value, ...] = key(default=(), one_alone=True, help="Values that may not occur.")
    pattern: str | None = key(
        default=None,
        help="Regular expression that is found in every value; ^ and $ make it the whole value.",
        example="^[A-Z]{2}[0-9]{6}$",
    )
    not_pattern: str | None = key(default=None, help="Regular expression that is found in no value.")
    length: Bounds = key(factory=Bounds, help="Number of characters of every value.", example="{min: 1, max: 40}")
    unique: bool | None = key(default=None, help="Whether every value occurs once only.")
    mean: Bounds = key(factory=Bounds, help="Mean of all values.")
    median: Bounds = key(factory=Bounds, help="Median of all values.")
    stdev: Bounds = key(factory=Bounds, help="Standard deviation (n - 1) of all values.")
    sum: Bounds = key(factory=Bounds, help="Sum of all values.")
    smallest: Bounds = key(factory=Bounds, help="The smallest value.")
    largest: Bounds = key(factory=Bounds, help="The largest value.")
    quantiles: dict[str, Bounds] = key(
        factory=dict, names="quantile", help="Values below which these shares of all values lie.",
        example="{0.5: {min: 20, max: 40}}",
    )  # fmt: skip
    distinct: Bounds = key(factory=Bounds, help="How many different values there are.")
    distinct_share: Bounds = key(factory=Bounds, help="Different values as a share of all values.")
    contains: tuple[Value, ...] = key(default=(), one_alone=True, help="Values each of which occurs at least once.")
    most_common: tuple[Value, ...] = key(
        default=(), one_alone=True, help="Values of which one is the most common of the column."
    )
    max_age: Duration | None = key(
        default=None, help="How old the newest value may be when the data are checked.", example="7d"
    )
    mostly: float | None = key(
        default=None, **_SHARE, help="Share of the values that is enough, for what is asked of single values."
    )
    severity: Severity | None = key(default=None, help="fail, or warn where a breach is only told.")
    note: str | None = key(default=None, help="Why, for whoever reads the contract.")


@dataclass(frozen=True)
class Sum:
    """Columns that must add up to a number in each row."""

    columns: tuple[str, ...] = key(default=(), help="The columns.")
    is_: float | None = key(default=None, help="Their sum.")


@dataclass(frozen=True)
class TableRule:
    """One rule over several columns, on some rows, or in words of Great Expectations or of SQL."""

    columns: dict[str, Column] = key(
        factory=dict, names="column", help="What is asked of single columns, where when says of which rows.",
        example="{discount: {min: 0.1}}",
    )  # fmt: skip
    when: dict[str, When] = key(
        factory=dict, names="column", help="Which rows are meant, by column; all of it must hold.",
        example="{plan: pro, age: {min: 18}}",
    )  # fmt: skip
    unique: tuple[str, ...] = key(default=(), help="Columns whose values, taken together, occur once only.")
    different: tuple[str, ...] = key(default=(), help="Columns whose values differ from each other in each row.")
    equal: tuple[str, ...] = key(default=(), help="Columns whose values are the same in each row.")
    greater: tuple[str, ...] = key(
        default=(), help="Two columns, the first of which is greater in each row.", example="[end, start]"
    )
    at_least: tuple[str, ...] = key(
        default=(), help="Two columns, the first of which is greater than or equal to the second in each row."
    )
    sum: Sum = key(factory=Sum, help="Columns that add up to a number in each row.")
    check: str | None = key(
        default=None, help="Condition in SQL that is true in each row.", example="price * quantity = total"
    )
    sql: str | None = key(
        default=None,
        help="SELECT that gives the rows which break the rule; {batch} stands for the table.",
        example='"SELECT * FROM {batch} WHERE price < 0"',
    )
    expectation: str | None = key(
        default=None,
        help="Name of an expectation of Great Expectations.",
        example="expect_column_values_to_be_in_type_list",
    )
    kwargs: dict[str, Any] = key(factory=dict, names="argument", help="Arguments of that expectation.")
    mostly: float | None = key(default=None, **_SHARE, help="Share of the rows that is enough.")
    severity: Severity | None = key(default=None, help="fail, or warn where a breach is only told.")
    note: str | None = key(default=None, help="Why, for whoever reads the contract.")


@dataclass(frozen=True)
class ContractFile:
    """What one kind of dataset must look like."""

    description: str | None = key(default=None, help="What the dataset is.")
    columns: dict[str, Column] = key(
        factory=dict, names="column", help="Columns that must be there, and what they hold.",
        example="{age: {type: integer, min: 0}}",
    )  # fmt: skip
    extra_columns: Literal["allow", "refuse"] = key(
        default="allow", help="Whether other columns than these may be there."
    )
    rows: Bounds = key(factory=Bounds, help="How many rows there are.", example="{min: 1000}")
    images: Images = key(factory=Images, help="What images must be like, for a dataset that is a folder of them.")
    texts: Texts = key(factory=Texts, help="What texts or chats must be like, for a dataset of them.")
    rules: dict[str, TableRule] = key(
        factory=dict, names="rule", help="Rules over several columns or on some rows, by a name of your own.",
        example="{ends-after-it-starts: {greater: [end, start]}}",
    )  # fmt: skip
    severity: Severity = key(default="fail", help="What a breach does where a rule does not say.")
    # Last, because it hides the function of its name from what would follow.
    key: tuple[str, ...] = key(
        default=(), one_alone=True, help="Columns that name a row in the list of rows that break a rule."
    )

"""Every expectation that a contract can ask for, its arguments, and what an engine counts for it.

The names, the arguments and their meaning are those of Great Expectations 1.x. What is common to all of them:

- A value that is NULL or NaN is missing. Every expectation on rows leaves out rows whose value is missing, except the
  two that ask about missing values; ``Measured.missing`` says how many were left out.
- ``Rule.where`` narrows the rows before anything is counted, for every level but ``sql``.
- Bounds on dates and times are texts in the form of ISO 8601, and are compared as times, a date as its midnight.

What ``Measured`` holds, by level:

- ``rows``, ``pair``, ``compound``: rows, missing and unexpected. Nothing is observed, except that
  ``expect_column_values_to_be_of_type`` and ``…_in_type_list`` may observe the column's Type as one text. For a column
  that a file gives a type of its own, all its values or none are unexpected; an integer is a number, and a date is no
  timestamp.
- ``aggregate``: rows, missing (of the column) and what ``Expectation.observed`` says; None where no value was there.
- ``table``: nobody but ``judging.of_table`` counts these, from what the table is known by. Only where a row count has
  a condition is an engine asked: for ``rows``.
- ``sql``: unexpected, the number of rows that the query gives; rows stays None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from mlci.domain.dataset.contract import Type

Level = Literal["rows", "pair", "compound", "aggregate", "table", "sql"]

# share: 0 to 1. bound: a number, or a date or time as text. value: one of a set: text, number, true or false.
Kind = Literal[
    "column", "columns", "share", "bound", "number", "count", "value", "values", "flag", "regex", "regexes", "pairs",
    "quantiles", "choice", "type", "types", "sql",
]  # fmt: skip


@dataclass(frozen=True)
class Argument:
    """One argument of an expectation.

    Attributes:
        kind: what it takes.
        required: whether it must be given.
        default: what holds where it is not.
        choices: the words that a choice takes.
    """

    kind: Kind
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """One expectation.

    Attributes:
        name: as it is published.
        level: what it is about.
        short: the end of the id of a rule, such as between.
        arguments: by their published names.
        either: arguments of which at least one must be given.
        observed: for an aggregate, what an engine observes.
    """

    name: str
    level: Level
    short: str
    arguments: dict[str, Argument] = field(default_factory=dict)
    either: tuple[str, ...] = ()
    observed: str = ""

    @property
    def on_rows(self) -> bool:
        """Whether single rows break it, so that they can be named."""
        return self.level in ("rows", "pair", "compound")


_COLUMN = {"column": Argument("column", required=True)}
_MOSTLY = {"mostly": Argument("share", default=1.0)}
_STRICT = {"strict_min": Argument("flag", default=False), "strict_max": Argument("flag", default=False)}
_SET = {"value_set": Argument("values", required=True)}
_BOUNDS = ("min_value", "max_value")
# Which rows a rule on several columns leaves out, with its default first. "neither" and "never" leave none out.
_OF_PAIR = ("both_values_are_missing", "either_value_is_missing", "neither")
_OF_SEVERAL = ("all_values_are_missing", "any_value_is_missing", "never")


def _between(kind: Kind, *, strict: bool = True) -> dict[str, Argument]:
    return {"min_value": Argument(kind), "max_value": Argument(kind), **(_STRICT if strict else {})}


def _rows(name: str, short: str, **arguments: Argument) -> Expectation:
    return Expectation(
        name=f"expect_column_{name}", level="rows", short=short, arguments={**_COLUMN, **arguments, **_MOSTLY},
        either=_BOUNDS if "min_value" in arguments else (),
    )  # fmt: skip


def _pair(name: str, short: str, **arguments: Argument) -> Expectation:
    columns = {"column_A": Argument("column", required=True), "column_B": Argument("column", required=True)}
    ignored = {"ignore_row_if": Argument("choice", default=_OF_PAIR[0], choices=_OF_PAIR)}
    return Expectation(
        name=f"expect_column_pair_values_{name}", level="pair", short=short,
        arguments={**columns, **arguments, **ignored, **_MOSTLY},
    )  # fmt: skip


def _compound(name: str, short: str, **arguments: Argument) -> Expectation:
    columns = {"column_list": Argument("columns", required=True)}
    ignored = {"ignore_row_if": Argument("choice", default=_OF_SEVERAL[0], choices=_OF_SEVERAL)}
    return Expectation(
        name=f"expect_{name}", level="compound", short=short, arguments={**columns, **arguments, **ignored, **_MOSTLY}
    )


def _aggregate(name: str, short: str, observed: str, kind: Kind = "bound") -> Expectation:
    return Expectation(
        name=f"expect_column_{name}_to_be_between", level="aggregate", short=short,
        arguments={**_COLUMN, **_between(kind)}, either=_BOUNDS, observed=observed,
    )  # fmt: skip


def _distinct(name: str, short: str) -> Expectation:
    return Expectation(
        name=f"expect_column_distinct_values_to_{name}", level="aggregate", short=short, arguments={**_COLUMN, **_SET},
        observed='{"outside": number of different values that are not in the set, "absent": [values of the set, as '
        "they stand there and in that order, that the column does not hold]}",
    )  # fmt: skip


def _table(name: str, short: str, **arguments: Argument) -> Expectation:
    either = _BOUNDS if "min_value" in arguments else ()
    return Expectation(name=f"expect_{name}", level="table", short=short, arguments=arguments, either=either)


_NUMBER = "the number"
_ALL = (
    _table("column_to_exist", "exists", column=Argument("column", required=True), column_index=Argument("count")),
    _table(
        "table_columns_to_match_set", "columns",
        column_set=Argument("columns", required=True), exact_match=Argument("flag", default=True),
    ),
    _table("table_columns_to_match_ordered_list", "columns", column_list=Argument("columns", required=True)),
    _table("table_row_count_to_be_between", "rows", **_between("count")),
    _table("table_row_count_to_equal", "rows", value=Argument("count", required=True)),
    _table("table_column_count_to_be_between", "width", **_between("count", strict=False)),
    _table("table_column_count_to_equal", "width", value=Argument("count", required=True)),
    # rows is every row and missing 0 for these two; unexpected are the missing, or the present, values.
    _rows("values_to_not_be_null", "not_null"),
    _rows("values_to_be_null", "null"),
    _rows("values_to_be_between", "between", **_between("bound")),
    _rows("values_to_be_in_set", "in_set", **_SET),
    _rows("values_to_not_be_in_set", "not_in_set", **_SET),
    # Found anywhere in the text (search): ^ and $ anchor. RE2's syntax is what every engine has.
    _rows("values_to_match_regex", "pattern", regex=Argument("regex", required=True)),
    _rows("values_to_not_match_regex", "not_pattern", regex=Argument("regex", required=True)),
    _rows(
        "values_to_match_regex_list", "patterns",
        regex_list=Argument("regexes", required=True),
        match_on=Argument("choice", default="any", choices=("any", "all")),
    ),
    # A value that matches one of them breaks it.
    _rows("values_to_not_match_regex_list", "not_patterns", regex_list=Argument("regexes", required=True)),
    # Characters, not bytes.
    _rows("value_lengths_to_be_between", "length", **_between("count")),
    _rows("value_lengths_to_equal", "length", value=Argument("count", required=True)),
    # Every row whose value stands more than once is unexpected, the first one too.
    _rows("values_to_be_unique", "unique"),
    _rows("values_to_be_of_type", "type", type_=Argument("type", required=True)),
    _rows("values_to_be_in_type_list", "type", type_list=Argument("types", required=True)),
    # A row of which one value is missing breaks these, unless ignore_row_if says otherwise.
    _pair("a_to_be_greater_than_b", "greater", or_equal=Argument("flag", default=False)),
    _pair("to_be_equal", "equal"),
    _pair("to_be_in_set", "pairs", value_pairs_set=Argument("pairs", required=True)),
    # All rows that are there more than once are unexpected; a missing value equals a missing value.
    _compound("compound_columns_to_be_unique", "unique"),
    # Two of its values are the same, a missing and a missing one too.
    _compound("select_column_values_to_be_unique_within_record", "different"),
    # Not all of its values are the same; a missing one equals only a missing one.
    _compound("multicolumn_values_to_be_equal", "equal"),
    # A row of which one value is missing breaks it, unless ignore_row_if says otherwise.
    _compound("multicolumn_sum_to_equal", "sum", sum_total=Argument("number", required=True)),
    _aggregate("min", "min", "the smallest value; dates and times in the form of ISO 8601"),
    _aggregate("max", "max", "the largest value; dates and times in the form of ISO 8601"),
    _aggregate("mean", "mean", _NUMBER, "number"),
    _aggregate("median", "median", "the mean of the two middle values where their number is even", "number"),
    _aggregate("stdev", "stdev", "the standard deviation (n - 1); None of fewer than two values", "number"),
    _aggregate("sum", "sum", _NUMBER, "number"),
    _aggregate("unique_value_count", "distinct", "how many different values there are", "count"),
    _aggregate("proportion_of_unique_values", "distinct_share", "[different values, values]", "share"),
    _aggregate("proportion_of_non_null_values", "present", "[values, rows]", "share"),
    Expectation(
        name="expect_column_quantile_values_to_be_between", level="aggregate", short="quantiles",
        arguments={**_COLUMN, "quantile_ranges": Argument("quantiles", required=True)},
        observed="[one value for each quantile q: the smallest value that a share of at least q of the values does not "
        "exceed (SQL's percentile_disc)]",
    ),
    _distinct("be_in_set", "distinct_in"),
    _distinct("contain_set", "distinct_contain"),
    _distinct("equal_set", "distinct_equal"),
    Expectation(
        name="expect_column_most_common_value_to_be_in_set", level="aggregate", short="most_common",
        arguments={**_COLUMN, **_SET, "ties_okay": Argument("flag", default=False)},
        observed="[how many values are the most common, how many of these are in the set]",
    ),
    Expectation(
        name="unexpected_rows_expectation", level="sql", short="sql",
        arguments={"unexpected_rows_query": Argument("sql", required=True)},
    ),
)  # fmt: skip

EXPECTATIONS: dict[str, Expectation] = {one.name: one for one in _ALL}

# Where a query names the table; nothing else of a query in braces is replaced.
BATCH = "{batch}"

# What other systems call our types: pandas, numpy, Arrow, DuckDB, PostgreSQL, Spark. In lower case, without lengths.
TYPE_NAMES: dict[Type, tuple[str, ...]] = {
    "integer": (
        "int", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "integer", "bigint",
        "smallint", "tinyint", "hugeint", "longtype", "integertype", "shorttype", "bytetype", "int_", "long",
        "biginteger", "smallinteger", "int4", "int8_", "int2",
    ),
    "number": (
        "float", "float16", "float32", "float64", "double", "double_precision", "double precision", "real", "number",
        "numeric", "decimal", "doubletype", "floattype", "decimaltype", "float_", "float4", "float8", "halffloat",
    ),
    "string": (
        "str", "string", "object", "varchar", "text", "char", "stringtype", "object_", "large_string", "string[python]",
        "string[pyarrow]", "nvarchar", "unicode", "category", "stringdtype",
    ),
    "boolean": ("bool", "boolean", "booleantype", "bool_"),
    "date": ("date", "datetype", "date32", "datetime.date"),
    "timestamp": (
        "timestamp", "datetime", "datetime64", "datetime64[ns]", "datetime64[us]", "datetime64[ms]", "datetime64[s]",
        "timestamptype", "timestamptz", "datetime.datetime", "timestamp_ntz", "timestampntztype",
    ),
}  # fmt: skip


def type_named(name: str) -> Type | None:
    """Our type behind the name that some system has for it; None where none of them has.

    >>> type_named("INTEGER"), type_named("VARCHAR(20)"), type_named("complex128")
    ('integer', 'string', None)
    """
    word = name.strip().lower()
    bare = word.split("(", 1)[0].strip()
    return next((kind for kind, names in TYPE_NAMES.items() if word in names or bare in names), None)


def level_of(expectation: str) -> Level | None:
    """The level of an expectation; None for one that nobody here knows."""
    known = EXPECTATIONS.get(expectation)
    return known.level if known is not None else None


def argument(expectation: str, kwargs: dict[str, Any], name: str) -> Any:
    """What an argument is set to, or its default."""
    given = kwargs.get(name)
    return EXPECTATIONS[expectation].arguments[name].default if given is None else given


def query_of(kwargs: dict[str, Any], relation: str) -> str:
    """The query of a rule in SQL, over a relation whose name is quoted already where that is needed."""
    return str(kwargs["unexpected_rows_query"]).replace(BATCH, relation)

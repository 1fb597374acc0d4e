"""A contract as a suite of Great Expectations 1.x, in the JSON that ``ExpectationSuite.to_json_dict()`` writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlci.domain.dataset.arguments import is_time
from mlci.domain.dataset.contract import Condition, Contract, Rule, Type
from mlci.domain.dataset.vocabulary import EXPECTATIONS

# Names that pandas, SQL and Spark have for what a column holds, as each spells them; one name of the list is enough.
PUBLISHED_TYPES: dict[Type, tuple[str, ...]] = {
    "integer": (
        "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64", "Int64", "int", "INTEGER", "BIGINT",
        "SMALLINT", "IntegerType", "LongType", "ShortType", "ByteType",
    ),
    "number": (
        "float64", "float32", "float", "DOUBLE_PRECISION", "FLOAT", "REAL", "NUMERIC", "DECIMAL", "DOUBLE",
        "DoubleType", "FloatType", "DecimalType",
    ),
    # The type that pandas 3 gives texts by itself has no name that GX knows.
    "string": ("str", "object", "string", "StringDtype", "VARCHAR", "TEXT", "CHAR", "StringType"),
    "boolean": ("bool", "boolean", "BOOLEAN", "BooleanType"),
    "date": ("date", "DATE", "DateType"),
    "timestamp": (
        "datetime64[ns]", "datetime64[us]", "datetime64[ms]", "datetime64[s]", "Timestamp", "datetime", "TIMESTAMP",
        "DATETIME", "TimestampType",
    ),
}  # fmt: skip

_OPERATORS = {"=": "==", "in": "IN", "not in": "NOT_IN"}


def suite_of(contract: Contract, name: str | None = None) -> dict[str, Any]:
    """The whole contract.

    A rule that no engine of ours can count is written with the arguments it was read with.
    """
    return {
        "name": name or contract.name,
        "id": None,
        "expectations": [expectation_of(rule, contract.types) for rule in contract.rules],
        "meta": {"great_expectations_version": "1.24.1", "mlci": {"key": list(contract.key)}},
        "notes": None,
    }


def expectation_of(rule: Rule, types: Mapping[str, Type]) -> dict[str, Any]:
    """One rule; ``types`` says what columns hold, so that a bound of a timestamp is written as one."""
    kind, kwargs = _published(rule, types)
    condition = row_condition(rule.where)
    if condition is not None:
        kwargs["row_condition"] = condition
    return {
        "type": kind,
        "kwargs": kwargs,
        "meta": {"mlci": {"id": rule.id}},
        "severity": "critical" if rule.severity == "fail" else "warning",
    }


def _published(rule: Rule, types: Mapping[str, Type]) -> tuple[str, dict[str, Any]]:
    kwargs = {name: _plain(value) for name, value in rule.kwargs.items() if value is not None}
    known = EXPECTATIONS.get(rule.expectation)
    if known is None or rule.trouble is not None:
        return rule.expectation, kwargs
    if known.short == "type":
        asked = [kwargs.pop("type_")] if "type_" in kwargs else kwargs.pop("type_list")
        names = [name for kind in asked for name in published_names(kind)]
        return "expect_column_values_to_be_in_type_list", {**kwargs, "type_list": list(dict.fromkeys(names))}
    if types.get(str(kwargs.get("column"))) == "timestamp":
        for bound in ("min_value", "max_value"):
            # GX takes 2026-01-31 for a date, which it cannot compare with a timestamp.
            if is_time(kwargs.get(bound)) and "T" not in kwargs[bound] and " " not in kwargs[bound]:
                kwargs[bound] += "T00:00:00"
    return rule.expectation, kwargs


def published_names(kind: Type) -> tuple[str, ...]:
    """What other systems call a type, and what counts as one of it."""
    return (*PUBLISHED_TYPES[kind], *(PUBLISHED_TYPES["integer"] if kind == "number" else ()))


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


def row_condition(where: tuple[Condition, ...]) -> dict[str, Any] | None:
    """Conditions as GX writes its own; None for every row."""
    parts = [_condition(one) for one in where]
    if len(parts) < 2:
        return parts[0] if parts else None
    return {"type": "and", "conditions": parts}


def _condition(one: Condition) -> dict[str, Any]:
    column = {"name": one.column}
    if one.operator in ("is null", "is not null"):
        return {"type": "nullity", "column": column, "is_null": one.operator == "is null"}
    operator = _OPERATORS.get(one.operator, one.operator)
    return {"type": "comparison", "column": column, "operator": operator, "parameter": _plain(one.value)}

"""The row condition of a GX expectation: which rows it is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlci.domain.dataset.contract import Condition, Operator, Value

_OPERATORS: dict[str, Operator] = {
    "==": "=", "=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "IN": "in",
    "NOT_IN": "not in",
}  # fmt: skip

# As many as GX itself takes.
_MOST = 100
_LONGEST = 2000

# col("plan") == "pro", plan == "pro", `my plan` != 'free', col("age").notNull(); joined by and, AND or &.
_COLUMN = r"""(?:col\(\s*(?:"(?P<double>[^"]+)"|'(?P<single>[^']+)')\s*\)|`(?P<tick>[^`]+)`|(?P<bare>[A-Za-z_]\w*))"""
_VALUE = (
    r"""(?:"(?P<text>[^"\\]*)"|'(?P<quoted>[^'\\]*)'"""
    r"|(?P<number>-?[0-9]{1,18}(?:\.[0-9]{1,18})?)|(?P<flag>(?i:true|false)))"
)
_TERM = re.compile(
    rf"\s*\(?\s*{_COLUMN}\s*(?:(?P<null>\.isnull\(\)|\.isNull\(\)|(?i:\s+is\s+null))"
    rf"|(?P<full>\.notnull\(\)|\.notNull\(\)|(?i:\s+is\s+not\s+null))"
    rf"|(?P<operator>==|!=|<>|<=|>=|<|>|=)\s*{_VALUE})\s*\)?\s*"
)
_AND = re.compile(r"and\b|AND\b|&&?")


class NotReadable(Exception):
    """A condition that is more than comparisons which all hold; the message says what, as the end of a sentence."""


def read(written: Any) -> tuple[Condition, ...]:
    """The conditions of a row condition, in GX's objects as they are serialised or in its older texts.

    Raises:
        NotReadable: it cannot be put as comparisons that must all hold.
    """
    if written is None or written == "":
        return ()
    if isinstance(written, str):
        return _of_text(written)
    if not isinstance(written, Mapping):
        raise NotReadable("its row_condition is neither a condition nor a text")
    if written.get("type") == "and":
        parts = written.get("conditions")
        if not isinstance(parts, list) or len(parts) > _MOST:
            raise NotReadable("its row_condition has no list of conditions, or one that is too long")
        return tuple(_of_object(one) for one in parts)
    return (_of_object(written),)


def _of_object(written: Any) -> Condition:
    kind = written.get("type") if isinstance(written, Mapping) else None
    if kind == "pass_through" and isinstance(written.get("pass_through_filter"), str):
        found = _of_text(written["pass_through_filter"])
        if len(found) == 1:
            return found[0]
        raise NotReadable("its row_condition has several comparisons inside one of several")
    if kind == "or":
        raise NotReadable("its row_condition says or, and only conditions that all hold can be counted")
    if kind not in ("comparison", "nullity"):
        raise NotReadable("its row_condition is of no kind that is known here")
    column = written.get("column")
    name = column.get("name") if isinstance(column, Mapping) else column
    if not isinstance(name, str) or not name:
        raise NotReadable("its row_condition names no column")
    if kind == "nullity":
        return Condition(column=name, operator="is null" if written.get("is_null") else "is not null")
    operator = _OPERATORS.get(str(written.get("operator")))
    if operator is None:
        raise NotReadable("its row_condition compares in a way that is not known here")
    return Condition(column=name, operator=operator, value=_value(operator, written.get("parameter")))


def _value(operator: Operator, given: Any) -> Value | tuple[Value, ...]:
    if operator in ("in", "not in"):
        if isinstance(given, list) and given and all(isinstance(one, (str, int, float, bool)) for one in given):
            return tuple(given)
        raise NotReadable("its row_condition has no list of values")
    if isinstance(given, (str, int, float, bool)):
        return given
    raise NotReadable("its row_condition compares with something else than a value")


def _of_text(text: str) -> tuple[Condition, ...]:
    unreadable = NotReadable("its row_condition is more than comparisons joined by and")
    if len(text) > _LONGEST:
        raise unreadable
    found: list[Condition] = []
    at = 0
    while True:
        term = _TERM.match(text, at)
        if term is None or term.group().count("(") != term.group().count(")"):
            raise unreadable
        found.append(_of_term(term))
        at = term.end()
        if at == len(text):
            return tuple(found)
        joined = _AND.match(text, at)
        if joined is None:
            raise unreadable
        at = joined.end()


def _of_term(term: re.Match[str]) -> Condition:
    column = next(term[name] for name in ("double", "single", "tick", "bare") if term[name] is not None)
    if term["null"] or term["full"]:
        return Condition(column=column, operator="is null" if term["null"] else "is not null")
    operator = _OPERATORS[term["operator"]]
    value: Value
    if term["number"] is not None:
        value = float(term["number"]) if "." in term["number"] else int(term["number"])
    elif term["flag"] is not None:
        value = term["flag"].lower() == "true"
    else:
        value = term["text"] if term["text"] is not None else term["quoted"]
    return Condition(column=column, operator=operator, value=value)

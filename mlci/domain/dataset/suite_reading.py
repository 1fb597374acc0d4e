"""A suite of Great Expectations as a contract. What is not understood stays in it, as a rule that could not run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlci.domain.dataset.arguments import WITHOUT_MEANING, problems, typed
from mlci.domain.dataset.conditions import NotReadable, read
from mlci.domain.dataset.contract import Condition, Rule, Severity, Type
from mlci.domain.dataset.vocabulary import EXPECTATIONS
from mlci.domain.dataset.wording import shown

# critical is what an expectation is where it says nothing.
_SEVERITIES: dict[Any, Severity] = {"critical": "fail", "warning": "warn", "info": "warn"}

_UNNAMED = "something that is no expectation"


def is_suite(document: Any) -> bool:
    """Whether a document looks like a suite, of GX 1.x or of an older version."""
    return isinstance(document, Mapping) and isinstance(document.get("expectations"), list)


def rules_of(document: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Every expectation of a suite, in its order."""
    taken: set[str] = set()
    return tuple(_rule(one, number, taken) for number, one in enumerate(document["expectations"], start=1))


def name_of(document: Mapping[str, Any]) -> str | None:
    """The suite's own name."""
    named = document.get("name") or document.get("expectation_suite_name")
    return shown(named) if isinstance(named, str) else None


def key_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that name a row, where a contract was written out with them."""
    meta = document.get("meta")
    ours = meta.get("mlci") if isinstance(meta, Mapping) else None
    key = ours.get("key") if isinstance(ours, Mapping) else None
    return tuple(key) if isinstance(key, list) and all(isinstance(one, str) for one in key) else ()


def types_of(rules: tuple[Rule, ...]) -> dict[str, Type]:
    """What each column holds by the rules on types."""
    found: dict[str, Type] = {}
    for rule in rules:
        if rule.expectation == "expect_column_values_to_be_of_type" and rule.trouble is None and not rule.where:
            found.setdefault(str(rule.kwargs["column"]), rule.kwargs["type_"])
    return found


def _rule(written: Any, number: int, taken: set[str]) -> Rule:
    if not isinstance(written, Mapping):
        return Rule(id=unique(f"{number}", taken), expectation=_UNNAMED, trouble="it is no expectation")
    expectation = written.get("type") or written.get("expectation_type")
    kwargs, trouble = written.get("kwargs", {}), None
    if not isinstance(expectation, str) or not isinstance(kwargs, Mapping):
        expectation = expectation if isinstance(expectation, str) else _UNNAMED
        kwargs, trouble = {}, "it has no type, or kwargs that are no block"
    ours = {name: given for name, given in kwargs.items() if name not in WITHOUT_MEANING and name != "row_condition"}
    where: tuple[Condition, ...] = ()
    try:
        where = read(kwargs.get("row_condition"))
    except NotReadable as problem:
        # The condition stays among the arguments, so that the suite can be written out as it was.
        trouble, ours = str(problem), {**ours, "row_condition": kwargs["row_condition"]}
    if trouble is None:
        trouble = _trouble(expectation, ours)
    if trouble is None:
        expectation, ours = typed(expectation, ours)
    return Rule(
        id=unique(_id(written, expectation, ours, number), taken),
        expectation=expectation,
        kwargs=ours,
        severity=_SEVERITIES.get(written.get("severity"), "fail"),
        where=where,
        trouble=trouble,
    )


def _trouble(expectation: str, kwargs: Mapping[str, Any]) -> str | None:
    found = problems(expectation, kwargs)
    if not found:
        return None
    name, what = found[0]
    return what if name is None else f"{shown(name)} {what}"


def _id(written: Mapping[str, Any], expectation: str, kwargs: Mapping[str, Any], number: int) -> str:
    """The name it was written out with, else its column and what is asked of it."""
    meta = written.get("meta")
    ours = meta.get("mlci") if isinstance(meta, Mapping) else None
    named = ours.get("id") if isinstance(ours, Mapping) else None
    if isinstance(named, str) and named.strip() and named.isprintable() and len(named) <= 200:
        return named
    known = EXPECTATIONS.get(expectation)
    return rule_id(known.short if known is not None else f"rule{number}", kwargs)


def rule_id(short: str, kwargs: Mapping[str, Any]) -> str:
    """The name of a rule: the columns it speaks of, and what is asked of them.

    >>> rule_id("between", {"column": "age"}), rule_id("rows", {})
    ('age.between', 'rows')
    """
    listed = kwargs.get("column_list")
    several = listed if isinstance(listed, (list, tuple)) else []
    named = [kwargs.get("column"), kwargs.get("column_A"), kwargs.get("column_B"), *several[:8]]
    columns = "+".join(shown(one, 60) for one in named if one is not None)
    return f"{columns}.{short}" if columns else short


def unique(wanted: str, taken: set[str]) -> str:
    """The name, with a number where it is taken already; it is taken from then on."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}#{number}"
    taken.add(name)
    return name

"""A contract as the text of its file, comments beside what they explain. Whatever a name holds, it is read again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mlci.domain.dataset.contract import Condition, Contract, Rule
from mlci.domain.dataset.drafting import Day, Facts, Suggestion, fewest_rows, names_rows, suggestions
from mlci.domain.dataset.wording import shown
from mlci.domain.figures import several

# Words that no reader of YAML takes for anything else than themselves.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{1,60}")
_TAKEN = {"true", "false", "yes", "no", "on", "off", "null", "nan", "inf"}
# What a name of a column may be in a contract.
_LONGEST_NAME = 200
_COMMENTS_AT = 44


def draft(dataset: str, columns: Sequence[Facts], schema: str) -> str:
    """The contract that a dataset meets today.

    Args:
        dataset: its name.
        columns: what was counted of each.
        schema: address of the JSON Schema of contracts.
    """
    rows = columns[0].rows if columns else 0
    lines = [
        f"# yaml-language-server: $schema={schema}",
        f"# Drafted by mlci data-profile from {shown(dataset)}: {several(rows, 'row')}, "
        f"{several(len(columns), 'column')}.",
        "# The data meet all of it today. Each line is a suggestion: tighten what you know, remove what is chance.",
    ]
    key = next((one.name for one in columns if names_rows(one) and is_name(one.name)), None)
    if key is not None:
        lines.append(_commented(f"key: {quoted(key)}", "names a row in the list of rows that break a rule"))
    least = fewest_rows(rows)
    lines += [_commented(f"rows: {{min: {least.value}}}", least.why), "columns:"]
    left = [one for one in columns if not is_name(one.name)]
    for facts in columns:
        if facts not in left:
            lines += _column(facts, suggestions(facts))
    for facts in left:
        lines.append(f"  # a column is left out, because a contract cannot name it: {shown(ascii(facts.name))}")
    return "\n".join(lines) + "\n"


def is_name(name: str) -> bool:
    """Whether a contract can name a column so."""
    return bool(name.strip()) and name.isprintable() and len(name) <= _LONGEST_NAME


def _column(facts: Facts, suggested: Sequence[Suggestion]) -> list[str]:
    if not suggested:
        return [
            _commented(f"  {quoted(facts.name)}: {{}}", "no value today, so nothing is asked of it but to be there")
        ]
    lines = [f"  {quoted(facts.name)}:"]
    return [*lines, *(_commented(f"    {one.key}: {written(one.value)}", one.why) for one in suggested)]


def _commented(line: str, why: str) -> str:
    return f"{line.ljust(_COMMENTS_AT)}  # {shown(why, 200)}"


def quoted(text: str) -> str:
    """A text of YAML, in quotes where it could be taken for something else.

    >>> quoted("age"), quoted("no"), quoted('a"b: #')
    ('age', '"no"', '"a\\\\"b: #"')
    """
    if _PLAIN.fullmatch(text) and text.lower() not in _TAKEN:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def written(value: Any) -> str:
    """A value on one line of YAML."""
    if isinstance(value, Day):
        return str(value)
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quoted(str(name))}: {written(one)}" for name, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(written(one) for one in value) + "]"
    return repr(value)


def as_file(contract: Contract, schema: str) -> str:
    """A contract of whatever origin in the words of Great Expectations, a named rule for each expectation.

    No rule of it may have a trouble: what cannot be run cannot be written.
    """
    lines = [f"# yaml-language-server: $schema={schema}", f"# Written out of {shown(contract.name)}."]
    if contract.key:
        lines.append(f"key: {written(contract.key)}")
    lines.append("rules:")
    for rule in contract.rules:
        lines += _rule(rule)
    return "\n".join(lines) + "\n"


def _rule(rule: Rule) -> list[str]:
    lines = [f"  {quoted(rule.id)}:", f"    expectation: {rule.expectation}"]
    if rule.kwargs:
        lines.append(f"    kwargs: {written(rule.kwargs)}")
    if rule.where:
        lines.append(f"    when: {written(_when(rule.where))}")
    if rule.severity != "fail":
        lines.append(f"    severity: {rule.severity}")
    return lines


_KEYS = {
    "=": "is", "!=": "not", ">=": "min", "<=": "max", ">": "above", "<": "below", "in": "values",
    "not in": "not_values",
}  # fmt: skip


def _when(where: Sequence[Condition]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in where:
        asked = found.setdefault(one.column, {})
        if one.operator in ("is null", "is not null"):
            asked["missing"] = one.operator == "is null"
        else:
            asked[_KEYS[one.operator]] = one.value
    return found


def is_expressible(rule: Rule) -> bool:
    """Whether a rule can be written so: it can be run, and asks nothing twice of one column."""
    asked = [(one.column, _KEYS.get(one.operator, "missing")) for one in rule.where]
    names = [rule.id, *(one.column for one in rule.where)]
    return rule.trouble is None and len(set(asked)) == len(asked) and all(is_name(one) for one in names)

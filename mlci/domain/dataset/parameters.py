"""Values that a rule gets only when it is judged: how old the newest value may be, above all.

A contract that asks for values of the last seven days asks for a largest value of at least
``now_minus_604800_seconds``, in Great Expectations' words ``{"$PARAMETER": "now_minus_604800_seconds"}``. The name says
all there is to know, so that a suite which was written out of a contract means the same when it is read again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from mlci.domain.dataset.arguments import PARAMETER, is_parameter
from mlci.domain.dataset.contract import Contract, Rule
from mlci.domain.dataset.wording import shown

_AGE = re.compile(r"now_minus_([0-9]{1,10})_seconds")


def oldest(seconds: float) -> dict[str, str]:
    """The bound of a value that is at most so many seconds old."""
    return {PARAMETER: f"now_minus_{round(seconds)}_seconds"}


def age(given: Any) -> int | None:
    """How many seconds old a value may be by that bound; None for any other bound."""
    match = _AGE.fullmatch(given[PARAMETER]) if is_parameter(given) else None
    return int(match[1]) if match is not None else None


def at(contract: Contract, now: datetime, given: Mapping[str, Any] | None = None) -> Contract:
    """A contract with every parameter replaced.

    Args:
        contract: as it was read.
        now: when it is judged, with a zone.
        given: values of parameters by name, besides those that name an age.

    Returns:
        The contract; a rule with a parameter that nobody gives cannot run.
    """
    return replace(
        contract, rules=tuple(_resolved(rule, now.astimezone(timezone.utc), given or {}) for rule in contract.rules)
    )


def _resolved(rule: Rule, now: datetime, given: Mapping[str, Any]) -> Rule:
    open_ = {name: value for name, value in rule.kwargs.items() if is_parameter(value)}
    if not open_ or rule.trouble is not None:
        return rule
    kwargs = dict(rule.kwargs)
    for name, value in open_.items():
        seconds = age(value)
        if value[PARAMETER] in given:
            kwargs[name] = given[value[PARAMETER]]
        elif seconds is not None:
            since = (now - timedelta(seconds=seconds)).replace(tzinfo=None)
            kwargs[name] = since.isoformat(timespec="seconds")
        else:
            return replace(rule, trouble=f"nobody gives its parameter {shown(value[PARAMETER])}")
    return replace(rule, kwargs=kwargs)


def unresolved(rule: Rule) -> str | None:
    """The name of a parameter that a rule still has; None for a rule that is complete."""
    return next((value[PARAMETER] for value in rule.kwargs.values() if is_parameter(value)), None)

"""The rules of a contract: counted by the engine, judged by the domain, and told with the gravest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mlci.config.data import Data
from mlci.domain.dataset.contract import Contract, Rule
from mlci.domain.dataset.judging import judge, of_table, unrun
from mlci.domain.dataset.measured import Judged, Measured, Offenders
from mlci.domain.dataset.parameters import unresolved
from mlci.domain.dataset.vocabulary import EXPECTATIONS
from mlci.domain.dataset.wording import columns, sentence, shown
from mlci.ports import DataEngine, Opened
from mlci.steps.checking import Part
from mlci.steps.checking.ruled import Told, findings_of, sections_of

# Rules whose offenders are looked up: each costs a look at the data.
_MOST_LOOKED_UP = 50


@dataclass(frozen=True, kw_only=True)
class Ruled:
    """How a contract came out.

    Attributes:
        judged: every rule, in the order of the contract.
        part: the findings, and the table of the rules.
    """

    judged: tuple[Judged, ...] = ()
    part: Part = field(default_factory=Part)


def run(engine: DataEngine, opened: Opened, contract: Contract | None, settings: Data) -> Ruled:
    """Hold a dataset to its contract; without one there is nothing to hold it to, but that there are rows."""
    told = Told(role=opened.source.role, dataset=opened.source.name, rows=opened.rows)
    if contract is None:
        return Ruled(part=Part(findings=findings_of(told)))
    measured = _measured(engine, opened, contract.rules)
    judged = [judge(rule, measured[rule.id]) for rule in contract.rules]
    offenders = _offenders(engine, opened, contract, judged, settings)
    judged = [
        replace(one, sample=offenders[one.rule].rows) if one.rule in offenders else one for one in judged
    ]  # fmt: skip
    told = replace(
        told,
        contract=contract.name,
        judged=tuple(judged),
        absent=_absent(opened, contract.rules),
        offenders=offenders,
        asked={rule.id: sentence(rule) for rule in contract.rules},
        file=contract.file,
        lines={rule.id: rule.line for rule in contract.rules},
    )
    return Ruled(judged=tuple(judged), part=Part(findings=findings_of(told), sections=sections_of(told)))


def _measured(engine: DataEngine, opened: Opened, rules: Sequence[Rule]) -> dict[str, Measured]:
    """What was counted for each rule, by id; what need not be counted never reaches the engine."""
    found: dict[str, Measured] = {}
    counted: list[Rule] = []
    for rule in rules:
        trouble = _trouble(opened, rule)
        if trouble is not None:
            found[rule.id] = Measured(rule=rule.id, trouble=trouble)
        elif EXPECTATIONS[rule.expectation].level == "table" and not rule.where:
            found[rule.id] = of_table(rule, opened.columns, opened.rows)
        else:
            counted.append(rule)
    if counted:
        found |= {one.rule: one for one in engine.measure(opened, counted)}
    for rule in counted:
        found.setdefault(rule.id, Measured(rule=rule.id, trouble="the engine did not count it"))
    return found


def _trouble(opened: Opened, rule: Rule) -> str | None:
    """Why a rule cannot be counted, whatever the engine."""
    if rule.trouble is not None:
        return rule.trouble
    known = EXPECTATIONS.get(rule.expectation)
    if known is None:
        return "nothing here knows this expectation"
    parameter = unresolved(rule)
    if parameter is not None:
        return f"nobody gives its parameter {shown(parameter)}"
    missing = _missing(opened, rule)
    if missing:
        return f"there is no column {columns(missing)}"
    if known.level == "table" and rule.where and known.short != "rows":
        return "it is about the whole table, and a condition says nothing there"
    return "there is no row to look at" if known.level == "sql" and opened.rows == 0 else None


def _missing(opened: Opened, rule: Rule) -> list[str]:
    """The columns that a rule speaks of and that are not there."""
    known = EXPECTATIONS.get(rule.expectation)
    # A rule on the table judges by itself which columns are there.
    named = () if known is None or known.level == "table" else rule.columns
    return [name for name in (*named, *(one.column for one in rule.where)) if name not in opened.columns]


def _absent(opened: Opened, rules: Sequence[Rule]) -> Mapping[str, tuple[Rule, ...]]:
    """The columns that are not there, with the rules that speak of each."""
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.trouble is None:
            for name in dict.fromkeys(_missing(opened, rule)):
                found.setdefault(name, []).append(rule)
    return {name: tuple(several) for name, several in found.items()}


def _offenders(
    engine: DataEngine, opened: Opened, contract: Contract, judged: Sequence[Judged], settings: Data
) -> dict[str, Offenders]:
    """Rows that break the rules which do not hold, by rule; the gravest rules first where there are many."""
    if settings.sample == 0:
        return {}
    keys = contract.key if all(name in opened.columns for name in contract.key) else ()
    rules = {rule.id: rule for rule in contract.rules}
    broken = [one for one in judged if one.outcome == "fail" and EXPECTATIONS[one.expectation].on_rows]
    broken.sort(key=lambda one: one.severity != "fail")
    return {
        one.rule: engine.offenders(opened, rules[one.rule], keys, settings.sample, values=settings.show_values)
        for one in broken[:_MOST_LOOKED_UP]
    }


def could_not_run(rules: Sequence[Rule], why: str) -> tuple[Judged, ...]:
    """Every rule as one that could not run, for data that nobody can look at."""
    return tuple(unrun(rule, why) for rule in rules)

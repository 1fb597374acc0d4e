"""What the engines of Great Expectations have in common: which rules it counts, and who counts the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlci.adapters.datasets.gx.asking import Asking
from mlci.adapters.datasets.gx.counting import Backend, NotCounted, Plan, planned
from mlci.domain.dataset.contract import Condition, Rule
from mlci.domain.dataset.judging import of_table
from mlci.domain.dataset.measured import Measured
from mlci.domain.dataset.vocabulary import level_of
from mlci.ports import Opened


class GxEngine:
    """Counts by Great Expectations what it counts by our meaning, and the rest by a SELECT over the same relation.

    Attributes:
        asking: Great Expectations.
    """

    backend: Backend

    def __init__(self) -> None:
        self.asking = Asking()

    def batch(self, opened: Opened, columns: Sequence[str], where: Sequence[Condition]) -> Any:
        """Some columns of the rows that meet conditions, each as c and its number, for Great Expectations."""
        raise NotImplementedError

    def counted(self, opened: Opened, rules: Sequence[Rule]) -> Sequence[Measured]:
        """Rules that Great Expectations does not count by our meaning, in their order."""
        raise NotImplementedError

    def measure(self, opened: Opened, rules: Sequence[Rule]) -> tuple[Measured, ...]:
        """Count what each rule asks for, in the order of the rules; a rule it cannot count has ``trouble``."""
        found: dict[int, Measured] = {}
        groups: dict[tuple[Condition, ...], dict[int, Rule]] = {}
        for place, rule in enumerate(rules):
            absent = [one for one in rule.columns if one not in opened.columns]
            if rule.trouble is not None:
                found[place] = Measured(rule=rule.id, trouble=rule.trouble)
            elif level_of(rule.expectation) == "table" and not rule.where:
                found[place] = of_table(rule, opened.columns, opened.rows)
            elif absent:
                found[place] = Measured(rule=rule.id, trouble=f"there is no column {absent[0]}")
            else:
                groups.setdefault(rule.where, {})[place] = rule
        for where, group in groups.items():
            found.update(self._group(opened, where, group))
        rest = [place for place in range(len(rules)) if place not in found]
        found.update(zip(rest, self.counted(opened, [rules[place] for place in rest]), strict=True))
        return tuple(found[place] for place in range(len(rules)))

    def _group(self, opened: Opened, where: tuple[Condition, ...], rules: Mapping[int, Rule]) -> dict[int, Measured]:
        """What Great Expectations counted of the rules with one condition."""
        aliases = {name: f"c{number}" for number, name in enumerate(opened.columns)}
        plans: dict[int, Plan] = {}
        for place, rule in rules.items():
            try:
                plans[place] = planned(rule, opened.columns, aliases, self.backend)
            except NotCounted:
                continue
        if not plans or any(one.column not in opened.columns for one in where):
            return {}
        columns = dict.fromkeys(column for place in plans for column in rules[place].columns)
        batch = self.batch(opened, tuple(columns), where)
        asked = [each for plan in plans.values() for each in plan.asked]
        results = iter(self.asking.ask(batch, asked))
        found = {}
        for place, plan in plans.items():
            own = [next(results) for _ in plan.asked]
            given = [one for one in own if not isinstance(one, str)]
            if len(given) == len(own):
                found[place] = plan.read(given)
        return found

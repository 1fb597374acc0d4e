"""The rates of every group of a sensitive column, to be read beside what was judged of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlci.domain.evidence import Numbers
from mlci.domain.fairness import IN_WORDS, GroupRate
from mlci.domain.figures import count, figure
from mlci.domain.policy import GatePolicy
from mlci.domain.report import Section


def group_rates(numbers: Numbers, policy: GatePolicy) -> Iterator[Section]:
    """One section a sensitive column that policy asks for."""
    found = numbers.fairness
    for column in policy.sensitive if found is not None and policy.fairness else ():
        rates = [each for each in found.rates if each.column == column] if found is not None else []
        if rates:
            yield Section(
                id=f"groups {column}",
                title=f"Groups by {column}",
                sentences=(
                    "Rates as observed. The largest difference between them is larger than the true one, the more so "
                    "the more and the smaller the groups: what is judged are its bounds.",
                ),
                columns=("Group", "Examples", "Rate", "Candidate", "Production", "Counted over"),
                rows=tuple(_row(each) for each in rates),
                figures=dict(_spreads(rates)),
            )


def _row(of: GroupRate) -> tuple[str, ...]:
    mine, theirs = ("–" if value is None else figure(value) for value in (of.candidate, of.baseline))
    return of.group, count(of.n), IN_WORDS[of.rate], mine, theirs, count(of.candidate_of)


def _spreads(rates: Sequence[GroupRate]) -> Iterator[tuple[str, float]]:
    """The candidate's largest difference of each rate, as observed."""
    for name in dict.fromkeys(each.rate for each in rates):
        values = [each.candidate for each in rates if each.rate == name and each.candidate is not None]
        if values:
            yield f"{name}_spread_observed", max(values) - min(values)

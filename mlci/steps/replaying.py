"""Judging again what was judged: from the numbers in the evidence, and from predictions where they still exist."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mlci import __version__
from mlci.domain import gate
from mlci.domain.evidence import GatePredicate, Measurement, Numbers, Statistic
from mlci.domain.finding import Finding
from mlci.domain.policy import GatePolicy
from mlci.domain.report import plain
from mlci.domain.waiver import held
from mlci.errors import ExtraMissing, MlciError
from mlci.steps.gate_compare import Given, measure
from mlci.steps.judging import judge

# Sums in another order, or by another build of the same library, differ in the last digits.
_CLOSE = 1e-9
# Rows that come from another engine, or in another order, are summed in another order too.
_CLOSE_AGAIN = 1e-6
_WORDS = ("message", "explanation")


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What came of judging again.

    Attributes:
        state: same; differs, which the version that judged cannot explain; older, where another version of mlci judged
            and its rules may be what differs.
        said: what differs, as a clause; empty where nothing does.
    """

    state: Literal["same", "differs", "older"]
    said: str = ""


def judged_again(recorded: GatePredicate, policy: GatePolicy) -> Replayed:
    """Judge the numbers of gate evidence by the policy that it carries, and compare verdict and findings.

    What the run noted besides its numbers, such as a changed gate, no number tells: it stands behind the judged
    findings and counts as it was written.

    Args:
        recorded: what the gate said.
        policy: that it judged by, with waivers held against the day that was recorded.
    """
    judged = judge(recorded.numbers, policy)
    if policy.waivers and recorded.waivers_on is None:
        return Replayed(state="differs", said="it has waivers and does not say which day they were held against")
    mine = held(judged.findings, policy.waivers, recorded.waivers_on)
    noted = recorded.findings[len(mine) :]
    verdict, _ = gate.compose((*mine, *noted), policy.on_inconclusive)
    same_version = recorded.mlci == __version__
    if verdict is not recorded.verdict:
        said = f"it says {recorded.verdict.value}, and its numbers say {verdict.value} by its own policy"
        return Replayed(state="differs" if same_version else "older", said=said)
    different = _different(mine, recorded.findings, same_version)
    if different is None or not same_version:
        # The rules of another version may say the same in other findings; the verdict is what people agreed to.
        return Replayed(state="same")
    return Replayed(state="differs", said=f"the verdict is the same and {different}")


def _different(mine: Sequence[Finding], recorded: Sequence[Finding], worded: bool) -> str | None:
    if len(recorded) < len(mine):
        return f"{len(mine) - len(recorded)} of its findings are missing"
    for own, theirs in zip(mine, recorded, strict=False):
        if own.id != theirs.id:
            return "its findings are others"
        if not _is_close(_facts(own, worded), _facts(theirs, worded), _CLOSE):
            return "what a finding says is not what its numbers say"
    return None


def _facts(finding: Finding, worded: bool) -> dict[str, Any]:
    return {name: value for name, value in plain(finding, exact=True).items() if worded or name not in _WORDS}


def _is_close(one: Any, other: Any, close: float) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_close(value, other[name], close) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_is_close(*pair, close) for pair in zip(one, other, strict=True))
    if isinstance(one, float) or isinstance(other, float):
        numbers = isinstance(one, (int, float)) and isinstance(other, (int, float))
        return numbers and math.isclose(one, other, rel_tol=close, abs_tol=close)
    return bool(one == other)


def measured_again(
    recorded: GatePredicate, policy: GatePolicy, paths: tuple[str, str | None], open_: Callable[[str], Given]
) -> tuple[Literal["same", "differs", "unasked"], str]:
    """Measure predictions that were kept, and compare with the numbers of the evidence.

    Args:
        recorded: what the gate said.
        policy: that it judged by.
        paths: the candidate's predictions, and production's where there was one.
        open_: opens a file of predictions.

    Returns:
        whether the numbers are the same, and what differs or keeps them from being compared, as a clause.
    """
    if any(rule.call is not None for rule in policy.rules):
        return "unasked", "its policy calls functions of the user's own, which are not run to look back"
    candidate, production = paths
    try:
        found = measure(open_(candidate), open_(production) if production is not None else None, policy)
    except ExtraMissing as error:
        return "unasked", error.cause
    except MlciError as error:
        return "differs", f"the predictions that were kept cannot be measured: {error.cause}"
    if found.digest != recorded.evaluation_set:
        return "differs", "the predictions that were kept are of other examples than those that were judged"
    differing = next(_differing(found.numbers, recorded), None)
    return ("same", "") if differing is None else ("differs", differing)


def _differing(found: Numbers, recorded: GatePredicate) -> Iterator[str]:
    if found.examples != recorded.examples:
        yield "the number of examples is another"
    mine = {(each.metric, each.slice): each for each in found.statistics}
    theirs = {(each.metric, each.slice): each for each in recorded.statistics}
    if mine.keys() != theirs.keys():
        yield "other things were compared"
    if any(not _is_same(mine[key], theirs[key]) for key in mine.keys() & theirs.keys()):
        yield "a comparison comes to other numbers than its evidence says"
    own = {each.metric: each for each in found.measurements}
    said = {each.metric: each for each in recorded.measurements}
    if any(not _is_alike(own[name], said[name]) for name in own.keys() & said.keys()):
        yield "a value of the candidate is another than its evidence says"


def _is_same(mine: Statistic, theirs: Statistic) -> bool:
    """Whether two comparisons have the same numbers, but for what a sum without sorting may be off."""
    off = _CLOSE_AGAIN + (theirs.plain_off or 0.0) + (mine.plain_off or 0.0)
    counted = (mine.n, mine.gained, mine.lost, mine.groups) == (theirs.n, theirs.gained, theirs.lost, theirs.groups)
    numbers = ((mine.candidate, theirs.candidate), (mine.baseline, theirs.baseline))
    errors = (mine.plain_error or 0.0, theirs.plain_error or 0.0)
    close = all(math.isclose(*pair, rel_tol=_CLOSE_AGAIN, abs_tol=off) for pair in numbers)
    return (
        counted and close and math.isclose(*errors, rel_tol=_CLOSE_AGAIN + 0.01 * bool(theirs.plain_off), abs_tol=off)
    )


def _is_alike(mine: Measurement, theirs: Measurement) -> bool:
    if mine.value is None or theirs.value is None:
        return mine.value is theirs.value and mine.n == theirs.n
    return mine.n == theirs.n and math.isclose(mine.value, theirs.value, rel_tol=_CLOSE_AGAIN, abs_tol=_CLOSE_AGAIN)

"""Slices that a search found: warned of where the other half of the examples confirms them, told of either way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mlci.domain import discovery as domain
from mlci.domain.discovery import Discovery
from mlci.domain.estimate import Estimate
from mlci.domain.evidence import Numbers
from mlci.domain.figures import count, figure
from mlci.domain.finding import Finding
from mlci.domain.policy import GatePolicy, MetricRule
from mlci.domain.report import Section
from mlci.steps.judging.comparisons import corrected, estimate


def discoveries(numbers: Numbers, policy: GatePolicy) -> Iterator[Finding]:
    """Confirmed slices; and, where nothing could be searched, that."""
    asked, found = policy.slices.discover, numbers.discovery
    if asked is None or not (numbers.compared and policy.compare):
        return
    if found is None:
        yield domain.not_searched("the examples were not searched")
        return
    absent = [name for name in asked.columns if name not in (*found.columns, *found.left)]
    left = [name for name in asked.columns if name in found.left]
    if absent:
        yield domain.not_searched(f"production's file has no column {', '.join(absent)}")
    elif left:
        yield domain.not_searched(f"no slices can be made of {', '.join(left)}, or there are too many such columns")
    elif not found.columns or found.metric is None:
        yield domain.not_searched("there is no column to search in, or no metric that is a mean over examples")
    for each, is_confirmed in _judged(numbers, found, policy):
        if is_confirmed:
            column = next(one.column for one in found.found if one.slice == each.slice)
            yield domain.discovered(each, policy, found, column)


def _judged(numbers: Numbers, found: Discovery, policy: GatePolicy) -> list[tuple[Estimate, bool]]:
    """Every slice that was found, by the other half alone, corrected for how many were found."""
    rule = next((rule for rule in policy.rules if rule.metric == found.metric), MetricRule(metric=found.metric or ""))
    own = {each.slice: each for each in numbers.confirmations}
    there = [own[each.slice] for each in found.found if each.slice in own]
    estimates = corrected([estimate(rule, each, policy) for each in there], 1.0)
    # What has no numbers of its own was looked at all the same.
    extra = len(found.found) / len(there) if there else 1.0
    alpha = 1 - policy.confidence
    judged = []
    for each in estimates:
        p_value = None if each.p_adjusted is None else min(1.0, each.p_adjusted * extra)
        each = replace(each, p_adjusted=p_value)
        judged.append((each, domain.confirmed(each) and p_value is not None and p_value < alpha))
    return judged


def searched(numbers: Numbers, policy: GatePolicy) -> Iterator[Section]:
    """What was searched and how much of what was found is confirmed, whether or not anything is."""
    found = numbers.discovery
    if policy.slices.discover is None or found is None or not found.columns or found.metric is None:
        return
    judged = {each.slice: (each, is_confirmed) for each, is_confirmed in _judged(numbers, found, policy)}
    shown = sum(is_confirmed for _, is_confirmed in judged.values())
    half, rest = found.searched, (numbers.examples or 0) - found.searched
    sentences = [
        f"{count(half)} examples, chosen by a hash of their id, were searched by {found.metric}: {count(found.slices)} "
        f"slices by {', '.join(found.columns)}, and wherever two of their values meet; {count(found.small)} more were "
        "too small.",
        f"{count(len(found.found))} showed a loss there and were tested on the other {count(rest)} examples: "
        f"{count(shown)} confirmed, {count(len(found.found) - shown)} not. What is not confirmed may be noise. "
        "Each is counted without the examples of those before it.",
    ]
    if found.left:
        sentences.append(f"Not searched, for they have too many values or are too many: {', '.join(found.left)}.")
    yield Section(
        id="discovered",
        title=f"Slices that a search found ({count(shown)} confirmed of {count(len(found.found))})",
        sentences=tuple(sentences),
        columns=("Slice", "Searched half", "Loss there", "Other half", "Difference there", "Confirmed"),
        rows=tuple(
            (
                each.slice, count(each.n), figure(each.loss, "lower"), *_other_half(judged.get(each.slice)),
            )
            for each in found.found
        ),
        figures={"looked_at": float(found.slices), "found": float(len(found.found)), "confirmed": float(shown)},
    )  # fmt: skip


def _other_half(judged: tuple[Estimate, bool] | None) -> tuple[str, str, str]:
    if judged is None or judged[0].difference is None:
        return "–", "–", "no"
    each, is_confirmed = judged
    return count(each.n), figure(each.difference or 0.0, each.better, signed=True), "yes" if is_confirmed else "no"

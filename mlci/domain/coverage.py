"""Findings about what a comparison covers: predictions and examples that are missing, rules that nobody judged."""

from __future__ import annotations

from typing import Any

from mlci.domain.figures import count
from mlci.domain.finding import Finding, Reason
from mlci.domain.slices import Folded, pair_of
from mlci.domain.verdict import Verdict

# More than this share of examples without a partner, and the rest no longer stands for the holdout.
MOST_DROPPED = 0.01


def lost_predictions(candidate: int, baseline: int, n: int) -> Finding | None:
    """Judge missing or non-finite predictions: a candidate that answers less often than production is less robust."""
    if candidate == 0 and baseline == 0:
        return None
    worse = candidate > baseline
    counts = f"{count(candidate)} of {count(n)} predictions missing or not finite, production {count(baseline)}"
    return Finding(
        id="robustness:missing-predictions",
        rule="robustness",
        verdict=Verdict.FAIL if worse else Verdict.WARN,
        reason="lost-predictions",
        message=f"{counts}: {'fail' if worse else 'warn'}",
        explanation=(
            f"The candidate gives no usable prediction for {count(candidate)} examples, production for "
            f"{count(baseline)}. Make the model answer every example."
        ),
        candidate=float(candidate),
        baseline=float(baseline),
        better="lower",
        n=n,
    )


def dropped(only_candidate: int, only_baseline: int, common: int, note: str) -> Finding | None:
    """Judge examples that only one of the two models was scored on."""
    alone = only_candidate + only_baseline
    if alone == 0:
        return None
    many = alone > MOST_DROPPED * (alone + common)
    return Finding(
        id="input:dropped-examples",
        rule="input",
        verdict=Verdict.INCONCLUSIVE if many else Verdict.WARN,
        reason="dropped",
        message=(
            f"{count(only_candidate)} examples only in the candidate's file, {count(only_baseline)} only in "
            f"production's, {count(common)} compared{note}"
        ),
        explanation=(
            "A comparison speaks only for examples both models were scored on, and those that are missing are seldom "
            "a random sample. Score both models on the whole holdout."
        ),
        n=common,
    )


def thinned(name: str, lost: int, whole: int) -> Finding | None:
    """Judge a slice that the candidate was not scored on in full: few examples overall may be most of a slice."""
    if lost <= MOST_DROPPED * whole:
        return None
    return Finding(
        id=f"input:dropped-examples[{name}]",
        rule="input",
        verdict=Verdict.INCONCLUSIVE,
        reason="dropped",
        slice=name,
        message=f"the candidate was not scored on {count(lost)} of {count(whole)} examples of {name}",
        explanation=(
            f"What the candidate does on the missing examples of {name} is unknown, and they are most likely not a "
            "random sample. Score the candidate on the whole holdout."
        ),
        n=whole - lost,
    )


def left_out(folded: Folded, compared: int, *, too_small: bool, what: str = "slices") -> Finding:
    """Say which slices of a column were not compared, and count that unless nothing could have been shown on them.

    Args:
        folded: what was left out.
        compared: how many slices of the column were compared.
        too_small: whether even the largest left out has too few examples to show a harm.
        what: what they are called.
    """
    some = ", ".join(folded.names) + (", …" if folded.slices > len(folded.names) else "")
    named = f" ({some})" if folded.names else ""
    return Finding(
        id=f"input:{what} of {folded.column}",
        rule="input",
        verdict=Verdict.INCONCLUSIVE,
        reason="insufficient",
        advisory=too_small,
        message=(
            f"{count(folded.slices)} of {count(folded.slices + compared)} {what} by {folded.column} were not compared"
            f"{named}: {count(folded.n)} examples, at most {count(folded.largest)} in one"
        ),
        explanation=(
            f"Of a column with so many values the {count(compared)} largest {what} are compared. "
            + (
                "The others are too small to show a harm even where every example of one is lost."
                if too_small
                else "Some of the others are large enough to judge: name a column that puts more examples together."
            )
        ),
        n=folded.n,
    )


def absent_slices(name: str) -> Finding:
    """A slice column, or pair of them, that policy declares and production's file has not."""
    pair = pair_of(name)
    what = f"slice column {name} is not" if pair is None else f"slice columns {pair[0]} and {pair[1]} are not both"
    return listed(
        "input",
        f"slice {name}",
        "missing",
        Verdict.INCONCLUSIVE,
        f"{what} in production's file",
        f"Policy declares slices by {name}, and production's file, which says what the holdout is, has no such "
        "column. Write the column beside production's predictions, or take it out of the policy.",
    )


def listed(kind: str, subject: str, reason: Reason, verdict: Verdict, message: str, explanation: str) -> Finding:
    """A finding about what could not be judged at all: a missing slice, an unsupported rule, no baseline."""
    rule: Any = "input" if kind == "input" else "policy"
    return Finding(
        id=f"{kind}:{subject}", rule=rule, verdict=verdict, reason=reason, message=message, explanation=explanation
    )

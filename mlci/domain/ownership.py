"""Findings about whose word counts: a policy that the change alters or brings along, numbers that a fork measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mlci.domain.finding import Finding
from mlci.domain.verdict import Verdict

# Keys shown with both values; the others are counted by their block, so that none is hidden by many.
MOST_SHOWN = 6
_LONGEST = 80
# What decides about this very change is shown before what decides later.
_FIRST = ("validation", "waivers", "evaluate", "data")


@dataclass(frozen=True)
class Changed:
    """A key that the branch decides and the change would set otherwise.

    Attributes:
        key: its path, such as ``validation.tolerance``; names of the user's own made printable.
        decides: the value that holds, as text; None where nothing is set.
        proposed: the value of the change, as text; None where it sets nothing.
    """

    key: str
    decides: str | None
    proposed: str | None


def gate_changed(changed: Sequence[Changed], verdict_under_proposed: str | None) -> Finding:
    """Tell that a change alters the gate it is judged by.

    Args:
        changed: the keys with both values; at least one.
        verdict_under_proposed: the word for what the change's own policy would say; None where that was not judged.
    """
    ordered = sorted(changed, key=lambda one: _FIRST.index(block) if (block := _block(one.key, 1)) in _FIRST else 9)
    parts = [_both(one) for one in ordered[:MOST_SHOWN]]
    rest = ordered[MOST_SHOWN:]
    if rest:
        blocks = Counter(_block(one.key, 2) for one in rest)
        parts.append(f"and {len(rest)} more: " + ", ".join(f"{number} in {block}" for block, number in blocks.items()))
    would = f" (the proposed policy would say {verdict_under_proposed})" if verdict_under_proposed is not None else ""
    return Finding(
        id="policy:gate-changed",
        rule="policy",
        verdict=Verdict.WARN,
        reason="gate-changed",
        message=f"the gate changed{would}: {'; '.join(parts)}",
        explanation=(
            "The policy of the branch to merge to decided; what the change proposes holds once it is merged. "
            "It needs the review of somebody who owns the gate."
        ),
    )


def _block(path: str, parts: int) -> str:
    return ".".join(path.split(".")[:parts])


def _both(one: Changed) -> str:
    return f"{_short(one.key)} from {_value(one.decides)} to {_value(one.proposed)}"


def _value(text: str | None) -> str:
    return "not set" if text is None else _short(text)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def not_yet_merged(by: str = "its own") -> Finding:
    """Tell that a change was judged by another policy than the branch's, because the branch to merge to has none.

    Args:
        by: whose policy it was.
    """
    return Finding(
        id="policy:not-yet-merged",
        rule="policy",
        verdict=Verdict.WARN,
        reason="policy-not-yet-merged",
        message=f"the branch to merge to has no such configuration file yet: the change was judged by {by}",
        explanation=(
            "A change that brings its own policy can ask for as little as it likes. "
            "Review the policy with it; once it is merged, it decides about every later change."
        ),
    )


def another_baseline() -> Finding:
    """Tell that a run of a fork did not compare with the baseline that holds."""
    return Finding(
        id="input:baseline",
        rule="input",
        verdict=Verdict.INCONCLUSIVE,
        reason="fork",
        message="the other run did not compare with the baseline that is accepted now",
        explanation=(
            "It took another model for production, or the default branch has moved on since. "
            "Run the pipeline of the change again."
        ),
    )


def another_anchor() -> Finding:
    """Tell that a run of a fork left the anchor out, or took another for it."""
    return Finding(
        id="input:anchor",
        rule="input",
        verdict=Verdict.INCONCLUSIVE,
        reason="fork",
        message="the other run did not compare with the anchor that holds now",
        explanation=(
            "What was lost over the last accepted models is therefore not known. Run the pipeline of the change again."
        ),
    )


def holdout_unknown(why: str | None) -> Finding:
    """Tell that nobody knows whether a change brings along the examples it is judged on.

    Args:
        why: there is no list of its files; None where the forge cut it.
    """
    said = (
        "the change is too large to see if it has the holdout" if why is None
        else f"whether the change has the holdout is not known: {_printable(why)}"
    )  # fmt: skip
    help = "Split it up" if why is None else "Mend that and run the job again"
    return Finding(
        id="policy:holdout-changed",
        rule="policy",
        verdict=Verdict.INCONCLUSIVE,
        reason="unknown",
        message=said,
        explanation=(
            "Nothing that is measured on examples is believed from a change that may have chosen them, so it has to be "
            f"seen to leave them alone. {help}."
        ),
    )


def holdout_changed(files: Sequence[str]) -> Finding:
    """Tell that a change brings along the examples it is judged on.

    Args:
        files: of the holdout that it changes; at least one.
    """
    names = ", ".join(_printable(_short(name)) for name in files[:MOST_SHOWN])
    return Finding(
        id="policy:holdout-changed",
        rule="policy",
        verdict=Verdict.INCONCLUSIVE,
        reason="gate-changed",
        message=f"the change alters the holdout: {names}",
        explanation=(
            "Whoever chooses the examples chooses the result, so nothing measured on them is believed from a change. "
            "Change the holdout by itself, let somebody who owns the gate merge it, and judge the model after that."
        ),
    )


def other_branch(default_branch: str) -> Finding:
    """Tell that a change is proposed to a branch of its own choosing, so that its result must not be green."""
    return Finding(
        id="change:other-branch",
        rule="change",
        verdict=Verdict.INCONCLUSIVE,
        reason="other-branch",
        message=f"the change is proposed to another branch than {default_branch}, and its checks would count there too",
        explanation=(
            "What was measured is the change merged with that other branch, while a check lies on the commit that is "
            f"proposed. Let the pipeline start for changes to {default_branch} only: on GitHub by pull_request: "
            f"{{branches: [{default_branch}]}}, on GitLab by a rule that $CI_MERGE_REQUEST_TARGET_BRANCH_NAME == "
            "$CI_DEFAULT_BRANCH."
        ),
    )


def forked() -> Finding:
    """Tell that what is judged was measured by code that nobody here has reviewed."""
    return Finding(
        id="change:fork",
        rule="change",
        verdict=Verdict.WARN,
        reason="fork",
        advisory=True,
        message="the change comes from a fork: its own code measured these numbers",
        explanation="The numbers are advisory until a run of this repository itself measures them.",
    )

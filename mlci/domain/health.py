"""The health of a baseline: how old it is, and whether it was itself judged, and on what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mlci.domain import coverage
from mlci.domain.figures import count
from mlci.domain.finding import Finding
from mlci.domain.report import Section
from mlci.domain.verdict import Verdict

# Where a baseline comes from: a file that somebody named, a run of the default branch, a version of a registry.
# Of a file nobody knows more than what is in it.


@dataclass(frozen=True, kw_only=True)
class Health:
    """What is known of the baseline besides its predictions; a field that is absent is not known."""

    named: bool = field(metadata={"help": "Whether somebody named it as a file, so that nothing more is known of it."})
    age: int | None = field(default=None, metadata={"help": "Days since it was accepted."})
    verdict: Verdict | None = field(default=None, metadata={"help": "What the gate said when it judged it."})
    policy: str | None = field(
        default=None, metadata={"help": "sha256 of the policy that it was judged by, in RFC 8785 form."}
    )
    examples: int | None = field(default=None, metadata={"help": "Examples that it was judged on."})
    same_holdout: bool | None = field(
        default=None, metadata={"help": "Whether it was judged on the very examples the candidate is judged on."}
    )


def doubts(health: Health | None, oldest: int) -> Iterator[Finding]:
    """What is worth a warning: a baseline that is old, and one that the gate never accepted.

    Args:
        health: of the baseline; None where nobody looked.
        oldest: days that it may have been accepted ago without a word.
    """
    if health is None or health.named:
        return
    if health.age is not None and health.age > oldest:
        yield coverage.listed(
            "policy",
            "baseline-age",
            "stale",
            Verdict.WARN,
            f"production was accepted {count(health.age)} days ago, more than the {count(oldest)} that policy has",
            "The world that its holdout was drawn from may have changed since. Bring newer examples, or say with "
            "validation.baseline_age how long a baseline of this model lasts.",
        )
    if health.verdict is None or health.verdict.rank > Verdict.WARN.rank:
        said = "no verdict of the gate is kept with it" if health.verdict is None else f"it says {health.verdict.value}"
        yield coverage.listed(
            "policy",
            "baseline-gated",
            "ungated",
            Verdict.WARN,
            f"production was not itself accepted by the gate: {said}",
            "Not to be worse than it says little while nobody has judged it. Let the gate judge it, against an earlier "
            "version or by absolute limits.",
        )


def section(health: Health) -> Section:
    """What is known of the baseline, in sentences."""
    figures = {"age": health.age, "examples": health.examples}
    return Section(
        id="baseline",
        title="Baseline",
        sentences=tuple(_sentences(health)),
        figures={name: float(value) for name, value in figures.items() if value is not None},
    )


def _sentences(health: Health) -> Iterator[str]:
    if health.named:
        yield "Production's predictions came as a file: their age, and what the gate said of them, are unknown."
        return
    if health.age is None:
        yield "When production was accepted is unknown."
    else:
        ago = "today" if health.age == 0 else "yesterday" if health.age == 1 else f"{count(health.age)} days ago"
        yield f"Production was accepted {ago}."
    if health.verdict is None:
        yield "Whether the gate judged it is unknown."
        return
    on = "" if health.examples is None else f" on {count(health.examples)} examples"
    which = {True: ", these very ones", False: ", not the ones of this holdout", None: ""}[health.same_holdout]
    by = "" if health.policy is None else f", by the policy {health.policy[:12]}"
    yield f"The gate judged it{on}{which}{by}: {health.verdict.value}."

"""Slices that nobody declared: searched for on one half of the examples, confirmed on the other, never blocking."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlci.domain.estimate import Estimate
from mlci.domain.figures import as_written, count, on_scale
from mlci.domain.finding import Finding
from mlci.domain.policy import GatePolicy
from mlci.domain.sentence import arithmetic
from mlci.domain.verdict import Verdict

# A slice must hold this share of the examples, and so many of the searched half.
USUAL_SUPPORT = 0.05
FEWEST_ROWS = 50
# So many slices are brought before the other half: the more there are, the more each of them must show.
MOST_FOUND = 5
# Every two columns are looked at together.
MOST_COLUMNS = 12
MOST_VALUES = 50


@dataclass(frozen=True, kw_only=True)
class Found:
    """A slice on which the searched half shows the candidate worse."""

    column: str = field(metadata={"help": "The column or pair of columns that makes it."})
    slice: str = field(metadata={"help": "The slice, as column=value, or two of these."})
    n: int = field(metadata={"help": "Examples of it in the searched half that no slice found before it has."})
    loss: float = field(metadata={"help": "Mean loss on these, candidate against production."})


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """What was searched for slices on which the candidate is worse, and what the searched half shows."""

    metric: str | None = field(
        default=None, metadata={"help": "The mean over examples that was searched by; absent where there is none."}
    )
    columns: tuple[str, ...] = field(default=(), metadata={"help": "Columns of production's file that were searched."})
    left: tuple[str, ...] = field(default=(), metadata={"help": "Columns with too many values, or one too many."})
    searched: int = field(metadata={"help": "Examples of the half that was searched."})
    slices: int = field(default=0, metadata={"help": "Slices that were looked at."})
    small: int = field(default=0, metadata={"help": "Slices that were too small to look at."})
    found: tuple[Found, ...] = field(
        default=(), metadata={"help": "Those that are brought before the other half, the surest loss first."}
    )


def confirmed(estimate: Estimate) -> bool:
    """Whether the other half shows the loss too: beyond its margin, and not noise among all that were found."""
    margin, p_value = estimate.margin or 0.0, estimate.p_adjusted
    return estimate.undefined is None and estimate.gain < -margin and p_value is not None


def discovered(estimate: Estimate, policy: GatePolicy, searched: Discovery, column: str) -> Finding:
    """A confirmed slice: worth a warning, and to be declared by whoever wants it to block."""
    loss = on_scale(
        -estimate.gain, relative=estimate.relative, against="lower", like=estimate.typical
    )  # fmt: skip
    return Finding(
        id=f"discovered:{estimate.metric.name}[{estimate.slice}]",
        rule="compare",
        verdict=Verdict.WARN,
        reason="discovered",
        message=arithmetic(estimate, policy.confidence, Verdict.WARN),
        explanation=(
            f"Nobody declared {estimate.slice}: it was found among {count(searched.slices)} slices on one half of the "
            f"examples, and the other half confirms a loss of {loss}, beyond the accepted "
            f"{as_written(estimate.margin or 0.0, relative=estimate.relative)}. It only warns; name {column} under "
            "evaluate.slices to let it decide."
        ),
        **estimate.figures,
        clusters=estimate.clusters,
        effective_n=estimate.effective_n,
        p_worse=estimate.p_worse,
        p_adjusted=estimate.p_adjusted,
    )


def not_searched(what: str) -> Finding:
    """A search that was asked for and found nothing to search in; no pass comes of it."""
    return Finding(
        id="policy:validation.slices.discover",
        rule="policy",
        verdict=Verdict.WARN,
        reason="missing",
        message=f"a search for slices is asked for, and {what}",
        explanation=(
            "Columns are searched that production's file holds and whose values are few, or numbers. Name them under "
            "validation.slices.discover, so that they are written beside the predictions, and run gate-compare again."
        ),
    )

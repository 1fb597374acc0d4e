"""What a step reports: a verdict, the one reason for it, and the findings behind it. Nothing about any medium."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any, Literal

from mlci.domain.figures import significant
from mlci.domain.finding import Finding
from mlci.domain.verdict import Verdict

SCHEMA = "mlci.report/1"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One of the two things compared."""

    name: str = field(metadata={"help": "File name or registry version."})
    digest: str = field(metadata={"help": "sha256 of the predictions or metrics file, in hexadecimal."})


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How rows are shared out over bins, before and now.

    Raises:
        ValueError: a bin has not a share before and a share now.
    """

    title: str = field(metadata={"help": "What is drawn, such as the name of a column."})
    bins: tuple[str, ...] = field(metadata={"help": "What each bin is, in order."})
    before: tuple[float, ...] = field(metadata={"help": "Share of the rows of the reference in each bin."})
    now: tuple[float, ...] = field(metadata={"help": "Share of the rows of the data in each bin."})

    def __post_init__(self) -> None:
        if not len(self.bins) == len(self.before) == len(self.now):
            raise ValueError(f"histogram {self.title}: every bin must have a share before and a share now")


@dataclass(frozen=True, kw_only=True)
class Section:
    """Something to read beside the findings: described, and judged by nobody here.

    Every text of it is a sentence of ours, or a name that each face escapes as it escapes the name of a slice.

    Raises:
        ValueError: a row has not a cell for each column.
    """

    id: str = field(metadata={"help": "Stable name of the section, such as changes."})
    title: str = field(metadata={"help": "What it is about."})
    sentences: tuple[str, ...] = field(default=(), metadata={"help": "What it says, a sentence each."})
    columns: tuple[str, ...] = field(default=(), metadata={"help": "Heads of its table; none where there is no table."})
    rows: tuple[tuple[str, ...], ...] = field(default=(), metadata={"help": "Cells of its table, row by row."})
    figures: dict[str, float] = field(
        default_factory=dict, metadata={"help": "Its numbers for a program to read, by name."}
    )
    histograms: tuple[Histogram, ...] = field(
        default=(), metadata={"help": "Drawings below the table, in the order they should be seen."}
    )
    folded: bool = field(
        default=True, metadata={"help": "Whether a face that can fold shows the title alone at first."}
    )

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"section {self.id}: every row must have {len(self.columns)} cells")


@dataclass(frozen=True, kw_only=True)
class Report:
    """The result of one step; every face (terminal, Markdown, HTML, JUnit, annotations) is made from this alone."""

    step: str = field(metadata={"help": "The step that reports, such as gate-compare."})
    verdict: Verdict = field(metadata={"help": "The worst counted finding, after policy."})
    reason: str = field(metadata={"help": "The verdict's one reason, as a sentence."})
    findings: tuple[Finding, ...] = field(
        metadata={"help": "Everything that was judged, in the order it should be read."}
    )
    model: str | None = field(default=None, metadata={"help": "Name of the model, where a configuration names it."})
    candidate: Subject | None = field(default=None, metadata={"help": "What was judged."})
    baseline: Subject | None = field(default=None, metadata={"help": "What it was compared with."})
    examples: int | None = field(default=None, metadata={"help": "Number of examples both were scored on."})
    question: Literal["artefact", "recipe"] | None = field(
        default=None,
        metadata={"help": "Whether it was asked if this model is worse, or if this way of training is."},
    )
    confidence: float | None = field(default=None, metadata={"help": "Level of each one-sided bound."})
    assumptions: tuple[str, ...] = field(
        default=(), metadata={"help": "What was not said and had to be assumed, one sentence each."}
    )
    sections: tuple[Section, ...] = field(
        default=(), metadata={"help": "What is worth knowing beside the findings, in the order it should be read."}
    )
    evidence: dict[str, str] = field(
        default_factory=dict, metadata={"help": "Digest of each piece of evidence written, by kind."}
    )
    links: dict[str, str] = field(default_factory=dict, metadata={"help": "Where to read more, by title."})


def plain(value: Any, *, exact: bool = False) -> Any:
    """Turn a dataclass into JSON values: absent instead of None, numbers with 12 significant digits.

    Args:
        value: a dataclass, or what its fields hold.
        exact: keep every digit, for evidence that is judged again.

    Raises:
        ValueError: a number is not finite; JSON has no word for it and a report must never carry one.
    """
    if is_dataclass(value) and not isinstance(value, type):
        items = ((item.name, getattr(value, item.name)) for item in fields(value))
        return {name: plain(content, exact=exact) for name, content in items if content is not None}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(name): plain(content, exact=exact) for name, content in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, exact=exact) for item in value]
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError(f"a report cannot carry {value}")
        return value if exact else significant(value)
    return value


def as_json(report: Report) -> dict[str, Any]:
    """The published shape of a report: ``{"schema": "mlci.report/1", "step", "verdict", "reason", "findings", …}``."""
    return {"schema": SCHEMA, **plain(report)}

"""How findings read in every face: the words for a verdict, and numbers rounded against the candidate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlci.domain.fairness import MEASURES
from mlci.domain.figures import as_written, count, figure, on_scale, several
from mlci.domain.finding import Finding
from mlci.domain.metric import known_metric
from mlci.domain.report import Report, Subject
from mlci.domain.verdict import Verdict

NONE = "–"
# A number, its unit and its bounds stay on one line wherever a cell is narrow.
_FIXED = "\u00a0"
NOT_JUDGED = "not judged"
NOT_COUNTED = "not counted"
# A slice that passes because no harm is significant, though a loss beyond its margin is not ruled out.
UNPROVEN = "no harm shown"

_STEPS = {"gate-compare": "candidate against production"}


def state(finding: Finding) -> str:
    """The finding's verdict word; one that was set aside never reads as a pass."""
    if not finding.advisory:
        return UNPROVEN if _may_lose(finding) else finding.verdict.value
    return NOT_JUDGED if finding.verdict in (Verdict.PASS, Verdict.INCONCLUSIVE) else NOT_COUNTED


def badge(finding: Finding) -> str:
    """As ``state``; of a finding that is not counted, its own verdict too, where no mark beside it says so."""
    word = state(finding)
    return f"{finding.verdict.value}, {word}" if word == NOT_COUNTED else word


def label(finding: Finding) -> str:
    """The verdict with its one-word reason, such as ``pass, better``."""
    note = remark(finding)
    return f"{badge(finding)}, {note}" if note else badge(finding)


def remark(finding: Finding) -> str:
    """The one-word reason; for a slice that passes without proof, the loss that cannot be ruled out."""
    if finding.waived is not None:
        return f"waived until {finding.waived.expires}"
    if finding.leaning is not None and not finding.advisory:
        leaning = f"leans {finding.leaning}"
        # Noise is what leaves a comparison open; any other reason is worth its word.
        return leaning if finding.reason in (None, "interval") else f"{finding.reason}, {leaning}"
    if finding.reason is not None:
        return finding.reason
    loss = _may_lose(finding)
    return f"may lose {_loss(loss, finding)}" if loss else ""


def _may_lose(finding: Finding) -> float:
    """The loss beyond its margin that a slice passes without ruling out; 0 where there is none."""
    if finding.slice is None or finding.interval is None or finding.margin is None or finding.reason is not None:
        return 0.0
    worst = -finding.interval[0] if finding.better != "lower" else finding.interval[1]
    passed = finding.verdict is Verdict.PASS and not finding.advisory
    return worst if passed and worst > finding.margin else 0.0


def title(finding: Finding) -> str:
    """How a person reads the metric; a column of the user's is called what the user calls it."""
    if finding.metric is None:
        return finding.id
    known = known_metric(finding.metric) or MEASURES.get(finding.metric)
    return known.title if known else finding.metric


def subject(finding: Finding) -> str:
    """What the finding is about, in one cell."""
    return f"{name(finding)} [{finding.slice}]" if finding.slice else name(finding)


def name(finding: Finding) -> str:
    """The metric, or what else it is about; a comparison with the anchor does not read as one with production."""
    if finding.rule == "anchor" and finding.metric is not None:
        return f"{finding.metric} (anchor)"
    return finding.metric or finding.id


def candidate(finding: Finding) -> str:
    """The candidate's value, with its bounds where these were judged."""
    return f"{candidate_value(finding)} {candidate_bounds(finding)}".rstrip()


def candidate_value(finding: Finding) -> str:
    """The candidate's value alone."""
    return NONE if finding.candidate is None else figure(finding.candidate, finding.better)


def candidate_bounds(finding: Finding) -> str:
    """The bounds of the candidate's value, or nothing; where there is a difference, its bounds are what counts."""
    if finding.candidate_interval is None or finding.difference is not None:
        return ""
    low, high = (figure(bound, finding.better) for bound in finding.candidate_interval)
    return f"[{low},{_FIXED}{high}]"


def baseline(finding: Finding) -> str:
    """Production's value, rounded the way the candidate's is, so that equal values read as equal."""
    return NONE if finding.baseline is None else figure(finding.baseline, finding.better)


def difference(finding: Finding) -> str:
    """Candidate minus production."""
    if finding.difference is None:
        return NONE
    return _scaled(finding.difference, finding, signed=True)


def bounds(finding: Finding) -> str:
    """The two one-sided bounds of the difference, or nothing."""
    if finding.interval is None:
        return ""
    low, high = (_scaled(bound, finding, signed=True) for bound in finding.interval)
    return f"[{low},{_FIXED}{high}]"


def compared(finding: Finding) -> str:
    """The difference with its bounds, kept on one line."""
    return f"{difference(finding)}{_FIXED}{bounds(finding)}".rstrip()


def asked(finding: Finding) -> str:
    """What the value is held against: the margin of a comparison or an absolute limit, as somebody wrote it."""
    if finding.limit is not None:
        sign = "≤" if finding.rule == "maximum" else "≥"
        return f"{sign}{_FIXED}{as_written(finding.limit)}"
    if finding.improvement is not None:
        return f"gain{_FIXED}≥{_FIXED}" + as_written(finding.improvement, relative=_relative(finding)).replace(
            " ", _FIXED
        )
    if finding.margin is None:
        return NONE
    return as_written(finding.margin, relative=_relative(finding)).replace(" ", _FIXED)


def asked_of(findings: Iterable[Finding]) -> str:
    """The heading over ``asked``."""
    limits = {finding.limit is not None for finding in findings}
    return {(True,): "limit", (False, True): "margin or limit"}.get(tuple(sorted(limits)), "margin")


def detectable(finding: Finding) -> str:
    """The smallest loss that the examples can show, rounded up."""
    if finding.detectable is None:
        return NONE
    return _loss(finding.detectable, finding)


def examples(finding: Finding) -> str:
    """How many examples, and what they are worth."""
    if finding.n is None:
        return NONE
    parts = [count(finding.n)]
    if finding.clusters is not None:
        parts.append(f"in {count(finding.clusters)} groups")
    if finding.effective_n is not None:
        parts.append(f"worth {count(int(finding.effective_n))}")
    return " ".join(parts)


def undecided(finding: Finding) -> bool:
    """Whether more examples could settle it; a shown regression is settled."""
    if finding.rows_needed is None or finding.verdict is Verdict.FAIL:
        return False
    # With that many examples already there it is the loss itself, not their number, that leaves it open.
    return finding.n is None or finding.rows_needed > finding.n


def unsaid(finding: Finding) -> bool:
    """Whether more examples could settle it and its explanation does not say how many."""
    return undecided(finding) and count(finding.rows_needed or 0) not in (finding.explanation or "")


def rows_needed(finding: Finding) -> str:
    """How many examples would do, or labels if only examples got one on which the two models differ."""
    if finding.rows_needed is None:
        return NONE
    labels = f" or{_FIXED}{count(finding.labels_needed)}{_FIXED}labels" if finding.labels_needed is not None else ""
    return f"{count(finding.rows_needed)}{labels}"


def settled_by(findings: Iterable[Finding]) -> str:
    """What the numbers of ``rows_needed`` are."""
    shown = list(findings)
    # Nothing shows a gain where nothing changed: there what was measured is taken for the truth.
    supposed = "" if any(finding.improvement is not None for finding in shown) else " if nothing changed"
    one = any(finding.labels_needed is not None for finding in shown)
    labels = ", or labels, if only examples get one on which the models differ" if one else ""
    return f"Examples that would settle it{supposed}{labels}"


def probability(value: float | None) -> str:
    """A p-value, rounded up; tiny ones only by their bound."""
    if value is None:
        return NONE
    return f"<{_FIXED}0.0001" if value < 1e-4 else figure(value, "lower", like=1.0)


def error(finding: Finding) -> str:
    """The standard error, two digits."""
    return NONE if finding.standard_error is None else f"{finding.standard_error:.2g}"


def why(finding: Finding) -> str:
    """Why it is not a pass and what would change it."""
    return finding.explanation or finding.message


def said_once(findings: Iterable[Finding]) -> Iterator[tuple[Finding, str]]:
    """Each finding with its explanation, if it has one; what one before it has said already is not said again.

    Advice is the closing sentence, and the same for every slice that fails in the same way.
    """
    said: set[str] = set()
    before = ""
    for finding in findings:
        text = finding.explanation or ""
        opening, _, closing = text.rpartition(". ")
        if text and text == before:
            yield finding, "As above."
        else:
            yield finding, f"{opening}." if opening and closing in said else text
        before = text
        said.add(closing)


def level(report: Report) -> str | None:
    """The honest name of the interval."""
    if report.confidence is None:
        return None
    return f"one-sided {as_written(report.confidence, relative=True)}"


def context(report: Report) -> str:
    """What was judged, before any name from outside."""
    parts = [report.step, _STEPS.get(report.step, "")]
    if report.examples is not None:
        parts.append(several(report.examples, "example"))
    return " · ".join(part for part in parts if part)


def subjects(report: Report) -> tuple[tuple[str, Subject | None], ...]:
    """What was judged and what it was held against, each with what a reader calls it."""
    return ("data" if report.step == "data-check" else "candidate", report.candidate), ("production", report.baseline)


def short(digest: str) -> str:
    """The first twelve characters of a digest; the whole one stands in the evidence."""
    return digest.removeprefix("sha256:")[:12]


def drawing_in_words(finding: Finding) -> str:
    """A drawn interval for whoever cannot see it."""
    parts = [f"difference {difference(finding)}"]
    if finding.interval is not None:
        parts.append(f"bounds {bounds(finding)}")
    if finding.improvement is not None:
        parts.append(f"asked {asked(finding)}")
    elif finding.margin is not None:
        parts.append(f"accepted loss {asked(finding)}")
    return ", ".join(parts)


def _scaled(value: float, finding: Finding, *, signed: bool) -> str:
    written = on_scale(value, relative=_relative(finding), against=finding.better, signed=signed, like=finding.typical)
    return written.replace(" ", _FIXED)


def _loss(value: float, finding: Finding) -> str:
    written = on_scale(value, relative=_relative(finding), against="lower", like=finding.typical)
    return written.replace(" ", _FIXED)


def _relative(finding: Finding) -> bool:
    return finding.scale == "relative"

"""The model card of a version, and what changed between two: read from evidence alone, in the headings of the field.

The headings are those of Mitchell et al. 2019, "Model Cards for Model Reporting" (https://arxiv.org/abs/1810.03993).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mlci.domain.card import framework, params
from mlci.domain.evidence import GatePredicate
from mlci.domain.fairness import MEASURES
from mlci.domain.figures import bytes_in_words, count, figure, on_scale, seconds_in_words
from mlci.domain.finding import Finding
from mlci.domain.release.evidence import ApprovalPredicate
from mlci.domain.release.people import Approver
from mlci.domain.report import Section
from mlci.domain.training import ModelPredicate
from mlci.domain.verdict import Verdict

# A page is read by a person: what is longer is counted, and stands in the evidence.
_MOST_ROWS = 100
_NONE = "–"


@dataclass(frozen=True, kw_only=True)
class Page:
    """Something to read of a release; every face is made from this alone.

    Attributes:
        title: of the page.
        sections: its parts, in order.
        links: where to read more, by title; a face shows only what is a plain address.
    """

    title: str
    sections: tuple[Section, ...]
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Proven:
    """A version with what is proven of it.

    Attributes:
        version: its number in the registry.
        model: what its evidence says.
        gate: what was decided on it; None where nothing was.
        approval: who agreed; None where nobody was asked.
        digests: sha256 of each piece of evidence, by kind.
    """

    version: str
    model: ModelPredicate
    gate: GatePredicate | None = None
    approval: ApprovalPredicate | None = None
    digests: Mapping[str, str] = field(default_factory=dict)


def model_card(proven: Proven) -> Page:
    """What a reader should know before using a version."""
    model, gate = proven.model, proven.gate
    parts = (
        _details(proven),
        _use(gate),
        _factors(gate),
        _metrics(gate),
        _by_slice(gate),
        _fairness(gate),
        _evaluation_data(model, gate),
        _training_data(model),
        _limitations(model, gate),
        _provenance(proven),
        *([_approvals(proven.approval)] if proven.approval is not None else []),
    )
    links = {"run": model.provenance.run} if model.provenance.run is not None else {}
    return Page(title=f"{model.model} version {proven.version}: model card", sections=parts, links=links)


def _details(proven: Proven) -> Section:
    model = proven.model
    made, training = model.provenance, model.training
    rows = [
        ("artifact (sha256)", model.artifact),
        ("format", model.format),
        ("framework", framework(model) or _NONE),
        ("Python", made.environment.python),
        ("size", bytes_in_words(sum(file.size for file in model.files))),
        ("commit", (made.commit or _NONE) + (" with uncommitted changes" if made.dirty else "")),
        ("training command", made.command),
        ("seed", str(made.seed)),
        ("training took", f"{seconds_in_words(training.seconds)}, {bytes_in_words(training.peak_memory)} at its peak"),
        *((f"parameter {name}", value) for name, value in params(made.params).items()),
    ]
    return _table("details", "Model details", (), ("what", "value"), rows)


def _use(gate: GatePredicate | None) -> Section:
    coverage = gate.coverage if gate is not None else None
    task = f"Its task is {coverage.task}. " if coverage is not None and coverage.task is not None else ""
    said = f"{task}What it is meant for, and what not, no evidence says: whoever owns the model has to."
    return Section(id="use", title="Intended use", sentences=(said,))


def _factors(gate: GatePredicate | None) -> Section:
    coverage = gate.coverage if gate is not None else None
    slices = coverage.slices if coverage is not None else ()
    sensitive = gate.fairness.columns if gate is not None and gate.fairness is not None else ()
    said = []
    if sensitive:
        said.append(f"Sensitive columns: {', '.join(sensitive)}.")
    if coverage is not None and coverage.folded:
        said.append(f"{count(len(coverage.folded))} columns have too many groups to compare each.")
    if not slices:
        said.append("No groups of examples were looked at.")
    rows = [(each.name, count(each.n)) for each in slices]
    return _table("factors", "Factors", said, ("group of examples", "examples"), rows)


def _metrics(gate: GatePredicate | None) -> Section:
    if gate is None:
        return Section(id="metrics", title="Metrics", sentences=("Nothing was judged.",))
    compared = f"Compared with {gate.baseline.name}." if gate.baseline is not None else "Compared with no other model."
    rows = [_row(each) for each in gate.findings if each.metric and each.slice is None and not _of_groups(each)]
    said = (f"The gate says {gate.verdict.value}: {_sentence(gate.reason)}", compared, _BOUNDS)
    return _table("metrics", "Metrics", said, _COLUMNS, rows)


_BOUNDS = "Brackets hold two one-sided bounds, at the level that the policy names."
_COLUMNS = ("metric", "this version", "compared with", "difference", "asked", "verdict")


def _by_slice(gate: GatePredicate | None) -> Section:
    found = gate.findings if gate is not None else ()
    rows = [_row(each) for each in found if each.metric and each.slice is not None and not _of_groups(each)]
    said = () if rows else ("No group of examples was judged by itself.",)
    return _table("slices", "Metrics by group", said, _COLUMNS, rows)


def _fairness(gate: GatePredicate | None) -> Section:
    rows = [_row(each) for each in (gate.findings if gate is not None else ()) if _of_groups(each)]
    said = () if rows else ("No measure of fairness was asked for.",)
    return _table("fairness", "Ethical considerations: fairness", said, _COLUMNS, rows)


def _of_groups(finding: Finding) -> bool:
    return finding.metric in MEASURES


def _row(finding: Finding) -> tuple[str, ...]:
    relative, typical = finding.scale == "relative", finding.typical
    name = (finding.metric or finding.id) + (f" [{finding.slice}]" if finding.slice is not None else "")
    own = _NONE if finding.candidate is None else figure(finding.candidate, finding.better)
    if finding.candidate_interval is not None:
        own += f" {_bounds([figure(bound, finding.better) for bound in finding.candidate_interval])}"
    change = _NONE
    if finding.difference is not None:
        numbers = [finding.difference, *(finding.interval or ())]
        texts = [
            on_scale(each, relative=relative, against=finding.better, signed=True, like=typical) for each in numbers
        ]
        change = texts[0] + (f" {_bounds(texts[1:])}" if len(texts) > 1 else "")
    asked = _NONE
    if finding.margin is not None:
        asked = f"loss of at most {on_scale(finding.margin, relative=relative)}"
    if finding.limit is not None:
        asked = f"at {'least' if finding.rule == 'minimum' else 'most'} {figure(finding.limit)}"
    base = _NONE if finding.baseline is None else figure(finding.baseline)
    return name, own, base, change, asked, finding.verdict.value


def _bounds(texts: Sequence[str]) -> str:
    return f"[{', '.join(texts)}]"


def _evaluation_data(model: ModelPredicate, gate: GatePredicate | None) -> Section:
    held = model.predictions
    rows = [
        ("file", held.holdout.path),
        ("sha256", held.holdout.digest),
        ("examples", count(held.rows)),
    ]
    if gate is not None and gate.evaluation_set is not None:
        rows.append(("examples that both were scored on (sha256)", gate.evaluation_set))
    said = []
    if gate is not None and gate.wear is not None:
        more = "at least " if gate.wear.at_least else ""
        said.append(f"It has judged {more}{count(gate.wear.looks)} candidates, this one included.")
    return _table("evaluation-data", "Evaluation data", said, ("what", "value"), rows)


def _training_data(model: ModelPredicate) -> Section:
    data = model.provenance.data
    if data is None:
        said = "The configuration does not name it, so that nothing is proven of it."
        return Section(id="training-data", title="Training data", sentences=(said,))
    rows = [("file", data.path), ("sha256", data.digest)]
    if data.columns is not None:
        rows.append(("columns", count(len(data.columns))))
    return _table("training-data", "Training data", (), ("what", "value"), rows)


def _limitations(model: ModelPredicate, gate: GatePredicate | None) -> Section:
    return Section(
        id="limitations", title="Caveats and recommendations", sentences=tuple(_caveats(model, gate))[:_MOST_ROWS]
    )


def _caveats(model: ModelPredicate, gate: GatePredicate | None) -> Iterator[str]:
    made = model.provenance
    if made.dirty:
        yield "It was made from files that no commit has, and cannot be made again."
    if made.profile is not None:
        yield f"It was trained by the profile {made.profile}, not in full."
    if made.environment.unlocked:
        yield f"Packages that no index has: {', '.join(made.environment.unlocked)}."
    for each in gate.findings if gate is not None else ():
        if each.waived is not None:
            waived = each.waived
            yield f"Accepted by {waived.owner} until {waived.expires} ({waived.reason}): {_sentence(each.message)}"
        elif each.verdict is not Verdict.PASS:
            yield _sentence(each.message)
    for said in gate.assumptions if gate is not None else ():
        yield f"Assumed: {_sentence(said)}"
    yield "The numbers are those of the evaluation data; of other data nothing is shown."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _provenance(proven: Proven) -> Section:
    model = proven.model
    rows = [
        *((f"evidence: {kind}", digest) for kind, digest in sorted(proven.digests.items())),
        ("inputs key", model.inputs.key),
        ("environment", model.provenance.environment.digest),
        ("predictions", model.predictions.file.digest),
        ("behaviour on the probe set", model.predictions.fingerprint),
    ]
    said = ("mlci verify replays the chain from these digests.",)
    return _table("provenance", "Provenance", said, ("what", "sha256"), rows)


def _approvals(approval: ApprovalPredicate) -> Section:
    must = "Nobody has to agree" if approval.needed == 0 else f"People who must agree: {count(approval.needed)}"
    said = [f"Risk: {approval.tier}. {must}."]
    said += [_sentence(why) for why in approval.why[:_MOST_ROWS]]
    said += ["Nobody has agreed yet."] if approval.needed and not approval.approvers else []
    rows = [_word(each, "agreed") for each in approval.approvers] + [
        _word(each, "refused") for each in approval.refused
    ]
    return _table("approvals", "Approvals", said, ("who", "said", "where", "when"), rows)


def _word(word: Approver, said: str) -> tuple[str, ...]:
    account = f" (account {word.id})" if word.id is not None else ""
    return f"{word.login}{account}", said, word.where, word.at or f"seen {word.seen}"


def release_notes(stage: str, before: Proven | None, after: Proven, *, compare: str | None = None) -> Page:
    """What changed from one version to the next.

    Args:
        stage: that moves.
        before: what it was at; None for the first.
        after: what it is at from now on.
        compare: page of the commits between the two.
    """
    model = after.model.model
    sections = [_summary(stage, before, after)]
    if before is not None:
        sections += [_inputs(before.model, after.model), _changed_params(before.model, after.model)]
        sections += [_changed_packages(before.model, after.model)]
    sections.append(_metrics(after.gate))
    if after.approval is not None:
        sections.append(_approvals(after.approval))
    back = f'mlci rollback --stage {stage} --reason "…"'
    if before is not None:
        said = f"One command goes back to version {before.version}: {back}"
    else:
        said = "There is no version to go back to."
    sections.append(Section(id="rollback", title="The way back", sentences=(said,), folded=False))
    return Page(
        title=f"{model}: {stage} is at version {after.version}",
        sections=tuple(sections),
        links={"commits": compare} if compare is not None else {},
    )


def _summary(stage: str, before: Proven | None, after: Proven) -> Section:
    was = f"It was at version {before.version}." if before is not None else "It is the first version there."
    verdict = f" The gate says {after.gate.verdict.value}." if after.gate is not None else ""
    said = [f"{stage} is at version {after.version} of {after.model.model}. {was}{verdict}"]
    if before is not None and before.model.artifact == after.model.artifact:
        said.append("Both are the very same model.")
    return Section(id="summary", title="Summary", sentences=tuple(said), folded=False)


def _inputs(before: ModelPredicate, after: ModelPredicate) -> Section:
    old, new = before.provenance, after.provenance
    rows = [
        ("commit", _short(old.commit), _short(new.commit)),
        ("training data", _short(_digest(before)), _short(_digest(after))),
        ("evaluation data", _short(before.predictions.holdout.digest), _short(after.predictions.holdout.digest)),
        ("Python", old.environment.python, new.environment.python),
        ("seed", str(old.seed), str(new.seed)),
        ("training command", old.command, new.command),
    ]
    parts = after.inputs.differing(before.inputs)
    said = f"Training read other {', '.join(parts)}." if parts else "Training read the very same inputs."
    changed = [row for row in rows if row[1] != row[2]]
    return _table("inputs", "What it was made from", (said,), ("what", "before", "now"), changed)


def _digest(model: ModelPredicate) -> str | None:
    return model.provenance.data.digest if model.provenance.data is not None else None


def _short(digest: str | None) -> str:
    return _NONE if digest is None else digest[:12]


def _changed_params(before: ModelPredicate, after: ModelPredicate) -> Section:
    old, new = params(before.provenance.params), params(after.provenance.params)
    return _changes("params", "Parameters", old, new)


def _changed_packages(before: ModelPredicate, after: ModelPredicate) -> Section:
    """Of the packages that are loaded with the model, then of all others that are installed."""
    old, new = before.provenance.environment, after.provenance.environment
    used = {*old.loaded, *new.loaded}
    return _changes("packages", "Packages", old.packages, new.packages, first=used)


def _changes(
    id: str, title: str, old: Mapping[str, str], new: Mapping[str, str], first: set[str] | None = None
) -> Section:
    names = sorted({*old, *new}, key=lambda name: (name not in (first or ()), name))
    rows = [
        (name, old.get(name, _NONE), new.get(name, _NONE)) for name in names if old.get(name) != new.get(name)
    ]  # fmt: skip
    said = () if rows else ("None changed.",)
    return _table(id, title, said, ("name", "before", "now"), rows)


def _table(
    id: str, title: str, said: Sequence[str], columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]
) -> Section:
    """A section whose table ends where nobody would read on; what is left out is counted."""
    left = len(rows) - _MOST_ROWS
    more = (f"{count(left)} more rows stand in the evidence.",) if left > 0 else ()
    return Section(
        id=id, title=title, sentences=(*said, *more), columns=columns if rows else (), rows=tuple(rows[:_MOST_ROWS])
    )

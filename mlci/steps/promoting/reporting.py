"""What a reader sees of a promotion or a rollback: what was asked for, what was decided, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mlci.config.quote import one_line
from mlci.domain.finding import Finding
from mlci.domain.release.evidence import Requirement
from mlci.domain.release.ledger import Pointed
from mlci.domain.release.promotion import OF_THE_LAST
from mlci.domain.report import Report, Section, Subject
from mlci.domain.verdict import Verdict, worst
from mlci.steps.ledger import Known
from mlci.steps.promoting.following import Ended
from mlci.steps.promoting.promote import LEFT, Judged, Promoted
from mlci.steps.promoting.rollback import RolledBack

_HELP = {
    "gate": "Let the gate judge it again against what is in production. What is inconclusive a person can "
    "accept whom policy names.",
    "approval": "mlci approve says who may approve, and how.",
    "data": "Let mlci data-check pass before the model is trained, on the holdout that it is judged on.",
    "merged": "Merge the change, and promote the version of the default branch.",
    "signed": "Sign the evidence with a key of promote.signers, and leave the signature beside it.",
    "clean-tree": "Commit everything and let model-ci train from that commit.",
    "data-version": "Name the training data under data.train.",
    "locked-environment": "Name a file that pins the environment under train.lock.",
    "reproducible": "Let model-ci train in full from a commit, with its data named.",
    LEFT: "Name it with --version, and say with --reason why it may come back.",
    "predictions": "Let model-ci register it again, so that its predictions are kept, or sign the evidence for "
    "promote.signers.",
}
_RELAX = "Policy can let it go by name, in promote.relax."


def report_on(found: Promoted, model: str, notes: Sequence[Finding] = ()) -> Report:
    """The report on a promotion.

    Args:
        found: how it ended.
        model: the model's name.
        notes: further findings, such as a forge that refused the record of the deployment.
    """
    wanted, judged = found.wanted, found.judged
    findings = (*_asked(judged), *_decided(found), *notes)
    verdict = worst(finding.verdict for finding in findings)
    first = next(finding for finding in findings if finding.verdict is verdict)
    reason = _reason(found) if verdict.rank <= Verdict.WARN.rank else _refusal(found, first)
    return Report(
        step="promote",
        verdict=verdict,
        reason=reason,
        findings=findings,
        model=model,
        candidate=_subject(model, wanted.target),
        baseline=_subject(model, found.before) if found.before is not None else None,
        sections=(*judged.sections, _chain(judged.chain)) if judged is not None else (),
        evidence=dict(found.kinds),
    )


def report_back(found: RolledBack, model: str, notes: Sequence[Finding] = ()) -> Report:
    """The report on a rollback."""
    back, way = found.back, found.way
    if found.page is None:
        said = f"{back.stage} would go back to version {way.pointed.version}, which entry {way.number} promoted"
        own: tuple[Finding, ...] = (_finding("decision", Verdict.PASS, said),)
    else:
        said = f"{back.stage} went back from version {found.before.version} to version {way.pointed.version}"
        own = (
            _finding("decision", Verdict.PASS, f"{said}: entry {found.page.entry.number} of the ledger"),
            *_ended(found.ended),
        )
    if found.moved is not None:
        said_moved = f"somebody had moved the alias {back.stage} to version {found.moved} by hand; the ledger decides"
        own = (*own, _finding("alias", Verdict.WARN, said_moved, "What was moved by hand is in no record but this."))
    findings = (*own, *notes)
    verdict = worst(finding.verdict for finding in findings)
    first = next(finding for finding in findings if finding.verdict is verdict)
    named = found.page.entry.decision.evidence if found.page is not None and found.page.entry.decision else {}
    return Report(
        step="rollback",
        verdict=verdict,
        reason=said if verdict.rank <= Verdict.WARN.rank else first.message,
        findings=findings,
        model=model,
        candidate=_subject(model, way.pointed),
        baseline=_subject(model, found.before),
        sections=(_chain({kind: each for kind, each in named.items() if kind != "rollback"}),),
        evidence={kind: each for kind, each in named.items() if kind == "rollback"},
    )


def _reason(found: Promoted) -> str:
    wanted, version = found.wanted, found.wanted.target.version
    if found.judged is None:
        return f"{wanted.stage} is at version {version} already"
    verb, was = ("would be", "is") if found.page is None else ("is", "was")
    before = f" (it {was} at version {found.before.version})" if found.before is not None else ""
    return f"{wanted.stage} {verb} at version {version}{before}"


def _refusal(found: Promoted, first: Finding) -> str:
    missing = found.judged.missing if found.judged is not None else []
    if not missing:
        return first.message
    more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    return f"version {found.wanted.target.version} is not promoted to {found.wanted.stage}: {first.message}{more}"


def _asked(judged: Judged | None) -> Iterator[Finding]:
    for each in judged.requirements if judged is not None else ():
        yield _requirement(each)


def _requirement(each: Requirement) -> Finding:
    if each.held:
        return _finding(each.name, Verdict.PASS, each.said)
    if each.relaxed:
        said = f"{each.said}; policy lets that go for this stage"
        return _finding(each.name, Verdict.WARN, said, "promote.relax names it, so it holds nothing back.")
    return _finding(each.name, Verdict.FAIL, each.said, help_with(each))


def help_with(each: Requirement) -> str:
    """What to do about something that a stage asks for and that is missing."""
    help = _HELP.get(each.name, "Leave the kind out of promote.require, or use a version that knows it.")
    return f"{help} {_RELAX}" if each.name in OF_THE_LAST else help


def _decided(found: Promoted) -> Iterator[Finding]:
    wanted = found.wanted
    if found.page is not None:
        yield _finding(
            "decision",
            Verdict.PASS,
            f"{wanted.stage} was decided to be at version {wanted.target.version}: entry {found.page.entry.number} of "
            f"the ledger ({found.page.digest[:12]})",
        )
        yield from _ended(found.ended)
    elif found.judged is None:
        yield _finding("decision", Verdict.PASS, f"{wanted.stage} is at version {wanted.target.version} already")
    elif not found.judged.missing:
        yield _finding("decision", Verdict.PASS, f"{wanted.stage} would be at version {wanted.target.version}")


def _ended(ended: Ended | None) -> Iterator[Finding]:
    if ended is None:
        return
    if ended.served and ended.mine:
        yield _finding("serving", Verdict.PASS, ended.said)
    elif ended.served:
        yield _finding("serving", Verdict.WARN, ended.said, "This decision was carried out, and is not the last one.")
    else:
        at = ended.standing.at.version
        yield _finding(
            "serving",
            Verdict.FAIL,
            f"{ended.said}: {ended.standing.stage} is at version {at}, as the ledger says",
            "See in the log of what serves why it did not answer with the version, and promote again.",
        )


def _chain(chain: Mapping[str, str]) -> Section:
    rows = tuple(sorted(chain.items()))
    return Section(id="chain", title="The evidence it stands on", columns=("kind", "sha256"), rows=rows)


def _subject(model: str, pointed: Pointed) -> Subject:
    return Subject(name=f"{model} version {pointed.version}", digest=pointed.artifact)


def _finding(name: str, verdict: Verdict, message: str, explanation: str | None = None) -> Finding:
    return Finding(
        id=f"promote:{name}", rule="model", verdict=verdict, message=one_line(message), explanation=explanation
    )


def outputs_of(page: Known | None, version: str, stage: str) -> Mapping[str, str]:
    """What later steps can use of it."""
    return {"version": version, "stage": stage, "ledger": page.digest if page is not None else ""}

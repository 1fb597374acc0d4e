"""The report of approve: how much is at risk, who agreed, what did not count and why, and how somebody agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlci.domain.finding import Finding
from mlci.domain.release.approval import Count
from mlci.domain.release.command import command_for
from mlci.domain.release.evidence import ApprovalPredicate
from mlci.domain.release.people import Approver, Word
from mlci.domain.report import Report, Section
from mlci.domain.verdict import Verdict
from mlci.steps.approve import ENVIRONMENT, STEP

_SAID = {True: "approves", False: "refuses", None: "took it back"}
_WAYS = {
    "comment": "writes a comment with a line for this very verdict",
    "review": "approves in a review of the newest commit",
    "environment": f"lets the job of mlci approve into the environment {ENVIRONMENT}",
    "deployment": "approves the deployment that waits",
    "job": "starts the manual job that approves",
    "local": "runs mlci approve with --accept on a machine without a forge",
}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How an approval stands, in a word for a status and a sentence for a reader.

    Attributes:
        verdict: of the report.
        said: one line.
    """

    verdict: Verdict
    said: str


def standing_of(found: ApprovalPredicate) -> Standing:
    """What people's words come to."""
    if found.verdict is Verdict.FAIL:
        return Standing(verdict=Verdict.FAIL, said="the gate failed, and no approval changes that")
    if found.refused:
        names = ", ".join(person.login for person in found.refused)
        return Standing(verdict=Verdict.FAIL, said=f"refused by {names}")
    if found.needed == 0:
        return Standing(verdict=Verdict.PASS, said=f"the risk is {found.tier}, and nobody has to approve")
    count = f"{len(found.approvers)} of {found.needed} approved"
    verdict = Verdict.PASS if found.satisfied else Verdict.INCONCLUSIVE
    return Standing(verdict=verdict, said=f"the risk is {found.tier}: {count}")


def report_on(
    found: ApprovalPredicate, total: Count, by: Sequence[str], model: str | None, digest: str, *, local: bool
) -> Report:
    """The report on who agreed.

    Args:
        found: what it comes to.
        total: what was counted.
        by: which ways to agree policy counts; none is all.
        model: the model's name.
        digest: sha256 of the evidence of the approval.
        local: whether this is a machine without a forge.
    """
    standing = standing_of(found)
    finding = Finding(
        id="approval:people",
        rule="approval",
        verdict=standing.verdict,
        message=standing.said,
        explanation=how(found, by, local=local) if standing.verdict is not Verdict.PASS else None,
    )
    return Report(
        step=STEP,
        verdict=standing.verdict,
        reason=standing.said,
        findings=(finding,),
        model=model,
        candidate=found.candidate,
        sections=tuple(_sections(found, total)),
        evidence={"gate": found.gate, "approval": digest},
    )


def how(found: ApprovalPredicate, by: Sequence[str], *, local: bool) -> str:
    """What somebody does to agree."""
    they = f"One of {', '.join(found.allowed)}" if found.allowed else "Somebody who may write to the repository"
    who = f"{they}, who did not make the change,"
    if local:
        return f"{who} runs: mlci approve --accept sha256:{found.gate}"
    ways = [_WAYS[way] for way in by or ("review", "comment")]
    return f"{who} {', or '.join(ways)}. The line of a comment is {command_for(found.gate)}"


def _sections(found: ApprovalPredicate, total: Count) -> Sequence[Section]:
    sections = [Section(id="risk", title=f"Risk: {found.tier}", sentences=_sentences(found), folded=False)]
    columns = ("who", "how", "when")
    for id, title, people in (("approved", "Approved", found.approvers), ("refused", "Refused", found.refused)):
        if people:
            rows = tuple(_row(person) for person in people)
            sections.append(Section(id=id, title=title, columns=columns, rows=rows, folded=False))
    passed = [*total.passed_over, *total.unknown]
    if passed:
        rows = tuple(_passed(word, why) for word, why in passed)
        heads = ("who", "what", "when", "why")
        sections.append(Section(id="not-counted", title="Did not count", columns=heads, rows=rows, folded=False))
    return sections


def _sentences(found: ApprovalPredicate) -> tuple[str, ...]:
    return tuple(f"{why[:1].upper()}{why[1:]}." for why in found.why)


def _row(person: Approver) -> tuple[str, ...]:
    return _named(person.login, person.id), person.where, person.at or f"not said; seen {person.seen}"


def _passed(word: Word, why: str) -> tuple[str, ...]:
    said = f"{_SAID[word.agrees]} ({word.where})"
    return _named(word.person.login, word.person.id), said, word.at or "not said", why


def _named(login: str, id: int | None) -> str:
    return f"{login} (#{id})" if id else login


def not_judged(model: str | None, number: int, *, fork: bool) -> Report:
    """There is nothing to approve yet, which is no pass: the change touches the model, and nobody judged it."""
    reason = "the gate has not judged the newest commit"
    said = (
        "It comes from a fork, and what code of a fork measures nobody approves: a member of the project may read the "
        "change and push it to a branch of the repository."
        if fork
        else "No run of this repository has left the gate's record for the head of the change, or not for the branch "
        f"that #{number} is for. Once gate-compare has run, this is counted anew."
    )
    finding = Finding(
        id="approval:gate", rule="approval", verdict=Verdict.INCONCLUSIVE, reason="missing", message=reason,
        explanation=said,
    )  # fmt: skip
    return Report(step=STEP, verdict=Verdict.INCONCLUSIVE, reason=reason, findings=(finding,), model=model)

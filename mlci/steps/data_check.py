"""data-check: hold data to their contract, look for drift, leaks and tampering, and say which data they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import rfc8785

from mlci import REPOSITORY, __version__
from mlci.domain.dataset.contract import Contract
from mlci.domain.dataset.evidence import Checked, DataPredicate, Identity, Since
from mlci.domain.dataset.findings import most_important_first, reason_of
from mlci.domain.evidence import statement
from mlci.domain.finding import Finding
from mlci.domain.report import Report, Subject
from mlci.domain.verdict import Verdict, worst
from mlci.steps.checking import Material, Part, drifting, leaking, poisoning, profiling, ruling

STEP = "data-check"

# What looks at the training data as a whole, in the order in which a reader wants to know.
PARTS: tuple[Callable[[Material], Part], ...] = (leaking.run, poisoning.run)


@dataclass(frozen=True, kw_only=True)
class Given:
    """One dataset, and what it is held to.

    Attributes:
        identity: which data these are.
        contract: its rules; None where it has none.
    """

    identity: Identity
    contract: Contract | None


def run(
    material: Material,
    train: Given,
    holdout: Given | None,
    *,
    model: str | None,
    policy: str,
    since: Since | None = None,
    notes: Sequence[Finding] = (),
) -> tuple[Report, bytes]:
    """Judge the data.

    Args:
        material: the data at hand.
        train: the training data.
        holdout: what candidates are judged on; None where the configuration names none.
        model: the model's name.
        policy: sha256 of the settings that judge.
        since: what is new; None without anything to compare with.
        notes: findings of whoever called, such as that the change alters the contract.

    Returns:
        The report, and the evidence as it is written.
    """
    engine = material.engine
    ruled = ruling.run(engine, material.train, train.contract, material.settings)
    checked = [_checked("train", train, material.train.columns, ruled)]
    parts = [ruled.part]
    if holdout is not None and material.holdout is not None:
        held = ruling.run(engine, material.holdout, holdout.contract, material.settings)
        checked.append(_checked("holdout", holdout, material.holdout.columns, held))
        parts.append(held.part)
    elif holdout is not None:
        checked.append(Checked(role="holdout", identity=holdout.identity))
    profile = profiling.run(material)
    parts.append(drifting.run(material, profile))
    parts += [part(material) for part in PARTS]
    findings = most_important_first([*(one for part in parts for one in part.findings), *notes])
    verdict = worst([one.verdict for one in findings if not one.advisory] or [Verdict.PASS])
    reason = reason_of(findings, verdict, checked)
    subject = Subject(name=train.identity.name, digest=train.identity.digest)
    report = Report(
        step=STEP,
        verdict=verdict,
        reason=reason,
        findings=findings,
        model=model,
        candidate=subject,
        examples=material.train.rows,
        assumptions=tuple(dict.fromkeys(one for part in parts for one in part.assumptions)),
        sections=tuple(one for part in parts for one in part.sections),
    )
    predicate = DataPredicate(
        model=model,
        datasets=tuple(checked),
        engine=f"{engine.name} {engine.version}",
        verdict=verdict,
        reason=reason,
        findings=findings,
        profile=profile,
        since=since,
        policy=policy,
        mlci=__version__,
    )
    evidence = rfc8785.dumps(statement(REPOSITORY, "data", subject, predicate))
    return replace(report, evidence={"data": hashlib.sha256(evidence).hexdigest()}), evidence


def _checked(role: str, given: Given, columns: Mapping[str, str], ruled: ruling.Ruled) -> Checked:
    return Checked(
        role="train" if role == "train" else "holdout",
        identity=given.identity,
        contract=given.contract.digest if given.contract is not None else None,
        rules=ruled.judged,
        columns=dict(columns),
    )

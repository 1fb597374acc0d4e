"""data-check: hold data to their contract, look for drift, leaks and tampering, and say which data they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import rfc8785

from mlci import REPOSITORY, __version__
from mlci.domain.dataset.contract import Contract
from mlci.domain.dataset.evidence import Checked, DataPredicate, Identity, Since
from mlci.domain.dataset.findings import most_important_first, reason_of
from mlci.domain.dataset.profile import Profile
from mlci.domain.evidence import statement
from mlci.domain.finding import Finding
from mlci.domain.report import Report, Section, Subject
from mlci.domain.verdict import Verdict, worst
from mlci.steps.checking import Material, Part, describing, drifting, leaking, poisoning, profiling, ruling, since

STEP = "data-check"

# What looks at the training data as a whole, in the order in which a reader wants to know.
PARTS: tuple[Callable[[Material], Part], ...] = (describing.run, leaking.run, poisoning.run)


@dataclass(frozen=True, kw_only=True)
class Given:
    """One dataset, and what it is held to.

    Attributes:
        identity: which data these are.
        contract: its rules; None where it has none.
    """

    identity: Identity
    contract: Contract | None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a check.

    Attributes:
        report: what the reader sees.
        evidence: as it is written.
        datasets: what was checked, the training data first.
        since: what is new; None without anything to compare with.
    """

    report: Report
    evidence: bytes
    datasets: tuple[Checked, ...]
    since: Since | None = None


def run(
    material: Material,
    train: Given,
    holdout: Given | None,
    *,
    model: str | None,
    policy: str,
    notes: Sequence[Finding] = (),
    assumptions: Sequence[str] = (),
) -> Result:
    """Judge the data.

    Args:
        material: the data at hand.
        train: the training data.
        holdout: what candidates are judged on; None where the configuration names none.
        model: the model's name.
        policy: sha256 of the settings that judge.
        notes: findings of whoever called, such as that the change alters the contract.
        assumptions: of whoever called, one sentence each.

    Raises:
        DataUnreadable: only a later look shows that the data cannot be read.
        EngineFailed: what counts failed.
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
    profiled = profiling.run(material)
    parts.append(drifting.run(material, profiled))
    parts += [part(material) for part in PARTS]
    found = since.compare(material, train.identity)
    sections = [one for part in parts for one in part.sections]
    return _result(
        tuple(checked),
        [*(one for part in parts for one in part.findings), *notes],
        engine=f"{engine.name} {engine.version}",
        model=model,
        policy=policy,
        profile=profiled.profile if profiled is not None else None,
        found=found,
        assumptions=(*assumptions, *(one for part in parts for one in part.assumptions)),
        sections=(*([since.section(found)] if found is not None else []), *sections),
    )


def unreadable(
    datasets: Sequence[Checked],
    findings: Sequence[Finding],
    *,
    engine: str,
    model: str | None,
    policy: str,
    assumptions: Sequence[str] = (),
) -> Result:
    """What is said of data that cannot be read: which data they are, and that they cannot; nothing else is known.

    Args:
        datasets: the training data first; identities alone.
        findings: what is wrong with them.
        engine: what tried, with its version.
        model, policy, assumptions: as :func:`run` takes them.
    """
    return _result(tuple(datasets), findings, engine=engine, model=model, policy=policy, assumptions=assumptions)


def _result(
    checked: tuple[Checked, ...],
    found_all: Sequence[Finding],
    *,
    engine: str,
    model: str | None,
    policy: str,
    profile: Profile | None = None,
    found: Since | None = None,
    assumptions: Sequence[str] = (),
    sections: Sequence[Section] = (),
) -> Result:
    findings = most_important_first(found_all)
    verdict = worst([one.verdict for one in findings if not one.advisory] or [Verdict.PASS])
    reason = reason_of(findings, verdict, checked)
    identity = checked[0].identity
    subject = Subject(name=identity.name, digest=identity.digest)
    predicate = DataPredicate(
        model=model, datasets=checked, engine=engine, verdict=verdict, reason=reason, findings=findings,
        profile=profile, since=found, policy=policy, mlci=__version__,
    )  # fmt: skip
    evidence = rfc8785.dumps(statement(REPOSITORY, "data", subject, predicate))
    report = Report(
        step=STEP,
        verdict=verdict,
        reason=reason,
        findings=findings,
        model=model,
        candidate=subject,
        examples=identity.rows,
        assumptions=tuple(dict.fromkeys(assumptions)),
        sections=tuple(sections),
        evidence={"data": hashlib.sha256(evidence).hexdigest()},
    )
    return Result(report=report, evidence=evidence, datasets=checked, since=found)


def _checked(
    role: Literal["train", "holdout"], given: Given, columns: Mapping[str, str], ruled: ruling.Ruled
) -> Checked:
    return Checked(
        role=role,
        identity=given.identity,
        contract=given.contract.digest if given.contract is not None else None,
        rules=ruled.judged,
        columns=dict(columns),
    )

"""model-ci: a candidate trained, or found among earlier results, and scored beside production on the same holdout."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import rfc8785

from mlci import REPOSITORY, __version__
from mlci.config.quote import printable
from mlci.domain import card
from mlci.domain.estimate import Estimate
from mlci.domain.evidence import statement
from mlci.domain.figures import bytes_in_words, count, seconds_in_words
from mlci.domain.finding import Finding
from mlci.domain.operation import LACKING, Handed
from mlci.domain.report import Report, Subject
from mlci.domain.training import (
    Data,
    Environment,
    Inputs,
    ModelPredicate,
    Payload,
    Predictions,
    Production,
    Provenance,
    Scored,
    Usage,
    artifact_digest,
)
from mlci.domain.verdict import Verdict, worst
from mlci.errors import ModelUnusable
from mlci.ports import Candidate, Operated, Unscored, Version, Workshop

STEP = "model-ci"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What this run is to have a model of.

    Attributes:
        model: the model's name.
        inputs: digests of what training reads.
        provenance: what it is made from, given the environment that training turns out to run in.
        holdout: what it is scored on.
        evaluator: digest of everything else that its predictions depend on.
        fresh: why an earlier result of the same inputs is not taken; None where one may be.
        data: evidence that the training data passed their check; None where nobody asked.
    """

    model: str
    inputs: Inputs
    provenance: Callable[[Environment], Provenance]
    holdout: Data
    evaluator: str
    fresh: str | None = None
    data: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A candidate, and what it can be compared with.

    Attributes:
        candidate: the model with its evidence and predictions.
        trained: whether this run trained it.
        production: production's predictions with their path; None where there is none, or it could not be scored.
        operations: how the two models run; None where nobody asks for that.
        report: what the reader sees.
    """

    candidate: Candidate
    trained: bool
    production: tuple[Production, str] | None
    operations: Handed | None
    report: Report


def run(wanted: Wanted, workshop: Workshop) -> Outcome:
    """Find or train the candidate, score it, and find or score production.

    Raises:
        MlciError: a T-error where a command of the user's failed; R002 or A003 where production is not what it was.
    """
    before, found, wanted = _earlier(wanted, workshop)
    candidate = found if found is not None else _scored(wanted, workshop, *workshop.train())
    production = workshop.production(candidate)
    scored = None if isinstance(production, Unscored) else production
    again = _on_training_again(candidate, before) if found is None and before is not None else ()
    operated = workshop.operate(candidate)
    findings = (
        _on_training(wanted, candidate),
        *again,
        _on_model(candidate),
        *_on_production(production),
        *_on_operations(operated),
    )
    verdict = worst(finding.verdict for finding in findings)
    reason = next(finding.message for finding in findings if finding.verdict is verdict)
    report = Report(
        step=STEP,
        verdict=verdict,
        reason=reason,
        findings=findings,
        model=wanted.model,
        candidate=Subject(name=wanted.model, digest=candidate.predicate.artifact),
        baseline=None if scored is None else _subject(wanted.model, scored[0]),
        examples=candidate.predicate.predictions.rows,
        assumptions=candidate.predicate.predictions.assumptions,
        evidence={"model": _sha(candidate.evidence)},
    )
    handed = None if operated is None else Handed(
        candidate=candidate.predicate.artifact, production=operated.production, operations=operated.operations
    )  # fmt: skip
    return Outcome(candidate=candidate, trained=found is None, production=scored, operations=handed, report=report)


def of_another_seed(wanted: Wanted, workshop: Workshop) -> Candidate:
    """Find or train the model of a further seed, and score it; nothing is compared with it alone.

    Raises:
        MlciError: a T-error where a command of the user's failed.
    """
    _, found, wanted = _earlier(wanted, workshop)
    return found if found is not None else _scored(wanted, workshop, *workshop.train())


def with_seeds(report: Report, seeds: Sequence[int], trained: int) -> Report:
    """The report, saying which further seeds there are, and how many of them this run trained."""
    if not seeds:
        return report
    named = ", ".join(str(seed) for seed in seeds)
    message = f"the recipe is asked about: beside it lie models of further seeds ({named}), {trained} of them new"
    finding = Finding(id="model:seeds", rule="model", verdict=Verdict.PASS, message=message)
    return replace(report, findings=(*report.findings, finding))


def of_changes(report: Report, passed_over: Sequence[str]) -> Report:
    """The report, saying why what a merged change had trained was not taken."""
    message = "; ".join(printable(each) for each in passed_over)
    finding = Finding(id="model:merged", rule="model", verdict=Verdict.PASS, message=message)
    return replace(report, findings=(*report.findings, finding)) if passed_over else report


def _earlier(wanted: Wanted, workshop: Workshop) -> tuple[Candidate | None, Candidate | None, Wanted]:
    """What was trained from these inputs before, the same scored as is wanted now, and why it is not taken if so."""
    before = workshop.earlier(wanted.inputs.key)
    found = before if wanted.fresh is None else None
    if found is not None and not _asked_for(found.predicate, wanted):
        try:
            found = _scored_again(wanted, workshop, found)
        except ModelUnusable as error:
            origin, found = printable(found.origin or ""), None
            wanted = replace(wanted, fresh=f"an earlier result ({origin}) cannot be scored: {printable(error.cause)}")
    if found is not None and found.data is None and wanted.data is not None:
        # Trained before anybody checked these very bytes; that they passed since is as true of it.
        stated = replace(found.predicate, data=_sha(wanted.data))
        found = replace(found, predicate=stated, evidence=_evidence(stated), data=wanted.data)
    return before, found, wanted


def would(wanted: Wanted, workshop: Workshop) -> Report:
    """Say whether a model would be trained, and do nothing."""
    found = workshop.earlier(wanted.inputs.key) if wanted.fresh is None else None
    why = _why_trained(wanted, "would be trained") if found is None else _why_reused(found, "would be taken")
    finding = Finding(
        id="model:training", rule="model", verdict=Verdict.PASS, reason=None if found is None else "reused", message=why
    )
    return Report(step=STEP, verdict=Verdict.PASS, reason=why, findings=(finding,), model=wanted.model)


def measured(report: Report, found: Sequence[Estimate]) -> Report:
    """The report, with the candidate's own metrics: a first model has nothing to be compared with, and is still new."""
    known = [f"{one.metric.name} {card.with_interval(one)}" for one in found if one.candidate is not None]
    if not known:
        return report
    message = f"on the holdout: {', '.join(known)}"
    finding = Finding(id="model:metrics", rule="model", verdict=Verdict.PASS, message=message)
    return replace(report, findings=(*report.findings, finding))


def registered(report: Report, version: Version, *, new: bool) -> Report:
    """The report, saying which version of the registry the candidate is."""
    word = "registered as" if new else "the registry has this very model already:"
    message = f"{word} {printable(version.model)} version {version.number}"
    finding = Finding(id="model:version", rule="model", verdict=Verdict.PASS, message=message)
    links = {**report.links, "registry": version.page} if version.page is not None else report.links
    return replace(report, findings=(*report.findings, finding), links=links)


def _asked_for(known: ModelPredicate, wanted: Wanted) -> bool:
    # A scoring command is code of the repository, which train.when may leave out of the key.
    is_scored_alike = known.format != "command" or known.inputs.code == wanted.inputs.code
    return is_scored_alike and _scored_on(known) == (wanted.holdout.digest, wanted.evaluator)


def _scored_on(known: ModelPredicate) -> tuple[str, str]:
    return known.predictions.holdout.digest, known.predictions.evaluator


def _subject(model: str, production: Production) -> Subject:
    return Subject(name=f"{model} version {production.version}", digest=production.file.digest)


def _scored(
    wanted: Wanted, workshop: Workshop, payload: Payload, training: Usage, found: Candidate | None = None
) -> Candidate:
    scored = workshop.score(payload)
    earlier = found.predicate if found is not None else None
    # The check of today saw the holdout of today, too; without one, what is known of the training data stays known.
    data = wanted.data if wanted.data is not None or found is None else found.data
    inputs = wanted.inputs if earlier is None else earlier.inputs
    if payload.format == "command":
        inputs = replace(inputs, code=wanted.inputs.code)
    code = tuple(module.file for module in scored.code)
    artifact = artifact_digest(payload.files, code, format=payload.format, inputs=inputs)
    predicate = ModelPredicate(
        model=wanted.model,
        format=payload.format,
        artifact=artifact,
        files=payload.files,
        code=code,
        inputs=inputs,
        provenance=wanted.provenance(scored.environment) if earlier is None else earlier.provenance,
        predictions=_predictions(wanted, scored),
        training=training,
        scoring=scored.usage,
        mlci=__version__,
        data=_sha(data) if data is not None else None,
    )
    return Candidate(
        evidence=_evidence(predicate),
        predicate=predicate,
        payload=replace(payload, digest=artifact, code=scored.code),
        predictions=scored.path,
        environment=scored.environment,
        data=data,
    )


def _evidence(predicate: ModelPredicate) -> bytes:
    subject = Subject(name=predicate.model, digest=predicate.artifact)
    return rfc8785.dumps(statement(REPOSITORY, "model", subject, predicate))


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _scored_again(wanted: Wanted, workshop: Workshop, found: Candidate) -> Candidate:
    """The same model, another holdout or another way to score: what it was made from stays as it was."""
    rescored = _scored(wanted, workshop, found.payload, found.predicate.training, found)
    return replace(rescored, origin=found.origin)


def _predictions(wanted: Wanted, scored: Scored) -> Predictions:
    name = f"candidate.{scored.path.rpartition('.')[2]}"
    return Predictions(
        file=Subject(name=name, digest=scored.digest),
        rows=scored.rows,
        holdout=wanted.holdout,
        evaluator=wanted.evaluator,
        fingerprint=scored.fingerprint,
        probe=scored.probe,
        assumptions=scored.assumptions,
    )


# What the report says.


def _on_training(wanted: Wanted, candidate: Candidate) -> Finding:
    if candidate.origin is not None:
        return Finding(
            id="model:training",
            rule="model",
            verdict=Verdict.PASS,
            reason="reused",
            message=_why_reused(candidate, "was taken"),
        )
    usage = candidate.predicate.training
    took = f"{seconds_in_words(usage.seconds)}, {bytes_in_words(usage.peak_memory)} at its peak"
    return Finding(
        id="model:training",
        rule="model",
        verdict=Verdict.PASS,
        message=f"{_why_trained(wanted, 'was trained')} ({took})",
    )


def _why_trained(wanted: Wanted, verb: str) -> str:
    because = wanted.fresh or "nothing was trained from these inputs before"
    return f"a model {verb}: {because}"


def _why_reused(found: Candidate, verb: str) -> str:
    return f"nothing that makes a new model has changed: an earlier result {verb} ({printable(found.origin or '')})"


def _on_training_again(candidate: Candidate, before: Candidate) -> Iterator[Finding]:
    """Whether the same inputs gave the same model: the same bytes, else the same function, else neither."""
    made, earlier = candidate.predicate, before.predicate
    verdict, explanation = Verdict.PASS, None
    if made.artifact == earlier.artifact:
        said = "the very same model"
    elif _scored_on(made) != _scored_on(earlier):
        said = "a model of other bytes, and its predictions cannot be compared: they are of another holdout"
    elif made.predictions.fingerprint == earlier.predictions.fingerprint:
        said = f"other bytes and the same predictions on {made.predictions.probe} probes"
    else:
        said, verdict = "another model", Verdict.WARN
        explanation = (
            "Nothing that training is known to read has changed, so it is not reproducible. Fix seeds, threads and "
            "versions, or name under train.paths and train.lock what else it reads."
        )
    yield Finding(
        id="model:again",
        rule="model",
        verdict=verdict,
        message=f"trained again from the same inputs: {said} ({printable(before.origin or '')})",
        explanation=explanation,
    )


def _on_model(candidate: Candidate) -> Finding:
    predicate = candidate.predicate
    size, number = bytes_in_words(sum(file.size for file in predicate.files)), len(predicate.files)
    files = "1 file" if number == 1 else f"{number} files"
    return Finding(
        id="model:candidate",
        rule="model",
        verdict=Verdict.PASS,
        message=(
            f"the candidate is {predicate.artifact[:12]} ({predicate.format}, {files}, {size}); "
            f"its predictions on {predicate.predictions.probe} probes are {predicate.predictions.fingerprint[:12]}"
        ),
        n=predicate.predictions.rows,
    )


def _on_production(production: tuple[Production, str] | Unscored | None) -> Iterator[Finding]:
    if production is None:
        return
    if isinstance(production, Unscored):
        missing = f" The package {printable(production.missing)} is missing." if production.missing else ""
        yield Finding(
            id="model:production",
            rule="model",
            verdict=Verdict.INCONCLUSIVE,
            reason="unscored",
            message=f"production (version {production.version}) could not be scored: {printable(production.why)}",
            explanation=(
                f"Without its predictions on this holdout nothing can be compared with it.{missing} "
                "Let its environment be installable, or promote a version that can be scored."
            ),
        )
        return
    found, _ = production
    yield Finding(
        id="model:production",
        rule="model",
        verdict=Verdict.PASS,
        message=f"production is version {found.version}: {found.how}",
    )


def _on_operations(operated: Operated | None) -> Iterator[Finding]:
    if operated is None:
        return
    given = operated.operations
    if given.lacking is not None:
        why = f": {printable(operated.why)}" if operated.why is not None else ""
        yield Finding(
            id="model:operations",
            rule="model",
            verdict=Verdict.INCONCLUSIVE,
            reason="unscored",
            message=f"how the models run could not be measured in full: {LACKING[given.lacking]}{why}",
            explanation=(
                "What policy asks of latency, memory or cost cannot be judged from this run. "
                "Let both models be loadable here, or give gate-compare a file of calls with --latency."
            ),
        )
        return
    size = bytes_in_words(given.candidate.size) if given.candidate is not None else "nothing"
    calls = given.timings
    timed = "" if calls is None else f", {count(calls.pairs)} {'pairs of calls' if calls.paired else 'calls'}"
    here = f" on {printable(given.hardware)}" if given.hardware is not None else ""
    yield Finding(
        id="model:operations",
        rule="model",
        verdict=Verdict.PASS,
        message=f"how it runs was measured{here}: {size} of files{timed}",
    )

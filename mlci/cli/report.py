"""``mlci report``: the trusted half of the fork flow. Finds the change, reads the other run's numbers, judges, posts.

Nothing the other run wrote is executed, believed or posted but its numbers and names; see ``docs/threat-model.md``.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mlci import publish
from mlci.adapters.baselines import KEPT, accepted, joined, looks_of
from mlci.adapters.baselines.layout import GATE, LARGEST_GATE
from mlci.adapters.disk.archive import only_member
from mlci.adapters.evidence.gate import read_gate
from mlci.cli.delivery import EXITS, Delivery, delivery_of, unjudged
from mlci.cli.forge import Forge, audience_of, forge_of, key_of
from mlci.cli.health import gated
from mlci.cli.invocation import today
from mlci.cli.kept import artifact_name, baselines_of
from mlci.cli.policy import base_file, base_of
from mlci.config.policy import gate_policy
from mlci.config.resolve import resolve
from mlci.domain.ownership import another_anchor, another_baseline, not_yet_merged
from mlci.domain.run import Triggering
from mlci.domain.wear import Look, Wear
from mlci.errors import ArtifactRefused, Exit, MlciError, Place, UsageError
from mlci.steps.report import rejudge, unmeasured

if TYPE_CHECKING:
    from mlci.adapters.baselines.choice import Accepted
    from mlci.adapters.gitlab.pipelines import Measured
    from mlci.cli.invocation import Invocation
    from mlci.config.model import Config
    from mlci.domain.evidence import GatePredicate
    from mlci.domain.finding import Finding
    from mlci.domain.health import Health
    from mlci.domain.report import Report
    from mlci.ports import Baselines

# Of a change only the evidence is uploaded, no predictions.
_LARGEST_ARTIFACT = 20 << 20


def run(invocation: Invocation) -> Exit:
    """Judge the numbers of runs that forks started, and post the results on their changes."""
    delivery = delivery_of(invocation)
    forge = forge_of(invocation.environ)
    if forge is not None and forge.is_gitlab:
        return _of_forks(invocation, forge, delivery)
    if forge is None or forge.run.triggered_by is None:
        raise UsageError(
            "report needs a run of GitHub Actions that the event workflow_run started, or of GitLab CI",
            help="docs/github.md and docs/gitlab.md show the pipelines",
        )
    measured = _measured(forge, forge.run.triggered_by, delivery)
    return Exit.PASS if measured is None else _reported(invocation, measured, forge, delivery)


def _of_forks(invocation: Invocation, forge: Forge, delivery: Delivery) -> Exit:
    """Report on one merge request, or on every open one from a fork; those after one that cannot be read have a turn.

    Raises:
        UsageError: this is no pipeline of the default branch, whose code and variables alone are trusted.
    """
    from mlci.adapters.gitlab.pipelines import GitLabRuns

    own, runs = invocation.own, forge.runs
    if not forge.run.on_default_branch or not isinstance(runs, GitLabRuns):
        raise UsageError(
            "report is for a pipeline of the default branch", help="start it by a schedule, or by hand there"
        )
    number, job = _numbered(own["change"]), own["gate_job"]
    ends: list[Exit] = []
    named: list[bool] = []
    proposals = runs.of_forks(number)
    for proposed in proposals:
        one = delivery if number is not None else delivery.apart(f"-{proposed.iid}")
        try:
            measured = runs.measured(proposed, job, forge.run)
            named.append(measured.named)
            ends.append(_of_fork(invocation, measured, replace(forge, job=job), one))
        except MlciError as error:
            if number is not None:
                raise
            delivery.say("warning", f"!{proposed.iid} was not reported on: {error.cause}")
            ends.append(error.exit)
    if not proposals:
        delivery.say("notice", "no open merge request comes from a fork")
    if named and not any(named):
        delivery.say(
            "warning",
            f"no pipeline of a merge request from a fork has a job {job}: where the one that runs gate-compare has "
            "another name, set gate-job",
        )
    if number is not None:
        return ends[0] if ends else Exit.PASS
    # What the models of strangers are like is no failure of this pipeline; that they could not be read is.
    return next((end for end in ends if end in (Exit.SERVICE, Exit.BUG)), Exit.PASS)


def _of_fork(invocation: Invocation, measured: Measured, forge: Forge, delivery: Delivery) -> Exit:
    """Report what a fork measured; where it measured nothing, that, so that leaving the gate out gains nothing."""
    about = replace(forge, run=measured.run)
    if measured.runs is not None:
        return _reported(invocation, replace(about, runs=measured.runs), forge, delivery)
    change = measured.run.change
    if measured.here and change is not None:
        delivery.say("notice", f"!{change.number} is left alone: a pipeline of this project has measured its head")
        return Exit.PASS
    config, _ = _policy(invocation, about)
    report = unmeasured(config.model, forge.job or "")
    delivery.deliver(report, {}, replace(_audience(invocation, about, config), unmeasured=True))
    return EXITS[report.verdict]


def _numbered(given: str | None) -> int | None:
    if given is None:
        return None
    if not re.fullmatch(r"[1-9]\d{0,17}", given.strip()):
        raise UsageError(f"--change must be the number of a merge request, got {given[:40]!a}", place=Place("--change"))
    return int(given)


def _reported(invocation: Invocation, measured: Forge, forge: Forge, delivery: Delivery) -> Exit:
    """Judge what one run measured, and post it.

    Args:
        invocation: of this command.
        measured: the forge as the run that measured sees it.
        forge: as this run sees it, where the default branch's runs are found.
        delivery: of the report.
    """
    config, notes = _policy(invocation, measured)
    audience = _audience(invocation, measured, config)
    try:
        report = _judged(invocation, measured, forge, config, notes)
    except ArtifactRefused:
        delivery.deliver(unjudged("report", _refused(), config.model), {}, audience)
        raise
    if report is None:
        name = artifact_name("gate", _key(invocation, config), measured)
        delivery.say(
            "notice",
            f"the other run left no artifact {name}, so there is nothing to report; in a matrix, give both steps the "
            "same key",
        )
        return Exit.PASS
    delivery.deliver(report, {}, audience)
    return EXITS[report.verdict]


def _measured(forge: Forge, triggering: Triggering, delivery: Delivery) -> Forge | None:
    """The forge as the run that measured would see it, with the change of a fork that it was for.

    That run is whose report this is: its age decides which comment is newer. None, and why is said, where there is no
    such change by the forge's word.
    """
    if triggering.event != "pull_request":
        delivery.say("notice", f"the other run was not for a pull request but for {triggering.event[:40]}")
        return None
    changes = forge.runs.changes_of(triggering)
    if not changes:
        delivery.say("notice", "no open pull request has the commit of the other run as its head any more")
        return None
    # One head may be proposed to several branches; the default branch is the one whose policy matters most.
    change = min(changes, key=lambda each: (each.base_branch != forge.run.default_branch, each.number or 0))
    if not change.fork:
        delivery.say(
            "notice", "the change is not from a fork: its own run posts the report, as far as its token may write"
        )
        return None
    run = replace(
        forge.run,
        id=triggering.id,
        attempt=triggering.attempt,
        url=triggering.url,
        commit=triggering.head,
        branch=None,
        change=change,
    )
    return replace(forge, run=run)


def _policy(invocation: Invocation, measured: Forge) -> tuple[Config, list[Finding]]:
    """The base's policy; where the base has none, the defaults, and never the fork's."""
    path = posixpath.normpath(invocation.own["config"])
    base = base_file(measured.commits, path, base_of(measured), invocation.environ)
    notes = [] if base is not None else [not_yet_merged(by="the defaults")]
    return resolve(base, invocation.overrides).config, notes


def _audience(invocation: Invocation, measured: Forge, config: Config) -> publish.Audience:
    # The matrix of this job is not that of the run that measured, so the key says nothing of it.
    told = audience_of(invocation, measured, config.model)
    return replace(told, key=_key(invocation, config), advisory=True)


def _refused() -> ArtifactRefused:
    """What is posted of a refusal: its cause may quote the names of members, which are the fork's own words."""
    return ArtifactRefused(
        "an artifact that is needed is not what gate-compare leaves", help="the log of this job says what is wrong"
    )


def _key(invocation: Invocation, config: Config) -> str:
    return key_of(invocation.own["key"], config.model, None)


def _judged(
    invocation: Invocation, measured: Forge, forge: Forge, config: Config, notes: list[Finding]
) -> Report | None:
    """The report on what the other run measured; None where it left no evidence."""
    key = _key(invocation, config)
    name = artifact_name("gate", key, measured)
    artifact = measured.runs.artifact_of_run(name, measured.run.id)
    if artifact is None:
        return None
    packed = measured.runs.content(artifact, _LARGEST_ARTIFACT)
    evidence = only_member(packed, GATE, LARGEST_GATE, nested=artifact.nested)
    predicate = read_gate(evidence, name)
    policy = gate_policy(config, baseline_given=predicate.baseline is not None)
    digest = hashlib.sha256(evidence).hexdigest()
    baselines = baselines_of(invocation.own["baseline_from"], key, replace(forge, run=measured.run))
    now = accepted(baselines)
    if now is not None:
        notes = [*notes, *_of_another(predicate, now)]
    # What the other run says of looks and of the baseline is its own word; both are known here.
    wear = _wear(predicate, baselines, forge, name) if policy.holdout is not None else None
    predicate = replace(predicate, wear=wear, health=None if now is None else _health(predicate, now))
    return rejudge(predicate, policy, config.model, notes=notes, digest=digest, today=today())


def _of_another(predicate: GatePredicate, now: Accepted) -> Iterator[Finding]:
    """What the other run compared with something else than holds now."""
    if predicate.baseline is None or predicate.baseline.digest != now.predicate.candidate.digest:
        yield another_baseline()
    elif now.anchor is not None and (predicate.anchor is None or predicate.anchor.digest != now.anchor):
        yield another_anchor()


def _health(predicate: GatePredicate, now: Accepted) -> Health | None:
    """The health of the baseline, where the other run compared with one."""
    if predicate.baseline is None:
        return None
    health, evaluation_set = gated(now.predicate, now.memory.day)
    return replace(health, same_holdout=evaluation_set == predicate.evaluation_set)


def _wear(predicate: GatePredicate, baselines: Baselines | None, forge: Forge, name: str) -> Wear | None:
    """How often the holdout was looked at, counted here: what the other run says of it is its own word."""
    if baselines is None or predicate.evaluation_set is None:
        return None
    before = joined(baselines.memories(), KEPT)
    found = looks_of(forge.runs, name, before.read)
    look = Look(evaluation_set=predicate.evaluation_set, candidate=predicate.candidate.digest)
    return before.seen(found.looks, look.evaluation_set).wear(look, at_least=not found.complete)

"""``mlci gate-compare``: settle whose policy holds, open what was named, run the step, keep and deliver its results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mlci import publish
from mlci.adapters.disk import files
from mlci.cli import flips
from mlci.cli.delivery import Delivery, delivery_of, exit_of, unjudged
from mlci.cli.engines import judged_by
from mlci.cli.forge import Forge, audience_of, forge_of, job_of, key_of, said_by_plan
from mlci.cli.functions import Code, code_of, functions_of
from mlci.cli.invocation import Invocation, today
from mlci.cli.kept import artifact_name, baselines_of
from mlci.cli.operating import running
from mlci.cli.policy import Decided, base_file, base_of, decide, in_repository
from mlci.cli.reads import kept_by_git, reading_here
from mlci.cli.remembered import Remembered, is_accepted, kept_with, remembered
from mlci.cli.sides import Sides, given, holds_samples, without_aliases
from mlci.cli.waiting import as_waiting, asked_on_change, held_back, is_a_persons
from mlci.config.load import model_named
from mlci.config.policy import gate_policy
from mlci.config.resolve import resolve
from mlci.domain.baseline import may_keep
from mlci.domain.finding import Finding
from mlci.domain.operation import rules_of
from mlci.domain.ownership import forked, gate_changed, holdout_changed, holdout_unknown, other_branch
from mlci.errors import Contradiction, Exit, ExtraMissing, MlciError, Place, UsageError

if TYPE_CHECKING:
    from mlci.adapters.baselines import Chosen
    from mlci.config.model import Config
    from mlci.domain.report import Report
    from mlci.ports import Baselines
    from mlci.steps.beside import Beside
    from mlci.steps.gate_compare import Given, Outcome
    from mlci.surface.command import Command

# Errors after which a report of the error itself is posted: the change shows it instead of an old verdict.
_SHOWN = (Exit.USAGE, Exit.UNDECIDED, Exit.SERVICE, Exit.INTEGRITY, Exit.COMMAND)


@dataclass(frozen=True)
class Gate:
    """One run of the gate: what was asked, where it runs, and how it delivers."""

    invocation: Invocation
    forge: Forge | None
    delivery: Delivery

    @property
    def own(self) -> dict[str, Any]:
        """The command's own parameters."""
        return self.invocation.own

    def deliver(
        self, report: Report, outputs: Mapping[str, str], model: str | None, *, quiet: bool = False, waits: bool = False
    ) -> None:
        """Deliver a report on the model of this name; a quiet one is posted only where an earlier one was."""
        told = audience_of(self.invocation, self.forge, model)
        told = replace(told, quiet=quiet, waits=waits) if told is not None else None
        self.delivery.deliver(report, outputs, told)

    def waits(self, report: Report, config: Config) -> bool:
        """Whether the verdict is a person's to give, and the forge holds the merge back until it is given."""
        forge, told = self.forge, audience_of(self.invocation, self.forge, config.model)
        if forge is None or told is None or not is_a_persons(report, config):
            return False

        def asked(about: Report) -> bool:
            return asked_on_change(forge, artifact_name("gate", told.key, forge), about.evidence.get("model"))

        return held_back(report, told, asked, self.delivery.say)

    def show(self, error: MlciError, model: str | None) -> None:
        """Deliver an error in the place of a verdict."""
        self.deliver(unjudged("gate-compare", error, model, environ=self.invocation.environ), {}, model)


def run(invocation: Invocation) -> Exit:
    """Judge, deliver and return the exit code of the verdict; what could not be posted changes neither."""
    delivery = delivery_of(invocation)
    forge = forge_of(invocation.environ, invocation.own.get("base"), invocation.own["config"])
    gate = Gate(invocation, forge, delivery)
    if forge is not None:
        from mlci.adapters.baselines import clear

        clear(invocation.own["keep"])
    with _errors_shown(gate, invocation.resolved.config):
        decided = decide(invocation, forge)
    with _errors_shown(gate, decided.config):
        gate = _asking_runs(gate, decided.config)
        return _untouched(gate, decided) if gate.own.get("touched") == "false" else _judged(gate, decided)


def _asking_runs(gate: Gate, config: Config) -> Gate:
    """The gate; in a pipeline it asks earlier runs for production where the registry cannot say what that is."""
    own = without_aliases(gate.own, config, gate.invocation.environ) if gate.forge is not None else None
    if own is None:
        return gate
    gate.delivery.say(
        "notice", "the registry has no aliases: the last accepted run of the default branch is production"
    )
    return replace(gate, invocation=replace(gate.invocation, own=own))


def refused(command: Command, own: dict[str, Any], error: MlciError, environ: Mapping[str, str]) -> None:
    """Show on the change that its configuration cannot be used, where an old verdict would stand otherwise.

    The report goes by the name that the model has on the branch to merge to; where that cannot be known, by the one in
    the file that cannot be used, as the later run will that finds it mended.
    """
    with suppress(MlciError):
        forge = forge_of(environ)
        if forge is None:
            return
        base = None
        with suppress(MlciError):
            base = base_file(forge.commits, in_repository(own["config"], environ), base_of(forge), environ)
        invocation = Invocation(command, own, resolve(base, ()), environ=environ)
        model = invocation.resolved.config.model if base is not None else model_named(own["config"])
        told = audience_of(invocation, forge, model)
        job = job_of(environ, command.name, own["report"])
        delivery = Delivery(command.name, own, publish.Faces.beside(own["report"]), environ, job)
        report = unjudged(command.name, error, model, environ=environ)
        delivery.deliver(report, {}, replace(told, nameless=base is None and not told.key))


@contextmanager
def _errors_shown(gate: Gate, config: Config) -> Iterator[None]:
    try:
        yield
    except MlciError as error:
        # On a developer's machine a mistake in the command line is said once, and leaves no report of itself.
        if error.exit in _SHOWN and (gate.forge is not None or error.exit is not Exit.USAGE):
            gate.show(error, config.model)
        raise


def _untouched(gate: Gate, decided: Decided) -> Exit:
    """Say that there is nothing to judge; bring up to date what an earlier commit was told, hand the baseline on."""
    from mlci.steps.plan import untouched

    own, model = gate.own, decided.config.model
    key = key_of(own["key"], model, gate.forge)
    if gate.forge is not None and may_keep(gate.forge.run):
        baselines = baselines_of(own["baseline_from"], key, gate.forge)
        chosen = _chosen(baselines)
        if baselines is not None and chosen is not None:
            from mlci.adapters.baselines import KEPT, fill, joined

            beside = kept_with(None, joined(baselines.memories(), KEPT), chosen)
            fill(own["keep"], chosen.evidence, chosen.path, beside)
    why = said_by_plan(gate.invocation.environ)
    gate.deliver(untouched("gate-compare", model, why), _left(gate, key, ""), model, quiet=True)
    return Exit.PASS


def _left(gate: Gate, key: str, evidence: str, flipped: str | None = None) -> dict[str, str]:
    """Outputs that say what was left, and where."""
    return {
        "evidence": evidence,
        "keep": gate.delivery.from_workspace(gate.own["keep"]),
        "artifact": artifact_name("gate", key, gate.forge),
        "flips": gate.delivery.from_workspace(gate.delivery.faces.flips) if flipped is not None else "",
    }


def _judged(gate: Gate, decided: Decided) -> Exit:
    own, config = gate.own, decided.config
    _check_inputs(own, gate.forge)
    listed = flips.wanted(own)
    key = key_of(own["key"], config.model, gate.forge)
    baselines = baselines_of(own["baseline_from"], key, gate.forge)
    chosen = _chosen(baselines)
    sides = Sides.of(own, config, gate.invocation.environ)
    baseline = _production(own, sides, chosen)
    looks = remembered(
        gate.forge,
        artifact_name("gate", key, gate.forge),
        budget=gate_policy(config).holdout is not None,
        baselines=baselines,
        chosen=chosen,
        sides=sides,
        say=gate.delivery.say,
    )
    if own["latency"] is not None and not rules_of(gate_policy(config)):
        gate.delivery.say(
            "warning", "policy asks for no metric of latency or cost: what --latency names decides nothing"
        )
    candidate = running(sides.candidate, sides.operations, baseline, own["latency"], config)
    notes = [*decided.notes, *_about_change(gate, config), *sides.doubts(config, own["config"])]
    compared = baseline is not None or baselines is not None
    code = code_of(config, own["config"], gate.forge, gate.invocation.environ)
    judging = Judging(gate, code, compared, looks.beside, listed)
    changed = (*decided.changed, *judging.code.changed)
    if changed:
        notes.append(gate_changed(changed, judging.under(decided.proposed, candidate, baseline)))
    outcome = judging.judge(config, candidate, baseline, notes)
    files.write(own["evidence"], outcome.evidence)
    flipped = flips.write(outcome.flips, gate.delivery.faces.flips)
    if flipped is not None:
        gate.delivery.say("notice", flipped)
    beside = (
        kept_with(outcome, looks.after(outcome), chosen) if gate.forge is not None and may_keep(gate.forge.run) else {}
    )
    _fill(gate, outcome, sides, chosen, beside)
    report = outcome.report
    if chosen is not None:
        report = chosen.noted(report)
    waits = gate.waits(report, config)
    report = as_waiting(report) if waits else report
    gate.deliver(report, _left(gate, key, report.evidence["gate"], flipped), config.model, waits=waits)
    _keep(gate, outcome, sides.path, baselines, beside)
    _record(gate, sides, outcome, looks, config)
    return Exit.PASS if waits else exit_of(report.verdict, own)


def _check_inputs(own: dict[str, Any], forge: Forge | None) -> None:
    said = [f"--{name.replace('_', '-')}" for name in ("baseline", "baseline_from", "against") if own[name] is not None]
    if len(said) > 1:
        raise Contradiction(f"{said[0]} and {said[1]} both say what production is", help="give one of the two")
    try:
        import numpy  # noqa: F401 - asked for here so that its absence is one clear error
    except ImportError as error:
        raise ExtraMissing("judging needs numpy", help='pip install "mlci[gate]"') from error
    if forge is not None and holds_samples(own["candidate"]):
        raise UsageError(
            "the candidate is a folder of samples, and an accepted run is kept as one file",
            place=Place("--candidate"),
            help="name the samples of one task",
        )


# Where the baseline comes from, and where an accepted run goes. What reads and keeps baselines is imported where it is
# needed: two files on a developer's machine need none of it.


def _chosen(baselines: Baselines | None) -> Chosen | None:
    if baselines is None:
        return None
    from mlci.adapters.baselines import choose

    return choose(baselines)


def _fill(gate: Gate, outcome: Outcome, sides: Sides, chosen: Chosen | None, beside: Mapping[str, bytes]) -> None:
    """Lay ready what a later run needs: on a change the evidence; on the default branch what becomes the baseline.

    A run there that was not accepted hands the older baseline on, so that it neither expires nor falls out of sight.
    """
    if gate.forge is None:
        return
    from mlci.adapters.baselines import MODEL, fill

    evidence, predictions = outcome.evidence, None
    if may_keep(gate.forge.run):
        if is_accepted(outcome):
            predictions = sides.path
        elif chosen is not None:
            evidence, predictions = chosen.evidence, chosen.path
        fill(gate.own["keep"], evidence, predictions, beside)
    else:
        fill(gate.own["keep"], evidence, beside={MODEL: sides.evidence} if sides.evidence is not None else {})


def _keep(
    gate: Gate, outcome: Outcome, candidate: str, baselines: Baselines | None, beside: Mapping[str, bytes]
) -> None:
    """Put an accepted run of the default branch where later changes look for it, if that is not the workflow's part."""
    if gate.forge is None or baselines is None or gate.invocation.wants("dry_run"):
        return
    if may_keep(gate.forge.run):
        from mlci.adapters.baselines import KEPT

        baselines.remember(beside[KEPT], gate.forge.run)
    origin = baselines.keep(outcome.evidence, candidate, gate.forge.run, beside)
    if origin is not None:
        gate.delivery.say("notice", f"kept as the baseline of later changes: {origin}")


def _record(gate: Gate, sides: Sides, outcome: Outcome, looks: Remembered, config: Config) -> None:
    """Tell the registry what was decided of its version; like everything that is posted, it changes no verdict."""
    trusted = gate.forge is None or may_keep(gate.forge.run)
    if sides.registry is None or not trusted or gate.invocation.wants("dry_run"):
        return
    from mlci.cli.recording import record

    try:
        looks.tell(outcome)
    except MlciError as error:
        gate.delivery.say("warning", f"this look at the holdout was not counted: {error.cause}")
    if not sides.recorded:
        return
    try:
        commit = gate.forge.run.commit if gate.forge is not None else None
        policy, evidence = gate_policy(config), gate.own["evidence"]
        for loudness, line in record(sides.registry, sides, outcome, evidence, policy, commit):
            gate.delivery.say(loudness, line)
    except MlciError as error:
        gate.delivery.say("warning", f"the verdict was not recorded with the version: {error.cause}")


# Judging.


@dataclass(frozen=True)
class Judging:
    """What a run judges by besides its policy: code of functions, whether there is a production, earlier looks.

    It lists so many flipped examples.
    """

    gate: Gate
    code: Code
    compared: bool
    beside: Beside
    listed: int

    def judge(self, config: Config, candidate: Given, baseline: Given | None, notes: list[Finding]) -> Outcome:
        """Judge by a configuration."""
        from mlci.steps import gate_compare

        policy = gate_policy(config, baseline_given=self.compared)
        calls = functions_of(self.code, config, self.gate.own["config"], self.gate.invocation.environ, self._say)
        run_by = partial(
            gate_compare.run,
            policy=policy,
            model=config.model,
            notes=notes,
            functions=calls,
            beside=self.beside,
            listed=self.listed,
            today=today(),
        )
        return judged_by(self.gate.own["engine"], candidate, baseline, run_by)

    def under(self, proposed: Config, candidate: Given, baseline: Given | None) -> str:
        """What the policy that the change proposes would say: for the reviewer, never for the exit."""
        try:
            return self.judge(proposed, candidate, baseline, []).report.verdict.value
        except MlciError as error:
            return f"not judged: {error.cause}"

    def _say(self, line: str) -> None:
        self.gate.delivery.say("notice", line)


def _about_change(gate: Gate, config: Config) -> Iterator[Finding]:
    """What the change is, besides what its model does. A merge queue's commit is its own, whatever branch it is for."""
    change = gate.forge.run.change if gate.forge is not None else None
    if gate.forge is None or change is None:
        return
    default = gate.forge.run.default_branch
    if change.number is not None and change.base_branch != default:
        yield other_branch(default)
    if change.fork:
        yield forked()
    if config.data.holdout.path is not None:
        yield from _about_holdout(gate, gate.forge, config)


def _about_holdout(gate: Gate, forge: Forge, config: Config) -> Iterator[Finding]:
    """A change that brings its own examples chooses what it is judged by, however both models were scored on them."""
    file, environ = gate.own["config"], gate.invocation.environ
    reads = reading_here(config, file, environ)
    files = forge.commits.changed_files(base_of(forge), forge.run.commit)
    changed = [path for path in files.paths if "holdout" in reads.parts_of(path)]
    # A lock of many files says nothing of a holdout that git keeps itself.
    if changed and not any(reads.is_itself(path, "holdout") for path in changed) and kept_by_git(reads, file, environ):
        changed = []
    if changed:
        yield holdout_changed(changed)
    elif not files.complete:
        yield holdout_unknown(files.why)


def _production(own: dict[str, Any], sides: Sides, chosen: Chosen | None) -> Given | None:
    return sides.baseline if chosen is None else given(chosen.path, chosen.origin, own["engine"])

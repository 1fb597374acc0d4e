"""``mlci model-ci``: gather what training reads, run the step, leave the candidate for later steps, and register it."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.adapters.disk import files
from mlci.cli.data_evidence import passed
from mlci.cli.delivery import EXITS, Delivery, delivery_of, discard, unjudged
from mlci.cli.earlier import passed_over, results_of
from mlci.cli.forge import Forge, forge_of, key_of, said_by_plan
from mlci.cli.invocation import Invocation
from mlci.cli.kept import artifact_name
from mlci.cli.operating import operated
from mlci.cli.policy import Decided, decide
from mlci.cli.training import (
    PRODUCTION,
    Order,
    alone,
    asked_of,
    folder_of,
    fresh,
    holdout_of,
    inputs_of,
    provenance_of,
    recipe_of,
)  # fmt: skip
from mlci.config.policy import gate_policy
from mlci.domain import card
from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.errors import Exit, ExtraMissing, MlciError, NotWritable

if TYPE_CHECKING:
    from mlci.adapters.git.repository import Repository
    from mlci.adapters.models.handover import HandOver
    from mlci.adapters.models.production import Bench
    from mlci.adapters.models.workshop import LocalWorkshop
    from mlci.adapters.scoring import Asked, HoldoutFile, Interpreter
    from mlci.domain.estimate import Estimate
    from mlci.domain.policy import GatePolicy
    from mlci.domain.recipe import SeedRun
    from mlci.domain.training import Production
    from mlci.ports import Candidate, Registry, Unscored, Version
    from mlci.steps.model_ci import Outcome, Wanted

# Errors after which a report of the error is written, as after any other of this run's results.
_SHOWN = (Exit.UNDECIDED, Exit.SERVICE, Exit.INTEGRITY, Exit.DATA, Exit.COMMAND)


@dataclass(frozen=True)
class Made:
    """How a run of the step ended.

    Attributes:
        exit: its code.
        version: number of the version in the registry; None where nothing was registered.
    """

    exit: Exit
    version: str | None = None


def run(invocation: Invocation) -> Exit:
    """Make a candidate, deliver the report and return its exit code."""
    return make(invocation).exit


def make(invocation: Invocation) -> Made:
    """Make a candidate and deliver the report."""
    with at_work(invocation):
        # Only now: what another run is just making is left as it is.
        return _delivered(invocation, delivery_of(invocation))


@contextmanager
def at_work(invocation: Invocation, *later: Invocation) -> Iterator[None]:
    """Keep other runs from working on the model of the configuration, in this step and in those that come later.

    Raises:
        NotAlone: another run is at work on it.
        NotWritable: there is no place for the lock; what an earlier run left is then removed all the same.
    """
    own, model = invocation.own, invocation.resolved.config.model
    with ExitStack() as stack:
        # Without a name there is nothing to be alone with, and what is missing is said later.
        if model is not None:
            try:
                stack.enter_context(alone(folder_of(own["config"]), model))
            except NotWritable:
                for step in (*later, invocation):
                    discard(step.command, step.own)
                raise
        yield


def _delivered(invocation: Invocation, delivery: Delivery) -> Made:
    own = invocation.own
    if own.get("touched") == "false":
        from mlci.steps.plan import untouched

        why, model = said_by_plan(invocation.environ), invocation.resolved.config.model
        delivery.deliver(untouched("model-ci", model, why), {"trained": "false", "version": ""})
        return Made(Exit.PASS)
    forge = forge_of(invocation.environ, own.get("base"), own["config"])
    try:
        decided = decide(invocation, forge)
        return _made(invocation, decided, forge, delivery)
    except MlciError as error:
        if error.exit in _SHOWN:
            model = invocation.resolved.config.model
            delivery.deliver(_refused(error, model, invocation.environ), {})
        raise


def _refused(error: MlciError, model: str | None, environ: Mapping[str, str]) -> Report:
    """The report of an error; that the data did not pass is no error of anybody's machine, and fails."""
    report = unjudged("model-ci", error, model, environ=environ)
    if error.exit is not Exit.DATA:
        return report
    findings = tuple(replace(one, verdict=Verdict.FAIL) for one in report.findings)
    return replace(report, verdict=Verdict.FAIL, findings=findings)


def _made(invocation: Invocation, decided: Decided, forge: Forge | None, delivery: Delivery) -> Made:
    own = invocation.own
    order = Order(
        config=decided.config,
        file=own["config"],
        environ=invocation.environ,
        profile=own["profile"],
        run=forge.run if forge is not None else None,
    )
    _require_numpy()

    def say(line: str) -> None:
        delivery.say("notice", line)

    with alone(order.folder, order.model) as work:
        session = Session(order, work, forge, invocation, say, decided)
        wanted, workshop = session.prepared()
        if invocation.wants("dry_run"):
            return _would(wanted, workshop, delivery)
        from mlci.adapters.models import handover
        from mlci.cli.seeds import further_seeds
        from mlci.steps import model_ci

        # Before hours of training, not after them.
        handover.require_ours(own["keep"])
        _set_aside(own["keep"])
        outcome = model_ci.run(wanted, workshop)
        seeds, newly = further_seeds(session, outcome.candidate)
        policy = gate_policy(order.config)
        measured = _measured(outcome.candidate.predictions, policy)
        report = model_ci.measured(outcome.report, measured)
        report = model_ci.with_seeds(report, [run.seed for run, _ in seeds], newly)
        report = model_ci.of_changes(report, passed_over(workshop))
        report = replace(report, findings=(*report.findings, *decided.notes))
        session.lay(outcome, own["keep"], seeds)
        version: Version | None = None
        if session.registers:
            version, is_new = session.register(outcome, own["keep"], measured, policy.confidence)
            report = model_ci.registered(report, version, new=is_new)
        files.write(own["evidence"], outcome.candidate.evidence)
        key = key_of(own["key"], order.config.model, forge)
        outputs = {
            "evidence": report.evidence["model"],
            "keep": delivery.from_workspace(own["keep"]),
            "artifact": artifact_name("model", key, forge),
            "trained": "true" if outcome.trained else "false",
            "version": version.number if version is not None else "",
        }
        delivery.deliver(report, outputs)
        return Made(EXITS[report.verdict], version.number if version is not None else None)


def _set_aside(keep: str) -> None:
    """Take an older candidate away: whatever becomes of this run, a later step must not judge that one for it."""
    folder = Path(keep)
    if folder.is_dir():
        # Renamed first, so that a run that is killed here leaves no half of it.
        with tempfile.TemporaryDirectory(dir=folder.absolute().parent, prefix=f".{folder.name}.") as aside:
            folder.rename(Path(aside, "old"))


def _would(wanted: Wanted, workshop: LocalWorkshop, delivery: Delivery) -> Made:
    from mlci.steps import model_ci

    delivery.deliver(model_ci.would(wanted, workshop), {})
    return Made(Exit.PASS)


def _require_numpy() -> None:
    try:
        import numpy  # noqa: F401 - asked for here so that its absence is one clear error
    except ImportError as error:
        raise ExtraMissing("scoring needs numpy", help='pip install "mlci[gate]"') from error


def _measured(predictions: str, policy: GatePolicy) -> list[Estimate]:
    """The candidate's metrics on the holdout, without a word on whether they are enough."""
    from mlci.adapters.tables import open_table
    from mlci.domain.report import Subject
    from mlci.steps.gate_compare import Given, measure
    from mlci.steps.judging import own_estimates

    given = Given(Subject(name=predictions, digest=""), table=open_table(predictions))
    return own_estimates(measure(given, None, policy).numbers, policy)


@dataclass(frozen=True)
class Session:
    """One run of the step, with everything it works on."""

    order: Order
    work: Path
    forge: Forge | None
    invocation: Invocation
    say: Callable[[str], None]
    decided: Decided

    @property
    def registers(self) -> bool:
        """Whether the candidate becomes a version: never that of a change, nor one trained by a profile."""
        return self.invocation.wants("register") and self.order.trusted and self.order.profile is None

    @property
    def shelf(self) -> Path:
        """Where this machine keeps what it may find again.

        A runner that keeps its disk is handed from change to change, so that what lies there is anybody's: in a
        pipeline it is a folder that begins empty.
        """
        return self.order.state if self.order.at_hand else self.work / "shelf"

    def registry(self) -> Registry:
        """The registry of the configuration."""
        from mlci.adapters.mlflow import open_registry

        order = self.order
        uri = order.config.registry.uri
        return open_registry(uri, order.environ, folder=str(order.folder), writing=self.registers)

    def prepared(self) -> tuple[Wanted, LocalWorkshop]:
        """What is wanted, and where it is made."""
        from mlci.adapters.git.repository import Repository
        from mlci.adapters.models.workshop import LocalWorkshop
        from mlci.adapters.scoring import evaluator_digest
        from mlci.domain.training import Data
        from mlci.steps.model_ci import Wanted

        order = self.order
        if not order.at_hand:
            shutil.rmtree(self.shelf, ignore_errors=True)
        model, registry = order.model, self.registry()
        repository = Repository.find(str(order.folder), order.environ)
        inputs, facts = inputs_of(order, repository)
        holdout, asked = holdout_of(order), asked_of(order.config)
        evaluator = evaluator_digest(asked)
        recipe, scorer = recipe_of(order, self.work)
        digests = {"holdout": holdout.digest, **({"train": facts.data.digest} if facts.data is not None else {})}
        data = passed(self.invocation, self.decided, self.forge, order, digests, self.say)
        wanted = Wanted(
            model=model,
            inputs=inputs,
            provenance=lambda environment: provenance_of(order, facts, environment),
            holdout=Data(path=order.config.data.holdout.path or "", digest=holdout.digest),
            evaluator=evaluator,
            fresh=fresh(order, reuse=self.invocation.wants("reuse")),
            data=data.evidence if data is not None else None,
        )
        bench = self.bench(repository, scorer)
        workshop = LocalWorkshop(
            model=model,
            folder=order.folder,
            work=self.work,
            recipe=recipe,
            asked=asked,
            holdout=holdout,
            scorer=scorer,
            results=results_of(
                order, str(self.shelf / "models"), registry, inputs, self.forge, self.invocation.own, self.say
            ),
            compared=lambda candidate: self._production(registry, candidate, holdout, asked, bench),
            operated=lambda candidate: operated(order, registry, candidate, holdout, asked, bench, self.say),
            say=self.say,
            before=data.require_same if data is not None else None,
        )
        return wanted, workshop

    def _production(
        self,
        registry: Registry,
        candidate: Candidate,
        holdout: HoldoutFile,
        asked: Asked,
        bench: Bench,
    ) -> tuple[Production, str] | Unscored | None:
        from mlci.adapters.models.production import predictions_of, very_same

        order = self.order
        if not registry.has_aliases:
            self.say("the registry has no aliases: what is production is for gate-compare to find, by --baseline-from")
            return None
        version = registry.aliased(order.model, PRODUCTION) if order.profile is None else None
        if version is None:
            return None
        if version.tags.get(card.ARTIFACT) == candidate.predicate.artifact:
            return very_same(version, registry, candidate, bench, self.say)
        evaluator = candidate.predicate.predictions.evaluator
        return predictions_of(version, registry, holdout, asked, evaluator, bench, self.say)

    def bench(self, repository: Repository | None, scorer: Interpreter) -> Bench:
        """Where models are scored apart from the work tree."""
        from mlci.adapters.models.production import Bench

        return Bench(
            interpreter=scorer,
            repository=repository,
            folder=str(self.shelf),
            environ=self.order.environ,
            trusted=self.order.trusted,
            # Training of this very run may have written there, and in a pipeline that is somebody else's code.
            believed=self.order.at_hand,
        )

    def lay(self, outcome: Outcome, keep: str, seeds: tuple[tuple[SeedRun, str], ...] = ()) -> None:
        """Leave the candidate for later steps, and for the next run of the same inputs."""
        from mlci.adapters.models import handover
        from mlci.adapters.models.earlier import FolderEarlier

        candidate = outcome.candidate
        handover.lay(
            keep,
            evidence=candidate.evidence,
            candidate=candidate.predictions,
            payload=candidate.payload,
            environment=candidate.environment,
            baseline=outcome.production,
            operations=outcome.operations,
            seeds=seeds,
            data=candidate.data,
        )
        FolderEarlier(str(self.shelf / "models"), self.say).keep(keep, candidate.predicate.inputs.key)

    def _stands_alone(self, held: HandOver) -> bool:
        """Whether the model is itself without the repository; said aloud where it is not, before it matters."""
        from mlci.adapters.git.repository import Repository
        from mlci.adapters.models.production import stands_alone

        order = self.order
        repository = Repository.find(str(order.folder), order.environ)
        bench = self.bench(repository, recipe_of(order, self.work)[1])
        alone = stands_alone(held, holdout_of(order), asked_of(order.config), bench, self.say)
        if not alone:
            self.say(
                "the model reads files of the repository besides its modules, which are not kept with it: as "
                "production it cannot be scored on another holdout. Put them into the model, or into a package"
            )
        return alone

    def register(
        self, outcome: Outcome, keep: str, measured: Sequence[Estimate], confidence: float
    ) -> tuple[Version, bool]:
        """Make the candidate a version of the registry, once; say whether it is new."""
        from mlci.adapters.models import handover
        from mlci.adapters.models.earlier import registry_folder
        from mlci.ports import Entry

        order, candidate = self.order, outcome.candidate
        registry = self.registry()
        digest = hashlib.sha256(candidate.evidence).hexdigest()
        known = bool(registry.tagged(order.model, card.ARTIFACT, candidate.predicate.artifact))
        folder = str(self.work / "entry")
        held = handover.read(keep)
        registry_folder(held, folder)
        tags = card.tags(candidate.predicate, digest, measured)
        if candidate.predicate.code and not known:
            tags[card.ALONE] = "true" if self._stands_alone(held) else "false"
        entry = Entry(
            digest=candidate.predicate.artifact,
            folder=folder,
            tags=tags,
            params=card.params(candidate.predicate.provenance.params),
            metrics=card.metrics(measured),
            description=card.description(candidate.predicate, measured, confidence),
        )
        version = registry.register(order.model, entry)
        shutil.rmtree(folder, ignore_errors=True)
        return version, not known

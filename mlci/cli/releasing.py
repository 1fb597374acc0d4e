"""What promote and rollback need of the world: ledger, registry, who runs them, what serves, and the forge's record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlci.cli.actor import actor_of
from mlci.cli.forge import Forge, forge_of
from mlci.cli.invocation import Invocation, now
from mlci.cli.policy import base_file, in_repository, reading
from mlci.cli.training import Order, folder_of
from mlci.config.resolve import resolve
from mlci.domain import card
from mlci.domain.baseline import may_keep
from mlci.errors import MlciError, Place, PolicyUnreadable, PromotionRefused, UsageError

if TYPE_CHECKING:
    from mlci.config.model import Config
    from mlci.ports import Deployments, DeploymentState, Ledger, Registry, Serving, Version
    from mlci.publish import Loudness
    from mlci.steps.ledger import Known
    from mlci.steps.promoting.book import Book
    from mlci.steps.promoting.following import Release

_LONGEST_REASON = 1000
Say = Callable[["Loudness", str], None]


@dataclass(frozen=True)
class Desk:
    """One run of promote or rollback, with everything that it can ask.

    Attributes:
        invocation: of the command.
        forge: that this runs on; None on a machine without one.
        config: whose policy holds: on a forge what the default branch has now.
        say: a line for the log.
    """

    invocation: Invocation
    forge: Forge | None
    config: Config
    say: Say

    @property
    def own(self) -> dict[str, Any]:
        """The command's own parameters."""
        return self.invocation.own

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment of this process."""
        return self.invocation.environ

    @property
    def dry_run(self) -> bool:
        """Whether nothing may change anywhere."""
        return self.invocation.wants("dry_run")

    @cached_property
    def order(self) -> Order:
        """What training would be asked, for the key of its inputs."""
        return Order(
            config=self.config, file=self.own["config"], environ=self.environ, profile=None,
            run=self.forge.run if self.forge is not None else None,
        )  # fmt: skip

    @property
    def model(self) -> str:
        """The model's name."""
        return self.order.model

    @cached_property
    def registry(self) -> Registry:
        """The registry of the configuration."""
        from mlci.adapters.mlflow import open_registry

        folder = str(folder_of(self.own["config"]))
        return open_registry(self.config.registry.uri, self.environ, folder=folder, writing=not self.dry_run)

    @cached_property
    def book(self) -> Book:
        """The ledger of the model."""
        from mlci.cli.ledger import book_of
        from mlci.steps.promoting.book import Book

        return Book(entries=book_of(self.ledger, self.model), clock=now)

    @cached_property
    def ledger(self) -> Ledger:
        """Where decisions are kept."""
        from mlci.cli.ledger import ledger_of

        return ledger_of(self.forge, self.environ, self.own["config"])

    def stage(self, named: str | None, otherwise: str | None) -> str:
        """The stage that was named, or what stands for it; one of those that policy has.

        Raises:
            UsageError: it is none.
        """
        stage, stages = named or otherwise, self.config.promote.stages
        if stage is None:
            raise UsageError(
                "it is not said which stage", place=Place("--to"), help="name it, or set validation.promote_on_pass"
            )
        if stage not in stages:
            raise UsageError(
                f"there is no stage {stage[:60]!a}", help=f"promote.stages has {', '.join(stages)}; stages are aliases"
            )
        return stage

    def reason(self, otherwise: str) -> str:
        """Why, as a sentence for the ledger."""
        said = (self.own["reason"] or "").strip() or otherwise
        if len(said) > _LONGEST_REASON or not said.isprintable():
            raise UsageError(
                f"a reason is one line of at most {_LONGEST_REASON} characters that print", place=Place("--reason")
            )
        return said

    def release(self) -> Release:
        """The world as the steps see it."""
        from mlci.steps.promoting.following import Release

        return Release(
            book=self.book,
            registry=self.registry,
            actor=actor_of(self.environ, str(folder_of(self.own["config"])), self.forge, self._account),
            serving=self.serving,
            record=self.record,
            moved=self.moved,
            artifact=self.artifact,
            say=self.say,  # type: ignore[arg-type]
        )

    def _account(self, login: str) -> int | None:
        people = self.forge.people if self.forge is not None else None
        try:
            found = people.person(login) if people is not None else None
        except MlciError:
            return None
        return found.id if found is not None else None

    @cached_property
    def _artifacts(self) -> dict[str, str]:
        return {}

    def artifact(self, version: Version) -> str:
        """sha256 of a version's artifact; one that mlci did not register is digested once."""
        from mlci.adapters.models.chain import artifact_of

        known = version.tags.get(card.ARTIFACT)
        if known is not None:
            return known
        if version.number not in self._artifacts:
            self._artifacts[version.number] = artifact_of(version, self.registry)
        return self._artifacts[version.number]

    def serving(self, stage: str) -> Serving | None:
        """What serves a stage, as policy says how to ask it; where nothing is known to ask, its name will do."""
        return self._serving(stage, strict=False)

    def prepare(self, stage: str, version: Version) -> None:
        """See, before anything is decided, that what serves can be asked about a version at all.

        Raises:
            MlciError: policy says it in no way that can be used, or nothing is known that the version must answer.
        """
        serving = self._serving(stage, strict=self.invocation.command.name == "promote")
        prepare = getattr(serving, "prepare", None)
        if prepare is not None:
            prepare(version)

    def _serving(self, stage: str, *, strict: bool) -> Serving | None:
        from mlci.cli.serving import serving_of

        return serving_of(
            self.config,
            stage,
            registry=self.registry,
            environ=self.environ,
            file=self.own["config"],
            say=lambda line: self.say("notice", line),
            strict=strict,
        )

    def record(self, page: Known, state: DeploymentState, said: str) -> None:
        """Tell the forge how a decision stands among its deployments; what it refuses is said and changes nothing."""
        deployments = self.deployments
        decision = page.entry.decision
        if deployments is None or decision is None:
            return
        from mlci.ports import Deployment

        version = self.registry.numbered(self.model, decision.target.version)
        commit = version.tags.get(card.COMMIT) if version is not None else None
        assert self.forge is not None  # noqa: S101 - only a forge has deployments
        probe = self.config.promote.verify.get(decision.stage)
        try:
            deployments.record(
                Deployment(
                    environment=decision.stage,
                    commit=commit or self.forge.run.commit,
                    model=self.model,
                    version=decision.target.version,
                    artifact=decision.target.artifact,
                    entry=page.entry.number,
                    ledger=page.digest,
                    production=decision.stage == self.config.promote.stages[-1],
                    url=self.forge.run.url,
                    serving=probe.url if probe is not None else None,
                ),
                state,
                said,
            )
        except MlciError as error:
            self.say("warning", f"the deployment was not recorded: {error.cause}")

    @cached_property
    def deployments(self) -> Deployments | None:
        """The forge's record of deployments; None where there is none."""
        return self.forge.deployments if self.forge is not None else None

    def moved(self, stage: str, version: Version) -> None:
        """After production has moved: whether it is the best there was, by which later ones are measured."""
        if stage != self.config.promote.stages[-1] or not self.registry.has_aliases:
            return
        from mlci.cli.judging_again import against_anchor

        try:
            for loudness, line in against_anchor(self.registry, version, self.config):
                self.say(loudness, line)
        except MlciError as error:
            self.say("warning", f"whether it is the best so far is not known: {error.cause}")


def desk_of(invocation: Invocation, say: Say) -> Desk:
    """Settle where this runs and whose policy holds.

    Raises:
        PromotionRefused: on a forge this is no run of the default branch itself.
        PolicyUnreadable: the default branch's policy cannot be read.
    """
    forge = forge_of(invocation.environ, None, invocation.own["config"])
    if forge is None:
        return Desk(invocation, None, invocation.resolved.config, say)
    if not may_keep(forge.run):
        raise PromotionRefused(
            f"{invocation.command.name} is for the default branch's own runs, and this one was started by "
            f"{forge.run.event[:40]}" + (" for a change" if forge.run.change is not None else ""),
            help=f"merge first; then a push to {forge.run.default_branch}, a schedule or a person starts it there",
        )
    forge = replace(forge, gate_job=invocation.own.get("gate_job") or forge.gate_job)
    return Desk(invocation, forge, _policy(invocation, forge), say)


def _policy(invocation: Invocation, forge: Forge) -> Config:
    """What the default branch asks now: a run that is run again brings the policy of an older day along."""
    path = in_repository(invocation.own["config"], invocation.environ)
    with reading(f"what {forge.run.default_branch} is at"):
        tip = forge.commits.tip(forge.run.default_branch)
    found = base_file(forge.commits, path, tip, invocation.environ)
    if found is None:
        raise PolicyUnreadable(
            f"{forge.run.default_branch} has no {path}", help="commit it there: without a policy nothing is promoted"
        )
    return resolve(found, invocation.overrides).config

"""Everything that one run of data-check judges with: open it, judge it, and judge it as the change proposes beside."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from mlci.cli.data_reference import reference_of
from mlci.cli.training import STATE, folder_of
from mlci.config.checking import judging_digest
from mlci.config.quote import one_line
from mlci.domain.dataset.evidence import Checked, Identity
from mlci.domain.dataset.media import medium_of
from mlci.domain.dataset.notes import contract_not_yet_merged, unreadable, version_broken
from mlci.domain.ownership import Changed, gate_changed
from mlci.errors import DataUnreadable
from mlci.steps import data_check
from mlci.steps.checking import Material

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlci.cli.data_contract import Contracts, DataRole
    from mlci.cli.data_given import Dataset
    from mlci.cli.data_reference import Compared
    from mlci.cli.invocation import Invocation
    from mlci.cli.policy import Decided
    from mlci.config.model import Config
    from mlci.domain.dataset.contract import Contract, Type
    from mlci.domain.finding import Finding
    from mlci.ports import DataEngine, DataSource, Opened
    from mlci.steps.data_check import Result

_UNHELD = "no contract says what the training data must look like (data.train.contract); mlci data-profile drafts one"
# Keys besides the block data: that say what is judged.
_BESIDE = ("evaluate.target", "evaluate.id")


@dataclass(kw_only=True)
class Desk:
    """One run of data-check.

    Attributes:
        invocation: of the command.
        decided: the configuration that holds, and what the change would set.
        contracts: of both datasets.
        datasets: the training data first.
        engine: that counts.
        train: the training data, once they are open.
    """

    invocation: Invocation
    decided: Decided
    contracts: Contracts
    datasets: tuple[Dataset, ...]
    engine: DataEngine
    train: Opened | None = None
    _identities: dict[DataRole, Identity] = field(default_factory=dict)

    def judged(self) -> Result:
        """The verdict on the data, by the policy that holds."""
        opened: dict[DataRole, Opened] = {}
        findings: list[Finding] = []
        for dataset in self.datasets:
            try:
                opened[dataset.role] = self._open(dataset)
            except DataUnreadable as error:
                findings.append(unreadable(dataset.role, error.cause, error.help))
        if findings:
            return self._unreadable(findings)
        self.train = opened["train"]
        config = self.decided.config
        compared = reference_of(
            config, self.invocation.own["config"], self.invocation.environ, self.engine, self._types("train")
        )
        try:
            return self._run(config, self.contracts.deciding, opened, compared, tuple(self._notes(opened, compared)))
        except DataUnreadable as error:
            # Some files show only while their rows are read that they are cut off.
            return self._unreadable([unreadable("train", error.cause, error.help)])

    def _open(self, dataset: Dataset) -> Opened:
        if dataset.refused is not None:
            raise dataset.refused
        opened = self.engine.open(self._table(dataset.source), self._types(dataset.role))
        self._identities[dataset.role] = dataset.opened(self.engine, opened)
        return opened

    def _table(self, source: DataSource) -> DataSource:
        """Images, texts and chats as the table of their facts; anything else as it is."""
        from mlci.adapters.datasets.media import table_of

        if source.path is None:
            return source
        facts = str(folder_of(self.invocation.own["config"]) / STATE / "facts")
        return replace(source, path=table_of(source.path, facts, source.name) or source.path)

    def _types(self, role: DataRole) -> dict[str, Type]:
        contract = self.contracts.deciding.get(role)
        return dict(contract.types) if contract is not None else {}

    def _run(
        self,
        config: Config,
        contracts: dict[DataRole, Contract],
        opened: dict[DataRole, Opened],
        compared: Compared,
        notes: tuple[Finding, ...],
    ) -> Result:
        media = medium_of(opened["train"].columns) is not None
        material = Material(
            engine=self.engine,
            train=opened["train"],
            holdout=opened.get("holdout"),
            reference=compared.reference,
            settings=config.data,
            target="label" if media else config.evaluate.target,
            id="path" if media else config.evaluate.id,
            now=datetime.now(timezone.utc).isoformat(),
        )
        given: dict[DataRole, data_check.Given] = {
            role: data_check.Given(identity=self._identities[role], contract=contracts.get(role)) for role in opened
        }
        said = [note for dataset in self.datasets for note in dataset.notes]
        said += [compared.why] if compared.why is not None else []
        said += [_UNHELD] if "train" not in contracts else []
        if material.id is not None and material.id not in opened["train"].columns:
            said.append(
                f"the training data have no column {one_line(material.id)}, which evaluate.id names, so that rows are "
                "told apart by their content"
            )
        return data_check.run(
            material, given["train"], given.get("holdout"),
            model=config.model, policy=judging_digest(config), notes=notes, assumptions=said,
        )  # fmt: skip

    def _notes(self, opened: dict[DataRole, Opened], compared: Compared) -> Iterator[Finding]:
        for dataset in self.datasets:
            if dataset.broken is not None:
                yield version_broken(dataset.role, dataset.broken, asked=dataset.asked)
        yield from self.decided.notes
        if self.contracts.unmerged and not self.decided.notes:
            yield contract_not_yet_merged(self.contracts.unmerged)
        changed = (*self._changed(), *self.contracts.changed)
        if changed:
            yield gate_changed(changed, self._proposed(opened, compared))

    def _changed(self) -> tuple[Changed, ...]:
        return tuple(each for each in self.decided.changed if each.key.startswith("data.") or each.key in _BESIDE)

    def _proposed(self, opened: dict[DataRole, Opened], compared: Compared) -> str:
        """The verdict that the change's own settings and contracts would come to, on the same rows."""
        return self._run(self.decided.proposed, self.contracts.proposed, opened, compared, ()).report.verdict.value

    def _unreadable(self, findings: list[Finding]) -> Result:
        config = self.decided.config
        checked = [Checked(role=each.role, identity=self._known(each)) for each in self.datasets]
        notes = [version_broken(each.role, each.broken, asked=each.asked) for each in self.datasets if each.broken]
        return data_check.unreadable(
            checked, [*findings, *notes, *self.decided.notes],
            engine=f"{self.engine.name} {self.engine.version}", model=config.model, policy=judging_digest(config),
            assumptions=[note for each in self.datasets for note in each.notes],
        )  # fmt: skip

    def _known(self, dataset: Dataset) -> Identity:
        """What is known of data that could not be opened; of a query that gave nothing only what was asked."""
        found = self._identities.get(dataset.role) or dataset.identity
        if found is not None:
            return found
        from mlci.adapters.identity import identity_of_query

        return identity_of_query(dataset.source.name, dataset.source.query or "", "nothing", None)

"""``mlci data-check``: find the data, their contract and what they are compared with; judge, record, deliver."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.adapters.disk import files
from mlci.cli.data_desk import Desk
from mlci.cli.delivery import EXITS, delivery_of, unjudged
from mlci.cli.forge import forge_of, said_by_plan
from mlci.cli.policy import decide
from mlci.cli.training import STATE, folder_of
from mlci.config.quote import one_line
from mlci.domain.figures import several
from mlci.domain.run import LOCAL
from mlci.domain.verdict import Verdict
from mlci.errors import Exit, MlciError, NotWritable, Place

if TYPE_CHECKING:
    from mlci.cli.delivery import Delivery
    from mlci.cli.forge import Forge
    from mlci.cli.invocation import Invocation
    from mlci.cli.policy import Decided
    from mlci.steps.data_check import Result

_EXITS = {**EXITS, Verdict.FAIL: Exit.DATA}
# Errors after which a report of the error is written, as after any other of this run's results.
_SHOWN = (Exit.UNDECIDED, Exit.SERVICE, Exit.INTEGRITY, Exit.DATA)


def run(invocation: Invocation) -> Exit:
    """Check, record, deliver; the exit is that of the verdict."""
    own = invocation.own
    delivery = delivery_of(invocation)
    if own.get("touched") == "false":
        from mlci.steps.plan import untouched

        model, why = invocation.resolved.config.model, said_by_plan(invocation.environ)
        delivery.deliver(untouched("data-check", model, why), {})
        return Exit.PASS
    forge = forge_of(invocation.environ, own.get("base"), own["config"])
    try:
        return _checked(invocation, decide(invocation, forge), forge, delivery)
    except MlciError as error:
        if error.exit in _SHOWN:
            model = invocation.resolved.config.model
            delivery.deliver(unjudged("data-check", error, model, environ=invocation.environ), {})
        raise


def _checked(invocation: Invocation, decided: Decided, forge: Forge | None, delivery: Delivery) -> Exit:
    from mlci.adapters.datasets import open_engine
    from mlci.cli.data_contract import contracts_of
    from mlci.cli.data_given import database, engine_name, given

    own, config = invocation.own, decided.config
    folder = folder_of(own["config"])
    contracts = contracts_of(invocation, decided, forge)
    at_hand = forge is None or forge.run.event == LOCAL
    with _cache(folder, at_hand=at_hand) as cache, _spill(folder) as spill:
        datasets = given(config, own["config"], invocation.environ, cache)
        with closing(
            open_engine(engine_name(config), memory=config.data.memory, folder=spill, **database(config))
        ) as engine:
            desk = Desk(invocation=invocation, decided=decided, contracts=contracts, datasets=datasets, engine=engine)
            result = desk.judged()
            _quarantine(own.get("quarantine"), desk, result, delivery)
        for dataset in datasets:
            dataset.require_same(cache)
    files.write(own["evidence"], result.evidence)
    since = result.since
    outputs = {
        "evidence": result.report.evidence["data"],
        "digest": result.datasets[0].identity.digest,
        "changed": "" if since is None else "false" if since.same else "true",
        "new-rows": str(since.new_rows) if since is not None and since.new_rows is not None else "",
    }
    delivery.deliver(result.report, outputs)
    return _EXITS[result.report.verdict]


@contextmanager
def _cache(folder: Path, *, at_hand: bool) -> Iterator[str]:
    """Digests that this run may remember: on a machine of one's own for the next run, in a pipeline for itself alone.

    A runner that keeps its disk is handed from change to change, so that what lies there is anybody's.
    """
    if at_hand:
        yield str(folder / STATE / "cache" / "digests.sqlite")
        return
    with tempfile.TemporaryDirectory(prefix="mlci-digests-") as own:
        yield str(Path(own, "digests.sqlite"))


@contextmanager
def _spill(folder: Path) -> Iterator[str]:
    """Where an engine may put what does not fit into memory: beside the data, where there is room for such."""
    state = folder / STATE
    try:
        state.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".spill-", dir=state, ignore_cleanup_errors=True) as own:
            yield own
    except OSError as error:
        raise NotWritable(f"cannot write in {state}: {error.strerror or error}", place=Place(str(state))) from error


def _quarantine(path: str | None, desk: Desk, result: Result, delivery: Delivery) -> None:
    """Write the rows of the training data that break rules; none are written where none do."""
    contract, train = desk.contracts.deciding.get("train"), desk.train
    if path is None or contract is None or train is None:
        return
    broken = {one.rule for one in result.datasets[0].rules if one.outcome == "fail" and one.unexpected}
    rules = [rule for rule in contract.rules if rule.id in broken]
    if rules:
        rows = desk.engine.quarantine(train, rules, path)
        written = (
            f"{several(rows, 'row that breaks', 'rows that break')} a rule {'was' if rows == 1 else 'were'} written"
        )
        delivery.say("notice", f"{written} to {one_line(path)}")

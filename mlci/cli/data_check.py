"""``mlci data-check``: find the data, their contract and what they are compared with; judge, record, deliver."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.adapters.disk import files
from mlci.cli.delivery import EXITS, delivery_of, unjudged
from mlci.cli.forge import forge_of, said_by_plan
from mlci.cli.policy import decide
from mlci.cli.training import STATE, folder_of
from mlci.domain.verdict import Verdict
from mlci.errors import Exit, MlciError, Place, RequiredMissing

if TYPE_CHECKING:
    from mlci.cli.delivery import Delivery
    from mlci.cli.invocation import Invocation
    from mlci.config.model import Config

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
        return _checked(invocation, decide(invocation, forge).config, delivery)
    except MlciError as error:
        if error.exit in _SHOWN:
            model = invocation.resolved.config.model
            delivery.deliver(unjudged("data-check", error, model, environ=invocation.environ), {})
        raise


def _checked(invocation: Invocation, config: Config, delivery: Delivery) -> Exit:
    from mlci.adapters.datasets import open_engine
    from mlci.adapters.disk.content import digest_of
    from mlci.domain.dataset.evidence import DatasetVersion, Identity
    from mlci.domain.inputs import digest_of_values
    from mlci.ports import DataSource
    from mlci.steps import data_check
    from mlci.steps.checking import Material

    own, folder = invocation.own, folder_of(invocation.own["config"])
    named = config.data.train.path
    if named is None:
        raise RequiredMissing("data.train is not set", place=Place("mlci.yml"), help="name the training data")
    place = str(folder / named)
    digest = digest_of(place)
    with closing(open_engine("duckdb", memory=config.data.memory, folder=str(folder / STATE / "spill"))) as engine:
        train = engine.open(DataSource(role="train", name=named, path=place), {})
        identity = Identity(
            name=named, digest=digest, size=Path(place).stat().st_size, files=1, rows=train.rows,
            version=DatasetVersion(system="content", id=digest),
        )  # fmt: skip
        material = Material(
            engine=engine, train=train, holdout=None, reference=None, settings=config.data,
            target=config.evaluate.target, id=config.evaluate.id,
        )  # fmt: skip
        report, evidence = data_check.run(
            material, data_check.Given(identity=identity, contract=None), None, model=config.model,
            policy=digest_of_values({}),
        )  # fmt: skip
    files.write(own["evidence"], evidence)
    delivery.deliver(report, {"evidence": report.evidence["data"], "digest": digest})
    return _EXITS[report.verdict]

"""``mlci data-profile``: look at a dataset and draft the contract that it meets today."""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlci.adapters.disk import files
from mlci.config.quote import one_line, printable
from mlci.errors import Exit, Place, RequiredMissing, UsageError
from mlci.surface.pin import OWNER_AND_NAME, PIN

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.domain.dataset.contract import Contract

SCHEMA = f"https://raw.githubusercontent.com/{OWNER_AND_NAME}/{PIN.sha}/docs/reference/contract.schema.json"


def run(invocation: Invocation) -> Exit:
    """Draft a contract, or write one out in the other form."""
    own = invocation.own
    output = own["output"]
    if output is not None:
        _require_free(output, force=invocation.wants("force"))
    text = _written_out(own["from_contract"], own["as"]) if own["from_contract"] else _drafted(invocation)
    if output is None:
        click.echo(text, nl=False)
        return Exit.PASS
    files.write(output, text.encode())
    click.echo(f"wrote {one_line(output)}: read it, and tighten what you know better")
    return Exit.PASS


def _require_free(path: str, *, force: bool) -> None:
    if not force and Path(path).exists():
        shown = one_line(path)
        raise UsageError(f"{shown} is there already", place=Place(shown), help="--force replaces it")


def _drafted(invocation: Invocation) -> str:
    from mlci.adapters.datasets import open_engine
    from mlci.cli.data_given import database, engine_name
    from mlci.cli.training import folder_of
    from mlci.ports import DataSource
    from mlci.steps import data_profile

    own, config = invocation.own, invocation.resolved.config
    train = config.data.train
    if train.path is None and train.database is None:
        raise RequiredMissing(
            "no data are named", place=Place("--data"), help="name a file with --data, or data.train in mlci.yml"
        )
    place = str(folder_of(own["config"]) / train.path) if train.path is not None else None
    name = one_line(train.path) if train.path is not None else "the query data.train.query"
    source = DataSource(role="train", name=name, path=place, database=train.database, query=train.query)
    if place is not None:
        source = DataSource(role="train", name=name, path=place)
    with (
        tempfile.TemporaryDirectory(prefix="mlci-profile-", ignore_cleanup_errors=True) as spill,
        closing(
            open_engine(engine_name(config), memory=config.data.memory, folder=spill, **database(config))
        ) as engine,
    ):
        text = data_profile.run(engine, engine.open(source, {}), SCHEMA)
    return text if own["as"] == "contract" else _as_suite(text, name)


def _as_suite(text: str, name: str) -> str:
    from mlci.config.contract import read_contract

    return _json(read_contract(text.encode(), name), Path(name).stem or "data")


def _json(contract: Contract, name: str) -> str:
    from mlci.domain.dataset.suite import suite_of

    return json.dumps(suite_of(contract, name), indent=2, ensure_ascii=False) + "\n"


def _written_out(path: str, form: str) -> str:
    """A contract as a suite, or a suite as a contract.

    Raises:
        UsageError: something of it has no counterpart.
    """
    from mlci.config.contract import load
    from mlci.domain.dataset.contract_text import as_file, is_expressible

    contract = load(path)
    if form == "gx":
        return _json(contract, Path(path).stem)
    lost = [rule.id for rule in contract.rules if not is_expressible(rule)]
    if lost:
        named = ", ".join(printable(one) for one in lost[:5])
        raise UsageError(
            f"{one_line(path)} asks for {len(lost)} things that a contract has no words for: {named}",
            place=Place(one_line(path)),
            help="data-check takes the suite as it is",
        )
    return as_file(contract, SCHEMA)

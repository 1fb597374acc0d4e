"""Which version mlci serve follows: the alias, or what the ledger says where the registry has no aliases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from recorded import ALICE, Writer

from mlci.cli import ledger as cli_ledger
from mlci.cli import serve
from mlci.cli.training import Order
from mlci.config.load import load
from mlci.config.resolve import resolve
from mlci.domain.release.ledger import Decision, Pointed
from mlci.errors import RegistryBroken, RequiredMissing, ServiceFailed
from mlci.ports import Entry
from mlci.testing.ledger import MemoryLedger
from mlci.testing.registry import MemoryRegistry

MODEL = "late-trips"


@pytest.fixture(name="registry")
def _registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryRegistry:
    registry = MemoryRegistry(has_aliases=False)
    (tmp_path / "entry").mkdir()
    for digest in ("a", "b"):
        entry = Entry(
            digest=digest * 64, folder=str(tmp_path / "entry"), tags={}, params={}, metrics={}, description=""
        )  # fmt: skip
        registry.register(MODEL, entry)
    monkeypatch.setattr("mlci.adapters.mlflow.open_registry", lambda *_, **__: registry)
    return registry


@pytest.fixture(name="writer")
def _writer(monkeypatch: pytest.MonkeyPatch) -> Writer:
    ledger = MemoryLedger()
    monkeypatch.setattr(cli_ledger, "ledger_of", lambda *_: ledger)
    return Writer(ledger)


def following(tmp_path: Path, text: str = f"model: {MODEL}\n") -> Any:
    file = tmp_path / "mlci.yml"
    file.write_text(text)
    config = resolve(load(str(file), {}, required=True), []).config
    return serve._Registry(Order(config=config, file=str(file), environ={}, profile=None, run=None))


def decided(writer: Writer, number: str, digest: str) -> None:
    target = Pointed(version=number, artifact=digest * 64)
    writer.add(Decision(action="adopt", stage="production", target=target, reason="a test", actor=ALICE))


def test_an_alias_is_followed_where_there_are_some(tmp_path: Path, registry: MemoryRegistry) -> None:
    registry.has_aliases = True
    followed = following(tmp_path)
    assert followed.pointed("production") is None
    version = registry.numbered(MODEL, "2")
    assert version is not None
    registry.point(version, "production")
    assert followed.pointed("production").number == "2"


def test_without_aliases_the_ledger_says_it(tmp_path: Path, registry: MemoryRegistry, writer: Writer) -> None:
    followed = following(tmp_path)
    assert followed.pointed("production") is None
    decided(writer, "2", "b")
    assert followed.pointed("production").number == "2"
    assert followed.pointed("staging") is None


@pytest.mark.parametrize(("number", "digest"), [("2", "a"), ("9", "b")])
def test_a_registry_that_holds_something_else_than_the_ledger_says_is_not_followed(
    tmp_path: Path, registry: MemoryRegistry, writer: Writer, number: str, digest: str
) -> None:
    decided(writer, number, digest)
    with pytest.raises(RegistryBroken, match="is not what the ledger says it is"):
        following(tmp_path).pointed("production")


def test_a_registry_that_failed_is_opened_anew(
    tmp_path: Path, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed, opened = following(tmp_path), []
    registry.has_aliases = True
    monkeypatch.setattr("mlci.adapters.mlflow.open_registry", lambda *_, **__: opened.append(1) or registry)
    registry.error = ServiceFailed("no answer")
    with pytest.raises(ServiceFailed):
        followed.pointed("production")
    assert opened == [1]
    registry.error = None
    assert followed.pointed("production") is None
    assert opened == [1]


def test_a_model_without_a_name_is_said_at_once(tmp_path: Path, registry: MemoryRegistry) -> None:
    with pytest.raises(RequiredMissing, match="model is not set"):
        following(tmp_path, "train: python train.py\n")

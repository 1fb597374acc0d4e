"""``mlci verify``: replay the record offline, and say which proofs held."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.adapters.evidence.record import LedgerRecord
from mlci.cli.delivery import delivery_of
from mlci.cli.forge import forge_of
from mlci.cli.history import model_of
from mlci.cli.ledger import ledger_of
from mlci.cli.sides import given
from mlci.config.quote import quote
from mlci.domain.verdict import Verdict
from mlci.errors import Exit, ExtraMissing, MlciError, Place, UsageError

if TYPE_CHECKING:
    from mlci.cli.invocation import Invocation
    from mlci.ports import Registry
    from mlci.steps.verify import Signatures

_EXITS = {
    Verdict.PASS: Exit.PASS,
    Verdict.WARN: Exit.PASS,
    Verdict.INCONCLUSIVE: Exit.UNDECIDED,
    Verdict.FAIL: Exit.INTEGRITY,
}
_HEAD = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


def run(invocation: Invocation) -> Exit:
    """Read everything, change nothing, and report."""
    _require_numpy()
    from mlci.adapters.models.shelved import RegistryShelf
    from mlci.steps import verify

    own, head = invocation.own, _head(invocation.own["head"])
    delivery = delivery_of(invocation)
    ledger = ledger_of(forge_of(invocation.environ), invocation.environ, own["config"])
    model = model_of(invocation, ledger)
    registry, unasked = _registry(invocation)
    with tempfile.TemporaryDirectory(prefix="mlci-verify-", ignore_cleanup_errors=True) as folder:
        report = verify.run(
            verify.World(
                record=LedgerRecord(ledger, model),
                shelf=RegistryShelf(registry, model, folder) if registry is not None else None,
                unasked=unasked,
                open=given,
                signatures=_signatures(invocation),
                head=head,
            )
        )
    delivery.deliver(report, {})
    return _EXITS[report.verdict]


def _require_numpy() -> None:
    try:
        import numpy  # noqa: F401 - asked for here so that its absence is one clear error
    except ImportError as error:
        raise ExtraMissing("replaying verdicts needs numpy", help='pip install "mlci[gate]"') from error


def _head(given: str | None) -> str | None:
    """The digest that somebody remembers.

    Raises:
        UsageError: it is none.
    """
    if given is None:
        return None
    found = _HEAD.fullmatch(given.strip().lower())
    if found is None:
        raise UsageError(
            f"--head must be the sha256 of an entry, got {quote(given)}",
            place=Place("--head"),
            help="a deployment of the forge names it whole, and so does mlci history --format json",
        )
    return found[1]


def _registry(invocation: Invocation) -> tuple[Registry | None, str]:
    """The registry, or why it is not asked."""
    if not invocation.wants("registry"):
        return None, "the registry was not to be asked (--registry false)"
    from mlci.adapters.mlflow import open_registry

    folder = str(Path(invocation.own["config"]).absolute().parent)
    uri = invocation.resolved.config.registry.uri
    try:
        return open_registry(uri, invocation.environ, folder=folder, writing=False), ""
    except MlciError as error:
        return None, f"the registry cannot be asked: {error.cause}"


def _signatures(invocation: Invocation) -> Signatures:
    """How signatures are checked, by the keys that the configuration names."""
    from mlci.adapters.evidence.signed import read_keys, signed_by
    from mlci.steps.verify import Signatures

    folder = Path(invocation.own["config"]).parent
    keys = read_keys([str(folder / name) for name in invocation.resolved.config.promote.signers])

    def check(content: bytes, beside: tuple[bytes, ...]) -> tuple[str | None, str]:
        found = signed_by(content, beside, keys)
        return found.by, found.why or ""

    return Signatures(check=check, required=bool(keys))

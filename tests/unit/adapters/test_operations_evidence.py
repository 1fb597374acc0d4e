"""How two models run, as a stranger says it: read back as it was written, and refused where it cannot be."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mlci import REPOSITORY
from mlci.adapters.evidence.gate import read_gate
from mlci.domain.evidence import GatePredicate, statement
from mlci.domain.operation import Block, Footprint, Operations, Timings
from mlci.domain.report import Subject
from mlci.domain.verdict import Verdict
from mlci.errors import ArtifactRefused

BLOCK = Block(candidate=(10, 20), production=(11, 21))
TIMINGS = Timings(blocks=(BLOCK, BLOCK), interleaved=True)
TRUE = Operations(
    candidate=Footprint(size=10, memory=(5, 6)), production=Footprint(size=11), timings=TIMINGS, hardware="T4"
)


def read(operations: Operations) -> Operations | None:
    subject = Subject(name="candidate.csv", digest="ab" * 32)
    predicate = GatePredicate(
        candidate=subject, baseline=subject, policy_digest="ef" * 32, policy={}, verdict=Verdict.PASS, reason="fine",
        findings=(), statistics=(), mlci="1.0.0", operations=operations,
    )  # fmt: skip
    written = json.dumps(statement(REPOSITORY, "gate", subject, predicate)).encode()
    return read_gate(written, "gate.json").operations


def timed(**changes: Any) -> Operations:
    return replace(TRUE, timings=replace(TIMINGS, **changes))


@pytest.mark.parametrize("operations", [TRUE, Operations(lacking="command"), Operations(candidate=Footprint(size=1))])
def test_what_was_measured_is_read_back(operations: Operations) -> None:
    assert read(operations) == operations


@pytest.mark.parametrize(
    ("operations", "cause"),
    [
        (replace(TRUE, hardware="x" * 401), "more than 400 characters"),
        (replace(TRUE, candidate=Footprint(size=0)), "size of a model"),
        (replace(TRUE, production=Footprint(size=1, memory=(-1,))), "size of a model"),
        (replace(TRUE, production=Footprint(size=1, memory=(1,) * 101)), "more than 100 times"),
        (timed(blocks=()), "without a call"),
        (timed(blocks=(BLOCK, Block(candidate=()))), "without a call"),
        (timed(batch=0), "more calls"),
        (timed(blocks=(Block(candidate=(1,) * 20_001),)), "more calls"),
        (timed(blocks=(Block(candidate=(1,)),) * 1001), "more calls"),
        (timed(blocks=(BLOCK, replace(BLOCK, production=()))), "no partner"),
        (timed(blocks=(replace(BLOCK, production=(1,)),)), "no partner"),
        (timed(blocks=(replace(BLOCK, candidate=(0, 1)),)), "time of a call"),
        (timed(blocks=(replace(BLOCK, production=(1, 10**14)),)), "time of a call"),
    ],
)
def test_what_cannot_have_been_measured_is_refused(operations: Operations, cause: str) -> None:
    with pytest.raises(ArtifactRefused, match=cause):
        read(operations)

"""How the candidate and production run on this machine: calls in turns, memory, size, and which machine that is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from mlci.adapters.scoring import Asked, HoldoutFile, Interpreter
from mlci.adapters.scoring.survey import hardware
from mlci.adapters.scoring.timing import Called, Plan, Seat, Uncalled, call
from mlci.domain.operation import Block, Footprint, Lacking, Operations, Timings
from mlci.domain.training import Payload
from mlci.ports import Operated, Unscored

Say = Callable[[str], None]

# Production, opened on this machine for as long as the context lasts; None where there is none.
Opened = AbstractContextManager["Seat | Unscored | None"]


@dataclass(frozen=True, kw_only=True)
class Rig:
    """What models are run with.

    Attributes:
        interpreter: the candidate's.
        holdout: the examples that calls are made with.
        asked: how a model is asked.
        plan: how often it is called; without starts nothing is run, and only files are counted.
        production: opens production.
    """

    interpreter: Interpreter
    holdout: HoldoutFile
    asked: Asked
    plan: Plan
    production: Callable[[], Opened]


def operate(payload: Payload, rig: Rig, say: Say) -> Operated:
    """Measure both; what cannot be measured is no error, and said.

    Raises:
        RegistryBroken, ModelAltered: the registry does not hold what was registered.
        ServiceFailed, ServiceRefused: it does not answer.
    """
    mine = Footprint(size=_size(payload))
    with rig.production() as opened:
        if isinstance(opened, Unscored):
            return _without(mine, "production", opened.why, None)
        theirs = None if opened is None else Footprint(size=_size(opened.payload))
        digest = None if opened is None else opened.payload.digest
        if not rig.plan.starts:
            return Operated(operations=Operations(candidate=mine, production=theirs), production=digest)
        if rig.asked.command is not None or payload.format == "command":
            return _without(mine, "command", "a command of your own scores it", theirs, digest)
        seats = (Seat(payload=payload, interpreter=rig.interpreter), *(() if opened is None else (opened,)))
        say("calling the candidate" + ("" if opened is None else " and production in turns"))
        try:
            called = call(seats, rig.holdout, rig.asked, rig.plan, say)
        except Uncalled as failed:
            whose: Lacking = "production" if failed.model == 1 else "candidate"
            return _without(mine, whose, failed.why, theirs, digest)
    sizes = [mine, *([] if theirs is None else [theirs])]
    feet = [Footprint(size=foot.size, memory=memory) for foot, memory in zip(sizes, called.memory, strict=True)]
    operations = Operations(
        candidate=feet[0],
        production=feet[1] if len(feet) > 1 else None,
        timings=timings(called, rig.plan.batch),
        hardware=machine(),
    )
    return Operated(operations=operations, production=digest)


def _without(
    mine: Footprint, lacking: Lacking, why: str, theirs: Footprint | None, production: str | None = None
) -> Operated:
    operations = Operations(candidate=mine, production=theirs, hardware=machine(), lacking=lacking)
    return Operated(operations=operations, production=production, why=why)


def _size(payload: Payload) -> int:
    return sum(file.size for file in payload.files)


def timings(called: Called, batch: int) -> Timings | None:
    """Calls in the order they were made, the pairs of one start as one block; None where there are none."""
    blocks = tuple(
        Block(candidate=calls[0], production=calls[1] if len(calls) > 1 else ()) for calls in called.times if calls[0]
    )
    return Timings(blocks=blocks, interleaved=True, batch=batch) if blocks else None


def machine() -> str:
    """This machine in one line: processor, cores that may be used, accelerators."""
    facts = hardware()
    cores = facts.get("usable cores") or facts["cores"]
    devices = [value.split(",")[0] for name, value in facts.items() if name.startswith("accelerator")]
    counted = [f"{devices.count(one)} × {one}" if devices.count(one) > 1 else one for one in dict.fromkeys(devices)]
    parts = [facts["processor"], f"{cores} core{'' if cores == '1' else 's'}", *counted]
    return ", ".join(" ".join(part.replace(",", " ").split()) for part in parts)

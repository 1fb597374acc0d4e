"""How the candidate runs beside production: what policy asks to be measured, and on which models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from mlci.cli.training import PRODUCTION, Order
from mlci.config.policy import gate_policy
from mlci.domain.metric import metric_named
from mlci.domain.operation import Operations, rules_of

if TYPE_CHECKING:
    from mlci.adapters.models.production import Bench
    from mlci.adapters.scoring import Asked, HoldoutFile
    from mlci.adapters.scoring.timing import Plan, Seat
    from mlci.config.model import Config
    from mlci.domain.operation import Handed
    from mlci.ports import Candidate, Operated, Registry, Unscored
    from mlci.steps.gate_compare import Given

# Memory differs a little from start to start, and the range of these is judged where calls need no more of them.
_STARTS_FOR_MEMORY = 3


def plan_of(config: Config) -> Plan | None:
    """What is to be measured; None where policy asks for nothing that runs, and each costs time."""
    from mlci.adapters.scoring.timing import Plan

    asked = [metric_named(rule.metric) for rule in rules_of(gate_policy(config))]
    if not asked:
        return None
    timing, is_timed = config.validation.timing, any(metric.is_timed for metric in asked)
    holds_memory = any(metric.name == "memory_mb" for metric in asked)
    return Plan(
        pairs=timing.pairs if is_timed else 0,
        batch=timing.batch,
        budget=timing.budget.seconds,
        starts=timing.starts if is_timed else _STARTS_FOR_MEMORY if holds_memory else 0,
    )


def running(
    candidate: Given, handed: Handed | None, baseline: Given | None, latency: str | None, config: Config
) -> Given:
    """The candidate with how it runs: as model-ci measured it beside this very production, and as a file says.

    Args:
        candidate: what is judged.
        handed: what model-ci left, where it measured.
        baseline: production; None where there is none.
        latency: path of a file of calls, whose times go before those of model-ci; on which machine is not known.
        config: says how many examples a call of that file has.

    Raises:
        FileMissing, Unreadable, ColumnMissing, BadValue, NoExamples: what is wrong with the file.
    """
    known: Operations | None = None
    if handed is not None:
        known = handed.operations if baseline is None else handed.against(baseline.artifact)
    if latency is not None:
        from mlci.adapters.latency import read_latency

        timings = read_latency(latency, config.validation.timing.batch)
        known = replace(known or Operations(), timings=timings, hardware=None)
    return replace(candidate, operations=known)


def operated(
    order: Order,
    registry: Registry,
    candidate: Candidate,
    holdout: HoldoutFile,
    asked: Asked,
    bench: Bench,
    say: Callable[[str], None],
) -> Operated | None:
    """Let the candidate run, in turns with production where there is one; a training profile is not measured."""
    plan = plan_of(order.config)
    if plan is None or order.profile is not None:
        return None
    from mlci.adapters.models.operating import Rig, operate
    from mlci.adapters.models.production import opened

    @contextmanager
    def production() -> Iterator[Seat | Unscored | None]:
        version = registry.aliased(order.model, PRODUCTION) if registry.has_aliases else None
        if version is None:
            yield None
            return
        with opened(version, registry, holdout, asked, bench, say) as seat:
            yield seat

    rig = Rig(interpreter=bench.interpreter, holdout=holdout, asked=asked, plan=plan, production=production)
    found = operate(candidate.payload, rig, say)
    if registry.has_aliases or found.operations.lacking is not None or not gate_policy(order.config).compare:
        return found
    return replace(found, operations=replace(found.operations, lacking="unknown-production"))

"""``mlci code-ci``: find the checks, run them side by side, deliver what they said."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlci.cli.code_bench import PROCESSORS, Bench
from mlci.cli.delivery import EXITS, delivery_of, unjudged
from mlci.cli.forge import forge_of
from mlci.cli.policy import decide
from mlci.cli.redact import redact
from mlci.cli.training import STATE, folder_of
from mlci.config.consistency import RESERVED
from mlci.config.quote import nearest, printable
from mlci.domain.checks import Check, Ran
from mlci.domain.ownership import gate_changed
from mlci.errors import Exit, FileMissing, MlciError, NotWritable, Place, UsageError
from mlci.render.escape import log_line

if TYPE_CHECKING:
    from mlci.adapters.checks.side_by_side import Ended, Job
    from mlci.cli.delivery import Delivery
    from mlci.cli.invocation import Invocation
    from mlci.cli.policy import Decided
    from mlci.config.model import Config

# Errors after which a report of the error is written, as after any other of this run's results.
_SHOWN = (Exit.UNDECIDED, Exit.SERVICE)
_PYTEST = re.compile(r"(?:^|[\s/;&|=(])(?:pytest|py\.test)(?![\w.-])")


def run(invocation: Invocation) -> Exit:
    """Run the checks; the exit is that of the verdict."""
    delivery = delivery_of(invocation)
    forge = forge_of(invocation.environ, None, invocation.own["config"])
    try:
        return _checked(invocation, decide(invocation, forge), delivery)
    except MlciError as error:
        if error.exit in _SHOWN:
            model = invocation.resolved.config.model
            delivery.deliver(unjudged("code-ci", error, model, environ=invocation.environ), _outputs(None, 0.0, []))
        raise


def _checked(invocation: Invocation, decided: Decided, delivery: Delivery) -> Exit:
    from mlci.adapters.checks import side_by_side
    from mlci.cli import code_scans, code_smoke
    from mlci.steps import code_ci

    bench = _bench(invocation, decided.config)
    checks = _checks(bench)
    smoke = code_smoke.prepared(bench)
    scans = code_scans.prepared(bench)
    _refuse_unknown(bench, [one.name for one in checks])
    jobs = [_job(bench, one) for one in checks if one.absent is None]
    jobs += [smoke.job] if smoke is not None else []
    settings = decided.config.code
    at_once = settings.jobs or _processors()
    started = time.monotonic()
    ended = side_by_side.run(
        [*jobs, *scans.jobs],
        at_once=at_once,
        budget=settings.budget.seconds,
        environ=invocation.environ,
        say=lambda line: click.echo(log_line(line), err=True),
    )
    wall = time.monotonic() - started
    by_name = {one.job.name: one for one in ended}
    ran = [_ran(bench, one, by_name.get(one.name)) for one in checks]
    ran += [smoke.ran(by_name["smoke"])] if smoke is not None else []
    timing = code_ci.Timing(budget=settings.budget.seconds, wall=wall, jobs=min(at_once, max(1, len(by_name))))
    changed = [one for one in decided.changed if one.key.startswith("code.")]
    notes = [*decided.notes, *([gate_changed(changed, None)] if changed else [])]
    report = code_ci.run(
        ran, scans.results(by_name), timing, model=invocation.resolved.config.model, notes=notes
    )  # fmt: skip
    shutil.rmtree(bench.work, ignore_errors=True)
    slowest = code_ci.slowest(ran)
    delivery.deliver(report, _outputs(slowest, wall, code_ci.failed(ran, report)))
    return EXITS[report.verdict]


def _processors() -> int:
    """How many this process may use, where the system says so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _outputs(slowest: Ran | None, seconds: float, failed: Sequence[str]) -> dict[str, str]:
    return {
        "failed": ",".join(failed),
        "slowest": slowest.check.name if slowest is not None else "",
        "seconds": f"{seconds:.1f}",
    }


def _bench(invocation: Invocation, config: Config) -> Bench:
    from mlci.adapters.git.repository import Repository
    from mlci.adapters.process.surroundings import interpreter, surroundings

    own, environ = invocation.own, invocation.environ
    folder = folder_of(own["config"])
    repository = Repository.find(str(folder), environ)
    named = config.train.python
    python = interpreter(named, environ, str(folder)) if "/" in named else named
    only = own.get("only") or ""
    bench = Bench(
        config=config,
        file=own["config"],
        environ=environ,
        child=surroundings(environ, python=python, extra=PROCESSORS),
        folder=folder,
        top=repository.top if repository is not None else str(folder),
        work=folder / STATE / "work" / "code-ci",
        logs=Path(own["report"]).with_suffix("").absolute(),
        only=tuple(dict.fromkeys(word for word in re.split(r"[\s,]+", only) if word)),
    )
    _empty(bench)
    return bench


def _empty(bench: Bench) -> None:
    """A place to work in, and none of an earlier run's logs.

    Raises:
        NotWritable: it cannot be made.
    """
    try:
        shutil.rmtree(bench.work, ignore_errors=True)
        bench.work.mkdir(parents=True, exist_ok=True)
        for log in bench.logs.glob("*.log"):
            log.unlink()
    except OSError as error:
        cause = f"cannot write in {bench.work}: {error.strerror or error}"
        raise NotWritable(cause, place=Place(str(bench.work))) from error


def _checks(bench: Bench) -> list[Check]:
    """Those that are configured, else those that are found; only those that were asked for."""
    named = bench.config.code.checks
    if named:
        checks = [Check(name=name, kind="command", command=command) for name, command in named.items()]
    else:
        checks = _found(bench)
    return [one for one in checks if bench.wants(one.name)] if not _unknown(bench, checks) else checks


def _found(bench: Bench) -> list[Check]:
    from mlci.adapters.checks.discovered import Setup, discovered
    from mlci.adapters.process.surroundings import interpreter

    try:
        python = interpreter(bench.config.train.python, bench.environ, str(bench.folder))
    except FileMissing:
        # Tools that are programs of their own can be run all the same.
        python = bench.config.train.python
    return discovered(Setup(folder=str(bench.folder), top=bench.top, python=python, environ=bench.child))


def _unknown(bench: Bench, checks: Sequence[Check]) -> list[str]:
    return [name for name in bench.only if name not in {*RESERVED, *(one.name for one in checks)}]


def _refuse_unknown(bench: Bench, names: Sequence[str]) -> None:
    known = [*names, *RESERVED]
    for name in bench.only:
        if name not in known:
            raise UsageError(
                f"there is no check {printable(name)[:80]}",
                place=Place("--only"),
                help=nearest(name, known) or f"there are: {', '.join(known)}",
            )


def _job(bench: Bench, check: Check) -> Job:
    from mlci.adapters.checks.side_by_side import Job
    from mlci.adapters.oneline import one_line

    environ = dict(bench.child)
    tested = _PYTEST.search(check.command) is not None
    if tested and "no:junitxml" not in check.command:
        bench.tests[check.name] = str(bench.work / f"{check.name}.xml")
        # The older form says in which file and line a test is; what the command itself says comes later and wins.
        more = f"--junitxml={shlex.quote(bench.tests[check.name])} -o junit_family=xunit1"
        environ["PYTEST_ADDOPTS"] = f"{environ.get('PYTEST_ADDOPTS', '')} {more}".strip()
    return Job(
        name=check.name,
        argv=("/bin/sh", "-c", check.command),
        cwd=str(bench.folder),
        environ=environ,
        log=bench.log(check.name),
        title=f"{check.name} ({one_line(check.command, 200)})",
        tested=tested,
    )


def _ran(bench: Bench, check: Check, ended: Ended | None) -> Ran:
    from mlci.adapters.checks import readings
    from mlci.adapters.checks.diagnostics import Places

    if ended is None:
        return Ran(check=check, how="absent", said="")
    places = Places(folder=str(bench.folder), top=bench.top)
    ran = readings.read(
        check, ended, places, bench.tests.get(check.name), lambda text: redact(text, bench.environ)
    )  # fmt: skip
    return replace(ran, log=os.path.relpath(ran.log) if ran.log is not None else None)

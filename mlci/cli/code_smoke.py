"""Smoke training of code-ci: the training command on a part of the data, to see that it runs; nothing is kept."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.cli.redact import redact
from mlci.cli.training import Order, recipe_of
from mlci.domain.checks import Check, Ran
from mlci.domain.figures import as_written
from mlci.errors import Contradiction, ModelMissing, Place, RequiredMissing, UsageError

if TYPE_CHECKING:
    from mlci.adapters.checks.side_by_side import Ended, Job
    from mlci.cli.code_bench import Bench


@dataclass(frozen=True, kw_only=True)
class Smoke:
    """A training run that is about to be made.

    Attributes:
        bench: what it is run with.
        check: what it is in the report.
        job: how it is started.
        output: the folder that it writes the model to.
        sample: share of the data that it is handed.
        prepared: when this was made, in nanoseconds since 1970; whatever it writes is newer.
    """

    bench: Bench
    check: Check
    job: Job
    output: Path
    sample: float
    prepared: int

    def ran(self, ended: Ended) -> Ran:
        """What it says: that it ran to its end and left a model, or why not."""
        from mlci.adapters.models.payload import find_payload
        from mlci.adapters.models.workshop import bring_in

        config = self.bench.config
        ran = Ran(
            check=self.check,
            how=ended.how,
            said=redact(ended.said, self.bench.environ),
            seconds=ended.seconds,
            lines=tuple(redact(line, self.bench.environ) for line in ended.lines),
            log=ended.job.log if ended.how != "waiting" else None,
        )
        if ended.how != "passed":
            return ran
        try:
            bring_in(self.bench.folder, self.output, config.train.model, self.prepared)
            find_payload(str(self.output), config.train.model, config.evaluate.command is not None)
        except ModelMissing as error:
            return replace(ran, how="failed", said="ended well, and left nothing to use", lines=(error.cause,))
        return replace(ran, said=f"passed on {as_written(self.sample, relative=True)} of the data")


def prepared(bench: Bench) -> Smoke | None:
    """The training run, where one is asked for.

    Raises:
        UsageError: there is no such profile.
        RequiredMissing: nothing says how the model is trained.
        Contradiction: the profile trains for real.
    """
    from mlci.adapters.checks.side_by_side import Job
    from mlci.cli.code_bench import PROCESSORS

    name = bench.config.code.smoke
    if name is None or not bench.wants("smoke"):
        return None
    train = bench.config.train
    if name not in train.profiles:
        known = ", ".join(train.profiles) or "none"
        raise UsageError(
            f"train.profiles has no {name[:60]!a}", place=Place("code.smoke"), help=f"there are: {known}"
        )  # fmt: skip
    profile = train.profiles[name]
    if profile.sample >= 1:
        raise Contradiction(
            f"code.smoke names the profile {name[:60]}, which trains on all of the data",
            place=Place("code.smoke"),
            help=f"set train.profiles.{name[:60]}.sample to a small share, such as 0.02",
        )
    if train.command is None:
        raise RequiredMissing("train is not set", place=Place("mlci.yml"), help="write the command that trains")
    work = bench.work / "smoke"
    order = Order(config=bench.config, file=bench.file, environ=bench.environ, profile=name, run=None)
    recipe, _ = recipe_of(order, work)
    output = work / "output"
    output.mkdir(parents=True)
    environ = {**recipe.environ, **PROCESSORS, **_no_registry(work), "MLCI_TRAIN_DEVICE": "cpu"}
    check = Check(name="smoke", kind="smoke", command=train.command)
    job = Job(
        name="smoke",
        argv=("/bin/sh", "-c", train.command),
        cwd=str(bench.folder),
        environ=environ,
        log=bench.log("smoke"),
        title=f"smoke training on {as_written(profile.sample, relative=True)} of the data",
        limit=recipe.timeout,
    )
    return Smoke(
        bench=bench, check=check, job=job, output=output, sample=profile.sample, prepared=time.time_ns()
    )  # fmt: skip


def _no_registry(work: Path) -> dict[str, str]:
    """A script that logs to MLflow by itself writes into a folder that is thrown away, and registers nothing."""
    place = (work / "mlruns").absolute().as_uri()
    return {"MLFLOW_TRACKING_URI": place, "MLFLOW_REGISTRY_URI": place, "MLFLOW_ALLOW_FILE_STORE": "true"}

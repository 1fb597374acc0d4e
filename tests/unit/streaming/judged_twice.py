"""One pair of files judged in memory and by an engine: the same verdict, the same counts, numbers all but the same."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from mlci.adapters.tables import open_table
from mlci.domain.policy import GatePolicy, MetricRule, ReadingPolicy, SlicePolicy, Tolerance
from mlci.domain.report import Subject
from mlci.errors import MlciError
from mlci.ports import Engine
from mlci.steps.gate_compare import Given, Outcome, run

Columns = Mapping[str, Sequence[Any]]
CLOSE = 1e-9
# What needs every example at once, and so is described of files in memory alone.
LEFT_OUT = {"changes"}


def written(folder: Path, name: str, columns: Columns, ending: str) -> str:
    """Columns as a file."""
    path = folder / f"{name}.{ending}"
    table = pa.table({name: pa.array(values, from_pandas=False) for name, values in columns.items()})
    if ending == "csv":
        pa.csv.write_csv(table, path)
    else:
        pq.write_table(table, path)
    return str(path)


def _outcome(work: Callable[[], Outcome]) -> Outcome | MlciError:
    try:
        return work()
    except MlciError as error:
        return error


def agree(folder: Path, engine: Engine, candidate: Columns, baseline: Columns, policy: GatePolicy, ending: str) -> Any:
    """Judge both ways and compare everything; returns the report of the engine, or the error that both are."""
    paths = [written(folder, name, of, ending) for name, of in (("candidate", candidate), ("production", baseline))]
    subjects = [Subject(name=path, digest="0" * 64) for path in paths]
    memory = _outcome(lambda: run(*(Given(s, table=open_table(s.name)) for s in subjects), policy))
    streamed = _outcome(lambda: run(*(Given(s, path=s.name) for s in subjects), policy, engine=engine))
    if isinstance(memory, MlciError) or isinstance(streamed, MlciError):
        assert (type(streamed), getattr(streamed, "cause", None)) == (type(memory), getattr(memory, "cause", None))
        return streamed
    mine, theirs = (json.loads(each.evidence)["predicate"] for each in (streamed, memory))
    # Nothing of the evidence is left out but the wording of findings, which follows from the numbers.
    for name in ("verdict", "reason", "examples", "evaluation_set", "assumptions", "undefined", "coverage"):
        assert mine.get(name) == theirs.get(name), name
    judged = [[(each["id"], each["verdict"], each.get("reason")) for each in one["findings"]] for one in (mine, theirs)]
    assert judged[0] == judged[1]
    for part in ("statistics", "measurements"):
        assert theirs.keys() - mine.keys() <= LEFT_OUT, theirs.keys() - mine.keys()
        assert len(mine[part]) == len(theirs[part])
        for one, other in zip(mine[part], theirs[part], strict=True):
            _same(one, other)
    return streamed.report


def _same(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert mine.keys() == theirs.keys()
    for name, one in mine.items():
        other = theirs[name]
        if isinstance(one, float) or isinstance(other, float):
            # A difference is as exact as the two values it is taken from.
            close = 1e-12 * max(1.0, abs(theirs.get("candidate", 0.0))) if name == "difference" else 1e-13
            assert math.isclose(one, other, rel_tol=CLOSE, abs_tol=close), (name, mine, theirs)
        else:
            assert one == other, (name, mine, theirs)


def classified(
    n: int, seed: int, *, decimals: int = 16, words: tuple[str, ...] = ("0", "1"), missing: int = 0
) -> Columns:
    """A classifier's predictions, with a slice column of four values and one that is missing."""
    holdout, random = np.random.default_rng(7), np.random.default_rng(seed)
    truth = holdout.integers(0, len(words), n)
    region = holdout.integers(0, 5, n)
    right = random.random(n) < 0.8
    labels = np.where(right, truth, random.integers(0, len(words), n))
    score = np.round(np.clip(random.beta(2 + 3 * (truth == 1), 3), 0.001, 0.999), decimals).tolist()
    for row in range(missing):
        score[row * 3] = None
    order = random.permutation(n)
    columns: dict[str, list[Any]] = {
        "id": [f"é{number:06}" for number in range(n)],
        "y_true": [words[code] for code in truth],
        "y_pred": [words[code] for code in labels],
        "region": [None if code == 4 else f"r{code}'\"\\" for code in region.tolist()],
        "cost": np.round(random.gamma(2, size=n), 3).tolist(),
    }
    if len(words) == 2:
        columns["y_score"] = score
    return {name: [values[row] for row in order] for name, values in columns.items()}


def valued(n: int, seed: int, *, level: float = 0.0) -> Columns:
    """A regression's predictions, with whole numbers as ids."""
    holdout, random = np.random.default_rng(8), np.random.default_rng(seed)
    truth = level + holdout.standard_normal(n)
    order = random.permutation(n)
    columns = {
        "id": list(range(n)),
        "y_true": truth.tolist(),
        "y_pred": (truth + 0.5 * random.standard_normal(n)).tolist(),
        "region": holdout.integers(0, 3, n).tolist(),
    }
    return {name: [values[row] for row in order] for name, values in columns.items()}


def asked(*metrics: str | MetricRule, slices: tuple[str, ...] = ("region",), **reading: Any) -> GatePolicy:
    """A policy with a tolerance that some findings meet and some do not."""
    return GatePolicy(
        rules=tuple(MetricRule(metric=each) if isinstance(each, str) else each for each in metrics),
        tolerance=Tolerance(0.02),
        slices=SlicePolicy(columns=slices),
        reading=ReadingPolicy(**reading),
    )

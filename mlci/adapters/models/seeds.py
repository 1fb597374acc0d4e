"""The part of a hand-over that holds models of further seeds: what each is, and what it says of the holdout."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

import rfc8785

from mlci.adapters.disk.folders import check_file, copy_checked, read_file
from mlci.adapters.evidence.statement import DIGEST, decoded
from mlci.domain.recipe import MOST_SEEDS, SeedRun, SeedRuns
from mlci.domain.report import plain
from mlci.domain.training import ModelPredicate
from mlci.errors import ArtifactRefused, ModelAltered, Place

SEEDS = "seeds.json"
_FILE = re.compile(r"seed-\d{1,10}\.(?:csv|parquet)")
_LARGEST = 1 << 20
_HELP = "run mlci model-ci again"


def is_seed(name: str) -> bool:
    """Whether a file of a hand-over is what a further seed's model says."""
    return _FILE.fullmatch(name) is not None


def seed_name(seed: int, path: str) -> str:
    """What the predictions of a further seed's model are called in a hand-over, by their ending."""
    return f"seed-{seed}.{path.rpartition('.')[2].lower()}"


def lay_seeds(root: Path, seeds: Sequence[tuple[SeedRun, str]]) -> None:
    """Lay the predictions of further seeds' models beside the candidate's.

    Raises:
        ModelAltered: predictions are no longer those that were digested.
    """
    for run, path in seeds:
        copy_checked(path, str(root / run.file.name), run.file.digest, f"the predictions of seed {run.seed}")
    if seeds:
        content = plain(SeedRuns(runs=tuple(run for run, _ in seeds)), exact=True)
        (root / SEEDS).write_bytes(rfc8785.dumps(content))


def read_seeds(root: Path, present: Collection[str], model: ModelPredicate) -> tuple[tuple[SeedRun, str], ...]:
    """Models of further seeds, each of the candidate's own holdout and way of scoring, with their predictions.

    Raises:
        ArtifactRefused: what is said of them is malformed, or predictions are missing.
        ModelAltered: predictions are not those that are named, or of another holdout.
    """
    if SEEDS not in present:
        return ()
    place = Place(str(root / SEEDS))
    content = read_file(str(root / SEEDS), _LARGEST)
    runs = decoded(content, SeedRuns, place, what="what is said of seeds", limit=_LARGEST, help=_HELP).runs
    if not 0 < len(runs) < MOST_SEEDS or len({run.seed for run in runs}) < len(runs):
        raise ArtifactRefused("there are too many seeds, none, or one twice", place=place, help=_HELP)
    mine = (model.predictions.holdout.digest, model.predictions.evaluator)
    for run in runs:
        digests = (run.artifact, run.key, run.file.digest)
        if not all(DIGEST.fullmatch(each) for each in digests) or run.file.name not in present:
            raise ArtifactRefused("a seed's digest is none, or its predictions are missing", place=place, help=_HELP)
        if (run.holdout, run.evaluator) != mine or not run.file.name.startswith(f"seed-{run.seed}."):
            raise ModelAltered("a seed's predictions are of another holdout", place=place, help=_HELP)
        check_file(str(root / run.file.name), run.file.digest, f"the predictions of seed {run.seed}")
    return tuple((run, str(root / run.file.name)) for run in runs)

"""What data evidence must say to be that of a model, or of the data that are about to be read."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.dataset.evidence import DataPredicate
from mlci.domain.training import ModelPredicate
from mlci.domain.verdict import Verdict


def wrong_data(model: ModelPredicate, data: DataPredicate) -> Iterator[str]:
    """Every reason why this is not the evidence of the data that a model was trained on, a clause each."""
    train = data.of("train")
    made = model.provenance.data
    digests = {model.inputs.data} | ({made.digest} if made is not None else set())
    if train is None or {train.identity.digest} != digests:
        yield "the evidence of the data is of other data than the model was trained on"
    if data.model is not None and data.model != model.model:
        yield "the evidence of the data is of another model's"


def not_passed(data: DataPredicate) -> str | None:
    """Why data evidence is no pass, as its one reason; None where it is one."""
    return None if data.verdict.rank <= Verdict.WARN.rank else f"{data.verdict.value}: {data.reason}"


def unchecked_holdout(model: ModelPredicate, data: DataPredicate) -> str | None:
    """Why the holdout that a model was scored on is not the one that was checked; None where it is.

    A holdout that nobody named to data-check was not checked for leaks either.
    """
    holdout = data.of("holdout")
    if holdout is None:
        return "no holdout was checked with its training data"
    if holdout.identity.digest != model.predictions.holdout.digest:
        return "it was scored on another holdout than was checked with its training data"
    return None

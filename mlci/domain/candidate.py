"""Findings about whose candidate is judged: what it was trained on, and what it was scored on."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.training import ModelPredicate
from mlci.domain.verdict import Verdict

_LONGEST = 80


def doubts(model: ModelPredicate, holdout: str | None, digests: tuple[str, ...]) -> Iterator[Finding]:
    """Why the numbers of a candidate do not count, by its evidence.

    Args:
        model: what its evidence says.
        holdout: the path that the configuration names; None where it names none.
        digests: sha256 of what lies there, in hexadecimal: one for each content that the file may stand for; none where
            it is not on this machine.
    """
    if model.provenance.profile is not None:
        yield _of_a_profile(model.provenance.profile)
    if holdout is not None and digests and model.predictions.holdout.digest not in digests:
        yield _elsewhere(holdout)
    data = model.provenance.data
    if data is not None and data.digest == model.predictions.holdout.digest:
        yield _seen(data.path)


def _of_a_profile(profile: str) -> Finding:
    return Finding(
        id="model:profile",
        rule="model",
        verdict=Verdict.INCONCLUSIVE,
        reason="profile",
        message=f"the candidate was trained by the profile {_shown(profile)}, on a part of the data",
        explanation=(
            "A profile shows that training works, not what the model is worth. "
            "Let model-ci train without --profile and judge what that leaves."
        ),
    )


def _elsewhere(holdout: str) -> Finding:
    return Finding(
        id="model:holdout",
        rule="model",
        verdict=Verdict.INCONCLUSIVE,
        reason="other-holdout",
        message=f"the candidate was scored on another holdout than {_shown(holdout)} as it is here",
        explanation=(
            "Its evidence names another content, so its numbers answer another question than the configuration asks. "
            "Let model-ci run again on this very commit, and let both steps see the same data."
        ),
    )


def _seen(data: str) -> Finding:
    return Finding(
        id="model:seen",
        rule="model",
        verdict=Verdict.INCONCLUSIVE,
        reason="leakage",
        message=f"the candidate was trained on what it is judged on: {_shown(data)} and the holdout are the same file",
        explanation=(
            "A model that has seen the answers says nothing of examples it has not seen. "
            "Name a holdout that training does not read."
        ),
    )


def _shown(text: str) -> str:
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return cut if cut.isprintable() else ascii(cut)

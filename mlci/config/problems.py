"""Problems that were collected, raised together."""

from __future__ import annotations

from collections.abc import Iterable

from mlci.errors import MlciError, SeveralErrors


def raise_all(problems: Iterable[MlciError]) -> None:
    """Raise every problem at once, in the order of their places; do nothing where there is none."""
    found = sorted(flat(problems), key=_position)
    if len(found) == 1:
        raise found[0]
    if found:
        raise SeveralErrors(found)


def flat(problems: Iterable[MlciError]) -> list[MlciError]:
    """The single problems behind errors that may be several."""
    single: list[MlciError] = []
    for problem in problems:
        single.extend(problem.problems if isinstance(problem, SeveralErrors) else [problem])
    return single


def _position(problem: MlciError) -> tuple[int, int]:
    place = problem.place
    return (place.line or 0, place.column or 0) if place else (0, 0)

"""Looks at holdouts, remembered as tags of the registered model: one tag for each look, none ever taken back.

Two jobs that add a look at once add two tags, and the same look twice is one tag, so nobody needs to keep others out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlci.domain.wear import SHORT, Look, Looks
from mlci.ports import Registry

_LOOK = re.compile(rf"mlci\.look\.(?P<set>[0-9a-f]{{64}})\.(?P<candidate>[0-9a-f]{{{SHORT}}})")
_PASSED = re.compile(r"mlci\.passed\.(?P<set>[0-9a-f]{64})")
# The artifacts that were counted. The last to write wins, and what it did not know of is fetched once more.
_READ = "mlci.looks.read"
# Characters that the registries hold in one tag.
_LONGEST = 4000


class RegistryLooks:
    """The memory of looks that belongs to a registered model."""

    def __init__(self, registry: Registry, model: str) -> None:
        """Nothing is asked yet."""
        self._registry = registry
        self._model = model

    def looks(self) -> Looks:
        """What is remembered, in the order it was counted; nothing where the model is not registered."""
        tags = self._registry.noted(self._model)
        named = [(_LOOK.fullmatch(name), _number(value), name) for name, value in tags.items()]
        found = sorted((number, name, match) for match, number, name in named if match is not None)
        looks = Looks(read=tuple(sorted(_numbers(tags.get(_READ, "")))))
        for _, _, match in found:
            looks = looks.seen([Look(evaluation_set=match["set"], candidate=match["candidate"])], match["set"])
        for name, value in tags.items():
            passed = _PASSED.fullmatch(name)
            if passed is not None and re.fullmatch(rf"[0-9a-f]{{{SHORT}}}", value):
                looks = looks.accepted(Look(evaluation_set=passed["set"], candidate=value))
        return looks

    def remember(self, looks: Looks, before: Looks) -> None:
        """Add what is new; tags that are there stay as they are."""
        self._registry.note(self._model, dict(_new(looks, before)))


def _new(looks: Looks, before: Looks) -> Iterator[tuple[str, str]]:
    for each in looks.sets:
        known = before.at(each.evaluation_set)
        for number, candidate in enumerate(each.candidates, each.earlier + 1):
            if candidate not in known.candidates:
                yield f"mlci.look.{each.evaluation_set}.{candidate}", str(number)
        if each.passed is not None and known.passed is None:
            yield f"mlci.passed.{each.evaluation_set}", each.passed
    if set(looks.read) - set(before.read):
        # The newest artifacts have the highest numbers.
        kept = [str(number) for number in sorted(looks.read, reverse=True)]
        while len(",".join(kept)) > _LONGEST:
            kept.pop()
        yield _READ, ",".join(kept)


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"\d{1,9}", text) else 0


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if re.fullmatch(r"\d{1,18}", part)]

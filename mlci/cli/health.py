"""What is known of a baseline, by where it comes from."""

from __future__ import annotations

import tempfile
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from mlci.domain import card
from mlci.domain.health import Health
from mlci.domain.verdict import Verdict
from mlci.errors import MlciError

if TYPE_CHECKING:
    from mlci.adapters.baselines import Chosen
    from mlci.cli.forge import Forge
    from mlci.cli.sides import Sides
    from mlci.domain.evidence import GatePredicate
    from mlci.ports import Registry, Version


def health_of(forge: Forge | None, chosen: Chosen | None, sides: Sides) -> tuple[Health | None, str | None]:
    """The health of the baseline, and the digest of the examples that it was judged on, as far as they are known.

    Of a file that somebody named nothing is known. Where that was done on a developer's machine, they know that
    themselves; in a pipeline the report says so.

    Args:
        forge: that this runs on.
        chosen: the baseline that earlier runs kept; None where there is none.
        sides: what is compared, and the registry.
    """
    if chosen is not None:
        from mlci.adapters.evidence.gate import read_gate

        return gated(read_gate(chosen.evidence, chosen.origin), chosen.memory.day)
    if sides.baseline is None:
        return None, None
    if sides.production is not None and sides.registry is not None:
        return _of_version(sides.registry, sides.production)
    return (Health(named=True), None) if forge is not None else (None, None)


def gated(predicate: GatePredicate, day: date | None) -> tuple[Health, str | None]:
    """The health of what was judged with this evidence, and the digest of the examples.

    Args:
        predicate: its evidence.
        day: on which it was accepted, where that is known.
    """
    health = Health(
        named=False,
        age=_age(day),
        verdict=predicate.verdict,
        policy=predicate.policy_digest,
        examples=predicate.examples,
    )
    return health, predicate.evaluation_set


def _of_version(registry: Registry, version: Version) -> tuple[Health, str | None]:
    """By the evidence that is kept with a version, else by what its tags say."""
    day = _day(version.tags.get(card.VERDICT_DAY))
    if card.VERDICT not in version.tags:
        return Health(named=False, age=_age(day)), None
    from mlci.adapters.evidence.gate import LARGEST, read_gate

    try:
        with tempfile.TemporaryDirectory() as folder:
            if registry.fetch(version, "mlci/gate.json", folder):
                kept = Path(folder, "mlci/gate.json")
                content = kept.read_bytes() if kept.stat().st_size <= LARGEST else b""
                return gated(read_gate(content, f"version {version.number}"), day)
    except (MlciError, OSError):
        # It is told beside the verdict and decides nothing; the tags know the most of it.
        pass
    words = {each.value: each for each in Verdict}
    return Health(named=False, age=_age(day), verdict=words.get(version.tags[card.VERDICT])), None


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None


def _age(day: date | None) -> int | None:
    """Days since; a clock that went backwards makes none."""
    return None if day is None else max(0, (datetime.now(timezone.utc).date() - day).days)

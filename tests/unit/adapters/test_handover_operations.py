"""How the models run, in the folder that model-ci leaves: bound to the two, and gone with the production it was of."""

from __future__ import annotations

from pathlib import Path

import pytest
from handed import laid

from mlci.adapters.models import handover
from mlci.domain.operation import Block, Footprint, Handed, Operations, Timings
from mlci.errors import ArtifactRefused, ModelAltered

TIMINGS = Timings(blocks=(Block(candidate=(1, 2), production=(3, 4)),) * 10, interleaved=True)
MEASURED = Operations(
    candidate=Footprint(size=7), production=Footprint(size=9), timings=TIMINGS, hardware="AMD EPYC, 2 cores"
)


def measured(folder: Path, **facts: object) -> Handed:
    """A folder at ``folder / "new"`` with what was measured."""
    first = handover.read(str(laid(folder)))
    handed = Handed(candidate=first.model.artifact, production="9" * 64, operations=MEASURED)
    handover.lay(
        str(folder / "new"), evidence=first.evidence, candidate=first.candidate, payload=first.payload,
        environment=first.environment, baseline=first.baseline, operations=Handed(**{**vars(handed), **facts}),  # type: ignore[arg-type]
    )  # fmt: skip
    return handed


def test_what_was_measured_comes_with_the_model(tmp_path: Path) -> None:
    handed = measured(tmp_path)

    assert handover.read(str(tmp_path / "new")).operations == handed
    assert handover.read(str(tmp_path / "mlci-model")).operations is None


def test_measured_of_another_candidate_is_refused(tmp_path: Path) -> None:
    measured(tmp_path, candidate="8" * 64)

    with pytest.raises(ModelAltered, match="another candidate"):
        handover.read(str(tmp_path / "new"))


def test_what_cannot_have_been_measured_is_refused(tmp_path: Path) -> None:
    measured(tmp_path, operations=Operations(candidate=Footprint(size=-1)))
    with pytest.raises(ArtifactRefused, match="size of a model"):
        handover.read(str(tmp_path / "new"))

    (tmp_path / "new" / "operations.json").write_text('{"candidate": 1}')
    with pytest.raises(ArtifactRefused, match="how the models run"):
        handover.read(str(tmp_path / "new"))


def test_another_production_leaves_nothing_of_what_was_measured_beside_the_last(tmp_path: Path) -> None:
    measured(tmp_path)
    handover.set_baseline(str(tmp_path / "new"), None)

    assert handover.read(str(tmp_path / "new")).operations is None


def test_beside_another_production_only_the_candidates_part_holds() -> None:
    handed = Handed(candidate="8" * 64, production="9" * 64, operations=MEASURED)

    assert handed.against("9" * 64) == MEASURED
    for other in ("7" * 64, None):
        left = handed.against(other)
        assert (left.production, left.candidate, left.lacking) == (None, Footprint(size=7), "other-production")
        assert left.timings is not None
        assert [block.candidate for block in left.timings.blocks] == [(1, 2)] * 10
        assert not left.timings.paired

"""Calls of two models as a machine would have timed them: a drift that both meet, and noise of their own."""

from __future__ import annotations

import numpy as np

from mlci.domain.operation import BLOCKS, Block, Footprint, Operations, Timings


def timings(slower: float = 1.0, pairs: int = 1000, *, seed: int = 1, alone: bool = False) -> Timings:
    """A candidate that takes ``slower`` times what production takes, about a millisecond."""
    random = np.random.default_rng(seed)
    drift = 1e6 * np.exp(np.cumsum(random.normal(0, 0.01, pairs)))
    candidate = (slower * drift * np.exp(random.gamma(1, 0.08, pairs))).astype(int)
    production = (drift * np.exp(random.gamma(1, 0.08, pairs))).astype(int)
    length = pairs // BLOCKS
    return Timings(
        blocks=tuple(
            Block(
                candidate=tuple(candidate[start : start + length].tolist()),
                production=() if alone else tuple(production[start : start + length].tolist()),
            )
            for start in range(0, length * BLOCKS, length)
        ),
        interleaved=True,
    )


def operations(slower: float = 1.0, **facts: object) -> Operations:
    """Both models at one megabyte and about a hundred of memory, on a machine of two cores."""
    known = {
        "candidate": Footprint(size=1_000_000, memory=(100_000_000, 101_000_000, 100_500_000)),
        "production": Footprint(size=1_000_000, memory=(100_000_000, 100_200_000, 100_100_000)),
        "timings": timings(slower),
        "hardware": "AMD EPYC 7763 64-Core Processor, 2 cores",
    }
    return Operations(**{**known, **facts})  # type: ignore[arg-type]

"""What equal bins cost is bounded: the bound holds, and where it is wide, or a boundary is near, scores are sorted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.stats import histogram, placements
from mlci.stats.comparing import Compared


def _models(seed: int, n: int, shared: float) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(seed)
    positive = random.random(n) < 0.3
    common = random.standard_normal(n)
    both = [1 / (1 + np.exp(-(positive + shared * common + random.standard_normal(n)))) for _ in range(2)]
    return both[0], both[1], positive


def _exact(candidate: Any, baseline: Any, positive: Any) -> Compared:
    return placements.compared(placements.placed(candidate, baseline, positive))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(200, 3000), st.sampled_from([1, 2, 6, 9]), st.sampled_from([8, 64, 1024]))
def test_the_bound_holds_and_no_error_is_too_small(seed: int, n: int, decimals: int, bins: int) -> None:
    candidate, baseline, positive = _models(seed, n, 0.5)
    candidate = np.round(candidate, decimals)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histogram, "FEWEST", 1)
        patch.setattr(histogram, "_LARGEST_SHARE", float("inf"))
        patch.setattr(histogram._binned, "__defaults__", (bins,))
        found = histogram.binned(candidate, baseline, positive)
    assert found is not None
    exact, pair = _exact(candidate, baseline, positive).pair, found.pair
    off = (pair.candidate - pair.baseline) - (exact.candidate - exact.baseline)
    assert abs(off) <= pair.plain_off + 1e-12
    assert exact.plain_error <= pair.plain_error + 1e-12
    assert exact.log_error <= pair.log_error + 1e-12
    ratio = np.log(pair.candidate / pair.baseline) - np.log(exact.candidate / exact.baseline)
    assert abs(ratio) <= pair.log_off + 1e-12


def test_models_that_differ_much_are_binned_and_those_that_hardly_do_are_sorted() -> None:
    apart, alike = _models(1, histogram.FEWEST, 0.0), _models(1, histogram.FEWEST, 60.0)
    found = histogram.binned(*apart)
    assert found is not None
    assert 0 < found.pair.plain_off <= 0.01 * found.pair.plain_error
    assert found.pair.candidate == pytest.approx(_exact(*apart).pair.candidate, abs=found.pair.plain_off)
    assert histogram.binned(*alike) is None
    assert histogram.binned(*(each[:-1] for each in apart)) is None


def test_skewed_scores_are_sorted() -> None:
    candidate, baseline, positive = _models(2, histogram.FEWEST, 0.0)
    candidate = candidate.copy()
    candidate[0] = 1e9
    assert histogram.binned(candidate, baseline, positive) is None


def test_a_loss_is_as_surprising_as_the_smallest_that_bins_allow() -> None:
    pair = replace(_exact(*_models(3, 2000, 0.0)).pair, candidate=0.7, baseline=0.72)
    asked: dict[str, Any] = {"higher_is_better": True, "is_share": False}
    for relative in (False, True):
        plain = pair.contrast(0.95, relative=relative, **asked)
        less_sure = replace(pair, plain_off=0.004, log_off=0.006).contrast(0.95, relative=relative, **asked)
        assert plain.p_worse < less_sure.p_worse
        assert plain.off == 0
        assert less_sure.off == pytest.approx(0.0058 if relative else 0.004, rel=0.05)

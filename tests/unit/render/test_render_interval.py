"""Drawings: exactly as wide as asked, right is better, and every sign where its number is."""

from __future__ import annotations

import math

import pytest
from golden.reports import compared
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.domain.finding import Finding
from mlci.domain.verdict import Verdict
from mlci.render import forest, interval
from mlci.render.interval import Span, draw

REAL = st.floats(-1, 1, allow_nan=False)


def spans() -> st.SearchStrategy[Span]:
    ordered = st.lists(REAL, min_size=3, max_size=3).map(sorted)
    margins = st.one_of(st.none(), st.floats(0, 1))
    return st.builds(lambda three, margin: Span(three[1], three[0], three[2], margin), ordered, margins)


def test_a_drawing_shows_bounds_estimate_zero_and_margin() -> None:
    assert draw(Span(0.0, -0.5, 0.5, 0.8), 1.0) == "──╂──━━━━━●━━━━━─────"
    assert draw(Span(-0.3, -0.8, 0.2, 0.5), 1.0) == "──━━━╋━●━━┿━━────────"
    assert draw(Span(-0.3, -0.8, 0.2, 0.5), 1.0, unicode=False) == "--===|=o==+==--------"


def test_a_difference_without_bounds_is_a_hollow_point() -> None:
    assert draw(Span(0.5, margin=0.5), 1.0, width=11) == "───╂─┼─○───"


def test_what_lies_beyond_the_scale_is_an_arrow() -> None:
    assert draw(Span(0.0, -5.0, 5.0), 1.0, width=11) == "◀━━━━●━━━━▶"
    assert draw(Span(0.0, -math.inf, math.inf), 1.0, width=11) == "◀━━━━●━━━━▶"


@settings(deadline=None)
@given(spans(), st.floats(0.01, 2), st.sampled_from([11, 15, 21, 31]), st.booleans())
def test_every_drawing_is_exactly_as_wide_as_asked(drawn: Span, reach: float, width: int, unicode: bool) -> None:
    row = draw(drawn, reach, width=width, unicode=unicode)
    assert len(row) == width
    assert row.isascii() or unicode


@settings(deadline=None)
@given(spans())
def test_a_mirrored_span_is_a_mirrored_drawing(drawn: Span) -> None:
    assert drawn.lower is not None
    assert drawn.upper is not None
    plain = Span(drawn.estimate, drawn.lower, drawn.upper)
    mirrored = Span(-drawn.estimate, -drawn.upper, -drawn.lower)
    # round() goes to the even cell at a half, on either side of an even middle alike.
    assert draw(plain, 1.0) == draw(mirrored, 1.0)[::-1]


def test_right_is_better_whichever_way_the_metric_runs() -> None:
    gain = interval.span(compared("f1", 0.90, 0.88, 0.01))
    saving = interval.span(compared("brier", 0.10, 0.12, 0.01, better="lower"))
    assert gain is not None
    assert saving is not None
    assert gain.estimate == pytest.approx(saving.estimate) == pytest.approx(0.02)
    assert saving.lower is not None
    assert saving.upper is not None
    assert saving.lower < saving.estimate < saving.upper


def test_points_share_one_scale_and_other_metrics_have_their_own() -> None:
    findings = [
        compared("f1", 0.9, 0.88, 0.01),
        compared("brier", 0.1, 0.12, 0.002, better="lower"),
        compared("rmse", 12.0, 14.0, 1.0, better="lower", margin=0.5),
        compared("latency_ms", 20.0, 21.0, 0.02, better="lower", scale="relative", margin=0.1),
    ]
    assert set(interval.reaches(findings)) == {"points", "metric:rmse", "relative"}


def test_one_very_wide_slice_does_not_flatten_the_others() -> None:
    reaches = interval.reaches([compared("f1", 0.9, 0.9, 0.002), compared("f1", 0.9, 0.9, 0.5)])
    assert reaches["points"] == pytest.approx(0.06)
    axis = forest.axes([compared("f1", 0.9, 0.9, 0.002), compared("f1", 0.9, 0.9, 0.5)])["points"]
    assert (axis.low, axis.high) == (pytest.approx(-0.066), pytest.approx(0.066))
    plot = forest.plot(compared("f1", 0.9, 0.9, 0.5), axis)
    assert plot is not None
    assert plot.cut_left
    assert plot.cut_right


@pytest.mark.parametrize("difference", [None, math.nan, math.inf])
def test_nothing_is_drawn_without_a_finite_difference(difference: float | None) -> None:
    finding = Finding(id="a", rule="compare", verdict=Verdict.INCONCLUSIVE, message="", difference=difference)
    assert interval.span(finding) is None
    assert forest.plot(finding, forest.Axis(-1, 1)) is None
    assert interval.reaches([finding]) == forest.axes([finding]) == {}


def test_equal_models_without_a_margin_still_have_a_scale() -> None:
    same = compared("f1", 0.9, 0.9, 0.0, margin=0.0)
    assert interval.reaches([same]) == {"points": 1.0}
    axis = forest.axes([same])["points"]
    assert axis.low < 0 < axis.high


def test_the_legend_names_every_sign_that_is_drawn() -> None:
    for unicode in (True, False):
        legend = interval.legend(unicode=unicode)
        row = draw(Span(0.3, 0.1, 0.5, 0.5), 1.0, unicode=unicode)
        assert set(row) - set("─-") <= set(legend)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.5, 1), st.floats(0.5, 1), st.floats(0.0001, 0.3)), min_size=1, max_size=6))
def test_a_forest_plot_stays_inside_its_frame(values: list[tuple[float, float, float]]) -> None:
    findings = [compared("f1", ours, theirs, error) for ours, theirs, error in values]
    axis = forest.axes(findings)["points"]
    assert 1 <= len(axis.ticks) <= 6
    assert any(tick.text == "0" for tick in axis.ticks)
    for finding in findings:
        plot = forest.plot(finding, axis)
        assert plot is not None
        assert plot.lower is not None
        assert plot.upper is not None
        assert plot.margin is not None
        assert 0 <= plot.lower <= plot.estimate <= plot.upper <= forest.WIDTH
        assert 0 < plot.margin < plot.zero < forest.WIDTH


def test_an_axis_of_lower_is_better_metrics_counts_what_they_count() -> None:
    axis = forest.axes([compared("rmse", 12.4, 12.0, 0.1, better="lower", margin=0.5)])["metric:rmse"]
    assert axis.ticks[0].text.startswith("+")
    assert axis.caption == "difference, plus is worse"
    mixed = forest.axes([compared("brier", 0.1, 0.1, 0.01, better="lower"), compared("f1", 0.9, 0.9, 0.01)])["points"]
    assert mixed.ticks[0].text.startswith("-")
    assert mixed.caption == "difference in points, minus is worse"


def test_a_plot_says_in_words_what_it_shows() -> None:
    finding = compared("f1", 0.8412, 0.8733, 0.0061)
    plot = forest.plot(finding, forest.axes([finding])["points"])
    assert plot is not None
    assert plot.words == "difference -0.0321, bounds [-0.0422,\u00a0-0.0221], accepted loss 0.01"

"""Sections: what stands beside the findings, in every face that shows it, cut where it is too long, never markup."""

from __future__ import annotations

import re

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from golden import reports
from golden.reports import described, report

from mlci.domain.report import Histogram, Report, Section
from mlci.domain.verdict import Verdict
from mlci.render.histogram import drawing
from mlci.render.html import MOST_ROWS, html
from mlci.render.markdown import markdown
from mlci.render.openmetrics import openmetrics
from mlci.render.sections import numeric
from mlci.render.text import text

LONG = Section(
    id="long", title="Long", sentences=("Said.",), columns=("A", "B"), rows=tuple((f"r{n}", "1") for n in range(5000))
)


def test_a_row_must_have_a_cell_for_every_column() -> None:
    with pytest.raises(ValueError, match="must have 2 cells"):
        Section(id="x", title="x", columns=("a", "b"), rows=(("only one",),))


def test_a_column_of_figures_stands_at_the_right_and_one_with_a_word_in_it_does_not() -> None:
    rows = (("1", "+0.5", "< 0.0001", "3 of 4", "–"), ("2", "-1 %", "[0, 1]", "none", "12 345"))
    section = Section(id="x", title="x", columns=tuple("abcde"), rows=rows)
    assert numeric(section) == (False, True, False, False, True)


def test_what_every_section_says_stands_in_every_face_a_person_reads() -> None:
    shown = described()
    terminals = (text(shown), text(shown, width=40, unicode=False))
    for face in (markdown(shown), html(shown), *terminals):
        flat = " ".join(re.sub(r"<[^>]+>|\n", " ", face).split())
        for section in shown.sections:
            assert section.title in flat
            assert all(sentence in flat for sentence in section.sentences)
            # A terminal cannot fold, so it leaves out a folded table that its sentences speak for.
            spoken_for = face in terminals and section.folded and section.sentences
            assert section.rows == () or (section.rows[0][0] in flat) is not bool(spoken_for)
            assert not spoken_for or not section.rows or "in the report as HTML or Markdown" in flat


def test_a_section_too_long_for_a_comment_keeps_its_first_rows_and_counts_the_rest() -> None:
    written = markdown(report(Verdict.PASS, "Fine.", sections=(LONG, reports.CHANGES)), limit=4_000)
    kept = re.findall(r"\| r(\d+) \|", written)
    assert kept == [str(place) for place in range(len(kept))]
    assert kept
    assert f"… and {5000 - len(kept)} more." in written
    assert "Newly right" in written
    assert len(written) <= 4_000


def test_a_page_says_that_it_holds_the_first_rows_only() -> None:
    written = html(report(Verdict.PASS, "Fine.", sections=(LONG,)))
    assert written.count('<th scope="row">r') == MOST_ROWS
    assert "The first 1 000 of 5 000; the JSON report holds them all." in written


def test_a_folded_section_shows_its_title_alone() -> None:
    page = cmarkgfm.github_flavored_markdown_to_html(markdown(described()), Options.CMARK_OPT_UNSAFE)
    folds = re.findall(r"<summary>([^<]+)</summary>", page)
    assert {"What changed, example by example", "Groups nobody asked about"} <= set(folds)
    assert "What was judged" not in folds


def test_a_figure_that_is_no_number_is_left_out_of_the_metrics() -> None:
    section = Section(id="s", title="s", figures={"a": 1.0, "b": float("inf")})
    written = openmetrics(report(Verdict.PASS, "Fine.", sections=(section,)))
    assert 'mlci_figure{model="churn",section="s",figure="a"} 1.0' in written
    assert 'figure="b"' not in written


def test_histograms_are_drawn_in_every_face_that_can_and_told_to_who_cannot_see_them() -> None:
    drawn = Histogram(title="plan <b>", bins=("a", "missing"), before=(0.75, 0.25), now=(0.5, 0.5))
    section = Section(id="drift", title="Drift", histograms=(drawn,), folded=False)
    shown = Report(step="data-check", verdict=Verdict.PASS, reason="fine", findings=(), sections=(section,))
    assert "| plan &#60;b&#62; | █▃ | ▆▆ |" in markdown(shown)
    assert "before  █▃" in text(shown)
    assert "now     ▆▆" in text(shown)
    page = html(shown)
    assert "<title>plan &lt;b&gt;</title><desc>a: 75.00 % before, 50.00 % now; missing: 25.00 % before" in page
    assert 'height="64.0"' in page
    assert 'height="42.67"' in page
    with pytest.raises(ValueError, match="a share before and a share now"):
        Histogram(title="x", bins=("a",), before=(1.0,), now=())


def test_a_drawing_is_bounded_however_many_bins_there_are() -> None:
    many = tuple(f"value {number}" for number in range(500))
    shown = drawing(Histogram(title="x", bins=many, before=(0.002,) * 500, now=(0.002,) * 500))
    assert len(shown.bars) == 64
    assert "and 476 more" in shown.words

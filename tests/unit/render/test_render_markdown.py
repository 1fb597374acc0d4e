"""The Markdown as a forge renders it: one heading, whole tables, closed folds, and nothing of an outsider's alive."""

from __future__ import annotations

import re
from dataclasses import replace

import cmarkgfm
import lxml.html
import pytest
from cmarkgfm.cmark import Options
from golden import reports
from golden.reports import compared, report

from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.domain.verdict import Verdict
from mlci.render.fit import Block, Row, fitted
from mlci.render.markdown import SHORTEST, markdown
from mlci.render.outline import outline

OURS = {"body", "h3", "h4", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code", "strong", "sub", "br"}


def rendered(source: str) -> lxml.html.HtmlElement:
    html = cmarkgfm.github_flavored_markdown_to_html(source, Options.CMARK_OPT_UNSAFE)
    return lxml.html.document_fromstring(f"<body>{html}</body>").body


def crowd(count: int, verdict: Verdict = Verdict.FAIL) -> Report:
    """A hostile report of many slices, every one of which says something bad."""
    one = compared(reports.HOSTILE, 0.84, 0.87, 0.006, slice=reports.HOSTILE, verdict=verdict)
    findings = [replace(one, id=str(place), explanation=reports.HOSTILE) for place in range(count)]
    return replace(reports.hostile(), findings=(*reports.hostile().findings, *findings))


@pytest.mark.parametrize("name", reports.ALL)
def test_the_first_line_is_the_verdict_and_its_reason(name: str) -> None:
    shown = reports.ALL[name]()
    heading = rendered(markdown(shown))[0]
    assert heading.tag == "h3"
    words = heading.text_content().split(maxsplit=2)
    assert words[1] == f"{shown.verdict.value.capitalize()}:"
    if name != "hostile":
        assert words[2] == shown.reason


@pytest.mark.parametrize("name", reports.ALL)
def test_only_our_own_elements_are_rendered(name: str) -> None:
    body = rendered(markdown(reports.ALL[name]()))
    links = {"a"} if reports.ALL[name]().links and name != "hostile" else set()
    assert {element.tag for element in body.iter()} <= OURS | {"details", "summary"} | links
    assert all(set(element.attrib) <= {"align", "href"} for element in body.iter())


@pytest.mark.parametrize("name", reports.ALL)
def test_every_row_of_a_table_has_as_many_cells_as_its_head(name: str) -> None:
    body = rendered(markdown(reports.ALL[name]()))
    for table in body.iter("table"):
        assert len({len(row) for row in table.iter("tr")}) == 1
    rows = sum(len(list(table.iter("tr"))) - 1 for table in body.iter("table") if "Verdict" in table.text_content())
    notices = outline(reports.ALL[name]()).notices
    assert rows == len(reports.ALL[name]().findings) - len(notices)


def test_hostile_text_pings_nobody_and_links_nowhere() -> None:
    body = rendered(markdown(crowd(3)))
    for element in body.iter("code"):
        element.getparent().remove(element)  # forges look for nothing inside code
    shown = body.text_content()
    assert not re.search(r"@\w|#\d|!\d|~\d|GH-\d|:tada:|https?://|www\.", shown)
    assert "octocat" in shown


def test_hostile_text_is_no_command_and_no_marker_in_the_source() -> None:
    source = markdown(crowd(3))
    assert "##[" not in source
    assert "<!--" not in source
    assert not [line for line in source.splitlines() if line.lstrip().startswith(("::", "/"))]


def test_only_a_plain_web_address_becomes_a_link() -> None:
    links = {"job": "https://forge.example/jobs/1?a=b", "bad": "javascript:alert(1)", "odd": "https://x.example/<b>"}
    body = rendered(markdown(report(Verdict.PASS, "Fine.", compared("f1", 0.9, 0.9, 0.001), links=links)))
    assert [(link.text, link.get("href")) for link in body.iter("a")] == [("job", "https://forge.example/jobs/1?a=b")]
    assert "javascript:alert(1)" in body.text_content()


def test_no_finding_but_a_pass_is_ticked() -> None:
    shown = reports.sliced()
    for line in markdown(shown).splitlines():
        if line.startswith("| ") and "✅" in line:
            assert "✅\u00a0pass" in line or "✅\u00a0no harm shown, may lose" in line
    assert "not judged" in markdown(shown)
    advisory = compared("f1", 0.9, 0.9, 0.001, slice="a=b", advisory=True)
    written = markdown(report(Verdict.INCONCLUSIVE, "Nothing counts.", advisory))
    assert "✅" not in written
    assert "⚪\u00a0not judged" in written


def test_a_finding_that_failed_and_is_not_counted_says_both() -> None:
    late = compared("latency_ms", 30, 20, 0.1, better="lower", advisory=True)
    assert "fail, not counted, regression" in markdown(report(Verdict.PASS, "Fine.", late))


def test_the_main_view_holds_what_did_not_pass_and_the_folds_the_rest() -> None:
    body = rendered(markdown(reports.sliced()))
    folds = list(body.iter("details"))
    assert [fold[0].text_content() for fold in folds] == [
        "46 slices passed",
        "1 listed, not counted",
        "The arithmetic",
        "Evidence",
    ]
    for fold in folds:
        fold.getparent().remove(fold)
    assert "region=west-07" in body.text_content()
    assert "region=north-00" not in body.text_content()


def test_interval_margin_and_power_are_told() -> None:
    written = markdown(reports.failing())
    assert "Bounds: one-sided 95 % each." in written
    assert "Smallest loss these examples can show: `accuracy` 0.0117" in written
    assert "Examples that would settle it if nothing changed: `accuracy` 6 400, `rmse` 6 400." in written


def test_a_slice_that_passes_without_proof_says_which_loss_remains_possible() -> None:
    near = compared("f1", 0.85, 0.87, 0.02, slice="a=b", margin=0.03, verdict=Verdict.PASS)
    assert "no harm shown, may lose 0.0529" in markdown(report(Verdict.PASS, "Fine.", near))


def test_a_report_that_fits_is_not_cut() -> None:
    whole = markdown(reports.sliced())
    assert markdown(reports.sliced(), limit=len(whole), whole="https://x.example/") == whole
    assert "longer than fits" not in whole
    assert "longer than fits" in markdown(reports.sliced(), limit=len(whole) - 1)


@pytest.mark.parametrize("limit", [SHORTEST, 5_000, 9_999, 20_000, 60_000])
@pytest.mark.parametrize(
    "many",
    [lambda: reports.many(), lambda: crowd(500), lambda: crowd(500, Verdict.PASS), lambda: reports.sliced(3000)],
    ids=["many", "hostile", "hostile passes", "slices"],
)
def test_a_cut_report_is_short_enough_and_still_whole_markdown(many: object, limit: int) -> None:
    shown = many()  # type: ignore[operator]
    written = markdown(shown, limit=limit, whole="https://forge.example/report.html")
    assert len(written) <= limit
    assert written.splitlines()[0] == markdown(replace(shown, findings=())).splitlines()[0]
    assert written.count("<details>") == written.count("</details>") == written.count("<summary>")
    assert written.endswith("; [the whole report](<https://forge.example/report.html>).\n")
    body = rendered(written)
    assert {element.tag for element in body.iter()} <= OURS | {"details", "summary", "a"}
    for table in body.iter("table"):
        assert len({len(row) for row in table.iter("tr")}) == 1
    assert body[-1].tag == "p", "the pointer stands outside every table and fold"


def test_a_head_that_needs_escaping_everywhere_still_leaves_room() -> None:
    worst = "{@" * 400
    subject = replace(reports.CANDIDATE, name=worst)
    settings = {"model": worst, "candidate": subject, "baseline": subject}
    shown = report(Verdict.FAIL, worst, *reports.sliced(900).findings, **settings)
    written = markdown(shown, limit=SHORTEST, whole="https://forge.example/" + "x" * 1480)
    assert len(written) <= SHORTEST
    assert written.splitlines()[0].startswith("### ❌ Fail: &#123;&#8288;@&#8288;")
    written = markdown(shown, limit=SHORTEST, whole=worst)
    assert len(written) <= SHORTEST
    assert len(list(rendered(written).iter("table"))) >= 1


def test_a_shown_regression_asks_for_no_more_examples() -> None:
    lost = compared("f1", 0.8, 0.9, 0.001, rows_needed=455)
    assert "settle" not in markdown(report(Verdict.FAIL, "No.", lost))


def test_what_failed_outlives_what_passed() -> None:
    written = markdown(reports.many(), limit=12_000)
    failed = [line for line in written.splitlines() if "❌" in line and "shop=" in line]
    assert len(failed) > 10
    assert "… and " in written
    passed = [line for line in written.splitlines() if "✅" in line and "shop=" in line]
    assert len(passed) < len(failed)


def test_ten_thousand_slices_leave_a_comment_of_full_length() -> None:
    assert 30_000 < len(markdown(reports.many())) <= 60_000


def test_the_pointer_may_be_a_path_or_nothing() -> None:
    assert "the whole report: `.mlci/report/gate.html`." in markdown(
        reports.many(), limit=SHORTEST, whole=".mlci/report/gate.html"
    )
    assert "among the run's artifacts" in markdown(reports.many(), limit=SHORTEST)


def test_a_limit_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4000, got 100"):
        markdown(reports.passing(), limit=100)


def test_a_block_keeps_its_worst_rows_in_their_order() -> None:
    rows = [Row(f"row {place}", rank=place % 3) for place in range(9)]
    cut = fitted([Block("head"), Block("open", rows, "close")], 60, "pointer")
    assert cut == "head\n\nopen\nrow 2\nrow 5\nrow 8\n\n… and 6 more.\nclose\n\npointer\n"


def test_a_block_without_room_for_one_row_is_left_out() -> None:
    cut = fitted([Block("head"), Block("open", [Row("x" * 500)], "close")], 100, "pointer")
    assert cut == "head\n\npointer\n"


def test_a_report_without_findings_is_still_a_report() -> None:
    written = markdown(Report(step="gate-compare", verdict=Verdict.INCONCLUSIVE, reason="Nothing.", findings=()))
    assert written == "### ❓ Inconclusive: Nothing.\n\ngate-compare · candidate against production\n"


def test_a_missing_metric_is_told_as_a_sentence() -> None:
    missing = Finding(
        id="compare:f1",
        rule="compare",
        verdict=Verdict.INCONCLUSIVE,
        message="f1 has no value: no positives",
        metric="f1",
    )
    assert "- ❓ **inconclusive** f1 has no value: no positives" in markdown(
        report(Verdict.INCONCLUSIVE, "No.", missing)
    )

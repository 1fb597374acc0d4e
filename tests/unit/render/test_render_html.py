"""The page as a document: complete, labelled, self-contained. How it looks is judged by a browser elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace

import lxml.html
import pytest
from golden import reports
from golden.reports import compared, report

from mlci.domain.verdict import Verdict
from mlci.render.html import html

WORDS = ["pass", "warn", "inconclusive", "fail"]


def document(name: str) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(html(reports.ALL[name]()))


@pytest.mark.parametrize("name", reports.ALL)
def test_the_page_has_a_language_a_title_and_one_heading_that_is_the_verdict(name: str) -> None:
    page, shown = document(name), reports.ALL[name]()
    assert page.get("lang") == "en"
    assert (page.findtext(".//title") or "").startswith(f"{shown.verdict.value.capitalize()}: {shown.step}")
    headings = page.findall(".//h1")
    assert [heading.text_content()[1:] for heading in headings] == [shown.verdict.value]


@pytest.mark.parametrize("name", reports.ALL)
def test_the_page_needs_nothing_from_anywhere(name: str) -> None:
    written = html(reports.ALL[name]())
    page = lxml.html.document_fromstring(written)
    assert not page.xpath("//script | //iframe | //object | //embed | //img | //base | //form | //@style")
    assert page.xpath("//link/@href") == ["data:,"]
    assert not page.xpath(
        "//*[@src or @srcset or @action or @xlink:href]", namespaces={"xlink": "http://www.w3.org/1999/xlink"}
    )
    css = page.findtext(".//style") or ""
    assert not re.search(r"url\(|@import|https?:", css)
    policy = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert written.index("Content-Security-Policy") < written.index("<style>")


@pytest.mark.parametrize("name", reports.ALL)
def test_every_table_has_a_caption_and_every_heading_cell_a_scope(name: str) -> None:
    page = document(name)
    for table in page.iter("table"):
        assert table.find("caption") is not None
        assert len({len(row) for row in table.iter("tr")}) == 1 or table.get("class") == "judged"
    assert all(cell.get("scope") in ("row", "col") for cell in page.iter("th"))


@pytest.mark.parametrize("name", ["pass", "fail", "slices", "unverified", "hostile"])
def test_every_drawing_has_a_title_and_says_its_numbers(name: str) -> None:
    drawings = document(name).xpath("//td/svg[@role='img']")
    assert len(drawings) == sum(1 for finding in reports.ALL[name]().findings if finding.difference is not None)
    for drawing in drawings:
        assert drawing.findtext("title")
        assert (drawing.findtext("desc") or "").startswith("difference ")


@pytest.mark.parametrize("name", reports.ALL)
def test_every_finding_stands_on_the_page_with_its_word(name: str) -> None:
    page, shown = document(name), reports.ALL[name]()
    rows = page.xpath("//tr[@role='row'][th[@role='rowheader']] | //ul[@class='reasons']/li")
    told = [row.xpath("string(.//*[contains(@class, 'verdict')])") for row in rows]
    assert len(told) >= len(shown.findings)
    assert all(any(word in text for word in [*WORDS, "not judged", "no harm shown"]) for text in told)


def test_findings_that_are_not_counted_never_look_like_a_pass() -> None:
    aside = compared("f1", 0.9, 0.9, 0.001, slice="a=b", advisory=True)
    page = lxml.html.document_fromstring(html(report(Verdict.INCONCLUSIVE, "Nothing counts.", aside)))
    assert not page.xpath("//body//*[contains(concat(' ', @class, ' '), ' pass ')]")
    assert "not judged" in page.text_content()


def test_what_failed_and_is_not_counted_says_both() -> None:
    aside = replace(compared("f1", 0.9, 0.9, 0.001, advisory=True), verdict=Verdict.FAIL)
    page = lxml.html.document_fromstring(html(report(Verdict.PASS, "It is not counted.", aside)))
    badges = page.xpath("//span[@class='verdict aside']/span[last()]/text()")
    assert {badge.strip() for badge in badges} == {"fail, not counted"}


def test_hostile_text_stays_data() -> None:
    written = html(reports.hostile())
    page = lxml.html.document_fromstring(written)
    ours = (
        "html head meta link title style body main header p h1 h2 span dl div dt dd small code ul li strong table "
        "caption thead tbody tr th td svg desc rect line path circle text details summary footer wbr"
    )
    assert {element.tag for element in page.iter()} <= set(ours.split())
    assert "##[" not in written
    assert not set(written) & set("\x1b\x00\x08\u202e\u2066\r")
    assert not [line for line in written.splitlines() if line.lstrip().startswith("::")]
    assert "<script>alert(2)</script>" in page.text_content()
    written.encode("utf-8")


def test_only_a_plain_web_address_becomes_a_link() -> None:
    links = {"job": "https://forge.example/1?a=b&c=d", "bad": "javascript:alert(1)", "worse": " https://x.example"}
    page = lxml.html.document_fromstring(html(report(Verdict.PASS, "Fine.", links=links)))
    assert page.xpath("//a/@href") == ["https://forge.example/1?a=b&c=d"]
    assert "noopener" in page.xpath("//a/@rel")[0]


def test_the_tally_counts_what_counts() -> None:
    assert "2 fail, 48 pass" in document("slices").text_content()
    assert "1 more listed, not counted" in document("slices").text_content()


def test_interval_power_assumptions_and_evidence_are_told() -> None:
    told = " ".join(document("warn").text_content().split())
    assert "one-sided 95 %" in told
    assert "Smallest loss these examples can show with 80 % power: accuracy 0.0078, f1 0.0097." in told
    assert "Examples that would settle it if nothing changed: f1 6 400." in told
    assert "The positive class is taken to be 1." in told
    assert "sha256:9d8b7c6e5f4a3b2c1d0e9f88" in told


def test_a_long_path_may_break_after_a_slash_and_stays_the_same_text() -> None:
    subject = replace(reports.CANDIDATE, name="runs/<b>/candidate.csv")
    written = html(report(Verdict.PASS, "Fine.", candidate=subject))
    assert "runs/<wbr>&lt;b&gt;/<wbr>candidate.csv" in written


def test_the_same_report_is_the_same_page() -> None:
    assert html(reports.sliced()) == html(reports.sliced())

"""All faces of one report tell one story: the same figures, verdicts and reasons, for any report a gate could make.

The JSON face is what was judged. Every other face is read back the way its own readers do, a browser's parser, a
forge's, an XML reader, the columns on a terminal, and is held against it.
"""

from __future__ import annotations

import json as standard
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import cmarkgfm
import lxml.html
from cmarkgfm.cmark import Options
from golden.reports import compared, limited, report
from hypothesis import given, settings
from hypothesis import strategies as st

from mlci.domain.figures import as_written, figure, percent
from mlci.domain.finding import Finding
from mlci.domain.report import Report
from mlci.domain.verdict import Verdict, worst
from mlci.render.annotations import annotations
from mlci.render.html import html
from mlci.render.json import json
from mlci.render.junit import junit
from mlci.render.markdown import markdown
from mlci.render.text import text

WIDE = 240  # a terminal on which no column has to go
NONE = "–"

HIGHER, LOWER = ("accuracy", "f1", "roc_auc", "revenue"), ("log_loss", "rmse")
shares = st.floats(0.05, 0.99, allow_nan=False)
places = st.none() | st.from_regex(r"[a-z]{1,6}=[A-Za-z0-9]{1,6}", fullmatch=True)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    if draw(st.integers(0, 4)) == 0:
        low = draw(shares)
        more = {"candidate_interval": (low / 2, low)} if draw(st.booleans()) else {}
        return limited(draw(st.sampled_from(HIGHER)), low, draw(st.sampled_from([0.1, 0.5, 0.875])), **more)
    metric = draw(st.sampled_from(HIGHER + LOWER))
    error = draw(st.floats(0.0001, 0.05))
    more: dict[str, Any] = {"slice": draw(places), "p_worse": draw(st.floats(1e-9, 1.0))}
    if draw(st.booleans()):
        more |= {"scale": "relative", "margin": draw(st.sampled_from([0.01, 0.1]))}
    if draw(st.booleans()):
        more |= {"clusters": draw(st.integers(2, 900)), "p_adjusted": draw(st.floats(1e-9, 1.0))}
    if metric in LOWER:
        more["better"] = "lower"
    made = compared(metric, draw(shares), draw(shares), error, **more)
    aside = draw(st.integers(0, 4)) == 0
    return replace(made, advisory=True, explanation="Too few to judge. More would do.") if aside else made


@st.composite
def any_reports(draw: st.DrawFn) -> Report:
    made = draw(st.lists(findings(), min_size=1, max_size=8, unique_by=lambda finding: finding.id))
    verdict = worst(finding.verdict for finding in made if not finding.advisory)
    sentences = st.from_regex(r"[A-Z][a-z]{1,9} [a-z]{2,9} [a-z]{2,9}", fullmatch=True)
    assumed = draw(st.lists(sentences, max_size=3, unique=True))
    return report(verdict, f"{draw(sentences)} for {len(made)} reasons", *made, assumptions=tuple(assumed))


reports = any_reports()
many = settings(deadline=None, max_examples=30)


# What a row must say, from the numbers in the JSON face alone.


def told(shown: Report) -> list[dict[str, Any]]:
    return list(standard.loads(json(shown))["findings"])


def scaled(value: float, each: dict[str, Any]) -> str:
    if each["scale"] == "relative":
        return percent(value, each["better"], signed=True)
    like = max(abs(each["candidate"]), abs(each["baseline"]))
    return figure(value, each["better"], signed=True, like=like)


def cells(each: dict[str, Any]) -> tuple[str, str, str, str]:
    """Candidate, production, difference with bounds, and margin or limit."""
    if "limit" in each:
        low_high = [figure(bound, each["better"]) for bound in each.get("candidate_interval", ())]
        own = f"{figure(each['candidate'], each['better'])} " + (f"[{', '.join(low_high)}]" if low_high else "")
        return own.strip(), NONE, NONE, f"≥ {as_written(each['limit'])}"
    low, high = (scaled(bound, each) for bound in each["interval"])
    return (
        figure(each["candidate"], each["better"]),
        figure(each["baseline"], each["better"]),
        f"{scaled(each['difference'], each)} [{low}, {high}]",
        as_written(each["margin"], relative=each["scale"] == "relative"),
    )


def subject(each: dict[str, Any]) -> str:
    return f"{each['metric']} [{each['slice']}]" if "slice" in each else str(each["metric"])


def in_tables(shown: Report) -> list[tuple[str, ...]]:
    """The rows of a face that puts overall first, then slices that did not pass, those that did, and those aside."""

    def place(each: dict[str, Any]) -> int:
        return 3 if each["advisory"] else 0 if "slice" not in each else 2 if each["verdict"] == "pass" else 1

    return [(subject(each), *cells(each)) for each in sorted(told(shown), key=place)]


def spaced(words: str) -> str:
    return " ".join(words.split())


def page(shown: Report) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(html(shown))


def comment(shown: Report) -> lxml.html.HtmlElement:
    rendered = cmarkgfm.github_flavored_markdown_to_html(markdown(shown), Options.CMARK_OPT_UNSAFE)
    return lxml.html.document_fromstring(f"<body>{rendered}</body>").body


def html_rows(shown: Report) -> list[tuple[str, ...]]:
    rows = []
    for row in page(shown).xpath("//table[contains(@class, 'judged')]/tbody/tr[@role='row']"):
        by_label = {cell.get("data-label", ""): spaced(" ".join(cell.itertext())) for cell in row.findall("td")}
        asked = by_label.get("Margin") or by_label.get("Limit") or ""
        cut = [by_label.get(name, NONE) for name in ("Candidate", "Production", "Difference")]
        rows.append((*cut, asked))
    return rows


def markdown_rows(shown: Report) -> list[tuple[str, ...]]:
    rows = []
    for table in comment(shown).iter("table"):
        heads = [spaced(" ".join(head.itertext())).split(" ")[0] for head in table.iter("th")]
        if "Verdict" not in heads:
            continue
        for row in table.findall("tbody/tr"):
            found = dict(zip(heads, row.findall("td"), strict=True))
            name = [code.text_content() for code in row.find("td").iter("code")]
            drawn = found.get("Difference")
            for code in [] if drawn is None else drawn.findall("code"):
                code.drop_tree()
            words = {head: spaced(" ".join(cell.itertext())) for head, cell in found.items()}
            asked = words.get("Margin") or words.get("Limit") or ""
            middle = [words.get(head, NONE) for head in ("Candidate", "Production", "Difference")]
            rows.append((f"{name[0]} [{name[1]}]" if len(name) > 1 else name[0], *middle, asked))
    return rows


@many
@given(reports)
def test_the_page_tables_every_figure_of_every_finding_in_reading_order(shown: Report) -> None:
    assert html_rows(shown) == [row[1:] for row in in_tables(shown)]


@many
@given(reports)
def test_the_comment_tables_every_figure_of_every_finding_in_reading_order(shown: Report) -> None:
    assert markdown_rows(shown) == in_tables(shown)


@many
@given(reports)
def test_the_terminal_has_one_row_with_every_figure_of_every_counted_finding(shown: Report) -> None:
    lines = text(shown, width=WIDE).splitlines()
    for each in told(shown):
        if each["advisory"]:
            continue
        candidate, production, difference, asked = (re.escape(cell) for cell in cells(each))
        optional = [rf"(?:{cell} +)?" if cell == NONE else rf"{cell} +" for cell in (production, difference)]
        own = rf"{candidate.split(chr(92))[0]}.*?" if "limit" in each else candidate
        row = re.compile(rf"{re.escape(subject(each))} +{own} +{''.join(optional)}.*?{asked} +\S {_state(each)}")
        assert sum(1 for line in lines if row.match(line)) == 1, (row.pattern, lines)


def _state(each: dict[str, Any]) -> str:
    """A slice that passes while a loss beyond its margin remains possible is no plain pass."""
    return "(?:no harm shown|pass)" if "slice" in each and each["verdict"] == "pass" else str(each["verdict"])


@many
@given(reports)
def test_every_face_opens_with_the_same_verdict_and_reason(shown: Report) -> None:
    verdict, reason = shown.verdict.value, shown.reason
    assert standard.loads(json(shown))["reason"] == reason
    assert text(shown, width=WIDE).splitlines()[0][2:] == f"{verdict}: {reason}"
    assert comment(shown).findtext("h3").split(" ", 1)[1] == f"{verdict.capitalize()}: {reason}"
    found = page(shown)
    assert found.find(".//h1").text_content()[1:] == verdict
    assert found.find_class("reason")[0].text_content() == reason
    said = {each.get("name"): each.get("value") for each in ElementTree.fromstring(junit(shown)).iter("property")}
    assert said == {"verdict": verdict, "reason": reason}
    assert f"title=gate-compare%3A {verdict}::{reason}\n" in annotations(shown)


def _once(whole: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Advice is the last sentence of an explanation; a list says the same advice once."""
    for place, (name, why) in enumerate(whole):
        before = [other for _, other in whole[:place]]
        first, _, last = why.rpartition(". ")
        if before and why == before[-1]:
            yield name, "As above."
        elif first and any(other == last or other.endswith(f". {last}") for other in before):
            yield name, f"{first}."
        else:
            yield name, why


@many
@given(reports)
def test_every_face_explains_the_same_findings_in_the_same_order(shown: Report) -> None:
    """Those that are counted and did not pass, the worst first."""
    order = {verdict.value: verdict.rank for verdict in Verdict}
    open_ones = [each for each in told(shown) if not each["advisory"] and each["verdict"] != "pass"]
    open_ones.sort(key=lambda each: (-order[each["verdict"]], "slice" in each))
    whole = [(subject(each), each["explanation"]) for each in open_ones]
    expected = list(_once(whole))
    heading = page(shown).xpath("//ul[@class='reasons']/li[not(@class='aside')]")
    assert [(li.findtext("strong"), li.findtext("p")) for li in heading] == expected
    items = [li for li in comment(shown).iter("li") if li.find("code") is not None and ": " in (li[0].tail or "")]
    assert [(li.findtext("code"), (li[0].tail or "").removeprefix(": ")) for li in items] == expected
    lines = text(shown, width=2000).splitlines()
    begin = lines.index("why, and what would change it") + 1 if expected else 0
    assert [line[2:] for line in lines[begin : begin + len(expected)]] == [f"{name}: {why}" for name, why in expected]
    said = re.findall(r"title=gate-compare%3A (?:fail|inconclusive|warn)%3A (.*?)::(.*)", annotations(shown))
    # Errors stand before warnings; within a kind the order is the same.
    assert sorted((name.replace("%2C", ","), why.replace("%25", "%")) for name, why in said) == sorted(whole)


@many
@given(reports)
def test_junit_has_one_case_for_each_finding_and_its_colour_is_the_verdicts(shown: Report) -> None:
    cases = list(ElementTree.fromstring(junit(shown)).iter("testcase"))
    judged = [case for case in cases if case.get("name") != "verdict"]
    assert [case.get("name") for case in judged] == [each["id"] for each in told(shown)]
    for case, each in zip(judged, told(shown), strict=True):
        red = case.find("failure") is not None or case.find("error") is not None
        assert (case.find("skipped") is not None) is each["advisory"]
        assert red is (not each["advisory"] and each["verdict"] in ("fail", "inconclusive"))
        words = "".join(case.itertext()) + "".join(str(child.get("message")) for child in case)
        assert each["message"] in words
        assert each.get("explanation", "") in words
    assert any(child.tag in ("failure", "error") for case in cases for child in case) is (shown.verdict.rank >= 2)


@many
@given(reports)
def test_page_and_comment_show_one_arithmetic(shown: Report) -> None:
    def last_table(document: lxml.html.HtmlElement, name: str) -> list[list[str]]:
        for fold in document.iter("details"):
            if (fold.findtext("summary") or "").strip() == name:
                return [[spaced(cell.text_content()) for cell in row] for row in fold.findall(".//tbody/tr")]
        return []

    on_page, in_comment = (last_table(document(shown), "The arithmetic") for document in (page, comment))
    counted = {subject(each) for each in told(shown) if each["advisory"] or "slice" not in each}
    assert {row[0] for row in on_page} >= counted
    # A comment leaves out the arithmetic of slices that passed; what it shows is the page's, word for word.
    assert [row for row in on_page if row in in_comment] == in_comment
    assert {row[0] for row in in_comment} >= counted


@many
@given(reports)
def test_assumptions_names_and_digests_are_the_same_everywhere(shown: Report) -> None:
    for face in (text(shown, width=WIDE), comment(shown).text_content(), page(shown).text_content()):
        for sentence in shown.assumptions:
            assert sentence in face
        for each in (shown.candidate, shown.baseline):
            assert each is not None
            assert each.name in face
            assert each.digest[:12] in face
        assert "2 000 examples" in face.replace("\u2009", " ").replace("\u00a0", " ")


@many
@given(reports)
def test_what_is_not_counted_is_a_pass_nowhere(shown: Report) -> None:
    aside = [each for each in told(shown) if each["advisory"]]
    ticked = [row.text_content() for row in comment(shown).iter("tr") if "✅" in row.text_content()]
    assert len(ticked) == sum(1 for each in told(shown) if each["verdict"] == "pass" and not each["advisory"])
    listed = f"listed, not counted: {len(aside)}\n"
    assert (listed in text(shown, width=WIDE)) is bool(aside)
    drawn = page(shown).xpath("//span[contains(@class, 'verdict')][span[text()='–']]")
    assert len([badge for badge in drawn if badge.getparent().get("class") == "judgement"]) == len(aside)
    number = "1 finding is" if len(aside) == 1 else f"{len(aside)} findings are"
    assert (f"{number} listed in the report and not counted." in annotations(shown)) is bool(aside)


@many
@given(reports)
def test_no_shown_figure_flatters_the_candidate(shown: Report) -> None:
    for each, (candidate, production, difference, _) in zip(told(shown), map(cells, told(shown)), strict=True):
        sign = -1 if each["better"] == "lower" else 1
        assert sign * float(candidate.split(" ")[0]) <= sign * each["candidate"] + 1e-12
        if production != NONE:
            share = 100 if each["scale"] == "relative" else 1
            numbers = [float(number) / share for number in re.findall(r"[+-]?\d+\.?\d*", difference)]
            raw = (each["difference"], *each["interval"])
            assert all(sign * seen <= sign * real + 1e-12 for seen, real in zip(numbers, raw, strict=True))


@many
@given(reports)
def test_a_plain_terminal_is_told_the_same_with_other_signs(shown: Report) -> None:
    plain = text(shown, width=WIDE, unicode=False)
    assert re.findall(r"[+-]?\d+\.\d+", plain) == re.findall(r"[+-]?\d+\.\d+", text(shown, width=WIDE))
    coloured = text(shown, width=WIDE, colour=True)
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == text(shown, width=WIDE)


@many
@given(reports)
def test_a_drawing_on_the_page_says_the_figures_of_its_row(shown: Report) -> None:
    for row in page(shown).xpath("//table[contains(@class, 'judged')]/tbody/tr[@role='row'][.//svg]"):
        spoken = spaced(row.find(".//desc").text)
        by_label = {cell.get("data-label", ""): spaced(" ".join(cell.itertext())) for cell in row.findall("td")}
        change, _, bounds = by_label["Difference"].partition(" [")
        assert spoken == f"difference {change}, bounds [{bounds}, accepted loss {by_label['Margin']}"

"""Text from outside stays text in every medium; rendered for real where there is a renderer."""

from __future__ import annotations

import re
import time
import unicodedata
from xml.etree import ElementTree

import cmarkgfm
import lxml.html
import pytest
from cmarkgfm.cmark import Options
from golden.reports import HOSTILE
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlci.render import escape

# Mostly what a parser cares about, so that random text finds combinations nobody thought of.
NASTY = st.text(
    st.one_of(st.sampled_from("\\`*_{}[]()<>#+-.!|~@&$^:=/%\"' \n\t0a1bwW"), st.characters(exclude_categories=["Cs"])),
    max_size=60,
)
WORDS = st.lists(
    st.sampled_from(
        ["www.", "http://", "x@y.z", "#1", "@a", "GH-1", "<!--", "-->", "```", "~~~", "|", "\\", "`", ":a:"]
    ),
    max_size=8,
).map("".join)


def rendered(source: str) -> lxml.html.HtmlElement:
    html = cmarkgfm.github_flavored_markdown_to_html(source, Options.CMARK_OPT_UNSAFE)
    return lxml.html.document_fromstring(f"<body>{html}</body>").body


def visible(element: lxml.html.HtmlElement) -> str:
    return " ".join(element.text_content().replace("\u2060", "").split())


def said(text: str) -> str:
    return " ".join(escape.cleaned(text, 1200).replace("\u2060", "").split())


@pytest.mark.parametrize(
    ("hostile", "left"),
    [
        ("a\x1b[2Jb", "ab"),
        ("a\x1b[31;1mb\x1b[0m", "ab"),
        ("a\x9b5;5Hb", "ab"),
        ("a\x1b]8;;http://x\x07b\x1b]8;;\x1b\\c", "abc"),
        ("a\x1b]0;never closed", "a0;never closed"),
        ("a\x1bcb", "ab"),
        ("a\rb\nc\td\x0be\x0cf", "a b c d e f"),
        ("a\x00\x08\x7f\x85b", "a b"),
        ("a\u2028b\u2029c", "a b c"),
        ("\u202eabc\u202c\u2066d\u2069\u200e\u200f\u061c", "abcd"),
        ("a\u200bb\ufeffc\u00add\u2060e\U000e0041f", "abcdef"),
        ("a\ud800b", "a\ufffdb"),
        ("a\ufffe\uffffb", "ab"),
        ("नि\u200dक", "नि\u200dक"),
        ("naïve 東京 é", "naïve 東京 é"),
        ("a" + "\u0301" * 50, "a" + "\u0301" * 3),
        ("   ", ""),
    ],
)
def test_only_what_a_reader_can_see_is_kept(hostile: str, left: str) -> None:
    assert escape.cleaned(hostile) == left


def test_long_text_is_cut_and_says_so() -> None:
    assert escape.cleaned("x" * 500) == "x" * 199 + "…"
    assert escape.cleaned("x" * 200) == "x" * 200
    assert len(escape.cleaned("é" * 10_000, 50)) == 50


@settings(deadline=None)
@given(st.text(max_size=300))
def test_cleaned_text_has_no_control_direction_or_line_break(text: str) -> None:
    cleaned = escape.cleaned(text)
    assert len(cleaned) <= 200
    assert all(
        unicodedata.category(c)[0] != "C" or c in "\u200c\u200d" or c.isprintable() or is_private(c) for c in cleaned
    )
    assert not set(cleaned) & set("\n\r\t\x1b\u2028\u2029")
    assert escape.cleaned(cleaned) == cleaned


def is_private(letter: str) -> bool:
    return unicodedata.category(letter) == "Co"


def test_a_very_long_and_broken_control_sequence_takes_no_time() -> None:
    started = time.perf_counter()
    for piece in ("\x1b]", "\x9d", "\x1b[", "\x1b[0;", "\x1bP", "\x90\x1b"):
        escape.cleaned(piece * 200_000, 1200)
    escape.cleaned("é" * 20_000_000)
    assert time.perf_counter() - started < 2


@settings(deadline=None)
@given(st.one_of(NASTY, WORDS))
def test_running_text_renders_as_the_very_text_and_nothing_else(text: str) -> None:
    body = rendered(f"Because {escape.markdown(text)} so.")
    assert {element.tag for element in body.iter()} <= {"body", "p"}
    assert visible(body) == " ".join(f"Because {said(text)} so.".split())


@settings(deadline=None)
@example("a & b &amp; c &#64;d")
@given(st.one_of(NASTY, WORDS))
def test_no_letter_of_markdown_syntax_survives_in_the_source(text: str) -> None:
    written = escape.markdown(text)
    assert not set(written) & set("<>|`*[]\\~$^{}")
    assert not re.search(r"&(?!#[0-9]+;)", written), "every entity is one of ours"


@pytest.mark.parametrize(
    "block",
    ["- a", "+ a", "* a", "1. a", "12) a", "---", "===", "- [x] a", "# a", "> a", "```", "~~~", "    a", "| a |"],
)
def test_no_block_of_markdown_begins_with_text_from_outside(block: str) -> None:
    body = rendered(escape.markdown(block))
    assert [element.tag for element in body.iter()] == ["body", "p"]
    assert visible(body) == block.strip()


@settings(deadline=None)
@example("0@.A")
@given(st.one_of(NASTY, WORDS).filter(lambda text: said(text) != ""))
def test_running_text_stays_text_even_at_the_start_of_a_block(text: str) -> None:
    body = rendered(escape.markdown(text))
    assert {element.tag for element in body.iter()} <= {"body", "p"}
    assert visible(body) == said(text)


@settings(deadline=None)
@given(st.one_of(NASTY, WORDS).filter(lambda text: said(text) != ""))
def test_a_name_fills_exactly_one_cell_of_a_table(text: str) -> None:
    body = rendered(f"| {escape.code(text)} | b |\n| --- | --- |\n| {escape.code(text)} | {escape.markdown(text)} |")
    tags = {element.tag for element in body.iter()}
    assert tags <= {"body", "table", "thead", "tbody", "tr", "th", "td", "code"}
    assert [len(row) for row in body.iter("tr")] == [2, 2]
    first, second = body.iter("tr")
    assert visible(first[0]) == said(escape.cleaned(text)) == visible(second[0])
    assert visible(second[1]) == said(text)
    assert [child.tag for child in second[0]] == ["code"]


@pytest.mark.parametrize(
    "reference",
    ["@octocat", "@org/team", "#1", "org/repo#2", "GH-3", "gh-3", "!4", "%5", "~6", "$7", "&8", "^9", '%"next"',
     ":tada:", "http://x.example", "HTTPS://X.example", "ftp://x.example", "www.x.example", "WWW.x.example",
     "a@b.example", "mailto:a@b.example", "[vulnerability:1]", "{+ added +}", "[- gone -]", "[[_TOC_]]"],
)  # fmt: skip
def test_nothing_that_a_forge_turns_into_a_link_or_a_ping_survives(reference: str) -> None:
    body = rendered(f"See {escape.markdown(reference)} there.")
    assert not list(body.iter("a"))
    shown = body.text_content().strip()
    assert reference not in shown, "a forge looks for references in the rendered text, so it must be broken there"
    assert shown.replace("\u2060", "") == f"See {reference} there."


@pytest.mark.parametrize("ordinary", ["f1 0.8741 vs production", "95 %, and 3 < 4?", "roc_auc of 0.5 (a-b), e.g. x.y"])
def test_ordinary_sentences_stay_readable_in_the_source(ordinary: str) -> None:
    assert escape.markdown(ordinary).replace("&#60;", "<") == ordinary


@pytest.mark.parametrize(
    "name", ["roc_auc", "region=north", "a/b.csv", "stadt=Köln", "x*y", "plan [trial]", "a\\b.csv"]
)
def test_ordinary_names_are_plain_code_spans(name: str) -> None:
    assert escape.code(name) == f"`{name}`"


def test_a_name_without_any_visible_letter_is_called_empty() -> None:
    assert escape.code("\u200b \n") == "`(empty)`"


def test_a_name_pings_nobody_even_where_the_source_is_searched() -> None:
    assert "@octocat" not in escape.code("@octocat")
    assert visible(rendered(escape.code("@octocat"))) == "@octocat"


def test_the_marker_of_a_comment_cannot_be_forged() -> None:
    for forged in ("<!-- mlci -->", "<!-- mlci"):
        assert "<!--" not in escape.markdown(forged)
        assert "<!--" not in escape.code(forged)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_xml_carries_any_text(text: str) -> None:
    element = ElementTree.Element("a", b=escape.xml(text))
    element.text = escape.xml(text)
    parsed = ElementTree.fromstring(ElementTree.tostring(element, encoding="utf-8"))
    assert parsed.get("b") == (parsed.text or "") == escape.xml(text)


def unescaped(data: str) -> str:
    for written, letter in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        data = data.replace(written, letter)
    return data


@settings(deadline=None)
@given(st.text(max_size=200))
def test_a_workflow_command_carries_any_text_on_one_line(text: str) -> None:
    data, title = escape.command_data(text), escape.command_property(text)
    assert len(data.splitlines()) <= 1
    assert not set(title) & set(":,\n\r")
    assert not re.search(r"%(?!25|0D|0A)", data)
    assert unescaped(data) == unescaped(title) == escape.log_line(escape.cleaned(text))


def test_percent_signs_in_a_command_are_escaped_once() -> None:
    assert escape.command_data("100 %, a:b") == "100 %25, a:b"
    assert escape.command_property("100 %, a:b") == "100 %25%2C a%3Ab"


def test_a_command_never_exceeds_its_limit_nor_ends_inside_an_escape() -> None:
    data = escape.command_data("%" * 5000)
    assert len(data) <= 4096
    assert len(data) % 3 == 0


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("::error::x", ": :error::x"),
        ("   ::add-mask::e", "   : :add-mask::e"),
        ("a ##[add-mask]e", "a # #[add-mask]e"),
        ("std::vector", "std::vector"),
        ("### [a]", "### [a]"),
    ],
)
def test_a_log_line_is_never_a_command_to_the_runner(line: str, shown: str) -> None:
    assert escape.log_line(line) == shown


@settings(deadline=None)
@given(st.text(max_size=300), st.integers(1, 300), st.integers(20, 400))
def test_text_fits_its_room_once_escaped(text: str, limit: int, room: int) -> None:
    assert len(escape.within(escape.markdown, text, limit, room)) <= max(room, 13)


def test_the_hostile_sample_is_as_hostile_as_it_claims() -> None:
    for piece in ("\x1b[2J", "\u202e", "##[", "@octocat", "<script>", "<!--", "\r\n", "\x00", "\ud800", "|", "```"):
        assert piece in HOSTILE

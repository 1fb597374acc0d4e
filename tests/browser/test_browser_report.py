"""The HTML report looked at by a real browser: readable at every width, in both themes, on paper, and inert."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.conftest import Watched
from golden import reports
from playwright.sync_api import Page

from mlci.render.html import MOST_ROWS, html

Show = Callable[..., Watched]

PAGES = {name: html(make()) for name, make in reports.ALL.items()}
SIZES = [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")]
# 210 mm of paper less two margins of 14 mm, at 96 dots an inch.
A4 = 688
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def open_folds(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true })")


@pytest.mark.parametrize(("width", "scheme"), SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_readable_and_quiet(show: Show, name: str, width: int, scheme: str) -> None:
    seen = show(PAGES[name], width=width, scheme=scheme)
    heading = seen.page.locator("h1")
    box = heading.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 400, "the verdict stands above the fold"
    assert heading.inner_text().split()[-1].lower() == reports.ALL[name]().verdict.value
    assert seen.page.locator(".reason").is_visible()
    for opened in (False, True):
        if opened:
            open_folds(seen.page)
        scroll, window = seen.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert scroll <= window, "the page never scrolls sideways"
    assert seen.complaints == []
    assert [url for url in seen.requests if not url.startswith(("about:", "data:"))] == []
    assert seen.dialogs == []


@pytest.mark.parametrize(("width", "scheme"), SIZES)
@pytest.mark.parametrize("name", ["pass", "fail", "slices", "unverified", "hostile"])
def test_every_drawing_has_a_size_and_stays_in_its_cell(show: Show, name: str, width: int, scheme: str) -> None:
    page = show(PAGES[name], width=width, scheme=scheme).page
    open_folds(page)
    drawings = page.locator("td.drawn svg[role=img]")
    drawn = [finding for finding in reports.ALL[name]().findings if finding.difference is not None]
    assert drawings.count() == len(drawn)
    outside = page.evaluate(
        """() => [...document.querySelectorAll('td.drawn svg')].filter(svg => {
            const own = svg.getBoundingClientRect(), cell = svg.parentElement.getBoundingClientRect()
            const parts = [...svg.querySelectorAll('circle, path, line, rect')].map(p => p.getBoundingClientRect())
            return own.width < 100 || own.height < 15 || own.left < cell.left - 1 || own.right > cell.right + 1
                || own.left < 0 || own.right > Math.max(innerWidth, svg.closest('.scroll').scrollWidth)
                || parts.some(p => p.left < own.left - 2 || p.right > own.right + 2)
        }).length"""
    )
    assert outside == 0


@pytest.mark.parametrize("width", [1280, 360])
def test_point_bounds_zero_and_margin_stand_where_their_numbers_are(show: Show, width: int) -> None:
    page = show(PAGES["fail"], width=width).page
    places = page.evaluate(
        """() => [...document.querySelectorAll('td.drawn svg[role=img]')].map(svg => {
            const x = name => { const b = svg.querySelector(name).getBoundingClientRect(); return b.left + b.width / 2 }
            return [x('.margin'), x('.point'), x('.zero')]
        })"""
    )
    accuracy, f1, latency, rmse = places
    for margin, point, zero in (accuracy, f1):
        assert point < margin < zero, "more is lost than accepted"
    for margin, point, zero in (latency, rmse):
        assert margin < point < zero, "a loss within what is accepted; for lower-is-better it also points left"
    assert accuracy[2] == f1[2], "rows of one scale share their zero"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width"), [*((name, 1280) for name in PAGES), ("slices", 360), ("fail", 360)])
def test_axe_finds_nothing_to_complain_about(show: Show, name: str, width: int, scheme: str) -> None:
    page = show(PAGES[name], width=width, scheme=scheme).page
    open_folds(page)
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}})
    told = [
        (rule["id"], node["target"], node.get("failureSummary", ""))
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ]
    assert told == []
    checked = {rule["id"] for rule in found.response["passes"]}
    assert {"color-contrast", "document-title", "html-has-lang", "page-has-heading-one"} <= checked


def test_the_two_themes_differ(show: Show) -> None:
    colours = {
        scheme: show(PAGES["fail"], scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert colours == {"light": "rgb(252, 251, 248)", "dark": "rgb(19, 20, 22)"}


@pytest.mark.parametrize("name", ["fail", "slices"])
def test_paper_is_light_and_shows_what_the_screen_folds(show: Show, name: str) -> None:
    page = show(PAGES[name], width=A4, scheme="dark").page
    folded = page.locator("details .inner").all()
    assert folded
    assert not any(inner.is_visible() for inner in folded)
    page.emulate_media(media="print", color_scheme="dark")
    assert all(inner.is_visible() for inner in folded)
    assert all((inner.bounding_box() or {"height": 0})["height"] > 30 for inner in folded)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('tr')).breakInside") == "avoid"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_fold_opens_by_keyboard_and_shows_where_the_focus_is(show: Show) -> None:
    page = show(PAGES["slices"]).page
    for _ in range(20):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert outline == "3px"
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    assert not page.locator("details .inner").first.is_visible()
    page.keyboard.press("Enter")
    assert page.locator("details .inner").first.is_visible()


def test_nothing_moves_for_whoever_wants_nothing_to_move(show: Show) -> None:
    moving = "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).transitionDuration !== '0s').length"
    assert show(PAGES["slices"]).page.evaluate(moving) == 0


def test_hostile_text_stays_text(show: Show) -> None:
    seen = show(PAGES["hostile"])
    open_folds(seen.page)
    seen.page.wait_for_timeout(200)
    assert seen.dialogs == []
    assert seen.complaints == []
    for element in ("script", "img", "iframe", "a", "b", "form", "object"):
        assert seen.page.locator(element).count() == 0
    assert seen.page.evaluate("document.body.children.length") == 1
    assert "<script>alert(2)</script>" in seen.page.locator("h1 + p").inner_text()
    assert seen.page.evaluate(
        "[...document.querySelectorAll('*')].every(e => !e.getAttributeNames().some(n => n.startsWith('on')))"
    )


def test_a_script_would_not_run_even_if_one_slipped_in(show: Show) -> None:
    page = PAGES["pass"].replace(
        "</main>", "<script>document.title = 'owned'</script><img src='https://x.example/'></main>"
    )
    seen = show(page)
    seen.page.wait_for_timeout(200)
    assert seen.page.title() == "Pass: gate-compare churn"
    assert len([told for told in seen.complaints if "Content Security Policy" in told]) == 2


def test_ten_thousand_slices_open_with_as_many_rows_as_a_page_holds_and_say_so(show: Show) -> None:
    page = show(html(reports.many())).page
    assert page.locator("h1").is_visible()
    assert MOST_ROWS <= page.locator("tbody tr[role=row]").count() < 2 * MOST_ROWS
    assert "the worst first; the JSON report holds them all" in page.locator("main").inner_text()

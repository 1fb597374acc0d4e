"""A real browser for the page: found on this machine, told by MLCI_CHROMIUM, or the tests are skipped (never in CI)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CALLED = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
# No sandbox: in a container there is none to be had, and the page under test loads nothing from anywhere.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]


def executable() -> str:
    found = os.environ.get("MLCI_CHROMIUM") or next(filter(None, map(shutil.which, CALLED)), None)
    if found is None:
        message = f"no browser: none of {', '.join(CALLED)} is on PATH; install one or set MLCI_CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page and everything it did that a report has no business doing."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@pytest.fixture
def show(browser: Browser) -> Iterator[object]:
    """Opens HTML in a window of its own and watches it."""
    contexts = []

    def opened(html: str, *, width: int = 1280, scheme: str = "light") -> Watched:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        watched = Watched(page)
        page.on("console", lambda message: watched.complaints.append(message.text))
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        page.on("request", lambda request: watched.requests.append(request.url))
        page.on("dialog", lambda dialog: (watched.dialogs.append(dialog.message), dialog.dismiss()))
        page.set_content(html)
        return watched

    yield opened
    for context in contexts:
        context.close()

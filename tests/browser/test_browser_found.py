"""Without a browser the tests skip where somebody works and fail where nobody would notice."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.conftest import executable


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("MLCI_CHROMIUM", raising=False)
    monkeypatch.delenv("CI", raising=False)
    return monkeypatch


def test_no_browser_is_a_reason_to_skip(nowhere: pytest.MonkeyPatch) -> None:
    with pytest.raises(pytest.skip.Exception, match="install one or set MLCI_CHROMIUM"):
        executable()


def test_no_browser_in_ci_is_a_failure(nowhere: pytest.MonkeyPatch) -> None:
    nowhere.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="chromium-headless-shell"):
        executable()


def test_the_environment_overrides_the_path(nowhere: pytest.MonkeyPatch) -> None:
    nowhere.setenv("MLCI_CHROMIUM", "/opt/chrome")
    assert executable() == "/opt/chrome"

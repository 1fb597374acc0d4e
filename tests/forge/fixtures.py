"""The fixture ``github``; a conftest imports it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from forge.contract import description_file

if TYPE_CHECKING:
    from forge.github import GitHub


def missing(reason: str) -> None:
    """Skip, with the reason; fail where continuous integration runs, which has to have everything."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def need_description() -> None:
    """Skip where the published description is not at hand; fail where its folder is and it is not."""
    file = description_file()
    if not file.is_file():
        reason = f"{file} is missing: GitHub's OpenAPI description (name its folder in MLCI_SPECS)"
        if file.parent.is_dir():
            missing(reason)
        pytest.skip(reason)


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    """A GitHub on the loopback; the test fails where anything broke the published description."""
    need_description()
    from forge.github import GitHub

    forge = GitHub(tmp_path / "github")
    try:
        yield forge
    finally:
        forge.close()
    forge.check()

"""The fixture ``gitlab``; a conftest imports it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from forge.fixtures import need_description

from gitlab_server.contract import FILE

if TYPE_CHECKING:
    from gitlab_server.gitlab import GitLab


@contextmanager
def loopback(folder: Path) -> Iterator[GitLab]:
    """A GitLab on the loopback, whose end fails where anything broke the contract."""
    from gitlab_server.gitlab import GitLab

    server = GitLab(folder)
    try:
        yield server
    finally:
        server.close()
    server.check()


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[GitLab]:
    """A GitLab on the loopback; the test fails where anything broke the contract."""
    need_description("GitLab", FILE)
    with loopback(tmp_path / "gitlab") as server:
        yield server

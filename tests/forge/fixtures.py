"""The fixture ``github``; a conftest imports it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from forge.contract import FILE, description_file

if TYPE_CHECKING:
    from forge.github import GitHub


def missing(reason: str) -> None:
    """Skip, with the reason; fail where continuous integration runs, which has to have everything."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def need_description(service: str = "GitHub", name: str = FILE) -> None:
    """Skip where a published description is not at hand; fail where its folder is and it is not."""
    file = description_file(name)
    if not file.is_file():
        reason = f"{file} is missing: {service}'s OpenAPI description (name its folder in MLCI_SPECS)"
        if file.parent.is_dir():
            missing(reason)
        pytest.skip(reason)


@contextmanager
def loopback(folder: Path) -> Iterator[GitHub]:
    """A GitHub on the loopback, whose end fails where anything broke the published description."""
    from forge.github import GitHub

    forge = GitHub(folder)
    try:
        yield forge
    finally:
        forge.close()
    forge.check()


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    """A GitHub on the loopback; the test fails where anything broke the published description."""
    need_description()
    with loopback(tmp_path / "github") as forge:
        yield forge


@pytest.fixture(scope="session")
def emulate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of emulate, a stateful GitHub by other makers."""
    from forge import emulated

    node = emulated.find_node()
    if node is None or not emulated.SCRIPT.is_file():
        missing("emulate is missing: `make setup` installs it into tests/node/node_modules")
    with emulated.running(str(node), tmp_path_factory.mktemp("emulate")) as port:
        yield port


@pytest.fixture
def two_githubs(github: GitHub, emulate: int) -> Iterator[GitHub]:
    """``github`` with emulate behind it: what both know is asked of both, which must agree."""
    from forge.emulated import Emulated

    behind = Emulated(emulate, github.traffic)
    github.front.behind = behind
    try:
        yield github
    finally:
        behind.close()

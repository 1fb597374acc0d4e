"""What every test shares."""

from __future__ import annotations

import pytest
from forge.fixtures import emulate, github, two_githubs  # noqa: F401 - fixtures are found by their names
from gitlab_server.fixtures import gitlab  # noqa: F401 - the same


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files instead of comparing")

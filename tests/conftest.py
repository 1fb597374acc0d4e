"""What every test shares."""

from __future__ import annotations

import pytest

from forge.fixtures import github  # noqa: F401 - a fixture is found by its name


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files instead of comparing")

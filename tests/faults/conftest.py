"""One process that runs mlci for all, and the repository that each test takes a copy of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.chain import Repository, repository

from faults.chained import Forks, copy_of


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Runs of mlci."""
    found = Forks(tmp_path_factory.mktemp("forks") / "log")
    yield found
    found.close()


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Repository:
    """A repository whose first model is production, with a commit for the second, no worse and not yet trained."""
    found = repository(tmp_path_factory.mktemp("faults") / "r")
    assert forks.run(found.folder).status == 0
    found.set(49)
    found.commit()
    return found


@pytest.fixture
def copied(second: Repository, tmp_path: Path) -> Repository:
    """A copy of it that a test may change."""
    return copy_of(second, tmp_path / "copy")


@pytest.fixture
def fresh(tmp_path: Path) -> Repository:
    """A repository in which nothing was trained yet."""
    return repository(tmp_path / "fresh")

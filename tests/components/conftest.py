"""The fixture ``local``: a real runner of GitLab pipelines."""

from __future__ import annotations

from pathlib import Path

import pytest
from forge.fixtures import missing
from local import SCRIPT, Local, find_node


@pytest.fixture
def local(tmp_path: Path) -> Local:
    """Runs pipelines that take our components in."""
    node = find_node()
    if node is None or not SCRIPT.is_file():
        missing("gitlab-ci-local is missing: `make setup` installs it into tests/node/node_modules")
    return Local(str(node), tmp_path / "local")

"""The fixtures ``local``, a real runner of GitLab pipelines, and ``lab``, the same against the loopback GitLab."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from forge.fixtures import missing
from lab import Lab
from local import SCRIPT, Local, find_node

if TYPE_CHECKING:
    from gitlab_server.gitlab import GitLab


@pytest.fixture
def local(tmp_path: Path) -> Local:
    """Runs pipelines that take our components in."""
    node = find_node()
    if node is None or not SCRIPT.is_file():
        missing("gitlab-ci-local is missing: `make setup` installs it into tests/node/node_modules")
    return Local(str(node), tmp_path / "local")


@pytest.fixture
def lab(gitlab: GitLab, local: Local, tmp_path: Path) -> Lab:
    """Runs the pipelines of the loopback's projects; a project named later gives it its token by ``lab.token``."""
    folder = tmp_path / "lab"
    folder.mkdir()
    return Lab(gitlab, local, folder)

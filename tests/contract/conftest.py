"""The loopback GitHub and GitLab, for contracts that they have to keep too."""

from __future__ import annotations

from forge.fixtures import github
from gitlab_server.fixtures import gitlab

__all__ = ["github", "gitlab"]

"""Every operation that the loopback serves: importing the modules registers them."""

from __future__ import annotations

from gitlab_server import (
    approving,
    conversation,
    deploying,
    graphql,
    membership,
    merge_requests,
    pipelines,
    repositories,
    settings,
    statuses,
)
from gitlab_server.routing import OPERATIONS

__all__ = [
    "OPERATIONS", "approving", "conversation", "deploying", "graphql", "membership", "merge_requests", "pipelines",
    "repositories", "settings", "statuses",
]  # fmt: skip

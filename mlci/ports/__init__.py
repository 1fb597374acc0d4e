"""What steps ask of the world, each port as small as the steps need it."""

from mlci.ports.forge import (
    NONE,
    Artifact,
    Baselines,
    Check,
    Comment,
    Commits,
    Conversation,
    Job,
    Kept,
    MoreFace,
    Runs,
    State,
    Status,
    Thread,
    Threads,
)
from mlci.ports.models import Candidate, Earlier, Entry, Registry, Trained, Unscored, Version, Workshop
from mlci.ports.table import Table, Texts

__all__ = [
    "NONE",
    "Artifact",
    "Baselines",
    "Candidate",
    "Check",
    "Comment",
    "Commits",
    "Conversation",
    "Earlier",
    "Entry",
    "Job",
    "Kept",
    "MoreFace",
    "Registry",
    "Runs",
    "State",
    "Status",
    "Table",
    "Texts",
    "Thread",
    "Threads",
    "Trained",
    "Unscored",
    "Version",
    "Workshop",
]

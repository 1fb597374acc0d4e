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
from mlci.ports.functions import Functions, Sample
from mlci.ports.models import Candidate, Earlier, Entry, Operated, Registry, Trained, Unscored, Version, Workshop
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
    "Functions",
    "Job",
    "Kept",
    "MoreFace",
    "Operated",
    "Registry",
    "Runs",
    "Sample",
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

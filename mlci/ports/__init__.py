"""What steps ask of the world, each port as small as the steps need it."""

from mlci.ports.engine import Engine, Kind, Source
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
    "Engine",
    "Entry",
    "Functions",
    "Job",
    "Kept",
    "Kind",
    "MoreFace",
    "Operated",
    "Registry",
    "Runs",
    "Sample",
    "Source",
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

"""Where the baseline of a change comes from, and how an accepted run is kept for later ones."""

from mlci.adapters.baselines.artifacts import ArtifactBaselines
from mlci.adapters.baselines.choice import Chosen, PassedOver, accepted, choose
from mlci.adapters.baselines.folder import clear, fill
from mlci.adapters.baselines.layout import MODEL
from mlci.adapters.baselines.memory import KEPT, LARGEST_KEPT, Found, Memory, decoded, encoded, joined, looks_of
from mlci.adapters.baselines.prefix import StoreBaselines

__all__ = [
    "KEPT",
    "LARGEST_KEPT",
    "MODEL",
    "ArtifactBaselines",
    "Chosen",
    "Found",
    "Memory",
    "PassedOver",
    "StoreBaselines",
    "accepted",
    "choose",
    "clear",
    "decoded",
    "encoded",
    "fill",
    "joined",
    "looks_of",
]

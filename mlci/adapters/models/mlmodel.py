"""What an ``MLmodel`` file says of a model, without what MLflow makes anew at each save."""

from __future__ import annotations

import json
from typing import Any

from mlci.adapters.values import Unusable, read_yaml

NAME = "MLmodel"
# MLflow writes this into a stored model when it is loaded through the registry.
ADDED = frozenset({"registered_model_meta"})
LARGEST = 1 << 20
# Who saved it, where and when. Nothing that decides how the model is loaded is among them; see ``Model`` in
# mlflow/models/model.py.
_RANDOM = frozenset(
    {"run_id", "model_uuid", "model_id", "utc_time_created", "artifact_path", "model_size_bytes"} | ADDED
)
_MOST_VALUES = 100_000


def is_one(path: str) -> bool:
    """Whether a file of a model is an ``MLmodel``; a model can hold another as one of its parts."""
    return path.rpartition("/")[2] == NAME


def meaning(content: bytes) -> bytes | None:
    """The same bytes for two saves of one model; None where the content cannot be understood and counts as it is.

    Sorted JSON of the mapping without its random keys, at the top only.
    """
    if len(content) > LARGEST:
        return None
    try:
        document = read_yaml(content)
        if not isinstance(document, dict) or not isinstance(document.get("flavors"), dict):
            return None
        kept = {name: value for name, value in document.items() if name not in _RANDOM}
        return json.dumps(_Typed().of(kept), sort_keys=True, separators=(",", ":")).encode()
    except (Unusable, ValueError, TypeError, RecursionError):
        return None


class _Typed:
    """YAML's values as JSON with nothing lost: what JSON does not have is written with its type.

    The key NUL marks these, which no YAML can hold.
    """

    def __init__(self) -> None:
        self._values = 0

    def of(self, value: Any) -> Any:
        self._values += 1
        # An alias stands for all that it names, so a small file can hold more than any memory.
        if self._values > _MOST_VALUES:
            raise ValueError("too many values")
        if isinstance(value, list):
            return [self.of(inner) for inner in value]
        if isinstance(value, dict):
            if all(isinstance(name, str) for name in value):
                return {name: self.of(inner) for name, inner in value.items()}
            return {"\0pairs": sorted(json.dumps([self.of(one), self.of(value[one])], sort_keys=True) for one in value)}
        if value is None or isinstance(value, (str, bool, int)):
            return value
        return {f"\0{type(value).__name__}": repr(value)}

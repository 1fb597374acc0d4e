"""The part of the configuration that data are judged by, as one digest."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mlci.config.model import Config
from mlci.domain.inputs import digest_of_values

# What counts faster or elsewhere, what is shown, and what model-ci asks for changes no verdict.
_BESIDE = ("engine", "memory", "sample", "show_values", "required")
# Which data they are, and what their contract says, is held against the evidence by digest.
_OF_DATA = ("path", "database", "query", "contract")


def judging_digest(config: Config) -> str:
    """sha256 of every setting that a verdict on data depends on, besides the data and their contracts."""
    data = {name: value for name, value in asdict(config.data).items() if name not in _BESIDE}
    for role in ("train", "holdout"):
        data[role] = {name: value for name, value in data[role].items() if name not in _OF_DATA}
    return digest_of_values(_plain({"data": data, "target": config.evaluate.target, "id": config.evaluate.id}))


def is_checked(config: Config) -> bool:
    """Whether nothing may be trained without evidence that exactly the data which are read passed their check."""
    required = config.data.required
    return config.data.train.contract is not None if required is None else required


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)

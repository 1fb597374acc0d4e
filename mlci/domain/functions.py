"""Functions of the user's that measure a model, as evidence names them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Called:
    """A function that was called; its values stand with the other numbers, so that nobody has to call it again."""

    metric: str = field(metadata={"help": "Name of the metric."})
    call: str = field(metadata={"help": "The function, as <file>.py:<name>."})
    digest: str = field(metadata={"help": "sha256 of its file, in hexadecimal."})


def split(call: str) -> tuple[str, str]:
    """File and name of a function.

    >>> split("gate/metrics.py:profit")
    ('gate/metrics.py', 'profit')
    """
    file, _, name = call.rpartition(":")
    return file, name

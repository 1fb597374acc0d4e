"""Every operation that the loopback serves: importing the modules registers them."""

from __future__ import annotations

from forge import changes, comments, contents, deploying, gitdata, people, pipelines, rules, verdicts
from forge.routing import OPERATIONS

__all__ = [
    "OPERATIONS", "changes", "comments", "contents", "deploying", "gitdata", "people", "pipelines", "rules", "verdicts",
]  # fmt: skip

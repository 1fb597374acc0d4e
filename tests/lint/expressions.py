"""What GitHub's own evaluator makes of expressions."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from linters import NODE, lacking, tool


def evaluated(*texts: str, contexts: list[dict[str, Any]]) -> list[list[str]]:
    """What GitHub's evaluator makes of expressions, each in every context."""
    library = NODE / "@actions" / "expressions"
    if not library.is_dir():
        lacking("@actions/expressions is not installed; run make setup")
    bare = [text.removeprefix("${{").removesuffix("}}").strip() for text in texts]
    given = json.dumps({"library": library.as_uri(), "expressions": bare, "contexts": contexts})
    command = [tool("node"), str(Path(__file__).with_name("expressions.mjs"))]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    return found

"""code-ci: run the checks of the code side by side within a budget, and say what failed and what took longest."""

from __future__ import annotations

STEP = "code-ci"

"""Both runners: ``act`` for GitHub's workflows and ``lab`` for GitLab's pipelines."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("actions", "components")]

from acting import act, staged_tree  # noqa: E402, F401 - fixtures are found by their names
from labs import lab, local  # noqa: E402, F401 - the same

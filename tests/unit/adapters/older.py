"""An interpreter with a scikit-learn whose models today's cannot read, made from the wheels that make setup fetched."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

WHEELS = Path(__file__).parents[3] / ".venv" / "wheels"
UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
PYTHON = ".".join(platform.python_version_tuple()[:2])


def need_wheels() -> None:
    if not (WHEELS / ".ready").exists() or UV is None:
        why = "wheels of an older scikit-learn are missing: make setup fetches them"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)


def offline() -> Mapping[str, str]:
    """An environment in which uv finds the wheels and nothing else."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))},
        "PATH": f"{Path(UV or '').parent}:{os.environ['PATH']}",
        "UV_FIND_LINKS": str(WHEELS),
        "UV_NO_INDEX": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "PIP_FIND_LINKS": str(WHEELS),
        "PIP_NO_INDEX": "1",
    }


def lock(*, without: tuple[str, ...] = ()) -> str:
    """What the wheels have, as a lock of ours."""
    parts = sorted(path.name.split("-")[:2] for path in WHEELS.glob("*.whl"))
    lines = [f"{name}=={version}" for name, version in parts if name not in without]
    return "\n".join([f"# python: {PYTHON}.0", "# platform: here", *lines]) + "\n"

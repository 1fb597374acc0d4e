"""How much disk an installation takes: the core alone, then each extra, in a fresh environment without pip."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from measure import REPOSITORY, megabytes, process, table

EXTRAS = ("gate", "parquet")


def packages(environment: Path) -> Path:
    """Where an environment keeps what is installed."""
    return next(environment.glob("lib/python*/site-packages"))


def size(folder: Path) -> tuple[int, int]:
    """Bytes on disk, without and with compiled ``.pyc`` files; blocks are what a disk gives away."""
    plain = whole = 0
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            used = path.stat().st_blocks * 512
            whole += used
            plain += 0 if path.suffix == ".pyc" else used
    return plain, whole


def measured(title: str, environment: Path) -> list[str]:
    """One line of the table."""
    folder = packages(environment)
    distributions = sum(1 for _ in folder.glob("*.dist-info"))
    plain, whole = size(folder)
    return [title, str(distributions), megabytes(plain), megabytes(whole)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core-only", action="store_true", help="leave the extras out")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
        process([*pip, "wheel", "--no-deps", "--wheel-dir", name, str(REPOSITORY)])
        wheel = next(folder.glob("mlci-*.whl"))
        environment = folder / "environment"
        process([sys.executable, "-m", "venv", "--without-pip", str(environment)])
        # pip stays outside and installs into the new environment, so that it is not measured.
        install = [*pip, "--python", str(environment / "bin" / "python"), "install", "--compile"]
        process([*install, str(wheel)])
        rows = [[*measured("core", environment), "≤ 10 MB"]]
        for extra in () if given.core_only else EXTRAS:
            process([*install, f"mlci[{extra}] @ {wheel.as_uri()}"])
            rows.append([*measured(f"… and [{extra}]", environment), "–"])
    print(table(["installed", "distributions", "without .pyc", "with .pyc", "target"], rows))


if __name__ == "__main__":
    main()

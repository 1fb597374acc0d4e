"""``python -m mlci.surface generate [--check]`` and ``pin SHA``, run from the root of the repository."""

from __future__ import annotations

import sys
from pathlib import Path

from mlci.surface.generate import FIX, check, write
from mlci.surface.pin import repin

USAGE = f"usage: {FIX} [--check]\n       python -m mlci.surface pin SHA\n"


def main(arguments: list[str]) -> int:
    """Write, check (and exit 1 when something differs) or pin; anything else is a usage error."""
    root = Path.cwd()
    match arguments:
        case ["generate"]:
            return _done(write(root))
        case ["generate", "--check"]:
            return _check(root)
        case ["pin", sha]:
            return _pin(root, sha)
    sys.stderr.write(USAGE)
    return 2


def _done(lines: list[str]) -> int:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def _check(root: Path) -> int:
    found = check(root)
    sys.stdout.writelines(found)
    if found:
        sys.stdout.write(f"\nto fix: {FIX}\n")
    return 1 if found else 0


def _pin(root: Path, sha: str) -> int:
    try:
        lines = repin(root, sha)
    except ValueError as problem:
        sys.stderr.write(f"{problem}\n{USAGE}")
        return 2
    # The generated files name the commit that this process has read, so another one has to write them.
    return _done([*lines, f"now run {FIX}"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

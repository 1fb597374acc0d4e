"""``python -m mlci.surface generate [--check]``, run from the root of the repository."""

from __future__ import annotations

import sys
from pathlib import Path

from mlci.surface.generate import FIX, check, write

USAGE = f"usage: {FIX} [--check]\n"


def main(arguments: list[str]) -> int:
    """Write, or check and exit 1 when something differs; anything else is a usage error."""
    root = Path.cwd()
    if arguments == ["generate"]:
        sys.stdout.writelines(f"{line}\n" for line in write(root))
        return 0
    if arguments != ["generate", "--check"]:
        sys.stderr.write(USAGE)
        return 2
    found = check(root)
    sys.stdout.writelines(found)
    if found:
        sys.stdout.write(f"\nto fix: {FIX}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

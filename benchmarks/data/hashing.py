"""The identity of data beside ``dvc add``: at first, and when nothing changed."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from measure import process, table, times

OURS = "import sys; from mlci.adapters.disk.content import digest_of; print(digest_of(sys.argv[1], sys.argv[2]))"
SHAPES = {"10 files of 100 MB": (10, 100_000_000), "10 000 files of 50 kB": (10_000, 50_000)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, required=True, help="an environment with requirements.txt")
    given = parser.parse_args()
    lines = []
    for name, (files, size) in SHAPES.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "data").mkdir()
            for number in range(files):
                (folder / "data" / f"{number:05d}").write_bytes(os.urandom(size))
            dvc = [str(given.peers / "bin" / "dvc")]
            process([*dvc, "init", "--no-scm", "--quiet"], folder=folder)
            ours = [sys.executable, "-c", OURS, "data", "digests.db"]
            for when in ("at first", "unchanged"):
                mine = process(ours, folder=folder)
                theirs = process([*dvc, "add", "--quiet", "data"], folder=folder)
                lines.append([
                    name, when, f"{mine.wall_s:.2f} s", f"{theirs.wall_s:.2f} s",
                    times(theirs.wall_s, mine.wall_s), times(theirs.cpu_s, mine.cpu_s),
                ])  # fmt: skip
    print(table(["folder", "when", "mlci", "dvc add", "wall, dvc / mlci", "processor, dvc / mlci"], lines))


if __name__ == "__main__":
    main()

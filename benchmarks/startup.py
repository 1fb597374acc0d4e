"""How long ``mlci --help`` takes beside a bare ``import click``, as whole processes in turns."""

from __future__ import annotations

import argparse
import sys

from measure import in_turns, table, times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    rounds = parser.parse_args().rounds
    commands = {
        "import click": [sys.executable, "-c", "import click"],
        "mlci --help": [sys.executable, "-m", "mlci", "--help"],
        "mlci gate-compare --help": [sys.executable, "-m", "mlci", "gate-compare", "--help"],
    }
    runs = in_turns(commands, rounds)
    click = runs.pop("import click")
    rows = [
        [name, times(each.median_s, click.median_s), times(each.least_s, click.least_s), "≤ 3×"]
        for name, each in runs.items()
    ]
    print(table(["process / import click", "median", "best", "target"], rows))


if __name__ == "__main__":
    main()

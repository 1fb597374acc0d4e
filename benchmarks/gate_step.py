"""The whole gate step on a pull request, from its first line of bash to comment and status, by how it is started."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sampled
from measure import REPOSITORY, table, times
from proposal import BASH, Proposal
from wheels import fetch, lay_out, served

LOCK = REPOSITORY / "actions" / "locks" / "gate.txt"
# What an action of this kind needs, unlocked, by the recipe of the usual Python action: before it does anything.
PACKAGES = ("requests", "click", "jinja2", "pyyaml", "numpy")
MODULES = "requests, click, jinja2, yaml, numpy"
RECIPE = (
    f'python3 -m venv "$RUNNER_TEMP/peer" && "$RUNNER_TEMP/peer/bin/pip" install -q {" ".join(PACKAGES)}'
    f' && "$RUNNER_TEMP/peer/bin/python" -c "import {MODULES}"'
)
FIRST, LATER = "installed, first step of a job", "installed, a later step"
PEER = "venv and pip, cache warm"


@dataclass(frozen=True)
class Start:
    """A way to start.

    Attributes:
        environ: what it adds to the environment.
        keeps: folders that are there from the run before; the others are empty each time, as in a new job.
        peer: whether it is the other action's recipe, which stops where ours begins to work.
    """

    environ: Mapping[str, str]
    keeps: tuple[str, ...] = ()
    peer: bool = False


@dataclass
class Bench:
    """Runs the ways in turns.

    Attributes:
        folder: of everything that is written.
        proposal: what is judged.
    """

    folder: Path
    proposal: Proposal
    walls: dict[str, list[float]] = field(default_factory=dict)

    def once(self, name: str, start: Start) -> float:
        """Wall seconds of one start, its folders as that way has them."""
        places = {variable: self.place(name, variable) for variable in ("RUNNER_TEMP", "PIP_CACHE_DIR", "UV_CACHE_DIR")}
        for variable, place in places.items():
            if variable not in start.keeps:
                shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True, exist_ok=True)
        environ = {**start.environ, **{variable: str(place) for variable, place in places.items()}}
        return self.recipe(environ) if start.peer else self.proposal.seconds(environ)

    def place(self, name: str, variable: str) -> Path:
        """The folder of a way that a variable names."""
        return self.folder / variable.lower() / name.replace(" ", "-")

    @staticmethod
    def recipe(environ: Mapping[str, str]) -> float:
        """Wall seconds of the other action's start-up."""
        began = time.perf_counter()
        subprocess.run([BASH, "-euc", RECIPE], env=environ, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began

    def in_turns(self, starts: Mapping[str, Start], rounds: int) -> None:
        """Run every way once a round, after one run that fills what a way keeps."""
        for name, start in starts.items():
            if start.keeps:
                self.once(name, start)
        for _ in range(rounds):
            for name, start in starts.items():
                self.walls.setdefault(name, []).append(self.once(name, start))

    def row(self, name: str) -> list[str]:
        """One line of the table."""
        walls = self.walls[name]
        peer = self.walls.get(PEER)
        beside = times(min(peer), min(walls)) if peer else "–"
        target = "≤ 1.5 s" if name.startswith("installed") else "–"
        return [name, *(f"{pick(walls):.2f} s" for pick in (min, statistics.median, max)), beside, target]


def ways(folder: Path, python: str, index: Mapping[str, str] | None) -> dict[str, Start]:
    """Every way to start that can be measured: those that install need an index."""
    found = {
        FIRST: Start({"MLCI_PYTHON": python, "PATH": os.defpath}),
        LATER: Start({"MLCI_PYTHON": python, "PATH": os.defpath}, ("RUNNER_TEMP",)),
    }
    if index is None:
        return found
    pip, uv = (_path(folder / name, name == "uv") for name in ("pip", "uv"))
    beside = {"PATH": f"{Path(python).parent}:{os.defpath}"}
    found["installed, found on PATH"] = Start(beside)
    found["made by a step before"] = Start({**index, "PATH": uv}, ("RUNNER_TEMP",))
    found["made by uv, cache warm"] = Start({**index, "PATH": uv}, ("UV_CACHE_DIR",))
    found["made by uv, cache empty"] = Start({**index, "PATH": uv})
    found["made by pip, cache warm"] = Start({**index, "PATH": pip}, ("PIP_CACHE_DIR",))
    found["made by pip, cache empty"] = Start({**index, "PATH": pip})
    found[PEER] = Start({**index, "PATH": pip}, ("PIP_CACHE_DIR",), peer=True)
    found["venv and pip, cache empty"] = Start({**index, "PATH": pip}, peer=True)
    return found


def _path(folder: Path, with_uv: bool) -> str:
    """A PATH with bash, an interpreter that has no package, and uv or not."""
    folder.mkdir()
    (folder / "bash").symlink_to(BASH)
    (folder / "python3").symlink_to(bare())
    if with_uv:
        uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
        if uv is None:
            raise SystemExit("uv is missing: pip install -e '.[dev]'")
        (folder / "uv").symlink_to(uv)
    return str(folder)


def bare() -> str:
    """The interpreter beneath the one that runs this."""
    return os.path.realpath(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")


def installed(folder: Path, index: Mapping[str, str]) -> str:
    """An interpreter that has this mlci and what it needs, compiled, as a runner's image would have it."""
    subprocess.run([bare(), "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    lock = ["--no-deps", "--require-hashes", "-r", str(LOCK)]
    subprocess.run([str(python), "-m", "pip", "install", "-q", *lock], env={**os.environ, **index}, check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "mlci.pth").write_text(f"{REPOSITORY}\n")
    return str(python)


def parts(bench: Bench, name: str, start: Start, rounds: int) -> dict[str, float]:
    """Median seconds of each part of a step whose interpreter MLCI_PYTHON names."""
    wrapper, out = bench.folder / "sampling", bench.folder / "parts.json"
    python = start.environ["MLCI_PYTHON"]
    wrapper.write_text(
        "#!/bin/sh\nfor last; do :; done\n"
        f'case "$last" in */start.py) exec "{python}" -I -B "{sampled.__file__}" "$last" ;; esac\n'
        f'exec "{python}" "$@"\n'
    )
    wrapper.chmod(0o755)
    sampling = Start({**start.environ, "MLCI_PYTHON": str(wrapper), "GATE_STEP_PARTS": str(out)}, start.keeps)
    found: dict[str, list[float]] = {}
    for done in range(rounds):
        wall = bench.once(name, sampling)
        said = json.loads(out.read_text())
        spent = dict(said["spent"])
        spent["shell, interpreter and ending"] = max(0.0, wall - (said["ended"] - said["began"]))
        for part in {*found, *spent}:
            found.setdefault(part, [0.0] * done).append(spent.get(part, 0.0))
    return {part: statistics.median(walls) for part, walls in found.items()}


def parts_table(columns: Mapping[str, Mapping[str, float]]) -> str:
    """Milliseconds by part, the largest first; what is always small in one line."""
    names = {name for column in columns.values() for name in column}
    large = sorted(
        (name for name in names if max(column.get(name, 0.0) for column in columns.values()) >= 0.015),
        key=lambda name: -max(column.get(name, 0.0) for column in columns.values()),
    )
    rows: list[list[str]] = [
        [name, *(f"{1000 * column.get(name, 0.0):.0f}" for column in columns.values())] for name in large
    ]
    small = [sum(seconds for name, seconds in column.items() if name not in large) for column in columns.values()]
    rows.append(["what is small", *(f"{1000 * seconds:.0f}" for seconds in small)])
    whole = [sum(column.values()) for column in columns.values()]
    rows.append(["the whole step", *(f"{1000 * seconds:.0f}" for seconds in whole)])
    return table(["part, ms", *columns], rows)


def grouped(number: int) -> str:
    """A number in groups of three digits."""
    return f"{number:,}".replace(",", " ")


def compared(bench: Bench, starts: Mapping[str, Start], rounds: int) -> str:
    """Every way to start beside the other recipe."""
    bench.in_turns(starts, rounds)
    header = ["start", "best", "median", "worst", f"{PEER} / this, best", "target"]
    return table(header, [bench.row(name) for name in starts])


def measured(folder: Path, given: argparse.Namespace, python: str, index: Mapping[str, str] | None) -> None:
    """Print the tables."""
    columns: dict[str, Mapping[str, float]] = {}
    for rows in (given.rows, *given.more_rows):
        here, first = folder / str(rows), rows == given.rows
        with contextlib.closing(Proposal(here, rows)) as proposal:
            bench, starts = Bench(here, proposal), ways(here, python, index)
            proposal.checked({**starts[FIRST].environ, "RUNNER_TEMP": str(here / "checked")})
            if first:
                print(compared(bench, starts, given.rounds))
                print(f"\n{proposal.requests} requests a run; {grouped(rows)} rows a side.\n")
            for name in (FIRST, LATER) if first else (LATER,):
                bench.once(name, starts[name])
                of_size = f"{name}, {grouped(rows)} rows"
                columns[of_size] = parts(bench, name, starts[name], given.rounds if first else 1)
    print(parts_table(columns))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--more-rows", type=int, nargs="*", default=[1_000_000], help="sizes that are run once")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", help="an interpreter that has what mlci needs; nothing is then installed")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.python:
            return measured(folder, given, given.python, None)
        fetch(bare(), LOCK, folder / "wheels")
        lay_out(folder / "wheels")
        with served(folder / "wheels") as index:
            measured(folder, given, installed(folder / "installed", index), index)
    return None


if __name__ == "__main__":
    main()

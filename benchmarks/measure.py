"""What the benchmarks share: whole processes run in turns, their wall time and peak memory, and tables in Markdown."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
# ru_maxrss counts bytes on macOS and KiB elsewhere.
_MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024
# Pass, inconclusive and fail: a judgement, whichever way it went.
JUDGED = (0, 3, 11)


@dataclass(frozen=True)
class Run:
    """One whole process.

    Attributes:
        wall_s: from start to exit.
        peak: largest resident memory in bytes.
        cpu_s: processor time of it and of the processes it waited for.
    """

    wall_s: float
    peak: int
    cpu_s: float


def process(command: Sequence[str], *, folder: Path | None = None, exits: Sequence[int] = (0,)) -> Run:
    """Run a process to its end.

    The peak of a child is never less than what this process holds when it starts it, so a benchmark that reads memory
    imports nothing heavy itself.

    Raises:
        SystemExit: it ended otherwise than expected, with what it said.
    """
    # Where packages are installed they are compiled; a run that may not keep what it compiles would do so each time.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ = {**kept, "PYTHONPATH": str(REPOSITORY)}
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        output = child.stdout.read() if child.stdout is not None else b""
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in exits:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}:\n{output.decode(errors='replace')}")
    return Run(wall, usage.ru_maxrss * _MEMORY_UNIT, usage.ru_utime + usage.ru_stime)


@dataclass(frozen=True)
class Runs:
    """Several runs of one command."""

    runs: tuple[Run, ...]

    @property
    def median_s(self) -> float:
        """Median wall time."""
        return statistics.median(run.wall_s for run in self.runs)

    @property
    def least_s(self) -> float:
        """Shortest wall time, the least disturbed by what else the machine does."""
        return min(run.wall_s for run in self.runs)

    @property
    def cpu_s(self) -> float:
        """Median processor time, which others on the machine disturb less than wall time."""
        return statistics.median(run.cpu_s for run in self.runs)

    @property
    def peak(self) -> int:
        """Largest resident memory of any run, in bytes."""
        return max(run.peak for run in self.runs)


def in_turns(
    commands: Mapping[str, Sequence[str]], rounds: int, *, folder: Path | None = None, exits: Sequence[int] = (0,)
) -> dict[str, Runs]:
    """Run every command once a round, so that whatever disturbs the machine disturbs all of them alike."""
    found: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            found[name].append(process(command, folder=folder, exits=exits))
    return {name: Runs(tuple(runs)) for name, runs in found.items()}


def times(slow: float, fast: float) -> str:
    """A ratio as a reader wants it: three digits, no more."""
    ratio = slow / fast
    return f"{ratio:,.0f}×".replace(",", " ") if ratio >= 100 else f"{ratio:.3g}×"


def megabytes(size: float) -> str:
    """Bytes as MB of a million bytes."""
    return f"{size / 1e6:.1f} MB"


def table(header: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)

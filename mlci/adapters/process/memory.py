"""Signs that memory ran out: what the kernel counted, and what programs say when they get none."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

_SAID = re.compile(
    r"\w*MemoryError\b|OutOfMemoryError|\b(?:CUDA|HIP|XPU|MPS backend|CUDNN\w*).{0,40}out of memory"
    r"|cannot allocate memory|can't allocate memory|std::bad_alloc|RESOURCE_EXHAUSTED: Out of memory"
    r"|OOM when allocating",
    re.IGNORECASE,
)
_COUNTER = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def speak_of_memory(lines: Iterable[str]) -> bool:
    """Whether the last words of a program say that it got no memory."""
    return any(_SAID.search(line) for line in lines)


def kills(cgroups: str = "/proc/self/cgroup", root: str = "/sys/fs/cgroup") -> int:
    """How many processes the kernel has ended for want of memory in this process's control group; 0 if unknown.

    Both layouts are read: ``memory.events`` of version 2
    (https://docs.kernel.org/admin-guide/cgroup-v2.html) and ``memory.oom_control`` of version 1.
    """
    with contextlib.suppress(OSError, ValueError):
        for line in Path(cgroups).read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            for file in _counters(root, controllers.split(","), group.lstrip("/")):
                with contextlib.suppress(OSError):
                    if found := _COUNTER.search(file.read_text()):
                        return int(found[1])
    return 0


def _counters(root: str, controllers: list[str], group: str) -> list[Path]:
    """Where a group's counter may be; in a container the group is often named as the host sees it, but is the root."""
    if controllers == [""]:
        return [Path(root, group, "memory.events"), Path(root, "memory.events")]
    if "memory" in controllers:
        return [Path(root, "memory", group, "memory.oom_control"), Path(root, "memory", "memory.oom_control")]
    return []


def resident(pids: Iterable[int]) -> int:
    """Memory that processes hold at this moment, in bytes, shared pages counted for each; 0 without ``/proc``."""
    pages = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")

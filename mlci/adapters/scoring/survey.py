"""What an interpreter and its machine are. ``worker.py`` runs this file in the user's interpreter, by its path.

The standard library only, Python 3.8 or later; nothing is imported to be asked, only what is loaded already.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

_SETTINGS = re.compile(
    r"(OMP|MKL|OPENBLAS|GOMP|KMP|ATEN|ONEDNN|DNNL|NUMEXPR|VECLIB|BLIS)_\w+|CUBLAS_WORKSPACE_CONFIG|PYTHONHASHSEED"
    r"|CUDA_VISIBLE_DEVICES|NVIDIA_TF32_OVERRIDE|TF_DETERMINISTIC_OPS|TF_ENABLE_ONEDNN_OPTS|XLA_FLAGS"
)
_GPU_SECONDS = 5


class _Distribution:
    """An installed distribution, as far as this survey needs it."""

    def __init__(self, found: metadata.Distribution) -> None:
        self.version = str(found.version)
        record = found.read_text("RECORD") or found.read_text("installed-files.txt") or ""
        # Byte code and scripts differ with the installer and the folder, and say nothing of what is run.
        files = sorted(line for line in record.splitlines() if ".pyc," not in line and not line.startswith("../"))
        self.record = hashlib.sha256("\n".join(files).encode("utf-8", "replace")).hexdigest()
        self.modules = {re.split(r"[/,]", line, maxsplit=1)[0].split(".")[0] for line in files}
        self.modules.update((found.read_text("top_level.txt") or "").split())
        plain = (line for line in found.requires or () if "extra ==" not in line)
        self.requires = {_normalised(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in plain}
        origin = json.loads(found.read_text("direct_url.json") or "{}")
        self.unlocked = "dir_info" in origin or "vcs_info" in origin


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _distributions() -> dict[str, _Distribution]:
    """Every distribution by its normalised name; of two with one name, that which is imported."""
    found: dict[str, _Distribution] = {}
    for one in metadata.distributions():
        try:
            found.setdefault(_normalised(one.metadata["Name"]), _Distribution(one))
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            continue  # The remains of a package that was half removed.
    return found


def _used(found: dict[str, _Distribution]) -> set[str]:
    """The distributions of the loaded modules, and what these require."""
    # What setuptools hooks into the start of every interpreter was not asked for by anybody.
    modules = {name.split(".")[0] for name in list(sys.modules)} - {"_distutils_hack"}
    waiting = [name for name, one in found.items() if one.modules & modules]
    used: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting.extend(found[name].requires & set(found))
    return used


def hardware() -> dict[str, str]:
    """Processor, cores, memory and accelerators, as far as the system tells."""
    facts = {"cores": str(os.cpu_count() or "")}
    if hasattr(os, "sched_getaffinity"):
        facts["usable cores"] = str(len(os.sched_getaffinity(0)))
    facts["processor"] = platform.processor() or platform.machine()
    try:
        names = re.findall(
            r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8", "replace"), re.MULTILINE
        )
        facts["processor"] = names[0] if names else facts["processor"]
    except OSError:
        pass  # Not Linux.
    with contextlib.suppress(OSError, ValueError):  # A system that does not say.
        facts["memory"] = str(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    facts.update(_accelerators())
    return facts


def _accelerators() -> dict[str, str]:
    asked = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(asked, capture_output=True, timeout=_GPU_SECONDS, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return {}
    lines = [line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
    return {f"accelerator {number}": line for number, line in enumerate(lines[:64])}


def _settings() -> dict[str, str]:
    facts = {name: value for name, value in os.environ.items() if _SETTINGS.fullmatch(name)}
    for ask in (_torch, _libraries):
        try:
            facts.update(ask())
        except Exception:  # noqa: BLE001, S112 (a library may say less than another version of it)
            continue
    return facts


def _torch() -> dict[str, str]:
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return {}
    return {
        "torch threads": str(torch.get_num_threads()),
        "torch deterministic": str(torch.are_deterministic_algorithms_enabled()).lower(),
        "torch matmul precision": str(torch.get_float32_matmul_precision()),
        "torch cuda": str(torch.version.cuda),
        "torch instruction set": str(torch.backends.cpu.get_cpu_capability()),
    }


def _libraries() -> dict[str, str]:
    """BLAS and OpenMP, as threadpoolctl sees them where something loaded it."""
    asked: Any = sys.modules.get("threadpoolctl")
    pools = asked.threadpool_info() if asked is not None else []
    keys = ("version", "architecture", "num_threads")
    return {str(one["internal_api"]): " ".join(str(one[key]) for key in keys if one.get(key)) for one in pools}


def survey() -> dict[str, Any]:
    """The environment in the shape of ``mlci.domain.training.Environment``."""
    found = _distributions()
    packages = {name: found[name].version for name in sorted(found)}
    python = platform.python_version()
    system = "-".join((platform.system(), platform.machine(), "".join(platform.libc_ver()))).strip("-")
    records = [[name, found[name].version, found[name].record] for name in sorted(found)]
    identity = json.dumps([platform.python_implementation(), python, system, records])
    used = _used(found)
    return {
        "python": python,
        "platform": system,
        "packages": packages,
        "digest": hashlib.sha256(identity.encode()).hexdigest(),
        "loaded": {name: version for name, version in packages.items() if name in used},
        "unlocked": sorted(name for name, one in found.items() if one.unlocked),
        "hardware": hardware(),
        "settings": _settings(),
    }

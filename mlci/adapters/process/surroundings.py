"""The environment that a command of the user's is started in: the caller's, without secrets and without mlci's own."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlci.domain.secrets import NO_SECRETS, SHORTEST, carries_secret, names_secret
from mlci.errors import FileMissing, Place

# Doors into the runner itself: its services, its identity, and the files whose content it takes for commands.
_RUNNER = re.compile(
    r"ACTIONS_(?:RUNTIME|ID_TOKEN)_.*|ACTIONS_(?:CACHE|RESULTS)_URL|CI_JOB_(?:TOKEN|JWT).*"
    r"|GITHUB_(?:OUTPUT|ENV|PATH|STEP_SUMMARY|STATE)",
    re.DOTALL,
)
_OURS = re.compile(r"MLCI_.*", re.DOTALL)
# What a launcher leaves so that its own interpreter finds itself; a child's would find that one too.
_LAUNCHER = ("__PYVENV_LAUNCHER__", "PYTHONEXECUTABLE")
# Without these little starts, so a secret that happens to be a word in them does not take them away.
_ESSENTIAL = frozenset(
    ("PATH", "HOME", "PWD", "USER", "LOGNAME", "SHELL", "TERM", "TZ", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
)
# Shorter than this, a password is too likely to be a word of something else.
_SHORTEST_WITHIN = 8

_DEFAULTS = {
    # Threads that wait by spinning slow each other down up to fiftyfold where neighbours use the same cores.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # A pipe is not a terminal, so without it Python keeps what was printed until its buffer is full.
    "PYTHONUNBUFFERED": "1",
    # https://docs.nvidia.com/cuda/cublas/#results-reproducibility
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}


def surroundings(
    environ: Mapping[str, str],
    *,
    kept: Sequence[str] = (),
    python: str = "python",
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The complete environment of a command of the user's.

    Left out are variables whose names speak of secrets, values that carry credentials, copies of a secret under
    other names, the runner's services and command files, and everything of mlci's own.

    Args:
        environ: the environment of mlci itself.
        kept: names to hand over all the same, whatever they hold.
        python: the interpreter of the command. As a path, which should be absolute, its folder leads ``PATH`` and
            ``VIRTUAL_ENV`` is that of the interpreter; as a name, ``PATH`` stays as it is.
        extra: added last, over everything else.
    """
    wanted = frozenset(kept)
    removed = {name for name in environ if name not in wanted and _is_removed(name, environ[name])}
    removed |= _copies(environ, removed, wanted)
    child = {name: value for name, value in environ.items() if name not in removed}
    _without_ours(child, wanted)
    if "/" in python:
        _led_by(child, Path(python).absolute(), wanted)
    return {**_DEFAULTS, **child, **(extra or {})}


def _is_removed(name: str, value: str) -> bool:
    if name in NO_SECRETS:
        return _OURS.fullmatch(name) is not None
    return (
        names_secret(name)
        or carries_secret(value)
        or name in _LAUNCHER
        or _RUNNER.fullmatch(name) is not None
        or _OURS.fullmatch(name) is not None
    )


def _copies(environ: Mapping[str, str], removed: set[str], wanted: frozenset[str]) -> set[str]:
    """Names of variables that hold a removed secret, alone or as a part that stands by itself."""
    known = {environ[name] for name in wanted if name in environ}
    secrets = {
        part
        for name in removed
        if names_secret(name) and name not in NO_SECRETS
        for part in (environ[name].strip(), *map(str.strip, environ[name].splitlines()))
        if len(part) >= SHORTEST and part not in known
    }
    long = sorted(re.escape(secret) for secret in secrets if len(secret) >= _SHORTEST_WITHIN)
    within = re.compile(rf"(?<![^\W_])(?:{'|'.join(long)})(?![^\W_])") if long else None
    return {
        name
        for name, value in environ.items()
        if name not in wanted
        and name not in _ESSENTIAL
        and (value.strip() in secrets or (within is not None and within.search(value) is not None))
    }


def _without_ours(child: dict[str, str], wanted: frozenset[str]) -> None:
    """Take out what points Python to the packages of mlci's own environment."""
    if "PYTHONHOME" in child and "PYTHONHOME" not in wanted:
        homes = child["PYTHONHOME"].split(os.pathsep)
        if any(Path(home) in (Path(sys.prefix), Path(sys.base_prefix)) for home in homes):
            del child["PYTHONHOME"]
    if "PYTHONPATH" in child and "PYTHONPATH" not in wanted:
        entries = child["PYTHONPATH"].split(os.pathsep)
        left = [entry for entry in entries if not _is_ours(Path(entry))]
        if len(left) < len(entries):
            child["PYTHONPATH"] = os.pathsep.join(left)
        if not any(left):
            del child["PYTHONPATH"]


def _is_ours(folder: Path) -> bool:
    """Whether a folder of modules is in mlci's virtual environment, or is the one that mlci was imported from."""
    isolated = sys.prefix != sys.base_prefix
    return (isolated and folder.is_relative_to(sys.prefix)) or folder == Path(__file__).parents[3]


def _led_by(child: dict[str, str], interpreter: Path, wanted: frozenset[str]) -> None:
    folder = interpreter.parent
    path = child.get("PATH", os.defpath)
    others = [entry for entry in path.split(os.pathsep) if entry != str(folder)]
    child["PATH"] = os.pathsep.join([str(folder), *others])
    for name in {"PYTHONHOME", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT"} - wanted:
        child.pop(name, None)
    # https://docs.python.org/3/library/venv.html: this file is what makes a folder a virtual environment.
    if (folder.parent / "pyvenv.cfg").is_file():
        child["VIRTUAL_ENV"] = str(folder.parent)


def interpreter(python: str, environ: Mapping[str, str], cwd: str) -> str:
    """The absolute path of the interpreter that a name or a path means, links not followed.

    Args:
        python: a name to look for on ``PATH``, or a path, relative to ``cwd`` unless absolute.
        environ: the environment whose ``PATH`` counts.
        cwd: folder of the command.

    Raises:
        FileMissing: there is no such program.
    """
    here = Path(cwd).absolute()
    if "/" in python:
        found = here / python
        if _is_program(found):
            return str(found)
        cause = f"{python[:200]!r} is no program that can be started"
    else:
        on_path = _on_path(python, environ, here)
        if on_path is not None:
            return on_path
        cause = f"there is no program {python[:200]!r} on PATH"
    other = "python3" if python == "python" and _on_path("python3", environ, here) else None
    help = f"set train.python to {other}" if other else "install it, or set train.python to the interpreter to use"
    raise FileMissing(cause, place=Place("train.python"), help=help)


def _on_path(name: str, environ: Mapping[str, str], here: Path) -> str | None:
    if not name:
        return None
    folders = environ.get("PATH", os.defpath).split(os.pathsep)
    return next((str(here / folder / name) for folder in folders if _is_program(here / folder / name)), None)


def _is_program(path: Path) -> bool:
    try:
        return path.is_file() and os.access(path, os.X_OK)
    except (OSError, ValueError):
        return False

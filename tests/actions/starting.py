"""Running the actions' start script as the runner does, with an environment of which every variable is given."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
BASH = shutil.which("bash") or "bash"

# Stands in for uv: makes a real environment, lends it the packages of the tests, and writes down how it was called.
STUB = """\
#!{bash}
set -eu
printf '%s\\n' "$*" >> "{log}/calls"
{python} -I -c 'import os; [print(k, v, sep="=") for k, v in os.environ.items()]; print("CWD", os.getcwd(), sep="=")' \
  >> "{log}/environment"
case "$1" in
  venv) for last; do :; done; {python} -I -m venv --without-pip "$last" ;;
  pip)  {during}
    while [ "$1" != --python ]; do shift; done
    site=("${{2%/bin/python}}"/lib/python*/site-packages); echo "{packages}" > "$site/lent.pth" ;;
esac
"""


@dataclass
class Runner:
    """A runner's folders, and what is on its PATH.

    Attributes:
        folder: holds everything else: bin, workspace and temp.
        action: the root of the downloaded action.
    """

    folder: Path
    action: Path = ROOT
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in (self.bin, self.workspace, self.temp, self.log):
            path.mkdir(parents=True, exist_ok=True)

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def workspace(self) -> Path:
        return self.folder / "work space"

    @property
    def temp(self) -> Path:
        return self.folder / "_temp of it"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def calls(self) -> list[str]:
        """How the stand-in for uv was called."""
        path = self.log / "calls"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def homes(self) -> list[Path]:
        """The environments that were made, and what is left of others."""
        return sorted(path for path in self.temp.glob("mlci-*") if path.name != "mlci-bytecode")

    def has_python(self, name: str = "python3", target: str | None = None) -> Runner:
        """Put an interpreter on PATH that has neither mlci nor any package of it."""
        (self.bin / name).symlink_to(target or bare_python())
        return self

    def has_uv(self, during: str = ":", packages: str | None = None) -> Runner:
        """Put the stand-in for uv on PATH; ``during`` is what its install does first."""
        lent = sysconfig.get_path("purelib") if packages is None else packages
        script = STUB.format(bash=BASH, python=bare_python(), log=self.log, during=during, packages=lent)
        self.has("uv", script)
        return self

    def has(self, name: str, script: str) -> Runner:
        """Put a script on PATH."""
        path = self.bin / name
        path.write_text(script)
        path.chmod(0o755)
        return self

    def command(self) -> list[str]:
        return [BASH, str(self.action / "actions" / "plan" / ".." / "start.sh")]

    def variables(self, command: str, given: dict[str, str]) -> dict[str, str]:
        base = {"PATH": str(self.bin), "RUNNER_TEMP": str(self.temp), "MLCI_COMMAND": command}
        return {name: value for name, value in {**base, **self.environ, **given}.items() if value != "(unset)"}

    def starts(self, command: str = "config explain", **given: str) -> subprocess.CompletedProcess[str]:
        """Start a command in the workspace."""
        return subprocess.run(
            self.command(), cwd=self.workspace, env=self.variables(command, given), capture_output=True, text=True
        )


def bare_python() -> str:
    """The interpreter beneath the environment of the tests."""
    return os.path.realpath(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")


def contents(folder: Path) -> set[tuple[str, int]]:
    """Every file below a folder with when it was changed."""
    return {(str(path), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def downloaded(folder: Path) -> Path:
    """This repository as GitHub packs it for a step: the working tree without what .gitattributes leaves out."""
    scratch = folder / "objects"
    scratch.mkdir(parents=True)
    repository = subprocess.run(
        ["git", "rev-parse", "--absolute-git-dir"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    environ = {
        **os.environ,
        "GIT_INDEX_FILE": str(folder / "index"),
        "GIT_OBJECT_DIRECTORY": str(scratch),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": f"{repository}/objects",
    }

    def git(*words: str) -> bytes:
        return subprocess.run(["git", *words], cwd=ROOT, env=environ, capture_output=True, check=True).stdout

    # Of the tests, which are many, one file shows whether all are left out.
    git("add", "--all", "--", ".", ":!tests")
    git("add", "--", "tests/conftest.py")
    tree = git("write-tree").decode().strip()
    packed = git("archive", "--worktree-attributes", tree)
    action = folder / "an action" / "0123abc"
    action.mkdir(parents=True)
    subprocess.run(["tar", "-x", "-C", str(action)], input=packed, check=True)
    return action

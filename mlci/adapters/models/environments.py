"""Virtual environments made from a lock, once each, so that an older model is loaded by what it was written with.

Wheels only: a source distribution would run its own code while the credentials of a package index are at hand. A
package that has none can be served as a wheel from a folder (``UV_FIND_LINKS``, ``PIP_FIND_LINKS``) or an index.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from mlci.adapters.disk import files
from mlci.adapters.disk.folders import writing
from mlci.adapters.models.locks import is_whole, lock_text, minor, normalised, same, unpinnable
from mlci.adapters.oneline import one_line
from mlci.adapters.process.running import Order, run
from mlci.adapters.process.surroundings import surroundings
from mlci.errors import CommandFailed, FileMissing, MlciError, ModelUnusable, NotAlone

__all__ = ["Unbuildable", "build", "lock_text", "same"]

Say = Callable[[str], None]

# Seconds: torch with its libraries is some gigabytes, and another run may be fetching them already.
_TIMEOUT = 1800.0
_MADE = "mlci-made"
# A name, perhaps with extras, and versions; what names an address, a folder or an option is none.
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*(?:[=<>!~(][^@/\\]*|;[^@/\\]*)?")
_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*={2,3}\s*([^\s,;()`'\"]+)")
_PROGRESS = re.compile(r"\s*(?:Collecting|Requirement already|Using|Looking|Processing)\b")
_LOCAL = re.compile(r"^([^+]*==[^+]*)\+[a-z0-9.]+$")
_CREDENTIALS = re.compile(r"(\w+://)[^/\s]*@")


# Variables that would lead an installer to another place than the one it is given.
_ELSEWHERE = (
    "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "UV_PROJECT", "PIP_TARGET", "PIP_PREFIX", "PIP_USER",
)  # fmt: skip


class Unbuildable(ModelUnusable):
    """An environment that could not be made.

    Attributes:
        missing: the requirement that could not be installed; None where something else was wrong.
    """

    def __init__(self, cause: str, *, help: str | None = None, missing: str | None = None) -> None:
        super().__init__(cause, help=help)
        self.missing = missing


def build(lock: str, python: str, root: str, environ: Mapping[str, str], say: Say) -> str:
    """The interpreter of a virtual environment with what a lock names; made once, and taken again afterwards.

    uv makes it where it is on ``PATH`` and fetches the Python if that is missing; else ``venv`` and pip with a Python
    of the same number that is there. No project's files are read; what the user has set for indexes holds.

    Args:
        lock: requirements, as ``lock_text`` writes them or as MLflow keeps them with a model. A lock of ours is whole,
            so nothing is installed that it does not name. Lines that are addresses, folders or options are left out.
        python: version of Python; the first two numbers count.
        root: folder of environments, such as ``.mlci/environments``.
        environ: this process's own environment.
        say: told what is going on.

    Raises:
        Unbuildable: a requirement cannot be installed, or there is no such Python.
        NotAlone: another run has been making it for too long.
        NotWritable: the folder cannot be written.
    """
    wanted, requirements = minor(python), _requirements(lock)
    facts = "\n".join((wanted, platform.platform(), str(is_whole(lock)), *requirements))
    target = Path(root).absolute() / hashlib.sha256(facts.encode()).hexdigest()[:24]
    found = target / "bin" / "python"
    if _is_made(target):
        return str(found)
    for name in unpinnable(lock):
        say(f"{one_line(name, 100)} comes from no index and is left out of the environment")
    with writing(str(target)):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target, say):
            if _is_made(target):
                return str(found)
            shutil.rmtree(target, ignore_errors=True)
            say(f"making an environment with Python {wanted} and {len(requirements)} packages")
            try:
                _Builder(target, wanted, requirements, environ, say, is_whole=is_whole(lock)).make()
                files.write(str(target / _MADE), facts.encode())
            except BaseException:
                shutil.rmtree(target, ignore_errors=True)
                raise
    return str(found)


def _is_made(target: Path) -> bool:
    """Whether it was made to its end, and its Python is still installed."""
    return (target / _MADE).is_file() and (target / "bin" / "python").exists()


def _requirements(lock: str) -> list[str]:
    lines = (line.split(" #")[0].split("\\")[0].strip() for line in lock.splitlines())
    return sorted({line for line in lines if line and _REQUIREMENT.fullmatch(line)})


@contextlib.contextmanager
def _alone(target: Path, say: Say) -> Iterator[None]:
    """One run at a time; the system lets go of the lock when its holder dies."""
    with target.with_suffix(".lock").open("a") as stream:
        until, said = time.monotonic() + _TIMEOUT, False
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise NotAlone("another run has been making this environment for half an hour") from None
            if not said:
                say("another run is making this environment: waiting")
                said = True
            time.sleep(0.2)
        yield


class _Builder:
    """Makes one environment in a place of its own."""

    def __init__(
        self,
        target: Path,
        python: str,
        requirements: list[str],
        environ: Mapping[str, str],
        say: Say,
        *,
        is_whole: bool,
    ) -> None:
        self._target, self._python, self._requirements, self._say = target, python, requirements, say
        self._is_whole = is_whole
        # Only wheels are installed, so nothing of the packages runs here: settings with credentials may pass.
        settings = tuple(name for name in environ if name.startswith(("PIP_", "UV_")))
        self._environ = surroundings(environ, kept=settings)
        for name in _ELSEWHERE:
            self._environ.pop(name, None)

    def make(self) -> None:
        """Make the environment and install everything.

        Raises:
            Unbuildable: it cannot be made.
        """
        # uv reads the settings of a project in any folder above the one it is started in.
        with tempfile.TemporaryDirectory(prefix="mlci-environment-") as empty:
            listed = Path(empty, "requirements.txt")
            listed.write_text("\n".join(self._requirements) + "\n", "utf-8")
            uv = shutil.which("uv", path=self._environ.get("PATH"))
            if uv is not None:
                self._by_uv(uv, str(listed))
            else:
                self._by_pip(str(listed))

    def _by_uv(self, uv: str, listed: str) -> None:
        made = self._run(uv, "venv", "--quiet", "--no-project", "--python", self._python, str(self._target), cwd=listed)
        if made is not None:
            raise self._without_python(made)
        self._install(uv, "pip", "install", "--python", str(self._target / "bin" / "python"), cwd=listed)

    def _by_pip(self, listed: str) -> None:
        base = self._base(listed)
        if base is None:
            raise self._without_python("there is none on PATH")
        made = self._run(base, "-I", "-m", "venv", str(self._target), cwd=listed)
        if made is not None:
            raise self._without_python(made)
        own = str(self._target / "bin" / "python")
        self._install(own, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", cwd=listed)

    def _install(self, *command: str, cwd: str) -> None:
        if not self._requirements:
            return
        rest = ("--no-deps",) if self._is_whole else ()
        command = (*command, "--only-binary", ":all:", *rest, "-r", cwd)
        why = self._run(*command, cwd=cwd)
        plain = [_LOCAL.sub(r"\1", line) for line in self._requirements]
        if why is not None and plain != self._requirements:
            # Builds such as 2.13.0+cpu stand in an index of their own; the same release without a label elsewhere.
            self._say("trying again without the labels of local builds, such as +cpu")
            Path(cwd).write_text("\n".join(plain) + "\n", "utf-8")
            why = self._run(*command, cwd=cwd)
        if why is not None:
            raise self._uninstallable(why)

    def _base(self, listed: str) -> str | None:
        """A Python of the wanted number that is installed."""
        own = getattr(sys, "_base_executable", sys.executable)
        on_path = (f"python{self._python}", "python3", "python")
        names = [shutil.which(name, path=self._environ.get("PATH")) for name in on_path]
        asked = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != {self._python!r})"
        found = (name for name in (*names, own) if name)
        return next((name for name in found if self._run(name, "-I", "-c", asked, cwd=listed) is None), None)

    def _run(self, *argv: str, cwd: str) -> str | None:
        """What a program printed that failed; None where it did not."""
        folder = Path(cwd).parent
        log = folder / "log"
        log.unlink(missing_ok=True)
        order = Order(
            argv=argv, cwd=str(folder), environ=self._environ, timeout=_TIMEOUT, what="making the environment",
            log=str(log), shown=False,
        )  # fmt: skip
        try:
            run(order, self._say)
        except FileMissing as error:
            return error.cause
        except CommandFailed as error:
            printed = log.read_text("utf-8", "replace")[-20_000:] if log.exists() else ""
            return _CREDENTIALS.sub(r"\1***@", printed.strip() or error.cause)
        return None

    def _without_python(self, why: str) -> MlciError:
        return Unbuildable(
            f"an environment with Python {self._python} cannot be made: {one_line(why, 400)}",
            help=f"install Python {self._python}, or uv, which fetches it",
            missing=f"python {self._python}",
        )

    def _uninstallable(self, why: str) -> MlciError:
        """Name the requirement; both installers name it with its version somewhere in what they print."""
        known = {normalised(re.split(r"[^A-Za-z0-9._-]", line)[0]): line for line in self._requirements}
        text = "\n".join(line for line in why.splitlines() if not _PROGRESS.match(line))
        named = (known.get(normalised(match[1])) for match in _NAMED.finditer(text))
        first = next((line for line in named if line is not None), None)
        words = (known.get(normalised(word.strip("."))) for word in re.findall(r"[A-Za-z0-9._-]+", text))
        culprit = first or next((line for line in words if line is not None), None)
        return Unbuildable(
            f"{culprit or 'a requirement'} cannot be installed as a wheel: {one_line(_reason(text), 500)}",
            help="let an index or a folder of wheels (UV_FIND_LINKS, PIP_FIND_LINKS) have it for this Python",
            missing=culprit,
        )


def _reason(text: str) -> str:
    """The lines of an installer's output that say what is wrong."""
    start = next((found.start() for found in re.finditer(r"(?im)^\s*(?:error|×|no solution)", text)), 0)
    return text[start:]

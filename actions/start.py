"""Runs a command of mlci from the action's own folder, in an interpreter that has what it needs."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from importlib.machinery import FileFinder, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "actions" / "locks"
MARKER = "mlci-finished"

# Told to this script when it is started again in the environment, so that it never looks for one twice.
_INSIDE = "inside"

# The modules by which it is seen whether the core, or an extra, is installed.
MODULES = {
    "core": ("click", "jinja2", "msgspec", "requests", "rfc8785", "urllib3", "yaml"),
    "gate": ("numpy",),
    "parquet": ("numpy", "pyarrow"),
    "data": (_DATA := ("numpy", "pyarrow", "duckdb")),
    "gx": (*_DATA, "great_expectations", "pandas", "sqlalchemy", "pg8000", "sqlglot"),
    "media": (*_DATA, "PIL"),
    "spark": ("numpy", "pyspark"),
    "store": ("obstore",),
    "sign": ("cryptography",),
}
COMMANDS = (
    "plan", "code-ci", "data-check", "model-ci", "gate-compare", "report", "approve", "promote", "rollback", "conclude",
    "doctor", "verify", "config explain",
)  # fmt: skip
EXTRAS = dict.fromkeys(("model-ci", "gate-compare", "report", "approve", "promote", "rollback", "verify"), ("gate",))
EXTRAS |= {"data-check": ("data",)}

# All other settings of pip and uv could put the packages elsewhere, or other packages than those of the lock there.
# Where packages come from is the runner's affair: whatever is served, its hash must be that of the lock.
_KEPT = re.compile(
    r"PIP_(INDEX_URL|EXTRA_INDEX_URL|NO_INDEX|FIND_LINKS|TRUSTED_HOST|PROXY|CERT|CLIENT_CERT|TIMEOUT|DEFAULT_TIMEOUT"
    r"|RETRIES|CACHE_DIR|NO_CACHE_DIR|CONFIG_FILE|KEYRING_PROVIDER)"
    r"|UV_(INDEX|DEFAULT_INDEX|INDEX_URL|EXTRA_INDEX_URL|INDEX_STRATEGY|INDEX_.+_(USERNAME|PASSWORD)|NO_INDEX|FIND_LINKS"
    r"|INSECURE_HOST|NATIVE_TLS|SYSTEM_CERTS|HTTP_.+|REQUEST_TIMEOUT|CACHE_DIR|NO_CACHE|OFFLINE|LINK_MODE|CONFIG_FILE"
    r"|KEYRING_PROVIDER|CONCURRENT_.+)"
)
_REDIRECTING = {"VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__"}
_SECRET = {"MLCI_TOKEN"}

# Where nothing can be reached, an installer's own patience is minutes; a runner's settings, where given, still hold.
_PATIENCE = {
    "PIP_RETRIES": ("2", ("PIP_RETRIES",)),
    "UV_HTTP_RETRIES": ("2", ("UV_HTTP_RETRIES",)),
    "UV_HTTP_TIMEOUT": ("15", ("UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT", "HTTP_TIMEOUT")),
}

_LARGEST_CONFIG = 1 << 20
# What an engine of data-check is called, as an input or in mlci.yml; a database is Great Expectations' by itself.
_GX = re.compile(rb"^gx$|\bengine:\W*gx\b|\bdatabase:\s*[^\s#]")
_SPARK = re.compile(rb"^spark$|\bengine:\W*spark\b")

# Seen in images: Debian's python3-minimal, and builds of Python on machines that lacked a library.
_STANDARD = ("_ssl", "shutil", "subprocess", "tempfile", "zlib")


class InstallError(Exception):
    """An installer could not make the environment; the text is what it printed."""


def main() -> NoReturn:
    """Run the command that MLCI_COMMAND names here, or start again in an interpreter that can."""
    if sys.argv[1:] == [_INSIDE]:
        sys.dont_write_bytecode = False
        run()
    refuse_misplaced()
    extras = wanted()
    if os.environ.get("MLCI_PYTHON"):
        lacking = absent(extras)
        if lacking:
            fail(
                "U003", 2, f"the interpreter that MLCI_PYTHON names cannot import {', '.join(lacking)}",
                f"install {package(extras)} into it, or unset MLCI_PYTHON",
            )  # fmt: skip
        run()
    if not absent(extras) and is_same_release():
        run()
    if "spark" in extras:
        fail(
            "U003", 2, "Spark is not among what an action installs: it is no wheel, and it needs Java",
            f"have {package(extras)} and Java on the runner, its interpreter named by MLCI_PYTHON",
        )  # fmt: skip
    python = environment(extras) / "bin" / "python"
    os.execv(python, [str(python), "-I", "-B", __file__, _INSIDE])  # noqa: S606 - no shell is what is wanted


def fail(error: str, code: int, cause: str, remedy: str, detail: str = "") -> NoReturn:
    """End with one error as mlci writes it; the detail is printed first, so that nothing in it reads as a command."""
    # The runner takes commands from lines that begin with ::, and from ##[ anywhere in a line.
    lines = [f"| {line}" for line in detail.replace("##[", "## [").splitlines()]
    sys.stderr.write("\n".join([*lines, f"error[{error}]: {cause}", f"  = help: {remedy}", ""]))
    sys.exit(code)


def refuse_misplaced() -> None:
    """End where the action of all commands was given an input that its command does not have."""
    # A command that does not exist is the command line's to refuse: it knows which one may have been meant.
    if os.environ.get("MLCI_START") != "actions/start.sh" or _command() not in COMMANDS:
        return
    own = _prefix(_command())
    for other in COMMANDS:
        for name, value in os.environ.items():
            # That action sets the variables of every input of every command; those that are not given are empty.
            option = name.removeprefix(_prefix(other))
            if option != name and value.strip() and own + option not in os.environ:
                cause = f"the input {option.lower().replace('_', '-')} is none of the command's"
                fail("U001", 2, cause, f"leave it out, or say which command is meant: {other} has it")


def _command() -> str:
    return os.environ.get("MLCI_COMMAND", "").strip()


def _prefix(command: str) -> str:
    return f"MLCI_{command.upper().replace('-', '_').replace(' ', '_')}_"


def wanted() -> tuple[str, ...]:
    """The extras that the command needs for what it is given."""
    command = _command()
    extras = set(EXTRAS.get(command, ()))
    if command == "gate-compare":
        given = [os.environ.get(f"MLCI_GATE_COMPARE_{name}", "").strip() for name in ("CANDIDATE", "BASELINE")]
        if any(_is_parquet(name) or any(map(_is_parquet, listed(name))) for name in given):
            extras.add("parquet")
        if "://" in os.environ.get("MLCI_GATE_COMPARE_BASELINE_FROM", ""):
            extras.add("store")
    if command == "model-ci" and re.search(rb"\.(parquet|pq)\b", configuration(command), re.IGNORECASE):
        extras.add("parquet")
    if command == "data-check":
        engine = os.environ.get("MLCI_DATA_CHECK_ENGINE", "").strip().encode() or configuration(command)
        extras |= {"gx", "spark"} if _SPARK.search(engine) else {"gx"} if _GX.search(engine) else set()
    # For what cannot be seen from here, such as a kept baseline of another format than the candidate.
    extras |= {name for name in re.split(r"[\s,]+", os.environ.get("MLCI_EXTRAS", "")) if name in MODULES}
    return tuple(sorted(extras - {"core"}))


def _is_parquet(name: str) -> bool:
    return name.lower().endswith((".parquet", ".pq"))


def listed(folder: str) -> list[str]:
    """The names in a folder, such as model-ci leaves; none where it is none."""
    try:
        return os.listdir(_from_here(folder)) if folder else []  # noqa: PTH208 - names are enough
    except OSError:
        return []


def configuration(command: str) -> bytes:
    """The configuration file of a command, looked through here without a parser of YAML; empty where there is none.

    What it seems to ask for and does not costs a download, and what is wrong with the file is said later.
    """
    try:
        with _from_here(os.environ.get(f"{_prefix(command)}CONFIG", "").strip() or "mlci.yml").open("rb") as file:
            return file.read(_LARGEST_CONFIG)
    except (OSError, ValueError):
        return b""


def _from_here(path: str) -> Path:
    return Path(os.environ.get("MLCI_WORKING_DIRECTORY") or ".", path)


def absent(extras: tuple[str, ...]) -> list[str]:
    """The modules that this interpreter does not have."""
    modules = {module for part in ("core", *extras) for module in MODULES[part]}
    return sorted(module for module in modules if importlib.util.find_spec(module) is None)


def version(folder: Path) -> str:
    """The version of the mlci that lies in a folder."""
    text = (folder / "mlci" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    return found[1] if found else ""


def package(extras: tuple[str, ...]) -> str:
    """What to install by hand, as an installer takes it."""
    return f'"mlci[{",".join(extras) or "gate"}]=={version(ROOT)}"'


def is_same_release() -> bool:
    """Whether this interpreter has mlci installed in the version of the action: then its packages are meant for it."""
    spec = importlib.util.find_spec("mlci")
    if spec is None or spec.origin is None:
        return False
    return version(Path(spec.origin).parent.parent) == version(ROOT)


def is_finished(home: Path) -> bool:
    """Whether a folder holds an environment that was made to the end and whose interpreter is still there."""
    return (home / MARKER).is_file() and os.access(home / "bin" / "python", os.X_OK)


def environment(extras: tuple[str, ...]) -> Path:
    """The environment for these extras, made if this job has none yet."""
    lacking = [module for module in _STANDARD if importlib.util.find_spec(module) is None]
    if lacking:
        cause = f"the Python of this runner lacks a part of its standard library: {', '.join(lacking)}"
        fail("U002", 2, cause, "install all of it (python3, not python3-minimal), or run actions/setup-python before")
    import hashlib
    import platform
    import signal

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    locks = [LOCKS / f"{name}.txt" for name in extras or ("core",)]
    facts = (sys.version, sys.base_prefix, platform.machine(), *extras, *(path.read_text("utf-8") for path in locks))
    key = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
    try:
        temp = _temp()
        home = temp / f"mlci-{key}"
        return home if is_finished(home) else make(home, locks, extras)
    except OSError as problem:
        fail("U005", 2, f"the environment cannot be written: {problem.strerror}", "make room in RUNNER_TEMP")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


def _temp() -> Path:
    import tempfile

    given = os.environ.get("RUNNER_TEMP")
    # A name that others can foresee, in a folder that others can write to, would let them prepare the environment.
    temp = Path(given).absolute() if given else Path(tempfile.mkdtemp(prefix="mlci-"))
    temp.mkdir(parents=True, exist_ok=True)
    return temp


def make(home: Path, locks: list[Path], extras: tuple[str, ...]) -> Path:
    """Make an environment beside its place and move it there, so that a step that runs at the same time sees all of it.

    Raises:
        OSError: RUNNER_TEMP cannot be written to.
    """
    import tempfile

    with tempfile.TemporaryDirectory(dir=home.parent, prefix="mlci-making-", ignore_cleanup_errors=True) as making:
        made = Path(making) / "environment"
        install(made, locks, extras)
        (made / MARKER).touch()
        try:
            made.rename(home)
        except OSError:
            if is_finished(home):
                return home
            home.rename(Path(making) / "half-made")
            made.rename(home)
    return home


def install(made: Path, locks: list[Path], extras: tuple[str, ...]) -> None:
    """Install what the locks name into a new environment, by uv where there is one, else by pip."""
    import shutil

    said = []
    uv = shutil.which("uv")
    if not uv and not _pip_can_install():
        fail(
            "U002", 2, "there is nothing to install packages with: no uv, and a Python without pip, venv or ensurepip",
            "install python3-venv (Debian, Ubuntu) or uv, run actions/setup-python before, or name in MLCI_PYTHON "
            f"an interpreter that has {package(extras)}",
        )  # fmt: skip
    for installer in ([_by_uv] if uv else []) + [_by_pip]:
        try:
            shutil.rmtree(made, ignore_errors=True)
            installer(made, locks, uv or "")
            _sound(made, extras)
            return
        except InstallError as problem:
            said.append(str(problem).strip())
    if _is_full("\n".join(said)):
        remedy = "make room where RUNNER_TEMP, the temporary folder and the installer's cache lie"
        fail("U005", 2, "the environment cannot be written: no space is left", remedy, detail="\n".join(said))
    fail(
        "S001", 4, "the packages that mlci needs could not be installed",
        "let the runner reach a package index or a mirror (PIP_INDEX_URL, UV_DEFAULT_INDEX), or have "
        f"{package(extras)} installed on it, its interpreter named by MLCI_PYTHON",
        detail="\n".join(said),
    )  # fmt: skip


def _is_full(said: str) -> bool:
    """Whether an installer met a full disk or quota: what it says of one is translated, the number is not."""
    import errno

    return re.search(rf"(Errno|os error) ({errno.ENOSPC}|{errno.EDQUOT})\b", said) is not None


_STRICT = ("--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:")


def _by_uv(made: Path, locks: list[Path], uv: str) -> None:
    _call(made.parent, uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(made))
    _call(made.parent, uv, "pip", "install", "--python", str(made / "bin" / "python"), *_STRICT, *_requirements(locks))


def _by_pip(made: Path, locks: list[Path], _: str) -> None:
    inside = str(made / "bin" / "python")
    if _pip_can_install_elsewhere():
        # Three seconds faster than a pip of the environment's own.
        _call(made.parent, sys.executable, "-I", "-m", "venv", "--without-pip", str(made))
        pip = [sys.executable, "-I", "-m", "pip", "--python", inside]
    else:
        _call(made.parent, sys.executable, "-I", "-m", "venv", str(made))
        pip = [inside, "-I", "-m", "pip"]
    quiet = ("--no-input", "--disable-pip-version-check", "--no-user")
    _call(made.parent, *pip, "install", *quiet, *_STRICT, *_requirements(locks))


def _pip_can_install() -> bool:
    has_venv, has_ensurepip = (importlib.util.find_spec(module) is not None for module in ("venv", "ensurepip"))
    return has_venv and (has_ensurepip or _pip_can_install_elsewhere())


def _pip_can_install_elsewhere() -> bool:
    try:
        import pip
    except ImportError:
        return False
    return tuple(int(part) for part in re.findall(r"\d+", pip.__version__)[:2]) >= (22, 3)


def _requirements(locks: list[Path]) -> list[str]:
    return [argument for lock in locks for argument in ("-r", str(lock))]


def _sound(made: Path, extras: tuple[str, ...]) -> None:
    """See that the packages landed here, which a configuration file can prevent, and that this machine can load them.

    A folder mounted noexec, a missing system library or an old processor show only when one is imported.
    """
    modules = sorted({module for part in ("core", *extras) for module in MODULES[part]})
    look = (
        "import sys; from importlib.util import find_spec\n"
        "if not all(map(find_spec, sys.argv[1:])): sys.exit('the installer put the packages somewhere else')\n"
        "try: [*map(__import__, sys.argv[1:])]\n"
        "except Exception as problem: sys.exit(f'{problem}\\nwhat was installed cannot be loaded on this machine')"
    )
    _call(made.parent, str(made / "bin" / "python"), "-I", "-c", look, *modules)


def _call(folder: Path, *command: str) -> None:
    """Run an installer, away from the workspace, whose configuration files it would read."""
    import subprocess

    environ = {name: value for name, value in os.environ.items() if _reaches_installers(name)}
    environ["UV_PYTHON_DOWNLOADS"] = "never"
    environ |= {name: value for name, (value, given) in _PATIENCE.items() if not environ.keys() & set(given)}
    done = subprocess.run(  # noqa: S603 - a list, no shell; every word of it is ours
        command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise InstallError("\n".join(done.stdout.splitlines()[-20:]))


def _reaches_installers(name: str) -> bool:
    if name.startswith(("PIP_", "UV_")):
        return _KEPT.fullmatch(name) is not None
    # Pip starts itself again without -I, so that all of these would be obeyed.
    return name not in _REDIRECTING | _SECRET and not name.startswith("PYTHON")


class _Cached(SourceFileLoader):
    """Loads mlci's own modules with their byte code in RUNNER_TEMP, because the action's folder is not written to."""

    def get_code(self, fullname: str) -> CodeType | None:
        before = sys.pycache_prefix, sys.dont_write_bytecode
        sys.pycache_prefix, sys.dont_write_bytecode = _CACHE, not _CACHE
        try:
            return super().get_code(fullname)
        finally:
            sys.pycache_prefix, sys.dont_write_bytecode = before


_CACHE = str(Path(os.environ["RUNNER_TEMP"], "mlci-bytecode").absolute()) if os.environ.get("RUNNER_TEMP") else None


def _finder(path: str) -> FileFinder:
    # Nothing else below the root: with uses: ./ an environment in the checkout lies there, with compiled modules.
    if path != str(ROOT) and not f"{path}{os.sep}".startswith(f"{ROOT}{os.sep}mlci{os.sep}"):
        raise ImportError
    return FileFinder(path, (_Cached, [".py"]))


def run() -> NoReturn:
    """Run the command in this interpreter, from the action's own code, in the folder that the step names."""
    folder = os.environ.get("MLCI_WORKING_DIRECTORY") or "."
    try:
        os.chdir(folder)
    except (OSError, ValueError):
        fail("U002", 2, "the folder that working-directory names cannot be entered", "give a folder of the workspace")
    sys.path_hooks.insert(0, _finder)
    sys.path.insert(0, str(ROOT))
    command = _command()
    # Words only where all are names: an input that says more than a command is quoted as it is by the error.
    words = command.split() if re.fullmatch(r"[a-z-]+( [a-z-]+)*", command) and " -" not in command else [command]
    sys.argv = ["mlci", *filter(None, words)]
    from mlci.cli.main import main as start

    start()


if __name__ == "__main__":
    main()

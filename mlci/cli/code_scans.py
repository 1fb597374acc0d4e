"""The scans of code-ci: what is looked for, each beside the checks and within the same budget."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mlci.cli.redact import redact
from mlci.config.quote import printable
from mlci.domain.checks import Check, Ran
from mlci.domain.figures import seconds_in_words
from mlci.domain.patterns import Pattern, pattern
from mlci.domain.scanning.scan import Scanned
from mlci.errors import OutOfRange, Place
from mlci.steps.code_scans import Broken, Scans, Secrets

if TYPE_CHECKING:
    from mlci.adapters.checks.side_by_side import Ended, Job
    from mlci.cli.code_bench import Bench

# Finds mlci where this process found it, behind everything that the interpreter has by itself.
_BEGIN = "import sys; sys.path.append(sys.argv[1]); from mlci.adapters.scanning.child import main; main()"
_KEPT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
_MISSING = 'Install it: pip install "mlci[secrets]", or set code.scan.secrets to false.'

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Scans that are about to be made.

    Attributes:
        bench: what they are made with.
        jobs: that are to be run.
        answers: where each writes what it saw, by name.
        dependencies: the command that looks dependencies up; None where none is configured.
        lacking: scans that cannot be made.
    """

    bench: Bench
    jobs: Sequence[Job] = ()
    answers: Mapping[str, str]
    dependencies: Check | None
    lacking: Mapping[str, Broken]

    def results(self, ended: Mapping[str, Ended]) -> Scans:
        """What they saw."""
        from mlci.adapters.scanning.child import Credentials

        models = self._read("scan-models", ended, Scanned)
        read = self._read("scan-secrets", ended, Credentials)
        secrets = (
            Secrets(found=read.found, more=read.more, files=read.files, large=read.large)
            if isinstance(read, Credentials)
            else read
        )
        return Scans(models=models, secrets=secrets, dependencies=self._looked_up(ended))

    def _read(self, name: str, ended: Mapping[str, Ended], shape: type[T]) -> T | Broken | None:
        import msgspec

        if name in self.lacking:
            return self.lacking[name]
        if name not in ended:
            return None
        one = ended[name]
        late = one.how in ("cut", "waiting")
        if one.how == "passed":
            try:
                return msgspec.json.decode(Path(self.answers[name]).read_bytes(), type=shape)
            except (OSError, msgspec.MsgspecError) as error:
                return Broken(how="left no answer that can be read", help=str(error)[:200])
        last = f": {redact(one.lines[-1].strip(), self.bench.environ)}" if one.lines else ""
        if late:
            budget = seconds_in_words(self.bench.config.code.budget.seconds)
            return Broken(how=one.said, help=f"Raise code.budget above {budget}, or name files that are data under "
                          "code.scan.ignore.", late=True)  # fmt: skip
        return Broken(how=f"{one.said}{last}", help=f"All it printed is in {os.path.relpath(one.job.log)}.")

    def _looked_up(self, ended: Mapping[str, Ended]) -> Ran | None:
        if self.dependencies is None or (one := ended.get("scan-dependencies")) is None:
            return None
        environ = self.bench.environ
        return Ran(
            check=self.dependencies,
            how=one.how,
            said=redact(one.said, environ),
            seconds=one.seconds,
            lines=tuple(redact(line, environ) for line in one.lines),
            log=os.path.relpath(one.job.log) if one.how != "waiting" else None,
        )


def prepared(bench: Bench) -> Prepared:
    """The scans that are configured and asked for.

    Raises:
        OutOfRange: a pattern of ``code.scan.ignore`` cannot be read.
    """
    from mlci.adapters.checks.side_by_side import Job

    scan = bench.config.code.scan
    jobs: list[Job] = []
    answers: dict[str, str] = {}
    lacking: dict[str, Broken] = {}
    wanted = [name for name, is_on in (("models", scan.models), ("secrets", scan.secrets)) if is_on]
    wanted = [name for name in wanted if bench.wants(f"scan-{name}")]
    if "secrets" in wanted and not _is_there("detect_secrets"):
        wanted.remove("secrets")
        lacking["scan-secrets"] = Broken(how="could not run: detect-secrets is not installed", help=_MISSING)
    if wanted:
        files, ignored = _files(bench)
        jobs += [_job(bench, name, files, ignored, answers) for name in wanted]
    check = None
    if scan.dependencies is not None and bench.wants("scan-dependencies"):
        check = Check(name="scan-dependencies", kind="command", command=scan.dependencies)
        jobs.append(
            Job(
                name=check.name, argv=("/bin/sh", "-c", check.command), cwd=str(bench.folder), environ=bench.child,
                log=bench.log(check.name), title=f"{check.name} ({printable(check.command)[:200]})",
            )
        )  # fmt: skip
    return Prepared(bench=bench, jobs=jobs, answers=answers, dependencies=check, lacking=lacking)


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _job(bench: Bench, kind: str, files: list[str], ignored: int, answers: dict[str, str]) -> Job:
    import msgspec

    import mlci
    from mlci.adapters.checks.side_by_side import Job
    from mlci.adapters.scanning.child import Request

    name = f"scan-{kind}"
    answers[name] = str(bench.work / f"{name}.json")
    request = bench.work / f"{name}.request.json"
    # A name is bytes, and JSON takes characters: each stands for one.
    written = [os.fsencode(one).decode("latin-1") for one in files]
    fields = Request(kind=kind, top=bench.top, files=written, ignored=ignored, answer=answers[name])
    request.write_bytes(msgspec.json.encode(fields))
    root = str(Path(mlci.__file__).parents[1])
    return Job(
        name=name,
        argv=(sys.executable, "-I", "-c", _BEGIN, root, str(request)),
        cwd=str(bench.work),
        environ={one: bench.environ[one] for one in _KEPT if one in bench.environ},
        log=bench.log(name),
        title=name,
        quiet=True,
    )


def _files(bench: Bench) -> tuple[list[str], int]:
    """The files of the repository that are to be looked through, and how many a pattern leaves out."""
    from mlci.adapters.git.repository import Repository

    repository = Repository.find(str(bench.folder), bench.environ)
    files = repository.listed() if repository is not None else _walked(bench.folder)
    # A submodule is listed by its bare name.
    inner = [name for name in files if Path(bench.top, name).is_dir() and not Path(bench.top, name).is_symlink()]
    files += [f"{name}/{one}" for name in inner for one in _walked(Path(bench.top, name))]
    below = os.path.relpath(bench.folder, bench.top)
    ignore = [_pattern(text, "" if below == "." else below) for text in bench.config.code.scan.ignore]
    left = [name for name in files if not any(one.matches(name) for one in ignore)]
    return left, len(files) - len(left)


def _pattern(text: str, folder: str) -> Pattern:
    try:
        return pattern(text, folder)
    except ValueError as error:
        raise OutOfRange(f"code.scan.ignore: {printable(text)} {error}", place=Place("code.scan.ignore")) from None


def _walked(folder: Path) -> list[str]:
    """Outside git: every file below the folder, without what mlci itself and environments leave."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [
            one for one in folders if one not in (".git", ".mlci", "__pycache__") and not _is_environment(parent, one)
        ]
        found += [os.path.relpath(Path(parent, one), folder) for one in files]
    return sorted(found)


def _is_environment(parent: str, name: str) -> bool:
    return Path(parent, name, "pyvenv.cfg").is_file()

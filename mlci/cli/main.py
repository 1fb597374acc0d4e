"""The one place that exits: every way a command can end becomes an exit code and, where there is one, a message."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

import click

from mlci import __version__
from mlci.cli.redact import redact
from mlci.cli.tree import Given, build
from mlci.config.quote import nearest, one_line, printable
from mlci.errors import Exit, MlciError, NotWritable, PlatformUnsupported, SeveralErrors, UsageError

# As the shell reports it for a program that a closed pipe ended. Never 0: a gate whose reader left has not passed.
PIPE_CLOSED = 141

_DEBUG = "MLCI_DEBUG"


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    signal.signal(signal.SIGTERM, _terminated)
    # A run is short and leaves no cycles that matter; the search for them takes as long as reading a million rows.
    gc.disable()
    code = run(sys.argv[1:], os.environ)
    # An interpreter that ends searches for them all the same: half a second where MLflow was imported.
    gc.freeze()
    sys.exit(code)


def _terminated(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command line and return what the process is to exit with."""
    try:
        if sys.platform == "win32":
            raise PlatformUnsupported("mlci runs on Linux and macOS, not on Windows")
        code = _run(arguments, environ)
        return _flushed(code)
    except MlciError as error:
        return _explained(error, environ)
    except click.ClickException as error:
        return _usage(error, environ)
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted", environ)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        _discard_stdout()
        return PIPE_CLOSED
    except Exception as problem:  # noqa: BLE001 - the last line of defence: whatever else happens is a bug and says so
        return _full(problem, environ) if _is_full(problem) else _bug(environ)


def _is_full(problem: Exception) -> bool:
    return isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT)


def _full(problem: Exception, environ: Mapping[str, str]) -> int:
    _discard_stdout()
    cause = f"a result cannot be written: {getattr(problem, 'strerror', None) or problem}"
    return _explained(NotWritable(cause, help="make room, or write somewhere else"), environ)


def _run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    def handler(given: Given) -> int:
        from mlci.cli.wiring import invoke

        return invoke(given, environ)

    tree = build(handler)
    try:
        # Not tree.main(): it turns a closed pipe into exit 1, and prints an empty line on an interrupt.
        with tree.make_context("mlci", list(arguments)) as context:
            return int(tree.invoke(context))
    except click.exceptions.Exit as ended:
        return ended.exit_code


def _flushed(code: int) -> int:
    """Write out what stdout still holds; the command has ended, so its code stands even if nobody reads."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_stdout()
    return code


def _discard_stdout() -> None:
    # The interpreter flushes once more at exit and would turn the closed pipe into exit 120 and a message.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: click.ClickException, environ: Mapping[str, str]) -> int:
    hint = None
    if isinstance(error, click.NoSuchOption):
        cause = f"there is no option {printable(error.option_name)}"
        options = [name for param in error.ctx.command.params for name in param.opts] if error.ctx else []
        hint = nearest(error.option_name, options) or _elsewhere(error.option_name)
    else:
        cause = one_line(error.format_message().rstrip("."))
    hint = hint or "mlci --help lists commands, mlci COMMAND --help its options"
    return _explained(UsageError(cause, help=hint), environ)


def _elsewhere(option: str) -> str | None:
    """The commands that do have an option: what was meant may be another command of a similar name."""
    from mlci.surface.catalog import COMMANDS

    names = [command.name for command in COMMANDS if any(param.flag == option for param in command.params)]
    return f"{option} is an option of {', '.join(f'mlci {name}' for name in names)}" if names else None


def _explained(error: MlciError, environ: Mapping[str, str]) -> int:
    _say(str(error), environ)
    _annotate(error, environ)
    return int(error.exit)


def _say(text: str, environ: Mapping[str, str]) -> None:
    from mlci.render.escape import log_line

    # Last of several defences: whatever a message quotes, it moves no cursor and is no command to a runner.
    shown = "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in redact(text, environ))
    shown = "\n".join(map(log_line, shown.split("\n")))
    with contextlib.suppress(OSError, ValueError):
        click.echo(shown, err=True)


def _annotate(error: MlciError, environ: Mapping[str, str]) -> None:
    """Show the error beside the run; GitHub shows ten a step."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return
    from mlci.render.annotations import workflow_command

    for problem in (error.problems if isinstance(error, SeveralErrors) else [error])[:10]:
        place = f" ({problem.place})" if problem.place is not None else ""
        message = redact(f"{problem.cause}{place}", environ)
        with contextlib.suppress(OSError, ValueError):
            click.echo(workflow_command("error", f"mlci {problem.id}", message), err=True)


def _bug(environ: Mapping[str, str]) -> int:
    import traceback

    trace = traceback.format_exc()
    kind = trace.strip().splitlines()[-1].partition(":")[0]
    if environ.get(_DEBUG) == "1":
        _say(trace, environ)
        _say(f"error: a bug in mlci ({kind})", environ)
        return Exit.BUG
    _say(f"error: a bug in mlci ({kind}){_recorded(trace, environ)}; set {_DEBUG}=1 to see where", environ)
    return Exit.BUG


def _recorded(trace: str, environ: Mapping[str, str]) -> str:
    import platform
    import tempfile
    from pathlib import Path

    system = f"mlci {__version__}, Python {platform.python_version()}, {platform.platform()}"
    try:
        handle, name = tempfile.mkstemp(prefix="mlci-bug-", suffix=".txt")
        os.close(handle)
        Path(name).write_text(redact(f"{system}\n\n{trace}", environ), encoding="utf-8")
    except OSError:
        return ""
    return f", details in {name}"

"""A connection to DuckDB that reaches nothing but the files it was told of, loads nothing and can be stopped."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlci.adapters.datasets.duck_spill import Spill
from mlci.adapters.datasets.duck_table import escaped
from mlci.adapters.oneline import one_line
from mlci.errors import DataUnreadable, EngineFailed, ExtraMissing, Place, UsageError

_CAUSE = 240


class Overdue(Exception):
    """A query took longer than it may."""


class Refused(Exception):
    """DuckDB does not take a query as it is written; the message says why on one line."""


class Session:
    """One database in memory.

    Attributes:
        version: of DuckDB.
        views: what each relation is, by name.
        spill: where it puts what does not fit.
    """

    def __init__(self, *, memory: str, folder: str) -> None:
        """Start it.

        Raises:
            ExtraMissing: DuckDB is not installed.
            NotWritable: the folder cannot be used.
        """
        try:
            import duckdb
        except ImportError as error:
            raise ExtraMissing("checking data needs DuckDB", help='pip install "mlci[data]"') from error
        self._duckdb = duckdb
        self.version = duckdb.__version__
        self._memory = memory
        self._allowed: dict[str, str] = {}
        self.views: dict[str, str] = {}
        self.spill = Spill(folder)
        try:
            self._connection = self._connected()
        except duckdb.Error as error:
            self.spill.remove()
            raise UsageError(f"{memory[:40]!a} is no amount of memory", help="such as 500MB") from error

    def allow(self, paths: Mapping[str, str]) -> None:
        """Let files be read besides those that may be already.

        What may be read cannot change on a connection that is locked, so it is made anew; views stay.

        Args:
            paths: what messages call each file, by its path.
        """
        self._allowed.update(paths)
        self._connection.close()
        self._connection = self._connected()

    def view(self, name: str, sql: str) -> None:
        """Give a query a name, which must need no quotes.

        Raises:
            DataUnreadable: what it reads is malformed.
        """
        self.run(f"CREATE OR REPLACE VIEW {name} AS {sql}", name)
        self.views[name] = sql

    def run(self, sql: str, source: str, within: float | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query.

        Args:
            sql: the query.
            source: what it reads, for messages.
            within: seconds it may take; None for as long as it needs.

        Raises:
            DataUnreadable: what it reads is malformed.
            EngineFailed: memory or disk ran out.
            Refused: it is wrong in itself.
            Overdue: it took longer than it may.
        """
        with self._errors(source, within):
            found: list[tuple[Any, ...]] = self._aside(lambda: self._connection.execute(sql).fetchall())
        return found

    def arrays(self, sql: str, source: str) -> dict[str, Any]:
        """The columns of a query as numpy arrays by name; where a value may be missing, a masked array."""
        with self._errors(source, None):
            found: dict[str, Any] = self._aside(lambda: self._connection.execute(sql).fetchnumpy())
        return found

    def _aside(self, work: Callable[[], Any]) -> Any:
        """Do it in a thread of its own, so that a signal is seen at once: while rows come, DuckDB looks for none."""
        done: list[Any] = []
        finished = threading.Event()

        def attempt() -> None:
            try:
                done.append((work(), None))
            except BaseException as error:  # noqa: BLE001 - it is raised where it belongs
                done.append((None, error))
            finally:
                finished.set()

        threading.Thread(target=attempt, daemon=True).start()
        try:
            # Not join(), which a signal leaves believing that the thread has ended.
            finished.wait()
        except BaseException:
            self._connection.interrupt()
            finished.wait()
            raise
        found, error = done[0]
        if error is not None:
            raise error
        return found

    def arrow(self, sql: str, source: str) -> Any:
        """The result of a query as an Arrow table."""
        with self._errors(source, None):
            return self._connection.sql(sql).to_arrow_table()

    def refusal(self, sql: str) -> str | None:
        """Why DuckDB does not take an expression that reads nothing, on one line; None where it does."""
        try:
            self._connection.execute(sql).fetchall()
        except self._duckdb.Error as error:
            return one_line(first_line(error), _CAUSE)
        return None

    def close(self) -> None:
        """Give back everything that was kept."""
        with contextlib.suppress(self._duckdb.Error):
            self._connection.close()
        self.spill.remove()

    def _connected(self) -> Any:
        connection = self._duckdb.connect(
            config={
                "memory_limit": self._memory,
                "temp_directory": self.spill.path,
                # Data are data: nothing in them or in a contract loads code, or names a variable of this program.
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_community_extensions": "false",
                "python_enable_replacements": "false",
            }
        )
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        # What a Parquet file says of its own values is not believed: a count is of the values themselves.
        connection.execute("SET disabled_optimizers = 'statistics_propagation'")
        # DuckDB asks for the pattern as it stands, too.
        paths = {*self._allowed, *map(escaped, self._allowed)}
        connection.execute("SET allowed_paths = ?", [sorted(paths)])
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        for name, sql in self.views.items():
            connection.execute(f"CREATE OR REPLACE VIEW {name} AS {sql}")
        return connection

    @contextlib.contextmanager
    def _errors(self, source: str, within: float | None) -> Iterator[None]:
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._connection.interrupt()

        timer = None if within is None else threading.Timer(within, stop)
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            yield
        except self._duckdb.InterruptException as error:
            if late.is_set():
                raise Overdue from error
            raise KeyboardInterrupt from error
        except self._duckdb.Error as error:
            raise self._error(error, source) from error
        finally:
            if timer is not None:
                timer.cancel()

    def _error(self, error: Exception, source: str) -> Exception:
        said = str(error)
        named = [path for path in self._allowed if path in said or escaped(path) in said]
        # Of a.json and a.jsonl the longer is meant where both seem to be.
        place = self._allowed[max(named, key=len)] if named else source
        shown, cause = one_line(place, 200), one_line(first_line(error), _CAUSE)
        kinds = self._duckdb
        if isinstance(error, kinds.OutOfMemoryException) or "No space left" in said:
            disk = any(word in said for word in ("No space left", "max_temp_directory_size", "offload"))
            what, help = ("disk", "free some") if disk else ("memory", "raise data.memory")
            return EngineFailed(f"DuckDB ran out of {what} on {shown}: {cause}", place=Place(shown), help=help)
        if isinstance(error, _wrong_in_itself(kinds)):
            return Refused(cause)
        return DataUnreadable(f"{shown} cannot be read: {plain(error, shown)}", place=Place(shown, line_of(error)))


def _wrong_in_itself(kinds: Any) -> tuple[type[Exception], ...]:
    return (
        kinds.BinderException, kinds.ParserException, kinds.SyntaxException, kinds.CatalogException,
        kinds.PermissionException, kinds.ConversionException, kinds.OutOfRangeException, kinds.TypeMismatchException,
    )  # fmt: skip


def first_line(error: object) -> str:
    """What DuckDB says of an error, without where in the query it stood and without advice."""
    return str(error).strip().partition("\n")[0].removeprefix("Invalid Input Error: ")


def line_of(error: object) -> int | None:
    """The line of a text file that an error names."""
    found = re.search(r"\bLine: (\d+)|\bin line (\d+)", str(error))
    return int(found.group(1) or found.group(2)) if found else None


# What DuckDB says of a malformed file, and what that means; values that it repeats are never repeated.
_SAID = (
    (r"Expected Number of Columns: (\d+) Found: (\d+)", r"{has \2 values where the header names \1}"),
    (r"Invalid unicode", "{is not UTF-8}"),
    (r"unterminated quote", "{has a quoted value that is not closed, or that goes on after its closing quote}"),
    (r"Maximum line size of (\d+) bytes exceeded", r"{is longer than \1 bytes}"),
    (r"does not support a full read", "a line of it is longer than any may be"),
    (r"state machine reached an invalid state", "its lines end in different ways, or quotes stand where none may"),
    (r"in file \".*\", at byte (\d+) in .*?: ([a-zA-Z0-9 ,-]+)", r"{is malformed at its byte \1: \2}"),
    (r"maximum recursion depth", "its values are nested too deep"),
    (r"has duplicate key", "{has one key twice}"),
    (r"maximum_object_size\" of (\d+) bytes", r"an object of it is larger than \1 bytes"),
)


def plain(error: object, shown: str) -> str:
    """An error of DuckDB's in words of ours, without paths and values."""
    said = str(error)
    line = line_of(error)
    for pattern, words in _SAID:
        if found := re.search(pattern, said, re.DOTALL):
            meaning = found.expand(words)
            return meaning.replace("{", "a line " if line is None else f"line {line:,} ").replace("}", "")
    return one_line(re.sub(r"[\"'](/[^\"']*)[\"']", shown, first_line(error)), _CAUSE)

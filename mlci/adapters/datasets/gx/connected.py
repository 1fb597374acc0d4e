"""A database that is only ever read: one snapshot of it, for as long as the check takes."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from mlci.errors import DataUnreadable, EngineFailed, ExtraMissing, FileMissing, OutOfRange, Place

# A query that takes longer waits for something that will not come. Milliseconds.
_PATIENCE_MS = 1_800_000
_LOCK_MS = 30_000
# How PostgreSQL writes values as text must not hang on who connects: the fingerprint is made of it.
_SETTINGS = {
    "statement_timeout": str(_PATIENCE_MS), "lock_timeout": str(_LOCK_MS), "idle_in_transaction_session_timeout": "0",
    "timezone": "UTC", "datestyle": "ISO, MDY", "intervalstyle": "postgres", "extra_float_digits": "1",
    "bytea_output": "hex",
}  # fmt: skip
# sqlglot's names, where they are not SQLAlchemy's.
_DIALECTS = {"postgresql": "postgres", "mssql": "tsql", "awsathena": "athena"}
# Of a PostgreSQL error, by the start of its code, what it means for the reader; values of the data may stand in it.
_BATCH = 10_000


class Database:
    """Connections to one database.

    Attributes:
        dialect: sqlglot's name of its SQL.
        version: of what answers.
    """

    def __init__(self, engine: Any, name: str) -> None:
        """Take over an engine of SQLAlchemy's, which nobody used yet.

        Args:
            engine: that connects.
            name: of the dataset, for messages; the address is in none.

        Raises:
            EngineFailed: it does not answer, or lets nobody in.
        """
        import sqlalchemy as sa

        self.engine, self.name = engine, name
        self.dialect = _DIALECTS.get(engine.dialect.name, engine.dialect.name)
        self.postgres = engine.dialect.name == "postgresql"
        self._snapshot: str | None = None
        self._holder: Any = None
        sa.event.listen(engine, "begin", self._begun)
        with self.errors():
            self._holder = engine.connect()
            self._holder.begin()
            if self.postgres:
                self._snapshot = self._holder.exec_driver_sql("SELECT pg_export_snapshot()").scalar()
        self.version = ".".join(map(str, engine.dialect.server_version_info or ())) or "unknown"

    def _begun(self, connection: Any) -> None:
        if self.postgres:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if self._snapshot is not None:
                connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{self._snapshot}'")
            for key, value in _SETTINGS.items():
                connection.exec_driver_sql(f"SET LOCAL {key} = '{value}'")
        elif connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
        elif connection.dialect.name in ("mysql", "mariadb"):
            connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The small result of a query in the database's own dialect; decimals as the numbers they are."""
        with self.errors(), self.engine.connect() as connection:
            found = connection.exec_driver_sql(sql).fetchall()
        return [tuple(_plain(value) for value in row) for row in found]

    def batches(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query as the database gives them, some at a time."""
        with self.errors(), self.engine.connect() as connection:
            # What is set at the beginning is no query that has rows to stream.
            connection.begin()
            result = connection.execution_options(stream_results=True).exec_driver_sql(sql)
            while part := result.fetchmany(_BATCH):
                yield [tuple(row) for row in part]

    def described(self, query: str) -> list[tuple[str, Any]]:
        """Name and type, as the driver knows it, of every column of a query."""
        with self.errors(), self.engine.connect() as connection:
            result = connection.exec_driver_sql(f"SELECT * FROM (\n{query}\n) AS described LIMIT 0")
            return [(column[0], column[1]) for column in result.cursor.description]

    def fingerprint(self, query: str, columns: Sequence[str]) -> str:
        """sha256 of the rows of a query, whatever their order, with how often each is there; in hexadecimal.

        PostgreSQL sums the sha256 of every row, written as text, in four parts of 64 bits; elsewhere the rows are read
        and the same is done here. The sums, the number of rows and the names of the columns are what is hashed.
        """
        if self.postgres:
            parts = ", ".join(
                f"coalesce(sum(('x' || substr(h, {1 + 16 * part}, 16))::bit(64)::bigint::numeric), 0)"
                for part in range(4)
            )
            hashed = f"SELECT encode(sha256(convert_to(r::text, 'UTF8')), 'hex') AS h FROM (\n{query}\n) AS r"
            found = self.rows(f"SELECT count(*), {parts} FROM ({hashed}) AS hashed")[0]
        else:
            found = _summed(self.batches(query))
        said = "\n".join([*map(str, found), *columns])
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()

    def close(self) -> None:
        """Give the connections back."""
        with contextlib.suppress(Exception):
            if self._holder is not None:
                self._holder.close()
        with contextlib.suppress(Exception):
            self.engine.dispose()

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Errors of the database as ours, without its address and without values."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except SQLAlchemyError as error:
            raise failure(error, self.name) from None
        except OSError:
            raise EngineFailed(f"the database of {self.name} does not answer", help="check its address") from None


def connect(address: str, name: str) -> Any:
    """The address as SQLAlchemy takes it, with a driver that mlci brings.

    Raises:
        OutOfRange: it is no address.
    """
    import sqlalchemy as sa

    try:
        url = sa.make_url(address)
    except (sa.exc.ArgumentError, ValueError):
        raise OutOfRange(
            f"the database of {name} is no address", place=Place("mlci.yml"),
            help="such as postgresql://user:password@host:5432/name, through ${DATABASE_URL}",
        ) from None  # fmt: skip
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+pg8000")
    return url


def failure(error: Exception, name: str) -> Exception:
    """What an error of the database means."""
    said = getattr(error, "orig", None)
    words = said.args[0] if said is not None and said.args else None
    code, message = (words.get("C", ""), words.get("M", "")) if isinstance(words, dict) else ("", "")
    the = f"the database of {name}"
    if isinstance(error, ImportError) or type(error).__name__ == "NoSuchModuleError":
        return ExtraMissing(f"{the} needs a driver that is not installed", help='pip install "mlci[gx]"')
    if code.startswith("28"):
        return EngineFailed(f"{the} lets nobody in with these credentials", help="check the address in its variable")
    if code in ("42P01", "3F000", "3D000"):
        return FileMissing(f"{the} has no such table, schema or database: {message}"[:300], help="check data.*.query")
    if code == "42501":
        return EngineFailed(f"{the} does not let this user read: {message}"[:300], help="grant SELECT")
    if code == "57014":
        return EngineFailed(f"{the} took longer than {_PATIENCE_MS // 60_000} minutes for a query")
    if code in ("25006", "25001"):
        return OutOfRange(f"the query of {name} cannot be used: it must read only", help="write one SELECT")
    if code.startswith("42"):
        return OutOfRange(f"the query of {name} cannot be used: {message}"[:300], help="check data.*.query")
    if code.startswith("22"):
        # The message of such an error repeats the value.
        return DataUnreadable(f"the query of {name} fails on its data (SQLSTATE {code})", place=Place(name))
    return EngineFailed(f"{the} failed{f' (SQLSTATE {code})' if code else ''}", help="check that it can be reached")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)
    return value


def _summed(batches: Iterator[list[tuple[Any, ...]]]) -> tuple[int, ...]:
    count, sums = 0, [0, 0, 0, 0]
    for rows in batches:
        count += len(rows)
        for row in rows:
            digest = hashlib.sha256(
                repr(tuple(_plain(value) for value in row)).encode("utf-8", "surrogatepass")
            ).digest()
            for part in range(4):
                sums[part] += int.from_bytes(digest[8 * part : 8 * part + 8], "big", signed=True)
    return count, *sums

"""A memory of files' digests in an SQLite file. It may be lost, torn or written by several at once, never believed
against what the file system says."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# Dates of files move in steps; a file written twice within one step could keep its dates. So, like git, only a file
# that had been left alone for a while is remembered.
_SETTLED = 2_000_000_000
_PATIENCE = 2.0
_MOST = 2_000_000
_TABLE = (
    "CREATE TABLE IF NOT EXISTS digests_1 (place BLOB PRIMARY KEY, size INTEGER, modified INTEGER, changed INTEGER,"
    " inode TEXT, digest TEXT, proof TEXT) WITHOUT ROWID"
)


@dataclass(frozen=True)
class Stamp:
    """What the file system says of a file: size in bytes, dates in nanoseconds, inode."""

    size: int
    modified: int
    changed: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp in an answer of ``stat``."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class Known:
    """Digests that were computed before. Whatever is wrong with the file, it then knows nothing."""

    def __init__(self, path: str) -> None:
        self._path = path

    def recall(self, stamps: Mapping[str, Stamp]) -> dict[str, str]:
        """sha256 by place, of those files whose stamp is still the same."""
        found: dict[str, str] = {}
        if not Path(self._path).is_file():
            return found
        places = {_key(place): place for place in stamps}
        with contextlib.suppress(sqlite3.Error, OSError, ValueError), self._open() as database:
            for key, *row in _rows(database, sorted(places)):
                place = places.get(key)
                if place is not None and _is_of(key, stamps[place], row):
                    found[place] = str(row[4])
        return found

    def remember(self, digests: Mapping[str, tuple[Stamp, str]]) -> None:
        """Keep digests by place for the next time, of files that have been left alone long enough."""
        now = time.time_ns()
        rows = [
            (_key(place), *_facts(stamp), digest, _proof(_key(place), stamp, digest))
            for place, (stamp, digest) in digests.items()
            if now - max(stamp.modified, stamp.changed) > _SETTLED
        ]
        if not rows:
            return
        try:
            self._write(rows)
        except (sqlite3.DatabaseError, ValueError) as error:
            # Locked by another run is no reason to throw its work away; anything else is a file that is no good.
            if not isinstance(error, sqlite3.OperationalError):
                with contextlib.suppress(OSError):
                    Path(self._path).unlink()
        except OSError:
            pass

    def _write(self, rows: list[tuple[bytes, int, int, int, str, str, str]]) -> None:
        Path(self._path).parent.mkdir(parents=True, exist_ok=True)
        with self._open() as database:
            database.execute(_TABLE)
            if database.execute("SELECT count(*) FROM digests_1").fetchone()[0] > _MOST:
                database.execute("DELETE FROM digests_1")
            database.executemany("INSERT OR REPLACE INTO digests_1 VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._path, timeout=_PATIENCE)
        try:
            with database:
                yield database
        finally:
            database.close()


def _rows(database: sqlite3.Connection, keys: list[bytes]) -> Iterator[tuple[bytes, int, int, int, str, str, str]]:
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'digests_1'").fetchone():
        return
    if len(keys) == 1:
        yield from database.execute("SELECT * FROM digests_1 WHERE place = ?", keys)
    elif keys:
        # All lie in one folder, so the range between the first and the last holds little else.
        yield from database.execute("SELECT * FROM digests_1 WHERE place BETWEEN ? AND ?", (keys[0], keys[-1]))


def _key(place: str) -> bytes:
    return os.fsencode(os.path.abspath(place))  # noqa: PTH100 - names with odd bytes


def _facts(stamp: Stamp) -> tuple[int, int, int, str]:
    # An inode number can be larger than SQLite's integers.
    return stamp.size, stamp.modified, stamp.changed, str(stamp.inode)


def _proof(key: bytes, stamp: Stamp, digest: str) -> str:
    """Finds a row that a crash tore, or a disk spoilt; it stops nobody who means to forge one."""
    return hashlib.sha256(repr((key, _facts(stamp), digest)).encode()).hexdigest()


def _is_of(key: bytes, stamp: Stamp, row: list[object]) -> bool:
    *facts, digest, proof = row
    return tuple(facts) == _facts(stamp) and isinstance(digest, str) and proof == _proof(key, stamp, digest)

"""The one place that chooses an SQLite driver and knows which builds may use WAL.

SQLite 3.7.0 to 3.51.2 (except 3.44.6+ and 3.50.7+) can lose committed rows when two connections
write and checkpoint a WAL at once. `pysqlite3` carries a fixed build; where it has no wheel, the
standard driver is used, with a rollback journal if its build is affected.
"""

from __future__ import annotations

import ctypes
from typing import Any

try:
    import pysqlite3.dbapi2 as sqlite

    DRIVER = "pysqlite3"
except ImportError:  # no wheel for this platform
    import sqlite3 as sqlite

    DRIVER = "sqlite3"

Connection = Any
DatabaseError: type[Exception] = sqlite.DatabaseError
OperationalError: type[Exception] = sqlite.OperationalError
IntegrityError: type[Exception] = sqlite.IntegrityError
VERSION: str = sqlite.sqlite_version


for _kind, _plain in ((type(None), lambda none: none), (bool, int), (bytes, bytes)):
    # For each value of these kinds the driver looks for a way to adapt it: in vain that takes it a microsecond,
    # which is most of what writing a row takes.
    sqlite.register_adapter(_kind, _plain)


def wal_is_safe(version: tuple[int, ...] = sqlite.sqlite_version_info) -> bool:
    """Whether this SQLite build is free of the WAL-reset bug."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def connect(path: str, *, read_only: bool = False, alone: bool = False) -> Connection:
    """A connection in autocommit mode: transactions are written out, always BEGIN IMMEDIATE.

    `alone`: to a file that nobody writes and that has no log; nothing is made or locked beside it.
    """
    from urllib.parse import quote

    mode = ("ro" if read_only or alone else "rw") + ("&immutable=1" if alone else "")
    connection = sqlite.connect(
        f"file:{quote(path)}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=30,
        cached_statements=256,
        check_same_thread=False,  # SQLite takes turns by itself; shared transactions are committed in a thread
    )
    connection.execute("PRAGMA busy_timeout=30000")
    return connection


def abandon(connection: Connection) -> None:
    """Leave a connection open for as long as the process lives.

    SQLite ends the last connection to a file by playing its log into whatever has that name now, and by deleting
    whatever log lies beside it: with files that are not its own any more it must not come to that, not even when the
    interpreter clears up.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def prepare(connection: Connection) -> None:
    """Durability of a connection that writes: every commit is on disk before it returns."""
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA fullfsync=ON")
    connection.execute("PRAGMA wal_autocheckpoint=1000")

"""Copies of a whole store, taken while others write to it, and the upgrade that begins with one."""

from __future__ import annotations

import contextlib
import filecmp
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from choreo.errors import StoreError, UsageError
from choreo.store import driver
from choreo.store.files import is_alone
from choreo.store.room import amiss
from choreo.store.schema import VERSION, migrate, tables_of

_PAGES = 2000
"""Pages copied at a time: between two steps others may write."""


def back_up(source: Path, target: Path) -> int:
    """Copy the store into a new file, whole and checked or not at all. Returns its size in bytes.

    Raises UsageError where the target exists, StoreError where the copy cannot be made.
    """
    if target.exists() or target.is_symlink():
        raise UsageError("file-exists", f"{target} exists already", "name a new file")
    fresh = target.with_name(f"{target.name}.new-{os.getpid()}")
    try:
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        _copy(source, fresh)
        sync(fresh)
        _put(fresh, target)
        sync(target.parent)
        return target.stat().st_size
    except (driver.DatabaseError, OSError) as error:
        reason = amiss(target) or getattr(error, "strerror", None) or error
        raise StoreError(
            "no-backup", f"{source} could not be copied to {target}: {reason}", "nothing was changed"
        ) from error
    finally:
        for rest in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):  # on a disk that is read-only nothing was made
                fresh.with_name(fresh.name + rest).unlink(missing_ok=True)


def _copy(source: Path, fresh: Path) -> None:
    old, new = _reading(source), driver.connect(str(fresh))
    try:
        old.backup(new, pages=_PAGES)
        said = new.execute("PRAGMA integrity_check(1)").fetchone()[0]
    finally:
        new.close()
        old.close()
    if said != "ok":
        raise StoreError("no-backup", f"the copy of {source} is not whole: {said}", "the store may be damaged")


def _reading(source: Path) -> driver.Connection:
    """A connection that can read at once: see `is_alone`."""
    connection = driver.connect(str(source), read_only=True)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1")
    except driver.OperationalError:
        connection.close()
        if not is_alone(source):
            raise
        return driver.connect(str(source), alone=True)
    return connection


def _put(fresh: Path, target: Path) -> None:
    try:
        os.link(fresh, target)  # unlike a rename, never over a file that came up meanwhile
    except FileExistsError as error:
        raise UsageError("file-exists", f"{target} exists already", "name a new file") from error


def upgrade(path: Path) -> tuple[int, Path | None]:
    """Bring an older store to this version, with a copy beside it first. Gives (old version, the copy).

    A process that dies on the way leaves the old store or the new one. Nothing happens where nothing is to be done.
    Raises StoreError.
    """
    try:
        return _upgrade(path)
    except driver.DatabaseError as error:
        message = f"{path} could not be brought to store version {VERSION}: {error}"
        raise StoreError("no-upgrade", message, "it was left as it is; free the disk or the lock") from error


def _upgrade(path: Path) -> tuple[int, Path | None]:
    connection = driver.connect(str(path))
    try:
        found = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        if not found.issuperset(tables_of(version_of(connection))):
            return version_of(connection), None  # damaged: whoever opens it says so
        driver.prepare(connection)
        connection.execute("BEGIN IMMEDIATE")  # nobody writes between the copy and the upgrade
        old = version_of(connection)
        if old >= VERSION:
            return old, None
        copy = _copy_beside(path, old)
        migrate(connection)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the version must be read from the file's first bytes
        untold.append((path, copy))
        return old, copy
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.close()


def _copy_beside(path: Path, old: int) -> Path:
    """Copy the store under the first name that is free: what is there may be all that is left of another store.

    An upgrade that was cut short has left such a copy already: the same is not kept twice.
    """
    copy = next(name for name in _names(path, old) if not os.path.lexists(name))
    back_up(path, copy)
    before = (name for name in itertools.takewhile(copy.__ne__, _names(path, old)) if name.is_file())
    same = next((name for name in before if filecmp.cmp(name, copy, shallow=False)), None)
    if same is not None:
        copy.unlink()
    return same or copy


def _names(path: Path, old: int) -> Iterator[Path]:
    """`trace.db.v1-backup`, `trace.db.v1-backup-2`, and so on."""
    first = path.with_name(f"{path.name}.v{old}-backup")
    yield first
    yield from (first.with_name(f"{first.name}-{number}") for number in itertools.count(2))


untold: list[tuple[Path, Path]] = []
"""Upgrades of this process (store, copy) that nobody has been told of: nothing here speaks."""


def untold_upgrades() -> list[tuple[Path, Path]]:
    """The stores that this process has upgraded, each with its copy, since it was last asked."""
    found = list(untold)
    untold.clear()
    return found


def version_of(connection: driver.Connection) -> int:
    """The version of an open store."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def sync(path: Path) -> None:
    """Have a file, or the entries of a folder, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Where the store lies, how its file is made, and what is checked before a byte of it is touched."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from choreo.errors import StoreError, UsageError
from choreo.store import driver
from choreo.store.backup import sync, upgrade, version_of
from choreo.store.files import is_alone, left_behind
from choreo.store.handles import first_bytes
from choreo.store.room import advice, amiss
from choreo.store.schema import APPLICATION_ID, VERSION, migrate, tables_of

FOLDER = ".choreo"
FILE = "trace.db"
_ADVICE = "it was left as it is; name another file with --db, or restore a backup"
_SMALL = 8_000_000


def find_store(db: str | None = None) -> Path:
    """The store file: `--db`, else CHOREO_DB, else that of the nearest `.choreo` upward, else one here."""
    named = db or os.environ.get("CHOREO_DB")
    if named:
        return Path(named)
    here = _working_directory()
    for folder in (here, *here.parents):
        if (folder / FOLDER).is_dir():
            return folder / FOLDER / FILE
    return here / FOLDER / FILE


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        message = f"the working directory is not there any more ({error.strerror or error})"
        raise UsageError(
            "no-folder", message, "change into a folder that is there, or name the store with --db"
        ) from error


def log_folder(store: Path) -> Path:
    """Where the logs of this store go."""
    return store.parent / "log"


def open_for_writing(path: Path, *, make: bool = True) -> driver.Connection:
    """Open the store; where there is none, make it, or (not `make`) raise UsageError.

    Raises StoreError; never repairs or overwrites.
    """
    try:
        if not path.exists():
            if not make:
                raise _no_store(path)
            rest = left_behind(path)
            if rest is not None:
                message = f"{path} is not there, but {rest.name}, which belongs to it, is"
                raise StoreError("store-missing", message, "put the store back; or move that away, and it is lost")
            _create(path)
        _bring_up(path)
        connection = _checked(driver.connect(str(path)), path)
        driver.prepare(connection)
    except driver.OperationalError as error:
        raise StoreError("store-unusable", f"{path}: {error}", advice(path)) from error
    except driver.DatabaseError as error:
        raise StoreError("store-unusable", f"{path}: {error}", _ADVICE) from error
    except OSError as error:
        raise StoreError("store-unusable", f"{path}: {error.strerror or error}", advice(path)) from error
    return connection


def open_for_reading(path: Path) -> driver.Connection:
    """Open an existing store read-only. Raises UsageError where there is none, StoreError where it is bad."""
    if not path.exists():
        raise _no_store(path)
    try:
        _bring_up(path)
        connection = _read_only(path)
    except driver.OperationalError as error:
        raise StoreError("store-unusable", f"{path}: {error}", amiss(path) or _ADVICE) from error
    except driver.DatabaseError as error:
        raise StoreError("store-unusable", f"{path}: {error}", _ADVICE) from error
    except OSError as error:
        raise StoreError("store-unusable", f"{path}: {error.strerror or error}", _ADVICE) from error
    return connection


def _read_only(path: Path) -> driver.Connection:
    try:
        return _checked(driver.connect(str(path), read_only=True), path)
    except driver.OperationalError:
        if not is_alone(path):
            raise
        return _checked(driver.connect(str(path), alone=True), path)


def _no_store(path: Path) -> UsageError:
    return UsageError("no-store", f"there is no trace store at {path}", "play a run first: choreo run SPEC")


def _create(path: Path) -> None:
    """Make the file beside its place and link it in whole, so that nobody ever meets half a store."""
    if path.is_symlink():
        raise StoreError(
            "store-unusable", f"{path} is a link that leads nowhere", "remove the link or name another file"
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        connection = driver.connect(str(fresh))
        connection.execute("BEGIN IMMEDIATE")
        migrate(connection)
        connection.execute("COMMIT")
        if driver.wal_is_safe():
            connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
        sync(fresh)
        try:
            os.link(fresh, path)
        except FileExistsError:
            return  # another process was quicker: its store is as good
        sync(path.parent)
    finally:
        for rest in ("", "-wal", "-shm", "-journal"):
            fresh.with_name(fresh.name + rest).unlink(missing_ok=True)


def _bring_up(path: Path) -> None:
    """Refuse what cannot be opened; upgrade what an older choreo wrote, with a copy beside it first."""
    if check_header(path) < VERSION:
        upgrade(path)


def check_header(path: Path) -> int:
    """Refuse what is not ours before SQLite opens it: a look at the first hundred bytes changes nothing.

    Gives the store's version. Raises StoreError.
    """
    if not path.is_file():
        raise StoreError("store-foreign", f"{path} is not a plain file", _ADVICE)
    head = first_bytes(path, 100)
    # In this order: whoever closes the log meanwhile has written the whole file before it is gone.
    logged = path.with_name(path.name + "-wal").exists()
    size = path.stat().st_size
    if len(head) < 100:
        raise StoreError("store-damaged", f"{path} has {size} bytes: not a trace store", _ADVICE)
    if not head.startswith(b"SQLite format 3\0"):
        raise StoreError("store-foreign", f"{path} is not an SQLite file", _ADVICE)
    version, application = struct.unpack(">I", head[60:64])[0], struct.unpack(">I", head[68:72])[0]
    if application != APPLICATION_ID:
        raise StoreError("store-foreign", f"{path} is an SQLite file, but not a trace store of choreo", _ADVICE)
    if version > VERSION:
        raise _newer(path, version)
    page = struct.unpack(">H", head[16:18])[0]
    pages = struct.unpack(">I", head[28:32])[0]
    page = 65536 if page == 1 else page
    if size % page or (size < pages * page and not logged):
        raise StoreError("store-damaged", f"{path} is cut short: {size} bytes of {pages * page}", _ADVICE)
    return int(version)


def _checked(connection: driver.Connection, path: Path) -> driver.Connection:
    try:
        _check_content(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_content(connection: driver.Connection, path: Path) -> None:
    found = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    version = version_of(connection)
    if version > VERSION:
        raise _newer(path, version)
    missing = [name for name in tables_of(version) if name not in found]
    if missing:
        raise StoreError("store-damaged", f"{path} lacks the table {', '.join(missing)}", _ADVICE)
    if path.stat().st_size <= _SMALL:
        said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if said != "ok":
            raise StoreError("store-damaged", f"{path}: {said}", _ADVICE)


def _newer(path: Path, version: int) -> StoreError:
    message = f"{path} was written by a newer choreo (store version {version}, this one knows {VERSION})"
    return StoreError("store-newer", message, "upgrade choreo, or name another file with --db")

"""The traceback of a bug goes to a file, never to the terminal: it may hold payloads or secrets."""

from __future__ import annotations

import os
import tempfile
import time
import traceback

from choreo.errors import UsageError
from choreo.players import redact
from choreo.store.place import find_store, log_folder


def keep_traceback(error: BaseException, db: str | None) -> str:
    """Write the traceback, secrets redacted, to the log folder (or a temporary file); gives its place, in words."""
    text = redact.text("".join(traceback.format_exception(error)))
    for kept in (_in_log, _in_temporary):
        try:
            path, handle = kept(db)
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except (OSError, UsageError):  # no room in one place may be left in the other
            continue
        return path
    return "what is said here: there is no room to keep the rest"


def _in_log(db: str | None) -> tuple[str, int]:
    name = time.strftime("bug-%Y%m%d-%H%M%S", time.gmtime()) + f"-{os.getpid()}.txt"
    folder = log_folder(find_store(db))
    if not folder.parent.is_dir():
        raise FileNotFoundError(folder)
    folder.mkdir(mode=0o700, exist_ok=True)
    path = str(folder / name)
    return path, os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)


def _in_temporary(db: str | None) -> tuple[str, int]:
    del db
    handle, path = tempfile.mkstemp(prefix="choreo-", suffix=".txt")
    return path, handle

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
    """Write the traceback, secrets redacted, to the log folder (or a temporary file); gives the path."""
    text = redact.text("".join(traceback.format_exception(error)))
    name = time.strftime("bug-%Y%m%d-%H%M%S", time.gmtime()) + f"-{os.getpid()}.txt"
    try:
        folder = log_folder(find_store(db))
        if not folder.parent.is_dir():
            raise FileNotFoundError(folder)
        folder.mkdir(mode=0o700, exist_ok=True)
        path = str(folder / name)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except (OSError, UsageError):
        handle, path = tempfile.mkstemp(prefix="choreo-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return path

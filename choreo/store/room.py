"""Why a store cannot be opened or written, as far as the machine tells: what stands in the way, how much is free."""

from __future__ import annotations

import os
from pathlib import Path

from choreo.errors import NoHandles


def amiss(path: Path) -> str | None:
    """What keeps everything from being written beside `path`, in words; None where nothing does."""
    folder = _nearest(path.parent)
    try:
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return f"{folder} is on a file system that is read-only"
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return NoHandles().message if NoHandles.is_behind(error) else None
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"nothing may be written in {folder}"
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return f"{path} may not be written"
    return None


def advice(path: Path) -> str:
    """What to do about a store that cannot be opened or made."""
    found = amiss(path)
    if found is not None:
        return f"{found}; change that, or name another file with --db"
    try:
        where = os.statvfs(_nearest(path.parent))
    except OSError:
        return "it was left as it is; name another file with --db"
    free = where.f_bavail * where.f_frsize
    return f"{free:,} bytes are free there; free some space or name another file with --db"


def _nearest(folder: Path) -> Path:
    """The folder, or where it is not there yet the one that it would be made in."""
    folder = folder.absolute()
    return next((one for one in (folder, *folder.parents) if one.is_dir()), folder)

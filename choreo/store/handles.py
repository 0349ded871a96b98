"""Handles through which this process looks at the bytes of store files beside SQLite.

The locks of a process on a file (POSIX) are gone as soon as it closes any handle to it. So a file of an open store is
never opened and closed for a look: one handle is kept until no store of this process has the file open.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

Identity = tuple[int, int]


@dataclass
class _Kept:
    handle: int
    users: int


_kept: dict[Identity, _Kept] = {}


def keep(name: str) -> tuple[int, Identity]:
    """A handle to look through, shared by all that keep the file open here. Raises OSError."""
    found = os.stat(name)
    identity = found.st_dev, found.st_ino
    kept = _kept.get(identity)
    if kept is None:
        handle = _open(name)
        kept = _kept.setdefault(identity, _Kept(handle, 0))
    kept.users += 1
    return kept.handle, identity


def _open(name: str) -> int:
    """To read without a trace: a new time of access would have to be written with the next sync of the file."""
    try:
        return os.open(name, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # the time of access may be left as it is in one's own files only
        return os.open(name, os.O_RDONLY | os.O_CLOEXEC)


def let_go(identity: Identity) -> None:
    """The opposite of `keep`: to be called when SQLite has closed the file."""
    kept = _kept[identity]
    kept.users -= 1
    if not kept.users:
        del _kept[identity]
        os.close(kept.handle)


def place_of(handle: int) -> tuple[str | None, str]:
    """(link, place): a link that tells at any time where the file lies that a handle is open to, or that its name is
    gone, and what it says now. Where the system has none, the link is None.

    `stat` would tell, too, at a price: Linux (6.13 and later) then stamps the file's next change with a time of its
    own, and each sync of the file has to write the file system's journal as well.
    """
    link = f"/proc/self/fd/{handle}"
    try:
        return link, os.readlink(link)
    except OSError:
        return None, ""


def first_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file that may be open here. Raises OSError."""
    found = os.stat(path)
    kept = _kept.get((found.st_dev, found.st_ino))
    if kept is not None:
        return os.pread(kept.handle, count, 0)
    with path.open("rb") as file:
        return file.read(count)

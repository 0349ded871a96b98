"""The files of an open store: whether they are still those that were opened, and how much room there is beside them."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from choreo.errors import StoreError

ANSWER = 262_144
"""Bytes that must be free for each paid call in flight, so that what it brings back can be kept."""
_PARTS = ("", "-wal", "-shm")


class Files:
    """The store's file and, where SQLite keeps any beside it, its log and the index of that. Made once it is open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._process, self._thread = os.getpid(), threading.get_ident()
        self._in_flight = 0
        found = ((f"{path}{part}", _identity(f"{path}{part}")) for part in _PARTS)
        self._opened = [(name, identity) for name, identity in found if identity is not None]

    def check(self) -> None:
        """Raises StoreError where a file was deleted, renamed or replaced: SQLite would write on into one without a
        name, and what is in it would be gone with this process. Three `stat` calls: to be asked after each commit."""
        for name, identity in self._opened:
            if _identity(name) != identity:
                message = (
                    f"{name} was deleted, moved or replaced while it was in use: what is written now would be lost"
                )
                help = (
                    "put that very file back, then resume the run; before a backup goes in its place, move "
                    f"{self.path.name}-wal and {self.path.name}-shm away"
                )
                raise StoreError("store-replaced", message, help)

    def must_be_ours(self) -> None:
        """Raises StoreError in a forked child (a connection that two processes use damages the store) and in a thread
        that did not open the store."""
        if os.getpid() != self._process:
            message = f"{self.path} was opened by process {self._process}, and this is a forked child of it"
            raise StoreError("store-forked", message, "open the store anew in the child")
        if threading.get_ident() != self._thread:
            message = f"{self.path} was opened by another thread: two that use one connection mix up their transactions"
            raise StoreError("store-thread", message, "open the store anew in the thread")

    @contextmanager
    def room_for_answer(self) -> Iterator[None]:
        """Around a paid call. Raises StoreError, before it is made, where there is no room to keep its answer."""
        self._in_flight += 1
        try:
            self.check_room()
            yield
        finally:
            self._in_flight -= 1

    def check_room(self) -> None:
        """Raises StoreError where less is free than the calls in flight may need."""
        free, needed = self._writable(), self._in_flight * ANSWER
        if free is not None and free < needed:
            message = f"{self.path}: {free:,} bytes can be written, {needed:,} are needed before a model is called"
            raise StoreError("store-full", message + ": no call was made", "free some space, then resume the run")

    def free(self) -> str:
        """What is free, in words."""
        free = self._writable()
        return "how much is free is not known" if free is None else f"{free:,} bytes can be written"

    def _writable(self) -> int | None:
        try:
            return min(shutil.disk_usage(self.path.parent).free, *self._allowed())
        except OSError:
            return None

    def _allowed(self) -> Iterator[int]:
        """How far each file may still grow (`ulimit -f`)."""
        try:
            import resource  # not on every platform

            most = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
            limited = most != resource.RLIM_INFINITY
        except ImportError:
            limited = False
        names = [name for name, _ in self._opened] if limited else []
        yield from (most - os.path.getsize(name) for name in names)
        yield 2**62


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def left_behind(path: Path) -> Path | None:
    """A log of a store that is not there any more. SQLite would play it into whatever is made in its place."""
    for part in ("-wal", "-journal"):
        rest = path.with_name(path.name + part)
        if rest.exists() and rest.stat().st_size and not path.exists():
            return rest
    return None

"""The files of an open store: whether they are what SQLite made of them, and how much room there is beside them."""

from __future__ import annotations

import math
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from choreo.errors import NoRoom, StoreError
from choreo.store.contents import Contents
from choreo.store.handles import Identity, keep, let_go, place_of
from choreo.store.room import amiss

ANSWER = 262_144
"""Bytes that must be free for each paid call in flight, so that what it brings back can be kept."""
_PARTS = ("", "-wal", "-shm")
_SHORTLY = 0.01
"""Seconds for which a look at the names of the files counts for what is begun then, too."""


_forks = 0
"""How many forks this process is away from the first. Asked at each write, where the system's word would cost more."""


def _count_fork() -> None:
    global _forks  # noqa: PLW0603 - a forked child has no other way to know
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)


class Files:
    """The store's file and, where SQLite keeps any beside it, its log and the index of that. Made once it is open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._process, self._thread, self._forks = os.getpid(), threading.get_ident(), _forks
        self._in_flight = 0
        self._looked = -math.inf
        found = {part: keep(f"{path}{part}") for part in _PARTS if os.path.exists(f"{path}{part}")}
        self._opened = [
            _Opened(f"{path}{part}", identity, *place_of(handle)) for part, (handle, identity) in found.items()
        ]
        self.identity = self._opened[0].identity
        self._kept = [identity for _, identity in found.values()]
        handles = {part: handle for part, (handle, _) in found.items()}
        self.contents = Contents(handles[""], handles.get("-wal"), handles.get("-shm"))
        self.spoilt: StoreError | None = None
        """Set once a file is not what it was: nothing is written any more, not even at the end."""

    def let_go(self) -> None:
        """To be called when SQLite has closed the files."""
        while self._kept:
            let_go(self._kept.pop())

    def check(self) -> None:
        """Raises StoreError where a file was deleted, renamed or replaced (SQLite would write on into one without a
        name, and what is in it would be gone with this process), or where other bytes were put into one.

        A look at three names and two short reads: to be asked after each commit, and (`check_before`) before it."""
        if self.spoilt is None:
            self.spoilt = self._overwritten() or self._nameless()
        if self.spoilt is not None:
            raise self.spoilt

    def check_before(self) -> None:
        """`check`, but for the names where these were looked at just now: they are looked at again afterwards."""
        if time.monotonic() - self._looked > _SHORTLY:
            self.check()
        elif self.spoilt is None:
            self.spoilt = self._overwritten()
        if self.spoilt is not None:
            raise self.spoilt

    def _overwritten(self) -> StoreError | None:
        whole = self.contents.changed()
        if whole:
            return self._not_whole(f"{self.path}{'' if whole == 'store' else whole}", "overwritten")
        return None

    def _nameless(self) -> StoreError | None:
        self._looked = time.monotonic()
        for name, identity, link, place in self._opened:
            same = _identity(name) == identity if link is None else os.readlink(link) == place
            if not same:
                return self._not_whole(name, "deleted, moved or replaced")
        return None

    def _not_whole(self, name: str, how: str) -> StoreError:
        message = f"{name} was {how} while it was in use: what is written now would be lost"
        logs = f"{self.path.name}-wal and {self.path.name}-shm away"
        help = f"put that very file back, then resume the run; before a backup goes in its place, move {logs}"
        if how == "overwritten":
            help = f"before anything opens it again, move {logs}: they belong to what was there"
        return StoreError("store-replaced", message, help)

    def must_be_ours(self) -> None:
        """Raises StoreError in a forked child (a connection that two processes use damages the store) and in a thread
        that did not open the store."""
        if _forks != self._forks:
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
            raise NoRoom("store-full", message + ": no call was made", "free some space, then: choreo resume last")

    def free(self) -> str:
        """What stands in the way, or how much is free, in words."""
        found = amiss(self.path)
        if found is not None:
            return found
        free = self._writable()
        return "how much is free is not known" if free is None else f"{free:,} bytes can be written"

    def _writable(self) -> int | None:
        try:
            if os.statvfs(self.path.parent).f_flag & os.ST_RDONLY:
                return 0
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
        names = [opened.name for opened in self._opened] if limited else []
        yield from (most - os.path.getsize(name) for name in names)
        yield 2**62


class _Opened(NamedTuple):
    """A file as it was when it was opened: its name, what it is, and where it was said to lie (`place_of`)."""

    name: str
    identity: Identity
    link: str | None
    place: str


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_alone(path: Path) -> bool:
    """Whether a store can be read without its log. On a full disk, or one that is read-only, SQLite cannot make the
    file in which readers and writers of a log meet; where there is no log, nobody is there to be met."""
    log = path.with_name(path.name + "-wal")
    return not (log.exists() and log.stat().st_size)


def left_behind(path: Path) -> Path | None:
    """A log of a store that is not there any more. SQLite would play it into whatever is made in its place."""
    for part in ("-wal", "-journal"):
        rest = path.with_name(path.name + part)
        if rest.exists() and rest.stat().st_size and not path.exists():
            return rest
    return None

"""Where the results of a batch go: a file, a pipe or a terminal, a line for each input as it ends."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from io import FileIO
from typing import TYPE_CHECKING

from choreo.errors import ChoreoError, UsageError

if TYPE_CHECKING:
    from choreo.commands.processes import Lock

_LOOK = 0.001
"""Seconds between two looks at whether another process has written its line."""


class CannotWrite(ChoreoError):
    """Results cannot be written any more. What was played is on record."""


class Results:
    """Written to by every process of a batch; no line of one comes to stand in one of another."""

    def __init__(self, name: str, processes: int = 1) -> None:
        """Write the file anew. Raises UsageError."""
        self._name = name
        self._lock: Lock | None = None
        try:
            self._file = FileIO(name, "w", opener=lambda path, flags: os.open(path, flags | os.O_APPEND, 0o666))
        except OSError as error:
            told = f"cannot write `{name}`: {error.strerror or error}"
            raise UsageError("cannot-write", told, "check the path") from error
        if processes > 1 and not stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
            from choreo.commands.processes import Lock  # what it is made of is not on every platform

            self._lock = Lock()

    def write(self, line: str) -> None:
        """In one piece. Raises CannotWrite."""
        try:
            with self._alone():
                self._append(line.encode("utf-8", "backslashreplace"))
        except OSError as error:
            told = f"the results cannot be written to `{self._name}`: {error.strerror or error}"
            help = "what was played is on record: where they can be written, the same command goes on"
            raise CannotWrite("cannot-write", told, help) from error

    def close(self) -> None:
        self._file.close()
        if self._lock is not None:
            self._lock.close()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """A file takes a line whole, a pipe only a short one: there the processes take turns."""
        if self._lock is not None:
            while not self._lock.take_now():  # to wait for it could look like a deadlock to the system
                time.sleep(_LOOK)
        try:
            yield
        finally:
            if self._lock is not None:
                self._lock.give()

    def _append(self, left: bytes) -> None:
        while left:
            written = self._file.write(left)
            left = left[written or 0 :]
            if written is None:  # a pipe that is full, and does not wait
                time.sleep(0.01)
